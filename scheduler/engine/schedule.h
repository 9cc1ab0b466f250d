/* When runs are made by the clock. Every firing of a schedule is decided exactly once, in order: it becomes a run, or
 * is skipped or missed with a reason. `decided` in the schedule's row is how far that has come, so neither a restart
 * nor a jump of the clock repeats one.
 *
 * The newest firing that is due is on time if it is decided at most SCHEDULE_GRACE after it was due; whether any
 * other still runs is for `catchup` to say. Where the jitter is longer than the time to the next firing, that one
 * never starts first: it waits, within its own jitter, for those before it, which are on time with it. Whatever is
 * skipped or missed one after the other for the same reason shares one row.
 */
#ifndef ROTA_ENGINE_SCHEDULE_H
#define ROTA_ENGINE_SCHEDULE_H

#include "scheduler/engine/model.h"

#define SCHEDULE_GRACE       USEC_PER_MIN
#define SCHEDULE_CATCHUP_MAX 1000 /* runs made at once by `catchup: all` */
#define SCHEDULE_RUNS_MAX    1000 /* runs made in a step, after which what is due waits for the next */

/* In force from now on: by its identity, with `spec` of the pipeline in force. */
void schedule_activate(struct schedule *s, const struct schedule_spec *spec);
void schedule_deactivate(struct schedule *s);
/* A schedule that is not known yet; it fires only after now. */
struct schedule *schedule_new(struct entry *entry, const struct schedule_row *row);
void schedule_free(struct schedule *s);
/* Its zone may have changed: what is undecided is planned anew. */
void schedule_plan(struct schedule *s);
/* Decides what is due, of all schedules or of one pipeline: all of it, unless it makes so many runs that the rest is
 * left to the next step, which then follows at once (schedules_next has passed). What was on time when the first of
 * them was left still is when its turn comes. */
void schedules_run(struct engine *e);
void schedules_run_entry(struct engine *e, struct entry *entry);
/* When the next one is due; INSTANT_NONE. */
instant schedules_next(const struct engine *e);
/* The firing before `at` and the zone, for a run by hand: of the pipeline's first schedule. */
instant schedule_interval(const struct entry *entry, instant at);

#endif
