/* What `ssh -G HOST` prints: the whole of ssh_config as it counts for one host. Pure. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_SSH_CONFIG_H
#define ROTA_WORKER_SSH_TRANSPORT_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define SSH_CONFIG_WORDS_MAX 64 /* more files than that of one kind are passed over */

struct words {
  const char **items;
  size_t len;
};

/* Strings are in the arena; NULL where nothing is said, or "none". Paths are as written, "~/" included. */
struct ssh_config {
  const char *user, *hostname, *host_key_alias, *proxy_jump, *proxy_command, *host_key_algorithms;
  const char *identity_agent; /* "SSH_AUTH_SOCK", "$NAME", a path; "none" stays "none" */
  const char *pkcs11_provider, *known_hosts_command, *revoked_host_keys, *bind_address, *bind_interface;
  uint16_t port; /* 0: not said */
  bool identities_only;
  bool no_public_key; /* PubkeyAuthentication no */
  /* What keeps ssh from being a plain pipe to a command. */
  const char *session_type; /* NULL: not told, by an ssh before 8.7 */
  bool stdin_null, fork;
  struct words identities, certificates, user_known_hosts, global_known_hosts;
};

/* Lines that aren't understood are passed over. */
void ssh_config_parse(struct arena *a, const char *text, size_t len, struct ssh_config *out);

#endif
