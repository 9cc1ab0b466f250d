/* A person sets the state of a task that isn't running. What was upstream_failed because of it may go on: in a live
 * run at once, in one that has ended in a new round. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/report.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/restore.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/timer.h"
#include "scheduler/spec/outputs.h"

/* ---- its outputs ---- */

static const struct param_given *given_output(const struct engine_mark *q, const char *name) {
  for (size_t i = 0; i < q->outputs_len; i++)
    if (strcmp(q->outputs[i].name, name) == 0) return &q->outputs[i];
  return NULL;
}

/* All that is declared must be given, and nothing else. NULL if so, with *out filled; else what is wrong. */
static const char *read_outputs(const struct engine_mark *q, const struct task_spec *t, struct arena *a,
                                struct output_value **out) {
  *out = arena_new_array(a, t->outputs_len + 1, struct output_value);
  for (size_t i = 0; i < q->outputs_len; i++)
    if (task_output(t, q->outputs[i].name) < 0)
      return arena_fmt(a, "%s declares no output '%s'", t->name, q->outputs[i].name);
  for (size_t k = 0; k < t->outputs_len; k++) {
    const struct output_spec *o = &t->outputs[k];
    const struct param_given *g = given_output(q, o->name);
    if (!g) return arena_fmt(a, "%s declares the output '%s': give it a value with the mark", t->name, o->name);
    struct value v;
    const char *message;
    int err = g->text ? value_parse(a, o->type, o->items, g->text, &v, &message)
                      : value_convert(a, o->type, o->items, &g->value, &v, &message);
    if (err) return arena_fmt(a, "output %s: %s", o->name, message);
    (*out)[k] = (struct output_value){o->name, (int)k, v};
  }
  return NULL;
}

/* ---- what follows ---- */

/* Of what needs it, directly or through others, all that was upstream_failed. */
static void select_blocked(const struct live_run *r, const struct instance *marked, bool *selected) {
  for (size_t o = 0; o < r->spec->tasks_len; o++) {
    uint32_t g = r->spec->order[o];
    const struct task_spec *t = &r->spec->tasks[g];
    if (!task_needs(t, marked->group)) continue;
    for (uint32_t k = r->groups[g].first; k < r->groups[g].first + r->groups[g].count; k++)
      selected[k] = r->instances[k].state == TASK_UPSTREAM_FAILED;
  }
}

static void set_state(struct instance *i, const struct engine_mark *q, const struct output_value *outputs) {
  struct engine *e = i->run->engine;
  const struct actor *by = &q->asker.actor;
  const char *name = by->name ? by->name : by->id ? by->id : "someone";
  const char *reason = arena_fmt(&e->scratch, "marked by %s: %s", name,
                                 q->reason ? q->reason : "no reason was given");
  size_t len = instance_task(i)->outputs_len;
  if (q->state == TASK_SUCCEEDED && len) outputs_keep(i, attempt_of_mark(i, reason), outputs, len, true);
  i->marked = true;
  emit_event(e, EVENT_ROW_MARK, i->run->entry, i->run, i, task_state_word(q->state), reason);
  instance_move(i, q->state == TASK_SUCCEEDED ? TASK_ON_MARK_SUCCEEDED : TASK_ON_MARK_SKIPPED, reason);
}

static void reopen(struct live_run *r, const bool *selected) {
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k];
    if (!selected[k]) continue;
    i->decided = false;
    i->wait = WAIT_DEPENDENCIES;
    i->failures = i->losses = 0;
    i->ended_at = INSTANT_NONE;
    text_set(&i->on_asked, NULL);
    i->round = r->row.round;
    instance_move(i, TASK_ON_REOPEN, NULL);
  }
}

/* What the mark takes the ground from: it would not have been decided so with the new state. */
static bool overtaken(const struct instance *i, const struct instance *marked) {
  const struct task_spec *t = instance_task(i);
  const char *who;
  if (!task_needs(t, marked->group)) return false;
  return instance_verdict(i, &who) != VERDICT_RUN || (t->when && expr_names_status(t->when));
}

/* What was decided already, hasn't begun, and now needs something that has begun anew is decided once more when that
 * has ended; what was decided by the state that the marked task had, at once. */
static void undecide(struct live_run *r, const struct instance *marked) {
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k];
    if (i->state != TASK_WAITING || !i->decided || (instance_free(i) && !overtaken(i, marked))) continue;
    ready_remove(i);
    timer_stop(r->engine, &i->retry);
    i->decided = false;
    i->not_before = INSTANT_NONE;
    i->wait = WAIT_DEPENDENCIES;
    mark_task(i);
  }
}

