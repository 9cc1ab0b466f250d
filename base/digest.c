#include "base/digest.h"

#include <assert.h>
#include <stdlib.h>

/* GnuTLS is in the process for the port anyway; OpenSSL's libcrypto would be 1.6 MB more of it for one digest. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/alloc.h"

void sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE]) {
  int err = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, len, out);
  assert(!err);
  (void)err;
}

static void hex_write(const uint8_t raw[SHA256_SIZE], char out[SHA256_HEX_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < SHA256_SIZE; i++) {
    out[2 * i] = digits[raw[i] >> 4];
    out[2 * i + 1] = digits[raw[i] & 15];
  }
  out[SHA256_HEX_SIZE - 1] = '\0';
}

void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_SIZE]) {
  uint8_t raw[SHA256_SIZE];
  sha256(bytes, len, raw);
  hex_write(raw, out);
}

struct sha256 {
  gnutls_hash_hd_t handle;
};

struct sha256 *sha256_new(void) {
  struct sha256 *s = alloc_new(struct sha256);
  int err = gnutls_hash_init(&s->handle, GNUTLS_DIG_SHA256);
  assert(!err);
  (void)err;
  return s;
}

void sha256_add(struct sha256 *s, const void *bytes, size_t len) {
  int err = gnutls_hash(s->handle, bytes, len);
  assert(!err);
  (void)err;
}

void sha256_end(struct sha256 *s, char out[SHA256_HEX_SIZE]) {
  uint8_t raw[SHA256_SIZE];
  if (!s) return;
  gnutls_hash_deinit(s->handle, raw);
  if (out) hex_write(raw, out);
  free(s);
}

bool sha256_hex_equal(const char a[SHA256_HEX_SIZE], const char b[SHA256_HEX_SIZE]) {
  return gnutls_memcmp(a, b, SHA256_HEX_SIZE) == 0;
}

bool hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t out[SHA1_SIZE]) {
  return gnutls_hmac_fast(GNUTLS_MAC_SHA1, key, key_len, bytes, len, out) == 0;
}
