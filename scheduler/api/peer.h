/* Who is at the other end of a connection, as the kernel says it. */
#ifndef ROTA_API_PEER_H
#define ROTA_API_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/net.h"

struct peer {
  bool local; /* over the Unix socket: the process below; else at the address below */
  uid_t uid;
  pid_t pid;
  struct net_address address;
  struct net_endpoint here; /* our end of the connection */
  bool tls;
  char text[NET_ADDRESS_TEXT]; /* "unix socket", or the address */
};

/* False if the kernel can't say. */
bool peer_read(int fd, struct peer *out);
/* Whether the process at the other end of a Unix socket was in the group when it connected. */
bool peer_in_group(int fd, gid_t group);
/* Where a socket of the internet protocol is bound. */
bool peer_local_endpoint(int fd, struct net_endpoint *out);

#endif
