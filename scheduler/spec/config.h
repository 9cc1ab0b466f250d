/* The daemon's configuration, rota.yaml: read by the same reader as pipelines, with the same diagnostics. Every value
 * has a default that serves a single user on one machine. Immutable once read; paths are absolute. */
#ifndef ROTA_SPEC_CONFIG_H
#define ROTA_SPEC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/instant.h"
#include "base/net.h"
#include "scheduler/spec/launch.h"
#include "scheduler/spec/time/cron.h"

#define HOST_LOCAL "local"

struct config_slot {
  const char *name;
  const char *const *units; /* the named things; "0", "1", ... if only a number is written */
  size_t units_len;
};

struct config_host {
  const char *name;
  const char *ssh; /* "ml@gpu01.example"; NULL for this machine */
  const char *identity, *jump, *root, *path;
  const char *transport;                        /* "auto", "libssh2", "openssh"; NULL: auto */
  const char *known_hosts;                      /* absolute; NULL: ssh_config's */
  const char *passphrase_file, *passphrase_env; /* of the identity; NULL for none */
  bool accept_new;
  const struct config_slot *slots;
  size_t slots_len;
  int64_t max_tasks; /* 0: no limit */
  const struct launch_env *env;
  size_t env_len;
};

struct config_group {
  const char *name;
  const uint32_t *hosts; /* into config.hosts */
  size_t hosts_len;
};

struct config_backup {
  const char *dir; /* absolute; NULL: none are made */
  struct cron at;  /* on the clock of `timezone` */
  int64_t keep;
};

struct config {
  struct arena arena;
  const char *file;         /* it was read from; NULL for none */
  const char *dags, *state; /* absolute */
  const char *listen;       /* "127.0.0.1:8080", or "none" */
  bool listen_written;
  const char *tls_certificate, *tls_key; /* PEM files; NULL: plain HTTP */
  const char *public_url;                /* a scheme and a host; NULL: where it listens */
  const struct net_range *proxies;       /* whose word on the client counts */
  size_t proxies_len;
  const char *socket_group, *socket_role; /* whom the socket lets in beside the daemon's user; NULL: nobody */
  const char *timezone;                   /* for schedules that name none */
  const struct config_host *hosts;        /* hosts[0] is this machine, "local", always there */
  size_t hosts_len;
  const struct config_group *groups;
  size_t groups_len;
  const struct config_slot *limits; /* slots of the whole installation */
  size_t limits_len;
  const struct launch_env *env;
  size_t env_len;
  int64_t retention_days, retention_runs;
  uint64_t log_cap;
  struct config_backup backup;
  int64_t max_tasks; /* of the installation; 0: no limit */
};

/* `text` NULL gives the defaults. `base_dir` is where relative paths start (the file's folder, or the current one);
 * `home` expands `~`; `cpus` is the default of slots.cpu; `zone` the machine's. NULL after errors in `diags`. */
struct config *config_read(const char *file, const char *text, size_t len, const char *base_dir, const char *home,
                           int64_t cpus, const char *zone, struct diag_list *diags);
void config_free(struct config *c); /* accepts NULL */

/* NULL, or why it mustn't listen where it is told to: "what is wrong; what to do". */
const char *config_listen_objection(const struct config *c);

/* Indexes; -1 if there is none. */
int config_host(const struct config *c, const char *name);
int config_group(const struct config *c, const char *name);

#endif
