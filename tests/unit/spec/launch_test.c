/* What an attempt is started with: arguments, environment, folders, times, context. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/launch.h"
#include "tests/unit/spec/sample.h"

static struct launch_inputs inputs_of(struct sample *s) {
  return (struct launch_inputs){.scope = &s->scope,
                                .attempt_id = "01jq0000000000000000000001",
                                .attempt = 2,
                                .attempts_max = 4,
                                .on_this_machine = true};
}

static struct launch built(struct sample *s, const struct launch_inputs *in) {
  struct launch out;
  const char *message = NULL;
  if (launch_build(in, &s->arena, &out, &message) < 0) fail_msg("%s", message);
  return out;
}

/* As the executor applies it: the last one wins. */
static const char *variable(const struct launch *l, const char *name) {
  const char *found = NULL;
  for (size_t i = 0; i < l->env_len; i++) {
    if (l->env[i].name && strcmp(l->env[i].name, name) == 0) found = l->env[i].value;
  }
  return found;
}

static void variables_name_the_run_and_its_values(void **state) {
  (void)state;
  static const struct {
    const char *name, *value;
  } rows[] = {
      {"ROTA_RUN_ID", "01jq0000000000000000000000"},
      {"ROTA_PIPELINE", "forecast/nightly"},
      {"ROTA_TASK", "promote"},
      {"ROTA_ATTEMPT", "2"},
      {"ROTA_DATE", "2026-03-29"},
      {"ROTA_SCHEDULED_FOR", "2026-03-29T04:30:00+02:00"},
      {"ROTA_INTERVAL_START", "2026-03-28T03:30:00+01:00"},
      {"ROTA_INTERVAL_END", "2026-03-29T04:30:00+02:00"},
      {"ROTA_PARAM_DAYS", "56"},
      {"ROTA_PARAM_LAMBDAS", "[0.1,10]"},
      {"ROTA_PARAM_DATA", "{\"a\":1}"},
      {"ROTA_PARAM_SPAN", "1m30s"},
      {"ROTA_IN_EVALUATE_RMSE", "2.5"},
      {"ROTA_IN_EVALUATE_LABEL", ""},
      {"ROTA_IN_TRAIN_LOSS", NULL}, /* needed through evaluate only */
      {"ROTA_SLOT_GPU", "0,3"},
      {"CUDA_VISIBLE_DEVICES", "0,3"},
      {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"},
      {"ROTA_SLOT_BIG_DISK", "sda"},
      {"ROTA_RUN_STATE", NULL},
  };
  static const char *const gpus[] = {"0", "3"}, *const disks[] = {"sda"};
  static const struct launch_slot slots[] = {{"gpu", gpus, 2}, {"big-disk", disks, 1}};
  struct sample s;
  sample_init(&s, PROMOTE);
  s.outputs[EVALUATE][1] = value_null();
  struct launch_inputs in = inputs_of(&s);
  in.slots = slots;
  in.slots_len = 2;
  struct launch l = built(&s, &in);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *got = variable(&l, rows[i].name);
    if (!got || !rows[i].value)
      assert_true(got == rows[i].value);
    else
      assert_string_equal(got, rows[i].value);
  }
  assert_string_equal(l.label, "forecast/nightly#412/promote attempt 2");
  assert_string_equal(l.state_key, "promote");
  assert_string_equal(l.zone, "Europe/Oslo");
  sample_release(&s);
}

