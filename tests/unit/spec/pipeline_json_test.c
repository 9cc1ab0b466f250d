#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "scheduler/spec/pipeline.h"

static struct pipeline *read_text(const char *text, size_t len) {
  struct diag_list d;
  diag_init(&d, "t.yaml", text, len);
  struct pipeline_source source = {.name = "folder/t", .folder = "/dags/folder", .text = text, .len = len};
  struct pipeline *p = pipeline_read(&source, &d);
  struct buf out = {0};
  diag_render(&d, &out, false);
  if (!p) {
    fail_msg("%s", buf_cstr(&out));
    abort(); /* fail_msg never returns, which the checkers do not know */
  }
  buf_release(&out);
  diag_release(&d);
  return p;
}

static void comes_back_the_same(const char *text, size_t len) {
  struct buf first = {0}, second = {0}, before = {0}, after = {0};
  struct pipeline *p = read_text(text, len);
  pipeline_json(p, &first);
  struct pipeline *q = pipeline_from_json(buf_cstr(&first), first.len);
  if (!q) {
    fail_msg("%s", buf_cstr(&first));
    abort();
  }
  pipeline_json(q, &second);
  assert_string_equal(buf_cstr(&first), buf_cstr(&second));
  assert_string_equal(q->name, "folder/t");
  assert_string_equal(q->folder, "/dags/folder");
  assert_int_equal(q->tasks_len, p->tasks_len);
  for (size_t i = 0; i < p->tasks_len; i++) {
    const struct task_spec *a = &p->tasks[i], *b = &q->tasks[i];
    assert_int_equal(a->needs_len, b->needs_len);
    assert_int_equal(a->shell_len, b->shell_len);
    assert_int_equal(a->finally, b->finally);
    assert_int_equal(a->env_len, b->env_len);
    for (uint32_t k = 0; k < p->tasks_len; k++) assert_int_equal(task_needs(a, k), task_needs(b, k));
    buf_reset(&before), buf_reset(&after);
    task_definition_json(p, a, &before);
    task_definition_json(q, b, &after);
    assert_string_equal(buf_cstr(&before), buf_cstr(&after));
  }
  for (size_t i = 0; i < p->params_len; i++)
    assert_true(value_equal(&p->params[i].default_literal, &q->params[i].default_literal) ||
                p->params[i].default_literal.type == VALUE_ANY);
  for (size_t i = 0; i < p->schedules_len; i++) {
    assert_string_equal(p->schedules[i].identity, q->schedules[i].identity);
    assert_int_equal(p->schedules[i].zone_written, q->schedules[i].zone_written);
  }
  pipeline_release(p);
  pipeline_release(q);
  buf_release(&first), buf_release(&second), buf_release(&before), buf_release(&after);
}

static void a_pipeline_with_everything_comes_back_the_same(void **state) {
  static const char text[] =
      "description: \"quotes \\\" and \\u00e5\"\npaused: true\n"
      "params:\n  a: {type: int, default: 5, min: 1}\n  b: {type: json, default: {x: [1, \"1\", null, true]}}\n"
      "  c: {type: list, items: duration, default: [5m, 1h30m]}\n  d: {type: datetime, default: "
      "2026-03-29T01:30:00Z}\n"
      "  e: {type: enum, values: [\"true\", \"1\"], default: \"1\"}\n  f: {type: date, default: \"${{ run.date "
      "}}\"}\n"
      "  g: {type: string, default: \"\"}\n  h: {type: bool, default: false}\n  i: {type: string}\n  j: {type: json, "
      "default: text}\n"
      "schedule: [{every: 90m, params: {i: x, c: [1s]}}, {cron: \"@daily\", timezone: UTC, params: {i: \"010\"}}]\n"
      "env_file: [/a, /b]\nenv: {X: 010}\ndefaults: {env: {Y: z}, env_file: /c, shell: bash}\n"
      "tasks:\n"
      "  b: {run: [x, \"${{ matrix.k }}\", \"\"], matrix: {k: [3.10, a]}, needs: {a: same, z: all}, when: always()}\n"
      "  a: {run: \"#!/bin/sh\\necho\", matrix: {k: [3.10, a]}, outputs: {o: {type: list, items: int}}}\n"
      "  z: {run: x, shell: sh, slots: {gpu: \"${{ params.a }}\"}, retries: {max: 2, exit_codes: []}, unreachable: "
      "{then: retry}}\n"
      "  f: {run: x, finally: true}\n";
  (void)state;
  comes_back_the_same(text, sizeof text - 1);
}

