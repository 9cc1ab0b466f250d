/* The calls by which the store and base/file.c reach files, as tests/sim/disk.mk has the linker wrap them: those on a
 * disk of disk.h go there, all others to the C library. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/sim/disk_inner.h"

#define FD_FIRST 1000000 /* no process has so many files */
#define FDS      256
#define BLOCK    4096
#define BLOCKS   (INT64_C(1) << 30) /* of a disk without a limit */

/* What is declared and defined here has the linker's names: __real_NAME is the C library's, __wrap_NAME comes in its
 * place. */
#define WRAPPED(type, name, ...)                                                                                     \
  type __real_##name(__VA_ARGS__);                                                                                   \
  type __wrap_##name(__VA_ARGS__);                                                                                   \
  type __wrap_##name(__VA_ARGS__)

static struct {
  struct disk_handle *handle;
  int64_t at;
} table[FDS];

static struct disk_handle *handle_of(int fd) {
  return fd >= FD_FIRST && fd < FD_FIRST + FDS ? table[fd - FD_FIRST].handle : NULL;
}

static int said(int rc) {
  disk_leave();
  if (rc >= 0) return rc;
  errno = -rc;
  return -1;
}

static int64_t said_long(int64_t rc) {
  disk_leave();
  if (rc >= 0) return rc;
  errno = (int)-rc;
  return -1;
}

/* Enters, and stays there only if the path is on a disk. `own` gets a path that is to be freed. */
static struct disk *enter_path(int dir_fd, const char *path, const char **rest, char **own) {
  struct disk_handle *dir = path[0] == '/' ? NULL : handle_of(dir_fd);
  *own = NULL;
  disk_enter();
  if (dir) {
    bool here = strcmp(path, ".") == 0;
    *own = here ? alloc_strdup(dir->name) : alloc_fmt("%s%s%s", dir->name, *dir->name ? "/" : "", path);
    *rest = *own;
    return dir->disk;
  }
  struct disk *d = disk_find(path, rest);
  if (!d) disk_leave();
  return d;
}

static struct disk *enter(const char *path, const char **rest) {
  char *own;
  return path[0] == '/' ? enter_path(AT_FDCWD, path, rest, &own) : NULL;
}

/* The root is there though it is no file of itself. */
static bool is_root(const char *name) {
  return !*name;
}

/* ---- descriptors ---- */

static int open_root(struct disk *d, struct disk_handle **out) {
  int rc = disk_call(d, DISK_OPEN, "");
  if (rc) return rc;
  rc = disk_open(d, NULL, O_RDONLY, out);
  if (rc) return rc;
  (*out)->fleeting = false;
  (*out)->file->dir = true;
  return 0;
}

static int opened(struct disk *d, const char *name, int flags) {
  struct disk_handle *h = NULL;
  int i = 0;
  while (i < FDS && table[i].handle) i++;
  if (i == FDS) return -EMFILE;
  int rc = is_root(name) ? open_root(d, &h) : disk_open(d, name, flags, &h);
  if (rc) return rc;
  table[i].handle = h;
  table[i].at = 0;
  return FD_FIRST + i;
}

int __real_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static int open_any(int dir_fd, const char *path, int flags, mode_t mode) {
  const char *rest;
  char *own;
  struct disk *d = enter_path(dir_fd, path, &rest, &own);
  if (!d) return __real_openat(dir_fd, path, flags, mode);
  int rc = opened(d, rest, flags);
  free(own);
  return said(rc);
}

static mode_t mode_of(int flags, va_list args) {
  return flags & O_CREAT ? va_arg(args, mode_t) : 0;
}

int __wrap_openat(int dir_fd, const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = mode_of(flags, args);
  va_end(args);
  return open_any(dir_fd, path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = mode_of(flags, args);
  va_end(args);
  return open_any(AT_FDCWD, path, flags, mode);
}

WRAPPED(int, close, int fd) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_close(fd);
  disk_enter();
  table[fd - FD_FIRST].handle = NULL;
  disk_close(h);
  return said(0);
}

