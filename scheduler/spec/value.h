/* A typed value of the language: of a parameter, a matrix, an output, an expression.
 *
 * Plain data; text, items and JSON belong to the arena that the value was made in. A JSON value is its canonical text
 * (no spaces, keys as written). Comparison and arithmetic follow docs/pipeline-language.md: int and float compare,
 * null takes only == and !=.
 */
#ifndef ROTA_SPEC_VALUE_H
#define ROTA_SPEC_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/instant.h"
#include "base/json.h"

/* The words are those of `type:` in a pipeline; null and any are no types that can be declared. */
#define VALUE_TYPE_LIST(X)                                                                                           \
  X(ANY, "any") /* in type checks only: not known before the run */                                                  \
  X(NULL, "null")                                                                                                    \
  X(BOOL, "bool")                                                                                                    \
  X(INT, "int")                                                                                                      \
  X(FLOAT, "float")                                                                                                  \
  X(STRING, "string")                                                                                                \
  X(DATE, "date")                                                                                                    \
  X(DATETIME, "datetime")                                                                                            \
  X(DURATION, "duration")                                                                                            \
  X(LIST, "list")                                                                                                    \
  X(JSON, "json")

enum value_type {
#define X(name, word) VALUE_##name,
  VALUE_TYPE_LIST(X)
#undef X
};

const char *value_type_word(enum value_type type);
/* -1 for a word that isn't a type. "enum" is a string with listed values: the parameter's matter. */
int value_type_from_word(const char *word);

struct value {
  enum value_type type;
  union {
    bool boolean;
    int64_t integer;
    double number;
    int64_t days; /* since the epoch */
    instant at;
    duration span;
    struct {
      const char *bytes; /* NUL-terminated; no NUL within */
      size_t len;
    } text; /* STRING and JSON */
    struct {
      const struct value *items;
      size_t len;
    } list;
  };
};

struct value value_null(void);
struct value value_bool(bool b);
struct value value_int(int64_t i);
struct value value_float(double d);
/* Copies. */
struct value value_string(struct arena *a, const char *text);

/* Reads what a person wrote as a value of `type`; `items` is the type of a list's items (a list is JSON text or
 * comma-separated). On failure returns ERR_INVALID and a message that says what was expected, in the arena. */
int value_parse(struct arena *a, enum value_type type, enum value_type items, const char *text, struct value *out,
                const char **message);
/* What reaches a task in a variable: text as it is, true/false, dates as 2026-03-29, datetimes in RFC 3339 UTC, lists
 * and objects as JSON, null as nothing. */
void value_text(const struct value *v, struct buf *out);
void value_json(const struct value *v, struct json *j);
/* Reads back what value_json wrote, knowing the type (ANY: by the JSON's own kind). ERR_INVALID. */
int value_from_json(struct arena *a, enum value_type type, enum value_type items, const char *text, size_t len,
                    struct value *out);
struct value value_copy(struct arena *a, const struct value *v);
bool value_equal(const struct value *a, const struct value *b);

#endif
