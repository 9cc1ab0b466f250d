#include "base/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/unit/unit.h"

static void expect_text(const char *bytes, size_t len, const char *want) {
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_string_n(&j, bytes, len);
  assert_string_equal(buf_cstr(&out), want);
  assert_true(utf8_valid(out.bytes, out.len));
  buf_release(&out);
}

static void strings_are_escaped(void **state) {
  (void)state;
  expect_text("", 0, "\"\"");
  expect_text("plain", 5, "\"plain\"");
  expect_text("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
  expect_text("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
  expect_text("\x00\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
  static const char letters[] = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89";
  expect_text(letters, strlen(letters), "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89\"");
}

/* Long plain stretches are looked at by words of eight bytes: what isn't plain is found at each place of them. */
static void what_must_be_escaped_is_found_at_any_place(void **state) {
  (void)state;
  static const struct {
    char byte;
    const char *instead;
  } rows[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\x1f', "\\u001f"}, {'\0', "\\u0000"}, {'\xff', "\xef\xbf\xbd"}};
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
    for (size_t at = 0; at < 25; at++) {
      char text[25], want[64];
      memset(text, '~', sizeof text);
      text[at] = rows[r].byte;
      snprintf(want, sizeof want, "\"%.*s%s%.*s\"", (int)at, "~~~~~~~~~~~~~~~~~~~~~~~~~", rows[r].instead,
               (int)(sizeof text - at - 1), "~~~~~~~~~~~~~~~~~~~~~~~~~");
      expect_text(text, sizeof text, want);
    }
}

static void bytes_that_are_no_utf8_are_replaced(void **state) {
  (void)state;
#define FFFD "\xef\xbf\xbd"
  static const struct {
    const char *bytes, *want;
  } rows[] = {
      {"\xff", "\"" FFFD "\""},
      {"a\x80z", "\"a" FFFD "z\""},
      {"\xc3", "\"" FFFD "\""},                            /* cut short */
      {"\xc3(", "\"" FFFD "(\""},                          /* no continuation */
      {"\xc0\xaf", "\"" FFFD FFFD "\""},                   /* overlong */
      {"\xe0\x80\xaf", "\"" FFFD FFFD FFFD "\""},          /* overlong */
      {"\xed\xa0\x80", "\"" FFFD FFFD FFFD "\""},          /* a surrogate */
      {"\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""}, /* beyond U+10FFFF */
      {"\xf8\x88\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""}, /* five bytes long */
      {"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},        /* the last one */
  };
  for (size_t i = 0; i < COUNT(rows); i++) expect_text(rows[i].bytes, strlen(rows[i].bytes), rows[i].want);
}

static void doubles_read_back_as_the_same(void **state) {
  (void)state;
  static const double values[] = {0.1,
                                  1.0 / 3,
                                  5e-324,
                                  DBL_MAX,
                                  -DBL_MAX,
                                  DBL_MIN,
                                  1e15,
                                  1e16,
                                  123456.789,
                                  1e300,
                                  -2.5e-7,
                                  9007199254740993.0,
                                  0.30000000000000004,
                                  M_PI};
  struct buf out = {0};
  struct json j;
  for (size_t i = 0; i < COUNT(values); i++) {
    buf_reset(&out);
    jsonw_init(&j, &out);
    jsonw_double(&j, values[i]);
    double back = strtod(buf_cstr(&out), NULL);
    assert_memory_equal(&back, &values[i], sizeof back);
  }
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 20000; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    double value;
    memcpy(&value, &bits, sizeof value);
    if (isnan(value) || isinf(value)) continue;
    buf_reset(&out);
    jsonw_init(&j, &out);
    jsonw_double(&j, value);
    double back = strtod(buf_cstr(&out), NULL);
    assert_memory_equal(&back, &value, sizeof back);
  }
  buf_release(&out);
}

static void doubles_are_short(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } rows[] = {{0, "0"},
              {-0.0, "-0.0"},
              {1, "1"},
              {-3, "-3"},
              {100000, "100000"},
              {0.1, "0.1"},
              {2.5, "2.5"},
              {1e20, "1e+20"},
              {5e-324, "5e-324"},
              {(double)NAN, "\"NaN\""},
              {(double)INFINITY, "\"Infinity\""},
              {-(double)INFINITY, "\"-Infinity\""}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct buf out = {0};
    struct json j;
    jsonw_init(&j, &out);
    jsonw_double(&j, rows[i].value);
    assert_string_equal(buf_cstr(&out), rows[i].text);
    buf_release(&out);
  }
}

static void commas_stand_between_members_alone(void **state) {
  (void)state;
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_object(&j);
  jsonw_member_string(&j, "name", "a");
  jsonw_member_string(&j, "none", NULL);
  jsonw_key(&j, "list");
  jsonw_array(&j);
  jsonw_int(&j, INT64_MIN);
  jsonw_array(&j);
  jsonw_array_end(&j);
  jsonw_object(&j);
  jsonw_object_end(&j);
  jsonw_bool(&j, true);
  jsonw_array_end(&j);
  jsonw_member_bool(&j, "ok", false);
  jsonw_member_int(&j, "n", 7);
  jsonw_member_instant(&j, "at", USEC_PER_SEC);
  jsonw_member_instant(&j, "never", INSTANT_NONE);
  jsonw_key(&j, "took_ms");
  jsonw_duration_ms(&j, 1999);
  jsonw_key(&j, "unknown_ms");
  jsonw_duration_ms(&j, -1);
  jsonw_key(&j, "raw");
  jsonw_raw(&j, "[1, 2]", 6);
  jsonw_object_end(&j);
  assert_string_equal(buf_cstr(&out),
                      "{\"name\":\"a\",\"none\":null,\"list\":[-9223372036854775808,[],{},true],\"ok\":false,\"n\":7,"
                      "\"at\":\"1970-01-01T00:00:01.000000Z\",\"never\":null,\"took_ms\":1,\"unknown_ms\":null,"
                      "\"raw\":[1, 2]}");
  buf_release(&out);
}

static void nesting_goes_to_its_limit(void **state) {
  (void)state;
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  for (int i = 0; i < JSON_DEPTH_MAX; i++) jsonw_array(&j);
  jsonw_int(&j, 1);
  for (int i = 0; i < JSON_DEPTH_MAX; i++) jsonw_array_end(&j);
  assert_int_equal(out.len, 2 * JSON_DEPTH_MAX + 1);
  assert_int_equal(j.depth, 0);
  buf_release(&out);
}

static void values_at_the_top_are_separated_by_the_caller(void **state) {
  (void)state;
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_int(&j, 1);
  buf_char(&out, '\n');
  jsonw_null(&j);
  assert_string_equal(buf_cstr(&out), "1\nnull");
  buf_release(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strings_are_escaped),
      cmocka_unit_test(what_must_be_escaped_is_found_at_any_place),
      cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
      cmocka_unit_test(doubles_read_back_as_the_same),
      cmocka_unit_test(doubles_are_short),
      cmocka_unit_test(commas_stand_between_members_alone),
      cmocka_unit_test(nesting_goes_to_its_limit),
      cmocka_unit_test(values_at_the_top_are_separated_by_the_caller),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
