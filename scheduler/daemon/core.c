#include "scheduler/daemon/core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/map.h"
#include "scheduler/daemon/late_reports.h"
#include "scheduler/daemon/wake.h"
#include "scheduler/journal/recorder.h"
#include "scheduler/store/store.h"

#define RETRY_COMMIT_MS  1000
#define LOOK_FOR_ROOM_MS 1000
#define ADOPT_LIMIT_MS   5000
#define STARTED_HELD_MS  10
#define CHANGES_KEPT     1024 /* room for so many stays; a larger step gives its memory back */

struct after {
  uint64_t turn; /* to be through */
  core_after_fn *fn;
  void *ctx;
};

struct core {
  uv_loop_t *loop;
  struct engine *engine;
  struct committer *committer;
  struct recorder *recorder;
  struct wake *wake;
  struct core_hooks hooks;
  struct inbox inbox;
  struct map executors;      /* by host */
  struct core_places places; /* of the others */
  char *state_dir;

  struct step step; /* in flight until its rows are durable and its decisions carried out */
  bool in_flight;
  uint64_t turns; /* steps taken */
  VEC(struct after) afters;
  int degraded;
  char *condemned; /* what is damaged; NULL: nothing */
  bool over;       /* a fatal failure, or the end: nothing is done any more */

  struct late_reports *late;

  uv_prepare_t before_poll;
  uv_check_t after_poll;
  uv_timer_t retry, hold, adopt_limit;
  bool hold_over;
  struct map adopting; /* ids of attempts whose fate a look at the start has not told yet */
  int handles;
};

static struct executor *executor_of(const struct core *c, const char *host) {
  struct executor *e = map_get(&c->executors, host);
  return e || !c->places.find ? e : c->places.find(c->places.ctx, host);
}

/* What can't even be asked for, since the configuration has no such place any more, is told like any other report. */
static void report_missing(struct core *c, enum report_kind kind, const char *host, const char *run_id,
                           const char *attempt_id) {
  char *text = alloc_fmt("the configuration has no host %s any more: put it back and `rota reload`", host);
  const struct report report = {.kind = kind,
                                .run_id = run_id,
                                .attempt_id = attempt_id,
                                .text = text,
                                .started_at = INSTANT_NONE,
                                .ended_at = INSTANT_NONE,
                                .cpu_us = -1,
                                .max_rss_kb = -1,
                                .log_bytes = -1};
  core_report(c, &report);
  free(text);
}

/* What was never sent can't start any more; what a former life may have sent can. */
static void carry_out_start(struct core *c, const struct decision_start *d) {
  struct executor *e = executor_of(c, d->host);
  enum report_kind kind = d->doubtful ? REPORT_UNREACHABLE : REPORT_FENCED;
  if (!e || e->ops->start(e, d->launch)) report_missing(c, kind, d->host, d->launch->run_id, d->launch->attempt_id);
}

static void carry_out_fence(struct core *c, const struct decision_fence *d) {
  struct executor *e = executor_of(c, d->host);
  if (!e) report_missing(c, REPORT_UNREACHABLE, d->host, d->run_id, d->attempt_id);
  if (e) e->ops->fence(e, d->run_id, d->attempt_id);
}

static void carry_out_stop(struct core *c, const struct decision_stop *d) {
  struct executor *e = executor_of(c, d->host);
  if (e) e->ops->stop(e, d->attempt_id, d->now);
}

static void carry_out_clear(struct core *c, const struct decision_clear *d) {
  struct executor *e = executor_of(c, d->host);
  if (e && e->ops->clear) e->ops->clear(e, d->run_id, d->attempt_id);
}

/* The files of a run are on this machine; hosts get theirs with the tasks that need them, and copy the ROTA_STATE
 * that they have when such a task starts (`state_from` of its launch). */
static void carry_out_prepare(struct core *c, const struct decision_prepare *d) {
  struct executor *e = map_get(&c->executors, HOST_LOCAL);
  if (e) e->ops->prepare(e, d->run_id, d->from_run_id, d->state_keys, d->state_keys_len);
}

static void carry_out(struct core *c, const struct decision *d) {
  switch (d->kind) {
  case DECISION_START: carry_out_start(c, &d->start); break;
  case DECISION_FENCE: carry_out_fence(c, &d->fence); break;
  case DECISION_STOP: carry_out_stop(c, &d->stop); break;
  case DECISION_PREPARE: carry_out_prepare(c, &d->prepare); break;
  case DECISION_CLEAR: carry_out_clear(c, &d->clear); break;
  case DECISION_REPLY: c->hooks.reply(c->hooks.ctx, &d->reply); break;
  }
}

