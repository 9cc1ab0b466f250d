/* A disk in memory that fails as real ones do, with the files of one store on it.
 *
 * SQLite reaches it as a VFS (vfs.h), and what the store does by itself (rota.lock, rota.witness, rota.ballast,
 * snapshots, a restore) reaches it through the linker: tests/sim/disk.mk wraps open, pwrite, fsync, rename and their
 * kin, and calls.c sends those whose path lies below the root of a disk here, all others to the C library. So the
 * code under test is the one that is shipped, and both halves share one disk: one limit, one crash, one count of
 * calls.
 *
 *   vfs_install(seed);                                 the disks' VFS becomes SQLite's default
 *   struct disk *d = disk_new("/disk");
 *   store_open("/disk", now, &store, &why);           as on any directory
 *   disk_crash(d, 7);                                  power cut: `store` belongs to a dead process now
 *   store_close(store);                                frees its memory, can't touch the disk any more
 *   store_open("/disk", now, &store, &why);           the next start
 *   disk_free(d);
 *
 * What a file holds has two images: what a reader sees, and what is safe. A write, a truncation or an allocation
 * changes the first and is remembered as pending; a sync of the file makes all that is pending of it safe. Directory
 * entries are the same by themselves: a file that was made, removed, renamed or linked is so for certain only after a
 * sync of its directory, whatever was synced of the file. Calls aren't in one order: what is pending of one file says
 * nothing of another.
 *
 * A root is one name below "/" that the machine doesn't have. There is no directory on a disk at first but its root.
 * All functions are safe for several threads, by one lock for all disks; a fault that is set takes effect at once. No
 * call enters the kernel.
 *
 * A disk is a value: a forked child has its own copy, and disk_clone gives one to this process.
 */
#ifndef ROTA_TEST_DISK_H
#define ROTA_TEST_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The calls that are counted and may fail, by the work that they do. ACCESS is also stat and the size of a file; SHM
 * is the mapping of a shared memory, whose locks are SHMLOCK; LIST is statfs and what else looks at the whole. */
#define DISK_CALL_LIST(X)                                                                                            \
  X(OPEN, "open")                                                                                                    \
  X(CREATE, "create")                                                                                                \
  X(READ, "read")                                                                                                    \
  X(WRITE, "write")                                                                                                  \
  X(TRUNCATE, "truncate")                                                                                            \
  X(ALLOCATE, "allocate")                                                                                            \
  X(SYNC, "sync")                                                                                                    \
  X(DIRSYNC, "sync of a directory")                                                                                  \
  X(DELETE, "delete")                                                                                                \
  X(RENAME, "rename")                                                                                                \
  X(LINK, "link")                                                                                                    \
  X(ACCESS, "access")                                                                                                \
  X(LIST, "list")                                                                                                    \
  X(LOCK, "lock")                                                                                                    \
  X(SHM, "shared memory")                                                                                            \
  X(SHMLOCK, "lock of shared memory")

enum disk_call {
#define X(name, word) DISK_##name,
  DISK_CALL_LIST(X)
#undef X
      DISK_CALLS
};

#define DISK_BIT(call) (1U << (call))
#define DISK_ANY       (DISK_BIT(DISK_CALLS) - 1)
/* What changes the disk or makes it safe: the steps between which a power cut differs. */
#define DISK_CHANGES                                                                                                 \
  (DISK_BIT(DISK_CREATE) | DISK_BIT(DISK_WRITE) | DISK_BIT(DISK_TRUNCATE) | DISK_BIT(DISK_ALLOCATE) |                \
   DISK_BIT(DISK_SYNC) | DISK_BIT(DISK_DIRSYNC) | DISK_BIT(DISK_DELETE) | DISK_BIT(DISK_RENAME) |                    \
   DISK_BIT(DISK_LINK))

const char *disk_call_word(enum disk_call call);

struct disk;

