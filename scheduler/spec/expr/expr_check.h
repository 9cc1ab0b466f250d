/* The check of one expression while it is under way: the operators' side and the names' side share it. */
#ifndef ROTA_SPEC_EXPR_CHECK_H
#define ROTA_SPEC_EXPR_CHECK_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/arena.h"
#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/pipeline.h"

struct checker {
  const struct expr *expr;
  enum expr_use use;
  const struct pipeline *pipeline;
  const struct task_spec *task; /* NULL outside of tasks */
  struct diag_list *diags;
  struct arena scratch;
  bool failed;
};

/* An error at the node; help may be NULL. */
void check_fault(struct checker *c, const struct expr_node *n, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The type of a name, after an error ANY. */
struct expr_type check_name(struct checker *c, const struct expr_node *n);

#endif
