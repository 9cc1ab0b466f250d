/* One request on its way to an answer: what was asked, and the answer as it is being made. Each route has a pair of
 * functions, page_read on a thread of the pool and page_finish on the loop's thread; either may be missing.
 */
#ifndef ROTA_DAEMON_PAGE_H
#define ROTA_DAEMON_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "scheduler/daemon/pages/queries.h"

struct download;

#define PAGE_HEADERS_MAX 9
#define ETAG_BYTES       16 /* of the hash */

/* Whether the answer is put into a web page (page_index.h). */
enum page_index { INDEX_NONE, INDEX_PAGE, INDEX_NOTHING /* there is no such page */ };

struct page {
  /* Asked; copied, so that it outlives the request. */
  uint64_t handle;
  enum api_route route;
  /* Only its path and query, for api_path and api_query, if_none_match, range and who. */
  struct api_request request;
  struct arena arena; /* of this reading; emptied before the page is read again */
  struct arena asked;

  /* Known to both sides; constant while the thread reads. */
  struct history *history;
  const char *state_dir;
  instant now;
  const atomic_bool *stop; /* true: the daemon ends, what takes long is given up */

  /* The answer. */
  int status;
  const char *content_type; /* NULL: JSON */
  struct buf body;
  struct json json; /* writes into body */
  struct api_header headers[PAGE_HEADERS_MAX];
  size_t headers_len;
  char etag[2 * ETAG_BYTES + 3]; /* of a JSON body; "" until it is known */
  const char *title, *detail;    /* of a problem, with status from 400 on */
  enum page_index index;
  const char *index_url; /* of the data in a web page; NULL without any */
  bool complete;         /* set by page_read: there is nothing left for page_finish */
  void *found;           /* what page_read hands to page_finish, in the arena */

  /* Waiting: set by page_read. */
  bool unripe;         /* nothing new yet: ask again if there is time left */
  bool skimmed;        /* with unripe: the body wasn't written, since there was time left */
  int64_t watched_run; /* key of the run whose rows matter; 0: none */
  bool polls;          /* look again every 100 ms: a log grows without rows */
  int64_t wait_until;  /* monotonic; 0: doesn't wait */

  struct download *download; /* the answer is streamed, by download.h; else NULL */

  struct queries *queries;
  uv_work_t work;
  bool reading, stale, gone;
};

typedef void page_read_fn(struct page *p);
typedef void page_finish_fn(struct page *p, const struct queries_options *o);

void page_problem(struct page *p, int status, const char *title, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void page_header(struct page *p, const char *name, const char *value); /* copies the value */
/* A whole number of the query within bounds, or the fallback; a problem (422) if it isn't one. */
int64_t page_number(struct page *p, const char *name, int64_t fallback, int64_t min, int64_t max);
/* The pipeline named in the path, with `.` read as `/`. */
const char *page_pipeline(struct page *p);

/* 503, or 422 for a cursor that isn't one. */
void page_unreadable(struct page *p, int err);

/* Of a list: how many items at most; its beginning; its end with the `next` of keys, 0 at the end. */
int64_t page_limit(struct page *p);
void page_list_begin(struct page *p);
void page_list_end(struct page *p, int64_t next);

/* ---- the pages ---- */
page_read_fn page_runs_read, page_run_read, page_events_read, page_log_read, page_audit_read, page_versions_read,
    page_firings_read;
page_read_fn page_pipelines_read, page_pipeline_read, page_status_read, page_why_read;
page_read_fn page_metrics_read;
page_finish_fn page_healthz_finish, page_health_finish, page_metrics_finish;
page_finish_fn page_status_finish, page_pipelines_finish, page_pipeline_finish, page_why_finish;
page_read_fn page_schedule_read, page_restore_read, page_openapi_read;
page_finish_fn page_run_finish;
page_read_fn page_compare_read;
page_read_fn page_overview_read;
page_finish_fn page_overview_finish;
page_read_fn page_count_read, page_pipeline_events_read, page_unrun_read, page_trend_read;
page_read_fn page_grid_read, page_graph_read, page_run_graph_read;
page_read_fn page_hosts_read, page_host_read, page_files_read;
page_finish_fn page_hosts_finish, page_host_finish;
page_read_fn page_log_lines_read, page_log_search_read, page_log_file_read, page_failure_read;

#endif
