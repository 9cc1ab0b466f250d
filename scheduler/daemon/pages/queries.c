#include "scheduler/daemon/pages/queries.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/vec.h"
#include "scheduler/api/stream.h"
#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/logs/download.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_index.h"
#include "scheduler/spec/config.h"
#include "scheduler/store/history.h"

#define LOOK_AGAIN_MS 100
#define REST_MS       3000 /* without a page */
#define HANDLES       2
#define WAIT_MAX_MS   30000

struct queries {
  struct queries_options o;
  VEC(struct page *) pages; /* all that are under way or wait */
  uv_timer_t look_again, rest;
  uv_work_t rest_work;
  bool resting; /* on a thread of the pool */
  bool closing;
  int open;         /* handles */
  atomic_bool stop; /* for the pages that threads read */
};

static const struct page_kind {
  page_read_fn *read;
  page_finish_fn *finish;
} kinds[API_ROUTE_COUNT] = {
    [API_HEALTHZ] = {NULL, page_healthz_finish},
    [API_METRICS] = {page_metrics_read, page_metrics_finish},
    [API_HEALTH] = {NULL, page_health_finish},
    [API_STATUS] = {page_status_read, page_status_finish},
    [API_PIPELINES] = {page_pipelines_read, page_pipelines_finish},
    [API_PIPELINE] = {page_pipeline_read, page_pipeline_finish},
    [API_OVERVIEW] = {page_overview_read, page_overview_finish},
    [API_RUNS_COUNT] = {page_count_read, NULL},
    [API_PIPELINE_EVENTS] = {page_pipeline_events_read, NULL},
    [API_UNRUN] = {page_unrun_read, NULL},
    [API_TREND] = {page_trend_read, NULL},
    [API_COMPARE] = {page_compare_read, NULL},
    [API_GRID] = {page_grid_read, NULL},
    [API_GRAPH] = {page_graph_read, NULL},
    [API_RUN_GRAPH] = {page_run_graph_read, NULL},
    [API_VERSIONS] = {page_versions_read, NULL},
    [API_FIRINGS] = {page_firings_read, NULL},
    [API_RUNS] = {page_runs_read, NULL},
    [API_RUN] = {page_run_read, page_run_finish},
    [API_EVENTS] = {page_events_read, NULL},
    [API_WHY] = {page_why_read, page_why_finish},
    [API_RUN_LOG] = {page_log_read, NULL},
    [API_LOG_LINES] = {page_log_lines_read, NULL},
    [API_LOG_SEARCH] = {page_log_search_read, NULL},
    [API_LOG_FILE] = {page_log_file_read, NULL},
    [API_RUN_FAILURE] = {page_failure_read, NULL},
    [API_RUN_FILES] = {page_files_read, NULL},
    [API_HOSTS] = {page_hosts_read, page_hosts_finish},
    [API_HOST] = {page_host_read, page_host_finish},
    [API_SCHEDULE] = {page_schedule_read, NULL},
    [API_AUDIT] = {page_audit_read, NULL},
    [API_RESTORE] = {page_restore_read, NULL},
    [API_OPENAPI] = {page_openapi_read, NULL},
};

/* ---- helpers of the pages ---- */

void page_problem(struct page *p, int status, const char *title, const char *format, ...) {
  va_list args;
  va_start(args, format);
  p->status = status;
  p->title = title;
  p->detail = arena_vfmt(&p->arena, format, args);
  va_end(args);
}

void page_header(struct page *p, const char *name, const char *value) {
  if (p->headers_len == PAGE_HEADERS_MAX) return;
  p->headers[p->headers_len++] = (struct api_header){.name = name, .value = arena_strdup(&p->arena, value)};
}

int64_t page_number(struct page *p, const char *name, int64_t fallback, int64_t min, int64_t max) {
  const char *text = api_query(&p->request, name);
  if (!text) return fallback;
  char *end;
  long long value = strtoll(text, &end, 10);
  if (end != text && *end == '\0' && value >= min && value <= max) return value;
  page_problem(p, 422, "Bad query", "'%s' must be a whole number from %lld to %lld", name, (long long)min,
               (long long)max);
  return fallback;
}