static void call_afters(struct core *c) {
  for (size_t i = 0; i < c->afters.len;) {
    struct after after = c->afters.items[i];
    if (after.turn > c->turns) {
      i++;
      continue;
    }
    vec_swap_remove(&c->afters, i);
    after.fn(after.ctx);
  }
}

void core_after(struct core *c, core_after_fn *fn, void *ctx) {
  struct after after = {.turn = c->turns + (inbox_len(&c->inbox) > 0), .fn = fn, .ctx = ctx};
  if (after.turn <= c->turns && !c->in_flight) {
    fn(ctx);
  } else {
    vec_push(&c->afters, after);
  }
}

static void step_committed(struct core *c) {
  c->in_flight = false;
  if (c->step.changes.len > 0) c->hooks.committed(c->hooks.ctx, c->step.changes.items, c->step.changes.len);
  for (size_t i = 0; i < c->step.decisions.len; i++) carry_out(c, &c->step.decisions.items[i]);
  if (c->step.changes.cap > CHANGES_KEPT) step_release(&c->step);
  call_afters(c);
}

static struct moment moment_now(void) {
  return (struct moment){.wall = clock_now(), .mono = clock_monotonic()};
}

static bool time_has_come(const struct core *c, struct moment now) {
  return now.mono >= c->step.wake_mono || (c->step.wake_wall != INSTANT_NONE && now.wall >= c->step.wake_wall);
}

static void on_hold(uv_timer_t *timer) {
  struct core *c = timer->data;
  c->hold_over = true; /* The loop has turned: turn() follows. */
}

/* That something has started decides nothing. It is recorded a moment later, or sooner with whatever else comes: a
 * short task's end then needn't wait for the disk to have its start. */
static bool may_wait(struct core *c) {
  if (c->hold_over || !inbox_only_started(&c->inbox)) return false;
  if (!uv_is_active((uv_handle_t *)&c->hold)) uv_timer_start(&c->hold, on_hold, STARTED_HELD_MS, 0);
  return true;
}

static void take_step(struct core *c, struct moment now, const struct engine_event *events, size_t len) {
  uint8_t seed[32];
  random_bytes(seed, sizeof seed);
  recorder_step(c->recorder, c->engine, now, seed, events, len);
  engine_step(c->engine, now, seed, events, len, &c->step);
  recorder_done(c->recorder, c->engine, &c->step);
  const char *why = recorder_stopped(c->recorder);
  if (why) c->hooks.unrecorded(c->hooks.ctx, why);
}

static void turn(struct core *c) {
  if (c->in_flight || c->over || c->condemned || c->adopting.len > 0) return;
  struct moment now = moment_now();
  if (!time_has_come(c, now) && (inbox_len(&c->inbox) == 0 || may_wait(c))) return;
  uv_timer_stop(&c->hold);
  c->hold_over = false;

  size_t len;
  const struct engine_event *events = inbox_take(&c->inbox, &len);
  step_reset(&c->step);
  c->turns++;
  take_step(c, now, events, len);
  inbox_done(&c->inbox);
  wake_set(c->wake, c->step.wake_wall, c->step.wake_mono);
  if (c->step.changes.len == 0) {
    step_committed(c);
    return;
  }
  c->in_flight = true;
  committer_commit(c->committer, c->step.changes.items, c->step.changes.len);
}

static void on_before_poll(uv_prepare_t *handle) {
  turn(handle->data);
}

static void on_after_poll(uv_check_t *handle) {
  turn(handle->data);
}

/* If the time has come, turn() sees it next, now or when the commit in flight is through. If the alarm clock only
 * woke because it sleeps no longer, or because somebody set the clock, it is set again. */
static void on_wake(void *ctx) {
  struct core *c = ctx;
  if (!time_has_come(c, moment_now())) wake_set(c->wake, c->step.wake_wall, c->step.wake_mono);
}

static void degraded_set(struct core *c, int err, const char *why) {
  if (c->degraded == err) return;
  c->degraded = err;
  c->hooks.degraded(c->hooks.ctx, err, why);
}

/* ---- commits that don't succeed for now ---- */

static void on_retry(uv_timer_t *timer) {
  struct core *c = timer->data;
  committer_commit(c->committer, c->step.changes.items, c->step.changes.len);
}

