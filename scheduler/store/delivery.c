#include "scheduler/store/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/snapshot.h"

#define CHUNK      (256 * 1024)
#define SYNC_EVERY (32 * CHUNK) /* so that no single sync has much to write */

struct delivery {
  const char *file;
  char *temporary;
  const struct backup_watch *watch;
  char *bytes, *again; /* CHUNK each */
  struct buf *why;
};

static int fail(const struct delivery *d, int errnum) {
  if (d->why) buf_fmt(d->why, "%s can't be written: %s", d->temporary, strerror(errnum));
  return err_from_errno(errnum);
}

static bool goes_on(const struct delivery *d) {
  return d->watch->goes_on(d->watch->ctx);
}

/* As many bytes as there are, up to CHUNK; -1 with errno. */
static ssize_t read_chunk(int fd, char *out) {
  size_t len = 0;
  while (len < CHUNK) {
    ssize_t n = read(fd, out + len, CHUNK - len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    len += (size_t)n;
  }
  return (ssize_t)len;
}

static int write_copy(const struct delivery *d, int from, int to) {
  size_t unsynced = 0;
  for (;;) {
    if (!goes_on(d)) return ERR_AGAIN;
    ssize_t n = read_chunk(from, d->bytes);
    if (n < 0) return fail(d, errno);
    if (n == 0) break;
    int failed = fd_write_all(to, d->bytes, (size_t)n);
    if (failed) return fail(d, failed);
    unsynced += (size_t)n;
    if (unsynced < SYNC_EVERY) continue;
    if (fdatasync(to) != 0) return fail(d, errno);
    unsynced = 0;
  }
  if (fsync(to) != 0) return fail(d, errno);
  posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED); /* what is read back is to come from there */
  return 0;
}

static int compare(const struct delivery *d, int from, int to) {
  for (;;) {
    if (!goes_on(d)) return ERR_AGAIN;
    ssize_t n = read_chunk(from, d->bytes), m = read_chunk(to, d->again);
    if (n < 0 || m < 0) return fail(d, errno);
    if (n != m || memcmp(d->bytes, d->again, (size_t)n) != 0) {
      if (d->why) buf_fmt(d->why, "%s doesn't hold what was written to it: its disk is damaged", d->temporary);
      return ERR_CORRUPT;
    }
    if (n == 0) return 0;
  }
}

static int copy(struct delivery *d, const char *from_path) {
  int from = open(from_path, O_RDONLY | O_CLOEXEC);
  if (from < 0) return fail(d, errno);
  int to = open(d->temporary, O_RDWR | O_TRUNC | O_NOFOLLOW | O_CLOEXEC), rc = to < 0 ? fail(d, errno) : 0;
  d->bytes = alloc_zeroed(CHUNK, 1);
  d->again = alloc_zeroed(CHUNK, 1);
  if (!rc) rc = write_copy(d, from, to);
  if (!rc && (lseek(from, 0, SEEK_SET) != 0 || lseek(to, 0, SEEK_SET) != 0)) rc = fail(d, errno);
  if (!rc) rc = compare(d, from, to);
  if (to >= 0 && close(to) != 0 && !rc) rc = fail(d, errno);
  close(from);
  free(d->bytes);
  free(d->again);
  return rc;
}

static int refuse_existing(const char *file, struct buf *why) {
  if (access(file, F_OK) != 0) return 0;
  if (why) buf_fmt(why, "%s is there already", file);
  return ERR_EXISTS;
}

int delivery_begin(const char *file, struct buf *why) {
  int rc = refuse_existing(file, why);
  if (rc) return rc;
  char *temporary = alloc_fmt("%s.tmp", file);
  rc = snapshot_begin(temporary, why);
  free(temporary);
  return rc;
}

int delivery_carry(const char *from, const char *file, const struct backup_watch *watch, struct buf *why) {
  struct delivery d = {.file = file, .temporary = alloc_fmt("%s.tmp", file), .watch = watch, .why = why};
  int rc = rename(from, d.temporary) == 0 ? 0 : errno == EXDEV ? copy(&d, from) : fail(&d, errno);
  if (!rc && !goes_on(&d)) rc = ERR_AGAIN;
  if (!rc) rc = refuse_existing(file, why);
  if (!rc && rename(d.temporary, file) != 0) rc = fail(&d, errno);
  if (!rc) {
    char *folder = path_folder(file);
    rc = dir_sync(folder);
    if (rc && why) buf_fmt(why, "the folder %s can't be synced: %s", folder, err_text(rc));
    free(folder);
  }
  if (rc) unlink(d.temporary);
  free(d.temporary);
  return rc;
}

void delivery_drop(const char *file) {
  char *temporary = alloc_fmt("%s.tmp", file);
  snapshot_discard(temporary);
  free(temporary);
}
