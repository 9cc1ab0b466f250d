#include "scheduler/spec/expr/format_date.h"

#include <string.h>

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

char format_date_fault(const char *format) {
  for (const char *s = format; (s = strchr(s, '%')); s += 2) {
    if (s[1] == '\0') return '%';
    if (!strchr("YymdejHMSaAbBuwGVFT%", s[1])) return s[1];
  }
  return '\0';
}

/* The year and week of ISO 8601: those of the Thursday of its week. */
static void iso_week(int64_t days, int *year, int *week) {
  int weekday = (civil_weekday(days) + 6) % 7; /* 0 = Monday */
  int month, day;
  int64_t thursday = days - weekday + 3;
  civil_from_days(thursday, year, &month, &day);
  *week = (int)((thursday - civil_days(*year, 1, 1)) / 7) + 1;
}

static void format_one(const struct civil *c, int64_t days, char letter, struct buf *out) {
  int year, week, weekday = civil_weekday(days);
  iso_week(days, &year, &week);
  switch (letter) {
  case 'Y': buf_fmt(out, "%04d", c->year); break;
  case 'y': buf_fmt(out, "%02d", (c->year % 100 + 100) % 100); break;
  case 'm': buf_fmt(out, "%02d", c->month); break;
  case 'd': buf_fmt(out, "%02d", c->day); break;
  case 'e': buf_fmt(out, "%2d", c->day); break;
  case 'j': buf_fmt(out, "%03d", (int)(days - civil_days(c->year, 1, 1)) + 1); break;
  case 'H': buf_fmt(out, "%02d", c->hour); break;
  case 'M': buf_fmt(out, "%02d", c->minute); break;
  case 'S': buf_fmt(out, "%02d", c->second); break;
  case 'a': buf_fmt(out, "%.3s", weekdays[weekday]); break;
  case 'A': buf_str(out, weekdays[weekday]); break;
  case 'b': buf_fmt(out, "%.3s", months[c->month - 1]); break;
  case 'B': buf_str(out, months[c->month - 1]); break;
  case 'u': buf_fmt(out, "%d", weekday ? weekday : 7); break;
  case 'w': buf_fmt(out, "%d", weekday); break;
  case 'G': buf_fmt(out, "%04d", year); break;
  case 'V': buf_fmt(out, "%02d", week); break;
  case 'F': buf_fmt(out, "%04d-%02d-%02d", c->year, c->month, c->day); break;
  case 'T': buf_fmt(out, "%02d:%02d:%02d", c->hour, c->minute, c->second); break;
  default: buf_char(out, '%');
  }
}

void format_date(const struct civil *c, const char *format, struct buf *out) {
  int64_t days = civil_days(c->year, c->month, c->day);
  for (const char *s = format; *s; s++) {
    if (*s == '%')
      format_one(c, days, *++s, out);
    else
      buf_char(out, *s);
  }
}
