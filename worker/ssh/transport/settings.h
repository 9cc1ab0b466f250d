/* How a host is reached, once everything has been asked: the options of rota.yaml, which win, and what `ssh -G ALIAS`
 * says, if ssh is installed: with it all of ssh_config counts (Include, Match, tokens). Without it the options alone
 * and the usual paths of OpenSSH count.
 *
 *   ssh: etl@gpu01:2222  -->  alias gpu01, user etl, hostname gpu01.example, port 2222, identities, known_hosts,
 * jumps
 *
 * Everything that reads files or waits for a process is done on libuv's pool: home directories may be slow.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_SETTINGS_H
#define ROTA_WORKER_SSH_TRANSPORT_SETTINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "worker/ssh/host_options.h"
#include "worker/ssh/transport/identity.h"
#include "worker/ssh/transport/known_hosts.h"

#define SETTINGS_HOPS_MAX 8

struct ssh_settings {
  struct arena arena; /* holds all that follows */

  const char *alias; /* as written, without user and port: what ssh_config knows it by */
  const char *user;
  const char *hostname; /* a name or an address to connect to */
  uint16_t port;
  const char *key_name; /* the name to look up in known_hosts: HostKeyAlias, else hostname */
  uint16_t key_port;    /* its port there: 22 for a HostKeyAlias */
  const char *address;  /* "user@hostname:port", for people */

  /* Those that are there. Of rota.yaml alone if it names one, which then is the only key that is tried. */
  const struct identity *identities;
  size_t identities_len;
  const char *agent;    /* the socket of the agent; NULL for none. Its keys are tried first, as ssh does it */
  bool identities_only; /* of the agent's keys only those that are among the identities */
  bool rsa_only;        /* no other key than RSA can be had: libssh2 before 1.11 can't log in */

  const char *const *known_hosts_files; /* absolute, the user's first; accept_new writes to the first */
  size_t known_hosts_len;
  struct known_hosts *known;       /* all of them, read; can be asked for this host alone */
  const char *host_key_algorithms; /* as `ssh -G` says, defaults included; NULL without ssh */

  struct ssh_settings *hops; /* jump hosts, outermost first, each complete but for hops of its own */
  size_t hops_len;
  bool hops_written; /* by rota.yaml; else they are ssh_config's */

  /* Options for ssh that undo what ssh_config says and no pipe to a command works with. Only those that are needed:
   * an ssh that doesn't know one of them would refuse it. */
  const char *plain[3];
  size_t plain_len;

  const char *ssh_program;   /* absolute; NULL if ssh isn't installed */
  const char *needs_openssh; /* a sentence why only the ssh program can do it; NULL if libssh2 may try */
  const char *trouble;       /* a sentence if nobody can: `ssh -G` fails, no such identity; NULL else */
};

/* `settings` belongs to the callback's owner from then on, never NULL; nothing in it points into the host's options.
 */
typedef void settings_fn(void *ctx, struct ssh_settings *settings);

struct settings_query;

/* Asks on the pool; the callback comes on the loop, never from within the call. `host` is copied. */
struct settings_query *settings_ask(uv_loop_t *loop, const struct host_options *host, settings_fn *done, void *ctx);
/* No callback comes any more; for a query whose callback hasn't come. */
void settings_cancel(struct settings_query *q);
/* The same at once: blocks, for 10 s for each hop if ssh_config runs something slow.
 * `cancelled` ends it early, with whatever there is; NULL is never. */
struct ssh_settings *settings_load(const struct host_options *host, const atomic_bool *cancelled);
void settings_free(struct ssh_settings *s); /* accepts NULL */

/* "[user@]address[:port]", "[user@][v6]:port" or an address of IPv6 alone into its parts; false if it isn't one.
 * `user` is NULL and port 0 if they aren't written. */
bool settings_split(struct arena *a, const char *text, const char **user, const char **host, uint16_t *port);

#endif
