/* Requests that wait, clients that go, drip or say too much, and the socket itself. */
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/api/server.h"

#define HOST "Host: localhost\r\n"
#define GET  "GET /api/v1/runs/x?wait=ended HTTP/1.1\r\n" HOST "\r\n"

static void turn_until(struct server *s, const size_t *counter, size_t want) {
  int64_t until = clock_monotonic() + 3 * USEC_PER_SEC;
  while (*counter < want && clock_monotonic() < until) server_turn(s, 5);
  assert_int_equal(*counter, want);
}

static void says_what_was_asked(void **state) {
  (void)state;
  static const char request[] = "POST /api/v1/pipelines/forecast.nightly/runs?a=b%20c HTTP/1.1\r\n" HOST
                                "Content-Type: application/json\r\nIdempotency-Key: k-1\r\nContent-Length: 12\r\n\r\n"
                                "{\"now\":true}";
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  assert_int_equal(request_raw(&s, request, sizeof request - 1, &answer, &closed), 200);
  assert_string_equal(s.last.bytes, "TRIGGER name=forecast.nightly ?a=b c key=k-1 body=12:{\"now\":true}");
  assert_non_null(strcasestr(answer.bytes, "\r\nContent-Type: application/json\r\n"));
  server_stop(&s);
  buf_release(&answer);
}

static void a_long_poll_is_answered_when_it_is_time(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  turn_until(&s, &s.held, 1);
  client_read(&s, fd, 100, &answer, &closed);
  assert_false(closed);
  assert_int_equal(answer.len, 0);
  assert_true(api_alive(s.api, s.handles[0]));
  assert_int_equal(api_waiting(s.api), 1);
  const struct api_header headers[] = {{"Rota-Ended", "true"}};
  api_reply(s.api, s.handles[0], 201, "text/plain", headers, 1, "done", 4);
  assert_false(api_alive(s.api, s.handles[0]));
  assert_int_equal(api_waiting(s.api), 0);
  assert_int_equal(api_timeout_ms(s.api), 0);
  client_read(&s, fd, 1000, &answer, &closed);
  assert_int_equal(answer_status(&answer), 201);
  assert_non_null(strstr(answer.bytes, "\r\nRota-Ended: true\r\n"));
  assert_non_null(strstr(answer.bytes, "\r\n\r\ndone"));
  api_reply(s.api, s.handles[0], 200, NULL, NULL, 0, "again", 5);
  s.hold = false; /* the connection goes on */
  buf_reset(&answer);
  client_send(&s, fd, GET, sizeof GET - 1);
  client_read(&s, fd, 1000, &answer, &closed);
  assert_int_equal(answer_status(&answer), 200);
  assert_int_equal(s.gone_len, 0);
  close(fd);
  server_stop(&s);
  buf_release(&answer);
}

static void a_waiting_client_that_goes_is_noticed(void **state) {
  (void)state;
  struct server s;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  for (int i = 0; i < 5; i++) {
    int fd = client_connect(&s);
    client_send(&s, fd, GET, sizeof GET - 1);
    turn_until(&s, &s.held, (size_t)i + 1);
    close(fd);
    turn_until(&s, &s.gone_len, (size_t)i + 1);
    assert_true(s.gone[i] == s.handles[i]);
    assert_false(api_alive(s.api, s.handles[i]));
    api_reply(s.api, s.handles[i], 200, NULL, NULL, 0, "{}", 2);
    api_problem(s.api, s.handles[i], 500, "Nobody", "hears this");
  }
  assert_int_equal(api_waiting(s.api), 0);
  server_stop(&s);
}

static void a_client_that_has_said_all_still_gets_its_answer(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  turn_until(&s, &s.held, 1);
  for (int i = 0; i < 20; i++) server_turn(&s, 1);
  assert_int_equal(s.gone_len, 0);
  api_reply(s.api, s.handles[0], 200, NULL, NULL, 0, "{}", 2);
  client_read(&s, fd, 1000, &answer, &closed);
  assert_int_equal(answer_status(&answer), 200);
  close(fd);
  server_stop(&s);
  buf_release(&answer);
}

