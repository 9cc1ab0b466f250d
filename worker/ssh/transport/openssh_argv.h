/* The argument lists of `ssh` for a host. Pure. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_OPENSSH_ARGV_H
#define ROTA_WORKER_SSH_TRANSPORT_OPENSSH_ARGV_H

#include <stdbool.h>

#include "base/arena.h"
#include "worker/ssh/host_options.h"
#include "worker/ssh/transport/settings.h"

#define OPENSSH_CONNECT_S 20 /* for each address that the name has; the transport has 30 s in all */
#define OPENSSH_COMMAND   "exec /bin/sh -s"

/* Whatever ssh_config says, an ssh that asks nothing, forwards nothing and gives up a silent host. The `master` makes
 * the socket and talks of what it does (LogLevel DEBUG1); others go through it, or, if that can't be, connect
 * themselves. NULL-terminated, in the arena. */
const char *const *openssh_argv(struct arena *a, const struct host_options *host, const struct ssh_settings *s,
                                const char *socket, bool master);

#endif
