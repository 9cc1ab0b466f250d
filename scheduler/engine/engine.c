#include "scheduler/engine/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/model.h"
#include "scheduler/engine/prepare.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/report.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/schedule.h"
#include "scheduler/engine/slot.h"
#include "scheduler/engine/timer.h"

#define CLOCK_JUMP USEC_PER_MIN /* a difference between the clocks' steps that is told */

struct engine *engine_new(const struct engine_options *options) {
  struct engine *e = alloc_new(struct engine);
  e->options = *options;
  e->config = options->config;
  e->next_key = 1;
  e->pause.at = e->behind = INSTANT_NONE;
  slots_configure(e);
  return e;
}

/* What ended or changed in the last step is remembered for this one. */
static void forget_over(struct engine *e) {
  for (size_t i = 0; i < e->over_before.len; i++) run_free(e->over_before.items[i]);
  e->over_before.len = e->changed_before.len = 0;
  for (size_t i = 0; i < e->over.len; i++) vec_push(&e->over_before, e->over.items[i]);
  for (size_t i = 0; i < e->changed.len; i++) vec_push(&e->changed_before, e->changed.items[i]);
  e->over.len = e->changed.len = 0;
}

void engine_free(struct engine *e) {
  if (!e) return;
  forget_over(e);
  forget_over(e);
  for (size_t i = 0; i < e->runs_by_id.len; i++) run_free(e->runs_by_id.entries[i].value);
  ready_release(e);
  for (size_t i = 0; i < e->entries.len; i++) entry_free(e->entries.items[i]);
  remnants_release(e);
  slots_release(e);
  map_release(&e->entries_by_name);
  map_release(&e->entries_by_key);
  map_release(&e->runs_by_id);
  map_release(&e->attempts_by_id);
  heap_release(&e->timers);
  heap_release(&e->schedules);
  vec_release(&e->entries);
  vec_release(&e->work);
  vec_release(&e->advance);
  vec_release(&e->over);
  vec_release(&e->over_before);
  vec_release(&e->changed);
  vec_release(&e->changed_before);
  vec_release(&e->unprepared);
  vec_release(&e->dirty_runs);
  vec_release(&e->dirty_entries);
  vec_release(&e->dirty_schedules);
  vec_release(&e->dirty_attempts);
  vec_release(&e->dirty_hosts);
  vec_release(&e->early);
  vec_release(&e->late);
  free(e->pause_reason);
  free(e->pause_by);
  arena_release(&e->scratch);
  free(e);
}

/* ---- events ---- */

static void take_config(struct engine *e, const struct engine_config *ev) {
  e->config = ev->config;
  slots_configure(e);
  ready_configure(e);
  remnants_again(e);
  for (size_t i = 0; i < e->entries.len; i++) {
    struct entry *entry = e->entries.items[i];
    for (size_t k = 0; k < entry->schedules.len; k++) schedule_plan(entry->schedules.items[k]);
  }
}

static void take_code(struct engine *e, const struct engine_code *ev) {
  struct live_run *r = run_find(e, ev->run_id);
  if (!ev->commit) return;
  if (!r) {
    emit_code(e, ev);
    return;
  }
  vec_push(&r->codes, ((struct code){alloc_strdup(ev->dir), alloc_strdup(ev->commit), ev->dirty}));
  for (struct attempt *a = r->attempts; a; a = a->next) attempt_code(a, ev->dir, ev->commit, ev->dirty);
  for (size_t i = 0; i < r->past.len; i++) attempt_code(r->past.items[i], ev->dir, ev->commit, ev->dirty);
}

static const struct engine_asker *asker_of(const struct engine_event *ev) {
  switch (ev->kind) {
  case ENGINE_TRIGGER: return &ev->trigger.asker;
  case ENGINE_RERUN: return &ev->rerun.asker;
  case ENGINE_CANCEL: return &ev->cancel.asker;
  case ENGINE_RETRY_NOW: return &ev->retry_now.asker;
  case ENGINE_MARK: return &ev->mark.asker;
  case ENGINE_NOTE: return &ev->note.asker;
  case ENGINE_KEEP: return &ev->keep.asker;
  case ENGINE_PAUSE: return &ev->pause.asker;
  case ENGINE_RESUME: return &ev->resume.asker;
  case ENGINE_HOST_ORDER: return &ev->host_order.asker;
  case ENGINE_RECORD: return &ev->record.asker;
  default: return NULL;
  }
}

