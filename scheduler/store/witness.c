#include "scheduler/store/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"

/* One line of a fixed length, less than a sector: "rota-witness 1 STATE_ID NUMBER CHECK\n". */
#define BODY_LEN 63
#define LINE_LEN 80

static void line_make(const char *state_id, int64_t number, char line[LINE_LEN + 1]) {
  char hex[SHA256_HEX_SIZE];
  snprintf(line, LINE_LEN + 1, "rota-witness 1 %-26s %020" PRId64 " ", state_id, number);
  sha256_hex(line, BODY_LEN, hex);
  memcpy(line + BODY_LEN, hex, LINE_LEN - BODY_LEN - 1);
  line[LINE_LEN - 1] = '\n';
  line[LINE_LEN] = '\0';
}

static bool line_read(struct witness *w) {
  char line[LINE_LEN + 1] = "", again[LINE_LEN + 1];
  if (pread(w->fd, line, LINE_LEN, 0) != LINE_LEN) return false;
  /* Only a line that is made again as it is counts, so its parts need no check of their own. */
  memcpy(w->state_id, line + strlen("rota-witness 1 "), STATE_ID_SIZE - 1);
  w->state_id[strcspn(w->state_id, " ")] = '\0';
  w->number = strtoll(line + strlen("rota-witness 1 ") + STATE_ID_SIZE, NULL, 10);
  line_make(w->state_id, w->number, again);
  return memcmp(line, again, LINE_LEN) == 0;
}

int witness_open(struct witness *w, const char *dir, struct buf *why) {
  memset(w, 0, sizeof *w);
  char *path = path_join(dir, "rota.witness");
  w->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int code = w->fd < 0 ? err_from_errno(errno) : 0;
  if (code && why) buf_fmt(why, "%s can't be opened: %s", path, strerror(errno));
  free(path);
  if (!code) w->known = line_read(w);
  return code;
}

int witness_check(const struct witness *w, const char *dir, const char *state_id, int64_t number, struct buf *why) {
  if (!w->known) return 0;
  bool other = strcmp(w->state_id, state_id) != 0;
  if (!other && number >= w->number) return 0;
  if (!why) return ERR_BEHIND;
  if (!*state_id)
    buf_fmt(why, "the database in %s is empty, but %" PRId64 " commits were acknowledged", dir, w->number);
  else if (other)
    buf_fmt(why, "the database in %s is another one than its witness knows (%s)", dir, w->state_id);
  else
    buf_fmt(why, "the database in %s has lost commits: it is at number %" PRId64 ", but %" PRId64 " was acknowledged",
            dir, number, w->number);
  buf_fmt(why,
          ". Restore the newest backup with `rota restore FILE`; or, to go on with the database as it is, remove "
          "%s/rota.witness",
          dir);
  return ERR_BEHIND;
}

int witness_write(struct witness *w, const char *state_id, int64_t number) {
  char line[LINE_LEN + 1];
  if (w->known && w->number == number && strcmp(w->state_id, state_id) == 0) return 0;
  line_make(state_id, number, line);
  if (pwrite(w->fd, line, LINE_LEN, 0) != LINE_LEN) return err_from_errno(errno);
  if (fdatasync(w->fd) != 0) return ERR_SYNC;
  snprintf(w->state_id, sizeof w->state_id, "%s", state_id);
  w->number = number;
  w->known = true;
  return 0;
}

void witness_close(struct witness *w) {
  if (w->fd >= 0) close(w->fd);
  w->fd = -1;
}

/* ---- the ballast ---- */

#define BALLAST_NAME "rota.ballast"

bool ballast_there(const char *dir) {
  char *path = path_join(dir, BALLAST_NAME);
  struct stat st;
  bool there = stat(path, &st) == 0 && st.st_size >= BALLAST_SIZE;
  free(path);
  return there;
}

static bool room_for(const char *dir, uint64_t bytes) {
  struct statvfs fs;
  return statvfs(dir, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes;
}

int ballast_make(const char *dir, bool spare) {
  if (ballast_there(dir)) return 0;
  if (!room_for(dir, (spare ? 2 : 1) * (uint64_t)BALLAST_SIZE)) return ERR_FULL;
  char *path = path_join(dir, BALLAST_NAME);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int code = fd < 0 ? err_from_errno(errno) : 0;
  if (!code) {
    int errnum = posix_fallocate(fd, 0, BALLAST_SIZE);
    if (errnum) code = err_from_errno(errnum);
    close(fd);
    if (code) unlink(path);
  }
  free(path);
  return code;
}

bool ballast_drop(const char *dir) {
  char *path = path_join(dir, BALLAST_NAME);
  bool dropped = unlink(path) == 0;
  free(path);
  return dropped;
}
