/* Secrets that let someone in: 32 random bytes as 43 characters of base64url (RFC 4648), a token with "rota_" in
 * front, so that it is known for what it is where it doesn't belong. They are told once; what is kept is the SHA-256.
 */
#ifndef ROTA_DAEMON_SECRET_H
#define ROTA_DAEMON_SECRET_H

#include <stdbool.h>

#define SECRET_TOKEN_PREFIX "rota_"
#define SECRET_SIZE         (sizeof SECRET_TOKEN_PREFIX + 43)

struct secret {
  char text[SECRET_SIZE];
};

/* A fresh one; `token` puts the prefix in front. */
struct secret secret_make(bool token);

#endif
