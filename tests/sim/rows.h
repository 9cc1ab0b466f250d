/* The rows that are durable, as plain arrays: what the store would have on the disk after each commit. It is the disk
 * of the fast simulation, and the book that SQLite's answers are compared with.
 *
 * Keys rise over all tables, so one array finds any row. Texts are kept in one arena until the end of the seed.
 */
#ifndef ROTA_TESTS_SIM_ROWS_H
#define ROTA_TESTS_SIM_ROWS_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"

struct row_attempt {
  struct attempt_row row;
  uint32_t asked; /* the life of the daemon that decided its start: check_waits.c */
  VEC(struct output_row) outputs;
};

struct row_run {
  struct run_row row;
  VEC(struct task_row) tasks; /* by index */
  VEC(struct round_row) rounds;
  VEC(struct row_attempt *) attempts;
  uint64_t written; /* rows that were put before its own was last */
};

struct row_schedule {
  struct schedule_row row;
  const struct firing_row *last; /* of its firings the one for the latest instant */
};

struct rows {
  struct arena arena;
  VEC(void *) by_key;
  VEC(struct pipeline_row *) pipelines;
  VEC(struct version_row *) versions;
  VEC(struct row_schedule *) schedules;
  VEC(struct row_run *) runs;
  VEC(struct row_attempt *) attempts;
  VEC(struct audit_row) audits;
  VEC(struct event_row) notes; /* events of kinds note and mark */
  VEC(struct host_row *) hosts;
  VEC(struct remnant_row) remnants;
  VEC(struct stat_row *) stats;
  struct map runs_by_id, attempts_by_id, requests, stats_by_name, specs;
  struct pause_row pause;
  int64_t max_key;
  uint64_t puts;
  int64_t ends_counted; /* by the daily counts */
};

void rows_init(struct rows *r);
void rows_release(struct rows *r);
void rows_put(struct rows *r, const struct change *c);

struct row_run *rows_run(const struct rows *r, const char *id);
struct row_run *rows_run_key(const struct rows *r, int64_t key);
struct row_attempt *rows_attempt(const struct rows *r, const char *id);
struct row_attempt *rows_attempt_key(const struct rows *r, int64_t key);
struct pipeline_row *rows_pipeline(const struct rows *r, int64_t key);
const struct request_row *rows_request(const struct rows *r, const char *key);
const struct host_row *rows_host(const struct rows *r, const char *name);
/* The definition of a version, kept until the end. NULL if it can't be read. */
struct pipeline *rows_spec(struct rows *r, int64_t version);

/* All that the engine needs to change a run; the pipeline is borrowed from `r`. */
void rows_of_run(struct rows *r, const struct row_run *run, struct arena *a, struct run_rows *out);
/* What engine_restore wants, in the arena; the pipelines are borrowed from `r`. */
void rows_state(struct rows *r, struct arena *a, struct engine_state *out);

#endif
