/* Answers that come piece by piece: slow clients, clients that go, queues that are full, and a thousand at once. */
// takes: 45
#include "scheduler/api/stream.h"

#include <sys/resource.h>

#include "base/err.h"
#include "tests/unit/api/server.h"

#define GET "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"

static const struct api_stream_options endless = {
    .status = 200, .content_type = "text/event-stream", .length = -1, .limit = 64 * 1024, .low = 0};

/* A client whose request the handler keeps; the handle goes to *handle. */
static int asked(struct server *s, uint64_t *handle) {
  s->hold = true;
  s->held = 0;
  int fd = client_connect(s);
  client_send(s, fd, GET, sizeof GET - 1);
  while (!s->held) server_turn(s, 5);
  *handle = s->handles[0];
  return fd;
}

static int write_text(struct server *s, uint64_t handle, const char *text) {
  struct api_piece *piece = api_piece_new(text, strlen(text));
  int err = api_stream_write(s->api, handle, piece);
  api_piece_drop(piece);
  return err;
}

/* Reads until `want` is in what came, or for a second. */
static bool comes(struct server *s, int fd, struct buf *in, const char *want) {
  int64_t until = clock_monotonic() + USEC_PER_SEC;
  while (!strstr(buf_cstr(in), want) && clock_monotonic() < until) {
    char bytes[65536];
    server_turn(s, 2);
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n > 0) buf_add(in, bytes, (size_t)n);
    if (n == 0) break;
  }
  return strstr(buf_cstr(in), want) != NULL;
}

static void turns(struct server *s, int count) {
  for (int i = 0; i < count; i++) server_turn(s, 1);
}

static void pieces_come_as_they_are_written(void **state) {
  (void)state;
  struct server s;
  struct buf in = {0};
  uint64_t handle;
  server_start(&s, (struct api_options){0});
  int fd = asked(&s, &handle);
  static const struct api_header headers[] = {{"Rota-Test", "yes"}};
  struct api_stream_options options = endless;
  options.headers = headers;
  options.headers_len = 1;
  assert_int_equal(api_stream_begin(s.api, handle, &options), 0);
  assert_int_equal(api_streams(s.api), 1);
  assert_int_equal(api_waiting(s.api), 0);
  assert_true(api_alive(s.api, handle));
  assert_int_equal(write_text(&s, handle, "one."), 0);
  assert_true(comes(&s, fd, &in, "one."));
  assert_non_null(strstr(in.bytes, "\r\nContent-Type: text/event-stream\r\n"));
  assert_non_null(strstr(in.bytes, "\r\nRota-Test: yes\r\n"));
  turns(&s, 10); /* it sleeps */
  assert_int_equal(write_text(&s, handle, "two."), 0);
  assert_int_equal(write_text(&s, handle, "three."), 0);
  assert_true(comes(&s, fd, &in, "three."));
  assert_int_equal(api_stream_queued(s.api, handle), 0);
  api_stream_end(s.api, handle);
  assert_true(comes(&s, fd, &in, "\r\n0\r\n\r\n"));
  turns(&s, 10);
  assert_int_equal(api_streams(s.api), 0);
  assert_false(api_alive(s.api, handle));
  assert_int_equal(s.gone_len, 0);
  assert_int_equal(write_text(&s, handle, "late"), ERR_NOT_FOUND);
  s.hold = false; /* the connection goes on */
  bool closed;
  buf_reset(&in);
  client_send(&s, fd, GET, sizeof GET - 1);
  client_read(&s, fd, 1000, &in, &closed);
  assert_int_equal(answer_status(&in), 200);
  close(fd);
  server_stop(&s);
  buf_release(&in);
}

static void a_client_that_goes_is_noticed_at_once(void **state) {
  (void)state;
  struct server s;
  server_start(&s, (struct api_options){0});
  for (int half = 0; half < 2; half++) {
    struct buf in = {0};
    uint64_t handle;
    int fd = asked(&s, &handle);
    size_t gone = s.gone_len;
    assert_int_equal(api_stream_begin(s.api, handle, &endless), 0);
    assert_int_equal(write_text(&s, handle, "one."), 0);
    assert_true(comes(&s, fd, &in, "one."));
    turns(&s, 5);
    if (half)
      shutdown(fd, SHUT_WR); /* all that a client over TCP shows when it goes */
    else
      close(fd);
    for (int i = 0; i < 200 && s.gone_len == gone; i++) server_turn(&s, 1);
    assert_int_equal(s.gone_len, gone + 1);
    assert_true(s.gone[gone] == handle);
    assert_false(api_alive(s.api, handle));
    assert_int_equal(write_text(&s, handle, "two."), ERR_NOT_FOUND);
    turns(&s, 5);
    assert_int_equal(api_streams(s.api), 0);
    if (half) close(fd);
    buf_release(&in);
  }
  server_stop(&s);
}