static void take_event(struct engine *e, const struct engine_event *ev) {
  const struct engine_asker *asker = asker_of(ev);
  if (asker && reply_repeated(e, asker)) return;
  e->actor = !asker ? NULL : asker->actor.name ? asker->actor.name : asker->actor.id;
  switch (ev->kind) {
  case ENGINE_LOADED: entry_loaded(e, &ev->loaded); break;
  case ENGINE_BROKEN: entry_broken(e, &ev->broken); break;
  case ENGINE_GONE: entry_gone(e, &ev->gone); break;
  case ENGINE_CONFIG: take_config(e, &ev->config); break;
  case ENGINE_TRIGGER: request_trigger(e, &ev->trigger); break;
  case ENGINE_RERUN: request_rerun(e, &ev->rerun); break;
  case ENGINE_CANCEL: request_cancel(e, &ev->cancel); break;
  case ENGINE_RETRY_NOW: request_retry_now(e, &ev->retry_now); break;
  case ENGINE_MARK: request_mark(e, &ev->mark); break;
  case ENGINE_NOTE: request_note(e, &ev->note); break;
  case ENGINE_KEEP: request_keep(e, &ev->keep); break;
  case ENGINE_PAUSE: request_pause(e, &ev->pause); break;
  case ENGINE_RESUME: request_resume(e, &ev->resume); break;
  case ENGINE_REPORT: report_take(e, &ev->report); break;
  case ENGINE_PREPARED: prepare_done(e, &ev->prepared); break;
  case ENGINE_CODE: take_code(e, &ev->code); break;
  case ENGINE_HOST: host_news(e, &ev->host); break;
  case ENGINE_HOST_ORDER: request_host_order(e, &ev->host_order); break;
  case ENGINE_RECORD: request_record(e, &ev->record); break;
  }
  e->actor = NULL;
}

/* ---- what follows ---- */

/* Until nothing follows from anything any more: ends that decide others, runs that end, runs that were queued. */
static void drain(struct engine *e) {
  while (e->work.len || e->advance.len) {
    for (size_t i = 0; i < e->work.len; i++) {
      struct work w = e->work.items[i];
      if (w.run->over) continue;
      engine_deciding(e, w.run);
      if (w.index == NO_INDEX)
        run_check_end(w.run);
      else
        instance_consider(&w.run->instances[w.index]);
    }
    e->work.len = 0;
    for (size_t i = 0; i < e->advance.len; i++) entry_advance(e->advance.items[i]);
    e->advance.len = 0;
  }
}

static struct live_run *timer_run(struct timer *t) {
  switch (t->kind) {
  case TIMER_RETRY: return timer_owner(t, struct instance, retry)->run;
  case TIMER_AGAIN: return timer_owner(t, struct attempt, again)->run;
  case TIMER_SILENT: return timer_owner(t, struct attempt, silent)->run;
  case TIMER_DEADLINE: break;
  }
  return timer_owner(t, struct live_run, deadline);
}

static void timer_act(struct engine *e, struct timer *t) {
  engine_deciding(e, timer_run(t));
  switch (t->kind) {
  case TIMER_RETRY: instance_retry_over(timer_owner(t, struct instance, retry)); break;
  case TIMER_DEADLINE: run_timed_out(timer_owner(t, struct live_run, deadline)); break;
  case TIMER_AGAIN: report_again(timer_owner(t, struct attempt, again)); break;
  case TIMER_SILENT: report_silent(timer_owner(t, struct attempt, silent)); break;
  }
}

/* The wall clock against the monotonic one: what is planned by the one and what is measured by the other part ways
 * when someone sets it. */
