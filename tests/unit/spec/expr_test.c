/* Expressions: what they give, what is an error, and where the caret stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "tests/unit/spec/sample.h"

static const struct diag_place start = {3, 11, 0};

static const char *shown(struct sample *s, const struct value *v) {
  struct buf b = {0};
  value_text(v, &b);
  const char *out = arena_fmt(&s->arena, "%s:%s", value_type_word(v->type), buf_cstr(&b));
  buf_release(&b);
  return out;
}

/* "int:3", or the message of an error at any of the three stages. */
static const char *outcome(struct sample *s, const char *text, enum expr_use use) {
  struct diag_list d = {0};
  const char *message = NULL, *out = NULL;
  struct value v;
  diag_init(&d, NULL, NULL, 0);
  const struct expr *e = expr_parse(&s->arena, text, start, &d);
  int type = e ? expr_check(e, use, &s->pipeline, s->scope.task, &d) : -1;
  if (type < 0) {
    assert_true(d.errors > 0);
    out = arena_fmt(&s->arena, "%u:%u+%u %s%s%s", d.items[0].place.line, d.items[0].place.column,
                    d.items[0].place.width, d.items[0].message, d.items[0].help ? " | " : "",
                    d.items[0].help ? d.items[0].help : "");
  } else if (expr_eval(e, &s->scope, &s->arena, &v, &message) < 0) {
    out = message;
  } else {
    out = shown(s, &v);
    bool widened = type == VALUE_FLOAT && v.type == VALUE_INT;
    if (type != VALUE_ANY && v.type != VALUE_NULL && !widened && (int)v.type != type)
      fail_msg("'%s' gives %s, but was checked as %s", text, out, value_type_word((enum value_type)type));
  }
  diag_release(&d);
  return out;
}

static void values_of_expressions(void **state) {
  (void)state;
  static const struct {
    const char *text, *value;
  } rows[] = {
      {"1 + 2 * 3", "int:7"},
      {"(1 + 2) * 3", "int:9"},
      {"7 / 2", "float:3.5"},
      {"4 / 2", "float:2"},
      {"1 + 0.5", "float:1.5"},
      {"5 - -3", "int:8"},
      {"--3", "int:3"},
      {"-9223372036854775808", "int:-9223372036854775808"},
      {"'a' + \"b\\n\\\"'\"", "string:ab\n\"'"},
      {"[1, 2] + [3]", "list:[1,2,3]"},
      {"[]", "list:[]"},
      {"1 < 2 && 2 < 3", "bool:true"},
      {"1 == 1.0", "bool:true"},
      {"9007199254740993 > 9007199254740992.0", "bool:true"},
      {"9007199254740993 == 9007199254740992.0", "bool:false"},
      {"not true || true", "bool:true"},
      {"!(true || true)", "bool:false"},
      {"!!true", "bool:true"},
      {"!1 == 2", "bool:true"},
      {"true || 1 / 0 > 1", "bool:true"},
      {"false && 1 / 0 > 1", "bool:false"},
      {"'b' in ['a', 'b']", "bool:true"},
      {"2.0 in [1, 2]", "bool:true"},
      {"'ell' in 'hello'", "bool:true"},
      {"'x' in 'hello'", "bool:false"},
      {"null == null", "bool:true"},
      {"params.days != null", "bool:true"},
      {"params.days * 2", "int:112"},
      {"params.mode == 'ask'", "bool:true"},
      {"params.day == '2026-03-29'", "bool:true"},
      {"'2026-03-28' < params.day", "bool:true"},
      {"params.day - date_add(params.day, -7)", "int:7"},
      {"params.span == '1m30s'", "bool:true"},
      {"params.span * 2", "duration:3m"},
      {"run.scheduled_for - run.interval_start", "duration:1d"},
      {"run.scheduled_for > '2026-03-29T00:00:00Z'", "bool:true"},
      {"run.date", "date:2026-03-29"},
      {"run.trigger", "string:schedule"},
      {"date_add(run.date, -29)", "date:2026-02-28"},
      {"date_add('2024-02-28', 1)", "date:2024-02-29"},
      {"format_date(run.date, '%Y/%m/%d %a %j %V%%')", "string:2026/03/29 Sun 088 13%"},
      {"format_date(run.scheduled_for, '%H:%M')", "string:04:30"},
      {"format_date(run.interval_start, '%FT%T')", "string:2026-03-28T03:30:00"},
      {"format_date('2021-01-03', '%G-W%V-%u %B')", "string:2020-W53-7 January"},
      {"len(params.note)", "int:5"},
      {"len(params.lambdas)", "int:2"},
      {"min(params.lambdas)", "float:0.1"},
      {"max(3, 2.5)", "float:3"},
      {"max(1, 2, 3)", "int:3"},
      {"min(run.date, params.day)", "date:2026-03-29"},
      {"abs(-2.5)", "float:2.5"},
      {"default(null, 3)", "int:3"},
      {"default(params.days, 1 / 0)", "int:56"},
      {"env.HOME + '/x'", "string:/home/ml/x"},
      {"default(env.NOPE, 'none')", "string:none"},
      {"env.NOPE == null", "bool:true"},
      {"tasks.evaluate.outputs.rmse < 3", "bool:true"},
      {"tasks.train.outputs.loss", "list:[0.1,10]"},
      {"tasks.train.state == 'succeeded'", "bool:true"},
      {"tasks.prep.state", "string:succeeded"},
      {"success() && !failure() && always()", "bool:true"},
      {" ${{ params.days > 1 }} ", "bool:true"},
      {"params.data == params.data", "bool:true"},
  };
  struct sample s;
  sample_init(&s, PROMOTE);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *got = outcome(&s, rows[i].text, strstr(rows[i].text, "()") ? EXPR_WHEN : EXPR_TASK);
    if (strcmp(got, rows[i].value) != 0) fail_msg("%s gives %s, not %s", rows[i].text, got, rows[i].value);
  }
  sample_release(&s);
}

