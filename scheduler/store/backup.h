/* A verified snapshot of the database while it is in use.
 *
 * The pages are copied by the writer's own connection in short steps between commits: what a commit changes is
 * changed in the copy too, so nothing is begun anew, and no reader holds the log. The check, the sync and the rename
 * are done by backup_finish on any thread. Until then only FILE.tmp is there.
 */
#ifndef ROTA_STORE_BACKUP_H
#define ROTA_STORE_BACKUP_H

#include "base/buf.h"
#include "scheduler/store/store.h"

struct backup;

/* On the writer's thread. ERR_EXISTS if `file` is there already: a backup never replaces one. At most one at a
 * time; it must be finished or given up before store_close. */
int backup_begin(struct store *s, const char *file, struct backup **out, struct buf *why);
/* On the writer's thread: copies for about 3 ms. 1 if there is more, 0 when all is copied; on failure only
 * backup_abort may follow. */
int backup_step(struct backup *b, struct buf *why);
/* How much has been copied, from 0 to 1. */
double backup_progress(const struct backup *b);
/* On any thread, once backup_step gave 0: integrity_check, fsync, rename. Frees it, also on failure, when nothing is
 * left behind. Takes seconds for a large database. */
int backup_finish(struct backup *b, struct buf *why);
/* On the writer's thread: gives up. Accepts NULL. */
void backup_abort(struct backup *b);

#endif
