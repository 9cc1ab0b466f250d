/* The text format of Prometheus, byte by byte. */
#include "tests/unit/unit.h"

#include <string.h>

#include "scheduler/daemon/health/exposition.h"
#include "scheduler/daemon/health/histogram.h"

static void a_family_says_what_it_is_before_its_samples(void **state) {
  struct buf out = {0};
  struct exposition x;
  (void)state;
  exposition_init(&x, &out);
  exposition_family(&x, METRIC_COUNTER, "things_total", "How many things.");
  exposition_integer(&x, 7);
  exposition_label(&x, "a", "1");
  exposition_label(&x, "b", "");
  exposition_integer(&x, -3);
  assert_string_equal(buf_cstr(&out), "# HELP things_total How many things.\n"
                                      "# TYPE things_total counter\n"
                                      "things_total 7\n"
                                      "things_total{a=\"1\",b=\"\"} -3\n");
  buf_release(&out);
}

static void what_would_end_a_label_is_escaped(void **state) {
  static const struct {
    const char *value, *line;
  } cases[] = {
      {"plain", "f{l=\"plain\"} 1\n"},
      {"a\"b", "f{l=\"a\\\"b\"} 1\n"},
      {"a\\b", "f{l=\"a\\\\b\"} 1\n"},
      {"a\nb", "f{l=\"a\\nb\"} 1\n"},
      {"\\n", "f{l=\"\\\\n\"} 1\n"},
      {"\"\n\\", "f{l=\"\\\"\\n\\\\\"} 1\n"},
      {"\xc3\xbc{},=", "f{l=\"\xc3\xbc{},=\"} 1\n"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buf out = {0};
    struct exposition x;
    exposition_init(&x, &out);
    exposition_family(&x, METRIC_GAUGE, "f", "h");
    size_t head = out.len;
    exposition_label(&x, "l", cases[i].value);
    exposition_integer(&x, 1);
    assert_string_equal(out.bytes + head, cases[i].line);
    buf_release(&out);
  }
}

static void seconds_are_written_to_the_microsecond(void **state) {
  static const struct {
    int64_t us;
    const char *line;
  } cases[] = {
      {0, "f 0\n"},           {1, "f 0.000001\n"},
      {1500000, "f 1.5\n"},   {60000000, "f 60\n"},
      {-250000, "f -0.25\n"}, {1795858578180315, "f 1795858578.180315\n"},
      {10, "f 0.00001\n"},    {INT64_MIN, "f -9223372036854.775808\n"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buf out = {0};
    struct exposition x;
    exposition_init(&x, &out);
    exposition_family(&x, METRIC_GAUGE, "f", "h");
    size_t head = out.len;
    exposition_seconds(&x, cases[i].us);
    assert_string_equal(out.bytes + head, cases[i].line);
    buf_release(&out);
  }
}

static void a_bucket_counts_all_that_is_not_above_its_bound(void **state) {
  struct histogram h = {0};
  struct buf out = {0};
  struct exposition x;
  (void)state;
  histogram_add(&h, -5); /* a clock that stepped back */
  histogram_add(&h, histogram_bound_us(0));
  histogram_add(&h, histogram_bound_us(0) + 1);
  histogram_add(&h, histogram_bound_us(HISTOGRAM_BUCKETS - 1) + 1);
  assert_int_equal(h.max_us, histogram_bound_us(HISTOGRAM_BUCKETS - 1) + 1);
  exposition_init(&x, &out);
  exposition_family(&x, METRIC_HISTOGRAM, "f", "h");
  exposition_histogram(&x, &h);
  const char *text = buf_cstr(&out);
  assert_non_null(strstr(text, "f_bucket{le=\"0.0005\"} 2\nf_bucket{le=\"0.001\"} 3\n"));
  assert_non_null(strstr(text, "f_bucket{le=\"60\"} 3\nf_bucket{le=\"+Inf\"} 4\nf_sum 60.001002\nf_count 4\n"));
  buf_release(&out);
}

static void bounds_of_buckets_rise(void **state) {
  (void)state;
  for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++) assert_true(histogram_bound_us(i) > histogram_bound_us(i - 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_family_says_what_it_is_before_its_samples),
      cmocka_unit_test(what_would_end_a_label_is_escaped),
      cmocka_unit_test(seconds_are_written_to_the_microsecond),
      cmocka_unit_test(a_bucket_counts_all_that_is_not_above_its_bound),
      cmocka_unit_test(bounds_of_buckets_rise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
