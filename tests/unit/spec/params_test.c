/* Parameters of a new run: where they come from and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tests/unit/spec/sample.h"

static const char *text_of(struct sample *s, const struct value *v) {
  struct buf b = {0};
  value_text(v, &b);
  const char *out = arena_strdup(&s->arena, buf_cstr(&b));
  buf_release(&b);
  return out;
}

/* Every parameter has a default but `days`. */
static void sample_defaults(struct sample *s) {
  sample_init(s, PREP);
  static const char *const texts[PARAMS] = {NULL,  "0.5", "auto", "[0.1, 10]", "${{ date_add(run.date, -1) }}",
                                            "90s", "hi",  "{}"};
  for (size_t i = 1; i < PARAMS; i++) {
    struct param_spec *p = &s->params[i];
    const char *why = NULL;
    p->default_value = sample_template(s, texts[i]);
    if (template_literal(p->default_value))
      assert_int_equal(value_parse(&s->arena, p->type, p->items, texts[i], &p->default_literal, &why), 0);
  }
}

static void given_beats_schedule_beats_default(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[PARAMS];
  sample_defaults(&s);
  diag_init(&d, NULL, NULL, 0);
  struct schedule_param of_schedule[] = {{RATE, value_float(0.25)}, {NOTE, value_string(&s.arena, "night")}};
  struct schedule_spec schedule = {.params = of_schedule, .params_len = 2};
  struct param_given given[] = {
      {.name = "days", .text = "20"}, {.name = "rate", .text = "1"}, {.name = "days", .text = "30"}};
  assert_int_equal(params_resolve(&s.scope, given, 3, &schedule, &s.arena, out, &d), 0);
  assert_int_equal(out[DAYS].integer, 30);
  assert_int_equal(out[RATE].type, VALUE_FLOAT);
  assert_string_equal(text_of(&s, &out[RATE]), "1");
  assert_string_equal(text_of(&s, &out[NOTE]), "night");
  assert_string_equal(text_of(&s, &out[MODE]), "auto");
  assert_string_equal(text_of(&s, &out[DAY]), "2026-03-28");
  assert_int_equal(out[DAY].type, VALUE_DATE);
  assert_string_equal(text_of(&s, &out[LAMBDAS]), "[0.1,10]");
  diag_release(&d);
  sample_release(&s);
}

