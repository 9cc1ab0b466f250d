/* Values: what is read, what is refused, what is written back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "scheduler/spec/expr/value.h"

static const char *text_of(struct arena *a, const struct value *v) {
  struct buf b = {0};
  value_text(v, &b);
  const char *out = arena_strdup(a, buf_cstr(&b));
  buf_release(&b);
  return out;
}

static const char *json_of(struct arena *a, const struct value *v) {
  struct buf b = {0};
  struct json j;
  jsonw_init(&j, &b);
  value_json(v, &j);
  const char *out = arena_strdup(a, buf_cstr(&b));
  buf_release(&b);
  return out;
}

static const struct {
  enum value_type type, items;
  const char *text, *back; /* NULL: refused */
} written[] = {
    {VALUE_INT, VALUE_ANY, "56", "56"},
    {VALUE_INT, VALUE_ANY, "-9223372036854775808", "-9223372036854775808"},
    {VALUE_INT, VALUE_ANY, "9223372036854775807", "9223372036854775807"},
    {VALUE_INT, VALUE_ANY, "9223372036854775808", NULL},
    {VALUE_INT, VALUE_ANY, "010", NULL},
    {VALUE_INT, VALUE_ANY, "+1", NULL},
    {VALUE_INT, VALUE_ANY, " 1", NULL},
    {VALUE_INT, VALUE_ANY, "1.0", NULL},
    {VALUE_INT, VALUE_ANY, "1e3", NULL},
    {VALUE_INT, VALUE_ANY, "", NULL},
    {VALUE_FLOAT, VALUE_ANY, "0.1", "0.1"},
    {VALUE_FLOAT, VALUE_ANY, "10", "10"},
    {VALUE_FLOAT, VALUE_ANY, "1e-7", "1e-07"},
    {VALUE_FLOAT, VALUE_ANY, "0.30000000000000004", "0.30000000000000004"},
    {VALUE_FLOAT, VALUE_ANY, "1.5E+3", "1500"},
    {VALUE_FLOAT, VALUE_ANY, "-2e3", "-2000"},
    {VALUE_FLOAT, VALUE_ANY, "1e", NULL},
    {VALUE_FLOAT, VALUE_ANY, "1e+", NULL},
    {VALUE_FLOAT, VALUE_ANY, "nan", NULL},
    {VALUE_FLOAT, VALUE_ANY, "inf", NULL},
    {VALUE_FLOAT, VALUE_ANY, "1e999", NULL},
    {VALUE_FLOAT, VALUE_ANY, "0x10", NULL},
    {VALUE_FLOAT, VALUE_ANY, "1.", NULL},
    {VALUE_BOOL, VALUE_ANY, "true", "true"},
    {VALUE_BOOL, VALUE_ANY, "false", "false"},
    {VALUE_BOOL, VALUE_ANY, "yes", NULL},
    {VALUE_BOOL, VALUE_ANY, "True", NULL},
    {VALUE_STRING, VALUE_ANY, "3.10", "3.10"},
    {VALUE_STRING, VALUE_ANY, "", ""},
    {VALUE_STRING, VALUE_ANY, "a\xff", NULL},
    {VALUE_DATE, VALUE_ANY, "2026-03-29", "2026-03-29"},
    {VALUE_DATE, VALUE_ANY, "2026-02-29", NULL},
    {VALUE_DATETIME, VALUE_ANY, "2026-03-29T03:30:00+02:00", "2026-03-29T01:30:00Z"},
    {VALUE_DATETIME, VALUE_ANY, "2026-03-29", NULL},
    {VALUE_DURATION, VALUE_ANY, "90m", "1h30m"},
    {VALUE_DURATION, VALUE_ANY, "90", NULL},
    {VALUE_LIST, VALUE_FLOAT, "[0.1, 1, 10]", "[0.1,1,10]"},
    {VALUE_LIST, VALUE_FLOAT, "0.1, 1 ,10", "[0.1,1,10]"},
    {VALUE_LIST, VALUE_STRING, "a, b c", "[\"a\",\"b c\"]"},
    {VALUE_LIST, VALUE_INT, "", "[]"},
    {VALUE_LIST, VALUE_INT, " \t\n", "[]"},
    {VALUE_LIST, VALUE_STRING, " , ", "[\"\",\"\"]"},
    {VALUE_LIST, VALUE_LIST, "[[1], []]", "[[1],[]]"},
    {VALUE_LIST, VALUE_LIST, "1, 2", NULL},
    {VALUE_LIST, VALUE_JSON, "1, 2", NULL},
    {VALUE_LIST, VALUE_ANY, "[1, \"a\", true, 1.5]", "[1,\"a\",true,1.5]"},
    {VALUE_LIST, VALUE_INT, "1,,2", NULL},
    {VALUE_LIST, VALUE_INT, "[1, null]", NULL},
    {VALUE_LIST, VALUE_INT, "[1, \"2\"]", NULL},
    {VALUE_LIST, VALUE_DATE, "[\"2026-03-29\"]", "[\"2026-03-29\"]"},
    {VALUE_LIST, VALUE_JSON, "[{\"a\": 0.1}, []]", "[{\"a\":0.1},[]]"},
    {VALUE_JSON, VALUE_ANY, " { \"b\" : 1.50, \"a\" : \"x y\\\" \" } ", "{\"b\":1.50,\"a\":\"x y\\\" \"}"},
    {VALUE_JSON, VALUE_ANY, "123456789012345678901234567890", "123456789012345678901234567890"},
    {VALUE_JSON, VALUE_ANY, "{\"a\":1,\"a\":2}", NULL},
    {VALUE_JSON, VALUE_ANY, "{", NULL},
    {VALUE_JSON, VALUE_ANY, "[1,\t2\r\n]", "[1,2]"},
    {VALUE_JSON, VALUE_ANY, "\"a \\\\\" ", "\"a \\\\\""},
    {VALUE_JSON, VALUE_ANY, "null", ""},
    {VALUE_NULL, VALUE_ANY, "", ""},
    {VALUE_NULL, VALUE_ANY, "x", NULL},
    {VALUE_LIST, VALUE_BOOL, "[true, false]", "[true,false]"},
    {VALUE_LIST, VALUE_BOOL, "[1]", NULL},
    {VALUE_LIST, VALUE_FLOAT, "[1, 2.5]", "[1,2.5]"},
    {VALUE_LIST, VALUE_FLOAT, "[true]", NULL},
    {VALUE_LIST, VALUE_DURATION, "[90]", NULL},
    {VALUE_LIST, VALUE_STRING, "[[]]", NULL},
    {VALUE_LIST, VALUE_NULL, "[1]", NULL},
    {VALUE_LIST, VALUE_INT, "1, 2,", NULL},
    {VALUE_LIST, VALUE_STRING, ",", "[\"\",\"\"]"},
    {VALUE_LIST, VALUE_ANY, "[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]"},
    {VALUE_LIST, VALUE_LIST, "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
     "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"},
};