static void levels_of_the_environment_keep_their_order(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  struct launch_env of_config[] = {{.file = "~/all.env"}, {.name = "A", .value = "config"}};
  struct launch_env of_host[] = {{.name = "B", .value = "host"}};
  struct config_host host = {.name = "local", .env = of_host, .env_len = 1, .path = "/opt/bin"};
  struct config config = {.hosts = &host, .hosts_len = 1, .env = of_config, .env_len = 2, .log_cap = 5};
  struct env_spec of_pipeline[] = {{.file = "p.env"},
                                   {.name = "A", .value = sample_template(&s, "${{ params.days }}d")}};
  struct env_spec of_task[] = {{.file = "~/t.env"}, {.name = "ROTA_TASK", .value = sample_template(&s, "mine")}};
  s.pipeline.env = of_pipeline;
  s.tasks[PROMOTE].env = of_task;
  s.pipeline.env_len = s.tasks[PROMOTE].env_len = 2;
  struct launch_inputs in = inputs_of(&s);
  in.config = &config;
  struct launch l = built(&s, &in);
  static const struct launch_env expected[] = {
      {NULL, NULL, "/home/ml/all.env"},
      {"A", "config", NULL},
      {"B", "host", NULL},
      {NULL, NULL, "/srv/dags/forecast/p.env"},
      {"A", "56d", NULL},
      {NULL, NULL, "/home/ml/t.env"},
      {"ROTA_TASK", "mine", NULL},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    if (expected[i].file) {
      assert_string_equal(l.env[i].file, expected[i].file);
      continue;
    }
    assert_string_equal(l.env[i].name, expected[i].name);
    assert_string_equal(l.env[i].value, expected[i].value);
  }
  assert_string_equal(variable(&l, "ROTA_TASK"), "promote");
  assert_string_equal(l.path, "/opt/bin");
  assert_int_equal(l.log_cap, 5);
  sample_release(&s);
}

static void folders_start_at_the_pipeline_here_and_nowhere_on_a_host(void **state) {
  (void)state;
  static const struct {
    bool here;
    const char *dir, *path, *dir_out, *path_out;
  } rows[] = {
      {true, NULL, NULL, "/srv/dags/forecast", NULL},
      {true, "work/${{ run.date }}", NULL, "/srv/dags/forecast/work/2026-03-29", NULL},
      {true, ".", "bin:/opt/x::~/y", "/srv/dags/forecast", "/srv/dags/forecast/bin:/opt/x:/home/ml/y"},
      {true, "~", NULL, "/home/ml", NULL},
      {true, "/data", NULL, "/data", NULL},
      {false, NULL, NULL, NULL, NULL},
      {false, "work", "bin", "work", "bin"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, PROMOTE);
    s.tasks[PROMOTE].dir = rows[i].dir ? sample_template(&s, rows[i].dir) : NULL;
    s.tasks[PROMOTE].path = rows[i].path ? sample_template(&s, rows[i].path) : NULL;
    struct launch_inputs in = inputs_of(&s);
    in.on_this_machine = rows[i].here;
    struct launch l = built(&s, &in);
    assert_string_equal(l.dir ? l.dir : "-", rows[i].dir_out ? rows[i].dir_out : "-");
    assert_string_equal(l.path ? l.path : "-", rows[i].path_out ? rows[i].path_out : "-");
    sample_release(&s);
  }
}

static void a_script_has_its_shell_and_a_list_its_values(void **state) {
  (void)state;
  static const char *const shell[] = {"/bin/sh", "-e"};
  struct sample s;
  sample_init(&s, TRAIN);
  struct launch_inputs in = inputs_of(&s);
  s.scope.matrix = &s.lambdas[1];
  in.instance = 1;
  s.tasks[TRAIN].shell = shell;
  s.tasks[TRAIN].shell_len = 2;
  struct launch l = built(&s, &in);
  assert_int_equal(l.argc, 2);
  assert_string_equal(l.argv[1], "-e");
  assert_string_equal(l.script, "true\n");
  assert_string_equal(l.state_key, "train.1");
  assert_string_equal(l.label, "forecast/nightly#412/train[10] attempt 2");
  assert_string_equal(variable(&l, "ROTA_MATRIX_LAMBDA"), "10");
  const struct template *argv[] = {sample_template(&s, "python3"), sample_template(&s, "--l=${{ matrix.lambda }}"),
                                   sample_template(&s, "$HOME; rm -rf /"),
                                   sample_template(&s, "${{ params.lambdas }}")};
  s.tasks[TRAIN].script = NULL;
  s.tasks[TRAIN].argv = argv;
  s.tasks[TRAIN].argc = 4;
  l = built(&s, &in);
  assert_null(l.script);
  assert_string_equal(l.argv[1], "--l=10");
  assert_string_equal(l.argv[2], "$HOME; rm -rf /");
  assert_string_equal(l.argv[3], "[0.1,10]");
  sample_release(&s);
}