static void a_client_that_goes_before_its_answer_is_sent_does_no_harm(void **state) {
  (void)state;
  struct server s;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  turn_until(&s, &s.held, 1);
  close(fd);
  api_reply(s.api, s.handles[0], 200, NULL, NULL, 0, "{}", 2);
  for (int i = 0; i < 20; i++) server_turn(&s, 1);
  assert_int_equal(s.gone_len, 0);
  server_stop(&s);
}

#define MANY 64

static void many_waiting_requests_get_their_own_answers(void **state) {
  (void)state;
  struct server s;
  int fds[MANY], order[MANY];
  uint32_t seed = 12345;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  for (int i = 0; i < MANY; i++) {
    fds[i] = client_connect(&s);
    client_send(&s, fds[i], GET, sizeof GET - 1);
    turn_until(&s, &s.held, (size_t)i + 1); /* so that handle i is client i's */
    order[i] = i;
  }
  assert_int_equal(api_waiting(s.api), MANY);
  for (int i = MANY - 1; i > 0; i--) {
    seed = seed * 1664525u + 1013904223u;
    int j = (int)((seed >> 8) % (uint32_t)(i + 1)), swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
  for (int i = 0; i < MANY; i++) {
    char body[32];
    int len = snprintf(body, sizeof body, "answer %d.", order[i]);
    api_reply(s.api, s.handles[order[i]], 200, "text/plain", NULL, 0, body, (size_t)len);
    if (i % 7 == 0) server_turn(&s, 0);
  }
  for (int i = 0; i < MANY; i++) {
    struct buf answer = {0};
    char want[32];
    bool closed;
    client_read(&s, fds[i], 2000, &answer, &closed);
    snprintf(want, sizeof want, "\r\n\r\nanswer %d.", i);
    assert_non_null(strstr(buf_cstr(&answer), want));
    buf_release(&answer);
    close(fds[i]);
  }
  server_stop(&s);
}

static void the_end_drops_those_that_wait(void **state) {
  (void)state;
  struct server s;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  turn_until(&s, &s.held, 1);
  server_stop(&s);
  assert_int_equal(s.gone_len, 0);
  char byte;
  assert_int_equal(recv(fd, &byte, 1, 0), 0);
  close(fd);
}

/* How long a connection lives that says one byte of its header every 20 ms, for 5 s if nobody minds. */
static int64_t drip(struct server *s, int fd) {
  static const char request[] =
      "GET /healthz HTTP/1.1\r\n" HOST "X: "
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aa";
  int64_t start = clock_monotonic();
  for (size_t i = 0; i < sizeof request - 1; i++) {
    send(fd, request + i, 1, MSG_NOSIGNAL);
    if (client_closed(s, fd, 20)) break;
  }
  return (clock_monotonic() - start) / USEC_PER_MS;
}

static void a_dripping_header_is_cut_off(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){.header_ms = 300});
  int fd = client_connect(&s);
  int64_t ms = drip(&s, fd);
  assert_in_range(ms, 250, 3000);
  close(fd);
  fd = client_connect(&s); /* after an answer the time begins anew, and is kept as strictly */
  client_send(&s, fd, GET, sizeof GET - 1);
  client_read(&s, fd, 1000, &answer, &closed);
  assert_int_equal(answer_status(&answer), 200);
  ms = drip(&s, fd);
  assert_in_range(ms, 250, 3000);
  close(fd);
  fd = client_connect(&s); /* who says nothing at all */
  assert_true(client_closed(&s, fd, 1000));
  close(fd);
  server_stop(&s);
  buf_release(&answer);
}

static void a_waiting_request_has_no_deadline(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){.header_ms = 50, .body_ms = 50, .answer_ms = 50});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  turn_until(&s, &s.held, 1);
  assert_false(client_closed(&s, fd, 300));
  api_reply(s.api, s.handles[0], 200, NULL, NULL, 0, "{}", 2);
  client_read(&s, fd, 1000, &answer, &closed);
  assert_int_equal(answer_status(&answer), 200);
  close(fd);
  server_stop(&s);
  buf_release(&answer);
}

static void a_body_that_stalls_is_cut_off(void **state) {
  (void)state;
  static const char request[] = "POST /api/v1/reload HTTP/1.1\r\n" HOST
                                "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":";
  struct server s;
  server_start(&s, (struct api_options){.header_ms = 5000, .body_ms = 200});
  int fd = client_connect(&s);
  client_send(&s, fd, request, sizeof request - 1);
  assert_true(client_closed(&s, fd, 1000));
  assert_int_equal(s.seen, 0);
  close(fd);
  server_stop(&s);
}

