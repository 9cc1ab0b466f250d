#include "scheduler/daemon/loader.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/map.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"

#define FOLDER_DEPTH_MAX 16

/* One file as the last scan saw it. `name` is the pipeline's, or the path without its ending if it can't be one. */
struct source {
  char *path; /* relative to the folder */
  char *name;
  struct timespec mtime;
  off_t size;
  ino_t inode;
  bool seen, valid_name;
  char sha256[SHA256_HEX_SIZE];
  char *error;               /* JSON of the diagnostics; NULL if it loads */
  struct pipeline *pipeline; /* the last good one that this file gave */
};

enum finding_kind { FOUND_LOADED, FOUND_BROKEN, FOUND_GONE };

struct finding {
  enum finding_kind kind;
  const struct source *source;
  char *name; /* of a source that has gone; else NULL */
  struct buf text, json;
};

struct waiter {
  loader_done_fn *done;
  void *ctx;
};

struct loader {
  struct inbox *inbox;
  const struct config *config;
  struct map sources; /* by relative path */
  struct map known;   /* by pipeline's name: struct source without a path, from the rows */
  VEC(const char *) folders;
  bool anew;

  uv_work_t work;
  bool busy;
  VEC(struct finding) findings;
  VEC(struct waiter) waiters, later;
};

static void source_free(struct source *s) {
  if (!s) return;
  pipeline_release(s->pipeline);
  free(s->path);
  free(s->name);
  free(s->error);
  free(s);
}

struct loader *loader_new(struct inbox *inbox, const struct config *config) {
  struct loader *l = alloc_new(struct loader);
  l->inbox = inbox;
  l->config = config;
  return l;
}

static void sources_release(struct map *m) {
  for (size_t i = 0; i < m->len; i++) source_free(m->entries[i].value);
  map_release(m);
}

static void folders_reset(struct loader *l) {
  for (size_t i = 0; i < l->folders.len; i++) free((void *)(uintptr_t)l->folders.items[i]);
  l->folders.len = 0;
}

void loader_free(struct loader *l) {
  if (!l) return;
  assert(!l->busy);
  sources_release(&l->sources);
  sources_release(&l->known);
  folders_reset(l);
  vec_release(&l->folders);
  vec_release(&l->findings);
  vec_release(&l->waiters);
  vec_release(&l->later);
  free(l);
}

void loader_know(struct loader *l, const char *name, const char *sha256, struct pipeline *pipeline, bool broken) {
  struct source *s = alloc_new(struct source);
  s->name = alloc_strdup(name);
  memcpy(s->sha256, sha256, sizeof s->sha256);
  s->pipeline = pipeline ? pipeline_retain(pipeline) : NULL;
  s->error = broken ? alloc_strdup("[]") : NULL;
  source_free(map_put(&l->known, name, s));
}

void loader_configure(struct loader *l, const struct config *config) {
  l->config = config;
  l->anew = true;
}

/* ---- looking at one file ---- */

static struct finding *finding_add(struct loader *l, enum finding_kind kind, const struct source *source) {
  struct finding f = {.kind = kind, .source = source};
  vec_push(&l->findings, f);
  return &l->findings.items[l->findings.len - 1];
}

static void source_broken(struct loader *l, struct source *s, const struct diag_list *diags) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  diag_json(diags, &j);
  free(s->error);
  s->error = buf_steal(&text, NULL);
  finding_add(l, FOUND_BROKEN, s);
}

/* True if the rows hold these very bytes, parsed: then nothing is parsed again. */
static bool source_known(struct loader *l, struct source *s, const char *folder) {
  const struct source *known = map_get(&l->known, s->name);
  if (!known || !known->pipeline || l->anew || strcmp(known->sha256, s->sha256) != 0) return false;
  if (strcmp(known->pipeline->folder, folder) != 0) return false;
  pipeline_release(s->pipeline);
  s->pipeline = pipeline_retain(known->pipeline);
  return true;
}

static void source_parse(struct loader *l, struct source *s, const char *folder, struct buf *text) {
  struct diag_list diags;
  diag_init(&diags, s->path, buf_cstr(text), text->len);
  struct pipeline *parsed = NULL;
  if (!s->valid_name) {
    const char *why = NULL;
    char name[PIPELINE_NAME_MAX + 1];
    pipeline_name_from_path(s->path, name, &why);
    diag_error(&diags, (struct diag_place){0}, "rename the file, or begin its name with _ to keep it out", "%s",
               why ? why : "this can't be a pipeline's name");
  } else if (!source_known(l, s, folder)) {
    struct pipeline_source source = {.name = s->name,
                                     .file = s->path,
                                     .folder = folder,
                                     .text = buf_cstr(text),
                                     .len = text->len,
                                     .config = l->config};
    parsed = pipeline_read(&source, &diags);
  }
  if (diags.errors > 0) {
    pipeline_release(parsed);
    source_broken(l, s, &diags);
  } else {
    if (parsed) {
      pipeline_release(s->pipeline);
      s->pipeline = parsed;
    }
    free(s->error);
    s->error = NULL;
    struct finding *f = finding_add(l, FOUND_LOADED, s);
    f->text = *text;
    *text = (struct buf){0};
    pipeline_json(s->pipeline, &f->json);
  }
  diag_release(&diags);
}

