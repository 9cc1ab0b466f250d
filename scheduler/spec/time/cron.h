/* A cron expression: minute, hour, day of month, month, day of week, on the clock of a zone.
 *
 * The grammar is cronie's: names of months and days (three letters, any case), lists, ranges, steps after `*` or a
 * range, 0 and 7 for Sunday, and the words of CRON_WORDS. If the day of month or the day of week begins with `*`,
 * both must match, else one is enough. Stricter than cronie: a reversed range, a number out of range, an empty part
 * and an expression that can never fire are errors.
 *
 * Where the clocks change: an expression whose minute or hour begins with `*` follows elapsed time, so it fires at
 * each minute whose local time matches, in both passes of a repeated hour, and at none that is skipped. Any other is
 * at a fixed time: what falls into a gap fires once, at the first instant after the gap; what is repeated fires once,
 * the first time. That holds for changes of up to CRON_CAUGHT_UP; a larger gap skips its firings, a larger step back
 * repeats them.
 *
 * A firing is a whole second, in nearly all zones a whole minute. The search goes by field, month by month, never
 * minute by minute; everything is re-entrant and allocates nothing.
 */
#ifndef ROTA_SPEC_CRON_H
#define ROTA_SPEC_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define CRON_CAUGHT_UP (3 * USEC_PER_HOUR)

#define CRON_WORDS(X)                                                                                                \
  X("@hourly", "0 * * * *")                                                                                          \
  X("@daily", "0 0 * * *")                                                                                           \
  X("@midnight", "0 0 * * *")                                                                                        \
  X("@weekly", "0 0 * * 0")                                                                                          \
  X("@monthly", "0 0 1 * *")                                                                                         \
  X("@yearly", "0 0 1 1 *")                                                                                          \
  X("@annually", "0 0 1 1 *")

/* Plain data; equal sets mean equal firings. */
struct cron {
  uint64_t minutes; /* bit n: minute n */
  uint32_t hours;
  uint32_t days;     /* bits 1 to 31 */
  uint16_t months;   /* bits 1 to 12 */
  uint8_t weekdays;  /* bits 0 (Sunday) to 6 */
  bool both_days;    /* day of month and day of week must both match */
  bool elapsed_time; /* follows elapsed time through a change of the clocks */
};

/* What a user got wrong, for a diagnostic. `field` is "minute", "hour", "day of month", "month", "day of
 * week", or "expression" for the whole. */
struct cron_fault {
  const char *field;
  size_t offset, width; /* bytes, into the text that was given; a width of at least 1 */
  char message[160];    /* begins with the field's name; no full stop */
  char help[200];       /* what to do; empty if there is nothing to add */
};

/* Reads an expression; blanks around it and between fields are spaces and tabs. ERR_INVALID with `fault` filled if it
 * is wrong. */
int cron_parse(const char *text, struct cron *out, struct cron_fault *fault);

struct zone;
/* The first firing after `after`; INSTANT_NONE if there is none within 50 years, or if `after` isn't in the years 1
 * to 9900. */
instant cron_next(const struct cron *c, const struct zone *z, instant after);
/* The last firing before `before`, under the same limits: cron_prev(cron_next(x)) <= x < cron_next(x). */
instant cron_prev(const struct cron *c, const struct zone *z, instant before);
/* How many firings f there are with after < f <= until. It counts by month and change of the clocks, not by firing:
 * twenty years of minutes take microseconds. Both in the years 1 to 9900; what lies outside isn't counted. */
uint64_t cron_count(const struct cron *c, const struct zone *z, instant after, instant until);

#endif
