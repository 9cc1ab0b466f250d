/* Which log a request means: the run in its path, ?task= and ?attempt=. Without a task the first that failed and
 * wasn't allowed to, else one that runs, else the last that was tried; without an attempt the newest.
 */
#ifndef ROTA_DAEMON_LOG_PICK_H
#define ROTA_DAEMON_LOG_PICK_H

#include <stdbool.h>

#include "scheduler/daemon/pages/page.h"
#include "scheduler/store/history.h"
#include "worker/logfile.h"

struct log_pick {
  struct history_run run;
  struct task_row *tasks;
  size_t tasks_len;
  const struct task_row *task;
  struct attempt_row attempt; /* its key is 0 while the task was never started but may be */
  bool ended;                 /* the attempt has ended: nothing more will be written */
  struct logfile *log;        /* NULL while nothing is there to be read but may come */
};

/* Reads rows and opens the log; false after a problem was set. Blocks on the disk. */
bool log_pick(struct page *p, struct log_pick *l);
/* The same without the log. */
bool log_pick_attempt(struct page *p, struct log_pick *l);
/* The directory of the attempt; the caller frees it. */
char *log_pick_dir(struct page *p, const struct log_pick *l);
void log_pick_release(struct log_pick *l);
/* The log of any attempt; NULL with *err as of logfile_open. */
struct logfile *log_pick_open(struct page *p, const char *run_id, const struct attempt_row *attempt, int *err);
/* Sets the problem of a log that can't be read. */
void log_pick_problem(struct page *p, int err);

#endif
