#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "scheduler/spec/time/zone_rule.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static instant at(const char *text) {
  instant t;
  assert_int_equal(instant_parse(text, &t), 0);
  return t;
}

static void rules_are_read_as_rfc_9636_writes_them(void **state) {
  (void)state;
  static const struct {
    const char *rule, *t;
    int32_t offset_s;
    const char *abbreviation;
  } cases[] = {
      {"UTC0", "2026-01-01T00:00:00Z", 0, "UTC"},
      {"<+0330>-3:30", "2026-01-01T00:00:00Z", 12600, "+0330"},
      {"<-00>24:59:59", "2026-01-01T00:00:00Z", -89999, "-00"},
      {"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", -18000, "EST"},
      {"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14400, "EDT"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600, "IST"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-01T00:00:00Z", 0, "GMT"},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200, "-02"},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600, "-01"},
      {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2090-03-24T23:59:59Z", 7200, "EET"},
      {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2090-03-25T00:00:00Z", 10800, "EEST"},
      {"AAA0BBB,J60,J300", "2024-03-01T01:59:59Z", 0, "AAA"},
      {"AAA0BBB,J60,J300", "2024-03-01T02:00:00Z", 3600, "BBB"},
      {"AAA0BBB,J40,J300", "2024-02-09T02:00:00Z", 3600, "BBB"},
      {"AAA0BBB,J40,J300", "2024-02-09T01:59:59Z", 0, "AAA"},
      {"AAA0BBB,M11.1.0,M12.5.0", "2026-12-27T00:59:59Z", 3600, "BBB"},
      {"AAA0BBB,M11.1.0,M12.5.0", "2026-12-27T01:00:00Z", 0, "AAA"},
      {"AAA0BBB,59,299", "2024-02-29T02:00:00Z", 3600, "BBB"},
      {"AAA0BBB,59,299", "2025-03-01T01:59:59Z", 0, "AAA"},
      {"AAA0BBB,M4.1.0/-167,M9.1.0/167:59:59", "2026-03-29T00:59:59Z", 0, "AAA"},
      {"AAA0BBB,M4.1.0/-167,M9.1.0/167:59:59", "2026-03-29T01:00:00Z", 3600, "BBB"},
      {"AAA0BBB,M4.1.0/-167,M9.1.0/167:59:59", "2026-09-12T22:59:58Z", 3600, "BBB"},
      {"AAA0BBB,M4.1.0/-167,M9.1.0/167:59:59", "2026-09-12T22:59:59Z", 0, "AAA"},
      /* Summer time all year round, with standard time that lasts for no time at all. */
      {"EST5EDT,0/0,J365/25", "2026-01-01T05:00:00Z", -14400, "EDT"},
      {"EST5EDT,0/0,J365/25", "2026-01-01T04:59:59Z", -14400, "EDT"},
      {"EST5EDT,0/0,J365/25", "2026-07-01T00:00:00Z", -14400, "EDT"},
      /* South of the equator. */
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39600, "AEDT"},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z", 36000, "AEST"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct zone_rule r;
    if (zone_rule_parse(cases[i].rule, strlen(cases[i].rule), &r) < 0) fail_msg("refused: %s", cases[i].rule);
    struct zone_span span = zone_rule_span(&r, at(cases[i].t));
    if (span.offset_s != cases[i].offset_s || strcmp(span.abbreviation, cases[i].abbreviation) != 0)
      fail_msg("%s at %s: %d %s", cases[i].rule, cases[i].t, span.offset_s, span.abbreviation);
    assert_true(span.start <= at(cases[i].t) && at(cases[i].t) < span.end);
  }
}

static void wrong_rules_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "AB0",
                                    "UTC",
                                    "UTC25",
                                    "<UTC0",
                                    "<U>0",
                                    "UTC0 ",
                                    "UTC0:60",
                                    "UTC0:00:60",
                                    "UTC0:00:",
                                    "EST5EDT",
                                    "EST5EDT,M3.2.0",
                                    "EST5EDT,M13.1.0,M1.1.0",
                                    "EST5EDT,M3.6.0,M11.1.0",
                                    "EST5EDT,M3.2.7,M11.1.0",
                                    "EST5EDT,J0,J5",
                                    "EST5EDT,J366,J5",
                                    "EST5EDT,366,5",
                                    "EST5EDT,M3.2.0/168,M11.1.0",
                                    "EST5EDT,M3.2.0,M11.1.0,",
                                    "EST5EDT,M3.2.0/,M11.1.0",
                                    "ABCDEFGHIJKLMNOP0",
                                    "EST-+5"};
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct zone_rule r;
    if (zone_rule_parse(bad[i], strlen(bad[i]), &r) != ERR_INVALID) fail_msg("accepted: %s", bad[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rules_are_read_as_rfc_9636_writes_them),
      cmocka_unit_test(wrong_rules_are_refused),
  };
  return cmocka_run_group_tests_name("zone_rule", tests, NULL, NULL);
}
