/* The executor of this machine: for each attempt it writes the run directory and starts a supervisor process
 * (worker/supervise), which outlives the daemon. Files are written and processes made on a thread of their own.
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
};

/* NULL with *err set if the supervisor can't be opened or the directories can't be made. */
struct executor *local_new(uv_loop_t *loop, const struct local_options *options, executor_report_fn *report,
                           void *ctx, int *err);

/* Where an attempt's files are, for readers of logs and results; the caller frees. */
char *local_attempt_dir(const char *state_dir, const char *run_id, const char *attempt_id);

#endif
