#include "scheduler/engine/report.h"

#include <assert.h>
#include <string.h>

#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/scope_view.h"
#include "scheduler/engine/timer.h"
#include "scheduler/spec/outputs.h"

#define SIGNAL_BASE 128
#define SIGNAL_MAX  64

#define FENCED_AT_ONCE 3 /* so many in a row are tried again without a delay */
#define RESUME_LEAST   USEC_PER_MIN

void report_end(struct attempt *a, enum task_state state, int status, const char *reason) {
  struct instance *i = a->instance;
  bool told = a->row.stop_asked;
  attempt_close(a, state, reason);
  i->started_at = a->row.started_at;
  instance_ended(i, state, status, reason, told);
}

/* ---- outputs ---- */

void outputs_keep(struct instance *i, int64_t attempt, const struct output_value *values, size_t len, bool count) {
  struct live_run *r = i->run;
  const struct task_spec *t = instance_task(i);
  struct value *declared = NULL;
  if (count) {
    declared = arena_new_array(&r->arena, t->outputs_len + 1, struct value);
    for (size_t k = 0; k < t->outputs_len; k++) declared[k] = value_null();
    i->outputs = declared;
    i->output_attempt = attempt;
  }
  for (size_t k = 0; k < len; k++) {
    emit_output(r->engine, attempt, values[k].name, &values[k].value);
    if (count && values[k].index >= 0) declared[values[k].index] = value_copy(&r->arena, &values[k].value);
  }
}

/* True if all is well with them; else *message says what isn't. */
static bool take_outputs(struct attempt *a, const struct engine_report *r, bool success, const char **message) {
  struct instance *i = a->instance;
  const struct task_spec *t = instance_task(i);
  if (r->output_error) {
    *message = r->output_error;
    return false;
  }
  if (!r->output_len && (!success || !t->outputs_len)) {
    if (success) outputs_keep(i, a->row.key, NULL, 0, true);
    return true;
  }
  struct output_value *values = NULL;
  size_t len = 0;
  if (outputs_parse(t, r->output ? r->output : "", r->output_len, success, &a->run->engine->scratch, &values, &len,
                    message))
    return false;
  outputs_keep(i, a->row.key, values, len, success || t->allow_failure);
  return true;
}

/* ---- ends ---- */

/* What the supervisor noted stands with what the end itself says: that output was lost, that processes were left. */
static const char *noted(struct attempt *a, const struct engine_report *r, const char *reason) {
  return r->text ? arena_fmt(&a->run->engine->scratch, "%s; %s", reason, r->text) : reason;
}

static void exited(struct attempt *a, const struct engine_report *r) {
  struct engine *e = a->run->engine;
  const char *message = NULL;
  if (r->status == 0 && r->fault) {
    take_outputs(a, r, false, &message);
    report_end(a, TASK_FAILED, STATUS_NONE, r->fault);
    return;
  }
  if (r->status == 0) {
    if (!take_outputs(a, r, true, &message)) {
      report_end(a, TASK_FAILED, STATUS_NONE, message);
      return;
    }
    if (a->row.started_at != INSTANT_NONE && a->row.ended_at != INSTANT_NONE)
      stat_add(e, a->run->entry, instance_task(a->instance)->name, a->row.ended_at - a->row.started_at);
    report_end(a, TASK_SUCCEEDED, 0, r->text);
    return;
  }
  take_outputs(a, r, false, &message);
  if (r->status == EXIT_SKIP) {
    report_end(a, TASK_SKIPPED, r->status, "it chose to skip (exit status 99)");
    return;
  }
  const char *reason = a->row.signal
                           ? arena_fmt(&e->scratch, "killed by signal %d (exit status %d)", a->row.signal, r->status)
                       : r->status == EXIT_CONFIG ? "exit status 78: a configuration error, not retried"
                                                  : arena_fmt(&e->scratch, "exit status %d", r->status);
  report_end(a, TASK_FAILED, r->status, noted(a, r, reason));
}

