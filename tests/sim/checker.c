#include "tests/sim/checker.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/scope.h"
#include "tests/sim/check.h"
#include "tests/sim/clients.h"
#include "tests/sim/daemon.h"
#include "tests/sim/pipelines.h"

struct checker *checker_new(struct world *w) {
  struct checker *c = alloc_new(struct checker);
  c->w = w;
  return c;
}

void checker_free(struct checker *c) {
  if (!c) return;
  for (size_t i = 0; i < c->books.len; i++) vec_release(&c->books.items[i]->delays);
  vec_release(&c->books);
  vec_release(&c->books_by_key);
  map_release(&c->units);
  map_release(&c->schedules);
  vec_release(&c->touched);
  vec_release(&c->fresh);
  vec_release(&c->over);
  vec_release(&c->acks);
  vec_release(&c->due);
  vec_release(&c->firings);
  arena_release(&c->arena);
  free(c);
}

/* ---- books ---- */

struct run_book *book_of(struct checker *c, int64_t run) {
  while (c->books_by_key.len <= (size_t)run) vec_push(&c->books_by_key, NULL);
  struct run_book *b = c->books_by_key.items[run];
  if (b) return b;
  b = arena_new(&c->arena, struct run_book);
  b->key = run;
  c->books_by_key.items[run] = b;
  vec_push(&c->books, b);
  return b;
}

static void touch(struct checker *c, int64_t run) {
  struct run_book *b = book_of(c, run);
  if (b->touched) return;
  b->touched = true;
  vec_push(&c->touched, b);
}

/* Once its tasks are there they never change. */
static void book_fill(struct checker *c, struct run_book *b) {
  b->run = rows_run_key(&c->w->ledger->rows, b->key);
  if (!b->run) world_fail(c->w, "rows of a run that isn't there");
  b->spec = rows_spec(&c->w->ledger->rows, b->run->row.version);
  if (!b->spec) world_fail(c->w, "a run without a version");
  if (b->groups || !b->run->tasks.len) return;
  b->groups = arena_new_array(&c->arena, b->spec->tasks_len, struct group_span);
  b->tasks = arena_new_array(&c->arena, b->run->tasks.len, const struct task_spec *);
  for (uint32_t i = 0; i < b->run->tasks.len; i++) {
    int task = pipeline_task(b->spec, b->run->tasks.items[i].name);
    if (task < 0) world_fail(c->w, "a task that its version doesn't have");
    b->tasks[i] = &b->spec->tasks[task];
    struct group_span *g = &b->groups[task];
    if (g->count++ == 0) g->first = i;
  }
}

int64_t setting_of(const struct template *t, int64_t fallback) {
  struct arena a = {0};
  struct scope none = {0};
  const char *message;
  int64_t value = fallback;
  if (setting_int(t, &none, &a, fallback, 0, INT32_MAX, &value, &message)) value = fallback;
  arena_release(&a);
  return value;
}

size_t checker_attempts(const struct world *w) {
  return (size_t)w->checker->attempts;
}

/* ---- rows ---- */

static void probe_run(const struct world *w, const struct run_row *r) {
  if (r->state == RUN_QUEUED) PROBE(w, QUEUED);
  if (r->linked_from) PROBE(w, LINKED_RUN);
  if (r->round > 1) PROBE(w, ROUND);
  if (r->state == RUN_CANCELLING && r->reason && strcmp(r->reason, "time-out") == 0) PROBE(w, RUN_TIMED_OUT);
}

static void probe_task(const struct world *w, const struct task_row *t) {
  if (t->marked) PROBE(w, MARKED);
  if (t->state == TASK_UPSTREAM_FAILED) PROBE(w, UPSTREAM_FAILED);
  if (t->reason && strncmp(t->reason, "fail_fast", 9) == 0) PROBE(w, FAIL_FAST);
}

