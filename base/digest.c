#include "base/digest.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

void sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE]) {
  unsigned size = 0;
  int done = EVP_Digest(bytes, len, out, &size, EVP_sha256(), NULL);
  assert(done == 1 && size == SHA256_SIZE);
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
