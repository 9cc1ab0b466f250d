/* The reading of rows: each function is one statement, its parameters and the kind of row. */
#include "scheduler/store/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/ask.h"
#include "scheduler/store/db.h"
#include "scheduler/store/load.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/table.h"

/* ---- one run ---- */

int history_run(struct history *h, int64_t key, struct arena *a, struct history_run *out) {
  struct reader *r;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  sqlite3_stmt *q = ask_bound(r, &ASK(RUN, key));
  int step = sqlite3_step(q);
  rc = step == SQLITE_ROW ? reader_run(q, a, out) : step == SQLITE_DONE ? ERR_NOT_FOUND : db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  return rc;
}

static int one_id(struct reader *r, struct ask ask, struct arena *a, const char **out) {
  sqlite3_stmt *q = ask_bound(r, &ask);
  int step = sqlite3_step(q);
  if (step == SQLITE_ROW) *out = arena_strdup(a, (const char *)sqlite3_column_text(q, 0));
  sqlite3_reset(q);
  return db_code(r->db, step);
}

static int read_continued(struct reader *r, int64_t run, struct arena *a, struct history_around *out) {
  sqlite3_stmt *q = ask_bound(r, &ASK(CONTINUED_BY, run, HISTORY_CONTINUED_MAX));
  int step;
  out->continued_by = arena_new_array(a, HISTORY_CONTINUED_MAX, const char *);
  while ((step = sqlite3_step(q)) == SQLITE_ROW && out->continued_len < HISTORY_CONTINUED_MAX)
    out->continued_by[out->continued_len++] = arena_strdup(a, (const char *)sqlite3_column_text(q, 0));
  sqlite3_reset(q);
  return db_code(r->db, step);
}

int history_around(struct history *h, const struct run_row *run, struct arena *a, struct history_around *out) {
  struct reader *r;
  *out = (struct history_around){0};
  int rc = reader_take(h, &r);
  if (rc) return rc;
  rc = one_id(r, ASK(RUN_BEFORE, run->pipeline, run->number), a, &out->previous);
  if (!rc) rc = one_id(r, ASK(RUN_AFTER, run->pipeline, run->number), a, &out->next);
  if (!rc) rc = one_id(r, ASK(SUCCESS_BEFORE, run->pipeline, run->key), a, &out->last_success);
  if (!rc && !out->last_success) rc = one_id(r, ASK(SUCCESS_AFTER, run->pipeline, run->key), a, &out->last_success);
  if (!rc) rc = read_continued(r, run->key, a, out);
  reader_give(h, r);
  return rc;
}

int history_rounds(struct history *h, int64_t run, struct arena *a, struct round_row **out, size_t *len) {
  return ask_rows(h, ASK(ROUNDS, run), CHANGE_ROUND, a, out, len);
}

int history_tasks(struct history *h, int64_t run, int64_t after, size_t limit, struct arena *a, struct task_row **out,
                  size_t *len) {
  return ask_rows(h, ASK(TASKS_PAGE, run, after, (int64_t)limit), CHANGE_TASK, a, out, len);
}

int history_attempts(struct history *h, int64_t run, int64_t after_task, int64_t after_number, size_t limit,
                     struct arena *a, struct attempt_row **out, size_t *len) {
  return ask_rows(h, ASK(ATTEMPTS_PAGE, run, after_task, after_number, (int64_t)limit), CHANGE_ATTEMPT, a, out, len);
}

int history_attempt(struct history *h, int64_t key, struct arena *a, struct attempt_row *out) {
  return ask_row(h, ASK(ATTEMPT, key), CHANGE_ATTEMPT, a, out);
}

int history_outputs(struct history *h, int64_t attempt, struct arena *a, struct output_row **out, size_t *len) {
  return ask_rows(h, ASK(OUTPUTS, attempt), CHANGE_OUTPUT, a, out, len);
}