static void each_expression_gives_what_is_written_beside_it(void **state) {
  (void)state;
  struct buf text = {0};
  size_t rows = 0;
  assert_int_equal(file_read("tests/unit/spec/expressions.txt", 1 << 20, &text), 0);
  for (char *line = text.bytes, *end; line && (end = strchr(line, '\n')); line = end + 1) {
    *end = '\0';
    if (*line == '#') continue;
    char *expected = strstr(line, " => ");
    assert_non_null(expected);
    *expected = '\0';
    enum expr_use use = strncmp(line, "W ", 2) == 0   ? EXPR_WHEN
                        : strncmp(line, "R ", 2) == 0 ? EXPR_RUN_PARAMS
                                                      : EXPR_TASK;
    struct sample s;
    sample_init(&s, PROMOTE);
    const char *got = outcome(&s, line + (use == EXPR_TASK ? 0 : 2), use);
    if (strcmp(got, expected + 4) != 0) fail_msg("%s gives %s, not %s", line, got, expected + 4);
    sample_release(&s);
    rows++;
  }
  assert_true(rows > 200);
  buf_release(&text);
}

static void errors_when_the_file_is_read(void **state) {
  (void)state;
  static const struct {
    enum expr_use use;
    const char *text, *error;
  } rows[] = {
      {EXPR_TASK, "", "3:11+0 an expression is missing"},
      {EXPR_TASK, "${{ }}", "3:15+0 an expression is missing"},
      {EXPR_TASK, "1 +", "3:14+0 expected a value at the end of the expression"},
      {EXPR_TASK, "1 2", "3:13+1 expected an operator or the end, not '2'"},
      {EXPR_TASK, "(1", "3:13+0 expected ')' at the end of the expression"},
      {EXPR_TASK, "a = 1", "3:13+1 unexpected '=' | write '==' to compare"},
      {EXPR_TASK, "true and false", "3:16+3 unknown operator 'and' | write '&&'"},
      {EXPR_TASK, "'abc", "3:11+1 the quote isn't closed"},
      {EXPR_TASK, "'a\\x'", "3:13+2 unknown escape in a quoted text | known are \\\\ \\' \\\" \\n \\t \\r"},
      {EXPR_TASK, "1 < 2 < 3", "3:17+1 comparisons can't be chained | write a < b && b < c"},
      {EXPR_TASK, "5-3",
       "3:12+1 a minus between two values needs spaces | after a dot a name runs over '-' too, so write "
       "a - b"},
      {EXPR_TASK, "010",
       "3:11+3 not a number | numbers are decimal, without leading zeros; text is written in quotes"},
      {EXPR_TASK, "9223372036854775808", "3:11+19 not a number | whole numbers have 64 bits"},
      {EXPR_TASK, "1.", "3:11+2 not a number | a number with a point is written like 0.5 or 2e9, and is finite"},
      {EXPR_TASK, "1e999", "3:11+5 not a number | a number with a point is written like 0.5 or 2e9, and is finite"},
      {EXPR_TASK, "5m", "3:11+2 not a number | text, dates and durations are written in quotes: '5m'"},
      {EXPR_TASK, "2026-03-29", "3:11+10 unexpected date | a date is written in quotes: '2026-03-29'"},
      {EXPR_TASK, "parms.days", "3:11+10 unknown name 'parms' | did you mean 'params'?"},
      {EXPR_TASK, "params.dyas > 1", "3:11+11 unknown parameter 'dyas' | did you mean 'days'?"},
      {EXPR_TASK, "len('h\xc3\xa9') + params.x",
       "3:23+8 unknown parameter 'x' | known: days, rate, mode, lambdas, day, "
       "span, note, data"},
      {EXPR_TASK, "run.dat", "3:11+7 run has no 'dat' | did you mean 'date'?"},
      {EXPR_TASK, "tasks.evaluate",
       "3:11+14 unknown name 'tasks.evaluate' | write tasks.NAME.state or "
       "tasks.NAME.outputs.KEY"},
      {EXPR_TASK, "tasks.evalaute.state == 'x'", "3:11+20 unknown task 'evalaute' | did you mean 'evaluate'?"},
      {EXPR_TASK, "tasks.other.state", "3:11+17 task 'other' is not needed by 'promote' | add it to needs"},
      {EXPR_TASK, "tasks.promote.state",
       "3:11+19 task 'promote' is not needed by 'promote' | a task can't use its own "
       "results"},
      {EXPR_TASK, "tasks.evaluate.outputs.rmes",
       "3:11+27 task 'evaluate' declares no output 'rmes' | did you mean "
       "'rmse'?"},
      {EXPR_TASK, "tasks.prep.outputs.rows",
       "3:11+23 task 'prep' declares no output 'rows' | it declares none: outputs: "
       "{rows: string}"},
      {EXPR_TASK, "matrix.lambda", "3:11+13 unknown matrix value 'lambda' | this task has no matrix"},
      {EXPR_RUN, "params.days",
       "3:11+11 'params.days' can't be used here | a parameter's default may use run.* alone"},
      {EXPR_RUN_PARAMS, "tasks.prep.state",
       "3:11+16 'tasks.prep.state' can't be used here | here only run.*, params.* and "
       "env.* are known"},
      {EXPR_TASK, "success()", "3:11+7 success() has a meaning in 'when' alone"},
      {EXPR_TASK, "sucess()", "3:11+6 unknown function 'sucess' | did you mean 'success'?"},
      {EXPR_TASK, "date_add(run.date)", "3:11+8 date_add() doesn't take 1 values | date_add(date, days)"},
      {EXPR_TASK, "default(1)", "3:11+7 default() takes 2 values, not 1 | default(value, other)"},
      {EXPR_TASK, "1 + 'a'",
       "3:13+1 '+' doesn't take int and string | '+' joins texts alone; in a text write '... ${{ value "
       "}} ...'"},
      {EXPR_TASK, "run.date + 1", "3:20+1 '+' doesn't take date and int | write date_add(date, days)"},
      {EXPR_TASK, "params.days > 'x'", "3:23+1 '>' doesn't compare int with string"},
      {EXPR_TASK, "run.date == run.scheduled_for",
       "3:20+2 '==' doesn't compare date with datetime | a datetime compares "
       "with a datetime"},
      {EXPR_TASK, "null < 1", "3:16+1 '<' doesn't compare null with int | null takes only == and !="},
      {EXPR_TASK, "true < false", "3:16+1 '<' doesn't compare bool with bool"},
      {EXPR_TASK, "params.day == 'yesterday'", "3:25+11 expected a date such as 2026-03-29, not 'yesterday'"},
      {EXPR_TASK, "params.mode == 'nevr'", "3:26+6 it can never be 'nevr' | did you mean 'never'?"},
      {EXPR_TASK, "tasks.train.state == 'success'",
       "3:32+9 it can never be 'success' | known: succeeded, failed, timed_out, "
       "lost, cancelled, skipped, upstream_failed"},
      {EXPR_TASK, "1 in ['a']", "3:13+2 int can't be in a list of string"},
      {EXPR_TASK, "1 in 2", "3:13+2 'in' takes a list or a text on its right, not int"},
      {EXPR_TASK, "!params.days", "3:11+1 '!' takes true or false, not int | compare it with something"},
      {EXPR_TASK, "params.days && true", "3:23+2 '&&' takes true or false, not int | compare it with something"},
      {EXPR_TASK, "format_date(run.date, '%Q')",
       "3:11+11 format_date() doesn't know %'Q' | format_date(date, "
       "'%Y-%m-%d')"},
      {EXPR_WHEN, "params.days", "3:11+11 'when' takes true or false, not int | compare it with something"},
      {EXPR_TASK, "params.days >\n  params.x",
       "4:13+8 unknown parameter 'x' | known: days, rate, mode, lambdas, day, span, "
       "note, data"},
  };
  struct sample s;
  sample_init(&s, PROMOTE);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *got = outcome(&s, rows[i].text, rows[i].use);
    if (strcmp(got, rows[i].error) != 0) fail_msg("%s gives\n  %s, not\n  %s", rows[i].text, got, rows[i].error);
  }
  sample_release(&s);
}

