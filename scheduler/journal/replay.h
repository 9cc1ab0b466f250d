/* Does again what a journal says: gives an engine of this version the same inputs, and compares what it decides with
 * what was decided then.
 */
#ifndef ROTA_JOURNAL_REPLAY_H
#define ROTA_JOURNAL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/digest.h"

enum replay_end {
  REPLAY_WHOLE,   /* to the end, nothing differs */
  REPLAY_CUT,     /* the same, but the end is what a crash left, or the recording stopped */
  REPLAY_DIFFERS, /* up to the first difference, which `why` tells */
  REPLAY_DAMAGED, /* no journal, or it can't be read any further */
};

struct replay_options {
  const char *path;
  bool print;   /* every input and what was decided then, as a line each, to `out`; beyond a difference too */
  int64_t from; /* print and compare from this step on; those before are done again all the same */
  FILE *out;
};

struct replay_result {
  enum replay_end end;
  int64_t steps, events, rows, decisions; /* that were done again */
  char digest[SHA256_HEX_SIZE];           /* of all that was decided now */
  char *version;                          /* of the writer; heap; NULL if it wasn't read */
  char *why;                              /* heap: what differs, or where and why it ends; NULL for WHOLE */
};

/* Blocks on the disk. Aborts where the engine aborts, having flushed `out`. */
void replay(const struct replay_options *options, struct replay_result *out);
void replay_result_release(struct replay_result *r);

#endif