static void times_have_their_defaults(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  struct launch_inputs in = inputs_of(&s);
  struct launch l = built(&s, &in);
  assert_int_equal(l.timeout, 0);
  assert_int_equal(l.grace, 30 * USEC_PER_SEC);
  assert_int_equal(l.log_cap, 1 << 30);
  s.tasks[PROMOTE].timeout = sample_template(&s, "${{ params.span }}");
  assert_int_equal(built(&s, &in).timeout, 90 * USEC_PER_SEC);
  s.scope.task = &s.tasks[TIDY];
  in.run_state = "failed";
  in.failed_tasks = "train[0.1],promote";
  l = built(&s, &in);
  assert_int_equal(l.timeout, 5 * USEC_PER_MIN);
  assert_string_equal(variable(&l, "ROTA_RUN_STATE"), "failed");
  assert_string_equal(variable(&l, "ROTA_FAILED_TASKS"), "train[0.1],promote");
  sample_release(&s);
}

static void the_context_is_typed_json(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  struct launch_inputs in = inputs_of(&s);
  struct launch l = built(&s, &in);
  json_error_t error;
  json_t *root = json_loadb(l.context, l.context_len, JSON_REJECT_DUPLICATES, &error),
         *run = json_object_get(root, "run");
  assert_non_null(root);
  assert_int_equal(strlen(l.context), l.context_len);
  assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
  assert_int_equal(json_integer_value(json_object_get(run, "number")), 412);
  assert_string_equal(json_string_value(json_object_get(run, "interval_start")), "2026-03-28T03:30:00+01:00");
  json_t *params = json_object_get(root, "params");
  assert_true(json_is_integer(json_object_get(params, "days")));
  assert_true(json_is_object(json_object_get(params, "data")));
  assert_true(json_is_array(json_object_get(params, "lambdas")));
  assert_string_equal(json_string_value(json_object_get(params, "day")), "2026-03-29");
  json_t *evaluate = json_object_get(json_object_get(root, "inputs"), "evaluate");
  assert_true(json_real_value(json_object_get(evaluate, "rmse")) == 2.5);
  assert_int_equal(json_integer_value(json_object_get(root, "attempts_max")), 4);
  json_decref(root);
  sample_release(&s);
}

static void large_values_are_in_the_context_alone(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  struct launch_inputs in = inputs_of(&s);
  char *big = arena_alloc(&s.arena, ENV_VALUE_MAX + 2);
  memset(big, 'x', ENV_VALUE_MAX + 1);
  s.values[NOTE] = (struct value){.type = VALUE_STRING, .text = {big + 1, ENV_VALUE_MAX}};
  struct launch l = built(&s, &in);
  assert_int_equal(strlen(variable(&l, "ROTA_PARAM_NOTE")), ENV_VALUE_MAX);
  s.values[NOTE] = (struct value){.type = VALUE_STRING, .text = {big, ENV_VALUE_MAX + 1}};
  l = built(&s, &in);
  assert_null(variable(&l, "ROTA_PARAM_NOTE"));
  assert_non_null(strstr(l.context, big));
  sample_release(&s);
}

/* Nine texts of 30 KiB and one a byte longer: the longest goes first, then the last of the others. */
static void of_many_values_the_largest_are_left_out(void **state) {
  (void)state;
  enum { COUNT = 10, SIZE = 30 * 1024 };
  struct sample s;
  sample_init(&s, PREP);
  struct launch_inputs in = inputs_of(&s);
  struct param_spec params[COUNT];
  struct value values[COUNT];
  char *text = arena_alloc(&s.arena, SIZE + 2);
  memset(text, 'x', SIZE + 1);
  for (size_t i = 0; i < COUNT; i++) {
    params[i] = (struct param_spec){.name = arena_fmt(&s.arena, "p%zu", i), .type = VALUE_STRING};
    values[i] = (struct value){.type = VALUE_STRING, .text = {text + (i != 4), SIZE + (i == 4)}};
  }
  s.pipeline.params = params;
  s.pipeline.params_len = COUNT;
  s.scope.params = values;
  struct launch l = built(&s, &in);
  for (size_t i = 0; i < COUNT; i++) {
    bool there = variable(&l, arena_fmt(&s.arena, "ROTA_PARAM_P%zu", i)) != NULL;
    assert_int_equal(there, i != 4 && i != 9);
  }
  sample_release(&s);
}