static void probe_remnant(const struct world *w, const struct remnant_row *m) {
  if (m->gone) return;
  if (strstr(m->reason, "not confirmed"))
    PROBE(w, ABANDONED);
  else if (strstr(m->reason, "declared down"))
    PROBE(w, GIVEN_UP_DOWN);
  else
    PROBE(w, GIVEN_UP_SILENT);
}

void checker_row(struct world *w, const struct change *change) {
  struct checker *c = w->checker;
  switch (change->kind) {
  case CHANGE_RUN:
    check_run_row(c, &change->run);
    probe_run(w, &change->run);
    touch(c, change->run.key);
    break;
  case CHANGE_TASK:
    check_task_row(c, &change->task);
    probe_task(w, &change->task);
    touch(c, change->task.run);
    break;
  case CHANGE_ATTEMPT:
    check_attempt_row(c, &change->attempt);
    touch(c, change->attempt.run);
    break;
  case CHANGE_REMNANT: probe_remnant(w, &change->remnant); break;
  case CHANGE_SCHEDULE: check_schedule_row(c, &change->schedule); break;
  case CHANGE_FIRING: check_firing_row(c, &change->firing); break;
  default: break;
  }
}

void checker_commit(struct world *w) {
  struct checker *c = w->checker;
  for (size_t i = 0; i < c->touched.len; i++) {
    struct run_book *b = c->touched.items[i];
    if (!b->groups) book_fill(c, b);
    check_run(c, b);
    b->touched = false;
  }
  c->touched.len = 0;
  for (size_t i = 0; i < c->fresh.len; i++) check_fresh(c, c->fresh.items[i]);
  for (size_t i = 0; i < c->over.len; i++) check_over_for_good(c, c->over.items[i]);
  c->fresh.len = c->over.len = 0;
  check_firings(c);
}

/* ---- steps ---- */

void checker_stepping(struct world *w, const struct engine_event *events, size_t len) {
  struct checker *c = w->checker;
  c->hurried = false;
  c->zones_before = c->zones;
  c->zones = w->daemon->zones;
  for (size_t i = 0; i < len; i++) {
    c->hurried = c->hurried || events[i].kind == ENGINE_RETRY_NOW || events[i].kind == ENGINE_MARK ||
                 events[i].kind == ENGINE_RERUN;
    if (events[i].kind == ENGINE_REPORT) check_report(c, &events[i].report);
    if (events[i].kind == ENGINE_CONFIG) c->config = events[i].config.config;
    if (events[i].kind == ENGINE_HOST)
      c->contact[place_find(w->executors, events[i].host.host) - w->executors->places] = events[i].host.contact;
  }
}

void checker_stepped(struct world *w, const struct engine *e, const struct step *step, struct moment now) {
  struct checker *c = w->checker;
  c->stepped_at = now;
  c->wake_wall = step->wake_wall;
  c->engine = e;
  c->steps++;
  c->life_steps++;
  if (c->steps % SAMPLE == 0) engine_check(e);
}

void checker_settled(struct world *w) {
  struct checker *c = w->checker;
  if (c->steps % SAMPLE != 1) return;
  check_units(c);
  check_due(c);
  check_model(c);
  check_deadlines(c);
}

void checker_restored(struct world *w, const struct engine *e) {
  struct checker *c = w->checker;
  c->engine = e;
  c->life_steps = 0;
  for (size_t i = 0; i < c->books.len; i++) c->books.items[i]->running_since = world_moment(w).mono;
  c->config = w->catalog->config;
  c->zones = w->daemon->zones;
  for (size_t i = 0; i < PLACES; i++) c->contact[i] = i ? HOST_CONTACT_CONNECTING : HOST_CONTACT_UP;
  check_units(c);
}

/* ---- decisions ---- */

