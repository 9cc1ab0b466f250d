/* The life of the task's process, from its start until nothing of it is left.
 *
 *   running --time-out, stop, TERM from outside--> TERM to the group --grace over--> KILL to every descendant
 *      |                                                  |                                   |
 *      '---------------- the process has ended -----------+-----------------------------------'
 *                                 |
 *         its output gets 2 s more (after a stop: what is left of the grace); then leftovers are killed or kept
 *
 * Leftovers that can't be killed are given up after 10 s. The task's own process is waited for without limit: as long
 * as it is there the attempt runs.
 */
#ifndef ROTA_WORKER_SUPERVISE_WATCH_H
#define ROTA_WORKER_SUPERVISE_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "worker/supervise/output.h"
#include "worker/supervise/result.h"

struct watch_order {
  pid_t main;
  int64_t timeout_us, grace_us;
  bool keep_leftovers;
};

/* Blocks SIGTERM and SIGCHLD but for the moments of waiting, ignores SIGPIPE, and becomes the reaper of orphans. */
void watch_prepare(void);
/* Returns when the attempt is over, with status, reason, notes, times, CPU and memory in `r->n`. */
void watch_run(const struct watch_order *order, struct output *o, struct result *r);

#endif
