/* Where the daemon is spoken to: a Unix socket, and a port.
 *
 * The socket is made with mode 0600 whatever the umask is, and put into its place by rename, so that nobody meets a
 * socket that doesn't listen yet. A stale one is replaced: only who holds the lock of the state directory may call
 * this. The directory's path may be longer than a socket address has room for.
 */
#ifndef ROTA_API_LISTEN_H
#define ROTA_API_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/net.h"

#define API_SOCKET_NAME "rota.sock"

/* A listening, non-blocking descriptor, or a negative code. With a `group` (NULL: none) its members may open the
 * socket too: it is 0660 then; ERR_DENIED if this process may not give it to the group. */
int listen_unix(int dir_fd, const char *name, const gid_t *group);
/* Fills the address by which `name` in the directory open at dir_fd is bound or connected to, however long the path
 * of the directory is. Valid while dir_fd is open. */
socklen_t listen_address(int dir_fd, const char *name, struct sockaddr_un *out);
/* A listening, non-blocking descriptor at an address, or a negative code: ERR_BUSY if the port is taken,
 * ERR_NOT_FOUND if the machine has no such address, ERR_DENIED for a port below 1024 without the right to it. Port 0
 * takes any;
 * `::` takes IPv4 too. `at` says in the end where it listens. */
int listen_tcp(struct net_endpoint *at);

#endif
