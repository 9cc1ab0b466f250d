/* Files of known host keys: the first line is the host that is looked for, with its port behind a blank; the rest is
 * the file. A verdict names a line that is there, is the same when all other hosts are forgotten, and a line that is
 * added at the end is found unless its key was revoked before. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/base64.h"
#include "worker/ssh/transport/known_hosts.h"

#define BLOB_LEN 51
static const unsigned char blob[BLOB_LEN + 1] = "\0\0\0\013ssh-ed25519\0\0\0\040kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

static size_t lines_of(const char *text, size_t len) {
  size_t lines = 1;
  for (size_t i = 0; i < len; i++) lines += text[i] == '\n';
  return lines;
}

static void verdict_is_of_a_line(const struct known_hosts *k, const struct known_answer *said, size_t lines) {
  struct known_answer there;
  CHECK((said->verdict == KNOWN_UNKNOWN) == (said->file == NULL));
  if (!said->file) return;
  CHECK(said->line >= 1 && said->line <= lines && said->type < KEY_TYPES);
  CHECK(memchr(said->fingerprint, '\0', sizeof said->fingerprint) && strncmp(said->fingerprint, "SHA256:", 7) == 0);
  CHECK(known_hosts_line(k, said->file, said->line, &there));
  CHECK(strcmp(there.fingerprint, said->fingerprint) == 0);
}

static bool same(const struct known_answer *a, const struct known_answer *b) {
  if (a->verdict != b->verdict || !a->file != !b->file) return false;
  return !a->file || (a->line == b->line && strcmp(a->fingerprint, b->fingerprint) == 0);
}

static void what_is_added_is_found(struct known_hosts *k, const char *host, uint16_t port,
                                   enum known_verdict before) {
  if (!*host || strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != strlen(host)) return;
  struct buf line = {0};
  buf_fmt(&line, port == 22 ? "%s" : "[%s]:%u", host, (unsigned)port);
  buf_str(&line, " ssh-ed25519 ");
  base64_encode(&line, blob, BLOB_LEN);
  buf_char(&line, '\n');
  known_hosts_add(k, "more", "no line\n", 8);
  known_hosts_add(k, "more", line.bytes, line.len);
  CHECK(known_hosts_look(k, host, port, blob, BLOB_LEN).verdict ==
        (before == KNOWN_REVOKED ? KNOWN_REVOKED : KNOWN_MATCH));
  buf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char host[256];
  const uint8_t *end = memchr(data, '\n', size);
  size_t len = end ? (size_t)(end - data) : size;
  if (!end || len >= sizeof host || memchr(data, '\0', len)) return 0;
  memcpy(host, data, len);
  host[len] = '\0';
  char *blank = strchr(host, ' ');
  if (blank) *blank = '\0';
  const uint16_t port = blank ? (uint16_t)strtoul(blank + 1, NULL, 10) : 22;
  if (!*host || port == 0) return 0;
  const char *text = (const char *)end + 1;
  const size_t rest = size - len - 1;
  struct known_hosts *k = known_hosts_new();
  known_hosts_add(k, "known_hosts", text, rest);
  const size_t lines = lines_of(text, rest);
  CHECK(known_hosts_skipped(k) <= lines);
  const struct known_answer said = known_hosts_look(k, host, port, blob, BLOB_LEN);
  const struct known_types types = known_hosts_types(k, host, port);
  verdict_is_of_a_line(k, &said, lines);
  CHECK(said.verdict != KNOWN_MATCH || types.any);
  const struct known_answer kept = said; /* its file goes with the lines */
  known_hosts_narrow(k, host, port);
  const struct known_answer again = known_hosts_look(k, host, port, blob, BLOB_LEN);
  CHECK(same(&kept, &again));
  what_is_added_is_found(k, host, port, said.verdict);
  known_hosts_free(k);
  return 0;
}
