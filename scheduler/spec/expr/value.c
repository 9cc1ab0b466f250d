#include "scheduler/spec/expr/value.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

const char *value_type_word(enum value_type type) {
  static const char *const words[] = {
#define X(name, word) word,
      VALUE_TYPE_LIST(X)
#undef X
  };
  assert((size_t)type < sizeof words / sizeof words[0]);
  return words[type];
}

int value_type_from_word(const char *word) {
#define X(name, text)                                                                                                \
  if (strcmp(word, text) == 0 && VALUE_##name != VALUE_ANY && VALUE_##name != VALUE_NULL) return VALUE_##name;
  VALUE_TYPE_LIST(X)
#undef X
  return -1;
}

const char *value_type_wanted(enum value_type type) {
  static const char *const wanted[] = {
      [VALUE_ANY] = "a value",
      [VALUE_NULL] = "nothing",
      [VALUE_BOOL] = "true or false",
      [VALUE_INT] = "a whole number",
      [VALUE_FLOAT] = "a finite decimal number",
      [VALUE_STRING] = "text",
      [VALUE_DATE] = "a date such as 2026-03-29",
      [VALUE_DATETIME] = "a time such as 2026-03-29T01:30:00Z",
      [VALUE_DURATION] = "a duration such as 90s, 5m or 1h30m",
      [VALUE_LIST] = "a list",
      [VALUE_JSON] = "JSON",
  };
  return wanted[type];
}

struct value value_null(void) {
  return (struct value){.type = VALUE_NULL};
}

struct value value_bool(bool b) {
  return (struct value){.type = VALUE_BOOL, .boolean = b};
}

struct value value_int(int64_t i) {
  return (struct value){.type = VALUE_INT, .integer = i};
}

struct value value_float(double d) {
  return (struct value){.type = VALUE_FLOAT, .number = d};
}

struct value value_string(struct arena *a, const char *text) {
  size_t len = strlen(text);
  return (struct value){.type = VALUE_STRING, .text = {arena_strndup(a, text, len), len}};
}

const char *value_quoted(struct arena *a, const char *bytes, size_t len) {
  enum { SHOWN = 40 };
  char shown[4 * SHOWN + 1];
  size_t used = 0, at = 0;
  for (int count = 0; at < len && count < SHOWN; count++) {
    uint32_t point;
    size_t n = utf8_read(bytes + at, len - at, &point);
    if (n == 0 || utf8_control(point)) {
      shown[used++] = '?';
      at += n ? n : 1;
    } else {
      memcpy(shown + used, bytes + at, n);
      used += n;
      at += n;
    }
  }
  shown[used] = '\0';
  return arena_fmt(a, at < len ? "'%s...'" : "'%s'", shown);
}

/* jsonw_double is the one place that knows how to write the shortest text of a double. */
static void float_text(double number, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  jsonw_double(&j, number);
}

void value_text(const struct value *v, struct buf *out) {
  char text[INSTANT_TEXT_SIZE + DURATION_TEXT_SIZE];
  switch (v->type) {
  case VALUE_ANY:
  case VALUE_NULL: return;
  case VALUE_BOOL: buf_str(out, v->boolean ? "true" : "false"); return;
  case VALUE_INT: buf_int(out, v->integer); return;
  case VALUE_FLOAT: float_text(v->number, out); return;
  case VALUE_STRING:
  case VALUE_JSON: buf_add(out, v->text.bytes, v->text.len); return;
  case VALUE_DATE: date_format(v->days, text); break;
  case VALUE_DATETIME:
    instant_format_offset(v->at, 0, text);
    memcpy(strrchr(text, '+'), "Z", 2);
    break;
  case VALUE_DURATION: duration_format(v->span, text); break;
  case VALUE_LIST: {
    struct json j;
    jsonw_init(&j, out);
    value_json(v, &j);
    return;
  }
  }
  buf_str(out, text);
}

void value_json(const struct value *v, struct json *j) {
  struct buf text = {0};
  switch (v->type) {
  case VALUE_ANY:
  case VALUE_NULL: jsonw_null(j); break;
  case VALUE_BOOL: jsonw_bool(j, v->boolean); break;
  case VALUE_INT: jsonw_int(j, v->integer); break;
  case VALUE_FLOAT: jsonw_double(j, v->number); break;
  case VALUE_STRING: jsonw_string_n(j, v->text.bytes, v->text.len); break;
  case VALUE_JSON: jsonw_raw(j, v->text.bytes, v->text.len); break;
  case VALUE_DATE:
  case VALUE_DATETIME:
  case VALUE_DURATION:
    value_text(v, &text);
    jsonw_string_n(j, text.bytes, text.len);
    break;
  case VALUE_LIST:
    jsonw_array(j);
    for (size_t i = 0; i < v->list.len; i++) value_json(&v->list.items[i], j);
    jsonw_array_end(j);
    break;
  }
  buf_release(&text);
}

size_t value_size(const struct value *v) {
  size_t size = sizeof *v;
  if (v->type == VALUE_STRING || v->type == VALUE_JSON) size += v->text.len;
  if (v->type != VALUE_LIST) return size;
  for (size_t i = 0; i < v->list.len; i++) size += value_size(&v->list.items[i]);
  return size;
}

struct value value_copy(struct arena *a, const struct value *v) {
  struct value copy = *v;
  if (v->type == VALUE_STRING || v->type == VALUE_JSON) {
    copy.text.bytes = arena_strndup(a, v->text.bytes, v->text.len);
  } else if (v->type == VALUE_LIST) {
    struct value *items = arena_new_array(a, v->list.len, struct value);
    for (size_t i = 0; i < v->list.len; i++) items[i] = value_copy(a, &v->list.items[i]);
    copy.list.items = items;
  }
  return copy;
}

static bool list_equal(const struct value *a, const struct value *b) {
  if (a->list.len != b->list.len) return false;
  for (size_t i = 0; i < a->list.len; i++) {
    if (!value_equal(&a->list.items[i], &b->list.items[i])) return false;
  }
  return true;
}

/* Exact: a double beyond 2^53 must not be taken for the whole number next to it. */
static bool int_equals_float(int64_t i, double d) {
  return d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == trunc(d) && (int64_t)d == i;
}

bool value_equal(const struct value *a, const struct value *b) {
  if (a->type == VALUE_INT && b->type == VALUE_FLOAT) return int_equals_float(a->integer, b->number);
  if (a->type == VALUE_FLOAT && b->type == VALUE_INT) return int_equals_float(b->integer, a->number);
  if (a->type != b->type) return false;
  switch (a->type) {
  case VALUE_ANY:
  case VALUE_NULL: return true;
  case VALUE_BOOL: return a->boolean == b->boolean;
  case VALUE_INT: return a->integer == b->integer;
  case VALUE_FLOAT: return a->number == b->number;
  case VALUE_STRING:
  case VALUE_JSON: return a->text.len == b->text.len && memcmp(a->text.bytes, b->text.bytes, a->text.len) == 0;
  case VALUE_DATE: return a->days == b->days;
  case VALUE_DATETIME: return a->at == b->at;
  case VALUE_DURATION: return a->span == b->span;
  case VALUE_LIST: return list_equal(a, b);
  }
  return false;
}
