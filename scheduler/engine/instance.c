#include "scheduler/engine/instance.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/scope_view.h"
#include "scheduler/engine/timer.h"

bool instance_good(const struct instance *i) {
  const struct task_spec *t = instance_task(i);
  if (i->state == TASK_SUCCEEDED) return true;
  if (!t->allow_failure) return false;
  /* Siblings that fail_fast cancelled are part of the failure that is allowed. */
  return task_state_failure(i->state) || (t->fail_fast && i->state == TASK_CANCELLED);
}

bool instance_bad(const struct instance *i) {
  return task_state_ended(i->state) && i->state != TASK_SKIPPED && !instance_good(i);
}

bool need_pairs(const struct live_run *r, uint32_t task, const struct need_spec *need) {
  return need->same && r->groups[task].count == r->groups[need->task].count;
}

bool instance_free(const struct instance *i) {
  return i->waiting_same == 0 && i->run->groups[i->group].waiting == 0;
}

/* ---- moving ---- */

void instance_move(struct instance *i, enum task_event event, const char *reason) {
  struct live_run *r = i->run;
  int next = task_next(i->state, event);
  assert(next != TASK_NEVER);
  text_set(&i->reason, reason);
  mark_task(i);
  if (next == TASK_STAYS) return;
  enum task_state from = i->state;
  if (from == TASK_WAITING) {
    ready_remove(i);
    timer_stop(r->engine, &i->retry);
  }
  i->state = (enum task_state)next;
  if (i->state != TASK_WAITING) i->wait = WAIT_NONE;
  emit_event(r->engine, EVENT_ROW_TASK, r->entry, r, i, task_state_word(i->state), reason);
  if (!task_state_ended(i->state)) {
    i->ended_at = INSTANT_NONE;
    return;
  }
  /* An attempt that ended while nobody looked has told its own time (attempt_close). */
  if (i->ended_at == INSTANT_NONE) i->ended_at = r->engine->now.wall;
  /* It may end while it waits for a retry, and the clock of the host on which it started may be ahead. */
  if (i->started_at != INSTANT_NONE && i->ended_at < i->started_at) i->ended_at = i->started_at;
  i->round = r->row.round;
  i->not_before = INSTANT_NONE;
  if (!task_state_ended(from)) run_note_end(r, i);
}

void instance_cancel(struct instance *i, const char *reason, bool now) {
  struct attempt *a = i->live;
  if (a && timer_pending(&a->again) && !a->doubtful) {
    /* There is no process, and nobody has it in hand: no report would come. */
    attempt_close(a, TASK_CANCELLED, reason);
    instance_move(i, TASK_ON_CANCEL, reason);
  } else if (a)
    attempt_stop(a, reason, now);
  else if (i->state == TASK_WAITING)
    instance_move(i, TASK_ON_CANCEL, reason);
}

/* ---- deciding ---- */

enum verdict instance_verdict(const struct instance *i, const char **who) {
  const struct live_run *r = i->run;
  const struct task_spec *t = instance_task(i);
  bool good = t->needs_len == 0;
  *who = NULL;
  for (size_t n = 0; n < t->needs_len; n++) {
    const struct group *g = &r->groups[t->needs[n].task];
    bool need_good = g->good > 0, need_bad = g->bad > 0;
    const struct instance *pair = NULL;
    if (need_pairs(r, i->group, &t->needs[n])) {
      pair = &r->instances[g->first + i->place];
      need_good = instance_good(pair);
      need_bad = instance_bad(pair);
    }
    if (need_bad) {
      *who = pair ? pair->label : r->spec->tasks[t->needs[n].task].name;
      return VERDICT_BLOCKED;
    }
    good = good || need_good;
  }
  return good ? VERDICT_RUN : VERDICT_SKIP;
}

/* Of all that it needs, directly or through others; for `finally` all of the run. */
static bool any_failure(const struct instance *i) {
  const struct live_run *r = i->run;
  const struct task_spec *t = instance_task(i);
  for (uint32_t g = 0; g < r->spec->tasks_len; g++)
    if (r->groups[g].failures && (t->finally ? !r->spec->tasks[g].finally : task_needs(t, g))) return true;
  return false;
}

static int eval_when(struct instance *i, bool success, bool *holds, const char **message) {
  struct engine *e = i->run->engine;
  struct scope scope;
  scope_of_instance(i, &scope);
  scope.success = success;
  scope.failure = any_failure(i);
  if (scope.task->finally) scope.cancelled = false;
  struct value v;
  int err = expr_eval(scope.task->when, &scope, &e->scratch, &v, message);
  if (err) {
    *message = arena_fmt(&e->scratch, "when: %s", *message);
    return err;
  }
  if (v.type != VALUE_BOOL) {
    *message = arena_fmt(&e->scratch, "when: '%s' is neither true nor false", scope.task->when_source);
    return ERR_INVALID;
  }
  *holds = v.boolean;
  return 0;
}