WRAPPED(ssize_t, pread, int fd, void *bytes, size_t len, off_t at) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_pread(fd, bytes, len, at);
  disk_enter();
  return (ssize_t)said_long(disk_read(h, bytes, len, at));
}

WRAPPED(ssize_t, pwrite, int fd, const void *bytes, size_t len, off_t at) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_pwrite(fd, bytes, len, at);
  disk_enter();
  return (ssize_t)said_long(disk_write(h, bytes, len, at));
}

WRAPPED(ssize_t, read, int fd, void *bytes, size_t len) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_read(fd, bytes, len);
  disk_enter();
  int64_t n = disk_read(h, bytes, len, table[fd - FD_FIRST].at);
  if (n > 0) table[fd - FD_FIRST].at += n;
  return (ssize_t)said_long(n);
}

WRAPPED(ssize_t, write, int fd, const void *bytes, size_t len) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_write(fd, bytes, len);
  disk_enter();
  int64_t n = disk_write(h, bytes, len, table[fd - FD_FIRST].at);
  if (n > 0) table[fd - FD_FIRST].at += n;
  return (ssize_t)said_long(n);
}

/* Between two files of disks, as restore.c copies a snapshot. */
WRAPPED(ssize_t, sendfile, int out, int in, off_t *at, size_t len) {
  struct disk_handle *to = handle_of(out), *from = handle_of(in);
  if (!to && !from) return __real_sendfile(out, in, at, len);
  assert(to && from && !at);
  disk_enter();
  size_t left = from->file->now.len - (size_t)table[in - FD_FIRST].at;
  if (len > left) len = left;
  char *bytes = alloc_zeroed(len + 1, 1);
  int64_t n = disk_read(from, bytes, len, table[in - FD_FIRST].at);
  if (n > 0) n = disk_write(to, bytes, (size_t)n, table[out - FD_FIRST].at);
  free(bytes);
  if (n > 0) table[in - FD_FIRST].at += n;
  if (n > 0) table[out - FD_FIRST].at += n;
  return (ssize_t)said_long(n);
}

static int sync_of(struct disk_handle *h) {
  disk_enter();
  return said(disk_sync(h));
}

WRAPPED(int, fsync, int fd) {
  struct disk_handle *h = handle_of(fd);
  return h ? sync_of(h) : __real_fsync(fd);
}

WRAPPED(int, fdatasync, int fd) {
  struct disk_handle *h = handle_of(fd);
  return h ? sync_of(h) : __real_fdatasync(fd);
}

WRAPPED(int, ftruncate, int fd, off_t size) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_ftruncate(fd, size);
  disk_enter();
  return said(disk_truncate(h, size));
}

WRAPPED(int, posix_fallocate, int fd, off_t at, off_t len) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_posix_fallocate(fd, at, len);
  disk_enter();
  int rc = disk_allocate(h, at + len);
  disk_leave();
  return -rc;
}

static int set_lock(struct disk_handle *h, short type) {
  if (disk_dead(h)) return -EIO;
  int rc = disk_call(h->disk, DISK_LOCK, h->name);
  if (rc) return rc;
  if (h->file->owner && h->file->owner != h) return -EAGAIN;
  h->file->owner = type == F_UNLCK ? NULL : h;
  return 0;
}

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...) {
  va_list args;
  va_start(args, what);
  void *arg = va_arg(args, void *);
  va_end(args);
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_fcntl(fd, what, arg);
  assert(what == F_OFD_SETLK);
  disk_enter();
  return said(set_lock(h, ((const struct flock *)arg)->l_type));
}

/* ---- names ---- */

static void describe(const struct disk_file *f, bool root, struct stat *st) {
  memset(st, 0, sizeof *st);
  st->st_mode = root || f->dir ? S_IFDIR | 0700 : S_IFREG | 0600;
  st->st_nlink = 1;
  st->st_ino = f ? (ino_t)f->id : 1;
  if (f) st->st_size = (off_t)f->now.len;
}

