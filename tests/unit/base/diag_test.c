#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tests/unit/unit.h"

/* Renders one error at the place and compares. */
static void expect_render(const char *text, struct diag_place place, const char *want) {
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "f.yaml", text, strlen(text));
  diag_error(&d, place, NULL, "bad");
  diag_render(&d, &out, false);
  assert_string_equal(buf_cstr(&out), want);
  buf_release(&out);
  diag_release(&d);
}

static void an_error_is_shown_with_its_line_and_a_caret(void **state) {
  (void)state;
  static const char text[] = "name: a\ntasks:\n    retry: 3\n";
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "dags/nightly.yaml", text, strlen(text));
  diag_error(&d, (struct diag_place){3, 5, 5}, "did you mean 'retries'?", "unknown key '%s'", "retry");
  diag_warning(&d, (struct diag_place){.line = 1}, NULL, "dull name");
  diag_error(&d, (struct diag_place){0}, NULL, "no schedule");
  diag_sort(&d);
  diag_render(&d, &out, false);
  assert_string_equal(buf_cstr(&out), "dags/nightly.yaml: error: no schedule\n"
                                      "dags/nightly.yaml:1: warning: dull name\n"
                                      "    1 | name: a\n"
                                      "dags/nightly.yaml:3:5: error: unknown key 'retry'\n"
                                      "    3 |     retry: 3\n"
                                      "      |     ^~~~~\n"
                                      "help: did you mean 'retries'?\n");
  assert_int_equal(d.errors, 2);
  assert_int_equal(d.warnings, 1);
  buf_release(&out);
  diag_release(&d);
}

static void an_argument_has_no_file(void **state) {
  (void)state;
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, NULL, NULL, 0);
  diag_error(&d, (struct diag_place){0}, "try --help", "unknown option '--foo'");
  diag_render(&d, &out, false);
  assert_string_equal(buf_cstr(&out), "error: unknown option '--foo'\nhelp: try --help\n");
  buf_release(&out);
  diag_release(&d);
}

static void the_caret_stands_under_its_column(void **state) {
  (void)state;
  /* Tabs are shown as spaces up to the next fourth column. */
  expect_render("a\tb: x\n", (struct diag_place){1, 3, 2},
                "f.yaml:1:3: error: bad\n    1 | a   b: x\n      |     ^~\n");
  expect_render("\tb\n", (struct diag_place){1, 1, 1}, "f.yaml:1:1: error: bad\n    1 |     b\n      | ^~~~\n");
  /* Letters of several bytes are one column, those of East Asia two, combining marks none. */
  expect_render("\xc3\xa9\xc3\xa9: x\n", (struct diag_place){1, 5, 1},
                "f.yaml:1:5: error: bad\n    1 | \xc3\xa9\xc3\xa9: x\n      |     ^\n");
  expect_render("\xe6\x97\xa5\xe6\x9c\xac: x\n", (struct diag_place){1, 2, 2},
                "f.yaml:1:2: error: bad\n    1 | \xe6\x97\xa5\xe6\x9c\xac: x\n      |   ^~~\n");
  expect_render("e\xcc\x81x\n", (struct diag_place){1, 3, 1},
                "f.yaml:1:3: error: bad\n    1 | e\xcc\x81x\n      |  ^\n");
  /* Behind the last letter, and on an empty line. */
  expect_render("a:\n", (struct diag_place){1, 3, 1}, "f.yaml:1:3: error: bad\n    1 | a:\n      |   ^\n");
  expect_render("\n\nx", (struct diag_place){2, 1, 1}, "f.yaml:2:1: error: bad\n    2 | \n      | ^\n");
  /* A width beyond the end of the line ends with it; a line that isn't there shows nothing. */
  expect_render("abc\ndef\n", (struct diag_place){1, 2, 50}, "f.yaml:1:2: error: bad\n    1 | abc\n      |  ^~\n");
  expect_render("abc\n", (struct diag_place){9, 2, 1}, "f.yaml:9:2: error: bad\n");
}

