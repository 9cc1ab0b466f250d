/* The operators on values. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/expr/expr_eval.h"

#define DURATION_MAX (3650 * USEC_PER_DAY) /* as duration_parse has it */

bool eval_days_valid(int64_t days) {
  return days >= civil_days(1, 1, 1) && days <= civil_days(9999, 12, 31);
}

bool eval_instant_valid(instant at) {
  return at >= civil_days(1, 1, 1) * USEC_PER_DAY && at < (civil_days(9999, 12, 31) + 1) * USEC_PER_DAY;
}

static int type_fault(struct expr_eval *e, enum expr_op op, const struct value *l, const struct value *r) {
  return eval_fail(e, "'%s' doesn't take %s and %s", expr_op_sign(op), value_type_word(l->type),
                   value_type_word(r->type));
}

static double as_double(const struct value *v) {
  return v->type == VALUE_INT ? (double)v->integer : v->number;
}

static int float_result(struct expr_eval *e, double d, struct value *out) {
  if (!isfinite(d)) return eval_fail(e, "the result is beyond what a float can hold");
  *out = value_float(d);
  return 0;
}

static int float_op(struct expr_eval *e, enum expr_op op, double l, double r, struct value *out) {
  switch (op) {
  case OP_ADD: return float_result(e, l + r, out);
  case OP_SUB: return float_result(e, l - r, out);
  case OP_MUL: return float_result(e, l * r, out);
  default:
    if (r == 0) return eval_fail(e, "division by zero");
    return float_result(e, l / r, out);
  }
}

/* False on overflow. */
static bool whole_op(enum expr_op op, int64_t l, int64_t r, int64_t *out) {
  if (op == OP_ADD) return !__builtin_add_overflow(l, r, out);
  if (op == OP_SUB) return !__builtin_sub_overflow(l, r, out);
  return !__builtin_mul_overflow(l, r, out);
}

static int join_texts(struct expr_eval *e, const struct value *l, const struct value *r, struct value *out) {
  size_t len = l->text.len + r->text.len;
  if (len > EXPR_VALUE_MAX) return eval_fail(e, "a text is over %d bytes", EXPR_VALUE_MAX);
  int rc = eval_spend(e, len);
  if (rc < 0) return rc;
  char *bytes = arena_alloc(e->arena, len + 1);
  memcpy(bytes, l->text.bytes, l->text.len);
  memcpy(bytes + l->text.len, r->text.bytes, r->text.len);
  *out = (struct value){.type = VALUE_STRING, .text = {bytes, len}};
  return 0;
}

static int join_lists(struct expr_eval *e, const struct value *l, const struct value *r, struct value *out) {
  size_t len = l->list.len + r->list.len;
  if (len > EXPR_VALUE_MAX / sizeof(struct value)) return eval_fail(e, "a list has too many items");
  int rc = eval_spend(e, value_size(l) + value_size(r));
  if (rc < 0) return rc;
  struct value *items = arena_new_array(e->arena, len, struct value);
  for (size_t i = 0; i < len; i++) items[i] = i < l->list.len ? l->list.items[i] : r->list.items[i - l->list.len];
  *out = (struct value){.type = VALUE_LIST, .list = {items, len}};
  return 0;
}

/* Whole numbers, days and microseconds are all an int64 in the union; the type says which member. */
static int64_t whole(const struct value *v) {
  switch (v->type) {
  case VALUE_DATE: return v->days;
  case VALUE_DATETIME: return v->at;
  case VALUE_DURATION: return v->span;
  default: return v->integer;
  }
}

static int whole_result(struct expr_eval *e, enum value_type type, bool fits, int64_t n, struct value *out) {
  *out = (struct value){.type = type};
  if (type == VALUE_INT) {
    out->integer = n;
    return fits ? 0 : eval_fail(e, "the result is beyond a whole number of 64 bits");
  }
  if (type == VALUE_DATETIME) {
    out->at = n;
    return fits && eval_instant_valid(n) ? 0 : eval_fail(e, "the result is beyond the years 1 to 9999");
  }
  out->span = n;
  return fits && n >= 0 && n <= DURATION_MAX ? 0 : eval_fail(e, "a duration is from 0 to 10 years");
}

int eval_arithmetic(struct expr_eval *e, enum expr_op op, const struct value *l, const struct value *r,
                    struct value *out) {
  enum value_type type = expr_arithmetic_type(op, l->type, r->type);
  if (type == VALUE_NULL) return type_fault(e, op, l, r);
  if (type == VALUE_STRING) return join_texts(e, l, r, out);
  if (type == VALUE_LIST) return join_lists(e, l, r, out);
  if (type == VALUE_FLOAT) return float_op(e, op, as_double(l), as_double(r), out);
  int64_t n = 0;
  bool fits = whole_op(op, whole(l), whole(r), &n);
  return whole_result(e, type, fits, n, out);
}

