/* A hash map from byte strings to pointers: open addressing, linear probing, SipHash-1-3 with a key drawn at start,
 * so that names chosen by a user can't make it slow (Aumasson and Bernstein, "SipHash: a fast short-input PRF").
 *
 * A zeroed struct is an empty map. Keys are copied; values are the caller's. Iteration order is the order of
 * insertion as long as nothing was removed.
 */
#ifndef ROTA_BASE_MAP_H
#define ROTA_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
  char *key; /* NUL-terminated copy */
  size_t key_len;
  uint64_t hash;
  void *value;
};

struct map {
  struct map_entry *entries; /* dense; a removed entry is replaced by the last one */
  uint32_t *slots;           /* 1 + index into entries, 0 = free */
  size_t len, cap, slot_count;
};

void map_release(struct map *m);
/* NULL if the key is absent; a present key's value may be NULL too: map_has tells. */
void *map_get(const struct map *m, const char *key);
void *map_get_n(const struct map *m, const char *key, size_t key_len);
bool map_has(const struct map *m, const char *key);
/* Puts or replaces; returns the value that was there before, or NULL. */
void *map_put(struct map *m, const char *key, void *value);
void *map_put_n(struct map *m, const char *key, size_t key_len, void *value);
/* Removes; returns the value that was there, or NULL. */
void *map_remove(struct map *m, const char *key);
void *map_remove_n(struct map *m, const char *key, size_t key_len);

#endif
