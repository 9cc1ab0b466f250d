/* Where the socket of a ControlMaster lies, and beside it the program that tells ssh a passphrase: a private
 * directory (0700) whose path is short enough. Blocks on the local disk, briefly. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_OPENSSH_SOCKET_H
#define ROTA_WORKER_SSH_TRANSPORT_OPENSSH_SOCKET_H

#include <stdbool.h>

struct control_socket {
  char path[108]; /* "" if there is none */
  char dir[64];   /* under /tmp, if that was needed; else "" */
  char ask[112];  /* the program; "" if there is none */
};

/* In STATE_DIR/ssh; if that is too long for a socket's path, in a fresh directory below /tmp. 0 or a code of
 * base/err.h. */
int control_socket_init(struct control_socket *s, const char *state_dir);
/* Writes the program: it prints the first line of the file, or the variable. The passphrase itself is written
 * nowhere. 0 or a code of base/err.h. */
int control_socket_ask(struct control_socket *s, const char *file, const char *variable);
/* Removes what is left of it. */
void control_socket_release(struct control_socket *s);

#endif
