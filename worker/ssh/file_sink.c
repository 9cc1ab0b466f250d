#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "worker/ssh/files.h"

/* A folder in the folder `at`, which is closed; never by way of a link. */
static int step(int at, const char *name, bool make) {
  int err = 0;
  if (make && mkdirat(at, name, 0777) && errno != EEXIST) err = err_from_errno(errno);
  const int next = err ? -1 : openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (!err && next < 0) {
    struct stat st;
    err = err_from_errno(errno);
    /* Which of ELOOP and ENOTDIR a link gives differs. */
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
      err = S_ISLNK(st.st_mode) ? ERR_DENIED : ERR_EXISTS;
  }
  close(at);
  return err ? err : next;
}

static int work_open(const char *work, bool make) {
  const int err = make ? dir_make(work, 0777) : 0;
  if (err) return err;
  const int at = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return at < 0 ? err_from_errno(errno) : at;
}

/* Into the first `len` bytes of the path, folder by folder. */
static int descend(const char *work, const char *path, size_t len, bool make) {
  int at = work_open(work, make);
  for (size_t from = 0; at >= 0 && from < len;) {
    char name[256];
    const char *slash = memchr(path + from, '/', len - from);
    const size_t part = slash ? (size_t)(slash - path) - from : len - from;
    if (part >= sizeof name) {
      close(at);
      return ERR_TOO_LARGE;
    }
    memcpy(name, path + from, part);
    name[part] = '\0';
    assert(part > 0 && strcmp(name, "..") != 0);
    at = step(at, name, make);
    from += part + 1;
  }
  return at;
}

int file_place_open(const char *work, const char *path, bool make, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (strlen(*name) > 255) return ERR_TOO_LARGE;
  return descend(work, path, slash ? (size_t)(slash - path) : 0, make);
}

int file_place_make(const char *work, const char *path) {
  const int at = descend(work, path, strlen(path), true);
  if (at < 0) return at;
  close(at);
  return 0;
}

int file_sink_open(struct file_sink *s, const char *work, const char *path, const char *token, uint64_t size) {
  const char *name;
  *s = (struct file_sink){.fd = -1, .size = size};
  s->dir = file_place_open(work, path, true, &name);
  if (s->dir < 0) {
    const int err = s->dir;
    s->dir = -1;
    return err;
  }
  snprintf(s->name, sizeof s->name, "%s", name);
  snprintf(s->temporary, sizeof s->temporary, FILES_TEMPORARY "%s", token);
  unlinkat(s->dir, s->temporary, 0);
  s->fd = openat(s->dir, s->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (s->fd < 0) {
    const int err = err_from_errno(errno);
    file_sink_close(s);
    return err;
  }
  s->sum = sha256_new();
  return 0;
}

int file_sink_write(struct file_sink *s, const void *bytes, size_t len) {
  if (len > s->size - s->written) return ERR_CONFLICT;
  const int failed = fd_write_all(s->fd, bytes, len);
  if (failed) return err_from_errno(failed);
  sha256_add(s->sum, bytes, len);
  s->written += len;
  return 0;
}

static int put_in_place(struct file_sink *s, unsigned mode) {
  struct stat st;
  if (fchmod(s->fd, mode & 0777)) return err_from_errno(errno);
  /* What follows is told as done, and must be so after a loss of power. */
  if (fsync(s->fd)) return ERR_SYNC;
  if (fstatat(s->dir, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) return ERR_EXISTS;
  return renameat(s->dir, s->temporary, s->dir, s->name) ? err_from_errno(errno) : 0;
}

int file_sink_end(struct file_sink *s, const char sha256[SHA256_HEX_SIZE], unsigned mode) {
  char sum[SHA256_HEX_SIZE];
  sha256_end(s->sum, sum);
  s->sum = NULL;
  int err = s->written == s->size && strcmp(sum, sha256) == 0 ? 0 : ERR_CONFLICT;
  if (!err) err = put_in_place(s, mode);
  if (!err) s->temporary[0] = '\0'; /* it has its name now */
  file_sink_close(s);
  return err;
}

void file_sink_close(struct file_sink *s) {
  sha256_end(s->sum, NULL);
  s->sum = NULL;
  if (s->fd >= 0) {
    close(s->fd);
    if (s->temporary[0]) unlinkat(s->dir, s->temporary, 0);
  }
  if (s->dir >= 0) close(s->dir);
  s->fd = s->dir = -1;
}
