/* The next firings: of all pipelines one each, or of one pipeline as many as are asked for. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "scheduler/daemon/handlers/page.h"
#include "scheduler/daemon/handlers/page_run.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/timing.h"
#include "scheduler/spec/time/zone.h"

#define FIRINGS_MAX 1000

struct due {
  const char *pipeline, *schedule, *zone;
  instant at;
  int32_t offset_s;
};

struct dues {
  VEC(struct due) items;
};

static int by_time(const void *a, const void *b) {
  const struct due *x = a, *y = b;
  return x->at != y->at ? (x->at < y->at ? -1 : 1) : strcmp(x->pipeline, y->pipeline);
}

/* The next `n` firings of one schedule after `after`. A zone that isn't there gives none: the list of pipelines says
 * so. */
static void add_schedule(struct page *p, struct dues *dues, const char *pipeline, const struct schedule_spec *s,
                         instant after, int64_t n) {
  struct timing timing;
  struct cron_fault fault;
  struct zone *zone = NULL;
  int err = s->cron ? timing_set_cron(&timing, s->cron, &fault) : timing_set_every(&timing, s->every);
  if (err || zone_load(s->zone, NULL, &zone)) return;
  for (int64_t i = 0; i < n; i++) {
    after = timing_next(&timing, zone, after);
    if (after == INSTANT_NONE) break;
    struct due due = {.pipeline = pipeline,
                      .schedule = arena_strdup(&p->arena, s->identity),
                      .zone = arena_strdup(&p->arena, s->zone),
                      .at = after,
                      .offset_s = zone_offset(zone, after)};
    vec_push(&dues->items, due);
  }
  zone_free(zone);
}

static void write_dues(struct page *p, struct dues *dues, int64_t n) {
  if (dues->items.len > 0) qsort(dues->items.items, dues->items.len, sizeof(struct due), by_time);
  jsonw_object(&p->json);
  jsonw_key(&p->json, "items");
  jsonw_array(&p->json);
  for (size_t i = 0; i < dues->items.len && (int64_t)i < n; i++) {
    const struct due *due = &dues->items.items[i];
    char local[INSTANT_TEXT_SIZE];
    instant_format_offset(due->at, due->offset_s, local);
    jsonw_object(&p->json);
    jsonw_member_string(&p->json, "pipeline", due->pipeline);
    jsonw_member_string(&p->json, "schedule", due->schedule);
    jsonw_member_instant(&p->json, "scheduled_for", due->at);
    jsonw_member_string(&p->json, "zone", due->zone);
    jsonw_member_string(&p->json, "local", local);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
  jsonw_object_end(&p->json);
}

static void add_pipeline(struct page *p, struct dues *dues, const struct history_pipeline *pipeline, instant after,
                         int64_t n) {
  struct version_row version;
  const struct pipeline_row *row = &pipeline->row;
  if (!row->present || !row->version || row->paused_at != INSTANT_NONE) return;
  if (history_version(p->history, row->version, &p->arena, &version)) return;
  struct pipeline *spec = pipeline_from_json(version.json, version.json_len);
  for (size_t i = 0; spec && i < spec->schedules_len; i++)
    add_schedule(p, dues, row->name, &spec->schedules[i], after, n);
  pipeline_release(spec);
}

/* All pipelines, a page at a time: each gives its first firing, and the earliest of them are shown. */
static void add_all(struct page *p, struct dues *dues, instant after) {
  const char *last = NULL;
  for (;;) {
    struct history_pipeline *items;
    size_t len;
    if (history_pipelines(p->history, last, HISTORY_LIMIT_MAX, &p->arena, &items, &len)) return;
    for (size_t i = 0; i < len; i++) add_pipeline(p, dues, &items[i], after, 1);
    if (len < HISTORY_LIMIT_MAX) return;
    last = items[len - 1].row.name;
  }
}

void page_schedule_read(struct page *p) {
  struct dues dues = {0};
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
    add_pipeline(p, &dues, &pipeline, after, n);
  } else {
    add_all(p, &dues, after);
  }
  write_dues(p, &dues, n);
  vec_release(&dues.items);
}
