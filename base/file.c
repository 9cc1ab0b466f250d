#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

/* ---- reading ---- */

/* Appends what the descriptor gives until its end, at most `limit` bytes. */
static int read_all(int fd, size_t limit, struct buf *out) {
  size_t before = out->len;
  for (;;) {
    buf_reserve(out, 1);
    size_t room = out->cap - out->len - 1;
    ssize_t got = read(fd, out->bytes + out->len, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_from_errno(errno);
    if (got == 0) return 0;
    out->len += (size_t)got;
    out->bytes[out->len] = '\0';
    if (out->len - before > limit) return ERR_TOO_LARGE;
  }
}

int file_read_at(int dir_fd, const char *name, size_t limit, struct buf *out) {
  size_t before = out->len;
  int rc = 0;
  /* Without O_NONBLOCK the open of a pipe would wait for its writer. */
  int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return err_from_errno(errno);
  struct stat st;
  if (fstat(fd, &st) < 0) {
    rc = err_from_errno(errno);
  } else if (!S_ISREG(st.st_mode)) {
    rc = ERR_INVALID;
  } else if (st.st_size > 0 && (uintmax_t)st.st_size > limit) {
    rc = ERR_TOO_LARGE;
  } else {
    /* One byte more than its size, so that the read that finds the end needs no growth. The size is a hint: files of
     * /proc say 0, others grow meanwhile. */
    buf_reserve(out, (size_t)st.st_size + 1);
    rc = read_all(fd, limit, out);
  }
  close(fd);
  if (rc < 0) buf_truncate(out, before);
  return rc;
}

int file_read(const char *path, size_t limit, struct buf *out) {
  return file_read_at(AT_FDCWD, path, limit, out);
}

/* ---- writing ---- */

int fd_write_all(int fd, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t put = write(fd, at, len);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    at += put;
    len -= (size_t)put;
  }
  return 0;
}

/* Syncs the directory itself; works for AT_FDCWD and descriptors opened with O_PATH as well. */
static int sync_dir_at(int dir_fd, const char *name) {
  int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_from_errno(errno);
  int rc = fsync(fd) < 0 ? ERR_SYNC : 0;
  close(fd);
  return rc;
}

int file_write_at(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode, bool sync) {
  char *tmp = alloc_fmt("%s.tmp", name);
  int rc = 0;
  bool made = false;
  if (unlinkat(dir_fd, tmp, 0) < 0 && errno != ENOENT) {
    rc = err_from_errno(errno);
    goto out;
  }
  int fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) {
    rc = err_from_errno(errno);
    goto out;
  }
  made = true;
  int failed = fd_write_all(fd, bytes, len);
  if (failed) rc = err_from_errno(failed);
  if (rc == 0 && sync && fsync(fd) < 0) rc = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_SYNC;
  if (close(fd) < 0 && rc == 0) rc = err_from_errno(errno);
  if (rc < 0) goto out;
  if (renameat(dir_fd, tmp, dir_fd, name) < 0) {
    rc = err_from_errno(errno);
    goto out;
  }
  made = false;
  if (sync) rc = sync_dir_at(dir_fd, ".");
out:
  if (made) unlinkat(dir_fd, tmp, 0);
  free(tmp);
  return rc;
}

int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool sync) {
  const char *slash = strrchr(path, '/');
  if (!slash) return file_write_at(AT_FDCWD, path, bytes, len, mode, sync);
  char *dir = path_folder(path);
  int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int rc = fd < 0 ? err_from_errno(errno) : file_write_at(fd, slash + 1, bytes, len, mode, sync);
  if (fd >= 0) close(fd);
  free(dir);
  return rc;
}

/* ---- directories ---- */

int dir_make(const char *path, mode_t mode) {
  char *part = alloc_strdup(path);
  int rc = *path ? 0 : ERR_INVALID;
  for (char *at = part; rc == 0 && *at;) {
    at += strspn(at, "/");
    at += strcspn(at, "/");
    char kept = *at;
    *at = '\0';
    /* What is there already may lie in a file system that can't be written: EEXIST isn't sure to come first. */
    struct stat st;
    if (mkdir(part, mode) < 0) {
      int failed = errno;
      if (stat(part, &st) < 0)
        rc = err_from_errno(failed);
      else if (!S_ISDIR(st.st_mode))
        rc = ERR_EXISTS;
    }
    *at = kept;
  }
  free(part);
  return rc;
}

int dir_sync(const char *path) {
  return sync_dir_at(AT_FDCWD, path);
}

/* A tree is removed by recursion that holds one descriptor a level. What lies deeper than this is moved up to the
 * directory at the top and removed from there, so that no tree exhausts the stack or the descriptors. */