static void faults_name_the_parameter(void **state) {
  (void)state;
  struct sample s;
  sample_defaults(&s);
  struct value two[] = {value_int(1), value_string(&s.arena, "x")};
  const struct value list = {.type = VALUE_LIST, .list = {two, 2}};
  const struct {
    struct param_given given;
    const char *message, *help;
  } rows[] = {
      {{.name = "dayz", .text = "20"}, "unknown parameter 'dayz'", "did you mean 'days'?"},
      {{.name = "days", .text = "x"}, "parameter 'days': expected a whole number, not 'x'", NULL},
      {{.name = "days", .text = "13"}, "parameter 'days': '13' is less than its least value, '14'", NULL},
      {{.name = "days", .text = "121"}, "parameter 'days': '121' is more than its greatest value, '120'", NULL},
      {{.name = "days", .value = value_string(&s.arena, "20")},
       "parameter 'days': expected a whole number, not the string '20'",
       NULL},
      {{.name = "days", .value = value_float(20)},
       "parameter 'days': expected a whole number, not the float '20'",
       NULL},
      {{.name = "days", .value = value_null()}, "parameter 'days': it has no value", NULL},
      {{.name = "mode", .text = "askk"}, "parameter 'mode': 'askk' is none of its values", "did you mean 'ask'?"},
      {{.name = "lambdas", .value = list},
       "parameter 'lambdas': item 2: expected a finite decimal number, not the string "
       "'x'",
       NULL},
      {{.name = "day", .text = "2026-02-30"},
       "parameter 'day': expected a date such as 2026-03-29, not '2026-02-30'",
       NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct value out[PARAMS];
    struct diag_list d;
    diag_init(&d, NULL, NULL, 0);
    const struct param_given given[] = {{.name = "days", .text = "20"}, rows[i].given};
    assert_int_equal(params_resolve(&s.scope, given, 2, NULL, &s.arena, out, &d), ERR_INVALID);
    assert_int_equal(d.errors, 1);
    assert_string_equal(d.items[0].message, rows[i].message);
    if (rows[i].help) assert_string_equal(d.items[0].help, rows[i].help);
    diag_release(&d);
  }
  sample_release(&s);
}

/* Bounds hold for what is given, in whichever type of number it comes, and for each item of a list. */
static void bounds_hold_for_each_type_that_has_an_order(void **state) {
  (void)state;
  static const struct {
    enum value_type type, items;
    const char *min, *max, *given, *message; /* NULL: taken */
  } rows[] = {
      {VALUE_INT, VALUE_ANY, "1", "3", "2", NULL},
      {VALUE_INT, VALUE_ANY, "1", "3", "4", "'4' is more than its greatest value, '3'"},
      {VALUE_FLOAT, VALUE_ANY, "0.5", "1.5", "1", NULL},
      {VALUE_FLOAT, VALUE_ANY, "0.5", "1.5", "0.25", "'0.25' is less than its least value, '0.5'"},
      {VALUE_FLOAT, VALUE_ANY, "0.5", "1.5", "1.75", "'1.75' is more than its greatest value, '1.5'"},
      {VALUE_DATE, VALUE_ANY, "2026-01-01", "2026-12-31", "2026-06-01", NULL},
      {VALUE_DATE, VALUE_ANY, "2026-01-01", "2026-12-31", "2025-06-01", "is less than its least value, '2026-01-01'"},
      {VALUE_DATE, VALUE_ANY, "2026-01-01", "2026-12-31", "2027-01-01", "is more than its greatest value"},
      {VALUE_DATETIME, VALUE_ANY, "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z", "2026-06-01T00:00:00Z", NULL},
      {VALUE_DATETIME, VALUE_ANY, "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z", "2025-12-31T23:59:59Z",
       "is less than its least value"},
      {VALUE_DURATION, VALUE_ANY, "1m", "1h", "5m", NULL},
      {VALUE_DURATION, VALUE_ANY, "1m", "1h", "61m", "'1h1m' is more than its greatest value, '1h'"},
      {VALUE_LIST, VALUE_FLOAT, "0", "1", "[0, 0.5, 1]", NULL},
      {VALUE_LIST, VALUE_FLOAT, "0", "1", "[0, 2]", "'2' is more than its greatest value, '1'"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    struct diag_list d;
    struct value out[1];
    const char *why = NULL;
    const enum value_type bound = rows[i].type == VALUE_LIST ? rows[i].items : rows[i].type;
    sample_init(&s, PREP);
    struct param_spec p = {
        .name = "p", .type = rows[i].type, .items = rows[i].items, .has_min = true, .has_max = true};
    assert_int_equal(value_parse(&s.arena, bound, VALUE_ANY, rows[i].min, &p.min, &why), 0);
    assert_int_equal(value_parse(&s.arena, bound, VALUE_ANY, rows[i].max, &p.max, &why), 0);
    s.pipeline.params = &p;
    s.pipeline.params_len = 1;
    diag_init(&d, NULL, NULL, 0);
    const struct param_given given = {.name = "p", .text = rows[i].given};
    int rc = params_resolve(&s.scope, &given, 1, NULL, &s.arena, out, &d);
    if ((rc == 0) != !rows[i].message) fail_msg("row %zu: %d", i, rc);
    if (rc && !strstr(d.items[0].message, rows[i].message)) fail_msg("row %zu: %s", i, d.items[0].message);
    diag_release(&d);
    sample_release(&s);
  }
}

static void values_beyond_all_measure_are_refused(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[PARAMS];
  sample_defaults(&s);
  char *large = arena_alloc(&s.arena, 2u << 20);
  memset(large, 'x', (2u << 20) - 1);
  large[(2u << 20) - 1] = '\0';
  const struct param_given rows[][2] = {
      {{.name = "days", .text = "20"}, {.name = "note", .text = large}},
      {{.name = "days", .text = "20"}, {.name = "note", .value = value_string(&s.arena, large)}},
  };
  for (size_t i = 0; i < 2; i++) {
    diag_init(&d, NULL, NULL, 0);
    assert_int_equal(params_resolve(&s.scope, rows[i], 2, NULL, &s.arena, out, &d), ERR_INVALID);
    assert_non_null(strstr(d.items[0].message, "parameter 'note': its value is over "));
    diag_release(&d);
  }
  sample_release(&s);
}

static void a_pipeline_without_parameters_takes_none(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[1];
  sample_init(&s, PREP);
  s.pipeline.params_len = 0;
  diag_init(&d, NULL, NULL, 0);
  const struct param_given given = {.name = "x", .text = "1"};
  assert_int_equal(params_resolve(&s.scope, &given, 1, NULL, &s.arena, out, &d), ERR_INVALID);
  assert_string_equal(d.items[0].help, "the pipeline has no parameters");
  diag_release(&d);
  sample_release(&s);
}

/* A bound of one type of number holds for a value of the other. */
static void bounds_hold_across_the_types_of_numbers(void **state) {
  (void)state;
  const struct {
    struct value bound, given;
    bool taken;
  } rows[] = {
      {value_int(1), value_float(0.5), false}, {value_int(1), value_float(1), true},
      {value_int(1), value_float(1.5), false}, {value_float(1), value_int(0), false},
      {value_float(1), value_int(1), true},    {value_float(1), value_int(2), false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    struct diag_list d;
    struct value out[1], item = rows[i].given;
    sample_init(&s, PREP);
    struct param_spec p = {.name = "p", .type = VALUE_LIST, .items = VALUE_ANY, .has_min = true, .has_max = true};
    p.min = p.max = rows[i].bound;
    s.pipeline.params = &p;
    s.pipeline.params_len = 1;
    diag_init(&d, NULL, NULL, 0);
    const struct param_given given = {.name = "p", .value = {.type = VALUE_LIST, .list = {&item, 1}}};
    int rc = params_resolve(&s.scope, &given, 1, NULL, &s.arena, out, &d);
    if ((rc == 0) != rows[i].taken) fail_msg("row %zu: %d", i, rc);
    diag_release(&d);
    sample_release(&s);
  }
}

/* null is a value of json alone. */
static void null_is_taken_as_json_alone(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[PARAMS];
  sample_defaults(&s);
  s.params[DATA].default_value = sample_template(&s, "${{ null }}");
  s.params[DATA].default_literal = (struct value){0};
  diag_init(&d, NULL, NULL, 0);
  const struct param_given given[] = {{.name = "days", .text = "20"}, {.name = "note", .value = value_null()}};
  assert_int_equal(params_resolve(&s.scope, given, 1, NULL, &s.arena, out, &d), 0);
  assert_int_equal(out[DATA].type, VALUE_NULL);
  assert_int_equal(params_resolve(&s.scope, given, 2, NULL, &s.arena, out, &d), ERR_INVALID);
  assert_string_equal(d.items[0].message, "parameter 'note': it has no value");
  diag_release(&d);
  sample_release(&s);
}

static void a_default_that_cant_be_worked_out_is_told(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[PARAMS];
  sample_defaults(&s);
  s.params[DAY].default_value = sample_template(&s, "${{ date_add(run.date, 9999999) }}");
  s.params[NOTE].help = "what it is for";
  s.params[NOTE].default_value = NULL;
  s.params[NOTE].default_literal = (struct value){0};
  diag_init(&d, NULL, NULL, 0);
  const struct param_given given = {.name = "days", .text = "20"};
  assert_int_equal(params_resolve(&s.scope, &given, 1, NULL, &s.arena, out, &d), ERR_INVALID);
  assert_int_equal(d.errors, 2);
  assert_non_null(strstr(d.items[0].message, "parameter 'day': its default: the result is beyond the years"));
  assert_string_equal(d.items[1].help, "what it is for");
  diag_release(&d);
  sample_release(&s);
}

static void what_has_no_default_must_be_given(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[PARAMS];
  sample_defaults(&s);
  diag_init(&d, NULL, NULL, 0);
  const struct param_given given[] = {{.name = "mode", .text = "?"}};
  assert_int_equal(params_resolve(&s.scope, given, 1, NULL, &s.arena, out, &d), ERR_INVALID);
  assert_int_equal(d.errors, 2);
  assert_string_equal(d.items[0].message, "parameter 'days' must be given");
  assert_string_equal(d.items[0].help, "give it with -p days=VALUE");
  diag_release(&d);
  sample_release(&s);
}

static void json_values_are_taken_as_their_type(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  struct value out[PARAMS], one = value_int(1);
  sample_defaults(&s);
  diag_init(&d, NULL, NULL, 0);
  const struct param_given given[] = {{.name = "days", .value = value_int(14)},
                                      {.name = "rate", .value = value_int(2)},
                                      {.name = "day", .value = value_string(&s.arena, "2026-01-01")},
                                      {.name = "lambdas", .value = {.type = VALUE_LIST, .list = {&one, 1}}},
                                      {.name = "data", .value = value_string(&s.arena, "x")}};
  assert_int_equal(params_resolve(&s.scope, given, 5, NULL, &s.arena, out, &d), 0);
  assert_int_equal(out[RATE].type, VALUE_FLOAT);
  assert_int_equal(out[DAY].type, VALUE_DATE);
  assert_int_equal(out[LAMBDAS].list.items[0].type, VALUE_FLOAT);
  assert_string_equal(out[DATA].text.bytes, "\"x\"");
  diag_release(&d);
  sample_release(&s);
}

static void settings_are_read_as_their_type(void **state) {
  (void)state;
  struct sample s;
  sample_init(&s, PREP);
  const char *message = NULL, *text;
  duration span;
  int64_t n;
  double x;
  assert_int_equal(setting_duration(NULL, &s.scope, &s.arena, 7, &span, &message), 0);
  assert_int_equal(span, 7);
  assert_int_equal(setting_duration(sample_template(&s, "5m"), &s.scope, &s.arena, 7, &span, &message), 0);
  assert_int_equal(span, 5 * USEC_PER_MIN);
  assert_int_equal(
      setting_duration(sample_template(&s, "${{ params.days }}s"), &s.scope, &s.arena, 7, &span, &message), 0);
  assert_int_equal(span, 56 * USEC_PER_SEC);
  assert_int_equal(
      setting_duration(sample_template(&s, "${{ params.days }}"), &s.scope, &s.arena, 7, &span, &message),
      ERR_INVALID);
  assert_string_equal(message, "expected a duration such as 90s, 5m or 1h30m, not the int '56'");
  assert_int_equal(
      setting_int(sample_template(&s, "${{ params.days / 8 }}"), &s.scope, &s.arena, 0, 0, 9, &n, &message),
      ERR_INVALID);
  assert_int_equal(setting_int(sample_template(&s, "10"), &s.scope, &s.arena, 0, 0, 9, &n, &message), ERR_INVALID);
  assert_string_equal(message, "expected a whole number from 0 to 9, not 10");
  assert_int_equal(setting_float(sample_template(&s, "${{ params.days }}"), &s.scope, &s.arena, 0, &x, &message), 0);
  assert_true(x == 56);
  assert_int_equal(setting_text(sample_template(&s, "${{ params.lambdas }}"), &s.scope, &s.arena, &text, &message),
                   0);
  assert_string_equal(text, "[0.1,10]");
  assert_int_equal(setting_text(sample_template(&s, "${{ env.NOPE }}"), &s.scope, &s.arena, &text, &message),
                   ERR_INVALID);
  assert_int_equal(setting_text(NULL, &s.scope, &s.arena, &text, &message), 0);
  assert_null(text);
  sample_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(given_beats_schedule_beats_default),
      cmocka_unit_test(faults_name_the_parameter),
      cmocka_unit_test(bounds_hold_for_each_type_that_has_an_order),
      cmocka_unit_test(values_beyond_all_measure_are_refused),
      cmocka_unit_test(a_pipeline_without_parameters_takes_none),
      cmocka_unit_test(bounds_hold_across_the_types_of_numbers),
      cmocka_unit_test(null_is_taken_as_json_alone),
      cmocka_unit_test(a_default_that_cant_be_worked_out_is_told),
      cmocka_unit_test(what_has_no_default_must_be_given),
      cmocka_unit_test(json_values_are_taken_as_their_type),
      cmocka_unit_test(settings_are_read_as_their_type),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
