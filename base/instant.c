#include "base/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int64_t civil_days(int year, int month, int day) {
  int64_t y = month <= 2 ? (int64_t)year - 1 : year;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t year_of_era = y - era * 400;
  int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int *year, int *month, int *day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t m = (5 * day_of_year + 2) / 153; /* from March */
  *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static bool leap_year(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool civil_date_valid(int year, int month, int day) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < -9999 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
  return day <= lengths[month - 1] + (month == 2 && leap_year(year));
}

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

int civil_weekday(int64_t days) {
  /* The epoch was a Thursday. */
  return (int)(days + 4 - floor_div(days + 4, 7) * 7);
}

instant civil_to_instant(const struct civil *c, int32_t offset_s) {
  int64_t seconds = civil_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
  return (seconds - offset_s) * USEC_PER_SEC + c->usec;
}

struct civil civil_from_instant(instant t, int32_t offset_s) {
  /* Seconds first: adding the offset in microseconds could leave the range at its very ends. */
  int64_t seconds = floor_div(t, USEC_PER_SEC);
  int64_t usec = t % USEC_PER_SEC;
  struct civil c = {.usec = (int)(usec < 0 ? usec + USEC_PER_SEC : usec)};
  seconds += offset_s;
  int64_t days = floor_div(seconds, 86400);
  int of_day = (int)(seconds - days * 86400);
  civil_from_days(days, &c.year, &c.month, &c.day);
  c.hour = of_day / 3600;
  c.minute = of_day / 60 % 60;
  c.second = of_day % 60;
  return c;
}

