/* The folder of folder.h and the calls of memory.h. Descriptors of the folder begin where none of the system's are.
 */
#define MEMORY_ITSELF
#include "tests/fuzz/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/folder.h"

#define ROOT      "/memory"
#define BENEATH   "run/attempt"
#define FD_FIRST  (1 << 20)
#define FDS_MAX   16
#define FILES_MAX 16
#define NAME_SIZE 64

_Static_assert(sizeof FOLDER == sizeof ROOT "/" BENEATH, "the folder lies at its place");

struct memory_file {
  char name[NAME_SIZE];
  bool there;
  unsigned char *bytes;
  size_t len, room;
};

enum fd_kind { FREE, FOLDER_OPEN, FILE_OPEN, PROCESS_OPEN };

struct memory_fd {
  enum fd_kind kind;
  struct memory_file *file;
  size_t at; /* of a file the next byte, of the folder the next name */
  struct dirent entry;
};

static struct memory {
  struct memory_file files[FILES_MAX], process;
  struct memory_fd fds[FDS_MAX];
} memory;

/* ---- what the target says ---- */

static struct memory_file *file_find(const char *name) {
  for (size_t i = 0; i < FILES_MAX; i++) {
    if (memory.files[i].there && strcmp(memory.files[i].name, name) == 0) return &memory.files[i];
  }
  return NULL;
}

/* The place of a file that was dropped keeps its room for the next. */
static struct memory_file *file_make(const char *name) {
  struct memory_file *f = memory.files;
  CHECK(strlen(name) < NAME_SIZE);
  while (f < memory.files + FILES_MAX && f->there) f++;
  CHECK(f < memory.files + FILES_MAX);
  strcpy(f->name, name);
  f->there = true;
  f->len = 0;
  return f;
}

static void file_add(struct memory_file *f, const void *bytes, size_t len) {
  if (f->room < f->len + len) {
    f->room = 2 * (f->len + len);
    f->bytes = realloc(f->bytes, f->room);
    CHECK(f->bytes);
  }
  if (len) memcpy(f->bytes + f->len, bytes, len);
  f->len += len;
}

void folder_put(const char *name, const void *bytes, size_t len) {
  struct memory_file *f = file_find(name);
  if (!f) f = file_make(name);
  f->len = 0;
  file_add(f, bytes, len);
}

void folder_drop(const char *name) {
  struct memory_file *f = file_find(name);
  if (f) f->there = false;
}

void folder_process(const void *text, size_t len) {
  memory.process.there = len > 0;
  memory.process.len = 0;
  file_add(&memory.process, text, len);
}

void folder_close(int fd) {
  CHECK(memory_close(fd) == 0);
}

size_t folder_opened(void) {
  size_t n = 0;
  for (size_t i = 0; i < FDS_MAX; i++) n += memory.fds[i].kind != FREE;
  return n;
}

/* ---- descriptors ---- */

static int fail(int errnum) {
  errno = errnum;
  return -1;
}

static bool ours(int fd) {
  return fd >= FD_FIRST;
}

static struct memory_fd *fd_at(int fd) {
  CHECK(fd < FD_FIRST + FDS_MAX && memory.fds[fd - FD_FIRST].kind != FREE);
  return &memory.fds[fd - FD_FIRST];
}

static int fd_make(enum fd_kind kind, struct memory_file *file) {
  for (int i = 0; i < FDS_MAX; i++) {
    if (memory.fds[i].kind != FREE) continue;
    memory.fds[i].kind = kind;
    memory.fds[i].file = file;
    memory.fds[i].at = 0;
    return FD_FIRST + i;
  }
  fuzz_broken(__FILE__, __LINE__, "a descriptor is free");
  return -1;
}

static int open_here(const char *name, int flags) {
  if (strcmp(name, ".") == 0 || strcmp(name, BENEATH) == 0) return fd_make(FOLDER_OPEN, NULL);
  struct memory_file *f = file_find(name);
  if (f && (flags & O_EXCL)) return fail(EEXIST);
  if (!f && !(flags & O_CREAT)) return fail(ENOENT);
  return fd_make(FILE_OPEN, f ? f : file_make(name));
}

int memory_open(const char *path, int flags) {
  if (strcmp(path, ROOT) == 0 || strcmp(path, FOLDER) == 0) return fd_make(FOLDER_OPEN, NULL);
  if (strncmp(path, "/proc/", 6) == 0)
    return memory.process.there ? fd_make(FILE_OPEN, &memory.process) : fail(ENOENT);
  return strchr(path, '/') ? open(path, flags) : open_here(path, flags); /* a supervisor lives in the folder */
}

int memory_openat(int dir, const char *path, int flags, ...) {
  if (ours(dir)) return open_here(path, flags);
  CHECK(dir == AT_FDCWD && !(flags & O_CREAT)); /* there is no other folder */
  return memory_open(path, flags);
}

