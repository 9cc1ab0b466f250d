/* The inside of a parsed expression, shared by the parser, the checker and the evaluator; nobody else includes it.
 *
 * An expression is kept as postfix code in one flat array: operands first, then their operator. Both the check of its
 * types and its evaluation are one loop over the array with a stack whose greatest depth is known, so that no text,
 * however nested, makes the C stack grow. `&&`, `||` and default() have a second node between their operands, which
 * jumps over the right one when the left one decides.
 *
 *   a && b            a  AND_SKIP(to the end)  b  AND
 *   default(a, b)     a  DEFAULT_SKIP(to the end)  b  DEFAULT
 *   [a, b]            a  b  LIST(2)
 */
#ifndef ROTA_SPEC_EXPR_AST_H
#define ROTA_SPEC_EXPR_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/expr/value.h"

#define EXPR_TEXT_MAX  (64 * 1024)        /* bytes of one expression */
#define EXPR_NEST_MAX  64                 /* parentheses, calls and lists within each other */
#define EXPR_VALUE_MAX (1024 * 1024)      /* bytes of a text, items of a list that an operator makes */
#define EXPR_WORK_MAX  (16 * 1024 * 1024) /* bytes that one evaluation makes in all */

/* Operators carry the sign that messages show. */
#define EXPR_OP_LIST(X)                                                                                              \
  X(LITERAL, "")                                                                                                     \
  X(PARAM, "")                                                                                                       \
  X(MATRIX, "")                                                                                                      \
  X(ENV, "")                                                                                                         \
  X(RUN, "")                                                                                                         \
  X(TASK_STATE, "")                                                                                                  \
  X(TASK_OUTPUT, "")                                                                                                 \
  X(LIST, "[]")                                                                                                      \
  X(CALL, "()")                                                                                                      \
  X(NOT, "!")                                                                                                        \
  X(NEGATE, "-")                                                                                                     \
  X(AND_SKIP, "&&")                                                                                                  \
  X(AND, "&&")                                                                                                       \
  X(OR_SKIP, "||")                                                                                                   \
  X(OR, "||")                                                                                                        \
  X(DEFAULT_SKIP, "default()")                                                                                       \
  X(DEFAULT, "default()")                                                                                            \
  X(EQ, "==")                                                                                                        \
  X(NE, "!=")                                                                                                        \
  X(LT, "<")                                                                                                         \
  X(LE, "<=")                                                                                                        \
  X(GT, ">")                                                                                                         \
  X(GE, ">=")                                                                                                        \
  X(IN, "in")                                                                                                        \
  X(ADD, "+")                                                                                                        \
  X(SUB, "-")                                                                                                        \
  X(MUL, "*")                                                                                                        \
  X(DIV, "/")

enum expr_op {
#define X(name, sign) OP_##name,
  EXPR_OP_LIST(X)
#undef X
};

/* The fields of `run`; also their types. */
#define EXPR_FIELD_LIST(X)                                                                                           \
  X(ID, "id", VALUE_STRING)                                                                                          \
  X(TRIGGER, "trigger", VALUE_STRING)                                                                                \
  X(SCHEDULED_FOR, "scheduled_for", VALUE_DATETIME)                                                                  \
  X(DATE, "date", VALUE_DATE)                                                                                        \
  X(INTERVAL_START, "interval_start", VALUE_DATETIME)

enum expr_field {
#define X(name, word, type) EXPR_FIELD_##name,
  EXPR_FIELD_LIST(X)
#undef X
      EXPR_FIELD_COUNT
};

/* Where a name was found the last time: looked at first, never trusted without comparing the name. */
struct expr_hint {
  uint32_t task, item;
};

struct expr_node {
  enum expr_op op;
  uint32_t at, width; /* bytes of the expression's text that it stands for */
  uint32_t arg;       /* LIST, CALL: how many operands; the SKIPs: the node to go on at; RUN: the field */
  union {
    struct value literal;
    const struct expr_function *function;
    struct {
      const char *name;   /* of a parameter, an axis, a variable or a task */
      const char *output; /* of TASK_OUTPUT */
      struct expr_hint *hint;
    };
  };
};

struct expr {
  const char *text; /* a copy; `at` counts from here */
  struct diag_place place;
  const struct expr_node *nodes;
  uint32_t len;
  uint32_t stack; /* the most operands that wait at a time */
  bool status;    /* calls success(), failure() or always() */
};

/* A type as far as it is known when the file is read. */
struct expr_type {
  enum value_type type, items; /* ANY where it isn't known */
  const char *const *words;    /* a text that is one of these: an enum, the state of a task */
  size_t words_len;
  const struct expr_node *literal; /* a constant, so that its text can be checked against the other side */
};

struct expr_eval; /* an evaluation under way */

/* A function of the language. `check` returns false after it has written *why into the arena. */
struct expr_function {
  const char *name;
  const char *usage; /* "date_add(date, days)" */
  uint32_t args_min, args_max;
  bool status;
  bool (*check)(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out, const char **why);
  int (*call)(struct expr_eval *e, const struct value *args, size_t count, struct value *out);
};

/* NULL if there is none. default() is one of them though the parser makes nodes of its own for it. */
const struct expr_function *expr_function(const char *name);
size_t expr_function_names(const char **names, size_t room);

/* The place of `at` in a text that begins at `place`; in a text of several lines they all begin in its column. */
struct diag_place expr_place(struct diag_place place, const char *text, size_t at, size_t width);
/* "did you mean 'x'?" for the nearest candidate, else "known: a, b, c", else NULL. In the arena of `diags`. */
const char *expr_suggest(struct arena *a, const char *word, const char *const *candidates, size_t count);

/* What an operator makes of two types; VALUE_NULL if it takes them not. VALUE_ANY stands for any. */
enum value_type expr_arithmetic_type(enum expr_op op, enum value_type left, enum value_type right);
/* Whether they compare; `ordering` asks for < and its kin, else == and !=. */
bool expr_types_compare(enum value_type left, enum value_type right, bool ordering);

const char *expr_op_sign(enum expr_op op);

#endif