int eval_negate(struct expr_eval *e, const struct value *v, struct value *out) {
  if (v->type == VALUE_FLOAT) return float_result(e, -v->number, out);
  if (v->type != VALUE_INT) return eval_fail(e, "'-' takes a number, not %s", value_type_word(v->type));
  int64_t n = 0;
  bool fits = whole_op(OP_SUB, 0, v->integer, &n);
  return whole_result(e, VALUE_INT, fits, n, out);
}

static int order_of(int64_t l, int64_t r) {
  return l < r ? -1 : l > r;
}

/* Exact: converting a large whole number to a double first would make neighbours equal. */
static int order_mixed(int64_t i, double d) {
  if (d >= 9223372036854775808.0) return -1;
  if (d < -9223372036854775808.0) return 1;
  int64_t cut = (int64_t)d;
  if (i != cut) return order_of(i, cut);
  double rest = d - trunc(d);
  return rest > 0 ? -1 : rest < 0;
}

static int order_numbers(const struct value *l, const struct value *r) {
  if (l->type == VALUE_INT && r->type == VALUE_INT) return order_of(l->integer, r->integer);
  if (l->type == VALUE_INT) return order_mixed(l->integer, r->number);
  if (r->type == VALUE_INT) return -order_mixed(r->integer, l->number);
  return l->number < r->number ? -1 : l->number > r->number;
}

static int order_texts(const struct value *l, const struct value *r) {
  size_t len = l->text.len < r->text.len ? l->text.len : r->text.len;
  int order = memcmp(l->text.bytes, r->text.bytes, len);
  return order ? order : order_of((int64_t)l->text.len, (int64_t)r->text.len);
}

static int compare_lists(struct expr_eval *e, const struct value *l, const struct value *r, int *order) {
  *order = order_of((int64_t)l->list.len, (int64_t)r->list.len);
  int rc = eval_spend(e, l->list.len);
  for (size_t i = 0; rc == 0 && *order == 0 && i < l->list.len; i++) {
    rc = eval_compare(e, &l->list.items[i], &r->list.items[i], false, order);
  }
  return rc;
}

static bool numeric(const struct value *v) {
  return v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

/* Two values of one type, or two numbers. */
static int compare_alike(struct expr_eval *e, const struct value *l, const struct value *r, int *order) {
  switch (l->type) {
  case VALUE_INT:
  case VALUE_FLOAT: *order = order_numbers(l, r); return 0;
  case VALUE_BOOL: *order = l->boolean - r->boolean; return 0;
  case VALUE_STRING:
  case VALUE_JSON: *order = order_texts(l, r); return 0;
  case VALUE_LIST: return compare_lists(e, l, r, order);
  default: *order = order_of(whole(l), whole(r)); return 0;
  }
}

/* A list within a list ends at VALUE_NEST_MAX, so this ends too. */
int eval_compare(struct expr_eval *e, const struct value *l, const struct value *r, bool ordering, int *order) {
  if (!expr_types_compare(l->type, r->type, ordering)) {
    return eval_fail(e, "%s doesn't compare with %s%s", value_type_word(l->type), value_type_word(r->type),
                     ordering ? " by < and its like" : "");
  }
  if (l->type == VALUE_NULL || r->type == VALUE_NULL) {
    *order = l->type != r->type;
    return 0;
  }
  if (l->type == r->type || (numeric(l) && numeric(r))) return compare_alike(e, l, r, order);
  /* A text beside a date, a datetime or a duration is read as one. */
  bool left = l->type == VALUE_STRING;
  struct value read;
  const char *why = NULL;
  int rc = eval_spend(e, sizeof(struct value) + 64);
  if (rc < 0) return rc;
  rc = value_convert(e->arena, left ? r->type : l->type, VALUE_ANY, left ? l : r, &read, &why);
  if (rc < 0) return eval_fail(e, "%s", why);
  return compare_alike(e, left ? &read : l, left ? r : &read, order);
}

/* Looking through a value is work too: an item counts for a byte, as do 16 bytes of a text. */
int eval_in(struct expr_eval *e, const struct value *l, const struct value *r, bool *found) {
  *found = false;
  size_t looked_at = r->type == VALUE_LIST ? r->list.len : r->type == VALUE_STRING ? r->text.len / 16 : 0;
  int rc = eval_spend(e, looked_at);
  if (rc < 0) return rc;
  if (r->type == VALUE_STRING) {
    if (l->type != VALUE_STRING) return eval_fail(e, "only text can be in a text, not %s", value_type_word(l->type));
    *found = memmem(r->text.bytes, r->text.len, l->text.bytes, l->text.len) != NULL;
    return 0;
  }
  if (r->type != VALUE_LIST)
    return eval_fail(e, "'in' takes a list or a text on its right, not %s", value_type_word(r->type));
  for (size_t i = 0; !*found && i < r->list.len; i++) {
    int order;
    rc = eval_compare(e, l, &r->list.items[i], false, &order);
    if (rc < 0) return rc;
    *found = order == 0;
  }
  return 0;
}
