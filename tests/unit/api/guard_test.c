/* What is refused before the handler sees it, against the real libmicrohttpd by raw sockets. */
#include "tests/unit/api/server.h"

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"

struct row {
  const char *name, *request;
  size_t len; /* 0: strlen */
  int status;
  bool closed;
};

#define RAW(text) text, sizeof(text) - 1

static const struct row rows[] = {
    {"a plain GET", RAW("GET /healthz HTTP/1.1\r\n" HOST "\r\n"), 200, false},
    {"no blank after the colon", RAW("GET /healthz HTTP/1.1\r\nHost:localhost\r\nX:y\r\n\r\n"), 200, false},
    {"more blanks after the colon", RAW("GET /healthz HTTP/1.1\r\nHost:  \t localhost\r\n\r\n"), 200, false},
    {"an empty field", RAW("GET /healthz HTTP/1.1\r\n" HOST "Accept:\r\nX: y\r\n\r\n"), 200, false},
    {"HEAD where GET is", RAW("HEAD /healthz HTTP/1.1\r\n" HOST "\r\n"), 200, false},
    {"a POST", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"), 200, false},
    {"a POST without a body", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST "\r\n"), 200, false},
    {"a charset",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST
         "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"),
     200, false},
    {"no Host", RAW("GET /healthz HTTP/1.1\r\n\r\n"), 400, true},
    {"two Hosts", RAW("GET /healthz HTTP/1.1\r\n" HOST HOST "\r\n"), 400, true},
    {"two Hosts in other letters", RAW("GET /healthz HTTP/1.1\r\n" HOST "hOST: a\r\n\r\n"), 400, true},
    {"an empty Host", RAW("GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"), 400, true},
    {"a Host with a blank", RAW("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n"), 400, true},
    {"two lengths",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400, true},
    {"the same length twice",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400, true},
    {"length and encoding",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
     400, true},
    {"encoding twice",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     400, true},
    {"a chunked body",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 411,
     true},
    {"an unknown encoding", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: xchunked\r\n\r\n{}"),
     411, true},
    {"a length with a sign", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: +2\r\n\r\n{}"), 400,
     true},
    {"a negative length", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: -2\r\n\r\n{}"), 400,
     true},
    {"a list of lengths", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 2, 2\r\n\r\n{}"), 400,
     true},
    {"a folded line", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"), 400, true},
    {"a length folded into Host", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST " Content-Length: 37\r\n\r\n"), 400,
     true},
    {"a fold made up for by lines without blanks",
     RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\r\n b\r\nA:b\r\nB:c\r\nC:d\r\n\r\n"), 400, true},
    {"a folded last line", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\r\n\t\r\n\r\n"), 400, true},
    {"a NUL in a value", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400, true},
    {"a NUL at the end of a value", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\0\r\nY: b\r\n\r\n"), 400, true},
    {"a control character in a value",
     RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\x01"
         "b\r\n\r\n"),
     400, true},
    {"an escape in a value", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: \x1b[31m\r\n\r\n"), 400, true},
    {"a lone CR in a value", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: a\rb: c\r\n\r\n"), 400, true},
    {"bare line feeds", RAW("GET /healthz HTTP/1.1\nHost: localhost\n\n"), 400, true},
    {"one bare line feed", RAW("GET /healthz HTTP/1.1\r\n" HOST "X: y\nZ: a\r\n\r\n"), 400, true},
    {"a blank before the colon", RAW("GET /healthz HTTP/1.1\r\n" HOST "X : y\r\n\r\n"), 400, true},
    {"a lower-case method", RAW("get /healthz HTTP/1.1\r\n" HOST "\r\n"), 405, true},
    {"HTTP/1.0", RAW("GET /healthz HTTP/1.0\r\n" HOST "\r\n"), 505, true},
    {"HTTP/2.0", RAW("GET /healthz HTTP/2.0\r\n" HOST "\r\n"), 505, true},
    {"an unknown path", RAW("GET /api/v1/nothing HTTP/1.1\r\n" HOST "\r\n"), 404, true},
    {"a longer path", RAW("GET /api/v1/status/ HTTP/1.1\r\n" HOST "\r\n"), 404, true},
    {"an empty part", RAW("GET /api/v1/runs//why HTTP/1.1\r\n" HOST "\r\n"), 404, true},
    {"POST where GET is", RAW("POST /api/v1/status HTTP/1.1\r\n" HOST "\r\n"), 405, true},
    {"a method unheard of", RAW("BREW /api/v1/status HTTP/1.1\r\n" HOST "\r\n"), 405, true},
    {"an absolute target", RAW("GET http://localhost/healthz HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"a target of *", RAW("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"a GET with a body", RAW("GET /healthz HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"), 400, true},
    {"a body that is missing", RAW("POST /api/v1/backup HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"a form",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST
         "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"),
     415, true},
    {"JSON's longer cousin",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}"),
     415, true},
    {"no type", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"), 415, true},
    {"an oversized body, said before",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 1048577\r\n\r\n{}"), 413, true},
    {"a stranger's body that is no login",
     RAW("POST /api/v1/login HTTP/1.1\r\n" HOST JSON "Content-Length: 4097\r\n\r\n{}"), 413, true},
    {"an absurd length",
     RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999999999999999999\r\n\r\n{}"), 413,
     true},
    {"an escape that isn't one", RAW("GET /api/v1/runs/%zz HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"an escaped NUL", RAW("GET /api/v1/runs/a%00b HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"broken UTF-8", RAW("GET /api/v1/runs/%ff HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"a query name twice", RAW("GET /api/v1/runs?q=a&q=b HTTP/1.1\r\n" HOST "\r\n"), 400, true},
    {"an empty key", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST "Idempotency-Key:\r\n\r\n"), 400, true},
    {"a key with a blank", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST "Idempotency-Key: a b\r\n\r\n"), 400, true},
    {"two keys", RAW("POST /api/v1/reload HTTP/1.1\r\n" HOST "Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n"), 400,
     true},
    {"rubbish", RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n\r\n"), 0, true},
};

static void refuses_what_a_strict_server_refuses(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  int wrong = 0;
  server_start(&s, (struct api_options){0});
  for (size_t i = 0; i < COUNT(rows); i++) {
    bool closed;
    size_t seen = s.seen;
    int status = request_raw(&s, rows[i].request, rows[i].len, &answer, &closed);
    bool handled = s.seen != seen;
    bool as_said = rows[i].status == 0 ? status == 0 || status == 400 : status == rows[i].status;
    if (as_said && closed == rows[i].closed && handled == (rows[i].status == 200)) continue;
    print_error("%s: status %d closed %d handled %d\n", rows[i].name, status, closed, handled);
    wrong++;
  }
  assert_int_equal(wrong, 0);
  server_stop(&s);
  buf_release(&answer);
}

static void refusals_are_problem_documents(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  assert_int_equal(request_raw(&s, RAW("POST /api/v1/status HTTP/1.1\r\n" HOST "\r\n"), &answer, &closed), 405);
  assert_non_null(strcasestr(answer.bytes, "\r\nAllow: GET, HEAD\r\n"));
  assert_non_null(strcasestr(answer.bytes, "\r\nContent-Type: application/problem+json\r\n"));
  assert_non_null(strcasestr(answer.bytes, "\r\nX-Content-Type-Options: nosniff\r\n"));
  assert_non_null(strstr(answer.bytes, "\"status\":405"));
  assert_int_equal(request_raw(&s, RAW("GET /api/v1/reload HTTP/1.1\r\n" HOST "\r\n"), &answer, &closed), 405);
  assert_non_null(strcasestr(answer.bytes, "\r\nAllow: POST\r\n"));
  server_stop(&s);
  buf_release(&answer);
}

static void limits_the_header(void **state) {
  (void)state;
  static const struct {
    size_t target, fields, value;
    int status;
  } cases[] = {{7000, 1, 10, 200}, {8300, 1, 10, 414},  {40000, 1, 10, 414}, {10, 60, 100, 200},
               {10, 80, 100, 431}, {10, 10, 1400, 200}, {10, 10, 1800, 431}, {10, 20, 8000, 431}};
  struct server s;
  struct buf request = {0}, answer = {0};
  server_start(&s, (struct api_options){0});
  for (size_t i = 0; i < COUNT(cases); i++) {
    bool closed;
    buf_reset(&request);
    buf_str(&request, "GET /healthz?q=");
    for (size_t n = 0; n < cases[i].target; n++) buf_char(&request, 'q');
    buf_str(&request, " HTTP/1.1\r\n" HOST);
    for (size_t f = 0; f < cases[i].fields; f++) {
      buf_fmt(&request, "X-%zu: ", f);
      for (size_t n = 0; n < cases[i].value; n++) buf_char(&request, 'v');
      buf_str(&request, "\r\n");
    }
    buf_str(&request, "\r\n");
    int status = request_raw(&s, request.bytes, request.len, &answer, &closed);
    if (status != cases[i].status) print_error("case %zu: %s\n", i, answer.bytes);
    assert_int_equal(status, cases[i].status);
  }
  server_stop(&s);
  buf_release(&request);
  buf_release(&answer);
}

static void guards_hold_for_each_request_of_a_connection(void **state) {
  (void)state;
  static const char good[] = "GET /healthz HTTP/1.1\r\n" HOST "\r\n";
  static const char bad[] = "GET /healthz HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n";
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  int fd = client_connect(&s);
  for (int i = 0; i < 3; i++) {
    buf_reset(&answer);
    client_send(&s, fd, good, sizeof good - 1);
    client_read(&s, fd, 2000, &answer, &closed);
    assert_int_equal(answer_status(&answer), 200);
  }
  buf_reset(&answer);
  client_send(&s, fd, bad, sizeof bad - 1);
  client_read(&s, fd, 2000, &answer, &closed);
  assert_int_equal(answer_status(&answer), 400);
  assert_true(client_closed(&s, fd, 1000));
  assert_int_equal(s.seen, 3);
  close(fd);
  server_stop(&s);
  buf_release(&answer);
}

static void pipelined_requests_are_answered_in_order(void **state) {
  (void)state;
  static const char two[] = "GET /api/v1/runs/first HTTP/1.1\r\n" HOST "\r\n"
                            "GET /api/v1/runs/second HTTP/1.1\r\n" HOST "\r\n";
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  int fd = client_connect(&s);
  client_send(&s, fd, two, sizeof two - 1);
  int64_t until = clock_monotonic() + 2 * USEC_PER_SEC;
  while (!strstr(buf_cstr(&answer), "second") && clock_monotonic() < until) {
    struct buf more = {0};
    client_read(&s, fd, 100, &more, &closed);
    buf_add(&answer, buf_cstr(&more), more.len);
    buf_release(&more);
  }
  const char *first = strstr(buf_cstr(&answer), "run=first"), *second = strstr(buf_cstr(&answer), "run=second");
  assert_non_null(first);
  assert_non_null(second);
  assert_true(first < second);
  close(fd);
  server_stop(&s);
  buf_release(&answer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_what_a_strict_server_refuses),
      cmocka_unit_test(refusals_are_problem_documents),
      cmocka_unit_test(limits_the_header),
      cmocka_unit_test(guards_hold_for_each_request_of_a_connection),
      cmocka_unit_test(pipelined_requests_are_answered_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
