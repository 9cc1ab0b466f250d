/* What came to nothing lately and that nobody has seen to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/db.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/table.h"

/* Neighbouring firings share a row, which may begin long before it was last added to. */
#define ROW_SPAN (30 * USEC_PER_DAY)

static const char *copied(sqlite3_stmt *q, int at, struct arena *a) {
  const char *text = (const char *)sqlite3_column_text(q, at);
  return text ? arena_strdup(a, text) : NULL;
}

/* The label that the run's reason names first: "failed: train[3], eval". Others may have been allowed to fail. */
static const char *first_named(const char *reason, struct arena *a) {
  static const char says[] = "failed: ";
  if (!reason || strncmp(reason, says, sizeof says - 1) != 0) return NULL;
  const char *label = reason + sizeof says - 1;
  return arena_strndup(a, label, strcspn(label, ", "));
}

static int read_failed_task(struct reader *r, struct history_failure *f, struct arena *a) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_FIRST_FAILURE);
  const char *label = first_named(f->reason, a);
  sqlite3_bind_int64(q, 1, f->key);
  if (label)
    sqlite3_bind_text(q, 2, label, -1, SQLITE_STATIC);
  else
    sqlite3_bind_null(q, 2);
  int step = sqlite3_step(q), rc = db_code(r->db, step);
  if (step == SQLITE_ROW) {
    f->label = copied(q, 0, a);
    f->task = copied(q, 1, a);
    rc = table_task_state((const char *)sqlite3_column_text(q, 2), &f->state);
    f->why = copied(q, 3, a);
    f->host = copied(q, 4, a);
    if (sqlite3_column_type(q, 5) != SQLITE_NULL) f->exit_code = sqlite3_column_int64(q, 5);
    f->signal = sqlite3_column_int64(q, 6);
    const char *id = (const char *)sqlite3_column_text(q, 7);
    if (id) snprintf(f->attempt.text, sizeof f->attempt.text, "%s", id);
  }
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  return rc;
}

static int read_failed(struct reader *r, instant since, struct arena *a, struct history_failure *items, size_t *len) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_FAILED_LATELY);
  int step = SQLITE_DONE;
  sqlite3_bind_int64(q, 1, since);
  sqlite3_bind_int64(q, 2, HISTORY_ATTENTION_LOOK);
  while (*len < HISTORY_ATTENTION_MAX && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_failure *f = &items[(*len)++];
    *f = (struct history_failure){.key = sqlite3_column_int64(q, 0),
                                  .pipeline = copied(q, 3, a),
                                  .number = sqlite3_column_int64(q, 4),
                                  .reason = copied(q, 5, a),
                                  .ended_at = sqlite3_column_int64(q, 6),
                                  .exit_code = -1};
    snprintf(f->id.text, sizeof f->id.text, "%s", (const char *)sqlite3_column_text(q, 1));
  }
  int rc = db_code(r->db, step);
  sqlite3_reset(q);
  return rc;
}

int history_failures(struct history *h, instant since, struct arena *a, struct history_failure **out, size_t *len) {
  struct reader *r;
  *len = 0;
  int rc = reader_take_snapshot(h, &r);
  if (rc) return rc;
  *out = arena_new_array(a, HISTORY_ATTENTION_MAX, struct history_failure);
  rc = read_failed(r, since, a, *out, len);
  for (size_t i = 0; !rc && i < *len; i++) rc = read_failed_task(r, &(*out)[i], a);
  reader_give_snapshot(h, r);
  return rc;
}

int history_missed(struct history *h, instant since, struct arena *a, struct history_missed **out, size_t *len) {
  const struct table *t = table_of(CHANGE_FIRING);
  struct reader *r;
  *len = 0;
  int rc = reader_take(h, &r), step = SQLITE_DONE;
  if (rc) return rc;
  *out = arena_new_array(a, HISTORY_ATTENTION_MAX, struct history_missed);
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_MISSED_LATELY);
  sqlite3_bind_int64(q, 1, since - ROW_SPAN);
  sqlite3_bind_int64(q, 2, since);
  sqlite3_bind_int64(q, 3, HISTORY_ATTENTION_LOOK);
  while (!rc && *len < HISTORY_ATTENTION_MAX && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_missed *m = &(*out)[(*len)++];
    rc = table_read(q, 0, t, a, &m->row);
    m->pipeline = copied(q, t->columns_len, a);
    m->schedule = copied(q, t->columns_len + 1, a);
  }
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  return rc;
}

int history_run_of(struct history *h, const char *pipeline, instant scheduled_for, struct arena *a,
                   struct history_run *out) {
  struct reader *r;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_RUN_OF_INSTANT);
  sqlite3_bind_text(q, 1, pipeline, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, 2, scheduled_for);
  int step = sqlite3_step(q);
  int64_t key = step == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
  rc = db_code(r->db, step);
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  reader_give(h, r);
  return rc ? rc : key ? history_run(h, key, a, out) : ERR_NOT_FOUND;
}

/* ---- firings that came to nothing ---- */

static int unrun_cursor(const char *text, int64_t *at, int64_t *key) {
  *at = *key = INT64_MAX;
  if (!text) return 0;
  bool good = *text++ == 'f' && reader_number(&text, '.', at) && reader_number(&text, '\0', key);
  return good ? 0 : ERR_INVALID;
}

int history_unrun(struct history *h, bool missed, bool skipped, const char *after, size_t limit, struct arena *a,
                  struct history_unrun **out, size_t *len, const char **next) {
  const struct table *t = table_of(CHANGE_FIRING);
  struct reader *r;
  int64_t at, key;
  *len = 0;
  *next = NULL;
  if (limit > HISTORY_LIMIT_MAX) limit = HISTORY_LIMIT_MAX;
  int rc = unrun_cursor(after, &at, &key), step = SQLITE_DONE, looked = 0;
  if (!rc) rc = reader_take(h, &r);
  if (rc) return rc;
  *out = arena_new_array(a, limit + 1, struct history_unrun);
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_UNRUN);
  sqlite3_bind_int64(q, 1, at);
  sqlite3_bind_int64(q, 2, key);
  sqlite3_bind_int64(q, 3, HISTORY_LOOK_MAX);
  while (!rc && *len < limit && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_unrun *item = &(*out)[*len];
    rc = table_read(q, 0, t, a, &item->row);
    looked++;
    if (rc || !(item->row.outcome == FIRING_MISSED ? missed : skipped)) continue;
    item->pipeline = copied(q, t->columns_len, a);
    item->schedule = copied(q, t->columns_len + 1, a);
    item->run_since = sqlite3_column_int(q, t->columns_len + 2) != 0;
    ++*len;
  }
  if (!rc) rc = db_code(r->db, step);
  const struct firing_row *last = &(*out)[*len ? *len - 1 : 0].row;
  bool more = step == SQLITE_ROW || looked == HISTORY_LOOK_MAX;
  if (!rc && more && *len) *next = arena_fmt(a, "f%" PRId64 ".%" PRId64, last->scheduled_for, last->key);
  sqlite3_reset(q);
  reader_give(h, r);
  return rc;
}