static void faults_name_the_setting(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  struct launch_inputs in = inputs_of(&s);
  struct launch l;
  const char *message = NULL;
  struct task_spec *t = &s.tasks[PROMOTE];
  const struct template *argv[] = {sample_template(&s, "echo"),
                                   sample_template(&s, "${{ tasks.evaluate.outputs.rmse }}")};
  s.outputs[EVALUATE][0] = value_null();
  s.states[EVALUATE] = "failed";
  t->script = NULL;
  t->argv = argv;
  t->argc = 2;
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "run, item 2: tasks.evaluate.outputs.rmse has no value: its task ended as failed; use "
                               "default(tasks.evaluate.outputs.rmse, ...), in 'tasks.evaluate.outputs.rmse'");
  t->argc = 1;
  t->timeout = sample_template(&s, "${{ params.days }}");
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "timeout: expected a duration such as 90s, 5m or 1h30m, not the int '56'");
  t->timeout = NULL;
  struct env_spec env[] = {{.name = "X", .value = sample_template(&s, "${{ 1 / 0 }}")}};
  t->env = env;
  t->env_len = 1;
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "env X: division by zero, in '1 / 0'");
  t->env_len = 0;
  argv[0] = sample_template(&s, "");
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "run: the program's name is empty");
  sample_release(&s);
}

static const struct template *const *templates(struct sample *s, const char *a, const char *b) {
  const struct template **list = arena_new_array(&s->arena, 2, const struct template *);
  list[0] = sample_template(s, a);
  list[1] = b ? sample_template(s, b) : NULL;
  return list;
}

static const char *files_text(struct sample *s, const struct launch_file *files, size_t len) {
  const char *out = "";
  for (size_t i = 0; i < len; i++)
    out = arena_fmt(&s->arena, "%s%s%s%s", out, i ? " " : "", files[i].path, files[i].optional ? "?" : "");
  return out;
}

static void files_of_a_task_and_of_what_it_needs_go_with_it_to_a_host(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  s.tasks[PROMOTE].send = templates(&s, "promote.sh", "data-${{ run.date }}.csv");
  s.tasks[PROMOTE].send_len = 2;
  s.tasks[PROMOTE].fetch = templates(&s, "out", NULL);
  s.tasks[PROMOTE].fetch_len = 1;
  s.tasks[TRAIN].fetch = templates(&s, "models/${{ matrix.lambda }}.json", "promote.sh");
  s.tasks[TRAIN].fetch_len = 2;
  s.tasks[OTHER].fetch = templates(&s, "not-needed", NULL);
  s.tasks[OTHER].fetch_len = 1;
  struct launch_inputs in = inputs_of(&s);
  in.on_this_machine = false;
  struct launch l = built(&s, &in);
  assert_string_equal(files_text(&s, l.send, l.send_len),
                      "promote.sh data-2026-03-29.csv models/0.1.json? models/10.json?");
  assert_string_equal(files_text(&s, l.fetch, l.fetch_len), "out");
  assert_string_equal(l.source_dir, "/srv/dags/forecast");
  in.on_this_machine = true;
  l = built(&s, &in);
  assert_int_equal(l.send_len + l.fetch_len, 0);
  sample_release(&s);
}

static void a_path_that_leads_out_fails_the_task_once_it_is_known(void **state) {
  (void)state;
  static const char *const rows[] = {"${{ params.note }}/../../x", "/${{ params.note }}", "../${{ params.note }}",
                                     "a/.."};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    struct launch l;
    const char *message = NULL;
    sample_init(&s, PROMOTE);
    s.tasks[PROMOTE].send = templates(&s, rows[i], NULL);
    s.tasks[PROMOTE].send_len = 1;
    struct launch_inputs in = inputs_of(&s);
    in.on_this_machine = false;
    assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
    assert_non_null(strstr(message, "send, item 1: "));
    sample_release(&s);
  }
}

