/* The inside of a disk, for the files of tests/sim that are a part of it. All functions return 0, or an errno as a
 * negative number, and are called with the lock of disk_enter held, which they don't take. */
#ifndef ROTA_TEST_DISK_INNER_H
#define ROTA_TEST_DISK_INNER_H

#include "base/vec.h"
#include "tests/sim/disk.h"

#define DISK_FAULTS    8
#define DISK_SHM_LOCKS 8
#define DISK_SECTOR    512

/* What a file holds. Only the first `kept` bytes are in memory; the others, up to `len`, are zeros: ballast and room
 * that is allocated ahead cost nothing. */
struct disk_image {
  char *bytes;
  size_t len, kept, cap;
};

/* A change of a file that is pending: a write of `len` bytes, kept at `data` of the file's log, or, without `write`,
 * a new length. */
struct disk_piece {
  bool write;
  size_t at, len, data;
};

struct disk_shm {
  int refs;
  VEC(char *) regions;
  int shared[DISK_SHM_LOCKS];
  bool exclusive[DISK_SHM_LOCKS];
};

struct disk_handle;

struct disk_file {
  int64_t id;
  bool dir;
  int handles;
  struct disk_image now, safe, log;
  VEC(struct disk_piece) pieces;
  /* The locks of a database: how many share it, and who has more. `owner` has the lock of fcntl. */
  int shared;
  struct disk_handle *reserved, *pending, *exclusive, *owner;
  struct disk_shm *shm;
};

struct disk_entry {
  char *name;
  struct disk_file *file;
};

/* A change of a directory: each name becomes that file's, or nobody's. */
struct disk_move {
  struct disk_entry entries[2];
  int len;
};

struct disk_step; /* of the tape: disk_tape.c */

struct disk {
  char *root;
  size_t root_len;
  int refs; /* the owner and the handles */
  int64_t generation, next_id;
  VEC(struct disk_file *) files;
  VEC(struct disk_entry) now, safe;
  VEC(struct disk_move) moves;
  struct {
    struct disk_fault fault;
    bool on;
  } faults[DISK_FAULTS];
  int64_t counts[DISK_CALLS], failures[DISK_CALLS];
  int64_t limit, used, hold;
  bool read_only, lies;
  bool recording;
  struct disk *base;
  VEC(struct disk_step) steps;
};

/* An open file. It belongs to a dead process when the disk's generation is another. */
struct disk_handle {
  struct disk *disk;
  struct disk_file *file;
  int64_t generation;
  bool writable;
  char *name;    /* below the root */
  bool fleeting; /* removed when it is closed */
  int level;     /* of SQLite's locks */
  struct disk_shm *shm;
  unsigned shm_shared, shm_exclusive;
};

/* The one lock of all disks. */
void disk_enter(void);
void disk_leave(void);
/* Whether this thread holds it. */
bool disk_inside(void);

/* The disk that a path lies on, and the rest of it ("" for its root); NULL for none. */
struct disk *disk_find(const char *path, const char **rest);
bool disk_any(void);
void disk_each(void (*then)(struct disk *d, int64_t n), int64_t n);

/* Counts a call and lets the faults have their say. */
int disk_call(struct disk *d, enum disk_call call, const char *name);
bool disk_dead(const struct disk_handle *h);

struct disk_file *disk_lookup(const struct disk *d, const char *name);

/* `flags` as of open(2): O_CREAT, O_EXCL, O_TRUNC and the access count. A NULL name is a file without one. */
int disk_open(struct disk *d, const char *name, int flags, struct disk_handle **out);
void disk_close(struct disk_handle *h);
int64_t disk_read(struct disk_handle *h, void *bytes, size_t len, int64_t at);
/* How many bytes were written: fewer than asked for on a disk that gets full. */
int64_t disk_write(struct disk_handle *h, const void *bytes, size_t len, int64_t at);
int disk_truncate(struct disk_handle *h, int64_t size);
int disk_allocate(struct disk_handle *h, int64_t size);
int disk_sync(struct disk_handle *h);
int disk_sync_dir(struct disk *d, const char *name);
int disk_delete(struct disk *d, const char *name);
int disk_rename(struct disk *d, const char *from, const char *to);
int disk_link(struct disk *d, const char *from, const char *to);
int disk_mkdir(struct disk *d, const char *name);

/* Applied without a count, a fault or a tape: by the tape when it is played. */
struct disk_file *disk_file_new(struct disk *d, bool dir);
void disk_file_write(struct disk *d, struct disk_file *f, const void *bytes, size_t len, size_t at);
void disk_file_resize(struct disk *d, struct disk_file *f, size_t size);
void disk_file_sync(struct disk_file *f);
void disk_set(struct disk *d, const char *name, struct disk_file *file, const char *gone);
void disk_dir_sync(struct disk *d, const char *name);

void disk_image_write(struct disk_image *i, const void *bytes, size_t len, size_t at);
void disk_image_resize(struct disk_image *i, size_t size);
void disk_image_read(const struct disk_image *i, void *bytes, size_t len, size_t at);
void disk_image_copy(struct disk_image *to, const struct disk_image *from);
void disk_entry_set(struct disk *d, bool safe, const char *name, struct disk_file *file);
/* Frees what nobody has or knows any more; counts `used` anew. */
void disk_sweep(struct disk *d);
void disk_shm_drop(struct disk_shm *shm);

/* ---- the tape ---- */

enum disk_step_kind { STEP_NEW, STEP_WRITE, STEP_RESIZE, STEP_SYNC, STEP_SET, STEP_DIR_SYNC };
struct disk_step {
  enum disk_step_kind kind;
  int64_t file;
  bool dir;
  size_t at, len;
  char *bytes, *name, *gone;
};
void disk_tape(struct disk *d, struct disk_step step);
void disk_tape_free(struct disk *d);

/* splitmix64: the next number of a seed. */
uint64_t disk_random(uint64_t *seed);

#endif
