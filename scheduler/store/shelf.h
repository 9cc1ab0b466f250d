/* The folder of backups on a schedule. Files of others may lie in it, also backups of another installation: ours are
 * those that are named as shelf_name does, with the end of our state's id, and that begin like a database of rota.
 * Their names sort by time.
 *
 * For any thread, while no backup is made in the folder; each call blocks on the disk.
 */
#ifndef ROTA_STORE_SHELF_H
#define ROTA_STORE_SHELF_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"

#define SHELF_NAME_SIZE 40

/* "rota-20260329T013000Z-5K2J8A.db": the second in UTC, the last six characters of the state's id. */
void shelf_name(const char *state_id, instant at, char out[SHELF_NAME_SIZE]);

/* Removes what a crash left half-made of ours, and tells from when the newest backup is that isn't later than `now`:
 * INSTANT_NONE if there is none. Fails, with a sentence, if the folder can't be read or written. */
int shelf_look(const char *dir, const char *state_id, instant now, instant *newest, struct buf *why);

/* Removes the oldest of ours until `keep` (1 or more) are left; `file`, a name in the folder, stays in any case. What
 * can't be removed is an error, after all others have been tried. */
int shelf_tidy(const char *dir, const char *state_id, int64_t keep, const char *file, struct buf *why);

#endif
