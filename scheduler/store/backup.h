/* A verified snapshot of the database while it is in use, in three stages:
 *
 *   copy      by the writer's own connection, in short steps between commits, into `rota.backup` of the state
 *             directory. What a commit changes is changed in the copy too, so nothing is begun anew
 *   check     the copy is read as a whole (integrity_check) and synced
 *   delivery  the copy is moved into the folder that was asked for (delivery.h)
 *
 * No stage holds a reader's mark on the log, for however long it takes or hangs: the log is bounded as it is without
 * a backup. The folder may be on a network and hang, so neither the writer nor SQLite, whose locks are everybody's,
 * ever touches it. The price is room for one copy on the state's disk, unless the folder is there too.
 */
#ifndef ROTA_STORE_BACKUP_H
#define ROTA_STORE_BACKUP_H

#include <stdbool.h>

#include "base/buf.h"
#include "scheduler/store/store.h"

struct backup;

/* Asked between two short pieces of work, so that a call of it is a sign of life as well; false: give up. */
struct backup_watch {
  bool (*goes_on)(void *ctx);
  void *ctx;
};

/* On the writer's thread. ERR_FULL if the state's disk has no room for the copy beside what commits may need. At most
 * one at a time; it must be finished or given up before store_close. */
int backup_begin(struct store *s, struct backup **out, struct buf *why);
/* On the writer's thread: copies for about 3 ms. 1 if there is more, 0 when all is copied; on failure only
 * backup_abort may follow. */
int backup_step(struct backup *b, struct buf *why);
/* How much has been copied, from 0 to 1. */
double backup_progress(const struct backup *b);
/* On any thread, once backup_step gave 0: the check and the delivery, after delivery_begin. Frees it, also on
 * failure, when nothing is left behind. Takes seconds for a large database, and for ever where the folder hangs.
 * ERR_AGAIN if `watch` said so. */
int backup_finish(struct backup *b, const char *file, const struct backup_watch *watch, struct buf *why);
/* On the writer's thread until backup_step gave 0, then on any: gives up. Accepts NULL. */
void backup_abort(struct backup *b);
/* Removes what a former life left in the state directory. The caller holds its lock. */
void backup_tidy(const char *dir);

#endif
