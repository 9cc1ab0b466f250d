/* Backups, one at a time: begun and stepped on the writer's thread between commits, checked on a thread of
 * the loop's pool, told when the snapshot is on disk. Loop thread only.
 *
 *   step --more--> step ... --all copied--> finish --> answer
 *     '--failed, or the daemon stops--> given up, nothing is left behind
 */
#ifndef ROTA_DAEMON_BACKUP_JOB_H
#define ROTA_DAEMON_BACKUP_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/daemon/committer.h"

struct backup_jobs;

/* 200, and `text` is NULL; or what it can't be: 409 if the file is there already or another backup is under way, 422
 * if it can't be made there, 507 if there is no room for it, 500 if the disk fails, with a sentence. */
typedef void backup_done_fn(void *ctx, int status, const char *text);

struct backup_jobs *backup_jobs_new(uv_loop_t *loop, struct committer *c);
/* `file` is absolute. `done` is called when the snapshot is verified and on disk or can't be made, also while the
 * daemon ends, and never from within. */
void backup_jobs_start(struct backup_jobs *b, const char *file, backup_done_fn *done, void *ctx);
/* Whether one is under way. */
bool backup_jobs_busy(const struct backup_jobs *b);
/* Before committer_free. A backup that still copies is given up by committer_free; one that is being checked ends on
 * its own, and the loop waits for it. Accepts NULL. */
void backup_jobs_free(struct backup_jobs *b);

#endif
