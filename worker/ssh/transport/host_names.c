#include "worker/ssh/transport/host_names.h"

#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/id.h"

#define PATTERN_MAX 1024

static const char magic[] = "|1|";

/* By hand, since the locale has no say in names of hosts. */
static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void host_name_write(struct buf *out, const char *host, uint16_t port) {
  bool usual = port == 22;
  if (!usual) buf_char(out, '[');
  for (const char *c = host; *c; c++) buf_char(out, lower(*c));
  if (!usual) buf_fmt(out, "]:%u", (unsigned)port);
}

void host_name_hash(struct buf *out, const char *name) {
  uint8_t salt[SHA1_SIZE], hash[SHA1_SIZE];
  random_bytes(salt, sizeof salt);
  if (!hmac_sha1(salt, sizeof salt, name, strlen(name), hash)) {
    buf_str(out, name);
    return;
  }
  buf_str(out, magic);
  base64_encode(out, salt, sizeof salt);
  buf_char(out, '|');
  base64_encode(out, hash, sizeof hash);
}

/* The 40 bytes of salt and hash; false if it isn't well formed. */
static bool hashed_read(const char *field, size_t len, struct buf *out) {
  size_t begin = sizeof magic - 1;
  if (len < begin || memcmp(field, magic, begin) != 0) return false;
  const char *bar = memchr(field + begin, '|', len - begin);
  if (!bar) return false;
  return base64_decode(out, field + begin, (size_t)(bar - field) - begin) && out->len == SHA1_SIZE &&
         base64_decode(out, bar + 1, len - (size_t)(bar - field) - 1) && out->len == 2 * (size_t)SHA1_SIZE;
}

static bool hashed_match(const char *field, size_t len, const char *name) {
  struct buf raw = {0};
  uint8_t hash[SHA1_SIZE];
  bool same = hashed_read(field, len, &raw) && hmac_sha1(raw.bytes, SHA1_SIZE, name, strlen(name), hash) &&
              memcmp(raw.bytes + SHA1_SIZE, hash, SHA1_SIZE) == 0;
  buf_release(&raw);
  return same;
}

/* * and ? with one place to go back to, so that no pattern takes more than length times length. */
static bool glob(const char *pattern, size_t len, const char *name) {
  const char *end = pattern + len, *star = NULL, *resume = NULL;
  while (*name) {
    if (pattern < end && *pattern == '*') {
      star = ++pattern;
      resume = name;
    } else if (pattern < end && (*pattern == '?' || lower(*pattern) == *name)) {
      pattern++;
      name++;
    } else if (star) {
      pattern = star;
      name = ++resume;
    } else {
      return false;
    }
  }
  while (pattern < end && *pattern == '*') pattern++;
  return pattern == end;
}

static size_t pattern_len(const char *field, size_t len) {
  const char *comma = memchr(field, ',', len);
  return comma ? (size_t)(comma - field) : len;
}

bool host_names_valid(const char *field, size_t len) {
  if (len == 0) return false;
  if (field[0] == '|') {
    struct buf raw = {0};
    bool valid = hashed_read(field, len, &raw);
    buf_release(&raw);
    return valid;
  }
  for (size_t at = 0; at < len;) {
    size_t one = pattern_len(field + at, len - at);
    if (one >= PATTERN_MAX) return false;
    at += one + 1;
  }
  return true;
}

bool host_names_match(const char *field, size_t len, const char *name) {
  if (len > 0 && field[0] == '|') return hashed_match(field, len, name);
  bool included = false;
  for (size_t at = 0; at < len;) {
    size_t one = pattern_len(field + at, len - at);
    bool excludes = one > 0 && field[at] == '!';
    if (one < PATTERN_MAX && glob(field + at + excludes, one - excludes, name)) {
      if (excludes) return false;
      included = true;
    }
    at += one + 1;
  }
  return included;
}
