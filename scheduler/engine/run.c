#include "scheduler/engine/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/timer.h"

#define FAILED_LABELS_MAX 3 /* in a run's reason */

static void add_work(struct live_run *r, uint32_t index) {
  vec_push(&r->engine->work, ((struct work){r, index}));
}

static void run_state_set(struct live_run *r, enum run_state state, const char *reason) {
  text_set(&r->reason, reason);
  r->row.state = state;
  mark_run(r);
  mark_round(r);
  emit_event(r->engine, EVENT_ROW_RUN, r->entry, r, NULL, run_state_word(state), reason);
}

const char *run_name(const struct live_run *r, struct arena *a) {
  return arena_fmt(a, "%s#%lld", r->entry->row.name, (long long)r->row.number);
}

struct live_run *run_ahead(const struct entry *entry) {
  return entry->last;
}

/* ---- beginning ---- */

void run_admit(struct live_run *r, bool queue) {
  struct engine *e = r->engine;
  r->row.key = engine_key(e);
  r->round.run = r->row.key;
  r->row.number = ++r->entry->row.last_number;
  mark_entry(e, r->entry);
  run_enter(r);
  for (size_t i = 0; i < r->len; i++) mark_task(&r->instances[i]);
  if (queue)
    run_state_set(r, RUN_QUEUED, NULL);
  else
    run_go(r);
}

void run_admit_failed(struct live_run *r, const char *reason) {
  r->row.key = engine_key(r->engine);
  r->round.run = r->row.key;
  r->row.number = ++r->entry->row.last_number;
  mark_entry(r->engine, r->entry);
  run_enter(r);
  run_end(r, RUN_FAILED, reason);
}

void run_go(struct live_run *r) {
  struct engine *e = r->engine;
  assert(r->row.state == RUN_QUEUED);
  r->entry->running++;
  r->row.started_at = e->now.wall;
  r->row.ended_at = INSTANT_NONE;
  if (r->timeout > 0) {
    r->row.deadline = e->now.wall + r->timeout;
    timer_set(e, &r->deadline, TIMER_DEADLINE, r->timeout);
  }
  run_state_set(r, RUN_RUNNING, NULL);
  run_release(r);
}

struct live_run *run_of_instant(const struct entry *entry, instant scheduled_for) {
  for (struct live_run *r = entry->first; r; r = r->next)
    if (r->row.scheduled_for == scheduled_for) return r;
  return NULL;
}

void run_release(struct live_run *r) {
  for (size_t i = 0; i < r->len; i++) {
    struct instance *in = &r->instances[i];
    if (in->state != TASK_WAITING) continue;
    enum wait_reason wait = r->preparing ? WAIT_FILES : WAIT_DEPENDENCIES;
    if (!in->feed && !timer_pending(&in->retry) && in->wait != wait) {
      in->wait = wait;
      mark_task(in);
    }
    if (!in->decided && instance_free(in)) add_work(r, in->index);
  }
  add_work(r, NO_INDEX);
}

void run_open_round(struct live_run *r, const char *scope, const struct actor *actor) {
  struct engine *e = r->engine;
  r->row.failed_before = r->row.failed_before || r->row.state != RUN_SUCCEEDED;
  r->row.state = RUN_QUEUED;
  text_set(&r->reason, NULL);
  r->row.started_at = r->row.ended_at = r->row.deadline = INSTANT_NONE;
  r->finishing = false;
  r->round = (struct round_row){.run = r->row.key,
                                .number = r->row.round,
                                .scope = arena_strdup(&r->arena, scope),
                                .actor = {.kind = arena_strdup(&r->arena, actor->kind ? actor->kind : "daemon")},
                                .opened_at = e->now.wall,
                                .ended_at = INSTANT_NONE};
  if (actor->id) r->round.actor.id = arena_strdup(&r->arena, actor->id);
  if (actor->name) r->round.actor.name = arena_strdup(&r->arena, actor->name);
  if (actor->address) r->round.actor.address = arena_strdup(&r->arena, actor->address);
  run_count(r);
  mark_round(r);
  emit_event(e, EVENT_ROW_ROUND, r->entry, r, NULL, NULL, scope);
}

/* ---- what an end means for others ---- */

static void wake_group(struct live_run *r, uint32_t g) {
  const struct group *group = &r->groups[g];
  for (uint32_t k = group->first; k < group->first + group->count; k++)
    if (r->instances[k].waiting_same == 0 && r->instances[k].state == TASK_WAITING) add_work(r, k);
}

