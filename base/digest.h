/* SHA-256 by GnuTLS. */
#ifndef ROTA_BASE_DIGEST_H
#define ROTA_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65

void sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE]);
void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_SIZE]);
/* Takes the same time wherever they differ. */
bool sha256_hex_equal(const char a[SHA256_HEX_SIZE], const char b[SHA256_HEX_SIZE]);

#endif
