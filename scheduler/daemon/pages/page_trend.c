/* How long the runs of a pipeline and its tasks took lately. */
#include "base/err.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/store/history.h"

#define TREND_RUNS 100

static void write_run(struct json *j, const struct history_last *run, instant now) {
  jsonw_object(j);
  jsonw_member_string(j, "id", run->id.text);
  jsonw_member_int(j, "number", run->number);
  jsonw_member_string(j, "state", run_state_word(run->state));
  jsonw_member_instant(j, "started_at", run->started_at);
  present_span(j, run->started_at, run->ended_at, now);
  jsonw_object_end(j);
}

void page_trend_read(struct page *p) {
  struct history_pipeline pipeline;
  struct history_last *runs = NULL;
  struct stat_row *stats = NULL;
  size_t runs_len = 0, stats_len = 0;
  duration usual = -1;
  struct json *j = &p->json;
  size_t limit = (size_t)page_number(p, "runs", TREND_RUNS, 1, HISTORY_LIMIT_MAX);
  if (p->status >= 400 || !page_find_pipeline(p, &pipeline)) return;
  int err = history_last(p->history, pipeline.row.key, limit, &p->arena, &runs, &runs_len);
  if (!err) err = history_usual(p->history, pipeline.row.key, &usual);
  if (!err) err = history_stats(p->history, pipeline.row.key, &p->arena, &stats, &stats_len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  jsonw_object(j);
  jsonw_key(j, "runs");
  jsonw_array(j);
  for (size_t i = 0; i < runs_len; i++) write_run(j, &runs[i], p->now);
  jsonw_array_end(j);
  present_known(j, "median_ms", usual < 0 ? -1 : usual / USEC_PER_MS);
  jsonw_key(j, "tasks");
  jsonw_array(j);
  for (size_t i = 0; i < stats_len; i++) {
    jsonw_object(j);
    jsonw_member_string(j, "task", stats[i].task);
    present_known(j, "usual_ms", stat_median_ms(&stats[i]));
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
  jsonw_object_end(j);
}
