/* The chances of one seed. Each noun of the simulation throws dice of its own, so that what one of them leaves out
 * doesn't change what the others do: that keeps a failing seed alike while it is made smaller. */
#ifndef ROTA_TESTS_SIM_DICE_H
#define ROTA_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "scheduler/engine/random.h"

struct dice {
  struct random random;
};

/* Splitmix64 (Sebastiano Vigna, public domain): a number that has nothing to do with its neighbours'. */
static inline uint64_t dice_mix(uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static inline void dice_init(struct dice *d, uint64_t seed, uint64_t stream) {
  uint64_t words[4];
  for (uint64_t i = 0; i < 4; i++) words[i] = dice_mix(seed * 4 + i) ^ dice_mix(~stream * 4 + i);
  uint8_t bytes[32];
  memcpy(bytes, words, sizeof bytes);
  random_init(&d->random, bytes);
}

/* From 0 up to, not including, `sides`. */
static inline int64_t dice_roll(struct dice *d, int64_t sides) {
  return random_upto(&d->random, sides - 1);
}

static inline bool dice_chance(struct dice *d, int64_t percent) {
  return dice_roll(d, 100) < percent;
}

static inline int64_t dice_between(struct dice *d, int64_t least, int64_t most) {
  return least + random_upto(&d->random, most - least);
}

/* From 1 to `most`, small ones as often as large ones: each doubling is as likely as any other. */
static inline int64_t dice_spread(struct dice *d, int64_t most) {
  int64_t limit = 1;
  for (int64_t steps = dice_roll(d, 64 - __builtin_clzll((uint64_t)most)); steps > 0; steps--) limit *= 2;
  if (limit > most) limit = most;
  return dice_between(d, (limit + 1) / 2, limit);
}

#endif
