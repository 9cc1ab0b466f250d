/* The local executor between its two files: local.c has the interface, the watching and the reports, local_outcome.c
 * what follows from a finished chore. On the loop's thread alone.
 */
#ifndef ROTA_WORKER_LOCAL_INSIDE_H
#define ROTA_WORKER_LOCAL_INSIDE_H

#include "worker/attempts.h"
#include "worker/local.h"
#include "worker/local_jobs.h"

struct local {
  struct executor base; /* first: the executor is this */
  struct local_place place;
  struct attempts attempts;
  int supervisors; /* an epoll descriptor with the pidfds of all supervisors */
  uv_poll_t supervisor_poll, notice_poll;
  uv_timer_t look_again; /* while an attempt is unreachable */
  int closing;           /* handles and the crew, still open after free */
};

/* Reports. All but STARTED, UNREACHABLE and REACHABLE are an attempt's last: it is `over` after them. */
void local_report_simple(struct local *l, struct attempt *a, enum report_kind kind, int err, const char *text);
void local_report_unreachable(struct local *l, struct attempt *a, const char *text);
void local_report_reachable(struct local *l, struct attempt *a); /* only if it was reported as unreachable */
void local_report_started(struct local *l, struct attempt *a, int64_t pid, instant at);
void local_report_findings(struct local *l, struct attempt *a, const struct findings *f);

/* Chores handed to the crew. `tries` over 0 makes the look wait a tenth of a second first. */
void local_look_submit(struct local *l, struct attempt *a, bool was_claimed, int tries);
void local_fence_submit(struct local *l, struct attempt *a);
void local_stop_submit(struct local *l, struct attempt *a);
void local_chore_done(struct job *j, bool dropped);

/* Takes over a supervisor's pidfd, or lets go of it and reaps. */
void local_watch(struct local *l, struct attempt *a, int pidfd);
void local_unwatch(struct local *l, struct attempt *a);
/* Reaps a supervisor of ours that is gone; its exit status says why it couldn't claim. */
void local_reap(struct attempt *a);

#endif
