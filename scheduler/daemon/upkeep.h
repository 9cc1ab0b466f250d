/* What the daemon does now and then beside its work: forgetting old runs and removing their directories, looking for
 * new time zone data, checking the database in the background, backups on request and on their schedule. Loop thread
 * only. */
#ifndef ROTA_DAEMON_UPKEEP_H
#define ROTA_DAEMON_UPKEEP_H

#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/handlers/requests.h"

struct backup_standing;
struct history;
struct upkeep;

struct upkeep_options { /* all borrowed */
  struct assembly *assembly;
  struct requests *requests; /* takes POST /backup, which is answered when the snapshot is on disk and verified */
  struct history *history;
  struct backup_standing *backup;    /* kept true */
  void (*backup_changed)(void *ctx); /* the alarm of backups began, changed or ended */
  void *ctx;
};

struct upkeep *upkeep_new(const struct upkeep_options *options);
/* The configuration in force is another one. */
void upkeep_configure(struct upkeep *u);
void upkeep_free(struct upkeep *u); /* accepts NULL */

#endif
