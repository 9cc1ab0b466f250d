/* What is left of an attempt whose supervisor is dead: found by session and by ROTA_ATTEMPT_ID, checked again behind
 * a pidfd, and killed. Blocks, at most for the given time.
 */
#ifndef ROTA_WORKER_REMAINS_H
#define ROTA_WORKER_REMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

/* Kills until nothing is found any more. `session` is the supervisor's, or 0 if the number may belong to somebody
 * else by now: then only processes that carry the attempt's id are ours. `cancelled` is asked between rounds; it may
 * be NULL. Returns how many were still there in the last round: 0, unless they can't be killed, or none could be
 * looked at for want of descriptors. *found is set if there was any at all. */
int remains_kill(const char *attempt_id, int64_t session, duration limit, bool (*cancelled)(const void *ctx),
                 const void *ctx, bool *found);

#endif
