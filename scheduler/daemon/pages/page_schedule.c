/* The next firings, of all pipelines or of one, merged in order. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/timing.h"
#include "scheduler/spec/time/zone.h"

#define FIRINGS_MAX 1000

/* A schedule and the firing of it that comes next. */
struct source {
  const char *pipeline, *schedule;
  struct timing timing;
  const struct zone *zone; /* owned by the table of zones */
  const char *zone_name;
  bool paused;
  instant next;
};

struct sources {
  VEC(struct source) items;
  struct map zones; /* name -> struct zone, each loaded once */
};

/* NULL if it isn't there: the list of pipelines says so. */
static const struct zone *zone_named(struct sources *all, const char *name) {
  struct zone *zone = map_get(&all->zones, name);
  if (!zone && zone_load(name, NULL, &zone) == 0) map_put(&all->zones, name, zone);
  return zone;
}

static void sources_release(struct sources *all) {
  for (size_t i = 0; i < all->zones.len; i++) zone_free(all->zones.entries[i].value);
  map_release(&all->zones);
  vec_release(&all->items);
}

static void add_schedule(struct page *p, struct sources *all, const char *pipeline, const struct schedule_spec *s,
                         bool paused, instant after) {
  struct cron_fault fault;
  struct source source = {.pipeline = pipeline, .paused = paused || s->paused};
  int err = s->cron ? timing_set_cron(&source.timing, s->cron, &fault) : timing_set_every(&source.timing, s->every);
  source.zone = zone_named(all, s->zone);
  if (err || !source.zone) return;
  source.schedule = arena_strdup(&p->arena, s->identity);
  source.zone_name = arena_strdup(&p->arena, s->zone);
  source.next = timing_next(&source.timing, source.zone, after);
  if (source.next != INSTANT_NONE) vec_push(&all->items, source);
}

static void add_pipeline(struct page *p, struct sources *all, const struct history_pipeline *pipeline,
                         instant after) {
  const struct pipeline_row *row = &pipeline->row;
  if (!row->present) return;
  struct pipeline *spec = history_spec(p->history, row->version);
  for (size_t i = 0; spec && i < spec->schedules_len; i++)
    add_schedule(p, all, row->name, &spec->schedules[i], row->paused_at != INSTANT_NONE, after);
  pipeline_release(spec);
}

/* All pipelines, a page at a time. */
static void add_all(struct page *p, struct sources *all, instant after) {
  const char *last = NULL;
  for (;;) {
    struct history_pipeline *items;
    size_t len;
    if (history_pipelines(p->history, last, HISTORY_LIMIT_MAX, &p->arena, &items, &len)) return;
    for (size_t i = 0; i < len; i++) add_pipeline(p, all, &items[i], after);
    if (len < HISTORY_LIMIT_MAX) return;
    last = items[len - 1].row.name;
  }
}

/* ---- where the clocks change ---- */

/* "gap": its local time is skipped that day, so it fires when the gap is over; "repeat": the clocks show its local
 * time twice. NULL otherwise. */
static const char *dst_of(const struct source *s, instant at) {
  if (s->timing.kind != TIMING_CRON) return NULL;
  struct civil c = zone_civil(s->zone, at);
  instant both[2];
  if (zone_local_to_instants(s->zone, &c, both, NULL) == 2) return "repeat";
  struct zone_span span = zone_span_at(s->zone, at);
  if (at != span.start || s->timing.cron.elapsed_time) return NULL;
  bool forward = zone_offset(s->zone, at - 1) < span.offset_s;
  bool as_written = (s->timing.cron.hours >> c.hour & 1) && (s->timing.cron.minutes >> c.minute & 1);
  return forward && !as_written ? "gap" : NULL;
}

/* ---- writing ---- */

static struct source *earliest(const struct sources *all) {
  struct source *first = NULL;
  for (size_t i = 0; i < all->items.len; i++) {
    struct source *s = &all->items.items[i];
    if (s->next == INSTANT_NONE) continue;
    if (!first || s->next < first->next || (s->next == first->next && strcmp(s->pipeline, first->pipeline) < 0))
      first = s;
  }
  return first;
}

static void write_due(struct json *j, const struct source *s) {
  char local[INSTANT_TEXT_SIZE];
  instant_format_offset(s->next, zone_offset(s->zone, s->next), local);
  jsonw_object(j);
  jsonw_member_string(j, "pipeline", s->pipeline);
  jsonw_member_string(j, "schedule", s->schedule);
  jsonw_member_instant(j, "scheduled_for", s->next);
  jsonw_member_string(j, "zone", s->zone_name);
  jsonw_member_string(j, "local", local);
  jsonw_member_string(j, "dst", dst_of(s, s->next));
  jsonw_member_bool(j, "paused", s->paused);
  jsonw_member_instant(j, "interval_start", timing_prev(&s->timing, s->zone, s->next));
  jsonw_object_end(j);
}

static void write_dues(struct page *p, struct sources *all, int64_t n) {
  struct source *s;
  jsonw_object(&p->json);
  jsonw_key(&p->json, "items");
  jsonw_array(&p->json);
  for (int64_t i = 0; i < n && (s = earliest(all)); i++) {
    write_due(&p->json, s);
    s->next = timing_next(&s->timing, s->zone, s->next);
  }
  jsonw_array_end(&p->json);
  jsonw_object_end(&p->json);
}

void page_schedule_read(struct page *p) {
  struct sources all = {0};
  const char *name = api_query(&p->request, "pipeline");
  const char *after_text = api_query(&p->request, "after");
  instant after = p->now;
  int64_t n = page_number(p, "n", 10, 1, FIRINGS_MAX);
  if (after_text && instant_parse(after_text, &after)) {
    page_problem(p, 422, "Bad query", "'after' must be an instant like 2026-03-29T02:30:00+02:00");
  }
  if (p->status >= 400) return;
  if (name) {
    struct history_pipeline pipeline;
    if (history_pipeline(p->history, name, &p->arena, &pipeline)) {
      page_problem(p, 404, "Not found", "there is no pipeline '%s'; `rota list` shows them", name);
      return;
    }
    add_pipeline(p, &all, &pipeline, after);
  } else {
    add_all(p, &all, after);
  }
  write_dues(p, &all, n);
  sources_release(&all);
}
