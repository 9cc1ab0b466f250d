#include "scheduler/store/migrate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scheduler/store/db.h"
#include "scheduler/store/snapshot.h"

static void tell(const struct migration_list *list, size_t statement) {
  if (list->before) list->before(list->ctx, statement);
}

/* Each statement of the text by itself, so that a test can crash between any two. */
static int run_text(sqlite3 *db, const struct migration_list *list, const char *sql) {
  size_t statement = 0;
  while (*sql) {
    sqlite3_stmt *s = NULL;
    const char *tail = sql;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, &tail);
    if (rc == SQLITE_OK && s) {
      tell(list, statement++);
      do rc = sqlite3_step(s);
      while (rc == SQLITE_ROW);
    }
    sqlite3_finalize(s);
    if (rc != SQLITE_OK && rc != SQLITE_DONE) return db_code(db, rc);
    sql = tail;
  }
  tell(list, statement);
  return 0;
}

static int apply(sqlite3 *db, const struct migration_list *list, size_t index, struct buf *why) {
  const struct migration *m = &list->items[index];
  char numbers[128];
  sqlite3_snprintf(sizeof numbers, numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d", DB_APPLICATION_ID,
                   (int)index + 1);
  int rc = db_exec(db, "BEGIN IMMEDIATE");
  if (!rc) rc = run_text(db, list, m->sql);
  if (!rc) rc = db_exec(db, numbers);
  if (!rc) rc = db_exec(db, "COMMIT");
  if (!rc) return 0;
  if (why) buf_fmt(why, "the migration %s failed: %s", m->name, sqlite3_errmsg(db));
  if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  return rc;
}

static int keep_copy(sqlite3 *db, const char *path, size_t number, struct buf *why) {
  char *copy = alloc_fmt("%s.before-%04zu", path, number);
  int rc = snapshot_vacuum(db, copy, why);
  free(copy);
  return rc;
}

int migrate(sqlite3 *db, const char *path, const struct migration_list *list, struct buf *why) {
  int64_t version = 0;
  int rc = db_version(db, &version, why);
  if (rc) return rc;
  if (version > (int64_t)list->len) {
    if (why)
      buf_fmt(why,
              "the database has schema %" PRId64 ", this program knows up to %zu: use the newer rota, or restore "
              "the copy %s.before-%04zu",
              version, list->len, path, list->len + 1);
    return ERR_NEWER;
  }
  if (version < 0) return ERR_CORRUPT;
  if (version > 0 && (size_t)version < list->len) rc = keep_copy(db, path, (size_t)version + 1, why);
  for (size_t i = (size_t)version; !rc && i < list->len; i++) rc = apply(db, list, i, why);
  return rc;
}
