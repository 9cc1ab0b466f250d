#include "scheduler/spec/matrix.h"

#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/map.h"
#include "base/utf8.h"
#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/scope.h"

/* The text of a literal item if it is of that type and the type writes it as it was written. */
static bool literal_is(struct arena *a, const char *text, enum value_type type, struct value *out) {
  const char *why;
  if (value_parse(a, type, VALUE_ANY, text, out, &why) < 0) return false;
  struct buf back = {0};
  value_text(out, &back);
  bool same = strcmp(buf_cstr(&back), text) == 0;
  buf_release(&back);
  return same;
}

/* The narrowest type that all literal items of the axis have; VALUE_STRING if there is no other. */
static enum value_type literal_type(const struct matrix_axis *axis) {
  static const enum value_type types[] = {VALUE_INT, VALUE_FLOAT, VALUE_BOOL};
  struct arena scratch = {0};
  enum value_type found = VALUE_STRING;
  for (size_t k = 0; found == VALUE_STRING && k < sizeof types / sizeof types[0]; k++) {
    bool all = true, some = false;
    for (size_t i = 0; all && i < axis->items_len; i++) {
      struct value ignored;
      if (!template_literal(axis->items[i])) continue;
      some = true;
      all = literal_is(&scratch, axis->items[i]->parts[0].text, types[k], &ignored);
    }
    if (all && some) found = types[k];
  }
  arena_release(&scratch);
  return found;
}

enum value_type matrix_axis_type(const struct pipeline *p, const struct matrix_axis *axis) {
  enum { LOOKED_AT = 64 }; /* each expression that names the axis asks anew */
  if (axis->whole) {
    const struct expr *e = axis->whole->len == 1 ? axis->whole->parts[0].expr : NULL;
    if (!e || e->len != 1 || e->nodes[0].op != OP_PARAM) return VALUE_ANY;
    int i = pipeline_param(p, e->nodes[0].name);
    return i >= 0 && p->params[i].type == VALUE_LIST ? p->params[i].items : VALUE_ANY;
  }
  if (axis->items_len > LOOKED_AT) return VALUE_ANY;
  for (size_t i = 0; i < axis->items_len; i++) {
    if (!template_literal(axis->items[i])) return VALUE_ANY;
  }
  return literal_type(axis);
}

static int axis_fault(struct arena *a, const struct matrix_axis *axis, const char **message, const char *why) {
  *message = arena_fmt(a, "matrix.%s: %s", axis->name, why);
  return ERR_INVALID;
}

/* The axis' values, in the arena. */
static int axis_values(const struct scope *s, const struct matrix_axis *axis, struct arena *a, struct value *list,
                       const char **message) {
  const char *why = NULL;
  if (axis->whole) {
    if (template_eval(axis->whole, s, a, list, &why) < 0) return axis_fault(a, axis, message, why);
    if (list->type == VALUE_LIST) return 0;
    return axis_fault(a, axis, message, arena_fmt(a, "expected a list, not %s", value_type_word(list->type)));
  }
  if (axis->items_len > PIPELINE_TASKS_MAX) {
    *message = arena_fmt(a, "matrix.%s has more than %d values", axis->name, PIPELINE_TASKS_MAX);
    return ERR_TOO_LARGE;
  }
  enum value_type type = literal_type(axis);
  struct value *items = arena_new_array(a, axis->items_len, struct value);
  for (size_t i = 0; i < axis->items_len; i++) {
    const struct template *t = axis->items[i];
    int rc = template_literal(t) ? value_parse(a, type, VALUE_ANY, t->parts[0].text, &items[i], &why)
                                 : template_eval(t, s, a, &items[i], &why);
    if (rc < 0) return axis_fault(a, axis, message, why);
  }
  *list = (struct value){.type = VALUE_LIST, .list = {items, axis->items_len}};
  return 0;
}

