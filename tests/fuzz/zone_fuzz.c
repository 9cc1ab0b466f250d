/* A zone's rules as bytes, a TZif file, or with another first byte than its magic's the rule of its footer alone.
 * Each instant lies in one stretch, stretches join, offsets are within bounds, and what the clocks show leads back.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "scheduler/spec/time/zone.h"
#include "scheduler/spec/time/zone_rule.h"

#define STEPS 6
#define DAY_S (26 * 3600)

static void leads_back(const struct zone *z, instant t) {
  const struct civil c = zone_civil(z, t);
  instant found[2];
  CHECK(civil_date_valid(c.year, c.month, c.day));
  const int n = zone_local_to_instants(z, &c, found, NULL);
  CHECK(n == 1 || n == 2);
  /* A made-up zone may repeat a time more often than twice. */
  CHECK(found[0] == t || (n == 2 && found[1] <= t));
  CHECK(n == 1 || found[0] < found[1]);
}

static void stretches_join(const struct zone *z, instant t) {
  for (int i = 0; i < STEPS; i++) {
    const struct zone_span s = zone_span_at(z, t);
    CHECK(s.start <= t && t < s.end && s.offset_s > -DAY_S && s.offset_s < DAY_S);
    CHECK(s.abbreviation && strlen(s.abbreviation) < 64);
    CHECK(zone_offset(z, t) == s.offset_s);
    leads_back(z, t);
    if (s.start > ZONE_SPAN_FIRST) CHECK(zone_span_at(z, s.start - 1).end == s.start);
    if (s.end == ZONE_SPAN_LAST || s.end > INT64_C(250000000000) * USEC_PER_SEC) return;
    t = s.end;
  }
}

static void rule(const char *text, size_t len) {
  struct zone_rule r;
  if (zone_rule_parse(text, len, &r)) return;
  CHECK(strlen(r.standard) < ZONE_RULE_NAME_SIZE && strlen(r.summer) < ZONE_RULE_NAME_SIZE);
  for (instant t = 0; t < INT64_C(40) * 365 * USEC_PER_DAY; t += INT64_C(5000000) * USEC_PER_SEC * 17) {
    const struct zone_span s = zone_rule_span(&r, t);
    CHECK(s.start <= t && t < s.end);
    CHECK(s.offset_s == (s.is_dst ? r.summer_s : r.standard_s));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const instant when[] = {-INT64_C(3000000000), 0, INT64_C(1774767600), INT64_C(4102444800),
                                 INT64_C(32503680000)};
  struct zone *z = NULL;
  if (size > 0 && data[0] != 'T') rule((const char *)data, size);
  if (zone_parse("Fuzz/Zone", data, size, &z)) {
    CHECK(!z);
    return 0;
  }
  CHECK(strcmp(zone_name(z), "Fuzz/Zone") == 0 && !zone_stale(z));
  for (size_t i = 0; i < sizeof when / sizeof *when; i++) stretches_join(z, when[i] * USEC_PER_SEC);
  zone_free(z);
  return 0;
}