static void on_ended(struct attempt *a, const struct engine_report *r) {
  const char *message;
  a->row.unreachable_at = INSTANT_NONE;
  attempt_ran(a);
  if (r->started_at != INSTANT_NONE) a->row.started_at = r->started_at;
  a->row.ended_at = r->ended_at;
  a->row.exit_code = r->status;
  a->row.cpu_us = r->cpu_us;
  a->row.max_rss_kb = r->max_rss_kb;
  a->row.log_bytes = r->log_bytes;
  if (r->status > SIGNAL_BASE && r->status <= SIGNAL_BASE + SIGNAL_MAX) a->row.signal = r->status - SIGNAL_BASE;
  switch (r->end) {
  case ENGINE_END_EXITED: exited(a, r); break;
  case ENGINE_END_TIMED_OUT:
    take_outputs(a, r, false, &message);
    report_end(a, TASK_TIMED_OUT, STATUS_NONE, r->text ? r->text : "its time was over");
    break;
  case ENGINE_END_STOPPED:
    take_outputs(a, r, false, &message);
    if (a->row.stop_asked)
      report_end(a, TASK_CANCELLED, STATUS_NONE, a->stop_reason);
    else
      report_end(a, TASK_LOST, STATUS_NONE, r->text ? r->text : "it was stopped from outside");
    break;
  case ENGINE_END_LAUNCH_FAILED:
    report_end(a, TASK_FAILED, STATUS_NONE, r->text ? r->text : "it could not be launched");
    break;
  }
}

/* The rows are those of a backup, so it may have run, ended and been followed by others after they were written. */
static bool unsure(const struct attempt *a) {
  return a->row.created_at <= a->run->engine->restored_at && !a->row.stop_asked;
}

static void end_unsure(struct attempt *a, const char *text) {
  struct instance *i = a->instance;
  const char *reason = arena_fmt(&a->run->engine->scratch,
                                 "%s; the backup doesn't know what became of it, so it isn't tried again by itself: "
                                 "`rota restore --list`",
                                 text);
  a->row.unreachable_at = INSTANT_NONE;
  attempt_close(a, TASK_LOST, reason);
  i->started_at = a->row.started_at;
  instance_ended(i, TASK_LOST, STATUS_NONE, reason, true);
}

static void on_lost(struct attempt *a, const struct engine_report *r) {
  const char *reason = r->text ? r->text : "it is gone without a result";
  if (unsure(a)) {
    end_unsure(a, reason);
    return;
  }
  a->row.unreachable_at = INSTANT_NONE;
  attempt_ran(a);
  if (a->row.stop_asked)
    report_end(a, TASK_CANCELLED, STATUS_NONE, a->stop_reason);
  else
    report_end(a, TASK_LOST, STATUS_NONE, reason);
}

/* ---- on the way ---- */

static void on_accepted(struct attempt *a, const struct engine_report *r) {
  text_set(&a->reason, r->text);
  mark_attempt(a);
  text_set(&a->instance->reason, r->text);
  mark_task(a->instance);
}

static void stop_again(struct attempt *a) {
  struct engine *e = a->run->engine;
  struct decision d = {.kind = DECISION_STOP};
  d.stop.host = arena_strdup(&e->out->arena, a->host->name);
  d.stop.attempt_id = arena_strdup(&e->out->arena, a->row.id.text);
  d.stop.now = a->row.stop_now;
  vec_push(&e->out->decisions, d);
}

static void back(struct attempt *a) {
  timer_stop(a->run->engine, &a->silent);
  a->row.unreachable_at = INSTANT_NONE;
  a->overdue = false;
  if (a->instance->state != TASK_UNREACHABLE) return;
  enum task_event event = a->row.stop_asked                   ? TASK_ON_BACK_STOPPING
                          : a->row.started_at == INSTANT_NONE ? TASK_ON_BACK_STARTING
                                                              : TASK_ON_BACK_RUNNING;
  instance_move(a->instance, event, "its host answers again");
  a->row.state = a->instance->state;
  mark_attempt(a);
}