static int look(struct disk *d, const char *name, struct stat *st) {
  int rc = disk_call(d, DISK_ACCESS, name);
  struct disk_file *f = disk_lookup(d, name);
  if (!rc && !f && !is_root(name)) rc = -ENOENT;
  if (!rc && st) describe(f, is_root(name), st);
  return rc;
}

WRAPPED(int, access, const char *path, int mode) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  return d ? said(look(d, rest, NULL)) : __real_access(path, mode);
}

WRAPPED(int, stat, const char *path, struct stat *st) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  return d ? said(look(d, rest, st)) : __real_stat(path, st);
}

WRAPPED(int, fstat, int fd, struct stat *st) {
  struct disk_handle *h = handle_of(fd);
  if (!h) return __real_fstat(fd, st);
  disk_enter();
  int rc = disk_dead(h) ? -EIO : disk_call(h->disk, DISK_ACCESS, h->name);
  describe(h->file, false, st);
  return said(rc);
}

WRAPPED(int, mkdir, const char *path, mode_t mode) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  return d ? said(is_root(rest) ? -EEXIST : disk_mkdir(d, rest)) : __real_mkdir(path, mode);
}

WRAPPED(int, unlink, const char *path) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  return d ? said(disk_delete(d, rest)) : __real_unlink(path);
}

WRAPPED(int, unlinkat, int dir_fd, const char *path, int flags) {
  const char *rest;
  char *own;
  struct disk *d = enter_path(dir_fd, path, &rest, &own);
  if (!d) return __real_unlinkat(dir_fd, path, flags);
  int rc = disk_delete(d, rest);
  free(own);
  return said(rc);
}

static int rename_on(struct disk *d, const char *from, int to_fd, const char *to) {
  const char *rest;
  char *own;
  disk_leave();
  struct disk *other = enter_path(to_fd, to, &rest, &own);
  if (!other) disk_enter();
  int rc = other == d ? disk_rename(d, from, rest) : -EXDEV;
  free(own);
  return rc;
}

WRAPPED(int, renameat, int from_fd, const char *from, int to_fd, const char *to) {
  const char *rest;
  char *own;
  struct disk *d = enter_path(from_fd, from, &rest, &own);
  if (!d) return __real_renameat(from_fd, from, to_fd, to);
  int rc = rename_on(d, rest, to_fd, to);
  free(own);
  return said(rc);
}

WRAPPED(int, rename, const char *from, const char *to) {
  const char *rest;
  struct disk *d = enter(from, &rest);
  return d ? said(rename_on(d, rest, AT_FDCWD, to)) : __real_rename(from, to);
}

WRAPPED(int, link, const char *from, const char *to) {
  const char *rest, *name;
  struct disk *d = enter(from, &rest);
  if (!d) return __real_link(from, to);
  return said(disk_find(to, &name) == d ? disk_link(d, rest, name) : -EXDEV);
}

WRAPPED(char *, realpath, const char *path, char *out) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  if (!d) return __real_realpath(path, out);
  assert(!out);
  return said(look(d, rest, NULL)) ? NULL : strdup(path);
}

/* ---- the whole disk ---- */

static int64_t room(const struct disk *d) {
  int64_t left = d->limit ? d->limit - d->used : BLOCKS * BLOCK;
  return left > 0 ? left / BLOCK : 0;
}

WRAPPED(int, statvfs, const char *path, struct statvfs *fs) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  if (!d) return __real_statvfs(path, fs);
  int rc = disk_call(d, DISK_LIST, rest);
  memset(fs, 0, sizeof *fs);
  fs->f_bsize = fs->f_frsize = BLOCK;
  fs->f_blocks = (fsblkcnt_t)(d->limit ? d->limit / BLOCK : BLOCKS);
  fs->f_bfree = fs->f_bavail = (fsblkcnt_t)room(d);
  return said(rc);
}

WRAPPED(int, statfs, const char *path, struct statfs *fs) {
  const char *rest;
  struct disk *d = enter(path, &rest);
  if (!d) return __real_statfs(path, fs);
  int rc = disk_call(d, DISK_LIST, rest);
  memset(fs, 0, sizeof *fs);
  fs->f_type = 0xef53; /* ext4 */
  return said(rc);
}
