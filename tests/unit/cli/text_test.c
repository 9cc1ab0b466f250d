#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/text.h"

static void targets_are_percent_encoded(void **state) {
  (void)state;
  struct buf out = {0};
  url_run(&out, "forecast/nightly#412", "/log");
  url_query(&out, "task", "train[0.1]");
  url_query(&out, "attempt", NULL);
  url_query_int(&out, "tail", 20);
  assert_string_equal(out.bytes, "/api/v1/runs/forecast%2Fnightly%23412/log?task=train%5B0.1%5D&tail=20");
  buf_reset(&out);
  url_pipeline(&out, "forecast/nightly", "/runs");
  assert_string_equal(out.bytes, "/api/v1/pipelines/forecast.nightly/runs");
  buf_reset(&out);
  url_encode(&out, "a b&c=\xc3\xbc+~");
  assert_string_equal(out.bytes, "a%20b%26c%3D%C3%BC%2B~");
  buf_release(&out);
}

static void runs_are_named_in_four_ways(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool run, pipeline;
  } rows[] = {
      {"01hq3v8e9mzz00000000000000", true, true},
      {"01hq", true, true},
      {"nightly", true, true},
      {"forecast/nightly", true, true},
      {"nightly#412", true, false},
      {"forecast/nightly#1", true, false},
      {"nightly@failed", true, false},
      {"nightly@", false, false},
      {"nightly@Failed", false, false},
      {"@failed", false, false},
      {"nightly#", false, false},
      {"nightly#4x", false, false},
      {"nightly#1234567890123456789", false, false},
      {"#412", false, false},
      {"", false, false},
      {"/nightly", false, false},
      {"nightly/", false, false},
      {"Nightly", false, false},
      {"a b", false, false},
      {"../x", false, false},
      {"nightly#412 ", false, false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    if (run_ref_valid(rows[i].text) != rows[i].run) print_error("run: '%s'\n", rows[i].text);
    assert_true(run_ref_valid(rows[i].text) == rows[i].run);
    assert_true(pipeline_ref_valid(rows[i].text) == rows[i].pipeline);
  }
  char longest[140];
  memset(longest, 'a', 128);
  longest[128] = '\0';
  assert_true(pipeline_ref_valid(longest));
  strcat(longest, "a");
  assert_false(pipeline_ref_valid(longest));
}

static void parameters_have_a_name_and_a_value(void **state) {
  (void)state;
  assert_int_equal(param_name_len("days=56"), 4);
  assert_int_equal(param_name_len("d="), 1);
  assert_int_equal(param_name_len("a=b=c"), 1);
  assert_int_equal(param_name_len("_x9=1"), 3);
  assert_int_equal(param_name_len("days"), 0);
  assert_int_equal(param_name_len("=1"), 0);
  assert_int_equal(param_name_len("9d=1"), 0);
  assert_int_equal(param_name_len("a-b=1"), 0);
  assert_int_equal(param_name_len(""), 0);
}

static void instants_are_shown_on_the_local_clock_with_its_offset(void **state) {
  (void)state;
  char text[LOCAL_TEXT_SIZE];
  setenv("TZ", "OSLO-1", 1);
  tzset();
  local_format("2026-11-21T23:30:05.123456Z", text);
  assert_string_equal(text, "2026-11-22 00:30:05+01:00");
  local_format("1969-12-31T23:59:59.500000Z", text);
  assert_string_equal(text, "1970-01-01 00:59:59+01:00");
  local_format(NULL, text);
  assert_string_equal(text, "-");
  local_format("soon", text);
  assert_string_equal(text, "-");
}

/* Feeds the text in pieces of every length: where it is cut must not matter. */
static void filter_all_ways(const char *text, const char *want) {
  size_t len = strlen(text);
  for (size_t piece = 1; piece <= len; piece++) {
    struct log_filter filter = {0};
    struct buf out = {0};
    for (size_t at = 0; at < len; at += piece)
      log_filter(&filter, text + at, len - at < piece ? len - at : piece, &out);
    assert_string_equal(buf_cstr(&out), want);
    buf_release(&out);
  }
}

static void logs_can_colour_a_terminal_and_nothing_else(void **state) {
  (void)state;
  filter_all_ways("plain\ttext\r\n", "plain\ttext\r\n");
  filter_all_ways("\033[31mred\033[0m", "\033[31mred\033[0m");
  filter_all_ways("\033[1;38;5;208mx\033[m", "\033[1;38;5;208mx\033[m");
  filter_all_ways("a\033[2Jb", "a?[2Jb");
  filter_all_ways("a\033]0;title\007b", "a?]0;title?b");
  filter_all_ways("a\bb\x7f", "a?b?");
  filter_all_ways("\033\033[31mx", "?\033[31mx");
  filter_all_ways("gr\xc3\xbcn", "gr\xc3\xbcn");
}

static void an_endless_colour_is_given_up(void **state) {
  (void)state;
  struct log_filter filter = {0};
  struct buf out = {0};
  log_filter(&filter, "\033[", 2, &out);
  for (int i = 0; i < 1000; i++) log_filter(&filter, "1", 1, &out);
  assert_true(out.len > 900);
  assert_int_equal(out.bytes[0], '?');
  buf_release(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets_are_percent_encoded),
      cmocka_unit_test(runs_are_named_in_four_ways),
      cmocka_unit_test(parameters_have_a_name_and_a_value),
      cmocka_unit_test(instants_are_shown_on_the_local_clock_with_its_offset),
      cmocka_unit_test(logs_can_colour_a_terminal_and_nothing_else),
      cmocka_unit_test(an_endless_colour_is_given_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
