#include "tests/unit/unit.h"

#include <string.h>

#include "base/err.h"
#include "scheduler/api/routes.h"
#include "scheduler/api/target.h"

static void each_pattern_finds_its_own_route(void **state) {
  (void)state;
  for (int r = 0; r < API_ROUTE_COUNT; r++) {
    const struct api_route_spec *spec = api_route_spec((enum api_route)r);
    struct api_part params[API_PARAMS_MAX];
    size_t params_len;
    unsigned allowed;
    assert_int_equal(
        api_route_find(spec->method, spec->pattern, strlen(spec->pattern), params, &params_len, &allowed), r);
    for (size_t i = 0; i < params_len; i++) {
      struct api_part name = api_route_param((enum api_route)r, i);
      assert_int_equal(params[i].len, name.len + 2);
      assert_memory_equal(params[i].text + 1, name.text, name.len);
    }
    assert_true((spec->method == API_METHOD_GET) == (spec->body == API_BODY_NONE));
  }
}

static void a_path_is_matched_whole(void **state) {
  (void)state;
  static const struct {
    enum api_method method;
    const char *path;
    int route;
    unsigned allowed;
  } rows[] = {
      {API_METHOD_GET, "/api/v1/runs/a", API_RUN, 0},
      {API_METHOD_GET, "/api/v1/runs/a%2Fb%23412", API_RUN, 0},
      {API_METHOD_GET, "/api/v1/runs/a/", -1, 0},
      {API_METHOD_GET, "/api/v1/runs/a/b", -1, 0},
      {API_METHOD_GET, "/api/v1/runs/", -1, 0},
      {API_METHOD_GET, "/api/v1/runs", API_RUNS, 0},
      {API_METHOD_GET, "/api/v1/RUNS", -1, 0},
      {API_METHOD_GET, "/api/v1", -1, 0},
      {API_METHOD_GET, "/", -1, 0},
      {API_METHOD_GET, "", -1, 0},
      {API_METHOD_GET, "healthz", -1, 0},
      {API_METHOD_POST, "/healthz", -1, 1u << API_METHOD_GET},
      {API_METHOD_GET, "/api/v1/pause", -1, 1u << API_METHOD_POST},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct api_part params[API_PARAMS_MAX];
    size_t params_len;
    unsigned allowed;
    int route = api_route_find(rows[i].method, rows[i].path, strlen(rows[i].path), params, &params_len, &allowed);
    assert_int_equal(route, rows[i].route);
    if (route < 0) assert_int_equal(allowed, rows[i].allowed);
  }
}

static void methods_are_told_by_their_exact_word(void **state) {
  (void)state;
  assert_int_equal(api_method_from_word("GET"), API_METHOD_GET);
  assert_int_equal(api_method_from_word("HEAD"), API_METHOD_GET);
  assert_int_equal(api_method_from_word("POST"), API_METHOD_POST);
  assert_int_equal(api_method_from_word("get"), -1);
  assert_int_equal(api_method_from_word("PUT"), -1);
  assert_string_equal(api_method_word(API_METHOD_POST), "POST");
}

static void percent_escapes_are_decoded_once(void **state) {
  (void)state;
  static const struct {
    const char *text, *plain;
    bool plus;
  } rows[] = {
      {"nightly%23412", "nightly#412", false},
      {"a%2Fb%2fc", "a/b/c", false},
      {"a+b", "a+b", false},
      {"a+b", "a b", true},
      {"%2525", "%25", false},
      {"gr%C3%BCn", "gr\xc3\xbcn", false},
      {"", "", false},
      {"%2B", "+", true},
      {"%", NULL, false},
      {"%4", NULL, false},
      {"a%4", NULL, false},
      {"%g0", NULL, false},
      {"%00", NULL, false},
      {"%0a", NULL, false},
      {"%7f", NULL, false},
      {"%c3", NULL, false},
      {"%ed%a0%80", NULL, false},
      {"%41", "A", false},
  };
  struct arena a = {0};
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *got = target_decode(&a, rows[i].text, strlen(rows[i].text), rows[i].plus);
    if (rows[i].plain)
      assert_string_equal(got, rows[i].plain);
    else
      assert_null(got);
  }
  arena_release(&a);
}

static void a_query_is_a_list_of_pairs(void **state) {
  (void)state;
  struct arena a = {0};
  struct api_pair pairs[TARGET_QUERY_MAX];
  assert_int_equal(target_query(&a, "", pairs), 0);
  assert_int_equal(target_query(&a, "q=state%3Afailed+p:n*&limit=5&&wait&x==", pairs), 4);
  assert_string_equal(pairs[0].name, "q");
  assert_string_equal(pairs[0].value, "state:failed p:n*");
  assert_string_equal(pairs[1].value, "5");
  assert_string_equal(pairs[2].name, "wait");
  assert_string_equal(pairs[2].value, "");
  assert_string_equal(pairs[3].value, "=");
  assert_int_equal(target_query(&a, "a=1&a=2", pairs), ERR_INVALID);
  assert_int_equal(target_query(&a, "a=%", pairs), ERR_INVALID);
  char many[512] = "";
  for (int i = 0; i <= TARGET_QUERY_MAX; i++) strcat(many, (const char[]){'&', (char)('A' + i), '\0'});
  assert_int_equal(target_query(&a, many, pairs), ERR_TOO_LARGE);
  arena_release(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_pattern_finds_its_own_route),     cmocka_unit_test(a_path_is_matched_whole),
      cmocka_unit_test(methods_are_told_by_their_exact_word), cmocka_unit_test(percent_escapes_are_decoded_once),
      cmocka_unit_test(a_query_is_a_list_of_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
