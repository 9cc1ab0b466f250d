/* A lane: a place (a host, or the members of a group) and the slots wanted there. */
#ifndef ROTA_ENGINE_LANE_H
#define ROTA_ENGINE_LANE_H

#include "scheduler/engine/model.h"

/* The lane in which an instance waits, made if it isn't there. A retry goes back to the host that holds the task's
 * ROTA_STATE, unless that was declared down. ERR_INVALID with a message in the scratch arena. */
int lane_of_instance(struct instance *i, struct lane **out, const char **message);
void lane_configure(struct engine *e, struct lane *lane);
void lane_free(struct engine *e, struct lane *lane);

/* What is held on that host; `cpu` is room for the one that goes without saying. */
const struct demand *lane_demands(const struct lane *lane, const struct host *h, struct demand *cpu, size_t *len);
/* The host that is open (host.h), has room, and has the most free units of what is wanted, ties in list order; NULL
 * if none. */
struct host *lane_host(const struct engine *e, const struct lane *lane);
/* Notes for this dispatch that the slots it lacks have someone waiting. */
void lane_claim(struct engine *e, struct lane *lane);
/* No host of it can take a task now, however many slots are free. */
bool lane_closed(const struct lane *lane);
/* "waits for slot gpu on gpu01: held by nightly#412 train; host gpu02 was drained by anna at ...". */
void lane_explain(const struct engine *e, const struct lane *lane, struct buf *out);

#endif
