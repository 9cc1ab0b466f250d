/* One at a time for a thing, in the order of coming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "scheduler/daemon/handlers/turns.h"

static void one_goes_on_and_the_others_follow_in_order(void **state) {
  (void)state;
  struct turns t = {0};
  int a, b, c, d;
  assert_true(turns_take(&t, "x", &a));
  assert_false(turns_take(&t, "x", &b));
  assert_false(turns_take(&t, "x", &c));
  assert_true(turns_take(&t, "y", &d));
  assert_ptr_equal(turns_pass(&t, "x"), &b);
  assert_ptr_equal(turns_pass(&t, "x"), &c);
  assert_null(turns_pass(&t, "x"));
  assert_true(turns_take(&t, "x", &a));
  turns_release(&t);
}

static void who_is_dismissed_leaves_the_turn_where_it_is(void **state) {
  (void)state;
  struct turns t = {0};
  int a, b;
  assert_true(turns_take(&t, "x", &a));
  assert_false(turns_take(&t, "x", &b));
  assert_ptr_equal(turns_dismiss(&t, "x"), &b);
  assert_null(turns_dismiss(&t, "x"));
  assert_false(turns_take(&t, "x", &b));
  assert_null(turns_dismiss(&t, "z"));
  turns_release(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_goes_on_and_the_others_follow_in_order),
      cmocka_unit_test(who_is_dismissed_leaves_the_turn_where_it_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
