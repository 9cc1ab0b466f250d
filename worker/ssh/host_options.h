/* How a host is reached: plain data of its configuration. Strings are borrowed; hosts.c copies them. */
#ifndef ROTA_WORKER_SSH_HOST_OPTIONS_H
#define ROTA_WORKER_SSH_HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_TRANSPORT_LIST(X)                                                                                       \
  X(AUTO, "auto")       /* libssh2, unless the host's keys or its ssh_config need the other */                       \
  X(LIBSSH2, "libssh2") /* in this process */                                                                        \
  X(OPENSSH, "openssh") /* a child process `ssh` */

enum host_transport {
#define X(name, word) HOST_TRANSPORT_##name,
  HOST_TRANSPORT_LIST(X)
#undef X
};

struct host_options {
  const char *name;            /* of the configuration: "gpu01" */
  const char *ssh;             /* "[user@]address[:port]", or an alias of ssh_config */
  const char *identity;        /* absolute path of the private key; NULL: the agent, then what ssh_config says */
  const char *jump;            /* "[user@]address[:port]", or several with commas, outermost first; NULL for none */
  const char *known_hosts;     /* absolute path; NULL: what ssh_config says, by default ~/.ssh/known_hosts */
  const char *passphrase_file; /* of the identity; first line; NULL for none */
  const char *passphrase_env;  /* or the name of a variable of the daemon; NULL for none */
  const char *root;            /* on the host, "~/..." or absolute */
  bool accept_new;             /* a host without any known key is taken at its first word, and written down */
  enum host_transport transport;
};

#endif
