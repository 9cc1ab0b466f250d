/* A binary heap of pointers whose items know their place in it, so that any of them can be moved or taken out.
 *
 * An item holds a size_t that the heap keeps: its place from 1, and 0 while it is in no heap. One such member serves
 * one heap at a time. A zeroed struct is an empty heap.
 */
#ifndef ROTA_ENGINE_HEAP_H
#define ROTA_ENGINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap {
  void **items;
  size_t len, cap;
};

struct heap_kind {
  /* A strict total order, so that the order of leaving doesn't depend on the order of entering. */
  bool (*before)(const void *a, const void *b);
  size_t place; /* offset of the item's size_t */
};

void heap_push(struct heap *h, const struct heap_kind *k, void *item);
/* The first item, or NULL. */
void *heap_top(const struct heap *h);
void *heap_pop(struct heap *h, const struct heap_kind *k);
bool heap_has(const struct heap_kind *k, const void *item);
/* Takes the item out; nothing happens if it isn't in. */
void heap_remove(struct heap *h, const struct heap_kind *k, void *item);
/* Moves an item whose order has changed. */
void heap_fix(struct heap *h, const struct heap_kind *k, void *item);
void heap_release(struct heap *h);

#endif
