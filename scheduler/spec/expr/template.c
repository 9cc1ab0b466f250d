/* Texts with `${{ }}` pieces. */
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/scope.h"

/* The `}}` that ends a piece: quoted texts within it don't count. NULL if there is none. */
static const char *piece_end(const char *s) {
  char quote = '\0';
  for (; *s; s++) {
    if (quote) {
      if (*s == '\\' && s[1])
        s++;
      else if (*s == quote)
        quote = '\0';
    } else if (*s == '\'' || *s == '"') {
      quote = *s;
    } else if (s[0] == '}' && s[1] == '}') {
      return s;
    }
  }
  return NULL;
}

struct template_parser {
  struct arena *arena;
  const char *text;
  struct diag_place place;
  struct diag_list *diags;
  VEC(struct template_part) parts;
  /* Places are found by going on from the last one, so that many pieces don't cost the square of the text. */
  struct diag_place last;
  size_t last_at;
};

static struct diag_place place_at(struct template_parser *p, size_t at) {
  if (p->place.line == 0 || p->place.column == 0) return p->place;
  const char *line = p->text + p->last_at;
  for (const char *s; (s = memchr(line, '\n', (size_t)(p->text + at - line))); line = s + 1) {
    p->last.line++;
    p->last.column = p->place.column;
  }
  struct diag_place from = p->last;
  p->last = expr_place(from, line, (size_t)(p->text + at - line), 0);
  p->last_at = at;
  return p->last;
}

static void add_text(struct template_parser *p, const char *from, const char *to) {
  if (from == to) return;
  struct template_part part = {.text = arena_strndup(p->arena, from, (size_t)(to - from))};
  vec_push(&p->parts, part);
}

/* The piece at `open`, which is its `${{`; gives where to go on, NULL after an error that hides the rest. */
static const char *add_piece(struct template_parser *p, const char *open, bool *failed) {
  struct diag_place place = place_at(p, (size_t)(open - p->text));
  const char *close = piece_end(open + 3);
  if (!close) {
    place.width = 3;
    diag_error(p->diags, place, NULL, "'${{' isn't closed by '}}'");
    *failed = true;
    return NULL;
  }
  struct diag_place inner = place_at(p, (size_t)(open + 3 - p->text));
  const char *text = arena_strndup(p->arena, open + 3, (size_t)(close - open - 3));
  struct template_part part = {.expr = expr_parse(p->arena, text, inner, p->diags)};
  if (!part.expr) *failed = true;
  vec_push(&p->parts, part);
  return close + 2;
}

const struct template *template_parse(struct arena *a, const char *text, struct diag_place place,
                                      struct diag_list *diags) {
  const char *source = arena_strdup(a, text);
  struct template_parser p = {.arena = a, .text = source, .place = place, .diags = diags, .last = place};
  struct template *t = NULL;
  bool failed = false;
  const char *at = source;
  for (const char *open; at && (open = strstr(at, "${{"));) {
    add_text(&p, at, open);
    at = add_piece(&p, open, &failed);
  }
  if (!failed) {
    if (at == source) {
      struct template_part whole = {.text = source};
      vec_push(&p.parts, whole);
    } else {
      add_text(&p, at, source + strlen(source));
    }
    struct template_part *parts = arena_new_array(a, p.parts.len, struct template_part);
    memcpy(parts, p.parts.items, p.parts.len * sizeof *parts);
    t = arena_new(a, struct template);
    *t = (struct template){source, parts, p.parts.len, place};
  }
  vec_release(&p.parts);
  return t;
}

bool template_literal(const struct template *t) {
  return t->len == 1 && t->parts[0].text;
}

int template_check(const struct template *t, enum expr_use use, const struct pipeline *p,
                   const struct task_spec *task, struct diag_list *diags) {
  int type = VALUE_STRING;
  bool failed = false;
  for (size_t i = 0; i < t->len; i++) {
    if (!t->parts[i].expr) continue;
    type = expr_check(t->parts[i].expr, use, p, task, diags);
    if (type < 0) failed = true;
  }
  if (failed) return -1;
  return t->len == 1 ? type : VALUE_STRING;
}

bool template_uses_param(const struct template *t, const char *name) {
  for (size_t i = 0; i < t->len; i++) {
    if (t->parts[i].expr && expr_uses_param(t->parts[i].expr, name)) return true;
  }
  return false;
}

static int join_parts(const struct template *t, const struct scope *s, struct arena *a, struct buf *text,
                      const char **message) {
  for (size_t i = 0; i < t->len; i++) {
    const struct template_part *part = &t->parts[i];
    struct value v;
    if (part->text) {
      buf_str(text, part->text);
      continue;
    }
    int rc = expr_eval_value(part->expr, s, a, &v, message);
    if (rc < 0) return rc;
    if (text->len + value_size(&v) > EXPR_WORK_MAX) {
      *message = arena_fmt(a, "a text is over %d bytes", EXPR_WORK_MAX);
      return ERR_INVALID;
    }
    value_text(&v, text);
  }
  return 0;
}

int template_eval(const struct template *t, const struct scope *s, struct arena *a, struct value *out,
                  const char **message) {
  if (t->len == 1) {
    const struct template_part *part = &t->parts[0];
    if (part->expr) return expr_eval(part->expr, s, a, out, message);
    *out = (struct value){.type = VALUE_STRING, .text = {part->text, strlen(part->text)}};
    return 0;
  }
  struct buf text = {0};
  int rc = join_parts(t, s, a, &text, message);
  if (rc == 0)
    *out = (struct value){.type = VALUE_STRING, .text = {arena_strndup(a, buf_cstr(&text), text.len), text.len}};
  buf_release(&text);
  return rc;
}
