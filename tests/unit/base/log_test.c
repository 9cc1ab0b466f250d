#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "tests/unit/unit.h"

/* The clocks of this test, in place of clock.c. */
static instant wall;
static int64_t monotonic;
instant clock_now(void) {
  return wall;
}
int64_t clock_monotonic(void) {
  return monotonic;
}

/* While it is captured, stderr is a file without a name. */
static int saved_stderr = -1, captured = -1;

static void capture(void) {
  char name[] = "/tmp/rota-log-test-XXXXXX";
  captured = mkstemp(name);
  assert_true(captured >= 0);
  unlink(name);
  saved_stderr = dup(STDERR_FILENO);
  dup2(captured, STDERR_FILENO);
}

/* What was written since `capture`. */
static const char *release(void) {
  static char text[8192];
  dup2(saved_stderr, STDERR_FILENO);
  close(saved_stderr);
  ssize_t len = pread(captured, text, sizeof text - 1, 0);
  close(captured);
  assert_true(len >= 0);
  text[len] = '\0';
  return text;
}

static int fresh_log(void **state) {
  (void)state;
  unsetenv("JOURNAL_STREAM");
  log_setup(LOG_INFO);
  wall = INT64_C(1774747800123999); /* 2026-03-29T01:30:00.123999Z */
  monotonic += 3600 * USEC_PER_SEC;
  return 0;
}

static void a_line_has_stamp_level_fact_and_fields(void **state) {
  (void)state;
  capture();
  LOG(LOG_INFO, "task ended", {"run", "nightly#412"}, {"host", NULL}, {"code", "1"});
  log_line(LOG_ERROR, "no fields", NULL, 0);
  LOG(LOG_DEBUG, "below the level", {"a", "b"});
  assert_string_equal(release(), "2026-03-29T01:30:00.123Z info task ended run=nightly#412 code=1\n"
                                 "2026-03-29T01:30:00.123Z error no fields\n");
}

static void values_are_quoted_and_escaped(void **state) {
  (void)state;
  static const struct {
    const char *value, *want;
  } rows[] = {
      {"plain-1.5/x:y", "plain-1.5/x:y"},       {"", "\"\""},
      {"two words", "\"two words\""},           {"a=b", "\"a=b\""},
      {"say \"hi\"", "\"say \\\"hi\\\"\""},     {"a\\b", "\"a\\\\b\""},
      {"line\nbreak\t", "\"line\\nbreak\\t\""}, {"\x1b[0m", "\"\\x1b[0m\""},
      {"caf\xc3\xa9", "caf\xc3\xa9"},           {"\xff", "\"\\xff\""},
      {"\xe2\x80\xae", "\"\\u202e\""},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char want[128] = "2026-03-29T01:30:00.123Z info fact v=";
    capture();
    LOG(LOG_INFO, "fact", {"v", rows[i].value});
    assert_string_equal(release(), strcat(strcat(want, rows[i].want), "\n"));
  }
}

static void a_fact_cannot_break_its_line(void **state) {
  (void)state;
  capture();
  log_line(LOG_INFO, "one\ntwo\x1b", NULL, 0);
  assert_string_equal(release(), "2026-03-29T01:30:00.123Z info one\\ntwo\\x1b\n");
}

static void under_systemd_the_priority_stands_in_front(void **state) {
  (void)state;
  setenv("JOURNAL_STREAM", "8:1234", 1);
  log_setup(LOG_DEBUG);
  capture();
  LOG(LOG_WARNING, "disk nearly full", {"free", "1%"});
  log_line(LOG_DEBUG, "detail", NULL, 0);
  assert_string_equal(release(), "<4>disk nearly full free=1%\n<7>detail\n");
}

static void repeats_are_folded_and_counted(void **state) {
  (void)state;
  capture();
  for (int i = 0; i < 4; i++) LOG(LOG_WARNING, "can't commit", {"why", "full"});
  LOG(LOG_WARNING, "can't commit", {"why", "other"});
  LOG(LOG_INFO, "can't commit", {"why", "other"}); /* another level is another line */
  assert_string_equal(release(), "2026-03-29T01:30:00.123Z warning can't commit why=full\n"
                                 "2026-03-29T01:30:00.123Z warning the line before came again times=3\n"
                                 "2026-03-29T01:30:00.123Z warning can't commit why=other\n"
                                 "2026-03-29T01:30:00.123Z info can't commit why=other\n");
}

static void a_repeat_after_ten_seconds_is_written_again(void **state) {
  (void)state;
  capture();
  log_line(LOG_INFO, "again", NULL, 0);
  monotonic += 9999999;
  log_line(LOG_INFO, "again", NULL, 0);
  monotonic += 1;
  log_line(LOG_INFO, "again", NULL, 0);
  assert_string_equal(release(), "2026-03-29T01:30:00.123Z info again\n"
                                 "2026-03-29T01:30:00.123Z info the line before came again times=1\n"
                                 "2026-03-29T01:30:00.123Z info again\n");
}

static void a_flush_writes_the_count_once(void **state) {
  (void)state;
  capture();
  log_line(LOG_INFO, "flushed", NULL, 0);
  log_flush();
  log_line(LOG_INFO, "flushed", NULL, 0);
  log_line(LOG_INFO, "flushed", NULL, 0);
  log_flush();
  log_flush();
  assert_string_equal(release(), "2026-03-29T01:30:00.123Z info flushed\n"
                                 "2026-03-29T01:30:00.123Z info the line before came again times=2\n");
}

static void a_closed_stderr_harms_nobody(void **state) {
  (void)state;
  capture();
  close(STDERR_FILENO);
  log_line(LOG_INFO, "into the void", NULL, 0);
  assert_string_equal(release(), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_line_has_stamp_level_fact_and_fields, fresh_log),
      cmocka_unit_test_setup(values_are_quoted_and_escaped, fresh_log),
      cmocka_unit_test_setup(a_fact_cannot_break_its_line, fresh_log),
      cmocka_unit_test_setup(under_systemd_the_priority_stands_in_front, fresh_log),
      cmocka_unit_test_setup(repeats_are_folded_and_counted, fresh_log),
      cmocka_unit_test_setup(a_repeat_after_ten_seconds_is_written_again, fresh_log),
      cmocka_unit_test_setup(a_flush_writes_the_count_once, fresh_log),
      cmocka_unit_test_setup(a_closed_stderr_harms_nobody, fresh_log),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
