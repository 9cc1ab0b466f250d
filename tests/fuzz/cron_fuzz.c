/* A cron expression, and a zone's rules as bytes: first line the expression, the rest a TZif file. Firings rise, and
 * the one before the next isn't later than where it was looked from. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "scheduler/spec/time/cron.h"
#include "scheduler/spec/time/zone.h"

#define FIRINGS 4

static void firings_rise(const struct cron *c, const struct zone *z, instant at) {
  for (int i = 0; i < FIRINGS; i++) {
    instant next = cron_next(c, z, at);
    if (next == INSTANT_NONE) return;
    CHECK(next > at);
    instant before = cron_prev(c, z, next);
    CHECK(before == INSTANT_NONE || before <= at);
    CHECK(cron_count(c, z, at, next) == 1);
    at = next;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char text[256];
  struct cron c;
  struct cron_fault fault;
  struct zone *z = NULL;
  const uint8_t *end = memchr(data, '\n', size);
  size_t len = end ? (size_t)(end - data) : size;
  if (len >= sizeof text || memchr(data, '\0', len)) return 0;
  memcpy(text, data, len);
  text[len] = '\0';
  if (end) zone_parse("Fuzz/Zone", end + 1, size - len - 1, &z);
  if (cron_parse(text, &c, &fault) == 0) {
    firings_rise(&c, zone_utc(), INT64_C(1774767600) * USEC_PER_SEC);
    if (z) firings_rise(&c, z, INT64_C(1774767600) * USEC_PER_SEC);
  } else {
    CHECK(fault.width >= 1 && fault.offset <= len);
  }
  zone_free(z);
  return 0;
}
