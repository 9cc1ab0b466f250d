/* The lines of a log as they are judged and shown: each error that is told of lies within a line, a cut splits no
 * character, and a line has as many units as a browser will count in its JSON. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "scheduler/daemon/logs/first_error.h"
#include "scheduler/daemon/logs/log_text.h"

static size_t units_of(const char *utf8, size_t len) {
  size_t units = 0;
  for (size_t at = 0, took; at < len; at += took) {
    uint32_t point = 0;
    took = utf8_read(utf8 + at, len - at, &point);
    CHECK(took > 0);
    units += point > 0xffff ? 2 : 1;
  }
  return units;
}

static void shown_as_counted(const char *text, size_t len) {
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_string_n(&j, text, len);
  json_t *back = json_loadb(out.bytes, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  CHECK(back);
  CHECK(units_of(json_string_value(back), json_string_length(back)) == log_text_units(text, len));
  json_decref(back);
  buf_release(&out);
}

static void cut(const char *text, size_t len, size_t most) {
  const size_t short_len = log_text_cut(text, len, most), begin = log_text_begin(text, len, most < len ? most : len);
  CHECK(short_len <= len && short_len <= most && begin <= len && begin >= (most < len ? most : len));
  if (!utf8_valid(text, len)) return;
  CHECK(utf8_valid(text, short_len) && utf8_valid(text + begin, len - begin));
  CHECK(most < 4 || short_len + 4 > most || short_len == len);
}

static void errors(const char *text, size_t len) {
  static struct first_error *f; /* what a line before has begun ends with an exception's name */
  static const char end[] = "ValueError: x";
  if (!f) f = first_error_new();
  first_error_line(f, end, sizeof end - 1);
  const struct log_finder finder = first_error_finder(f);
  struct log_hit hit;
  for (size_t from = 0; from < len && finder.next(finder.ctx, text, len, from, &hit);) {
    const struct first_error_found found = first_error_last(f);
    CHECK(hit.begin >= from && hit.begin < hit.end && hit.end <= len);
    CHECK(!memchr(text + hit.begin, '\n', hit.end - hit.begin));
    CHECK(found.kind != ERROR_KIND_NONE && found.kind <= ERROR_KIND_ERROR && found.rank >= 1 && found.rank <= 4);
    CHECK(error_kind_word(found.kind)[0] && error_kind_sentence(found.kind)[0]);
    log_line_bounds(text, len, hit.begin, &from);
    from++; /* one hit a line */
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  const char *text = (const char *)data + 1;
  shown_as_counted(text, size - 1);
  cut(text, size - 1, data[0]);
  if (data[0] & 1) errors(text, size - 1);
  return 0;
}
