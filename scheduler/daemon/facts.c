#include "scheduler/daemon/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static const char *run_text(const struct names *names, int64_t key) {
  const struct run_name *name = names_run(names, key);
  return name ? name->text : NULL;
}

static void log_run(const struct names *names, const struct event_row *e) {
  char fact[64];
  snprintf(fact, sizeof fact, "run %s", e->state ? e->state : "changed");
  LOG(LOG_INFO, fact, {"run", run_text(names, e->run)}, {"reason", e->reason}, {"actor", e->actor});
}

/* Only the ends of attempts are facts for the log; the states in between are in the events of the run. */
static void log_attempt(const struct names *names, const struct attempt_row *a) {
  if (!task_state_ended(a->state)) return;
  char fact[64], code[16], number[24], task[24];
  snprintf(fact, sizeof fact, "task %s", task_state_word(a->state));
  snprintf(code, sizeof code, "%d", a->exit_code);
  snprintf(number, sizeof number, "%" PRId64, a->number);
  snprintf(task, sizeof task, "%" PRIu32, a->task);
  LOG(task_state_failure(a->state) ? LOG_WARNING : LOG_INFO, fact, {"run", run_text(names, a->run)},
      {"task", a->label ? a->label : task}, {"attempt", number}, {"host", a->host},
      {"code", a->exit_code < 0 ? NULL : code}, {"reason", a->reason});
}

/* What somebody has to do something about. */
static bool warns(const struct event_row *e) {
  static const char *const states[] = {"unreachable", "refused", "replaced"};
  if (e->kind == EVENT_ROW_CLOCK) return true;
  for (size_t i = 0; e->kind == EVENT_ROW_HOST && e->state && i < sizeof states / sizeof *states; i++)
    if (strcmp(e->state, states[i]) == 0) return true;
  return false;
}

static void log_event(const struct names *names, const struct event_row *e) {
  char fact[64];
  switch (e->kind) {
  case EVENT_ROW_TASK: return;
  case EVENT_ROW_RUN: log_run(names, e); return;
  case EVENT_ROW_ROUND:
  case EVENT_ROW_NOTE:
  case EVENT_ROW_MARK:
  case EVENT_ROW_PIPELINE:
  case EVENT_ROW_SCHEDULE:
  case EVENT_ROW_CLOCK:
  case EVENT_ROW_HOST: break;
  }
  snprintf(fact, sizeof fact, "%s%s%s", event_row_word(e->kind), e->state ? " " : "", e->state ? e->state : "");
  LOG(warns(e) ? LOG_WARNING : LOG_INFO, fact, {"pipeline", e->pipeline ? names_pipeline(names, e->pipeline) : NULL},
      {"run", e->run ? run_text(names, e->run) : NULL}, {"host", e->host}, {"reason", e->reason},
      {"actor", e->actor});
}

void facts_log(const struct names *names, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_EVENT) log_event(names, &changes[i].event);
    if (changes[i].kind == CHANGE_ATTEMPT) log_attempt(names, &changes[i].attempt);
  }
}
