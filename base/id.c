#include "base/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct id id_make(instant now, const uint8_t random[10]) {
  uint64_t ms = now > 0 ? (uint64_t)(now / USEC_PER_MS) & ((UINT64_C(1) << 48) - 1) : 0;
  struct id id;
  /* 10 characters of time: 50 bits, of which the first two are zero; then 16 of 5 random bits each. */
  for (int i = 9; i >= 0; i--, ms >>= 5) id.text[i] = alphabet[ms & 31];
  unsigned acc = 0, bits = 0;
  char *at = id.text + 10;
  for (int i = 0; i < 10; i++) {
    acc = (acc << 8) | random[i];
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      *at++ = alphabet[(acc >> bits) & 31];
    }
  }
  *at = '\0';
  return id;
}

/* How many characters of the alphabet the text is made of; 0 if there is any other, or more than ID_LEN. */
static size_t alphabet_len(const char *text) {
  size_t len = strnlen(text, ID_LEN + 1);
  if (len > ID_LEN || strspn(text, alphabet) != len) return 0;
  return text[0] <= '7' ? len : 0; /* the first holds three bits */
}

bool id_valid(const char *text) {
  return alphabet_len(text) == ID_LEN;
}

bool id_prefix_valid(const char *text) {
  return alphabet_len(text) > 0;
}

void random_bytes(void *out, size_t len) {
  unsigned char *at = out;
  while (len > 0) {
    ssize_t got = getrandom(at, len, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      perror("rota: getrandom");
      abort();
    }
    at += got;
    len -= (size_t)got;
  }
}
