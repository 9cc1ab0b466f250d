#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/config_build.h"
#include "scheduler/spec/pipeline.h"

#define UNITS_MAX 10000
#define HOSTS_MAX 1000

struct config_slot config_slot_counted(struct arena *a, const char *name, int64_t count) {
  const char **units = arena_new_array(a, (size_t)count + 1, const char *);
  for (int64_t i = 0; i < count; i++) units[i] = arena_fmt(a, "%" PRId64, i);
  return (struct config_slot){arena_strdup(a, name), units, (size_t)count};
}

static bool units_named(struct reader *r, const struct node *n, struct config_slot *slot) {
  struct texts units;
  if (n->len > UNITS_MAX) {
    diag_error(r->diags, n->place, NULL, "'%s' has more than %d units", n->key, UNITS_MAX);
    return false;
  }
  if (!reader_texts(r, n->key, n, &units)) return false;
  for (size_t i = 1; i < units.len; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(units.items[i], units.items[k]) == 0) {
        diag_error(r->diags, n->place, NULL, "the unit '%s' of '%s' stands there twice", units.items[i], n->key);
        return false;
      }
  for (size_t i = 0; i < units.len; i++)
    if (strpbrk(units.items[i], ", \t\n") || !units.items[i][0]) {
      diag_error(r->diags, n->place, NULL, "the unit '%s' of '%s' must be one word without commas", units.items[i],
                 n->key);
      return false;
    }
  *slot = (struct config_slot){arena_strdup(r->arena, n->key), units.items, units.len};
  return true;
}

static bool units_read(struct reader *r, const struct node *n, struct config_slot *slot) {
  int64_t count;
  if (!task_name_valid(n->key)) {
    diag_error(r->diags, n->key_place, "use letters, digits, '_' and '-'", "'%s' can't be the name of a slot",
               n->key);
    return false;
  }
  if (n->kind == NODE_LIST) return units_named(r, n, slot);
  if (!reader_int(r, n->key, n, &count)) return false;
  if (count < 0 || count > UNITS_MAX) {
    diag_error(r->diags, n->place, NULL, "'%s' must be 0 to %d", n->key, UNITS_MAX);
    return false;
  }
  *slot = config_slot_counted(r->arena, n->key, count);
  return true;
}

void read_units(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config_units *out = field;
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, "write gpu: 2, or gpu: [0, 1]", "'%s' needs a map, not %s", key->name,
               node_kind_word(n));
    return;
  }
  struct config_slot *slots = arena_new_array(r->arena, n->len ? n->len : 1, struct config_slot);
  size_t len = 0;
  for (const struct node *c = n->first; c; c = c->next)
    if (c->kind != NODE_BROKEN && units_read(r, c, &slots[len])) len++;
  *out = (struct config_units){slots, len};
}

static void read_host_units(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config_host *h = field;
  struct config_units units = {h->slots, h->slots_len};
  read_units(r, key, n, &units);
  h->slots = units.slots;
  h->slots_len = units.len;
}

void read_word(struct reader *r, const struct key *key, const struct node *n, void *field) {
  size_t count = 0;
  const char *const *words = key_form_choices(key->form, &count);
  int choice = -1;
  read_choice(r, key, n, &choice);
  if (choice >= 0) *(const char **)field = words[choice];
}

static void read_host_env_file(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config_host *h = field;
  struct texts files;
  struct config_env list = {h->env, h->env_len};
  if (!reader_texts(r, key->name, n, &files)) return;
  config_env_files(r, &files, h == &config_builder_of(r)->hosts[0], &list);
  h->env = list.items;
  h->env_len = list.len;
}

static void read_host_env(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config_host *h = field;
  struct config_env list = {h->env, h->env_len};
  (void)key;
  config_env_pairs(r, n, &list);
  h->env = list.items;
  h->env_len = list.len;
}

#define AT(name) offsetof(struct config_host, name)
static const struct field fields[] = {
    {KEY_HOST_ssh, read_text, AT(ssh)},
    {KEY_HOST_identity, read_path, AT(identity)},
    {KEY_HOST_passphrase_file, read_path, AT(passphrase_file)},
    {KEY_HOST_passphrase_env, read_text, AT(passphrase_env)},
    {KEY_HOST_known_hosts, read_path, AT(known_hosts)},
    {KEY_HOST_accept_new, read_bool, AT(accept_new)},
    {KEY_HOST_jump, read_text, AT(jump)},
    {KEY_HOST_transport, read_word, AT(transport)},
    {KEY_HOST_root, read_text, AT(root)},
    {KEY_HOST_slots, read_host_units, 0},
    {KEY_HOST_max_tasks, read_count, AT(max_tasks)},
    {KEY_HOST_path, read_text, AT(path)},
    {KEY_HOST_env_file, read_host_env_file, 0},
    {KEY_HOST_env, read_host_env, 0},
};
#undef AT
#define FIELDS (sizeof fields / sizeof *fields)

