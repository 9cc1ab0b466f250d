/* The event stream, GET /api/v1/stream: what becomes durable is told to all who listen, at most every 100 ms.
 *
 * Fed with the rows of each commit. Nothing is made of them while nobody listens and nobody has listened for a minute
 * (who lost the connection comes back within it). An event is made once and shared. Who doesn't take his events has
 * 64 KiB of them queued, then they are dropped and he is told to fetch all anew (`resync`), and so is everybody if
 * more has changed than fits into an event. The stream of somebody whose token or session has ended is ended too.
 * docs/api.md says what the events hold.
 *
 * Loop thread only; nothing here blocks.
 */
#ifndef ROTA_DAEMON_EVENT_HUB_H
#define ROTA_DAEMON_EVENT_HUB_H

#include "scheduler/daemon/pages/queries.h"

struct event_hub;

#define EVENT_QUEUE_BYTES (64 * 1024)

struct event_hub_options { /* all borrowed */
  uv_loop_t *loop;
  struct server *server;
  struct core *core;
  const struct names *names;
  const struct degraded *degraded;
  const struct backup_standing *backup;
  const char *state_id;
  /* Whether who was let in would be let in still; asked at each beat and when tokens and sessions change. */
  bool (*holds)(void *ctx, const struct api_identity *who);
  void *ctx;
  int beat_ms, flush_ms, linger_ms; /* 0: 5,000, 100, 60,000 */
};

struct event_hub *event_hub_new(const struct event_hub_options *options);
/* Answers a request for the stream. */
void event_hub_take(struct event_hub *hub, const struct api_request *request);
/* Rows became durable; before the names of runs that have ended are forgotten. */
void event_hub_committed(struct event_hub *hub, const struct change *changes, size_t len);
/* `degraded` or `backup` of the options has changed. */
void event_hub_health(struct event_hub *hub);
/* The client has gone. */
void event_hub_gone(struct event_hub *hub, uint64_t handle);
size_t event_hub_listeners(const struct event_hub *hub);
struct event_hub_view {
  size_t listeners;
  uint64_t drops; /* queues that were given up, since the start */
};
void event_hub_view(const struct event_hub *hub, struct event_hub_view *out); /* hub NULL: nobody listens */
void event_hub_free(struct event_hub *hub);                                   /* accepts NULL */

#endif
