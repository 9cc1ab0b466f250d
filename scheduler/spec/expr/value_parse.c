/* Text and JSON to values: strict, so that nothing becomes a number that wasn't written as one. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "scheduler/spec/expr/value.h"

static int expected(struct arena *a, enum value_type type, const char *bytes, size_t len, const char **message) {
  *message = arena_fmt(a, "expected %s, not %s", value_type_wanted(type), value_quoted(a, bytes, len));
  return ERR_INVALID;
}

/* Moves on behind the digits; false if there are none. */
static bool skip_digits(const char **s) {
  const char *from = *s;
  while (**s >= '0' && **s <= '9') (*s)++;
  return *s != from;
}

/* The grammar of a JSON number; `whole` forbids fraction and exponent. */
static bool number_shaped(const char *s, bool whole) {
  if (*s == '-') s++;
  bool zero = *s == '0';
  const char *from = s;
  if (!skip_digits(&s) || (zero && s - from > 1)) return false;
  if (!whole && *s == '.') {
    s++;
    if (!skip_digits(&s)) return false;
  }
  if (!whole && (*s == 'e' || *s == 'E')) {
    s++;
    if (*s == '+' || *s == '-') s++;
    if (!skip_digits(&s)) return false;
  }
  return *s == '\0';
}

static bool int_from_text(const char *text, int64_t *out) {
  if (!number_shaped(text, true)) return false;
  errno = 0;
  long long value = strtoll(text, NULL, 10);
  *out = value;
  return errno == 0;
}

static bool float_from_text(const char *text, double *out) {
  if (!number_shaped(text, false)) return false;
  *out = strtod(text, NULL);
  return isfinite(*out);
}

static bool scalar_from_text(struct arena *a, enum value_type type, const char *text, struct value *v) {
  switch (type) {
  case VALUE_ANY:
  case VALUE_STRING: *v = value_string(a, text); return utf8_valid(text, v->text.len);
  case VALUE_NULL: return *text == '\0';
  case VALUE_BOOL: v->boolean = strcmp(text, "true") == 0; return v->boolean || strcmp(text, "false") == 0;
  case VALUE_INT: return int_from_text(text, &v->integer);
  case VALUE_FLOAT: return float_from_text(text, &v->number);
  case VALUE_DATE: return date_parse(text, &v->days) == 0;
  case VALUE_DATETIME: return instant_parse(text, &v->at) == 0;
  case VALUE_DURATION: return duration_parse(text, &v->span) == 0;
  case VALUE_LIST:
  case VALUE_JSON: break;
  }
  return false;
}

/* Drops the white space between the tokens of well-formed JSON; all else stays as it was written. */
static struct value json_text(struct arena *a, const char *text, size_t len) {
  char *out = arena_alloc(a, len + 1);
  size_t used = 0;
  bool quoted = false;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    out[used++] = c;
    if (quoted && c == '\\' && i + 1 < len)
      out[used++] = text[++i];
    else if (c == '"')
      quoted = !quoted;
  }
  out[used] = '\0';
  if (strcmp(out, "null") == 0) return value_null();
  return (struct value){.type = VALUE_JSON, .text = {out, used}};
}

/* Written here and not by json_dumps, which has no shortest form of a double. jansson bounds the depth. */
static void tree_text(json_t *tree, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  if (json_is_array(tree)) {
    for (size_t i = 0; i < json_array_size(tree); i++) {
      buf_char(out, i ? ',' : '[');
      tree_text(json_array_get(tree, i), out);
    }
    buf_str(out, json_array_size(tree) ? "]" : "[]");
  } else if (json_is_object(tree)) {
    buf_char(out, '{');
    for (void *i = json_object_iter(tree); i; i = json_object_iter_next(tree, i)) {
      if (i != json_object_iter(tree)) buf_char(out, ',');
      struct json key;
      jsonw_init(&key, out);
      jsonw_string(&key, json_object_iter_key(i));
      buf_char(out, ':');
      tree_text(json_object_iter_value(i), out);
    }
    buf_char(out, '}');
  } else if (json_is_string(tree)) {
    jsonw_string_n(&j, json_string_value(tree), json_string_length(tree));
  } else if (json_is_integer(tree)) {
    jsonw_int(&j, json_integer_value(tree));
  } else if (json_is_real(tree)) {
    jsonw_double(&j, json_real_value(tree));
  } else {
    buf_str(out, json_is_null(tree) ? "null" : json_is_true(tree) ? "true" : "false");
  }
}

