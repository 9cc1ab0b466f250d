#include "scheduler/store/backup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "scheduler/store/snapshot.h"
#include "scheduler/store/writer.h"

#define STEP_PAGES 32
#define STEP_TIME  (3 * USEC_PER_MS)

struct backup {
  sqlite3 *to;
  sqlite3_backup *copy; /* NULL once all is copied */
  char *file, *temporary;
  int left, total;
};

static void backup_free(struct backup *b) {
  if (b->copy) sqlite3_backup_finish(b->copy);
  db_close(b->to);
  snapshot_discard(b->temporary);
  free(b->temporary);
  free(b->file);
  free(b);
}

int backup_begin(struct store *s, const char *file, struct backup **out, struct buf *why) {
  *out = NULL;
  if (access(file, F_OK) == 0) {
    if (why) buf_fmt(why, "%s is there already", file);
    return ERR_EXISTS;
  }
  struct backup *b = alloc_new(struct backup);
  b->file = alloc_strdup(file);
  b->temporary = alloc_fmt("%s.tmp", file);
  int rc = snapshot_begin(b->temporary, why);
  if (!rc) rc = db_open(b->temporary, DB_FILE, &b->to, why);
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

int backup_finish(struct backup *b, struct buf *why) {
  /* The copy is a file by itself: without a log beside it, it can be moved and opened anywhere. */
  struct buf mode = {0};
  int rc = db_text(b->to, "PRAGMA journal_mode=DELETE", &mode);
  if (!rc && strcmp(buf_cstr(&mode), "delete") != 0) rc = ERR_IO;
  if (rc && why) buf_fmt(why, "the backup failed: %s", sqlite3_errmsg(b->to));
  buf_release(&mode);
  db_close(b->to);
  b->to = NULL;
  if (!rc) rc = snapshot_finish(b->temporary, b->file, why);
  backup_free(b);
  return rc;
}

void backup_abort(struct backup *b) {
  if (b) backup_free(b);
}
