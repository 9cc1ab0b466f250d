/* The daemons of other machines that this user has logged in to: url to token, in the file servers.json of the
 * configuration's folder ($XDG_CONFIG_HOME/rota, ~/.config/rota). It is the user's alone (0600); one that others may
 * read is refused, for what stands in it is no secret any more. */
#ifndef ROTA_CLI_SERVERS_H
#define ROTA_CLI_SERVERS_H

#include <jansson.h>

/* {"https://rota.example": {"token": "rota_...", "cacert": "/path" (or absent)}, ...}; the caller gives up its
 * reference. Empty if there is no file. NULL after saying on stderr what is wrong with it. */
json_t *servers_read(void);
/* Replaces the file. An exit code; a failure has been said. */
int servers_write(const json_t *servers);
/* The file's path, on the heap; NULL without a home. */
char *servers_path(void);

#endif
