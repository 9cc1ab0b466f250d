/* What ssh says: `ssh -G` of a host, its complaints, the address of a jump host, key files. The first byte chooses
 * which; of a complaint the second is the size of the pieces in which it comes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "worker/ssh/transport/identity.h"
#include "worker/ssh/transport/openssh_fault.h"
#include "worker/ssh/transport/settings.h"
#include "worker/ssh/transport/ssh_config.h"

static void write_text(struct buf *out, const char *key, const char *value) {
  if (value) buf_fmt(out, "%s %s\n", key, value);
}

static void write_words(struct buf *out, const char *key, const struct words *w) {
  CHECK(w->len <= SSH_CONFIG_WORDS_MAX);
  for (size_t i = 0; i < w->len; i++) {
    CHECK(w->items[i][0] && strcmp(w->items[i], "none") != 0);
    write_text(out, key, w->items[i]);
  }
}

/* As ssh would print what was understood. */
static void config_write(const struct ssh_config *c, struct buf *out) {
  write_text(out, "user", c->user);
  write_text(out, "hostname", c->hostname);
  if (c->port) buf_fmt(out, "port %u\n", (unsigned)c->port);
  write_text(out, "hostkeyalias", c->host_key_alias);
  write_text(out, "proxyjump", c->proxy_jump);
  write_text(out, "proxycommand", c->proxy_command);
  write_text(out, "hostkeyalgorithms", c->host_key_algorithms);
  write_text(out, "identityagent", c->identity_agent);
  write_text(out, "pkcs11provider", c->pkcs11_provider);
  write_text(out, "knownhostscommand", c->known_hosts_command);
  write_text(out, "revokedhostkeys", c->revoked_host_keys);
  write_text(out, "bindaddress", c->bind_address);
  write_text(out, "bindinterface", c->bind_interface);
  write_text(out, "identitiesonly", c->identities_only ? "yes" : "no");
  write_text(out, "pubkeyauthentication", c->no_public_key ? "no" : "yes");
  write_words(out, "identityfile", &c->identities);
  write_words(out, "certificatefile", &c->certificates);
  write_words(out, "userknownhostsfile", &c->user_known_hosts);
  write_words(out, "globalknownhostsfile", &c->global_known_hosts);
}

static void config(struct arena *a, const char *text, size_t len) {
  struct ssh_config c, again;
  struct buf first = {0}, second = {0};
  ssh_config_parse(a, text, len, &c);
  config_write(&c, &first);
  ssh_config_parse(a, buf_cstr(&first), first.len, &again);
  config_write(&again, &second);
  CHECK(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
  buf_release(&first);
  buf_release(&second);
}

static void address(struct arena *a, const char *text, size_t len) {
  const char *user, *host, *user_again, *host_again, *whole = arena_strndup(a, text, len);
  uint16_t port, port_again;
  if (!settings_split(a, whole, &user, &host, &port)) return;
  CHECK(host[0] && host[0] != '-' && (!user || (user[0] && user[0] != '-')));
  const char *written = arena_fmt(a, "%s%s[%s]:%u", user ? user : "", user ? "@" : "", host, port ? port : 22u);
  if (strchr(host, ']') || strchr(host, '@')) return;
  CHECK(settings_split(a, written, &user_again, &host_again, &port_again));
  CHECK(strcmp(host, host_again) == 0 && port_again == (port ? port : 22) && !user == !user_again);
  CHECK(!user || strcmp(user, user_again) == 0);
}

static void complaint(struct arena *a, const char *text, size_t len) {
  struct complaint whole = {0}, split = {0};
  struct buf said = {0};
  struct ssh_settings hop = {.alias = "gate", .hostname = "gate.example", .port = 2222, .address = "me@gate:2222"};
  struct ssh_settings s = {.alias = "gpu",
                           .hostname = "gpu01",
                           .port = 22,
                           .address = "me@gpu01:22",
                           .user = "me",
                           .key_name = "gpu01",
                           .key_port = 22,
                           .hops = &hop,
                           .hops_len = 1};
  (void)a;
  if (len < 1) return;
  const size_t piece = (unsigned char)text[0] + 1u;
  text++, len--;
  complaint_add(&whole, text, len);
  for (size_t at = 0; at < len; at += piece) complaint_add(&split, text + at, piece < len - at ? piece : len - at);
  CHECK(whole.text.len == split.text.len && whole.ready == split.ready);
  CHECK(whole.text.len == 0 || memcmp(whole.text.bytes, split.text.bytes, whole.text.len) == 0);
  CHECK(whole.text.len <= COMPLAINT_MAX + 1);
  for (size_t i = 0; i < whole.text.len; i++)
    CHECK((unsigned char)whole.text.bytes[i] >= ' ' || whole.text.bytes[i] == '\n');
  s.known = hop.known = known_hosts_new();
  complaint_fault(&whole, &s, 255 << 8, &said);
  CHECK(said.len > 0);
  known_hosts_free(s.known);
  buf_release(&said);
  complaint_release(&whole);
  complaint_release(&split);
}

static void identity(struct arena *a, const char *text, size_t len) {
  struct identity i;
  if (!identity_parse(a, text, len, &i)) return;
  CHECK(i.type <= KEY_TYPES && (!i.blob || i.type < KEY_TYPES) && (!i.public_only || i.blob));
  if (!i.blob) return;
  char fingerprint[FINGERPRINT_SIZE];
  key_fingerprint(i.blob, i.blob_len, fingerprint);
  CHECK(key_blob_type(i.blob, i.blob_len) == i.type && strlen(fingerprint) == FINGERPRINT_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(struct arena *, const char *, size_t) = {config, address, complaint, identity};
  struct arena a = {0};
  if (size < 1) return 0;
  readers[data[0] % 4](&a, (const char *)data + 1, size - 1);
  arena_release(&a);
  return 0;
}
