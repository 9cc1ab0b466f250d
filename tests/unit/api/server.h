/* A server in a private directory and raw clients, all on one thread: every step of a client turns the server. */
#ifndef ROTA_TESTS_UNIT_API_SERVER_H
#define ROTA_TESTS_UNIT_API_SERVER_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/instant.h"
#include "scheduler/api/api.h"
#include "scheduler/api/listen.h"

#define SERVER_HANDLES 1100

struct server {
  char dir[64];
  struct api *api;
  bool hold;                        /* the handler keeps the request instead of answering */
  uint64_t handles[SERVER_HANDLES]; /* that it kept */
  size_t held, seen;
  uint64_t gone[SERVER_HANDLES];
  size_t gone_len;
  size_t drained; /* calls of that */
  void (*on_drained)(struct server *s, uint64_t handle);
  struct buf last; /* what the handler saw, as text */
};

static inline void server_handle(void *ctx, const struct api_request *r) {
  struct server *s = ctx;
  s->seen++;
  buf_reset(&s->last);
  buf_fmt(&s->last, "%s", api_route_spec(r->route)->name);
  for (size_t i = 0; i < r->path_len; i++) buf_fmt(&s->last, " %s=%s", r->path[i].name, r->path[i].value);
  for (size_t i = 0; i < r->query_len; i++) buf_fmt(&s->last, " ?%s=%s", r->query[i].name, r->query[i].value);
  if (r->idempotency_key) buf_fmt(&s->last, " key=%s", r->idempotency_key);
  if (r->body_len) buf_fmt(&s->last, " body=%zu:%.20s", r->body_len, r->body);
  if (r->local) {
    assert_int_equal(r->uid, geteuid());
    assert_int_equal(r->pid, getpid());
  }
  if (s->hold)
    s->handles[s->held++] = r->handle;
  else
    api_reply(s->api, r->handle, 200, NULL, NULL, 0, s->last.bytes, s->last.len);
}

static inline void server_gone(void *ctx, uint64_t handle) {
  struct server *s = ctx;
  s->gone[s->gone_len++] = handle;
}

static inline void server_drained(void *ctx, uint64_t handle) {
  struct server *s = ctx;
  s->drained++;
  if (s->on_drained) s->on_drained(s, handle);
}

static inline void server_start(struct server *s, struct api_options options) {
  *s = (struct server){.dir = "/tmp/rota-api-XXXXXX"};
  assert_non_null(mkdtemp(s->dir));
  options.state_dir = s->dir;
  options.handler = server_handle;
  options.gone = server_gone;
  options.drained = server_drained;
  options.ctx = s;
  assert_int_equal(api_new(&options, &s->api), 0);
}

static inline void server_stop(struct server *s) {
  api_free(s->api);
  buf_release(&s->last);
  assert_int_equal(rmdir(s->dir), 0); /* the socket is gone with it */
}

/* One turn of the loop; waits for at most `ms`. */
static inline void server_turn(struct server *s, int ms) {
  int timeout = api_timeout_ms(s->api);
  if (timeout < 0 || timeout > ms) timeout = ms;
  struct pollfd p = {.fd = api_fd(s->api), .events = POLLIN};
  poll(&p, 1, timeout);
  api_run(s->api);
}

static inline int client_connect(const struct server *s) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct sockaddr_un address;
  socklen_t size = listen_address(dir, API_SOCKET_NAME, &address);
  assert_int_equal(connect(fd, (const struct sockaddr *)&address, size), 0);
  close(dir);
  return fd;
}

/* Listens on a free port of an address; gives the port. */
static inline uint16_t server_listen(struct server *s, const char *address) {
  struct net_endpoint at;
  assert_true(net_endpoint_parse(address, &at));
  assert_int_equal(api_listen(s->api, &at, 1), 0);
  const char *colon = strrchr(api_url(s->api), ':');
  return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static inline int client_connect_port(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int rc = connect(fd, (const struct sockaddr *)&address, sizeof address);
  assert_true(rc == 0 || errno == EINPROGRESS);
  return fd;
}

/* Sends all of it unless the server closes first. */
static inline void client_send(struct server *s, int fd, const char *bytes, size_t len) {
  while (len) {
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    } else if (errno != EAGAIN) {
      return;
    }
    server_turn(s, 0);
  }
}

static inline bool answer_complete(const struct buf *b) {
  const char *text = buf_cstr(b), *end = strstr(text, "\r\n\r\n");
  if (!end) return false;
  const char *length = strcasestr(text, "\r\nContent-Length: ");
  if (!length || length > end) return true;
  return b->len - (size_t)(end + 4 - text) >= strtoul(length + 18, NULL, 10);
}

/* Reads one answer, or up to the end of the connection, for at most `ms`; *closed if the server closed it. */
static inline void client_read(struct server *s, int fd, int ms, struct buf *out, bool *closed) {
  int64_t until = clock_monotonic() + ms * USEC_PER_MS;
  *closed = false;
  while (!answer_complete(out) && clock_monotonic() < until) {
    char bytes[65536];
    server_turn(s, 2);
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n > 0) buf_add(out, bytes, (size_t)n);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
      *closed = true;
      return;
    }
  }
}

/* Whether the server closes the connection within `ms`. */
static inline bool client_closed(struct server *s, int fd, int ms) {
  int64_t until = clock_monotonic() + ms * USEC_PER_MS;
  while (clock_monotonic() < until) {
    char byte;
    server_turn(s, 2);
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
  }
  return false;
}

static inline int answer_status(const struct buf *b) {
  int status = 0;
  return sscanf(buf_cstr(b), "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

/* A raw request over the port on a connection of its own; the status, 0 if it was closed or silent. */
static inline int request_port(struct server *s, uint16_t port, const char *text, struct buf *answer) {
  int fd = client_connect_port(port);
  bool closed;
  buf_reset(answer);
  client_send(s, fd, text, strlen(text));
  client_read(s, fd, 2000, answer, &closed);
  close(fd);
  return answer_status(answer);
}

/* Sends a raw request on a connection of its own and gives the status of the answer; 0 if it was closed or silent. */
static inline int request_raw(struct server *s, const char *bytes, size_t len, struct buf *answer, bool *closed) {
  int fd = client_connect(s);
  buf_reset(answer);
  client_send(s, fd, bytes, len);
  client_read(s, fd, 2000, answer, closed);
  int status = answer_status(answer);
  if (!*closed && status >= 400) *closed = client_closed(s, fd, 50);
  close(fd);
  return status;
}

#endif
