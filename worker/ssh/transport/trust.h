/* What is said to people about a host's key that isn't trusted; the same for both transports. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_TRUST_H
#define ROTA_WORKER_SSH_TRANSPORT_TRUST_H

#include "base/buf.h"
#include "worker/ssh/transport/known_hosts.h"
#include "worker/ssh/transport/settings.h"

/* Appends a sentence that names both fingerprints and what to do. `type` ("ED25519") and `fingerprint` are of the key
 * that the host showed; NULL where they aren't known. Nothing for a MATCH. */
void trust_say(struct buf *out, const struct ssh_settings *s, const struct known_answer *answer, const char *type,
               const char *fingerprint);

#endif
