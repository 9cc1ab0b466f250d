#include "scheduler/store/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/vec.h"
#include "scheduler/store/db.h"

#define ID_TAIL      6
#define NAME_LEN     31 /* of a whole name */
#define HEADER_LEN   72
#define HEADER_ID_AT 68
#define HEADER_MAGIC "SQLite format 3"

static const char shape[] = "rota-00000000T000000Z-......db";

void shelf_name(const char *state_id, instant at, char out[SHELF_NAME_SIZE]) {
  struct civil c = civil_from_instant(at, 0);
  size_t len = strlen(state_id);
  snprintf(out, SHELF_NAME_SIZE, "rota-%04d%02d%02dT%02d%02d%02dZ-%s.db", c.year % 10000, c.month, c.day, c.hour,
           c.minute, c.second, state_id + (len > ID_TAIL ? len - ID_TAIL : 0));
}

static int number(const char *text, int digits) {
  int n = 0;
  for (int i = 0; i < digits; i++) n = n * 10 + text[i] - '0';
  return n;
}

/* The instant that the first NAME_LEN bytes name, if they are a name of ours; INSTANT_NONE else. */
static instant name_instant(const char *name, const char *state_id) {
  char again[SHELF_NAME_SIZE];
  if (strlen(name) < NAME_LEN) return INSTANT_NONE;
  for (size_t i = 0; shape[i] != '.'; i++)
    if (shape[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i]) return INSTANT_NONE;
  struct civil c = {.year = number(name + 5, 4),
                    .month = number(name + 9, 2),
                    .day = number(name + 11, 2),
                    .hour = number(name + 14, 2),
                    .minute = number(name + 16, 2),
                    .second = number(name + 18, 2)};
  if (!civil_date_valid(c.year, c.month, c.day)) return INSTANT_NONE;
  instant at = civil_to_instant(&c, 0);
  shelf_name(state_id, at, again);
  return strncmp(name, again, NAME_LEN) == 0 ? at : INSTANT_NONE;
}

/* A regular file that begins like a database of rota. */
static bool database_of_rota(int dir, const char *name) {
  unsigned char header[HEADER_LEN];
  struct stat st;
  int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  bool whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && pread(fd, header, sizeof header, 0) == HEADER_LEN;
  close(fd);
  if (!whole || memcmp(header, HEADER_MAGIC, sizeof HEADER_MAGIC) != 0) return false;
  const unsigned char *id = header + HEADER_ID_AT;
  return ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) == DB_APPLICATION_ID;
}

static int fail(const char *dir, const char *what, int err, struct buf *why) {
  if (why) buf_fmt(why, "the backup folder %s %s: %s", dir, what, strerror(err));
  return err_from_errno(err);
}

/* NULL with *rc negative. */
static DIR *open_dir(const char *dir, int *rc, struct buf *why) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  *rc = 0;
  if (d) return d;
  int err = errno;
  if (fd >= 0) close(fd);
  if (err == ENOENT && why) {
    buf_fmt(why, "the backup folder %s isn't there: make it, or mount its disk; it is never made by itself", dir);
    *rc = ERR_NOT_FOUND;
  } else {
    *rc = fail(dir, "can't be opened", err, why);
  }
  return NULL;
}

/* "NAME.db.tmp" and "NAME.db.tmp-journal" of ours. */
static bool half_made(const char *name, const char *state_id) {
  if (name_instant(name, state_id) == INSTANT_NONE) return false;
  return strcmp(name + NAME_LEN, ".tmp") == 0 || strcmp(name + NAME_LEN, ".tmp-journal") == 0;
}

int shelf_look(const char *dir, const char *state_id, instant now, instant *newest, struct buf *why) {
  int rc;
  *newest = INSTANT_NONE;
  DIR *d = open_dir(dir, &rc, why);
  if (!d) return rc;
  for (struct dirent *e; (e = readdir(d));) {
    if (half_made(e->d_name, state_id)) {
      unlinkat(dirfd(d), e->d_name, 0);
      continue;
    }
    instant at = strlen(e->d_name) == NAME_LEN ? name_instant(e->d_name, state_id) : INSTANT_NONE;
    if (at == INSTANT_NONE || at > now || at <= *newest) continue;
    if (database_of_rota(dirfd(d), e->d_name)) *newest = at;
  }
  if (faccessat(dirfd(d), ".", W_OK | X_OK, AT_EACCESS) != 0) rc = fail(dir, "can't be written to", errno, why);
  closedir(d);
  return rc;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void remove_file(DIR *d, const char *dir, const char *name, int *rc, struct buf *why) {
  if (unlinkat(dirfd(d), name, 0) == 0 || errno == ENOENT || *rc) return;
  *rc = err_from_errno(errno);
  if (why) buf_fmt(why, "%s/%s can't be removed: %s", dir, name, strerror(errno));
}

int shelf_tidy(const char *dir, const char *state_id, int64_t keep, const char *file, struct buf *why) {
  int rc;
  VEC(char *) names = {0};
  DIR *d = open_dir(dir, &rc, why);
  if (!d) return rc;
  for (struct dirent *e; (e = readdir(d));) {
    if (strlen(e->d_name) != NAME_LEN || name_instant(e->d_name, state_id) == INSTANT_NONE) continue;
    if (database_of_rota(dirfd(d), e->d_name)) vec_push(&names, alloc_strdup(e->d_name));
  }
  if (names.len) qsort(names.items, names.len, sizeof *names.items, by_name);
  int64_t over = (int64_t)names.len - keep;
  for (size_t i = 0; i < names.len; i++) {
    if (over > 0 && strcmp(names.items[i], file) != 0) {
      over--;
      remove_file(d, dir, names.items[i], &rc, why);
    }
    free(names.items[i]);
  }
  vec_release(&names);
  closedir(d);
  return rc;
}
