/* The instances of a matrix and their labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/utf8.h"
#include "scheduler/spec/matrix.h"
#include "tests/unit/spec/sample.h"

/* Axes as text: `whole` when it is one `${{ }}`, else items divided by blanks. */
static void axes_set(struct sample *s, const char *const *texts, size_t len) {
  struct matrix_axis *axes = arena_new_array(&s->arena, len, struct matrix_axis);
  for (size_t i = 0; i < len; i++) {
    axes[i].name = arena_fmt(&s->arena, "k%zu", i);
    if (strncmp(texts[i], "${{", 3) == 0) {
      axes[i].whole = sample_template(s, texts[i]);
      continue;
    }
    const struct template **items = arena_new_array(&s->arena, 8, const struct template *);
    char *rest = arena_strdup(&s->arena, texts[i]), *word;
    while ((word = strsep(&rest, " "))) items[axes[i].items_len++] = sample_template(s, word);
    axes[i].items = items;
  }
  s->tasks[PREP].matrix = axes;
  s->tasks[PREP].matrix_len = len;
}

static void instances_are_the_product_first_key_slowest(void **state) {
  (void)state;
  static const struct {
    const char *axes[3];
    size_t len, count;
    const char *first, *second, *last;
  } rows[] = {
      {{"1 2"}, 1, 2, "prep[1]", "prep[2]", "prep[2]"},
      {{"a b", "1 2 3"}, 2, 6, "prep[a,1]", "prep[a,2]", "prep[b,3]"},
      {{"${{ params.lambdas }}", "x y"}, 2, 4, "prep[0.1,x]", "prep[0.1,y]", "prep[10,y]"},
      {{"${{ [true, false] }}"}, 1, 2, "prep[true]", "prep[false]", "prep[false]"},
      {{"${{ params.lambdas }}", "${{ [] }}"}, 2, 0, NULL, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    const struct value *values;
    const char *message = NULL;
    size_t count;
    sample_init(&s, PREP);
    axes_set(&s, rows[i].axes, rows[i].len);
    const struct task_spec *t = &s.tasks[PREP];
    assert_int_equal(matrix_expand(&s.scope, t, &s.arena, &values, &count, &message), 0);
    assert_int_equal(count, rows[i].count);
    if (count > 0) {
      assert_string_equal(instance_label(t, values, &s.arena), rows[i].first);
      assert_string_equal(instance_label(t, values + t->matrix_len, &s.arena), rows[i].second);
      assert_string_equal(instance_label(t, values + (count - 1) * t->matrix_len, &s.arena), rows[i].last);
    }
    sample_release(&s);
  }
}

static void a_task_without_matrix_is_one_instance(void **state) {
  (void)state;
  struct sample s;
  const struct value *values;
  const char *message = NULL;
  size_t count;
  sample_init(&s, PREP);
  assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), 0);
  assert_int_equal(count, 1);
  assert_null(values);
  assert_string_equal(instance_label(&s.tasks[PREP], NULL, &s.arena), "prep");
  sample_release(&s);
}

static void literals_keep_their_text_and_may_be_numbers(void **state) {
  (void)state;
  static const struct {
    const char *axis;
    enum value_type type;
    const char *label;
  } rows[] = {
      {"1 2", VALUE_INT, "prep[1]"},
      {"0.1 1 10", VALUE_FLOAT, "prep[0.1]"},
      {"true false", VALUE_BOOL, "prep[true]"},
      {"3.10 3.9", VALUE_STRING, "prep[3.10]"},
      {"010 1", VALUE_STRING, "prep[010]"},
      {"1 x", VALUE_STRING, "prep[1]"},
      {"1e3 1", VALUE_STRING, "prep[1e3]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    const struct value *values;
    const char *message = NULL;
    size_t count;
    sample_init(&s, PREP);
    axes_set(&s, &rows[i].axis, 1);
    assert_int_equal(matrix_axis_type(&s.pipeline, s.tasks[PREP].matrix), rows[i].type);
    assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), 0);
    assert_int_equal(values[0].type, rows[i].type);
    assert_string_equal(instance_label(&s.tasks[PREP], values, &s.arena), rows[i].label);
    sample_release(&s);
  }
}

static void faults_have_a_message(void **state) {
  (void)state;
  static const struct {
    const char *axes[2];
    size_t len;
    int rc;
    const char *message;
  } rows[] = {
      {{"${{ params.days }}"}, 1, ERR_INVALID, "matrix.k0: expected a list, not int"},
      {{"a b a"}, 1, ERR_INVALID, "matrix.k0: the value a stands twice"},
      {{"${{ [1, 1.0] }}"}, 1, ERR_INVALID, "matrix.k0: the value 1 stands twice"},
      {{"a ${{env.NOPE}}"}, 1, ERR_INVALID, "matrix.k0: value 2 is null"},
      {{"${{ params.lambdas }}", "${{ [1 / 0] }}"}, 2, ERR_INVALID, "matrix.k1: division by zero, in '[1 / 0]'"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    const struct value *values;
    const char *message = NULL;
    size_t count;
    sample_init(&s, PREP);
    axes_set(&s, rows[i].axes, rows[i].len);
    assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), rows[i].rc);
    assert_string_equal(message, rows[i].message);
    sample_release(&s);
  }
}