struct disk *disk_new(const char *root);
/* Accepts NULL. Handles that are still open stay valid and fail. */
void disk_free(struct disk *d);
/* The disk as it is, with what is pending, under another root; nothing of it is open there, and it has no faults. */
struct disk *disk_clone(const struct disk *d, const char *root);

/* The disk is under another root from now on, its open files with it. */
void disk_move(struct disk *d, const char *root);

/* ---- faults ---- */

struct disk_fault {
  unsigned calls;   /* which, of DISK_BIT; 0 stands for DISK_ANY */
  const char *name; /* only those of files whose path ends so ("-wal"); NULL for all; it must outlive the fault */
  int64_t nth;      /* the how manyth of these from now on fails: 1 is the next */
  bool ever;        /* and all after it */
  int error;        /* errno; 0 stands for EIO */
};
/* Adds a fault; up to eight at a time. */
void disk_fail(struct disk *d, struct disk_fault fault);
/* Ends the faults, the limit, the lie, the foreign lock, and makes the disk writable again. */
void disk_heal(struct disk *d);
/* How many calls of these there were, and how many of them a fault failed; of all times. */
int64_t disk_count(const struct disk *d, unsigned calls);
int64_t disk_failed(const struct disk *d, unsigned calls);

/* The most bytes that all files together may have; 0: no limit. What is over it stays. */
void disk_limit(struct disk *d, int64_t bytes);
int64_t disk_used(const struct disk *d);
/* A remount: what is open can't be written any more. */
void disk_read_only(struct disk *d, bool on);
/* Syncs say yes and do nothing. */
void disk_lie(struct disk *d, bool on);
/* Another program holds the write lock of every database here, for so many microseconds that SQLite sleeps (vfs.h);
 * below 0 for ever, 0 ends it. For other kinds of foreigners open a connection of your own. */
void disk_hold(struct disk *d, int64_t usec);

/* ---- ends ---- */

/* The process dies: locks and shared memory go, all that was written stays, pending or not. */
void disk_kill(struct disk *d);
/* The power goes, too. What is safe stays. Of what is pending of a file the seed chooses one of: nothing; all; the
 * first so many; any; any sectors of 512 bytes. Of directory entries: the first so many, as journals do, or any. */
void disk_crash(struct disk *d, uint64_t seed);
/* Nothing of what is pending stays: the worst of the honest cuts. */
void disk_crash_bare(struct disk *d);

/* ---- the tape: every prefix of what was done ---- */

/* From now on each change is recorded, until the disk is freed. Not over a crash, nor what is done by hand. */
void disk_record(struct disk *d);
/* The changes that were recorded. */
size_t disk_recorded(const struct disk *d);
/* The disk as it was after the first n changes since disk_record, as disk_clone would have given it. */
struct disk *disk_at(const struct disk *d, size_t n, const char *root);

/* ---- by hand ---- */

/* By the path below the root. -1 if there is none. */
int64_t disk_size(const struct disk *d, const char *name);
/* Replaces a file, safely; and reads one (the caller frees; NULL if there is none). */
void disk_put(struct disk *d, const char *name, const void *bytes, size_t len);
char *disk_get(const struct disk *d, const char *name, size_t *len);
void disk_remove(struct disk *d, const char *name);
/* Bit rot: one bit of the file is another one from now on, safely. false if the file isn't so long. */
bool disk_flip(struct disk *d, const char *name, int64_t byte, int bit);
/* The same in page `page` (from 1) of a database or frame `frame` (from 1) of its log, at an offset and bit that the
 * seed chooses among those of the page. For databases with pages of 4096 bytes. */
bool disk_flip_page(struct disk *d, const char *name, int64_t page, uint64_t seed);
bool disk_flip_frame(struct disk *d, const char *name, int64_t frame, uint64_t seed);

/* What is there for the next process, as bytes, and back: how a child that dies hands its disk to its parent. Only
 * what a reader sees is kept, all of it safe. `disk_save` allocates nothing and may be called from a handler of
 * SIGABRT. 0 or -1. */
int disk_save(const struct disk *d, int fd);
struct disk *disk_load(const char *root, int fd);

#endif
