#include "scheduler/spec/expr/expr_lex.h"

#include <string.h>

#include "base/utf8.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* Longer signs come before those that they begin with. A sign with a `help` is one of another language. */
static const struct sign {
  const char *text;
  enum token_kind kind;
  enum expr_op op;
  const char *help;
} signs[] = {
    {"&&", TOKEN_OP, OP_AND, NULL},
    {"||", TOKEN_OP, OP_OR, NULL},
    {"==", TOKEN_OP, OP_EQ, NULL},
    {"!=", TOKEN_OP, OP_NE, NULL},
    {"<=", TOKEN_OP, OP_LE, NULL},
    {">=", TOKEN_OP, OP_GE, NULL},
    {"<", TOKEN_OP, OP_LT, NULL},
    {">", TOKEN_OP, OP_GT, NULL},
    {"!", TOKEN_OP, OP_NOT, NULL},
    {"+", TOKEN_OP, OP_ADD, NULL},
    {"-", TOKEN_OP, OP_SUB, NULL},
    {"*", TOKEN_OP, OP_MUL, NULL},
    {"/", TOKEN_OP, OP_DIV, NULL},
    {"(", TOKEN_SIGN, OP_CALL, NULL},
    {")", TOKEN_SIGN, OP_CALL, NULL},
    {"[", TOKEN_SIGN, OP_LIST, NULL},
    {"]", TOKEN_SIGN, OP_LIST, NULL},
    {",", TOKEN_SIGN, OP_LIST, NULL},
    {"=", TOKEN_END, OP_EQ, "write '==' to compare"},
    {"&", TOKEN_END, OP_AND, "write '&&'"},
    {"|", TOKEN_END, OP_OR, "write '||'"},
    {"${{", TOKEN_END, OP_CALL, "this is inside an expression already: leave '${{' and '}}' away"},
    {"}}", TOKEN_END, OP_CALL, "nothing may follow the '}}' of a whole expression"},
    {"$", TOKEN_END, OP_CALL, "variables are written env.NAME, parameters params.NAME"},
};

static const struct word_op {
  const char *text;
  enum expr_op op;
  const char *help;
} word_ops[] = {
    {"in", OP_IN, NULL},
    {"not", OP_NOT, NULL},
    {"and", OP_AND, "write '&&'"},
    {"or", OP_OR, "write '||'"},
};

static bool fail(struct lexer *l, size_t at, size_t width, const char *help, const char *message) {
  diag_error(l->diags, expr_place(l->place, l->text, at, width), help, "%s", message);
  return false;
}

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t span(const struct lexer *l, size_t at, const char *set) {
  return strspn(l->text + at, set);
}

static bool lex_number(struct lexer *l, struct token *t) {
  size_t at = l->at + span(l, l->at, DIGITS);
  if (l->text[at] == '.') at += 1 + span(l, at + 1, DIGITS);
  if ((l->text[at] == 'e' || l->text[at] == 'E') && strchr(DIGITS "+-", l->text[at + 1]) && l->text[at + 1]) {
    at += 2;
    at += span(l, at, DIGITS);
  }
  size_t rest = span(l, at, LETTERS DIGITS ".");
  /* `2-1` is caught by the rule for a minus, `2026-03-29` is a date that wants quotes. */
  size_t date = span(l, l->at, DIGITS "-");
  if (rest == 0 && date == 10 && l->text[l->at + 4] == '-' && l->text[l->at + 7] == '-') {
    return fail(l, l->at, date, "a date is written in quotes: '2026-03-29'", "unexpected date");
  }
  if (rest > 0) {
    size_t width = at + rest - l->at;
    return fail(l, l->at, width, "text, dates and durations are written in quotes: '5m'", "not a number");
  }
  t->kind = TOKEN_NUMBER;
  t->text = arena_strndup(l->arena, l->text + l->at, at - l->at);
  l->at = at;
  return true;
}

