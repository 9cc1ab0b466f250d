/* References to runs as people write them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/db.h"
#include "scheduler/store/history.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/table.h"

/* One run by a statement whose first parameter is a text and whose second, if there is one, a number or a text. */
static int find_one(struct reader *r, enum statement name, const char *text, const char *second, int64_t number,
                    struct arena *a, struct history_run *out) {
  sqlite3_stmt *q = statement(&r->statements, name);
  sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC);
  if (second)
    sqlite3_bind_text(q, 2, second, -1, SQLITE_STATIC);
  else if (number)
    sqlite3_bind_int64(q, 2, number);
  int step = sqlite3_step(q);
  int rc = step == SQLITE_ROW ? reader_run(q, a, out) : step == SQLITE_DONE ? ERR_NOT_FOUND : db_code(r->db, step);
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  return rc;
}

static bool pipeline_known(struct reader *r, const char *name) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_PIPELINE_KEY);
  sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
  bool known = sqlite3_step(q) == SQLITE_ROW;
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  return known;
}

static int find_prefix(struct reader *r, const char *prefix, struct arena *a, struct history_run *out,
                       struct buf *why) {
  char end[ID_LEN + 2];
  snprintf(end, sizeof end, "%s~", prefix);
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_FIND_PREFIX);
  sqlite3_bind_text(q, 1, prefix, -1, SQLITE_STATIC);
  sqlite3_bind_text(q, 2, end, -1, SQLITE_STATIC);
  char first[ID_LEN + 1] = "";
  struct buf candidates = {0};
  int step, count = 0;
  while ((step = sqlite3_step(q)) == SQLITE_ROW) {
    const char *id = (const char *)sqlite3_column_text(q, 1);
    if (count++ == 0) snprintf(first, sizeof first, "%s", id);
    if (count <= 5) buf_fmt(&candidates, "%s%s", count > 1 ? ", " : "", id);
  }
  int rc = db_code(r->db, step);
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  if (!rc && count == 0) rc = ERR_NOT_FOUND;
  if (!rc && count > 1) rc = ERR_CONFLICT;
  if (rc == ERR_CONFLICT && why)
    buf_fmt(why, "%s could be any of %s%s", prefix, buf_cstr(&candidates), count > 5 ? " and more" : "");
  buf_release(&candidates);
  return rc ? rc : find_one(r, STATEMENT_FIND_ID, first, NULL, 0, a, out);
}

static int find_number(struct reader *r, const char *name, const char *digits, struct arena *a,
                       struct history_run *out) {
  char *end;
  long long number = strtoll(digits, &end, 10);
  if (*end || end == digits || number <= 0) return ERR_NOT_FOUND;
  return find_one(r, STATEMENT_FIND_NUMBER, name, NULL, number, a, out);
}

static int find(struct reader *r, const char *reference, struct arena *a, struct history_run *out, struct buf *why) {
  const char *mark = strrchr(reference, '#');
  const char *at = strrchr(reference, '@');
  if (mark) return find_number(r, arena_strndup(a, reference, (size_t)(mark - reference)), mark + 1, a, out);
  if (at) {
    const char *name = arena_strndup(a, reference, (size_t)(at - reference));
    enum run_state state;
    if (table_run_state(at + 1, &state) == 0) return find_one(r, STATEMENT_FIND_STATE, name, at + 1, 0, a, out);
    if (why) buf_fmt(why, "'%s' isn't a state of a run: write for example %s@failed", at + 1, name);
    return ERR_NOT_FOUND;
  }
  if (id_valid(reference)) return find_one(r, STATEMENT_FIND_ID, reference, NULL, 0, a, out);
  int rc = find_one(r, STATEMENT_FIND_NEWEST, reference, NULL, 0, a, out);
  if (rc != ERR_NOT_FOUND) return rc;
  if (pipeline_known(r, reference)) {
    if (why) buf_fmt(why, "%s has no runs", reference);
    return ERR_NOT_FOUND;
  }
  return id_prefix_valid(reference) ? find_prefix(r, reference, a, out, why) : ERR_NOT_FOUND;
}

int history_find(struct history *h, const char *reference, struct arena *a, struct history_run *out,
                 struct buf *why) {
  struct reader *r;
  size_t said = why ? why->len : 0;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  rc = find(r, reference, a, out, why);
  reader_give(h, r);
  if (rc == ERR_NOT_FOUND && why && why->len == said)
    buf_fmt(why, "there is no run %s: give an id, a beginning of one, NAME#NUMBER, NAME or NAME@STATE", reference);
  return rc;
}
