#include "scheduler/store/migrate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scheduler/store/db.h"
#include "scheduler/store/snapshot.h"

static void tell(const struct migration_list *list, size_t statement) {
  if (list->before) list->before(list->ctx, statement);
}

/* Each statement of the text by itself, so that a test can crash between any two. With `refusal`, a row that comes
 * back refuses, and its text is why. */
static int run_text(sqlite3 *db, const struct migration_list *list, const char *sql, struct buf *refusal) {
  size_t statement = 0;
  while (*sql) {
    sqlite3_stmt *s = NULL;
    const char *tail = sql;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, &tail);
    if (rc == SQLITE_OK && s) {
      tell(list, statement++);
      do rc = sqlite3_step(s);
      while (rc == SQLITE_ROW && !refusal);
    }
    if (rc == SQLITE_ROW) buf_str(refusal, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    if (rc == SQLITE_ROW) return ERR_INVALID;
    if (rc != SQLITE_OK && rc != SQLITE_DONE) return db_code(db, rc);
    sql = tail;
  }
  tell(list, statement);
  return 0;
}

/* One transaction: the text, and the number of the version that it leads to. */
static int change(sqlite3 *db, const struct migration_list *list, const char *sql, size_t version,
                  struct buf *refusal) {
  char numbers[128];
  sqlite3_snprintf(sizeof numbers, numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d", DB_APPLICATION_ID,
                   (int)version);
  int rc = db_exec(db, "BEGIN IMMEDIATE");
  if (!rc) rc = run_text(db, list, sql, refusal);
  if (!rc) rc = db_exec(db, numbers);
  if (!rc) rc = db_exec(db, "COMMIT");
  return rc;
}

static void undo(sqlite3 *db) {
  if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

static int apply(sqlite3 *db, const struct migration_list *list, size_t index, struct buf *why) {
  const struct migration *m = &list->items[index];
  int rc = change(db, list, m->sql, index + 1, NULL);
  if (rc && why) buf_fmt(why, "the migration %s failed: %s", m->name, sqlite3_errmsg(db));
  if (rc) undo(db);
  return rc;
}

static int take_back(sqlite3 *db, const struct migration_list *list, size_t index, struct buf *why) {
  const struct migration *m = &list->items[index];
  struct buf refusal = {0};
  int rc = change(db, list, m->back, index, &refusal);
  if (rc && why) buf_fmt(why, "%s", refusal.len ? refusal.bytes : sqlite3_errmsg(db));
  if (rc) undo(db);
  buf_release(&refusal);
  return rc;
}

static int keep_copy(sqlite3 *db, const char *path, const char *what, size_t number, struct buf *kept,
                     struct buf *why) {
  char *copy = alloc_fmt("%s.%s-%04zu", path, what, number);
  int rc = snapshot_vacuum(db, copy, why);
  if (!rc && kept) buf_str(kept, copy);
  free(copy);
  return rc;
}

static int too_new(const char *path, int64_t version, size_t known, struct buf *why) {
  if (why)
    buf_fmt(why,
            "the database has schema %" PRId64 ", this program knows up to %zu: use the newer rota, let it go back "
            "by `rota downgrade --to %zu`, or restore the copy %s.before-%04zu",
            version, known, known, path, known + 1);
  return ERR_NEWER;
}

int migrate(sqlite3 *db, const char *path, const struct migration_list *list, struct buf *why) {
  int64_t version = 0;
  int rc = db_version(db, &version, why);
  if (rc) return rc;
  if (version > (int64_t)list->len) return too_new(path, version, list->len, why);
  if (version < 0) return ERR_CORRUPT;
  if (version > 0 && (size_t)version < list->len) rc = keep_copy(db, path, "before", (size_t)version + 1, NULL, why);
  for (size_t i = (size_t)version; !rc && i < list->len; i++) rc = apply(db, list, i, why);
  return rc;
}

int migrate_back(sqlite3 *db, const char *path, const struct migration_list *list, size_t to, struct buf *kept,
                 struct buf *why) {
  int64_t version = 0;
  int rc = db_version(db, &version, why);
  if (rc) return rc;
  if (version > (int64_t)list->len) return too_new(path, version, list->len, why);
  if (version < 0) return ERR_CORRUPT;
  for (size_t i = to; i < (size_t)version; i++) {
    if (list->items[i].back) continue;
    if (why) buf_fmt(why, "there is no way back from schema %zu to %zu", i + 1, i);
    return ERR_INVALID;
  }
  if ((size_t)version > to) rc = keep_copy(db, path, "schema", (size_t)version, kept, why);
  if (rc) return rc;
  for (size_t i = (size_t)version; !rc && i > to; i--) rc = take_back(db, list, i - 1, why);
  int64_t now = version;
  if (rc && kept && kept->len && db_version(db, &now, NULL) == 0 && now == version) {
    unlink(kept->bytes); /* nothing was changed that it would be needed for */
    buf_reset(kept);
  }
  return rc;
}
