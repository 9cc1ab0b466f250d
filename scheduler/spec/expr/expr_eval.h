/* An evaluation under way: shared by the loop, the operators and the functions. */
#ifndef ROTA_SPEC_EXPR_EVAL_H
#define ROTA_SPEC_EXPR_EVAL_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/arena.h"
#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/scope.h"

struct expr_eval {
  const struct expr *expr;
  const struct scope *scope;
  struct arena *arena;
  const char **message;
  size_t work;                     /* bytes made so far, against EXPR_WORK_MAX */
  struct value *values;            /* the stack */
  const struct expr_node **origin; /* where each of them came from, for messages */
};

/* Sets the message and returns ERR_INVALID. */
int eval_fail(struct expr_eval *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Counts bytes that are about to be made. */
int eval_spend(struct expr_eval *e, size_t bytes);

/* Both sides have a value. */
int eval_arithmetic(struct expr_eval *e, enum expr_op op, const struct value *l, const struct value *r,
                    struct value *out);
/* *order is less than, equal to or greater than 0; for `ordering` false only equality means something. */
int eval_compare(struct expr_eval *e, const struct value *l, const struct value *r, bool ordering, int *order);
int eval_in(struct expr_eval *e, const struct value *l, const struct value *r, bool *found);
int eval_negate(struct expr_eval *e, const struct value *v, struct value *out);

/* Dates and instants of the years 1 to 9999 alone: what can be written. */
bool eval_days_valid(int64_t days);
bool eval_instant_valid(instant at);

#endif
