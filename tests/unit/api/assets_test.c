/* The files of the web pages: what is sent to whom, and how. */
#include "scheduler/api/assets.h"
#include "tests/unit/api/server.h"

static const unsigned char script[] = "packed", icon[] = "<svg/>", page[] = "<html><!--first--></html>";

static const struct asset rows[] = {
    {"/assets/main-AB12.js", "text/javascript; charset=utf-8", "\"m1\"", "gzip", script, 6, ASSET_IMMUTABLE},
    {"/icon.svg", "image/svg+xml", "\"i1\"", NULL, icon, 6, ASSET_PUBLIC},
    {"/index.html", "text/html; charset=utf-8", "\"x1\"", NULL, page, sizeof page - 1, ASSET_TEMPLATE},
};
static const struct asset_table table = {rows, 3}, empty = {rows, 0};

/* Sends `GET path` with more header lines; the answer's status, the answer itself in *answer. */
static int get(struct server *s, const char *method, const char *path, const char *lines, struct buf *answer) {
  char request[512];
  bool closed;
  int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n",
                     method, path, lines);
  return request_raw(s, request, (size_t)len, answer, &closed);
}

static bool has(const struct buf *answer, const char *text) {
  return strcasestr(buf_cstr(answer), text) != NULL;
}

static void a_file_is_sent_as_it_is_kept(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  server_start(&s, (struct api_options){.assets = &table});
  assert_int_equal(get(&s, "GET", "/assets/main-AB12.js?x=1", "Accept-Encoding: br, gzip\r\n", &answer), 200);
  assert_true(has(&answer, "\r\nContent-Encoding: gzip\r\n"));
  assert_true(has(&answer, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
  assert_true(has(&answer, "\r\nETag: \"m1\"\r\n"));
  assert_true(has(&answer, "\r\nVary: Accept-Encoding\r\n"));
  assert_true(has(&answer, "max-age=31536000, immutable\r\n"));
  assert_true(has(&answer, "\r\n\r\npacked"));
  assert_int_equal(get(&s, "GET", "/icon.svg", "", &answer), 200);
  assert_true(has(&answer, "\r\nCache-Control: no-cache\r\n"));
  assert_false(has(&answer, "Content-Encoding"));
  assert_int_equal(get(&s, "HEAD", "/icon.svg", "", &answer), 200);
  assert_true(has(&answer, "\r\nContent-Length: 6\r\n"));
  assert_false(has(&answer, "svg/>"));
  assert_int_equal(s.seen, 0);
  server_stop(&s);
  buf_release(&answer);
}

static void what_the_client_has_is_not_sent_again(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  server_start(&s, (struct api_options){.assets = &table});
  assert_int_equal(get(&s, "GET", "/icon.svg", "If-None-Match: \"i1\"\r\n", &answer), 304);
  assert_true(has(&answer, "\r\nETag: \"i1\"\r\n"));
  assert_false(has(&answer, "svg/>"));
  assert_int_equal(get(&s, "GET", "/icon.svg", "If-None-Match: \"i2\"\r\n", &answer), 200);
  server_stop(&s);
  buf_release(&answer);
}

static void who_takes_no_gzip_is_told_so(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  server_start(&s, (struct api_options){.assets = &table});
  assert_int_equal(get(&s, "GET", "/assets/main-AB12.js", "Accept-Encoding: br\r\n", &answer), 406);
  assert_true(has(&answer, "application/problem+json"));
  assert_int_equal(get(&s, "GET", "/icon.svg", "Accept-Encoding: br\r\n", &answer), 200);
  server_stop(&s);
  buf_release(&answer);
}

static void only_exact_paths_are_files(void **state) {
  (void)state;
  static const struct {
    const char *method, *path;
    int status;
    bool handled; /* by the handler, as a page */
  } cases[] = {
      {"GET", "/assets/main-AB12.js/", 404, false},
      {"GET", "/assets/../icon.svg", 404, false},
      {"GET", "/assets/", 404, false},
      {"GET", "/assets/main", 404, false},
      {"GET", "/icon%2Esvg", 200, true},
      {"GET", "/index.html", 200, true},
      {"GET", "/p/nightly", 200, true},
      {"GET", "/", 200, true},
      {"GET", "/*", 200, true},
      {"GET", "/api/v1/nothing", 404, false},
      {"POST", "/icon.svg", 404, false},
      {"POST", "/p/nightly", 404, false},
  };
  struct server s;
  struct buf answer = {0};
  server_start(&s, (struct api_options){.assets = &table});
  for (size_t i = 0; i < COUNT(cases); i++) {
    size_t seen = s.seen;
    assert_int_equal(get(&s, cases[i].method, cases[i].path, "", &answer), cases[i].status);
    assert_int_equal(s.seen - seen, cases[i].handled);
    if (cases[i].handled) assert_string_equal(s.last.bytes, "PAGE");
  }
  server_stop(&s);
  buf_release(&answer);
}

static void a_program_without_pages_says_how_to_build_them(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  server_start(&s, (struct api_options){.assets = &empty});
  assert_int_equal(get(&s, "GET", "/runs", "", &answer), 404);
  assert_true(has(&answer, "run `make`"));
  assert_true(has(&answer, "\r\nContent-Type: text/plain"));
  assert_int_equal(get(&s, "GET", "/login", "", &answer), 404);
  assert_true(has(&answer, "run `make`"));
  assert_int_equal(s.seen, 0);
  server_stop(&s);
  buf_release(&answer);
}

static void etags_are_compared_weakly(void **state) {
  (void)state;
  static const struct {
    const char *header;
    bool known;
  } cases[] = {{NULL, false},          {"", false},       {"*", true},
               {"\"a\"", true},        {"W/\"a\"", true}, {"\"b\", \"a\"", true},
               {"\"b\",\"c\"", false}, {"a", false},      {" \"a\" ", true},
               {"\"a", false},         {"\"ab\"", false}, {",,\"a\"", true}};
  for (size_t i = 0; i < COUNT(cases); i++) assert_int_equal(etag_known(cases[i].header, "\"a\""), cases[i].known);
}

static void encodings_are_taken_by_name_and_weight(void **state) {
  (void)state;
  static const struct {
    const char *header;
    bool accepted;
  } cases[] = {{NULL, true},
               {"", false},
               {"gzip", true},
               {"GZIP", true},
               {"gzip;q=0", false},
               {"gzip; q=0.0", false},
               {"gzip;q=0.5", true},
               {"br", false},
               {"*", true},
               {"*;q=0", false},
               {"*, gzip;q=0", false},
               {"br;q=1, gzip ;q=0.1", true},
               {"identity;q=0", false}};
  for (size_t i = 0; i < COUNT(cases); i++)
    assert_int_equal(encoding_accepted(cases[i].header, "gzip"), cases[i].accepted);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_is_sent_as_it_is_kept),
      cmocka_unit_test(what_the_client_has_is_not_sent_again),
      cmocka_unit_test(who_takes_no_gzip_is_told_so),
      cmocka_unit_test(only_exact_paths_are_files),
      cmocka_unit_test(a_program_without_pages_says_how_to_build_them),
      cmocka_unit_test(etags_are_compared_weakly),
      cmocka_unit_test(encodings_are_taken_by_name_and_weight),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
