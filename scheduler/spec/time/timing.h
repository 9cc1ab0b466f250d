/* When a schedule fires: a cron expression on the clock of a zone, or every so often.
 *
 * `every: 15m` fires at whole multiples of the interval since 1970-01-01 00:00 UTC, so it doesn't move with restarts
 * and knows no zone. Plain data that can be copied; a zone is handed in by the caller, who may reload it between
 * calls, and may be NULL for `every`. Everything is re-entrant, allocates nothing and gives the same answer for the
 * same arguments.
 */
#ifndef ROTA_SPEC_TIMING_H
#define ROTA_SPEC_TIMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "scheduler/spec/time/cron.h"

#define TIMING_EVERY_MIN USEC_PER_SEC

struct timing {
  enum timing_kind { TIMING_CRON, TIMING_EVERY } kind;
  union {
    struct cron cron;
    duration every; /* at least TIMING_EVERY_MIN */
  };
};

/* As cron_parse. */
int timing_set_cron(struct timing *t, const char *expression, struct cron_fault *fault);
/* ERR_INVALID below TIMING_EVERY_MIN. */
int timing_set_every(struct timing *t, duration interval);

/* The first firing after `after`, the last one before `before`; INSTANT_NONE if there is none (see cron.h). */
instant timing_next(const struct timing *t, const struct zone *z, instant after);
instant timing_prev(const struct timing *t, const struct zone *z, instant before);
/* How many firings f there are with after < f <= until; exact, and fast for any range. 0 if until <= after. */
uint64_t timing_count(const struct timing *t, const struct zone *z, instant after, instant until);

/* How much later than `scheduled_for` the firing of this schedule starts: from 0 up to, not including, `max`, spread
 * evenly, and always the same for the same schedule and instant, whoever asks and whenever. It moves the start, never
 * scheduled_for. `identity` names the schedule, its pipeline included. 0 if max <= 0. */
duration timing_jitter(const char *identity, instant scheduled_for, duration max);

#endif
