#include "scheduler/daemon/access/secret.h"

#include <stdint.h>
#include <string.h>

#include "base/id.h"

#define BYTES 32

struct secret secret_make(bool token) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  struct secret s = {.text = ""};
  uint8_t random[BYTES + 1] = {0}; /* with one zero the bits are a whole number of groups of three bytes */
  random_bytes(random, BYTES);
  char *out = s.text;
  if (token) out = stpcpy(out, SECRET_TOKEN_PREFIX);
  for (int i = 0; i < BYTES; i += 3) {
    uint32_t group = (uint32_t)random[i] << 16 | (uint32_t)random[i + 1] << 8 | (i + 2 < BYTES ? random[i + 2] : 0);
    int digits = i + 2 < BYTES ? 4 : 3;
    for (int k = 0; k < digits; k++) *out++ = alphabet[group >> (18 - 6 * k) & 63];
  }
  *out = '\0';
  explicit_bzero(random, sizeof random);
  return s;
}
