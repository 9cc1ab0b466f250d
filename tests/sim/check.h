/* The parts of the checker, by what they look at. Internal to it. */
#ifndef ROTA_TESTS_SIM_CHECK_H
#define ROTA_TESTS_SIM_CHECK_H

#include "base/map.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"
#include "tests/sim/executors.h"
#include "tests/sim/ledger.h"
#include "tests/sim/world.h"
#include "tests/sim/zones.h"

#define SAMPLE 32 /* every so many steps what costs much is looked at */

struct request;
struct schedule_book;

struct group_span {
  uint32_t first, count;
};

/* A task that waits for its next try. The delay counts on the monotonic clock of one life; later lives may cut it. */
struct delay {
  instant not_before;
  int64_t until, round, charged;
  uint32_t life;
};

/* What the checker knows of a run beside its rows. */
struct run_book {
  int64_t key;
  struct row_run *run;
  struct pipeline *spec;
  struct group_span *groups;      /* the instances of each task of the spec */
  const struct task_spec **tasks; /* of each instance */
  VEC(struct delay) delays;       /* of each instance: check_waits.c */
  int64_t live;
  bool touched;
  int64_t running_since; /* by the monotonic clock, in this life of the daemon */
};

struct checker {
  struct world *w;
  const struct engine *engine;
  const struct config *config; /* in force in the engine */
  struct arena arena;
  VEC(struct run_book *) books, books_by_key;
  struct map units; /* "host slot unit" -> the attempt that holds it */
  VEC(struct run_book *) touched;
  VEC(int64_t) fresh, over; /* attempts that this commit began, that it ended */
  VEC(const struct request *) acks;
  /* Schedules by key, those of this commit, and the firings that it decided: check_firings.c. */
  struct map schedules;
  VEC(struct schedule_book *) due;
  VEC(struct firing_row *) firings;
  bool hurried;                         /* somebody asked in this step for what else would wait */
  struct zone_view zones, zones_before; /* as the daemon knew them in this step, and in the one before */
  struct moment stepped_at;             /* the last step, and when it wants to be woken */
  instant wake_wall;
  int64_t host_live[PLACES];
  int64_t ends, attempts;
  int64_t steps, life_steps;         /* of this life of the daemon */
  enum host_contact contact[PLACES]; /* as this life was told */
};

struct run_book *book_of(struct checker *c, int64_t run);
static inline const struct task_spec *book_task(const struct run_book *b, const struct task_row *t) {
  return b->tasks[t->index];
}
int64_t setting_of(const struct template *t, int64_t fallback);

/* check_attempts.c: starts and ends */
void check_attempt_row(struct checker *c, const struct attempt_row *now);
void check_fresh(struct checker *c, int64_t key);
void check_over_for_good(struct checker *c, int64_t key);
void check_units(struct checker *c);
/* check_runs.c: states of runs and tasks */
void check_run_row(struct checker *c, const struct run_row *now);
void check_task_row(struct checker *c, const struct task_row *now);
void check_run(struct checker *c, struct run_book *b);
void check_deadlines(struct checker *c);
/* check_firings.c: every instant of every schedule is decided once */
void check_schedule_row(struct checker *c, const struct schedule_row *now);
void check_firing_row(struct checker *c, const struct firing_row *now);
void check_firings(struct checker *c);
void check_due(struct checker *c);
/* check_model.c: the engine's memory against the rows */
void check_model(struct checker *c);
/* check_promises.c: what clients were told */
void check_told(struct checker *c, const struct request *q);
void check_promises(struct checker *c);
/* check_waits.c: what has to wait does, and no longer */
void check_delay_row(struct checker *c, const struct task_row *now);
void check_last(struct checker *c, const struct run_book *b, const struct task_row *t);
void check_told_to_stop(struct checker *c, const struct run_book *b);
void check_outputs(struct checker *c, const struct run_book *b);
void check_asked_once(struct checker *c, struct row_attempt *a);
void check_report(struct checker *c, const struct engine_report *r);
/* check_truth.c: the rows against what processes did */
void check_end_true(struct checker *c, const struct attempt_row *now);
void check_all_told(struct checker *c);

#endif
