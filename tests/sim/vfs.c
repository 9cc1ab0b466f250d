#include "tests/sim/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk_inner.h"

#define SECTOR     4096
#define PATH_LONG  1024
#define SHM_REGION 32768
#define SHM_WRITER 0 /* the lock of who writes */

static struct {
  sqlite3_vfs vfs, *before;
  uint64_t seed;
  int64_t slept;
  void (*then)(void *ctx, int64_t usec);
  void *ctx;
} face;

/* An open file of SQLite: its methods come first. */
struct opened {
  sqlite3_file base;
  struct disk_handle *handle;
  bool sync_dir; /* at the next sync: a journal or log that was made */
  int64_t chunk;
};

static struct disk_handle *handle_of(sqlite3_file *f) {
  return ((struct opened *)f)->handle;
}

/* SQLite asks for the errno of what failed. */
static int failed(int64_t rc, int code) {
  errno = (int)-rc;
  return code;
}

/* ---- reading and writing ---- */

static int file_close(sqlite3_file *f) {
  struct disk_handle *h = handle_of(f);
  f->pMethods->xUnlock(f, SQLITE_LOCK_NONE);
  disk_enter();
  disk_close(h);
  disk_leave();
  return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *bytes, int len, sqlite3_int64 at) {
  disk_enter();
  int64_t n = disk_read(handle_of(f), bytes, (size_t)len, at);
  disk_leave();
  if (n == -EIO) return failed(n, SQLITE_IOERR_CORRUPTFS);
  if (n < 0) return failed(n, SQLITE_IOERR_READ);
  if (n == len) return SQLITE_OK;
  memset((char *)bytes + n, 0, (size_t)(len - n));
  return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at) {
  disk_enter();
  int64_t n = disk_write(handle_of(f), bytes, (size_t)len, at);
  disk_leave();
  if (n == len) return SQLITE_OK;
  if (n < 0 && n != -ENOSPC) return failed(n, SQLITE_IOERR_WRITE);
  return failed(-ENOSPC, SQLITE_FULL);
}

static int64_t rounded(const struct opened *o, int64_t size) {
  return o->chunk > 0 ? (size + o->chunk - 1) / o->chunk * o->chunk : size;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size) {
  const struct opened *o = (struct opened *)f;
  disk_enter();
  int rc = disk_truncate(o->handle, rounded(o, size));
  disk_leave();
  return rc ? failed(rc, SQLITE_IOERR_TRUNCATE) : SQLITE_OK;
}

static int file_sync(sqlite3_file *f, int flags) {
  struct opened *o = (struct opened *)f;
  (void)flags;
  disk_enter();
  int rc = disk_sync(o->handle);
  if (!rc && o->sync_dir) {
    char *dir = o->handle->name ? alloc_strdup(o->handle->name) : NULL, *slash = strrchr(dir, '/');
    *(slash ? slash : dir) = '\0';
    /* As SQLite's own: whether the directory could be synced isn't looked at. */
    disk_sync_dir(o->handle->disk, dir);
    free(dir);
    o->sync_dir = false;
  }
  disk_leave();
  return rc ? failed(rc, SQLITE_IOERR_FSYNC) : SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size) {
  struct disk_handle *h = handle_of(f);
  disk_enter();
  int rc = disk_dead(h) ? -EIO : disk_call(h->disk, DISK_ACCESS, h->name);
  *size = (sqlite3_int64)h->file->now.len;
  disk_leave();
  return rc ? failed(rc, SQLITE_IOERR_FSTAT) : SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg) {
  struct opened *o = (struct opened *)f;
  int rc = 0;
  switch (op) {
  case SQLITE_FCNTL_CHUNK_SIZE: o->chunk = *(int *)arg; return SQLITE_OK;
  case SQLITE_FCNTL_SIZE_HINT:
    if (o->chunk <= 0) return SQLITE_OK;
    disk_enter();
    rc = disk_allocate(o->handle, rounded(o, *(sqlite3_int64 *)arg));
    disk_leave();
    return rc ? failed(rc, SQLITE_IOERR_WRITE) : SQLITE_OK;
  case SQLITE_FCNTL_LOCKSTATE: *(int *)arg = o->handle->level; return SQLITE_OK;
  default: return SQLITE_NOTFOUND;
  }
}

