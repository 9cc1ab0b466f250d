/* Settings that may be expressions, worked out for a run or a task. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tests/unit/spec/sample.h"

enum kind { DURATION, INT, FLOAT, TEXT };

/* "1m30s", "5", "2.5", "text", or the message. */
static const char *outcome(struct sample *s, enum kind kind, const struct template *t) {
  const char *message = NULL, *text = NULL;
  char span[DURATION_TEXT_SIZE];
  duration d = 0;
  int64_t i = 0;
  double f = 0;
  int rc = 0;
  switch (kind) {
  case DURATION:
    rc = setting_duration(t, &s->scope, &s->arena, 7 * USEC_PER_SEC, &d, &message);
    duration_format(d, span);
    text = arena_strdup(&s->arena, span);
    break;
  case INT:
    rc = setting_int(t, &s->scope, &s->arena, 7, 0, 100, &i, &message);
    text = arena_fmt(&s->arena, "%lld", (long long)i);
    break;
  case FLOAT:
    rc = setting_float(t, &s->scope, &s->arena, 7, &f, &message);
    text = arena_fmt(&s->arena, "%g", f);
    break;
  case TEXT: rc = setting_text(t, &s->scope, &s->arena, &text, &message); break;
  }
  assert_true(rc == 0 || (rc == ERR_INVALID && message));
  return rc ? message : text ? text : "nothing";
}

static void settings_are_read_as_their_type(void **state) {
  (void)state;
  static const struct {
    enum kind kind;
    const char *text, *outcome; /* NULL: it isn't set */
  } rows[] = {
      {DURATION, NULL, "7s"},
      {DURATION, "90s", "1m30s"},
      {DURATION, "${{ params.span }}", "1m30s"},
      {DURATION, "${{ params.days }}m", "56m"},
      {DURATION, "soon", "expected a duration such as 90s, 5m or 1h30m, not 'soon'"},
      {DURATION, "${{ params.days }}", "expected a duration such as 90s, 5m or 1h30m, not the int '56'"},
      {DURATION, "${{ env.NOPE }}", "env.NOPE has no value: it isn't set; use default(env.NOPE, ...), in 'env.NOPE'"},
      {DURATION, "${{ 1 / 0 }}", "division by zero, in '1 / 0'"},
      {INT, NULL, "7"},
      {INT, "5", "5"},
      {INT, "${{ params.days }}", "56"},
      {INT, "${{ params.days * 2 }}", "expected a whole number from 0 to 100, not 112"},
      {INT, "-1", "expected a whole number from 0 to 100, not -1"},
      {INT, "1.5", "expected a whole number, not '1.5'"},
      {FLOAT, NULL, "7"},
      {FLOAT, "2.5", "2.5"},
      {FLOAT, "${{ params.days }}", "56"},
      {FLOAT, "x", "expected a finite decimal number, not 'x'"},
      {TEXT, NULL, "nothing"},
      {TEXT, "a b", "a b"},
      {TEXT, "${{ params.mode }}", "ask"},
      {TEXT, "${{ params.data }}", "{\"a\":1}"},
      {TEXT, "${{ params.days }}", "56"},
      {TEXT, "${{ params.lambdas }}", "[0.1,10]"},
      {TEXT, "x${{ params.days }}-${{ params.mode }}", "x56-ask"},
      {TEXT, "${{ env.NOPE }}", "env.NOPE has no value: it isn't set; use default(env.NOPE, ...), in 'env.NOPE'"},
      {TEXT, "${{ 1 / 0 }}", "division by zero, in '1 / 0'"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, PROMOTE);
    const char *got = outcome(&s, rows[i].kind, rows[i].text ? sample_template(&s, rows[i].text) : NULL);
    if (strcmp(got, rows[i].outcome) != 0) fail_msg("%s gives %s, not %s", rows[i].text, got, rows[i].outcome);
    sample_release(&s);
  }
}

