#include "scheduler/engine/schedule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/run.h"

#define REASON_NOT_THERE "the daemon wasn't there at its time"
#define REASON_TOO_OLD   "the daemon wasn't there at its time, and it is too long ago for its catchup_window"
#define REASON_TOO_MANY  "the daemon wasn't there at its time, and more than 1000 runs would have to be made up for"

static bool due_before(const void *a, const void *b) {
  const struct schedule *x = a, *y = b;
  return x->due != y->due ? x->due < y->due : x->row.key < y->row.key;
}
static const struct heap_kind by_due = {due_before, offsetof(struct schedule, place)};

/* ---- coming and going ---- */

/* Two pipelines' schedules of the same text must not be spread alike. */
static instant due_at(const struct schedule *s, instant firing) {
  struct buf name = {0};
  buf_fmt(&name, "%s %s", s->entry->row.name, s->row.identity);
  instant due = firing + timing_jitter(buf_cstr(&name), firing, s->spec->jitter);
  buf_release(&name);
  return due;
}

/* Zones are asked for at each use: the caller may have loaded them anew between steps. */
static const struct zone *zone_of(const struct schedule *s) {
  return s->spec->cron ? engine_zone(s->engine, s->spec->zone) : zone_utc();
}

/* Two steps back, so that the first firing after a weekend doesn't look like one of every day. */
static duration gap_before(const struct schedule *s) {
  instant last = timing_prev(&s->timing, s->zone, s->next);
  instant before = last == INSTANT_NONE ? last : timing_prev(&s->timing, s->zone, last);
  duration next = last == INSTANT_NONE ? 0 : s->next - last, former = before == INSTANT_NONE ? 0 : last - before;
  return next > former ? next : former;
}

void schedule_plan(struct schedule *s) {
  struct engine *e = s->engine;
  heap_remove(&e->schedules, &by_due, s);
  s->next = s->due = INSTANT_NONE;
  if (!s->spec || !s->row.active) return;
  s->zone = zone_of(s);
  if (!s->zone) return;
  s->next = timing_next(&s->timing, s->zone, s->row.decided);
  if (s->next == INSTANT_NONE) return;
  s->due = s->spec->jitter > 0 ? due_at(s, s->next) : s->next;
  s->gap = gap_before(s);
  heap_push(&e->schedules, &by_due, s);
}

struct schedule *schedule_new(struct entry *entry, const struct schedule_row *row) {
  struct schedule *s = alloc_new(struct schedule);
  s->entry = entry;
  s->engine = entry->engine;
  s->row = *row;
  s->row.identity = alloc_strdup(row->identity);
  s->next = s->due = INSTANT_NONE;
  vec_push(&entry->schedules, s);
  return s;
}

void schedule_activate(struct schedule *s, const struct schedule_spec *spec) {
  struct cron_fault fault;
  int err = spec->cron ? timing_set_cron(&s->timing, spec->cron, &fault) : timing_set_every(&s->timing, spec->every);
  s->spec = err ? NULL : spec;
  if (!s->row.active) {
    /* Seen again after it had gone: what fell in between was never its to fire. */
    s->row.active = true;
    s->row.since = s->engine->now.wall;
    if (s->row.decided < s->engine->now.wall) s->row.decided = s->engine->now.wall;
    mark_schedule(s->engine, s);
  }
  schedule_plan(s);
}

void schedule_deactivate(struct schedule *s) {
  s->spec = NULL;
  if (s->row.active) {
    s->row.active = false;
    mark_schedule(s->engine, s);
  }
  schedule_plan(s);
}

void schedule_free(struct schedule *s) {
  heap_remove(&s->engine->schedules, &by_due, s);
  row_text_set(&s->row.identity, NULL);
  free(s->last_reason);
  free(s);
}

/* ---- deciding ---- */

static void decided_up_to(struct schedule *s, instant firing) {
  s->row.decided = firing;
  mark_schedule(s->engine, s);
}

static void firing_new(struct schedule *s, enum firing_outcome outcome, const char *reason, instant first,
                       instant last, uint64_t count) {
  emit_firing(s->engine, s);
  text_set(&s->last_reason, reason);
  s->last = (struct firing_row){
      .key = engine_key(s->engine),
      .schedule = s->row.key,
      .pipeline = s->entry->row.key,
      .scheduled_for = first,
      .until = last,
      .count = count > INT64_MAX ? INT64_MAX : (int64_t)count,
      .outcome = outcome,
      .decided_at = s->engine->now.wall,
  };
  s->firing_dirty = true;
}

