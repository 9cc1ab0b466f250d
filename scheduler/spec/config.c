#include "scheduler/spec/config.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/config_build.h"

#define CONFIG_TEXT_MAX (1024 * 1024)

const char *config_path(struct config_builder *b, const char *path) {
  struct arena *a = b->reader.arena;
  if (path[0] == '~' && (path[1] == '/' || path[1] == 0) && b->home) return arena_fmt(a, "%s%s", b->home, path + 1);
  if (path[0] == '/') return arena_strdup(a, path);
  while (path[0] == '.' && path[1] == '/') path += 2;
  if (path[0] == 0 || strcmp(path, ".") == 0) return arena_strdup(a, b->base_dir);
  bool slash = *b->base_dir && b->base_dir[strlen(b->base_dir) - 1] == '/';
  return arena_fmt(a, "%s%s%s", b->base_dir, slash ? "" : "/", path);
}

void read_path(struct reader *r, const struct key *key, const struct node *n, void *field) {
  const char *path = NULL;
  read_text(r, key, n, &path);
  if (path) *(const char **)field = config_path(config_builder_of(r), path);
}

static void read_size(struct reader *r, const struct key *key, const struct node *n, void *field) {
  static const struct {
    const char *unit;
    uint64_t bytes;
  } units[] = {
      {"KiB", UINT64_C(1) << 10}, {"MiB", UINT64_C(1) << 20}, {"GiB", UINT64_C(1) << 30}, {"TiB", UINT64_C(1) << 40}};
  const char *text = NULL;
  read_text(r, key, n, &text);
  if (!text) return;
  size_t digits = strspn(text, "0123456789");
  for (size_t i = 0; i < sizeof units / sizeof *units && digits > 0 && digits < 7; i++) {
    if (strcmp(text + digits, units[i].unit) != 0) continue;
    uint64_t size = strtoull(text, NULL, 10) * units[i].bytes;
    if (size >= 64 * 1024) {
      *(uint64_t *)field = size;
      return;
    }
    diag_error(r->diags, n->place, NULL, "'%s' must be 64KiB or more", key->name);
    return;
  }
  diag_error(r->diags, n->place, "write a whole number with a unit: 512KiB, 64MiB, 1GiB",
             "'%s' must be a size, not '%s'", key->name, text);
}

void config_env_files(struct reader *r, const struct texts *files, bool here, struct config_env *list) {
  struct launch_env *items = arena_new_array(r->arena, list->len + files->len, struct launch_env);
  if (list->len) memcpy(items, list->items, list->len * sizeof *items);
  for (size_t i = 0; i < files->len; i++) {
    const char *file = files->items[i];
    /* The home directory is that of the account where the task runs. */
    items[list->len + i].file = here && file[0] != '~' ? config_path(config_builder_of(r), file) : file;
  }
  *list = (struct config_env){items, list->len + files->len};
}

bool config_env_pairs(struct reader *r, const struct node *n, struct config_env *list) {
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, "write NAME: value, one a line", "'env' needs a map of names, not %s",
               node_kind_word(n));
    return false;
  }
  struct launch_env *items = arena_new_array(r->arena, list->len + n->len, struct launch_env);
  if (list->len) memcpy(items, list->items, list->len * sizeof *items);
  for (const struct node *c = n->first; c; c = c->next) {
    if (c->kind == NODE_BROKEN || !env_pair_check(r, c, false) || !reader_scalar(r, c->key, c)) continue;
    items[list->len].name = arena_strdup(r->arena, c->key);
    items[list->len++].value = arena_strdup(r->arena, c->text);
  }
  list->items = items;
  return true;
}

static void read_env_file(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  struct texts files;
  struct config_env list = {c->env, c->env_len};
  if (!reader_texts(r, key->name, n, &files)) return;
  config_env_files(r, &files, true, &list);
  c->env = list.items;
  c->env_len = list.len;
}

static void read_env(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  struct config_env list = {c->env, c->env_len};
  (void)key;
  config_env_pairs(r, n, &list);
  c->env = list.items;
  c->env_len = list.len;
}

static void read_local_slots(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config_units units = {0};
  (void)field;
  read_units(r, key, n, &units);
  config_builder_of(r)->hosts[0].slots = units.slots;
  config_builder_of(r)->hosts[0].slots_len = units.len;
}

static void read_limits(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  struct config_units units = {0};
  read_units(r, key, n, &units);
  c->limits = units.slots;
  c->limits_len = units.len;
}

#define AT(name) offsetof(struct config, name)
static const struct field retention_fields[] = {
    {KEY_RETENTION_days, read_count, AT(retention_days)},
    {KEY_RETENTION_runs, read_count, AT(retention_runs)},
};
static const struct field log_fields[] = {{KEY_LOG_cap, read_size, AT(log_cap)}};

static void read_retention(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)key;
  reader_map(r, n, SCOPE_RETENTION, false, retention_fields, sizeof retention_fields / sizeof *retention_fields,
             field);
}

static void read_log(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)key;
  reader_map(r, n, SCOPE_LOG, false, log_fields, sizeof log_fields / sizeof *log_fields, field);
}

