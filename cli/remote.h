/* A daemon on another machine, or on this one's port: its url, the token for it, the certificates it is checked by.
 *
 * A url is http or https, a host, a port; nothing else. Plain http is for this machine alone: on the way to another
 * one everybody could read the token.
 */
#ifndef ROTA_CLI_REMOTE_H
#define ROTA_CLI_REMOTE_H

#include "cli/args.h"

struct remote {
  char *url; /* "https://rota.example:8443", without a slash at the end; NULL: the daemon is asked over its socket */
  char *token;  /* NULL before a login */
  char *cacert; /* a file of certificates; NULL: the system's */
};

/* Which one is meant: --server, or $ROTA_SERVER if --state isn't given. The token is $ROTA_TOKEN or the one of `rota
 * login`. EXIT_OK, and url NULL if none is; else what is wrong has been said. */
int remote_of(const struct args *args, struct remote *out);
/* For `rota login`: the url and the certificates alone. */
int remote_parse(const struct args *args, const char *url, struct remote *out);
void remote_release(struct remote *r);

#endif