/* `count` firings from `first` to `last` make no run, for one reason. */
static void pass_over(struct schedule *s, enum firing_outcome outcome, const char *reason, instant first,
                      instant last, uint64_t count) {
  if (count == 0) return;
  bool extends = s->last.key && s->last.outcome == outcome && s->last_reason && strcmp(s->last_reason, reason) == 0;
  if (extends) {
    s->last.until = last;
    s->last.count += count > (uint64_t)(INT64_MAX - s->last.count) ? 0 : (int64_t)count;
    s->last.decided_at = s->engine->now.wall;
    s->firing_dirty = true;
  } else {
    firing_new(s, outcome, reason, first, last, count);
    emit_event(s->engine, EVENT_ROW_SCHEDULE, s->entry, NULL, NULL, firing_word(outcome), reason);
  }
  decided_up_to(s, last);
}

static void make_run(struct schedule *s, instant firing, bool queue) {
  struct engine *e = s->engine;
  struct run_order order = {
      .spec = s->entry->spec,
      .version = s->entry->row.version,
      .trigger = TRIGGER_SCHEDULE,
      .actor = {.kind = "schedule", .name = s->row.identity},
      .scheduled_for = firing,
      .interval_start = timing_prev(&s->timing, s->zone, firing),
      .zone = s->spec->zone,
      .schedule = s->row.key,
      .schedule_spec = s->spec,
  };
  const char *message;
  struct live_run *r = run_prepare(e, s->entry, &order, &message);
  if (r)
    run_admit(r, queue);
  else
    run_admit_failed(r = run_stillborn(e, s->entry, &order), message);
  firing_new(s, FIRING_RUN, NULL, firing, firing, 1);
  s->last.run = r->row.key;
  decided_up_to(s, firing);
  e->fired++;
}

static struct live_run *queued_run(const struct entry *entry) {
  for (struct live_run *r = entry->first; r && entry->live > entry->running; r = r->next)
    if (r->row.state == RUN_QUEUED) return r;
  return NULL;
}

static void cancel_live(struct schedule *s) {
  for (struct live_run *r = s->entry->first; r; r = r->next)
    if (r->row.state != RUN_CANCELLING) run_cancel(r, "the next run of its schedule takes its place");
}

/* One firing that is to start now, if the pipeline's live runs let it. */
static void fire(struct schedule *s, instant firing) {
  struct entry *entry = s->entry;
  struct arena *a = &s->engine->scratch;
  struct live_run *ahead = entry->first, *queued, *same = run_of_instant(entry, firing);
  if (same && !same->row.schedule) {
    pass_over(s, FIRING_SKIPPED, arena_fmt(a, "%s, made by hand, is for this instant", run_name(same, a)), firing,
              firing, 1);
  } else if (!ahead || s->spec->overlap == OVERLAP_ALLOW) {
    make_run(s, firing, false);
  } else if (s->spec->overlap == OVERLAP_CANCEL_RUNNING) {
    cancel_live(s);
    make_run(s, firing, true);
  } else if (s->spec->overlap == OVERLAP_SKIP) {
    const char *reason = arena_fmt(a, "overlap: %s hadn't ended", run_name(ahead, a));
    pass_over(s, FIRING_SKIPPED, reason, firing, firing, 1);
  } else if ((queued = queued_run(entry))) {
    const char *reason = arena_fmt(a, "overlap: %s was queued already", run_name(queued, a));
    pass_over(s, FIRING_SKIPPED, reason, firing, firing, 1);
  } else {
    make_run(s, firing, true);
  }
}

/* How far back `catchup` reaches: `last` takes a firing until the next one is due, in any case at most a day. */
static duration window(const struct schedule_spec *spec) {
  return spec->catchup_window > 0 ? spec->catchup_window : USEC_PER_DAY;
}

/* The first of the firings after `decided` up to `last` that is on time; INSTANT_NONE if not even `last` is. Where
 * the jitter is longer than the time between two firings, those before it wait for their start as it does. */
static instant first_on_time(const struct schedule *s, instant last) {
  instant now = s->engine->now.wall, looked = s->engine->behind;
  if (looked == INSTANT_NONE || looked > now) looked = now;
  instant since = looked - SCHEDULE_GRACE - s->spec->jitter, first = last;
  if (last < since) return INSTANT_NONE;
  while (s->spec->jitter > 0) {
    instant before = timing_prev(&s->timing, s->zone, first);
    if (before == INSTANT_NONE || before <= s->row.decided || before < since || before + s->spec->jitter <= first)
      break;
    first = before;
  }
  return first;
}

/* The first of the firings after `decided` up to `last`, the newest that is due, that shall start: those that are on
 * time, and those that the policy makes up for. INSTANT_NONE: none of them. */