static void tell_dependents(struct live_run *r, const struct instance *i) {
  bool whole = r->groups[i->group].left == 0;
  for (uint32_t d = r->dependents_at[i->group]; d < r->dependents_at[i->group + 1]; d++) {
    uint32_t g = r->dependents[d] & ~DEPENDENT_SAME;
    if (r->dependents[d] & DEPENDENT_SAME) {
      struct instance *pair = &r->instances[r->groups[g].first + i->place];
      assert(pair->waiting_same > 0);
      if (--pair->waiting_same == 0 && r->groups[g].waiting == 0) add_work(r, pair->index);
    } else if (whole) {
      assert(r->groups[g].waiting > 0);
      if (--r->groups[g].waiting == 0) wake_group(r, g);
    }
  }
}

static void fail_siblings(struct live_run *r, const struct instance *i) {
  const struct group *group = &r->groups[i->group];
  const char *reason = arena_fmt(&r->engine->scratch, "fail_fast: %s ended %s", i->label, task_state_word(i->state));
  for (uint32_t k = group->first; k < group->first + group->count; k++)
    if (k != i->index) instance_cancel(&r->instances[k], reason, false);
}

void run_note_end(struct live_run *r, struct instance *i) {
  const struct task_spec *t = instance_task(i);
  struct group *group = &r->groups[i->group];
  bool failure = task_state_failure(i->state);
  assert(group->left > 0);
  group->left--;
  group->good += instance_good(i);
  group->bad += instance_bad(i);
  group->failures += failure && !instance_good(i);
  r->row.tasks_done++;
  r->row.tasks_failed += failure && !instance_good(i);
  mark_run(r);
  size_t *open = t->finally ? &r->open_finally : &r->open;
  assert(*open > 0);
  --*open;
  tell_dependents(r, i);
  if (failure && t->fail_fast) fail_siblings(r, i);
  if (r->open == 0) add_work(r, NO_INDEX);
}

/* ---- ending ---- */

enum run_state run_outcome(const struct live_run *r) {
  if (r->row.state == RUN_CANCELLING)
    return r->reason && strcmp(r->reason, REASON_TIME_OUT) == 0 ? RUN_FAILED : RUN_CANCELLED;
  bool bad = false, cancelled = false;
  for (uint32_t g = 0; g < r->spec->tasks_len; g++) {
    const struct group *group = &r->groups[g];
    if (group->failures) return RUN_FAILED;
    if (!group->bad) continue;
    bad = true;
    for (uint32_t k = group->first; k < group->first + group->count; k++)
      cancelled = cancelled || r->instances[k].state == TASK_CANCELLED;
  }
  return !bad ? RUN_SUCCEEDED : cancelled ? RUN_CANCELLED : RUN_FAILED;
}

static void add_labels(const struct live_run *r, bool all, size_t most, struct buf *out) {
  size_t named = 0, more = 0;
  for (size_t k = 0; k < r->len; k++) {
    const struct instance *i = &r->instances[k];
    bool is_it = all ? instance_bad(i) : task_state_failure(i->state) && !instance_good(i);
    if (!is_it) continue;
    if (named == most)
      more++;
    else
      buf_fmt(out, "%s%s", named++ ? "," : "", i->label);
  }
  if (more) buf_fmt(out, " and %zu more", more);
}

const char *run_failed_labels(const struct live_run *r, struct arena *a) {
  struct buf text = {0};
  add_labels(r, false, r->len, &text);
  const char *copy = arena_strdup(a, buf_cstr(&text));
  buf_release(&text);
  return copy;
}

static const char *outcome_reason(const struct live_run *r, enum run_state state) {
  if (r->row.state == RUN_CANCELLING) return r->reason;
  if (state == RUN_SUCCEEDED) return NULL;
  struct buf text = {0};
  add_labels(r, false, FAILED_LABELS_MAX, &text);
  const char *what = text.len ? "failed" : state == RUN_CANCELLED ? "cancelled" : "not run";
  if (text.len == 0) add_labels(r, true, FAILED_LABELS_MAX, &text);
  const char *reason = arena_fmt(&r->engine->scratch, "%s: %s", what, buf_cstr(&text));
  buf_release(&text);
  return reason;
}

void run_check_end(struct live_run *r) {
  if (r->row.state == RUN_QUEUED || run_state_ended(r->row.state) || r->preparing || r->open) return;
  if (!r->finishing) {
    r->finishing = true;
    for (size_t i = 0; r->open_finally && i < r->len; i++)
      if (instance_task(&r->instances[i])->finally && instance_free(&r->instances[i])) add_work(r, (uint32_t)i);
  }
  if (r->open_finally) return;
  enum run_state state = run_outcome(r);
  const char *reason = outcome_reason(r, state);
  if (r->row.may_have_run_twice)
    reason = arena_fmt(&r->engine->scratch, "%s%sa task may have run twice", reason ? reason : "",
                       reason ? "; " : "");
  run_end(r, state, reason);
}

