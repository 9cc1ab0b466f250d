#include "scheduler/store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/backup.h"
#include "scheduler/store/db.h"

#define STEPS_BETWEEN 100000 /* of SQLite's machine, some milliseconds */

static int give_up(void *watch) {
  struct backup_watch *w = watch;
  return !w->goes_on(w->ctx);
}

int snapshot_check(const char *file, const struct backup_watch *watch, int64_t *version, struct buf *why) {
  struct backup_watch asked = watch ? *watch : (struct backup_watch){0};
  sqlite3 *db = NULL;
  int rc = db_open(file, DB_FROZEN, &db, why);
  if (!rc && watch) sqlite3_progress_handler(db, STEPS_BETWEEN, give_up, &asked);
  if (!rc) rc = db_version(db, version, why);
  if (!rc && *version == 0) {
    rc = ERR_CORRUPT;
    if (why) buf_fmt(why, "%s is empty", file);
  }
  if (!rc) rc = db_check(db, "integrity_check", NULL, why);
  db_close(db);
  return rc;
}

int snapshot_verify(const char *file, int64_t *version, struct buf *why) {
  return snapshot_check(file, NULL, version, why);
}

void snapshot_discard(const char *temporary) {
  char *journal = alloc_fmt("%s-journal", temporary);
  unlink(temporary);
  unlink(journal);
  free(journal);
}

int snapshot_begin(const char *temporary, struct buf *why) {
  snapshot_discard(temporary);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    int err = err_from_errno(errno);
    if (why) buf_fmt(why, "%s can't be opened: %s", temporary, strerror(errno));
    return err;
  }
  close(fd);
  return 0;
}

int snapshot_sync(const char *file, struct buf *why) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  int rc = fd < 0 ? err_from_errno(errno) : fsync(fd) == 0 ? 0 : ERR_SYNC;
  if (fd >= 0) close(fd);
  if (rc && why) buf_fmt(why, "the snapshot %s can't be synced: %s", file, err_text(rc));
  return rc;
}

int snapshot_finish(const char *temporary, const char *file, struct buf *why) {
  int64_t version;
  size_t said = why ? why->len : 0;
  int rc = snapshot_verify(temporary, &version, why);
  if (!rc) rc = snapshot_sync(temporary, why);
  if (!rc && rename(temporary, file) != 0) rc = err_from_errno(errno);
  if (!rc) {
    char *path = alloc_strdup(file);
    rc = dir_sync(dirname(path));
    free(path);
  }
  if (rc && why && why->len == said) buf_fmt(why, "the snapshot %s can't be written: %s", file, err_text(rc));
  if (rc) snapshot_discard(temporary);
  return rc;
}

/* A file whose size can't be read is SQLITE_ERROR, "exists already", to VACUUM INTO: here it was just made. */
static int vacuum_into(sqlite3 *db, const char *sql) {
  errno = 0;
  int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
  return rc == SQLITE_ERROR ? ERR_IO : db_code(db, rc);
}

int snapshot_vacuum(sqlite3 *db, const char *file, struct buf *why) {
  char *temporary = alloc_fmt("%s.tmp", file);
  char *sql = sqlite3_mprintf("VACUUM INTO %Q", temporary);
  if (!sql) abort();
  size_t said = why ? why->len : 0;
  int rc = snapshot_begin(temporary, why);
  if (!rc) rc = vacuum_into(db, sql);
  sqlite3_free(sql);
  if (rc && why && why->len == said) buf_fmt(why, "the snapshot %s can't be written: %s", file, sqlite3_errmsg(db));
  if (rc)
    snapshot_discard(temporary);
  else
    rc = snapshot_finish(temporary, file, why);
  free(temporary);
  return rc;
}
