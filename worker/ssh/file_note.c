#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "worker/attempt_dir.h"
#include "worker/rundir.h"
#include "worker/ssh/files.h"

#define NOTE_MAX ((size_t)32 << 20)

static int place_make(const char *path) {
  char *run = path_folder(path);
  int err = dir_make(run, 0700);
  if (!err && mkdir(path, 0700) && errno != EEXIST) err = err_from_errno(errno);
  free(run);
  return err;
}

static void write_one(struct json *j, const char *path, const char *direction, int64_t size, const char *sha256) {
  jsonw_object(j);
  jsonw_member_string(j, "path", path);
  jsonw_member_string(j, "direction", direction);
  jsonw_member_int(j, "size", size);
  jsonw_member_string(j, "sha256", sha256);
  jsonw_object_end(j);
}

/* What the file has of the other direction; one that can't be read has nothing. */
static void write_others(struct json *j, const char *dir, const char *direction) {
  struct buf text = {0};
  json_t *old = NULL, *file;
  size_t i;
  if (attempt_file_read(dir, RUNDIR_FILES, NOTE_MAX, &text) == 0) old = json_loadb(text.bytes, text.len, 0, NULL);
  json_array_foreach(old, i, file) {
    const char *path = json_string_value(json_object_get(file, "path"));
    const char *way = json_string_value(json_object_get(file, "direction"));
    const char *sum = json_string_value(json_object_get(file, "sha256"));
    if (path && way && sum && strcmp(way, direction) != 0)
      write_one(j, path, way, json_integer_value(json_object_get(file, "size")), sum);
  }
  json_decref(old);
  buf_release(&text);
}

int file_note_write(const char *attempt_dir, const char *direction, const struct file_plan *p) {
  int err = place_make(attempt_dir);
  const int dir = err ? err : attempt_dir_open(attempt_dir);
  if (dir < 0) return dir;
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  jsonw_array(&j);
  write_others(&j, attempt_dir, direction);
  for (size_t i = 0; i < p->entries.len; i++) {
    const struct file_entry *e = &p->entries.items[i];
    if (e->sha256[0]) write_one(&j, e->path, direction, (int64_t)e->size, e->sha256);
  }
  jsonw_array_end(&j);
  buf_char(&text, '\n');
  err = file_write_at(dir, RUNDIR_FILES, text.bytes, text.len, 0600, false);
  close(dir);
  buf_release(&text);
  return err;
}