static void lines_end_where_the_reader_ends_them(void **state) {
  (void)state;
  static const char *const texts[] = {"a\nb\nX",          "a\r\nb\r\nX\r\n",    "a\rb\rX\r",
                                      "a\n\xe2\x80\xa8X", "\357\273\277a\n\nX", "a\xc2\x85\xe2\x80\xa9X"};
  for (size_t i = 0; i < COUNT(texts); i++)
    expect_render(texts[i], (struct diag_place){3, 1, 1}, "f.yaml:3:1: error: bad\n    3 | X\n      | ^\n");
  expect_render("\xef\xbb\xbfX", (struct diag_place){1, 1, 1}, "f.yaml:1:1: error: bad\n    1 | X\n      | ^\n");
}

static void controls_and_broken_bytes_are_question_marks(void **state) {
  (void)state;
  expect_render("\x1b[31m\xff\xe2\x80\xaex\n", (struct diag_place){1, 8, 1},
                "f.yaml:1:8: error: bad\n    1 | ?[31m??x\n      |        ^\n");
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "a\x1b[0m.yaml", NULL, 0);
  diag_error(&d, (struct diag_place){1, 1, 1}, "one\ntwo\x07", "key '%s'", "x\n\x1b]0;y");
  diag_render(&d, &out, false);
  assert_string_equal(buf_cstr(&out), "a?[0m.yaml:1:1: error: key 'x??]0;y'\nhelp: one\ntwo?\n");
  buf_release(&out);
  diag_release(&d);
}

static void a_long_line_is_cut_around_the_caret(void **state) {
  (void)state;
  size_t len = 1000000;
  char *text = alloc_zeroed(len + 1, 1);
  memset(text, '.', len);
  static const uint32_t columns[] = {1, 80, 95, 500, 999999, 1000000, 1000001};
  for (size_t i = 0; i < COUNT(columns); i++) {
    uint32_t column = columns[i];
    if (column <= len) text[column - 1] = 'X';
    struct diag_list d;
    struct buf out = {0};
    diag_init(&d, "f", text, len);
    diag_error(&d, (struct diag_place){1, column, 1}, NULL, "bad");
    diag_render(&d, &out, false);
    assert_true(out.len < 400);
    const char *source = strstr(out.bytes, "    1 | "), *marks = strstr(out.bytes, "      | ");
    const char *caret = strchr(marks, '^');
    assert_non_null(caret);
    char above = source[caret - marks];
    assert_int_equal(above, column <= len ? 'X' : '\n');
    if (column <= len) text[column - 1] = '.';
    buf_release(&out);
    diag_release(&d);
  }
  free(text);
}

static void the_first_hundred_errors_are_kept_and_all_are_counted(void **state) {
  (void)state;
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "f", NULL, 0);
  for (uint32_t i = 1; i <= 150; i++) diag_error(&d, (struct diag_place){i, 1, 1}, NULL, "error %u", i);
  diag_warning(&d, (struct diag_place){1, 1, 1}, NULL, "a warning");
  assert_int_equal(d.len, DIAG_MAX + 1);
  assert_int_equal(d.errors, 150);
  diag_render(&d, &out, false);
  assert_non_null(strstr(out.bytes, "f:100:1: error: error 100\n"));
  assert_null(strstr(out.bytes, "error 101"));
  assert_non_null(strstr(out.bytes, "\n50 more of these are not shown\n"));
  buf_release(&out);
  diag_release(&d);
}

static void sorting_keeps_the_order_of_equals(void **state) {
  (void)state;
  struct diag_list d;
  diag_init(&d, NULL, NULL, 0);
  static const struct diag_place places[] = {{2, 1, 0}, {1, 5, 0}, {2, 1, 0}, {1, 2, 0}, {0, 0, 0}, {1, 5, 0}};
  for (size_t i = 0; i < COUNT(places); i++) diag_error(&d, places[i], NULL, "%zu", i);
  diag_sort(&d);
  static const char *const want[] = {"4", "3", "1", "5", "0", "2"};
  for (size_t i = 0; i < COUNT(want); i++) assert_string_equal(d.items[i].message, want[i]);
  diag_release(&d);
}

