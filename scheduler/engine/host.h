/* Hosts: how each is reached and what was ordered of it, and whether tasks may start there.
 *
 * Contact comes from outside (ENGINE_HOST); this machine is always up. Orders come from people. Both are rows; after
 * a restart the orders stand, and each host over SSH is `connecting` until news come. `since` is the beginning of the
 * present contact: a try to connect in between doesn't move it, nor does a restart.
 */
#ifndef ROTA_ENGINE_HOST_H
#define ROTA_ENGINE_HOST_H

#include "scheduler/engine/model.h"

struct host *host_find(const struct engine *e, const char *name);
/* The host of that name; if there is none, one that isn't configured. */
struct host *host_or_gone(struct engine *e, const char *name);
/* Takes over what the configuration says of it; NULL: it isn't configured any more. */
void host_configure(struct engine *e, struct host *h, const struct config_host *c);
/* What the rows said of it, before the first step. */
void host_restore(struct engine *e, const struct host_row *row);
void host_free(struct host *h);

bool host_is_here(const struct host *h);
/* It answers and wasn't declared down. */
bool host_answers(const struct host *h);
/* Tasks may be started there: configured, up, not drained, nothing left of what was given up. */
bool host_open(const struct host *h);
/* Why not, in a sentence; nothing is written if it is open. */
void host_explain(const struct engine *e, const struct host *h, struct buf *out);

/* News of its contact. A host that isn't known is left out. */
void host_news(struct engine *e, const struct engine_host *news);
/* Order, who and why; marks the row and writes the event. The consequences are the caller's (request_host.c). */
void host_order_set(struct engine *e, struct host *h, enum host_order order, const char *reason, const char *by);
/* "02:31:10 UTC" today, else with the date. */
void host_time(struct buf *out, instant t, instant now);

#endif