static int file_sector(sqlite3_file *f) {
  (void)f;
  return SECTOR;
}

static int file_device(sqlite3_file *f) {
  (void)f;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- locks ---- */

static int lock(struct disk_handle *h, int level) {
  struct disk_file *f = h->file;
  int rc = disk_dead(h) ? -EIO : disk_call(h->disk, DISK_LOCK, h->name);
  if (rc) return failed(rc, SQLITE_IOERR_LOCK);
  if (h->level >= level) return SQLITE_OK;
  if (h->level == SQLITE_LOCK_NONE) {
    if (f->pending || f->exclusive) return SQLITE_BUSY;
    f->shared++;
    h->level = SQLITE_LOCK_SHARED;
  }
  if (level == SQLITE_LOCK_RESERVED) {
    if (f->reserved) return SQLITE_BUSY;
    f->reserved = h;
    h->level = level;
  }
  if (level != SQLITE_LOCK_EXCLUSIVE) return SQLITE_OK;
  if ((f->pending && f->pending != h) || (f->reserved && f->reserved != h)) return SQLITE_BUSY;
  f->pending = h;
  h->level = SQLITE_LOCK_PENDING;
  if (f->shared > 1) return SQLITE_BUSY;
  f->exclusive = h;
  h->level = level;
  return SQLITE_OK;
}

static int file_lock(sqlite3_file *f, int level) {
  disk_enter();
  int rc = lock(handle_of(f), level);
  disk_leave();
  return rc;
}

static int file_unlock(sqlite3_file *f, int level) {
  struct disk_handle *h = handle_of(f);
  disk_enter();
  if (h->level > level && !disk_dead(h)) {
    if (h->file->reserved == h) h->file->reserved = NULL;
    if (h->file->pending == h) h->file->pending = NULL;
    if (h->file->exclusive == h) h->file->exclusive = NULL;
    if (level == SQLITE_LOCK_NONE) h->file->shared--;
  }
  if (h->level > level) h->level = level;
  disk_leave();
  return SQLITE_OK;
}

static int file_reserved(sqlite3_file *f, int *out) {
  struct disk_handle *h = handle_of(f);
  disk_enter();
  int rc = disk_dead(h) ? -EIO : disk_call(h->disk, DISK_LOCK, h->name);
  *out = h->file->reserved != NULL;
  disk_leave();
  return rc ? failed(rc, SQLITE_IOERR_CHECKRESERVEDLOCK) : SQLITE_OK;
}

/* ---- shared memory ---- */

static struct disk_shm *shm_take(struct disk_handle *h) {
  if (h->shm) return h->shm;
  if (!h->file->shm) {
    h->file->shm = alloc_new(struct disk_shm);
    h->file->shm->refs = 1;
  }
  h->shm = h->file->shm;
  h->shm->refs++;
  return h->shm;
}

static int shm_map(struct disk_handle *h, int region, int extend, void volatile **out) {
  *out = NULL;
  int rc = disk_dead(h) ? -EIO : disk_call(h->disk, DISK_SHM, h->name);
  if (rc) return failed(rc, SQLITE_IOERR_SHMSIZE);
  struct disk *d = h->disk;
  struct disk_shm *shm = shm_take(h);
  while (extend && shm->regions.len <= (size_t)region) {
    if (d->limit && d->used + SHM_REGION > d->limit) return failed(-ENOSPC, SQLITE_IOERR_SHMSIZE);
    if (d->read_only) return failed(-EROFS, SQLITE_IOERR_SHMSIZE);
    vec_push(&shm->regions, (char *)alloc_zeroed(SHM_REGION, 1));
    d->used += SHM_REGION;
  }
  if (shm->regions.len > (size_t)region) *out = shm->regions.items[region];
  return SQLITE_OK;
}

static int file_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out) {
  (void)size;
  disk_enter();
  int rc = shm_map(handle_of(f), region, extend, out);
  disk_leave();
  return rc;
}

