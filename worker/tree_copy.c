#include "worker/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"

#define DEPTH_MAX 128
#define CHUNK     ((size_t)16 << 20)

struct copy {
  bool (*cancelled)(const void *ctx);
  const void *ctx;
  int depth;
};

static int dir_copy(struct copy *c, int from, int to);

static bool stopped(const struct copy *c) {
  return c->cancelled && c->cancelled(c->ctx);
}

/* A clone shares the blocks where the file system can; otherwise the kernel copies. */
static int content_copy(const struct copy *c, int from, int to) {
  if (ioctl(to, FICLONE, from) == 0) return 0;
  ssize_t n;
  do {
    if (stopped(c)) return ERR_AGAIN;
    n = copy_file_range(from, NULL, to, NULL, CHUNK, 0);
    if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
      n = sendfile(to, from, NULL, CHUNK);
  } while (n > 0 || (n < 0 && errno == EINTR));
  return n < 0 ? err_from_errno(errno) : 0;
}

static int finish(int fd, const struct stat *st, int err) {
  const struct timespec times[] = {st->st_atim, st->st_mtim};
  if (!err && fchmod(fd, st->st_mode & 07777)) err = err_from_errno(errno);
  if (!err && futimens(fd, times)) err = err_from_errno(errno);
  close(fd);
  return err;
}

static int file_copy(const struct copy *c, int from_dir, int to_dir, const char *name, const struct stat *st) {
  int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return err_from_errno(errno);
  int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int err = to < 0 ? err_from_errno(errno) : content_copy(c, from, to);
  if (to >= 0) err = finish(to, st, err);
  close(from);
  return err;
}

static int link_copy(int from_dir, int to_dir, const char *name) {
  char target[4096];
  ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);
  if (n < 0) return err_from_errno(errno);
  target[n] = '\0';
  return symlinkat(target, to_dir, name) ? err_from_errno(errno) : 0;
}

static int subdir_copy(struct copy *c, int from_dir, int to_dir, const char *name, const struct stat *st) {
  if (c->depth == DEPTH_MAX) return ERR_TOO_LARGE;
  int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return err_from_errno(errno);
  int to = mkdirat(to_dir, name, 0700) ? -1 : openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int err = to < 0 ? err_from_errno(errno) : 0;
  c->depth++;
  if (!err) err = dir_copy(c, from, to);
  c->depth--;
  if (to >= 0) err = finish(to, st, err);
  close(from);
  return err;
}

static int any_copy(struct copy *c, int from, int to, const char *name) {
  struct stat st;
  if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW)) return err_from_errno(errno);
  if (S_ISDIR(st.st_mode)) return subdir_copy(c, from, to, name, &st);
  if (S_ISREG(st.st_mode)) return file_copy(c, from, to, name, &st);
  return S_ISLNK(st.st_mode) ? link_copy(from, to, name) : 0;
}

/* What vanishes while it is copied was never asked for by name: it is left out, and the rest is not. */
static int entry_copy(struct copy *c, int from, int to, const char *name) {
  if (stopped(c)) return ERR_AGAIN;
  int err = any_copy(c, from, to, name);
  return err == ERR_NOT_FOUND ? 0 : err;
}

static int dir_copy(struct copy *c, int from, int to) {
  int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = copy < 0 ? NULL : fdopendir(copy);
  if (!d) {
    int err = err_from_errno(errno);
    if (copy >= 0) close(copy);
    return err;
  }
  int err = 0;
  const struct dirent *e;
  while (!err && (errno = 0, e = readdir(d)) != NULL) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    err = entry_copy(c, from, to, e->d_name);
  }
  if (!err && errno) err = err_from_errno(errno);
  closedir(d);
  return err;
}

static int top_copy(struct copy *c, int from, const char *to) {
  struct stat st;
  if (fstat(from, &st) || mkdir(to, 0700)) return err_from_errno(errno);
  int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_from_errno(errno);
  return finish(fd, &st, dir_copy(c, from, fd));
}

int tree_copy(const char *from, const char *to, bool (*cancelled)(const void *ctx), const void *ctx) {
  struct copy c = {.cancelled = cancelled, .ctx = ctx};
  int fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_from_errno(errno);
  char *part = alloc_fmt("%s.copying", to);
  int err = dir_remove_at(AT_FDCWD, part);
  if (!err) err = top_copy(&c, fd, part);
  if (!err) err = dir_remove_at(AT_FDCWD, to);
  if (!err && rename(part, to)) err = err_from_errno(errno);
  if (err) dir_remove_at(AT_FDCWD, part);
  free(part);
  close(fd);
  return err;
}
