/* The time zones in use, loaded once and kept. Loop thread only; the first use of a zone reads its small file. */
#ifndef ROTA_DAEMON_ZONES_H
#define ROTA_DAEMON_ZONES_H

#include "base/map.h"
#include "base/vec.h"

struct zone;

struct zones {
  struct map by_name;       /* to struct zone; NULL for a name that can't be loaded */
  VEC(struct zone *) stale; /* replaced ones, which the engine may still look at */
  int refreshes;            /* that the engine wasn't told of yet */
};

void zones_release(struct zones *z);
/* For engine_options.zone: `ctx` is the struct zones. NULL if there is no such zone. */
const struct zone *zones_get(void *ctx, const char *name);
/* Looks whether tzdata was updated, and loads anew what changed or was missing. Between steps of the engine only.
 * Returns how many zones changed: if any did, the engine must be told, and zones_refreshed called after that step. */
int zones_refresh(struct zones *z);
void zones_refreshed(struct zones *z);

#endif
