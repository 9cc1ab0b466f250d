#include "scheduler/store/downgrade.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/db.h"
#include "scheduler/store/migrate.h"
#include "scheduler/store/place.h"

static int go_back(sqlite3 *db, const char *path, int64_t *from, int64_t *to, struct buf *kept, struct buf *why) {
  const struct migration *items;
  const size_t len = migrations(&items);
  const struct migration_list list = {.items = items, .len = len};
  int rc = db_version(db, from, why);
  if (rc) return rc;
  if (*to == DOWNGRADE_ONE) *to = *from - 1;
  if (*to < 1 || *to > *from) {
    if (why) buf_fmt(why, "the database has schema %" PRId64 "; there is no way to %" PRId64, *from, *to);
    return ERR_INVALID;
  }
  rc = migrate_back(db, path, &list, (size_t)*to, kept, why);
  if (rc) return rc;
  rc = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  return rc == SQLITE_OK ? 0 : db_fail(db, rc, "the change is made but not moved into the database yet", why);
}

int store_downgrade(const char *dir, int64_t *from, int64_t *to, struct buf *kept, struct buf *why) {
  char *path = path_join(dir, "rota.db");
  sqlite3 *db = NULL;
  int lock = -1, rc = access(path, F_OK) == 0 ? 0 : ERR_NOT_FOUND;
  *from = 0;
  if (rc && why) buf_fmt(why, "there is no database in %s", dir);
  if (!rc) rc = place_lock(dir, &lock, why);
  if (!rc) rc = db_open(path, DB_WRITER, &db, why);
  if (!rc) rc = go_back(db, path, from, to, kept, why);
  db_close(db);
  if (lock >= 0) close(lock);
  free(path);
  return rc;
}
