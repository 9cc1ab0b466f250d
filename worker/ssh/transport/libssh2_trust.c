/* The key by which a hop proves who it is. */
#include <string.h>

#include "worker/ssh/transport/libssh2_parts.h"
#include "worker/ssh/transport/trust.h"

/* In the order in which a key is asked for; the words of one kind are asked for together. */
static const struct {
  enum key_type type;
  const char *words;
} kinds[] = {
    {KEY_TYPE_ED25519, "ssh-ed25519"},           {KEY_TYPE_ECDSA256, "ecdsa-sha2-nistp256"},
    {KEY_TYPE_ECDSA384, "ecdsa-sha2-nistp384"},  {KEY_TYPE_ECDSA521, "ecdsa-sha2-nistp521"},
    {KEY_TYPE_RSA, "rsa-sha2-512,rsa-sha2-256"},
};

static bool usable(const struct ssh2_transport *t, enum key_type type) {
  return type != KEY_TYPE_RSA || t->lib.rsa_sha2;
}

bool trust_prefer(struct hop *h) {
  const struct ssh_settings *s = h->settings;
  struct known_types known = known_hosts_types(s->known, s->key_name, s->key_port);
  struct buf words = {0};
  bool none = known.any;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
      if (!usable(h->t, kinds[i].type) || known.types[kinds[i].type] != (pass == 0)) continue;
      if (pass == 0) none = false;
      buf_fmt(&words, "%s%s", words.len ? "," : "", kinds[i].words);
    }
  }
  if (none)
    ssh2_fail(h->t, TRANSPORT_UNSUITABLE,
              "Of %s only host keys are known that libssh2 %s can't check (RSA needs 1.11). Add its ed25519 key to "
              "known_hosts, or use `transport: openssh`",
              s->address, h->t->lib.number);
  else if (h->t->lib.session_method_pref(h->session, LIBSSH2_METHOD_HOSTKEY, buf_cstr(&words)))
    ssh2_fail(h->t, TRANSPORT_UNSUITABLE, "libssh2 %s knows none of the kinds of host keys %s", h->t->lib.number,
              buf_cstr(&words));
  buf_release(&words);
  return !h->t->ended;
}

bool trust_check(struct hop *h) {
  struct ssh2_transport *t = h->t;
  const struct ssh_settings *s = h->settings;
  size_t len = 0;
  int kind = 0;
  const char *blob = t->lib.session_hostkey(h->session, &len, &kind);
  if (!blob) {
    ssh2_fail(t, TRANSPORT_UNTRUSTED, "%s shows no host key", s->address);
    return false;
  }
  struct known_answer answer = known_hosts_look(s->known, s->key_name, s->key_port, blob, len);
  if (answer.verdict == KNOWN_MATCH) {
    h->phase = HOP_LOGIN;
    return true;
  }
  if (answer.verdict == KNOWN_UNKNOWN && t->options.host->accept_new && s->known_hosts_len > 0) {
    h->phase = HOP_TRUST;
    login_job(t, JOB_TRUST);
    return false;
  }
  char fingerprint[FINGERPRINT_SIZE];
  key_fingerprint(blob, len, fingerprint);
  enum key_type type = key_blob_type(blob, len);
  struct buf text = {0};
  trust_say(&text, s, &answer, type < KEY_TYPES ? key_type_short(type) : NULL, fingerprint);
  if (h->outer && answer.verdict == KNOWN_UNKNOWN) buf_fmt(&text, " (on %s)", h->outer->settings->hostname);
  ssh2_fail(t, answer.verdict == KNOWN_NEEDS_CA ? TRANSPORT_UNSUITABLE : TRANSPORT_UNTRUSTED, "%s", buf_cstr(&text));
  buf_release(&text);
  return false;
}
