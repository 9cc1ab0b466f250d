#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "base/vec.h"
#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/expr/expr_lex.h"

struct parser {
  struct lexer lexer;
  struct token token;
  VEC(struct expr_node) nodes;
  uint32_t stack, stack_max;
  int nest, lists;
  bool status;
};

/* What binds least comes first. */
enum level { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_UNARY };

static bool parse_level(struct parser *p, enum level level);

static bool next(struct parser *p) {
  return lexer_next(&p->lexer, &p->token);
}

static bool fail(struct parser *p, const struct token *t, const char *help, const char *message) {
  diag_error(p->lexer.diags, expr_place(p->lexer.place, p->lexer.text, t->at, t->width), help, "%s", message);
  return false;
}

static bool unexpected(struct parser *p, const char *wanted) {
  const struct token *t = &p->token;
  if (t->kind == TOKEN_END) {
    return fail(p, t, NULL, arena_fmt(p->lexer.arena, "expected %s at the end of the expression", wanted));
  }
  const char *shown = value_quoted(p->lexer.arena, p->lexer.text + t->at, t->width);
  const char *help = t->kind == TOKEN_OP && t->op == OP_NOT ? "put it in parentheses: a == (!b)" : NULL;
  return fail(p, t, help, arena_fmt(p->lexer.arena, "expected %s, not %s", wanted, shown));
}

static struct expr_node *emit(struct parser *p, enum expr_op op, const struct token *t, uint32_t pops) {
  assert(p->stack >= pops);
  p->stack += 1 - pops;
  if (p->stack > p->stack_max) p->stack_max = p->stack;
  struct expr_node node = {.op = op, .at = t->at, .width = t->width, .arg = pops};
  vec_push(&p->nodes, node);
  return &p->nodes.items[p->nodes.len - 1];
}

static bool sign(const struct parser *p, const char *text) {
  return p->token.kind == TOKEN_SIGN && strcmp(p->token.text, text) == 0;
}

static bool expect(struct parser *p, const char *text) {
  if (!sign(p, text)) return unexpected(p, arena_fmt(p->lexer.arena, "'%s'", text));
  return next(p);
}

/* The left operand is there; parses the right one between a node that may jump over it and `op` itself. */
static bool skippable(struct parser *p, enum expr_op skip, enum expr_op op, const struct token *t, enum level level) {
  size_t from = p->nodes.len;
  emit(p, skip, t, 1);
  if (!parse_level(p, level)) return false;
  emit(p, op, t, 2);
  p->nodes.items[from].arg = (uint32_t)p->nodes.len;
  return true;
}

static bool enter(struct parser *p, const struct token *t) {
  if (++p->nest <= EXPR_NEST_MAX) return true;
  return fail(p, t, NULL, "the expression is nested too deeply");
}

/* --- Names, calls, literals --------------------------------------------------------------------------------------
 */

static const char *const roots[] = {"params", "matrix", "env", "run", "tasks", "true", "false", "null"};
#define ROOTS (sizeof roots / sizeof roots[0])

static bool unknown_name(struct parser *p, const struct token *t, const char *word) {
  const char *known[ROOTS + 32];
  size_t len = ROOTS;
  memcpy(known, roots, sizeof roots);
  len += expr_function_names(known + len, 32);
  const char *near = diag_nearest(word, known, len);
  const char *help = near ? arena_fmt(p->lexer.arena, "did you mean '%s'?", near)
                          : "a name begins with params, matrix, env, run or tasks; text is written in quotes";
  return fail(p, t, help,
              arena_fmt(p->lexer.arena, "unknown name %s", value_quoted(p->lexer.arena, word, strlen(word))));
}

static bool run_field(struct parser *p, const struct token *t, const char *word) {
  static const char *const fields[] = {
#define X(name, text, type) text,
      EXPR_FIELD_LIST(X)
#undef X
  };
  for (uint32_t i = 0; i < EXPR_FIELD_COUNT; i++) {
    if (strcmp(word, fields[i]) != 0) continue;
    emit(p, OP_RUN, t, 0)->arg = i;
    return true;
  }
  const char *help = expr_suggest(p->lexer.arena, word, fields, EXPR_FIELD_COUNT);
  return fail(p, t, help, arena_fmt(p->lexer.arena, "run has no '%s'", word));
}

