#include "worker/ssh/transport/openssh_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "worker/ssh/transport/trust.h"

#define LINE_MAX_BYTES 2048

void complaint_release(struct complaint *c) {
  buf_release(&c->text);
  buf_release(&c->line);
}

/* "debug1: Server host key: ssh-ed25519 SHA256:..." */
static void key_take(struct complaint *c, const char *words) {
  char type[64];
  if (sscanf(words, "%63s %50s", type, c->fingerprint) != 2) return; /* NOLINT(cert-err34-c): no numbers */
  const char *name = type;
  for (enum key_type t = 0; t < KEY_TYPES; t++) {
    const char *word = key_type_word(t);
    if (strncmp(type, word, strlen(word)) == 0) name = key_type_short(t);
  }
  snprintf(c->type, sizeof c->type, "%s", name);
}

static void line_take(struct complaint *c) {
  static const char shown[] = "debug1: Server host key: ", ready[] = "debug1: Sending command: ";
  const char *line = buf_cstr(&c->line);
  if (strncmp(line, shown, sizeof shown - 1) == 0) {
    key_take(c, line + sizeof shown - 1);
  } else if (strncmp(line, ready, sizeof ready - 1) == 0) {
    c->ready = true;
    buf_reset(&c->text); /* what it warned of on the way isn't why it ends later */
  } else if (strncmp(line, "debug", 5) != 0 && strncmp(line, "OpenSSH_", 8) != 0 &&
             c->text.len + c->line.len < COMPLAINT_MAX) {
    buf_str(&c->text, line);
    buf_char(&c->text, '\n');
  }
  buf_reset(&c->line);
}

void complaint_add(struct complaint *c, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    char byte = bytes[i];
    if (byte == '\n') {
      line_take(c);
    } else if (byte != '\r' && c->line.len < LINE_MAX_BYTES) {
      buf_char(&c->line, (unsigned char)byte < ' ' || byte == 0x7f ? '?' : byte);
    }
  }
}

struct scene {
  const struct complaint *complaint;
  const struct ssh_settings *settings;
  const char *line; /* the line in which the pattern was found, with all that follows */
  struct buf *out;
};

static bool names(const char *line, const struct ssh_settings *s) {
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)s->port);
  return strstr(line, s->hostname) && (s->port == 22 || strstr(line, port));
}

/* The host on the way that the line is about. */
static const struct ssh_settings *host_of(const struct ssh_settings *s, const char *line, size_t len) {
  struct buf text = {0};
  buf_add(&text, line, len);
  const struct ssh_settings *found = s;
  for (size_t i = 0; i < s->hops_len && !names(buf_cstr(&text), s); i++) {
    if (names(buf_cstr(&text), &s->hops[i])) found = &s->hops[i];
  }
  buf_release(&text);
  return found;
}

/* "Offending ED25519 key in /home/a/.ssh/known_hosts:12", also "Offending key for IP in" */
static void offender_find(const struct scene *s, struct known_answer *answer) {
  const char *line = strstr(buf_cstr(&s->complaint->text), "Offending ");
  const char *in = line ? strstr(line, " in ") : NULL;
  if (!in) return;
  const char *path = in + 4, *end = path + strcspn(path, "\n"), *colon = end;
  while (colon > path && *colon != ':') colon--;
  for (size_t i = 0; i < s->settings->known_hosts_len; i++) {
    const char *file = s->settings->known_hosts_files[i];
    if (strlen(file) != (size_t)(colon - path) || strncmp(file, path, strlen(file)) != 0) continue;
    answer->file = file;
    answer->line = (uint32_t)strtoul(colon + 1, NULL, 10);
    known_hosts_line(s->settings->known, file, answer->line, answer);
  }
}

static void say_trust(const struct scene *s, enum known_verdict verdict) {
  const struct complaint *c = s->complaint;
  struct known_answer answer = {.verdict = verdict};
  if (verdict == KNOWN_CHANGED) offender_find(s, &answer);
  trust_say(s->out, s->settings, &answer, c->type[0] ? c->type : NULL, c->fingerprint[0] ? c->fingerprint : NULL);
}

static void say_changed(const struct scene *s) {
  say_trust(s, KNOWN_CHANGED);
}

static void say_revoked(const struct scene *s) {
  say_trust(s, KNOWN_REVOKED);
}

static void say_unknown(const struct scene *s) {
  say_trust(s, KNOWN_UNKNOWN);
}

static void say_denied(const struct scene *s) {
  const struct ssh_settings *t = s->settings;
  buf_fmt(s->out, "%s doesn't let us in with any key that is here", t->address);
  for (size_t i = 0; i < t->identities_len && i < 4; i++) {
    buf_fmt(s->out, "%s%s%s", i ? ", " : " (", t->identities[i].path, t->identities[i].encrypted ? ", locked" : "");
  }
  if (t->identities_len > 0) buf_str(s->out, t->agent ? ", and the agent's)" : ")");
  buf_fmt(s->out, ": add the public key to ~/.ssh/authorized_keys there. ssh says: %.*s", (int)strcspn(s->line, "\n"),
          s->line);
}