static void on_started(struct attempt *a, const struct engine_report *r) {
  timer_stop(a->run->engine, &a->again);
  a->doubtful = false;
  if (a->row.started_at == INSTANT_NONE)
    a->row.started_at = r->started_at != INSTANT_NONE ? r->started_at : a->run->engine->now.wall;
  if (r->pid) a->row.pid = r->pid;
  a->instance->started_at = a->row.started_at;
  attempt_ran(a);
  a->instance->fenced = 0;
  back(a);
  const char *note = a->begin_note;
  text_set(&a->reason, note);
  instance_move(a->instance, TASK_ON_STARTED, a->instance->state == TASK_STOPPING ? a->stop_reason : note);
  a->row.state = a->instance->state;
  mark_attempt(a);
  /* A stop that was decided before may not have found a process yet. */
  if (a->row.stop_asked) stop_again(a);
}

/* The same attempt once more, unless it isn't wanted any more or its host was closed since: then another place may be
 * better. */
static void try_again(struct attempt *a) {
  struct engine *e = a->run->engine;
  const char *message;
  bool open = host_open(a->host);
  if (a->doubtful && (a->row.stop_asked || !open)) {
    attempt_fence(a);
    return;
  }
  if (!open) {
    struct buf why = {0};
    host_explain(e, a->host, &why);
    report_fenced(a, arena_fmt(&e->scratch, "it was kept from starting: %s", buf_cstr(&why)));
    buf_release(&why);
    return;
  }
  if (!attempt_send(a, &message)) return;
  if (a->doubtful)
    attempt_fence(a); /* it isn't over before it is known that nobody runs it; then it can't be begun either */
  else
    report_end(a, TASK_FAILED, STATUS_NONE, arena_strdup(&e->scratch, message));
}

/* No process was made. That uses no budget: the same attempt is started again, as often as it takes. */
static void on_not_started(struct attempt *a, const struct engine_report *r) {
  if (r->doubtful && a->row.started_at == INSTANT_NONE) a->doubtful = true;
  if (unsure(a)) {
    end_unsure(a, r->text ? r->text : "there is nothing of it");
  } else if (a->row.started_at != INSTANT_NONE) {
    on_lost(a, r); /* it did start: what told of it is gone, and the same attempt must not run again */
  } else if (a->row.stop_asked && !(a->doubtful && r->again)) {
    report_end(a, TASK_CANCELLED, STATUS_NONE, a->stop_reason);
  } else if (!r->again) {
    report_end(a, TASK_FAILED, STATUS_NONE, r->text ? r->text : "it could not be started");
  } else if (!a->sent) {
    try_again(a); /* decided before a restart, and nothing was done about it */
  } else {
    text_set(&a->reason, r->text);
    text_set(&a->instance->reason, r->text);
    mark_attempt(a);
    mark_task(a->instance);
    timer_set(a->run->engine, &a->again, TIMER_AGAIN, retry_again(++a->tries));
  }
}

void report_again(struct attempt *a) {
  try_again(a);
}

void report_fenced(struct attempt *a, const char *reason) {
  struct instance *i = a->instance;
  struct engine *e = a->run->engine;
  bool told = a->row.stop_asked;
  attempt_close(a, told ? TASK_CANCELLED : TASK_LOST, reason);
  if (told) {
    instance_move(i, TASK_ON_CANCEL, reason);
    return;
  }
  instance_move(i, TASK_ON_RETRY, reason);
  /* A place that turns everything away isn't asked as fast as it answers. */
  if (++i->fenced < FENCED_AT_ONCE) {
    instance_ready(i);
    return;
  }
  duration delay = retry_again(i->fenced - FENCED_AT_ONCE + 1);
  i->not_before = e->now.wall + delay;
  i->wait = WAIT_RETRY;
  timer_set(e, &i->retry, TIMER_RETRY, delay);
}

static void on_fenced(struct attempt *a, const struct engine_report *r) {
  if (unsure(a)) {
    end_unsure(a, r->text ? r->text : "it was kept from starting");
    return;
  }
  report_fenced(a, a->row.stop_asked ? a->stop_reason : r->text ? r->text : "it was kept from starting");
}

/* ---- silence ---- */

