#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline.h"
#include "tests/unit/spec/cases.h"
#include "tests/unit/spec/language_config.h"

static struct pipeline *read_with(const char *text, size_t len, const struct config *config, struct diag_list *d) {
  struct pipeline_source source = {.name = "test", .folder = "/dags", .text = text, .len = len, .config = config};
  diag_init(d, "test.yaml", text, len);
  return pipeline_read(&source, d);
}

/* Reads text that has no error and hands over the pipeline. */
static struct pipeline *read_good(const char *text) {
  struct diag_list d;
  struct pipeline *p = read_with(text, strlen(text), NULL, &d);
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

static void run_bad(const char *input, size_t len, struct buf *out) {
  struct config *config = language_config();
  struct diag_list d;
  assert_non_null(config);
  struct pipeline *p = read_with(input, len, config, &d);
  assert_int_equal(p != NULL, d.errors == 0);
  cases_render(&d, out);
  pipeline_release(p);
  diag_release(&d);
  config_free(config);
}

static void bad_pipelines_are_told_what_is_wrong(void **state) {
  (void)state;
  size_t count = 0, wrong = cases_check("tests/unit/spec/bad_pipelines.txt", run_bad, &count);
  assert_int_equal(wrong, 0);
  assert_true(count >= 140);
}

static void every_key_is_taken(void **state) {
  static const char text[] =
      "description: d\nowner: o\ntags: [a, b]\ndoc: notes\npaused: true\n"
      "params:\n"
      "  n: {type: int, default: 5, min: 1, max: 9, help: h}\n"
      "  e: {type: enum, values: [x, y], default: y}\n"
      "  l: {type: list, items: date, default: [2026-01-01]}\n"
      "schedule:\n"
      "  - {name: s, cron: \"0 2 * * 1-5\", timezone: Europe/Oslo, catchup: all, catchup_window: 3h,\n"
      "     overlap: cancel_running, jitter: 30s, paused: true, params: {n: 3}}\n"
      "  - every: 15m\n"
      "env_file: /etc/a.env\nenv: {A: \"1\"}\nmax_tasks: 8\ntimeout: 4h\npriority: 5\n"
      "defaults: {retries: 2, env_file: /etc/b.env, env: {B: b}}\n"
      "tasks:\n"
      "  a:\n"
      "    doc: what\n    run: echo\n    shell: [bash, -x]\n    matrix: {k: [1, 2]}\n"
      "    outputs: {o: int, p: {type: list, items: float}}\n    on: gpus\n    slots: {gpu: 1}\n"
      "    dir: /tmp\n    env_file: [/etc/c.env]\n    env: {C: c}\n    path: /opt/bin\n"
      "    retries: {max: 3, delay: 1s, factor: 3, cap: 5m, jitter: none, exit_codes: [75], lost: 4}\n"
      "    timeout: 5m\n    grace: 10s\n    unreachable: {after: 6h, then: retry}\n    priority: 3\n"
      "    allow_failure: true\n    fail_fast: true\n    leftovers: keep\n    send: a\n    fetch: [b, c]\n"
      "  b:\n    run: [x, \"${{ params.n }}\"]\n    needs: {a: same}\n    matrix: {k: [1, 2]}\n"
      "    when: ${{ params.n > 2 }}\n    retries: {max: 1, not_exit_codes: 3}\n"
      "  c: {run: \"#!/bin/env python3\", finally: true}\n";
  (void)state;
  struct pipeline *p = read_good(text);
  assert_int_equal(p->tags_len, 2);
  assert_true(p->paused);
  assert_int_equal(p->params_len, 3);
  assert_int_equal(p->params[0].default_literal.integer, 5);
  assert_int_equal(p->params[2].items, VALUE_DATE);
  assert_int_equal(p->schedules_len, 2);
  assert_string_equal(p->schedules[0].identity, "s");
  assert_string_equal(p->schedules[1].identity, "every 15m");
  assert_int_equal(p->schedules[0].overlap, OVERLAP_CANCEL_RUNNING);
  assert_int_equal(p->schedules[0].params[0].value.integer, 3);
  assert_int_equal(p->env_len, 2);
  assert_string_equal(p->env[0].file, "/etc/a.env");
  const struct task_spec *a = &p->tasks[0], *b = &p->tasks[1], *c = &p->tasks[2];
  assert_int_equal(a->env_len, 4); /* the files and pairs of defaults, then its own */
  assert_string_equal(a->env[0].file, "/etc/b.env");
  assert_string_equal(a->env[1].name, "B");
  assert_string_equal(a->env[2].file, "/etc/c.env");
  assert_string_equal(a->env[3].name, "C");
  assert_string_equal(a->shell[1], "-x");
  assert_string_equal(a->retries.max->source, "3");
  assert_int_equal(a->retries.exit_codes[0], 75);
  assert_int_equal(a->retries.jitter, JITTER_NONE);
  assert_int_equal(a->unreachable_then, UNREACHABLE_RETRY);
  assert_int_equal(a->leftovers, LEFTOVERS_KEEP);
  assert_true(a->allow_failure && a->fail_fast);
  assert_int_equal(a->fetch_len, 2);
  assert_int_equal(a->outputs[1].items, VALUE_FLOAT);
  assert_int_equal(b->argc, 2);
  assert_null(b->shell);
  assert_true(b->needs[0].same);
  assert_string_equal(b->when_source, "params.n > 2");
  assert_true(c->finally);
  assert_null(c->shell); /* the script's first line rules */
  assert_true(task_needs(c, 0) && task_needs(c, 1) && !task_needs(c, 2));
  pipeline_release(p);
}

static void defaults_are_those_of_the_documentation(void **state) {
  (void)state;
  struct pipeline *p = read_good("schedule: \" 0  2 * * * \"\ntasks:\n  a: {run: echo}\n");
  const struct task_spec *a = &p->tasks[0];
  assert_string_equal(p->schedules[0].identity, "0 2 * * * UTC");
  assert_false(p->schedules[0].zone_written);
  assert_int_equal(p->schedules[0].catchup, CATCHUP_LAST);
  assert_int_equal(p->schedules[0].overlap, OVERLAP_QUEUE);
  assert_string_equal(a->shell[0], "/bin/sh");
  assert_string_equal(a->shell[1], "-e");
  assert_null(a->retries.max);
  assert_null(a->timeout);
  assert_null(a->on);
  assert_int_equal(a->leftovers, LEFTOVERS_KILL);
  pipeline_release(p);
}

static void text_stays_as_it_is_written(void **state) {
  static const char *const values[] = {"3.10", "010",   "NO",  "12:30",      "1e3",
                                       "0x1f", "1_000", "yes", "2026-01-01", ".5"};
  struct buf text = {0};
  (void)state;
  buf_str(&text, "env:\n");
  for (size_t i = 0; i < COUNT(values); i++) buf_fmt(&text, "  V%zu: %s\n", i, values[i]);
  buf_str(&text, "tasks:\n  a: {run: echo}\n");
  struct pipeline *p = read_good(buf_cstr(&text));
  for (size_t i = 0; i < COUNT(values); i++) assert_string_equal(p->env[i].value->source, values[i]);
  pipeline_release(p);
  buf_release(&text);
}

static void the_order_respects_needs(void **state) {
  (void)state;
  struct pipeline *p = read_good(
      "tasks:\n  d: {run: x, needs: [b, c]}\n  c: {run: x, needs: a}\n  b: {run: x, needs: a}\n"
      "  a: {run: x}\n");
  size_t at[4];
  for (size_t i = 0; i < 4; i++) at[p->order[i]] = i;
  for (size_t i = 0; i < 4; i++)
    for (size_t k = 0; k < p->tasks[i].needs_len; k++) assert_true(at[p->tasks[i].needs[k].task] < at[i]);
  assert_int_equal(pipeline_task(p, "a"), 3);
  assert_int_equal(pipeline_task(p, "x"), -1);
  assert_true(task_needs(&p->tasks[0], 3) && !task_needs(&p->tasks[3], 0));
  pipeline_release(p);
}

static void with_local_every_place_is_this_machine(void **state) {
  static const char text[] = "tasks:\n  a: {run: echo, on: nowhere, slots: {tpu: 4}}\n";
  (void)state;
  struct config *config = language_config();
  struct diag_list d;
  diag_init(&d, "t.yaml", text, sizeof text - 1);
  struct pipeline_source source = {
      .name = "t", .text = text, .len = sizeof text - 1, .config = config, .local = true};
  struct pipeline *p = pipeline_read(&source, &d);
  assert_non_null(p);
  pipeline_release(p);
  diag_release(&d);
  config_free(config);
}

static void names_come_from_paths(void **state) {
  static const struct {
    const char *path, *name;
  } rows[] = {{"nightly.yaml", "nightly"},
              {"forecast/nightly.yaml", "forecast/nightly"},
              {"a.yml", "a"},
              {"Nightly.yaml", NULL},
              {"_x.yaml", NULL},
              {"_lib/x.yaml", NULL},
              {"a/_x.yaml", NULL},
              {".x.yaml", NULL},
              {"a b.yaml", NULL},
              {"x.json", NULL},
              {".yaml", NULL},
              {"a//b.yaml", NULL},
              {"/a.yaml", NULL},
              {"a/b.yml", "a/b"},
              {"a-1_x/b-2.yaml", "a-1_x/b-2"},
              {"a/.yaml", NULL},
              {"a/", NULL},
              {"", NULL},
              {"yaml", NULL},
              {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj"
               "aaaaaaaaaabbbbbbbbbbccccccccc.yaml",
               NULL},
              {"../a.yaml", NULL}};
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char out[PIPELINE_NAME_MAX + 1];
    const char *why = NULL;
    int rc = pipeline_name_from_path(rows[i].path, out, &why);
    if (rows[i].name) {
      assert_int_equal(rc, 0);
      assert_string_equal(out, rows[i].name);
    } else {
      if (rc == 0) fail_msg("%s was taken", rows[i].path);
      assert_non_null(why);
    }
  }
}

