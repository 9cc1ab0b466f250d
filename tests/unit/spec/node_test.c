#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "scheduler/spec/yaml/node.h"

static struct node *read_text(struct arena *a, const char *text, size_t len, struct diag_list *d) {
  diag_init(d, "t.yaml", text, len);
  return node_read(a, text, len, d);
}

static void every_node_knows_its_place(void **state) {
  static const char text[] = "a: 1\nbb:\n  - \"x\"\n  - {k: 'v w'}\nc: |\n\n  one\n  two\n\xc3\xa5: z\n";
  static const struct {
    const char *path[3];
    uint32_t line, column, width, text_column;
  } rows[] = {
      {{"a"}, 1, 4, 1, 4},
      {{"bb"}, 3, 3, 1, 3},
      {{"c"}, 5, 4, 1, 3},
      {{"\xc3\xa5"}, 9, 4, 1, 4},
  };
  struct arena a = {0};
  struct diag_list d;
  (void)state;
  const struct node *root = read_text(&a, text, sizeof text - 1, &d);
  assert_non_null(root);
  assert_int_equal(d.len, 0);
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct node *n = node_get(root, rows[i].path[0]);
    assert_non_null(n);
    assert_int_equal(n->place.line, rows[i].line);
    assert_int_equal(n->place.column, rows[i].column);
    assert_int_equal(n->place.width, rows[i].width);
    assert_int_equal(n->text_place.column, rows[i].text_column);
  }
  const struct node *list = node_get(root, "bb");
  assert_int_equal(list->len, 2);
  assert_int_equal(list->first->style, NODE_QUOTED);
  const struct node *v = node_get(list->first->next, "k");
  assert_int_equal(v->key_place.column, 6);
  assert_int_equal(v->text_place.column, 10);
  assert_int_equal(v->text_place.width, 3);
  const struct node *block = node_get(root, "c");
  struct diag_place two = node_place_at(block, (size_t)(strstr(block->text, "two") - block->text), 3);
  assert_int_equal(two.line, 8);
  assert_int_equal(two.column, 3);
  diag_release(&d);
  arena_release(&a);
}