static void the_largest_body_is_taken_whole(void **state) {
  (void)state;
  struct server s;
  struct buf request = {0}, answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  buf_str(&request, "POST /api/v1/reload HTTP/1.1\r\n" HOST
                    "Content-Type: application/json\r\nContent-Length: 1048576\r\n\r\n");
  for (size_t i = 0; i < 1048576; i++) buf_char(&request, (char)('a' + i % 26));
  assert_int_equal(request_raw(&s, request.bytes, request.len, &answer, &closed), 200);
  assert_string_equal(s.last.bytes, "RELOAD body=1048576:abcdefghijklmnopqrst");
  server_stop(&s);
  buf_release(&request);
  buf_release(&answer);
}

static void a_large_answer_arrives_whole(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0}, body = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  turn_until(&s, &s.held, 1);
  for (int i = 0; i < 1000000; i++) buf_char(&body, (char)('a' + i % 26));
  api_reply(s.api, s.handles[0], 200, NULL, NULL, 0, body.bytes, body.len);
  client_read(&s, fd, 3000, &answer, &closed);
  const char *got = strstr(answer.bytes, "\r\n\r\n");
  assert_non_null(got);
  assert_string_equal(got + 4, body.bytes);
  close(fd);
  server_stop(&s);
  buf_release(&answer);
  buf_release(&body);
}

static void more_connections_than_allowed_are_turned_away(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  int fds[4];
  server_start(&s, (struct api_options){.connections_max = 4});
  s.hold = true;
  for (size_t i = 0; i < 4; i++) {
    fds[i] = client_connect(&s);
    client_send(&s, fds[i], GET, sizeof GET - 1);
    turn_until(&s, &s.held, i + 1);
  }
  assert_int_equal(request_raw(&s, GET, sizeof GET - 1, &answer, &closed), 503);
  for (size_t i = 0; i < 4; i++) close(fds[i]);
  turn_until(&s, &s.gone_len, 4);
  s.hold = false;
  assert_int_equal(request_raw(&s, GET, sizeof GET - 1, &answer, &closed), 200);
  server_stop(&s);
  buf_release(&answer);
}

static void without_descriptors_it_turns_away_and_goes_on(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  struct rlimit before;
  server_start(&s, (struct api_options){0});
  int fd = client_connect(&s); /* in the backlog */
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = {.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  client_read(&s, fd, 500, &answer, &closed);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(answer_status(&answer), 503);
  close(fd);
  assert_int_equal(request_raw(&s, GET, sizeof GET - 1, &answer, &closed), 200);
  server_stop(&s);
  buf_release(&answer);
}

static void an_idle_server_wants_nothing(void **state) {
  (void)state;
  struct server s;
  server_start(&s, (struct api_options){0});
  for (int i = 0; i < 3; i++) server_turn(&s, 1);
  assert_int_equal(api_timeout_ms(s.api), -1);
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, GET, sizeof GET - 1);
  turn_until(&s, &s.held, 1);
  for (int i = 0; i < 3; i++) server_turn(&s, 1);
  assert_true(api_timeout_ms(s.api) != 0); /* nor while a long poll waits */
  struct pollfd p = {.fd = api_fd(s.api), .events = POLLIN};
  assert_int_equal(poll(&p, 1, 50), 0);
  close(fd);
  server_stop(&s);
}

