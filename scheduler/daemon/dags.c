#include "scheduler/daemon/dags.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/file.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/map.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/zone.h"
#include "scheduler/store/quarantine.h"

/* A file that was written so shortly before it was read may be written again without another time stamp. */
#define UNSETTLED (2 * USEC_PER_SEC)

/* What tells that a file changed; the time of its inode tells of modes too. */
struct look {
  struct timespec mtime, ctime;
  off_t size;
  ino_t inode;
};

/* One file. `name` is the pipeline's, or the path if that can't be one. */
struct source {
  char *path; /* relative to the folder */
  char *name;
  bool valid_name, seen;
  bool changed;   /* to be read by this scan */
  bool again;     /* to be read by the next one, whatever it looks like */
  bool unchecked; /* its look says nothing yet */
  struct look look;
  char sha256[SHA256_HEX_SIZE];
  char *error, *shown; /* the diagnostics as JSON and for people; NULL if it loads */
};

/* What the rows knew at the start. */
struct known {
  char sha256[SHA256_HEX_SIZE];
  struct pipeline *pipeline;
};

struct dags {
  struct map sources;            /* by relative path */
  struct map known;              /* by pipeline's name, until a file gives it or it has gone */
  bool known_stale;              /* the configuration changed since the rows were written */
  struct quarantine *quarantine; /* NULL: nothing is noted */
  struct map zones;              /* those of what the rows knew: NULL if there is no such zone any more, else not */

  /* Of the scan under way. */
  const struct config *config;
  bool anew;
  int fd; /* of the folder */
  struct dags_scan *out;
  VEC(char *) unreadable; /* relative paths of files and folders */
};

/* ---- memory ---- */

static void source_free(struct source *s) {
  free(s->path);
  free(s->name);
  free(s->error);
  free(s->shown);
  free(s);
}

static void known_free(struct known *k) {
  if (!k) return;
  pipeline_release(k->pipeline);
  free(k);
}

struct dags *dags_new(void) {
  return alloc_new(struct dags);
}

void dags_free(struct dags *d) {
  if (!d) return;
  for (size_t i = 0; i < d->sources.len; i++) source_free(d->sources.entries[i].value);
  for (size_t i = 0; i < d->known.len; i++) known_free(d->known.entries[i].value);
  map_release(&d->sources);
  map_release(&d->known);
  map_release(&d->zones);
  vec_release(&d->unreadable);
  free(d);
}

void dags_scan_release(struct dags_scan *s) {
  for (size_t i = 0; i < s->findings.len; i++) {
    struct dags_finding *f = &s->findings.items[i];
    free(f->name);
    free(f->error);
    pipeline_release(f->pipeline);
    buf_release(&f->text);
    buf_release(&f->json);
  }
  for (size_t i = 0; i < s->folders.len; i++) free((void *)(uintptr_t)s->folders.items[i]);
  vec_release(&s->findings);
  vec_release(&s->folders);
  buf_release(&s->broken);
  buf_release(&s->broken_shown);
  *s = (struct dags_scan){0};
}

void dags_guard(struct dags *d, struct quarantine *q) {
  d->quarantine = q;
}

void dags_know(struct dags *d, const char *name, const char *sha256, struct pipeline *pipeline) {
  struct known *k = alloc_new(struct known);
  memcpy(k->sha256, sha256, sizeof k->sha256);
  k->pipeline = pipeline ? pipeline_retain(pipeline) : NULL;
  known_free(map_put(&d->known, name, k));
}

/* ---- what is found ---- */

static struct dags_finding *finding_add(struct dags *d, enum dags_finding_kind kind, const char *name) {
  struct dags_finding f = {.kind = kind, .name = alloc_strdup(name)};
  vec_push(&d->out->findings, f);
  return &d->out->findings.items[d->out->findings.len - 1];
}

static void list_broken(struct dags *d, const char *path, const char *pipeline, const char *error,
                        const char *shown) {
  struct buf item = {0};
  struct json j;
  jsonw_init(&j, &item);
  jsonw_object(&j);
  jsonw_member_string(&j, "file", path);
  jsonw_member_string(&j, "pipeline", pipeline);
  jsonw_key(&j, "diagnostics");
  jsonw_raw(&j, error, strlen(error));
  jsonw_object_end(&j);
  if (d->out->broken.len > 0) buf_char(&d->out->broken, ',');
  buf_add(&d->out->broken, item.bytes, item.len);
  buf_str(&d->out->broken_shown, shown);
  buf_release(&item);
}