/* What must be refused, the place and a word of the message. */
static void broken_text_is_refused_with_its_place(void **state) {
  static const struct {
    const char *text;
    size_t len;
    uint32_t line, column;
    const char *word;
  } rows[] = {
      {"", 0, 0, 0, "nothing"},
      {"# only a comment\n", 17, 0, 0, "nothing"},
      {"~", 1, 0, 0, "nothing"},
      {"a: \"caf\xe9\"\n", 10, 1, 8, "0xe9"},
      {"a: \xc3\xa5\nb: \xff", 10, 2, 4, "0xff"},
      {"a: \xed\xa0\x80", 6, 1, 4, "UTF-8"},
      {"a: \xc0\x80", 5, 1, 4, "UTF-8"},
      {"a: b\0c", 6, 1, 5, "U+0000"},
      {"a: \x1b[0m", 7, 1, 4, "U+001B"},
      {"\xff\xfe"
       "a\0",
       4, 1, 1, "UTF-16"},
      {"\x7f"
       "ELF\2\1\1",
       7, 1, 1, "U+007F"},
      {"\xfe\xff\0a", 4, 1, 1, "UTF-16"},
      {"\xff", 1, 1, 1, "0xff"},
      {"\xfe\n", 2, 1, 1, "0xfe"},
      {"\xff\n", 2, 1, 1, "0xff"},
      {"a: \xc2\x9f", 5, 1, 4, "U+009F"},
      {"a: \xef\xbf\xbe", 6, 1, 4, "U+FFFE"},
      {"a: \xef\xbf\xbf", 6, 1, 4, "U+FFFF"},
      {"%YAML 9.9\n---\na: 1\n", 19, 1, 1, "incompatible"},
      {"a: 1\r\n b: 2\r\n", 13, 2, 2, "indented further"},
      {"\"a\" b\n", 6, 1, 5, "behind the end"},
      {"a: 1\n---\nb: 2\n", 14, 2, 1, "one document"},
      {"a: 1\n...\nb: 2\n", 14, 3, 1, "document"},
      {"a: [1, 2\nb: 3\n", 14, 2, 2, "','"},
      {"a: \"x\n", 6, 1, 4, "never closed"},
      {"\xef\xbb\xbf"
       "a: [\n",
       8, 2, 1, "value"},
      {"%FOO\n---\n%bar: 1\n", 17, 1, 1, "directive"},
      {"a: !<tag:x> &y", 14, 1, 15, "YAML"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct arena a = {0};
    struct diag_list d;
    const struct node *n = read_text(&a, rows[i].text, rows[i].len, &d);
    if (n && d.errors == 0) fail_msg("row %zu was taken", i);
    if (d.len == 0) fail_msg("row %zu has no message", i);
    if (i + 1 < COUNT(rows) && (d.items[0].place.line != rows[i].line || d.items[0].place.column != rows[i].column ||
                                !strstr(d.items[0].message, rows[i].word)))
      fail_msg("row %zu: %u:%u: %s", i, d.items[0].place.line, d.items[0].place.column, d.items[0].message);
    diag_release(&d);
    arena_release(&a);
  }
}

/* A plain text is a number of JSON only if JSON writes numbers so; any other stays text. */
static void values_are_written_as_json_has_them(void **state) {
  static const struct {
    const char *yaml, *json;
  } rows[] = {
      {"1", "1"},           {"-1.50", "-1.50"},     {"1e5", "1e5"},     {"1E+5", "1E+5"},
      {"2.5e-3", "2.5e-3"}, {"1e", "\"1e\""},       {"1e+", "\"1e+\""}, {"1e5x", "\"1e5x\""},
      {"1.", "\"1.\""},     {".5", "\".5\""},       {"010", "\"010\""}, {"\"1\"", "\"1\""},
      {"true", "true"},     {"False", "\"False\""}, {"~", "null"},      {"[1, {a: x}, []]", "[1,{\"a\":\"x\"},[]]"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct arena a = {0};
    struct diag_list d;
    struct buf yaml = {0}, json = {0};
    buf_fmt(&yaml, "k: %s\n", rows[i].yaml);
    const struct node *root = read_text(&a, buf_cstr(&yaml), yaml.len, &d);
    assert_non_null(root);
    node_json(node_get(root, "k"), &json);
    assert_string_equal(buf_cstr(&json), rows[i].json);
    buf_release(&yaml), buf_release(&json);
    diag_release(&d);
    arena_release(&a);
  }
}

static void repeated(struct buf *out, const char *piece, size_t times) {
  for (size_t i = 0; i < times; i++) buf_str(out, piece);
}

static void refused_in_time(const char *text, size_t len, const char *word) {
  struct arena a = {0};
  struct diag_list d;
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  const struct node *n = read_text(&a, text, len, &d);
  clock_gettime(CLOCK_MONOTONIC, &to);
  assert_null(n);
  assert_int_equal(d.errors, 1);
  if (!strstr(d.items[0].message, word)) fail_msg("%s", d.items[0].message);
  assert_true(to.tv_sec - from.tv_sec < 5);
  assert_true(a.used < (64u << 20));
  diag_release(&d);
  arena_release(&a);
}

static void hostile_text_is_refused_in_bounded_time_and_memory(void **state) {
  struct buf b = {0};
  (void)state;
  repeated(&b, "[", 10000);
  refused_in_time(buf_cstr(&b), b.len, "64 deep");
  buf_reset(&b);
  repeated(&b, "{a: ", 100000);
  refused_in_time(buf_cstr(&b), b.len, "64 deep");
  buf_reset(&b);
  repeated(&b, "- ", 100000);
  refused_in_time(buf_cstr(&b), b.len, "64 deep");
  buf_reset(&b);
  buf_str(&b, "[");
  repeated(&b, "1,", 500000);
  refused_in_time(buf_cstr(&b), b.len, "150,000");
  buf_reset(&b);
  buf_str(&b, "a: ");
  repeated(&b, "x", NODE_SCALAR_MAX + 1);
  refused_in_time(buf_cstr(&b), b.len, "256 KiB");
  buf_release(&b);
}

static void an_alias_bomb_is_not_expanded(void **state) {
  struct buf b = {0};
  struct arena a = {0};
  struct diag_list d;
  (void)state;
  buf_str(&b, "a: &a [x, x, x, x, x, x, x, x, x]\n");
  for (int c = 'b'; c < 'j'; c++) {
    buf_fmt(&b, "%c: &%c [", c, c);
    for (int i = 0; i < 9; i++) buf_fmt(&b, "*%c, ", c - 1);
    buf_str(&b, "]\n");
  }
  const struct node *n = read_text(&a, buf_cstr(&b), b.len, &d);
  assert_non_null(n); /* each alias is an error and a broken node, so that what else is wrong can be told */
  assert_int_equal(d.errors, 9 + 72);
  assert_true(a.used < 64 * 1024);
  diag_release(&d);
  arena_release(&a);
  buf_release(&b);
}

static void many_keys_are_told_apart_in_time(void **state) {
  struct buf b = {0};
  struct arena a = {0};
  struct diag_list d;
  (void)state;
  for (int i = 0; i < 50000; i++) buf_fmt(&b, "k%d: 1\n", i);
  buf_str(&b, "k77: 2\nk3: 2\n");
  const struct node *n = read_text(&a, buf_cstr(&b), b.len, &d);
  assert_non_null(n);
  assert_int_equal(n->len, 50000);
  assert_int_equal(d.errors, 2);
  assert_int_equal(d.items[0].place.line, 50001);
  assert_non_null(strstr(d.items[0].message, "line 78"));
  diag_release(&d);
  arena_release(&a);
  buf_release(&b);
}

static void nodes_become_json_by_the_core_schema(void **state) {
  static const char text[] =
      "[1, -2.5, 1e3, 010, 0x1f, 1_000, true, yes, null, ~, \"1\", 'true', 12:30, .5, 1., {a: [], b: {}}, 3.10]";
  struct arena a = {0};
  struct buf out = {0};
  struct diag_list d;
  (void)state;
  const struct node *n = read_text(&a, text, sizeof text - 1, &d);
  node_json(n, &out);
  assert_string_equal(buf_cstr(&out),
                      "[1,-2.5,1e3,\"010\",\"0x1f\",\"1_000\",true,\"yes\",null,null,\"1\",\"true\",\"12:30\","
                      "\".5\",\"1.\",{\"a\":[],\"b\":{}},3.10]");
  buf_release(&out);
  diag_release(&d);
  arena_release(&a);
}

static void json_becomes_nodes(void **state) {
  static const char text[] = "{\"b\": [1, true, null, \"x\\u00e5\"], \"a\": {\"k\": 1.5}}";
  struct arena a = {0};
  struct buf out = {0};
  (void)state;
  const struct node *n = node_from_json(&a, text, sizeof text - 1);
  assert_non_null(n);
  assert_string_equal(n->first->key, "b"); /* the order is kept */
  assert_int_equal(n->first->first->next->next->next->style, NODE_QUOTED);
  node_json(n, &out);
  assert_string_equal(buf_cstr(&out), "{\"b\":[1,true,null,\"x\xc3\xa5\"],\"a\":{\"k\":1.5}}");
  assert_null(node_from_json(&a, "{", 1));
  assert_null(node_from_json(&a, "[\"a\\u0000b\"]", 12));
  assert_non_null(node_from_json(&a, "[]", 2));
  assert_non_null(node_from_json(&a, "{}", 2));
  assert_null(node_from_json(&a, "{\"a\":1,\"a\":2}", 13));
  buf_reset(&out);
  repeated(&out, "[", 1000);
  repeated(&out, "]", 1000);
  assert_null(node_from_json(&a, buf_cstr(&out), out.len));
  buf_release(&out);
  arena_release(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_node_knows_its_place),
      cmocka_unit_test(broken_text_is_refused_with_its_place),
      cmocka_unit_test(values_are_written_as_json_has_them),
      cmocka_unit_test(hostile_text_is_refused_in_bounded_time_and_memory),
      cmocka_unit_test(an_alias_bomb_is_not_expanded),
      cmocka_unit_test(many_keys_are_told_apart_in_time),
      cmocka_unit_test(nodes_become_json_by_the_core_schema),
      cmocka_unit_test(json_becomes_nodes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
