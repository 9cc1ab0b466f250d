#include "worker/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/vec.h"
#include "worker/attempt_dir.h"
#include "worker/rundir.h"

#define CHUNK       65536
#define RETRIES     8
/* A log is never this large and its index never this long. The task can write both as it likes, though, and nobody
 * is to walk through a sparse file of a terabyte or to keep an index of gigabytes. */
#define WALK_MAX    (UINT64_C(4) << 30)
#define RECORDS_MAX ((size_t)1 << 20)
#define OFFSET_MAX  ((uint64_t)INT64_MAX) /* all who are told of offsets can take this one */
#define FILES       3

/* A stretch of offsets that lies in one of the files without a break. */
struct piece {
  uint64_t begin, end; /* offsets */
  uint64_t at;         /* where it begins in the file */
  uint64_t lines;      /* newlines before `begin` */
  int file;            /* 0 log, 1 log.1, 2 log.2 */
};

/* The last known count of newlines at or before an offset. */
struct known {
  uint64_t offset, lines;
};

struct logfile {
  int dir;
  VEC(struct piece) pieces;                  /* as of the last refresh, in order */
  VEC(struct log_index_record) marks, drops; /* in order */
  struct log_index_record header[LOG_INDEX_HEADER_RECORDS];
  uint64_t index_read; /* bytes of log.idx taken into marks and drops */
  uint64_t size;       /* offset behind the last byte */
  /* Of what the pieces were laid: nothing is laid anew while it is the same. */
  struct laid {
    struct log_index_record header[LOG_INDEX_HEADER_RECORDS];
    uint64_t bytes[FILES];
    size_t drops;
  } laid;
  struct known bases[FILES]; /* pieces of which the lines before are known: the first of each file */
  size_t bases_len;
  struct known walked; /* where the last walk came to, from which the next may go on */
};

static const char *const names[] = {RUNDIR_LOG, RUNDIR_LOG_TAIL_1, RUNDIR_LOG_TAIL_2};

struct logfile *logfile_open(const char *attempt_dir, int *err) {
  int dir = attempt_dir_open(attempt_dir);
  if (dir < 0) {
    *err = dir;
    return NULL;
  }
  struct logfile *lf = alloc_new(struct logfile);
  lf->dir = dir;
  *err = 0;
  return lf;
}

void logfile_close(struct logfile *lf) {
  if (!lf) return;
  close(lf->dir);
  vec_release(&lf->pieces);
  vec_release(&lf->marks);
  vec_release(&lf->drops);
  free(lf);
}

/* ---- the map of what is where ---- */

static void header_default(struct logfile *lf) {
  memset(lf->header, 0, sizeof lf->header);
  lf->header[0].value = lf->header[1].offset = lf->header[2].offset = LOG_INDEX_NONE;
}

static int header_read(struct logfile *lf, int fd) {
  ssize_t n = pread(fd, lf->header, sizeof lf->header, 0);
  if (n < 0) return err_from_errno(errno);
  if ((size_t)n < sizeof lf->header)
    header_default(lf); /* it is only just being written */
  else if (lf->header[0].offset != LOG_INDEX_MAGIC)
    return ERR_CORRUPT;
  return 0;
}

/* Where the range ends; 0 for one that no supervisor would have written. */
static uint64_t drop_end(const struct log_index_record *d) {
  return d->offset <= OFFSET_MAX && d->value <= OFFSET_MAX - d->offset ? d->offset + d->value : 0;
}

static int records_read(struct logfile *lf, int fd) {
  struct log_index_record some[256];
  if (lf->index_read < sizeof lf->header) lf->index_read = sizeof lf->header;
  for (;;) {
    ssize_t n = pread(fd, some, sizeof some, (off_t)lf->index_read);
    if (n < 0) return err_from_errno(errno);
    size_t whole = (size_t)n / sizeof some[0];
    if (lf->marks.len + lf->drops.len > RECORDS_MAX) return ERR_TOO_LARGE;
    for (size_t i = 0; i < whole; i++) {
      if (some[i].kind == LOG_INDEX_MARK)
        vec_push(&lf->marks, some[i]);
      else if (some[i].kind != LOG_INDEX_DROP)
        return 0; /* a record that is only half there: next time */
      else if (drop_end(&some[i]))
        vec_push(&lf->drops, some[i]);
      lf->index_read += sizeof some[0];
    }
    if (whole < sizeof some / sizeof some[0]) return 0;
  }
}

static int index_refresh(struct logfile *lf) {
  int fd = attempt_file_open(lf->dir, RUNDIR_LOG_INDEX);
  if (fd < 0) {
    header_default(lf);
    return fd == ERR_NOT_FOUND ? 0 : fd;
  }
  int err = header_read(lf, fd);
  if (!err && lf->header[0].offset) err = records_read(lf, fd);
  close(fd);
  return err;
}

