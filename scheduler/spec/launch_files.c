/* The files that go with a task to a host and come back from there. */
#include <string.h>

#include "base/map.h"
#include "scheduler/spec/launch_parts.h"
#include "scheduler/spec/pipeline_build.h"

struct files {
  const struct launch_parts *parts;
  struct launch_file *items;
  size_t len, cap;
  struct map known; /* paths that are in it */
};

bool path_stays_inside(const char *path) {
  if (!*path || *path == '/') return false;
  for (const char *at = path; at; at = strchr(at, '/')) {
    at += *at == '/';
    if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2])) return false;
  }
  return true;
}

static void put(struct files *f, const char *path, bool optional) {
  if (map_get(&f->known, path)) return;
  if (f->len == f->cap) {
    struct launch_file *more = arena_new_array(f->parts->arena, f->cap * 2 + 8, struct launch_file);
    if (f->len) memcpy(more, f->items, f->len * sizeof *more);
    f->items = more;
    f->cap = f->cap * 2 + 8;
  }
  map_put(&f->known, path, f);
  f->items[f->len++] = (struct launch_file){path, optional};
}

/* Of the task itself: what a path becomes must be as it may be written. */
static int own_add(struct files *f, const char *key, const struct template *const *paths, size_t len) {
  const struct launch_parts *p = f->parts;
  for (size_t i = 0; i < len; i++) {
    const char *path = NULL, *why = NULL;
    if (setting_text(paths[i], p->in->scope, p->arena, &path, &why) < 0)
      return launch_fail(p, "%s, item %zu: %s", key, i + 1, why);
    if (!path_stays_inside(path))
      return launch_fail(p, "%s, item %zu: '%s' isn't a path below ROTA_WORK or the pipeline's folder", key, i + 1,
                         path);
    put(f, path, false);
  }
  return 0;
}

/* What a task that is needed fetched, of each of its instances. What can't be worked out wasn't fetched. */
static void fetched_add(struct files *f, const struct task_spec *other) {
  const struct launch_parts *p = f->parts;
  struct scope s = *p->in->scope;
  const struct value *values = NULL;
  const char *why = NULL;
  size_t count = 0;
  s.task = other;
  s.matrix = NULL;
  if (matrix_expand(&s, other, p->arena, &values, &count, &why) < 0) return;
  for (size_t i = 0; i < count && f->len < LAUNCH_FILES_MAX; i++) {
    s.instance = (uint32_t)i;
    s.matrix = values ? values + i * other->matrix_len : NULL;
    for (size_t k = 0; k < other->fetch_len; k++) {
      const char *path = NULL;
      if (setting_text(other->fetch[k], &s, p->arena, &path, &why) == 0 && path_stays_inside(path))
        put(f, path, true);
    }
  }
}

int files_build(const struct launch_parts *p, struct launch *out) {
  const struct scope *s = p->in->scope;
  struct files send = {.parts = p}, fetch = {.parts = p};
  if (p->in->on_this_machine) return 0;
  int rc = own_add(&send, "send", s->task->send, s->task->send_len);
  if (rc == 0) rc = own_add(&fetch, "fetch", s->task->fetch, s->task->fetch_len);
  for (size_t i = 0; rc == 0 && i < s->pipeline->tasks_len; i++) {
    const struct task_spec *other = &s->pipeline->tasks[i];
    if (other->fetch_len && task_needs(s->task, other->index)) fetched_add(&send, other);
  }
  map_release(&send.known);
  map_release(&fetch.known);
  if (rc < 0) return rc;
  out->send = send.items;
  out->send_len = send.len;
  out->fetch = fetch.items;
  out->fetch_len = fetch.len;
  if (s->pipeline->folder && *s->pipeline->folder) out->source_dir = s->pipeline->folder;
  return 0;
}
