/* Where connections come in, and how many: the listeners, and the limits that are held before a byte is read.
 *
 * The socket has a budget of connections that no stranger on the port can use up. Over the port one address may have
 * 64, its streams included; trusted proxies, behind which many stand, are exempt. Who is over a limit is told so in
 * plain HTTP (503, 429), or over TLS by the end of the connection.
 */
#ifndef ROTA_API_GATE_H
#define ROTA_API_GATE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/net.h"

#define GATE_LISTENERS 2  /* the socket, the port */
#define GATE_ACCEPTS   64 /* of each in one turn, so that a flood of connections leaves time for the rest */

struct api;
struct peer;

struct listener {
  int fd;
  bool local; /* the Unix socket */
  bool tls;
  struct net_endpoint at; /* else */
};

struct gate {
  struct listener listeners[GATE_LISTENERS];
  size_t listeners_len;
  int spare_fd;
  /* Taken in this turn and not yet an exchange: some versions of libmicrohttpd begin with it only when they run. */
  struct net_address fresh[GATE_LISTENERS * GATE_ACCEPTS];
  size_t fresh_len, fresh_locals;
};

/* 0 or a negative code. gate_close is due in either case. */
int gate_open(struct api *api);
/* A listener more; it owns the descriptor. `about` is what the epoll event says. */
int gate_add(struct api *api, const struct listener *listener);
void gate_close(struct api *api);
/* A connection that was taken has its exchange, which is counted from here on. */
void gate_begun(struct api *api, const struct peer *peer);
/* Takes what waits at a listener. */
void gate_accept(struct api *api, size_t number);

#endif
