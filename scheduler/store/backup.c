#include "scheduler/store/backup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/delivery.h"
#include "scheduler/store/snapshot.h"
#include "scheduler/store/writer.h"

#define STEP_PAGES   32
#define STEP_TIME    (3 * USEC_PER_MS)
#define ROOM_BESIDES (2 * (int64_t)STORE_WAL_CAP) /* a copy mustn't take it from the commits */
#define MIB          (1024.0 * 1024)

struct backup {
  sqlite3 *to;
  sqlite3_backup *copy; /* NULL once all is copied */
  char *staged;
  int left, total;
};

static char *staged_in(const char *dir) {
  return path_join(dir, "rota.backup");
}

static void backup_free(struct backup *b) {
  if (b->copy) sqlite3_backup_finish(b->copy);
  db_close(b->to);
  snapshot_discard(b->staged);
  free(b->staged);
  free(b);
}

static int check_room(struct store *s, struct buf *why) {
  struct statvfs fs;
  int64_t pages = 0, page = 0;
  int rc = db_int(s->db, "PRAGMA page_count", &pages);
  if (!rc) rc = db_int(s->db, "PRAGMA page_size", &page);
  if (rc || statvfs(s->dir, &fs) != 0) return rc;
  int64_t wanted = pages * page + ROOM_BESIDES, room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
  if (room >= wanted) return 0;
  if (why)
    buf_fmt(why,
            "no space left on the disk of %s: a backup is first copied there, which takes %.0f MiB, and %.0f MiB are "
            "free",
            s->dir, (double)wanted / MIB, (double)room / MIB);
  return ERR_FULL;
}

int backup_begin(struct store *s, struct backup **out, struct buf *why) {
  *out = NULL;
  int rc = check_room(s, why);
  if (rc) return rc;
  struct backup *b = alloc_new(struct backup);
  b->staged = staged_in(s->dir);
  rc = snapshot_begin(b->staged, why);
  if (!rc) rc = db_open(b->staged, DB_FILE, &b->to, why);
  if (!rc) {
    b->copy = sqlite3_backup_init(b->to, "main", s->db, "main");
    if (!b->copy) rc = db_fail(b->to, sqlite3_errcode(b->to), "the backup can't begin", why);
  }
  if (rc)
    backup_free(b);
  else
    *out = b;
  return rc;
}

int backup_step(struct backup *b, struct buf *why) {
  int64_t until = clock_monotonic() + STEP_TIME;
  int rc;
  errno = 0;
  do {
    rc = sqlite3_backup_step(b->copy, STEP_PAGES);
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) return 1;
  } while (rc == SQLITE_OK && clock_monotonic() < until);
  b->left = sqlite3_backup_remaining(b->copy);
  b->total = sqlite3_backup_pagecount(b->copy);
  if (rc == SQLITE_OK) return 1;
  int end = sqlite3_backup_finish(b->copy);
  b->copy = NULL;
  return db_fail(b->to, rc == SQLITE_DONE ? end : rc, "the backup failed", why);
}

double backup_progress(const struct backup *b) {
  return b->total ? 1.0 - (double)b->left / b->total : 0.0;
}

/* The copy is a file by itself: without a log beside it, it can be moved and opened anywhere. */
static int close_copy(struct backup *b, struct buf *why) {
  struct buf mode = {0};
  int rc = db_text(b->to, "PRAGMA journal_mode=DELETE", &mode);
  if (!rc && strcmp(buf_cstr(&mode), "delete") != 0) rc = ERR_IO;
  if (rc && why) buf_fmt(why, "the backup failed: %s", sqlite3_errmsg(b->to));
  buf_release(&mode);
  db_close(b->to);
  b->to = NULL;
  return rc;
}

int backup_finish(struct backup *b, const char *file, const struct backup_watch *watch, struct buf *why) {
  int64_t version;
  int rc = close_copy(b, why);
  if (!rc) rc = snapshot_check(b->staged, watch, &version, why);
  if (!rc) rc = snapshot_sync(b->staged, why);
  if (rc)
    delivery_drop(file);
  else
    rc = delivery_carry(b->staged, file, watch, why);
  backup_free(b);
  return rc;
}

void backup_abort(struct backup *b) {
  if (b) backup_free(b);
}

void backup_tidy(const char *dir) {
  char *staged = staged_in(dir);
  snapshot_discard(staged);
  free(staged);
}
