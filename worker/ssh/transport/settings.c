#include "worker/ssh/transport/settings.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/utf8.h"
#include "worker/ssh/transport/child.h"
#include "worker/ssh/transport/ssh_config.h"

#define ASK_MS     10000
#define ANSWER_MAX (256u * 1024)

/* One host on the way: of rota.yaml, or a hop. */
struct stop {
  const struct host_options *host; /* its `ssh` is the hop's */
  bool destination;
  bool written; /* by rota.yaml: its identity and known_hosts count */
};

struct load {
  struct arena *arena;
  const atomic_bool *cancelled;
  const char *program;
};

bool settings_split(struct arena *a, const char *text, const char **user, const char **host, uint16_t *port) {
  const char *at = strrchr(text, '@'), *rest = at ? at + 1 : text, *end, *colon;
  *user = at ? arena_strndup(a, text, (size_t)(at - text)) : NULL;
  *port = 0;
  if (rest[0] == '[') {
    rest++;
    end = strchr(rest, ']');
    if (!end || (end[1] && end[1] != ':')) return false;
    colon = end[1] ? end + 1 : NULL;
  } else {
    colon = strchr(rest, ':');
    if (colon && strchr(colon + 1, ':')) colon = NULL; /* an address of IPv6 without brackets */
    end = colon ? colon : rest + strlen(rest);
  }
  if (colon) {
    char *stop;
    unsigned long value = strtoul(colon + 1, &stop, 10);
    if (colon[1] < '0' || colon[1] > '9' || *stop || value == 0 || value > UINT16_MAX) return false;
    *port = (uint16_t)value;
  }
  *host = arena_strndup(a, rest, (size_t)(end - rest));
  return end > rest && rest[0] != '-' && (!at || (at > text && text[0] != '-'));
}

/* The ssh of the daemon's PATH. */
static const char *program_find(struct arena *a) {
  const char *path = getenv("PATH");
  if (!path) path = "/usr/bin:/bin";
  while (*path) {
    size_t len = strcspn(path, ":");
    const char *file = arena_fmt(a, "%.*s/ssh", (int)len, path);
    if (file[0] == '/' && access(file, X_OK) == 0) return file;
    path += len + (path[len] == ':');
  }
  return NULL;
}

/* The first line of what ssh complained about, fit to be shown. */
static const char *first_line(struct arena *a, const struct buf *text) {
  char *line = arena_strndup(a, buf_cstr(text), strcspn(buf_cstr(text), "\r\n"));
  for (char *c = line; *c; c++) {
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  }
  return line[0] ? line : "it says nothing";
}

/* NULL, or a sentence. */
static const char *config_ask(const struct load *l, const struct ssh_settings *s, const char *user, uint16_t port,
                              struct ssh_config *out) {
  const char *argv[10] = {l->program, "-G"};
  int n = 2;
  if (user) argv[n++] = "-l", argv[n++] = user;
  if (port) argv[n++] = "-p", argv[n++] = arena_fmt(l->arena, "%u", (unsigned)port);
  argv[n++] = "--";
  argv[n++] = s->alias;
  argv[n] = NULL;
  struct buf text = {0}, complaint = {0};
  const char *trouble = NULL;
  int code = child_run(argv, ASK_MS, ANSWER_MAX, l->cancelled, &text, &complaint);
  if (code == ERR_TIMEOUT) {
    trouble = arena_fmt(l->arena, "`ssh -G %s` took longer than %d s: look what ssh_config runs.", s->alias,
                        ASK_MS / 1000);
  } else if (code < 0) {
    trouble = arena_fmt(l->arena, "%s can't be run: %s.", l->program, err_text(code));
  } else if (code > 0) {
    trouble = arena_fmt(l->arena, "`ssh -G %s` fails: %s", s->alias, first_line(l->arena, &complaint));
  } else {
    ssh_config_parse(l->arena, buf_cstr(&text), text.len, out);
  }
  buf_release(&text);
  buf_release(&complaint);
  return trouble;
}

/* What ssh does without any configuration; for machines that don't have it. */
static void config_usual(struct arena *a, struct ssh_config *out) {
  static const char *const identities[] = {"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"};
  static const char *const user_files[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
  static const char *const global_files[] = {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
  *out = (struct ssh_config){.identities = {arena_new_array(a, 3, const char *), 3},
                             .user_known_hosts = {arena_new_array(a, 2, const char *), 2},
                             .global_known_hosts = {arena_new_array(a, 2, const char *), 2}};
  memcpy(out->identities.items, identities, sizeof identities);
  memcpy(out->user_known_hosts.items, user_files, sizeof user_files);
  memcpy(out->global_known_hosts.items, global_files, sizeof global_files);
}

static const char *home_expand(struct arena *a, const char *path) {
  char *whole = path_expand_home(path);
  const char *copy = arena_strdup(a, whole);
  free(whole);
  return copy;
}

/* The account that the daemon runs as. */
static const char *account_name(struct arena *a) {
  char text[4096];
  struct passwd entry, *found = NULL;
  if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) || !found) return "root";
  return arena_strdup(a, found->pw_name);
}

