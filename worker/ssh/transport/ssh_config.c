#include "worker/ssh/transport/ssh_config.h"

#include <stdlib.h>
#include <string.h>

struct parse {
  struct arena *arena;
  struct ssh_config *out;
};

struct setting {
  const char *key;
  void (*take)(struct parse *p, size_t offset, const char *value);
  size_t offset;
};

static void *field(const struct parse *p, size_t offset) {
  return (char *)p->out + offset;
}

static void take_text(struct parse *p, size_t offset, const char *value) {
  const char **to = field(p, offset);
  if (strcmp(value, "none") != 0) *to = value;
}

static void take_exact(struct parse *p, size_t offset, const char *value) {
  const char **to = field(p, offset);
  *to = value;
}

static void take_yes(struct parse *p, size_t offset, const char *value) {
  bool *to = field(p, offset);
  *to = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
}

static void take_no(struct parse *p, size_t offset, const char *value) {
  bool *to = field(p, offset);
  *to = strcmp(value, "no") == 0 || strcmp(value, "false") == 0;
}

static void take_port(struct parse *p, size_t offset, const char *value) {
  uint16_t *to = field(p, offset);
  char *end;
  unsigned long port = strtoul(value, &end, 10);
  if (*end == '\0' && port > 0 && port <= UINT16_MAX) *to = (uint16_t)port;
}

static void word_add(struct parse *p, struct words *to, const char *word) {
  if (!to->items) to->items = arena_new_array(p->arena, SSH_CONFIG_WORDS_MAX, const char *);
  if (to->len < SSH_CONFIG_WORDS_MAX) to->items[to->len++] = word;
}

/* One a line, whatever blanks it has. */
static void take_path(struct parse *p, size_t offset, const char *value) {
  if (strcmp(value, "none") != 0) word_add(p, field(p, offset), value);
}

/* Several in a line; ssh doesn't print quotes, so that a blank within a path can't be told. */
static void take_paths(struct parse *p, size_t offset, const char *value) {
  while (*value) {
    size_t len = strcspn(value, " ");
    char *word = arena_strndup(p->arena, value, len);
    if (len > 0 && strcmp(word, "none") != 0) word_add(p, field(p, offset), word);
    value += len + strspn(value + len, " ");
  }
}

#define AT(member) offsetof(struct ssh_config, member)
static const struct setting settings[] = {
    {"user", take_text, AT(user)},
    {"hostname", take_text, AT(hostname)},
    {"port", take_port, AT(port)},
    {"hostkeyalias", take_text, AT(host_key_alias)},
    {"proxyjump", take_text, AT(proxy_jump)},
    {"proxycommand", take_text, AT(proxy_command)},
    {"hostkeyalgorithms", take_text, AT(host_key_algorithms)},
    {"identityagent", take_exact, AT(identity_agent)},
    {"pkcs11provider", take_text, AT(pkcs11_provider)},
    {"knownhostscommand", take_text, AT(known_hosts_command)},
    {"revokedhostkeys", take_text, AT(revoked_host_keys)},
    {"bindaddress", take_text, AT(bind_address)},
    {"bindinterface", take_text, AT(bind_interface)},
    {"sessiontype", take_exact, AT(session_type)},
    {"stdinnull", take_yes, AT(stdin_null)},
    {"forkafterauthentication", take_yes, AT(fork)},
    {"identitiesonly", take_yes, AT(identities_only)},
    {"pubkeyauthentication", take_no, AT(no_public_key)},
    {"identityfile", take_path, AT(identities)},
    {"certificatefile", take_path, AT(certificates)},
    {"userknownhostsfile", take_paths, AT(user_known_hosts)},
    {"globalknownhostsfile", take_paths, AT(global_known_hosts)},
};
#undef AT

static void line_take(struct parse *p, const char *line) {
  size_t key = strcspn(line, " ");
  if (line[key] != ' ' || line[key + 1] == '\0') return;
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    const struct setting *s = &settings[i];
    if (strlen(s->key) == key && strncmp(line, s->key, key) == 0) s->take(p, s->offset, line + key + 1);
  }
}

void ssh_config_parse(struct arena *a, const char *text, size_t len, struct ssh_config *out) {
  *out = (struct ssh_config){0};
  struct parse p = {.arena = a, .out = out};
  while (len > 0) {
    const char *feed = memchr(text, '\n', len);
    size_t line = feed ? (size_t)(feed - text) : len;
    line_take(&p, arena_strndup(a, text, line));
    text += line + (feed != NULL);
    len -= line + (feed != NULL);
  }
}
