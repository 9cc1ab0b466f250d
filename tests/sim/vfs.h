/* SQLite's way to the disks of disk.h: a VFS that becomes the default, so that code which names none gets it.
 *
 * Names below the root of a disk are its files; everything else goes to the VFS that was the default before. It
 * behaves as SQLite's own "unix" does, so that the results are those that the program meets: a full disk at a write
 * is SQLITE_FULL, EROFS at an open gives a file that can only be read, a sector is 4096 bytes and SAFE to be
 * overwritten (a torn write damages nothing beside it), the first sync of a new journal or log syncs its directory.
 * Locks and shared memory work among the connections of this process.
 *
 * Nothing waits: while there is a disk, a sleep of SQLite only counts. Randomness comes from the seed.
 */
#ifndef ROTA_TEST_VFS_H
#define ROTA_TEST_VFS_H

#include <stdint.h>

/* This process uses SQLite by one thread: it takes no locks and keeps no statistics. Before all else, or without
 * effect. */
void vfs_single_thread(void);
/* Also seeds SQLite's own generator anew. May be called again with another seed. */
void vfs_install(uint64_t seed);
/* The former default is the default again. Close what is open first. */
void vfs_remove(void);

/* The microseconds that SQLite slept since vfs_install, as it was told. */
int64_t vfs_slept(void);
/* Called at each sleep, with its length and before it counts; NULL for none. */
void vfs_on_sleep(void (*then)(void *ctx, int64_t usec), void *ctx);

#endif
