#include "scheduler/spec/expr/expr_eval.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

int eval_fail(struct expr_eval *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *what = arena_vfmt(e->arena, format, args);
  va_end(args);
  const char *text = e->expr->text + strspn(e->expr->text, " \t\r\n");
  size_t len = strlen(text);
  while (len > 0 && strchr(" \t\r\n", text[len - 1])) len--;
  *e->message = arena_fmt(e->arena, "%s, in %s", what, value_quoted(e->arena, text, len));
  return ERR_INVALID;
}

int eval_spend(struct expr_eval *e, size_t bytes) {
  e->work += bytes;
  return e->work <= EXPR_WORK_MAX ? 0 : eval_fail(e, "the expression makes over %d bytes", EXPR_WORK_MAX);
}

/* --- Names -------------------------------------------------------------------------------------------------------
 */

/* What a name stands for was found when the file was read; a pipeline that was rebuilt from its stored form may not
 * have been checked, so that every place is compared before it is used. */
static int find_task(const struct scope *s, const struct expr_node *n) {
  const struct pipeline *p = s->pipeline;
  uint32_t hint = n->hint->task;
  if (hint < p->tasks_len && strcmp(p->tasks[hint].name, n->name) == 0) return (int)hint;
  int found = pipeline_task(p, n->name);
  if (found >= 0) n->hint->task = (uint32_t)found;
  return found;
}

static int find_output(const struct task_spec *t, const struct expr_node *n) {
  uint32_t hint = n->hint->item;
  if (hint < t->outputs_len && strcmp(t->outputs[hint].name, n->output) == 0) return (int)hint;
  int found = task_output(t, n->output);
  if (found >= 0) n->hint->item = (uint32_t)found;
  return found;
}

static int find_param(const struct pipeline *p, const struct expr_node *n) {
  uint32_t hint = n->hint->item;
  if (hint < p->params_len && strcmp(p->params[hint].name, n->name) == 0) return (int)hint;
  int found = pipeline_param(p, n->name);
  if (found >= 0) n->hint->item = (uint32_t)found;
  return found;
}

static int unknown(struct expr_eval *e, const struct expr_node *n) {
  return eval_fail(e, "'%.*s' isn't known here", (int)n->width, e->expr->text + n->at);
}

static int eval_param(struct expr_eval *e, const struct expr_node *n, struct value *out) {
  int i = e->scope->params ? find_param(e->scope->pipeline, n) : -1;
  if (i < 0) return unknown(e, n);
  *out = e->scope->params[i];
  return 0;
}

static int eval_matrix(struct expr_eval *e, const struct expr_node *n, struct value *out) {
  const struct task_spec *t = e->scope->task;
  for (size_t i = 0; t && e->scope->matrix && i < t->matrix_len; i++) {
    if (strcmp(t->matrix[i].name, n->name) != 0) continue;
    *out = e->scope->matrix[i];
    return 0;
  }
  return unknown(e, n);
}

static int eval_env(struct expr_eval *e, const struct expr_node *n, struct value *out) {
  const char *text = e->scope->env ? e->scope->env(e->scope->ctx, n->name) : NULL;
  *out = text ? value_string(e->arena, text) : value_null();
  return 0;
}

static struct value text_or_null(const char *text) {
  return text ? (struct value){.type = VALUE_STRING, .text = {text, strlen(text)}} : value_null();
}

static struct value instant_or_null(instant at) {
  return at != INSTANT_NONE ? (struct value){.type = VALUE_DATETIME, .at = at} : value_null();
}

static struct value run_value(const struct scope_run *run, uint32_t field) {
  switch ((enum expr_field)field) {
  case EXPR_FIELD_ID: return text_or_null(run->id);
  case EXPR_FIELD_TRIGGER: return text_or_null(run->trigger);
  case EXPR_FIELD_SCHEDULED_FOR: return instant_or_null(run->scheduled_for);
  case EXPR_FIELD_DATE: return (struct value){.type = VALUE_DATE, .days = run->date};
  case EXPR_FIELD_INTERVAL_START: return instant_or_null(run->interval_start);
  case EXPR_FIELD_COUNT: break;
  }
  return value_null();
}

static bool needed_in_pairs(const struct task_spec *t, uint32_t other) {
  for (size_t i = 0; t && i < t->needs_len; i++) {
    if (t->needs[i].task == other) return t->needs[i].same;
  }
  return false;
}

