#include "scheduler/api/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/net.h"

#define GROUPS_MAX 4096
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

/* False for another family than the two of the internet protocol. */
static bool endpoint_from(const struct sockaddr_storage *address, struct net_endpoint *out) {
  static const unsigned char v4_head[12] = {[10] = 0xff, [11] = 0xff};
  if (address->ss_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    memcpy(out->address.bytes, v4_head, sizeof v4_head);
    memcpy(out->address.bytes + 12, &v4.sin_addr, 4);
    out->port = ntohs(v4.sin_port);
    return true;
  }
  if (address->ss_family != AF_INET6) return false;
  struct sockaddr_in6 v6;
  memcpy(&v6, address, sizeof v6);
  memcpy(out->address.bytes, &v6.sin6_addr, 16);
  out->port = ntohs(v6.sin6_port);
  return true;
}

bool peer_local_endpoint(int fd, struct net_endpoint *out) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  return getsockname(fd, (struct sockaddr *)&address, &size) == 0 && endpoint_from(&address, out);
}

static bool local_read(int fd, struct peer *out) {
  struct ucred process;
  socklen_t size = sizeof process;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size) != 0) return false;
  out->local = true;
  out->uid = process.uid;
  out->pid = process.pid;
  snprintf(out->text, sizeof out->text, "unix socket");
  return true;
}

bool peer_in_group(int fd, gid_t group) {
  gid_t groups[GROUPS_MAX];
  struct ucred process;
  socklen_t size = sizeof process;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size) != 0) return false;
  if (process.gid == group) return true;
  size = sizeof groups;
  /* Who is in more groups than there is room for isn't let in: ERANGE. */
  if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) return false;
  for (size_t i = 0; i < size / sizeof groups[0]; i++)
    if (groups[i] == group) return true;
  return false;
}

bool peer_read(int fd, struct peer *out) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  struct net_endpoint there;
  /* Nobody is user 0 by default. */
  *out = (struct peer){.uid = (uid_t)-1, .pid = -1};
  if (getpeername(fd, (struct sockaddr *)&address, &size) != 0) return false;
  if (address.ss_family == AF_UNIX) return local_read(fd, out);
  if (!endpoint_from(&address, &there) || !peer_local_endpoint(fd, &out->here)) return false;
  out->address = there.address;
  net_address_text(&out->address, out->text);
  return true;
}
