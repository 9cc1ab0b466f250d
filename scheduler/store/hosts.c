/* What the rows say of hosts. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/ask.h"
#include "scheduler/store/db.h"
#include "scheduler/store/history.h"
#include "scheduler/store/load.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/table.h"

int history_hosts(struct history *h, struct arena *a, struct host_row **out, size_t *len) {
  return ask_rows(h, (struct ask){STATEMENT_HOSTS, NULL, {0}, 0}, CHANGE_HOST, a, out, len);
}

int history_host(struct history *h, const char *host, struct arena *a, struct host_row *out) {
  return ask_row(h, (struct ask){STATEMENT_HOST, host, {0}, 0}, CHANGE_HOST, a, out);
}

int history_boots(struct history *h, const char *host, struct arena *a, struct host_boot_row **out, size_t *len) {
  enum statement name = host ? STATEMENT_HOST_BOOTS : STATEMENT_BOOTS;
  return ask_rows(h, (struct ask){name, host, {HISTORY_LIMIT_MAX}, 1}, CHANGE_HOST_BOOT, a, out, len);
}

int history_boot_at(struct history *h, const char *host, instant at, struct arena *a, struct host_boot_row *out) {
  int rc = ask_row(h, (struct ask){STATEMENT_HOST_BOOT_AT, host, {at}, 1}, CHANGE_HOST_BOOT, a, out);
  if (rc != ERR_NOT_FOUND) return rc;
  return ask_row(h, (struct ask){STATEMENT_HOST_BOOT_FIRST, host, {0}, 0}, CHANGE_HOST_BOOT, a, out);
}

int history_remnants(struct history *h, const char *host, struct arena *a, struct remnant_row **out, size_t *len) {
  enum statement name = host ? STATEMENT_HOST_REMNANTS : STATEMENT_REMNANTS;
  return ask_rows(h, (struct ask){name, host, {0}, 0}, CHANGE_REMNANT, a, out, len);
}

int history_host_events(struct history *h, const char *host, int64_t before, size_t limit, struct arena *a,
                        struct event_row **out, size_t *len) {
  struct ask ask = {STATEMENT_HOST_EVENTS, host, {ask_below(before), ask_limit(limit)}, 2};
  return ask_rows(h, ask, CHANGE_EVENT, a, out, len);
}

static int read_failure(sqlite3_stmt *q, struct arena *a, struct history_host_failure *f) {
  const struct table *t = table_of(CHANGE_ATTEMPT);
  int at = t->columns_len;
  int rc = table_read(q, 0, t, a, &f->attempt);
  if (rc) return rc;
  snprintf(f->run_id.text, sizeof f->run_id.text, "%s", (const char *)sqlite3_column_text(q, at));
  f->number = sqlite3_column_int64(q, at + 1);
  f->pipeline = arena_strdup(a, (const char *)sqlite3_column_text(q, at + 2));
  f->attempt.label = arena_strdup(a, (const char *)sqlite3_column_text(q, at + 3));
  return 0;
}

int history_host_failures(struct history *h, const char *host, size_t limit, struct arena *a,
                          struct history_host_failure **out, size_t *len) {
  struct reader *r;
  *len = 0;
  int64_t most = ask_limit(limit);
  *out = arena_new_array(a, (size_t)most + 1, struct history_host_failure);
  int rc = reader_take(h, &r), step = SQLITE_DONE;
  if (rc) return rc;
  sqlite3_stmt *q = ask_bound(r, &(struct ask){STATEMENT_HOST_FAILURES, host, {most}, 1});
  while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) rc = read_failure(q, a, &(*out)[(*len)++]);
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  reader_give(h, r);
  return rc;
}
