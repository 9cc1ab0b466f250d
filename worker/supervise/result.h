/* What the supervisor has to say about the attempt: in `result`, which becomes `exit.<status>.<reason>`, and as
 * notices to the daemon.
 *
 * `result` is made before the claim, so that the rename that ends the attempt needs no room on a full disk; what it
 * says besides its name is extra and may be missing.
 */
#ifndef ROTA_WORKER_SUPERVISE_RESULT_H
#define ROTA_WORKER_SUPERVISE_RESULT_H

#include <stdbool.h>

#include "worker/rundir.h"
#include "worker/supervise/launch.h"

struct result {
  int file;          /* `result`, -1 if closed */
  bool notices;      /* somebody gave us the pipe */
  bool started_owed; /* the pipe was full when STARTED should have gone */
  struct notice n;   /* the figures as they become known */
};

/* `notices`: descriptor NOTICE_FD is the daemon's pipe. 0 or the errno. */
int result_open(struct result *r, bool notices);
void result_started(struct result *r);
/* Tries again to send STARTED. */
void result_pay(struct result *r);
/* Writes what is known, with the words of a failed launch; renames unless NOTE_FROM_OUTSIDE is set; sends ENDED. */
void result_end(struct result *r, const struct launch_fault *fault);

#endif
