/* A host's uptime becomes an instant of this machine. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "worker/ssh/link/host_clock.h"

#define S INT64_C(1000000)

static void the_middle_of_a_round_trip_is_taken(void **state) {
  (void)state;
  struct host_clock c = {0};
  host_clock_take(&c, 1000 * S, 1001 * S, 5 * S);
  assert_true(c.known);
  assert_true(llabs(host_clock_map(&c, 5 * S) - (1000 * S + S / 2)) <= 10000);
}

static void a_slow_answer_corrects_nothing(void **state) {
  (void)state;
  struct host_clock c = {0};
  host_clock_take(&c, 1000 * S, 1000 * S + 2000, 5 * S);
  const int64_t offset = c.offset;
  host_clock_take(&c, 1010 * S, 1040 * S, 16 * S); /* fits, and says less */
  assert_int_equal(c.offset, offset);
}

static void a_quicker_answer_corrects(void **state) {
  (void)state;
  struct host_clock c = {0};
  host_clock_take(&c, 1000 * S, 1030 * S, 5 * S);
  host_clock_take(&c, 1040 * S, 1040 * S + 2000, 20 * S);
  assert_true(llabs(host_clock_map(&c, 20 * S) - 1040 * S) <= 10000);
}

static void what_contradicts_is_taken(void **state) {
  (void)state;
  struct host_clock c = {0};
  host_clock_take(&c, 1000 * S, 1000 * S + 2000, 5 * S);
  host_clock_take(&c, 1100 * S, 1103 * S, 65 * S); /* it slept for 40 s */
  assert_true(llabs(host_clock_map(&c, 65 * S) - 1101 * S) <= 3 * S);
}

static void what_is_known_gets_old(void **state) {
  (void)state;
  struct host_clock c = {0};
  host_clock_take(&c, 1000 * S, 1000 * S + 2000, 5 * S);
  /* After ten days of drift half a second more is better than nothing new. */
  const int64_t later = 1000 * S + 864000 * S;
  host_clock_take(&c, later, later + S, 5 * S + 864020 * S);
  assert_true(llabs(host_clock_map(&c, 5 * S + 864020 * S) - later) <= S);
}

static void nonsense_is_passed_over(void **state) {
  (void)state;
  struct host_clock c = {0};
  host_clock_take(&c, 10, 5, 5 * S);
  host_clock_take(&c, 5, 10, -1);
  assert_false(c.known);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_middle_of_a_round_trip_is_taken),
      cmocka_unit_test(a_slow_answer_corrects_nothing),
      cmocka_unit_test(a_quicker_answer_corrects),
      cmocka_unit_test(what_contradicts_is_taken),
      cmocka_unit_test(what_is_known_gets_old),
      cmocka_unit_test(nonsense_is_passed_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
