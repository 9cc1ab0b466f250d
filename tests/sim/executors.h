/* The places at which attempts run, as they really are: this machine and two hosts. What a process did stands here
 * and nowhere in the engine or in the rows; the checker compares them.
 *
 * Of each attempt there are two sides. The truth: was it claimed, does it run, how did it end. And what this life of
 * the daemon has in hand of it: what it was told, what it asked. The second dies with the daemon and is gathered
 * again by adoption. A place fulfils worker/executor.h: reports about one attempt come in order, and starting is
 * idempotent.
 */
#ifndef ROTA_TESTS_SIM_EXECUTORS_H
#define ROTA_TESTS_SIM_EXECUTORS_H

#include "base/map.h"
#include "tests/sim/world.h"

#define PLACES 3 /* local, h1, h2 */

enum proc_state {
  PROC_UNCLAIMED, /* nobody has it yet */
  PROC_RUNNING,
  PROC_ENDED,  /* by itself or stopped: its result is kept at the place */
  PROC_LOST,   /* gone without a result */
  PROC_FENCED, /* it never ran and never can */
};

struct place;

struct proc {
  char id[ID_LEN + 1], run_id[ID_LEN + 1];
  const char *label; /* "nightly#4/train attempt 2" */
  struct place *place;

  /* The truth. */
  enum proc_state state;
  enum engine_end end;
  int status;
  instant started_at, ended_at; /* by the clock of the place */
  int64_t began, over_at;       /* true time */
  int claims;                   /* processes that were ever made of it: at most one */
  bool cleared;                 /* the place saw to it that nothing of it is alive */
  bool stopping, killed;
  bool slow;     /* a supervisor of a daemon that died is on its way to the claim */
  uint32_t ends; /* counts the plans for its end: only the newest counts */
  bool output, bad_output;

  /* As the launch says. */
  duration timeout, grace;

  /* What this life of the daemon has in hand. */
  uint32_t known;    /* the life that knows it */
  uint32_t doubtful; /* the life that found nothing of it, though a former one may have sent it */
  bool over;         /* its last report was sent */
  bool told_started, told_unreachable, stop_wanted, fence_wanted, adopting, clearing;
  int64_t reported_at; /* reports come in order */
};

struct place {
  const char *name;
  bool remote;
  /* The truth. */
  bool up; /* the link, or the machine at its other end */
  int64_t down_until, no_room_until;
  int boots;
  duration clock_off; /* its clock is that much wrong */
  /* The daemon's side: what was told of its contact in this life. */
  enum host_contact told;
  uint32_t told_life, told_changes;
  uint32_t changes; /* of the link: what was under way over a former one is lost */
  bool configured;
};

struct executors {
  struct world *w;
  struct dice dice;
  struct place places[PLACES];
  struct map by_id;
  VEC(struct proc *) procs;
};

struct executors *executors_new(struct world *w);
void executors_free(struct executors *x);

struct place *place_find(struct executors *x, const char *name);
struct proc *proc_find(const struct executors *x, const char *id);

/* ---- what the daemon asks ---- */

void executors_start(struct executors *x, const struct decision_start *d);
void executors_fence(struct executors *x, const struct decision_fence *d);
void executors_stop(struct executors *x, const char *host, const char *attempt_id, bool now);
void executors_clear(struct executors *x, const char *host, const char *run_id, const char *attempt_id);
void executors_prepare(struct executors *x, const char *run_id);
/* True if a report will follow. */
bool executors_adopt(struct executors *x, const struct engine_live *live);
/* The daemon has begun a new life: it tries to connect. */
void executors_connect(struct executors *x);
/* Hosts that the configuration has no more are let go of; those that are back are taken up. */
void executors_configure(struct executors *x, const struct config *config);

/* ---- what fate does ---- */

void executors_link_down(struct executors *x, struct place *p, int64_t until);
void executors_reboot(struct executors *x, struct place *p, int64_t until);
void executors_power_lost(struct executors *x);
void executors_supervisor_killed(struct executors *x, int64_t nth);
void executors_no_room(struct executors *x, struct place *p, int64_t until);
/* Everything answers from now on. */
void executors_heal(struct executors *x);

size_t executors_running(const struct executors *x);

#endif
