/* A directory tree copied with the content, modes and modification times of its files; symbolic links stay links.
 * Blocks on the disk.
 */
#ifndef ROTA_WORKER_TREE_COPY_H
#define ROTA_WORKER_TREE_COPY_H

#include <stdbool.h>

/* Copies the tree at `from` to `to`, which comes into being whole, by a rename, or not at all; what is there is
 * replaced. Sockets, FIFOs and devices are left out. ERR_NOT_FOUND if there is no `from`; ERR_TOO_LARGE for a tree
 * over 128 levels deep; ERR_AGAIN if `cancelled` (asked often, may be NULL) said so. */
int tree_copy(const char *from, const char *to, bool (*cancelled)(const void *ctx), const void *ctx);

#endif
