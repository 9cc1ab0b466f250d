/* The body of a request, and what is said about a bad one. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/arena.h"
#include "scheduler/daemon/handlers/body.h"

static const char *const members[] = {"text", "flag", "at", "word", "params", NULL};
static const char *const words[] = {"one", "two", NULL};

struct read {
  struct arena arena;
  struct body body;
  const char *text;
  bool flag;
  instant at;
  int word;
  const struct param_given *params;
  size_t params_len;
};

static void read_body(struct read *r, const char *text) {
  *r = (struct read){0};
  body_open(&r->body, &r->arena, text, strlen(text), members);
  r->text = body_text(&r->body, "text", true);
  r->flag = body_flag(&r->body, "flag", true);
  r->at = body_instant(&r->body, "at");
  r->word = body_word(&r->body, "word", words, false);
  r->params = body_params(&r->body, "params", &r->params_len);
}

static void release(struct read *r) {
  body_close(&r->body);
  arena_release(&r->arena);
}

static void each_fault_is_a_sentence(void **state) {
  (void)state;
  static const struct {
    const char *body, *fault;
  } table[] = {
      {"", "'text' is missing"},
      {"{}", "'text' is missing"},
      {"{\"text\": null}", "'text' is missing"},
      {"{\"text\": 5}", "'text' must be a string without NUL bytes"},
      {"{\"text\": \"\"}", "'text' must be more than an empty text"},
      {"[]", "the body must be a JSON object"},
      {"\"x\"", "the body is not well-formed JSON"},
      {"{\"text\": \"a\"", "the body is not well-formed JSON: line 1"},
      {"{\"text\": \"a\"} x", "the body is not well-formed JSON"},
      {"{\"text\": \"a\", \"text\": \"b\"}", "duplicate"},
      {"{\"text\": \"a\\u0000b\"}", "NUL"},
      {"{\"text\": \"\xff\"}", "the body is not well-formed JSON"},
      {"{\"text\": \"a\", \"txt\": 1}", "unknown member 'txt'; it takes: text, flag, at, word, params"},
      {"{\"text\": \"a\", \"flag\": 1}", "'flag' must be true or false"},
      {"{\"text\": \"a\", \"at\": \"noon\"}", "'at' must be an instant like"},
      {"{\"text\": \"a\", \"at\": 12}", "'at' must be"},
      {"{\"text\": \"a\", \"word\": \"three\"}", "'word' must be one of one, two"},
      {"{\"text\": \"a\", \"params\": []}", "'params' must be an object of names and values"},
      {"{\"text\": \"a\", \"params\": {\"n\": 99999999999999999999}}", "the body is not well-formed JSON"},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct read r;
    read_body(&r, table[i].body);
    if (!r.body.fault || !strstr(r.body.fault, table[i].fault))
      fail_msg("%s: said '%s', expected '%s'", table[i].body, r.body.fault ? r.body.fault : "(nothing)",
               table[i].fault);
    assert_int_equal(r.params_len, 0); /* after a fault nothing is read */
    release(&r);
  }
}

static void the_first_fault_is_the_one_that_is_told(void **state) {
  (void)state;
  struct read r;
  read_body(&r, "{\"text\": 1, \"flag\": 1}");
  assert_non_null(strstr(r.body.fault, "'text'"));
  release(&r);
}

static void members_are_read_as_their_types(void **state) {
  (void)state;
  struct read r;
  read_body(&r, "{\"text\": \"a\", \"flag\": false, \"at\": \"2026-03-29T02:30:00+02:00\", \"word\": \"two\","
                " \"params\": {\"n\": 5, \"s\": \"5\", \"l\": [1, \"x\"], \"z\": null}}");
  assert_null(r.body.fault);
  assert_string_equal(r.text, "a");
  assert_false(r.flag);
  assert_int_equal(r.at, INT64_C(1774744200000000));
  assert_int_equal(r.word, 1);
  assert_int_equal(r.params_len, 4);
  assert_string_equal(r.params[0].name, "n");
  assert_null(r.params[0].text);
  assert_int_equal(r.params[0].value.type, VALUE_INT);
  assert_string_equal(r.params[1].text, "5");
  assert_int_equal(r.params[3].value.type, VALUE_NULL);
  release(&r);
}

static void what_is_left_out_takes_its_default(void **state) {
  (void)state;
  struct read r;
  read_body(&r, "{\"text\": \"a\"}");
  assert_null(r.body.fault);
  assert_true(r.flag);
  assert_int_equal(r.at, INSTANT_NONE);
  assert_int_equal(r.word, -1);
  assert_null(r.params);
  release(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_fault_is_a_sentence),
      cmocka_unit_test(the_first_fault_is_the_one_that_is_told),
      cmocka_unit_test(members_are_read_as_their_types),
      cmocka_unit_test(what_is_left_out_takes_its_default),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
