#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/spec/time/cron.h"
#include "scheduler/spec/time/zone.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static int pick(uint64_t *state, int n) {
  return (int)(next_random(state) % (uint64_t)n);
}

static uint64_t seed(void) {
  const char *given = getenv("ROTA_SEED");
  uint64_t s = given ? strtoull(given, NULL, 0) : (uint64_t)clock_now();
  print_message("ROTA_SEED=%llu\n", (unsigned long long)s);
  return s;
}

static instant at(const char *text) {
  instant t;
  if (instant_parse(text, &t) < 0) fail_msg("not an instant: %s", text);
  return t;
}

static struct zone *load(const char *name) {
  struct zone *z;
  int rc = zone_load(name, NULL, &z);
  if (rc < 0) fail_msg("%s: %s; is tzdata installed?", name, err_name(rc));
  return z;
}

static struct cron parse(const char *text) {
  struct cron c;
  struct cron_fault fault;
  if (cron_parse(text, &c, &fault) < 0) fail_msg("'%s': %s", text, fault.message);
  return c;
}

static bool same_sets(const struct cron *a, const struct cron *b) {
  return a->minutes == b->minutes && a->hours == b->hours && a->days == b->days && a->months == b->months &&
         a->weekdays == b->weekdays && a->both_days == b->both_days && a->elapsed_time == b->elapsed_time;
}

/* A file of the shared test data; skips the test if it isn't there. */
static void shared(const char *name, struct buf *out) {
  const char *dir = getenv("ROTA_SHARED");
  char *path = path_join(dir ? dir : "../shared", name);
  int rc = file_read(path, 1024 * 1024, out);
  free(path);
  if (rc >= 0) return;
  print_message("skipped: no %s\n", name);
  skip();
}

static void expect_firing(const char *row, instant found, const char *wanted) {
  char text[INSTANT_TEXT_SIZE] = "none";
  if (found != INSTANT_NONE) instant_format_utc(found, text);
  if (found != at(wanted)) fail_msg("%s: %s, not %s", row, text, wanted);
}

static void check_vector(char *line) {
  char *cells[7], *rest = line;
  char row[256];
  struct cron c;
  struct cron_fault fault;
  snprintf(row, sizeof row, "%s", line);
  for (size_t i = 0; i < COUNT(cells); i++) cells[i] = strsep(&rest, "\t");
  if (strcmp(cells[3], "NONE") == 0) {
    if (cron_parse(cells[0], &c, &fault) != ERR_INVALID) fail_msg("accepted: %s", row);
    return;
  }
  struct zone *z = load(cells[1]);
  c = parse(cells[0]);
  instant t = at(cells[2]);
  for (int i = 3; i < 6 && cells[i][0]; i++) {
    instant next = cron_next(&c, z, t);
    expect_firing(row, next, cells[i]);
    if (i > 3) expect_firing(row, cron_prev(&c, z, next), cells[i - 1]);
    t = next;
  }
  zone_free(z);
}

static void every_known_answer_is_given(void **state) {
  (void)state;
  struct buf file = {0};
  shared("cron/vectors.tsv", &file);
  char *rest = file.bytes;
  strsep(&rest, "\n");
  size_t rows = 0;
  for (char *line; (line = strsep(&rest, "\n"));) {
    if (*line == '\0') continue;
    check_vector(line);
    rows++;
  }
  print_message("%zu rows\n", rows);
  assert_true(rows >= 200);
  buf_release(&file);
}

static void everything_invalid_is_refused(void **state) {
  (void)state;
  static const char *const names[] = {"minute", "hour", "day of month", "month", "day of week", "expression"};
  struct buf file = {0};
  shared("cron/invalid.txt", &file);
  char *rest = file.bytes;
  size_t rows = 0;
  for (char *line; (line = strsep(&rest, "\n"));) {
    struct cron c;
    struct cron_fault fault;
    if (*line == '\0') continue;
    rows++;
    if (cron_parse(line, &c, &fault) != ERR_INVALID) fail_msg("accepted: %s", line);
    size_t known = 0;
    for (size_t i = 0; i < COUNT(names); i++) known += strcmp(fault.field, names[i]) == 0;
    assert_int_equal(known, 1);
    assert_true(strncmp(fault.message, fault.field, strlen(fault.field)) == 0);
    assert_true(fault.width >= 1 && fault.offset + fault.width <= strlen(line));
  }
  print_message("%zu lines\n", rows);
  assert_true(rows >= 70);
  buf_release(&file);
}

