/* How long something took, counted in buckets with fixed bounds, as Prometheus wants it. Plain data: zeroed, it is
 * empty; copied, it is a view. */
#ifndef ROTA_DAEMON_HISTOGRAM_H
#define ROTA_DAEMON_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 12

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* each without those before it; the last is of what is above all bounds */
  uint64_t count;
  int64_t sum_us, max_us;
};

/* Microseconds; a negative time counts as none. */
void histogram_add(struct histogram *h, int64_t us);
/* The upper bound of a bucket, included in it; rising. */
int64_t histogram_bound_us(size_t bucket);

#endif