/* `width` digits, zeros in front. snprintf takes ten times as long, and every row and answer has instants. */
static char *put_digits(char *at, int value, int width) {
  for (int i = width - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
  return at + width;
}

static char *put_date(char *at, int year, int month, int day) {
  at = year >= 0 && year <= 9999 ? put_digits(at, year, 4) : at + sprintf(at, "%04d", year);
  *at++ = '-';
  at = put_digits(at, month, 2);
  *at++ = '-';
  return put_digits(at, day, 2);
}

static char *put_clock(char *at, int hour, int minute) {
  at = put_digits(at, hour, 2);
  *at++ = ':';
  return put_digits(at, minute, 2);
}

static char *put_instant(char *at, const struct civil *c, bool fraction) {
  at = put_date(at, c->year, c->month, c->day);
  *at++ = 'T';
  at = put_clock(at, c->hour, c->minute);
  *at++ = ':';
  at = put_digits(at, c->second, 2);
  if (!fraction) return at;
  *at++ = '.';
  return put_digits(at, c->usec, 6);
}

void instant_format_utc(instant t, char out[INSTANT_TEXT_SIZE]) {
  struct civil c = civil_from_instant(t, 0);
  char *at = put_instant(out, &c, true);
  *at++ = 'Z';
  *at = '\0';
}

void instant_format_offset(instant t, int32_t offset_s, char out[INSTANT_TEXT_SIZE]) {
  struct civil c = civil_from_instant(t, offset_s);
  char *at = put_instant(out, &c, c.usec != 0);
  int minutes = abs(offset_s) / 60;
  *at++ = offset_s < 0 ? '-' : '+';
  *put_clock(at, minutes / 60, minutes % 60) = '\0';
}

/* Reads exactly `count` digits and moves on; false if there are fewer. */
static bool read_digits(const char **at, int count, int *out) {
  int value = 0;
  for (int i = 0; i < count; i++) {
    char c = (*at)[i];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  *at += count;
  *out = value;
  return true;
}

static bool read_char(const char **at, char c) {
  if (**at != c) return false;
  (*at)++;
  return true;
}

static bool read_date(const char **at, int *year, int *month, int *day) {
  return read_digits(at, 4, year) && read_char(at, '-') && read_digits(at, 2, month) && read_char(at, '-') &&
         read_digits(at, 2, day) && civil_date_valid(*year, *month, *day);
}

static bool read_time(const char **at, struct civil *c) {
  return read_digits(at, 2, &c->hour) && read_char(at, ':') && read_digits(at, 2, &c->minute) && read_char(at, ':') &&
         read_digits(at, 2, &c->second) && c->hour < 24 && c->minute < 60 && c->second < 60;
}

/* An optional fraction of a second: at least one digit; those after the sixth are cut. */
static bool read_fraction(const char **at, int *usec) {
  *usec = 0;
  if (!read_char(at, '.')) return true;
  int unit = 100000, digits = 0;
  for (; **at >= '0' && **at <= '9'; (*at)++, digits++) {
    *usec += (**at - '0') * unit;
    unit /= 10;
  }
  return digits > 0;
}

static bool read_offset(const char **at, int32_t *offset_s) {
  *offset_s = 0;
  if (read_char(at, 'Z') || read_char(at, 'z')) return true;
  int sign = **at == '-' ? -1 : 1, hours, minutes;
  if (!read_char(at, '+') && !read_char(at, '-')) return false;
  if (!read_digits(at, 2, &hours) || !read_char(at, ':') || !read_digits(at, 2, &minutes)) return false;
  *offset_s = sign * (hours * 3600 + minutes * 60);
  return hours < 24 && minutes < 60;
}

int instant_parse(const char *text, instant *out) {
  struct civil c;
  int32_t offset_s;
  const char *at = text;
  if (!read_date(&at, &c.year, &c.month, &c.day)) return ERR_INVALID;
  if (!read_char(&at, 'T') && !read_char(&at, 't') && !read_char(&at, ' ')) return ERR_INVALID;
  if (!read_time(&at, &c) || !read_fraction(&at, &c.usec) || !read_offset(&at, &offset_s)) return ERR_INVALID;
  if (*at) return ERR_INVALID;
  *out = civil_to_instant(&c, offset_s);
  return 0;
}

int date_parse(const char *text, int64_t *days) {
  int year, month, day;
  if (!read_date(&text, &year, &month, &day) || *text) return ERR_INVALID;
  *days = civil_days(year, month, day);
  return 0;
}

void date_format(int64_t days, char out[16]) {
  int year, month, day;
  civil_from_days(days, &year, &month, &day);
  *put_date(out, year, month, day) = '\0';
}

static const struct {
  char name[3];
  duration size;
} units[] = {
    {"d", USEC_PER_DAY}, {"h", USEC_PER_HOUR}, {"m", USEC_PER_MIN}, {"s", USEC_PER_SEC}, {"ms", USEC_PER_MS}};

#define UNIT_COUNT (sizeof units / sizeof units[0])

/* The index of the unit that the text begins with, at `from` or later; UNIT_COUNT if it begins with none of those. */
static size_t read_unit(const char **at, size_t from) {
  size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyz");
  for (size_t i = from; i < UNIT_COUNT; i++) {
    if (len == strlen(units[i].name) && memcmp(*at, units[i].name, len) == 0) {
      *at += len;
      return i;
    }
  }
  return UNIT_COUNT;
}

int duration_parse(const char *text, duration *out) {
  duration total = 0;
  size_t unit = 0;
  if (!*text) return ERR_INVALID;
  while (*text) {
    int64_t number = 0;
    const char *digits = text;
    for (; *text >= '0' && *text <= '9'; text++) {
      number = number * 10 + (*text - '0');
      if (number > DURATION_MAX / USEC_PER_MS) return ERR_INVALID;
    }
    if (text == digits) return ERR_INVALID;
    unit = read_unit(&text, unit);
    if (unit == UNIT_COUNT || number > DURATION_MAX / units[unit].size) return ERR_INVALID;
    total += number * units[unit].size;
    if (total > DURATION_MAX) return ERR_INVALID;
    unit++;
  }
  *out = total;
  return 0;
}

void duration_format(duration d, char out[DURATION_TEXT_SIZE]) {
  size_t len = 0;
  uint64_t rest = d < 0 ? -(uint64_t)d : (uint64_t)d;
  if (d < 0 && rest >= USEC_PER_MS) out[len++] = '-';
  for (size_t i = 0; i < UNIT_COUNT; i++) {
    uint64_t size = (uint64_t)units[i].size, number = rest / size;
    rest %= size;
    if (number == 0) continue;
    len += (size_t)snprintf(out + len, DURATION_TEXT_SIZE - len, "%llu%s", (unsigned long long)number, units[i].name);
  }
  if (len == 0) memcpy(out, "0s", 3);
}

void duration_show(duration d, char out[DURATION_TEXT_SIZE]) {
  int64_t ms = d / USEC_PER_MS, s = ms / 1000;
  if (d < 0)
    snprintf(out, DURATION_TEXT_SIZE, "-");
  else if (ms < 1000)
    snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "ms", ms);
  else if (ms < 10000)
    snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 ".%" PRId64 "s", s, ms / 100 % 10);
  else if (s < 60)
    snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "s", s);
  else if (s < 3600)
    snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "m %02" PRId64 "s", s / 60, s % 60);
  else
    snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "h %02" PRId64 "m %02" PRId64 "s", s / 3600, s / 60 % 60, s % 60);
}
