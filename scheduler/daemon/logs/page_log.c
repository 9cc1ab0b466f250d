/* The log of an attempt, by range or from its end; a request may wait for more of it. */
#include <inttypes.h>
#include <stdio.h>

#include "scheduler/daemon/logs/log_pick.h"

#define RANGE_MAX      (1024 * 1024)
#define TAIL_LINES_MAX 100000

/* There is nothing to show, and there will be. */
static void not_yet(struct page *p) {
  p->unripe = p->polls = true;
  page_header(p, "Rota-Offset", "0");
  page_header(p, "Rota-Next-Offset", "0");
  page_header(p, "Rota-Size", "0");
  page_header(p, "Rota-Ended", "false");
}

static void header_number(struct page *p, const char *name, uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  page_header(p, name, text);
}

/* Reads on over gaps, each told by a line, until the range is full or the log has no more. */
static uint64_t read_range(struct page *p, struct logfile *lf, uint64_t offset, size_t limit) {
  while (p->body.len < limit) {
    uint64_t at = offset;
    size_t room = limit - p->body.len;
    buf_reserve(&p->body, room);
    size_t before = p->body.len;
    int64_t n = logfile_read(lf, offset, p->body.bytes + before, room, &at);
    if (n <= 0) break;
    if (at > offset) {
      /* The bytes read stand where the marker belongs: they are moved behind it. */
      char *read = arena_strndup(&p->arena, p->body.bytes + before, (size_t)n);
      buf_fmt(&p->body, "\n[%" PRIu64 " bytes were dropped here: the log is over its cap]\n", at - offset);
      buf_add(&p->body, read, (size_t)n);
    } else {
      p->body.len += (size_t)n;
      p->body.bytes[p->body.len] = '\0';
    }
    offset = at + (uint64_t)n;
  }
  return offset;
}

static void read_log(struct page *p, const struct log_pick *l) {
  struct logfile_extent extent = {0};
  int64_t tail = page_number(p, "tail", 0, 0, TAIL_LINES_MAX);
  uint64_t offset = (uint64_t)page_number(p, "offset", 0, 0, INT64_MAX);
  size_t limit = (size_t)page_number(p, "limit", RANGE_MAX, 1, RANGE_MAX);
  if (p->status >= 400) return;
  int err = logfile_extent(l->log, &extent);
  if (!err && tail > 0) err = logfile_tail(l->log, (uint64_t)tail, limit, &offset);
  if (err) {
    log_pick_problem(p, err);
    return;
  }
  uint64_t next = read_range(p, l->log, offset, limit);
  bool more_to_come = !l->ended || next < extent.size;
  p->unripe = p->body.len == 0 && more_to_come;
  p->polls = true;
  p->watched_run = l->run.run.key;
  header_number(p, "Rota-Offset", offset);
  header_number(p, "Rota-Next-Offset", next);
  header_number(p, "Rota-Size", extent.size);
  page_header(p, "Rota-Ended", more_to_come ? "false" : "true");
}

void page_log_read(struct page *p) {
  struct log_pick l;
  p->content_type = "text/plain; charset=utf-8";
  if (!log_pick(p, &l)) return;
  if (l.attempt.key) {
    page_header(p, "Rota-Task", l.task->label);
    header_number(p, "Rota-Attempt", (uint64_t)l.attempt.number);
    page_header(p, "Rota-Run", l.run.run.id.text);
  }
  if (l.log) {
    read_log(p, &l);
  } else {
    not_yet(p);
  }
  log_pick_release(&l);
}
