/* Which types an operator takes, and small help for messages. */
#include <string.h>

#include "base/utf8.h"
#include "scheduler/spec/expr/expr_ast.h"

/* A whole number does for a float; rows are looked for with both types as they are first. */
static const struct arithmetic {
  enum expr_op op;
  enum value_type left, right, result;
} arithmetic[] = {
    {OP_ADD, VALUE_INT, VALUE_INT, VALUE_INT},
    {OP_ADD, VALUE_FLOAT, VALUE_FLOAT, VALUE_FLOAT},
    {OP_ADD, VALUE_STRING, VALUE_STRING, VALUE_STRING},
    {OP_ADD, VALUE_LIST, VALUE_LIST, VALUE_LIST},
    {OP_ADD, VALUE_DATETIME, VALUE_DURATION, VALUE_DATETIME},
    {OP_ADD, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
    {OP_SUB, VALUE_INT, VALUE_INT, VALUE_INT},
    {OP_SUB, VALUE_FLOAT, VALUE_FLOAT, VALUE_FLOAT},
    {OP_SUB, VALUE_DATE, VALUE_DATE, VALUE_INT},
    {OP_SUB, VALUE_DATETIME, VALUE_DATETIME, VALUE_DURATION},
    {OP_SUB, VALUE_DATETIME, VALUE_DURATION, VALUE_DATETIME},
    {OP_SUB, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
    {OP_MUL, VALUE_INT, VALUE_INT, VALUE_INT},
    {OP_MUL, VALUE_FLOAT, VALUE_FLOAT, VALUE_FLOAT},
    {OP_MUL, VALUE_DURATION, VALUE_INT, VALUE_DURATION},
    {OP_DIV, VALUE_FLOAT, VALUE_FLOAT, VALUE_FLOAT},
};

static bool fits(enum value_type given, enum value_type wanted, bool widen) {
  return given == wanted || (widen && given == VALUE_INT && wanted == VALUE_FLOAT);
}

/* With one side unknown the result is known only if all rows that are left agree. */
static enum value_type arithmetic_of_any(enum expr_op op, enum value_type left, enum value_type right) {
  bool some = false;
  if (op == OP_DIV) {
    some = (left == VALUE_ANY || fits(left, VALUE_FLOAT, true)) &&
           (right == VALUE_ANY || fits(right, VALUE_FLOAT, true));
    return some ? VALUE_FLOAT : VALUE_NULL;
  }
  for (size_t i = 0; i < sizeof arithmetic / sizeof arithmetic[0]; i++) {
    const struct arithmetic *row = &arithmetic[i];
    if (row->op != op) continue;
    some |= (left == VALUE_ANY || fits(left, row->left, true)) &&
            (right == VALUE_ANY || fits(right, row->right, true));
  }
  return some ? VALUE_ANY : VALUE_NULL;
}

enum value_type expr_arithmetic_type(enum expr_op op, enum value_type left, enum value_type right) {
  if (left == VALUE_ANY || right == VALUE_ANY) return arithmetic_of_any(op, left, right);
  for (int widen = 0; widen < 2; widen++) {
    for (size_t i = 0; i < sizeof arithmetic / sizeof arithmetic[0]; i++) {
      const struct arithmetic *row = &arithmetic[i];
      if (row->op == op && fits(left, row->left, widen) && fits(right, row->right, widen)) return row->result;
    }
  }
  return VALUE_NULL;
}

static bool number(enum value_type type) {
  return type == VALUE_INT || type == VALUE_FLOAT;
}

static bool moment(enum value_type type) {
  return type == VALUE_DATE || type == VALUE_DATETIME || type == VALUE_DURATION;
}

bool expr_types_compare(enum value_type left, enum value_type right, bool ordering) {
  if (left == VALUE_NULL || right == VALUE_NULL) return !ordering;
  if (ordering) {
    bool unordered = left == VALUE_BOOL || left == VALUE_LIST || left == VALUE_JSON || right == VALUE_BOOL ||
                     right == VALUE_LIST || right == VALUE_JSON;
    if (unordered) return false;
  }
  if (left == VALUE_ANY || right == VALUE_ANY || left == right) return true;
  if (number(left) && number(right)) return true;
  return (left == VALUE_STRING && moment(right)) || (moment(left) && right == VALUE_STRING);
}

const char *expr_op_sign(enum expr_op op) {
  static const char *const texts[] = {
#define X(name, sign) sign,
      EXPR_OP_LIST(X)
#undef X
  };
  return texts[op];
}

static uint32_t code_points(const char *text, size_t len) {
  uint32_t count = 0, point;
  for (size_t at = 0; at < len; count++) {
    size_t n = utf8_read(text + at, len - at, &point);
    at += n ? n : 1;
  }
  return count;
}

struct diag_place expr_place(struct diag_place place, const char *text, size_t at, size_t width) {
  if (place.line == 0 || place.column == 0) return place;
  size_t start = 0;
  for (size_t i = 0; i < at; i++) {
    if (text[i] != '\n') continue;
    start = i + 1;
    place.line++;
  }
  place.column += code_points(text + start, at - start);
  place.width = code_points(text + at, width);
  return place;
}

const char *expr_suggest(struct arena *a, const char *word, const char *const *candidates, size_t count) {
  enum { LISTED = 12 };
  const char *near = diag_nearest(word, candidates, count);
  if (near) return arena_fmt(a, "did you mean '%s'?", near);
  if (count == 0) return NULL;
  struct buf list = {0};
  for (size_t i = 0; i < count && i < LISTED; i++) buf_fmt(&list, "%s%s", i ? ", " : "known: ", candidates[i]);
  if (count > LISTED) buf_str(&list, ", ...");
  const char *help = arena_strdup(a, list.bytes);
  buf_release(&list);
  return help;
}
