#include "scheduler/daemon/handlers/turns.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"

struct line {
  VEC(void *) waiting;
};

static void line_free(struct line *line) {
  vec_release(&line->waiting);
  free(line);
}

bool turns_take(struct turns *t, const char *thing, void *who) {
  struct line *line = map_get(&t->lines, thing);
  if (line) {
    vec_push(&line->waiting, who);
    return false;
  }
  map_put(&t->lines, thing, alloc_new(struct line));
  return true;
}

void *turns_dismiss(struct turns *t, const char *thing) {
  struct line *line = map_get(&t->lines, thing);
  if (!line || line->waiting.len == 0) return NULL;
  void *first = line->waiting.items[0];
  memmove(line->waiting.items, line->waiting.items + 1, --line->waiting.len * sizeof first);
  return first;
}

void *turns_pass(struct turns *t, const char *thing) {
  void *next = turns_dismiss(t, thing);
  if (!next) {
    struct line *line = map_remove(&t->lines, thing);
    if (line) line_free(line);
  }
  return next;
}

void turns_release(struct turns *t) {
  for (size_t i = 0; i < t->lines.len; i++) line_free(t->lines.entries[i].value);
  map_release(&t->lines);
}