static void text_is_read_strictly_and_written_back(void **state) {
  (void)state;
  struct arena a = {0};
  for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
    struct value v;
    const char *message = NULL;
    int rc = value_parse(&a, written[i].type, written[i].items, written[i].text, &v, &message);
    if (!written[i].back) {
      if (rc == 0) fail_msg("'%s' was taken as %s", written[i].text, value_type_word(written[i].type));
      assert_int_equal(rc, ERR_INVALID);
      assert_non_null(message);
      continue;
    }
    if (rc < 0) fail_msg("'%s': %s", written[i].text, message);
    assert_string_equal(text_of(&a, &v), written[i].back);
  }
  arena_release(&a);
}

static void json_reads_back_as_the_same_value(void **state) {
  (void)state;
  static const struct {
    enum value_type type, items;
    const char *text;
  } rows[] = {
      {VALUE_INT, VALUE_ANY, "-7"},
      {VALUE_FLOAT, VALUE_ANY, "0.1"},
      {VALUE_FLOAT, VALUE_ANY, "5"},
      {VALUE_BOOL, VALUE_ANY, "false"},
      {VALUE_STRING, VALUE_ANY, "quote \" and \\ and \n line"},
      {VALUE_DATE, VALUE_ANY, "2026-03-29"},
      {VALUE_DATETIME, VALUE_ANY, "2026-03-29T01:30:00.123456Z"},
      {VALUE_DURATION, VALUE_ANY, "1h30m"},
      {VALUE_LIST, VALUE_DATE, "2026-03-29,2026-03-30"},
      {VALUE_LIST, VALUE_FLOAT, "[1, 0.5]"},
      {VALUE_JSON, VALUE_ANY, "{\"a\":[1.50,null]}"},
  };
  struct arena a = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct value v, back;
    const char *message = NULL;
    assert_int_equal(value_parse(&a, rows[i].type, rows[i].items, rows[i].text, &v, &message), 0);
    const char *json = json_of(&a, &v);
    assert_int_equal(value_from_json(&a, rows[i].type, rows[i].items, json, strlen(json), &back), 0);
    assert_int_equal(back.type, rows[i].type);
    assert_true(value_equal(&v, &back));
    struct value copy = value_copy(&a, &v);
    assert_true(value_equal(&v, &copy));
  }
  arena_release(&a);
}

