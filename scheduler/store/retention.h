/* Forgetting: old runs and what hangs on them, in steps small enough to fit between two commits.
 *
 * A run goes when it ended more than `days` ago, or when `runs` newer ones of its pipeline are there; one that didn't
 * succeed stays for twice of each. Never removed: a run that hasn't ended, the last success of a pipeline, one that a
 * person keeps, and one from which another run that is still there came (so the outputs that it handed on stay too).
 * Requests go after 7 days, counts of an hour after 8; firings, events without a run and audit rows after `days`, but
 * each schedule's newest firing stays; a version goes when no run and no pipeline names it.
 *
 * The run's row goes first, with its id put into a list in the same transaction; its tasks, attempts, outputs and
 * events follow in later steps; its directory is removed by the daemon after that commit, and the id is taken off the
 * list when both are gone. So a crash in between leaves an id on the list, never a directory that nobody knows.
 */
#ifndef ROTA_STORE_RETENTION_H
#define ROTA_STORE_RETENTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/instant.h"
#include "base/vec.h"
#include "scheduler/store/store.h"

#define RETENTION_STEP (3 * USEC_PER_MS)

struct retention {
  int64_t days, runs; /* the limits; 0: none */
  /* Where the walk over the pipelines stands; zeroed at the beginning. */
  int64_t pipeline, run;
  int phase;
  int64_t rate;            /* rows that fit into a step, as measured */
  const struct id *spared; /* runs that stay for now: somebody is about to change them; of the next step alone */
  size_t spared_len;
};

struct retention_removed {
  VEC(struct id) ids;
};

/* One step on the writer's thread, of about RETENTION_STEP. Appends the ids of runs whose rows are gone as of its
 * commit; their directories may be removed now. 1 if there is more to do at once, 0 if the walk is through: begin the
 * next one some minutes later. On failure nothing of the step happened. */
int retention_step(struct store *s, struct retention *r, instant now, struct retention_removed *removed,
                   struct buf *why);
/* The directories of these runs are gone. */
int retention_swept(struct store *s, const struct id *ids, size_t len, struct buf *why);

#endif