static void names_fill(struct arena *a, struct ssh_settings *s, const struct ssh_config *c, const char *user,
                       uint16_t port) {
  s->user = user ? user : c->user ? c->user : account_name(a);
  s->hostname = c->hostname ? c->hostname : s->alias;
  s->port = port ? port : c->port ? c->port : 22;
  s->key_name = c->host_key_alias ? c->host_key_alias : s->hostname;
  s->key_port = c->host_key_alias ? 22 : s->port;
  s->host_key_algorithms = c->host_key_algorithms;
  bool v6 = strchr(s->hostname, ':') != NULL;
  s->address = arena_fmt(a, v6 ? "%s@[%s]:%u" : "%s@%s:%u", s->user, s->hostname, (unsigned)s->port);
}

static const char *agent_of(struct arena *a, const struct ssh_config *c) {
  const char *name = c->identity_agent;
  if (name && strcmp(name, "none") == 0) return NULL;
  if (name && name[0] != '$' && strcmp(name, "SSH_AUTH_SOCK") != 0) return home_expand(a, name);
  const char *socket = getenv(name && name[0] == '$' ? name + 1 : "SSH_AUTH_SOCK");
  return socket && *socket ? arena_strdup(a, socket) : NULL;
}

static void identity_missing(struct arena *a, struct ssh_settings *s, const char *path, int err) {
  const char *why = err == ERR_NOT_FOUND ? "isn't there"
                    : err == ERR_INVALID ? "isn't a key that ssh knows"
                                         : arena_fmt(a, "can't be read: %s", err_text(err));
  s->trouble = arena_fmt(a, "The identity %s %s.", path, why);
}

static void identities_fill(struct arena *a, struct ssh_settings *s, const struct stop *stop,
                            const struct ssh_config *c) {
  const char *own = stop->written ? stop->host->identity : NULL;
  bool alone = own && stop->destination;
  struct identity *found = arena_new_array(a, c->identities.len + 1, struct identity);
  if (own) {
    int err = identity_read(a, own, &found[0]);
    if (err) identity_missing(a, s, own, err);
    s->identities_len = !err;
  }
  for (size_t i = 0; !alone && i < c->identities.len; i++) {
    const char *path = home_expand(a, c->identities.items[i]);
    if (identity_read(a, path, &found[s->identities_len]) == 0) s->identities_len++;
  }
  s->identities = found;
  s->agent = agent_of(a, c);
  s->identities_only = alone || c->identities_only;
  s->rsa_only = s->identities_len > 0 && (!s->agent || s->identities_only);
  for (size_t i = 0; i < s->identities_len; i++) s->rsa_only &= found[i].type == KEY_TYPE_RSA;
}

static void known_fill(struct arena *a, struct ssh_settings *s, const struct stop *stop, const struct ssh_config *c) {
  const char **files = arena_new_array(a, c->user_known_hosts.len + c->global_known_hosts.len + 1, const char *);
  size_t n = 0;
  if (stop->written && stop->host->known_hosts) {
    files[n++] = home_expand(a, stop->host->known_hosts);
  } else {
    for (size_t i = 0; i < c->user_known_hosts.len; i++) files[n++] = home_expand(a, c->user_known_hosts.items[i]);
  }
  for (size_t i = 0; i < c->global_known_hosts.len; i++) files[n++] = c->global_known_hosts.items[i];
  s->known_hosts_files = files;
  s->known_hosts_len = n;
  s->known = known_hosts_new();
  for (size_t i = 0; i < n; i++) {
    int err = known_hosts_read(s->known, files[i]);
    if (err && !s->trouble) s->trouble = arena_fmt(a, "%s can't be read: %s.", files[i], err_text(err));
  }
  known_hosts_narrow(s->known, s->key_name, s->key_port);
}

static bool any_certificate(const struct ssh_settings *s, const struct ssh_config *c) {
  for (size_t i = 0; i < s->identities_len; i++) {
    if (s->identities[i].certificate) return true;
  }
  return c->certificates.len > 0;
}

static bool is_token(const struct identity *i) {
  return i->type == KEY_TYPE_SK_ED25519 || i->type == KEY_TYPE_SK_ECDSA256;
}

static bool only_tokens(const struct ssh_settings *s) {
  for (size_t i = 0; i < s->identities_len; i++) {
    if (!is_token(&s->identities[i])) return false;
  }
  return s->identities_len > 0 && (!s->agent || s->identities_only);
}