/* Of a run that is shown before it is made only a part is known. */
static void what_a_scope_lacks_is_told(void **state) {
  (void)state;
  static const struct {
    const char *text, *outcome;
    bool without_params, without_tasks, without_matrix;
  } rows[] = {
      {"${{ params.days }}", "'params.days' isn't known here, in 'params.days'", true, false, false},
      {"${{ tasks.train.state }}", "'tasks.train.state' isn't known here, in 'tasks.train.state'", false, true,
       false},
      {"${{ matrix.lambda }}", "'matrix.lambda' isn't known here, in 'matrix.lambda'", false, false, true},
      {"${{ matrix.other }}", "'matrix.other' isn't known here, in 'matrix.other'", false, false, false},
      {"${{ matrix.lambda }}", "0.1", false, false, false},
      {"${{ params.nope }}", "'params.nope' isn't known here, in 'params.nope'", false, false, false},
      {"${{ tasks.nope.state }}", "'tasks.nope.state' isn't known here, in 'tasks.nope.state'", false, false, false},
      {"${{ tasks.evaluate.outputs.nope }}",
       "'tasks.evaluate.outputs.nope' isn't known here, in 'tasks.evaluate.outputs.nope'", false, false, false},
      {"${{ tasks.evaluate.outputs.rmse }}", "2.5", false, false, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, TRAIN);
    if (rows[i].without_params) s.scope.params = NULL;
    if (rows[i].without_tasks) s.scope.task_state = NULL;
    if (!rows[i].without_matrix) s.scope.matrix = s.lambdas;
    const char *got = outcome(&s, TEXT, sample_template(&s, rows[i].text));
    if (strcmp(got, rows[i].outcome) != 0) fail_msg("%s gives %s, not %s", rows[i].text, got, rows[i].outcome);
    sample_release(&s);
  }
}

static void a_task_that_gave_nothing_is_named_with_its_end(void **state) {
  (void)state;
  static const struct {
    const char *state, *outcome;
  } rows[] = {
      {"skipped", "its task was skipped"},
      {"failed", "its task ended as failed"},
      {"running", "has no value"},
      {"succeeded", "has no value"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, PROMOTE);
    s.outputs[EVALUATE][0] = value_null();
    s.states[EVALUATE] = rows[i].state;
    const char *got = outcome(&s, TEXT, sample_template(&s, "${{ tasks.evaluate.outputs.rmse }}"));
    if (!strstr(got, rows[i].outcome)) fail_msg("%s: %s", rows[i].state, got);
    sample_release(&s);
  }
}

/* An expression is kept with where its names were found last; a scope of another pipeline has them elsewhere. */
static void names_are_found_again_in_another_version(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PROMOTE);
  const struct template *t = sample_template(
      &s,
      "${{ params.mode }} ${{ tasks.evaluate.outputs.label }} ${{ tasks.train.state }} ${{ run.interval_start }}");
  assert_string_equal(outcome(&s, TEXT, t), "ask v1 succeeded 2026-03-28T02:30:00Z");
  struct param_spec params[] = {s.params[MODE], s.params[DAYS]};
  struct value values[] = {value_string(&s.arena, "auto"), value_int(1)};
  static const struct output_spec outputs[] = {{"label", VALUE_STRING, VALUE_ANY}};
  s.pipeline.params = params;
  s.pipeline.params_len = 2;
  s.scope.params = values;
  s.tasks[EVALUATE].outputs = outputs;
  s.tasks[EVALUATE].outputs_len = 1;
  s.outputs[EVALUATE][0] = value_string(&s.arena, "v2");
  s.tasks[PREP].name = "train";
  s.tasks[TRAIN].name = "prep";
  s.states[PREP] = "failed";
  for (uint32_t i = 0; i < TASKS; i++) {
    if (s.by_name[i] == PREP) s.by_name[i] = TASKS;
    if (s.by_name[i] == TRAIN) s.by_name[i] = PREP;
    if (s.by_name[i] == TASKS) s.by_name[i] = TRAIN;
  }
  assert_string_equal(outcome(&s, TEXT, t), "auto v2 failed 2026-03-28T02:30:00Z");
  sample_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_are_read_as_their_type),
      cmocka_unit_test(what_a_scope_lacks_is_told),
      cmocka_unit_test(a_task_that_gave_nothing_is_named_with_its_end),
      cmocka_unit_test(names_are_found_again_in_another_version),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
