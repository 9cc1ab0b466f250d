/* For whom a proxy speaks, by its X-Forwarded-For. */
#ifndef ROTA_API_FORWARDED_H
#define ROTA_API_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/net.h"

/* Each proxy adds at the right whom it heard, so the list is believed from the right for as long as the name that it
 * gives is a trusted proxy too: the first that isn't is the client. An entry that can't be read ends it: the client
 * is then the last that could. `values` are the header's lines in order; *client begins as the peer and stays it if
 * nothing is said. */
void forwarded_client(const char *const *values, size_t len, const struct net_range *trusted, size_t trusted_len,
                      struct net_address *client);
bool forwarded_trusted(const struct net_address *address, const struct net_range *trusted, size_t trusted_len);

#endif
