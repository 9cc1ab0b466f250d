/* What the local executor has done on its crew's threads: everything that touches the disk or makes a process.
 *
 * A task (struct chore) carries copies of what it needs; the executor it belongs to is only read. `chore.look` and
 * the other results are valid in `done`.
 */
#ifndef ROTA_WORKER_LOCAL_JOBS_H
#define ROTA_WORKER_LOCAL_JOBS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "worker/crew.h"
#include "worker/local_spec.h"
#include "worker/look.h"
#include "worker/spawner.h"

enum lane { LANE_LAUNCH, LANE_LOOK, LANE_COPY, LANE_SWEEP, LANE_COUNT };

/* Constant while the crew lives. */
struct local_place {
  char *state_dir;
  struct account account;
  struct machine machine;
  struct spawner spawner;
  struct crew *crew;
};

enum chore_kind {
  CHORE_START, /* LANE_LAUNCH: write the directory and make a supervisor, unless somebody has claimed it */
  CHORE_FENCE, /* LANE_LAUNCH: link FENCED to owner, or look at who was first */
  CHORE_STOP,  /* LANE_LAUNCH, in front: write `stop`, TERM */
  CHORE_LOOK   /* LANE_LOOK: look; kill what is left of one that is dead */
};

struct chore {
  struct job job;
  enum chore_kind kind;
  const struct local_place *place;
  void *owner;                           /* the executor's business */
  const char *run_id, *attempt_id, *dir; /* live as long as the owner */
  atomic_bool fence_instead;             /* START: it was stopped while it waited in the queue */

  /* START */
  struct buf spec;
  char *script, *context, *work_dir, *state_dir, *label;
  size_t script_len, context_len;
  bool fresh_state;
  /* STOP */
  int pidfd;
  duration grace; /* 0: KILL at once */
  /* LOOK */
  bool was_claimed; /* a directory that is gone means a lost attempt */
  int tries;

  /* Results. */
  int err; /* START: no process; a code of base/err.h, `err_stage` says of what */
  const char *err_stage;
  char *old_state; /* START: what was moved out of the way, to be removed in the background */
  pid_t pid;       /* START: of the supervisor that was made; else 0 */
  struct look look;
  bool looked;
  int left;    /* LOOK: how many of a dead attempt's processes can't be killed */
  bool killed; /* LOOK: there were some */
};

/* As err_from_errno, but a shortage that passes by itself is ERR_AGAIN and doesn't look like a broken disk. */
int err_transient(int errnum);

void chore_run(struct job *j);
void chore_free(struct chore *c);

/* Removes directories of a run, or one directory, on LANE_SWEEP; frees itself. */
void sweep_submit(const struct local_place *place, const char *run_id, bool all);
void sweep_path_submit(const struct local_place *place, const char *path);

#endif
