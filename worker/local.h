/* The executor of this machine: for each attempt it writes the run directory and starts a supervisor process
 * (worker/supervise), which outlives the daemon.
 *
 * Threads: all calls and all reports are on the loop's thread, which only looks at pidfds and reads notices. Whatever
 * may block is a job of one of four lanes (worker/crew.h, worker/local_jobs.h), a thread each: starts, fences and
 * stops; looking at directories and killing what is left; copying; removing, at the lowest priority. Jobs get copies
 * of what they need and hand back results; they never touch the executor's own data.
 *
 * The supervisor's end is seen in one of two ways, whichever is first: its notice in the pipe, or its pidfd, after
 * which the directory is read. Each attempt gets one last report. A stop that finds the attempt still in the queue of
 * starts turns the start into a fence: FENCED, or, had it been started in an earlier life, a stop.
 *
 * Directories, below `state_dir`: runs/<run>/<attempt>/ of each attempt, work/<run>/ (ROTA_WORK),
 * work/<run>.state/<state_key>/ (ROTA_STATE).
 */
#ifndef ROTA_WORKER_LOCAL_H
#define ROTA_WORKER_LOCAL_H

#include <uv.h>

#include "worker/executor.h"

struct local_options {
  const char *state_dir;       /* absolute */
  const char *supervisor_path; /* the rota-supervise program; opened once, so that an upgrade doesn't mix versions */
  uint64_t files;              /* the soft limit of open files that tasks get; 0: this process's own */
};

/* NULL with *err set if the supervisor can't be opened or the directories can't be made. */
struct executor *local_new(uv_loop_t *loop, const struct local_options *options, executor_report_fn *report,
                           void *ctx, int *err);

/* Where an attempt's files are, for readers of logs and results; the caller frees. */
char *local_attempt_dir(const char *state_dir, const char *run_id, const char *attempt_id);

#endif
