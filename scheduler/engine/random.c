#include "scheduler/engine/random.h"

#include <assert.h>
#include <string.h>

static uint64_t rotl(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

void random_init(struct random *r, const uint8_t seed[32]) {
  memcpy(r->s, seed, sizeof r->s);
  /* All zeros is the one state that the generator can't leave. */
  if ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0) r->s[0] = UINT64_C(0x9e3779b97f4a7c15);
  for (int i = 0; i < 4; i++) random_next(r);
}

uint64_t random_next(struct random *r) {
  uint64_t *s = r->s;
  uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return result;
}

void random_fill(struct random *r, void *out, size_t len) {
  unsigned char *to = out;
  for (size_t i = 0; i < len; i += 8) {
    uint64_t x = random_next(r);
    memcpy(to + i, &x, len - i < 8 ? len - i : 8);
  }
}

int64_t random_upto(struct random *r, int64_t most) {
  assert(most >= 0);
  uint64_t bound = (uint64_t)most + 1, limit = UINT64_MAX - UINT64_MAX % bound, x;
  do x = random_next(r);
  while (x >= limit);
  return (int64_t)(x % bound);
}
