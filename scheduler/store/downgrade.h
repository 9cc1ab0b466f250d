/* The way back to an older program: the database is brought to the schema that it knows, in one transaction for each
 * version, and all that happened since the upgrade stays. The daemon must be stopped; tasks go on meanwhile.
 */
#ifndef ROTA_STORE_DOWNGRADE_H
#define ROTA_STORE_DOWNGRADE_H

#include <stdint.h>

#include "base/buf.h"

#define DOWNGRADE_ONE (-1) /* to the version before the database's own */

/* *from is the schema that was found, *to the one that was asked for and then the one that is. `kept` gets the path
 * of the verified copy of what was there, or nothing if there was nothing to do. ERR_INVALID    something depends on
 * what would go, or there is no such way; `why` says what to do before ERR_NOT_FOUND  there is no database ERR_BUSY,
 * ERR_NEWER, ERR_CORRUPT and the disk's as store_open gives them On failure the database is as before. */
int store_downgrade(const char *dir, int64_t *from, int64_t *to, struct buf *kept, struct buf *why);

#endif