static const char *value_label(const struct value *v, struct arena *a) {
  enum { SHOWN = 64, BEGINNING = 48 };
  struct buf text = {0};
  value_text(v, &text);
  char hex[SHA256_HEX_SIZE] = "";
  size_t len = text.len, used = 0;
  if (len > SHOWN) {
    sha256_hex(text.bytes, text.len, hex);
    hex[8] = '\0';
    len = BEGINNING;
  }
  char *out = arena_alloc(a, len + 16);
  for (size_t at = 0; at < len;) {
    uint32_t point;
    size_t n = utf8_read(text.bytes + at, text.len - at, &point);
    if (n > 0 && at + n > len) break;
    if (n == 0 || utf8_control(point)) {
      out[used++] = '?';
    } else {
      memcpy(out + used, text.bytes + at, n);
      used += n;
    }
    at += n ? n : 1;
  }
  if (*hex) {
    out[used++] = '~';
    memcpy(out + used, hex, 9);
  }
  buf_release(&text);
  return out;
}

/* Instances are told apart by their labels, over runs too. */
static int axis_check(const struct matrix_axis *axis, const struct value *list, struct arena *a,
                      const char **message) {
  struct map seen = {0};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < list->list.len; i++) {
    if (list->list.items[i].type == VALUE_NULL) {
      rc = axis_fault(a, axis, message, arena_fmt(a, "value %zu is null", i + 1));
      break;
    }
    const char *label = value_label(&list->list.items[i], a);
    if (map_has(&seen, label)) rc = axis_fault(a, axis, message, arena_fmt(a, "the value %s stands twice", label));
    map_put(&seen, label, NULL);
  }
  map_release(&seen);
  return rc;
}

int matrix_expand(const struct scope *s, const struct task_spec *t, struct arena *a, const struct value **values,
                  size_t *count, const char **message) {
  *values = NULL;
  *count = 1;
  if (t->matrix_len == 0) return 0;
  if (t->matrix_len > MATRIX_AXES_MAX) {
    *message = arena_fmt(a, "the matrix has more than %d names", MATRIX_AXES_MAX);
    return ERR_TOO_LARGE;
  }
  struct value lists[MATRIX_AXES_MAX];
  size_t product = 1;
  bool large = false;
  for (size_t k = 0; k < t->matrix_len; k++) {
    int rc = axis_values(s, &t->matrix[k], a, &lists[k], message);
    if (rc < 0) return rc;
    size_t len = lists[k].list.len;
    large |= len > PIPELINE_TASKS_MAX;
    if (len <= PIPELINE_TASKS_MAX && (rc = axis_check(&t->matrix[k], &lists[k], a, message)) < 0) return rc;
    product = large ? 0 : product * len;
    large |= product > PIPELINE_TASKS_MAX;
  }
  if (large) {
    *message = arena_fmt(a, "the matrix of '%s' has more than %d instances", t->name, PIPELINE_TASKS_MAX);
    return ERR_TOO_LARGE;
  }
  *count = product;
  if (product == 0) return 0;
  struct value *out = arena_new_array(a, product * t->matrix_len, struct value);
  for (size_t i = 0; i < product; i++) {
    size_t rest = i;
    for (size_t k = t->matrix_len; k-- > 0; rest /= lists[k].list.len)
      out[i * t->matrix_len + k] = lists[k].list.items[rest % lists[k].list.len];
  }
  *values = out;
  return 0;
}

const char *instance_label(const struct task_spec *t, const struct value *matrix, struct arena *a) {
  if (t->matrix_len == 0 || !matrix) return t->name;
  struct buf label = {0};
  buf_str(&label, t->name);
  for (size_t k = 0; k < t->matrix_len; k++) {
    buf_char(&label, k ? ',' : '[');
    buf_str(&label, value_label(&matrix[k], a));
  }
  buf_char(&label, ']');
  const char *out = arena_strndup(a, label.bytes, label.len);
  buf_release(&label);
  return out;
}
