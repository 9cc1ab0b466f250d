/* libcurl as it is loaded. */
#include "tests/unit/unit.h"

#include "cli/curl_lib.h"

static void each_function_is_the_library_s(void **state) {
  struct curl_lib lib;
  (void)state;
  assert_int_equal(curl_lib_load(&lib), 0);
  CURLU *parts = lib.url();
  char *host = NULL;
  assert_int_equal(lib.url_set(parts, CURLUPART_URL, "https://rota.example:8443", 0), CURLUE_OK);
  assert_int_equal(lib.url_get(parts, CURLUPART_HOST, &host, 0), CURLUE_OK);
  assert_string_equal(host, "rota.example");
  lib.free(host);
  lib.url_cleanup(parts);
  assert_string_equal(lib.easy_strerror(CURLE_OK), "No error");
  CURL *curl = lib.easy_init();
  assert_int_equal(lib.easy_setopt(curl, CURLOPT_URL, "http://localhost"), CURLE_OK);
  lib.easy_cleanup(curl);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_function_is_the_library_s)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
