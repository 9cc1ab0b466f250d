/* A log read from some place on to its end, a block of 256 KiB at a time, for what looks at each of its lines.
 *
 * A chunk holds whole lines, the last with its newline. There are three exceptions: the last chunk, and the one
 * before what was dropped, end where the bytes end; a line that doesn't fit a block comes in parts, each but the
 * first beginning with the last 4 KiB of the one before, so that what is looked for isn't cut in two. `middle` says
 * that the chunk begins within a line. Blocks on the disk.
 */
#ifndef ROTA_DAEMON_LOG_SCAN_H
#define ROTA_DAEMON_LOG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/logfile.h"

#define LOG_SCAN_BLOCK   ((size_t)256 * 1024)
#define LOG_SCAN_OVERLAP ((size_t)4096)

struct log_scan {
  /* The chunk; valid until the next one. */
  const char *bytes;
  size_t len;
  uint64_t offset; /* of its first byte */
  bool middle;
  bool partial; /* the line goes on in the next chunk */

  /* Inside. */
  struct logfile *log;
  char *block;
  size_t have, used; /* bytes in the block; of them, those done with after this chunk */
  uint64_t next;     /* the offset to be read next */
  uint64_t line;     /* of the byte at `counted` */
  size_t counted;
  bool ended, jumped;
};

/* `line` is the number of the line that the byte at `offset` is in. */
void log_scan_init(struct log_scan *s, struct logfile *log, uint64_t offset, uint64_t line, bool middle);
void log_scan_release(struct log_scan *s);
/* 1, 0 at the end, or an error. */
int log_scan_next(struct log_scan *s);
/* The number of the line that a byte of the chunk is in. Asked in rising order: every newline is counted once. */
uint64_t log_scan_line(struct log_scan *s, size_t at);
/* How many lines the log has: one that isn't finished counts. 0 or an error. */
int log_scan_total(struct logfile *log, uint64_t size, uint64_t *total);

#endif
