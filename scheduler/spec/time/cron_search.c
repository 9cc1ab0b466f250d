/* The search of cron.h. The calendar is searched in local minutes, the minutes since 1970-01-01 00:00 on a clock
 * without a zone; the stretches of the zone then say which of them are instants.
 */
#include <assert.h>

#include "scheduler/spec/time/cron.h"
#include "scheduler/spec/time/zone.h"

#define MINUTES_PER_DAY 1440
#define LOCAL_NONE      INT64_MAX

/* A Sunday on 29 February can be 40 years away: the longest that any expression waits. */
#define SEARCH_MONTHS (42 * 12)
#define SEARCH_REACH  (50 * 366 * USEC_PER_DAY)

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

/* The first local minute at or after the local time of `t` under an offset. */
static int64_t minute_from(instant t, int32_t offset_s) {
  return -floor_div(-(t + offset_s * USEC_PER_SEC), USEC_PER_MIN);
}

static instant minute_to_instant(int64_t minute, int32_t offset_s) {
  return minute * USEC_PER_MIN - offset_s * USEC_PER_SEC;
}

static int month_length(int year, int month) {
  static const uint8_t length[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && civil_date_valid(year, 2, 29) ? 29 : length[month];
}

/* The days of a month on which it fires, as bits 1 to 31. */
static uint32_t days_of_month(const struct cron *c, int year, int month) {
  if (!(c->months >> month & 1)) return 0;
  int first = civil_weekday(civil_days(year, month, 1));
  uint64_t week = ((uint64_t)c->weekdays >> first | (uint64_t)c->weekdays << (7 - first)) & 0x7f;
  uint64_t by_weekday = (week | week << 7 | week << 14 | week << 21 | week << 28) << 1;
  uint64_t days = c->both_days ? c->days & by_weekday : c->days | by_weekday;
  return (uint32_t)(days & ((UINT64_C(2) << month_length(year, month)) - 2));
}

/* The first firing minute of a day at or after `minute`; -1 if there is none. */
static int time_next(const struct cron *c, int minute) {
  int hour = minute / 60;
  if (c->hours >> hour & 1) {
    uint64_t left = c->minutes >> (minute % 60);
    if (left) return minute + __builtin_ctzll(left);
  }
  uint32_t later = c->hours >> hour >> 1;
  return later ? (hour + 1 + __builtin_ctz(later)) * 60 + __builtin_ctzll(c->minutes) : -1;
}

/* The last one at or before `minute`; -1 if there is none. */
static int time_prev(const struct cron *c, int minute) {
  int hour = minute / 60;
  if (c->hours >> hour & 1) {
    uint64_t left = c->minutes & ((UINT64_C(2) << (minute % 60)) - 1);
    if (left) return hour * 60 + 63 - __builtin_clzll(left);
  }
  uint32_t earlier = c->hours & ((UINT32_C(1) << hour) - 1);
  return earlier ? (31 - __builtin_clz(earlier)) * 60 + 63 - __builtin_clzll(c->minutes) : -1;
}

/* The first firing local minute at or after `from`. */
static int64_t local_next(const struct cron *c, int64_t from) {
  int64_t today = floor_div(from, MINUTES_PER_DAY);
  int time = time_next(c, (int)(from - today * MINUTES_PER_DAY));
  int year, month, day;
  civil_from_days(today, &year, &month, &day);
  uint32_t days = days_of_month(c, year, month) >> day;
  if ((days & 1) && time >= 0) return today * MINUTES_PER_DAY + time;
  days >>= 1;
  day++;
  for (int n = 0; n < SEARCH_MONTHS; n++) {
    if (days) {
      int64_t found = civil_days(year, month, 1) + day - 1 + __builtin_ctz(days);
      return found * MINUTES_PER_DAY + time_next(c, 0);
    }
    if (++month > 12) month = 1, year++;
    days = days_of_month(c, year, month);
    day = 0;
  }
  return LOCAL_NONE;
}

/* The last one at or before `from`. */
static int64_t local_prev(const struct cron *c, int64_t from) {
  int64_t today = floor_div(from, MINUTES_PER_DAY);
  int time = time_prev(c, (int)(from - today * MINUTES_PER_DAY));
  int year, month, day;
  civil_from_days(today, &year, &month, &day);
  uint32_t days = days_of_month(c, year, month);
  if ((days >> day & 1) && time >= 0) return today * MINUTES_PER_DAY + time;
  days &= (UINT32_C(1) << day) - 1;
  for (int n = 0; n < SEARCH_MONTHS; n++) {
    if (days) {
      int64_t found = civil_days(year, month, 1) + 30 - __builtin_clz(days);
      return found * MINUTES_PER_DAY + time_prev(c, MINUTES_PER_DAY - 1);
    }
    if (--month < 1) month = 12, year--;
    days = days_of_month(c, year, month);
  }
  return LOCAL_NONE;
}

/* How many days from `from` up to, not including, `until` it fires on. */
static uint64_t count_days(const struct cron *c, int64_t from, int64_t until) {
  int year, month, day;
  uint64_t n = 0;
  civil_from_days(from, &year, &month, &day);
  for (int64_t first = from - (day - 1); first < until; first += month_length(year, month)) {
    if (first != from - (day - 1) && ++month > 12) month = 1, year++;
    uint64_t days = days_of_month(c, year, month);
    if (first < from) days &= ~((UINT64_C(1) << day) - 1);
    if (until - first < 31) days &= (UINT64_C(2) << (until - first)) - 1;
    n += (uint64_t)__builtin_popcountll(days);
  }
  return n;
}

/* How many firing minutes the day of a local minute has before it. */
static uint64_t count_in_day(const struct cron *c, int64_t minute) {
  int64_t today = floor_div(minute, MINUTES_PER_DAY);
  if (count_days(c, today, today + 1) == 0) return 0;
  int hour = (int)(minute - today * MINUTES_PER_DAY) / 60, past = (int)(minute - today * MINUTES_PER_DAY) % 60;
  int per_hour = __builtin_popcountll(c->minutes);
  int n = __builtin_popcount(c->hours & ((UINT32_C(1) << hour) - 1)) * per_hour;
  if (c->hours >> hour & 1) n += __builtin_popcountll(c->minutes & ((UINT64_C(1) << past) - 1));
  return (uint64_t)n;
}

/* How many local minutes from `from` up to, not including, `until` it fires at. */
static uint64_t count_local(const struct cron *c, int64_t from, int64_t until) {
  if (until <= from) return 0;
  uint64_t per_day = (uint64_t)__builtin_popcountll(c->minutes) * (uint64_t)__builtin_popcount(c->hours);
  uint64_t days = count_days(c, floor_div(from, MINUTES_PER_DAY), floor_div(until, MINUTES_PER_DAY));
  return days * per_day + count_in_day(c, until) - count_in_day(c, from);
}

/* Whether a change of the clocks by so many seconds, forward or back, is made good. */
static bool makes_good(const struct cron *c, int32_t wide_s) {
  return !c->elapsed_time && wide_s > 0 && wide_s * USEC_PER_SEC <= CRON_CAUGHT_UP;
}

/* Whether a firing was skipped by the change at `at`, and is made good there. */
static bool gap_fires(const struct cron *c, instant at, int32_t before_s, int32_t after_s) {
  return makes_good(c, after_s - before_s) && local_next(c, minute_from(at, before_s)) < minute_from(at, after_s);
}

/* The first local minute of a stretch that may fire in it: what a change back repeats has fired already. */
static int64_t first_minute(const struct cron *c, const struct zone_span *span, int32_t before_s) {
  return minute_from(span->start, makes_good(c, before_s - span->offset_s) ? before_s : span->offset_s);
}

/* The offset before a stretch. It is looked up only where it can matter to `t`, within CRON_CAUGHT_UP of the start.
 */
static int32_t offset_before(const struct zone *z, const struct zone_span *span, instant t) {
  if (span->start == ZONE_SPAN_FIRST || t - CRON_CAUGHT_UP > span->start) return span->offset_s;
  return zone_offset(z, span->start - 1);
}

static bool in_years(instant t) {
  const struct civil first = {.year = 1, .month = 1, .day = 1}, last = {.year = 9901, .month = 1, .day = 1};
  return t >= civil_to_instant(&first, 0) && t < civil_to_instant(&last, 0);
}

static int64_t later(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b) {
  return a < b ? a : b;
}

instant cron_next(const struct cron *c, const struct zone *z, instant after) {
  if (!in_years(after)) return INSTANT_NONE;
  struct zone_span span = zone_span_at(z, after);
  int64_t from = minute_from(after + 1, span.offset_s);
  if (span.start != ZONE_SPAN_FIRST) from = later(from, first_minute(c, &span, offset_before(z, &span, after)));
  int64_t searched_from = from, found = local_next(c, from);
  for (;;) {
    /* A search holds for every start between its own and what it found. */
    if (from < searched_from || from > found) searched_from = from, found = local_next(c, from);
    if (found == LOCAL_NONE) return INSTANT_NONE;
    instant t = minute_to_instant(found, span.offset_s);
    if (t < span.end) return t;
    if (span.end > after + SEARCH_REACH) return INSTANT_NONE;
    struct zone_span next = zone_span_at(z, span.end);
    if (gap_fires(c, next.start, span.offset_s, next.offset_s)) return next.start;
    from = first_minute(c, &next, span.offset_s);
    span = next;
  }
}

instant cron_prev(const struct cron *c, const struct zone *z, instant before) {
  if (!in_years(before)) return INSTANT_NONE;
  struct zone_span span = zone_span_at(z, before - 1);
  int64_t until = minute_from(before, span.offset_s) - 1;
  int64_t searched_from = until, found = local_prev(c, until);
  for (;;) {
    if (until > searched_from || until < found) searched_from = until, found = local_prev(c, until);
    if (found == LOCAL_NONE) return INSTANT_NONE;
    if (span.start == ZONE_SPAN_FIRST) return minute_to_instant(found, span.offset_s);
    struct zone_span past = zone_span_at(z, span.start - 1);
    if (found >= first_minute(c, &span, past.offset_s)) return minute_to_instant(found, span.offset_s);
    if (gap_fires(c, span.start, past.offset_s, span.offset_s)) return span.start;
    if (span.start < before - SEARCH_REACH) return INSTANT_NONE;
    until = minute_from(span.start, past.offset_s) - 1;
    span = past;
  }
}

uint64_t cron_count(const struct cron *c, const struct zone *z, instant after, instant until) {
  if (!in_years(after) || !in_years(until) || until <= after) return 0;
  struct zone_span span = zone_span_at(z, after);
  int64_t from = minute_from(after + 1, span.offset_s);
  if (span.start != ZONE_SPAN_FIRST) from = later(from, first_minute(c, &span, offset_before(z, &span, after)));
  uint64_t n = 0;
  for (;;) {
    n += count_local(c, from, minute_from(earlier(span.end, until + 1), span.offset_s));
    if (span.end > until) return n;
    struct zone_span next = zone_span_at(z, span.end);
    from = first_minute(c, &next, span.offset_s);
    /* A firing made good at the end of a gap is one with the firing that the clocks show there, if there is one. */
    if (gap_fires(c, next.start, span.offset_s, next.offset_s) &&
        minute_to_instant(local_next(c, from), next.offset_s) != next.start)
      n++;
    span = next;
  }
}
