/* What the chores bring back, and what follows from what a run directory says. */
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/local_inside.h"

#define UNREADABLE_TRIES 20 /* a tenth of a second each */

static void look_seen(struct local *l, struct attempt *a, const struct look *look, const struct chore *c);

static void start_done(struct local *l, struct attempt *a, struct chore *c) {
  a->start = NULL;
  if (c->old_state) sweep_path_submit(&l->place, c->old_state);
  if (c->pid > 0) a->child = c->pid;
  if (c->pid > 0 && c->pidfd < 0)
    local_look_submit(l, a, true, 1);
  else if (c->pid > 0)
    local_watch(l, a, c->pidfd);
  if (a->over) return;
  if (c->pid > 0) {
    if (a->stop_wanted && a->pidfd >= 0) local_stop_submit(l, a);
  } else if (c->looked) {
    look_seen(l, a, &c->look, c);
  } else {
    local_report_simple(l, a, REPORT_NOT_STARTED, c->err, c->err_stage);
  }
}

static void look_done(struct local *l, struct attempt *a, struct chore *c) {
  if (!a->over) {
    look_seen(l, a, &c->look, c);
  } else if (c->look.state == LOOK_RUNNING && a->pidfd < 0) {
    local_watch(l, a, c->look.pidfd); /* it is on its way out and must be reaped */
  } else {
    if (c->look.pidfd >= 0) close(c->look.pidfd);
    local_unwatch(l, a);
    local_reap(a);
  }
}

static void fence_done(struct local *l, struct attempt *a, struct chore *c) {
  a->start = NULL;
  if (a->over) {
    if (c->looked && c->look.pidfd >= 0) close(c->look.pidfd);
  } else if (c->looked) {
    look_seen(l, a, &c->look, c);
  } else {
    local_report_simple(l, a, REPORT_NOT_STARTED, c->err, c->err_stage);
  }
}

void local_chore_done(struct job *j, bool dropped) {
  struct chore *c = (struct chore *)j;
  struct attempt *a = c->owner;
  struct local *l = (struct local *)((char *)(uintptr_t)c->place - offsetof(struct local, place));
  a->chores--;
  if (dropped || l->closing) { /* the executor is being freed: nothing is reported, the tasks live on */
    if (c->looked && c->look.pidfd >= 0) close(c->look.pidfd);
    if (c->kind == CHORE_START && c->pid > 0 && c->pidfd >= 0) close(c->pidfd);
  } else {
    if (c->kind == CHORE_START)
      start_done(l, a, c);
    else if (c->kind == CHORE_FENCE)
      fence_done(l, a, c);
    else if (c->kind == CHORE_LOOK)
      look_done(l, a, c);
    attempts_settle(&l->attempts, a);
  }
  chore_free(c);
}

static void running_seen(struct local *l, struct attempt *a, const struct look *look) {
  local_unwatch(l, a); /* the one that was watched had lost the claim to this one */
  local_watch(l, a, look->pidfd);
  instant at = look->findings.started_at != INSTANT_NONE ? look->findings.started_at : look->claimed_at;
  local_report_reachable(l, a);
  local_report_started(l, a, look->findings.pid, at);
  if (a->stop_wanted && a->pidfd >= 0) local_stop_submit(l, a);
}

/* Killing what is left is the other lane's work: a look that came from elsewhere is repeated there. */
static void dead_seen(struct local *l, struct attempt *a, const struct look *look, const struct chore *c) {
  if (c->kind != CHORE_LOOK) {
    local_look_submit(l, a, false, 0);
    return;
  }
  local_unwatch(l, a);
  char *text = c->left     ? alloc_fmt("%s; %d of its processes can't be killed", look->why, c->left)
               : c->killed ? alloc_fmt("%s; the processes it left were killed", look->why)
                           : alloc_strdup(look->why);
  local_report_simple(l, a, REPORT_LOST, 0, text);
  free(text);
}

static void unclaimed_seen(struct local *l, struct attempt *a, const struct chore *c) {
  local_unwatch(l, a);
  local_reap(a);
  if (a->child > 0)
    local_look_submit(l, a, true, 1); /* ours is still on its way to the claim */
  else if (a->stop_wanted || a->fencing)
    local_fence_submit(l, a);
  else if (c->killed)
    local_report_simple(l, a, REPORT_LOST, 0, "its directory was removed; its processes were killed");
  else if (a->refusal)
    local_report_simple(l, a, REPORT_NOT_STARTED, err_transient(a->refusal), "its supervisor couldn't start it");
  else if (a->adopting)
    local_report_simple(l, a, REPORT_NOT_STARTED, ERR_NOT_FOUND, "it was never started");
  else
    local_report_simple(l, a, REPORT_NOT_STARTED, ERR_AGAIN, "its supervisor ended before it claimed the attempt");
}

static void missing_seen(struct local *l, struct attempt *a, const struct look *look, const struct chore *c) {
  if (c->kind == CHORE_LOOK && !a->started) {
    unclaimed_seen(l, a, c);
    return;
  }
  struct look gone = *look;
  gone.why = "its directory was removed";
  dead_seen(l, a, &gone, c);
}

/* A shortage passes and is waited out. What can't be read for another reason stays so until a person sees to it; then
 * an attempt whose supervisor has been seen to go is lost, and of any other nothing is known. */
static void unknown_seen(struct local *l, struct attempt *a, const struct look *look, const struct chore *c) {
  if (look->err == ERR_AGAIN || c->tries < UNREADABLE_TRIES) {
    local_look_submit(l, a, c->was_claimed, c->tries ? c->tries : 1);
    return;
  }
  char *text = alloc_fmt("its directory can't be read: %s", err_text(look->err));
  local_unwatch(l, a);
  if (c->was_claimed)
    local_report_simple(l, a, REPORT_LOST, 0, text);
  else
    local_report_unreachable(l, a, text);
  free(text);
}

static void look_seen(struct local *l, struct attempt *a, const struct look *look, const struct chore *c) {
  switch (look->state) {
  case LOOK_ENDED:
    local_unwatch(l, a);
    local_report_findings(l, a, &look->findings);
    break;
  case LOOK_RUNNING: running_seen(l, a, look); break;
  case LOOK_DEAD: dead_seen(l, a, look, c); break;
  case LOOK_FENCED:
    local_unwatch(l, a);
    local_report_simple(l, a, REPORT_FENCED, 0, "it was fenced before it started");
    break;
  case LOOK_UNCLAIMED: unclaimed_seen(l, a, c); break;
  case LOOK_MISSING: missing_seen(l, a, look, c); break;
  case LOOK_ELSEWHERE: local_report_unreachable(l, a, look->why); break;
  case LOOK_UNKNOWN: unknown_seen(l, a, look, c); break;
  }
}
