#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "scheduler/spec/yaml/reader.h"

bool name_valid(const char *name) {
  if (!isalpha((unsigned char)*name) && *name != '_') return false;
  for (; *name; name++)
    if (!isalnum((unsigned char)*name) && *name != '_') return false;
  return true;
}

static bool digits_only(const char *text) {
  return *text && text[strspn(text, "0123456789")] == 0;
}

/* How to write a number that YAML 1.1 or a programming language would have taken. */
static const char *int_help(struct arena *a, const char *text) {
  const char *p = text + (*text == '-' || *text == '+');
  char *end = NULL;
  errno = 0;
  if (digits_only(p) && (*text == '+' || *p == '0'))
    return arena_fmt(a, "write it without the leading '%c'", *text == '+' ? '+' : '0');
  if (strncmp(p, "0x", 2) == 0 || strncmp(p, "0o", 2) == 0 || strncmp(p, "0b", 2) == 0) {
    int64_t value = strtoll(p + 2, &end, p[1] == 'x' ? 16 : p[1] == 'o' ? 8 : 2);
    return *end || errno ? NULL : arena_fmt(a, "write it in decimal: %s%" PRId64, *text == '-' ? "-" : "", value);
  }
  if (isdigit((unsigned char)*p) && p[strspn(p, "0123456789_")] == 0) return "write it without '_'";
  if (isdigit((unsigned char)*p) && p[strspn(p, "0123456789:")] == 0)
    return "numbers with ':' have no meaning here; write the number itself, or quote the text";
  double value = strtod(text, &end);
  if (isdigit((unsigned char)*p) && *end == 0 && fabs(value) < 1e15 && value == floor(value))
    return arena_fmt(a, "write it out: %" PRId64, (int64_t)value);
  return NULL;
}

bool int_parse(struct arena *a, const char *text, int64_t *out, const char **help) {
  const char *p = text + (*text == '-');
  errno = 0;
  if (digits_only(p) && (*p != '0' || (!p[1] && p == text))) {
    *out = strtoll(text, NULL, 10);
    if (errno == 0) return true;
    if (help) *help = "it must fit into 64 bits";
  } else if (help) {
    *help = int_help(a, text);
  }
  return false;
}

bool float_parse(struct arena *a, const char *text, double *out, const char **help) {
  const char *p = text + (*text == '-');
  size_t whole = strspn(p, "0123456789");
  bool plain = whole > 0 && p[strspn(p, "0123456789.eE+-")] == 0 && !(*p == '0' && isdigit((unsigned char)p[1]));
  char *end = NULL;
  errno = 0;
  if (plain) {
    *out = strtod(text, &end);
    if (*end == 0 && isfinite(*out) && (end[-1] != '.')) return true;
  }
  if (help) *help = plain ? NULL : *p == '.' ? "write a digit before the '.'" : int_help(a, text);
  return false;
}

static bool literal_error(struct reader *r, const struct node *n, const char *what, const char *want,
                          const char *help) {
  diag_error(r->diags, n->place, help, "'%s' must be %s, not '%s'", what, want, n->text);
  return false;
}

static bool duration_literal(struct reader *r, const char *what, const struct node *n) {
  duration d;
  if (duration_parse(n->text, &d) == 0) return true;
  const char *help = "durations are written 90s, 5m, 1h30m, 2d";
  if (digits_only(n->text) && n->len <= 9)
    help = arena_fmt(&r->diags->arena, "it needs a unit: %ss or %sm", n->text, n->text);
  return literal_error(r, n, what, "a duration", help);
}

bool reader_literal(struct reader *r, const char *what, enum key_form form, const struct node *n) {
  int64_t i;
  double d;
  const char *help = NULL;
  switch (form) {
  case FORM_DURATION: return duration_literal(r, what, n);
  case FORM_NUMBER:
    if (!float_parse(&r->diags->arena, n->text, &d, &help)) return literal_error(r, n, what, "a number", help);
    return d >= 1 || literal_error(r, n, what, "1 or more", NULL);
  case FORM_INTEGER:
  case FORM_COUNT:
  case FORM_COUNT0:
    if (!int_parse(&r->diags->arena, n->text, &i, &help)) return literal_error(r, n, what, "a whole number", help);
    if (form == FORM_INTEGER)
      return (i >= -1000000 && i <= 1000000) || literal_error(r, n, what, "within a million of 0", NULL);
    if (i < (form == FORM_COUNT ? 1 : 0))
      return literal_error(r, n, what, form == FORM_COUNT ? "1 or more" : "0 or more", NULL);
    return i <= 1000000000 || literal_error(r, n, what, "at most 1000000000", NULL);
  default: return true;
  }
}

