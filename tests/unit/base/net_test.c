/* Addresses, ranges, endpoints and origins. */
#include "base/net.h"

#include <string.h>

#include "tests/unit/unit.h"

static void addresses_are_read_and_written(void **state) {
  (void)state;
  static const struct {
    const char *text, *written; /* NULL: none */
  } rows[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"::1", "::1"},
      {"::ffff:10.0.0.7", "10.0.0.7"},
      {"2001:DB8::1", "2001:db8::1"},
      {"0.0.0.0", "0.0.0.0"},
      {"::", "::"},
      {"", NULL},
      {"1.2.3", NULL},
      {"1.2.3.256", NULL},
      {"01.2.3.4", NULL},
      {"[::1]", NULL},
      {"::1%eth0", NULL},
      {"localhost", NULL},
      {" 1.2.3.4", NULL},
      {"1.2.3.4 ", NULL},
      {"1.2.3.4/8", NULL},
      {"0x7f.0.0.1", NULL},
      {"2130706433", NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct net_address a;
    char text[NET_ADDRESS_TEXT];
    bool read = net_address_parse(rows[i].text, &a);
    if (read != (rows[i].written != NULL)) fail_msg("%s", rows[i].text);
    if (!read) continue;
    net_address_text(&a, text);
    assert_string_equal(text, rows[i].written);
  }
}

static void the_kinds_of_addresses_are_told_apart(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool v4, loopback, any;
  } rows[] = {
      {"127.0.0.1", true, true, false},  {"127.9.9.9", true, true, false},
      {"128.0.0.1", true, false, false}, {"0.0.0.0", true, false, true},
      {"::", false, false, true},        {"::1", false, true, false},
      {"::2", false, false, false},      {"::ffff:127.0.0.1", true, true, false},
      {"fe80::1", false, false, false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct net_address a;
    assert_true(net_address_parse(rows[i].text, &a));
    assert_int_equal(net_address_v4(&a), rows[i].v4);
    assert_int_equal(net_address_loopback(&a), rows[i].loopback);
    assert_int_equal(net_address_any(&a), rows[i].any);
  }
}

static void ranges_have_their_addresses_and_no_others(void **state) {
  (void)state;
  static const struct {
    const char *range, *in, *out;
  } rows[] = {
      {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
      {"10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"},
      {"192.168.4.0/22", "192.168.7.255", "192.168.8.0"},
      {"10.0.0.7", "10.0.0.7", "10.0.0.8"},
      {"10.0.0.7/32", "10.0.0.7", "10.0.0.6"},
      {"0.0.0.0/0", "203.0.113.1", "2001:db8::1"},
      {"fd00::/8", "fdff::1", "fe00::1"},
      {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
      {"::1", "::1", "::2"},
  };
  static const char *const bad[] = {
      "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "fd00::1/8",
      "::/129",     "nginx",       "",          "/8",          "10.0.0.0/8/8"};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct net_range r;
    struct net_address in, out;
    assert_true(net_range_parse(rows[i].range, &r));
    assert_true(net_address_parse(rows[i].in, &in) && net_address_parse(rows[i].out, &out));
    if (!net_range_has(&r, &in) || net_range_has(&r, &out)) fail_msg("%s", rows[i].range);
  }
  struct net_range r;
  for (size_t i = 0; i < COUNT(bad); i++)
    if (net_range_parse(bad[i], &r)) fail_msg("%s", bad[i]);
  struct net_address any;
  assert_true(net_range_parse("::/0", &r) && net_address_parse("2001:db8::1", &any) && net_range_has(&r, &any));
}

static void endpoints_are_read_and_written(void **state) {
  (void)state;
  static const struct {
    const char *text, *written;
  } rows[] = {
      {"127.0.0.1:8080", "127.0.0.1:8080"},   {"[::1]:0", "[::1]:0"},
      {"localhost:65535", "127.0.0.1:65535"}, {"[::]:443", "[::]:443"},
      {"0.0.0.0:80", "0.0.0.0:80"},
  };
  static const char *const bad[] = {"127.0.0.1", "127.0.0.1:",     "127.0.0.1:65536", ":8080",         "8080",
                                    "::1:8080",  "[127.0.0.1]:80", "[::1]",           "[::1:80",       "a:80",
                                    "[]:80",     "127.0.0.1:+80",  "127.0.0.1:080",   "127.0.0.1:80 ", ""};
  struct net_endpoint e;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[NET_ENDPOINT_TEXT];
    if (!net_endpoint_parse(rows[i].text, &e)) fail_msg("%s", rows[i].text);
    net_endpoint_text(&e, text);
    assert_string_equal(text, rows[i].written);
  }
  for (size_t i = 0; i < COUNT(bad); i++)
    if (net_endpoint_parse(bad[i], &e)) fail_msg("%s", bad[i]);
}

