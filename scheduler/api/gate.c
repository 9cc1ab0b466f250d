#include "scheduler/api/gate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/instant.h"
#include "scheduler/api/exchange.h"
#include "scheduler/api/forwarded.h"
#include "scheduler/api/peer.h"

static int spare_open(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int gate_open(struct api *api) {
  api->gate.spare_fd = spare_open();
  return api->gate.spare_fd < 0 ? err_from_errno(errno) : 0;
}

int gate_add(struct api *api, const struct listener *listener) {
  struct gate *g = &api->gate;
  assert(g->listeners_len < GATE_LISTENERS);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = ABOUT_LISTENER + g->listeners_len};
  g->listeners[g->listeners_len++] = *listener;
  return epoll_ctl(api->epoll_fd, EPOLL_CTL_ADD, listener->fd, &event) == 0 ? 0 : err_from_errno(errno);
}

void gate_close(struct api *api) {
  struct gate *g = &api->gate;
  for (size_t i = 0; i < g->listeners_len; i++) close(g->listeners[i].fd);
  if (g->spare_fd >= 0) close(g->spare_fd);
  g->listeners_len = 0;
  g->spare_fd = -1;
}

static void turn_away(int fd, const char *status) {
  char rest[512], text[160];
  int len = snprintf(text, sizeof text,
                     "HTTP/1.1 %s\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n", status);
  /* Bytes that nobody has read would make the close a reset, which can overtake the answer. */
  while (recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0) continue;
  send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  close(fd);
}

struct crowd {
  size_t kind;    /* connections over the socket, or over the port, that aren't streams */
  size_t address; /* of the same address, streams included */
};

static struct crowd crowd_count(const struct api *api, const struct peer *peer) {
  const struct gate *g = &api->gate;
  struct crowd crowd = {.kind = peer->local ? g->fresh_locals : g->fresh_len};
  for (size_t i = 0; i < EXCHANGE_SLOTS; i++) {
    const struct exchange *x = api->exchanges[i];
    if (!x || x->peer.local != peer->local) continue;
    crowd.kind += !x->stream;
    crowd.address += net_address_equal(&x->peer.address, &peer->address);
  }
  for (size_t i = 0; i < g->fresh_len; i++) crowd.address += net_address_equal(&g->fresh[i], &peer->address);
  return crowd;
}

static bool local_admitted(const struct api *api, const struct peer *peer, int fd) {
  if (peer->uid == 0 || peer->uid == geteuid()) return true;
  return api->options.socket_shared && peer_in_group(fd, api->options.socket_group);
}

/* NULL, or the status with which this connection is turned away; "" says nothing to it. */
static const char *refusal(const struct api *api, const struct peer *peer, int fd) {
  static const char full[] = "503 Service Unavailable", many[] = "429 Too Many Requests";
  const struct api_options *o = &api->options;
  if (peer->local && !local_admitted(api, peer, fd)) return "";
  struct crowd crowd = crowd_count(api, peer);
  if (peer->local) return crowd.kind >= (size_t)o->connections_max ? full : NULL;
  if (crowd.kind >= (size_t)o->port_connections_max) return full;
  if (forwarded_trusted(&peer->address, api->proxies, api->proxies_len)) return NULL;
  return crowd.address >= (size_t)o->address_connections_max ? many : NULL;
}

void gate_begun(struct api *api, const struct peer *peer) {
  struct gate *g = &api->gate;
  if (peer->local) {
    if (g->fresh_locals) g->fresh_locals--;
    return;
  }
  for (size_t i = 0; i < g->fresh_len; i++) {
    if (!net_address_equal(&g->fresh[i], &peer->address)) continue;
    g->fresh[i] = g->fresh[--g->fresh_len];
    return;
  }
}

static void connection_add(struct api *api, const struct listener *listener, int fd) {
  struct peer peer;
  struct gate *g = &api->gate;
  if (!peer_read(fd, &peer)) {
    close(fd);
    return;
  }
  const char *status = refusal(api, &peer, fd);
  if (status) {
    if (*status && !listener->tls)
      turn_away(fd, status);
    else
      close(fd);
    return;
  }
  if (peer.local)
    g->fresh_locals++;
  else
    g->fresh[g->fresh_len++] = peer.address;
  struct sockaddr address = {.sa_family = AF_UNIX}; /* peer.h reads it from the descriptor */
  MHD_add_connection(listener->tls ? api->mhd_tls : api->mhd, fd, &address,
                     sizeof address); /* closes it if it fails */
  api->pump = true;
}

/* Without a descriptor left, the waiting connection would keep the loop awake for ever: the spare one takes it. */
static bool accept_without_room(struct api *api, const struct listener *listener) {
  close(api->gate.spare_fd);
  int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0 && listener->tls)
    close(fd);
  else if (fd >= 0)
    turn_away(fd, "503 Service Unavailable");
  api->gate.spare_fd = spare_open();
  return fd >= 0;
}

/* A new connection is the time to see whether there is a new certificate. */
static void certificate_refresh(struct api *api) {
  struct buf why = {0};
  bool changed = tls_refresh(api->tls, clock_monotonic(), &why);
  if (changed && api->options.certificate)
    api->options.certificate(api->options.ctx, why.len ? buf_cstr(&why) : NULL);
  buf_release(&why);
}

void gate_accept(struct api *api, size_t number) {
  const struct listener *listener = &api->gate.listeners[number];
  if (listener->tls) certificate_refresh(api);
  for (int i = 0; i < GATE_ACCEPTS; i++) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      connection_add(api, listener, fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!accept_without_room(api, listener)) return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}
