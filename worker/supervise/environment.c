#include "worker/supervise/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/supervise/memory.h"

static int fail(struct launch_fault *f, const char *stage, int errnum, const char *file) {
  *f = (struct launch_fault){.stage = stage, .errnum = errnum, .file = file};
  return -1;
}

static int no_memory(struct launch_fault *f) {
  *f = (struct launch_fault){.stage = "memory", .errnum = ENOMEM, .no_process = true};
  return -1;
}

/* Puts "NAME=value" in: over the one of the same name, or at the end. */
static void put(struct environment *e, char *entry) {
  size_t name_len = strcspn(entry, "=") + 1;
  size_t i = 0;
  while (i < e->len && strncmp(e->items[i], entry, name_len) != 0) i++;
  e->items[i] = entry;
  if (i == e->len) e->len++;
}

static bool name_valid(const char *line) {
  const char *at = line;
  for (; *at && *at != '='; at++) {
    bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
    if (!letter && !(at > line && *at >= '0' && *at <= '9')) return false;
  }
  return *at == '=' && at > line;
}

/* NULL if the file may be read as an environment; otherwise what is wrong with it, and the errno that fits. */
static const char *file_objection(int fd, struct stat *st, int *errnum) {
  *errnum = EIO;
  if (fstat(fd, st)) return "can't be examined";
  *errnum = EINVAL;
  if (!S_ISREG(st->st_mode)) return "is not a regular file";
  *errnum = EACCES;
  if (st->st_mode & 066) return "is open to others";
  *errnum = EFBIG;
  return st->st_size > (off_t)ENVIRONMENT_FILE_MAX ? "is over 1 MiB" : NULL;
}

/* Opens and checks; the descriptor, or -1 with `fault`. Non-blocking, so that a FIFO can't hold the start up. */
static int file_open(const char *path, size_t *size, struct launch_fault *fault) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fail(fault, "env_file", errno, path);
  struct stat st;
  int err;
  const char *why = file_objection(fd, &st, &err);
  if (!why) {
    *size = (size_t)st.st_size;
    return fd;
  }
  fail(fault, "env_file", err, path);
  fault->why = why;
  close(fd);
  return -1;
}

static int file_read_whole(struct environment *e, const char *path, struct launch_fault *fault) {
  if (e->file_count == ENVIRONMENT_FILES_MAX) return fail(fault, "env_file", E2BIG, path);
  size_t size;
  int fd = file_open(path, &size, fault);
  if (fd < 0) return -1;
  char *bytes = memory_take(size + 1);
  if (!bytes) {
    close(fd);
    return no_memory(fault);
  }
  e->files[e->file_count].bytes = bytes;
  e->files[e->file_count++].size = size + 1;
  size_t len = 0;
  ssize_t n = 0;
  while (len < size && (n = read(fd, bytes + len, size - len)) > 0) len += (size_t)n;
  int err = errno;
  close(fd);
  return n < 0 ? fail(fault, "env_file", err, path) : 0;
}

static size_t line_count(const char *bytes) {
  size_t n = 1;
  for (; *bytes; bytes++) n += *bytes == '\n';
  return n;
}

static int file_put(struct environment *e, char *bytes, const char *path, struct launch_fault *fault) {
  int number = 1;
  for (char *line = bytes, *next; line; line = next, number++) {
    next = strchr(line, '\n');
    if (next) *next++ = '\0';
    size_t len = strlen(line);
    if (len > 0 && line[len - 1] == '\r') line[--len] = '\0';
    if (len == 0 || line[0] == '#') continue;
    if (!name_valid(line)) {
      fail(fault, "env_file", EINVAL, path);
      fault->line = number;
      return -1;
    }
    put(e, line);
  }
  return 0;
}

int environment_build(struct environment *e, const struct spec *s, struct launch_fault *fault) {
  *e = (struct environment){.cap = s->envs + 1};
  enum spec_key key;
  const char *value;
  for (size_t at = 0; s->env_files > 0 && spec_next(s, &at, &key, &value);) {
    if (key != SPEC_ENV_FILE) continue;
    if (file_read_whole(e, value, fault)) return -1;
    e->cap += line_count(e->files[e->file_count - 1].bytes);
  }
  e->items = memory_take(e->cap * sizeof *e->items);
  if (!e->items) return no_memory(fault);
  size_t file = 0;
  for (size_t at = 0; spec_next(s, &at, &key, &value);) {
    if (key == SPEC_ENV) put(e, (char *)(uintptr_t)value);
    if (key == SPEC_ENV_FILE && file_put(e, e->files[file++].bytes, value, fault)) return -1;
  }
  e->items[e->len] = NULL;
  return 0;
}

const char *environment_get(const struct environment *e, const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < e->len; i++) {
    if (strncmp(e->items[i], name, len) == 0 && e->items[i][len] == '=') return e->items[i] + len + 1;
  }
  return NULL;
}

void environment_release(struct environment *e) {
  for (size_t i = 0; i < e->file_count; i++) {
    explicit_bzero(e->files[i].bytes, e->files[i].size);
    memory_return(e->files[i].bytes, e->files[i].size);
  }
  if (e->items) memory_return(e->items, e->cap * sizeof *e->items);
  e->items = NULL;
  e->file_count = 0;
}