void read_host_defaults(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)key, (void)field;
  reader_map(r, n, SCOPE_HOST, true, fields, FIELDS, &config_builder_of(r)->host_defaults);
}

/* "gpu[01-04]b" is a head, two numbers, the digits that they are written with, and a tail. */
struct range {
  const char *name;
  size_t head;
  long first, last;
  int width;
  const char *tail;
};

static bool range_parse(const char *name, struct range *out) {
  const char *open = strchr(name, '[');
  *out = (struct range){.name = name, .head = strlen(name), .tail = ""};
  if (!open) return true;
  const char *dash = open + 1 + strspn(open + 1, "0123456789");
  if (dash == open + 1 || *dash != '-' || dash - open > 7) return false;
  const char *close = dash + 1 + strspn(dash + 1, "0123456789");
  if (close == dash + 1 || *close != ']' || close - dash > 7 || strpbrk(close + 1, "[]")) return false;
  out->head = (size_t)(open - name);
  out->first = strtol(open + 1, NULL, 10);
  out->last = strtol(dash + 1, NULL, 10);
  out->width = open[1] == '0' ? (int)(dash - open - 1) : 1;
  out->tail = close + 1;
  return out->last >= out->first && out->last - out->first < HOSTS_MAX;
}

static const char *range_name(struct arena *a, const struct range *range, long i) {
  if (!strchr(range->name, '[')) return arena_strdup(a, range->name);
  return arena_fmt(a, "%.*s%0*ld%s", (int)range->head, range->name, range->width, i, range->tail);
}

static bool range_read(struct reader *r, struct diag_place place, const char *name, struct range *out) {
  if (range_parse(name, out)) return true;
  diag_error(r->diags, place, "write gpu[01-04]", "'%s' is no range of names", name);
  return false;
}

/* {name} within a text of the host. */
static const char *name_filled(struct arena *a, const char *text, const char *name) {
  const char *at = text ? strstr(text, "{name}") : NULL;
  if (!at) return text;
  return arena_fmt(a, "%.*s%s%s", (int)(at - text), text, name, name_filled(a, at + 6, name));
}

static void host_finish(struct reader *r, const struct node *n, struct config_host *h, const char *name) {
  struct arena *a = r->arena;
  h->name = name;
  h->ssh = name_filled(a, h->ssh ? h->ssh : "{name}", name);
  h->identity = name_filled(a, h->identity, name);
  h->jump = name_filled(a, h->jump, name);
  h->root = name_filled(a, h->root ? h->root : "~/.rota", name);
  h->known_hosts = name_filled(a, h->known_hosts, name);
  h->passphrase_file = name_filled(a, h->passphrase_file, name);
  if (h->passphrase_file && h->passphrase_env)
    diag_error(r->diags, n->key_place, "leave one of them out",
               "'%s' has its passphrase both in a file and in the environment", name);
  if (*h->root != '/' && strcmp(h->root, "~") != 0 && strncmp(h->root, "~/", 2) != 0)
    diag_error(r->diags, n->key_place, "write root: /scratch/rota, or ~/NAME",
               "the root '%s' of '%s' must be an absolute path, or begin with ~/", h->root, name);
  if (!*name || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")])
    diag_error(r->diags, n->key_place, "use letters, digits, '_', '-' and '.'", "'%s' can't be the name of a host",
               name);
}

/* Settings of this machine under its name; the others of the file, such as `slots`, were taken before. */
static void local_read(struct reader *r, const struct node *n) {
  static const char *const remote[] = {"ssh",         "identity",        "jump",
                                       "transport",   "passphrase_file", "passphrase_env",
                                       "known_hosts", "accept_new",      "root"};
  struct config_host *local = &config_builder_of(r)->hosts[0];
  reader_map(r, n, SCOPE_HOST, false, fields, FIELDS, local);
  for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
    const struct node *key = node_get(n, remote[i]);
    if (key)
      diag_error(r->diags, key->key_place, NULL, "'%s' means nothing for 'local', which is this machine", remote[i]);
  }
  local->ssh = local->identity = local->jump = local->transport = local->root = NULL;
  local->known_hosts = local->passphrase_file = local->passphrase_env = NULL;
  local->accept_new = false;
}

