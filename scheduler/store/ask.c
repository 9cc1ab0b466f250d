#include "scheduler/store/ask.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/load.h"
#include "scheduler/store/table.h"

sqlite3_stmt *ask_bound(struct reader *r, const struct ask *ask) {
  assert(ask->binds_len <= ASK_BINDS_MAX);
  sqlite3_stmt *q = statement(&r->statements, ask->name);
  int at = 1;
  if (ask->text) sqlite3_bind_text(q, at++, ask->text, -1, SQLITE_STATIC);
  for (int i = 0; i < ask->binds_len; i++) sqlite3_bind_int64(q, at++, ask->binds[i]);
  return q;
}

int ask_rows(struct history *h, struct ask ask, enum change_kind kind, struct arena *a, void *items, size_t *len) {
  struct reader *r;
  *len = 0;
  int rc = reader_take(h, &r);
  if (rc) return rc;
  sqlite3_stmt *q = ask_bound(r, &ask);
  rc = load_rows(q, kind, a, items, len);
  if (ask.text) sqlite3_clear_bindings(q); /* a borrowed text doesn't outlive the answer */
  reader_give(h, r);
  return rc;
}

int ask_row(struct history *h, struct ask ask, enum change_kind kind, struct arena *a, void *out) {
  void *items;
  size_t len;
  int rc = ask_rows(h, ask, kind, a, &items, &len);
  if (rc) return rc;
  if (len == 0) return ERR_NOT_FOUND;
  memcpy(out, items, table_of(kind)->row_size);
  return 0;
}

int64_t ask_limit(size_t limit) {
  return limit < HISTORY_LIMIT_MAX ? (int64_t)limit : HISTORY_LIMIT_MAX;
}

int64_t ask_below(int64_t before) {
  return before > 0 ? before : INT64_MAX;
}
