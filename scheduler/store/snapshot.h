/* A copy of the database in a file of its own: made under a temporary name, checked, synced and renamed, so that what
 * bears the name is whole. Internal to the store.
 */
#ifndef ROTA_STORE_SNAPSHOT_H
#define ROTA_STORE_SNAPSHOT_H

#include <sqlite3.h>

#include "base/buf.h"

/* Removes what is left of a file that was being made, and the journal that a full disk may have left beside it: with
 * another file of that name it would be taken for that one's. */
void snapshot_discard(const char *temporary);
/* Discards what is left and makes the empty file (0600) that is to be filled: SQLite would give a file of its own the
 * umask's mode, and a snapshot lies where the state directory doesn't guard it. */
int snapshot_begin(const char *temporary, struct buf *why);
/* A copy as of now by VACUUM INTO; holds a read transaction for as long as it takes. */
int snapshot_vacuum(sqlite3 *db, const char *file, struct buf *why);
/* Checks the file `temporary` as a whole (integrity_check, application_id), syncs it and renames it to `file`;
 * removes it if that fails. */
int snapshot_finish(const char *temporary, const char *file, struct buf *why);
/* integrity_check and identity of a snapshot; *version is its schema. ERR_AGAIN if `watch` (may be NULL) said so. */
struct backup_watch;
int snapshot_check(const char *file, const struct backup_watch *watch, int64_t *version, struct buf *why);
int snapshot_sync(const char *file, struct buf *why);
/* snapshot_check to its end. */
int snapshot_verify(const char *file, int64_t *version, struct buf *why);

#endif
