/* What is worked out where little is known: no folder, no home, no values, no host; and where there is too much. */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/launch.h"
#include "tests/unit/spec/sample.h"

static struct launch_inputs inputs_of(struct sample *s, bool here) {
  return (struct launch_inputs){
      .scope = &s->scope, .attempt_id = "01jq0000000000000000000001", .attempt = 1, .on_this_machine = here};
}

static struct launch built(struct sample *s, const struct launch_inputs *in) {
  struct launch out;
  const char *message = NULL;
  if (launch_build(in, &s->arena, &out, &message) < 0) fail_msg("%s", message);
  return out;
}

static const char *variable(const struct launch *l, const char *name) {
  const char *found = NULL;
  for (size_t i = 0; i < l->env_len; i++)
    if (l->env[i].name && strcmp(l->env[i].name, name) == 0) found = l->env[i].value;
  return found;
}

/* Nothing of the run is there, as where a parameter's default is worked out: each name is told as unknown. */
static void what_a_scope_lacks_is_told_by_name(void **state) {
  (void)state;
  static const struct {
    const char *text, *part;
  } rows[] = {
      {"params.days", "params.days"},
      {"matrix.lambda", "matrix.lambda"},
      {"tasks.prep.state", "tasks.prep.state"},
      {"tasks.train.outputs.loss", "tasks.train.outputs.loss"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sample s;
    struct value v;
    const char *message = NULL;
    sample_init(&s, PROMOTE);
    struct scope bare = {.pipeline = &s.pipeline, .run = s.scope.run};
    const struct template *t = sample_template(&s, arena_fmt(&s.arena, "${{ %s }}", rows[i].text));
    assert_int_equal(template_eval(t, &bare, &s.arena, &v, &message), ERR_INVALID);
    if (!strstr(message, rows[i].part)) fail_msg("%s: %s", rows[i].text, message);
    sample_release(&s);
  }
}

static void a_run_without_a_time_or_a_variable_has_null(void **state) {
  (void)state;
  static const char *const texts[] = {"run.scheduled_for", "run.interval_start", "run.trigger", "env.HOME"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct sample s;
    struct value v;
    const char *message = NULL;
    sample_init(&s, PROMOTE);
    s.scope.run.scheduled_for = s.scope.run.interval_start = INSTANT_NONE;
    s.scope.run.trigger = NULL;
    s.scope.env = NULL;
    const struct template *t = sample_template(&s, arena_fmt(&s.arena, "${{ %s == null }}", texts[i]));
    if (template_eval(t, &s.scope, &s.arena, &v, &message) < 0) fail_msg("%s: %s", texts[i], message);
    assert_true(v.boolean);
    t = sample_template(&s, arena_fmt(&s.arena, "${{ %s }}", texts[i]));
    const char *text = NULL;
    assert_int_equal(setting_text(t, &s.scope, &s.arena, &text, &message), ERR_INVALID);
    assert_non_null(strstr(message, texts[i]));
    sample_release(&s);
  }
}

/* A text of many expressions is bounded as one expression is. */
static void a_text_of_many_values_is_bounded(void **state) {
  (void)state;
  struct sample s;
  struct value v;
  struct buf text = {0};
  const char *message = NULL;
  sample_init(&s, PROMOTE);
  const size_t size = 900u << 10;
  char *large = arena_alloc(&s.arena, size);
  memset(large, 'x', size - 1);
  large[size - 1] = '\0';
  s.values[NOTE] = (struct value){.type = VALUE_STRING, .text = {large, size - 1}};
  for (int i = 0; i < 30; i++) buf_str(&text, "${{ params.note }} ");
  assert_int_equal(template_eval(sample_template(&s, buf_cstr(&text)), &s.scope, &s.arena, &v, &message),
                   ERR_INVALID);
  assert_non_null(strstr(message, "a text is over "));
  buf_release(&text);
  sample_release(&s);
}

/* An expression of a text that stands in no file, as one of the interface does: its faults have no place. */
static void what_stands_in_no_file_has_no_place(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  sample_init(&s, PROMOTE);
  diag_init(&d, NULL, NULL, 0);
  assert_null(template_parse(&s.arena, "a\n${{ 1 + }}", (struct diag_place){0}, &d));
  const struct expr *e = expr_parse(&s.arena, "params.nope", (struct diag_place){0}, &d);
  assert_int_equal(expr_check(e, EXPR_TASK, &s.pipeline, s.scope.task, &d), -1);
  assert_int_equal(d.errors, 2);
  assert_int_equal(d.items[0].place.line, 0);
  assert_int_equal(d.items[1].place.line, 0);
  diag_release(&d);
  sample_release(&s);
}

static void folders_stay_as_they_are_written_where_there_is_none(void **state) {
  (void)state;
  static const struct {
    const char *folder, *dir, *path, *dir_out, *path_out;
  } rows[] = {
      {NULL, NULL, NULL, "-", "-"},   {"", NULL, NULL, "-", "-"},          {NULL, "work", "bin", "work", "bin"},
      {"", ".", "a::b:", ".", "a:b"}, {"/srv", "~x", ":", "/srv/~x", "-"}, {NULL, "~/work", "~", "~/work", "~"},
      {"/srv", "/d", "", "/d", "-"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sample s;
    sample_init(&s, PROMOTE);
    s.scope.env = NULL; /* no HOME */
    s.pipeline.folder = rows[i].folder;
    s.tasks[PROMOTE].dir = rows[i].dir ? sample_template(&s, rows[i].dir) : NULL;
    s.tasks[PROMOTE].path = rows[i].path ? sample_template(&s, rows[i].path) : NULL;
    struct launch_inputs in = inputs_of(&s, true);
    struct launch l = built(&s, &in);
    assert_string_equal(l.dir ? l.dir : "-", rows[i].dir_out);
    assert_string_equal(l.path ? l.path : "-", rows[i].path_out);
    in.on_this_machine = false;
    l = built(&s, &in);
    assert_string_equal(l.source_dir ? l.source_dir : "-", rows[i].folder && *rows[i].folder ? rows[i].folder : "-");
    sample_release(&s);
  }
}

/* The folders of a host come behind those of the task, and its variables behind those of all. */
static void a_hosts_own_come_last_wherever_it_is(void **state) {
  (void)state;
  static const struct {
    bool here, named;
    size_t hosts;
    const char *path, *variable;
  } rows[] = {
      {true, false, 1, "/srv/dags/forecast/bin:/opt/bin", "host"},
      {true, false, 0, "/srv/dags/forecast/bin", "all"},
      {false, false, 1, "bin", "all"},
      {false, true, 1, "bin:/opt/bin", "host"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sample s;
    sample_init(&s, PROMOTE);
    struct launch_env of_all[] = {{.name = "A", .value = "all"}}, of_host[] = {{.name = "A", .value = "host"}};
    struct config_host host = {.name = "h", .env = of_host, .env_len = 1, .path = "/opt/bin"};
    struct config config = {.hosts = &host, .hosts_len = rows[i].hosts, .env = of_all, .env_len = 1};
    s.tasks[PROMOTE].path = sample_template(&s, "bin");
    struct launch_inputs in = inputs_of(&s, rows[i].here);
    in.config = &config;
    in.host = rows[i].named ? &host : NULL;
    struct launch l = built(&s, &in);
    assert_string_equal(l.path, rows[i].path);
    assert_string_equal(variable(&l, "A"), rows[i].variable);
    assert_true(l.log_cap > 0);
    sample_release(&s);
  }
}

static void a_launch_without_values_has_none(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  s.scope.params = NULL;
  s.scope.task_output = NULL;
  struct launch_inputs in = inputs_of(&s, true);
  char *long_list = arena_alloc(&s.arena, ENV_VALUE_MAX + 2);
  memset(long_list, 'x', ENV_VALUE_MAX + 1);
  long_list[ENV_VALUE_MAX + 1] = '\0';
  in.failed_tasks = long_list;
  struct launch l = built(&s, &in);
  assert_null(variable(&l, "ROTA_PARAM_DAYS"));
  assert_null(variable(&l, "ROTA_IN_EVALUATE_RMSE"));
  assert_null(variable(&l, "ROTA_FAILED_TASKS"));
  assert_non_null(strstr(l.context, "\"params\":{}"));
  assert_non_null(strstr(l.context, "\"inputs\":{}"));
  sample_release(&s);
}

/* A run by hand has no interval, and a task of a pipeline without parameters nothing that it is handed. */
static void a_run_without_times_has_empty_variables(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PREP);
  s.scope.run.scheduled_for = s.scope.run.interval_start = INSTANT_NONE;
  s.pipeline.params_len = 0;
  struct launch_inputs in = inputs_of(&s, true);
  struct launch l = built(&s, &in);
  assert_string_equal(variable(&l, "ROTA_SCHEDULED_FOR"), "");
  assert_string_equal(variable(&l, "ROTA_INTERVAL_START"), "");
  assert_string_equal(variable(&l, "ROTA_INTERVAL_END"), "");
  assert_non_null(strstr(l.context, "\"interval_start\":null"));
  sample_release(&s);
}

/* Of a matrix that is needed in pairs each instance has its own value; where there is none of it, null. */
static void an_instance_without_its_pair_has_null(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PAIR_B);
  struct value one = value_float(1);
  s.outputs[PAIR_A][0] = (struct value){.type = VALUE_LIST, .list = {&one, 1}};
  assert_int_equal(scope_output(&s.scope, PAIR_A, 0, &s.arena).type, VALUE_FLOAT);
  s.scope.instance = 1;
  assert_int_equal(scope_output(&s.scope, PAIR_A, 0, &s.arena).type, VALUE_NULL);
  s.outputs[PAIR_A][0] = value_null();
  assert_int_equal(scope_output(&s.scope, PAIR_A, 0, &s.arena).type, VALUE_NULL);
  sample_release(&s);
}

/* A list whose text is too long for a variable, and one that fits none beside others that fit. */
static void a_long_list_is_in_the_context_alone(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  const size_t len = ENV_VALUE_MAX / 2;
  struct value *items = arena_new_array(&s.arena, len, struct value);
  for (size_t i = 0; i < len; i++) items[i] = value_float(0.5);
  s.values[LAMBDAS] = (struct value){.type = VALUE_LIST, .list = {items, len}};
  struct launch_inputs in = inputs_of(&s, true);
  struct launch l = built(&s, &in);
  assert_null(variable(&l, "ROTA_PARAM_LAMBDAS"));
  assert_string_equal(variable(&l, "ROTA_PARAM_DAYS"), "56");
  assert_non_null(strstr(l.context, "\"lambdas\":[0.5,0.5,"));
  sample_release(&s);
}

/* Over 64 MiB of values aren't written for a task that could hardly read them. */
static void a_context_beyond_measure_is_refused(void **state) {
  (void)state;
  enum { VALUES = 70 };
  struct sample s;
  struct launch l;
  const char *message = NULL;
  struct param_spec params[VALUES];
  struct value values[VALUES];
  sample_init(&s, PREP);
  const size_t size = 1u << 20;
  char *large = arena_alloc(&s.arena, size + 1);
  memset(large, 'x', size);
  large[size] = '\0';
  for (size_t i = 0; i < VALUES; i++) {
    params[i] = (struct param_spec){.name = arena_fmt(&s.arena, "p%zu", i), .type = VALUE_STRING};
    values[i] = (struct value){.type = VALUE_STRING, .text = {large, size}};
  }
  s.pipeline.params = params;
  s.pipeline.params_len = VALUES;
  s.scope.params = values;
  struct launch_inputs in = inputs_of(&s, true);
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "the values that it is handed are over 64 MiB together");
  s.pipeline.params_len = 60;
  built(&s, &in);
  sample_release(&s);
}

