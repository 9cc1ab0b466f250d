/* Reading the pipelines again when their files changed, and on request the configuration and the time zones too. Owns
 * the configuration in force and those before it, as long as somebody may still look at one: the engine until it has
 * taken the next one and carried out what it decided by the former, the loader until its scan has ended. Loop thread
 * only.
 */
#ifndef ROTA_DAEMON_RELOAD_H
#define ROTA_DAEMON_RELOAD_H

#include <stdint.h>

#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/handlers/server.h"
#include "scheduler/daemon/loader.h"
#include "scheduler/daemon/watch.h"

struct reloads;
struct upkeep;

struct reloads_options { /* all borrowed */
  const struct daemon_places *places;
  struct assembly *assembly; /* its configuration is replaced */
  struct loader *loader;
  struct watch *watch;
  struct server *server;
  struct upkeep *upkeep;
  struct access *access; /* what the socket's group may do is set there */
};

/* `config` is the one in force. */
struct reloads *reloads_new(const struct reloads_options *options, struct config *config);
/* Everything. The request is answered when the engine has all of it on record; NULL: a signal asked. A configuration
 * with errors is refused as a whole: the one in force stays. */
void reload_all(struct reloads *r, const struct api_request *request);
/* The pipelines: their files changed, or may have. */
void reload_files(struct reloads *r);
/* After the loop has turned for the last time. Accepts NULL. */
void reloads_free(struct reloads *r);

#endif
