/* The random numbers of one step, drawn from the seed that the step is given, so that a step can be repeated:
 * xoshiro256** 1.0 (David Blackman and Sebastiano Vigna, 2018, prng.di.unimi.it, public domain). For ids and jitter,
 * never for secrets. */
#ifndef ROTA_ENGINE_RANDOM_H
#define ROTA_ENGINE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
  uint64_t s[4];
};

void random_init(struct random *r, const uint8_t seed[32]);
uint64_t random_next(struct random *r);
void random_fill(struct random *r, void *out, size_t len);
/* Evenly from 0 up to and including `most`, which isn't negative. */
int64_t random_upto(struct random *r, int64_t most);

#endif