static void shm_unlock(struct disk_handle *h, int slot) {
  if (h->shm_exclusive & (1U << slot)) h->shm->exclusive[slot] = false;
  if (h->shm_shared & (1U << slot)) h->shm->shared[slot]--;
  h->shm_exclusive &= ~(1U << slot);
  h->shm_shared &= ~(1U << slot);
}

static bool shm_free(const struct disk_handle *h, int slot, bool exclusive) {
  const struct disk_shm *s = h->shm;
  if (exclusive && slot == SHM_WRITER && h->disk->hold) return false;
  if (s->exclusive[slot] && !(h->shm_exclusive & (1U << slot))) return false;
  return !exclusive || s->shared[slot] == (h->shm_shared & (1U << slot) ? 1 : 0);
}

static int shm_lock(struct disk_handle *h, int first, int n, int flags) {
  bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
  if (!h->shm) return SQLITE_IOERR_SHMLOCK;
  if (flags & SQLITE_SHM_UNLOCK) {
    for (int i = first; i < first + n; i++) shm_unlock(h, i);
    return SQLITE_OK;
  }
  /* As SQLite's own: whatever the reason, such a lock is held by somebody else. */
  if (disk_dead(h) || disk_call(h->disk, DISK_SHMLOCK, h->name)) return SQLITE_BUSY;
  for (int i = first; i < first + n; i++)
    if (!shm_free(h, i, exclusive)) return SQLITE_BUSY;
  for (int i = first; i < first + n; i++) {
    if (exclusive) h->shm->exclusive[i] = true;
    if (exclusive) h->shm_exclusive |= 1U << i;
    if (!exclusive && !(h->shm_shared & (1U << i))) h->shm->shared[i]++;
    if (!exclusive) h->shm_shared |= 1U << i;
  }
  return SQLITE_OK;
}

static int file_shm_lock(sqlite3_file *f, int first, int n, int flags) {
  disk_enter();
  int rc = shm_lock(handle_of(f), first, n, flags);
  disk_leave();
  return rc;
}

static void file_shm_barrier(sqlite3_file *f) {
  (void)f;
  disk_enter();
  disk_leave();
}

static int file_shm_unmap(sqlite3_file *f, int removed) {
  struct disk_handle *h = handle_of(f);
  disk_enter();
  if (h->shm) {
    for (int i = 0; i < DISK_SHM_LOCKS; i++) shm_unlock(h, i);
    bool last = !disk_dead(h) && h->shm->refs == 2;
    disk_shm_drop(h->shm);
    h->shm = NULL;
    if (last) {
      disk_shm_drop(h->file->shm);
      h->file->shm = NULL;
    }
    (void)removed;
    disk_sweep(h->disk);
  }
  disk_leave();
  return SQLITE_OK;
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector,
                                           .xDeviceCharacteristics = file_device,
                                           .xShmMap = file_shm_map,
                                           .xShmLock = file_shm_lock,
                                           .xShmBarrier = file_shm_barrier,
                                           .xShmUnmap = file_shm_unmap};

/* ---- names ---- */