/* Why libssh2 can't do what this says; `s` is filled but for its hops. */
static const char *need_of(struct arena *a, const struct ssh_settings *s, const struct ssh_config *c, bool jump) {
  if (c->proxy_command && !jump) return arena_fmt(a, "ssh_config has a ProxyCommand for %s.", s->alias);
  if (any_certificate(s, c)) return arena_fmt(a, "The key for %s has a certificate.", s->alias);
  if (c->pkcs11_provider) return arena_fmt(a, "ssh_config has a PKCS11Provider for %s.", s->alias);
  if (only_tokens(s)) return arena_fmt(a, "The key %s is in a hardware token.", s->identities[0].path);
  if (c->no_public_key) return arena_fmt(a, "ssh_config turns off keys for %s: PubkeyAuthentication no.", s->alias);
  if (c->known_hosts_command) return arena_fmt(a, "ssh_config has a KnownHostsCommand for %s.", s->alias);
  if (c->revoked_host_keys) return arena_fmt(a, "ssh_config has RevokedHostKeys for %s.", s->alias);
  if (c->bind_address || c->bind_interface) return arena_fmt(a, "ssh_config binds %s to an address.", s->alias);
  struct known_types types = known_hosts_types(s->known, s->key_name, s->key_port);
  if (types.authority && !types.any)
    return arena_fmt(a, "known_hosts names an authority for the key of %s.", s->alias);
  return NULL;
}

static void plain_fill(struct ssh_settings *s, const struct ssh_config *c) {
  if (c->session_type && strcmp(c->session_type, "default") != 0) s->plain[s->plain_len++] = "-oSessionType=default";
  if (c->stdin_null) s->plain[s->plain_len++] = "-oStdinNull=no";
  if (c->fork) s->plain[s->plain_len++] = "-oForkAfterAuthentication=no";
}

/* One host of the way, without its hops. What ssh_config says of jumps is left in `config`. */
static void stop_fill(const struct load *l, struct ssh_settings *s, const struct stop *stop,
                      struct ssh_config *config, bool jump) {
  struct arena *a = l->arena;
  const char *user;
  uint16_t port;
  config_usual(a, config);
  s->ssh_program = l->program;
  if (!settings_split(a, stop->host->ssh, &user, &s->alias, &port)) {
    s->trouble = arena_fmt(a, "'%s' isn't an address of the form USER@ADDRESS:PORT.", stop->host->ssh);
    s->alias = arena_strdup(a, stop->host->ssh);
  } else if (l->program) {
    s->trouble = config_ask(l, s, user, port, config);
  }
  names_fill(a, s, config, user, port);
  identities_fill(a, s, stop, config);
  known_fill(a, s, stop, config);
  plain_fill(s, config);
  s->needs_openssh = need_of(a, s, config, jump);
}

static size_t parts_of(struct arena *a, const char *jump, const char *parts[SETTINGS_HOPS_MAX]) {
  size_t n = 0;
  while (jump && *jump && n < SETTINGS_HOPS_MAX) {
    size_t len = strcspn(jump, ",");
    const char *part = arena_strndup(a, jump + strspn(jump, " "), len - strspn(jump, " "));
    if (strncmp(part, "ssh://", 6) == 0) part += 6;
    parts[n++] = part;
    jump += len + (jump[len] == ',');
  }
  return n;
}

/* The hops that `jump` names, before them those that the first of them needs itself. */
static void hops_fill(const struct load *l, struct ssh_settings *s, const struct host_options *host, const char *jump,
                      bool written) {
  struct ssh_settings *hops = arena_new_array(l->arena, SETTINGS_HOPS_MAX, struct ssh_settings);
  size_t first = SETTINGS_HOPS_MAX; /* filled from the end, since more may come before them */
  while (jump) {
    const char *parts[SETTINGS_HOPS_MAX], *further = NULL;
    size_t n = parts_of(l->arena, jump, parts);
    if (n > first) {
      s->trouble = arena_fmt(l->arena, "There are more than %d jump hosts on the way to %s.", SETTINGS_HOPS_MAX,
                             s->alias);
      break;
    }
    for (size_t i = n; i-- > 0;) {
      struct host_options hop = *host;
      hop.ssh = parts[i];
      struct stop stop = {.host = &hop, .written = written};
      struct ssh_config config;
      stop_fill(l, &hops[--first], &stop, &config, i > 0);
      if (i == 0) further = config.proxy_jump;
      if (!s->trouble) s->trouble = hops[first].trouble;
      if (!s->needs_openssh) s->needs_openssh = hops[first].needs_openssh;
    }
    jump = further;
  }
  s->hops = hops + first;
  s->hops_len = SETTINGS_HOPS_MAX - first;
  s->hops_written = written;
}

struct ssh_settings *settings_load(const struct host_options *host, const atomic_bool *cancelled) {
  struct ssh_settings *s = alloc_new(struct ssh_settings);
  struct load l = {.arena = &s->arena, .cancelled = cancelled};
  struct stop stop = {.host = host, .destination = true, .written = true};
  struct ssh_config config;
  l.program = program_find(&s->arena);
  stop_fill(&l, s, &stop, &config, host->jump != NULL);
  const char *jump = host->jump ? host->jump : config.proxy_jump;
  if (jump && !s->trouble) hops_fill(&l, s, host, jump, host->jump != NULL);
  return s;
}

void settings_free(struct ssh_settings *s) {
  if (!s) return;
  for (size_t i = 0; i < s->hops_len; i++) known_hosts_free(s->hops[i].known);
  known_hosts_free(s->known);
  struct arena arena = s->arena;
  arena_release(&arena);
  free(s);
}