static void settle(struct instance *i, enum verdict verdict, const char *who) {
  struct arena *a = &i->run->engine->scratch;
  if (verdict == VERDICT_BLOCKED)
    instance_move(i, TASK_ON_BLOCK, arena_fmt(a, "it needs %s, which didn't succeed", who));
  else
    instance_move(i, TASK_ON_SKIP, "all that it needs was skipped");
}

static void decide(struct instance *i) {
  const struct task_spec *t = instance_task(i);
  const char *who = NULL, *message;
  enum verdict verdict = instance_verdict(i, &who);
  bool by_status = t->when && expr_names_status(t->when), holds = true;
  /* What runs in any case sees the run as a whole, not the tasks that it happens to come after. */
  if (t->finally)
    verdict = run_outcome(i->run) == RUN_SUCCEEDED || !t->when ? VERDICT_RUN : VERDICT_BLOCKED;
  else if (verdict != VERDICT_RUN && !by_status) {
    settle(i, verdict, who);
    return;
  }
  if (t->when && eval_when(i, verdict == VERDICT_RUN, &holds, &message)) {
    instance_move(i, TASK_ON_FAIL, message);
  } else if (!holds && verdict == VERDICT_BLOCKED && !t->finally) {
    settle(i, verdict, who);
  } else if (!holds) {
    message = arena_fmt(&i->run->engine->scratch, "its condition is false: %s", t->when_source ? t->when_source : "");
    instance_move(i, TASK_ON_SKIP, message);
  } else {
    i->decided = true;
    instance_ready(i);
  }
}

void instance_consider(struct instance *i) {
  struct live_run *r = i->run;
  if (i->state != TASK_WAITING || !instance_free(i)) return;
  if (r->row.state == RUN_QUEUED || r->preparing || run_state_ended(r->row.state)) return;
  if (instance_task(i)->finally && !r->finishing) return;
  if (!i->decided)
    decide(i);
  else if (!i->feed && !timer_pending(&i->retry))
    instance_ready(i); /* after a restart */
}

void instance_ready(struct instance *i) {
  const char *message;
  i->not_before = INSTANT_NONE;
  if (ready_add(i, &message)) {
    instance_move(i, TASK_ON_FAIL, message);
    return;
  }
  i->ready_at = i->run->engine->now.wall;
  mark_task(i);
}

void instance_retry_over(struct instance *i) {
  timer_stop(i->run->engine, &i->retry);
  if (i->state == TASK_WAITING) instance_ready(i);
}

/* ---- ending ---- */

static const enum task_event end_events[TASK_STATES] = {
    [TASK_SUCCEEDED] = TASK_ON_SUCCEED, [TASK_FAILED] = TASK_ON_FAIL,      [TASK_TIMED_OUT] = TASK_ON_TIME_OUT,
    [TASK_LOST] = TASK_ON_LOSE,         [TASK_CANCELLED] = TASK_ON_CANCEL, [TASK_SKIPPED] = TASK_ON_SKIP,
};

void instance_ended(struct instance *i, enum task_state state, int status, const char *reason, bool told) {
  struct live_run *r = i->run;
  struct engine *e = r->engine;
  duration delay;
  bool going_on = !told && !run_state_ended(r->row.state) &&
                  (r->row.state != RUN_CANCELLING || instance_task(i)->finally);
  i->fresh_state = false;
  if (!going_on || !retry_charge(i, state, status, &delay)) {
    instance_move(i, end_events[state], reason);
    return;
  }
  i->not_before = e->now.wall + delay;
  instance_move(i, TASK_ON_RETRY, reason);
  i->wait = WAIT_RETRY;
  timer_set(e, &i->retry, TIMER_RETRY, delay);
}

/* ---- finding ---- */

static struct instance *find_place(struct live_run *r, const char *text) {
  const char *colon = strrchr(text, ':');
  if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon) > 8) return NULL;
  unsigned long place = strtoul(colon + 1, NULL, 10);
  for (size_t t = 0; t < r->spec->tasks_len; t++) {
    const char *name = r->spec->tasks[t].name;
    if (strlen(name) == (size_t)(colon - text) && memcmp(name, text, strlen(name)) == 0)
      return place < r->groups[t].count ? &r->instances[r->groups[t].first + place] : NULL;
  }
  return NULL;
}

struct instance *instance_find(struct live_run *r, const char *text) {
  int task = pipeline_task(r->spec, text);
  if (task >= 0) {
    const struct group *g = &r->groups[task];
    for (uint32_t i = g->first; i < g->first + g->count; i++)
      if (!task_state_ended(r->instances[i].state)) return &r->instances[i];
    return g->count ? &r->instances[g->first] : NULL;
  }
  for (size_t i = 0; i < r->len; i++)
    if (strcmp(r->instances[i].label, text) == 0) return &r->instances[i];
  return find_place(r, text);
}
