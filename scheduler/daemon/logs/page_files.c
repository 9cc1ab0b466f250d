/* What went to a host for an attempt and what came back from it: files.json of its directory, where whoever copied
 * them noted it. */
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "scheduler/daemon/logs/log_pick.h"
#include "worker/attempt_dir.h"
#include "worker/rundir.h"

#define FILES_MAX ((size_t)4 * 1024 * 1024)

static void write_file(struct json *j, const json_t *file) {
  jsonw_object(j);
  jsonw_member_string(j, "path", json_string_value(json_object_get(file, "path")));
  jsonw_member_string(j, "direction", json_string_value(json_object_get(file, "direction")));
  jsonw_member_int(j, "size", json_integer_value(json_object_get(file, "size")));
  jsonw_member_string(j, "sha256", json_string_value(json_object_get(file, "sha256")));
  jsonw_object_end(j);
}

/* One that isn't of the form is left out: the file is read as anything else of a directory that a task may reach. */
static bool file_valid(const json_t *file) {
  return json_is_string(json_object_get(file, "path")) && json_is_string(json_object_get(file, "direction")) &&
         json_is_integer(json_object_get(file, "size")) && json_is_string(json_object_get(file, "sha256"));
}

static void write_files(struct page *p, const struct buf *text) {
  json_t *files = json_loadb(buf_cstr(text), text->len, 0, NULL), *file;
  size_t i;
  page_list_begin(p);
  json_array_foreach(files, i, file) {
    if (file_valid(file)) write_file(&p->json, file);
  }
  page_list_end(p, 0);
  json_decref(files);
}

void page_files_read(struct page *p) {
  struct log_pick pick;
  struct buf text = {0};
  if (!log_pick_attempt(p, &pick)) return;
  char *dir = log_pick_dir(p, &pick);
  int err = pick.attempt.key ? attempt_file_read(dir, RUNDIR_FILES, FILES_MAX, &text) : ERR_NOT_FOUND;
  if (err && err != ERR_NOT_FOUND)
    page_problem(p, 503, "Not readable", "the list of its files can't be read: %s", err_text(err));
  else
    write_files(p, &text);
  buf_release(&text);
  free(dir);
}
