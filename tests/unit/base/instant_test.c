#include "base/instant.h"

#include <string.h>
#include <time.h>

#include "base/err.h"
#include "tests/unit/unit.h"

static void days_and_dates_are_inverse_over_the_whole_calendar(void **state) {
  (void)state;
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t days = civil_days(-9999, 1, 1);
  for (int year = -9999; year <= 9999; year++) {
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (int month = 1; month <= 12; month++) {
      int length = lengths[month - 1] + (leap && month == 2);
      for (int day = 1; day <= length; day++, days++) {
        int y, m, d;
        civil_from_days(days, &y, &m, &d);
        if (y != year || m != month || d != day) fail_msg("%d-%d-%d became %d-%d-%d", year, month, day, y, m, d);
        if (civil_days(year, month, day) != days)
          fail_msg("%d-%d-%d isn't day %lld", year, month, day, (long long)days);
      }
      assert_true(civil_date_valid(year, month, length));
      assert_false(civil_date_valid(year, month, length + 1));
    }
  }
  assert_int_equal(civil_days(1970, 1, 1), 0);
  assert_int_equal(civil_days(2000, 3, 1), 11017);
}

static void dates_outside_the_calendar_are_not_valid(void **state) {
  (void)state;
  static const int bad[][3] = {{2026, 0, 1},  {2026, 13, 1},  {2026, 1, 0},
                               {10000, 1, 1}, {-10000, 1, 1}, {1900, 2, 29}};
  for (size_t i = 0; i < COUNT(bad); i++) assert_false(civil_date_valid(bad[i][0], bad[i][1], bad[i][2]));
  assert_true(civil_date_valid(2000, 2, 29));
}

static void weekdays_go_on_before_the_epoch(void **state) {
  (void)state;
  assert_int_equal(civil_weekday(0), 4);
  assert_int_equal(civil_weekday(-1), 3);
  assert_int_equal(civil_weekday(-4), 0);
  assert_int_equal(civil_weekday(-5), 6);
  assert_int_equal(civil_weekday(civil_days(2026, 3, 29)), 0);
}

static void civil_times_agree_with_the_c_library(void **state) {
  (void)state;
  for (int64_t seconds = -40000000000; seconds < 40000000000; seconds += 86400 * 37 + 12345) {
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    struct civil c = civil_from_instant(seconds * USEC_PER_SEC + 7, 0);
    assert_int_equal(c.year, tm.tm_year + 1900);
    assert_int_equal(c.month, tm.tm_mon + 1);
    assert_int_equal(c.day, tm.tm_mday);
    assert_int_equal(c.hour, tm.tm_hour);
    assert_int_equal(c.minute, tm.tm_min);
    assert_int_equal(c.second, tm.tm_sec);
    assert_int_equal(c.usec, 7);
    assert_int_equal(civil_weekday(civil_days(c.year, c.month, c.day)), tm.tm_wday);
    assert_int_equal(civil_to_instant(&c, 0), seconds * USEC_PER_SEC + 7);
    struct civil shifted = civil_from_instant(seconds * USEC_PER_SEC + 7, -12345);
    assert_int_equal(civil_to_instant(&shifted, -12345), seconds * USEC_PER_SEC + 7);
  }
}

