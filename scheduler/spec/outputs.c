#include "scheduler/spec/outputs.h"

#include <stdarg.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"

#define KEY_MAX 128

struct pair {
  const char *name, *text;
  size_t len;
};

struct output_reader {
  const char *at, *end;
  size_t line;
  struct arena *arena;
  const char **message;
  struct map seen; /* name to 1 + its place in `pairs` */
  VEC(struct pair) pairs;
};

static int fail(struct output_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct output_reader *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  *r->message = arena_vfmt(r->arena, format, args);
  va_end(args);
  return ERR_INVALID;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct output_reader *r, const char **line, size_t *len) {
  if (r->at == r->end) return false;
  const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
  const char *stop = newline ? newline : r->end;
  *line = r->at;
  *len = (size_t)(stop - r->at);
  if (*len > 0 && stop[-1] == '\r') --*len;
  r->at = newline ? newline + 1 : r->end;
  r->line++;
  return true;
}

static bool key_valid(const char *key, size_t len) {
  for (size_t i = 0; i < len; i++) {
    char c = key[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    bool later = (c >= '0' && c <= '9') || c == '-' || c == '.';
    if (!letter && !(later && i > 0)) return false;
  }
  return len > 0 && len <= KEY_MAX;
}

static int keep(struct output_reader *r, const char *key, size_t key_len, const char *text, size_t len) {
  if (len > OUTPUT_VALUE_MAX) {
    return fail(r, "line %zu: the value of '%.*s' is over %d bytes", r->line, (int)key_len, key, OUTPUT_VALUE_MAX);
  }
  size_t place = (size_t)(uintptr_t)map_get_n(&r->seen, key, key_len);
  if (place > 0) {
    r->pairs.items[place - 1].text = text;
    r->pairs.items[place - 1].len = len;
    return 0;
  }
  struct pair pair = {arena_strndup(r->arena, key, key_len), text, len};
  vec_push(&r->pairs, pair);
  map_put_n(&r->seen, key, key_len, (void *)(uintptr_t)r->pairs.len);
  return 0;
}

/* The lines up to the one that is `mark` alone, joined by line feeds. */
static int read_block(struct output_reader *r, const char *key, size_t key_len, const char *mark, size_t mark_len) {
  size_t start = r->line, len;
  const char *line;
  struct buf text = {0};
  for (bool first = true; next_line(r, &line, &len); first = false) {
    if (len == mark_len && memcmp(line, mark, len) == 0) {
      int rc = keep(r, key, key_len, arena_strndup(r->arena, buf_cstr(&text), text.len), text.len);
      buf_release(&text);
      return rc;
    }
    if (text.len <= OUTPUT_VALUE_MAX) {
      if (!first) buf_char(&text, '\n');
      buf_add(&text, line, len);
    }
  }
  buf_release(&text);
  return fail(r, "line %zu: the block of '%.*s' isn't ended by a line with %s alone", start, (int)key_len, key,
              value_quoted(r->arena, mark, mark_len));
}

/* Which of `=` and `<<` comes first decides what the line is. */
static int read_pair(struct output_reader *r, const char *line, size_t len) {
  const char *equals = memchr(line, '=', len), *block = memmem(line, len, "<<", 2);
  bool is_block = block && (!equals || block < equals);
  const char *stop = is_block ? block : equals;
  if (!stop) {
    return fail(r, "line %zu: expected key=value or key<<END, not %s", r->line, value_quoted(r->arena, line, len));
  }
  size_t key_len = (size_t)(stop - line);
  if (!key_valid(line, key_len)) {
    return fail(r, "line %zu: %s can't be the name of an output; write key=value without spaces before the '='",
                r->line, value_quoted(r->arena, line, key_len));
  }
  const char *rest = stop + (is_block ? 2 : 1);
  size_t rest_len = (size_t)(line + len - rest);
  if (!is_block) return keep(r, line, key_len, rest, rest_len);
  if (rest_len == 0) return fail(r, "line %zu: a word that ends the block must follow '<<'", r->line);
  return read_block(r, line, key_len, rest, rest_len);
}

static int check_text(struct output_reader *r, const char *text, size_t len) {
  if (len > OUTPUT_FILE_MAX) return fail(r, "the outputs are over %d bytes together", OUTPUT_FILE_MAX);
  if (memchr(text, '\0', len)) return fail(r, "the outputs hold a NUL byte");
  if (utf8_valid(text, len)) return 0;
  size_t line = 1;
  for (size_t at = 0; at < len; line++) {
    const char *newline = memchr(text + at, '\n', len - at);
    size_t line_len = newline ? (size_t)(newline - text) - at : len - at;
    if (!utf8_valid(text + at, line_len)) break;
    at += line_len + 1;
  }
  return fail(r, "line %zu: the text isn't UTF-8", line);
}

static int read_pairs(struct output_reader *r, const char *text, size_t len) {
  int rc = check_text(r, text, len);
  if (rc < 0) return rc;
  size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  r->at = text + mark;
  r->end = text + len;
  const char *line;
  size_t line_len;
  while (rc == 0 && next_line(r, &line, &line_len)) {
    if (line_len > 0) rc = read_pair(r, line, line_len);
  }
  return rc;
}

/* Blanks around anything but text are nobody's intention: `wc -l` pads its count. */
static const char *trimmed(struct arena *a, const struct pair *p, enum value_type type) {
  const char *from = p->text, *to = p->text + p->len;
  if (type != VALUE_STRING) {
    while (from < to && strchr(" \t\n", *from)) from++;
    while (to > from && strchr(" \t\n", to[-1])) to--;
  }
  return arena_strndup(a, from, (size_t)(to - from));
}

/* Declared outputs first, in their order, then the others. */
static int take_declared(struct output_reader *r, const struct task_spec *t, bool check, bool *declared,
                         struct output_value *out, size_t *out_len) {
  for (size_t i = 0; i < t->outputs_len; i++) {
    const struct output_spec *spec = &t->outputs[i];
    size_t place = (size_t)(uintptr_t)map_get(&r->seen, spec->name);
    if (place == 0) {
      if (check) return fail(r, "output '%s' is declared, but the task didn't write it to $ROTA_OUTPUT", spec->name);
      continue;
    }
    const struct pair *pair = &r->pairs.items[place - 1];
    declared[place - 1] = true;
    struct value v;
    const char *why = NULL;
    if (value_parse(r->arena, spec->type, spec->items, trimmed(r->arena, pair, spec->type), &v, &why) < 0) {
      if (check) return fail(r, "output '%s': %s", spec->name, why);
      continue;
    }
    out[(*out_len)++] = (struct output_value){spec->name, (int)i, v};
  }
  return 0;
}

static void take_others(struct output_reader *r, const bool *declared, struct output_value *out, size_t *out_len) {
  for (size_t i = 0; i < r->pairs.len; i++) {
    const struct pair *pair = &r->pairs.items[i];
    if (declared[i]) continue;
    const char *text = arena_strndup(r->arena, pair->text, pair->len);
    struct value v = {.type = VALUE_STRING, .text = {text, pair->len}};
    out[(*out_len)++] = (struct output_value){pair->name, -1, v};
  }
}

int outputs_parse(const struct task_spec *t, const char *text, size_t len, bool check_declared, struct arena *a,
                  struct output_value **out, size_t *out_len, const char **message) {
  *out = NULL;
  *out_len = 0;
  if (len == 0 && t->outputs_len == 0) return 0;
  struct output_reader r = {.arena = a, .message = message};
  int rc = len > 0 ? read_pairs(&r, text, len) : 0;
  if (rc == 0) {
    *out = arena_new_array(a, t->outputs_len + r.pairs.len, struct output_value);
    bool *declared = arena_new_array(a, r.pairs.len, bool);
    rc = take_declared(&r, t, check_declared, declared, *out, out_len);
    if (rc == 0) take_others(&r, declared, *out, out_len);
  }
  if (rc < 0) *out_len = 0;
  map_release(&r.seen);
  vec_release(&r.pairs);
  return rc;
}
