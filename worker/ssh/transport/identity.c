#include "worker/ssh/transport/identity.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#define FILE_MAX (64u * 1024)

static const char magic[] = "openssh-key-v1"; /* with its NUL */

/* Private keys don't stay in memory that is given back. */
static void wipe(struct buf *b) {
  if (b->len > 0) explicit_bzero(b->bytes, b->len);
  buf_release(b);
}

static bool blob_keep(struct arena *a, struct identity *i, const void *blob, size_t len) {
  enum key_type type = key_blob_type(blob, len);
  if (type == KEY_TYPES) return false;
  void *copy = arena_alloc(a, len);
  memcpy(copy, blob, len);
  i->type = type;
  i->blob = copy;
  i->blob_len = len;
  return true;
}

/* "ssh-ed25519 AAAA... comment" */
static bool public_parse(struct arena *a, const char *text, struct identity *out) {
  const char *word = strchr(text, ' ');
  if (!word) return false;
  struct buf blob = {0};
  bool good = base64_decode(&blob, word + 1, strcspn(word + 1, " \t\r\n")) && blob_keep(a, out, blob.bytes, blob.len);
  buf_release(&blob);
  return good;
}

static bool piece_take(const uint8_t **at, size_t *left, const uint8_t **piece, size_t *len) {
  if (*left < 4) return false;
  *len = (size_t)(*at)[0] << 24 | (size_t)(*at)[1] << 16 | (size_t)(*at)[2] << 8 | (*at)[3];
  if (*len > *left - 4) return false;
  *piece = *at + 4;
  *at += 4 + *len;
  *left -= 4 + *len;
  return true;
}

/* PROTOCOL.key of OpenSSH: the cipher, two strings of its key, how many keys, then the public one in the clear. */
static bool openssh_parse(struct arena *a, const struct buf *raw, struct identity *out) {
  if (raw->len < sizeof magic || memcmp(raw->bytes, magic, sizeof magic) != 0) return false;
  const uint8_t *at = (const uint8_t *)raw->bytes + sizeof magic, *cipher, *piece;
  size_t left = raw->len - sizeof magic, cipher_len, len;
  if (!piece_take(&at, &left, &cipher, &cipher_len)) return false;
  for (int i = 0; i < 2; i++) {
    if (!piece_take(&at, &left, &piece, &len)) return false;
  }
  if (left < 4) return false;
  at += 4;
  left -= 4;
  out->encrypted = cipher_len != 4 || memcmp(cipher, "none", 4) != 0;
  return piece_take(&at, &left, &piece, &len) && (blob_keep(a, out, piece, len) || true);
}

static bool armour_parse(struct arena *a, const char *body, struct identity *out) {
  const char *end = strstr(body, "-----END");
  struct buf text = {0}, raw = {0};
  for (const char *c = body; end && c < end; c++) {
    if (*c != '\n' && *c != '\r' && *c != ' ') buf_char(&text, *c);
  }
  bool good = base64_decode(&raw, buf_cstr(&text), text.len) && openssh_parse(a, &raw, out);
  wipe(&text);
  wipe(&raw);
  return good;
}

static bool parse(struct arena *a, const char *text, struct identity *out) {
  static const struct {
    const char *begin;
    enum key_type type;
    bool encrypted;
  } old[] = {{"-----BEGIN RSA PRIVATE KEY-----", KEY_TYPE_RSA, false},
             {"-----BEGIN DSA PRIVATE KEY-----", KEY_TYPE_DSS, false},
             {"-----BEGIN EC PRIVATE KEY-----", KEY_TYPES, false},
             {"-----BEGIN PRIVATE KEY-----", KEY_TYPES, false},
             {"-----BEGIN ENCRYPTED PRIVATE KEY-----", KEY_TYPES, true}};
  static const char own[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
  *out = (struct identity){.type = KEY_TYPES};
  const char *begin = strstr(text, own);
  if (begin) return armour_parse(a, begin + sizeof own - 1, out);
  for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
    if (!strstr(text, old[i].begin)) continue;
    out->type = old[i].type;
    out->encrypted = old[i].encrypted || strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL;
    return true;
  }
  out->public_only = public_parse(a, text, out);
  return out->public_only;
}

bool identity_parse(struct arena *a, const char *text, size_t len, struct identity *out) {
  struct buf copy = {0};
  buf_add(&copy, text, len);
  bool good = parse(a, buf_cstr(&copy), out);
  wipe(&copy);
  return good;
}

static void beside_read(struct arena *a, const char *path, struct identity *out) {
  out->certificate = access(arena_fmt(a, "%s-cert.pub", path), R_OK) == 0;
  if (out->blob) return;
  struct buf text = {0};
  if (file_read(arena_fmt(a, "%s.pub", path), FILE_MAX, &text) == 0) public_parse(a, buf_cstr(&text), out);
  buf_release(&text);
}

int identity_read(struct arena *a, const char *path, struct identity *out) {
  struct buf text = {0};
  int err = file_read(path, FILE_MAX, &text);
  if (!err && !identity_parse(a, buf_cstr(&text), text.len, out)) err = ERR_INVALID;
  wipe(&text);
  if (err) return err;
  out->path = arena_strdup(a, path);
  beside_read(a, path, out);
  return 0;
}
