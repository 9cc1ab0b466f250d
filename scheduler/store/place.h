/* The state directory: whether a database may live there, and who holds it. */
#ifndef ROTA_STORE_PLACE_H
#define ROTA_STORE_PLACE_H

#include <stdbool.h>

#include "base/buf.h"

/* ERR_NETWORK_FS with a sentence in `why` that names the file system and proposes a local folder. */
int place_check(const char *dir, struct buf *why);
/* The name of a network file system by its magic number (statfs(2)); NULL for any other. */
const char *place_network(long magic);

/* Takes `dir`/rota.lock for as long as the descriptor *fd is open, in this process alone; the lock goes with the
 * process, so there are no stale ones. ERR_BUSY with a sentence that names the holder. */
int place_lock(const char *dir, int *fd, struct buf *why);

#endif