static void source_read(struct loader *l, int dir_fd, const char *file, const char *folder, struct source *s) {
  struct buf text = {0};
  int err = file_read_at(dir_fd, file, PIPELINE_TEXT_MAX, &text);
  if (err) {
    struct diag_list diags;
    diag_init(&diags, s->path, NULL, 0);
    diag_error(&diags, (struct diag_place){0}, err == ERR_TOO_LARGE ? "a pipeline has at most 1 MiB" : NULL,
               "the file can't be read: %s", err_text(err));
    memset(s->sha256, 0, sizeof s->sha256);
    source_broken(l, s, &diags);
    diag_release(&diags);
  } else {
    char sha256[SHA256_HEX_SIZE];
    sha256_hex(text.bytes ? text.bytes : "", text.len, sha256);
    bool same = !l->anew && strcmp(sha256, s->sha256) == 0;
    memcpy(s->sha256, sha256, sizeof sha256);
    if (!same) source_parse(l, s, folder, &text);
  }
  buf_release(&text);
}

/* ---- walking the folder ---- */

static struct source *source_at(struct loader *l, const char *path) {
  struct source *s = map_get(&l->sources, path);
  if (s) return s;
  s = alloc_new(struct source);
  s->path = alloc_strdup(path);
  char name[PIPELINE_NAME_MAX + 1];
  const char *why;
  s->valid_name = pipeline_name_from_path(path, name, &why) == 0;
  s->name = alloc_strdup(s->valid_name ? name : path);
  map_put(&l->sources, path, s);
  return s;
}