static void errors_at_run_time_say_why(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } rows[] = {
      {"1 / 0", "division by zero, in '1 / 0'"},
      {"params.days / 0.0", "division by zero, in 'params.days / 0.0'"},
      {"9223372036854775807 + 1", "the result is beyond a whole number of 64 bits, in '9223372036854775807 + 1'"},
      {"abs(-9223372036854775808)", "the result is beyond a whole number of 64 bits, in 'abs(-9223372036854775808)'"},
      {"1e308 * 10", "the result is beyond what a float can hold, in '1e308 * 10'"},
      {"date_add(run.date, 9223372036854775807)", "the result is beyond the years 1 to 9999, in "
                                                  "'date_add(run.date, 9223372036854775807)'"},
      {"env.NOPE + 'x'", "env.NOPE has no value: it isn't set; use default(env.NOPE, ...), in 'env.NOPE + 'x''"},
      {"max([])", "max() of an empty list, in 'max([])'"},
      {"run.date == env.HOME", "expected a date such as 2026-03-29, not '/home/ml', in 'run.date == env.HOME'"},
      {"tasks.evaluate.outputs.rmse > 1",
       "tasks.evaluate.outputs.rmse has no value: its task was skipped; use "
       "default(tasks.evaluate.outputs.rmse, ...), in 'tasks.evaluate.outputs.rmse > "
       "1'"},
      {"!(default(env.NOPE, tasks.evaluate.outputs.label) == null)", "bool:false"},
      {"tasks.evaluate.outputs.rmse == null", "bool:true"},
  };
  struct sample s;
  sample_init(&s, PROMOTE);
  s.outputs[EVALUATE][0] = s.outputs[EVALUATE][1] = value_null();
  s.states[EVALUATE] = "skipped";
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *got = outcome(&s, rows[i].text, EXPR_TASK);
    if (strcmp(got, rows[i].message) != 0) fail_msg("%s gives\n  %s, not\n  %s", rows[i].text, got, rows[i].message);
  }
  sample_release(&s);
}