static void more_names_or_values_than_a_matrix_can_have_are_refused(void **state) {
  (void)state;
  struct sample s;
  const struct value *values;
  const char *message = NULL;
  static const char *const one[] = {"${{ params.lambdas }}"};
  static struct value many[PIPELINE_TASKS_MAX + 1];
  const char *axes[17];
  size_t count;
  sample_init(&s, PREP);
  for (int i = 0; i < 17; i++) axes[i] = "1";
  axes_set(&s, axes, 17);
  assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), ERR_TOO_LARGE);
  assert_non_null(strstr(message, "the matrix has more than "));
  axes_set(&s, one, 1);
  for (int i = 0; i <= PIPELINE_TASKS_MAX; i++) many[i] = value_float(i);
  s.values[LAMBDAS] = (struct value){.type = VALUE_LIST, .list = {many, PIPELINE_TASKS_MAX + 1}};
  assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), ERR_TOO_LARGE);
  s.values[LAMBDAS].list.len = 0;
  assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), 0);
  assert_int_equal(count, 0);
  sample_release(&s);
}

static void ten_thousand_instances_are_the_limit(void **state) {
  (void)state;
  struct sample s;
  const struct value *values;
  const char *message = NULL;
  static const char *const axes[] = {"${{ params.lambdas }}", "${{ params.lambdas }}"};
  struct value hundred[101];
  size_t count;
  sample_init(&s, PREP);
  axes_set(&s, axes, 2);
  for (int i = 0; i < 101; i++) hundred[i] = value_float(i);
  s.values[LAMBDAS] = (struct value){.type = VALUE_LIST, .list = {hundred, 100}};
  assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), 0);
  assert_int_equal(count, 10000);
  s.values[LAMBDAS].list.len = 101;
  assert_int_equal(matrix_expand(&s.scope, &s.tasks[PREP], &s.arena, &values, &count, &message), ERR_TOO_LARGE);
  assert_string_equal(message, "the matrix of 'prep' has more than 10000 instances");
  sample_release(&s);
}

/* Bytes that are no text become '?', and a character that the label has no room for is left out as a whole. */
static void any_value_has_a_label_that_is_text(void **state) {
  (void)state;
  struct sample s;
  struct value broken = {.type = VALUE_STRING, .text = {"a\xff\xc3", 3}};
  sample_init(&s, TRAIN);
  assert_string_equal(instance_label(&s.tasks[TRAIN], &broken, &s.arena), "train[a??]");
  for (size_t shift = 0; shift < 3; shift++) {
    struct buf text = {0};
    uint32_t point;
    for (size_t i = 0; i < shift; i++) buf_char(&text, 'x');
    for (int i = 0; i < 80; i++) buf_str(&text, "\xe2\x82\xac");
    struct value euros = value_string(&s.arena, buf_cstr(&text));
    const char *label = instance_label(&s.tasks[TRAIN], &euros, &s.arena);
    size_t len = strlen(label);
    for (size_t at = 0, n; at < len; at += n) {
      n = utf8_read(label + at, len - at, &point);
      if (n == 0) fail_msg("'%s' is cut within a character", label);
    }
    assert_int_equal(len,
                     strlen("train[~01234567]") + 48 - (48 - shift) % 3); /* 48 bytes, or as many as fit in them */
    buf_release(&text);
  }
  sample_release(&s);
}

/* What an axis gives is known only where it is the value of a parameter. */
static void an_axis_of_an_expression_is_of_any_type(void **state) {
  (void)state;
  static const struct {
    const char *axis;
    enum value_type type;
  } rows[] = {
      {"${{ params.lambdas }}", VALUE_FLOAT}, {"${{ params.lambdas }}x", VALUE_ANY},
      {"${{ params.days }}", VALUE_ANY},      {"${{ params.nope }}", VALUE_ANY},
      {"${{ [1, 2] }}", VALUE_ANY},           {"1 2", VALUE_INT},
      {"1 ${{params.days}}", VALUE_ANY},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sample s;
    sample_init(&s, PREP);
    axes_set(&s, &rows[i].axis, 1);
    if (matrix_axis_type(&s.pipeline, s.tasks[PREP].matrix) != rows[i].type) fail_msg("%s", rows[i].axis);
    sample_release(&s);
  }
  struct sample s;
  const struct template *items[65];
  sample_init(&s, PREP);
  for (size_t i = 0; i < 65; i++) items[i] = sample_template(&s, "1");
  const struct matrix_axis many = {.name = "k", .items = items, .items_len = 65};
  assert_int_equal(matrix_axis_type(&s.pipeline, &many), VALUE_ANY);
  sample_release(&s);
}

static void long_values_keep_labels_short_and_apart(void **state) {
  (void)state;
  struct sample s;
  char text[201];
  sample_init(&s, TRAIN);
  memset(text, 'x', 200);
  text[200] = '\0';
  struct value one = value_string(&s.arena, text);
  text[199] = 'y';
  struct value two = value_string(&s.arena, text), control = value_string(&s.arena, "a\nb\x1b");
  const char *first = instance_label(&s.tasks[TRAIN], &one, &s.arena);
  assert_true(strlen(first) < 80);
  assert_string_not_equal(first, instance_label(&s.tasks[TRAIN], &two, &s.arena));
  assert_string_equal(instance_label(&s.tasks[TRAIN], &control, &s.arena), "train[a?b?]");
  sample_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(instances_are_the_product_first_key_slowest),
      cmocka_unit_test(a_task_without_matrix_is_one_instance),
      cmocka_unit_test(more_names_or_values_than_a_matrix_can_have_are_refused),
      cmocka_unit_test(literals_keep_their_text_and_may_be_numbers),
      cmocka_unit_test(faults_have_a_message),
      cmocka_unit_test(ten_thousand_instances_are_the_limit),
      cmocka_unit_test(long_values_keep_labels_short_and_apart),
      cmocka_unit_test(any_value_has_a_label_that_is_text),
      cmocka_unit_test(an_axis_of_an_expression_is_of_any_type),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
