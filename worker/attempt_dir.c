#include "worker/attempt_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

static int code_of(int errnum) {
  return errnum == ELOOP || errnum == EXDEV || errnum == ENOTDIR ? ERR_DENIED : err_from_errno(errnum);
}

/* A path of one or more parts beneath `dir`, with no link anywhere. -1 with errno. */
static int open_beneath(int dir, const char *path, int flags) {
  struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
  /* Kernels before 5.6 don't have it, and some sandboxes refuse what they don't know. */
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)fd;
  char *parts = alloc_strdup(path), *rest = parts, *part;
  int at = dir;
  while ((part = strsep(&rest, "/"))) {
    int next = strcmp(part, "..") == 0
                   ? (errno = EXDEV, -1)
                   : openat(at, part, (rest ? O_PATH | O_DIRECTORY : flags) | O_CLOEXEC | O_NOFOLLOW);
    int errnum = errno;
    if (at != dir) close(at);
    errno = errnum;
    at = next;
    if (at < 0) break;
  }
  free(parts);
  return at;
}

int attempt_dir_open(const char *path) {
  char *runs = alloc_strdup(path);
  char *slash = strrchr(runs, '/');
  if (slash) {
    *slash = '\0';
    slash = strrchr(runs, '/');
  }
  if (!slash) {
    free(runs);
    return ERR_INVALID;
  }
  *slash = '\0';
  int base = open(slash == runs ? "/" : runs, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = base < 0 ? -1 : open_beneath(base, path + (slash + 1 - runs), O_PATH | O_DIRECTORY);
  int err = code_of(errno);
  if (base >= 0) close(base);
  free(runs);
  return fd < 0 ? err : fd;
}

int attempt_file_open(int dir, const char *name) {
  struct stat st;
  int fd = open_beneath(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return code_of(errno);
  int err = fstat(fd, &st) ? err_from_errno(errno) : S_ISREG(st.st_mode) ? 0 : ERR_INVALID;
  if (!err) return fd;
  close(fd);
  return err;
}

/* Reads into the room that was made; a file may say that it is empty and isn't, or grow meanwhile. */
static int read_up_to(int fd, size_t limit, struct buf *out) {
  size_t before = out->len;
  for (;;) {
    buf_reserve(out, 4096);
    ssize_t n = read(fd, out->bytes + out->len, 4096);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return err_from_errno(errno);
    out->len += (size_t)n;
    out->bytes[out->len] = '\0';
    if (n == 0) return 0;
    if (out->len - before > limit) return ERR_TOO_LARGE;
  }
}

int attempt_file_read(const char *path, const char *name, size_t limit, struct buf *out) {
  size_t before = out->len;
  int dir = attempt_dir_open(path);
  if (dir < 0) return dir;
  int fd = attempt_file_open(dir, name);
  int err = fd < 0 ? fd : read_up_to(fd, limit, out);
  if (err && out->bytes) buf_truncate(out, before);
  if (fd >= 0) close(fd);
  close(dir);
  return err;
}
