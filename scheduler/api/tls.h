/* The certificate with which the port speaks TLS, read again when its files change.
 *
 * A pair of certificate and key is in use until the last connection that began with it is over, so that a new one
 * cuts nobody off. What can't be read or doesn't fit together changes nothing: the pair in force stays. Reading
 * blocks on the disk for two small files.
 */
#ifndef ROTA_API_TLS_H
#define ROTA_API_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>

#include "base/buf.h"

/* TLS 1.2 and 1.3, with forward secrecy. */
#define TLS_PRIORITIES                                                                                               \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"                           \
  "+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

struct tls;
struct tls_pair;

/* Takes the files for the ones to look at, and reads them; 0, or a negative code with *why saying what is wrong: then
 * nothing has changed. */
int tls_load(struct tls **t, const char *certificate, const char *key, struct buf *why);
/* Looks whether the files have changed, at most once a second. True if they have: *why is then empty if the new pair
 * is in force, else it says why the former one stays. `now` is monotonic. */
bool tls_refresh(struct tls *t, int64_t now, struct buf *why);
/* Gives a session that hasn't begun the pair in force, which tls_drop gives up after the session's end. */
struct tls_pair *tls_use(struct tls *t, gnutls_session_t session);
void tls_drop(struct tls_pair *pair);
/* Frees the pairs that nobody uses any more. Not from within a callback about a session. */
void tls_sweep(struct tls *t);
/* After the end of all sessions. Accepts NULL. */
void tls_free(struct tls *t);

#endif
