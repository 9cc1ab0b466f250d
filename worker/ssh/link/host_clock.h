/* The map from a host's uptime to this machine's clock. Pure.
 *
 * The host's /proc/uptime is the only clock that is taken from it. Each answer that tells it does so between the
 * moment of the question and that of the answer, which bounds the difference of the two clocks; what is known gets
 * less sure by DRIFT as time goes, and a new bound is taken where it is tighter or contradicts.
 */
#ifndef ROTA_WORKER_SSH_LINK_HOST_CLOCK_H
#define ROTA_WORKER_SSH_LINK_HOST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct host_clock { /* zeroed: nothing is known */
  bool known;
  int64_t offset; /* µs: clock_monotonic here minus uptime there */
  int64_t unsure; /* µs to both sides, at `at` */
  int64_t at;     /* clock_monotonic */
};

#define HOST_CLOCK_DRIFT 10000 /* a microsecond in so many */

/* The uptime was read there between `asked` and `answered` (clock_monotonic). */
void host_clock_take(struct host_clock *c, int64_t asked, int64_t answered, int64_t uptime_us);
/* clock_monotonic when the uptime was that; `c` must be known. */
int64_t host_clock_map(const struct host_clock *c, int64_t uptime_us);

#endif
