/* A launch as the `spec` of a run directory on this machine: what the launch says, between what belongs to the place.
 * Pure memory work.
 */
#ifndef ROTA_WORKER_LOCAL_SPEC_H
#define ROTA_WORKER_LOCAL_SPEC_H

#include "base/buf.h"
#include "scheduler/spec/launch.h"
#include "worker/account.h"

struct local_dirs {
  const char *attempt, *work, *state; /* absolute */
};

/* The environment in its order, a later name winning: the place's defaults, the launch's own, and last the paths of
 * this attempt, which nothing can replace. */
void local_spec_write(const struct launch *l, const struct account *a, const struct local_dirs *d, struct buf *out);

#endif