void page_unreadable(struct page *p, int err) {
  if (err == ERR_INVALID) {
    page_problem(p, 422, "Bad cursor", "'after' must be the 'next' of a former page of the same list");
  } else {
    page_problem(p, 503, "Not readable", "the rows can't be read: %s; repeat it", err_text(err));
  }
}

const char *page_pipeline(struct page *p) {
  char *name = arena_strdup(&p->arena, api_path(&p->request, "name"));
  for (char *c = name; *c; c++) {
    if (*c == '.') *c = '/';
  }
  return name;
}

/* ---- a page's way ---- */

static const char *copy_text(struct arena *a, const char *text) {
  return text ? arena_strdup(a, text) : NULL;
}

static struct api_pair *copy_pairs(struct arena *a, const struct api_pair *from, size_t len) {
  struct api_pair *to = arena_new_array(a, len + 1, struct api_pair);
  for (size_t i = 0; i < len; i++) {
    to[i] = (struct api_pair){.name = arena_strdup(a, from[i].name), .value = arena_strdup(a, from[i].value)};
  }
  return to;
}

static struct page *page_new(struct queries *q, const struct api_request *request) {
  struct page *p = alloc_new(struct page);
  p->queries = q;
  p->handle = request->handle;
  p->route = request->route;
  p->request.route = request->route;
  p->request.path = copy_pairs(&p->asked, request->path, request->path_len);
  p->request.path_len = request->path_len;
  p->request.query = copy_pairs(&p->asked, request->query, request->query_len);
  p->request.query_len = request->query_len;
  p->request.if_none_match = copy_text(&p->asked, request->if_none_match);
  p->request.range = copy_text(&p->asked, request->range);
  p->request.who = access_who(&request->who, &p->asked);
  p->history = q->o.history;
  p->state_dir = q->o.assembly->state_dir;
  p->stop = &q->stop;
  p->work.data = p;
  int64_t wait_ms = page_number(p, request->route == API_RUN ? "timeout_ms" : "wait_ms", 0, 0, WAIT_MAX_MS);
  if (request->route == API_RUN && api_query(request, "wait") && wait_ms == 0) wait_ms = WAIT_MAX_MS;
  if (wait_ms > 0) p->wait_until = clock_monotonic() + wait_ms * USEC_PER_MS;
  vec_push(&q->pages, p);
  return p;
}

static void on_rest(uv_timer_t *timer);

static void page_free(struct page *p) {
  struct queries *q = p->queries;
  for (size_t i = 0; i < q->pages.len; i++) {
    if (q->pages.items[i] == p) vec_swap_remove(&q->pages, i);
  }
  arena_release(&p->arena);
  arena_release(&p->asked);
  buf_release(&p->body);
  download_free(p->download);
  free(p);
  if (!q->closing) uv_timer_start(&q->rest, on_rest, REST_MS, 0);
}

static bool page_is_json(const struct page *p) {
  return p->status == 200 && !p->content_type && !p->index;
}

/* An answer is named by its hash: on the pool's thread if it is complete there. */
static void page_hash(struct page *p) {
  uint8_t sum[SHA256_SIZE];
  sha256(buf_cstr(&p->body), p->body.len, sum);
  char *at = p->etag;
  *at++ = '"';
  for (size_t i = 0; i < ETAG_BYTES; i++, at += 2) snprintf(at, 3, "%02x", sum[i]);
  *at++ = '"';
  *at = '\0';
}

/* A client that has the answer already is spared it. */
static void page_tag(struct page *p) {
  if (!p->etag[0]) page_hash(p);
  page_header(p, "ETag", p->etag);
  if (!etag_known(p->request.if_none_match, p->etag)) return;
  p->status = 304;
  buf_reset(&p->body);
}

static bool page_holds(const struct page *p) {
  const struct queries_options *o = &p->queries->o;
  return !o->holds || o->holds(o->ctx, &p->request.who);
}