static void named(struct parser *p, enum expr_op op, const struct token *t, const char *name, const char *output) {
  struct expr_node *node = emit(p, op, t, 0);
  node->name = name;
  node->output = output;
  node->hint = arena_new(p->lexer.arena, struct expr_hint);
}

static bool task_name(struct parser *p, const struct token *t, char **parts, size_t count) {
  if (count == 3 && strcmp(parts[2], "state") == 0) {
    named(p, OP_TASK_STATE, t, parts[1], NULL);
    return true;
  }
  if (count == 4 && strcmp(parts[2], "outputs") == 0) {
    named(p, OP_TASK_OUTPUT, t, parts[1], parts[3]);
    return true;
  }
  const char *help = "write tasks.NAME.state or tasks.NAME.outputs.KEY";
  return fail(p, t, help, arena_fmt(p->lexer.arena, "unknown name '%.200s'", t->text));
}

static bool parse_name(struct parser *p, const struct token *t) {
  static const struct {
    const char *root;
    enum expr_op op;
  } pairs[] = {{"params", OP_PARAM}, {"matrix", OP_MATRIX}, {"env", OP_ENV}, {"run", OP_RUN}};
  char *rest = arena_strdup(p->lexer.arena, t->text), *parts[5] = {strsep(&rest, ".")};
  size_t count = 1;
  while (rest && count < 5) parts[count++] = strsep(&rest, ".");
  if (count == 1 && strcmp(parts[0], "null") == 0) {
    emit(p, OP_LITERAL, t, 0)->literal = value_null();
    return true;
  }
  if (count == 1 && (strcmp(parts[0], "true") == 0 || strcmp(parts[0], "false") == 0)) {
    emit(p, OP_LITERAL, t, 0)->literal = value_bool(*parts[0] == 't');
    return true;
  }
  if (strcmp(parts[0], "tasks") == 0) return task_name(p, t, parts, count);
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    if (strcmp(parts[0], pairs[i].root) != 0) continue;
    if (count != 2) {
      const char *help = arena_fmt(p->lexer.arena, "write %s.NAME", parts[0]);
      return fail(p, t, help, arena_fmt(p->lexer.arena, "'%.200s' is no value", t->text));
    }
    if (pairs[i].op == OP_RUN) return run_field(p, t, parts[1]);
    named(p, pairs[i].op, t, parts[1], NULL);
    return true;
  }
  return unknown_name(p, t, parts[0]);
}

static bool parse_number(struct parser *p, const struct token *t, bool negative) {
  struct value v;
  const char *why;
  const char *text = negative ? arena_fmt(p->lexer.arena, "-%s", t->text) : t->text;
  bool whole = strcspn(t->text, ".eE") == strlen(t->text);
  if (value_parse(p->lexer.arena, whole ? VALUE_INT : VALUE_FLOAT, VALUE_ANY, text, &v, &why) < 0) {
    const char *help = !whole            ? "a number with a point is written like 0.5 or 2e9, and is finite"
                       : *t->text == '0' ? "numbers are decimal, without leading zeros; text is written in quotes"
                                         : "whole numbers have 64 bits";
    return fail(p, t, help, "not a number");
  }
  emit(p, OP_LITERAL, t, 0)->literal = v;
  return next(p);
}

/* The operands up to the closing bracket, of which at least one is there; counts them. */
static bool parse_items(struct parser *p, const char *close, uint32_t *count) {
  for (;;) {
    if (!parse_level(p, LEVEL_OR)) return false;
    ++*count;
    if (!sign(p, ",")) break;
    if (!next(p)) return false;
  }
  return expect(p, close);
}

