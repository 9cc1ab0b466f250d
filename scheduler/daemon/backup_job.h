/* Backups, one at a time: copied on the writer's thread between commits, within the state directory; all that touches
 * the folder is an errand (errands.h), which may hang without holding up anything. Loop thread only.
 *
 *   begin the file there --> step --more--> step ... --all copied--> check and deliver --> answer
 *     '--failed, the daemon stops, or the folder doesn't answer--> given up, nothing is left behind
 *
 * What hangs can't be tidied up: of such a file FILE.tmp is left until the folder answers, or another backup is made
 * to that name.
 */
#ifndef ROTA_DAEMON_BACKUP_JOB_H
#define ROTA_DAEMON_BACKUP_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/daemon/committer.h"
#include "scheduler/daemon/errands.h"

struct backup_jobs;

/* 200, and `text` is NULL; or what it can't be: 409 if the file is there already or another backup is under way, 422
 * if it can't be made there, 504 if the folder doesn't answer, 507 if there is no room for it, 500 if the disk fails,
 * with a sentence. */
typedef void backup_done_fn(void *ctx, int status, const char *text);

struct backup_jobs *backup_jobs_new(struct errands *errands, struct committer *c); /* both borrowed */
/* `file` is absolute. `done` is called when the snapshot is verified and on disk or can't be made, also while the
 * daemon ends, and never from within. */
void backup_jobs_start(struct backup_jobs *b, const char *file, backup_done_fn *done, void *ctx);
/* Whether one is under way. */
bool backup_jobs_busy(const struct backup_jobs *b);
/* Before errands_free, which ends one that is at its folder, and committer_free, which ends one that still copies.
 * Accepts NULL. */
void backup_jobs_free(struct backup_jobs *b);

#endif
