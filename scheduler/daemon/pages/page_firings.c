/* What became of firings: of a pipeline all, over all pipelines those that nothing ran for. */
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/store/history.h"

/* Opens the object and writes the members. */
static void firing_begin(struct page *p, const struct firing_row *row) {
  struct history_run run;
  bool ran = row->run && history_run(p->history, row->run, &p->arena, &run) == 0;
  jsonw_object(&p->json);
  jsonw_member_instant(&p->json, "scheduled_for", row->scheduled_for);
  jsonw_member_instant(&p->json, "until", row->until);
  jsonw_member_int(&p->json, "count", row->count);
  jsonw_member_string(&p->json, "outcome", firing_word(row->outcome));
  jsonw_member_string(&p->json, "reason", row->reason);
  jsonw_member_string(&p->json, "run", ran ? run.run.id.text : NULL);
  jsonw_member_instant(&p->json, "decided_at", row->decided_at);
}

/* The cursor is the instant of the last one, in microseconds. */
void page_firings_read(struct page *p) {
  struct history_pipeline pipeline;
  struct firing_row *rows;
  size_t len;
  instant before = page_number(p, "after", INSTANT_NONE, INT64_MIN, INT64_MAX);
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400 || !page_find_pipeline(p, &pipeline)) return;
  int err = history_firings(p->history, pipeline.row.key, before, limit, &p->arena, &rows, &len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) {
    firing_begin(p, &rows[i]);
    jsonw_object_end(&p->json);
  }
  page_list_end(p, len == limit ? rows[len - 1].scheduled_for : 0);
}

/* ---- those that nothing ran for ---- */

/* The outcomes asked for, both by default; false after a problem was set. */
static bool outcomes_of(struct page *p, bool *missed, bool *skipped) {
  const char *text = api_query(&p->request, "outcome");
  *missed = *skipped = !text;
  for (const char *at = text; at;) {
    size_t len = strcspn(at, ",");
    bool is_missed = len == strlen("missed") && strncmp(at, "missed", len) == 0;
    bool is_skipped = len == strlen("skipped") && strncmp(at, "skipped", len) == 0;
    if (!is_missed && !is_skipped) {
      page_problem(p, 422, "Bad query", "'outcome' must be missed, skipped, or both with a comma between them");
      return false;
    }
    *missed |= is_missed;
    *skipped |= is_skipped;
    at = at[len] ? at + len + 1 : NULL;
  }
  return true;
}

void page_unrun_read(struct page *p) {
  struct history_unrun *items;
  size_t len;
  const char *next;
  bool missed, skipped;
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400 || !outcomes_of(p, &missed, &skipped)) return;
  int err = history_unrun(p->history, missed, skipped, api_query(&p->request, "after"), limit, &p->arena, &items,
                          &len, &next);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) {
    firing_begin(p, &items[i].row);
    jsonw_member_string(&p->json, "pipeline", items[i].pipeline);
    jsonw_member_string(&p->json, "schedule", items[i].schedule);
    jsonw_member_bool(&p->json, "run_now", !items[i].run_since);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
  jsonw_member_string(&p->json, "next", next);
  jsonw_object_end(&p->json);
}
