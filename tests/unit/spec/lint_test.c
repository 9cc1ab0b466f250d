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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(habits_from_elsewhere_are_answered),
      cmocka_unit_test(a_yml_file_gets_a_warning),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
