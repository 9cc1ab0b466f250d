/* The expression language of `when` and `${{ }}`: parsed and type-checked when the file is read, evaluated at run
 * time over a scope (scope.h). It is total: no loops, no recursion, so evaluation ends and is bounded: an expression
 * has at most 64 KiB, 64 levels of parentheses and 16 of lists, and makes at most 16 MiB of values.
 *
 *   or     := and  ('||' and)*                compare := sum (('=='|'!='|'<'|'<='|'>'|'>='|'in') sum)?
 *   and    := not  ('&&' not)*                sum     := product (('+'|' - ') product)*
 *   not    := ('!'|'not') not | compare       product := unary (('*'|'/') unary)*
 *   unary  := '-' unary | primary             primary := literal | name('.'name)* | call | '(' or ')' | '[' list ']'
 *
 * The types and what they take, beyond what docs/pipeline-language.md says of them:
 *   - `==` and `!=` take two values of one type, an int and a float, a text and a date (datetime, duration), where
 * the text is read as one, and null with anything; `<` and its kin the same without null, bool, list and json.
 *   - `+` also joins lists, and adds durations to datetimes and durations; date - date is an int of days, datetime -
 *     datetime a duration, datetime - duration a datetime; duration * int a duration.
 *   - `in` looks for a value in a list, or for a text within a text.
 *   - A list holds no null but for the outputs of a matrix task; min and max take no null.
 *   - format_date knows %Y %y %m %d %e %j %H %M %S %a %A %b %B %u %w %G %V %F %T %%; a datetime is shown at the
 * offset that the schedule's zone has at run.scheduled_for (run.interval_start at its own).
 *   - A date is written as a quoted text; there is no literal for it. Escapes in quotes: \\ \' \" \n \t \r.
 *   - The states that tasks.T.state can have are the ends; a text that is none of them, or none of an enum
 * parameter's values, is an error when it is compared with one.
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
#include "scheduler/spec/expr/value.h"

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

/* The text may be one `${{ }}` as a whole, as `when` allows. NULL after an error, which is in `diags` at its column
 * within the text that begins at `place`. */
const struct expr *expr_parse(struct arena *a, const char *text, struct diag_place place, struct diag_list *diags);
/* Never NULL for text without `${{`; NULL after an error. */
const struct template *template_parse(struct arena *a, const char *text, struct diag_place place,
                                      struct diag_list *diags);
/* True if there is no expression in it. */
bool template_literal(const struct template *t);

/* Checks names and types against what the pipeline declares. `task` is NULL outside of tasks. The result is the type
 * that it will have (VALUE_ANY if not known), or -1 after an error. Every task named must be needed by `task`,
 * directly or through others: p->tasks[].ancestors must be filled in. A `finally` task may also name all tasks that
 * aren't: it follows them. An output of a task needed with `same` has the type of one instance's. With EXPR_WHEN the
 * result must be a bool. */
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
/* The same for where null won't do: then a null is ERR_INVALID as well. */
int expr_eval_value(const struct expr *e, const struct scope *s, struct arena *a, struct value *out,
                    const char **message);
/* A template that is one piece alone may give null; in a longer one a null is ERR_INVALID. */
int template_eval(const struct template *t, const struct scope *s, struct arena *a, struct value *out,
                  const char **message);

#endif
