#include "tests/unit/unit.h"

#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/keys.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/schema.h"
#include "tests/unit/spec/language_config.h"

#define DOCS "docs/pipeline-language.md"

static json_t *schema_load(void (*write)(struct buf *)) {
  struct buf out = {0};
  json_error_t error;
  write(&out);
  json_t *root = json_loadb(buf_cstr(&out), out.len, JSON_REJECT_DUPLICATES, &error);
  if (!root) fail_msg("%s at %d", error.text, error.position);
  buf_release(&out);
  return root;
}

/* Every reference leads to a definition. */
static void refs_check(const json_t *root, const json_t *at) {
  const char *key;
  json_t *value;
  size_t i;
  if (json_is_array(at)) {
    for (i = 0; i < json_array_size(at); i++) refs_check(root, json_array_get(at, i));
  } else if (json_is_object(at)) {
    json_object_foreach((json_t *)(uintptr_t)at, key, value) {
      if (strcmp(key, "$ref") == 0) {
        const char *name = json_string_value(value);
        assert_int_equal(strncmp(name, "#/$defs/", 8), 0);
        if (!json_object_get(json_object_get(root, "$defs"), name + 8)) fail_msg("%s is not defined", name);
      }
      refs_check(root, value);
    }
  }
}

static void the_schemas_are_whole(void **state) {
  (void)state;
  json_t *pipeline = schema_load(schema_pipeline), *config = schema_load(schema_config);
  refs_check(pipeline, pipeline);
  refs_check(config, config);
  json_decref(pipeline);
  json_decref(config);
}

static void the_schema_has_every_key_of_the_table(void **state) {
  (void)state;
  json_t *pipeline = schema_load(schema_pipeline), *config = schema_load(schema_config);
  for (int i = 0; i < KEY_COUNT; i++) {
    const struct key *key = key_at((enum key_id)i);
    bool in_config = key->scope >= SCOPE_CONFIG, hidden = key->flags & (KEY_RESERVED | KEY_INTERNAL);
    json_t *root = in_config ? config : pipeline;
    bool top = key->scope == SCOPE_PIPELINE || key->scope == SCOPE_CONFIG;
    json_t *object = top ? root : json_object_get(json_object_get(root, "$defs"), key_scope_word(key->scope, false));
    json_t *found = json_object_get(json_object_get(object, "properties"), key->name);
    if ((found == NULL) != hidden) fail_msg("%s", key->name);
    if (!hidden) assert_true(strlen(key->doc) > 5);
  }
  json_decref(pipeline);
  json_decref(config);
}

static void docs_have(const struct buf *docs, const char *mark, bool config) {
  struct buf table = {0};
  const char *from = strstr(buf_cstr(docs), mark);
  assert_non_null(from);
  from = strchr(from, '\n') + 1;
  const char *to = strstr(from, "<!-- end of keys -->");
  assert_non_null(to);
  keys_markdown(config, &table);
  if ((size_t)(to - from) != table.len || strncmp(from, buf_cstr(&table), table.len) != 0)
    fail_msg("the tables of %s differ from scheduler/spec/keys.def; they must read:\n%s", DOCS, buf_cstr(&table));
  buf_release(&table);
}

static void the_documentation_has_the_table(void **state) {
  struct buf docs = {0};
  (void)state;
  assert_int_equal(file_read(DOCS, 1 << 20, &docs), 0);
  docs_have(&docs, "<!-- keys of pipelines", false);
  docs_have(&docs, "<!-- keys of the configuration", true);
  buf_release(&docs);
}

static void example_check(const char *text, size_t len, const struct config *config) {
  struct diag_list d;
  struct buf out = {0};
  diag_init(&d, "example.yaml", text, len);
  if (strncmp(text, "# rota.yaml", 11) == 0) {
    config_free(config_read("rota.yaml", text, len, "/srv", "/home/me", 8, "UTC", &d));
  } else {
    struct pipeline_source source = {.name = "example", .text = text, .len = len, .config = config};
    pipeline_release(pipeline_read(&source, &d));
  }
  diag_render(&d, &out, false);
  if (d.len) fail_msg("%s", buf_cstr(&out));
  buf_release(&out);
  diag_release(&d);
}

static void every_example_of_the_documentation_is_right(void **state) {
  struct buf docs = {0};
  size_t count = 0;
  (void)state;
  struct config *config = language_config();
  assert_int_equal(file_read(DOCS, 1 << 20, &docs), 0);
  for (const char *p = strstr(buf_cstr(&docs), "```yaml\n"); p; p = strstr(p, "```yaml\n")) {
    const char *text = p + 8, *end = strstr(text, "\n```");
    assert_non_null(end);
    example_check(text, (size_t)(end + 1 - text), config);
    p = end + 4;
    count++;
  }
  assert_true(count >= 6);
  buf_release(&docs);
  config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_schemas_are_whole),
      cmocka_unit_test(the_schema_has_every_key_of_the_table),
      cmocka_unit_test(the_documentation_has_the_table),
      cmocka_unit_test(every_example_of_the_documentation_is_right),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