/* Each key alone is enough for the settings of retries, or of a host that is silent, to be kept. */
static void a_setting_by_itself_comes_back_the_same(void **state) {
  static const char *const settings[] = {"retries: {max: 2}",
                                         "retries: {delay: 5s}",
                                         "retries: {factor: 3}",
                                         "retries: {cap: 9s}",
                                         "retries: {jitter: none}",
                                         "retries: {exit_codes: [3]}",
                                         "retries: {lost: 4}",
                                         "retries: 2",
                                         "unreachable: {after: 5m}",
                                         "unreachable: {then: retry}",
                                         "retries: {max: 0}",
                                         "timeout: 5m",
                                         "retries: {not_exit_codes: [1]}"};
  (void)state;
  for (size_t i = 0; i < COUNT(settings); i++) {
    struct buf yaml = {0}, json = {0};
    buf_fmt(&yaml, "tasks:\n  a: {run: x, %s}\n", settings[i]);
    comes_back_the_same(buf_cstr(&yaml), yaml.len);
    struct pipeline *p = read_text(buf_cstr(&yaml), yaml.len);
    pipeline_json(p, &json);
    char key[16];
    snprintf(key, sizeof key, "\"%.*s\"", (int)strcspn(settings[i], ":"), settings[i]);
    if (!strstr(buf_cstr(&json), key)) fail_msg("%s: %s", settings[i], buf_cstr(&json));
    pipeline_release(p);
    buf_release(&yaml), buf_release(&json);
  }
}

static void what_is_retained_twice_is_released_twice(void **state) {
  static const char text[] = "tasks: {a: {run: x}}\n";
  (void)state;
  struct pipeline *p = read_text(text, sizeof text - 1), *same = pipeline_retain(p);
  assert_ptr_equal(same, p);
  pipeline_release(p);
  assert_string_equal(same->tasks[0].name, "a"); /* under a sanitizer an early end is found here */
  pipeline_release(same);
}

static void the_examples_come_back_the_same(void **state) {
  size_t count = 0;
  (void)state;
  DIR *dir = opendir("dags");
  if (!dir) skip();
  for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
    char path[512];
    struct buf text = {0};
    if (!strstr(e->d_name, ".yaml")) continue;
    snprintf(path, sizeof path, "dags/%s", e->d_name);
    assert_int_equal(file_read(path, PIPELINE_TEXT_MAX, &text), 0);
    comes_back_the_same(buf_cstr(&text), text.len);
    buf_release(&text);
    count++;
  }
  closedir(dir);
  assert_true(count > 0);
}

