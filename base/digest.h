/* SHA-256, and the HMAC of known_hosts, by GnuTLS. */
#ifndef ROTA_BASE_DIGEST_H
#define ROTA_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65

void sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE]);
void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_SIZE]);

/* Of bytes that come in pieces. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *s, const void *bytes, size_t len);
/* Of what was added; frees it. NULL for `out`: only frees. Accepts NULL. */
void sha256_end(struct sha256 *s, char out[SHA256_HEX_SIZE]);

/* Takes the same time wherever they differ. */
bool sha256_hex_equal(const char a[SHA256_HEX_SIZE], const char b[SHA256_HEX_SIZE]);

#define SHA1_SIZE 20
/* RFC 2104 with SHA-1: the names in known_hosts are hashed by it, nothing else. False where the system forbids it. */
bool hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t out[SHA1_SIZE]);

#endif