static void json_of_no_known_type_has_its_own(void **state) {
  (void)state;
  static const struct {
    const char *json;
    enum value_type type;
  } rows[] = {{"1", VALUE_INT},     {"1.5", VALUE_FLOAT}, {"\"x\"", VALUE_STRING}, {"true", VALUE_BOOL},
              {"null", VALUE_NULL}, {"[1]", VALUE_LIST},  {"{}", VALUE_JSON}};
  struct arena a = {0};
  struct value v;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(value_from_json(&a, VALUE_ANY, VALUE_ANY, rows[i].json, strlen(rows[i].json), &v), 0);
    assert_int_equal(v.type, rows[i].type);
  }
  char deep[401] = {0};
  memset(deep, '[', 200);
  memset(deep + 200, ']', 200);
  assert_int_equal(value_from_json(&a, VALUE_ANY, VALUE_ANY, deep, 400, &v), 0);
  assert_string_equal(json_of(&a, &v), deep);
  assert_int_equal(value_from_json(&a, VALUE_ANY, VALUE_ANY, "\"a\\u0000b\"", 10, &v), ERR_INVALID);
  arena_release(&a);
}

/* What JSON of a declared type may be, item by item; a null is null whatever the type. */
static void json_of_another_type_is_refused(void **state) {
  (void)state;
  static const struct {
    enum value_type type, items;
    const char *json, *back; /* NULL: refused */
  } rows[] = {
      {VALUE_NULL, VALUE_ANY, "1", NULL},
      {VALUE_NULL, VALUE_ANY, "null", ""},
      {VALUE_BOOL, VALUE_ANY, "true", "true"},
      {VALUE_BOOL, VALUE_ANY, "false", "false"},
      {VALUE_BOOL, VALUE_ANY, "1", NULL},
      {VALUE_BOOL, VALUE_ANY, "null", ""},
      {VALUE_INT, VALUE_ANY, "5", "5"},
      {VALUE_INT, VALUE_ANY, "5.0", NULL},
      {VALUE_INT, VALUE_ANY, "\"5\"", NULL},
      {VALUE_FLOAT, VALUE_ANY, "5", "5"},
      {VALUE_FLOAT, VALUE_ANY, "5.5", "5.5"},
      {VALUE_FLOAT, VALUE_ANY, "\"5\"", NULL},
      {VALUE_STRING, VALUE_ANY, "\"a\"", "a"},
      {VALUE_STRING, VALUE_ANY, "5", NULL},
      {VALUE_DATE, VALUE_ANY, "\"2026-03-29\"", "2026-03-29"},
      {VALUE_DATE, VALUE_ANY, "\"noon\"", NULL},
      {VALUE_DATE, VALUE_ANY, "20260329", NULL},
      {VALUE_DATETIME, VALUE_ANY, "\"2026-03-29T01:30:00Z\"", "2026-03-29T01:30:00Z"},
      {VALUE_DATETIME, VALUE_ANY, "[]", NULL},
      {VALUE_DURATION, VALUE_ANY, "\"90s\"", "1m30s"},
      {VALUE_DURATION, VALUE_ANY, "90", NULL},
      {VALUE_LIST, VALUE_INT, "[1, null]", "[1,null]"},
      {VALUE_LIST, VALUE_INT, "[1, true]", NULL},
      {VALUE_LIST, VALUE_INT, "{}", NULL},
      {VALUE_LIST, VALUE_INT, "[]", "[]"},
      {VALUE_LIST, VALUE_JSON, "[{\"a\": {\"b\": [1, 2.50, \"x\", true, false, null]}, \"c\": []}]",
       "[{\"a\":{\"b\":[1,2.5,\"x\",true,false,null]},\"c\":[]}]"},
      {VALUE_ANY, VALUE_ANY, "{\"a\": -0.0}", "{\"a\":-0.0}"},
      {VALUE_JSON, VALUE_ANY, "{\"a\": 1e5 }", "{\"a\":1e5}"},
      {VALUE_JSON, VALUE_ANY, "nul", NULL},
  };
  struct arena a = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct value v;
    int rc = value_from_json(&a, rows[i].type, rows[i].items, rows[i].json, strlen(rows[i].json), &v);
    if ((rc == 0) != (rows[i].back != NULL))
      fail_msg("%s as %s: %d", rows[i].json, value_type_word(rows[i].type), rc);
    if (rc == 0) assert_string_equal(text_of(&a, &v), rows[i].back);
  }
  arena_release(&a);
}