static bool lex_escape(struct lexer *l, char *out) {
  static const char from[] = "\\'\"ntr", to[] = "\\'\"\n\t\r";
  char c = l->text[l->at + 1];
  const char *found = c ? strchr(from, c) : NULL;
  if (!found) {
    return fail(l, l->at, c && (unsigned char)c < 0x80 ? 2 : 1, "known are \\\\ \\' \\\" \\n \\t \\r",
                "unknown escape in a quoted text");
  }
  *out = to[found - from];
  l->at += 2;
  return true;
}

static bool lex_string(struct lexer *l, struct token *t) {
  size_t start = l->at;
  char quote = l->text[l->at++];
  size_t room = 0; /* what it will take at most: up to the closing quote */
  while (l->text[l->at + room] && l->text[l->at + room] != quote) {
    room += l->text[l->at + room] == '\\' && l->text[l->at + room + 1] ? 2 : 1;
  }
  if (l->text[l->at + room] != quote) return fail(l, start, 1, NULL, "the quote isn't closed");
  char *out = arena_alloc(l->arena, room + 1);
  size_t used = 0;
  while (l->text[l->at] != quote) {
    if (l->text[l->at] != '\\')
      out[used++] = l->text[l->at++];
    else if (!lex_escape(l, &out[used++]))
      return false;
  }
  l->at++;
  t->kind = TOKEN_STRING;
  t->text = out;
  return true;
}

static bool lex_name(struct lexer *l, struct token *t) {
  size_t start = l->at;
  l->at += span(l, l->at, LETTERS DIGITS);
  while (l->text[l->at] == '.') {
    size_t part = span(l, l->at + 1, LETTERS DIGITS "-");
    if (part == 0) return fail(l, l->at, 1, NULL, "a name must follow the dot");
    l->at += 1 + part;
  }
  t->kind = TOKEN_NAME;
  t->text = arena_strndup(l->arena, l->text + start, l->at - start);
  for (size_t i = 0; i < sizeof word_ops / sizeof word_ops[0]; i++) {
    if (strcmp(t->text, word_ops[i].text) != 0) continue;
    if (word_ops[i].help) {
      const char *message = arena_fmt(l->arena, "unknown operator '%s'", t->text);
      return fail(l, start, l->at - start, word_ops[i].help, message);
    }
    t->kind = TOKEN_OP;
    t->op = word_ops[i].op;
  }
  return true;
}

static bool lex_sign(struct lexer *l, struct token *t) {
  const char *rest = l->text + l->at;
  for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
    size_t len = strlen(signs[i].text);
    if (strncmp(rest, signs[i].text, len) != 0) continue;
    if (signs[i].help) {
      const char *message = arena_fmt(l->arena, "unexpected '%s'", signs[i].text);
      return fail(l, l->at, len, signs[i].help, message);
    }
    *t = (struct token){.kind = signs[i].kind, .op = signs[i].op, .text = signs[i].text};
    l->at += len;
    return true;
  }
  uint32_t point;
  size_t len = utf8_read(rest, l->len - l->at, &point);
  const char *message = arena_fmt(l->arena, "unexpected %s", value_quoted(l->arena, rest, len));
  return fail(l, l->at, len, "text is written in quotes", message);
}

bool lexer_next(struct lexer *l, struct token *out) {
  size_t before = l->at;
  while (blank(l->text[l->at])) l->at++;
  struct token t = {.kind = TOKEN_END};
  size_t start = l->at;
  char c = l->text[l->at];
  bool ok = true;
  if (l->at == l->len)
    t.text = "";
  else if (strchr(DIGITS, c))
    ok = lex_number(l, &t);
  else if (c == '\'' || c == '"')
    ok = lex_string(l, &t);
  else if (strchr(LETTERS, c))
    ok = lex_name(l, &t);
  else
    ok = lex_sign(l, &t);
  t.at = (uint32_t)start;
  t.width = (uint32_t)(l->at - start);
  t.blank_before = start > before;
  t.blank_after = blank(l->text[l->at]);
  *out = t;
  return ok;
}