static void diags_texts(const struct diag_list *diags, char **json, char **shown) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  diag_json(diags, &j);
  free(*json);
  *json = buf_steal(&text, NULL);
  diag_render(diags, &text, false);
  free(*shown);
  *shown = buf_steal(&text, NULL);
}

/* A folder, or a file that can't even be looked at. `path` is "" for the whole folder. */
static void unreadable(struct dags *d, const char *path, int err) {
  struct diag_list diags;
  char *json = NULL, *shown = NULL;
  diag_init(&diags, path[0] ? path : d->config->dags, NULL, 0);
  diag_error(&diags, (struct diag_place){0}, "what was loaded from there before stays in force", "can't be read: %s",
             err_text(err));
  diags_texts(&diags, &json, &shown);
  list_broken(d, path[0] ? path : d->config->dags, NULL, json, shown);
  diag_release(&diags);
  free(json);
  free(shown);
  vec_push(&d->unreadable, alloc_strdup(path));
}

/* Whether a path, or the name of a pipeline, lies at or below something that couldn't be read. */
static bool hidden(const struct dags *d, const char *path) {
  for (size_t i = 0; i < d->unreadable.len; i++) {
    const char *at = d->unreadable.items[i];
    size_t len = strlen(at);
    if (len == 0 || (strncmp(path, at, len) == 0 && (path[len] == '/' || path[len] == '\0'))) return true;
    /* The name of the pipeline of a file is its path without the ending. */
    const char *dot = strrchr(at, '.');
    if (dot && strlen(path) == (size_t)(dot - at) && strncmp(path, at, (size_t)(dot - at)) == 0) return true;
  }
  return false;
}

/* ---- looking at one file ---- */

static void source_broken(struct dags *d, struct source *s, struct diag_list *diags) {
  diag_sort(diags);
  diags_texts(diags, &s->error, &s->shown);
  if (s->valid_name) finding_add(d, DAGS_BROKEN, s->name)->error = alloc_strdup(s->error);
}

static bool zone_there(struct dags *d, const char *name) {
  if (map_has(&d->zones, name)) return map_get(&d->zones, name) != NULL;
  struct zone *zone = NULL;
  bool there = zone_load(name, NULL, &zone) == 0;
  zone_free(zone);
  map_put(&d->zones, name, there ? d : NULL);
  return there;
}

static bool zones_there(struct dags *d, const struct pipeline *p) {
  for (size_t i = 0; i < p->schedules_len; i++)
    if (p->schedules[i].cron && !zone_there(d, p->schedules[i].zone)) return false;
  return true;
}

/* The pipeline of these bytes that the rows hold, with a reference; NULL if it must be parsed. One whose zone has
 * gone is: its schedule would rest and nobody would be told. */
static struct pipeline *source_known(struct dags *d, const struct source *s, const char *folder) {
  const struct known *known = map_get(&d->known, s->name);
  if (!known || !known->pipeline || d->known_stale || strcmp(known->sha256, s->sha256) != 0) return NULL;
  if (!zones_there(d, known->pipeline)) return NULL;
  return strcmp(known->pipeline->folder, folder) == 0 ? pipeline_retain(known->pipeline) : NULL;
}

static struct pipeline *guarded_read(struct dags *d, const struct source *s, const struct pipeline_source *source,
                                     struct diag_list *diags) {
  char *id = alloc_fmt("%s %s", s->name, s->sha256);
  struct pipeline *p = NULL;
  if (quarantine_holds(d->quarantine, QUARANTINE_PIPELINE, id)) {
    diag_error(diags, (struct diag_place){0}, "any change of the file gives it another chance; please report it",
               "left aside, because the daemon crashed %d times in a row while it read this file",
               QUARANTINE_CRASHES);
  } else {
    quarantine_enter(d->quarantine, QUARANTINE_PIPELINE, id);
    p = pipeline_read(source, diags);
    quarantine_leave(d->quarantine);
  }
  free(id);
  return p;
}

static struct pipeline *source_parse(struct dags *d, const struct source *s, const struct buf *text,
                                     struct diag_list *diags) {
  char *folder = path_join(d->config->dags, s->path);
  *strrchr(folder, '/') = '\0';
  struct pipeline *p = source_known(d, s, folder);
  const struct pipeline_source source = {.name = s->name,
                                         .file = s->path,
                                         .folder = folder,
                                         .text = buf_cstr(text),
                                         .len = text->len,
                                         .config = d->config};
  if (!p) p = guarded_read(d, s, &source, diags);
  free(folder);
  return p;
}

