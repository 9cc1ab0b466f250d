/* The check of the whole database beside its work. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/vec.h"
#include "scheduler/store/db.h"
#include "scheduler/store/store.h"

#define STEPS_BETWEEN 100000 /* of SQLite's machine, some milliseconds */

struct watch {
  const atomic_bool *stop;
  char *wal;
};

/* A check reads in one transaction, which keeps the log from beginning anew; it gives way before that hurts. */
static int look(void *ctx) {
  const struct watch *w = ctx;
  struct stat st;
  if (w->stop && atomic_load(w->stop)) return 1;
  return stat(w->wal, &st) == 0 && st.st_size > 4 * (off_t)STORE_WAL_CAP;
}

static int check_tables(sqlite3 *db, struct buf *why) {
  VEC(char *) names = {0};
  sqlite3_stmt *q = db_prepare(db,
                               "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  int step;
  while ((step = sqlite3_step(q)) == SQLITE_ROW)
    vec_push(&names, alloc_strdup((const char *)sqlite3_column_text(q, 0)));
  int rc = db_code(db, step);
  sqlite3_finalize(q);
  for (size_t i = 0; i < names.len; i++) {
    if (!rc) rc = db_check(db, "quick_check", names.items[i], why);
    free(names.items[i]);
  }
  vec_release(&names);
  return rc;
}

int store_check(const char *dir, const atomic_bool *stop, struct buf *why) {
  char *path = path_join(dir, "rota.db");
  struct watch w = {stop, path_join(dir, "rota.db-wal")};
  sqlite3 *db = NULL;
  int rc = db_open(path, DB_READER, &db, why);
  if (!rc) {
    sqlite3_progress_handler(db, STEPS_BETWEEN, look, &w);
    rc = check_tables(db, why);
  }
  db_close(db);
  free(w.wal);
  free(path);
  return rc;
}