static void page_send(struct page *p) {
  struct queries *q = p->queries;
  struct api *api = server_api(q->o.server);
  if (p->wait_until && !page_holds(p))
    page_problem(p, 401, "Who asks isn't known", "the token or session has ended while this request waited");
  /* Without a template the api room answers itself. */
  if (p->index) page_index_wrap(p, asset_find(assets_builtin(), ASSET_INDEX, sizeof ASSET_INDEX - 1));
  if (page_is_json(p)) page_tag(p);
  if (p->status >= 400 && p->title) {
    api_problem(api, p->handle, p->status, p->title, p->detail);
  } else {
    api_reply(api, p->handle, p->status, p->content_type, p->headers, p->headers_len, buf_cstr(&p->body),
              p->body.len);
  }
  server_pump(q->o.server);
  page_free(p);
}

static void page_begin(struct page *p);
static void on_look_again(uv_timer_t *timer);
static void free_when_empty(struct queries *q);

static void page_stream(struct page *p) {
  struct server *server = p->queries->o.server;
  if (!download_send(p, server_api(server))) page_free(p);
  server_pump(server);
}

static void page_done(struct page *p) {
  struct queries *q = p->queries;
  p->reading = false;
  if (p->gone || q->closing) {
    page_free(p);
    free_when_empty(q);
    return;
  }
  if (p->download) {
    page_stream(p);
    return;
  }
  bool late = clock_monotonic() >= p->wait_until;
  if (p->unripe && p->skimmed && late && p->status < 400) {
    page_begin(p);
    return;
  }
  if (p->unripe && !late && p->status < 400) {
    if (p->stale) page_begin(p);
    if (!uv_is_active((uv_handle_t *)&q->look_again)) {
      uv_timer_start(&q->look_again, on_look_again, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
    }
    return;
  }
  const struct page_kind *kind = &kinds[p->route];
  if (kind->finish && !p->complete && p->status < 400) kind->finish(p, &q->o);
  page_send(p);
}

static void on_work(uv_work_t *work) {
  struct page *p = work->data;
  kinds[p->route].read(p);
  if ((!kinds[p->route].finish || p->complete) && page_is_json(p) && !p->download) page_hash(p);
}

static void on_worked(uv_work_t *work, int status) {
  (void)status;
  page_done(work->data);
}

static void page_begin(struct page *p) {
  arena_reset(&p->arena);
  buf_reset(&p->body);
  jsonw_init(&p->json, &p->body);
  p->headers_len = 0;
  p->etag[0] = '\0';
  p->status = 200;
  p->unripe = p->skimmed = p->stale = p->complete = false;
  p->now = clock_now();
  if (!kinds[p->route].read) {
    page_done(p);
    return;
  }
  p->reading = uv_queue_work(&p->queries->o.assembly->loop, &p->work, on_work, on_worked) == 0;
  if (p->reading) return;
  page_problem(p, 503, "Busy", "no thread is free to read it: repeat it");
  page_send(p);
}

void queries_take(struct queries *q, const struct api_request *request) {
  struct page *p = page_new(q, request);
  if (request->route == API_PAGE) page_index_open(p, request);
  bool served = kinds[p->route].read || kinds[p->route].finish;
  if (!served && p->index) page_index_bare(p);
  if (!served && !p->index) page_problem(p, 404, "No such page", "nothing answers here");
  if (p->status >= 400) {
    page_send(p);
  } else {
    page_begin(p);
  }
}

/* ---- waiting ---- */

static void look_again(struct page *p) {
  if (p->reading) {
    p->stale = true;
  } else {
    page_begin(p);
  }
}

static int64_t run_of_change(const struct change *c) {
  switch (c->kind) {
  case CHANGE_RUN: return c->run.key;
  case CHANGE_TASK: return c->task.run;
  case CHANGE_ATTEMPT: return c->attempt.run;
  case CHANGE_EVENT: return c->event.run;
  case CHANGE_PIPELINE:
  case CHANGE_VERSION:
  case CHANGE_SCHEDULE:
  case CHANGE_FIRING:
  case CHANGE_ROUND:
  case CHANGE_OUTPUT:
  case CHANGE_AUDIT:
  case CHANGE_REQUEST:
  case CHANGE_PAUSE:
  case CHANGE_DAILY:
  case CHANGE_STAT:
  case CHANGE_HOURLY:
  case CHANGE_TOKEN:
  case CHANGE_SESSION:
  case CHANGE_HOST:
  case CHANGE_HOST_BOOT:
  case CHANGE_HOST_DOCTOR:
  case CHANGE_REMNANT:
  case CHANGE_CODE: break;
  }
  return 0;
}

static bool concerns(const struct page *p, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (p->route == API_RUN && changes[i].kind != CHANGE_RUN) continue; /* its end is waited for */
    if (run_of_change(&changes[i]) == p->watched_run) return true;
  }
  return false;
}