static bool parse_default(struct parser *p, const struct token *t) {
  const struct expr_function *f = expr_function("default");
  if (sign(p, ")")) return fail(p, t, f->usage, "default() takes 2 values, not 0");
  if (!parse_level(p, LEVEL_OR)) return false;
  if (sign(p, ")")) return fail(p, t, f->usage, "default() takes 2 values, not 1");
  if (!expect(p, ",") || !skippable(p, OP_DEFAULT_SKIP, OP_DEFAULT, t, LEVEL_OR)) return false;
  if (sign(p, ",")) return fail(p, t, f->usage, "default() takes 2 values, not more");
  return expect(p, ")");
}

static bool parse_call(struct parser *p, const struct token *t) {
  const struct expr_function *f = expr_function(t->text);
  if (!f) {
    const char *known[32];
    size_t len = expr_function_names(known, 32);
    const char *help = expr_suggest(p->lexer.arena, t->text, known, len);
    return fail(p, t, help, arena_fmt(p->lexer.arena, "unknown function '%.200s'", t->text));
  }
  if (!enter(p, t) || !next(p)) return false;
  if (strcmp(f->name, "default") == 0) {
    bool ok = parse_default(p, t);
    p->nest--;
    return ok;
  }
  uint32_t count = 0;
  if (sign(p, ")") ? !next(p) : !parse_items(p, ")", &count)) return false;
  if (count < f->args_min || count > f->args_max) {
    return fail(p, t, f->usage, arena_fmt(p->lexer.arena, "%s() doesn't take %u values", f->name, count));
  }
  emit(p, OP_CALL, t, count)->function = f;
  p->status |= f->status;
  p->nest--;
  return true;
}

static bool parse_list(struct parser *p, const struct token *t) {
  if (++p->lists > VALUE_NEST_MAX) return fail(p, t, NULL, "lists are nested too deeply");
  if (!enter(p, t)) return false;
  uint32_t count = 0;
  if (sign(p, "]") ? !next(p) : !parse_items(p, "]", &count)) return false;
  emit(p, OP_LIST, t, count);
  p->nest--;
  p->lists--;
  return true;
}

static bool parse_primary(struct parser *p, bool negative) {
  struct token t = p->token;
  if (t.kind == TOKEN_NUMBER) return parse_number(p, &t, negative);
  if (t.kind == TOKEN_STRING) {
    emit(p, OP_LITERAL, &t, 0)->literal = (struct value){.type = VALUE_STRING, .text = {t.text, strlen(t.text)}};
    return next(p);
  }
  if (t.kind == TOKEN_NAME) {
    if (!next(p)) return false;
    return sign(p, "(") ? parse_call(p, &t) : parse_name(p, &t);
  }
  if (sign(p, "[")) return next(p) && parse_list(p, &t);
  if (!sign(p, "(")) return unexpected(p, "a value");
  if (!enter(p, &t) || !next(p) || !parse_level(p, LEVEL_OR) || !expect(p, ")")) return false;
  p->nest--;
  return true;
}

/* --- Operators ---------------------------------------------------------------------------------------------------
 */

static bool parse_unary(struct parser *p) {
  struct token t = p->token;
  size_t signs = 0;
  while (p->token.kind == TOKEN_OP && p->token.op == OP_SUB) {
    signs++;
    if (!next(p)) return false;
  }
  /* A sign belongs to the number, so that the least whole number can be written. */
  bool number = signs > 0 && p->token.kind == TOKEN_NUMBER;
  if (!parse_primary(p, number)) return false;
  for (size_t i = number ? 1 : 0; i < signs; i++) emit(p, OP_NEGATE, &t, 1);
  return true;
}

static bool parse_not(struct parser *p) {
  struct token t = p->token;
  size_t signs = 0;
  while (p->token.kind == TOKEN_OP && p->token.op == OP_NOT) {
    signs++;
    if (!next(p)) return false;
  }
  if (!parse_level(p, LEVEL_COMPARE)) return false;
  for (size_t i = 0; i < signs; i++) emit(p, OP_NOT, &t, 1);
  return true;
}

