/* Requests that only read: the rows are read on a thread of the loop's pool through read-only connections, what only
 * the engine knows is added on the loop's thread, and the answer goes out. A request may wait for something to
 * change: then it is read again when rows of its run are committed, or now and then for a log, until its time is
 * over. Who isn't let in any more by then is told nothing, and a download goes no further.
 */
#ifndef ROTA_DAEMON_QUERIES_H
#define ROTA_DAEMON_QUERIES_H

#include "scheduler/api/api.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/handlers/server.h"
#include "scheduler/daemon/loader.h"

struct health;
struct history;
struct queries;

struct queries_options { /* all borrowed */
  struct assembly *assembly;
  struct server *server;
  struct history *history;
  const struct loader *loader;
  const struct backup_standing *backup;
  const struct health *health;
  /* Whether who was let in before would be let in still; NULL: always. */
  bool (*holds)(void *ctx, const struct api_identity *who);
  void *ctx;
};

struct queries *queries_new(const struct queries_options *options);
/* Answers every route that isn't taken by somebody else. */
void queries_take(struct queries *q, const struct api_request *request);
/* Rows became durable: whoever waits for one of them looks again. */
void queries_committed(struct queries *q, const struct change *changes, size_t len);
/* The stream of a download has room. */
void queries_drained(struct queries *q, uint64_t handle);
/* The client has gone. */
void queries_gone(struct queries *q, uint64_t handle);
void queries_free(struct queries *q); /* accepts NULL; no answer goes out any more */

#endif