static void a_message_says_where_and_what_to_do(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t offset, width;
    const char *message, *help; /* help: a part of it */
  } cases[] = {
      {"", 0, 1, "expression: it is empty", "30 2 * * *"},
      {" \t ", 0, 1, "expression: it is empty", ""},
      {"60 * * * *", 0, 2, "minute: 60 is out of range, which is 0 to 59", ""},
      {"0 24 * * *", 2, 2, "hour: 24 is out of range, which is 0 to 23", ""},
      {"0 0 0 * *", 4, 1, "day of month: 0 is out of range, which is 1 to 31", ""},
      {"0 0 * * 1,8", 10, 1, "day of week: 8 is out of range, which is 0 to 7", ""},
      {"99999999999999999999999 * * * *", 0, 23, "minute: 99999999999999999999 is out of range, which is 0 to 59",
       ""},
      {"4294967296 * * * *", 0, 10, "minute: 4294967296 is out of range, which is 0 to 59", ""},
      {"0 22-5 * * *", 2, 4, "hour: the range 22-5 runs backwards", "22-23,0-5"},
      {"0 0 * * fri-sun", 8, 7, "day of week: the range fri-sun runs backwards", "5-7"},
      {"0 0 * * 5-1", 8, 3, "day of week: the range 5-1 runs backwards", "5-6,0-1"},
      {"0 0 * nov-feb *", 6, 7, "month: the range nov-feb runs backwards", "11-12,1-2"},
      {"5/15 * * * *", 1, 1, "minute: a step must follow '*' or a range", "5-59/15"},
      {"*/0 * * * *", 2, 1, "minute: the step 0 is out of range, which is 1 to 59", ""},
      {"*/90 * * * *", 2, 2, "minute: the step 90 is out of range, which is 1 to 59", "every:"},
      {"1,,2 * * * *", 2, 1, "minute: a number is missing", "comma"},
      {"1, * * * *", 1, 1, "minute: a number is missing at the end", ""},
      {"1- * * * *", 1, 1, "minute: a number is missing at the end", ""},
      {"0 0 * * monday", 8, 6, "day of week: 'monday' is not known here; a number or a name is wanted", "'mon'"},
      {"0 0 * sept *", 6, 4, "month: 'sept' is not known here; a number or a name is wanted", "'sep'"},
      {"0 0 mon * *", 4, 3, "day of month: 'mon' is not known here; a number is wanted", ""},
      {"0 0 L * *", 4, 1, "day of month: 'L' (the last one) is not part of cron", "28-31"},
      {"0 0 15W * *", 6, 1, "day of month: 'W' (the nearest working day) is not part of cron", "run.date"},
      {"0 0 LW * *", 4, 2, "day of month: 'LW' (the last working day) is not part of cron", "run.date"},
      {"0 0 * * 1#2", 9, 1, "day of week: '#' (the nth weekday of a month) is not part of cron", "run.date"},
      {"0 0 ? * *", 4, 1, "day of month: '?' is not part of cron", "write '*'"},
      {"H 0 * * *", 0, 1, "minute: 'H' (a place chosen by hash) is not part of cron", "jitter"},
      {"0~30 0 * * *", 1, 1, "minute: '~' (a random number) is not part of cron", "jitter"},
      {"0 0 * * *%", 9, 1, "day of week: '%' belongs to a crontab's command", "run:"},
      {"*/5 * * *", 0, 9, "expression: it has 4 fields, not five", "minute, hour"},
      {"0 30 2 * * *", 0, 12, "expression: it has 6 fields, not five", "every: 30s"},
      {"0 30 2 * * ? 2026", 0, 17, "expression: it has 7 fields, not five", "every: 30s"},
      {"30 2 * * * /usr/bin/backup --all", 11, 21, "expression: there is more after the five fields", "run:"},
      {"CRON_TZ=Europe/Oslo 30 2 * * *", 0, 19, "expression: a zone is not part of it", "timezone:"},
      {"@reboot", 0, 7, "expression: '@reboot' is no time of the clock", "service"},
      {"@every 5m", 0, 6, "expression: '@every' is not part of cron", "every: 15m"},
      {"@dayly", 0, 6, "expression: '@dayly' is not known", "@daily"},
      {"@daily /usr/bin/backup", 7, 15, "expression: '@daily' stands alone", "run:"},
      {"@\xc3\xa9", 0, 3, "expression: this word is not known", "@hourly"},
      {"0 0 30 2 *", 4, 2, "day of month: no month of it has such a day, so it never fires", "a day"},
      {"0 0 31 2,4,6,9,11 *", 4, 2, "day of month: no month of it has such a day, so it never fires", "a day"},
      {"0 \xc3\xa9 * * *", 2, 1, "hour: a number is wanted, not the byte 0xc3", ""},
      {"0 0 * * *\n", 9, 1, "day of week: a comma or the field's end is wanted, not the byte 0x0a", ""},
      {"-1 * * * *", 0, 1, "minute: a number is wanted, not '-'", ""},
      {"+1 * * * *", 0, 1, "minute: a number is wanted, not '+'", ""},
      {"*5 * * * *", 1, 1, "minute: a comma or the field's end is wanted, not '5'", ""},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct cron c;
    struct cron_fault fault;
    if (cron_parse(cases[i].text, &c, &fault) != ERR_INVALID) fail_msg("accepted: %s", cases[i].text);
    assert_string_equal(fault.message, cases[i].message);
    if (!strstr(fault.help, cases[i].help)) fail_msg("%s: help: %s", cases[i].text, fault.help);
    if (fault.offset != cases[i].offset || fault.width != cases[i].width)
      fail_msg("%s: at %zu, %zu wide", cases[i].text, fault.offset, fault.width);
  }
}