/* How long it may be silent before something is to be done or said; false if that is for ever. */
static bool silence_allowed(struct attempt *a, duration *after) {
  const struct task_spec *t = instance_task(a->instance);
  struct scope scope;
  const char *message;
  if (!t->unreachable_after) return false;
  scope_of_instance(a->instance, &scope);
  return setting_duration(t->unreachable_after, &scope, &a->run->engine->scratch, 0, after, &message) == 0;
}

static void say(struct attempt *a, const char *reason) {
  text_set(&a->instance->reason, reason);
  mark_task(a->instance);
}

static void on_unreachable(struct attempt *a, const struct engine_report *r) {
  struct instance *i = a->instance;
  struct engine *e = i->run->engine;
  const char *reason = r->text ? r->text : "its host doesn't answer";
  if (i->state == TASK_UNREACHABLE) {
    if (r->text && !a->overdue) say(a, reason);
    return;
  }
  instance_move(i, TASK_ON_SILENT, reason);
  a->row.state = TASK_UNREACHABLE;
  a->row.unreachable_at = e->now.wall;
  mark_attempt(a);
  duration after;
  if (silence_allowed(a, &after)) timer_set(e, &a->silent, TIMER_SILENT, after);
}

/* A host gets the time to answer before what was over while the daemon was away is held against it. */
void report_resume(struct attempt *a) {
  struct engine *e = a->run->engine;
  duration after;
  if (a->instance->state != TASK_UNREACHABLE || !silence_allowed(a, &after)) return;
  duration least = after < RESUME_LEAST ? after : RESUME_LEAST, left = after;
  if (a->row.unreachable_at != INSTANT_NONE) left = a->row.unreachable_at + after - e->now.wall;
  timer_set(e, &a->silent, TIMER_SILENT, left < least ? least : left > after ? after : left);
}

static void silent_too_long(struct attempt *a, const char *after) {
  struct engine *e = a->run->engine;
  struct instance *i = a->instance;
  struct host *h = a->host;
  attempt_give_up(a,
                  arena_fmt(&e->scratch, "%s was silent for %s, after which it is given up; it may still run there",
                            h->name, after),
                  true);
  if (i->state == TASK_WAITING) run_twice(i, h);
}

void report_silent(struct attempt *a) {
  struct engine *e = a->run->engine;
  char after[DURATION_TEXT_SIZE] = "";
  duration allowed = 0;
  if (silence_allowed(a, &allowed)) duration_format(allowed, after);
  if (instance_task(a->instance)->unreachable_then == UNREACHABLE_RETRY) {
    silent_too_long(a, after);
    return;
  }
  a->overdue = true;
  const char *reason = arena_fmt(
      &e->scratch,
      "%s has been silent for more than %s, and the task is to wait: `rota hosts down %s` or "
      "`rota cancel --abandon` gives it up",
      a->host->name, after, a->host->name);
  say(a, reason);
  emit_host_event(e, a->host, a->run, a->instance, "silent", reason);
}

static void on_reachable(struct attempt *a, const struct engine_report *r) {
  (void)r;
  back(a);
}

static void on_cleared(struct attempt *a, const struct engine_report *r) {
  (void)a, (void)r; /* a live attempt was never given up */
}

void report_take(struct engine *e, const struct engine_report *r) {
  static void (*const handlers[])(struct attempt *, const struct engine_report *) = {
      [ENGINE_REPORT_ACCEPTED] = on_accepted,
      [ENGINE_REPORT_STARTED] = on_started,
      [ENGINE_REPORT_ENDED] = on_ended,
      [ENGINE_REPORT_LOST] = on_lost,
      [ENGINE_REPORT_NOT_STARTED] = on_not_started,
      [ENGINE_REPORT_FENCED] = on_fenced,
      [ENGINE_REPORT_UNREACHABLE] = on_unreachable,
      [ENGINE_REPORT_REACHABLE] = on_reachable,
      [ENGINE_REPORT_CLEARED] = on_cleared,
  };
  struct attempt *a = r->attempt_id ? map_get(&e->attempts_by_id, r->attempt_id) : NULL;
  if (a) {
    engine_deciding(e, a->run);
    handlers[r->kind](a, r);
  } else if (r->kind == ENGINE_REPORT_CLEARED && r->attempt_id) {
    remnant_cleared(e, r->attempt_id);
  }
}