static void names_depend_on_the_task(void **state) {
  (void)state;
  static const struct {
    uint32_t task;
    const char *text, *outcome;
  } rows[] = {
      {TRAIN, "matrix.lambda * 2", "float:0.2"},
      {PAIR_A, "matrix.n + 1", "int:2"},
      {TIDY, "tasks.evaluate.state", "string:succeeded"},
      {TIDY, "tasks.tidy.state", "3:11+16 task 'tidy' is not needed by 'tidy' | a task can't use its own results"},
      {PAIR_B, "tasks.pair-a.outputs.loss + 1", "float:3"},
      {PAIR_C, "tasks.pair-a.outputs.loss",
       "3:11+25 'pair-c' waits for one instance of task 'pair-a' only | add it to "
       "needs"},
      {PAIR_C, "tasks.prep.state", "string:succeeded"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, rows[i].task);
    struct value one = value_int(1), losses[] = {value_float(1), value_float(2)};
    s.scope.matrix = rows[i].task == TRAIN ? s.lambdas : &one;
    s.scope.instance = 1;
    s.outputs[PAIR_A][0] = (struct value){.type = VALUE_LIST, .list = {losses, 2}};
    const char *got = outcome(&s, rows[i].text, EXPR_TASK);
    if (strcmp(got, rows[i].outcome) != 0) fail_msg("%s gives\n  %s, not\n  %s", rows[i].text, got, rows[i].outcome);
    sample_release(&s);
  }
}