long memory_syscall(long number, ...) {
  va_list args;
  va_start(args, number);
  const int first = va_arg(args, int); /* a descriptor or a process */
  if (number == SYS_pidfd_open) {
    va_end(args);
    return memory.process.there ? fd_make(PROCESS_OPEN, NULL) : fail(ESRCH);
  }
  CHECK(number == SYS_openat2 && ours(first));
  const char *path = va_arg(args, const char *);
  va_end(args);
  return open_here(path, O_RDONLY);
}

int memory_close(int fd) {
  if (!ours(fd)) return close(fd);
  fd_at(fd)->kind = FREE;
  return 0;
}

/* ---- files ---- */

static ssize_t read_at(const struct memory_file *f, void *out, size_t len, size_t at) {
  if (at >= f->len) return 0;
  if (len > f->len - at) len = f->len - at;
  memcpy(out, f->bytes + at, len);
  return (ssize_t)len;
}

ssize_t memory_read(int fd, void *out, size_t len) {
  if (!ours(fd)) return read(fd, out, len);
  struct memory_fd *d = fd_at(fd);
  CHECK(d->kind == FILE_OPEN);
  ssize_t n = read_at(d->file, out, len, d->at);
  d->at += (size_t)n;
  return n;
}

ssize_t memory_pread(int fd, void *out, size_t len, off_t at) {
  if (!ours(fd)) return pread(fd, out, len, at);
  CHECK(fd_at(fd)->kind == FILE_OPEN);
  return at < 0 ? fail(EINVAL) : read_at(fd_at(fd)->file, out, len, (size_t)at);
}

ssize_t memory_write(int fd, const void *bytes, size_t len) {
  if (!ours(fd)) return write(fd, bytes, len);
  CHECK(fd_at(fd)->kind == FILE_OPEN);
  file_add(fd_at(fd)->file, bytes, len);
  return (ssize_t)len;
}

static int stat_of(const struct memory_file *f, struct stat *st) {
  memset(st, 0, sizeof *st);
  st->st_mode = f ? S_IFREG | 0600 : S_IFDIR | 0700;
  st->st_size = f ? (off_t)f->len : 0;
  return 0;
}

int memory_fstat(int fd, struct stat *st) {
  return ours(fd) ? stat_of(fd_at(fd)->file, st) : fstat(fd, st);
}

int memory_fstatat(int dir, const char *name, struct stat *st, int flags) {
  if (!ours(dir)) return fstatat(dir, name, st, flags);
  const struct memory_file *f = file_find(name);
  return f ? stat_of(f, st) : fail(ENOENT);
}

int memory_unlinkat(int dir, const char *name, int flags) {
  if (!ours(dir)) return unlinkat(dir, name, flags);
  struct memory_file *f = file_find(name);
  if (!f) return fail(ENOENT);
  f->there = false;
  return 0;
}

int memory_renameat(int dir, const char *from, int to_dir, const char *to) {
  if (!ours(dir)) return renameat(dir, from, to_dir, to);
  struct memory_file *f = file_find(from);
  if (!f) return fail(ENOENT);
  folder_drop(to);
  CHECK(strlen(to) < NAME_SIZE);
  strcpy(f->name, to);
  return 0;
}

void *memory_mmap(void *at, size_t len, int protection, int flags, int fd, off_t from) {
  const struct memory_file *f = fd_at(fd)->file;
  CHECK(!at && protection == PROT_READ && flags == MAP_PRIVATE && from == 0 && f && len > 0 && len == f->len);
  void *copy = malloc(len);
  CHECK(copy);
  return memcpy(copy, f->bytes, len);
}

int memory_munmap(void *bytes, size_t len) {
  CHECK(len > 0);
  free(bytes);
  return 0;
}

/* ---- the folder's names ---- */

static struct memory_fd *listing_of(DIR *dir) {
  for (size_t i = 0; i < FDS_MAX; i++) {
    if ((void *)dir == (void *)&memory.fds[i]) return &memory.fds[i];
  }
  return NULL;
}

DIR *memory_fdopendir(int fd) {
  if (!ours(fd)) return fdopendir(fd);
  CHECK(fd_at(fd)->kind == FOLDER_OPEN);
  return (DIR *)(void *)fd_at(fd);
}

struct dirent *memory_readdir(DIR *dir) {
  struct memory_fd *d = listing_of(dir);
  if (!d) return readdir(dir);
  while (d->at < FILES_MAX) {
    const struct memory_file *f = &memory.files[d->at++];
    if (!f->there) continue;
    strcpy(d->entry.d_name, f->name);
    d->entry.d_type = DT_REG;
    return &d->entry;
  }
  return NULL;
}

int memory_closedir(DIR *dir) {
  struct memory_fd *d = listing_of(dir);
  if (!d) return closedir(dir);
  CHECK(d->kind == FOLDER_OPEN);
  d->kind = FREE;
  return 0;
}