static enum level level_of(const struct token *t) {
  if (t->kind != TOKEN_OP) return LEVEL_UNARY;
  switch (t->op) {
  case OP_OR: return LEVEL_OR;
  case OP_AND: return LEVEL_AND;
  case OP_EQ:
  case OP_NE:
  case OP_LT:
  case OP_LE:
  case OP_GT:
  case OP_GE:
  case OP_IN: return LEVEL_COMPARE;
  case OP_ADD:
  case OP_SUB: return LEVEL_SUM;
  case OP_MUL:
  case OP_DIV: return LEVEL_PRODUCT;
  default: return LEVEL_UNARY;
  }
}

static bool parse_right(struct parser *p, const struct token *t, enum level level) {
  enum level tighter = (enum level)(level + 1);
  if (t->op == OP_SUB && !(t->blank_before && t->blank_after)) {
    return fail(p, t, "after a dot a name runs over '-' too, so write a - b",
                "a minus between two values needs spaces");
  }
  if (!next(p)) return false;
  if (level == LEVEL_OR) return skippable(p, OP_OR_SKIP, OP_OR, t, tighter);
  if (level == LEVEL_AND) return skippable(p, OP_AND_SKIP, OP_AND, t, tighter);
  if (!parse_level(p, tighter)) return false;
  emit(p, t->op, t, 2);
  if (level == LEVEL_COMPARE && level_of(&p->token) == LEVEL_COMPARE) {
    return fail(p, &p->token, "write a < b && b < c", "comparisons can't be chained");
  }
  return true;
}

static bool parse_level(struct parser *p, enum level level) {
  if (level == LEVEL_NOT) return parse_not(p);
  if (level == LEVEL_UNARY) return parse_unary(p);
  if (!parse_level(p, (enum level)(level + 1))) return false;
  while (level_of(&p->token) == level) {
    struct token t = p->token;
    if (!parse_right(p, &t, level)) return false;
  }
  return true;
}

/* `when` may be written with `${{ }}` around the whole: the expression is what is between them. */
static void unwrap(const char *text, size_t *from, size_t *to) {
  *from = strspn(text, " \t\r\n");
  while (*to > *from && strchr(" \t\r\n", text[*to - 1])) --*to;
  bool wrapped = *to - *from >= 5 && strncmp(text + *from, "${{", 3) == 0 && strncmp(text + *to - 2, "}}", 2) == 0;
  if (!wrapped) return;
  *from += 3;
  *to -= 2;
}

static bool readable(const char *text, size_t len, struct diag_place place, struct diag_list *diags) {
  place.width = 0;
  if (len > EXPR_TEXT_MAX) {
    diag_error(diags, place, NULL, "an expression has at most %d bytes", EXPR_TEXT_MAX);
    return false;
  }
  if (!utf8_valid(text, len)) {
    diag_error(diags, place, NULL, "the expression isn't UTF-8");
    return false;
  }
  return true;
}

const struct expr *expr_parse(struct arena *a, const char *text, struct diag_place place, struct diag_list *diags) {
  size_t len = strlen(text), from;
  if (!readable(text, len, place, diags)) return NULL;
  char *copy = arena_strndup(a, text, len);
  unwrap(copy, &from, &len);
  copy[len] = '\0';
  struct parser p = {.lexer = {.arena = a, .text = copy, .len = len, .at = from, .place = place, .diags = diags}};
  bool ok = next(&p);
  if (ok && p.token.kind == TOKEN_END) ok = fail(&p, &p.token, NULL, "an expression is missing");
  ok = ok && parse_level(&p, LEVEL_OR);
  if (ok && p.token.kind != TOKEN_END) ok = unexpected(&p, "an operator or the end");
  struct expr *e = NULL;
  if (ok) {
    struct expr_node *nodes = arena_new_array(a, p.nodes.len, struct expr_node);
    memcpy(nodes, p.nodes.items, p.nodes.len * sizeof *nodes);
    e = arena_new(a, struct expr);
    *e = (struct expr){copy, place, nodes, (uint32_t)p.nodes.len, p.stack_max, p.status};
  }
  vec_release(&p.nodes);
  return e;
}
