#include <assert.h>
#include <string.h>

#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/expr/expr_check.h"

void check_fault(struct checker *c, const struct expr_node *n, const char *help, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *message = arena_vfmt(&c->scratch, format, args);
  va_end(args);
  c->failed = true;
  struct diag_place place = c->expr->place;
  /* Finding it means counting from the beginning: not for errors that nobody will see. */
  if (c->diags->errors < DIAG_MAX) place = expr_place(place, c->expr->text, n->at, n->width);
  diag_error(c->diags, place, help, "%s", message);
}

static struct expr_type plain(enum value_type type) {
  return (struct expr_type){.type = type};
}

/* "a list of int", "enum", "date": for messages. */
static const char *type_shown(struct checker *c, const struct expr_type *t) {
  if (t->words) return "enum";
  if (t->type != VALUE_LIST || t->items == VALUE_ANY) return value_type_word(t->type);
  return arena_fmt(&c->scratch, "list of %s", value_type_word(t->items));
}

/* Two types where a value may be either. */
static struct expr_type unified(const struct expr_type *a, const struct expr_type *b) {
  struct expr_type out = *a;
  out.literal = NULL;
  if (a->words != b->words) out.words = NULL;
  if (a->type == VALUE_NULL) return *b;
  if (b->type == VALUE_NULL) return out;
  bool numbers = (a->type == VALUE_INT && b->type == VALUE_FLOAT) || (a->type == VALUE_FLOAT && b->type == VALUE_INT);
  if (numbers) return plain(VALUE_FLOAT);
  if (a->type != b->type) return plain(VALUE_ANY);
  if (a->items != b->items) out.items = VALUE_ANY;
  return out;
}

static void need_bool(struct checker *c, const struct expr_node *n, const struct expr_type *t) {
  if (t->type == VALUE_BOOL || t->type == VALUE_ANY) return;
  check_fault(c, n, "compare it with something", "'%s' takes true or false, not %s", expr_op_sign(n->op),
              type_shown(c, t));
}

/* A constant text on one side must make sense on the other: a date, or one of the words of an enum. */
static void check_literal(struct checker *c, const struct expr_type *literal, const struct expr_type *other) {
  const struct expr_node *n = literal->literal;
  if (!n || n->literal.type != VALUE_STRING) return;
  const struct value *text = &n->literal;
  struct value ignored;
  const char *why;
  bool moment = other->type == VALUE_DATE || other->type == VALUE_DATETIME || other->type == VALUE_DURATION;
  if (moment && value_convert(&c->scratch, other->type, VALUE_ANY, text, &ignored, &why) < 0) {
    check_fault(c, n, NULL, "%s", why);
    return;
  }
  for (size_t i = 0; i < other->words_len; i++) {
    if (strcmp(other->words[i], text->text.bytes) == 0) return;
  }
  if (!other->words) return;
  check_fault(c, n, expr_suggest(&c->scratch, text->text.bytes, other->words, other->words_len), "it can never be %s",
              value_quoted(&c->scratch, text->text.bytes, text->text.len));
}

static void check_compare(struct checker *c, const struct expr_node *n, const struct expr_type *l,
                          const struct expr_type *r) {
  bool ordering = n->op != OP_EQ && n->op != OP_NE;
  if (expr_types_compare(l->type, r->type, ordering)) {
    check_literal(c, l, r);
    check_literal(c, r, l);
    return;
  }
  const char *help = NULL;
  if (l->type == VALUE_NULL || r->type == VALUE_NULL) help = "null takes only == and !=";
  if (l->type == VALUE_DATETIME || r->type == VALUE_DATETIME) help = "a datetime compares with a datetime";
  check_fault(c, n, help, "'%s' doesn't compare %s with %s", expr_op_sign(n->op), type_shown(c, l), type_shown(c, r));
}

static void check_in(struct checker *c, const struct expr_node *n, const struct expr_type *l,
                     const struct expr_type *r) {
  if (l->type == VALUE_NULL) {
    check_fault(c, n, NULL, "null takes only == and !=");
  } else if (r->type == VALUE_LIST) {
    if (!expr_types_compare(l->type, r->items, false))
      check_fault(c, n, NULL, "%s can't be in a list of %s", type_shown(c, l), value_type_word(r->items));
  } else if (r->type == VALUE_STRING) {
    if (l->type != VALUE_STRING && l->type != VALUE_ANY)
      check_fault(c, n, NULL, "only text can be in a text, not %s", type_shown(c, l));
  } else if (r->type != VALUE_ANY) {
    check_fault(c, n, NULL, "'in' takes a list or a text on its right, not %s", type_shown(c, r));
  }
}

static struct expr_type check_arithmetic(struct checker *c, const struct expr_node *n, const struct expr_type *l,
                                         const struct expr_type *r) {
  enum value_type type = expr_arithmetic_type(n->op, l->type, r->type);
  if (type == VALUE_NULL) {
    bool text = l->type == VALUE_STRING || r->type == VALUE_STRING;
    const char *help = n->op == OP_ADD && text ? "'+' joins texts alone; in a text write '... ${{ value }} ...'"
                                               : NULL;
    if (l->type == VALUE_DATE && r->type == VALUE_INT) help = "write date_add(date, days)";
    check_fault(c, n, help, "'%s' doesn't take %s and %s", expr_op_sign(n->op), type_shown(c, l), type_shown(c, r));
    return plain(VALUE_ANY);
  }
  struct expr_type out = plain(type);
  if (type == VALUE_LIST) out.items = l->items == r->items ? l->items : VALUE_ANY;
  return out;
}

