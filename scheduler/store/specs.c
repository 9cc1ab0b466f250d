#include "scheduler/store/specs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct kept {
  int64_t version;
  struct pipeline *spec;
  size_t bytes;
};

struct specs {
  pthread_mutex_t lock;        /* of what follows */
  struct kept kept[SPECS_MAX]; /* the one that was asked for last comes first */
  size_t len, bytes;
};

struct specs *specs_new(void) {
  struct specs *s = alloc_new(struct specs);
  pthread_mutex_init(&s->lock, NULL);
  return s;
}

static void drop_last(struct specs *s) {
  struct kept *last = &s->kept[--s->len];
  s->bytes -= last->bytes;
  pipeline_release(last->spec);
}

static void put_first(struct specs *s, struct kept k, size_t at) {
  memmove(s->kept + 1, s->kept, at * sizeof k);
  s->kept[0] = k;
}

static struct pipeline *find(struct specs *s, int64_t version) {
  for (size_t i = 0; i < s->len; i++) {
    if (s->kept[i].version != version) continue;
    put_first(s, s->kept[i], i);
    return s->kept[0].spec;
  }
  return NULL;
}

struct pipeline *specs_get(struct specs *s, int64_t version) {
  pthread_mutex_lock(&s->lock);
  struct pipeline *spec = find(s, version);
  if (spec) pipeline_retain(spec);
  pthread_mutex_unlock(&s->lock);
  return spec;
}

void specs_put(struct specs *s, int64_t version, struct pipeline *spec, size_t bytes) {
  if (bytes > SPECS_BYTES) return;
  pthread_mutex_lock(&s->lock);
  if (!find(s, version)) { /* else another thread has read it too */
    while (s->len > 0 && (s->len == SPECS_MAX || s->bytes + bytes > SPECS_BYTES)) drop_last(s);
    put_first(s, (struct kept){version, pipeline_retain(spec), bytes}, s->len);
    s->len++;
    s->bytes += bytes;
  }
  pthread_mutex_unlock(&s->lock);
}

void specs_clear(struct specs *s) {
  pthread_mutex_lock(&s->lock);
  while (s->len > 0) drop_last(s);
  pthread_mutex_unlock(&s->lock);
}

void specs_free(struct specs *s) {
  specs_clear(s);
  pthread_mutex_destroy(&s->lock);
  free(s);
}