static void hosts_add(struct reader *r, const struct node *n) {
  struct config_builder *b = config_builder_of(r);
  struct config *c = b->c;
  struct range range;
  if (!range_read(r, n->key_place, n->key, &range)) return;
  struct config_host host = b->host_defaults;
  if (!node_null(n) && !reader_map(r, n, SCOPE_HOST, false, fields, FIELDS, &host)) return;
  for (long i = range.first; i <= range.last; i++) {
    const char *name = range_name(r->arena, &range, i);
    if (config_host(c, name) >= 0) {
      diag_error(r->diags, n->key_place, NULL, "the host '%s' is there twice", name);
      return;
    }
    if (c->hosts_len == HOSTS_MAX) {
      diag_error(r->diags, n->key_place, NULL, "there are more than %d hosts", HOSTS_MAX);
      return;
    }
    b->hosts[c->hosts_len] = host;
    host_finish(r, n, &b->hosts[c->hosts_len], name);
    c->hosts_len++;
  }
}

void read_hosts(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config_builder *b = config_builder_of(r);
  size_t count = 1;
  (void)field;
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, "write NAME: {ssh: user@address}", "'%s' needs a map of names, not %s", key->name,
               node_kind_word(n));
    return;
  }
  for (const struct node *c = n->first; c; c = c->next) {
    struct range range;
    count += range_parse(c->key, &range) ? (size_t)(range.last - range.first + 1) : 0;
  }
  struct config_host *hosts = arena_new_array(r->arena, count < HOSTS_MAX ? count : HOSTS_MAX, struct config_host);
  hosts[0] = b->hosts[0];
  b->hosts = hosts;
  b->c->hosts = hosts;
  for (const struct node *c = n->first; c; c = c->next) {
    if (c->kind == NODE_BROKEN) continue;
    if (strcmp(c->key, HOST_LOCAL) == 0)
      local_read(r, c);
    else
      hosts_add(r, c);
  }
}

static void member_add(struct reader *r, const struct node *n, uint32_t *hosts, struct config_group *g) {
  struct config *c = config_builder_of(r)->c;
  struct range range;
  if (!range_read(r, n->place, n->text, &range)) return;
  for (long i = range.first; i <= range.last; i++) {
    const char *name = range_name(r->arena, &range, i);
    int host = config_host(c, name);
    bool twice = false;
    for (size_t k = 0; k < g->hosts_len; k++) twice = twice || hosts[k] == (uint32_t)host;
    if (host < 0) {
      const char **names = arena_new_array(r->arena, c->hosts_len, const char *);
      for (size_t k = 0; k < c->hosts_len; k++) names[k] = c->hosts[k].name;
      reader_unknown(r, n->place, "host", name, names, c->hosts_len);
      return;
    }
    if (twice)
      diag_error(r->diags, n->place, NULL, "the host '%s' is twice in the group '%s'", name, g->name);
    else
      hosts[g->hosts_len++] = (uint32_t)host;
  }
}

void read_groups(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, "write NAME: [host, host]", "'%s' needs a map of names, not %s", key->name,
               node_kind_word(n));
    return;
  }
  struct config_group *groups = arena_new_array(r->arena, n->len ? n->len : 1, struct config_group);
  size_t len = 0;
  for (const struct node *g = n->first; g; g = g->next) {
    if (g->kind == NODE_BROKEN) continue;
    bool list = g->kind == NODE_LIST;
    if (g->kind == NODE_MAP || (!list && !reader_scalar(r, g->key, g)) || g->len == 0) {
      if (g->kind != NODE_SCALAR)
        diag_error(r->diags, g->key_place, "write NAME: [host, host]", "the group '%s' has no list of hosts", g->key);
      continue;
    }
    if (config_host(c, g->key) >= 0)
      diag_error(r->diags, g->key_place, NULL, "'%s' is a host, so no group can have that name", g->key);
    uint32_t *hosts = arena_new_array(r->arena, HOSTS_MAX, uint32_t);
    groups[len] = (struct config_group){arena_strdup(r->arena, g->key), hosts, 0};
    for (const struct node *m = list ? g->first : g; m; m = list ? m->next : NULL)
      if (reader_scalar(r, g->key, m)) member_add(r, m, hosts, &groups[len]);
    len++;
  }
  c->groups = groups;
  c->groups_len = len;
}