static void say_line(const struct scene *s) {
  buf_fmt(s->out, "%s: ssh says: %.*s", s->settings->address, (int)strcspn(s->line, "\n"), s->line);
}

static void say_busy(const struct scene *s) {
  buf_fmt(s->out, "%s turned the connection away before the login (MaxStartups, or it is just starting).",
          s->settings->address);
}

static void say_refused(const struct scene *s) {
  buf_fmt(s->out, "%s refuses the connection: no sshd listens there.", s->settings->address);
}

static void say_timeout(const struct scene *s) {
  buf_fmt(s->out, "%s doesn't answer.", s->settings->address);
}

static void say_unresolved(const struct scene *s) {
  buf_fmt(s->out, "The name of the host %s can't be resolved.", s->settings->hostname);
}

static void say_silent(const struct scene *s) {
  buf_fmt(s->out, "%s has been silent for 45 s.", s->settings->address);
}

static void say_open_key(const struct scene *s) {
  buf_fmt(s->out, "Others can read the private key, so ssh doesn't use it: chmod 600 %s",
          s->settings->identities_len > 0 ? s->settings->identities[0].path : "it");
}

/* The first that is found decides: what is more telling comes first. */
static const struct {
  const char *pattern;
  enum transport_fault fault;
  void (*say)(const struct scene *s);
} faults[] = {
    {"REVOKED HOST KEY DETECTED", TRANSPORT_UNTRUSTED, say_revoked},
    {" has changed and you have requested strict", TRANSPORT_UNTRUSTED, say_changed},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", TRANSPORT_UNTRUSTED, say_changed},
    {"host key is known for", TRANSPORT_UNTRUSTED, say_unknown},
    {"Host certificate", TRANSPORT_UNTRUSTED, say_line},
    {"Host key verification failed", TRANSPORT_UNTRUSTED, say_line},
    {"UNPROTECTED PRIVATE KEY FILE", TRANSPORT_DENIED, say_open_key},
    {"Permission denied", TRANSPORT_DENIED, say_denied},
    {"Too many authentication failures", TRANSPORT_DENIED, say_denied},
    {"no matching ", TRANSPORT_DENIED, say_line},
    {"administratively prohibited", TRANSPORT_DENIED, say_line},
    {"Bad configuration option", TRANSPORT_MISSING, say_line},
    {"bad configuration options", TRANSPORT_MISSING, say_line},
    {"Bad owner or permissions", TRANSPORT_MISSING, say_line},
    {"Could not resolve hostname", TRANSPORT_LOST, say_unresolved},
    {"Connection refused", TRANSPORT_LOST, say_refused},
    {"Connection timed out", TRANSPORT_LOST, say_timeout},
    {"Operation timed out", TRANSPORT_LOST, say_timeout},
    {"timed out during banner exchange", TRANSPORT_LOST, say_timeout},
    {"No route to host", TRANSPORT_LOST, say_line},
    {"Network is unreachable", TRANSPORT_LOST, say_line},
    {"not responding", TRANSPORT_LOST, say_silent},
    {"exchange_identification", TRANSPORT_BUSY, say_busy},
    {"Exceeded MaxStartups", TRANSPORT_BUSY, say_busy},
    {"Not allowed at this time", TRANSPORT_BUSY, say_busy},
};

/* The last line that isn't empty: ssh's own word on why. */
static const char *last_line(const struct buf *text) {
  size_t end = text->len;
  while (end > 0 && text->bytes[end - 1] == '\n') end--;
  size_t begin = end;
  while (begin > 0 && text->bytes[begin - 1] != '\n') begin--;
  return end > begin ? text->bytes + begin : NULL;
}

enum transport_fault complaint_fault(const struct complaint *c, const struct ssh_settings *s, int status,
                                     struct buf *out) {
  const char *text = buf_cstr(&c->text);
  struct scene scene = {.complaint = c, .settings = s, .out = out};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    const char *at = strstr(text, faults[i].pattern);
    if (!at) continue;
    while (at > text && at[-1] != '\n') at--;
    scene.line = at;
    scene.settings = host_of(s, at, strcspn(at, "\n"));
    faults[i].say(&scene);
    return faults[i].fault;
  }
  scene.line = last_line(&c->text);
  if (scene.line) {
    say_line(&scene);
  } else if (WIFSIGNALED(status)) {
    buf_fmt(out, "%s: the process `ssh` was killed by signal %d.", s->address, WTERMSIG(status));
  } else {
    buf_fmt(out, "%s: `ssh` ended with exit code %d and no word why.", s->address, WEXITSTATUS(status));
  }
  return TRANSPORT_LOST;
}