struct value scope_output(const struct scope *s, uint32_t task, uint32_t output, struct arena *a) {
  struct value v = s->task_output(s->ctx, task, output, a);
  bool pairs = s->pipeline->tasks[task].matrix_len > 0 && needed_in_pairs(s->task, task);
  if (!pairs || v.type != VALUE_LIST) return v;
  return s->instance < v.list.len ? v.list.items[s->instance] : value_null();
}

static int eval_task(struct expr_eval *e, const struct expr_node *n, struct value *out) {
  const struct scope *s = e->scope;
  int t = s->task_state && s->task_output ? find_task(s, n) : -1;
  if (t < 0) return unknown(e, n);
  if (n->op == OP_TASK_STATE) {
    *out = text_or_null(s->task_state(s->ctx, (uint32_t)t));
    return 0;
  }
  int o = find_output(&s->pipeline->tasks[t], n);
  if (o < 0) return unknown(e, n);
  *out = scope_output(s, (uint32_t)t, (uint32_t)o, e->arena);
  return 0;
}

/* --- The loop ----------------------------------------------------------------------------------------------------
 */

/* Why the value that a node gave is null. */
static int no_value(struct expr_eval *e, const struct expr_node *n) {
  const char *name = arena_strndup(e->arena, e->expr->text + n->at, n->width);
  if (n->op == OP_LITERAL) return eval_fail(e, "null takes only == and !=");
  if (n->op == OP_ENV) return eval_fail(e, "%s has no value: it isn't set; use default(%s, ...)", name, name);
  if (n->op != OP_TASK_OUTPUT) return eval_fail(e, "%s has no value; use default(%s, ...)", name, name);
  int t = find_task(e->scope, n);
  const char *state = t >= 0 ? e->scope->task_state(e->scope->ctx, (uint32_t)t) : NULL;
  const char *why = !state                            ? "it has none"
                    : strcmp(state, "skipped") == 0   ? "its task was skipped"
                    : strcmp(state, "succeeded") == 0 ? "its task didn't give it"
                                                      : arena_fmt(e->arena, "its task ended as %s", state);
  return eval_fail(e, "%s has no value: %s; use default(%s, ...)", name, why, name);
}

static int need_values(struct expr_eval *e, size_t from, size_t count) {
  for (size_t i = from; i < from + count; i++) {
    if (e->values[i].type == VALUE_NULL) return no_value(e, e->origin[i]);
  }
  return 0;
}

static int need_bool(struct expr_eval *e, const struct expr_node *n, size_t at) {
  int rc = need_values(e, at, 1);
  if (rc < 0 || e->values[at].type == VALUE_BOOL) return rc;
  return eval_fail(e, "'%s' takes true or false, not %s", expr_op_sign(n->op), value_type_word(e->values[at].type));
}

static int eval_list(struct expr_eval *e, const struct expr_node *n, size_t from, struct value *out) {
  int rc = need_values(e, from, n->arg);
  /* What the items weigh counts each time that they are named, so that no short text stands for a huge value. */
  for (uint32_t i = 0; rc == 0 && i < n->arg; i++) rc = eval_spend(e, value_size(&e->values[from + i]));
  if (rc < 0) return rc;
  struct value *items = arena_new_array(e->arena, n->arg, struct value);
  for (uint32_t i = 0; i < n->arg; i++) items[i] = e->values[from + i];
  *out = (struct value){.type = VALUE_LIST, .list = {items, n->arg}};
  return 0;
}

static bool order_holds(enum expr_op op, int order) {
  switch (op) {
  case OP_EQ: return order == 0;
  case OP_NE: return order != 0;
  case OP_LT: return order < 0;
  case OP_LE: return order <= 0;
  case OP_GT: return order > 0;
  default: return order >= 0;
  }
}

static int eval_binary(struct expr_eval *e, const struct expr_node *n, size_t at, struct value *out) {
  const struct value *l = &e->values[at], *r = &e->values[at + 1];
  if (n->op == OP_EQ || n->op == OP_NE) {
    int order, rc = eval_compare(e, l, r, false, &order);
    if (rc == 0) *out = value_bool(order_holds(n->op, order));
    return rc;
  }
  int rc = need_values(e, at, 2);
  if (rc < 0) return rc;
  if (n->op == OP_ADD || n->op == OP_SUB || n->op == OP_MUL || n->op == OP_DIV)
    return eval_arithmetic(e, n->op, l, r, out);
  if (n->op == OP_IN) {
    bool found;
    rc = eval_in(e, l, r, &found);
    if (rc == 0) *out = value_bool(found);
    return rc;
  }
  int order;
  rc = eval_compare(e, l, r, true, &order);
  if (rc == 0) *out = value_bool(order_holds(n->op, order));
  return rc;
}

