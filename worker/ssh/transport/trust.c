#include "worker/ssh/transport/trust.h"

static void shown(struct buf *out, const char *type, const char *fingerprint) {
  buf_str(out, "its key");
  if (type) buf_fmt(out, " (%s", type);
  if (type && fingerprint) buf_fmt(out, ", %s", fingerprint);
  if (type) buf_char(out, ')');
}

static void unknown_say(struct buf *out, const struct ssh_settings *s, const char *type, const char *fingerprint) {
  const char *file = s->known_hosts_len > 0 ? s->known_hosts_files[0] : "~/.ssh/known_hosts";
  buf_fmt(out, "The host key of %s isn't known: ", s->address);
  shown(out, type, fingerprint);
  buf_fmt(out,
          " is in none of its known_hosts. Compare it with what `ssh-keygen -lf` says there, then: ssh-keyscan ");
  if (s->key_port != 22) buf_fmt(out, "-p %u ", (unsigned)s->key_port);
  buf_fmt(out, "%s >>%s", s->hostname, file);
}

static void changed_say(struct buf *out, const struct ssh_settings *s, const struct known_answer *a, const char *type,
                        const char *fingerprint) {
  buf_fmt(out, "The host key of %s has CHANGED: ", s->address);
  shown(out, type, fingerprint);
  if (!a->file) {
    buf_str(out, " isn't the one in known_hosts.");
  } else {
    buf_fmt(out, " isn't the one in %s:%u", a->file, (unsigned)a->line);
    if (a->fingerprint[0]) buf_fmt(out, " (%s, %s)", key_type_short(a->type), a->fingerprint);
    buf_char(out, '.');
  }
  buf_str(out, " If the host was set up anew, remove that line; else somebody may be in between.");
}

void trust_say(struct buf *out, const struct ssh_settings *s, const struct known_answer *answer, const char *type,
               const char *fingerprint) {
  switch (answer->verdict) {
  case KNOWN_MATCH: return;
  case KNOWN_UNKNOWN: unknown_say(out, s, type, fingerprint); return;
  case KNOWN_CHANGED: changed_say(out, s, answer, type, fingerprint); return;
  case KNOWN_REVOKED:
    buf_fmt(out, "The host key of %s is revoked: ", s->address);
    shown(out, type, fingerprint);
    if (answer->file) buf_fmt(out, " is marked @revoked in %s:%u", answer->file, (unsigned)answer->line);
    buf_str(out, ". Give the host a new key.");
    return;
  case KNOWN_NEEDS_CA:
    buf_fmt(out, "The host %s must show a certificate of the authority in %s:%u, and showed ", s->address,
            answer->file ? answer->file : "known_hosts", (unsigned)answer->line);
    shown(out, type, fingerprint);
    buf_str(out, " without one.");
    return;
  }
}
