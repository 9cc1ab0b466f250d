/* The client against a server that says what a script tells it to. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/file.h"
#include "cli/client.h"
#include "cli/pages.h"
#include "cli/wait.h"

#define REQUESTS_MAX (1024 * 1024)

static const struct command command = {.name = "probe", .summary = "A probe"};

struct fixture {
  char top[64];
  char *dir, *requests; /* what the server was sent, one after the other */
  pid_t server;
  struct args args;
  struct client *client;
};

/* Reads a request whole, so that closing the socket afterwards is no reset. */
static void request_read(int fd, struct buf *out) {
  char bytes[4096];
  for (;;) {
    const char *end = strstr(buf_cstr(out), "\r\n\r\n");
    const char *length = strstr(buf_cstr(out), "Content-Length: ");
    size_t body = end && length && length < end ? strtoul(length + 16, NULL, 10) : 0;
    if (end && out->len >= (size_t)(end + 4 - out->bytes) + body) return;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n <= 0) return;
    buf_add(out, bytes, (size_t)n);
  }
}

/* Answers each connection by the next line of the script: "200 BODY"; "-" closes without a word; "..." never answers.
 * The last one stays. */
static void serve(int listener, const char *const *script, int record) {
  for (;; script += script[1] ? 1 : 0) {
    struct buf request = {0};
    int fd = accept(listener, NULL, NULL);
    request_read(fd, &request);
    if (write(record, buf_cstr(&request), request.len) < 0) _exit(1);
    if (strcmp(*script, "...") == 0) pause();
    if (strcmp(*script, "-") != 0) {
      const char *body = *script + 4;
      dprintf(fd, "HTTP/1.1 %.3s X\r\nContent-Length: %zu\r\nRota-Test: yes \r\nConnection: close\r\n\r\n%s", *script,
              strlen(body), body);
    }
    close(fd);
    buf_release(&request);
  }
}

static void start(struct fixture *f, const char *const *script) {
  *f = (struct fixture){.top = "/tmp/rota-cli-XXXXXX"};
  assert_non_null(mkdtemp(f->top));
  char deep[160];
  memset(deep, 'd', sizeof deep - 1); /* longer than a socket's address */
  deep[sizeof deep - 1] = '\0';
  f->dir = path_join(f->top, deep);
  f->requests = path_join(f->top, "requests");
  assert_int_equal(mkdir(f->dir, 0700), 0);
  if (script) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "rota.sock"};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int record = open(f->requests, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_int_equal(chdir(f->dir), 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(listen(listener, 8), 0);
    f->server = fork();
    if (f->server == 0) serve(listener, script, record);
    close(listener);
    close(record);
  }
  char state[] = "--state";
  struct buf error = {0};
  assert_int_equal(args_read(&command, 2, (char *[]){state, f->dir}, &f->args, &error), ARGS_OK);
  assert_int_equal(client_open(&f->args, &f->client), EXIT_OK);
}

static void stop(struct fixture *f) {
  client_close(f->client);
  args_release(&f->args);
  if (f->server) {
    kill(f->server, SIGKILL);
    waitpid(f->server, NULL, 0);
  }
  int top = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_int_equal(dir_remove_at(top, f->top + 5), 0);
  close(top);
  free(f->dir);
  free(f->requests);
}

/* The value of the nth Idempotency-Key that the server was sent; "" if there were fewer. */
static void key_sent(const struct fixture *f, int n, char out[64]) {
  static const char name[] = "Idempotency-Key: ";
  struct buf all = {0};
  out[0] = '\0';
  assert_int_equal(file_read(f->requests, REQUESTS_MAX, &all), 0);
  const char *at = buf_cstr(&all);
  while ((at = strstr(at, name))) {
    at += sizeof name - 1;
    if (n-- == 0) {
      snprintf(out, 64, "%.*s", (int)strcspn(at, "\r"), at);
      break;
    }
  }
  buf_release(&all);
}

#define SCRIPT(...) ((const char *const[]){__VA_ARGS__, NULL})

static void an_answer_is_read(void **state) {
  (void)state;
  struct fixture f;
  struct reply reply;
  start(&f, SCRIPT("200 {\"a\":\"b\",\"n\":7,\"yes\":true,\"none\":null}"));
  assert_int_equal(client_get(f.client, "/api/v1/status", &reply), EXIT_OK);
  assert_string_equal(field_text(reply.json, "a"), "b");
  assert_string_equal(field_text(reply.json, "none"), "");
  assert_null(field_known(reply.json, "none"));
  assert_int_equal(field_int(reply.json, "n", 0), 7);
  assert_int_equal(field_int(reply.json, "none", -1), -1);
  assert_true(field_true(reply.json, "yes"));
  assert_string_equal(reply_header(&reply, "Rota-Test"), "yes");
  assert_null(reply_header(&reply, "Rota-Else"));
  reply_release(&reply);
  stop(&f);
}

static void a_refusal_becomes_an_exit_code(void **state) {
  (void)state;
  static const struct {
    const char *script;
    int code;
  } rows[] = {
      {"400 {\"detail\":\"no\"}", EXIT_USAGE},       {"404 {\"detail\":\"no\"}", EXIT_USAGE},
      {"422 {\"detail\":\"no\"}", EXIT_USAGE},       {"409 {\"detail\":\"no\"}", EXIT_FAILED},
      {"403 {\"detail\":\"no\"}", EXIT_NOT_ALLOWED}, {"401 no JSON", EXIT_NOT_ALLOWED},
      {"500 {\"detail\":\"no\"}", EXIT_FAILED},      {"503 {\"detail\":\"no\"}", EXIT_FAILED},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct fixture f;
    struct reply reply;
    start(&f, SCRIPT(rows[i].script));
    assert_int_equal(client_get(f.client, "/api/v1/status", &reply), rows[i].code);
    stop(&f);
  }
}

