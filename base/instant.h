/* Instants and durations: int64 microseconds, an instant since 1970-01-01 00:00:00 UTC without leap seconds.
 *
 * The proleptic Gregorian calendar is computed here without the C library's zone state, so all of it is re-entrant.
 * Reading the clock is the daemon's business alone: the engine and the language are handed instants.
 */
#ifndef ROTA_BASE_INSTANT_H
#define ROTA_BASE_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t instant;  /* microseconds since the epoch, UTC */
typedef int64_t duration; /* microseconds */

#define INSTANT_NONE  INT64_MIN /* "unknown", in JSON null, in a row NULL */
#define USEC_PER_MS   INT64_C(1000)
#define USEC_PER_SEC  INT64_C(1000000)
#define USEC_PER_MIN  (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)

struct civil {
  int year;       /* -9999 to 9999 */
  int month, day; /* 1 to 12, 1 to 31 */
  int hour, minute, second;
  int usec;
};

/* Days since the epoch of a date, and back (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t civil_days(int year, int month, int day);
void civil_from_days(int64_t days, int *year, int *month, int *day);
bool civil_date_valid(int year, int month, int day);
/* 0 = Sunday. */
int civil_weekday(int64_t days);
/* The instant that a clock set to UTC + offset_s shows as `c`, and back. */
instant civil_to_instant(const struct civil *c, int32_t offset_s);
struct civil civil_from_instant(instant t, int32_t offset_s);

#define INSTANT_TEXT_SIZE 40
/* "2026-03-29T01:30:00.000000Z" */
void instant_format_utc(instant t, char out[INSTANT_TEXT_SIZE]);
/* "2026-03-29T03:30:00+02:00"; the fraction is written only when it isn't zero. */
void instant_format_offset(instant t, int32_t offset_s, char out[INSTANT_TEXT_SIZE]);
/* RFC 3339 with "Z" or an offset, the fraction optional; digits of it beyond microseconds are cut. The whole text
 * must be used. There is no second 60. ERR_INVALID otherwise. */
int instant_parse(const char *text, instant *out);
/* "2026-03-29" -> days since the epoch. */
int date_parse(const char *text, int64_t *days);
void date_format(int64_t days, char out[16]);

/* "90s", "5m", "1h30m", "2d", "250ms": whole numbers with a unit each, units falling and each at most once, no sign,
 * at most DURATION_MAX in all. A bare number is ERR_INVALID: a duration needs a unit. "0s" is allowed. */
#define DURATION_MAX (3650 * USEC_PER_DAY)
int duration_parse(const char *text, duration *out);
#define DURATION_TEXT_SIZE 48
/* What duration_parse reads back: "1h30m", "250ms"; microseconds below a millisecond are cut. A negative one, which
 * it doesn't read, gets a minus sign. */
void duration_format(duration d, char out[DURATION_TEXT_SIZE]);

/* For people: "850ms", "9.4s", "42s", "3m 05s", "1h 02m 03s"; "-" if negative. */
void duration_show(duration d, char out[DURATION_TEXT_SIZE]);

/* The clocks, for the daemon, the worker and the command line. They are the whole of clock.c: a test that defines
 * both itself is linked with its own. */
instant clock_now(void);
int64_t clock_monotonic(void); /* microseconds, counts on through a suspend (CLOCK_BOOTTIME) */

#endif