static bool is_yaml(const char *file) {
  const char *dot = strrchr(file, '.');
  return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static void look_at_file(struct loader *l, int dir_fd, const char *file, const char *path, const char *folder,
                         const struct stat *st) {
  struct source *s = source_at(l, path);
  s->seen = true;
  bool same = s->size == st->st_size && s->inode == st->st_ino && s->mtime.tv_sec == st->st_mtim.tv_sec &&
              s->mtime.tv_nsec == st->st_mtim.tv_nsec;
  if (same && !l->anew) return;
  s->size = st->st_size;
  s->inode = st->st_ino;
  s->mtime = st->st_mtim;
  source_read(l, dir_fd, file, folder, s);
}

static void walk(struct loader *l, int dir_fd, const char *prefix, const char *folder, int depth) {
  DIR *dir = fdopendir(dir_fd);
  if (!dir) {
    close(dir_fd);
    return;
  }
  vec_push(&l->folders, (const char *)alloc_strdup(folder));
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    const char *file = entry->d_name;
    struct stat st;
    if (file[0] == '.' || file[0] == '_' || fstatat(dirfd(dir), file, &st, 0)) continue;
    char *path = prefix[0] ? alloc_fmt("%s/%s", prefix, file) : alloc_strdup(file);
    if (S_ISDIR(st.st_mode) && depth < FOLDER_DEPTH_MAX) {
      int fd = openat(dirfd(dir), file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      char *below = path_join(folder, file);
      if (fd >= 0) walk(l, fd, path, below, depth + 1);
      free(below);
    } else if (S_ISREG(st.st_mode) && is_yaml(file)) {
      look_at_file(l, dirfd(dir), file, path, folder, &st);
    }
    free(path);
  }
  closedir(dir);
}

/* What was there and wasn't seen has gone; what the rows knew and no file gives any more has gone too. */
static void find_gone(struct loader *l) {
  for (size_t i = 0; i < l->sources.len;) {
    struct source *s = l->sources.entries[i].value;
    if (s->seen) {
      i++;
      continue;
    }
    if (s->valid_name) finding_add(l, FOUND_GONE, NULL)->name = alloc_strdup(s->name);
    map_remove(&l->sources, s->path);
    source_free(s);
  }
  for (size_t i = 0; i < l->sources.len; i++) {
    const struct source *s = l->sources.entries[i].value;
    source_free(map_remove(&l->known, s->name));
  }
  for (size_t i = 0; i < l->known.len; i++) {
    finding_add(l, FOUND_GONE, NULL)->name = alloc_strdup(l->known.entries[i].key);
  }
  sources_release(&l->known);
  memset(&l->known, 0, sizeof l->known);
}

static void scan(struct loader *l) {
  for (size_t i = 0; i < l->sources.len; i++) ((struct source *)l->sources.entries[i].value)->seen = false;
  folders_reset(l);
  int fd = open(l->config->dags, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    walk(l, fd, "", l->config->dags, 0);
  } else if (errno != ENOENT) {
    return; /* A folder that can't be read for now isn't an empty one. */
  }
  find_gone(l);
  l->anew = false;
}

/* ---- telling the engine ---- */

static void finding_event(struct loader *l, struct finding *f) {
  struct arena *a = inbox_arena(l->inbox);
  if (f->kind == FOUND_GONE) {
    inbox_add(l->inbox, ENGINE_GONE)->gone.name = arena_strdup(a, f->name);
  } else if (f->kind == FOUND_BROKEN && f->source->valid_name) {
    struct engine_broken *e = &inbox_add(l->inbox, ENGINE_BROKEN)->broken;
    e->name = arena_strdup(a, f->source->name);
    e->error = arena_strdup(a, f->source->error);
  } else if (f->kind == FOUND_LOADED) {
    struct engine_loaded *e = &inbox_add(l->inbox, ENGINE_LOADED)->loaded;
    e->name = arena_strdup(a, f->source->name);
    e->pipeline = f->source->pipeline;
    e->text = arena_strndup(a, buf_cstr(&f->text), f->text.len);
    e->text_len = f->text.len;
    e->json = arena_strndup(a, buf_cstr(&f->json), f->json.len);
    e->json_len = f->json.len;
    memcpy(e->sha256, f->source->sha256, sizeof e->sha256);
  }
}

static struct loader_result findings_tell(struct loader *l) {
  struct loader_result result = {.files = l->sources.len};
  for (size_t i = 0; i < l->findings.len; i++) {
    struct finding *f = &l->findings.items[i];
    result.loaded += f->kind == FOUND_LOADED;
    result.broken += f->kind == FOUND_BROKEN;
    result.gone += f->kind == FOUND_GONE;
    finding_event(l, f);
    free(f->name);
    buf_release(&f->text);
    buf_release(&f->json);
  }
  vec_release(&l->findings);
  return result;
}

struct loader_result loader_scan(struct loader *l) {
  assert(!l->busy);
  scan(l);
  return findings_tell(l);
}

static void on_work(uv_work_t *work) {
  scan(work->data);
}

static void on_worked(uv_work_t *work, int status) {
  (void)status;
  struct loader *l = work->data;
  uv_loop_t *loop = work->loop;
  l->busy = false;
  struct loader_result result = findings_tell(l);
  size_t len = l->waiters.len;
  struct waiter *waiters = l->waiters.items;
  l->waiters.items = NULL;
  l->waiters.len = l->waiters.cap = 0;
  bool again = l->later.len > 0;
  for (size_t i = 0; i < l->later.len; i++) vec_push(&l->waiters, l->later.items[i]);
  l->later.len = 0;
  if (again) {
    l->busy = uv_queue_work(loop, &l->work, on_work, on_worked) == 0;
  }
  for (size_t i = 0; i < len; i++) {
    if (waiters[i].done) waiters[i].done(waiters[i].ctx, &result);
  }
  free(waiters);
}

void loader_rescan(struct loader *l, uv_loop_t *loop, loader_done_fn *done, void *ctx) {
  struct waiter waiter = {.done = done, .ctx = ctx};
  if (l->busy) {
    vec_push(&l->later, waiter);
    return;
  }
  vec_push(&l->waiters, waiter);
  l->work.data = l;
  l->busy = uv_queue_work(loop, &l->work, on_work, on_worked) == 0;
}

bool loader_busy(const struct loader *l) {
  return l->busy;
}

void loader_broken_json(const struct loader *l, struct json *j) {
  for (size_t i = 0; i < l->sources.len; i++) {
    const struct source *s = l->sources.entries[i].value;
    if (!s->error) continue;
    jsonw_object(j);
    jsonw_member_string(j, "file", s->path);
    jsonw_member_string(j, "pipeline", s->valid_name ? s->name : NULL);
    jsonw_key(j, "diagnostics");
    jsonw_raw(j, s->error, strlen(s->error));
    jsonw_object_end(j);
  }
}

size_t loader_folders(const struct loader *l, const char *const **folders) {
  *folders = l->folders.items;
  return l->folders.len;
}