static void all_errors_of_types_are_reported(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  sample_init(&s, PROMOTE);
  diag_init(&d, NULL, NULL, 0);
  const struct expr *e = expr_parse(&s.arena, "params.x > 1 && tasks.y.state == 'a' && 1 + 'a' == 2", start, &d);
  assert_non_null(e);
  assert_int_equal(expr_check(e, EXPR_WHEN, &s.pipeline, s.scope.task, &d), -1);
  assert_int_equal(d.errors, 3);
  diag_release(&d);
  sample_release(&s);
}

static void status_and_parameters_are_found(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  sample_init(&s, PROMOTE);
  diag_init(&d, NULL, NULL, 0);
  assert_true(expr_names_status(expr_parse(&s.arena, "params.days > 1 || failure()", start, &d)));
  const struct expr *e = expr_parse(&s.arena, "params.days > 1", start, &d);
  assert_false(expr_names_status(e));
  assert_true(expr_uses_param(e, "days"));
  assert_false(expr_uses_param(e, "rate"));
  assert_true(template_uses_param(sample_template(&s, "a ${{ params.rate }}"), "rate"));
  diag_release(&d);
  sample_release(&s);
}

static void templates_join_text_or_keep_a_type(void **state) {
  (void)state;
  static const struct {
    const char *text, *value;
  } rows[] = {
      {"plain $HOME {{ x }}", "string:plain $HOME {{ x }}"},
      {"", "string:"},
      {"${{ params.days }}", "int:56"},
      {"${{params.lambdas}}", "list:[0.1,10]"},
      {"a ${{ params.days }}-${{ run.date }} b", "string:a 56-2026-03-29 b"},
      {"${{ '}}' }}!", "string:}}!"},
      {"${{ '${{' }}", "string:${{"},
  };
  struct sample s;
  sample_init(&s, PROMOTE);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct value v;
    const char *message = NULL;
    const struct template *t = sample_template(&s, rows[i].text);
    assert_non_null(t);
    assert_int_equal(template_literal(t), strstr(rows[i].text, "${{") == NULL);
    assert_int_equal(template_eval(t, &s.scope, &s.arena, &v, &message), 0);
    assert_string_equal(shown(&s, &v), rows[i].value);
  }
  sample_release(&s);
}

