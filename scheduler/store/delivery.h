/* How a finished snapshot comes into the folder that was asked for: as FILE.tmp until it is there as a whole, then as
 * FILE. From the state's file system it is moved. From another it is written, synced as it goes, read back and
 * compared with the original.
 *
 * For any thread that nobody waits for: the folder may be on a network, and a call may hang for ever. Only plain
 * calls of the system, without SQLite: its locks are shared by all connections of the process.
 */
#ifndef ROTA_STORE_DELIVERY_H
#define ROTA_STORE_DELIVERY_H

#include "base/buf.h"
#include "scheduler/store/backup.h"

/* Makes FILE.tmp, empty, so that what can't be is said before anything is copied. ERR_EXISTS if `file` is there
 * already: a backup never replaces one. */
int delivery_begin(const char *file, struct buf *why);
/* Moves or copies `from` there. On failure FILE.tmp is gone; ERR_CORRUPT if another text is read back than was
 * written, ERR_AGAIN if `watch` said so. `from` may be left. */
int delivery_carry(const char *from, const char *file, const struct backup_watch *watch, struct buf *why);
/* Removes FILE.tmp. */
void delivery_drop(const char *file);

#endif
