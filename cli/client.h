/* Requests to the daemon: over its socket, or to a port with --server (remote.h). A token is sent to the host that it
 * is for and to no other: redirects aren't followed, and certificates are checked.
 *
 * Every POST carries a fresh Idempotency-Key that is kept while it is repeated after a lost answer, so that whatever
 * it starts is started once. A command that waits is ended by Ctrl-C between two answers, without harm to the run.
 * All functions return an exit code of the program; what isn't EXIT_OK has been said on stderr with what to do next.
 */
#ifndef ROTA_CLI_CLIENT_H
#define ROTA_CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/map.h"
#include "cli/args.h"
#include "cli/remote.h"

struct client;

struct reply {
  int status;
  struct buf body;
  json_t *json;       /* NULL if the body isn't JSON */
  struct map headers; /* those that begin with "Rota-"; values are heap strings */
};

int client_open(const struct args *args, struct client **out);
/* Over the socket, whatever $ROTA_SERVER says. */
int client_open_local(const struct args *args, struct client **out);
/* Takes over what the remote holds. */
int client_open_remote(const struct args *args, struct remote *remote, struct client **out);
void client_close(struct client *client); /* accepts NULL */
/* The state directory; NULL with --server. */
const char *client_state(const struct client *client);
/* How the daemon is named to a person: "https://rota.example", "/srv/rota/rota.sock". */
const char *client_where(const struct client *client);

/* How long an answer may take, beyond what the request itself waits for; 30 s at the beginning. */
void client_patience(struct client *client, int64_t ms);
/* Ctrl-C and TERM end what waits with EXIT_INTERRUPTED instead of killing the program. */
void client_catch_interrupt(struct client *client);
/* A daemon that goes away is waited for, up to a minute, instead of ending the command: it may be an upgrade. */
void client_outlast(struct client *client, bool on);

/* `out` is filled only on EXIT_OK, and then released by the caller. */
int client_get(struct client *client, const char *target, struct reply *out);
/* Steals `body`, which may be NULL. */
int client_post(struct client *client, const char *target, json_t *body, struct reply *out);
void reply_release(struct reply *reply);
/* Opens, posts and closes. */
int client_post_once(const struct args *args, const char *target, json_t *body, struct reply *out);
/* Whether a daemon answers at all, and nothing said: EXIT_OK, EXIT_NO_DAEMON or EXIT_NOT_ALLOWED. */
int client_probe(struct client *client, const char *target, struct reply *out);
/* "Rota-Ended" or NULL. */
const char *reply_header(const struct reply *reply, const char *name);
int64_t reply_header_int(const struct reply *reply, const char *name, int64_t otherwise);

/* Members of an object: "" or `otherwise` or an empty list where they are absent or null. */
const char *field_text(const json_t *object, const char *name);
/* As text for a terminal: whoever wrote it, control characters in it are replaced by '?', in the object too. */
const char *field_shown(const json_t *object, const char *name);
const char *field_known(const json_t *object, const char *name); /* NULL instead of "" */
int64_t field_int(const json_t *object, const char *name, int64_t otherwise);
bool field_true(const json_t *object, const char *name);
/* Prints it as --json has it: on one line, or indented on a terminal. */
void json_print(const json_t *json);
void reply_print(const struct reply *reply);

#endif
