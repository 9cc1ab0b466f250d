/* A few threads that do what may block, each with a queue of its own, for one loop.
 *
 * A job is run on the thread of its lane, then its `done` is called on the loop's thread, in the order in which jobs
 * finished. Between crew_submit and `done` the job's memory belongs to the crew; whatever else both threads touch in
 * between must be constant or atomic. Threads block all signals.
 */
#ifndef ROTA_WORKER_CREW_H
#define ROTA_WORKER_CREW_H

#include <stdbool.h>
#include <uv.h>

#define CREW_LANES_MAX 4

struct job {
  struct job *next;
  void (*run)(struct job *j);                /* on the lane's thread */
  void (*done)(struct job *j, bool dropped); /* on the loop's thread; dropped: the crew was closed before it ran */
};

struct crew;

/* `idle_lane` runs at the lowest priority; -1 for none. NULL with *err set to a code of base/err.h. */
struct crew *crew_new(uv_loop_t *loop, int lanes, int idle_lane, int *err);
/* From the loop's thread, never blocks for longer than a lock; `first` puts it in front of the queue. */
void crew_submit(struct crew *c, int lane, struct job *j, bool first);
/* Any thread: true once crew_free was called, for jobs that can end early. */
bool crew_closing(const struct crew *c);
/* Waits for the jobs that are running; calls `done` for all that finished or are dropped; then closes. `closed` comes
 * from the loop when the last of it is gone. */
void crew_free(struct crew *c, void (*closed)(void *ctx), void *ctx);

#endif
