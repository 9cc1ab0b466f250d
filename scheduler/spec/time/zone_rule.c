#include "scheduler/spec/time/zone_rule.h"

#include <string.h>

#include "base/err.h"

/* What is left of the text; every reader either takes what it understands and returns true, or returns false, after
 * which nothing more is read. */
struct reader {
  const char *at, *end;
};

static bool take(struct reader *r, char c) {
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_number(struct reader *r, int low, int high, int *out) {
  int n = 0, digits = 0;
  for (; r->at < r->end && is_digit(*r->at) && digits < 3; digits++) n = n * 10 + (*r->at++ - '0');
  *out = n;
  return digits > 0 && n >= low && n <= high;
}

/* An abbreviation, of letters or in angle brackets. */
static bool take_name(struct reader *r, char out[ZONE_RULE_NAME_SIZE]) {
  bool quoted = take(r, '<');
  size_t len = 0;
  for (; r->at < r->end; r->at++) {
    char c = *r->at;
    if (!is_letter(c) && !(quoted && (is_digit(c) || c == '+' || c == '-'))) break;
    if (len == ZONE_RULE_NAME_SIZE - 1) return false;
    out[len++] = c;
  }
  out[len] = '\0';
  return len >= 3 && (!quoted || take(r, '>'));
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static bool take_time(struct reader *r, int hours_max, int32_t *out) {
  int hours, minutes = 0, seconds = 0;
  bool negative = take(r, '-');
  if (!negative) take(r, '+');
  if (!take_number(r, 0, hours_max, &hours)) return false;
  if (take(r, ':')) {
    if (!take_number(r, 0, 59, &minutes)) return false;
    if (take(r, ':') && !take_number(r, 0, 59, &seconds)) return false;
  }
  int32_t time = hours * 3600 + minutes * 60 + seconds;
  *out = negative ? -time : time;
  return true;
}

/* POSIX writes what must be added to local time to get UTC: positive is west. */
static bool take_offset(struct reader *r, int32_t *east_s) {
  int32_t west_s;
  if (!take_time(r, 24, &west_s)) return false;
  *east_s = -west_s;
  return true;
}

static bool take_change(struct reader *r, struct zone_rule_change *out) {
  *out = (struct zone_rule_change){.time_s = 2 * 3600};
  if (!take(r, ',')) return false;
  if (take(r, 'M')) {
    out->kind = ZONE_RULE_WEEKDAY;
    if (!take_number(r, 1, 12, &out->month) || !take(r, '.') || !take_number(r, 1, 5, &out->week) || !take(r, '.') ||
        !take_number(r, 0, 6, &out->day))
      return false;
  } else if (take(r, 'J')) {
    out->kind = ZONE_RULE_JULIAN;
    if (!take_number(r, 1, 365, &out->day)) return false;
  } else {
    out->kind = ZONE_RULE_DAY;
    if (!take_number(r, 0, 365, &out->day)) return false;
  }
  return !take(r, '/') || take_time(r, 167, &out->time_s);
}

int zone_rule_parse(const char *text, size_t len, struct zone_rule *out) {
  struct reader r = {text, text + len};
  memset(out, 0, sizeof *out);
  if (!take_name(&r, out->standard) || !take_offset(&r, &out->standard_s)) return ERR_INVALID;
  if (r.at == r.end) return 0;
  out->has_summer = true;
  if (!take_name(&r, out->summer)) return ERR_INVALID;
  out->summer_s = out->standard_s + 3600;
  if (r.at < r.end && *r.at != ',' && !take_offset(&r, &out->summer_s)) return ERR_INVALID;
  if (!take_change(&r, &out->begin) || !take_change(&r, &out->end) || r.at != r.end) return ERR_INVALID;
  return 0;
}

/* Days since the epoch of the day that the change names in a year. */
static int64_t change_day(const struct zone_rule_change *c, int year) {
  int64_t new_year = civil_days(year, 1, 1);
  switch (c->kind) {
  case ZONE_RULE_DAY: return new_year + c->day;
  case ZONE_RULE_JULIAN: return new_year + c->day - 1 + (c->day >= 60 && civil_date_valid(year, 2, 29));
  case ZONE_RULE_WEEKDAY: break;
  }
  int64_t first = civil_days(year, c->month, 1);
  int64_t day = first + (c->day - civil_weekday(first) + 7) % 7 + 7 * (c->week - 1);
  int64_t next_month = c->month == 12 ? first + 31 : civil_days(year, c->month + 1, 1);
  return day < next_month ? day : day - 7;
}

struct change {
  instant at;
  bool to_summer;
};

#define YEARS_AROUND 3

/* The changes of the year before, the year, and the year after, rising. Of two at the same instant, which a rule of
 * summer time all year round has, the later in the calendar stays behind the other, and so prevails. */
static void changes_around(const struct zone_rule *r, int year, struct change out[2 * YEARS_AROUND]) {
  size_t n = 0;
  for (int y = year - 1; y <= year + 1; y++) {
    instant begin = change_day(&r->begin, y) * USEC_PER_DAY + (r->begin.time_s - r->standard_s) * USEC_PER_SEC;
    instant end = change_day(&r->end, y) * USEC_PER_DAY + (r->end.time_s - r->summer_s) * USEC_PER_SEC;
    out[n++] = (struct change){begin, true};
    out[n++] = (struct change){end, false};
  }
  for (size_t i = 1; i < n; i++) {
    struct change c = out[i];
    size_t j = i;
    for (; j > 0 && out[j - 1].at > c.at; j--) out[j] = out[j - 1];
    out[j] = c;
  }
}

struct zone_span zone_rule_span(const struct zone_rule *r, instant t) {
  struct zone_span span = {
      .start = ZONE_SPAN_FIRST, .end = ZONE_SPAN_LAST, .offset_s = r->standard_s, .abbreviation = r->standard};
  if (!r->has_summer) return span;

  int64_t days = t / USEC_PER_DAY - (t % USEC_PER_DAY < 0);
  int64_t low = civil_days(1, 1, 1), high = civil_days(9998, 12, 31);
  int year, month, day;
  civil_from_days(days < low ? low : days > high ? high : days, &year, &month, &day);
  struct change changes[2 * YEARS_AROUND];
  changes_around(r, year, changes);
  bool summer = false;
  for (size_t i = 0; i < 2 * YEARS_AROUND; i++) {
    if (changes[i].at > t) {
      span.end = changes[i].at;
      break;
    }
    span.start = changes[i].at;
    summer = changes[i].to_summer;
  }
  if (summer) {
    span.offset_s = r->summer_s;
    span.is_dst = true;
    span.abbreviation = r->summer;
  }
  return span;
}
