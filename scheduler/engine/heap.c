#include "scheduler/engine/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static size_t place_of(const struct heap_kind *k, const void *item) {
  size_t place;
  memcpy(&place, (const char *)item + k->place, sizeof place);
  return place;
}

static void put(struct heap *h, const struct heap_kind *k, size_t at, void *item) {
  size_t place = at + 1;
  h->items[at] = item;
  memcpy((char *)item + k->place, &place, sizeof place);
}

static size_t sift_up(struct heap *h, const struct heap_kind *k, size_t at, void *item) {
  while (at > 0 && k->before(item, h->items[(at - 1) / 2])) {
    put(h, k, at, h->items[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(h, k, at, item);
  return at;
}

static void sift_down(struct heap *h, const struct heap_kind *k, size_t at, void *item) {
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= h->len) break;
    if (child + 1 < h->len && k->before(h->items[child + 1], h->items[child])) child++;
    if (!k->before(h->items[child], item)) break;
    put(h, k, at, h->items[child]);
    at = child;
  }
  put(h, k, at, item);
}

void heap_push(struct heap *h, const struct heap_kind *k, void *item) {
  assert(place_of(k, item) == 0);
  vec_push(h, item);
  sift_up(h, k, h->len - 1, item);
}

void *heap_top(const struct heap *h) {
  return h->len ? h->items[0] : NULL;
}

void *heap_pop(struct heap *h, const struct heap_kind *k) {
  void *top = heap_top(h);
  if (top) heap_remove(h, k, top);
  return top;
}

bool heap_has(const struct heap_kind *k, const void *item) {
  return place_of(k, item) != 0;
}

void heap_remove(struct heap *h, const struct heap_kind *k, void *item) {
  size_t place = place_of(k, item);
  if (place == 0) return;
  assert(place <= h->len && h->items[place - 1] == item);
  void *last = h->items[--h->len];
  memset((char *)item + k->place, 0, sizeof place);
  if (last == item) return;
  if (sift_up(h, k, place - 1, last) == place - 1) sift_down(h, k, place - 1, last);
}

void heap_fix(struct heap *h, const struct heap_kind *k, void *item) {
  size_t place = place_of(k, item);
  assert(place && place <= h->len && h->items[place - 1] == item);
  if (sift_up(h, k, place - 1, item) == place - 1) sift_down(h, k, place - 1, item);
}

void heap_release(struct heap *h) {
  vec_release(h);
}
