/* Who asks, and whether they may: in front of every request alike, whatever it is for.
 *
 *   header block --access_identify--> who --access_allow(least role)--> the rest of the request
 *
 * Over the port the Host must be one of ours, else a name that an attacker made point here (DNS rebinding) could
 * speak for its owner's browser; and a change that comes with a cookie must come from our own pages (CSRF). A bearer
 * token is sent by no browser on its own, so it is held to neither origin nor cookie.
 */
#ifndef ROTA_API_ACCESS_H
#define ROTA_API_ACCESS_H

#include "scheduler/api/exchange.h"
#include "scheduler/api/guard.h"

/* Reads what the header block says of its sender into the exchange's request and asks who that is. Status 0, or a
 * refusal: 421 for a foreign Host, 403 for a foreign origin. */
struct guard_verdict access_identify(struct exchange *x, const char *method, const struct guard_fields *fields);
/* Whether who asks has at least this role: 401 for nobody, or with `page` 303 to the login, which leads back; 403. */
struct guard_verdict access_allow(struct exchange *x, enum api_role least, bool page);

/* The socket's peers that are root or this process's own user are admins, nobody else is anybody. */
struct api_identity access_socket_only(void *ctx, const struct api_credentials *credentials, struct arena *a);

#endif
