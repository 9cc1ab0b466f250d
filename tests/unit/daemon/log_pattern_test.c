/* What is found in a log, and that no shortcut loses a line: an expression that needs some text is tried only where
 * that text is. */
#include "tests/unit/unit.h"

#include <string.h>

#include "scheduler/daemon/logs/log_pattern.h"

static const char hay[] = "an error\nfoo{2 bars\nxyyy\r\nFOO 12\na.b\n";

static void each_hit_is_found(void **state) {
  (void)state;
  static const struct {
    const char *pattern;
    bool regex, match_case;
    const char *hit; /* the first; NULL for none */
  } table[] = {
      {"error", false, true, "error"},
      {"ERROR", false, false, "error"},
      {"ERROR", false, true, NULL},
      {"a.b", false, true, "a.b"},
      {"foo ?\\d+", true, false, "FOO 12"},
      {"er+or$", true, true, "error"},
      {"xy+$", true, true, "xyyy"},
      {"xy{2,3}", true, true, "xyyy"},
      {"xyy{2}", true, true, "xyyy"},
      {"xyy{0}", true, true, "xy"},
      {"foo\\{2|nothing", true, true, "foo{2"},
      {"nothing{2|bars", true, true, "bars"}, /* a brace that stands for itself hides no alternative */
      {"nothing{|bars", true, true, "bars"},
      {"foo{2 b", true, true, "foo{2 b"},
      {"[}{]2", true, true, "{2"},
      {"(x|y)yy", true, true, "xyy"},
      {"(ab)?error", true, true, "error"},
      {"\\x65rror", true, true, "error"},
      {"(?i)ERROR", true, true, "error"},
      {"nothing", true, true, NULL},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct log_pattern_fault fault = {0};
    struct log_hit hit = {0};
    struct log_pattern *p = log_pattern_new(table[i].pattern, table[i].regex, table[i].match_case, &fault);
    if (!p) fail_msg("%s: %s", table[i].pattern, fault.text);
    const struct log_finder f = log_pattern_finder(p);
    const bool found = f.next(f.ctx, hay, sizeof hay - 1, 0, &hit);
    if (found != (table[i].hit != NULL)) fail_msg("%s is %sfound", table[i].pattern, found ? "" : "not ");
    if (found && (hit.end - hit.begin != strlen(table[i].hit) ||
                  memcmp(hay + hit.begin, table[i].hit, hit.end - hit.begin) != 0))
      fail_msg("%s finds '%.*s'", table[i].pattern, (int)(hit.end - hit.begin), hay + hit.begin);
    log_pattern_free(p);
  }
}

static void a_pattern_that_is_none_is_told_with_its_place(void **state) {
  (void)state;
  static const struct {
    const char *pattern;
    bool regex;
    size_t column;
    const char *text;
  } table[] = {
      {"", false, 0, "nothing to look for"},
      {"a\nb", false, 0, "no line break"},
      {"ab(c", true, 5, "parenthesis"},
      {"[a", true, 3, "]"},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct log_pattern_fault fault = {0};
    assert_null(log_pattern_new(table[i].pattern, table[i].regex, true, &fault));
    assert_int_equal(fault.column, table[i].column);
    assert_non_null(strstr(fault.text, table[i].text));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_hit_is_found),
      cmocka_unit_test(a_pattern_that_is_none_is_told_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