static void watch_clock(struct engine *e, struct moment now) {
  duration jump = e->stepped ? (now.wall - e->now.wall) - (now.mono - e->now.mono) : 0;
  e->now = now;
  e->stepped = true;
  if (jump < CLOCK_JUMP && jump > -CLOCK_JUMP) return;
  char text[DURATION_TEXT_SIZE];
  duration_format(jump < 0 ? -jump : jump, text);
  emit_event(e, EVENT_ROW_CLOCK, NULL, NULL, NULL, jump < 0 ? "back" : "forward",
             arena_fmt(&e->scratch, "the wall clock was set %s by %s", jump < 0 ? "back" : "forward", text));
}

void engine_step(struct engine *e, struct moment now, const uint8_t seed[32], const struct engine_event *events,
                 size_t events_len, struct step *out) {
  forget_over(e);
  arena_reset(&e->scratch);
  e->out = out;
  e->fired = 0;
  random_init(&e->random, seed);
  watch_clock(e, now);
  prepare_again(e);
  drain(e);
  for (size_t i = 0; i < events_len; i++) {
    engine_deciding(e, NULL);
    take_event(e, &events[i]);
    drain(e);
  }
  struct timer *t;
  while ((t = timer_due(e))) {
    timer_act(e, t);
    drain(e);
  }
  engine_deciding(e, NULL);
  schedules_run(e);
  do {
    drain(e);
    if (e->relabel) ready_relabel(e);
    ready_dispatch(e);
  } while (e->work.len || e->advance.len);
  emit_all(e);
  engine_deciding(e, NULL);
  out->wake_wall = schedules_next(e);
  out->wake_mono = timer_next(e);
  e->out = NULL;
}

void step_reset(struct step *s) {
  arena_reset(&s->arena);
  s->changes.len = s->decisions.len = 0;
}

void step_release(struct step *s) {
  arena_release(&s->arena);
  vec_release(&s->changes);
  vec_release(&s->decisions);
}

int64_t engine_key_reserve(struct engine *e) {
  assert(!e->out);
  return engine_key(e);
}

int64_t engine_key_next(const struct engine *e) {
  return e->next_key;
}

/* ---- questions ---- */

size_t engine_live_attempts(const struct engine *e, struct arena *a, struct engine_live **out) {
  struct engine_live *live = arena_new_array(a, e->attempts_by_id.len + 1, struct engine_live);
  for (size_t i = 0; i < e->attempts_by_id.len; i++) {
    struct attempt *at = e->attempts_by_id.entries[i].value;
    live[i] = (struct engine_live){.run_id = arena_strdup(a, at->run->row.id.text),
                                   .attempt_id = arena_strdup(a, at->row.id.text),
                                   .host = arena_strdup(a, at->host->name),
                                   .grace = attempt_grace(at, a),
                                   .stop_asked = at->row.stop_asked,
                                   .stop_now = at->row.stop_now};
  }
  *out = live;
  return e->attempts_by_id.len;
}

bool engine_run_live(const struct engine *e, const char *run_id) {
  return map_has(&e->runs_by_id, run_id);
}

size_t engine_runs(const struct engine *e) {
  return e->runs_by_id.len;
}

const struct pipeline *engine_pipeline(const struct engine *e, const char *pipeline) {
  const struct entry *entry = entry_find(e, pipeline);
  return entry ? entry->spec : NULL;
}

static const struct schedule *next_schedule(const struct engine *e, const char *pipeline) {
  const struct entry *entry = entry_find(e, pipeline);
  const struct schedule *next = NULL;
  if (!entry || !e->options.schedules || entry->row.paused_at != INSTANT_NONE || e->pause.at != INSTANT_NONE)
    return NULL;
  for (size_t i = 0; i < entry->schedules.len; i++) {
    const struct schedule *s = entry->schedules.items[i];
    if (!s->place || s->spec->paused || (next && s->next >= next->next)) continue;
    next = s;
  }
  return next;
}

instant engine_next_firing(const struct engine *e, const char *pipeline, const char **schedule) {
  const struct schedule *next = next_schedule(e, pipeline);
  if (next && schedule) *schedule = next->row.identity;
  return next ? next->next : INSTANT_NONE;
}

duration engine_firing_gap(const struct engine *e, const char *pipeline) {
  const struct schedule *next = next_schedule(e, pipeline);
  return next ? next->gap : -1;
}
