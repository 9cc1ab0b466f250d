/* The lists: runs by the filter line and their number, events, versions of a pipeline, the audit. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/store/history.h"

#define LIMIT_DEFAULT 50

int64_t page_limit(struct page *p) {
  return page_number(p, "limit", LIMIT_DEFAULT, 1, HISTORY_LIMIT_MAX);
}

void page_list_begin(struct page *p) {
  jsonw_object(&p->json);
  jsonw_key(&p->json, "items");
  jsonw_array(&p->json);
}

void page_list_end(struct page *p, int64_t next) {
  char cursor[24];
  snprintf(cursor, sizeof cursor, "%" PRId64, next);
  jsonw_array_end(&p->json);
  jsonw_member_string(&p->json, "next", next ? cursor : NULL);
  jsonw_object_end(&p->json);
}

/* ---- runs ---- */

static bool filter_of(struct page *p, struct filter *f) {
  const char *text = api_query(&p->request, "q");
  struct diag_list diags;
  diag_init(&diags, NULL, text, text ? strlen(text) : 0);
  int err = filter_parse(f, text, p->now, &diags);
  if (err) {
    struct buf shown = {0};
    diag_render(&diags, &shown, false);
    p->status = 422;
    p->content_type = "application/problem+json";
    api_problem_begin(&p->json, 422, "Bad filter", buf_cstr(&shown));
    jsonw_key(&p->json, "diagnostics");
    diag_json(&diags, &p->json);
    jsonw_object_end(&p->json);
    buf_release(&shown);
  }
  diag_release(&diags);
  return err == 0;
}

void page_runs_read(struct page *p) {
  struct filter f = {0};
  struct history_page found;
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400 || !filter_of(p, &f)) return;
  int err = history_runs(p->history, &f, api_query(&p->request, "after"), limit, p->now, &p->arena, &found);
  filter_release(&f);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  page_list_begin(p);
  for (size_t i = 0; i < found.len; i++) {
    page_run_begin(p, &found.items[i], NULL);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
  jsonw_member_string(&p->json, "next", found.next);
  jsonw_member_instant(&p->json, "searched_back_to", found.searched_back_to);
  jsonw_object_end(&p->json);
}

bool page_runs_by(struct page *p, const char *line, size_t limit, struct history_page *out) {
  struct filter f = {0};
  struct diag_list diags;
  diag_init(&diags, NULL, line, strlen(line));
  int err = filter_parse(&f, line, p->now, &diags);
  diag_release(&diags);
  if (!err) err = history_runs(p->history, &f, NULL, limit, p->now, &p->arena, out);
  filter_release(&f);
  if (err) page_unreadable(p, err);
  return err == 0;
}

/* ---- events of a run ---- */

void page_events_read(struct page *p) {
  struct history_run run;
  struct event_row *rows;
  size_t len;
  int64_t after = page_number(p, "after", 0, 0, INT64_MAX);
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400 || !page_find_run(p, &run)) return;
  int err = history_events(p->history, run.run.key, after, limit, &p->arena, &rows, &len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  p->watched_run = run.run.key;
  p->unripe = len == 0 && !run_state_ended(run.run.state);
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) present_event(&p->json, &rows[i]);
  page_list_end(p, len == limit ? rows[len - 1].key : 0);
}

/* ---- versions of a pipeline ---- */

void page_versions_read(struct page *p) {
  struct history_pipeline pipeline;
  struct version_row *rows;
  size_t len;
  int64_t before = page_number(p, "after", 0, 0, INT64_MAX);
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400 || !page_find_pipeline(p, &pipeline)) return;
  int err = history_versions(p->history, pipeline.row.key, before, limit, &p->arena, &rows, &len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&p->json);
    jsonw_member_string(&p->json, "version", rows[i].sha256);
    jsonw_member_instant(&p->json, "created_at", rows[i].created_at);
    jsonw_member_bool(&p->json, "in_force", rows[i].key == pipeline.row.version);
    jsonw_key(&p->json, "text");
    jsonw_string_n(&p->json, rows[i].text, rows[i].text_len);
    jsonw_object_end(&p->json);
  }
  page_list_end(p, len == limit ? rows[len - 1].key : 0);
}

/* ---- the audit ---- */

void page_audit_read(struct page *p) {
  struct history_audit *rows;
  size_t len;
  int64_t next;
  const struct history_audit_filter filter = {api_query(&p->request, "actor"), api_query(&p->request, "action")};
  int64_t before = page_number(p, "after", 0, 0, INT64_MAX);
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400) return;
  int err = history_audit(p->history, &filter, before, limit, &p->arena, &rows, &len, &next);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) {
    const struct audit_row *row = &rows[i].row;
    jsonw_object(&p->json);
    jsonw_member_instant(&p->json, "at", row->at);
    jsonw_key(&p->json, "actor");
    present_actor(&p->json, &row->actor);
    jsonw_member_string(&p->json, "action", row->action);
    jsonw_member_string(&p->json, "object", row->object);
    jsonw_member_string(&p->json, "detail", row->detail);
    jsonw_object_end(&p->json);
  }
  page_list_end(p, next);
}

/* ---- how many runs ---- */

void page_count_read(struct page *p) {
  struct filter f = {0};
  int64_t count;
  bool at_least;
  if (p->status >= 400 || !filter_of(p, &f)) return;
  int err = history_count(p->history, &f, p->now, HISTORY_LOOK_MAX, &count, &at_least);
  filter_release(&f);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  jsonw_object(&p->json);
  jsonw_member_int(&p->json, "count", count);
  jsonw_member_bool(&p->json, "at_least", at_least);
  jsonw_object_end(&p->json);
}

/* ---- events of a pipeline ---- */

void page_pipeline_events_read(struct page *p) {
  struct history_pipeline pipeline;
  struct event_row *rows;
  size_t len;
  int64_t before = page_number(p, "after", 0, 0, INT64_MAX);
  size_t limit = (size_t)page_limit(p);
  if (p->status >= 400 || !page_find_pipeline(p, &pipeline)) return;
  int err = history_pipeline_events(p->history, pipeline.row.key, before, limit, &p->arena, &rows, &len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) present_event(&p->json, &rows[i]);
  page_list_end(p, len == limit ? rows[len - 1].key : 0);
}
