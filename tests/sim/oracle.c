#include "tests/sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

#define AHEAD     (2 * USEC_PER_DAY)
#define DAY_STEPS (ORACLE_STEPS / ORACLE_DAYS)

/* ---- zones, as the C library has them ---- */

static int32_t offset_read(int step) {
  time_t t = (time_t)((ORACLE_FIRST + step * ORACLE_STEP) / USEC_PER_SEC);
  struct tm local;
  localtime_r(&t, &local);
  return (int32_t)local.tm_gmtoff;
}

/* The library is asked about each step only of days on which the clocks change. */
static void day_read(struct oracle_zone *z, int from) {
  int32_t first = offset_read(from);
  bool changes = offset_read(from + DAY_STEPS) != first;
  for (int i = from; i < from + DAY_STEPS; i++) z->offsets[i] = changes ? offset_read(i) : first;
}

static struct oracle_zone *zone_read(const char *name) {
  struct oracle_zone *z = alloc_new(struct oracle_zone);
  snprintf(z->name, sizeof z->name, "%s", name);
  setenv("TZ", name, 1);
  tzset();
  for (int day = 0; day < ORACLE_DAYS; day++) day_read(z, day * DAY_STEPS);
  setenv("TZ", "UTC", 1);
  tzset();
  return z;
}

static const struct oracle_zone *zone_of(struct oracle *o, const char *name) {
  for (int i = 0; i < ORACLE_ZONES; i++) {
    if (!o->zones[i]) o->zones[i] = zone_read(name);
    if (strcmp(o->zones[i]->name, name) == 0) return o->zones[i];
  }
  abort();
}

void oracle_release(struct oracle *o) {
  for (int i = 0; i < ORACLE_ZONES; i++) free(o->zones[i]);
  *o = (struct oracle){0};
}

static duration offset(const struct oracle_zone *z, instant t) {
  return z->offsets[(t - ORACLE_FIRST) / ORACLE_STEP] * USEC_PER_SEC;
}

bool oracle_knows(instant from, instant until) {
  return from > ORACLE_FIRST + 2 * USEC_PER_DAY && until < ORACLE_FIRST + (ORACLE_DAYS - 3) * USEC_PER_DAY;
}

/* ---- one expression: minute, hour and day of week ---- */

struct field {
  bool any;
  int64_t every;
  int64_t values[4];
  int len;
};

static const char *field_read(const char *at, struct field *f) {
  *f = (struct field){0};
  if (*at == '*') {
    f->any = true;
    f->every = at[1] == '/' ? strtoll(at + 2, NULL, 10) : 1;
  } else {
    for (const char *x = at;; x++) {
      char *end;
      f->values[f->len++] = strtoll(x, &end, 10);
      x = end;
      if (*x != ',') break;
    }
  }
  at += strcspn(at, " ");
  return at + strspn(at, " ");
}

static bool field_fits(const struct field *f, int64_t value) {
  if (f->any) return value % f->every == 0;
  for (int i = 0; i < f->len; i++)
    if (f->values[i] == value) return true;
  return false;
}

struct expression {
  struct field minute, hour, day, month, weekday;
};

static bool shows(const struct expression *x, instant local) {
  int64_t minutes = local / USEC_PER_MIN;
  return field_fits(&x->minute, minutes % 60) && field_fits(&x->hour, minutes / 60 % 24) &&
         field_fits(&x->weekday, (minutes / 1440 + 4) % 7);
}

static bool any_shows(const struct expression *x, instant from, instant until) {
  for (; from < until; from += USEC_PER_MIN)
    if (shows(x, from)) return true;
  return false;
}

/* At whole minutes. What follows elapsed time fires whenever the clock shows it; what is at a fixed time fires once:
 * the first time that it is shown, or when the clock jumps over it. */
static bool fires(const struct oracle_zone *z, const struct expression *x, instant t) {
  duration now = offset(z, t), before = offset(z, t - USEC_PER_MIN);
  if (x->minute.any || x->hour.any) return shows(x, t + now);
  if (before < now && any_shows(x, t + before, t + now)) return true;
  if (!shows(x, t + now)) return false;
  for (instant back = t - USEC_PER_MIN; back > t - 3 * USEC_PER_HOUR; back -= USEC_PER_MIN)
    if (back + offset(z, back) == t + now) return false;
  return true;
}

/* ---- ranges ---- */

int64_t oracle_count(struct oracle *o, const struct schedule_spec *s, const char *rules, instant after, instant until,
                     instant *first, instant *last) {
  struct expression x;
  const struct oracle_zone *z = NULL;
  duration step = s->every;
  int64_t count = 0;
  *first = *last = INSTANT_NONE;
  if (s->cron) {
    z = zone_of(o, rules);
    step = USEC_PER_MIN;
    const char *at = field_read(s->cron, &x.minute);
    at = field_read(at, &x.hour);
    at = field_read(at, &x.day);
    at = field_read(at, &x.month);
    field_read(at, &x.weekday);
  }
  for (instant t = after / step * step + step; t <= until; t += step) {
    if (s->cron && !fires(z, &x, t)) continue;
    if (count++ == 0) *first = t;
    *last = t;
  }
  return count;
}

instant oracle_next(struct oracle *o, const struct schedule_spec *s, const char *rules, instant after) {
  instant first, last;
  for (instant from = after; from < after + AHEAD; from += USEC_PER_HOUR)
    if (oracle_count(o, s, rules, from, from + USEC_PER_HOUR, &first, &last)) return first;
  return INSTANT_NONE;
}

bool oracle_change_near(struct oracle *o, const struct schedule_spec *s, const char *rules, instant at) {
  if (!s->cron) return false;
  const struct oracle_zone *z = zone_of(o, rules);
  return offset(z, at - USEC_PER_DAY / 2) != offset(z, at + USEC_PER_DAY / 2);
}
