/* A growable array of any type: declare it as `struct { T *items; size_t len, cap; } name` or by VEC(T), zeroed.
 * The macros evaluate their vector argument more than once. vec_push grows by doubling, from eight items or from one
 * that is large; out of memory aborts.
 */
#ifndef ROTA_BASE_VEC_H
#define ROTA_BASE_VEC_H

#include <stdlib.h>

#include "base/alloc.h"

#define VEC(T)                                                                                                       \
  struct {                                                                                                           \
    T *items;                                                                                                        \
    size_t len, cap;                                                                                                 \
  }

/* Room for `want` items: the same memory while there is enough. */
static inline void *vec_grown(void *items, size_t *cap, size_t want, size_t size) {
  if (*cap >= want) return items;
  size_t room = *cap ? *cap : size > 64 ? 1 : 8;
  while (room < want) room *= 2;
  *cap = room;
  return alloc_grown(items, room, size);
}

#define vec_reserve(v, want) ((v)->items = vec_grown((v)->items, &(v)->cap, (want), sizeof *(v)->items))

#define vec_push(v, item)                                                                                            \
  do {                                                                                                               \
    vec_reserve((v), (v)->len + 1);                                                                                  \
    (v)->items[(v)->len++] = (item);                                                                                 \
  } while (0)

/* Removes item i by moving the last one into its place. */
#define vec_swap_remove(v, i) ((v)->items[i] = (v)->items[--(v)->len])

#define vec_release(v)                                                                                               \
  do {                                                                                                               \
    free((v)->items);                                                                                                \
    (v)->items = NULL;                                                                                               \
    (v)->len = (v)->cap = 0;                                                                                         \
  } while (0)

#endif
