#include "worker/log_resume.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/logfile.h"
#include "worker/rundir.h"

/* A record that is only half there was never read by anybody; the next one must stand in step. */
static int index_trim(const struct log_writer *w, uint64_t *bytes) {
  struct stat st;
  if (fstat(w->index, &st)) return err_from_errno(errno);
  uint64_t whole = (uint64_t)st.st_size - (uint64_t)st.st_size % sizeof(struct log_index_record);
  *bytes = whole;
  return (uint64_t)st.st_size == whole || ftruncate(w->index, (off_t)whole) == 0 ? 0 : err_from_errno(errno);
}

static bool record_at(const struct log_writer *w, size_t n, struct log_index_record *r) {
  return pread(w->index, r, sizeof *r, (off_t)(n * sizeof *r)) == (ssize_t)sizeof *r;
}

/* Which file was being filled: the tail that begins last, else the head. */
static void current_find(struct log_writer *w) {
  struct log_index_record head, tail;
  uint64_t last = 0;
  bool begun = false;
  for (int file = 1; file <= 2; file++) {
    if (!record_at(w, (size_t)file, &tail) || tail.offset == LOG_INDEX_NONE || (begun && tail.offset < last))
      continue;
    w->current = file;
    last = tail.offset;
    begun = true;
  }
  /* The head is closed as soon as a tail was meant to begin, even if the writer came no further. */
  if (!begun && record_at(w, 0, &head) && head.value != LOG_INDEX_NONE) w->head_cap = head.value;
}

static void last_mark_find(struct log_writer *w, uint64_t index_bytes) {
  struct log_index_record r;
  for (size_t n = index_bytes / sizeof r; n > LOG_INDEX_HEADER_RECORDS; n--) {
    if (!record_at(w, n - 1, &r) || r.kind != LOG_INDEX_MARK) continue;
    uint64_t share = r.offset / LOG_INDEX_SHARE;
    w->next_mark = r.offset + (share > LOG_INDEX_STEP ? share : LOG_INDEX_STEP);
    return;
  }
}

static int index_resume(struct log_writer *w) {
  struct log_index_record drops, magic;
  uint64_t bytes = 0;
  w->index = openat(w->dir, RUNDIR_LOG_INDEX, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (w->index < 0) return errno == ENOENT ? 0 : err_from_errno(errno);
  int err = index_trim(w, &bytes);
  if (err) return err;
  if (bytes < LOG_INDEX_HEADER_RECORDS * sizeof magic || !record_at(w, 0, &magic) ||
      magic.offset != LOG_INDEX_MAGIC) {
    close(w->index); /* it was only just being made: the next need makes it anew */
    w->index = -1;
    return 0;
  }
  if (record_at(w, 3, &drops)) {
    w->dropped = drops.offset;
    w->drop_records = drops.value;
  }
  current_find(w);
  last_mark_find(w, bytes);
  return 0;
}

static int room_find(struct log_writer *w) {
  static const char *const names[] = {RUNDIR_LOG, RUNDIR_LOG_TAIL_1, RUNDIR_LOG_TAIL_2};
  struct stat st = {0};
  uint64_t cap = w->current == 0 ? w->head_cap : w->tail_cap;
  if (fstatat(w->dir, names[w->current], &st, AT_SYMLINK_NOFOLLOW) && errno != ENOENT) return err_from_errno(errno);
  w->room = (uint64_t)st.st_size < cap ? cap - (uint64_t)st.st_size : 0;
  return 0;
}

int log_writer_resume(struct log_writer *w, const char *attempt_dir, int dir, uint64_t cap) {
  struct logfile_extent extent = {0};
  int err;
  log_writer_init(w, dir, cap);
  struct logfile *lf = logfile_open(attempt_dir, &err);
  if (!lf) return err;
  err = index_resume(w);
  if (!err) err = logfile_extent(lf, &extent);
  if (!err) err = logfile_line_at(lf, extent.size, &w->lines);
  if (!err) err = room_find(w);
  w->total = extent.size;
  logfile_close(lf);
  if (err && w->index >= 0) {
    close(w->index);
    w->index = -1;
  }
  return err;
}
