#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "scheduler/spec/time/timing.h"
#include "scheduler/spec/time/zone.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static instant at(const char *text) {
  instant t;
  assert_int_equal(instant_parse(text, &t), 0);
  return t;
}

static struct timing every(duration interval) {
  struct timing t;
  assert_int_equal(timing_set_every(&t, interval), 0);
  return t;
}

static void every_fires_at_multiples_since_the_epoch(void **state) {
  (void)state;
  static const struct {
    duration every;
    const char *t, *prev, *next;
  } cases[] = {
      {15 * USEC_PER_MIN, "2026-03-29T01:07:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"},
      {15 * USEC_PER_MIN, "2026-03-29T01:15:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"},
      {15 * USEC_PER_MIN, "2026-03-29T01:15:00.000001Z", "2026-03-29T01:15:00Z", "2026-03-29T01:30:00Z"},
      {7 * USEC_PER_DAY, "1970-01-01T00:00:00Z", "1969-12-25T00:00:00Z", "1970-01-08T00:00:00Z"},
      {90 * USEC_PER_MIN, "1969-12-31T23:59:59Z", "1969-12-31T22:30:00Z", "1970-01-01T00:00:00Z"},
      {1500 * USEC_PER_MS, "1970-01-01T00:00:01Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01.5Z"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct timing t = every(cases[i].every);
    assert_int_equal(timing_next(&t, NULL, at(cases[i].t)), at(cases[i].next));
    assert_int_equal(timing_prev(&t, NULL, at(cases[i].t)), at(cases[i].prev));
  }
}

static void an_interval_under_a_second_is_refused(void **state) {
  (void)state;
  struct timing t;
  assert_int_equal(timing_set_every(&t, USEC_PER_SEC - 1), ERR_INVALID);
  assert_int_equal(timing_set_every(&t, 0), ERR_INVALID);
  assert_int_equal(timing_set_every(&t, -USEC_PER_MIN), ERR_INVALID);
  assert_int_equal(timing_set_every(&t, USEC_PER_SEC), 0);
}

static void the_ends_of_time_have_no_firings(void **state) {
  (void)state;
  struct timing t = every(USEC_PER_HOUR);
  assert_true(timing_next(&t, NULL, INT64_MAX) == INSTANT_NONE);
  assert_true(timing_prev(&t, NULL, INSTANT_NONE) == INSTANT_NONE);
  assert_true(timing_prev(&t, NULL, INT64_MIN + 1) == INSTANT_NONE);
}

static void cron_goes_by_its_zone(void **state) {
  (void)state;
  struct timing t;
  struct cron_fault fault;
  struct zone *z;
  assert_int_equal(zone_load("Europe/Oslo", NULL, &z), 0);
  assert_int_equal(timing_set_cron(&t, "30 2 * * *", &fault), 0);
  assert_int_equal(timing_next(&t, z, at("2026-03-28T12:00:00Z")), at("2026-03-29T01:00:00Z"));
  assert_int_equal(timing_prev(&t, z, at("2026-03-29T01:00:00Z")), at("2026-03-28T01:30:00Z"));
  assert_int_equal(timing_next(&t, zone_utc(), at("2026-03-28T12:00:00Z")), at("2026-03-29T02:30:00Z"));
  assert_int_equal(timing_count(&t, z, at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")), 31);
  assert_int_equal(timing_set_cron(&t, "30 25 * * *", &fault), ERR_INVALID);
  assert_string_equal(fault.field, "hour");
  zone_free(z);
}

static void counts_include_the_end_but_not_the_beginning(void **state) {
  (void)state;
  struct timing t = every(USEC_PER_MIN);
  instant from = at("2006-01-01T00:00:00Z"), until = at("2026-01-01T00:00:00Z");
  assert_int_equal(timing_count(&t, NULL, from, until), 7305 * 1440);
  assert_int_equal(timing_count(&t, NULL, from - 1, until - 1), 7305 * 1440);
  assert_int_equal(timing_count(&t, NULL, from, from + USEC_PER_MIN - 1), 0);
  assert_int_equal(timing_count(&t, NULL, until, from), 0);
  assert_int_equal(timing_count(&t, NULL, -USEC_PER_MIN - 1, USEC_PER_MIN), 3);
}

static void jitter_is_the_same_for_the_same_firing(void **state) {
  (void)state;
  const duration max = 30 * USEC_PER_SEC;
  instant t = at("2026-03-29T01:00:00Z");
  /* The value may never change between versions: a restart after an upgrade would start a firing anew. */
  assert_int_equal(timing_jitter("nightly 30 2 * * * Europe/Oslo", t, max), 14070597);
  assert_int_not_equal(timing_jitter("nightly", t, max), timing_jitter("weekly", t, max));
  assert_int_not_equal(timing_jitter("nightly", t, max), timing_jitter("nightly", t + USEC_PER_DAY, max));
  assert_int_equal(timing_jitter("nightly", t, 0), 0);
  assert_int_equal(timing_jitter("nightly", t, -1), 0);
  assert_int_equal(timing_jitter("nightly", t, 1), 0);
}

static void jitter_is_spread_evenly(void **state) {
  (void)state;
  enum { BUCKETS = 10, DRAWS = 20000 };
  const duration max = 30 * USEC_PER_SEC;
  int filled[BUCKETS] = {0};
  for (int i = 0; i < DRAWS; i++) {
    duration d = timing_jitter("nightly", i * USEC_PER_DAY, max);
    assert_true(d >= 0 && d < max);
    filled[d * BUCKETS / max]++;
  }
  for (int i = 0; i < BUCKETS; i++) assert_in_range(filled[i], DRAWS / BUCKETS * 9 / 10, DRAWS / BUCKETS * 11 / 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_fires_at_multiples_since_the_epoch),
      cmocka_unit_test(an_interval_under_a_second_is_refused),
      cmocka_unit_test(the_ends_of_time_have_no_firings),
      cmocka_unit_test(cron_goes_by_its_zone),
      cmocka_unit_test(counts_include_the_end_but_not_the_beginning),
      cmocka_unit_test(jitter_is_the_same_for_the_same_firing),
      cmocka_unit_test(jitter_is_spread_evenly),
  };
  return cmocka_run_group_tests_name("timing", tests, NULL, NULL);
}
