#include "scheduler/spec/time/timing.h"

#include <assert.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"

int timing_set_cron(struct timing *t, const char *expression, struct cron_fault *fault) {
  t->kind = TIMING_CRON;
  return cron_parse(expression, &t->cron, fault);
}

int timing_set_every(struct timing *t, duration interval) {
  if (interval < TIMING_EVERY_MIN) return ERR_INVALID;
  t->kind = TIMING_EVERY;
  t->every = interval;
  return 0;
}

/* How many whole intervals lie before or at `t`, rounded down before 1970 too. */
static int64_t intervals(const struct timing *t, instant at) {
  assert(t->every >= TIMING_EVERY_MIN);
  return at / t->every - (at % t->every < 0);
}

static instant multiple(const struct timing *t, int64_t n) {
  instant at;
  return __builtin_mul_overflow(n, t->every, &at) ? INSTANT_NONE : at;
}

instant timing_next(const struct timing *t, const struct zone *z, instant after) {
  if (t->kind == TIMING_CRON) return cron_next(&t->cron, z, after);
  return multiple(t, intervals(t, after) + 1);
}

instant timing_prev(const struct timing *t, const struct zone *z, instant before) {
  if (t->kind == TIMING_CRON) return cron_prev(&t->cron, z, before);
  return before == INSTANT_NONE ? INSTANT_NONE : multiple(t, intervals(t, before - 1));
}

uint64_t timing_count(const struct timing *t, const struct zone *z, instant after, instant until) {
  if (until <= after) return 0;
  if (t->kind == TIMING_CRON) return cron_count(&t->cron, z, after, until);
  return (uint64_t)(intervals(t, until) - intervals(t, after));
}

duration timing_jitter(const char *identity, instant scheduled_for, duration max) {
  if (max <= 0) return 0;
  uint8_t bytes[SHA256_SIZE + 8], hash[SHA256_SIZE];
  sha256(identity, strlen(identity), bytes);
  for (size_t i = 0; i < 8; i++) bytes[SHA256_SIZE + i] = (uint8_t)((uint64_t)scheduled_for >> (56 - 8 * i));
  sha256(bytes, sizeof bytes, hash);
  uint64_t n = 0;
  for (size_t i = 0; i < 8; i++) n = n << 8 | hash[i];
  return (duration)(n % (uint64_t)max);
}