static int eval_name(struct expr_eval *e, const struct expr_node *n, struct value *out) {
  switch (n->op) {
  case OP_LITERAL: *out = n->literal; return 0;
  case OP_PARAM: return eval_param(e, n, out);
  case OP_MATRIX: return eval_matrix(e, n, out);
  case OP_ENV: return eval_env(e, n, out);
  case OP_RUN: *out = run_value(&e->scope->run, n->arg); return 0;
  default: return eval_task(e, n, out);
  }
}

/* The nodes that come between two operands: *at is the node to go on with, *depth the stack's. */
static int eval_skip(struct expr_eval *e, const struct expr_node *n, size_t *depth, uint32_t *at) {
  struct value *top = &e->values[*depth - 1];
  bool decided;
  if (n->op == OP_DEFAULT_SKIP) {
    decided = top->type != VALUE_NULL;
  } else {
    int rc = need_bool(e, n, *depth - 1);
    if (rc < 0) return rc;
    decided = top->boolean == (n->op == OP_OR_SKIP);
  }
  if (decided)
    *at = n->arg;
  else
    --*depth;
  return 0;
}

/* One node that isn't a skip: takes its operands from the stack and leaves its result there. */
static int eval_node(struct expr_eval *e, const struct expr_node *n, size_t *depth) {
  struct value out = value_null();
  size_t count = 0;
  int rc = 0;
  switch (n->op) {
  case OP_LIST:
    count = n->arg;
    rc = eval_list(e, n, *depth - count, &out);
    break;
  case OP_CALL:
    count = n->arg;
    rc = need_values(e, *depth - count, count);
    if (rc == 0) rc = n->function->call(e, &e->values[*depth - count], count, &out);
    break;
  case OP_NOT:
    count = 1;
    rc = need_bool(e, n, *depth - 1);
    if (rc == 0) out = value_bool(!e->values[*depth - 1].boolean);
    break;
  case OP_NEGATE:
    count = 1;
    rc = need_values(e, *depth - 1, 1);
    if (rc == 0) rc = eval_negate(e, &e->values[*depth - 1], &out);
    break;
  case OP_AND:
  case OP_OR: return need_bool(e, n, *depth - 1);
  case OP_DEFAULT: return 0;
  default: count = n->op >= OP_EQ ? 2 : 0; rc = count ? eval_binary(e, n, *depth - 2, &out) : eval_name(e, n, &out);
  }
  if (rc < 0) return rc;
  *depth -= count;
  e->values[*depth] = out;
  e->origin[*depth] = n;
  ++*depth;
  return 0;
}

int expr_eval(const struct expr *expr, const struct scope *s, struct arena *a, struct value *out,
              const char **message) {
  enum { ROOM = 16 };
  struct value room[ROOM];
  const struct expr_node *origin[ROOM];
  struct expr_eval e = {.expr = expr, .scope = s, .arena = a, .message = message, .values = room, .origin = origin};
  if (expr->stack > ROOM) {
    e.values = arena_new_array(a, expr->stack, struct value);
    e.origin = arena_new_array(a, expr->stack, const struct expr_node *);
  }
  size_t depth = 0;
  for (uint32_t at = 0; at < expr->len;) {
    const struct expr_node *n = &expr->nodes[at++];
    bool skip = n->op == OP_AND_SKIP || n->op == OP_OR_SKIP || n->op == OP_DEFAULT_SKIP;
    int rc = skip ? eval_skip(&e, n, &depth, &at) : eval_node(&e, n, &depth);
    if (rc < 0) return rc;
    assert(depth <= expr->stack);
  }
  assert(depth == 1);
  *out = e.values[0];
  return 0;
}

int expr_eval_value(const struct expr *expr, const struct scope *s, struct arena *a, struct value *out,
                    const char **message) {
  int rc = expr_eval(expr, s, a, out, message);
  if (rc < 0 || out->type != VALUE_NULL) return rc;
  struct expr_eval e = {.expr = expr, .scope = s, .arena = a, .message = message};
  return no_value(&e, &expr->nodes[expr->len - 1]);
}
