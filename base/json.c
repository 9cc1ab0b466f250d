#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void jsonw_init(struct json *j, struct buf *out) {
  *j = (struct json){.out = out};
}

/* What comes before a value: a comma between elements, nothing after a key or at the top. */
static void before_value(struct json *j) {
  if (j->after_key) {
    j->after_key = false;
    return;
  }
  assert(!j->object[j->depth]); /* a member of an object needs a key */
  if (j->depth == 0) return;
  if (j->filled[j->depth]) buf_char(j->out, ',');
  j->filled[j->depth] = true;
}

static void open_level(struct json *j, char bracket, bool object) {
  before_value(j);
  assert(j->depth < JSON_DEPTH_MAX);
  j->depth++;
  j->object[j->depth] = object;
  j->filled[j->depth] = false;
  buf_char(j->out, bracket);
}

static void close_level(struct json *j, char bracket, bool object) {
  assert(j->depth > 0 && j->object[j->depth] == object && !j->after_key);
  (void)object;
  j->depth--;
  buf_char(j->out, bracket);
}

void jsonw_object(struct json *j) {
  open_level(j, '{', true);
}

void jsonw_object_end(struct json *j) {
  close_level(j, '}', true);
}

void jsonw_array(struct json *j) {
  open_level(j, '[', false);
}

void jsonw_array_end(struct json *j) {
  close_level(j, ']', false);
}

/* The escape of a byte that must not stand in a string; NULL if it may. */
static const char *escape_of(unsigned char c, char scratch[8]) {
  static const char plain[] = "\"\"\\\\\bb\ff\nn\rr\tt";
  if (c >= 0x20 && c != '"' && c != '\\') return NULL;
  for (size_t i = 0; i + 1 < sizeof plain - 1; i += 2) {
    if ((unsigned char)plain[i] == c) {
      scratch[0] = '\\';
      scratch[1] = plain[i + 1];
      scratch[2] = '\0';
      return scratch;
    }
  }
  snprintf(scratch, 8, "\\u%04x", c);
  return scratch;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* True if one of eight bytes is below the limit, which is at most 0x80, or is 0x80 or more (Anderson, "Bit Twiddling
 * Hacks", "Determine if a word has a byte less than n"). */
static bool any_below(uint64_t word, uint8_t limit) {
  return ((word - EACH(limit)) | word) & EACH(0x80u);
}

/* How many bytes from the start need neither an escape nor a look at their UTF-8. */
static size_t plain_len(const char *text, size_t len) {
  size_t at = 0;
  for (uint64_t word; at + sizeof word <= len; at += sizeof word) {
    memcpy(&word, text + at, sizeof word);
    /* A byte of the word that is the one looked for becomes 0, which is below 1. */
    uint64_t quote = word ^ EACH('"'), slash = word ^ EACH('\\');
    if (any_below(word, 0x20) || any_below(quote, 1) || any_below(slash, 1)) break;
  }
  for (; at < len; at++) {
    unsigned char c = (unsigned char)text[at];
    if ((unsigned char)(c - 0x20) >= 0x60 || c == '"' || c == '\\') break;
  }
  return at;
}

/* What has to be escaped or replaced, and what lies between. */
static void write_escaped(struct buf *out, const char *text, size_t len) {
  char scratch[8];
  uint32_t point;
  size_t from = 0, at = 0; /* text[from..at) is to be copied as it is */
  while (at < len) {
    size_t size = utf8_read(text + at, len - at, &point);
    const char *instead = size == 0 ? "\xef\xbf\xbd" : size == 1 ? escape_of((unsigned char)text[at], scratch) : NULL;
    if (!instead) {
      at += size;
      continue;
    }
    buf_add(out, text + from, at - from);
    buf_str(out, instead);
    from = ++at;
  }
  buf_add(out, text + from, at - from);
}

static void write_string(struct buf *out, const char *text, size_t len) {
  size_t plain = plain_len(text, len);
  buf_reserve(out, len + 2);
  out->bytes[out->len++] = '"';
  if (plain) memcpy(out->bytes + out->len, text, plain);
  out->len += plain;
  if (plain < len) write_escaped(out, text + plain, len - plain);
  buf_char(out, '"');
}

void jsonw_key(struct json *j, const char *key) {
  assert(j->object[j->depth] && !j->after_key);
  if (j->filled[j->depth]) buf_char(j->out, ',');
  j->filled[j->depth] = true;
  write_string(j->out, key, strlen(key));
  buf_char(j->out, ':');
  j->after_key = true;
}

void jsonw_raw(struct json *j, const char *text, size_t len) {
  before_value(j);
  buf_add(j->out, text, len);
}

void jsonw_null(struct json *j) {
  jsonw_raw(j, "null", 4);
}

void jsonw_bool(struct json *j, bool value) {
  jsonw_raw(j, value ? "true" : "false", value ? 4 : 5);
}

void jsonw_int(struct json *j, int64_t value) {
  before_value(j);
  buf_int(j->out, value);
}

void jsonw_double(struct json *j, double value) {
  if (isnan(value) || isinf(value)) {
    jsonw_string(j, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
    return;
  }
  char text[40];
  if (value == 0 && signbit(value)) {
    snprintf(text, sizeof text, "-0.0"); /* "-0" is read as a whole number, which has no sign at zero */
  } else if (fabs(value) < 1e15 && value == trunc(value)) {
    snprintf(text, sizeof text, "%.0f", value);
  } else {
    int digits = 1;
    do snprintf(text, sizeof text, "%.*g", digits, value);
    while (strtod(text, NULL) != value && ++digits <= 17);
  }
  jsonw_raw(j, text, strlen(text));
}

void jsonw_string(struct json *j, const char *text) {
  if (text)
    jsonw_string_n(j, text, strlen(text));
  else
    jsonw_null(j);
}

void jsonw_string_n(struct json *j, const char *text, size_t len) {
  before_value(j);
  write_string(j->out, text, len);
}

void jsonw_instant(struct json *j, instant t) {
  if (t == INSTANT_NONE) {
    jsonw_null(j);
    return;
  }
  char text[INSTANT_TEXT_SIZE + 2];
  instant_format_utc(t, text + 1);
  size_t len = strlen(text + 1);
  text[0] = text[len + 1] = '"';
  jsonw_raw(j, text, len + 2);
}

void jsonw_duration_ms(struct json *j, duration d) {
  if (d < 0)
    jsonw_null(j);
  else
    jsonw_int(j, d / USEC_PER_MS);
}

void jsonw_member_string(struct json *j, const char *key, const char *text) {
  jsonw_key(j, key);
  jsonw_string(j, text);
}

void jsonw_member_int(struct json *j, const char *key, int64_t value) {
  jsonw_key(j, key);
  jsonw_int(j, value);
}

void jsonw_member_bool(struct json *j, const char *key, bool value) {
  jsonw_key(j, key);
  jsonw_bool(j, value);
}

void jsonw_member_instant(struct json *j, const char *key, instant t) {
  jsonw_key(j, key);
  jsonw_instant(j, t);
}
