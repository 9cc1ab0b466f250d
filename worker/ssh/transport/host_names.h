/* The first field of a line of known_hosts: whom it means. Either patterns with commas, of which one that begins with
 * ! excludes, or one hashed name, |1|SALT|HASH.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_HOST_NAMES_H
#define ROTA_WORKER_SSH_TRANSPORT_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends "name", or "[name]:port" unless the port is 22; lower case. As known_hosts and ssh-keyscan have it. */
void host_name_write(struct buf *out, const char *host, uint16_t port);
/* Appends such a name hashed, with a salt of its own. */
void host_name_hash(struct buf *out, const char *name);
/* Whether a hashed field is well formed, and patterns aren't longer than any host's name; true for patterns else. */
bool host_names_valid(const char *field, size_t len);
/* Whether a name as host_name_write has it is meant. A pattern that excludes wins over those that include. */
bool host_names_match(const char *field, size_t len, const char *name);

#endif