static void source_take(struct dags *d, struct source *s, struct buf *text) {
  struct diag_list diags;
  diag_init(&diags, s->path, buf_cstr(text), text->len);
  struct pipeline *p = source_parse(d, s, text, &diags);
  if (!p) {
    source_broken(d, s, &diags);
  } else {
    free(s->error);
    free(s->shown);
    s->error = s->shown = NULL;
    struct dags_finding *f = finding_add(d, DAGS_LOADED, s->name);
    f->pipeline = p;
    memcpy(f->sha256, s->sha256, sizeof f->sha256);
    pipeline_json(p, &f->json);
    f->text = *text;
    *text = (struct buf){0};
  }
  diag_release(&diags);
}

/* An error that doesn't come from the file's content: when it is over, the content counts as new. */
static void source_fault(struct dags *d, struct source *s, const char *help, const char *what, const char *detail) {
  struct diag_list diags;
  diag_init(&diags, s->path, NULL, 0);
  diag_error(&diags, (struct diag_place){0}, help, "%s%s", what, detail);
  memset(s->sha256, 0, sizeof s->sha256);
  source_broken(d, s, &diags);
  diag_release(&diags);
}

static void source_read(struct dags *d, struct source *s) {
  struct buf text = {0};
  int err = file_read_at(d->fd, s->path, PIPELINE_TEXT_MAX, &text);
  if (err) {
    s->again = err != ERR_TOO_LARGE;
    source_fault(d, s, err == ERR_TOO_LARGE ? "a pipeline has at most 1 MiB" : NULL,
                 "the file can't be read: ", err_text(err));
  } else {
    char sha256[SHA256_HEX_SIZE];
    sha256_hex(buf_cstr(&text), text.len, sha256);
    bool same = !d->anew && strcmp(sha256, s->sha256) == 0;
    memcpy(s->sha256, sha256, sizeof sha256);
    if (!same) source_take(d, s, &text);
  }
  buf_release(&text);
}

static void source_bad_name(struct dags *d, struct source *s) {
  const char *why = "this can't be a pipeline's name";
  char name[PIPELINE_NAME_MAX + 1];
  pipeline_name_from_path(s->path, name, &why);
  source_fault(d, s, "rename the file, or begin its name with _ to keep it out", "", why);
}

/* Not told to the engine: the pipeline itself is in good order. */
static void source_second(struct source *s, const struct source *first) {
  struct diag_list diags;
  diag_init(&diags, s->path, NULL, 0);
  diag_error(&diags, (struct diag_place){0}, "remove or rename one of the two", "%s is the pipeline '%s' already",
             first->path, first->name);
  diags_texts(&diags, &s->error, &s->shown);
  memset(s->sha256, 0, sizeof s->sha256);
  s->again = true;
  diag_release(&diags);
}

/* ---- walking the folder ---- */

static struct source *source_at(struct dags *d, const char *path) {
  struct source *s = map_get(&d->sources, path);
  if (s) return s;
  s = alloc_new(struct source);
  s->path = alloc_strdup(path);
  s->unchecked = true;
  char name[PIPELINE_NAME_MAX + 1];
  const char *why;
  s->valid_name = pipeline_name_from_path(path, name, &why) == 0;
  s->name = alloc_strdup(s->valid_name ? name : path);
  map_put(&d->sources, path, s);
  return s;
}

static bool is_yaml(const char *file) {
  const char *dot = strrchr(file, '.');
  return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static bool same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void look_at_file(struct dags *d, const char *path, const struct stat *st) {
  struct source *s = source_at(d, path);
  struct look look = {.mtime = st->st_mtim, .ctime = st->st_ctim, .size = st->st_size, .inode = st->st_ino};
  bool same = look.size == s->look.size && look.inode == s->look.inode && same_time(look.mtime, s->look.mtime) &&
              same_time(look.ctime, s->look.ctime);
  s->seen = true;
  s->changed = !same || s->again || s->unchecked || d->anew;
  s->again = clock_now() - (int64_t)look.mtime.tv_sec * USEC_PER_SEC < UNSETTLED;
  s->unchecked = false;
  s->look = look;
}

static void walk(struct dags *d, int parent, const char *file, const char *path, const char *folder, int depth);

static void look_at_entry(struct dags *d, int dir, const char *file, const char *prefix, const char *folder,
                          int depth) {
  struct stat st;
  char *path = prefix[0] ? alloc_fmt("%s/%s", prefix, file) : alloc_strdup(file);
  int failed = fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW);
  bool link = !failed && S_ISLNK(st.st_mode);
  if (link) failed = fstatat(dir, file, &st, 0);
  if (failed) {
    int err = err_from_errno(errno);
    /* A link that leads nowhere, or in a circle, isn't there. */
    if (err != ERR_NOT_FOUND && err != ERR_INVALID) unreadable(d, path, err);
  } else if (S_ISDIR(st.st_mode) && !link) {
    char *below = path_join(folder, file);
    if (depth < DAGS_DEPTH_MAX) {
      walk(d, dir, file, path, below, depth + 1);
    } else {
      unreadable(d, path, ERR_TOO_LARGE);
    }
    free(below);
  } else if (S_ISREG(st.st_mode) && is_yaml(file)) {
    look_at_file(d, path, &st);
  }
  free(path);
}