static void a_full_queue_refuses_and_can_be_cleared(void **state) {
  (void)state;
  struct server s;
  uint64_t handle;
  char text[16 * 1024 + 1];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  server_start(&s, (struct api_options){0});
  int fd = asked(&s, &handle), small = 4096;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  assert_int_equal(api_stream_begin(s.api, handle, &endless), 0);
  int err = 0, writes = 0;
  while (!err && writes < 1000) {
    err = write_text(&s, handle, text);
    writes += !err;
    turns(&s, 2);
  }
  assert_int_equal(err, ERR_FULL);
  assert_true(api_stream_queued(s.api, handle) <= endless.limit);
  api_stream_clear(s.api, handle);
  assert_true(api_stream_queued(s.api, handle) <= sizeof text);
  assert_int_equal(write_text(&s, handle, "after all"), 0);
  struct buf in = {0};
  assert_true(comes(&s, fd, &in, "after all")); /* what was begun before it was sent to its end */
  close(fd);
  turns(&s, 10);
  server_stop(&s);
  buf_release(&in);
}

static void a_client_that_takes_nothing_is_cut(void **state) {
  (void)state;
  struct server s;
  uint64_t handle;
  char text[32 * 1024 + 1];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  server_start(&s, (struct api_options){.stall_ms = 150});
  int fd = asked(&s, &handle);
  assert_int_equal(api_stream_begin(s.api, handle, &endless), 0);
  turns(&s, 200); /* nothing to take: that is no stall */
  assert_int_equal(s.gone_len, 0);
  int64_t from = clock_monotonic();
  while (!s.gone_len && clock_monotonic() < from + 3 * USEC_PER_SEC) {
    write_text(&s, handle, text);
    server_turn(&s, 5);
  }
  assert_int_equal(s.gone_len, 1);
  assert_true(clock_monotonic() - from >= 150 * USEC_PER_MS);
  assert_int_equal(api_streams(s.api), 0);
  close(fd);
  server_stop(&s);
}

/* ---- with a known length ---- */

#define BLOCKS 40

struct download {
  uint64_t handle;
  int written;
};
static struct download download;

static void next_block(struct server *s, uint64_t handle) {
  assert_true(handle == download.handle);
  if (download.written == BLOCKS) {
    api_stream_end(s->api, handle);
    return;
  }
  struct api_piece *piece = api_piece_new(NULL, 100 * 1000);
  memset(piece->bytes, 'a' + download.written++ % 26, piece->len);
  assert_int_equal(api_stream_write(s->api, handle, piece), 0);
  api_piece_drop(piece);
}

static const struct api_stream_options whole = {
    .status = 200, .content_type = "text/plain", .length = BLOCKS * 100000, .limit = 300000, .low = 100000};

static void a_file_is_written_as_it_drains(void **state) {
  (void)state;
  struct server s;
  struct buf in = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  s.on_drained = next_block;
  int fd = asked(&s, &download.handle);
  download.written = 0;
  assert_int_equal(api_stream_begin(s.api, download.handle, &whole), 0);
  next_block(&s, download.handle);
  assert_int_equal(shutdown(fd, SHUT_WR), 0); /* it has nothing more to say, and waits */
  client_read(&s, fd, 5000, &in, &closed);
  assert_non_null(strstr(in.bytes, "\r\nContent-Length: 4000000\r\n"));
  const char *body = strstr(in.bytes, "\r\n\r\n") + 4;
  assert_int_equal(in.len - (size_t)(body - in.bytes), 4000000);
  for (size_t i = 0; i < 4000000; i += 5000) assert_int_equal(body[i], 'a' + i / 100000 % 26);
  turns(&s, 10);
  assert_int_equal(s.gone_len, 0);
  assert_int_equal(api_streams(s.api), 0);
  close(fd);
  server_stop(&s);
  buf_release(&in);
}

static void a_file_that_ends_early_cuts_the_connection(void **state) {
  (void)state;
  struct server s;
  struct buf in = {0};
  uint64_t handle;
  bool closed;
  server_start(&s, (struct api_options){0});
  int fd = asked(&s, &handle);
  assert_int_equal(api_stream_begin(s.api, handle, &whole), 0);
  assert_int_equal(write_text(&s, handle, "not much"), 0);
  api_stream_end(s.api, handle);
  client_read(&s, fd, 2000, &in, &closed);
  assert_true(closed);
  assert_non_null(strstr(in.bytes, "not much"));
  close(fd);
  server_stop(&s);
  buf_release(&in);
}

static void the_head_of_a_stream_ends_it(void **state) {
  (void)state;
  static const char request[] = "HEAD /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
  struct server s;
  struct buf in = {0};
  server_start(&s, (struct api_options){0});
  s.hold = true;
  int fd = client_connect(&s);
  client_send(&s, fd, request, sizeof request - 1);
  while (!s.held) server_turn(&s, 5);
  assert_int_equal(api_stream_begin(s.api, s.handles[0], &endless), 0);
  write_text(&s, s.handles[0], "one.");
  assert_true(comes(&s, fd, &in, "\r\n\r\n"));
  turns(&s, 10);
  assert_null(strstr(in.bytes, "one."));
  assert_int_equal(api_streams(s.api), 0);
  assert_int_equal(s.gone_len, 1);
  close(fd);
  server_stop(&s);
  buf_release(&in);
}

