/* A streaming JSON writer: what is written goes straight to a buffer, without a tree. Reading JSON is jansson's
 * work, whose names begin with json_; these begin with jsonw_.
 *
 * Commas and nesting are kept by the writer; an object's member is jsonw_key followed by one value. Depth at most 64:
 * more is a bug of ours and asserts, as is a value without a key in an object or an end of the wrong kind. Values at
 * the top follow each other as the caller separates them. Strings are UTF-8; a byte that isn't becomes U+FFFD. Times
 * are RFC 3339 in UTC with microseconds, INSTANT_NONE is null; durations are written as milliseconds, ids as strings.
 */
#ifndef ROTA_BASE_JSON_H
#define ROTA_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"

#define JSON_DEPTH_MAX 64

struct json {
  struct buf *out;
  int depth;
  bool after_key;
  bool object[JSON_DEPTH_MAX + 1]; /* whether the level is an object; level 0 is the top */
  bool filled[JSON_DEPTH_MAX + 1]; /* whether it has a member already */
};

void jsonw_init(struct json *j, struct buf *out);
void jsonw_object(struct json *j);
void jsonw_object_end(struct json *j);
void jsonw_array(struct json *j);
void jsonw_array_end(struct json *j);
void jsonw_key(struct json *j, const char *key);
void jsonw_null(struct json *j);
void jsonw_bool(struct json *j, bool value);
void jsonw_int(struct json *j, int64_t value);
/* The shortest text that reads back as the same double; NaN and infinities, which JSON lacks, become strings. */
void jsonw_double(struct json *j, double value);
/* NULL writes null. */
void jsonw_string(struct json *j, const char *text);
void jsonw_string_n(struct json *j, const char *text, size_t len);
void jsonw_instant(struct json *j, instant t);
/* Milliseconds, rounded down; a negative one is null. */
void jsonw_duration_ms(struct json *j, duration d);
/* A value that is JSON text already; it is not checked. */
void jsonw_raw(struct json *j, const char *text, size_t len);

/* A key and its value in one call. */
void jsonw_member_string(struct json *j, const char *key, const char *text);
void jsonw_member_int(struct json *j, const char *key, int64_t value);
void jsonw_member_bool(struct json *j, const char *key, bool value);
void jsonw_member_instant(struct json *j, const char *key, instant t);

#endif