/* `path` is the folder's own, relative and "" for the whole; `folder` the absolute one. */
static void walk(struct dags *d, int parent, const char *file, const char *path, const char *folder, int depth) {
  int fd = openat(parent, file, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (!dir) {
    int err = err_from_errno(errno);
    if (fd >= 0) close(fd);
    if (err != ERR_NOT_FOUND || depth == 0) unreadable(d, path, err);
    return;
  }
  vec_push(&d->out->folders, (const char *)alloc_strdup(folder));
  const struct dirent *entry;
  while (errno = 0, (entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] != '.' && entry->d_name[0] != '_')
      look_at_entry(d, dirfd(dir), entry->d_name, path, folder, depth);
  }
  if (errno) unreadable(d, path, err_from_errno(errno));
  closedir(dir);
}

/* ---- from files to pipelines ---- */

/* For each name the file that gives it: the first by path. */
static void find_firsts(struct dags *d, struct map *firsts) {
  for (size_t i = 0; i < d->sources.len; i++) {
    struct source *s = d->sources.entries[i].value;
    const struct source *other = map_get(firsts, s->name);
    if (s->valid_name && (!other || strcmp(s->path, other->path) < 0)) map_put(firsts, s->name, s);
  }
}

static void read_sources(struct dags *d, const struct map *firsts) {
  for (size_t i = 0; i < d->sources.len; i++) {
    struct source *s = d->sources.entries[i].value;
    const struct source *first = s->valid_name ? map_get(firsts, s->name) : s;
    if (first != s) {
      source_second(s, first);
    } else if (s->seen && s->changed) {
      if (s->valid_name) {
        source_read(d, s);
      } else {
        source_bad_name(d, s);
      }
    }
    if (s->error) list_broken(d, s->path, s->valid_name ? s->name : NULL, s->error, s->shown);
    if (first == s && s->seen) known_free(map_remove(&d->known, s->name));
  }
}

/* Takes off the files that weren't seen; their pipelines come into `gone`. */
static void remove_unseen(struct dags *d, struct map *gone) {
  for (size_t i = 0; i < d->sources.len;) {
    struct source *s = d->sources.entries[i].value;
    if (s->seen || hidden(d, s->path)) {
      i++;
      continue;
    }
    if (s->valid_name) map_put(gone, s->name, NULL);
    quarantine_forget(d->quarantine, QUARANTINE_PIPELINE, s->name);
    map_remove(&d->sources, s->path);
    source_free(s);
  }
}

/* What no file gives any more has gone; so has what the rows knew and no file gives. */
static void find_gone(struct dags *d, const struct map *firsts, const struct map *gone) {
  for (size_t i = 0; i < gone->len; i++) {
    const char *name = gone->entries[i].key;
    if (!map_has(firsts, name)) finding_add(d, DAGS_GONE, name);
  }
  for (size_t i = 0; i < d->known.len;) {
    const char *name = d->known.entries[i].key;
    if (hidden(d, name)) {
      i++;
      continue;
    }
    finding_add(d, DAGS_GONE, name);
    known_free(map_remove(&d->known, name));
  }
}

void dags_scan(struct dags *d, const struct config *config, bool anew, struct dags_scan *out) {
  struct map firsts = {0}, gone = {0};
  d->config = config;
  d->anew = anew;
  d->known_stale = d->known_stale || anew;
  d->out = out;
  for (size_t i = 0; i < d->sources.len; i++) {
    struct source *s = d->sources.entries[i].value;
    s->seen = s->changed = false;
  }
  d->fd = open(config->dags, O_PATH | O_DIRECTORY | O_CLOEXEC);
  walk(d, AT_FDCWD, config->dags, "", config->dags, 0);
  remove_unseen(d, &gone);
  find_firsts(d, &firsts);
  read_sources(d, &firsts);
  find_gone(d, &firsts, &gone);
  out->files = d->sources.len;

  if (d->fd >= 0) close(d->fd);
  for (size_t i = 0; i < d->unreadable.len; i++) free(d->unreadable.items[i]);
  d->unreadable.len = 0;
  map_release(&firsts);
  map_release(&gone);
}