static void errors_in_templates_have_their_column(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  sample_init(&s, PROMOTE);
  diag_init(&d, NULL, NULL, 0);
  assert_null(template_parse(&s.arena, "\xc3\xa9 ${{ 1 + }} and\n${{ 2 ? }} ${{", start, &d));
  assert_int_equal(d.errors, 3);
  assert_int_equal(d.items[0].place.line, 3);
  assert_int_equal(d.items[0].place.column, 11 + 9);
  assert_int_equal(d.items[1].place.line, 4);
  assert_int_equal(d.items[1].place.column, 11 + 6);
  assert_int_equal(d.items[2].place.column, 11 + 11);
  assert_int_equal(d.items[2].place.width, 3);
  diag_release(&d);
  sample_release(&s);
}

static void depth_and_work_are_bounded(void **state) {
  (void)state;
  struct sample s;
  struct diag_list d;
  sample_init(&s, PROMOTE);
  diag_init(&d, NULL, NULL, 0);
  char *text = arena_alloc(&s.arena, 70000);
  memset(text, '(', 65);
  text[65] = '1';
  memset(text + 66, ')', 65);
  assert_null(expr_parse(&s.arena, text, start, &d));
  text[131] = '\0';
  text[130] = ' ';
  text[0] = ' ';
  assert_non_null(expr_parse(&s.arena, text, start, &d));
  memset(text, '[', 17);
  text[17] = '\0';
  assert_null(expr_parse(&s.arena, text, start, &d));
  memset(text, '!', 60000);
  strcpy(text + 60000, "true");
  const struct expr *e = expr_parse(&s.arena, text, start, &d);
  assert_non_null(e);
  struct value v;
  const char *message = NULL;
  assert_int_equal(expr_eval(e, &s.scope, &s.arena, &v, &message), 0);
  assert_true(v.boolean);
  /* A chain of joins makes the square of what it reads. */
  char *big = arena_alloc(&s.arena, 10001);
  memset(big, 'x', 10000);
  s.values[NOTE] = (struct value){.type = VALUE_STRING, .text = {big, 10000}};
  struct buf chain = {0};
  buf_str(&chain, "params.note");
  for (int i = 0; i < 90; i++) buf_str(&chain, " + params.note");
  e = expr_parse(&s.arena, buf_cstr(&chain), start, &d);
  assert_int_equal(expr_eval(e, &s.scope, &s.arena, &v, &message), ERR_INVALID);
  assert_non_null(strstr(message, "makes over"));
  buf_release(&chain);
  memset(text, '1', 66000);
  text[66000] = '\0';
  assert_null(expr_parse(&s.arena, text, start, &d));
  diag_release(&d);
  sample_release(&s);
}

/* Words put together at random reach the checker and the evaluator far more often than random bytes do. */
/* More values than fit on the stack that is kept at hand. */
static void a_deep_expression_has_all_its_values(void **state) {
  (void)state;
  struct sample s;
  struct buf text = {0}, list = {0};
  sample_init(&s, PROMOTE);
  for (int i = 0; i < 50; i++) buf_str(&text, "1 + (");
  buf_str(&text, "1");
  for (int i = 0; i < 50; i++) buf_char(&text, ')');
  assert_string_equal(outcome(&s, buf_cstr(&text), EXPR_TASK), "int:51");
  buf_str(&list, "max(0");
  for (int i = 1; i < 200; i++) buf_fmt(&list, ", %d", i);
  buf_char(&list, ')');
  assert_string_equal(outcome(&s, buf_cstr(&list), EXPR_TASK), "int:199");
  buf_release(&text);
  buf_release(&list);
  sample_release(&s);
}