/* Of each type one value that becomes each other type to which it can be converted at all. */
static void what_converts_is_what_was_said_to_convert(void **state) {
  (void)state;
  struct arena a = {0};
  struct value item = value_int(1);
  const struct value all[] = {
      value_null(),
      value_bool(true),
      value_int(3),
      value_float(2.5),
      value_string(&a, "x"),
      {.type = VALUE_DATE, .days = 5},
      {.type = VALUE_DATETIME, .at = 5 * USEC_PER_SEC},
      {.type = VALUE_DURATION, .span = 5 * USEC_PER_SEC},
      {.type = VALUE_LIST, .list = {&item, 1}},
      {.type = VALUE_JSON, .text = {"[1]", 3}},
  };
  static const struct {
    enum value_type type;
    const char *text;
  } texts[] = {{VALUE_DATE, "2026-03-29"}, {VALUE_DATETIME, "2026-03-29T01:30:00Z"}, {VALUE_DURATION, "5m"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    for (enum value_type to = VALUE_ANY; to <= VALUE_JSON; to++) {
      struct value from = all[i], out;
      const char *message = NULL;
      for (size_t k = 0; from.type == VALUE_STRING && k < sizeof texts / sizeof texts[0]; k++) {
        if (texts[k].type == to) from = value_string(&a, texts[k].text);
      }
      const int rc = value_convert(&a, to, VALUE_ANY, &from, &out, &message);
      if ((rc == 0) != value_converts(from.type, to))
        fail_msg("%s to %s: %d", value_type_word(from.type), value_type_word(to), rc);
      if (rc == 0) assert_true(out.type == to || out.type == VALUE_NULL || to == VALUE_ANY);
      if (rc < 0) assert_non_null(message);
    }
  }
  arena_release(&a);
}

static void a_null_among_the_items_is_told(void **state) {
  (void)state;
  struct arena a = {0};
  struct value items[] = {value_int(1), value_null()}, out;
  const struct value list = {.type = VALUE_LIST, .list = {items, 2}};
  const char *message = NULL;
  assert_int_equal(value_convert(&a, VALUE_LIST, VALUE_INT, &list, &out, &message), ERR_INVALID);
  assert_string_equal(message, "item 2: it is null");
  assert_int_equal(value_convert(&a, VALUE_LIST, VALUE_ANY, &list, &out, &message), 0);
  assert_int_equal(value_convert(&a, VALUE_LIST, VALUE_LIST, &list, &out, &message), 0);
  arena_release(&a);
}

static void values_are_equal_by_what_they_hold(void **state) {
  (void)state;
  struct arena a = {0};
  struct value one = value_int(1), two = value_int(2);
  const struct value rows[] = {
      value_null(),
      value_bool(false),
      value_bool(true),
      value_int(-5),
      value_float(0.5),
      value_float(1e300),
      value_float(-1e300),
      value_string(&a, "a"),
      value_string(&a, "b"),
      value_string(&a, "ab"),
      {.type = VALUE_DATE, .days = 5},
      {.type = VALUE_DATETIME, .at = 5},
      {.type = VALUE_DURATION, .span = 5},
      {.type = VALUE_DURATION, .span = 6},
      {.type = VALUE_LIST},
      {.type = VALUE_LIST, .list = {&one, 1}},
      {.type = VALUE_LIST, .list = {&two, 1}},
      {.type = VALUE_JSON, .text = {"[1]", 3}},
      {.type = VALUE_JSON, .text = {"[2]", 3}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
      if (value_equal(&rows[i], &rows[k]) != (i == k)) fail_msg("%zu and %zu", i, k);
    }
  }
  arena_release(&a);
}

static void conversion_loses_nothing(void **state) {
  (void)state;
  struct arena a = {0};
  struct value out, one = value_int(1), text = value_string(&a, "5"), date = value_string(&a, "2026-03-29");
  const char *message = NULL;
  assert_int_equal(value_convert(&a, VALUE_FLOAT, VALUE_ANY, &one, &out, &message), 0);
  assert_int_equal(out.type, VALUE_FLOAT);
  assert_int_equal(value_convert(&a, VALUE_INT, VALUE_ANY, &text, &out, &message), ERR_INVALID);
  assert_string_equal(message, "expected a whole number, not the string '5'");
  assert_int_equal(value_convert(&a, VALUE_STRING, VALUE_ANY, &one, &out, &message), ERR_INVALID);
  assert_int_equal(value_convert(&a, VALUE_DATE, VALUE_ANY, &date, &out, &message), 0);
  assert_int_equal(out.type, VALUE_DATE);
  struct value items[] = {value_int(1), value_float(0.5)};
  struct value list = {.type = VALUE_LIST, .list = {items, 2}};
  assert_int_equal(value_convert(&a, VALUE_LIST, VALUE_FLOAT, &list, &out, &message), 0);
  assert_int_equal(out.list.items[0].type, VALUE_FLOAT);
  assert_int_equal(value_convert(&a, VALUE_LIST, VALUE_INT, &list, &out, &message), ERR_INVALID);
  assert_int_equal(value_convert(&a, VALUE_JSON, VALUE_ANY, &list, &out, &message), 0);
  assert_string_equal(out.text.bytes, "[1,0.5]");
  arena_release(&a);
}

static void large_numbers_are_compared_exactly(void **state) {
  (void)state;
  struct value i = value_int(INT64_C(9007199254740993)), d = value_float(9007199254740992.0);
  assert_false(value_equal(&i, &d));
  i = value_int(INT64_MAX);
  d = value_float(9223372036854775808.0);
  assert_false(value_equal(&i, &d));
  i = value_int(3);
  d = value_float(3.0);
  assert_true(value_equal(&i, &d));
}

static void words_of_types_are_known(void **state) {
  (void)state;
  assert_int_equal(value_type_from_word("duration"), VALUE_DURATION);
  assert_int_equal(value_type_from_word("any"), -1);
  assert_int_equal(value_type_from_word("null"), -1);
  assert_int_equal(value_type_from_word("integer"), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_read_strictly_and_written_back),
      cmocka_unit_test(json_reads_back_as_the_same_value),
      cmocka_unit_test(json_of_another_type_is_refused),
      cmocka_unit_test(what_converts_is_what_was_said_to_convert),
      cmocka_unit_test(a_null_among_the_items_is_told),
      cmocka_unit_test(values_are_equal_by_what_they_hold),
      cmocka_unit_test(json_of_no_known_type_has_its_own),
      cmocka_unit_test(conversion_loses_nothing),
      cmocka_unit_test(large_numbers_are_compared_exactly),
      cmocka_unit_test(words_of_types_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
