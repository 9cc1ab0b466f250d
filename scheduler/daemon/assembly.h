/* The parts of the daemon put together, as `rota serve` and `rota run` share them: the store opened and loaded, the
 * engine restored from it, the core on its loop, the executors of this machine and of the hosts.
 */
#ifndef ROTA_DAEMON_ASSEMBLY_H
#define ROTA_DAEMON_ASSEMBLY_H

#include <stdbool.h>
#include <uv.h>

#include "scheduler/daemon/core.h"
#include "scheduler/daemon/fleet.h"
#include "scheduler/daemon/names.h"
#include "scheduler/daemon/zones.h"
#include "scheduler/store/store.h"
#include "worker/account.h"

#define ACCOUNT_ENV 4

struct assembly {
  uv_loop_t loop;
  const struct config *config; /* the one in force: for the loop's thread */
  char *state_dir;             /* the same as the configuration's, for any thread */
  struct store *store;
  struct quarantine *quarantine;
  struct store_loaded loaded; /* the rows at start; kept until assembly_started */
  struct zones zones;
  struct names names;
  struct account account;
  struct launch_env env[ACCOUNT_ENV]; /* what `env.HOME` and its kin see */
  struct recorder *recorder;          /* NULL: the engine's inputs aren't recorded */
  struct core *core;
  struct fleet *fleet; /* NULL: other machines aren't reached */
  uint64_t files;      /* the soft limit of open files that this process was started with; 0: none */
  instant started_at;
};

struct assembly_options {
  const struct config *config;
  bool schedules, local_only;
  bool hosts;            /* those of the configuration are reached */
  const char *journal;   /* a file for the engine's inputs; NULL: they aren't recorded */
  uint64_t journal_size; /* at most, in bytes */
  struct core_hooks hooks;
};

/* 0, or an exit code after saying on stderr what is wrong. Blocks on the disk. */
int assembly_open(struct assembly *a, const struct assembly_options *options);
/* Looks up what a former life started, and lets go of the rows. Once, before the loop runs. */
void assembly_started(struct assembly *a);
/* Learns the names in the rows and writes the log; to be called by the `committed` hook. */
void assembly_committed(struct assembly *a, const struct change *changes, size_t len, bool log);
/* After committed hooks are through: runs that have ended lose their names. */
void assembly_forget(struct assembly *a, const struct change *changes, size_t len);
/* The configuration in force is another one. */
void assembly_configure(struct assembly *a, const struct config *config);
/* Looks for new time zone data; what isn't decided yet is planned by it. */
void assembly_refresh_zones(struct assembly *a);
/* Ends the core and what else is open, turns the loop until every handle is closed, closes the store. */
void assembly_close(struct assembly *a);

#endif
