/* How often an address may be wrong: at most TRIES_MAX times within a minute. Who is over it is sent away without a
 * look at what it brings, so that guessing costs time. The addresses of one IPv6 network (/64) count as one, since
 * whoever has one has all. Limit: TRIES_ADDRESSES of them; beyond, the one whose last try is longest ago is
 * forgotten.
 */
#ifndef ROTA_DAEMON_TRIES_H
#define ROTA_DAEMON_TRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

#define TRIES_MAX       10
#define TRIES_ADDRESSES 4096

/* A zeroed one is empty. */
struct tries {
  struct map by_address;
};

void tries_release(struct tries *t);
/* 0, or for how many seconds from `now` (monotonic microseconds) nothing of this address is looked at. */
int tries_wait_s(const struct tries *t, const char *address, int64_t now);
/* One more that was wrong; true if it is the one that fills the measure. */
bool tries_count(struct tries *t, const char *address, int64_t now);

#endif
