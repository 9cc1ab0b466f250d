/* The interface of whatever runs attempts: this machine's executor now, hosts over SSH and batch systems later.
 *
 * An executor fulfils the contract of the run directory (docs/run-directory.md) for one place. It is called on the
 * loop's thread, never blocks it, and reports through one callback, on the same thread, never from within a call.
 * Reports about one attempt come in order; the last is ENDED, LOST, NOT_STARTED or FENCED, after which the executor
 * has forgotten the attempt.
 *
 *            start            accepted (optional)      started              ended
 *   (unknown) ---> [starting] -------> [waiting there] ------> [running] -----------> (forgotten)
 *                      |  \_____________________________________/ |  ^ \____ lost ____/
 *                      |                                unreachable  | reachable
 *                      '--- not_started: no process was made, the same id may be started again
 *
 * Starting is idempotent: the same id may be sent as often as needed, the claim in the run directory decides who
 * runs.
 */
#ifndef ROTA_WORKER_EXECUTOR_H
#define ROTA_WORKER_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "scheduler/spec/launch.h"

#define REPORT_LIST(X)                                                                                               \
  X(ACCEPTED, "accepted")       /* taken over by a queue there; `text` says what it waits for */                     \
  X(STARTED, "started")         /* the task's process exists; its time-out counts from `started_at` */               \
  X(ENDED, "ended")             /* `how`, `status` and the figures are known */                                      \
  X(LOST, "lost")               /* proven dead without a result: reboot, supervisor killed; `text` says which */     \
  X(NOT_STARTED, "not_started") /* no process was made (too many processes, disk full); `err` and `text` say why */  \
  X(FENCED, "fenced")           /* it had not started and now never can */                                           \
  X(UNREACHABLE, "unreachable") /* the place doesn't answer: nothing is known; `text` says why */                    \
  X(REACHABLE, "reachable")     /* it answers again, and the attempt is still running */                             \
  X(PREPARED, "prepared")       /* a run's files were copied; `err` and `text` if they could not be */               \
  X(CLEARED, "cleared")         /* nothing of an attempt that was given up is left, and it can't start */

enum report_kind {
#define X(name, word) REPORT_##name,
  REPORT_LIST(X)
#undef X
};

/* The second word of `exit.<status>.<reason>`. */
#define ENDED_LIST(X)                                                                                                \
  X(EXITED, "exited")               /* by itself, or by a signal that was not ours */                                \
  X(TIMED_OUT, "timed_out")         /* the supervisor ended it because its time was over */                          \
  X(STOPPED, "stopped")             /* it was told to stop */                                                        \
  X(LAUNCH_FAILED, "launch_failed") /* the task's program could not be executed: `stage` and `errnum` */

enum ended_how {
#define X(name, word) ENDED_##name,
  ENDED_LIST(X)
#undef X
};

const char *ended_word(enum ended_how how);
/* -1 for a word that isn't one. */
int ended_from_word(const char *word);

struct report {
  enum report_kind kind;
  const char *run_id, *attempt_id;
  const char *text;             /* a sentence for people; may be NULL; valid during the callback */
  int err;                      /* NOT_STARTED: a code of base/err.h */
  bool doubtful;                /* NOT_STARTED: somebody who was sent before may still come to claim it */
  enum ended_how how;           /* ENDED */
  int status;                   /* as a shell prints it: 128 + N for signal N */
  const char *stage;            /* LAUNCH_FAILED: "exec", "chdir", "env_file", ... ; else NULL */
  int errnum;                   /* LAUNCH_FAILED: the errno of that stage, else 0 */
  int64_t pid;                  /* STARTED */
  instant started_at, ended_at; /* by the clock of the place; INSTANT_NONE if unknown */
  int64_t cpu_us;               /* user and system time of the task and its reaped children; -1 unknown */
  int64_t max_rss_kb;           /* -1 unknown */
  int64_t log_bytes;            /* what the task printed, dropped bytes included; -1 unknown */
  const char *fault; /* ENDED: a sentence: what makes a success none (a file that can't be fetched); NULL */
};

typedef void executor_report_fn(void *ctx, const struct report *r);

struct executor; /* one place */

struct executor_ops {
  /* Begins to start an attempt. 0 if it was taken on: reports follow. */
  int (*start)(struct executor *e, const struct launch *l);
  /* Looks up an attempt that a former life of the daemon started or meant to start: STARTED, ENDED, LOST or
   * NOT_STARTED (with err ERR_NOT_FOUND) follows. `grace` is used if it must be stopped later. */
  int (*adopt)(struct executor *e, const char *run_id, const char *attempt_id, duration grace);
  /* Asks the attempt to end: TERM, the grace of its launch, KILL. With `now` KILL at once. May be repeated.
   * ERR_NOT_FOUND if the executor doesn't know the attempt. */
  int (*stop)(struct executor *e, const char *attempt_id, bool now);
  /* Makes sure that an attempt whose start is unknown never starts: FENCED, or STARTED if it had. */
  int (*fence)(struct executor *e, const char *run_id, const char *attempt_id);
  /* Sees to it that an attempt which the scheduler gave up neither runs nor can start: fenced, or killed with all
   * that it started. CLEARED follows, once the place answers and nothing is left; may take for ever. Nothing else is
   * reported of the attempt any more. May be repeated. NULL where no attempt is ever given up: on this machine. */
  int (*clear)(struct executor *e, const char *run_id, const char *attempt_id);
  /* Removes ROTA_WORK and ROTA_STATE of an ended run, or with `all` its attempts' directories too. In the
   * background; nothing is reported. */
  int (*sweep)(struct executor *e, const char *run_id, bool all);
  /* Copies ROTA_WORK and the named directories of ROTA_STATE from one run to another, in the background, then reports
   * PREPARED with the run's id. May be repeated; what a former try left is replaced. Only on this machine. */
  int (*prepare)(struct executor *e, const char *run_id, const char *from_run_id, const char *const *state_keys,
                 size_t state_keys_len);
  /* Lets go of every attempt without touching it, and frees the executor; the tasks live on. */
  void (*free)(struct executor *e);
};

struct executor {
  const struct executor_ops *ops;
  executor_report_fn *report;
  void *ctx;
};

#endif
