/* The Unix socket on which the daemon is spoken to.
 *
 * It is made with mode 0600 whatever the umask is, and put into its place by rename, so that nobody meets a socket
 * that doesn't listen yet. A stale one is replaced: only who holds the lock of the state directory may call this. The
 * directory's path may be longer than a socket address has room for.
 */
#ifndef ROTA_API_LISTEN_H
#define ROTA_API_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define API_SOCKET_NAME "rota.sock"

/* A listening, non-blocking descriptor, or a negative code. */
int listen_unix(int dir_fd, const char *name);
/* Fills the address by which `name` in the directory open at dir_fd is bound or connected to, however long the path
 * of the directory is. Valid while dir_fd is open. */
socklen_t listen_address(int dir_fd, const char *name, struct sockaddr_un *out);
/* Who is at the other end. False if the kernel can't say. */
bool listen_peer(int fd, uid_t *uid, pid_t *pid);

#endif