static void well_formed_instants_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text, *utc;
  } rows[] = {
      {"2026-03-29T01:30:00Z", "2026-03-29T01:30:00.000000Z"},
      {"2026-03-29t01:30:00z", "2026-03-29T01:30:00.000000Z"},
      {"2026-03-29 01:30:00Z", "2026-03-29T01:30:00.000000Z"},
      {"2026-03-29T03:30:00+02:00", "2026-03-29T01:30:00.000000Z"},
      {"2026-03-28T20:00:00-05:30", "2026-03-29T01:30:00.000000Z"},
      {"2026-03-29T01:30:00-00:00", "2026-03-29T01:30:00.000000Z"},
      {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"},
      {"1969-12-31T23:59:59.1234569999Z", "1969-12-31T23:59:59.123456Z"},
      {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
      {"2024-02-29T00:00:00.000001Z", "2024-02-29T00:00:00.000001Z"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    instant t;
    char text[INSTANT_TEXT_SIZE];
    if (instant_parse(rows[i].text, &t) != 0) fail_msg("'%s' was refused", rows[i].text);
    instant_format_utc(t, text);
    assert_string_equal(text, rows[i].utc);
  }
}

static void malformed_instants_are_refused(void **state) {
  (void)state;
  static const char *const rows[] = {
      "",
      "2026-03-29",
      "2026-03-29T01:30:00",
      "2026-03-29T01:30Z",
      "2026-03-29T01:30:00.Z",
      "2026-03-29T01:30:00,5Z",
      "2026-03-29T24:00:00Z",
      "2026-03-29T01:60:00Z",
      "2026-03-29T01:30:60Z",
      "2026-02-29T01:30:00Z",
      "2026-13-01T01:30:00Z",
      "2026-3-29T01:30:00Z",
      "26-03-29T01:30:00Z",
      "+2026-03-29T01:30:00Z",
      "2026-03-29T01:30:00+2:00",
      "2026-03-29T01:30:00+0200",
      "2026-03-29T01:30:00+24:00",
      "2026-03-29T01:30:00+01:60",
      "2026-03-29T01:30:00Z ",
      " 2026-03-29T01:30:00Z",
      "2026-03-29T01:30:00ZZ",
      "2026-03-29X01:30:00Z",
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    instant t = 42;
    if (instant_parse(rows[i], &t) != ERR_INVALID) fail_msg("'%s' was taken", rows[i]);
    assert_int_equal(t, 42);
  }
}

static void offsets_are_written_with_a_fraction_only_if_there_is_one(void **state) {
  (void)state;
  instant t;
  char text[INSTANT_TEXT_SIZE];
  assert_int_equal(instant_parse("2026-03-29T01:30:00Z", &t), 0);
  instant_format_offset(t, 7200, text);
  assert_string_equal(text, "2026-03-29T03:30:00+02:00");
  instant_format_offset(t + 1500, -(5 * 3600 + 1800), text);
  assert_string_equal(text, "2026-03-28T20:00:00.001500-05:30");
  instant_format_offset(t, 0, text);
  assert_string_equal(text, "2026-03-29T01:30:00+00:00");
}

static void any_instant_can_be_written(void **state) {
  (void)state;
  static const instant ends[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX};
  for (size_t i = 0; i < COUNT(ends); i++) {
    char text[INSTANT_TEXT_SIZE];
    instant_format_utc(ends[i], text);
    assert_true(strlen(text) < INSTANT_TEXT_SIZE);
    instant_format_offset(ends[i], 14 * 3600, text);
    assert_true(strlen(text) < INSTANT_TEXT_SIZE);
  }
}

static void dates_are_read_and_written(void **state) {
  (void)state;
  static const char *const bad[] = {"", "2026-02-30", "2026-1-01", "2026-01-01 ", "2026-01-01T00:00:00Z", "20260101"};
  int64_t days;
  char text[16];
  assert_int_equal(date_parse("2026-03-29", &days), 0);
  assert_int_equal(days, 20541);
  date_format(days, text);
  assert_string_equal(text, "2026-03-29");
  for (size_t i = 0; i < COUNT(bad); i++) assert_int_equal(date_parse(bad[i], &days), ERR_INVALID);
}

static void well_formed_durations_are_read_and_written(void **state) {
  (void)state;
  static const struct {
    const char *text;
    duration value;
    const char *canonical;
  } rows[] = {
      {"90s", 90 * USEC_PER_SEC, "1m30s"},
      {"5m", 5 * USEC_PER_MIN, "5m"},
      {"1h30m", 90 * USEC_PER_MIN, "1h30m"},
      {"2d", 2 * USEC_PER_DAY, "2d"},
      {"250ms", 250 * USEC_PER_MS, "250ms"},
      {"1m250ms", USEC_PER_MIN + 250 * USEC_PER_MS, "1m250ms"},
      {"1d2h3m4s5ms", USEC_PER_DAY + 2 * USEC_PER_HOUR + 3 * USEC_PER_MIN + 4 * USEC_PER_SEC + 5000, "1d2h3m4s5ms"},
      {"0s", 0, "0s"},
      {"0ms", 0, "0s"},
      {"007s", 7 * USEC_PER_SEC, "7s"},
      {"3650d", DURATION_MAX, "3650d"},
      {"315360000s", DURATION_MAX, "3650d"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    duration d;
    char text[DURATION_TEXT_SIZE];
    if (duration_parse(rows[i].text, &d) != 0) fail_msg("'%s' was refused", rows[i].text);
    assert_int_equal(d, rows[i].value);
    duration_format(d, text);
    assert_string_equal(text, rows[i].canonical);
    assert_int_equal(duration_parse(text, &d), 0);
    assert_int_equal(d, rows[i].value);
  }
}

static void malformed_durations_are_refused(void **state) {
  (void)state;
  static const char *const rows[] = {
      "",      "5",     "s",     "-5s",   "+5s",        "5 s",          " 5s",
      "5s ",   "5S",    "1.5h",  "30m1h", "1h1h",       "5min",         "5sec",
      "1w",    "1y",    "5us",   "1h30",  "h30m",       "3651d",        "3650d1ms",
      "1e3s",  "0x5s",  "5mss",  "5s5",   "5ms1s",      "99999999999h", "99999999999999999999999s",
      "12:30", "never", "1h-5m", "1h,5m", "5\xc2\xb5s",
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    duration d = 42;
    if (duration_parse(rows[i], &d) != ERR_INVALID) fail_msg("'%s' was taken", rows[i]);
    assert_int_equal(d, 42);
  }
}

static void odd_durations_are_written_too(void **state) {
  (void)state;
  static const struct {
    duration value;
    const char *text;
  } rows[] = {
      {999, "0s"},
      {-999, "0s"},
      {-90 * USEC_PER_SEC, "-1m30s"},
      {INT64_MAX, "106751991d4h54s775ms"},
      {INT64_MIN, "-106751991d4h54s775ms"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[DURATION_TEXT_SIZE];
    duration_format(rows[i].value, text);
    assert_string_equal(text, rows[i].text);
  }
}

static void the_clocks_run(void **state) {
  (void)state;
  instant wall = clock_now();
  assert_in_range(wall / USEC_PER_SEC, time(NULL) - 2, time(NULL) + 2);
  int64_t before = clock_monotonic();
  struct timespec nap = {.tv_nsec = 2000000};
  nanosleep(&nap, NULL);
  assert_true(clock_monotonic() - before >= 2000);
}

static void spans_are_as_long_as_they_must_be(void **state) {
  (void)state;
  static const struct {
    int64_t ms;
    const char *text;
  } rows[] = {
      {0, "0ms"},
      {999, "999ms"},
      {1000, "1.0s"},
      {9949, "9.9s"},
      {10000, "10s"},
      {59999, "59s"},
      {60000, "1m 00s"},
      {3599999, "59m 59s"},
      {3723000, "1h 02m 03s"},
      {-1, "-"},
      {360000000, "100h 00m 00s"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[DURATION_TEXT_SIZE];
    duration_show((rows[i].ms) * USEC_PER_MS, text);
    assert_string_equal(text, rows[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spans_are_as_long_as_they_must_be),
      cmocka_unit_test(days_and_dates_are_inverse_over_the_whole_calendar),
      cmocka_unit_test(dates_outside_the_calendar_are_not_valid),
      cmocka_unit_test(weekdays_go_on_before_the_epoch),
      cmocka_unit_test(civil_times_agree_with_the_c_library),
      cmocka_unit_test(well_formed_instants_are_read),
      cmocka_unit_test(malformed_instants_are_refused),
      cmocka_unit_test(offsets_are_written_with_a_fraction_only_if_there_is_one),
      cmocka_unit_test(any_instant_can_be_written),
      cmocka_unit_test(dates_are_read_and_written),
      cmocka_unit_test(well_formed_durations_are_read_and_written),
      cmocka_unit_test(malformed_durations_are_refused),
      cmocka_unit_test(odd_durations_are_written_too),
      cmocka_unit_test(the_clocks_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
