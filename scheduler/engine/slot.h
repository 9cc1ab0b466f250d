/* Places and what is to be had there: hosts, their slots, and the limits of the whole installation.
 *
 * A slot's units are named things. Which attempt holds which unit stands in the attempts alone; the tables here are
 * an index over the live ones, made anew whenever the configuration changes. A unit that is no longer configured
 * stays as retired while it is held: lowering a limit stops starts, not tasks.
 */
#ifndef ROTA_ENGINE_SLOT_H
#define ROTA_ENGINE_SLOT_H

#include "scheduler/engine/model.h"

struct slot *slot_find(const struct slot_table *t, const char *name);
int64_t slot_total(const struct slot *s); /* configured units */
int64_t slot_free(const struct slot *s);  /* never more than the configured ones that nobody holds */

/* Makes hosts and limits from the configuration in force, and puts what live attempts hold into them. */
void slots_configure(struct engine *e);
void slots_release(struct engine *e);

/* The slot that a demand means for a task on this host: a limit of the installation, else one of the host; NULL if it
 * has none. */
struct slot *slot_of_demand(const struct engine *e, const struct host *h, const char *name, bool *limit);
/* Chooses units, lowest first, and writes them down in the attempt; all of it must be free. */
void slots_take(struct engine *e, struct attempt *a, const struct demand *demands, size_t len);
/* Enters into the tables what the attempt says it holds. */
void slots_enter(struct engine *e, struct attempt *a);
/* The attempt holds nothing any more. */
void slots_give(struct engine *e, struct attempt *a);

#endif
