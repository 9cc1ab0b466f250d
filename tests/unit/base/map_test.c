#include "base/map.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

/* A number as a value: the map never looks behind the pointer. */
static char numbers[4096];
static void *value_of(size_t n) {
  return numbers + n;
}

static void an_empty_map_holds_nothing(void **state) {
  (void)state;
  struct map m = {0};
  assert_null(map_get(&m, "a"));
  assert_false(map_has(&m, "a"));
  assert_null(map_remove(&m, "a"));
  map_release(&m);
}

static void putting_again_replaces_and_hands_back(void **state) {
  (void)state;
  struct map m = {0};
  char key[] = "key";
  assert_null(map_put(&m, key, value_of(1)));
  key[0] = 'x'; /* the map has a copy */
  assert_ptr_equal(map_put(&m, "key", value_of(2)), value_of(1));
  assert_ptr_equal(map_get(&m, "key"), value_of(2));
  assert_int_equal(m.len, 1);
  map_release(&m);
}

static void a_null_value_is_present(void **state) {
  (void)state;
  struct map m = {0};
  map_put(&m, "key", NULL);
  assert_true(map_has(&m, "key"));
  assert_null(map_get(&m, "key"));
  map_release(&m);
}

static void keys_are_bytes(void **state) {
  (void)state;
  struct map m = {0};
  map_put_n(&m, "a\0b", 3, value_of(1));
  map_put_n(&m, "a\0c", 3, value_of(2));
  map_put_n(&m, "a", 1, value_of(3));
  map_put_n(&m, "", 0, value_of(4));
  assert_ptr_equal(map_get_n(&m, "a\0b", 3), value_of(1));
  assert_ptr_equal(map_get_n(&m, "a\0c", 3), value_of(2));
  assert_ptr_equal(map_get(&m, "a"), value_of(3));
  assert_ptr_equal(map_get(&m, ""), value_of(4));
  map_release(&m);
}

static void entries_stay_in_the_order_of_insertion(void **state) {
  (void)state;
  struct map m = {0};
  char key[16];
  for (size_t i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "k%zu", i * 7919 % 1000);
    map_put(&m, key, value_of(i));
  }
  assert_int_equal(m.len, 1000);
  for (size_t i = 0; i < m.len; i++) {
    snprintf(key, sizeof key, "k%zu", i * 7919 % 1000);
    assert_string_equal(m.entries[i].key, key);
    assert_ptr_equal(m.entries[i].value, value_of(i));
  }
  map_release(&m);
}

/* A map beside a plain array under the same random puts and removals: growth, probing over full slots and the moves
 * that a removal makes. With 200 keys in at most 512 slots collisions are many. */
static void puts_and_removals_agree_with_an_array(void **state) {
  (void)state;
  struct map m = {0};
  void *model[200] = {0};
  size_t present = 0;
  uint32_t random = 12345;
  for (int step = 0; step < 200000; step++) {
    random = random * 1664525 + 1013904223;
    size_t k = (random >> 16) % COUNT(model);
    char key[16];
    snprintf(key, sizeof key, "key-%zu", k);
    if ((random >> 8) % 5 < (step / 20000 % 2 ? 3U : 2U)) {
      void *value = value_of(1 + (random >> 4) % 4000);
      assert_ptr_equal(map_put(&m, key, value), model[k]);
      present += model[k] == NULL;
      model[k] = value;
    } else {
      assert_ptr_equal(map_remove(&m, key), model[k]);
      present -= model[k] != NULL;
      model[k] = NULL;
    }
    assert_int_equal(m.len, present);
    if (step % 1000) continue;
    for (size_t i = 0; i < COUNT(model); i++) {
      snprintf(key, sizeof key, "key-%zu", i);
      assert_ptr_equal(map_get(&m, key), model[i]);
    }
  }
  map_release(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_map_holds_nothing),
      cmocka_unit_test(putting_again_replaces_and_hands_back),
      cmocka_unit_test(a_null_value_is_present),
      cmocka_unit_test(keys_are_bytes),
      cmocka_unit_test(entries_stay_in_the_order_of_insertion),
      cmocka_unit_test(puts_and_removals_agree_with_an_array),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