#define DEPTH_MAX 32

struct removal {
  int top_fd;
  dev_t device;
  unsigned moved; /* numbers the directories that were moved up */
};

static int remove_entry(struct removal *r, int dir_fd, const char *name, int depth);

/* Empties the directory; takes the descriptor over. */
static int remove_content(struct removal *r, int fd, int depth) {
  DIR *dir = fdopendir(fd);
  if (!dir) {
    int rc = err_from_errno(errno);
    close(fd);
    return rc;
  }
  int rc = 0;
  struct dirent *entry;
  while (errno = 0, (entry = readdir(dir)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    int one = remove_entry(r, dirfd(dir), entry->d_name, depth);
    if (rc == 0) rc = one;
  }
  if (errno && rc == 0) rc = err_from_errno(errno);
  closedir(dir);
  return rc;
}

/* Lifts the mode of a directory that keeps even its owner out. */
static void lift_mode(int dir_fd, const char *name) {
  struct stat st;
  if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0700) != 0700) {
    int ignored = fchmodat(dir_fd, name, (st.st_mode & 07777) | 0700, 0);
    (void)ignored; /* the open or the removal tells */
  }
}

static int open_to_empty(int dir_fd, const char *name) {
  lift_mode(dir_fd, name);
  return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int remove_dir(struct removal *r, int dir_fd, const char *name, int depth) {
  if (depth > DEPTH_MAX) {
    char up[32];
    do snprintf(up, sizeof up, ".rota-removing-%u", r->moved++);
    while (faccessat(r->top_fd, up, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    lift_mode(dir_fd, name);
    return renameat(dir_fd, name, r->top_fd, up) < 0 ? err_from_errno(errno) : 0;
  }
  int fd = open_to_empty(dir_fd, name);
  if (fd < 0) return err_from_errno(errno);
  struct stat st;
  if (fstat(fd, &st) < 0 || st.st_dev != r->device) {
    close(fd);
    return ERR_BUSY; /* something is mounted there */
  }
  int rc = remove_content(r, fd, depth + 1);
  if (rc < 0) return rc;
  return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? err_from_errno(errno) : 0;
}

static int remove_entry(struct removal *r, int dir_fd, const char *name, int depth) {
  if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR) return err_from_errno(errno);
  return remove_dir(r, dir_fd, name, depth);
}

int dir_remove_at(int dir_fd, const char *name) {
  if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR) return err_from_errno(errno);
  struct stat st;
  struct removal r = {.top_fd = open_to_empty(dir_fd, name)};
  if (r.top_fd < 0) return err_from_errno(errno);
  int rc = fstat(r.top_fd, &st) < 0 ? err_from_errno(errno) : 0;
  r.device = st.st_dev;
  /* Another round only if directories were moved up, or a writer that is still alive put something there. */
  for (int round = 0; rc == 0; round++) {
    unsigned moved = r.moved;
    int fd = openat(r.top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? err_from_errno(errno) : remove_content(&r, fd, 1);
    if (rc < 0) break;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT) break;
    if ((errno != ENOTEMPTY && errno != EEXIST) || (r.moved == moved && round >= 3)) rc = err_from_errno(errno);
  }
  close(r.top_fd);
  return rc;
}

/* ---- paths ---- */

static char *home_dir(void) {
  const char *home = getenv("HOME");
  if (home && *home) return alloc_strdup(home);
  struct passwd entry, *found = NULL;
  char scratch[4096];
  if (getpwuid_r(getuid(), &entry, scratch, sizeof scratch, &found) == 0 && found) return alloc_strdup(found->pw_dir);
  return alloc_strdup("/");
}

char *path_expand_home(const char *path) {
  if (path[0] != '~' || (path[1] != '\0' && path[1] != '/')) return alloc_strdup(path);
  char *home = home_dir();
  char *full = alloc_fmt("%s%s", home, path + 1);
  free(home);
  return full;
}

char *path_join(const char *dir, const char *name) {
  if (name[0] == '~') {
    char *full = path_expand_home(name);
    if (full[0] == '/') return full;
    free(full);
  }
  if (name[0] == '/' || dir[0] == '\0') return alloc_strdup(name);
  if (name[0] == '\0') return alloc_strdup(dir);
  return alloc_fmt("%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
}

char *path_absolute(const char *path) {
  char *here = getcwd(NULL, 0);
  char *full = path_join(here ? here : "/", path);
  free(here);
  return full;
}

char *path_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return alloc_strdup(".");
  return alloc_fmt("%.*s", slash == path ? 1 : (int)(slash - path), path);
}
