/* The states of a task instance and what moves it from one to the next. Everything that changes a task's state goes
 * through this table.
 *
 *   event \ state     waiting    starting   running    stopping   unreachable  ended
 *   BEGIN             starting   !          !          !          !            !
 *   STARTED           !          running    =          =          =            =
 *   STOP              !          stopping   stopping   =          =            !
 *   SILENT            !          unreach.   unreach.   unreach.   =            =
 *   BACK_STARTING     !          =          =          !          starting     =
 *   BACK_RUNNING      !          =          =          !          running      =
 *   BACK_STOPPING     !          !          !          =          stopping     =
 *   RETRY             !          waiting    waiting    waiting    waiting      !
 *   SUCCEED           !          succeeded  succeeded  succeeded  succeeded    !
 *   FAIL              failed     failed     failed     failed     failed       !
 *   TIME_OUT          !          timed_out  timed_out  timed_out  timed_out    !
 *   LOSE              !          lost       lost       lost       lost         !
 *   CANCEL            cancelled  cancelled  cancelled  cancelled  cancelled    !
 *   SKIP              skipped    skipped    skipped    skipped    skipped      !
 *   BLOCK             upstream_f !          !          !          !            !
 *   REOPEN            =          !          !          !          !            waiting
 *   MARK_SUCCEEDED    succeeded  !          !          !          !            succeeded
 *   MARK_SKIPPED      skipped    !          !          !          !            skipped
 *
 * "=" stays as it is, "!" can't happen: a bug of ours. STOP of an unreachable task stays unreachable: that it was
 * told to stop stands in its attempt.
 */
#ifndef ROTA_ENGINE_TASK_H
#define ROTA_ENGINE_TASK_H

#include "scheduler/engine/states.h"

#define TASK_EVENT_LIST(X)                                                                                           \
  X(BEGIN)                                                                                                           \
  X(STARTED)                                                                                                         \
  X(STOP)                                                                                                            \
  X(SILENT)                                                                                                          \
  X(BACK_STARTING)                                                                                                   \
  X(BACK_RUNNING)                                                                                                    \
  X(BACK_STOPPING)                                                                                                   \
  X(RETRY)                                                                                                           \
  X(SUCCEED)                                                                                                         \
  X(FAIL)                                                                                                            \
  X(TIME_OUT)                                                                                                        \
  X(LOSE)                                                                                                            \
  X(CANCEL)                                                                                                          \
  X(SKIP)                                                                                                            \
  X(BLOCK)                                                                                                           \
  X(REOPEN)                                                                                                          \
  X(MARK_SUCCEEDED)                                                                                                  \
  X(MARK_SKIPPED)

enum task_event {
#define X(name) TASK_ON_##name,
  TASK_EVENT_LIST(X)
#undef X
};
#define TASK_EVENTS (TASK_ON_MARK_SKIPPED + 1)

#define TASK_STAYS (-1)
#define TASK_NEVER (-2)

/* The state that follows, TASK_STAYS or TASK_NEVER. */
int task_next(enum task_state state, enum task_event event);

#endif
