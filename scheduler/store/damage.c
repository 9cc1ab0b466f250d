#include "scheduler/store/damage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

#define WHAT_MAX 2000

void damage_note(const char *dir, instant now, const char *what) {
  char *path = path_join(dir, DAMAGE_FILE), at[INSTANT_TEXT_SIZE];
  struct buf text = {0};
  instant_format_utc(now, at);
  buf_fmt(&text, "%s %.*s\n", at, WHAT_MAX, what);
  if (access(path, F_OK) != 0 && file_write(path, text.bytes, text.len, 0600, false) == 0) dir_sync(dir);
  buf_release(&text);
  free(path);
}

int damage_check(const char *dir, struct buf *why) {
  char *path = path_join(dir, DAMAGE_FILE);
  struct buf text = {0};
  int err = file_read(path, 2 * WHAT_MAX, &text);
  if (err == 0 && why) {
    if (text.len && text.bytes[text.len - 1] == '\n') buf_truncate(&text, text.len - 1);
    buf_fmt(why,
            "the database was found damaged: keep the files and restore the newest backup with `rota restore`; "
            "to go on with the database as it is, remove %s (found: %s)",
            path, text.len ? text.bytes : "it isn't said what");
  }
  buf_release(&text);
  free(path);
  if (err == ERR_NOT_FOUND) return 0;
  return err ? err : ERR_CORRUPT;
}

void damage_clear(const char *dir) {
  char *path = path_join(dir, DAMAGE_FILE);
  unlink(path);
  free(path);
}