static struct value json_of_tree(struct arena *a, json_t *tree) {
  struct buf text = {0};
  tree_text(tree, &text);
  struct value v = {.type = VALUE_JSON, .text = {arena_strndup(a, text.bytes, text.len), text.len}};
  buf_release(&text);
  return v;
}

static bool from_tree(struct arena *a, enum value_type type, enum value_type items, json_t *tree, int depth,
                      struct value *out);

static bool list_from_tree(struct arena *a, enum value_type items, json_t *tree, int depth, struct value *out) {
  size_t len = json_array_size(tree);
  struct value *values = arena_new_array(a, len, struct value);
  for (size_t i = 0; i < len; i++) {
    if (!from_tree(a, items, VALUE_ANY, json_array_get(tree, i), depth + 1, &values[i])) return false;
  }
  *out = (struct value){.type = VALUE_LIST, .list = {values, len}};
  return true;
}

static enum value_type tree_type(json_t *tree, int depth) {
  switch (json_typeof(tree)) {
  case JSON_TRUE:
  case JSON_FALSE: return VALUE_BOOL;
  case JSON_INTEGER: return VALUE_INT;
  case JSON_REAL: return VALUE_FLOAT;
  case JSON_STRING: return VALUE_STRING;
  case JSON_ARRAY: return depth < VALUE_NEST_MAX ? VALUE_LIST : VALUE_JSON;
  case JSON_OBJECT:
  case JSON_NULL: break;
  }
  return VALUE_JSON;
}

static bool from_tree(struct arena *a, enum value_type type, enum value_type items, json_t *tree, int depth,
                      struct value *out) {
  if (json_is_null(tree)) {
    *out = value_null();
    return true;
  }
  if (type == VALUE_ANY) type = tree_type(tree, depth);
  if (type == VALUE_LIST && depth >= VALUE_NEST_MAX) type = VALUE_JSON;
  *out = (struct value){.type = type};
  switch (type) {
  case VALUE_ANY:
  case VALUE_NULL: return false;
  case VALUE_BOOL: out->boolean = json_is_true(tree); return json_is_boolean(tree);
  case VALUE_INT: out->integer = json_integer_value(tree); return json_is_integer(tree);
  case VALUE_FLOAT: out->number = json_number_value(tree); return json_is_number(tree);
  case VALUE_STRING:
  case VALUE_DATE:
  case VALUE_DATETIME:
  case VALUE_DURATION: return json_is_string(tree) && scalar_from_text(a, type, json_string_value(tree), out);
  case VALUE_LIST: return json_is_array(tree) && list_from_tree(a, items, tree, depth, out);
  case VALUE_JSON: *out = json_of_tree(a, tree); return true;
  }
  return false;
}

int value_from_json(struct arena *a, enum value_type type, enum value_type items, const char *text, size_t len,
                    struct value *out) {
  /* A JSON value keeps numbers of any size as they were written, so whole numbers are only looked at as doubles. */
  size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
  if (type == VALUE_JSON) flags |= JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL;
  json_error_t error;
  json_t *tree = json_loadb(text, len, flags, &error);
  if (!tree) return ERR_INVALID;
  bool ok = true;
  if (type == VALUE_JSON)
    *out = json_text(a, text, len);
  else
    ok = from_tree(a, type, items, tree, 0, out);
  json_decref(tree);
  return ok ? 0 : ERR_INVALID;
}

static const char *skip_blanks(const char *s) {
  return s + strspn(s, " \t\r\n");
}

static int list_by_commas(struct arena *a, enum value_type items, const char *text, struct value *out,
                          const char **message) {
  VEC(struct value) values = {0};
  int rc = 0;
  for (const char *at = text; at && rc == 0;) {
    const char *comma = strchr(at, ','), *start = skip_blanks(at);
    const char *end = comma ? comma : at + strlen(at);
    while (end > start && strchr(" \t\r\n", end[-1])) end--;
    if (start > end) start = end;
    struct value item;
    rc = value_parse(a, items, VALUE_ANY, arena_strndup(a, start, (size_t)(end - start)), &item, message);
    if (rc == 0) vec_push(&values, item);
    at = comma ? comma + 1 : NULL;
  }
  struct value *copy = arena_new_array(a, values.len, struct value);
  if (rc == 0 && values.len > 0) memcpy(copy, values.items, values.len * sizeof *copy);
  *out = (struct value){.type = VALUE_LIST, .list = {copy, values.len}};
  vec_release(&values);
  return rc;
}