static struct expr_type check_binary(struct checker *c, const struct expr_node *n, const struct expr_type *l,
                                     const struct expr_type *r) {
  switch (n->op) {
  case OP_AND:
  case OP_OR: need_bool(c, n, r); return plain(VALUE_BOOL);
  case OP_DEFAULT: return unified(l, r);
  case OP_IN: check_in(c, n, l, r); return plain(VALUE_BOOL);
  case OP_ADD:
  case OP_SUB:
  case OP_MUL:
  case OP_DIV: return check_arithmetic(c, n, l, r);
  default: check_compare(c, n, l, r); return plain(VALUE_BOOL);
  }
}

static struct expr_type check_list(const struct expr_type *items, size_t count) {
  struct expr_type out = plain(VALUE_LIST);
  if (count == 0) return out;
  struct expr_type item = items[0];
  for (size_t i = 1; i < count; i++) item = unified(&item, &items[i]);
  out.items = item.type == VALUE_NULL ? VALUE_ANY : item.type;
  return out;
}

static struct expr_type check_call(struct checker *c, const struct expr_node *n, const struct expr_type *args) {
  const struct expr_function *f = n->function;
  struct expr_type out = plain(VALUE_ANY);
  const char *why = NULL;
  if (f->status && c->use != EXPR_WHEN) {
    check_fault(c, n, NULL, "%s() has a meaning in 'when' alone", f->name);
    return plain(VALUE_BOOL);
  }
  if (!f->check(args, n->arg, &c->scratch, &out, &why)) {
    check_fault(c, n, f->usage, "%s", why);
    return plain(VALUE_ANY);
  }
  return out;
}

static struct expr_type check_negate(struct checker *c, const struct expr_node *n, const struct expr_type *t) {
  if (t->type == VALUE_INT || t->type == VALUE_FLOAT || t->type == VALUE_ANY) return plain(t->type);
  check_fault(c, n, NULL, "'-' takes a number, not %s", type_shown(c, t));
  return plain(VALUE_ANY);
}

/* One node over the stack of types; returns the new depth. */
static size_t check_node(struct checker *c, const struct expr_node *n, struct expr_type *stack, size_t depth) {
  struct expr_type *top = stack + depth;
  switch (n->op) {
  case OP_LITERAL:
    *top = plain(n->literal.type);
    top->literal = n;
    return depth + 1;
  case OP_PARAM:
  case OP_MATRIX:
  case OP_ENV:
  case OP_RUN:
  case OP_TASK_STATE:
  case OP_TASK_OUTPUT: *top = check_name(c, n); return depth + 1;
  case OP_LIST: top[-(ptrdiff_t)n->arg] = check_list(top - n->arg, n->arg); return depth + 1 - n->arg;
  case OP_CALL: top[-(ptrdiff_t)n->arg] = check_call(c, n, top - n->arg); return depth + 1 - n->arg;
  case OP_NOT:
    need_bool(c, n, &top[-1]);
    top[-1] = plain(VALUE_BOOL);
    return depth;
  case OP_NEGATE: top[-1] = check_negate(c, n, &top[-1]); return depth;
  case OP_AND_SKIP:
  case OP_OR_SKIP: need_bool(c, n, &top[-1]); return depth;
  case OP_DEFAULT_SKIP: return depth;
  default: top[-2] = check_binary(c, n, &top[-2], &top[-1]); return depth - 1;
  }
}

int expr_check(const struct expr *e, enum expr_use use, const struct pipeline *p, const struct task_spec *task,
               struct diag_list *diags) {
  enum { ROOM = 16 };
  struct expr_type room[ROOM], *stack = room;
  struct checker c = {.expr = e, .use = use, .pipeline = p, .task = task, .diags = diags};
  if (e->stack > ROOM) stack = arena_new_array(&c.scratch, e->stack, struct expr_type);
  size_t depth = 0;
  for (uint32_t i = 0; i < e->len; i++) {
    assert(depth <= e->stack);
    depth = check_node(&c, &e->nodes[i], stack, depth);
  }
  assert(depth == 1);
  enum value_type type = stack[0].type;
  if (use == EXPR_WHEN && !c.failed && type != VALUE_BOOL && type != VALUE_ANY) {
    const struct expr_node whole = {.at = e->nodes[0].at, .width = e->nodes[0].width};
    check_fault(&c, &whole, "compare it with something", "'when' takes true or false, not %s",
                type_shown(&c, &stack[0]));
  }
  arena_release(&c.scratch);
  return c.failed ? -1 : (int)type;
}

bool expr_names_status(const struct expr *e) {
  return e->status;
}

bool expr_uses_param(const struct expr *e, const char *name) {
  for (uint32_t i = 0; i < e->len; i++) {
    if (e->nodes[i].op == OP_PARAM && strcmp(e->nodes[i].name, name) == 0) return true;
  }
  return false;
}