static void no_daemon_is_told_apart(void **state) {
  (void)state;
  struct fixture f;
  struct reply reply;
  start(&f, NULL);
  assert_int_equal(client_get(f.client, "/healthz", &reply), EXIT_NO_DAEMON);
  assert_int_equal(client_post(f.client, "/api/v1/reload", NULL, &reply), EXIT_NO_DAEMON);
  assert_int_equal(client_probe(f.client, "/healthz", &reply), EXIT_NO_DAEMON);
  stop(&f);
}

static void a_lost_answer_is_asked_for_with_the_same_key(void **state) {
  (void)state;
  struct fixture f;
  struct reply reply;
  char first[64], second[64], third[64], other[64];
  start(&f, SCRIPT("-", "503 {}", "201 {\"run\":{\"id\":\"x\"}}"));
  assert_int_equal(client_post(f.client, "/api/v1/pipelines/a/runs", json_object(), &reply), EXIT_OK);
  assert_int_equal(reply.status, 201);
  reply_release(&reply);
  assert_int_equal(client_post(f.client, "/api/v1/pipelines/a/runs", json_object(), &reply), EXIT_OK);
  reply_release(&reply);
  key_sent(&f, 0, first);
  key_sent(&f, 1, second);
  key_sent(&f, 2, third);
  key_sent(&f, 3, other);
  assert_int_equal(strlen(first), 32);
  assert_string_equal(first, second);
  assert_string_equal(first, third);
  assert_string_not_equal(first, other); /* another request has its own */
  stop(&f);
}

static void a_silent_daemon_is_given_up(void **state) {
  (void)state;
  struct fixture f;
  struct reply reply;
  start(&f, SCRIPT("..."));
  client_patience(f.client, 200);
  assert_int_equal(client_get(f.client, "/api/v1/status", &reply), EXIT_NO_DAEMON);
  stop(&f);
}

static void a_list_is_read_over_its_pages(void **state) {
  (void)state;
  struct fixture f;
  struct buf all = {0};
  json_t *pages;
  start(&f, SCRIPT("200 {\"items\":[1,2],\"next\":\"c 2\"}", "200 {\"items\":[3],\"next\":null}"));
  assert_int_equal(pages_get(f.client, "/api/v1/runs?q=x", PAGES_ALL, &pages), EXIT_OK);
  assert_int_equal(json_array_size(json_object_get(pages, "items")), 3);
  assert_true(json_is_null(json_object_get(pages, "next")));
  json_decref(pages);
  assert_int_equal(file_read(f.requests, REQUESTS_MAX, &all), 0);
  assert_non_null(strstr(all.bytes, "GET /api/v1/runs?q=x&limit=500 HTTP/1.1\r\n"));
  assert_non_null(strstr(all.bytes, "GET /api/v1/runs?q=x&limit=500&after=c%202 HTTP/1.1\r\n"));
  buf_release(&all);
  stop(&f);
}

static void a_list_ends_when_enough_is_there(void **state) {
  (void)state;
  struct fixture f;
  json_t *pages;
  start(&f, SCRIPT("200 {\"items\":[1,2],\"next\":\"c\"}"));
  assert_int_equal(pages_get(f.client, "/api/v1/runs", 2, &pages), EXIT_OK);
  assert_int_equal(json_array_size(json_object_get(pages, "items")), 2);
  assert_string_equal(json_string_value(json_object_get(pages, "next")), "c");
  json_decref(pages);
  stop(&f);
}

static void waiting_ends_as_the_run_did(void **state) {
  (void)state;
  static const struct {
    const char *ended;
    int code;
  } rows[] = {{"200 {\"name\":\"n#1\",\"state\":\"succeeded\"}", EXIT_OK},
              {"200 {\"name\":\"n#1\",\"state\":\"failed\"}", EXIT_FAILED},
              {"200 {\"name\":\"n#1\",\"state\":\"cancelled\"}", EXIT_CANCELLED}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct fixture f;
    start(&f, SCRIPT("200 {\"state\":\"queued\"}", "200 {\"state\":\"running\"}", "-", rows[i].ended));
    assert_int_equal(wait_for_run(f.client, "x", false), rows[i].code);
    stop(&f);
  }
}

static void ctrl_c_ends_the_waiting_alone(void **state) {
  (void)state;
  struct fixture f;
  pid_t child = fork();
  if (child == 0) {
    start(&f, SCRIPT("200 {\"state\":\"running\"}", "..."));
    if (fork() == 0) {
      usleep(300000);
      kill(getppid(), SIGINT);
      _exit(0);
    }
    int code = wait_for_run(f.client, "x", false);
    wait(NULL);
    stop(&f);
    _exit(code);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), EXIT_INTERRUPTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_is_read),
      cmocka_unit_test(a_refusal_becomes_an_exit_code),
      cmocka_unit_test(no_daemon_is_told_apart),
      cmocka_unit_test(a_lost_answer_is_asked_for_with_the_same_key),
      cmocka_unit_test(a_silent_daemon_is_given_up),
      cmocka_unit_test(a_list_is_read_over_its_pages),
      cmocka_unit_test(a_list_ends_when_enough_is_there),
      cmocka_unit_test(waiting_ends_as_the_run_did),
      cmocka_unit_test(ctrl_c_ends_the_waiting_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
