/* The heart of the daemon: events in, one step of the engine, one commit, then the decisions.
 *
 *   inbox --engine_step--> rows --writer thread--> committed --> decisions: executors, replies
 *     ^                                                              |
 *     '------------------- reports of the executors ----------------'
 *
 * While a commit is in flight events gather for the next step. A batch that can't be committed is kept and tried
 * again; nothing decided after it gets out before it. On a full disk the store gives up its reserve for the batch: it
 * is durable then, but its decisions are carried out, and the next step is taken, when there is room again. Loop
 * thread only; nothing here blocks.
 */
#ifndef ROTA_DAEMON_CORE_H
#define ROTA_DAEMON_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "scheduler/daemon/committer.h"
#include "scheduler/daemon/inbox.h"
#include "scheduler/engine/engine.h"
#include "worker/executor.h"

struct core;
struct recorder;

struct core_hooks {
  void *ctx;
  /* These rows are durable now; called before the decisions of their step are carried out. */
  void (*committed)(void *ctx, const struct change *changes, size_t len);
  void (*reply)(void *ctx, const struct decision_reply *reply);
  /* Commits fail with `err` and are tried again; 0: they succeed again. */
  void (*degraded)(void *ctx, int err, const char *why);
  /* The recorder stopped, once: why. */
  void (*unrecorded)(void *ctx, const char *why);
  /* Commits can't go on (a failed sync): the daemon must end. */
  void (*fatal)(void *ctx, int err, const char *why);
};

struct core_options {
  uv_loop_t *loop;
  struct store *store;
  struct engine *engine; /* restored; the core frees it */
  const char *state_dir;
  struct recorder *recorder; /* of the engine's inputs; NULL: they aren't recorded */
  struct core_hooks hooks;
};

/* NULL if the kernel gives no thread or timer. */
struct core *core_new(const struct core_options *options);
struct inbox *core_inbox(struct core *c);
struct engine *core_engine(struct core *c);
struct committer *core_committer(struct core *c);

/* The executor of a place; the core frees it. Its report callback must be core_report with the core as its ctx. */
void core_add_executor(struct core *c, const char *host, struct executor *executor);
/* Where the executors of all other places are: they come and go with the configuration, so they are looked up each
 * time. They must be let go before core_free. */
struct core_places {
  void *ctx;
  struct executor *(*find)(void *ctx, const char *host); /* NULL: there is none */
  /* Calls for each there is. */
  void (*each)(void *ctx, void (*call)(void *arg, struct executor *e), void *arg);
};
void core_set_places(struct core *c, const struct core_places *places);
void core_report(void *core, const struct report *r);
/* Removes the directories of a run that is forgotten, in the background, wherever it ran. */
void core_sweep(struct core *c, const char *run_id);
/* Hands every unfinished attempt to its executor to be looked up. Once, before the loop runs. The first step waits
 * for what is found (5 s at most), so that nothing is decided on a run that has ended meanwhile. */
void core_adopt(struct core *c);
/* The same for one place that came back after the start, by a reload. Nobody waits for what is found. */
void core_adopt_place(struct core *c, const char *host);

/* Of the last commit (committer.h). */
int64_t core_commit_number(const struct core *c);
/* Damage was found in the database: nothing is written any more, so nothing is decided or started, and every start is
 * refused until a restore. It is degraded (ERR_CORRUPT) to the end: what is there can be looked at, and tasks go on.
 */
void core_condemn(struct core *c, const char *what);
/* Whether the writer has given no answer for too long; then it is degraded (ERR_TIMEOUT) until it gives one. */
void core_stalled(struct core *c, bool stalled);
/* 0, or why commits don't succeed for now. */
int core_degraded(const struct core *c);
/* True when nothing is queued and no commit is in flight. */
bool core_quiet(const struct core *c);

/* Calls back when every event that is queued by now has been handled, its rows are durable and its decisions carried
 * out: at once if none is. Never, if the core ends before. */
typedef void core_after_fn(void *ctx);
void core_after(struct core *c, core_after_fn *fn, void *ctx);

/* Finishes the commit in flight, lets the executors go (tasks live on), closes the handles. */
void core_free(struct core *c);

#endif
