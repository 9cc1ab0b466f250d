/* How the configuration is made out of a tree of nodes: config.c has the file's own keys, config_hosts.c those of
 * hosts, slots and groups, config_door.c how the daemon is reached, config_backup.c backups on a schedule. */
#ifndef ROTA_SPEC_CONFIG_BUILD_H
#define ROTA_SPEC_CONFIG_BUILD_H

#include "scheduler/spec/config.h"
#include "scheduler/spec/yaml/reader.h"

struct config_builder {
  struct reader reader; /* first, so that a reader of a key finds the builder around it */
  struct config *c;
  const char *base_dir, *home;
  struct config_host host_defaults;
  struct config_host *hosts; /* c->hosts, while they are being written */
};

static inline struct config_builder *config_builder_of(struct reader *r) {
  return (struct config_builder *)r;
}

field_reader read_path;                                        /* const char *, made absolute */
field_reader read_units;                                       /* struct config_units */
field_reader read_word;                                        /* const char *, one of the form's words */
field_reader read_public_url;                                  /* const char * */
field_reader read_listen, read_proxies, read_tls, read_socket; /* struct config */
field_reader read_backup;                                      /* struct config */
field_reader read_host_defaults, read_hosts, read_groups;      /* struct config */

/* A list of slots; the place where slots and their number stand side by side. */
struct config_units {
  const struct config_slot *slots;
  size_t len;
};

struct config_env {
  const struct launch_env *items;
  size_t len;
};
/* `here`: the files are on this machine for certain, so that a relative path starts at the base. */
void config_env_files(struct reader *r, const struct texts *files, bool here, struct config_env *list);
bool config_env_pairs(struct reader *r, const struct node *n, struct config_env *list);

/* A slot named `name` with the units "0" to "count - 1". */
struct config_slot config_slot_counted(struct arena *a, const char *name, int64_t count);
/* An absolute path: `~` is the home directory, a relative one starts at the base. */
const char *config_path(struct config_builder *b, const char *path);

/* Backups as they are unless the file says otherwise, but for the folder. */
void config_backup_defaults(struct config *c);

/* What the keys of the door mean together. */
void config_door_check(struct config_builder *b, const struct node *root);

#endif