static const struct field fields[] = {
    {KEY_CONFIG_dags, read_path, AT(dags)},
    {KEY_CONFIG_state, read_path, AT(state)},
    {KEY_CONFIG_listen, read_listen, 0},
    {KEY_CONFIG_timezone, read_zone, AT(timezone)},
    {KEY_CONFIG_max_tasks, read_count, AT(max_tasks)},
    {KEY_CONFIG_slots, read_local_slots, 0},
    {KEY_CONFIG_limits, read_limits, 0},
    {KEY_CONFIG_env_file, read_env_file, 0},
    {KEY_CONFIG_env, read_env, 0},
    {KEY_CONFIG_host_defaults, read_host_defaults, 0},
    {KEY_CONFIG_hosts, read_hosts, 0},
    {KEY_CONFIG_groups, read_groups, 0},
    {KEY_CONFIG_retention, read_retention, 0},
    {KEY_CONFIG_log, read_log, 0},
    {KEY_CONFIG_backup, read_backup, 0},
    {KEY_CONFIG_tls, read_tls, 0},
    {KEY_CONFIG_public_url, read_public_url, AT(public_url)},
    {KEY_CONFIG_trusted_proxies, read_proxies, 0},
    {KEY_CONFIG_socket, read_socket, 0},
};
#undef AT

static void defaults_set(struct config_builder *b, const char *file, const char *zone) {
  struct config *c = b->c;
  struct arena *a = b->reader.arena;
  b->hosts = arena_new(a, struct config_host);
  b->hosts[0].name = HOST_LOCAL;
  c->hosts = b->hosts;
  c->hosts_len = 1;
  if (file) c->file = arena_strdup(a, file);
  c->dags = config_path(b, "dags");
  c->state = config_path(b, "~/.local/state/rota");
  c->listen = "127.0.0.1:8080";
  c->timezone = arena_strdup(a, zone ? zone : "UTC");
  c->retention_days = 90;
  c->retention_runs = 1000;
  c->log_cap = UINT64_C(1) << 30;
  config_backup_defaults(c);
}

/* A task on this machine that names no slot holds one of `cpu`, so there always are some. */
static void cpu_fill(struct config_builder *b, int64_t cpus) {
  struct config_host *local = &b->hosts[0];
  for (size_t i = 0; i < local->slots_len; i++)
    if (strcmp(local->slots[i].name, "cpu") == 0) return;
  for (size_t i = 0; i < b->c->limits_len; i++)
    if (strcmp(b->c->limits[i].name, "cpu") == 0) return;
  struct config_slot *slots = arena_new_array(b->reader.arena, local->slots_len + 1, struct config_slot);
  slots[0] = config_slot_counted(b->reader.arena, "cpu", cpus > 0 ? cpus : 1);
  if (local->slots_len) memcpy(slots + 1, local->slots, local->slots_len * sizeof *slots);
  local->slots = slots;
  local->slots_len++;
}

/* A slot's name must tell whether a host or the whole installation has it. */
static void limits_check(struct config_builder *b, const struct node *root) {
  const struct node *limits = node_get(root, "limits");
  for (size_t i = 0; i < b->c->limits_len && limits; i++)
    for (size_t h = 0; h < b->c->hosts_len; h++)
      for (size_t k = 0; k < b->c->hosts[h].slots_len; k++) {
        if (strcmp(b->c->hosts[h].slots[k].name, b->c->limits[i].name) != 0) continue;
        diag_error(b->reader.diags, node_get(limits, b->c->limits[i].name)->key_place, "rename one of them",
                   "'%s' is a limit and a slot of the host '%s'", b->c->limits[i].name, b->c->hosts[h].name);
        return;
      }
}

static void after_check(struct config_builder *b, const struct node *root) {
  limits_check(b, root);
  config_door_check(b, root);
}

static bool blank(const char *text, size_t len) {
  static const char white[] = {' ', '\t', '\r', '\n'};
  size_t i = 0;
  while (i < len && memchr(white, text[i], sizeof white)) i++;
  return i == len;
}

static void text_read(struct config_builder *b, struct arena *scratch, const char *text, size_t len) {
  struct diag_list *diags = b->reader.diags;
  if (len > CONFIG_TEXT_MAX) {
    diag_error(diags, (struct diag_place){0}, NULL, "the file is over 1 MiB");
    return;
  }
  if (blank(text, len)) return; /* an empty configuration is all defaults */
  const struct node *root = node_read(scratch, text, len, diags);
  if (!root) return;
  if (root->kind != NODE_MAP)
    diag_error(diags, root->place, NULL, "a configuration is a map of keys, not %s", node_kind_word(root));
  else if (reader_map(&b->reader, root, SCOPE_CONFIG, false, fields, sizeof fields / sizeof *fields, b->c))
    after_check(b, root);
}

struct config *config_read(const char *file, const char *text, size_t len, const char *base_dir, const char *home,
                           int64_t cpus, const char *zone, struct diag_list *diags) {
  struct arena arena = {0}, scratch = {0};
  struct config *c = arena_new(&arena, struct config);
  c->arena = arena;
  struct config_builder b = {
      .reader = {.arena = &c->arena, .diags = diags}, .c = c, .base_dir = base_dir, .home = home};
  size_t before = diags->errors;
  defaults_set(&b, file, zone);
  if (text) text_read(&b, &scratch, text, len);
  cpu_fill(&b, cpus);
  arena_release(&scratch);
  diag_sort(diags);
  if (diags->errors == before) return c;
  config_free(c);
  return NULL;
}

void config_free(struct config *c) {
  if (!c) return;
  struct arena arena = c->arena; /* the configuration lies in it */
  arena_release(&arena);
}

int config_host(const struct config *c, const char *name) {
  for (size_t i = 0; i < c->hosts_len; i++)
    if (strcmp(c->hosts[i].name, name) == 0) return (int)i;
  return -1;
}

int config_group(const struct config *c, const char *name) {
  for (size_t i = 0; i < c->groups_len; i++)
    if (strcmp(c->groups[i].name, name) == 0) return (int)i;
  return -1;
}