static void origins_are_a_scheme_a_host_and_a_port(void **state) {
  (void)state;
  static const struct {
    const char *text, *host;
    bool secure;
    uint16_t port;
  } rows[] = {
      {"https://rota.example", "rota.example", true, 443},
      {"http://Rota.Example:8080", "rota.example", false, 8080},
      {"http://[::1]:8080", "[::1]", false, 8080},
      {"http://10.0.0.5", "10.0.0.5", false, 80},
      {"https://rota.example:443", "rota.example", true, 443},
  };
  static const char *const bad[] = {"rota.example",
                                    "ftp://rota.example",
                                    "https://",
                                    "https://a/b",
                                    "https://a?b",
                                    "https://a#b",
                                    "https://user@a",
                                    "https://a:0",
                                    "https://a:65536",
                                    "https://a:",
                                    "https://[::1",
                                    "https://[nothing]",
                                    "null",
                                    "",
                                    "https://a/",
                                    "HTTPS://rota.example",
                                    "https://a\\.evil.example"};
  struct net_origin o, other;
  for (size_t i = 0; i < COUNT(rows); i++) {
    if (!net_origin_parse(rows[i].text, false, &o)) fail_msg("%s", rows[i].text);
    assert_string_equal(o.host, rows[i].host);
    assert_int_equal(o.secure, rows[i].secure);
    assert_int_equal(o.port, rows[i].port);
  }
  for (size_t i = 0; i < COUNT(bad); i++)
    if (net_origin_parse(bad[i], false, &o)) fail_msg("%s", bad[i]);
  assert_true(net_origin_parse("https://a/", true, &o));
  assert_false(net_origin_parse("https://a//", true, &o));
  assert_true(net_origin_parse("https://a", false, &o) && net_origin_parse("https://A:443/", true, &other));
  assert_true(net_origin_equal(&o, &other));
  assert_true(net_origin_parse("http://a:443", false, &other));
  assert_false(net_origin_equal(&o, &other));
}

static void a_host_is_no_longer_than_names_are(void **state) {
  (void)state;
  char long_name[400];
  struct net_origin o;
  memset(long_name, 'a', sizeof long_name);
  long_name[NET_HOST_MAX] = '\0';
  assert_true(net_host_parse(long_name, 80, &o));
  long_name[NET_HOST_MAX] = 'a';
  long_name[NET_HOST_MAX + 1] = '\0';
  assert_false(net_host_parse(long_name, 80, &o));
  assert_true(net_host_parse("[::1]", 8080, &o));
  assert_int_equal(o.port, 8080);
  assert_true(net_host_parse("localhost:1", 8080, &o));
  assert_int_equal(o.port, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_are_read_and_written),
      cmocka_unit_test(the_kinds_of_addresses_are_told_apart),
      cmocka_unit_test(ranges_have_their_addresses_and_no_others),
      cmocka_unit_test(endpoints_are_read_and_written),
      cmocka_unit_test(origins_are_a_scheme_a_host_and_a_port),
      cmocka_unit_test(a_host_is_no_longer_than_names_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
