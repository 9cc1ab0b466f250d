#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/id.h"

#define SLOTS_MIN 16

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t hash_key[2];

static void draw_key(void) {
  random_bytes(hash_key, sizeof hash_key);
}

static uint64_t rotl(uint64_t x, unsigned n) {
  return (x << n) | (x >> (64 - n));
}

static void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotl(v[1], 13) ^ v[0];
  v[3] = rotl(v[3], 16) ^ v[2];
  v[0] = rotl(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotl(v[1], 17) ^ v[2];
  v[3] = rotl(v[3], 21) ^ v[0];
  v[2] = rotl(v[2], 32);
}

static uint64_t siphash13(const uint64_t key[2], const void *data, size_t len) {
  const unsigned char *bytes = data;
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                   key[1] ^ 0x7465646279746573u};
  uint64_t last = (uint64_t)len << 56;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
  }
  for (unsigned shift = 0; i < len; i++, shift += 8) last |= (uint64_t)bytes[i] << shift;
  v[3] ^= last;
  sip_round(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  for (int n = 0; n < 3; n++) sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot at which a key's probing begins. */
static size_t home_slot(const struct map *m, const char *key, size_t key_len) {
  return (size_t)siphash13(hash_key, key, key_len) & (m->slot_count - 1);
}

static size_t next_slot(const struct map *m, size_t slot) {
  return (slot + 1) & (m->slot_count - 1);
}

/* The slot that holds the key, or the free one where it would go. The map must have slots; at least half are free. */
static size_t find_slot(const struct map *m, const char *key, size_t key_len) {
  size_t slot = home_slot(m, key, key_len);
  for (; m->slots[slot]; slot = next_slot(m, slot)) {
    const struct map_entry *entry = &m->entries[m->slots[slot] - 1];
    if (entry->key_len == key_len && memcmp(entry->key, key, key_len) == 0) break;
  }
  return slot;
}

static struct map_entry *find(const struct map *m, const char *key, size_t key_len) {
  if (m->len == 0) return NULL;
  uint32_t index = m->slots[find_slot(m, key, key_len)];
  return index ? &m->entries[index - 1] : NULL;
}

static void grow_slots(struct map *m) {
  pthread_once(&key_once, draw_key);
  free(m->slots);
  m->slot_count = m->slot_count ? m->slot_count * 2 : SLOTS_MIN;
  m->slots = alloc_zeroed(m->slot_count, sizeof *m->slots);
  for (size_t i = 0; i < m->len; i++) {
    size_t slot = home_slot(m, m->entries[i].key, m->entries[i].key_len);
    while (m->slots[slot]) slot = next_slot(m, slot);
    m->slots[slot] = (uint32_t)i + 1;
  }
}

void map_release(struct map *m) {
  for (size_t i = 0; i < m->len; i++) free(m->entries[i].key);
  free(m->entries);
  free(m->slots);
  *m = (struct map){0};
}

void *map_get(const struct map *m, const char *key) {
  return map_get_n(m, key, strlen(key));
}

void *map_get_n(const struct map *m, const char *key, size_t key_len) {
  const struct map_entry *entry = find(m, key, key_len);
  return entry ? entry->value : NULL;
}

bool map_has(const struct map *m, const char *key) {
  return find(m, key, strlen(key)) != NULL;
}

void *map_put(struct map *m, const char *key, void *value) {
  return map_put_n(m, key, strlen(key), value);
}

void *map_put_n(struct map *m, const char *key, size_t key_len, void *value) {
  struct map_entry *present = find(m, key, key_len);
  if (present) {
    void *before = present->value;
    present->value = value;
    return before;
  }
  assert(m->len < UINT32_MAX - 1);
  if ((m->len + 1) * 2 > m->slot_count) grow_slots(m);
  if (m->len == m->cap) {
    m->cap = m->cap ? m->cap * 2 : SLOTS_MIN / 2;
    m->entries = alloc_grown(m->entries, m->cap, sizeof *m->entries);
  }
  char *copy = alloc_zeroed(key_len + 1, 1);
  if (key_len) memcpy(copy, key, key_len);
  m->slots[find_slot(m, key, key_len)] = (uint32_t)m->len + 1;
  m->entries[m->len++] = (struct map_entry){.key = copy, .key_len = key_len, .value = value};
  return NULL;
}

/* Frees a slot and moves later ones of the same run of full slots back, so that no probing stops too early
 * (Knuth, volume 3, section 6.4, algorithm R). */
static void free_slot(struct map *m, size_t hole) {
  size_t mask = m->slot_count - 1;
  for (size_t slot = next_slot(m, hole); m->slots[slot]; slot = next_slot(m, slot)) {
    const struct map_entry *entry = &m->entries[m->slots[slot] - 1];
    size_t home = home_slot(m, entry->key, entry->key_len);
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    m->slots[hole] = m->slots[slot];
    hole = slot;
  }
  m->slots[hole] = 0;
}

void *map_remove(struct map *m, const char *key) {
  return map_remove_n(m, key, strlen(key));
}

void *map_remove_n(struct map *m, const char *key, size_t key_len) {
  if (m->len == 0) return NULL;
  size_t slot = find_slot(m, key, key_len);
  if (!m->slots[slot]) return NULL;
  size_t index = m->slots[slot] - 1;
  struct map_entry removed = m->entries[index];
  free_slot(m, slot);
  m->len--;
  if (index != m->len) {
    struct map_entry moved = m->entries[m->len];
    m->slots[find_slot(m, moved.key, moved.key_len)] = (uint32_t)index + 1;
    m->entries[index] = moved;
  }
  free(removed.key);
  return removed.value;
}
