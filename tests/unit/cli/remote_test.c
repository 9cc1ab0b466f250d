/* A daemon elsewhere: what a url may be, and a client that speaks to a port. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/file.h"
#include "cli/client.h"
#include "cli/remote.h"
#include "cli/servers.h"

static const struct command command = {.name = "probe", .summary = "A probe"};

static void args_of(struct args *args, const char *server) {
  char option[] = "--server";
  struct buf error = {0};
  assert_int_equal(args_read(&command, 2, (char *[]){option, (char *)(uintptr_t)server}, args, &error), ARGS_OK);
}

static void a_url_is_a_scheme_a_host_and_a_port(void **state) {
  (void)state;
  static const struct {
    const char *url, *kept; /* NULL: refused */
  } table[] = {
      {"https://rota.example", "https://rota.example"},
      {"https://rota.example/", "https://rota.example"},
      {"https://rota.example:8443", "https://rota.example:8443"},
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
      {"http://localhost:8080", "http://localhost:8080"},
      {"http://[::1]:8080/", "http://[::1]:8080"},
      {"http://rota.example", NULL}, /* everybody could read the token */
      {"http://localhost.example:8080", NULL},
      {"rota.example", NULL},
      {"ftp://rota.example", NULL},
      {"https://anna:secret@rota.example", NULL},
      {"https://rota.example/api", NULL},
      {"https://rota.example/?a=b", NULL},
      {"https://rota.example/#a", NULL},
      {"https://", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct args args;
    struct remote r;
    args_of(&args, "x");
    int code = remote_parse(&args, table[i].url, &r);
    if (table[i].kept ? code != EXIT_OK || strcmp(r.url, table[i].kept) != 0 : code != EXIT_USAGE)
      fail_msg("%s: %d %s", table[i].url, code, r.url ? r.url : "-");
    remote_release(&r);
    args_release(&args);
  }
}

/* ---- a server that says one thing ---- */

struct fixture {
  char top[64], url[64];
  char *requests;
  pid_t server;
};

static void serve(int listener, const char *answer, int record) {
  for (;;) {
    char bytes[8192];
    int fd = accept(listener, NULL, NULL);
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0 && write(record, bytes, (size_t)n) != n) _exit(1);
    dprintf(fd, "%s", answer);
    close(fd);
  }
}

static void start(struct fixture *f, const char *answer) {
  *f = (struct fixture){.top = "/tmp/rota-remote-XXXXXX"};
  assert_non_null(mkdtemp(f->top));
  f->requests = path_join(f->top, "requests");
  setenv("XDG_CONFIG_HOME", f->top, 1);
  setenv("ROTA_TOKEN", "rota_secret", 1);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int record = open(f->requests, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(listener, 8), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
  snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
  f->server = fork();
  if (f->server == 0) serve(listener, answer, record);
  close(listener);
  close(record);
}

static void stop(struct fixture *f) {
  kill(f->server, SIGKILL);
  waitpid(f->server, NULL, 0);
  unsetenv("ROTA_TOKEN");
  unsetenv("XDG_CONFIG_HOME");
  dir_remove_at(AT_FDCWD, f->top);
  free(f->requests);
}

static int ask(const struct fixture *f, bool post, struct reply *reply) {
  struct args args;
  struct client *client;
  args_of(&args, f->url);
  int code = client_open(&args, &client);
  if (code == EXIT_OK) {
    assert_null(client_state(client));
    assert_string_equal(client_where(client), f->url);
    code = post ? client_post(client, "/api/v1/pause", json_object(), reply)
                : client_get(client, "/api/v1/status", reply);
    client_close(client);
  }
  args_release(&args);
  return code;
}

static void assert_sent(const struct fixture *f, const char *part) {
  struct buf all = {0};
  assert_int_equal(file_read(f->requests, 1024 * 1024, &all), 0);
  if (!strstr(buf_cstr(&all), part)) fail_msg("'%s' wasn't sent: %s", part, buf_cstr(&all));
  buf_release(&all);
}

static void the_token_goes_with_each_request(void **state) {
  (void)state;
  struct fixture f;
  struct reply reply;
  start(&f, "HTTP/1.1 200 X\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"ok\":true}");
  assert_int_equal(ask(&f, true, &reply), EXIT_OK);
  reply_release(&reply);
  assert_sent(&f, "POST /api/v1/pause HTTP/1.1\r\nHost: 127.0.0.1:");
  assert_sent(&f, "Authorization: Bearer rota_secret\r\n");
  assert_sent(&f, "Idempotency-Key: ");
  assert_sent(&f, "Content-Type: application/json\r\n");
  stop(&f);
}

static void each_refusal_has_its_exit_code(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    int code;
  } table[] = {
      {"HTTP/1.1 401 X\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"title\":\"x\"}", EXIT_NOT_ALLOWED},
      {"HTTP/1.1 403 X\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"title\":\"x\"}", EXIT_NOT_ALLOWED},
      {"HTTP/1.1 421 X\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"title\":\"x\"}", EXIT_USAGE},
      {"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
       EXIT_FAILED},
      {"HTTP/1.1 404 X\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>", EXIT_FAILED},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct fixture f;
    struct reply reply;
    start(&f, table[i].answer);
    int code = ask(&f, false, &reply);
    if (code != table[i].code) fail_msg("%.12s: %d, expected %d", table[i].answer, code, table[i].code);
    stop(&f);
  }
}

static void what_a_login_kept_is_used_and_only_if_it_is_private(void **state) {
  (void)state;
  struct fixture f;
  struct reply reply;
  start(&f, "HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  unsetenv("ROTA_TOKEN");
  assert_int_equal(ask(&f, false, &reply), EXIT_NOT_ALLOWED); /* there is none */
  json_t *servers = json_pack("{s:{s:s}}", f.url, "token", "rota_kept");
  assert_int_equal(servers_write(servers), EXIT_OK);
  json_decref(servers);
  char *path = servers_path();
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  assert_int_equal(ask(&f, false, &reply), EXIT_OK);
  reply_release(&reply);
  assert_sent(&f, "Authorization: Bearer rota_kept\r\n");
  assert_int_equal(chmod(path, 0604), 0);
  assert_int_equal(ask(&f, false, &reply), EXIT_NOT_ALLOWED);
  free(path);
  stop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_url_is_a_scheme_a_host_and_a_port),
      cmocka_unit_test(the_token_goes_with_each_request),
      cmocka_unit_test(each_refusal_has_its_exit_code),
      cmocka_unit_test(what_a_login_kept_is_used_and_only_if_it_is_private),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
