#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  for (; len >= 3; at += 3, len -= 3) {
    uint32_t three = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
    for (int shift = 18; shift >= 0; shift -= 6) buf_char(out, alphabet[three >> shift & 63]);
  }
  if (len == 0) return;
  uint32_t rest = (uint32_t)at[0] << 16 | (len == 2 ? (uint32_t)at[1] << 8 : 0);
  buf_char(out, alphabet[rest >> 18 & 63]);
  buf_char(out, alphabet[rest >> 12 & 63]);
  buf_char(out, len == 2 ? alphabet[rest >> 6 & 63] : '=');
  buf_char(out, '=');
}

static int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

bool base64_decode(struct buf *out, const char *text, size_t len) {
  size_t before = out->len, padding = 0;
  if (len % 4) return false;
  while (padding < 2 && padding < len && text[len - 1 - padding] == '=') padding++;
  buf_reserve(out, len / 4 * 3);
  uint32_t bits = 0;
  for (size_t i = 0; i < len - padding; i++) {
    int value = value_of(text[i]);
    if (value < 0) goto bad;
    bits = bits << 6 | (uint32_t)value;
    if (i % 4 == 0) continue;
    buf_char(out, (char)(bits >> (6 - i % 4 * 2)));
    bits &= (1u << (6 - i % 4 * 2)) - 1;
  }
  if (padding && bits) goto bad; /* left over bits are 0 in what an encoder writes */
  return true;
bad:
  buf_truncate(out, before);
  return false;
}
