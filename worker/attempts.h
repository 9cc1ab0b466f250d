/* The attempts that the local executor knows, and what it has learnt of each. On the loop's thread alone.
 *
 *   queued -----> watched ------> asked -----> over
 *   (a chore is   (a supervisor's (it is gone; the
 *    under way)    pidfd)          files are read)
 *
 * An attempt is over once its last report was made; it is forgotten by its id then, and its memory goes when no chore
 * and no pidfd refer to it any more.
 */
#ifndef ROTA_WORKER_ATTEMPTS_H
#define ROTA_WORKER_ATTEMPTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/map.h"
#include "worker/executor.h"
#include "worker/local_jobs.h"

struct attempt {
  struct attempt *next, *prev; /* among all that have memory */
  char run_id[RUNDIR_ID_LEN + 1], id[RUNDIR_ID_LEN + 1];
  char *dir;
  duration grace;
  struct chore *start; /* while it is in the queue of starts or being run */
  int chores;          /* under way, the start included */
  int pidfd;           /* of the supervisor, -1 without one */
  pid_t child;         /* the supervisor if this process made it and hasn't reaped it, else 0 */
  int refusal;         /* the errno with which a supervisor of ours couldn't claim, else 0 */
  bool adopting, fencing;
  bool started;     /* STARTED was reported */
  bool unreachable; /* so it was reported last; it is looked at now and then */
  bool over;        /* the last report was made */
  bool stop_wanted, stop_now;
};

struct attempts {
  struct map by_id;
  struct attempt *all;
};

/* NULL if the id is known already. */
struct attempt *attempts_add(struct attempts *as, const char *state_dir, const char *run_id, const char *id);
struct attempt *attempts_find(const struct attempts *as, const char *id);
/* Forgets the id: the same one may be added again. */
void attempts_forget(struct attempts *as, struct attempt *a);
/* Frees it if it is over and nothing refers to it. */
void attempts_settle(struct attempts *as, struct attempt *a);
/* Closes all pidfds and frees everything. */
void attempts_release(struct attempts *as);

#endif
