#include "scheduler/daemon/names.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"

static void run_name_free(struct run_name *name) {
  if (!name) return;
  free(name->text);
  free(name);
}

static void pipeline_name_free(struct pipeline_name *name) {
  free(name->text);
  free(name);
}

void names_release(struct names *n) {
  for (size_t i = 0; i < n->pipelines.len; i++) pipeline_name_free(n->pipelines.entries[i].value);
  for (size_t i = 0; i < n->runs.len; i++) run_name_free(n->runs.entries[i].value);
  map_release(&n->pipelines);
  map_release(&n->runs);
}

static void *by_key(const struct map *m, int64_t key) {
  return map_get_n(m, (const char *)&key, sizeof key);
}

static void *put_key(struct map *m, int64_t key, void *value) {
  return map_put_n(m, (const char *)&key, sizeof key, value);
}

void names_pipeline_put(struct names *n, const struct pipeline_row *row) {
  struct pipeline_name *name = by_key(&n->pipelines, row->key);
  if (!name) {
    name = alloc_new(struct pipeline_name);
    name->text = alloc_strdup(row->name);
    put_key(&n->pipelines, row->key, name);
  }
  n->present = n->present - name->present + row->present;
  name->present = row->present;
}

const char *names_pipeline(const struct names *n, int64_t key) {
  const struct pipeline_name *name = by_key(&n->pipelines, key);
  return name ? name->text : "?";
}

void names_run_put(struct names *n, const struct run_row *row) {
  struct run_name *name = by_key(&n->runs, row->key);
  if (!name) {
    name = alloc_new(struct run_name);
    name->id = row->id;
    name->text = alloc_fmt("%s#%" PRId64, names_pipeline(n, row->pipeline), row->number);
    put_key(&n->runs, row->key, name);
  }
  name->state = row->state;
}

void names_run_forget(struct names *n, int64_t key) {
  run_name_free(map_remove_n(&n->runs, (const char *)&key, sizeof key));
}

const struct run_name *names_run(const struct names *n, int64_t key) {
  return by_key(&n->runs, key);
}