/* On the writer's thread. */
static int look_for_room(struct store *store, void *arg) {
  (void)arg;
  struct store_health health;
  int err = store_tend(store, true, NULL);
  store_health(store, &health);
  return err ? err : health.full ? ERR_FULL : 0;
}

static void on_look_for_room(uv_timer_t *timer);

static void room_looked_for(void *arg, int err) {
  struct core *c = arg;
  if (c->over || c->condemned) return;
  if (err == 0) {
    degraded_set(c, 0, NULL);
    step_committed(c);
  } else {
    committer_failed(c->committer, err);
    if (!c->over) uv_timer_start(&c->retry, on_look_for_room, LOOK_FOR_ROOM_MS, 0);
  }
}

static void on_look_for_room(uv_timer_t *timer) {
  struct core *c = timer->data;
  committer_job(c->committer, look_for_room, room_looked_for, c);
}

/* The batch is durable, but only because the reserve of the disk was given up for it. What it decided waits until
 * there is room again: so no task starts, and what happens meanwhile is kept in the inbox, in its order. */
static void hold_until_room(struct core *c) {
  degraded_set(c, ERR_FULL, "the disk is full");
  uv_timer_start(&c->retry, on_look_for_room, LOOK_FOR_ROOM_MS, 0);
}

static void on_commit(void *ctx, int err, const char *why) {
  struct core *c = ctx;
  if (c->over || c->condemned) return;
  if (err == 0 && committer_full(c->committer)) {
    hold_until_room(c);
  } else if (err == 0) {
    degraded_set(c, 0, NULL);
    step_committed(c);
  } else if (err == ERR_CORRUPT) {
    core_condemn(c, why);
  } else if (err == ERR_SYNC || err == ERR_IO) {
    /* After a failed sync the kernel may have dropped what it could not write: trying again would seem to succeed. */
    c->over = true;
    c->hooks.fatal(c->hooks.ctx, err, why);
  } else {
    degraded_set(c, err, why);
    uv_timer_start(&c->retry, on_retry, RETRY_COMMIT_MS, 0);
  }
}

/* On the writer's thread. */
static int condemn(struct store *store, void *arg) {
  const struct core *c = arg;
  store_condemn(store, clock_now(), c->condemned);
  return 0;
}

/* The batch that is in flight may still become durable; what it decided isn't carried out, since a restore of a
 * backup will know nothing of it. */
void core_condemn(struct core *c, const char *what) {
  if (c->over || c->condemned) return;
  c->condemned = alloc_strdup(what);
  for (char *at = c->condemned; (at = strchr(at, '\n'));) *at = ' '; /* SQLite's sentences are lines */
  uv_timer_stop(&c->retry);
  committer_job(c->committer, condemn, NULL, c);
  degraded_set(c, ERR_CORRUPT, c->condemned);
}

struct core *core_new(const struct core_options *options) {
  struct core *c = alloc_new(struct core);
  c->loop = options->loop;
  c->engine = options->engine;
  c->recorder = options->recorder;
  c->hooks = options->hooks;
  c->state_dir = alloc_strdup(options->state_dir);
  c->committer = committer_new(c->loop, options->store, on_commit, c);
  c->wake = wake_new(c->loop, on_wake, c);
  if (!c->committer || !c->wake) {
    committer_free(c->committer);
    wake_free(c->wake);
    free(c->state_dir);
    free(c);
    return NULL;
  }
  c->late = late_reports_new(c->loop, &c->inbox, c->state_dir);
  uv_prepare_init(c->loop, &c->before_poll);
  uv_check_init(c->loop, &c->after_poll);
  uv_timer_init(c->loop, &c->retry);
  uv_timer_init(c->loop, &c->hold);
  uv_timer_init(c->loop, &c->adopt_limit);
  c->before_poll.data = c->after_poll.data = c->retry.data = c->hold.data = c->adopt_limit.data = c;
  c->handles = 5;
  uv_prepare_start(&c->before_poll, on_before_poll);
  uv_check_start(&c->after_poll, on_after_poll);
  return c;
}

int64_t core_commit_number(const struct core *c) {
  return committer_number(c->committer);
}

struct inbox *core_inbox(struct core *c) {
  return &c->inbox;
}

struct engine *core_engine(struct core *c) {
  return c->engine;
}

struct committer *core_committer(struct core *c) {
  return c->committer;
}

void core_add_executor(struct core *c, const char *host, struct executor *executor) {
  map_put(&c->executors, host, executor);
}

