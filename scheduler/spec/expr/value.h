/* A typed value of the language: of a parameter, a matrix, an output, an expression.
 *
 * Plain data; text, items and JSON belong to the arena that the value was made in. A JSON value is its canonical text
 * (no spaces, keys and numbers as written), so two JSON values are equal if their texts are; the JSON text `null` is
 * the null value. Lists nest at most VALUE_NEST_MAX deep; what is deeper is a JSON value. Comparison and arithmetic
 * follow docs/pipeline-language.md: int and float compare, null takes only == and !=.
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

#define VALUE_NEST_MAX 16

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
 * comma-separated; no text at all is the empty list). Numbers are decimal without leading zeros or a plus; a float is
 * finite. On failure returns ERR_INVALID and a message that says what was expected, in the arena. */
int value_parse(struct arena *a, enum value_type type, enum value_type items, const char *text, struct value *out,
                const char **message);
/* What reaches a task in a variable: text as it is, true/false, dates as 2026-03-29, datetimes in RFC 3339 UTC, lists
 * and objects as JSON, null as nothing. */
void value_text(const struct value *v, struct buf *out);
void value_json(const struct value *v, struct json *j);
/* Reads back what value_json wrote, knowing the type (ANY: by the JSON's own kind; an object is a JSON value). A null
 * is null whatever the type; a whole number does for a float. ERR_INVALID. */
int value_from_json(struct arena *a, enum value_type type, enum value_type items, const char *text, size_t len,
                    struct value *out);
/* The same value as another type, where nothing is lost: int as float, text as a date, datetime or duration and back,
 * anything as JSON, the items of a list likewise; null stays null. Never text as a number. ERR_INVALID with a
 * message. */
int value_convert(struct arena *a, enum value_type type, enum value_type items, const struct value *v,
                  struct value *out, const char **message);
/* Whether value_convert can do it for some value of the type `from`: the check when a file is read. */
bool value_converts(enum value_type from, enum value_type to);
/* "a whole number", "a date such as 2026-03-29": for messages. */
const char *value_type_wanted(enum value_type type);
/* Text for a message: in quotes, at most 40 characters of it, controls as '?'. */
const char *value_quoted(struct arena *a, const char *bytes, size_t len);
/* About how many bytes it takes, items of items included. */
size_t value_size(const struct value *v);
struct value value_copy(struct arena *a, const struct value *v);
bool value_equal(const struct value *a, const struct value *b);

#endif