static void the_socket_is_its_owners_alone(void **state) {
  (void)state;
  static const mode_t masks[] = {0, 022, 0777};
  for (size_t i = 0; i < COUNT(masks); i++) {
    struct server s;
    char path[128];
    struct stat st;
    server_start(&s, (struct api_options){0});
    api_free(s.api);
    mode_t before = umask(masks[i]);
    struct api_options options = {.state_dir = s.dir, .handler = server_handle, .ctx = &s};
    assert_int_equal(api_new(&options, &s.api), 0);
    umask(before);
    snprintf(path, sizeof path, "%s/rota.sock", s.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    server_stop(&s);
  }
}

static void another_user_is_not_answered(void **state) {
  (void)state;
  struct server s;
  char path[128];
  if (geteuid() != 0) skip(); /* needs a second user */
  server_start(&s, (struct api_options){0});
  snprintf(path, sizeof path, "%s/rota.sock", s.dir);
  assert_int_equal(chmod(s.dir, 0755), 0);
  assert_int_equal(chmod(path, 0666), 0); /* even if someone opens it */
  pid_t other = fork();
  if (other == 0) {
    char byte;
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
    int fd = client_connect(&s);
    ssize_t sent = send(fd, GET, sizeof GET - 1, MSG_NOSIGNAL);
    fcntl(fd, F_SETFL, 0);
    _exit(sent > 0 && recv(fd, &byte, 1, 0) > 0 ? 1 : 0);
  }
  int status = -1;
  for (int i = 0; i < 400 && waitpid(other, &status, WNOHANG) == 0; i++) server_turn(&s, 5);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_int_equal(s.seen, 0);
  server_stop(&s);
}

static void a_stale_socket_is_replaced(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  char path[128];
  bool closed;
  server_start(&s, (struct api_options){0});
  struct api *old = s.api; /* as if it had been killed */
  struct api_options options = {.state_dir = s.dir, .handler = server_handle, .gone = server_gone, .ctx = &s};
  assert_int_equal(api_new(&options, &s.api), 0);
  api_free(old); /* leaves the new one's socket alone */
  snprintf(path, sizeof path, "%s/rota.sock", s.dir);
  assert_int_equal(access(path, F_OK), 0);
  assert_int_equal(request_raw(&s, GET, sizeof GET - 1, &answer, &closed), 200);
  server_stop(&s);
  buf_release(&answer);
}

static void a_long_path_is_no_obstacle(void **state) {
  (void)state;
  struct server s = {.dir = "/tmp/rota-api-XXXXXX"};
  char dir[400];
  assert_non_null(mkdtemp(s.dir));
  size_t len = (size_t)snprintf(dir, sizeof dir, "%s/", s.dir);
  memset(dir + len, 'd', 200);
  dir[len + 200] = '\0';
  assert_int_equal(mkdir(dir, 0700), 0);
  struct api_options options = {.state_dir = dir, .handler = server_handle, .ctx = &s};
  assert_int_equal(api_new(&options, &s.api), 0);
  int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct sockaddr_un address;
  socklen_t size = listen_address(dir_fd, API_SOCKET_NAME, &address);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)&address, size), 0);
  close(fd);
  close(dir_fd);
  api_free(s.api);
  assert_int_equal(rmdir(dir), 0);
  assert_int_equal(rmdir(s.dir), 0);
}

static void a_directory_that_is_missing_is_an_error(void **state) {
  (void)state;
  struct api *api = NULL;
  struct api_options options = {.state_dir = "/nonexistent/rota", .handler = server_handle};
  assert_true(api_new(&options, &api) < 0);
  assert_null(api);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_what_was_asked),
      cmocka_unit_test(a_long_poll_is_answered_when_it_is_time),
      cmocka_unit_test(a_waiting_client_that_goes_is_noticed),
      cmocka_unit_test(a_client_that_has_said_all_still_gets_its_answer),
      cmocka_unit_test(a_client_that_goes_before_its_answer_is_sent_does_no_harm),
      cmocka_unit_test(many_waiting_requests_get_their_own_answers),
      cmocka_unit_test(the_end_drops_those_that_wait),
      cmocka_unit_test(a_dripping_header_is_cut_off),
      cmocka_unit_test(a_waiting_request_has_no_deadline),
      cmocka_unit_test(a_body_that_stalls_is_cut_off),
      cmocka_unit_test(the_largest_body_is_taken_whole),
      cmocka_unit_test(a_large_answer_arrives_whole),
      cmocka_unit_test(more_connections_than_allowed_are_turned_away),
      cmocka_unit_test(without_descriptors_it_turns_away_and_goes_on),
      cmocka_unit_test(an_idle_server_wants_nothing),
      cmocka_unit_test(the_socket_is_its_owners_alone),
      cmocka_unit_test(another_user_is_not_answered),
      cmocka_unit_test(a_stale_socket_is_replaced),
      cmocka_unit_test(a_long_path_is_no_obstacle),
      cmocka_unit_test(a_directory_that_is_missing_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