static void texts_and_lists_beyond_measure_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *error;
  } rows[] = {
      {"params.note + params.note", "a text is over "},
      {"[params.note, params.note] == [params.note]", NULL},
      {"format_date(run.date, params.note)", "the text of format_date() is too long"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, PROMOTE);
    const size_t size = 700u << 10;
    char *large = arena_alloc(&s.arena, size);
    memset(large, 'x', size - 1);
    large[size - 1] = '\0';
    s.values[NOTE] = (struct value){.type = VALUE_STRING, .text = {large, size - 1}};
    const char *got = outcome(&s, rows[i].text, EXPR_TASK);
    if (rows[i].error && !strstr(got, rows[i].error)) fail_msg("%s: %.200s", rows[i].text, got);
    sample_release(&s);
  }
}

static void any_text_is_survived(void **state) {
  (void)state;
  static const char *const words[] = {"1",
                                      "2.5",
                                      "'a'",
                                      "\"2026-03-29\"",
                                      "true",
                                      "null",
                                      "params.days",
                                      "params.lambdas",
                                      "params.day",
                                      "run.date",
                                      "+",
                                      " - ",
                                      "*",
                                      "/",
                                      "(",
                                      ")",
                                      "[",
                                      "]",
                                      ",",
                                      "==",
                                      "<",
                                      "in ",
                                      "&&",
                                      "||",
                                      "!",
                                      "-",
                                      "len(",
                                      "min(",
                                      "default(",
                                      "date_add(",
                                      "${{",
                                      "}}",
                                      "abs(",
                                      "format_date(",
                                      " ",
                                      "\n",
                                      "\\",
                                      "'",
                                      "\xc3\xa9",
                                      "\xff",
                                      "tasks.train.outputs.loss",
                                      "tasks.evaluate.outputs.rmse",
                                      "env.HOME",
                                      "max(",
                                      "9223372036854775807",
                                      "run.scheduled_for"};
  unsigned seed = 1;
  size_t good = 0;
  for (int round = 0; round < 20000; round++) {
    struct sample s;
    struct diag_list d;
    struct buf text = {0};
    sample_init(&s, PROMOTE);
    diag_init(&d, NULL, NULL, 0);
    int len = rand_r(&seed) % 12;
    for (int i = 0; i < len; i++) {
      if (rand_r(&seed) % 8 == 0)
        buf_char(&text, (char)(1 + rand_r(&seed) % 255));
      else
        buf_str(&text, words[(size_t)rand_r(&seed) % (sizeof words / sizeof words[0])]);
    }
    struct value v;
    const char *message = NULL;
    const struct expr *e = expr_parse(&s.arena, buf_cstr(&text), start, &d);
    assert_true((e == NULL) == (d.errors > 0));
    if (e && expr_check(e, EXPR_WHEN, &s.pipeline, s.scope.task, &d) >= 0) {
      good++;
      int rc = expr_eval(e, &s.scope, &s.arena, &v, &message);
      assert_true((rc < 0) == (message != NULL));
    }
    const struct template *t = template_parse(&s.arena, buf_cstr(&text), start, &d);
    if (t) template_eval(t, &s.scope, &s.arena, &v, &message);
    buf_release(&text);
    diag_release(&d);
    sample_release(&s);
  }
  assert_true(good > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_of_expressions),
      cmocka_unit_test(each_expression_gives_what_is_written_beside_it),
      cmocka_unit_test(errors_when_the_file_is_read),
      cmocka_unit_test(errors_at_run_time_say_why),
      cmocka_unit_test(names_depend_on_the_task),
      cmocka_unit_test(all_errors_of_types_are_reported),
      cmocka_unit_test(status_and_parameters_are_found),
      cmocka_unit_test(templates_join_text_or_keep_a_type),
      cmocka_unit_test(errors_in_templates_have_their_column),
      cmocka_unit_test(depth_and_work_are_bounded),
      cmocka_unit_test(a_deep_expression_has_all_its_values),
      cmocka_unit_test(texts_and_lists_beyond_measure_are_refused),
      cmocka_unit_test(any_text_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
