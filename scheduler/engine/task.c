#include "scheduler/engine/task.h"

#include <stdint.h>

/* The columns of the table in the header: the five states that aren't ends, then all the ends alike. */
#define COLUMNS (TASK_SUCCEEDED + 1)

#define Y         TASK_STAYS
#define N         TASK_NEVER
#define TO(state) TASK_##state
static const int8_t table[TASK_EVENTS][COLUMNS] = {
    /*                     waiting            starting        running         stopping        unreachable     ended */
    [TASK_ON_BEGIN] = {TO(STARTING), N, N, N, N, N},
    [TASK_ON_STARTED] = {N, TO(RUNNING), Y, Y, Y, Y},
    [TASK_ON_STOP] = {N, TO(STOPPING), TO(STOPPING), Y, Y, N},
    [TASK_ON_SILENT] = {N, TO(UNREACHABLE), TO(UNREACHABLE), TO(UNREACHABLE), Y, Y},
    [TASK_ON_BACK_STARTING] = {N, Y, Y, N, TO(STARTING), Y},
    [TASK_ON_BACK_RUNNING] = {N, Y, Y, N, TO(RUNNING), Y},
    [TASK_ON_BACK_STOPPING] = {N, N, N, Y, TO(STOPPING), Y},
    [TASK_ON_RETRY] = {N, TO(WAITING), TO(WAITING), TO(WAITING), TO(WAITING), N},
    [TASK_ON_SUCCEED] = {N, TO(SUCCEEDED), TO(SUCCEEDED), TO(SUCCEEDED), TO(SUCCEEDED), N},
    [TASK_ON_FAIL] = {TO(FAILED), TO(FAILED), TO(FAILED), TO(FAILED), TO(FAILED), N},
    [TASK_ON_TIME_OUT] = {N, TO(TIMED_OUT), TO(TIMED_OUT), TO(TIMED_OUT), TO(TIMED_OUT), N},
    [TASK_ON_LOSE] = {N, TO(LOST), TO(LOST), TO(LOST), TO(LOST), N},
    [TASK_ON_CANCEL] = {TO(CANCELLED), TO(CANCELLED), TO(CANCELLED), TO(CANCELLED), TO(CANCELLED), N},
    [TASK_ON_SKIP] = {TO(SKIPPED), TO(SKIPPED), TO(SKIPPED), TO(SKIPPED), TO(SKIPPED), N},
    [TASK_ON_BLOCK] = {TO(UPSTREAM_FAILED), N, N, N, N, N},
    [TASK_ON_REOPEN] = {Y, N, N, N, N, TO(WAITING)},
    [TASK_ON_MARK_SUCCEEDED] = {TO(SUCCEEDED), N, N, N, N, TO(SUCCEEDED)},
    [TASK_ON_MARK_SKIPPED] = {TO(SKIPPED), N, N, N, N, TO(SKIPPED)},
};

int task_next(enum task_state state, enum task_event event) {
  return table[event][task_state_ended(state) ? TASK_SUCCEEDED : state];
}
