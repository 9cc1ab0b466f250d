/* Single values as people and programs write them: instants, dates, durations, numbers, addresses, base 64, and the
 * types of parameters. What was read is the same after it was written and read again. The first byte chooses. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/base64.h"
#include "base/net.h"
#include "base/utf8.h"
#include "scheduler/spec/expr/value.h"

static void times(struct arena *a, const char *text) {
  char shown[INSTANT_TEXT_SIZE], day[16], span[DURATION_TEXT_SIZE];
  instant at, again;
  int64_t days, days_again;
  duration d, d_again;
  (void)a;
  if (instant_parse(text, &at) == 0) {
    instant_format_utc(at, shown);
    CHECK(instant_parse(shown, &again) == 0 && at == again);
  }
  if (date_parse(text, &days) == 0) {
    date_format(days, day);
    CHECK(date_parse(day, &days_again) == 0 && days == days_again && strcmp(day, text) == 0);
  }
  if (duration_parse(text, &d) == 0) {
    duration_format(d, span);
    CHECK(d >= 0 && d <= DURATION_MAX && duration_parse(span, &d_again) == 0 && d == d_again);
  }
}

static void addresses(struct arena *a, const char *text) {
  struct net_address address, address_again;
  struct net_range range;
  struct net_endpoint end, end_again;
  struct net_origin origin, origin_again;
  char shown[NET_ENDPOINT_TEXT];
  if (net_address_parse(text, &address)) {
    net_address_text(&address, shown);
    CHECK(net_address_parse(shown, &address_again) && net_address_equal(&address, &address_again));
  }
  if (net_range_parse(text, &range))
    CHECK(range.bits >= 0 && range.bits <= 128 && net_range_has(&range, &range.base));
  if (net_endpoint_parse(text, &end)) {
    net_endpoint_text(&end, shown);
    CHECK(net_endpoint_parse(shown, &end_again) && end.port == end_again.port);
    CHECK(net_address_equal(&end.address, &end_again.address));
  }
  if (net_origin_parse(text, true, &origin)) {
    const char *url = arena_fmt(a, "%s://%s:%u", origin.secure ? "https" : "http", origin.host,
                                (unsigned)origin.port);
    CHECK(net_origin_parse(url, false, &origin_again) && net_origin_equal(&origin, &origin_again));
  }
}

static void base64(struct arena *a, const char *text) {
  struct buf raw = {0}, back = {0};
  (void)a;
  if (base64_decode(&raw, text, strlen(text))) {
    base64_encode(&back, raw.bytes, raw.len);
    CHECK(back.len == strlen(text) && (!back.len || memcmp(back.bytes, text, back.len) == 0));
  } else {
    CHECK(raw.len == 0);
  }
  buf_release(&raw);
  buf_release(&back);
}

/* A list's items are strings, so that it is one of lists whatever it holds. */
static void as_type(struct arena *a, enum value_type type, enum value_type items, const char *text) {
  struct value v, again, copy;
  const char *message = NULL;
  struct buf json = {0}, plain = {0};
  struct json j;
  if (value_parse(a, type, items, text, &v, &message)) {
    CHECK(message && *message);
    return;
  }
  CHECK(v.type == type || v.type == VALUE_NULL);
  jsonw_init(&j, &json);
  value_json(&v, &j);
  CHECK(utf8_valid(json.bytes, json.len));
  CHECK(value_from_json(a, type, items, json.bytes, json.len, &again) == 0);
  CHECK(value_equal(&v, &again));
  value_text(&v, &plain);
  copy = value_copy(a, &v);
  CHECK(value_equal(&copy, &v) && value_size(&v) >= sizeof v / 2);
  if (v.type != VALUE_LIST && v.type != VALUE_NULL) {
    CHECK(value_parse(a, type, items, buf_cstr(&plain), &again, &message) == 0 && value_equal(&v, &again));
  }
  buf_release(&json);
  buf_release(&plain);
}

static void types(struct arena *a, const char *text) {
  static const enum value_type all[] = {VALUE_BOOL, VALUE_INT,      VALUE_FLOAT,    VALUE_STRING,
                                        VALUE_DATE, VALUE_DATETIME, VALUE_DURATION, VALUE_JSON};
  if (!utf8_valid(text, strlen(text))) return;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    as_type(a, all[i], VALUE_ANY, text);
    as_type(a, VALUE_LIST, all[i], text);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(struct arena *, const char *) = {times, addresses, base64, types};
  struct arena a = {0};
  if (size < 1 || memchr(data + 1, '\0', size - 1)) return 0;
  readers[data[0] % 4](&a, arena_strndup(&a, (const char *)data + 1, size - 1));
  arena_release(&a);
  return 0;
}
