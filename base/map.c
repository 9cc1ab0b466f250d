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

struct sip {
  uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip v) {
  v.a += v.b;
  v.c += v.d;
  v.b = rotl(v.b, 13) ^ v.a;
  v.d = rotl(v.d, 16) ^ v.c;
  v.a = rotl(v.a, 32);
  v.c += v.b;
  v.a += v.d;
  v.b = rotl(v.b, 17) ^ v.c;
  v.d = rotl(v.d, 21) ^ v.a;
  v.c = rotl(v.c, 32);
  return v;
}

static uint64_t siphash13(const uint64_t key[2], const void *data, size_t len) {
  const unsigned char *bytes = data;
  struct sip v = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                  key[1] ^ 0x7465646279746573u};
  uint64_t last = (uint64_t)len << 56;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    v.d ^= word;
    v = sip_round(v);
    v.a ^= word;
  }
  for (unsigned shift = 0; i < len; i++, shift += 8) last |= (uint64_t)bytes[i] << shift;
  v.d ^= last;
  v = sip_round(v);
  v.a ^= last;
  v.c ^= 0xff;
  for (int n = 0; n < 3; n++) v = sip_round(v);
  return v.a ^ v.b ^ v.c ^ v.d;
}

static uint64_t hash_of(const char *key, size_t key_len) {
  return siphash13(hash_key, key, key_len);
}

static size_t next_slot(const struct map *m, size_t slot) {
  return (slot + 1) & (m->slot_count - 1);
}

/* The slot at which the probing for a hash begins. */
static size_t home_slot(const struct map *m, uint64_t hash) {
  return (size_t)hash & (m->slot_count - 1);
}

/* The slot that holds the key, or the free one where it would go. The map must have slots; at least half are free. */
static size_t find_slot(const struct map *m, const char *key, size_t key_len, uint64_t hash) {
  size_t slot = home_slot(m, hash);
  for (; m->slots[slot]; slot = next_slot(m, slot)) {
    const struct map_entry *entry = &m->entries[m->slots[slot] - 1];
    if (entry->hash == hash && entry->key_len == key_len && memcmp(entry->key, key, key_len) == 0) break;
  }
  return slot;
}

static struct map_entry *find(const struct map *m, const char *key, size_t key_len) {
  if (m->len == 0) return NULL;
  uint32_t index = m->slots[find_slot(m, key, key_len, hash_of(key, key_len))];
  return index ? &m->entries[index - 1] : NULL;
}

/* The slot that holds the nth entry, or the free one where it would go. */
static size_t entry_slot(const struct map *m, size_t n) {
  size_t slot = home_slot(m, m->entries[n].hash);
  while (m->slots[slot] && m->slots[slot] != (uint32_t)n + 1) slot = next_slot(m, slot);
  return slot;
}

static void grow_slots(struct map *m) {
  free(m->slots);
  m->slot_count = m->slot_count ? m->slot_count * 2 : SLOTS_MIN;
  m->slots = alloc_zeroed(m->slot_count, sizeof *m->slots);
  for (size_t i = 0; i < m->len; i++) m->slots[entry_slot(m, i)] = (uint32_t)i + 1;
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
  if (m->slot_count == 0) pthread_once(&key_once, draw_key);
  uint64_t hash = hash_of(key, key_len);
  size_t slot = 0;
  if (m->slot_count) slot = find_slot(m, key, key_len, hash);
  if (m->slot_count && m->slots[slot]) {
    struct map_entry *present = &m->entries[m->slots[slot] - 1];
    void *before = present->value;
    present->value = value;
    return before;
  }
  assert(m->len < UINT32_MAX - 1);
  bool grows = (m->len + 1) * 2 > m->slot_count;
  if (grows) grow_slots(m);
  if (m->len == m->cap) {
    m->cap = m->cap ? m->cap * 2 : SLOTS_MIN / 2;
    m->entries = alloc_grown(m->entries, m->cap, sizeof *m->entries);
  }
  char *copy = alloc_bytes(key_len + 1);
  if (key_len) memcpy(copy, key, key_len);
  copy[key_len] = '\0';
  m->entries[m->len] = (struct map_entry){.key = copy, .key_len = key_len, .hash = hash, .value = value};
  if (grows) slot = entry_slot(m, m->len);
  m->slots[slot] = (uint32_t)++m->len;
  return NULL;
}

/* Frees a slot and moves later ones of the same run of full slots back, so that no probing stops too early
 * (Knuth, volume 3, section 6.4, algorithm R). */
static void free_slot(struct map *m, size_t hole) {
  size_t mask = m->slot_count - 1;
  for (size_t slot = next_slot(m, hole); m->slots[slot]; slot = next_slot(m, slot)) {
    size_t home = home_slot(m, m->entries[m->slots[slot] - 1].hash);
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
  size_t slot = find_slot(m, key, key_len, hash_of(key, key_len));
  if (!m->slots[slot]) return NULL;
  size_t index = m->slots[slot] - 1;
  struct map_entry removed = m->entries[index];
  free_slot(m, slot);
  m->len--;
  if (index != m->len) {
    m->slots[entry_slot(m, m->len)] = (uint32_t)index + 1;
    m->entries[index] = m->entries[m->len];
  }
  free(removed.key);
  return removed.value;
}
