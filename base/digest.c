#include "base/digest.h"

#include <assert.h>
/* The plain functions: OpenSSL 3 would rather be asked for algorithms by name, but then it sets up its providers and
 * reads its configuration, which costs a process that lives for weeks some 3 MB for one digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

void sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE]) {
  SHA256_CTX c;
  int done = SHA256_Init(&c) && SHA256_Update(&c, bytes, len) && SHA256_Final(out, &c);
  assert(done);
  (void)done;
}

void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  uint8_t raw[SHA256_SIZE];
  sha256(bytes, len, raw);
  for (size_t i = 0; i < SHA256_SIZE; i++) {
    out[2 * i] = digits[raw[i] >> 4];
    out[2 * i + 1] = digits[raw[i] & 15];
  }
  out[SHA256_HEX_SIZE - 1] = '\0';
}

bool sha256_hex_equal(const char a[SHA256_HEX_SIZE], const char b[SHA256_HEX_SIZE]) {
  return CRYPTO_memcmp(a, b, SHA256_HEX_SIZE) == 0;
}