static void the_use_of_a_parameter_is_found(void **state) {
  (void)state;
  struct pipeline *p = read_good("params:\n  n: {type: int, default: 1}\n  nn: {type: int, default: 1}\n"
                                 "tasks:\n"
                                 "  a: {run: echo $ROTA_PARAM_N}\n  b: {run: echo $ROTA_PARAM_NN}\n"
                                 "  c: {run: [x, \"${{ params.n }}\"]}\n  d: {run: x, when: params.n > 1}\n"
                                 "  e: {run: x, retries: \"${{ params.n }}\"}\n  f: {run: x}\n");
  static const bool uses[] = {true, false, true, true, true, false};
  for (size_t i = 0; i < COUNT(uses); i++) assert_int_equal(task_uses_param(p, &p->tasks[i], "n"), uses[i]);
  pipeline_release(p);
}

/* Wherever a parameter can stand in a task, and where a name only looks like it. */
static void each_place_of_a_parameter_is_found(void **state) {
  (void)state;
  static const struct {
    const char *task;
    bool uses;
  } rows[] = {
      {"run: x", false},
      {"run: \"echo $ROTA_PARAM_N\"", true},
      {"run: \"echo ${ROTA_PARAM_N}x\"", true},
      {"run: \"ROTA_PARAM_N=5\"", true},
      {"run: \"echo $XROTA_PARAM_N $_ROTA_PARAM_N $ROTA_PARAM_N1 $ROTA_PARAM_N_\"", false},
      {"run: \"xROTA_PARAM_N $ROTA_PARAM_N\"", true},
      {"run: [x, \"$ROTA_PARAM_N\"]", true},
      {"run: [x, \"${{ params.nn }}\"]", false},
      {"run: x, dir: \"/a/${{ params.n }}\"", true},
      {"run: x, timeout: \"${{ params.n }}m\"", true},
      {"run: x, grace: \"${{ params.n }}s\"", true},
      {"run: x, slots: {gpu: \"${{ params.n }}\"}", true},
      {"run: x, slots: {gpu: \"${{ params.nn }}\"}", false},
      {"run: x, matrix: {k: \"${{ [params.n] }}\"}", true},
      {"run: x, matrix: {k: [1, \"${{ params.n }}\"]}", true},
      {"run: x, matrix: {k: [1, 2], l: [3]}", false},
      {"run: x, env: {A: \"${{ params.n }}\"}", true},
      {"run: x, env: {A: b}", false},
      {"run: x, on: \"gpu${{ params.n }}\"", true},
      {"run: x, when: \"params.n > 1\"", true},
      {"run: x, when: \"env.ROTA_PARAM_N == '1'\"", true},
      {"run: x, when: \"params.nn > 1\"", false},
      {"run: x, on: gpu01, send: [\"a${{ params.n }}\"]", true},
      {"run: x, on: gpu01, fetch: [\"a${{ params.n }}\"]", true},
      {"run: x, retries: {max: 1, delay: \"${{ params.n }}s\"}", true},
      {"run: x, retries: {max: 1, factor: \"${{ params.n }}\"}", true},
      {"run: x, retries: {max: 1, cap: \"${{ params.n }}m\"}", true},
      {"run: x, retries: {lost: \"${{ params.n }}\"}", true},
      {"run: x, path: \"/a/${{ params.n }}\"", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct buf text = {0};
    buf_fmt(&text, "params:\n  n: {type: int, default: 1}\n  nn: {type: int, default: 1}\ntasks:\n  a: {%s}\n",
            rows[i].task);
    struct pipeline *p = read_good(buf_cstr(&text));
    if (task_uses_param(p, &p->tasks[0], "n") != rows[i].uses) fail_msg("%s", rows[i].task);
    pipeline_release(p);
    buf_release(&text);
  }
}

static double seconds_of(struct timespec from) {
  struct timespec to;
  clock_gettime(CLOCK_MONOTONIC, &to);
  return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void ten_thousand_tasks_are_read_in_time(void **state) {
  struct buf text = {0};
  struct timespec from;
  struct diag_list d;
  (void)state;
  buf_str(&text, "tasks:\n");
  for (int i = 0; i < PIPELINE_TASKS_MAX; i++) {
    buf_fmt(&text, "  t%d:\n    run: echo %d\n    retries: 2\n", i, i);
    if (i > 2) buf_fmt(&text, "    needs: [t%d, t%d]\n", i - 1, i / 2);
  }
  clock_gettime(CLOCK_MONOTONIC, &from);
  struct pipeline *p = read_with(buf_cstr(&text), text.len, NULL, &d);
  assert_non_null(p);
  assert_true(seconds_of(from) < 30); /* some 0.1 s in truth; this is no measurement */
  assert_int_equal(p->tasks_len, PIPELINE_TASKS_MAX);
  pipeline_release(p);
  diag_release(&d);
  buf_str(&text, "  one_more: {run: echo}\n");
  p = read_with(buf_cstr(&text), text.len, NULL, &d);
  assert_null(p);
  assert_int_equal(d.errors, 1);
  diag_release(&d);
  buf_release(&text);
}

/* What costs time for each pair of names would take minutes here. */
static void hostile_names_are_refused_in_time(void **state) {
  struct buf text[3] = {{0}};
  (void)state;
  for (int i = 0; i < 3; i++) buf_str(&text[i], i == 1 ? "params:\n  e: {type: enum, values: [" : "tasks:\n");
  for (int i = 0; i < 8000; i++) {
    buf_fmt(&text[0], "  t%d: {run: x, needs: [nn%d, mm%d, nn%d]}\n", i, i + 1, i + 3, i + 2);
    for (int k = 0; k < 6; k++) buf_fmt(&text[1], "w%d, ", i * 6 + k);
    buf_str(&text[2], "  a");
    for (int bit = 0; bit < 13; bit++) buf_fmt(&text[2], "%cx", i >> bit & 1 ? '-' : '_');
    buf_str(&text[2], ": {run: x, outputs: {o: int}}\n");
  }
  buf_str(&text[1], "last]}\ntasks: {a: {run: x}}\n");
  for (int i = 0; i < 3; i++) {
    struct timespec from;
    struct diag_list d;
    clock_gettime(CLOCK_MONOTONIC, &from);
    struct pipeline *p = read_with(buf_cstr(&text[i]), text[i].len, NULL, &d);
    assert_true(seconds_of(from) < 30); /* some 0.2 s in truth */
    assert_int_equal(p != NULL, d.errors == 0);
    pipeline_release(p);
    diag_release(&d);
    buf_release(&text[i]);
  }
}

static void a_file_over_the_limit_is_refused_unread(void **state) {
  struct diag_list d;
  (void)state;
  struct pipeline *p = read_with("", PIPELINE_TEXT_MAX + 1, NULL, &d); /* reading it would leave the text */
  assert_null(p);
  assert_int_equal(d.errors, 1);
  diag_release(&d);
}

/* Any file that is cut off or has a byte changed is refused or read, and nothing else happens. */
/* Where a text has no name of its own its file gives it one. */
static void a_file_names_its_pipeline(void **state) {
  (void)state;
  static const struct {
    const char *file, *name; /* NULL: refused */
  } rows[] = {{NULL, "pipeline"},
              {"nightly.yaml", "nightly"},
              {"/srv/dags/sales/nightly.yaml", "nightly"},
              {"/srv/Not Good.yaml", NULL}};
  static const char text[] = "tasks: {a: {run: x}}\n";
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct diag_list d;
    const struct pipeline_source source = {.file = rows[i].file, .text = text, .len = sizeof text - 1};
    diag_init(&d, rows[i].file, text, sizeof text - 1);
    struct pipeline *p = pipeline_read(&source, &d);
    assert_int_equal(p != NULL, rows[i].name != NULL);
    if (p) assert_string_equal(p->name, rows[i].name);
    pipeline_release(p);
    diag_release(&d);
  }
}

static void more_than_there_can_be_of_anything_is_told(void **state) {
  (void)state;
  static const struct {
    const char *begin, *item, *end, *message;
    int count;
  } rows[] = {
      {"params:\n", "  p%d: {type: int, default: 1}\n", "tasks: {a: {run: x}}\n", "at most 1000 parameters", 1001},
      {"tasks:\n  a:\n    run: x\n    outputs:\n", "      o%d: int\n", "", "at most 1000 outputs", 1001},
      {"schedule:\n", "  - {name: s%d, cron: \"0 1 * * *\"}\n", "tasks: {a: {run: x}}\n", "at most 100 schedules",
       101},
      {"params:\n  e:\n    type: enum\n    default: v0\n    values:\n", "      - v%d\n", "tasks: {a: {run: x}}\n",
       "1000", 1001},
      {"tasks:\n  a:\n    run: x\n    matrix:\n      k:\n", "        - v%d\n", "      l: [1, 2]\n",
       "10,000 instances", 6000},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct buf text = {0};
    struct diag_list d;
    buf_str(&text, rows[i].begin);
    for (int k = 0; k < rows[i].count; k++) {
      for (const char *c = rows[i].item; *c; c++) {
        if (c[0] == '%' && c[1] == 'd') {
          buf_fmt(&text, "%d", k);
          c++;
        } else {
          buf_char(&text, *c);
        }
      }
    }
    buf_str(&text, rows[i].end);
    struct pipeline *p = read_with(buf_cstr(&text), text.len, NULL, &d);
    assert_null(p);
    if (!strstr(d.items[0].message, rows[i].message)) fail_msg("row %zu: %s", i, d.items[0].message);
    diag_release(&d);
    buf_release(&text);
  }
}

static void damaged_files_do_no_harm(void **state) {
  static const char text[] =
      "schedule: {cron: \"0 2 * * *\"}\nparams:\n  l: {type: list, items: int, default: [1, 2]}\n"
      "tasks:\n  a:\n    run: |\n      echo\n    matrix: {k: \"${{ params.l }}\"}\n"
      "  b: {run: [x, \"${{ params.l }}\"], needs: a, when: success() && run.id != 'x'}\n";
  static const char others[] = "\t\"'{}[]:,&*!|>%@`#-\n\\$ \xff";
  (void)state;
  for (size_t at = 0; at + 1 < sizeof text; at++)
    for (size_t k = 0; k < sizeof others; k++) {
      char copy[sizeof text];
      struct diag_list d;
      memcpy(copy, text, sizeof text);
      copy[at] = others[k];
      struct pipeline *p = read_with(copy, k + 1 == sizeof others ? at : sizeof text - 1, NULL, &d);
      assert_int_equal(p != NULL, d.errors == 0);
      pipeline_release(p);
      diag_release(&d);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_pipelines_are_told_what_is_wrong),
      cmocka_unit_test(every_key_is_taken),
      cmocka_unit_test(defaults_are_those_of_the_documentation),
      cmocka_unit_test(text_stays_as_it_is_written),
      cmocka_unit_test(the_order_respects_needs),
      cmocka_unit_test(with_local_every_place_is_this_machine),
      cmocka_unit_test(names_come_from_paths),
      cmocka_unit_test(the_use_of_a_parameter_is_found),
      cmocka_unit_test(each_place_of_a_parameter_is_found),
      cmocka_unit_test(ten_thousand_tasks_are_read_in_time),
      cmocka_unit_test(hostile_names_are_refused_in_time),
      cmocka_unit_test(a_file_over_the_limit_is_refused_unread),
      cmocka_unit_test(a_file_names_its_pipeline),
      cmocka_unit_test(more_than_there_can_be_of_anything_is_told),
      cmocka_unit_test(damaged_files_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
