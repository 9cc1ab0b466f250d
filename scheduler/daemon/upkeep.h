/* What the daemon does now and then beside its work: forgetting old runs and removing their directories, looking for
 * new time zone data, checking the database in the background, backups on request. Loop thread only. */
#ifndef ROTA_DAEMON_UPKEEP_H
#define ROTA_DAEMON_UPKEEP_H

#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/handlers/requests.h"

struct history;
struct upkeep;

struct upkeep_options { /* all borrowed */
  struct assembly *assembly;
  struct requests *requests; /* takes POST /backup, which is answered when the snapshot is on disk and verified */
  struct history *history;
};

struct upkeep *upkeep_new(const struct upkeep_options *options);
void upkeep_free(struct upkeep *u); /* accepts NULL */

#endif
