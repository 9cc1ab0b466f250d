#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/ssh/files.h"

/* Where an open descriptor leads, whatever links were on the way. */
static bool place_of(int fd, char *out, size_t size) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t len = readlink(link, out, size - 1);
  if (len <= 0 || (size_t)len >= size - 1) return false;
  out[len] = '\0';
  return true;
}

static bool lies_in(int base, int fd) {
  char above[4096], below[8192];
  if (!place_of(base, above, sizeof above) || !place_of(fd, below, sizeof below)) return false;
  const size_t len = strlen(above);
  if (strcmp(above, "/") == 0) return true;
  return strncmp(above, below, len) == 0 && (below[len] == '/' || below[len] == '\0');
}

int file_inside_open(const char *base, const char *path, struct stat *st) {
  const int above = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return err_from_errno(errno);
  /* O_PATH opens nothing: a device isn't woken, a FIFO isn't waited for. */
  const int fd = openat(above, *path ? path : ".", O_PATH | O_CLOEXEC);
  int err = fd < 0 ? err_from_errno(errno) : 0;
  if (!err && !lies_in(above, fd)) err = ERR_DENIED;
  if (!err && fstat(fd, st)) err = err_from_errno(errno);
  if (!err && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) err = ERR_INVALID;
  close(above);
  if (!err) return fd;
  if (fd >= 0) close(fd);
  return err;
}

int file_source_begin(struct file_source *s, int fd) {
  *s = (struct file_source){.fd = fd};
  if (fstat(fd, &s->st)) {
    const int err = err_from_errno(errno);
    file_source_close(s);
    return err;
  }
  if (!S_ISREG(s->st.st_mode)) {
    file_source_close(s);
    return ERR_INVALID;
  }
  s->sum = sha256_new();
  return 0;
}

int file_source_open(struct file_source *s, const char *base, const char *path) {
  struct stat st;
  *s = (struct file_source){.fd = -1};
  const int at = file_inside_open(base, path, &st);
  if (at < 0) return at;
  int err = S_ISREG(st.st_mode) ? 0 : ERR_INVALID;
  if (!err) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    const int fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    err = fd < 0 ? err_from_errno(errno) : file_source_begin(s, fd);
  }
  close(at);
  return err;
}

int file_source_read(struct file_source *s, void *bytes, size_t len, size_t *got) {
  *got = 0;
  while (*got < len) {
    const ssize_t n = read(s->fd, (char *)bytes + *got, len - *got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return err_from_errno(errno);
    if (n == 0) break;
    *got += (size_t)n;
  }
  sha256_add(s->sum, bytes, *got);
  s->size += *got;
  return 0;
}

static bool same(const struct stat *a, const struct stat *b) {
  return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int file_source_end(struct file_source *s, char sha256[SHA256_HEX_SIZE]) {
  struct stat now;
  int err = fstat(s->fd, &now) ? err_from_errno(errno) : 0;
  if (!err && (!same(&now, &s->st) || (uint64_t)now.st_size != s->size)) err = ERR_CONFLICT;
  sha256_end(s->sum, sha256);
  s->sum = NULL;
  file_source_close(s);
  return err;
}

void file_source_close(struct file_source *s) {
  sha256_end(s->sum, NULL);
  s->sum = NULL;
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}