static instant first_to_fire(const struct schedule *s, instant last, const char **reason) {
  instant now = s->engine->now.wall, first = first_on_time(s, last);
  *reason = REASON_NOT_THERE;
  if (s->spec->catchup == CATCHUP_NONE) return first;
  instant reach = now - window(s->spec) - 1;
  if (reach < s->row.decided) reach = s->row.decided;
  if (last <= reach) {
    *reason = REASON_TOO_OLD;
    return first;
  }
  if (s->spec->catchup == CATCHUP_LAST) return first == INSTANT_NONE ? last : first;
  if (timing_count(&s->timing, s->zone, reach, now) > SCHEDULE_CATCHUP_MAX) {
    *reason = REASON_TOO_MANY;
    reach = last;
    for (int n = 0; n < SCHEDULE_CATCHUP_MAX; n++) reach = timing_prev(&s->timing, s->zone, reach);
  } else if (reach > s->row.decided) {
    *reason = REASON_TOO_OLD;
  }
  instant made_up = timing_next(&s->timing, s->zone, reach);
  return first == INSTANT_NONE || made_up < first ? made_up : first;
}

/* Nothing of it starts as long as someone has it paused. */
static const char *paused(const struct schedule *s) {
  struct engine *e = s->engine;
  const char *reason = e->pause.at != INSTANT_NONE               ? e->pause_reason
                       : s->entry->row.paused_at != INSTANT_NONE ? s->entry->row.paused_reason
                                                                 : NULL;
  if (e->pause.at == INSTANT_NONE && s->entry->row.paused_at == INSTANT_NONE)
    return s->spec->paused ? "paused: true in the file" : NULL;
  return arena_fmt(&e->scratch, "paused: %s", reason ? reason : "no reason was given");
}

/* The newest firing that is due, as are all before it: with jitter one that comes later may be due sooner, and waits.
 */
static instant last_due(const struct schedule *s) {
  instant now = s->engine->now.wall, jitter = s->spec->jitter;
  /* Whose longest jitter is over is due. */
  instant last = timing_prev(&s->timing, s->zone, now - jitter + 1);
  if (last == INSTANT_NONE || last < s->next) last = s->next;
  for (instant f = last; jitter > 0 && f != INSTANT_NONE && f <= now && due_at(s, f) <= now;
       f = timing_next(&s->timing, s->zone, f))
    last = f;
  return last;
}

/* Decides what is due by its plan, after which it is to be planned anew. A plan by rules that have been replaced
 * since decides nothing. */
static void decide_due(struct schedule *s) {
  if (s->zone != zone_of(s)) return;
  instant last = last_due(s), after = s->row.decided;
  assert(last >= s->next && s->next > after);
  const char *reason = paused(s);
  if (reason) {
    pass_over(s, FIRING_SKIPPED, reason, s->next, last, timing_count(&s->timing, s->zone, after, last));
    return;
  }
  instant first = first_to_fire(s, last, &reason);
  if (first == INSTANT_NONE) {
    pass_over(s, FIRING_MISSED, reason, s->next, last, timing_count(&s->timing, s->zone, after, last));
    return;
  }
  if (first > s->next) {
    instant before = timing_prev(&s->timing, s->zone, first);
    pass_over(s, FIRING_MISSED, reason, s->next, before, timing_count(&s->timing, s->zone, after, before));
  }
  for (instant f = first; f != INSTANT_NONE && f <= last; f = timing_next(&s->timing, s->zone, f)) fire(s, f);
}

void schedules_run(struct engine *e) {
  if (!e->options.schedules) return;
  struct schedule *s;
  while ((s = heap_top(&e->schedules)) && s->due <= e->now.wall) {
    if (e->fired >= SCHEDULE_RUNS_MAX) {
      if (e->behind == INSTANT_NONE) e->behind = e->now.wall;
      return;
    }
    decide_due(s);
    schedule_plan(s);
  }
  e->behind = INSTANT_NONE;
}

void schedules_run_entry(struct engine *e, struct entry *entry) {
  if (!e->options.schedules) return;
  for (size_t i = 0; i < entry->schedules.len; i++) {
    struct schedule *s = entry->schedules.items[i];
    while (s->place && s->due <= e->now.wall) {
      decide_due(s);
      schedule_plan(s);
    }
  }
}

instant schedules_next(const struct engine *e) {
  const struct schedule *s = heap_top(&e->schedules);
  return s && e->options.schedules ? s->due : INSTANT_NONE;
}

instant schedule_interval(const struct entry *entry, instant at) {
  if (!entry->spec || !entry->spec->schedules_len) return INSTANT_NONE;
  for (size_t i = 0; i < entry->schedules.len; i++) {
    const struct schedule *s = entry->schedules.items[i];
    if (s->spec != &entry->spec->schedules[0]) continue;
    const struct zone *zone = zone_of(s);
    return zone ? timing_prev(&s->timing, zone, at) : INSTANT_NONE;
  }
  return INSTANT_NONE;
}
