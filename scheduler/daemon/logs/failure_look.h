/* What the log of an attempt says about its end: the line that tells what went wrong, and the last lines. Looks at
 * the first 64 KiB and the last 1 MiB. Blocks on the disk.
 */
#ifndef ROTA_DAEMON_FAILURE_LOOK_H
#define ROTA_DAEMON_FAILURE_LOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "scheduler/daemon/logs/first_error.h"
#include "worker/logfile.h"

#define FAILURE_TAIL 20

struct failure_line {
  uint64_t n;
  const char *text; /* at most 1,000 bytes of the line; may have any byte in it */
  size_t len;
};

struct failure_error {
  enum error_kind kind; /* NONE: no line tells of an error */
  struct failure_line line;
};

/* 0 or an error. The texts are in the arena. */
int failure_error_find(struct logfile *log, struct arena *a, struct failure_error *out);
int failure_tail(struct logfile *log, struct arena *a, struct failure_line out[FAILURE_TAIL], size_t *len);

#endif
