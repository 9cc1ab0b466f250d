/* A live run, from its making to its end.
 *
 *   run_prepare -> run_admit -> (queued) -> run_go -> ... -> run_end -> freed at the beginning of the next step
 *
 * A run that had ended is made again from its rows (restore.h) and goes through run_open_round instead.
 */
#ifndef ROTA_ENGINE_RUN_H
#define ROTA_ENGINE_RUN_H

#include "scheduler/engine/model.h"

struct run_order {
  struct pipeline *spec;
  int64_t version;
  enum trigger trigger;
  struct actor actor;
  instant scheduled_for, interval_start;
  const char *zone;
  int64_t schedule;                          /* key; 0 by hand */
  const struct schedule_spec *schedule_spec; /* for its params; may be NULL */
  const struct param_given *params;
  size_t params_len;
  int64_t linked_from;
  const char *linked_from_id;
  bool fresh; /* doesn't queue */
};

/* ---- making (run_build.c) ---- */

/* Resolves the parameters and makes all instances; nothing else changes. NULL if it can't be: then *message says why,
 * in the scratch arena. */
struct live_run *run_prepare(struct engine *e, struct entry *entry, const struct run_order *order,
                             const char **message);
/* A run that failed before it had tasks: a firing whose parameters don't resolve still ends as a run. */
struct live_run *run_stillborn(struct engine *e, struct entry *entry, const struct run_order *order);
/* A run without instances over a row, whose texts are copied; not in the tables. */
struct live_run *run_new(struct engine *e, struct entry *entry, struct pipeline *spec, const struct run_row *row);
/* Makes groups, instances and graph; the parameters are there. ERR_INVALID or ERR_TOO_LARGE with a message. */
int run_expand(struct live_run *r, const char **message);
/* Derives all counters from the states. */
void run_count(struct live_run *r);
/* Into the tables. */
void run_enter(struct live_run *r);
/* Not (or not any more) in the tables. */
void run_free(struct live_run *r);

/* ---- living (run.c) ---- */

/* Gives it its keys and number and enters it; queued behind a live one if `queue`, else it goes. */
void run_admit(struct live_run *r, bool queue);
/* The same for one that ends at once, without tasks. */
void run_admit_failed(struct live_run *r, const char *reason);
/* Queued or new -> running. */
void run_go(struct live_run *r);
/* Looks at every instance that waits and may be decided. */
void run_release(struct live_run *r);
/* The live run behind which a new one would wait: the newest; NULL if there is none. */
struct live_run *run_ahead(const struct entry *entry);
/* The live run for an instant; NULL if there is none. */
struct live_run *run_of_instant(const struct entry *entry, instant scheduled_for);
void run_note_end(struct live_run *r, struct instance *i);
void run_check_end(struct live_run *r);
void run_end(struct live_run *r, enum run_state state, const char *reason);
/* Stops what runs and cancels what waits, but for `finally` tasks; a second time these too, and without grace. */
void run_cancel(struct live_run *r, const char *reason);
void run_timed_out(struct live_run *r);
/* The state it would end in as things stand. */
enum run_state run_outcome(const struct live_run *r);
/* Labels of failed tasks, comma-separated, in the arena. */
const char *run_failed_labels(const struct live_run *r, struct arena *a);
/* "nightly#412" in the arena. */
const char *run_name(const struct live_run *r, struct arena *a);
/* A task was given up and is started again while its first attempt may be alive on that host: the run says so. */
void run_twice(struct instance *i, const struct host *h);
/* A new round over an ended run whose instances have their new states already. */
void run_open_round(struct live_run *r, const char *scope, const struct actor *actor);
/* No run of the pipeline runs: the first that is queued may go. */
void entry_advance(struct entry *entry);

/* A zone by name; NULL if it can't be had. */
const struct zone *engine_zone(const struct engine *e, const char *name);
/* The median of a task's recent durations in ms; 1000 where none is known. */
int64_t stat_median(const struct entry *entry, const char *task);
void stat_add(struct engine *e, struct entry *entry, const char *task, duration took);

#endif