int history_run_outputs(struct history *h, int64_t run, struct arena *a, struct output_row **out, size_t *len) {
  return ask_rows(h, ASK(OUTPUTS_NEEDED, run), CHANGE_OUTPUT, a, out, len);
}

int history_events(struct history *h, int64_t run, int64_t after, size_t limit, struct arena *a,
                   struct event_row **out, size_t *len) {
  return ask_rows(h, ASK(EVENTS_PAGE, run, after, (int64_t)limit), CHANGE_EVENT, a, out, len);
}

int history_notes(struct history *h, int64_t run, struct arena *a, struct event_row **out, size_t *len) {
  return ask_rows(h, ASK(NOTES, run), CHANGE_EVENT, a, out, len);
}

static int read_run_rows(struct reader *r, const char *run_id, struct arena *a, struct run_rows *out,
                         struct buf *why) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_RUN_BY_ID);
  sqlite3_bind_text(q, 1, run_id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, 2, LINKED_BEFORE_MAX);
  int step = sqlite3_step(q), rc = 0;
  if (step == SQLITE_ROW) {
    rc = load_run_row(q, a, out);
  } else {
    rc = step == SQLITE_DONE ? ERR_NOT_FOUND : db_code(r->db, step);
  }
  sqlite3_reset(q);
  if (rc) return rc;
  struct load_specs specs = {0};
  rc = load_run(&r->statements, &specs, a, out, why);
  if (!rc) pipeline_retain(out->pipeline);
  load_specs_release(&specs);
  return rc;
}

int history_run_rows(struct history *h, const char *run_id, struct arena *a, struct run_rows *out, struct buf *why) {
  struct reader *r;
  memset(out, 0, sizeof *out);
  int rc = reader_take(h, &r);
  if (rc) return rc;
  /* The run, its tasks and its outputs as of one moment. */
  rc = db_exec(r->db, "BEGIN");
  if (!rc) rc = read_run_rows(r, run_id, a, out, why);
  sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
  reader_give(h, r);
  if (rc) out->pipeline = NULL;
  return rc;
}

/* ---- pipelines ---- */

static int read_last(struct reader *r, int64_t pipeline, size_t limit, struct history_last *items, size_t *len) {
  sqlite3_stmt *q = ask_bound(r, &ASK(LAST_RUNS, pipeline, (int64_t)limit));
  int step = SQLITE_DONE, rc = 0;
  while (!rc && *len < limit && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_last *last = &items[(*len)++];
    snprintf(last->id.text, sizeof last->id.text, "%s", (const char *)sqlite3_column_text(q, 0));
    last->number = sqlite3_column_int64(q, 1);
    rc = table_run_state((const char *)sqlite3_column_text(q, 2), &last->state);
    last->started_at = sqlite3_column_type(q, 3) == SQLITE_NULL ? INSTANT_NONE : sqlite3_column_int64(q, 3);
    last->ended_at = sqlite3_column_type(q, 4) == SQLITE_NULL ? INSTANT_NONE : sqlite3_column_int64(q, 4);
  }
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  return rc;
}

int history_last(struct history *h, int64_t pipeline, size_t limit, struct arena *a, struct history_last **out,
                 size_t *len) {
  struct reader *r;
  *len = 0;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  size_t most = (size_t)ask_limit(limit);
  *out = arena_new_array(a, most + 1, struct history_last);
  rc = read_last(r, pipeline, most, *out, len);
  reader_give(h, r);
  return rc;
}

static const char *copied(sqlite3_stmt *q, int at, struct arena *a) {
  const char *text = (const char *)sqlite3_column_text(q, at);
  return text ? arena_strdup(a, text) : NULL;
}