static void streams_have_a_limit_of_their_own(void **state) {
  (void)state;
  struct server s;
  uint64_t handles[3];
  int fds[3];
  server_start(&s, (struct api_options){.streams_max = 2, .connections_max = 1});
  for (int i = 0; i < 3; i++) {
    fds[i] = asked(&s, &handles[i]);
    assert_int_equal(api_stream_begin(s.api, handles[i], &endless), i < 2 ? 0 : ERR_FULL);
  }
  assert_int_equal(api_streams(s.api), 2);
  struct buf in = {0};
  bool closed;
  api_problem(s.api, handles[2], 503, "Busy", "too many");
  client_read(&s, fds[2], 1000, &in, &closed);
  assert_int_equal(answer_status(&in), 503);
  for (int i = 0; i < 3; i++) close(fds[i]);
  server_stop(&s);
  buf_release(&in);
}

/* ---- many ---- */

#define CLIENTS 1000

static size_t resident_kb(void) {
  char line[128] = "";
  FILE *f = fopen("/proc/self/statm", "re");
  if (f && !fgets(line, sizeof line, f)) line[0] = '\0';
  if (f) fclose(f);
  const char *second = strchr(line, ' ');
  return (second ? strtoul(second, NULL, 10) : 0) * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void a_thousand_clients_share_each_piece(void **state) {
  (void)state;
  static int fds[CLIENTS];
  static uint64_t handles[CLIENTS];
  struct rlimit files;
  struct server s;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2 * CLIENTS + 64) skip();
  server_start(&s, (struct api_options){0});
  size_t before = resident_kb();
  for (int i = 0; i < CLIENTS; i++) {
    fds[i] = asked(&s, &handles[i]);
    assert_int_equal(api_stream_begin(s.api, handles[i], &endless), 0);
  }
  char text[3001] = "", end[16];
  memset(text, 'x', sizeof text - 1);
  for (int round = 0; round < 20; round++) {
    int len = snprintf(end, sizeof end, "end%d.", round);
    memcpy(text + 3000 - len, end, (size_t)len);
    struct api_piece *piece = api_piece_new(text, 3000);
    for (int i = 0; i < CLIENTS; i++) assert_int_equal(api_stream_write(s.api, handles[i], piece), 0);
    assert_int_equal(piece->refs, CLIENTS + 1);
    struct buf in = {0};
    for (int i = 0; i < CLIENTS; i++) {
      buf_reset(&in);
      assert_true(comes(&s, fds[i], &in, end));
    }
    assert_int_equal(piece->refs, 1);
    api_piece_drop(piece);
    buf_release(&in);
  }
  size_t each = (resident_kb() - before) / CLIENTS;
  print_message("%zu KB for each of %d streams\n", each, CLIENTS);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
  assert_true(each <= 25);
#endif
  for (int i = 0; i < CLIENTS; i++) close(fds[i]);
  int64_t until = clock_monotonic() + 5 * USEC_PER_SEC;
  while (s.gone_len < CLIENTS && clock_monotonic() < until) server_turn(&s, 5);
  assert_int_equal(s.gone_len, CLIENTS);
  turns(&s, 5);
  assert_int_equal(api_streams(s.api), 0);
  server_stop(&s);
}

static void a_server_that_ends_drops_its_streams(void **state) {
  (void)state;
  struct server s;
  uint64_t handle;
  server_start(&s, (struct api_options){0});
  int fd = asked(&s, &handle);
  assert_int_equal(api_stream_begin(s.api, handle, &endless), 0);
  turns(&s, 10);
  int second = asked(&s, &handle);
  assert_int_equal(api_stream_begin(s.api, handle, &endless), 0);
  write_text(&s, handle, "never sent");
  server_stop(&s);
  assert_int_equal(s.gone_len, 0);
  close(fd);
  close(second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_come_as_they_are_written),
      cmocka_unit_test(a_client_that_goes_is_noticed_at_once),
      cmocka_unit_test(a_full_queue_refuses_and_can_be_cleared),
      cmocka_unit_test(a_client_that_takes_nothing_is_cut),
      cmocka_unit_test(a_file_is_written_as_it_drains),
      cmocka_unit_test(a_file_that_ends_early_cuts_the_connection),
      cmocka_unit_test(the_head_of_a_stream_ends_it),
      cmocka_unit_test(streams_have_a_limit_of_their_own),
      cmocka_unit_test(a_thousand_clients_share_each_piece),
      cmocka_unit_test(a_server_that_ends_drops_its_streams),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
