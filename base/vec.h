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

#define vec_reserve(v, want)                                                                                         \
  do {                                                                                                               \
    if ((v)->cap < (want)) {                                                                                         \
      size_t vec_cap_ = (v)->cap ? (v)->cap : sizeof *(v)->items > 64 ? 1 : 8;                                       \
      while (vec_cap_ < (want)) vec_cap_ *= 2;                                                                       \
      (v)->items = alloc_grown((v)->items, vec_cap_, sizeof *(v)->items);                                            \
      (v)->cap = vec_cap_;                                                                                           \
    }                                                                                                                \
  } while (0)

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