bool reader_int(struct reader *r, const char *what, const struct node *n, int64_t *out) {
  const char *help = NULL;
  if (!reader_scalar(r, what, n)) return false;
  return int_parse(&r->diags->arena, n->text, out, &help) || literal_error(r, n, what, "a whole number", help);
}

static bool list_value(struct reader *r, const char *what, enum value_type items, const struct node *n,
                       struct value *out) {
  struct value *values = arena_new_array(r->arena, n->len ? n->len : 1, struct value);
  size_t len = 0;
  bool ok = true;
  for (const struct node *c = n->first; c; c = c->next)
    ok = reader_value(r, what, items, VALUE_STRING, c, &values[len++]) && ok;
  *out = (struct value){.type = VALUE_LIST, .list = {values, len}};
  return ok;
}

static bool json_value(struct reader *r, const struct node *n, struct value *out) {
  struct buf json = {0};
  node_json(n, &json);
  *out = (struct value){.type = VALUE_JSON, .text = {arena_strndup(r->arena, buf_cstr(&json), json.len), json.len}};
  buf_release(&json);
  return true;
}

bool reader_value(struct reader *r, const char *what, enum value_type type, enum value_type items,
                  const struct node *n, struct value *out) {
  const char *message = NULL, *help = NULL;
  int64_t i;
  double d;
  if (n->kind == NODE_BROKEN) return false;
  if (type == VALUE_JSON && (r->lenient || !(n->kind == NODE_SCALAR && n->style != NODE_PLAIN)))
    return json_value(r, n, out);
  if (type == VALUE_LIST && n->kind == NODE_LIST) return list_value(r, what, items, n, out);
  if (!reader_scalar(r, what, n)) return false;
  if (type == VALUE_INT && !int_parse(&r->diags->arena, n->text, &i, &help))
    return literal_error(r, n, what, "a whole number", help);
  if (type == VALUE_FLOAT && !float_parse(&r->diags->arena, n->text, &d, &help))
    return literal_error(r, n, what, "a number", help);
  if (type == VALUE_DURATION && !duration_literal(r, what, n)) return false;
  if (type == VALUE_BOOL && strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0)
    return literal_error(r, n, what, "true or false", "booleans are true and false alone");
  if (value_parse(r->arena, type, items, n->text, out, &message) == 0) return true;
  diag_error(r->diags, n->place, NULL, "'%s': %s", what, message);
  return false;
}

bool reader_type(struct reader *r, const struct key *key, const struct node *n, bool *is_enum, enum value_type *out) {
  static const struct {
    const char *other, *ours;
  } others[] = {{"str", "string"},   {"text", "string"},  {"integer", "int"},        {"number", "float"},
                {"double", "float"}, {"boolean", "bool"}, {"choice", "enum"},        {"array", "list"},
                {"object", "json"},  {"map", "json"},     {"timestamp", "datetime"}, {"select", "enum"},
                {"dict", "json"},    {"secret", "string"}};
  size_t count = 0;
  const char *const *words = key_form_choices(key->form, &count);
  if (!reader_scalar(r, key->name, n)) return false;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(words[i], n->text) != 0) continue;
    bool choice = strcmp(n->text, "enum") == 0;
    if (choice && !is_enum) {
      diag_error(r->diags, n->place, "write string", "an output can't be an enum");
      return false;
    }
    if (is_enum) *is_enum = choice;
    *out = choice ? VALUE_STRING : (enum value_type)value_type_from_word(n->text);
    return true;
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (strcmp(others[i].other, n->text) != 0) continue;
    diag_error(r->diags, n->place, arena_fmt(&r->diags->arena, "write %s", others[i].ours), "unknown type '%s'",
               n->text);
    return false;
  }
  reader_unknown(r, n->place, "type", n->text, words, count);
  return false;
}
