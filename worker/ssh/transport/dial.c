#include "worker/ssh/transport/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

#define ADDRESSES_MAX   16
#define STAGGER_MS      250
#define USER_TIMEOUT_MS 45000u

struct attempt {
  uv_poll_t poll;
  int fd;
  struct dial *dial;
};

struct dial {
  uv_getaddrinfo_t lookup;
  uv_timer_t timer; /* until the next address is tried */
  struct sockaddr_storage addresses[ADDRESSES_MAX];
  socklen_t lengths[ADDRESSES_MAX];
  size_t len, next;
  struct attempt *attempts[ADDRESSES_MAX]; /* those under way are not NULL */
  size_t open;                             /* attempts under way */
  int handles;                             /* what libuv still holds of this struct */
  bool looking, ended;
  char why[160]; /* of the first that failed: the address that was preferred */
  dial_fn *done;
  void *ctx;
};

static void forget(struct dial *d) {
  if (--d->handles == 0) free(d);
}

static void on_timer_closed(uv_handle_t *handle) {
  forget(handle->data);
}

static void on_attempt_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void attempt_end(struct dial *d, size_t i, bool keep) {
  struct attempt *a = d->attempts[i];
  d->attempts[i] = NULL;
  d->open--;
  uv_poll_stop(&a->poll);
  if (!keep) close(a->fd);
  uv_close((uv_handle_t *)&a->poll, on_attempt_closed);
}

static void end(struct dial *d) {
  d->ended = true;
  for (size_t i = 0; i < ADDRESSES_MAX; i++)
    if (d->attempts[i]) attempt_end(d, i, false);
  if (d->looking) uv_cancel((uv_req_t *)&d->lookup);
  uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void finish(struct dial *d, int fd) {
  dial_fn *done = d->done;
  void *ctx = d->ctx;
  char why[sizeof d->why];
  memcpy(why, d->why, sizeof why);
  end(d);
  done(ctx, fd, fd < 0 ? why : NULL);
}

static void note(struct dial *d, const char *text) {
  if (!d->why[0]) snprintf(d->why, sizeof d->why, "%s", text);
}

static void go_on(struct dial *d);

static void on_writable(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events; /* the status is EBADF for all that the socket knows better */
  struct attempt *a = poll->data;
  struct dial *d = a->dial;
  size_t i = 0;
  while (d->attempts[i] != a) i++;
  int error = 0;
  socklen_t len = sizeof error;
  if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) error = errno;
  int fd = a->fd;
  attempt_end(d, i, !error);
  if (!error) {
    finish(d, fd);
    return;
  }
  note(d, strerror(error));
  go_on(d);
}

/* False if this address is out of the question at once. */
static bool attempt_begin(struct dial *d, size_t i) {
  const struct sockaddr *address = (const struct sockaddr *)&d->addresses[i];
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return note(d, strerror(errno)), false;
  int on = 1;
  unsigned timeout = USER_TIMEOUT_MS;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
  struct attempt *a = NULL;
  if (connect(fd, address, d->lengths[i]) < 0 && errno != EINPROGRESS) goto failed;
  a = alloc_new(struct attempt);
  int rc = uv_poll_init(d->timer.loop, &a->poll, fd);
  if (rc < 0) {
    free(a);
    errno = -rc;
    goto failed;
  }
  a->poll.data = a;
  a->fd = fd;
  a->dial = d;
  d->attempts[i] = a;
  d->open++;
  uv_poll_start(&a->poll, UV_WRITABLE, on_writable);
  return true;

failed:
  note(d, strerror(errno));
  close(fd);
  return false;
}

static void on_stagger(uv_timer_t *timer) {
  go_on(timer->data);
}

/* Tries the next address; when none is left and none is under way, that was all. */
static void go_on(struct dial *d) {
  while (d->next < d->len) {
    if (attempt_begin(d, d->next++)) {
      uv_timer_start(&d->timer, on_stagger, STAGGER_MS, 0);
      return;
    }
  }
  if (d->open == 0) finish(d, -1);
}

static const struct addrinfo *of_family(const struct addrinfo *from, int family, bool same) {
  while (from && (from->ai_family == family) != same) from = from->ai_next;
  return from;
}

/* The resolver's order, but for the families, which take turns. */
static void addresses_take(struct dial *d, const struct addrinfo *found) {
  int family = found->ai_family;
  const struct addrinfo *sides[2] = {of_family(found, family, true), of_family(found, family, false)};
  for (int side = 0; (sides[0] || sides[1]) && d->len < ADDRESSES_MAX; side = !side) {
    const struct addrinfo *a = sides[side];
    if (!a) continue;
    memcpy(&d->addresses[d->len], a->ai_addr, a->ai_addrlen);
    d->lengths[d->len++] = a->ai_addrlen;
    sides[side] = of_family(a->ai_next, family, side == 0);
  }
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found) {
  struct dial *d = lookup->data;
  bool wanted = !d->ended;
  if (wanted && status == 0 && found) addresses_take(d, found);
  uv_freeaddrinfo(found);
  d->handles--;
  d->looking = false;
  if (!wanted) {
    if (d->handles == 0) free(d);
    return;
  }
  if (d->len == 0) note(d, status ? uv_strerror(status) : "the name has no address");
  go_on(d);
}

/* What couldn't even be asked is told by the timer, so that it doesn't come from within the call. */
static void on_unasked(uv_timer_t *timer) {
  finish(timer->data, -1);
}

struct dial *dial_new(uv_loop_t *loop, const char *host, uint16_t port, dial_fn *done, void *ctx) {
  struct dial *d = alloc_new(struct dial);
  d->done = done;
  d->ctx = ctx;
  d->handles = 1;
  uv_timer_init(loop, &d->timer);
  d->timer.data = d;
  d->lookup.data = d;
  char service[8];
  snprintf(service, sizeof service, "%u", (unsigned)port);
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  int rc = uv_getaddrinfo(loop, &d->lookup, on_found, host, service, &hints);
  if (rc < 0) {
    note(d, uv_strerror(rc));
    uv_timer_start(&d->timer, on_unasked, 0, 0);
  } else {
    d->handles++;
    d->looking = true;
  }
  return d;
}

void dial_free(struct dial *d) {
  end(d);
}