static int list_from_text(struct arena *a, enum value_type items, const char *text, struct value *out,
                          const char **message) {
  const char *start = skip_blanks(text);
  if (*start == '\0') {
    *out = (struct value){.type = VALUE_LIST};
    return 0;
  }
  if (*start != '[' && items != VALUE_LIST && items != VALUE_JSON)
    return list_by_commas(a, items, text, out, message);
  int rc = value_from_json(a, VALUE_LIST, items, text, strlen(text), out);
  for (size_t i = 0; rc == 0 && i < out->list.len; i++) {
    if (out->list.items[i].type == VALUE_NULL) rc = ERR_INVALID;
  }
  if (rc < 0) {
    *message = arena_fmt(a, "expected a list in JSON whose items are each %s, not %s", value_type_wanted(items),
                         value_quoted(a, text, strlen(text)));
  }
  return rc;
}

int value_parse(struct arena *a, enum value_type type, enum value_type items, const char *text, struct value *out,
                const char **message) {
  if (type == VALUE_LIST) return list_from_text(a, items, text, out, message);
  if (type == VALUE_JSON && value_from_json(a, type, VALUE_ANY, text, strlen(text), out) == 0) return 0;
  *out = (struct value){.type = type};
  if (scalar_from_text(a, type, text, out)) return 0;
  return expected(a, type, text, strlen(text), message);
}

/* --- One type as another -----------------------------------------------------------------------------------------
 */

bool value_converts(enum value_type from, enum value_type to) {
  if (from == to || from == VALUE_ANY || to == VALUE_ANY || to == VALUE_JSON || from == VALUE_NULL) return true;
  bool from_text = from == VALUE_DATE || from == VALUE_DATETIME || from == VALUE_DURATION;
  bool to_text = to == VALUE_DATE || to == VALUE_DATETIME || to == VALUE_DURATION;
  if (from == VALUE_STRING) return to_text;
  if (to == VALUE_STRING) return from_text;
  if (from == VALUE_JSON) return to == VALUE_LIST;
  return from == VALUE_INT && to == VALUE_FLOAT;
}

static int list_convert(struct arena *a, enum value_type items, const struct value *v, struct value *out,
                        const char **message) {
  struct value *copy = arena_new_array(a, v->list.len, struct value);
  for (size_t i = 0; i < v->list.len; i++) {
    const char *why = NULL;
    int rc = value_convert(a, items, VALUE_ANY, &v->list.items[i], &copy[i], &why);
    if (rc == 0 && copy[i].type == VALUE_NULL && items != VALUE_ANY) {
      rc = ERR_INVALID;
      why = "it is null";
    }
    if (rc < 0) {
      *message = arena_fmt(a, "item %zu: %s", i + 1, why);
      return rc;
    }
  }
  *out = (struct value){.type = VALUE_LIST, .list = {copy, v->list.len}};
  return 0;
}

/* By way of its text, for all pairs but the few above that need no parsing. */
static int convert_by_text(struct arena *a, enum value_type type, enum value_type items, const struct value *v,
                           struct value *out, const char **message) {
  struct buf text = {0};
  int rc;
  if (type == VALUE_JSON) {
    struct json j;
    jsonw_init(&j, &text);
    value_json(v, &j);
    *out = json_text(a, text.bytes, text.len);
    rc = 0;
  } else {
    value_text(v, &text);
    rc = value_parse(a, type, items, arena_strndup(a, buf_cstr(&text), text.len), out, message);
  }
  buf_release(&text);
  return rc;
}

int value_convert(struct arena *a, enum value_type type, enum value_type items, const struct value *v,
                  struct value *out, const char **message) {
  *out = *v;
  if (v->type == VALUE_LIST && type == VALUE_LIST) {
    /* A list within a list is what it is: the type of its items can't be declared. */
    return items == VALUE_ANY || items == VALUE_LIST ? 0 : list_convert(a, items, v, out, message);
  }
  if (v->type == type || type == VALUE_ANY || v->type == VALUE_NULL) return 0;
  if (v->type == VALUE_INT && type == VALUE_FLOAT) {
    *out = value_float((double)v->integer);
    return 0;
  }
  if (value_converts(v->type, type)) return convert_by_text(a, type, items, v, out, message);
  struct buf text = {0};
  value_text(v, &text);
  *message = arena_fmt(a, "expected %s, not the %s %s", value_type_wanted(type), value_type_word(v->type),
                       value_quoted(a, buf_cstr(&text), text.len));
  buf_release(&text);
  return ERR_INVALID;
}
