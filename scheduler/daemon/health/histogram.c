#include "scheduler/daemon/health/histogram.h"

#include <assert.h>

/* From what is always so to what is an alarm. */
static const int64_t bounds[HISTOGRAM_BUCKETS] = {500,    1000,   2500,    5000,    10000,    25000,
                                                  100000, 250000, 1000000, 2500000, 10000000, 60000000};

int64_t histogram_bound_us(size_t bucket) {
  assert(bucket < HISTOGRAM_BUCKETS);
  return bounds[bucket];
}

void histogram_add(struct histogram *h, int64_t us) {
  size_t bucket = 0;
  if (us < 0) us = 0;
  while (bucket < HISTOGRAM_BUCKETS && us > bounds[bucket]) bucket++;
  h->counts[bucket]++;
  h->count++;
  h->sum_us += us;
  if (us > h->max_us) h->max_us = us;
}
