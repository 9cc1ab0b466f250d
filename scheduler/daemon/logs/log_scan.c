#include "scheduler/daemon/logs/log_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void log_scan_init(struct log_scan *s, struct logfile *log, uint64_t offset, uint64_t line, bool middle) {
  *s = (struct log_scan){.log = log, .offset = offset, .next = offset, .line = line, .middle = middle};
  s->block = alloc_zeroed(1, LOG_SCAN_BLOCK);
}

void log_scan_release(struct log_scan *s) {
  free(s->block);
  s->block = NULL;
}

uint64_t log_scan_line(struct log_scan *s, size_t at) {
  assert(at <= s->have);
  while (s->counted < at) {
    const char *newline = memchr(s->block + s->counted, '\n', at - s->counted);
    s->counted = newline ? (size_t)(newline + 1 - s->block) : at;
    s->line += newline != NULL;
  }
  return s->line;
}

/* Lets go of the chunk that was handed out. */
static void drop(struct log_scan *s) {
  if (s->used == 0) return;
  log_scan_line(s, s->used);
  memmove(s->block, s->block + s->used, s->have - s->used);
  s->middle = s->block[s->used - 1] != '\n';
  s->have -= s->used;
  s->counted -= s->used;
  s->offset += s->used;
  s->used = 0;
}

/* What follows lies behind what was dropped, most likely in the middle of a line. */
static int land(struct log_scan *s) {
  s->jumped = false;
  s->offset = s->next;
  s->counted = 0;
  s->middle = true;
  return logfile_line_at(s->log, s->next, &s->line);
}

static int fill(struct log_scan *s) {
  while (!s->ended && !s->jumped && s->have < LOG_SCAN_BLOCK) {
    uint64_t at;
    int64_t n = logfile_read(s->log, s->next, s->block + s->have, LOG_SCAN_BLOCK - s->have, &at);
    if (n < 0) return (int)n;
    if (n == 0) {
      s->ended = true;
    } else if (at > s->next) {
      s->next = at; /* read again when it is its turn */
      s->jumped = true;
    } else {
      s->have += (size_t)n;
      s->next += (uint64_t)n;
    }
  }
  return 0;
}

int log_scan_next(struct log_scan *s) {
  drop(s);
  int err = fill(s);
  while (!err && s->have == 0 && s->jumped) {
    err = land(s);
    if (!err) err = fill(s);
  }
  if (err) return err;
  if (s->have == 0) return 0;
  const char *newline = memrchr(s->block, '\n', s->have);
  s->bytes = s->block;
  s->partial = false;
  s->len = s->used = s->have;
  if (s->ended || s->jumped) return 1;
  if (newline) {
    s->len = s->used = (size_t)(newline + 1 - s->block);
  } else {
    s->partial = true;
    s->used = s->have - LOG_SCAN_OVERLAP;
  }
  return 1;
}

int log_scan_total(struct logfile *log, uint64_t size, uint64_t *total) {
  char last;
  uint64_t at;
  *total = 0;
  if (size == 0) return 0;
  int err = logfile_line_at(log, size, total);
  if (err) return err;
  int64_t n = logfile_read(log, size - 1, &last, 1, &at);
  if (n < 0) return (int)n;
  if (n > 0 && at == size - 1 && last != '\n') (*total)++;
  return 0;
}