static int read_pipelines(struct reader *r, sqlite3_stmt *q, size_t limit, struct arena *a,
                          struct history_pipeline *items, size_t *len) {
  const struct table *t = table_of(CHANGE_PIPELINE);
  int step = SQLITE_DONE, rc = 0;
  while (!rc && *len < limit && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_pipeline *p = &items[(*len)++];
    rc = table_read(q, 0, t, a, &p->row);
    const char *sha256 = (const char *)sqlite3_column_text(q, t->columns_len);
    snprintf(p->version_sha256, sizeof p->version_sha256, "%s", sha256 ? sha256 : "");
    p->owner = copied(q, t->columns_len + 1, a);
    p->tags = copied(q, t->columns_len + 2, a);
    p->description = copied(q, t->columns_len + 3, a);
  }
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  for (size_t i = 0; !rc && i < *len; i++)
    rc = read_last(r, items[i].row.key, HISTORY_LAST_RUNS, items[i].last, &items[i].last_len);
  return rc;
}

static int pipelines(struct history *h, enum statement name, const char *text, size_t limit, struct arena *a,
                     struct history_pipeline *items, size_t *len) {
  struct reader *r;
  *len = 0;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  sqlite3_stmt *q = statement(&r->statements, name);
  sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC);
  if (name == STATEMENT_PIPELINES_PAGE) sqlite3_bind_int64(q, 2, (int64_t)limit);
  rc = read_pipelines(r, q, limit, a, items, len);
  sqlite3_clear_bindings(q);
  reader_give(h, r);
  return rc;
}

int history_pipelines(struct history *h, const char *after, size_t limit, struct arena *a,
                      struct history_pipeline **out, size_t *len) {
  size_t most = (size_t)ask_limit(limit);
  *out = arena_new_array(a, most + 1, struct history_pipeline);
  return pipelines(h, STATEMENT_PIPELINES_PAGE, after ? after : "", most, a, *out, len);
}

int history_pipeline(struct history *h, const char *name, struct arena *a, struct history_pipeline *out) {
  size_t len;
  memset(out, 0, sizeof *out);
  int rc = pipelines(h, STATEMENT_PIPELINE, name, 1, a, out, &len);
  return rc ? rc : len ? 0 : ERR_NOT_FOUND;
}

int history_versions(struct history *h, int64_t pipeline, int64_t before, size_t limit, struct arena *a,
                     struct version_row **out, size_t *len) {
  return ask_rows(h, ASK(VERSIONS_PAGE, pipeline, ask_below(before), ask_limit(limit)), CHANGE_VERSION, a, out, len);
}

int history_version(struct history *h, int64_t key, struct arena *a, struct version_row *out) {
  return ask_row(h, ASK(VERSION, key), CHANGE_VERSION, a, out);
}

int history_version_named(struct history *h, int64_t pipeline, const char *sha, struct arena *a,
                          struct version_row *out) {
  struct reader *r;
  int rc = reader_take(h, &r), step;
  if (rc) return rc;
  int64_t key = 0;
  sqlite3_stmt *q = ask_bound(r, &ASK(VERSION_NAMES, pipeline, INT64_MAX, HISTORY_LIMIT_MAX));
  while (!key && (step = sqlite3_step(q)) == SQLITE_ROW)
    if (strncmp((const char *)sqlite3_column_text(q, 1), sha, strlen(sha)) == 0) key = sqlite3_column_int64(q, 0);
  rc = key ? 0 : db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  return rc ? rc : key ? history_version(h, key, a, out) : ERR_NOT_FOUND;
}

int history_firings(struct history *h, int64_t pipeline, instant before, size_t limit, struct arena *a,
                    struct firing_row **out, size_t *len) {
  int64_t bound = before == INSTANT_NONE ? INT64_MAX : before;
  return ask_rows(h, ASK(FIRINGS_PAGE, pipeline, bound, ask_limit(limit)), CHANGE_FIRING, a, out, len);
}

int history_pipeline_events(struct history *h, int64_t pipeline, int64_t before, size_t limit, struct arena *a,
                            struct event_row **out, size_t *len) {
  return ask_rows(h, ASK(EVENTS_OTHER, pipeline, ask_below(before), ask_limit(limit)), CHANGE_EVENT, a, out, len);
}

