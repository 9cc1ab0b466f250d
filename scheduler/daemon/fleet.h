/* The hosts of the configuration that are reached over SSH, as the daemon holds them: worker/ssh made from the
 * configuration and made anew at a reload, its news put into the inbox, its executors found by the core.
 *
 * Nothing of worker/ssh is made before the configuration names the first such host. A host that a reload takes away
 * stays until its tasks have ended. Loop thread only.
 */
#ifndef ROTA_DAEMON_FLEET_H
#define ROTA_DAEMON_FLEET_H

#include <stdbool.h>
#include <uv.h>

#include "scheduler/daemon/core.h"
#include "worker/ssh/hosts.h"

struct config;
struct fleet;

struct fleet_options { /* the strings are copied */
  uv_loop_t *loop;
  struct core *core;
  const char *state_dir, *state_id;
};

/* Tells the core that executors are found here. */
struct fleet *fleet_new(const struct fleet_options *options);
/* The configuration in force now; the engine must have been told of it before. */
void fleet_configure(struct fleet *f, const struct config *config);
/* core_adopt is through: from now on attempts on a host that a reload brings back are looked up. */
void fleet_adopted(struct fleet *f);
/* False if there is no such host. */
bool fleet_view(const struct fleet *f, const char *host, struct host_view *out);
/* Tries to connect now. */
void fleet_check(struct fleet *f, const char *host);
/* Before core_free: tasks live on. The handles are closed when the loop has turned. Accepts NULL. */
void fleet_free(struct fleet *f);

/* How the configuration has the host reached, borrowed from it; false for this machine and for what it hasn't. */
bool fleet_host_options(const struct config *config, const char *host, struct host_options *out);

#endif