void core_set_places(struct core *c, const struct core_places *places) {
  c->places = *places;
}

static void sweep_place(void *run_id, struct executor *e) {
  e->ops->sweep(e, run_id, true);
}

void core_sweep(struct core *c, const char *run_id) {
  char id[ID_LEN + 1];
  snprintf(id, sizeof id, "%s", run_id);
  for (size_t i = 0; i < c->executors.len; i++) sweep_place(id, c->executors.entries[i].value);
  if (c->places.each) c->places.each(c->places.ctx, sweep_place, id);
}

void core_report(void *core, const struct report *r) {
  struct core *c = core;
  if (c->adopting.len > 0 && r->attempt_id) map_remove(&c->adopting, r->attempt_id);
  late_reports_take(c->late, r);
}

/* A place that doesn't answer holds nobody up for long. */
static void on_adopt_limit(uv_timer_t *timer) {
  struct core *c = timer->data;
  map_release(&c->adopting);
}

/* True if a report will follow. */
static bool adopt_one(struct core *c, const struct engine_live *live) {
  struct executor *e = executor_of(c, live->host);
  if (!e) {
    report_missing(c, REPORT_UNREACHABLE, live->host, live->run_id, live->attempt_id);
    return false;
  }
  bool asked = e->ops->adopt(e, live->run_id, live->attempt_id, live->grace) == 0;
  if (live->stop_asked) e->ops->stop(e, live->attempt_id, live->stop_now);
  return asked;
}

/* What was given up on a host, or on any, and may be alive there. */
static void clear_remnants(struct core *c, struct arena *arena, const char *host) {
  struct remnant_row *remnants;
  size_t len = engine_remnants(c->engine, arena, &remnants);
  for (size_t i = 0; i < len; i++) {
    if (host && strcmp(host, remnants[i].host) != 0) continue;
    const struct decision_clear d = {remnants[i].host, remnants[i].run_id, remnants[i].attempt_id};
    carry_out_clear(c, &d);
  }
}

void core_adopt(struct core *c) {
  struct arena arena = {0};
  struct engine_live *live;
  size_t len = engine_live_attempts(c->engine, &arena, &live);
  for (size_t i = 0; i < len; i++)
    if (adopt_one(c, &live[i])) map_put(&c->adopting, live[i].attempt_id, NULL);
  clear_remnants(c, &arena, NULL);
  uv_timer_start(&c->adopt_limit, on_adopt_limit, ADOPT_LIMIT_MS, 0);
  arena_release(&arena);
}

void core_adopt_place(struct core *c, const char *host) {
  struct arena arena = {0};
  struct engine_live *live;
  size_t len = engine_live_attempts(c->engine, &arena, &live);
  for (size_t i = 0; i < len; i++)
    if (strcmp(live[i].host, host) == 0) adopt_one(c, &live[i]);
  clear_remnants(c, &arena, host);
  arena_release(&arena);
}

void core_stalled(struct core *c, bool stalled) {
  if (c->over) return;
  if (stalled && !c->degraded) degraded_set(c, ERR_TIMEOUT, "the disk doesn't answer");
  if (!stalled && c->degraded == ERR_TIMEOUT) degraded_set(c, 0, NULL);
}

int core_degraded(const struct core *c) {
  return c->degraded;
}

bool core_quiet(const struct core *c) {
  return !c->in_flight && inbox_len(&c->inbox) == 0;
}

static void on_closed(uv_handle_t *handle) {
  struct core *c = handle->data;
  if (--c->handles > 0) return;
  inbox_release(&c->inbox);
  step_release(&c->step);
  vec_release(&c->afters);
  map_release(&c->adopting);
  engine_free(c->engine);
  free(c->state_dir);
  free(c->condemned);
  free(c);
}

void core_free(struct core *c) {
  if (!c) return;
  c->over = true;
  committer_free(c->committer);
  wake_free(c->wake);
  for (size_t i = 0; i < c->executors.len; i++) {
    struct executor *e = c->executors.entries[i].value;
    e->ops->free(e);
  }
  map_release(&c->executors);
  late_reports_free(c->late);
  uv_close((uv_handle_t *)&c->before_poll, on_closed);
  uv_close((uv_handle_t *)&c->after_poll, on_closed);
  uv_close((uv_handle_t *)&c->retry, on_closed);
  uv_close((uv_handle_t *)&c->hold, on_closed);
  uv_close((uv_handle_t *)&c->adopt_limit, on_closed);
}
