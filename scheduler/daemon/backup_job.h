/* A backup on request: begun and stepped on the writer's thread between commits, answered when it is on disk. */
#ifndef ROTA_DAEMON_BACKUP_JOB_H
#define ROTA_DAEMON_BACKUP_JOB_H

#include <stdint.h>

#include "scheduler/daemon/committer.h"
#include "scheduler/daemon/server.h"

/* `file` is absolute. The answer comes when the snapshot is verified and on disk, or can't be made. */
void backup_job_start(struct committer *c, struct server *server, uint64_t handle, const char *file);

#endif
