#include "tests/unit/unit.h"

#include "scheduler/spec/lint.h"
#include "tests/unit/spec/cases.h"

static void run_lint(const char *input, size_t len, struct buf *out) {
  struct diag_list d;
  diag_init(&d, "t.yaml", input, len);
  struct pipeline_source source = {.file = "t.yaml", .text = input, .len = len};
  lint_pipeline(&source, &d);
  assert_int_equal(d.errors, 0);
  cases_render(&d, out);
  diag_release(&d);
}

static void habits_from_elsewhere_are_answered(void **state) {
  (void)state;
  size_t count = 0;
  assert_int_equal(cases_check("tests/unit/spec/lint.txt", run_lint, &count), 0);
  assert_true(count >= 12);
}

static void a_yml_file_gets_a_warning(void **state) {
  static const char text[] = "tasks: {a: {run: x}}\n";
  struct diag_list d;
  (void)state;
  diag_init(&d, "a.yml", text, sizeof text - 1);
  struct pipeline_source source = {.file = "a.yml", .text = text, .len = sizeof text - 1};
  lint_pipeline(&source, &d);
  assert_int_equal(d.warnings, 1);
  assert_non_null(strstr(d.items[0].message, ".yaml"));
  diag_release(&d);
}

/* A file that is too large to be read at all, and one without a name, aren't looked at twice. */
static void what_has_no_name_or_is_too_large_is_left_alone(void **state) {
  static const char text[] = "tasks: {a: {run: 'x | tee y'}}\n";
  struct diag_list d;
  struct buf large = {0};
  (void)state;
  diag_init(&d, NULL, text, sizeof text - 1);
  lint_pipeline(&(struct pipeline_source){.text = text, .len = sizeof text - 1}, &d);
  assert_int_equal(d.warnings, 1);
  diag_release(&d);
  buf_str(&large, text);
  while (large.len <= PIPELINE_TEXT_MAX)
    buf_str(&large, "# no more than a comment, which makes it longer and longer\n");
  diag_init(&d, "a.yaml", large.bytes, large.len);
  lint_pipeline(&(struct pipeline_source){.file = "a.yaml", .text = large.bytes, .len = large.len}, &d);
  assert_int_equal(d.len, 0);
  diag_release(&d);
  buf_release(&large);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(habits_from_elsewhere_are_answered),
      cmocka_unit_test(a_yml_file_gets_a_warning),
      cmocka_unit_test(what_has_no_name_or_is_too_large_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
