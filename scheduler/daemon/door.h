/* The port: where the configuration, or `rota serve --listen`, wants the HTTP server to be reached beside its socket.
 *
 * The url in force stands in the file `url` of the state directory (0600, one line) as long as the daemon runs.
 */
#ifndef ROTA_DAEMON_DOOR_H
#define ROTA_DAEMON_DOOR_H

#include "scheduler/daemon/handlers/server.h"
#include "scheduler/spec/config.h"

#define DOOR_URL_FILE "url"

/* Finds the group that shares the socket, if there is one, and lets it through the state directory, whose contents
 * stay closed. *shared says whether there is one. Before the socket is made; errors as below. */
int door_share(const struct config *config, bool *shared, gid_t *group);
/* What the socket's peers of the group may do, beside root and the daemon's user; nothing once a reload names another
 * group than the one that was let in at the start (NULL: none). */
enum api_role door_socket_role(const struct config *config, const char *admitted);
/* 0, or an exit code after saying on stderr what is wrong and what to do. */
int door_open(struct server *server, const struct config *config);
/* What of a new configuration can be taken over while it runs; the log says what needs a restart. */
void door_reload(struct server *server, const struct config *former, const struct config *config);
/* Says in the log what became of a new certificate: api_certificate of api.h. */
void door_certificate(const char *why);
/* The file goes. */
void door_close(const struct config *config);

#endif