static const struct template *const *templates(struct sample *s, const char *const *texts, size_t len) {
  const struct template **list = arena_new_array(&s->arena, len, const struct template *);
  for (size_t i = 0; i < len; i++) list[i] = sample_template(s, texts[i]);
  return list;
}

/* What a task that is needed would have fetched by a path that leads out, or that nobody can work out, never came. */
static void only_what_can_have_come_goes_on_to_the_next_host(void **state) {
  (void)state;
  static const char *const of_train[] = {"../${{ params.note }}", "ok", "${{ 1 / 0 }}", "..x/y", "x/..y"};
  static const char *const many[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "a", "/x${{ 1 }}"};
  static const char *const fault[] = {"${{ 1 / 0 }}"};
  struct sample s;
  struct launch l;
  const char *message = NULL;
  sample_init(&s, PROMOTE);
  s.tasks[TRAIN].fetch = templates(&s, of_train, COUNT(of_train));
  s.tasks[TRAIN].fetch_len = COUNT(of_train);
  s.tasks[PROMOTE].send = templates(&s, many, COUNT(many));
  s.tasks[PROMOTE].send_len = COUNT(many) - 1;
  struct launch_inputs in = inputs_of(&s, false);
  l = built(&s, &in);
  assert_int_equal(l.send_len, 10 + 3);
  assert_string_equal(l.send[9].path, "j");
  assert_string_equal(l.send[10].path, "ok");
  assert_string_equal(l.send[11].path, "..x/y");
  assert_string_equal(l.send[12].path, "x/..y");
  s.values[LAMBDAS] = value_int(3); /* no list: the matrix of train can't be made */
  assert_int_equal(built(&s, &in).send_len, 10);
  s.tasks[PROMOTE].send_len++;
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "send, item 12: '/x1' isn't a path below ROTA_WORK or the pipeline's folder");
  s.tasks[PROMOTE].send_len = 0;
  s.tasks[PROMOTE].fetch = templates(&s, fault, 1);
  s.tasks[PROMOTE].fetch_len = 1;
  assert_int_equal(launch_build(&in, &s.arena, &l, &message), ERR_INVALID);
  assert_string_equal(message, "fetch, item 1: division by zero, in '1 / 0'");
  sample_release(&s);
}