/* ---- the rest ---- */

int history_daily(struct history *h, int64_t from, int64_t to, int64_t pipeline, struct arena *a,
                  struct daily_row **out, size_t *len) {
  if (pipeline) return ask_rows(h, ASK(DAILY_PIPELINE, from, to, pipeline), CHANGE_DAILY, a, out, len);
  return ask_rows(h, ASK(DAILY, from, to), CHANGE_DAILY, a, out, len);
}

int history_hourly(struct history *h, int64_t from, int64_t to, struct arena *a, struct hourly_row **out,
                   size_t *len) {
  return ask_rows(h, ASK(HOURLY, from, to), CHANGE_HOURLY, a, out, len);
}

int history_stats(struct history *h, int64_t pipeline, struct arena *a, struct stat_row **out, size_t *len) {
  return ask_rows(h, ASK(STATS_OF, pipeline), CHANGE_STAT, a, out, len);
}

static bool audit_matches(const struct history_audit_filter *f, const struct audit_row *row) {
  if (!f) return true;
  if (f->action && strcmp(f->action, row->action) != 0) return false;
  const struct actor *who = &row->actor;
  return !f->actor || (who->name && strcmp(f->actor, who->name) == 0) || (who->id && strcmp(f->actor, who->id) == 0);
}

int history_audit(struct history *h, const struct history_audit_filter *f, int64_t before, size_t limit,
                  struct arena *a, struct history_audit **out, size_t *len, int64_t *next) {
  const struct table *t = table_of(CHANGE_AUDIT);
  size_t most = (size_t)ask_limit(limit);
  struct reader *r;
  *len = 0;
  *next = 0;
  int rc = reader_take(h, &r), step = SQLITE_DONE;
  if (rc) return rc;
  *out = arena_new_array(a, most + 1, struct history_audit);
  sqlite3_stmt *q = ask_bound(r, &ASK(AUDIT_PAGE, ask_below(before), HISTORY_LOOK_MAX));
  int looked = 0;
  while (!rc && *len < most && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_audit *item = &(*out)[*len];
    rc = table_read(q, 0, t, a, &item->row);
    item->key = *next = sqlite3_column_int64(q, t->columns_len);
    *len += audit_matches(f, &item->row);
    looked++;
  }
  if (!rc) rc = db_code(r->db, step);
  if (step == SQLITE_DONE && looked < HISTORY_LOOK_MAX) *next = 0;
  sqlite3_reset(q);
  reader_give(h, r);
  return rc;
}

int history_request(struct history *h, const char *key, const char *body_sha256, instant now, struct arena *a,
                    struct request_row *out) {
  struct reader *r;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_REQUEST);
  sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, 2, now - HISTORY_REQUEST_KEPT);
  int step = sqlite3_step(q);
  if (step == SQLITE_ROW)
    rc = table_read(q, 0, table_of(CHANGE_REQUEST), a, out);
  else
    rc = step == SQLITE_DONE ? ERR_NOT_FOUND : db_code(r->db, step);
  if (!rc && strcmp(out->body_sha256, body_sha256) != 0) rc = ERR_CONFLICT;
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  reader_give(h, r);
  return rc;
}

int history_removed(struct history *h, size_t limit, struct arena *a, struct id **out, size_t *len) {
  struct reader *r;
  *len = 0;
  int rc = reader_take(h, &r), step;
  if (rc) return rc;
  *out = arena_new_array(a, limit + 1, struct id);
  sqlite3_stmt *q = ask_bound(r, &ASK(REMOVED, (int64_t)limit));
  while ((step = sqlite3_step(q)) == SQLITE_ROW)
    snprintf((*out)[(*len)++].text, sizeof(struct id), "%s", (const char *)sqlite3_column_text(q, 0));
  rc = db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  return rc;
}
