#include "worker/ssh/transport/key_blob.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"

#define RSA_BYTES_MIN 128

/* What follows the type: e an mpint, n an mpint of an RSA key's least size, k the 32 bytes of an ed25519 key, c the
 * curve's name, p a point on it, s any string. */
struct form {
  const char *word, *name, *fields, *curve;
  size_t point;
};

static const struct form forms[KEY_TYPES] = {
    [KEY_TYPE_ED25519] = {"ssh-ed25519", "ED25519", "k", NULL, 0},
    [KEY_TYPE_ECDSA256] = {"ecdsa-sha2-nistp256", "ECDSA", "cp", "nistp256", 65},
    [KEY_TYPE_ECDSA384] = {"ecdsa-sha2-nistp384", "ECDSA", "cp", "nistp384", 97},
    [KEY_TYPE_ECDSA521] = {"ecdsa-sha2-nistp521", "ECDSA", "cp", "nistp521", 133},
    [KEY_TYPE_RSA] = {"ssh-rsa", "RSA", "en", NULL, 0},
    [KEY_TYPE_SK_ED25519] = {"sk-ssh-ed25519@openssh.com", "ED25519-SK", "ks", NULL, 0},
    [KEY_TYPE_SK_ECDSA256] = {"sk-ecdsa-sha2-nistp256@openssh.com", "ECDSA-SK", "cps", "nistp256", 65},
    [KEY_TYPE_DSS] = {"ssh-dss", "DSA", "eeee", NULL, 0},
};

const char *key_type_word(enum key_type type) {
  assert(type < KEY_TYPES);
  return forms[type].word;
}

const char *key_type_short(enum key_type type) {
  assert(type < KEY_TYPES);
  return forms[type].name;
}

struct reader {
  const uint8_t *at;
  size_t len;
};

static bool string_read(struct reader *r, struct reader *out) {
  if (r->len < 4) return false;
  size_t len = (size_t)r->at[0] << 24 | (size_t)r->at[1] << 16 | (size_t)r->at[2] << 8 | r->at[3];
  if (len > r->len - 4) return false;
  *out = (struct reader){.at = r->at + 4, .len = len};
  r->at += 4 + len;
  r->len -= 4 + len;
  return true;
}

static bool is_text(const struct reader *s, const char *text) {
  return s->len == strlen(text) && memcmp(s->at, text, s->len) == 0;
}

static bool field_fits(const struct form *form, char field, const struct reader *s) {
  switch (field) {
  case 'k': return s->len == 32;
  case 'c': return is_text(s, form->curve);
  case 'p': return s->len == form->point && s->at[0] == 4;
  case 'e': return s->len > 0 && s->at[0] < 0x80;
  case 'n': return s->len >= RSA_BYTES_MIN && s->at[0] < 0x80;
  default: return true;
  }
}

enum key_type key_blob_type(const void *blob, size_t len) {
  struct reader r = {.at = blob, .len = len}, s;
  if (len > KEY_BLOB_MAX || !string_read(&r, &s)) return KEY_TYPES;
  enum key_type type = 0;
  while (type < KEY_TYPES && !is_text(&s, forms[type].word)) type++;
  if (type == KEY_TYPES) return KEY_TYPES;
  for (const char *field = forms[type].fields; *field; field++) {
    if (!string_read(&r, &s) || !field_fits(&forms[type], *field, &s)) return KEY_TYPES;
  }
  return r.len == 0 ? type : KEY_TYPES;
}

void key_fingerprint(const void *blob, size_t len, char out[FINGERPRINT_SIZE]) {
  uint8_t digest[SHA256_SIZE];
  sha256(blob, len, digest);
  struct buf text = {0};
  buf_str(&text, "SHA256:");
  base64_encode(&text, digest, sizeof digest);
  buf_truncate(&text, FINGERPRINT_SIZE - 1); /* without the padding, as people know it */
  memcpy(out, buf_cstr(&text), FINGERPRINT_SIZE);
  buf_release(&text);
}