static void mark_live(struct live_run *r, struct instance *i, const struct engine_mark *q,
                      const struct output_value *outputs) {
  bool waited = i->state == TASK_WAITING;
  bool *selected = arena_new_array(&r->engine->scratch, r->len + 1, bool);
  set_state(i, q, outputs);
  if (waited) return;
  select_blocked(r, i, selected);
  reopen(r, selected);
  run_count(r);
  undecide(r, i);
  mark_run(r);
  run_release(r);
}

static void mark_ended(struct live_run *r, struct instance *i, const struct engine_mark *q,
                       const struct output_value *outputs, bool queue) {
  struct engine *e = r->engine;
  bool *selected = arena_new_array(&e->scratch, r->len + 1, bool);
  r->row.round++;
  set_state(i, q, outputs);
  select_blocked(r, i, selected);
  bool goes_on = false;
  for (size_t k = 0; k < r->len; k++) goes_on = goes_on || selected[k];
  reopen(r, selected);
  run_open_round(r, arena_fmt(&e->scratch, "mark %s", i->label), &q->asker.actor);
  run_enter(r);
  if (!queue || !goes_on) /* where nothing is left to run there is nothing to wait for */
    run_go(r);
  else
    mark_run(r);
}

/* ---- the request ---- */

/* A task that runs although it needs the marked one, since its `when` says so: what lies between can't start anew. */
static const struct instance *running_after(const struct live_run *r, const struct instance *marked) {
  for (const struct attempt *a = r->attempts; a; a = a->next)
    if (task_needs(instance_task(a->instance), marked->group)) return a->instance;
  return NULL;
}

static const char *mark_problem(struct live_run *r, const struct engine_mark *q, struct instance *i, int *status) {
  struct arena *a = &r->engine->scratch;
  *status = 404;
  if (!i) return arena_fmt(a, "%s has no task '%s': `rota show` lists them", run_name(r, a), q->task);
  *status = 422;
  if (pipeline_task(r->spec, q->task) >= 0 && r->groups[i->group].count > 1)
    return arena_fmt(a, "%s has %u instances: name one, for instance %s", q->task, r->groups[i->group].count,
                     i->label);
  if (q->state != TASK_SUCCEEDED && q->state != TASK_SKIPPED) return "a task can be marked succeeded or skipped";
  *status = 409;
  if (task_state_live(i->state))
    return arena_fmt(a, "%s is %s: cancel it first", i->label, task_state_word(i->state));
  if (r->row.state == RUN_CANCELLING)
    return arena_fmt(a, "%s is being cancelled: wait until it ended", run_name(r, a));
  if (r->finishing && !run_state_ended(r->row.state) && task_state_ended(i->state))
    return arena_fmt(a, "%s runs its last tasks: wait until it ended", run_name(r, a));
  const struct instance *after = task_state_ended(i->state) ? running_after(r, i) : NULL;
  if (after) return arena_fmt(a, "%s needs %s and is running: wait until it ended", after->label, i->label);
  return NULL;
}

static struct live_run *marked_run(struct engine *e, const struct engine_mark *q, bool *live) {
  struct live_run *r = run_find(e, q->run_id);
  *live = r != NULL;
  if (r) return r;
  if (run_rows_old(e, q->run_id, q->run ? &q->run->run : NULL)) {
    reply_look_again(e, &q->asker);
    return NULL;
  }
  struct entry *entry = q->run ? entry_by_key(e, q->run->run.pipeline) : NULL;
  const char *message = "the run isn't known: look for it with `rota runs`";
  if (entry && q->run->pipeline && run_state_ended(q->run->run.state)) r = run_from_rows(e, entry, q->run, &message);
  if (!r) reply_problem(e, &q->asker, 409, "%s", message);
  return r;
}

void request_mark(struct engine *e, const struct engine_mark *q) {
  bool live, done = false;
  struct live_run *r = marked_run(e, q, &live);
  if (!r) return;
  struct instance *i = instance_find(r, q->task);
  int status;
  struct output_value *outputs = NULL;
  const char *problem = mark_problem(r, q, i, &status);
  if (!problem && q->state == TASK_SUCCEEDED) {
    problem = read_outputs(q, instance_task(i), &e->scratch, &outputs);
    status = 422;
  }
  const char *object = arena_fmt(&e->scratch, "%s %s", run_name(r, &e->scratch), q->task);
  if (problem) {
    reply_problem(e, &q->asker, status, "%s", problem);
  } else {
    done = !q->asker.dry_run;
    if (done && live)
      mark_live(r, i, q, outputs);
    else if (done)
      mark_ended(r, i, q, outputs, request_queues(r->entry, false));
    if (done) emit_audit(e, &q->asker.actor, "mark", object, q->reason);
    reply_done(e, &q->asker, "%s is marked %s", object, task_state_word(q->state));
  }
  if (!done && !live) run_free(r);
}
