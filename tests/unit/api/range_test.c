#include "tests/unit/unit.h"

#include "scheduler/api/range.h"

static void one_part_is_cut_to_what_there_is(void **state) {
  (void)state;
  static const struct {
    const char *header;
    uint64_t size;
    struct range want;
  } rows[] = {
      {NULL, 10, {200, 0, 10}},         {"bytes=0-", 10, {206, 0, 10}},
      {"bytes=0-0", 10, {206, 0, 1}},   {"bytes=2-5", 10, {206, 2, 4}},
      {"bytes=9-9", 10, {206, 9, 1}},   {"bytes=5-99", 10, {206, 5, 5}},
      {"Bytes= 5-6 ", 10, {206, 5, 2}}, {"bytes=-3", 10, {206, 7, 3}},
      {"bytes=-30", 10, {206, 0, 10}},  {"bytes=10-", 10, {416, 0, 0}},
      {"bytes=10-12", 10, {416, 0, 0}}, {"bytes=-0", 10, {416, 0, 0}},
      {"bytes=0-", 0, {416, 0, 0}},     {"bytes=-5", 0, {416, 0, 0}},
      {"bytes=5-2", 10, {200, 0, 10}},  {"bytes=-", 10, {200, 0, 10}},
      {"bytes=", 10, {200, 0, 10}},     {"bytes=0-1,3-4", 10, {200, 0, 10}},
      {"lines=0-1", 10, {200, 0, 10}},  {"bytes=a-b", 10, {200, 0, 10}},
      {"bytes=1-2x", 10, {200, 0, 10}}, {"bytes=0-9999999999999999999", 10, {200, 0, 10}},
      {"0-1", 10, {200, 0, 10}},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct range got = range_read(rows[i].header, rows[i].size);
    assert_int_equal(got.status, rows[i].want.status);
    assert_int_equal(got.first, rows[i].want.first);
    assert_int_equal(got.length, rows[i].want.length);
  }
}

static void what_is_sent_says_where_it_stands(void **state) {
  (void)state;
  char text[RANGE_TEXT_SIZE];
  struct range part = range_read("bytes=2-5", 10), none = range_read("bytes=10-", 10);
  range_text(&part, 10, text);
  assert_string_equal(text, "bytes 2-5/10");
  range_text(&none, 10, text);
  assert_string_equal(text, "bytes */10");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_part_is_cut_to_what_there_is),
      cmocka_unit_test(what_is_sent_says_where_it_stands),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
