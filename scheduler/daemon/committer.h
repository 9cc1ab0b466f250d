/* The writer thread: the only one that writes to the store. One batch at a time; between batches it does the small
 * jobs that need the writer's connection (retention, checkpoints, backups).
 *
 * Called on the loop's thread; the callbacks come there too.
 */
#ifndef ROTA_DAEMON_COMMITTER_H
#define ROTA_DAEMON_COMMITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "scheduler/daemon/health/histogram.h"
#include "scheduler/engine/rows.h"

struct store;
struct committer;

/* `err` is what store_commit returned, `why` a sentence about it. ERR_SYNC, ERR_IO and ERR_CORRUPT may also come
 * while no batch is in flight: a checkpoint failed. */
typedef void committer_done_fn(void *ctx, int err, const char *why);

/* NULL if the thread can't be made. */
struct committer *committer_new(uv_loop_t *loop, struct store *store, committer_done_fn *done, void *ctx);
/* Hands over a batch, which must stay as it is until `done`. Only when no batch is in flight. */
void committer_commit(struct committer *c, const struct change *changes, size_t len);
bool committer_busy(const struct committer *c);
/* Whether the last batch took the reserve of a full disk (store_health.full): start nothing new. */
bool committer_full(const struct committer *c);
/* The database's number of the last commit that `done` was called for; it rises by one a commit, over restarts too.
 */
int64_t committer_number(const struct committer *c);

/* How the writer does. */
struct committer_view {
  struct histogram took; /* batches that are durable, from being handed over until then */
  instant committed_at;  /* the last of them; INSTANT_NONE: none yet */
  size_t jobs;           /* that wait */
  int64_t wal_bytes;     /* as of the last batch */
  /* For how long the writer has been at one thing, or hasn't begun with what waits for it; 0 if it rests. A disk that
   * is full or held by another program gives an answer within seconds; a thread that hangs gives none. */
  int64_t silent_us;
};
void committer_view(struct committer *c, struct committer_view *out);

/* A job runs on the writer thread after the batch in flight, `done` on the loop's thread after it. It must be short,
 * or a batch waits for it. Every job's `done` is called: by committer_free at the latest, with ERR_AGAIN for one that
 * wasn't run. */
typedef int committer_job_fn(struct store *store, void *arg);
typedef void committer_job_done_fn(void *arg, int result);
void committer_job(struct committer *c, committer_job_fn *run, committer_job_done_fn *done, void *arg);

/* A job that writes to the store has failed with `err`: calls `done` as for a checkpoint if that means that commits
 * can't go on. */
void committer_failed(struct committer *c, int err);

/* Finishes what is under way, ends the thread, calls `done` of the jobs and closes the handle; nothing is called
 * after it. With the thread gone, those `done` may use the store as a job does. */
void committer_free(struct committer *c);

#endif
