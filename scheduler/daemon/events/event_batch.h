/* What changed between two events of the stream: rows that became durable, merged, so that each run and each task is
 * told once, as it is now. Loop thread only.
 */
#ifndef ROTA_DAEMON_EVENT_BATCH_H
#define ROTA_DAEMON_EVENT_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "scheduler/daemon/names.h"
#include "scheduler/engine/rows.h"

/* More rows than fit into an event: they aren't kept. */
#define EVENT_BATCH_MAX 1000

struct event_batch { /* zeroed: empty */
  struct arena arena;
  VEC(struct batch_run *) runs;
  VEC(struct batch_task *) tasks;
  struct map run_by_key, task_by_key;
  struct map pipelines, firings, notes; /* names, names, ids of runs */
  struct map hosts;                     /* names */
  bool changed;                         /* there is something to tell */
  bool over;                            /* and it is too much */
};

/* Takes in what of the rows is told; names of runs that have ended must still be known. */
void event_batch_add(struct event_batch *b, const struct names *names, const struct change *changes, size_t len);
/* The data of the event: one JSON object. */
void event_batch_json(const struct event_batch *b, bool paused, instant now, struct buf *out);
void event_batch_reset(struct event_batch *b);
void event_batch_release(struct event_batch *b);

#endif