static int open_on(struct disk *d, const char *name, struct opened *o, int flags, int *out) {
  const int journals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
  int how = flags & SQLITE_OPEN_READWRITE ? O_RDWR : O_RDONLY;
  if (flags & SQLITE_OPEN_CREATE) how |= O_CREAT;
  if (flags & SQLITE_OPEN_EXCLUSIVE) how |= O_EXCL;
  bool is_new = name && (flags & SQLITE_OPEN_CREATE) && !disk_lookup(d, name);
  int rc = disk_open(d, name, how, &o->handle);
  if ((rc == -EROFS || rc == -EACCES) && (flags & SQLITE_OPEN_READWRITE)) {
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    rc = disk_open(d, name, O_RDONLY, &o->handle);
  }
  if (rc) return failed(rc, SQLITE_CANTOPEN);
  if (flags & SQLITE_OPEN_DELETEONCLOSE) o->handle->fleeting = true;
  o->sync_dir = is_new && (flags & journals);
  o->base.pMethods = &methods;
  if (out) *out = flags;
  return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out) {
  const char *rest = NULL;
  (void)vfs;
  disk_enter();
  struct disk *d = disk_find(name, &rest);
  int rc = SQLITE_OK;
  if (d) {
    memset(f, 0, sizeof(struct opened));
    rc = open_on(d, rest, (struct opened *)f, flags, out);
  }
  disk_leave();
  return d ? rc : face.before->xOpen(face.before, name, f, flags, out);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir) {
  const char *rest = NULL;
  (void)vfs;
  disk_enter();
  struct disk *d = disk_find(name, &rest);
  int rc = 0, synced = 0;
  if (d) rc = disk_delete(d, rest);
  if (d && !rc && sync_dir) {
    char *dir = alloc_strdup(rest), *slash = strrchr(dir, '/');
    *(slash ? slash : dir) = '\0';
    synced = disk_sync_dir(d, dir);
    free(dir);
  }
  disk_leave();
  if (!d) return face.before->xDelete(face.before, name, sync_dir);
  if (rc) return failed(rc, rc == -ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE);
  return synced ? failed(synced, SQLITE_IOERR_DIR_FSYNC) : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out) {
  const char *rest = NULL;
  (void)vfs;
  disk_enter();
  struct disk *d = disk_find(name, &rest);
  if (d) {
    const struct disk_file *file = disk_lookup(d, rest);
    int rc = disk_call(d, DISK_ACCESS, rest);
    *out = !rc && file && (flags != SQLITE_ACCESS_EXISTS || file->now.len > 0);
  }
  disk_leave();
  return d ? SQLITE_OK : face.before->xAccess(face.before, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int len, char *out) {
  const char *rest = NULL;
  (void)vfs;
  disk_enter();
  bool ours = disk_find(name, &rest) != NULL;
  disk_leave();
  if (!ours) return face.before->xFullPathname(face.before, name, len, out);
  sqlite3_snprintf(len, out, "%s", name);
  return SQLITE_OK;
}

/* ---- the rest of the world ---- */

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out) {
  (void)vfs;
  for (int i = 0; i < len; i++) out[i] = (char)(disk_random(&face.seed) >> 32);
  return len;
}

static void pass(struct disk *d, int64_t usec) {
  if (d->hold > 0) d->hold = d->hold > usec ? d->hold - usec : 0;
}

static int vfs_sleep(sqlite3_vfs *vfs, int usec) {
  (void)vfs;
  disk_enter();
  bool any = disk_any();
  disk_leave();
  if (!any) return face.before->xSleep(face.before, usec);
  if (face.then) face.then(face.ctx, usec);
  disk_enter();
  face.slept += usec;
  disk_each(pass, usec);
  disk_leave();
  return usec;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out) {
  (void)vfs, (void)len, (void)out;
  return errno;
}

void vfs_single_thread(void) {
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

void vfs_install(uint64_t seed) {
  if (!face.before) {
    face.before = sqlite3_vfs_find(NULL);
    face.vfs = *face.before;
    face.vfs.zName = "disk";
    if (face.vfs.szOsFile < (int)sizeof(struct opened)) face.vfs.szOsFile = sizeof(struct opened);
    if (face.vfs.mxPathname < PATH_LONG) face.vfs.mxPathname = PATH_LONG;
    face.vfs.xOpen = vfs_open;
    face.vfs.xDelete = vfs_delete;
    face.vfs.xAccess = vfs_access;
    face.vfs.xFullPathname = vfs_full_path;
    face.vfs.xRandomness = vfs_randomness;
    face.vfs.xSleep = vfs_sleep;
    face.vfs.xGetLastError = vfs_last_error;
    sqlite3_vfs_register(&face.vfs, 1);
  }
  face.seed = seed;
  face.slept = 0;
  face.then = NULL;
  sqlite3_randomness(0, NULL);
}

void vfs_remove(void) {
  if (!face.before) return;
  sqlite3_vfs_unregister(&face.vfs);
  sqlite3_vfs_register(face.before, 1);
  face.before = NULL;
}

int64_t vfs_slept(void) {
  disk_enter();
  int64_t slept = face.slept;
  disk_leave();
  return slept;
}

void vfs_on_sleep(void (*then)(void *ctx, int64_t usec), void *ctx) {
  face.then = then;
  face.ctx = ctx;
}
