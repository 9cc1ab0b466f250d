#include "scheduler/daemon/logs/failure_look.h"

#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/logs/log_scan.h"
#include "scheduler/daemon/logs/log_text.h"

#define HEAD_BYTES UINT64_C(65536)
#define TAIL_BYTES UINT64_C(1048576)
#define TEXT_MAX   ((size_t)1000)

struct look {
  struct logfile *log;
  struct arena *arena;
  struct first_error *errors;
  struct log_scan scan;
  struct failure_error *best;
  int rank; /* of the best */
};

static struct failure_line line_keep(struct look *l, size_t begin, size_t len) {
  const char *text = l->scan.bytes + begin;
  size_t kept = log_text_cut(text, len, TEXT_MAX);
  if (kept > 0 && text[kept - 1] == '\r') kept--;
  return (struct failure_line){log_scan_line(&l->scan, begin), arena_strndup(l->arena, text, kept), kept};
}

static void chunk_look(struct look *l) {
  struct log_finder finder = first_error_finder(l->errors);
  struct log_hit hit;
  for (size_t from = 0; from < l->scan.len && finder.next(finder.ctx, l->scan.bytes, l->scan.len, from, &hit);) {
    size_t end, begin = log_line_bounds(l->scan.bytes, l->scan.len, hit.begin, &end);
    struct first_error_found found = first_error_last(l->errors);
    if (found.rank > l->rank) {
      l->rank = found.rank;
      *l->best = (struct failure_error){found.kind, line_keep(l, begin, end - begin)};
    }
    from = end + 1;
  }
}

/* From one offset to another, or a block further. */
static int range_look(struct look *l, uint64_t from, uint64_t to) {
  uint64_t line;
  int rc = logfile_line_at(l->log, from, &line);
  if (rc) return rc;
  log_scan_init(&l->scan, l->log, from, line, from > 0);
  while ((rc = log_scan_next(&l->scan)) > 0 && l->scan.offset < to) chunk_look(l);
  log_scan_release(&l->scan);
  return rc < 0 ? rc : 0;
}

int failure_error_find(struct logfile *log, struct arena *a, struct failure_error *out) {
  struct look l = {.log = log, .arena = a, .best = out};
  struct logfile_extent extent;
  *out = (struct failure_error){0};
  int err = logfile_extent(log, &extent);
  if (err) return err;
  l.errors = first_error_new();
  if (extent.size <= HEAD_BYTES + TAIL_BYTES) {
    err = range_look(&l, 0, extent.size);
  } else {
    err = range_look(&l, 0, HEAD_BYTES);
    if (!err) err = range_look(&l, extent.size - TAIL_BYTES, extent.size);
  }
  first_error_free(l.errors);
  return err;
}

int failure_tail(struct logfile *log, struct arena *a, struct failure_line out[FAILURE_TAIL], size_t *len) {
  struct look l = {.log = log, .arena = a};
  struct logfile_extent extent;
  uint64_t offset, line;
  *len = 0;
  int rc = logfile_extent(log, &extent);
  if (!rc) rc = logfile_tail(log, FAILURE_TAIL, TAIL_BYTES, &offset);
  if (!rc) rc = logfile_line_at(log, offset, &line);
  if (rc) return rc;
  log_scan_init(&l.scan, log, offset, line, false);
  while ((rc = log_scan_next(&l.scan)) > 0) {
    for (size_t at = 0; at < l.scan.len;) {
      size_t end;
      log_line_bounds(l.scan.bytes, l.scan.len, at, &end);
      /* More have come since: the first ones go. */
      if (*len == FAILURE_TAIL) memmove(out, out + 1, (--*len) * sizeof *out);
      out[(*len)++] = line_keep(&l, at, end - at);
      at = end + 1;
    }
  }
  log_scan_release(&l.scan);
  return rc < 0 ? rc : 0;
}
