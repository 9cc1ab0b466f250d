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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "worker/ssh/host_options.h"
#include "worker/ssh/transport/known_hosts.h"

#define SETTINGS_HOPS_MAX 8

enum key_kind { KEY_ED25519, KEY_ECDSA, KEY_RSA, KEY_DSA, KEY_SK, KEY_OTHER };

struct identity {
  const char *path;   /* absolute; the private key, and it is there */
  enum key_kind kind; /* by the public key beside it or within it; OTHER if it can't be told */
  bool encrypted;     /* OpenSSH's format or PEM says that a passphrase is needed */
};

struct ssh_settings {
  struct arena arena; /* holds all that follows */

  const char *alias; /* as written, without user and port: what ssh_config knows it by */
  const char *user;
  const char *hostname; /* a name or an address to connect to */
  uint16_t port;
  const char *key_name; /* the name to look up in known_hosts: HostKeyAlias, else hostname */
  uint16_t key_port;    /* its port there: 22 for a HostKeyAlias */
  const char *address;  /* "user@hostname:port", for people */

  const struct identity *identities; /* to be tried in this order; those that exist */
  size_t identities_len;
  const char *agent;    /* the socket of the agent; NULL for none. Asked after the identities that are files */
  bool identities_only; /* of the agent's keys only those that are among the identities */

  const char *const *known_hosts_files; /* absolute, the user's first; accept_new writes to the first */
  size_t known_hosts_len;
  struct known_hosts *known;        /* all of them, read */
  const char *known_hosts_trouble;  /* a sentence if one of them can't be read; else NULL */
  const char *host_key_algorithms;  /* as `ssh -G` says; NULL without ssh */
  bool host_key_algorithms_written; /* ssh_config sets them: differ from those of a host that no one configured */

  const struct ssh_settings *hops; /* jump hosts, outermost first, each complete but for its own hops */
  size_t hops_len;

  const char *needs_openssh; /* a sentence why only the ssh program can do it; NULL if libssh2 may try */
  const char *ssh_program;   /* absolute; NULL if ssh isn't installed */
  const char *trouble; /* a sentence if the settings can't be used at all (`ssh -G` fails, a missing identity) */
};

/* `settings` belongs to the callback's owner from then on, never NULL. */
typedef void settings_fn(void *ctx, struct ssh_settings *settings);

struct settings_query;

/* Asks on the pool; the callback comes on the loop, never from within the call. `host` is copied. */
struct settings_query *settings_ask(uv_loop_t *loop, const struct host_options *host, settings_fn *done, void *ctx);
/* No callback comes any more; for a query whose callback hasn't come. */
void settings_cancel(struct settings_query *q);
/* The same at once: blocks, for 10 s for each hop if ssh_config runs something slow. */
struct ssh_settings *settings_load(const struct host_options *host);
void settings_free(struct ssh_settings *s); /* accepts NULL */

/* "[user@]address[:port]" or "[user@][v6]:port" into its parts; false if it isn't one. `user` is NULL and port 0 if
 * they aren't written. */
bool settings_split(struct arena *a, const char *text, const char **user, const char **host, uint16_t *port);

/* What `ssh -G` printed, as far as it matters here; strings are in the arena, NULL where nothing is said. Lines that
 * aren't understood are passed over. */
struct ssh_config {
  const char *user, *hostname, *host_key_alias, *proxy_jump, *proxy_command, *identity_agent, *host_key_algorithms,
      *pkcs11_provider;
  uint16_t port; /* 0: not said */
  bool identities_only, no_public_key, gssapi, hostbased, canonical;
  const char **identities, **certificates, **user_known_hosts, **global_known_hosts;
  size_t identities_len, certificates_len, user_known_hosts_len, global_known_hosts_len;
};
void ssh_config_parse(struct arena *a, const char *text, size_t len, struct ssh_config *out);

#endif
