#include <string.h>

#include "scheduler/spec/scope.h"
#include "tests/sim/check.h"

/* ---- one row after the other ---- */

static bool run_may(enum run_state from, enum run_state to) {
  switch (from) {
  case RUN_QUEUED: return true;
  case RUN_RUNNING: return to != RUN_QUEUED;
  case RUN_CANCELLING: return to == RUN_CANCELLING || to == RUN_CANCELLED || to == RUN_FAILED;
  default: return false; /* only a new round leaves an end */
  }
}

/* A run that goes on beyond its time-out. A start measures it anew. */
void check_deadlines(struct checker *c) {
  for (size_t i = 0; i < c->books.len; i++) {
    const struct run_book *b = c->books.items[i];
    if (!b->run || b->run->row.state != RUN_RUNNING || !b->spec->timeout) continue;
    struct arena a = {0};
    struct scope none = {0};
    const char *message;
    duration timeout = 0;
    if (setting_duration(b->spec->timeout, &none, &a, 0, &timeout, &message)) timeout = 0;
    arena_release(&a);
    if (timeout && c->stepped_at.mono > b->running_since + timeout)
      world_fail(c->w, "run %s has gone on for longer than its time-out", b->run->row.id.text);
  }
}

void check_run_row(struct checker *c, const struct run_row *now) {
  const struct row_run *old = rows_run_key(&c->w->ledger->rows, now->key);
  bool ended = run_state_ended(now->state), ends;
  if (!old) {
    const struct pipeline_row *p = rows_pipeline(&c->w->ledger->rows, now->pipeline);
    if (!p || now->number != p->last_number) {
      /* More than one may have been made in a step; they have the numbers before the last. */
      if (!p || now->number > p->last_number)
        world_fail(c->w, "run %s has a number ahead of its pipeline", now->id.text);
    }
    ends = ended;
  } else {
    bool round = now->round > old->row.round;
    if (now->round != old->row.round && now->round != old->row.round + 1)
      world_fail(c->w, "run %s goes from round %lld to %lld", now->id.text, (long long)old->row.round,
                 (long long)now->round);
    if (round && !run_state_ended(old->row.state))
      world_fail(c->w, "run %s opens a round while it is live", now->id.text);
    if (!round && now->state != old->row.state && !run_may(old->row.state, now->state))
      world_fail(c->w, "run %s goes from %s to %s", now->id.text, run_state_word(old->row.state),
                 run_state_word(now->state));
    if (old->row.may_have_run_twice && !now->may_have_run_twice)
      world_fail(c->w, "run %s forgets that a task may have run twice", now->id.text);
    if (old->row.number != now->number || old->row.version != now->version)
      world_fail(c->w, "run %s changes its number or version", now->id.text);
    ends = ended && (round || !run_state_ended(old->row.state));
  }
  c->ends += ends;
  if (now->state == RUN_RUNNING && (!old || old->row.state != RUN_RUNNING))
    book_of(c, now->key)->running_since = world_moment(c->w).mono;
  if (ended && now->ended_at == INSTANT_NONE) world_fail(c->w, "run %s ended at no time", now->id.text);
  if (ended && now->started_at != INSTANT_NONE && now->ended_at < now->started_at)
    world_fail(c->w, "run %s ended before it started", now->id.text);
}

void check_task_row(struct checker *c, const struct task_row *now) {
  const struct row_run *run = rows_run_key(&c->w->ledger->rows, now->run);
  if (!run) world_fail(c->w, "a task of a run that isn't there");
  bool ended = task_state_ended(now->state);
  check_delay_row(c, now);
  if (ended && now->ended_at == INSTANT_NONE) world_fail(c->w, "%s ended at no time", now->label);
  if (ended && now->started_at != INSTANT_NONE && now->ended_at < now->started_at)
    world_fail(c->w, "%s ended before it started", now->label);
  if (run->tasks.len <= now->index || !run->tasks.items[now->index].label) return;
  const struct task_row *old = &run->tasks.items[now->index];
  if (strcmp(old->label, now->label) != 0) world_fail(c->w, "%s becomes %s", old->label, now->label);
  if (now->attempts < old->attempts) world_fail(c->w, "%s forgets attempts", now->label);
  /* What couldn't run goes on at once when what it needs is marked. */
  bool reopened = now->round > old->round || now->marked || old->state == TASK_UPSTREAM_FAILED;
  if (task_state_ended(old->state) && now->state != old->state && !reopened)
    world_fail(c->w, "%s goes from %s to %s in one round", now->label, task_state_word(old->state),
               task_state_word(now->state));
}

/* ---- a run as a whole, once all rows of a commit are there ---- */

static bool good(const struct task_row *t, const struct task_spec *spec) {
  return t->state == TASK_SUCCEEDED ||
         (spec->allow_failure && (task_state_failure(t->state) || (spec->fail_fast && t->state == TASK_CANCELLED)));
}

static void check_outcome(struct checker *c, const struct run_book *b, bool bad, bool failure) {
  const struct run_row *row = &b->run->row;
  if (row->state == RUN_SUCCEEDED && bad) world_fail(c->w, "run %s succeeded with a task that didn't", row->id.text);
  if (row->state == RUN_FAILED && !failure && !bad && b->run->tasks.len && row->reason &&
      !strstr(row->reason, "time"))
    world_fail(c->w, "run %s failed and none of its tasks did: %s", row->id.text, row->reason);
}

static void check_live(struct checker *c, const struct task_row *t) {
  const struct rows *rows = &c->w->ledger->rows;
  const struct row_attempt *a = t->attempt > 0 && (size_t)t->attempt < rows->by_key.len
                                    ? rows->by_key.items[t->attempt]
                                    : NULL;
  bool live = task_state_live(t->state);
  if (live && (!a || a->row.state != t->state))
    world_fail(c->w, "%s is %s and its attempt isn't", t->label, task_state_word(t->state));
  if (!live && a && task_state_live(a->row.state))
    world_fail(c->w, "%s is %s and its attempt is live", t->label, task_state_word(t->state));
}

void check_run(struct checker *c, struct run_book *b) {
  const struct run_row *row = &b->run->row;
  int64_t done = 0, failed = 0;
  bool bad = false, ended = run_state_ended(row->state);
  for (size_t i = 0; i < b->run->tasks.len; i++) {
    const struct task_row *t = &b->run->tasks.items[i];
    const struct task_spec *spec = book_task(b, t);
    check_live(c, t);
    if (ended && !task_state_ended(t->state))
      world_fail(c->w, "run %s ended with %s %s", row->id.text, t->label, task_state_word(t->state));
    if (row->state == RUN_QUEUED && task_state_live(t->state))
      world_fail(c->w, "%s is live in a run that is queued", t->label);
    done += task_state_ended(t->state);
    failed += task_state_failure(t->state) && !good(t, spec);
    bad = bad || (task_state_ended(t->state) && t->state != TASK_SKIPPED && !good(t, spec));
  }
  check_told_to_stop(c, b);
  check_outputs(c, b);
  if (row->tasks_done != done || row->tasks_failed != failed)
    world_fail(c->w, "run %s counts %lld done and %lld failed, it has %lld and %lld", row->id.text,
               (long long)row->tasks_done, (long long)row->tasks_failed, (long long)done, (long long)failed);
  if (ended) {
    check_outcome(c, b, bad, failed > 0);
    if (b->live) world_fail(c->w, "run %s ended with a live attempt", row->id.text);
  }
}