static int file_size(const struct logfile *lf, int file, uint64_t *size) {
  struct stat st;
  *size = 0;
  if (fstatat(lf->dir, names[file], &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT ? 0 : err_from_errno(errno);
  if (!S_ISREG(st.st_mode)) return ERR_INVALID;
  *size = (uint64_t)st.st_size;
  return 0;
}

/* Lays the bytes of one file out from its first offset on, broken where something was dropped. */
static void file_lay(struct logfile *lf, int file, uint64_t base, uint64_t base_lines, uint64_t bytes) {
  struct piece p = {.begin = base, .lines = base_lines, .file = file};
  for (size_t i = 0; i < lf->drops.len && p.at < bytes; i++) {
    const struct log_index_record *d = &lf->drops.items[i];
    if (d->offset < p.begin || d->offset - p.begin >= bytes - p.at) continue;
    p.end = d->offset;
    if (p.end > p.begin) vec_push(&lf->pieces, p);
    p.at += p.end - p.begin;
    p.begin = d->offset + d->value;
    p.lines = LOG_INDEX_NONE; /* counted from a mark when it is asked for */
  }
  p.end = p.begin + (bytes - p.at);
  if (p.end > p.begin) vec_push(&lf->pieces, p);
}

/* The tail that begins first comes first; one that holds nothing has no place. */
static void tails_lay(struct logfile *lf) {
  int first = lf->header[1].offset <= lf->header[2].offset ? 1 : 2;
  const int order[] = {first, 3 - first};
  for (size_t i = 0; i < 2; i++) {
    const struct log_index_record *h = &lf->header[order[i]];
    const uint64_t bytes = lf->laid.bytes[order[i]];
    if (h->offset <= OFFSET_MAX - bytes) file_lay(lf, order[i], h->offset, h->value, bytes);
  }
}

/* Pieces that overlap can't be told from each other: of such an index, which only the task can have written, what is
 * laid later stays. */
static void overlaps_cut(struct logfile *lf) {
  uint64_t limit = OFFSET_MAX;
  size_t kept = lf->pieces.len;
  for (size_t i = lf->pieces.len; i-- > 0;) {
    struct piece p = lf->pieces.items[i];
    if (p.end > limit) p.end = limit;
    if (p.begin >= p.end) continue;
    limit = p.begin;
    lf->pieces.items[--kept] = p;
  }
  lf->pieces.len -= kept;
  if (kept) memmove(lf->pieces.items, lf->pieces.items + kept, lf->pieces.len * sizeof *lf->pieces.items);
}

static uint64_t end_of(const struct logfile *lf) {
  uint64_t end = lf->pieces.len ? lf->pieces.items[lf->pieces.len - 1].end : 0;
  if (lf->drops.len) {
    const struct log_index_record *d = &lf->drops.items[lf->drops.len - 1];
    if (drop_end(d) > end) end = drop_end(d);
  }
  return end;
}

static void bases_take(struct logfile *lf) {
  lf->bases_len = 0;
  for (size_t i = 0; i < lf->pieces.len && lf->bases_len < FILES; i++) {
    const struct piece *p = &lf->pieces.items[i];
    if (p->lines != LOG_INDEX_NONE) lf->bases[lf->bases_len++] = (struct known){p->begin, p->lines};
  }
}

/* Who reads on through many gaps looks at the disk before each, and must not lay them all each time. */
static int refresh(struct logfile *lf) {
  struct laid now = {0};
  int err = index_refresh(lf);
  for (int file = 0; !err && file < FILES; file++) err = file_size(lf, file, &now.bytes[file]);
  if (err) return err;
  memcpy(now.header, lf->header, sizeof now.header);
  now.drops = lf->drops.len;
  if (memcmp(&now, &lf->laid, sizeof now) == 0) return 0;
  lf->laid = now;
  lf->pieces.len = 0;
  file_lay(lf, 0, 0, 0, now.bytes[0]);
  tails_lay(lf);
  overlaps_cut(lf);
  bases_take(lf);
  lf->size = end_of(lf);
  return 0;
}

int logfile_extent(struct logfile *lf, struct logfile_extent *out) {
  int err = refresh(lf);
  *out = (struct logfile_extent){.size = lf->size};
  uint64_t kept = 0;
  for (size_t i = 0; i < lf->pieces.len; i++) kept += lf->pieces.items[i].end - lf->pieces.items[i].begin;
  out->dropped = out->size - kept;
  return err;
}

/* ---- reading ---- */

/* The first that ends behind the offset. */
static const struct piece *piece_from(const struct logfile *lf, uint64_t offset) {
  size_t low = 0, high = lf->pieces.len;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (lf->pieces.items[middle].end > offset)
      high = middle;
    else
      low = middle + 1;
  }
  return low < lf->pieces.len ? &lf->pieces.items[low] : NULL;
}

static int64_t piece_read(const struct logfile *lf, const struct piece *p, uint64_t offset, void *out, size_t len) {
  int fd = attempt_file_open(lf->dir, names[p->file]);
  if (fd < 0) return fd;
  if (len > p->end - offset) len = (size_t)(p->end - offset);
  ssize_t n = pread(fd, out, len, (off_t)(p->at + (offset - p->begin)));
  int err = err_from_errno(errno);
  close(fd);
  return n < 0 ? err : n;
}

/* True if the tail file still holds what it held when the map was made. The writer voids a tail in the header before
 * it empties the file, so a read between two equal headers is good. */
static bool piece_stands(const struct logfile *lf, const struct piece *p) {
  if (p->file == 0) return true;
  struct log_index_record now;
  int fd = attempt_file_open(lf->dir, RUNDIR_LOG_INDEX);
  if (fd < 0) return false;
  ssize_t n = pread(fd, &now, sizeof now, (off_t)(sizeof now * (size_t)p->file));
  close(fd);
  return n == (ssize_t)sizeof now && now.offset == lf->header[p->file].offset;
}

static int64_t read_mapped(struct logfile *lf, uint64_t offset, void *out, size_t len, uint64_t *at) {
  for (int tries = 0; tries < RETRIES; tries++) {
    const struct piece *p = piece_from(lf, offset);
    *at = p && p->begin > offset ? p->begin : offset;
    if (!p) return 0;
    int64_t n = piece_read(lf, p, *at, out, len);
    if (n > 0 && piece_stands(lf, p)) return n;
    if (n < 0 && n != ERR_NOT_FOUND) return n;
    int err = refresh(lf);
    if (err) return err;
  }
  return ERR_AGAIN;
}

int64_t logfile_read(struct logfile *lf, uint64_t offset, void *out, size_t len, uint64_t *at) {
  *at = offset;
  if (len == 0) return 0;
  int err = refresh(lf);
  return err ? err : read_mapped(lf, offset, out, len, at);
}

/* ---- lines ---- */

/* How many of the records, which are in the order of their offsets, begin at `limit` or before. */
static size_t records_until(const struct log_index_record *items, size_t len, uint64_t limit) {
  size_t low = 0, high = len;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (items[middle].offset <= limit)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void known_better(struct known *k, struct known other, uint64_t limit) {
  if (other.offset <= limit && other.lines != LOG_INDEX_NONE && other.offset >= k->offset) *k = other;
}

/* The nearest one at or before an offset. */
static struct known known_before(const struct logfile *lf, uint64_t limit) {
  struct known k = {0, 0};
  const size_t marks = records_until(lf->marks.items, lf->marks.len, limit);
  known_better(&k, lf->walked, limit);
  if (marks) {
    const struct log_index_record *m = &lf->marks.items[marks - 1];
    known_better(&k, (struct known){m->offset, m->value}, limit);
  }
  for (size_t i = 0; i < lf->bases_len; i++) known_better(&k, lf->bases[i], limit);
  return k;
}

/* The nearest one with at most so many lines before it. */
static struct known known_before_line(const struct logfile *lf, uint64_t lines) {
  struct known k = {0, 0};
  for (size_t i = 0; i < lf->marks.len; i++) {
    const struct log_index_record *m = &lf->marks.items[i];
    if (m->value <= lines) known_better(&k, (struct known){m->offset, m->value}, UINT64_MAX);
  }
  for (size_t i = 0; i < lf->bases_len; i++) {
    if (lf->bases[i].lines <= lines) known_better(&k, lf->bases[i], UINT64_MAX);
  }
  return k;
}

static uint64_t dropped_lines(const struct logfile *lf, uint64_t from, uint64_t to) {
  uint64_t n = 0;
  size_t i = from ? records_until(lf->drops.items, lf->drops.len, from - 1) : 0;
  for (; i < lf->drops.len && lf->drops.items[i].offset < to; i++) {
    const struct log_index_record *d = &lf->drops.items[i];
    if (d->offset >= from && d->offset + d->value <= to) n += d->lines;
  }
  return n;
}

/* Walks on from what is known. Stops behind the newline with which `lines` newlines have come, or at `offset`,
 * whichever is first; *k says where, and how many had come by then. 1 if the end of the log came before. */
static int walk(struct logfile *lf, struct known *k, uint64_t lines, uint64_t offset) {
  char *chunk = alloc_zeroed(1, CHUNK);
  uint64_t walked = 0;
  int rc = -1;
  while (rc == -1 && k->lines < lines && k->offset < offset) {
    uint64_t at;
    int64_t n = read_mapped(lf, k->offset, chunk, CHUNK, &at);
    if (n <= 0 || (walked += (uint64_t)n) > WALK_MAX) {
      rc = n < 0 ? (int)n : n == 0 ? 1 : ERR_TOO_LARGE;
      break;
    }
    if (at > k->offset) {
      struct known behind = known_before(lf, at);
      k->lines = behind.offset == at ? behind.lines : k->lines + dropped_lines(lf, k->offset, at);
      k->offset = at;
    }
    const char *from = chunk, *end = chunk + n;
    if ((uint64_t)n > offset - k->offset) end = chunk + (offset > k->offset ? offset - k->offset : 0);
    while (k->lines < lines && from < end) {
      const char *nl = memchr(from, '\n', (size_t)(end - from));
      k->offset += (uint64_t)((nl ? nl + 1 : end) - from);
      k->lines += nl != NULL;
      from = nl ? nl + 1 : end;
    }
  }
  free(chunk);
  lf->walked = *k;
  return rc == -1 ? 0 : rc;
}

int logfile_line(struct logfile *lf, uint64_t line, uint64_t *offset) {
  int err = refresh(lf);
  if (err) return err;
  struct known k = {0, 0};
  if (line > 0) {
    /* A mark stands in the middle of its line: the newline that begins ours must still be ahead of it. */
    k = known_before_line(lf, line - 1);
    err = walk(lf, &k, line, UINT64_MAX);
  }
  if (err < 0) return err;
  const struct piece *p = piece_from(lf, k.offset);
  if (err > 0 || !p) return ERR_NOT_FOUND;
  *offset = p->begin > k.offset ? p->begin : k.offset;
  return 0;
}

int logfile_line_at(struct logfile *lf, uint64_t offset, uint64_t *line) {
  int err = refresh(lf);
  if (err) return err;
  struct known k = known_before(lf, offset);
  err = walk(lf, &k, UINT64_MAX, offset);
  *line = k.lines;
  return err < 0 ? err : 0;
}

int logfile_time_at(struct logfile *lf, uint64_t offset, instant *at) {
  int err = refresh(lf);
  *at = INSTANT_NONE;
  for (size_t i = 0; !err && i < lf->marks.len && *at == INSTANT_NONE; i++) {
    if (lf->marks.items[i].offset > offset) *at = lf->marks.items[i].at;
  }
  return err;
}

/* The marks are in the order of their offsets: the first behind `from` is found by halves. */
instant logfile_stamp(const struct logfile *lf, uint64_t from, uint64_t to) {
  const size_t behind = records_until(lf->marks.items, lf->marks.len, from);
  return behind < lf->marks.len && lf->marks.items[behind].offset <= to ? lf->marks.items[behind].at : INSTANT_NONE;
}

size_t logfile_gaps(const struct logfile *lf, struct logfile_gap *out, size_t max) {
  size_t len = 0;
  uint64_t end = 0;
  for (size_t i = 0; i <= lf->pieces.len && len < max; i++) {
    uint64_t begin = i < lf->pieces.len ? lf->pieces.items[i].begin : lf->size;
    if (begin > end) out[len++] = (struct logfile_gap){end, begin - end};
    if (i < lf->pieces.len) end = lf->pieces.items[i].end;
  }
  return len;
}

/* The bytes of one stretch, backwards in chunks. *left counts down the newlines to be seen; 1 when it got there. */
static int piece_back(const struct logfile *lf, const struct piece *p, uint64_t floor, uint64_t *left,
                      uint64_t *offset) {
  char *chunk = alloc_zeroed(1, CHUNK);
  uint64_t end = p->end, begin = p->begin > floor ? p->begin : floor;
  int rc = 0;
  while (rc == 0 && end > begin) {
    uint64_t from = end - begin > CHUNK ? end - CHUNK : begin;
    int64_t n = piece_read(lf, p, from, chunk, (size_t)(end - from));
    if (n < 0) rc = (int)n;
    for (int64_t i = n; rc == 0 && i > 0; i--) {
      uint64_t behind = from + (uint64_t)i;
      if (chunk[i - 1] != '\n' || behind == lf->size) continue; /* the last newline ends a line, it begins none */
      if (--*left > 0) continue;
      *offset = behind;
      rc = 1;
    }
    end = from;
  }
  if (rc == 0) *offset = begin;
  free(chunk);
  return rc;
}

int logfile_tail(struct logfile *lf, uint64_t lines, uint64_t limit, uint64_t *offset) {
  int err = refresh(lf);
  if (err) return err;
  *offset = lf->size;
  uint64_t floor = lf->size > limit ? lf->size - limit : 0;
  uint64_t left = lines;
  int rc = lines == 0 ? 1 : 0;
  for (size_t i = lf->pieces.len; rc == 0 && i > 0; i--) {
    const struct piece *p = &lf->pieces.items[i - 1];
    if (p->end <= floor) break;
    rc = piece_back(lf, p, floor, &left, offset);
  }
  return rc < 0 ? rc : 0;
}
