#include "worker/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "worker/rundir.h"

static const char *const file_names[] = {RUNDIR_LOG, RUNDIR_LOG_TAIL_1, RUNDIR_LOG_TAIL_2};

void log_writer_init(struct log_writer *w, int dir, uint64_t cap) {
  if (cap < LOG_CAP_MIN) cap = LOG_CAP_MIN;
  *w = (struct log_writer){.dir = dir, .file = -1, .index = -1, .head_cap = cap / 2, .tail_cap = cap / 4};
  w->room = w->head_cap;
  w->next_mark = LOG_INDEX_STEP;
}

/* The task can put a pipe or a link in the place of a file: it is not waited for and not followed, so that the
 * time-out and a stop hold. What isn't read there counts as dropped. */
static int file_open(const struct log_writer *w, const char *name, int more) {
  return openat(w->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | more, 0644);
}

/* A slot of the header is overwritten in place; anything else goes to the end. */
static bool index_put(const struct log_writer *w, off_t at, const struct log_index_record *r) {
  return pwrite(w->index, r, sizeof *r, at) == (ssize_t)sizeof *r;
}

static bool index_slot(const struct log_writer *w, int slot, enum log_index_kind kind, uint64_t offset,
                       uint64_t value, int64_t at) {
  struct log_index_record r = {.offset = offset, .value = value, .at = at, .kind = kind};
  return index_put(w, (off_t)(sizeof r * (size_t)slot), &r);
}

/* Opens the index with its header at the first need; false if that isn't possible now. */
static bool index_ready(struct log_writer *w, int64_t at) {
  if (w->index >= 0) return true;
  w->index = file_open(w, RUNDIR_LOG_INDEX, O_TRUNC);
  if (w->index < 0) return false;
  if (index_slot(w, 0, LOG_INDEX_HEADER, LOG_INDEX_MAGIC, LOG_INDEX_NONE, at) &&
      index_slot(w, 1, LOG_INDEX_TAIL, LOG_INDEX_NONE, 0, at) &&
      index_slot(w, 2, LOG_INDEX_TAIL, LOG_INDEX_NONE, 0, at) && index_slot(w, 3, LOG_INDEX_DROPS, 0, 0, at))
    return true;
  int error = errno;
  close(w->index);
  w->index = -1;
  errno = error;
  return false;
}

/* A record that was cut short by a full disk is taken away again, so that the records stay in step. */
static bool index_append(const struct log_writer *w, const struct log_index_record *r) {
  off_t end = lseek(w->index, 0, SEEK_END);
  if (end < 0) return false;
  if (index_put(w, end, r)) return true;
  int error = errno;
  if (ftruncate(w->index, end)) return false;
  errno = error;
  return false;
}

static void mark_if_due(struct log_writer *w, int64_t at) {
  if (w->total < w->next_mark || !index_ready(w, at)) return;
  struct log_index_record r = {.offset = w->total, .value = w->lines, .at = at, .kind = LOG_INDEX_MARK};
  if (!index_append(w, &r)) return;
  uint64_t share = w->total / LOG_INDEX_SHARE;
  w->next_mark = w->total + (share > LOG_INDEX_STEP ? share : LOG_INDEX_STEP);
}

/* The gap must stand in the index before anything is written behind it. */
static bool gap_record(struct log_writer *w, int64_t at) {
  if (w->gap == 0) return true;
  if (!index_ready(w, at)) return false;
  struct log_index_record r = {.offset = w->total - w->gap,
                               .value = w->gap,
                               .at = at,
                               .kind = LOG_INDEX_DROP,
                               .lines = w->gap_lines > UINT32_MAX ? UINT32_MAX : (uint32_t)w->gap_lines};
  if (!index_append(w, &r)) return false;
  w->drop_records++;
  index_slot(w, 3, LOG_INDEX_DROPS, w->dropped, w->drop_records, at);
  w->gap = w->gap_lines = 0;
  return true;
}

/* The order in which a reader must see it: the old tail is void, it is empty, it begins here (worker/logfile.c). */
static bool tail_begin(struct log_writer *w, int64_t at) {
  int next = w->current == 1 ? 2 : 1;
  if (!index_ready(w, at)) return false;
  if (w->current == 0 && !index_slot(w, 0, LOG_INDEX_HEADER, LOG_INDEX_MAGIC, w->total, at)) return false;
  if (!index_slot(w, next, LOG_INDEX_TAIL, LOG_INDEX_NONE, 0, at)) return false;
  int fd = file_open(w, file_names[next], O_TRUNC | O_APPEND);
  if (fd < 0) return false;
  if (!index_slot(w, next, LOG_INDEX_TAIL, w->total, w->lines, at)) {
    int error = errno;
    close(fd);
    errno = error;
    return false;
  }
  if (w->file >= 0) close(w->file);
  w->file = fd;
  w->current = next;
  w->room = w->tail_cap;
  return true;
}

static bool file_ready(struct log_writer *w, int64_t at) {
  if (!gap_record(w, at)) return false;
  if (w->file < 0) w->file = file_open(w, file_names[w->current], O_APPEND);
  if (w->file < 0) return false;
  mark_if_due(w, at);
  return w->room > 0 || tail_begin(w, at);
}

static uint64_t newline_count(const char *bytes, size_t len) {
  uint64_t n = 0;
  for (const char *at = bytes, *end = bytes + len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) n++;
  return n;
}

static void drop(struct log_writer *w, uint64_t len, uint64_t lines) {
  w->total += len;
  w->lines += lines;
  w->dropped += len;
  w->gap += len;
  w->gap_lines += lines;
}

size_t log_writer_put(struct log_writer *w, const char *bytes, size_t len, int64_t at, int *error) {
  size_t done = 0;
  *error = 0;
  while (done < len) {
    ssize_t n = -1;
    errno = 0;
    if (file_ready(w, at)) {
      size_t part = len - done < w->room ? len - done : (size_t)w->room;
      do n = write(w->file, bytes + done, part);
      while (n < 0 && errno == EINTR);
    }
    if (n <= 0) {
      *error = errno ? errno : EIO;
      break;
    }
    w->total += (uint64_t)n;
    w->lines += newline_count(bytes + done, (size_t)n);
    w->room -= (uint64_t)n;
    done += (size_t)n;
  }
  return done;
}

void log_writer_keep(struct log_writer *w, const char *bytes, size_t len, int64_t at) {
  int error;
  size_t done = log_writer_put(w, bytes, len, at, &error);
  if (done < len) drop(w, len - done, newline_count(bytes + done, len - done));
}

void log_writer_skip(struct log_writer *w, uint64_t len) {
  if (len) drop(w, len, 0);
}

void log_writer_end(struct log_writer *w, int64_t at) {
  gap_record(w, at);
  if (w->file >= 0) close(w->file);
  if (w->index >= 0) close(w->index);
  w->file = w->index = -1;
}