static void leave_tables(struct live_run *r) {
  struct entry *entry = r->entry;
  if (r->prev)
    r->prev->next = r->next;
  else
    entry->first = r->next;
  if (r->next)
    r->next->prev = r->prev;
  else
    entry->last = r->prev;
  r->prev = r->next = NULL;
  entry->live--;
  entry->running--;
  map_remove(&r->engine->runs_by_id, r->row.id.text);
  vec_push(&r->engine->over, r);
  if (!entry->advance) {
    entry->advance = true;
    vec_push(&r->engine->advance, entry);
  }
}

static void count_end(struct live_run *r) {
  instant at = r->row.ended_at;
  int64_t day = at / USEC_PER_DAY - (at % USEC_PER_DAY < 0);
  int64_t hour = at / USEC_PER_HOUR - (at % USEC_PER_HOUR < 0);
  duration took = r->row.started_at == INSTANT_NONE ? 0 : at - r->row.started_at;
  emit_daily(r->engine, &(struct daily_row){day, r->row.pipeline, r->row.state, 1, took > 0 ? took : 0});
  emit_hourly(r->engine, &(struct hourly_row){hour, r->row.pipeline, r->row.state, 1});
}

void run_end(struct live_run *r, enum run_state state, const char *reason) {
  struct engine *e = r->engine;
  assert(run_state_ended(state) && r->live == 0 && !r->over);
  if (r->row.state == RUN_QUEUED) r->entry->running++; /* leave_tables takes it for one that ran */
  timer_stop(e, &r->deadline);
  r->over = true;
  r->row.deadline = INSTANT_NONE;
  r->row.ended_at = e->now.wall;
  if (r->row.started_at != INSTANT_NONE && r->row.ended_at < r->row.started_at) r->row.ended_at = r->row.started_at;
  r->round.ended_at = r->row.ended_at;
  /* `reason` may be the text that is about to be replaced. */
  run_state_set(r, state, reason ? arena_strdup(&e->scratch, reason) : NULL);
  count_end(r);
  leave_tables(r);
}

void run_twice(struct instance *i, const struct host *h) {
  struct live_run *r = i->run;
  const char *reason = arena_fmt(
      &r->engine->scratch, "%s may have run twice: %s was silent when it was given up there", i->label, h->name);
  r->row.may_have_run_twice = true;
  /* What a run is cancelled for stands above this. */
  if (r->row.state == RUN_RUNNING) {
    text_set(&r->reason, reason);
    mark_round(r);
  }
  mark_run(r);
  emit_host_event(r->engine, h, r, i, "may have run twice", reason);
}

/* ---- cancel and time-out ---- */

/* With no `finally` it spares them: they run once the rest has ended. */
static void stop_tasks(struct live_run *r, const char *reason, bool now, bool finally) {
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k];
    if (finally || !instance_task(i)->finally) instance_cancel(i, reason, now);
  }
}

void run_cancel(struct live_run *r, const char *reason) {
  bool again = r->row.state == RUN_CANCELLING, queued = r->row.state == RUN_QUEUED;
  if (again) {
    stop_tasks(r, reason, true, true);
  } else {
    if (queued) r->entry->running++;
    run_state_set(r, RUN_CANCELLING, reason);
    r->preparing = false;
    timer_stop(r->engine, &r->deadline);
    /* What never began has nothing to tidy up. */
    stop_tasks(r, reason, false, queued);
  }
  add_work(r, NO_INDEX);
}

void run_timed_out(struct live_run *r) {
  if (r->row.state != RUN_RUNNING) return;
  run_state_set(r, RUN_CANCELLING, REASON_TIME_OUT);
  r->preparing = false;
  stop_tasks(r, "the run's time was over", false, false);
  add_work(r, NO_INDEX);
}

void entry_advance(struct entry *entry) {
  entry->advance = false;
  if (entry->running) return;
  for (struct live_run *r = entry->first; r; r = r->next)
    if (r->row.state == RUN_QUEUED) {
      run_go(r);
      return;
    }
}

/* ---- durations of tasks ---- */

int64_t stat_median(const struct entry *entry, const char *task) {
  const struct stat_row *s = map_get(&entry->stats, task);
  int64_t median = s ? stat_median_ms(s) : -1;
  return median < 0 ? 1000 : median ? median : 1;
}

void stat_add(struct engine *e, struct entry *entry, const char *task, duration took) {
  struct stat_row *s = map_get(&entry->stats, task);
  if (!s) {
    s = alloc_new(struct stat_row);
    s->pipeline = entry->row.key;
    s->task = alloc_strdup(task);
    map_put(&entry->stats, task, s);
  }
  if (s->len == STAT_RECENT) memmove(s->ms, s->ms + 1, --s->len * sizeof *s->ms);
  int64_t ms = took / USEC_PER_MS;
  s->ms[s->len++] = ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
  emit_stat(e, s);
}