static void a_copy_of_a_program_without_a_script_is_whole(void **state) {
  (void)state;
  static const char *const words[] = {"python3", "train.py"};
  struct sample s;
  struct arena kept = {0};
  sample_init(&s, PROMOTE);
  s.tasks[PROMOTE].script = NULL;
  s.tasks[PROMOTE].argv = templates(&s, words, 2);
  s.tasks[PROMOTE].argc = 2;
  struct launch_inputs in = inputs_of(&s, true);
  struct launch l = built(&s, &in);
  l.context = NULL; /* as the executor has it once it is written */
  const struct launch *copy = launch_copy(&kept, &l);
  arena_release(&s.arena); /* under a sanitizer whatever is still shared is found here */
  assert_null(copy->script);
  assert_null(copy->context);
  assert_string_equal(copy->argv[0], "python3");
  assert_string_equal(copy->argv[1], "train.py");
  arena_release(&kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_scope_lacks_is_told_by_name),
      cmocka_unit_test(a_run_without_a_time_or_a_variable_has_null),
      cmocka_unit_test(a_text_of_many_values_is_bounded),
      cmocka_unit_test(what_stands_in_no_file_has_no_place),
      cmocka_unit_test(folders_stay_as_they_are_written_where_there_is_none),
      cmocka_unit_test(a_hosts_own_come_last_wherever_it_is),
      cmocka_unit_test(a_launch_without_values_has_none),
      cmocka_unit_test(a_run_without_times_has_empty_variables),
      cmocka_unit_test(an_instance_without_its_pair_has_null),
      cmocka_unit_test(a_long_list_is_in_the_context_alone),
      cmocka_unit_test(a_context_beyond_measure_is_refused),
      cmocka_unit_test(only_what_can_have_come_goes_on_to_the_next_host),
      cmocka_unit_test(a_copy_of_a_program_without_a_script_is_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