static void words_and_spellings_mean_the_same(void **state) {
  (void)state;
  static const struct {
    const char *one, *other;
  } cases[] = {
      {"@hourly", "0 * * * *"},
      {"@daily", "0 0 * * *"},
      {"@midnight", "@daily"},
      {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"},
      {"@yearly", "0 0 1 1 *"},
      {"@annually", "@yearly"},
      {"  @daily ", "@daily"},
      {"0 0 * JAN,feb sUn", "0 0 * 1-2 7"},
      {"\t0  00\t* * 7 ", "0 0 * * 0"},
      {"0-59/15 1-3 * * *", "0,15,30,45 1,2,3 * * *"},
      {"0 0 * * sat-7", "0 0 * * 0,6"},
      {"0 0 * * 0-7", "0 0 * * 0-6"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct cron a = parse(cases[i].one), b = parse(cases[i].other);
    if (!same_sets(&a, &b)) fail_msg("%s is not %s", cases[i].one, cases[i].other);
  }
}

static void rare_days_are_found_and_never_ends(void **state) {
  (void)state;
  static const struct {
    const char *text, *zone, *after, *next;
  } cases[] = {
      {"0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
      {"0 0 29 2 */7", "UTC", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"},
      {"0 0 29 2 */7", "America/New_York", "2088-02-29T05:00:00Z", "2128-02-29T05:00:00Z"},
      {"0 0 31 2 1", "UTC", "2026-02-23T00:00:00Z", "2027-02-01T00:00:00Z"},
      {"* * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
      {"* * * * *", "UTC", "2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z"},
      /* Clocks that were 44 min 30 s behind. */
      {"0 * * * *", "Africa/Monrovia", "1971-06-01T12:00:00Z", "1971-06-01T12:44:30Z"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct zone *z = load(cases[i].zone);
    struct cron c = parse(cases[i].text);
    expect_firing(cases[i].text, cron_next(&c, z, at(cases[i].after)), cases[i].next);
    zone_free(z);
  }
  struct cron c = parse("* * * * *");
  assert_true(cron_next(&c, zone_utc(), INSTANT_NONE) == INSTANT_NONE);
  assert_true(cron_next(&c, zone_utc(), INT64_MAX) == INSTANT_NONE);
  assert_true(cron_prev(&c, zone_utc(), INT64_MAX) == INSTANT_NONE);
  assert_int_equal(cron_count(&c, zone_utc(), INSTANT_NONE, 0), 0);
}

static void changes_over_three_hours_are_not_made_good(void **state) {
  (void)state;
  static const struct {
    const char *text, *zone, *after, *next;
  } cases[] = {
      /* 30 December 2011 wasn't there, nor was 21 August 1993. */
      {"0 12 * * *", "Pacific/Apia", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"},
      {"0 12 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00Z", "2012-12-29T22:00:00Z"},
      {"0 12 * * *", "Pacific/Kwajalein", "1993-08-21T00:00:00Z", "1993-08-22T00:00:00Z"},
      {"0 12 21 8 *", "Pacific/Kwajalein", "1993-01-01T00:00:00Z", "1994-08-21T00:00:00Z"},
      /* Exactly three hours forward on 18 October 2009 at 02:00. */
      {"30 2 * * *", "Antarctica/Casey", "2009-10-17T00:00:00Z", "2009-10-17T18:00:00Z"},
      {"30 2 18 10 *", "Antarctica/Casey", "2009-01-01T00:00:00Z", "2009-10-17T18:00:00Z"},
      {"*/30 2 18 10 *", "Antarctica/Casey", "2009-01-01T00:00:00Z", "2010-10-17T18:00:00Z"},
      /* Kwajalein lived through 30 September 1969 twice, 23 hours back. */
      {"0 6 30 9 *", "Pacific/Kwajalein", "1969-01-01T00:00:00Z", "1969-09-29T19:00:00Z"},
      {"0 6 30 9 *", "Pacific/Kwajalein", "1969-09-29T19:00:00Z", "1969-09-30T18:00:00Z"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct zone *z = load(cases[i].zone);
    struct cron c = parse(cases[i].text);
    instant next = cron_next(&c, z, at(cases[i].after));
    expect_firing(cases[i].text, next, cases[i].next);
    assert_true(cron_prev(&c, z, next) <= at(cases[i].after));
    zone_free(z);
  }
}

/* An expression with its sets kept aside, so that it can be matched without the code under test. */
struct naive {
  struct buf text;
  bool in[5][60]; /* weekdays: 0 to 6 */
  bool star[5];
};

static void naive_field(struct naive *n, int f, uint64_t *random) {
  static const int low[] = {0, 0, 1, 1, 0}, high[] = {59, 23, 31, 12, 6};
  int form = pick(random, f < 2 ? 5 : 8);
  n->star[f] = form == 0 || form >= 4;
  if (n->star[f]) {
    int step = form == 0 ? 1 + pick(random, high[f]) : 1;
    for (int i = low[f]; i <= high[f]; i += step) n->in[f][i] = true;
    if (step == 1)
      buf_str(&n->text, "*");
    else
      buf_fmt(&n->text, "*/%d", step);
    return;
  }
  for (int parts = 1 + pick(random, 3); parts > 0; parts--) {
    int a = low[f] + pick(random, high[f] - low[f] + 1), b = a + pick(random, high[f] - a + 1), step = 1;
    if (form == 1) b = a;
    if (form == 3) step = 1 + pick(random, 5);
    for (int i = a; i <= b; i += step) n->in[f][i] = true;
    buf_fmt(&n->text, "%d", a);
    if (b > a || step > 1) buf_fmt(&n->text, "-%d", b);
    if (step > 1) buf_fmt(&n->text, "/%d", step);
    if (parts > 1) buf_char(&n->text, ',');
  }
}

/* Made of random sets; false if it can never fire. */
static bool naive_make(struct naive *n, struct cron *c, uint64_t *random) {
  struct cron_fault fault;
  buf_reset(&n->text);
  memset(n->in, 0, sizeof n->in);
  for (int f = 0; f < 5; f++) {
    if (f) buf_char(&n->text, ' ');
    naive_field(n, f, random);
  }
  if (cron_parse(n->text.bytes, c, &fault) == 0) return true;
  if (!strstr(fault.message, "never fires")) fail_msg("%s: %s", n->text.bytes, fault.message);
  return false;
}

static bool naive_matches(const struct naive *n, const struct civil *c) {
  bool day = n->in[2][c->day], weekday = n->in[4][civil_weekday(civil_days(c->year, c->month, c->day))];
  bool both = n->star[2] || n->star[4];
  return n->in[0][c->minute] && n->in[1][c->hour] && n->in[3][c->month] && (both ? day && weekday : day || weekday);
}

#define FIRINGS_MAX 20000

struct firings {
  instant at[FIRINGS_MAX];
  size_t len;
};

static void firings_add(struct firings *f, instant t, instant from, instant until) {
  if (t < from || t >= until) return;
  size_t i = f->len;
  while (i > 0 && f->at[i - 1] > t) i--;
  if (i > 0 && f->at[i - 1] == t) return;
  assert_true(f->len < FIRINGS_MAX);
  memmove(&f->at[i + 1], &f->at[i], (f->len - i) * sizeof *f->at);
  f->at[i] = t;
  f->len++;
}

/* What the rules say about one local minute after the other. */
static void naive_firings(const struct naive *n, const struct zone *z, instant from, instant until,
                          struct firings *f) {
  const bool fixed = !n->star[0] && !n->star[1];
  f->len = 0;
  instant first = (from / USEC_PER_DAY - 2) * USEC_PER_DAY;
  for (instant local = first; local < until + 2 * USEC_PER_DAY; local += USEC_PER_MIN) {
    struct civil c = civil_from_instant(local, 0);
    if (!naive_matches(n, &c)) continue;
    instant out[2], gap;
    int count = zone_local_to_instants(z, &c, out, &gap);
    if (count == 0) {
      duration wide = (zone_offset(z, gap) - zone_offset(z, gap - 1)) * USEC_PER_SEC;
      if (fixed && wide <= CRON_CAUGHT_UP) firings_add(f, gap, from, until);
    } else if (count == 2 && fixed && out[1] - out[0] <= CRON_CAUGHT_UP) {
      firings_add(f, out[0], from, until);
    } else {
      for (int i = 0; i < count; i++) firings_add(f, out[i], from, until);
    }
  }
}

static const char *const restless[] = {"America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
                                       "America/Santiago", "Pacific/Apia",        "Antarctica/Casey",
                                       "Antarctica/Troll", "Europe/Dublin",       "America/Sao_Paulo",
                                       "America/Nuuk",     "Asia/Gaza",           "Europe/Oslo"};

static void agree(const struct naive *n, const struct cron *c, const struct zone *z, instant from, instant until,
                  const struct firings *f) {
  const char *text = n->text.bytes;
  instant t = from - 1;
  for (size_t i = 0; i < f->len; i++) {
    instant next = cron_next(c, z, t);
    if (next != f->at[i])
      fail_msg("%s in %s after %lld: %lld, not %lld", text, zone_name(z), (long long)t, (long long)next,
               (long long)f->at[i]);
    t = next;
  }
  instant end = cron_next(c, z, t);
  if (end != INSTANT_NONE && end < until)
    fail_msg("%s in %s: one too many: %lld", text, zone_name(z), (long long)end);
  t = until;
  for (size_t i = f->len; i-- > 0;) {
    instant prev = cron_prev(c, z, t);
    if (prev != f->at[i])
      fail_msg("%s in %s before %lld: %lld, not %lld", text, zone_name(z), (long long)t, (long long)prev,
               (long long)f->at[i]);
    t = prev;
  }
  if (cron_count(c, z, from - 1, until - 1) != f->len)
    fail_msg("%s in %s: counted %llu, not %zu", text, zone_name(z),
             (unsigned long long)cron_count(c, z, from - 1, until - 1), f->len);
}

static void a_count_by_the_minute_around_changes_agrees(void **state) {
  (void)state;
  uint64_t random = seed();
  struct naive n = {0};
  struct cron c;
  struct firings *f = malloc(sizeof *f);
  size_t compared = 0;
  for (int i = 0; i < 400; i++) {
    struct zone *z = load(restless[(size_t)i % COUNT(restless)]);
    instant t = (instant)(next_random(&random) % (uint64_t)(80 * 365 * USEC_PER_DAY));
    struct zone_span span = zone_span_at(z, t);
    instant change = span.end != ZONE_SPAN_LAST ? span.end : t;
    instant from = change - (instant)(next_random(&random) % (uint64_t)(2 * USEC_PER_DAY));
    instant until = change + (instant)(next_random(&random) % (uint64_t)(2 * USEC_PER_DAY));
    if (naive_make(&n, &c, &random)) {
      naive_firings(&n, z, from, until, f);
      agree(&n, &c, z, from, until, f);
      compared += f->len;
    }
    zone_free(z);
  }
  print_message("%zu firings\n", compared);
  assert_true(compared > 1000);
  free(f);
  buf_release(&n.text);
}

/* In Berlin 2:00 to 3:00 are skipped on 29 March 2026, at 1:00 UTC. */
static void a_firing_made_good_and_one_at_the_end_of_the_gap_are_one(void **state) {
  (void)state;
  struct zone *z = load("Europe/Berlin");
  struct cron c;
  struct cron_fault fault;
  const struct civil eve = {.year = 2026, .month = 3, .day = 29};
  instant midnight = civil_to_instant(&eve, 0), change = midnight + USEC_PER_HOUR;
  assert_int_equal(cron_parse("0 2,3 * * *", &c, &fault), 0);
  assert_int_equal(cron_next(&c, z, midnight), change);
  assert_int_equal(cron_next(&c, z, change), midnight + 24 * USEC_PER_HOUR);
  assert_int_equal(cron_count(&c, z, midnight, change), 1);
  assert_int_equal(cron_count(&c, z, midnight, midnight + 25 * USEC_PER_HOUR), 3);
  assert_int_equal(cron_parse("30 2,3 * * *", &c, &fault), 0);
  assert_int_equal(cron_count(&c, z, midnight, midnight + 2 * USEC_PER_HOUR), 2);
  zone_free(z);
}

static void next_prev_and_count_fit_together(void **state) {
  (void)state;
  uint64_t random = seed();
  struct naive n = {0};
  struct cron c;
  struct zone *zones[COUNT(restless)];
  for (size_t i = 0; i < COUNT(restless); i++) zones[i] = load(restless[i]);
  for (int i = 0; i < 20000; i++) {
    const struct zone *z = zones[(size_t)i % COUNT(restless)];
    instant x = (instant)(next_random(&random) % (uint64_t)(130 * 365 * USEC_PER_DAY));
    if (!naive_make(&n, &c, &random)) continue;
    instant t = cron_next(&c, z, x), before = cron_prev(&c, z, t);
    bool good = x < t && before <= x && cron_next(&c, z, before) == t && cron_next(&c, z, t - 1) == t &&
                cron_count(&c, z, x, t) == 1 && cron_count(&c, z, x, t - 1) == 0 && cron_count(&c, z, before, t) == 1;
    uint64_t steps = 1 + (uint64_t)pick(&random, 30);
    for (uint64_t k = 1; k < steps; k++) t = cron_next(&c, z, t);
    if (!good || cron_count(&c, z, x, t) != steps)
      fail_msg("%s in %s at %lld", n.text.bytes, zone_name(z), (long long)x);
  }
  for (size_t i = 0; i < COUNT(restless); i++) zone_free(zones[i]);
  buf_release(&n.text);
}

static void twenty_years_of_minutes_are_counted(void **state) {
  (void)state;
  struct zone *z = load("America/New_York");
  struct cron minutely = parse("* * * * *"), daily = parse("30 2 * * *");
  instant from = at("2006-01-01T00:00:00Z"), until = at("2026-01-01T00:00:00Z");
  assert_int_equal(cron_count(&minutely, z, from, until), 7305 * 1440);
  assert_int_equal(cron_count(&daily, z, from, until), 7305);
  assert_int_equal(cron_count(&daily, z, until, from), 0);
  zone_free(z);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_known_answer_is_given),
      cmocka_unit_test(everything_invalid_is_refused),
      cmocka_unit_test(a_message_says_where_and_what_to_do),
      cmocka_unit_test(words_and_spellings_mean_the_same),
      cmocka_unit_test(rare_days_are_found_and_never_ends),
      cmocka_unit_test(changes_over_three_hours_are_not_made_good),
      cmocka_unit_test(a_count_by_the_minute_around_changes_agrees),
      cmocka_unit_test(a_firing_made_good_and_one_at_the_end_of_the_gap_are_one),
      cmocka_unit_test(next_prev_and_count_fit_together),
      cmocka_unit_test(twenty_years_of_minutes_are_counted),
  };
  return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
