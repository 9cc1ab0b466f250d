#include "worker/supervise/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "worker/rundir.h"
#include "worker/supervise/text.h"

#define CHUNK 32768

static const char *const file_names[] = {RUNDIR_LOG, RUNDIR_LOG_TAIL_1, RUNDIR_LOG_TAIL_2};

void output_init(struct output *o, int pipe, int64_t log_cap) {
  uint64_t cap = log_cap < (int64_t)LOG_CAP_MIN ? LOG_CAP_MIN : (uint64_t)log_cap;
  *o = (struct output){.pipe = pipe, .file = -1, .index = -1, .head_cap = cap / 2, .tail_cap = cap / 4};
  o->room = o->head_cap;
  o->next_mark = LOG_INDEX_STEP;
}

/* The task can put a pipe in the place of a file: it is not waited for, so that the time-out and a stop hold. What
 * isn't read there counts as dropped. */
static int file_open(const char *name, int more) {
  return open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | more, 0644);
}

/* A slot of the header is overwritten in place; anything else goes to the end. */
static bool index_put(const struct output *o, off_t at, const struct log_index_record *r) {
  return pwrite(o->index, r, sizeof *r, at) == (ssize_t)sizeof *r;
}

static bool index_slot(const struct output *o, int slot, enum log_index_kind kind, uint64_t offset, uint64_t value) {
  struct log_index_record r = {.offset = offset, .value = value, .at = now_wall(), .kind = kind};
  return index_put(o, (off_t)(sizeof r * (size_t)slot), &r);
}

/* Opens the index with its header at the first need; false if that isn't possible now. */
static bool index_ready(struct output *o) {
  if (o->index >= 0) return true;
  o->index = file_open(RUNDIR_LOG_INDEX, O_TRUNC);
  if (o->index < 0) return false;
  if (index_slot(o, 0, LOG_INDEX_HEADER, LOG_INDEX_MAGIC, LOG_INDEX_NONE) &&
      index_slot(o, 1, LOG_INDEX_TAIL, LOG_INDEX_NONE, 0) && index_slot(o, 2, LOG_INDEX_TAIL, LOG_INDEX_NONE, 0) &&
      index_slot(o, 3, LOG_INDEX_DROPS, 0, 0))
    return true;
  close(o->index);
  o->index = -1;
  return false;
}

/* A record that was cut short by a full disk is taken away again, so that the records stay in step. */
static bool index_append(const struct output *o, const struct log_index_record *r) {
  off_t end = lseek(o->index, 0, SEEK_END);
  if (end < 0) return false;
  if (index_put(o, end, r)) return true;
  if (ftruncate(o->index, end)) return false;
  return false;
}

static void mark_if_due(struct output *o) {
  if (o->total < o->next_mark || !index_ready(o)) return;
  struct log_index_record r = {.offset = o->total, .value = o->lines, .at = now_wall(), .kind = LOG_INDEX_MARK};
  if (!index_append(o, &r)) return;
  uint64_t share = o->total / LOG_INDEX_SHARE;
  o->next_mark = o->total + (share > LOG_INDEX_STEP ? share : LOG_INDEX_STEP);
}

/* The gap must stand in the index before anything is written behind it. */
static bool gap_record(struct output *o) {
  if (o->gap == 0) return true;
  if (!index_ready(o)) return false;
  struct log_index_record r = {.offset = o->total - o->gap,
                               .value = o->gap,
                               .at = now_wall(),
                               .kind = LOG_INDEX_DROP,
                               .lines = o->gap_lines > UINT32_MAX ? UINT32_MAX : (uint32_t)o->gap_lines};
  if (!index_append(o, &r)) return false;
  o->drop_records++;
  index_slot(o, 3, LOG_INDEX_DROPS, o->dropped, o->drop_records);
  o->gap = o->gap_lines = 0;
  return true;
}

/* The order in which a reader must see it: the old tail is void, it is empty, it begins here (worker/logfile.c). */
static bool tail_begin(struct output *o) {
  int next = o->current == 1 ? 2 : 1;
  if (!index_ready(o)) return false;
  if (o->current == 0 && !index_slot(o, 0, LOG_INDEX_HEADER, LOG_INDEX_MAGIC, o->total)) return false;
  if (!index_slot(o, next, LOG_INDEX_TAIL, LOG_INDEX_NONE, 0)) return false;
  int fd = file_open(file_names[next], O_TRUNC | O_APPEND);
  if (fd < 0) return false;
  if (!index_slot(o, next, LOG_INDEX_TAIL, o->total, o->lines)) {
    close(fd);
    return false;
  }
  close(o->file);
  o->file = fd;
  o->current = next;
  o->room = o->tail_cap;
  return true;
}

static bool file_ready(struct output *o) {
  if (!gap_record(o)) return false;
  if (o->file < 0) o->file = file_open(RUNDIR_LOG, O_APPEND);
  if (o->file < 0) return false;
  mark_if_due(o);
  return o->room > 0 || tail_begin(o);
}

static uint64_t newline_count(const char *bytes, size_t len) {
  uint64_t n = 0;
  for (const char *at = bytes, *end = bytes + len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) n++;
  return n;
}

static void count(struct output *o, const char *bytes, size_t len, bool kept) {
  uint64_t lines = newline_count(bytes, len);
  o->total += len;
  o->lines += lines;
  if (kept) {
    o->room -= len;
  } else {
    o->dropped += len;
    o->gap += len;
    o->gap_lines += lines;
  }
}

static void keep(struct output *o, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = -1;
    if (file_ready(o)) {
      do n = write(o->file, bytes, len < o->room ? len : (size_t)o->room);
      while (n < 0 && errno == EINTR);
    }
    size_t done = n > 0 ? (size_t)n : len;
    count(o, bytes, done, n > 0);
    bytes += done;
    len -= done;
  }
}

bool output_pump(struct output *o, uint64_t limit) {
  static char chunk[CHUNK];
  while (o->pipe >= 0 && limit > 0) {
    ssize_t n = read(o->pipe, chunk, sizeof chunk);
    if (n > 0) {
      keep(o, chunk, (size_t)n);
      limit = limit > (uint64_t)n ? limit - (uint64_t)n : 0;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      close(o->pipe);
      o->pipe = -1;
    } else if (errno == EAGAIN) {
      return false;
    }
  }
  return o->pipe >= 0;
}

void output_end(struct output *o) {
  gap_record(o);
  if (o->file >= 0) close(o->file);
  if (o->index >= 0) close(o->index);
  if (o->pipe >= 0) close(o->pipe);
  o->file = o->index = o->pipe = -1;
}
