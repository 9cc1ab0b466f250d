/* The words of an expression: numbers, quoted texts, names with their dots, signs. */
#ifndef ROTA_SPEC_EXPR_LEX_H
#define ROTA_SPEC_EXPR_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "scheduler/spec/expr/expr_ast.h"

enum token_kind {
  TOKEN_END,
  TOKEN_NUMBER, /* `text` as written */
  TOKEN_STRING, /* `text` without quotes and escapes */
  TOKEN_NAME,   /* `text` with its dots: "tasks.train.state" */
  TOKEN_SIGN,   /* a bracket or comma: `text` */
  TOKEN_OP,     /* `op`; `text` as written */
};

struct token {
  enum token_kind kind;
  uint32_t at, width; /* bytes */
  const char *text;
  enum expr_op op;
  bool blank_before, blank_after;
};

struct lexer {
  struct arena *arena;
  const char *text;
  size_t len, at;
  struct diag_place place;
  struct diag_list *diags;
};

/* False after an error, which it has reported. At the end it gives TOKEN_END for ever. */
bool lexer_next(struct lexer *l, struct token *out);

#endif