void queries_committed(struct queries *q, const struct change *changes, size_t len) {
  if (!q) return;
  for (size_t i = q->pages.len; i-- > 0;) {
    struct page *p = q->pages.items[i];
    if (p->wait_until && (p->reading || (p->watched_run && concerns(p, changes, len)))) look_again(p);
  }
}

/* Pages whose time is over answer as it is; those that follow a log look again. */
static void on_look_again(uv_timer_t *timer) {
  struct queries *q = timer->data;
  int64_t now = clock_monotonic();
  for (size_t i = q->pages.len; i-- > 0;) {
    struct page *p = q->pages.items[i];
    if (!p->reading && !p->download && (p->polls || now >= p->wait_until)) page_begin(p);
  }
  if (q->pages.len == 0) uv_timer_stop(timer);
}

/* The next block is read as the first was, but for what the page knows already. */
void queries_drained(struct queries *q, uint64_t handle) {
  for (size_t i = 0; i < q->pages.len; i++) {
    struct page *p = q->pages.items[i];
    if (p->handle != handle || !p->download || p->reading) continue;
    if (!page_holds(p)) {
      api_stream_end(server_api(q->o.server), handle);
      page_free(p);
      return;
    }
    p->reading = uv_queue_work(&q->o.assembly->loop, &p->work, on_work, on_worked) == 0;
    return;
  }
}

void queries_gone(struct queries *q, uint64_t handle) {
  for (size_t i = 0; i < q->pages.len; i++) {
    struct page *p = q->pages.items[i];
    if (p->handle != handle) continue;
    if (p->reading) {
      p->gone = true;
    } else {
      page_free(p);
    }
    return;
  }
}

/* ---- rest ---- */

static void on_rest_work(uv_work_t *work) {
  const struct queries *q = work->data;
  history_rest(q->o.history);
  alloc_trim();
}

static void on_rested(uv_work_t *work, int status) {
  (void)status;
  struct queries *q = work->data;
  q->resting = false;
  free_when_empty(q);
}

/* Nobody looks any more: what the pages have left in memory is given back. */
static void on_rest(uv_timer_t *timer) {
  struct queries *q = timer->data;
  if (q->resting) return;
  for (size_t i = 0; i < q->pages.len; i++)
    if (q->pages.items[i]->reading) return; /* its end starts the timer again */
  q->resting = uv_queue_work(timer->loop, &q->rest_work, on_rest_work, on_rested) == 0;
}

struct queries *queries_new(const struct queries_options *options) {
  struct queries *q = alloc_new(struct queries);
  q->o = *options;
  uv_timer_init(&options->assembly->loop, &q->look_again);
  uv_timer_init(&options->assembly->loop, &q->rest);
  q->look_again.data = q->rest.data = q->rest_work.data = q;
  q->open = HANDLES;
  return q;
}

/* The last of the handles and of what threads still do frees all. */
static void free_when_empty(struct queries *q) {
  if (q->open > 0 || q->resting || q->pages.len > 0) return;
  vec_release(&q->pages);
  free(q);
}

static void on_closed(uv_handle_t *handle) {
  struct queries *q = handle->data;
  q->open--;
  free_when_empty(q);
}

void queries_free(struct queries *q) {
  if (!q) return;
  q->closing = true;
  atomic_store(&q->stop, true);
  for (size_t i = q->pages.len; i-- > 0;) {
    if (!q->pages.items[i]->reading) page_free(q->pages.items[i]);
  }
  uv_close((uv_handle_t *)&q->look_again, on_closed);
  uv_close((uv_handle_t *)&q->rest, on_closed);
}
