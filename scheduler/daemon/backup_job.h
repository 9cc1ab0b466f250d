/* Backups on request, one at a time: begun and stepped on the writer's thread between commits, checked on a thread of
 * the loop's pool, answered when the snapshot is on disk. Loop thread only.
 *
 *   step --more--> step ... --all copied--> finish --> answer
 *     '--failed, or the daemon stops--> given up, nothing is left behind
 */
#ifndef ROTA_DAEMON_BACKUP_JOB_H
#define ROTA_DAEMON_BACKUP_JOB_H

#include <stdint.h>

#include "scheduler/daemon/committer.h"
#include "scheduler/daemon/handlers/server.h"

struct backup_jobs;

struct backup_jobs *backup_jobs_new(struct committer *c, struct server *server);
/* `file` is absolute. The answer comes when the snapshot is verified and on disk, or can't be made: 409 if the file
 * is there already or another backup is under way, 422 if it can't be made there, 507 if there is no room for it. */
void backup_jobs_start(struct backup_jobs *b, uint64_t handle, const char *file);
/* Before server_free and committer_free. A backup that still copies is given up by committer_free; one that is being
 * checked ends on its own, and the loop waits for it. Accepts NULL. */
void backup_jobs_free(struct backup_jobs *b);

#endif