static void check_start(struct checker *c, const struct decision_start *d) {
  struct world *w = c->w;
  struct row_attempt *a = rows_attempt(&w->ledger->rows, d->launch->attempt_id);
  if (!a) world_fail(w, "%s is to be started and no row says so", d->launch->label);
  check_asked_once(c, a);
  if (task_state_ended(a->row.state)) world_fail(w, "%s is to be started and its row has ended", d->launch->label);
  if (strcmp(a->row.host, d->host) != 0) world_fail(w, "%s is to be started elsewhere", d->launch->label);
  const struct proc *p = proc_find(w->executors, d->launch->attempt_id);
  if (p && p->state != PROC_UNCLAIMED && p->known == w->life && p->over && p->told_started)
    world_fail(w, "%s is to be started again after it ended", d->launch->label);
}

static void check_stop(struct checker *c, const struct decision_stop *d) {
  const struct row_attempt *a = rows_attempt(&c->w->ledger->rows, d->attempt_id);
  if (!a || !a->row.stop_asked) world_fail(c->w, "an attempt is to be stopped and no row says so");
}

static void check_clear(struct checker *c, const struct decision_clear *d) {
  const struct row_attempt *a = rows_attempt(&c->w->ledger->rows, d->attempt_id);
  if (!a || !task_state_ended(a->row.state)) world_fail(c->w, "what is to be cleared away hasn't ended");
}

void checker_decision(struct world *w, const struct decision *d) {
  switch (d->kind) {
  case DECISION_START: check_start(w->checker, &d->start); break;
  case DECISION_STOP: check_stop(w->checker, &d->stop); break;
  case DECISION_CLEAR: check_clear(w->checker, &d->clear); break;
  case DECISION_PREPARE:
    if (w->checker->life_steps == 1 && w->life > 1) PROBE(w, PREPARE_AGAIN);
    break;
  default: break;
  }
}

/* ---- what clients were told ---- */

void checker_acknowledged(struct world *w, const struct request *q) {
  vec_push(&w->checker->acks, q);
  check_told(w->checker, q);
}

/* ---- the end ---- */

/* What the engine says of the tasks of a run that doesn't end. */
static const char *explain(struct world *w, const struct row_run *run) {
  struct buf text = {0};
  buf_fmt(&text, "run %s hasn't ended, it is %s", run->row.id.text, run_state_word(run->row.state));
  for (size_t i = 0; i < run->tasks.len; i++) {
    const struct task_row *t = &run->tasks.items[i];
    if (task_state_ended(t->state)) continue;
    buf_fmt(&text, "\n  %s is %s: ", t->label, task_state_word(t->state));
    engine_why(w->daemon->engine, world_moment(w), run->row.id.text, t->label, &text);
  }
  const char *told = arena_strdup(&w->arena, buf_cstr(&text));
  buf_release(&text);
  return told;
}

bool checker_quiet(struct world *w, const char **why) {
  const struct rows *rows = &w->ledger->rows;
  *why = "a client still waits";
  if (clients_waiting(w->clients)) return false;
  *why = "the daemon is down";
  if (!daemon_up(w)) return false;
  for (size_t i = 0; i < rows->runs.len; i++) {
    if (run_state_ended(rows->runs.items[i]->row.state)) continue;
    *why = explain(w, rows->runs.items[i]);
    return false;
  }
  *why = "the engine has a run that no row knows to be live";
  if (engine_runs(w->daemon->engine)) return false;
  *why = "something may be left of what was given up";
  if (rows->remnants.len) return false;
  *why = "a process runs";
  if (executors_running(w->executors)) return false;
  *why = "a step is in flight";
  return !w->daemon->in_flight;
}

void checker_healed(struct world *w) {
  struct checker *c = w->checker;
  struct arena a = {0};
  struct engine_slot *slots;
  size_t len = engine_slots(w->daemon->engine, &a, &slots);
  for (size_t i = 0; i < len; i++)
    if (slots[i].used) world_fail(w, "slot %s is still held when everything has ended", slots[i].name);
  if (c->units.len) world_fail(w, "an attempt that ended holds %s", c->units.entries[0].key);
  arena_release(&a);
  engine_check(w->daemon->engine);
  check_all_told(c);
  check_model(c);
  check_promises(c);
  if (c->ends != w->ledger->rows.ends_counted) world_fail(w, "the daily counts have another number of ended runs");
}