static void a_copy_shares_nothing(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  s.tasks[PROMOTE].send = templates(&s, "a", "b");
  s.tasks[PROMOTE].send_len = 2;
  s.tasks[PROMOTE].fetch = templates(&s, "out", NULL);
  s.tasks[PROMOTE].fetch_len = 1;
  struct launch_inputs in = inputs_of(&s);
  in.on_this_machine = false;
  struct launch l = built(&s, &in);
  struct arena kept = {0};
  const struct launch *copy = launch_copy(&kept, &l);
  assert_int_equal(copy->env_len, l.env_len);
  assert_int_equal(copy->argc, l.argc);
  assert_string_equal(files_text(&s, copy->send, copy->send_len), "a b");
  assert_string_equal(files_text(&s, copy->fetch, copy->fetch_len), "out");
  char *id = arena_strdup(&kept, variable(&l, "ROTA_RUN_ID"));
  arena_release(&s.arena); /* under a sanitizer whatever is still shared is found here */
  assert_string_equal(variable(copy, "ROTA_RUN_ID"), id);
  assert_memory_equal(copy->script, "true\n", 5);
  assert_non_null(copy->context);
  assert_string_equal(copy->attempt_id, "01jq0000000000000000000001");
  arena_release(&kept);
}

/* What the kernel would refuse, or a shell could no longer be started with, fails the task with a sentence. */
static void what_is_too_long_to_be_handed_over_is_told(void **state) {
  (void)state;
  static const char *const rows[] = {"run, item 2: it is over ",  "run: its arguments are over ",
                                     "env X: its value is over ", "path: it is over ",
                                     "dir: it is empty",          "grace: "};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    struct launch l;
    const char *message = NULL;
    sample_init(&s, PROMOTE);
    struct task_spec *t = &s.tasks[PROMOTE];
    const size_t size = 120u << 10;
    char *text = arena_alloc(&s.arena, 2 * size);
    memset(text, 'x', 2 * size);
    text[i == 0 || i == 2 ? 2 * size - 1 : size] = '\0';
    const struct template *large = sample_template(&s, text), *argv[40];
    for (size_t k = 0; k < 40; k++) argv[k] = k ? large : sample_template(&s, "echo");
    struct env_spec env[] = {{.name = "X", .value = large}};
    if (i < 2) {
      t->script = NULL;
      t->argv = argv;
      t->argc = i == 0 ? 2 : 40;
    } else if (i == 2) {
      t->env = env;
      t->env_len = 1;
    } else if (i == 3) {
      t->path = large;
    } else if (i == 4) {
      t->dir = sample_template(&s, "${{ default(env.NOPE, '') }}");
    } else {
      t->grace = sample_template(&s, "${{ params.note }}");
    }
    struct launch_inputs in = inputs_of(&s);
    if (launch_build(&in, &s.arena, &l, &message) != ERR_INVALID) fail_msg("row %zu was taken", i);
    if (!strstr(message, rows[i])) fail_msg("row %zu: %s", i, message);
    sample_release(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(variables_name_the_run_and_its_values),
      cmocka_unit_test(levels_of_the_environment_keep_their_order),
      cmocka_unit_test(folders_start_at_the_pipeline_here_and_nowhere_on_a_host),
      cmocka_unit_test(a_script_has_its_shell_and_a_list_its_values),
      cmocka_unit_test(times_have_their_defaults),
      cmocka_unit_test(the_context_is_typed_json),
      cmocka_unit_test(large_values_are_in_the_context_alone),
      cmocka_unit_test(of_many_values_the_largest_are_left_out),
      cmocka_unit_test(faults_name_the_setting),
      cmocka_unit_test(files_of_a_task_and_of_what_it_needs_go_with_it_to_a_host),
      cmocka_unit_test(a_path_that_leads_out_fails_the_task_once_it_is_known),
      cmocka_unit_test(a_copy_shares_nothing),
      cmocka_unit_test(what_is_too_long_to_be_handed_over_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