static void a_detached_list_outlives_its_source(void **state) {
  (void)state;
  char *text = alloc_strdup("abc\n");
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "f", text, 4);
  diag_error(&d, (struct diag_place){1, 2, 1}, NULL, "bad");
  diag_detach(&d);
  memset(text, 'x', 4);
  free(text);
  diag_render(&d, &out, false);
  assert_string_equal(buf_cstr(&out), "f:1:2: error: bad\n    1 | abc\n      |  ^\n");
  buf_release(&out);
  diag_release(&d);
}

static void colours_surround_the_words(void **state) {
  (void)state;
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "f", NULL, 0);
  diag_error(&d, (struct diag_place){1, 1, 1}, NULL, "bad");
  diag_render(&d, &out, true);
  assert_string_equal(buf_cstr(&out), "\x1b[1mf:1:1:\x1b[0m \x1b[1;31merror:\x1b[0m bad\n");
  buf_release(&out);
  diag_release(&d);
}

static void items_are_written_as_json(void **state) {
  (void)state;
  struct diag_list d;
  struct buf out = {0};
  struct json j;
  diag_init(&d, "f", NULL, 0);
  diag_error(&d, (struct diag_place){3, 4, 1}, "do so", "bad \"x\"");
  diag_warning(&d, (struct diag_place){0}, NULL, "odd");
  jsonw_init(&j, &out);
  diag_json(&d, &j);
  assert_string_equal(
      buf_cstr(&out),
      "[{\"file\":\"f\",\"line\":3,\"column\":4,\"level\":\"error\",\"message\":\"bad \\\"x\\\"\",\"help\":\"do "
      "so\"},"
      "{\"file\":\"f\",\"line\":null,\"column\":null,\"level\":\"warning\",\"message\":\"odd\",\"help\":null}]");
  buf_release(&out);
  diag_release(&d);
}

static void the_nearest_word_is_suggested(void **state) {
  (void)state;
  static const char *const keys[] = {"retries", "timeout", "schedule", "env",  "needs",
                                     "run",     "when",    "outputs",  "cron", "allow_failure"};
  static const struct {
    const char *word, *want;
  } rows[] = {
      {"retry", "retries"},
      {"timeuot", "timeout"},
      {"Timeout", "timeout"},
      {"time_out", "timeout"},
      {"shcedule", "schedule"},
      {"enb", "env"},
      {"nv", "env"},
      {"need", "needs"},
      {"allow-failure", "allow_failure"},
      {"schedules", "schedule"},
      {"out", "outputs"},
      {"crno", "cron"},
      {"runs", "run"},
      {"xyz", NULL},
      {"e", NULL},
      {"", NULL},
      {"completely", NULL},
      {"ru", "run"},
      {"vne", NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *got = diag_nearest(rows[i].word, keys, COUNT(keys));
    if (!rows[i].want) {
      if (got) fail_msg("'%s' got '%s'", rows[i].word, got);
    } else {
      if (!got) fail_msg("'%s' got nothing", rows[i].word);
      assert_string_equal(got, rows[i].want);
    }
  }
  char *huge = alloc_fmt("%10000s", "x");
  assert_null(diag_nearest(huge, keys, COUNT(keys)));
  free(huge);
  assert_null(diag_nearest("retry", NULL, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_error_is_shown_with_its_line_and_a_caret),
      cmocka_unit_test(an_argument_has_no_file),
      cmocka_unit_test(the_caret_stands_under_its_column),
      cmocka_unit_test(lines_end_where_the_reader_ends_them),
      cmocka_unit_test(controls_and_broken_bytes_are_question_marks),
      cmocka_unit_test(a_long_line_is_cut_around_the_caret),
      cmocka_unit_test(the_first_hundred_errors_are_kept_and_all_are_counted),
      cmocka_unit_test(sorting_keeps_the_order_of_equals),
      cmocka_unit_test(a_detached_list_outlives_its_source),
      cmocka_unit_test(colours_surround_the_words),
      cmocka_unit_test(items_are_written_as_json),
      cmocka_unit_test(the_nearest_word_is_suggested),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