static void a_stricter_reader_strands_no_version(void **state) {
  static const char *const texts[] = {
      "{\"name\":\"x\",\"a key of later\":1,\"tasks\":{\"a\":{\"run\":\"echo ${{ params.x }}\",\"kind\":\"new\"}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"echo\",\"timeout\":\"for ever\",\"retries\":{\"max\":\"-1\"}}}}",
      "{\"name\":\"x\",\"schedule\":[{\"cron\":\"99 * * * "
      "*\",\"timezone\":\"Mars/Base\"}],\"tasks\":{\"a\":{\"run\":\"x\"}}}",
      "{\"name\":\"x\",\"params\":{\"n\":{\"type\":\"int\",\"min\":9,\"default\":\"1\"}},\"tasks\":{\"a\":{\"run\":"
      "\"x\"}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"when\":\"params.gone == 1\"}}}",
      "{\"name\":\"x\",\"secrets\":\"y\",\"tasks\":{\"a\":{\"run\":\"x\",\"container\":\"y\"}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"finally\":true,\"needs\":[\"b\"]},\"b\":{\"run\":\"x\"}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"finally\":true},\"b\":{\"run\":\"x\",\"needs\":[\"a\"]}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"fail_fast\":true}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":[\"x\"],\"shell\":[\"bash\"]}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"when\":\" ${{ true }} \"}}}",
      "{\"name\":\"x\",\"schedule\":[{\"every\":\"500ms\"}],\"tasks\":{\"a\":{\"run\":\"x\"}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"slots\":{\"gpu\":\"0\",\"nope\":\"x\"}}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"env\":[{\"name\":\"ROTA_X\",\"value\":\"1\"},{\"file\":"
      "\"f\"}]}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"env\":{\"A-B\":\"1\"}}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"env\":[{}]}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"env\":[{\"file\":[]}]}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"env\":[{\"name\":\"A\"}]}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"env\":[{\"name\":[],\"value\":\"1\"}]}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"env\":[3]}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"matrix\":{\"k\":[\"1\",\"2\"]}},\"b\":{\"run\":\"x\","
      "\"matrix\":{\"k\":[\"1\"]},\"needs\":{\"a\":\"same\"}}}}",
      "{\"name\":\"x\",\"params\":{\"j\":{\"type\":\"json\",\"default\":\"{\"},\"e\":{\"type\":\"enum\",\"values\":["
      "\"a\"],\"default\":\"b\"}},\"tasks\":{\"a\":{\"run\":\"x\"}}}",
      "{\"name\":\"x\",\"tasks\":{\"a\":{\"run\":\"x\",\"timeout\":\"${{ params.gone }}\"}}}",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct pipeline *p = pipeline_from_json(texts[i], strlen(texts[i]));
    if (!p) fail_msg("%s", texts[i]);
    pipeline_release(p);
  }
}

static void what_is_no_pipeline_is_refused(void **state) {
  static const char *const texts[] = {
      "",
      "{",
      "[]",
      "3",
      "{}",
      "{\"tasks\":[]}",
      "{\"tasks\":{}}",
      "{\"tasks\":{\"a\":1}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"needs\":\"b\"}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"needs\":\"b\"},\"b\":{\"run\":\"x\",\"needs\":\"a\"}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"when\":\"(\"}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\",\"matrix\":{\"k\":{}}}}}",
      "{\"tasks\":{\"a\":{\"run\":\"x\\u0000y\"}}}",
      "{\"tasks\":{\"a\":{\"run\":[[\"x\\u0000y\"],{\"b\":\"\\u0000\",\"c\":1}]}}}",
      "\"\\u0000\""};
  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++)
    if (pipeline_from_json(texts[i], strlen(texts[i]))) fail_msg("%s was taken", texts[i]);
}

static void a_definition_changes_with_the_task_alone(void **state) {
  static const char one[] = "tasks:\n  a: {run: x}\n  b: {run: y, needs: a, doc: one}\n";
  static const char two[] = "owner: me\ntasks:\n  c: {run: z}\n  a: {run: x2}\n  b: {needs: [a], doc: two, run: y}\n";
  struct buf a = {0}, b = {0};
  (void)state;
  struct pipeline *p = read_text(one, sizeof one - 1), *q = read_text(two, sizeof two - 1);
  task_definition_json(p, &p->tasks[1], &a);
  task_definition_json(q, &q->tasks[2], &b);
  assert_string_equal(buf_cstr(&a), buf_cstr(&b));
  buf_reset(&a), buf_reset(&b);
  task_definition_json(p, &p->tasks[0], &a);
  task_definition_json(q, &q->tasks[1], &b);
  assert_string_not_equal(buf_cstr(&a), buf_cstr(&b));
  pipeline_release(p);
  pipeline_release(q);
  buf_release(&a), buf_release(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_pipeline_with_everything_comes_back_the_same),
      cmocka_unit_test(a_setting_by_itself_comes_back_the_same),
      cmocka_unit_test(what_is_retained_twice_is_released_twice),
      cmocka_unit_test(the_examples_come_back_the_same),
      cmocka_unit_test(a_stricter_reader_strands_no_version),
      cmocka_unit_test(what_is_no_pipeline_is_refused),
      cmocka_unit_test(a_definition_changes_with_the_task_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
