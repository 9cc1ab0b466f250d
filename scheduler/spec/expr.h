/* The expression language of `when` and `${{ }}`: parsed and type-checked when the file is read, evaluated at run
 * time over a scope (scope.h). It is total: no loops, no recursion, so evaluation ends and is bounded by the text.
 *
 *   or     := and  ('||' and)*                compare := sum (('=='|'!='|'<'|'<='|'>'|'>='|'in') sum)?
 *   and    := not  ('&&' not)*                sum     := product (('+'|' - ') product)*
 *   not    := ('!'|'not') not | compare       product := unary (('*'|'/') unary)*
 *   unary  := '-' unary | primary             primary := literal | name('.'name)* | call | '(' or ')' | '[' list ']'
 *
 * A template is text with `${{ }}` pieces; a template that is one piece alone keeps its type.
 */
#ifndef ROTA_SPEC_EXPR_H
#define ROTA_SPEC_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "scheduler/spec/value.h"

struct expr;  /* opaque; lives in the arena it was parsed in */
struct scope; /* scope.h */
struct pipeline;
struct task_spec;

/* Where an expression stands says which names it may use. */
enum expr_use {
  EXPR_RUN,        /* params' defaults: run.* alone */
  EXPR_RUN_PARAMS, /* pipeline env, matrix values: run.*, params.*, env.* */
  EXPR_TASK,       /* a task's settings: these, matrix.*, tasks.* of what it needs */
  EXPR_WHEN,       /* as EXPR_TASK, and success(), failure(), always() */
};

struct template_part {
  const char *text; /* literal text; NULL if `expr` is set */
  const struct expr *expr;
};

struct template {
  const char *source; /* as written, for messages and the canonical JSON */
  const struct template_part *parts;
  size_t len;
  struct diag_place place;
};

/* NULL after an error, which is in `diags` at its column within the text that begins at `place`. */
const struct expr *expr_parse(struct arena *a, const char *text, struct diag_place place, struct diag_list *diags);
/* Never NULL for text without `${{`; NULL after an error. */
const struct template *template_parse(struct arena *a, const char *text, struct diag_place place,
                                      struct diag_list *diags);
/* True if there is no expression in it. */
bool template_literal(const struct template *t);

/* Checks names and types against what the pipeline declares. `task` is NULL outside of tasks. The result is the type
 * that it will have (VALUE_ANY if not known), or -1 after an error. Every task named must be needed by `task`,
 * directly or through others: p->tasks[].ancestors must be filled in. */
int expr_check(const struct expr *e, enum expr_use use, const struct pipeline *p, const struct task_spec *task,
               struct diag_list *diags);
int template_check(const struct template *t, enum expr_use use, const struct pipeline *p,
                   const struct task_spec *task, struct diag_list *diags);

/* True if the expression calls success(), failure() or always(). */
bool expr_names_status(const struct expr *e);
/* Whether it uses params.<name>: the preview of a rerun asks. */
bool expr_uses_param(const struct expr *e, const char *name);
bool template_uses_param(const struct template *t, const char *name);

/* Evaluates; text and lists of the result are in the arena. ERR_INVALID with a message for people on a type error,
 * an overflow, a division by zero, a null where a value is needed. */
int expr_eval(const struct expr *e, const struct scope *s, struct arena *a, struct value *out, const char **message);
int template_eval(const struct template *t, const struct scope *s, struct arena *a, struct value *out,
                  const char **message);

#endif
