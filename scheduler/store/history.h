/* What was: the lists, the runs and the counts that people look at, read from connections of its own.
 *
 * Any number of threads may call at once; each call takes a read-only connection out of a pool and gives it back.
 * Calls block on the disk, never on the writer, and are kept short: a list looks at 5,000 rows or for 200 ms at most
 * and then says how far back it came. All rows are plain structs in the caller's arena; a key of 0 or less in `after`
 * begins at the beginning.
 *
 * Functions return 0 or a code of base/err.h: ERR_NOT_FOUND, ERR_INVALID for a cursor that isn't one, ERR_CORRUPT,
 * ERR_IO, ERR_BUSY.
 */
#ifndef ROTA_STORE_HISTORY_H
#define ROTA_STORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "scheduler/engine/rows.h"
#include "scheduler/store/filter.h"

#define HISTORY_LOOK_MAX  5000
#define HISTORY_LIMIT_MAX 500
#define HISTORY_LAST_RUNS 20

struct history;
struct pipeline;

/* The state directory must have been opened by store_open at least once. No connection is made yet. */
struct history *history_new(const char *dir);
void history_free(struct history *h); /* accepts NULL; no call may be under way */
/* Gives back what is kept only to be quick: connections with their pages, definitions. Blocks on closing them. */
void history_rest(struct history *h);

/* ---- runs ---- */

struct history_run {
  struct run_row run;
  const char *pipeline;
  char version_sha256[SHA256_HEX_SIZE];
  const char *linked_from; /* the id of the run that it came from; NULL if none, or if that is gone */
};

/* A reference as people write it: an id, a unique beginning of one, `nightly#412`, `nightly` (its newest run),
 * `nightly@failed` (its newest run in that state). ERR_NOT_FOUND, or ERR_CONFLICT for a beginning that several ids
 * share, with a sentence in `why` that names the candidates. */
int history_find(struct history *h, const char *reference, struct arena *a, struct history_run *out, struct buf *why);
int history_run(struct history *h, int64_t key, struct arena *a, struct history_run *out);

/* The runs round one: ids, NULL where there is none. */
#define HISTORY_CONTINUED_MAX 50
struct history_around {
  const char *previous, *next; /* of its pipeline, by number */
  const char *last_success;    /* the last before it, else the newest after it */
  const char **continued_by;   /* reruns that made a new run, the oldest first */
  size_t continued_len;
};
int history_around(struct history *h, const struct run_row *run, struct arena *a, struct history_around *out);

struct history_page {
  struct history_run *items;
  size_t len;
  const char *next;         /* cursor of the page after; NULL at the end */
  instant searched_back_to; /* the search gave way before the page was full; INSTANT_NONE otherwise */
};
/* Newest first. `after` is NULL or a `next` of an earlier call with the same filter; runs that came in between don't
 * move the page. `now` is for the duration of runs that haven't ended. */
int history_runs(struct history *h, const struct filter *f, const char *after, size_t limit, instant now,
                 struct arena *a, struct history_page *out);
/* How many match, counted up to `most`; *at_least if there may be more. */
int history_count(struct history *h, const struct filter *f, instant now, int64_t most, int64_t *count,
                  bool *at_least);

/* ---- one run ---- */

int history_rounds(struct history *h, int64_t run, struct arena *a, struct round_row **out, size_t *len);
/* Those with an index above `after` (-1: from the first), in order. */
int history_tasks(struct history *h, int64_t run, int64_t after, size_t limit, struct arena *a, struct task_row **out,
                  size_t *len);
/* The attempts made in the run, by task and number, those after (after_task, after_number); (-1, 0) from the first.
 */
int history_attempts(struct history *h, int64_t run, int64_t after_task, int64_t after_number, size_t limit,
                     struct arena *a, struct attempt_row **out, size_t *len);
/* Any attempt by its key, also one of a linked run. */
int history_attempt(struct history *h, int64_t key, struct arena *a, struct attempt_row *out);
/* Of one attempt. */
int history_outputs(struct history *h, int64_t attempt, struct arena *a, struct output_row **out, size_t *len);
/* Of all tasks of a run: of the attempts whose outputs count. */
int history_run_outputs(struct history *h, int64_t run, struct arena *a, struct output_row **out, size_t *len);
int history_events(struct history *h, int64_t run, int64_t after, size_t limit, struct arena *a,
                   struct event_row **out, size_t *len);
/* Events of kind note; the text is the reason. */
int history_notes(struct history *h, int64_t run, struct arena *a, struct event_row **out, size_t *len);

/* All that the engine needs to change a run that has ended. The pipeline is the caller's to release. */
int history_run_rows(struct history *h, const char *run_id, struct arena *a, struct run_rows *out, struct buf *why);

/* ---- pipelines ---- */

struct history_last {
  struct id id;
  int64_t number;
  enum run_state state;
  instant started_at, ended_at;
};
struct history_pipeline {
  struct pipeline_row row;
  char version_sha256[SHA256_HEX_SIZE];        /* "" if none was ever loaded */
  const char *owner, *tags, *description;      /* tags as a JSON array; NULL */
  struct history_last last[HISTORY_LAST_RUNS]; /* newest first */
  size_t last_len;
};
/* The newest runs of a pipeline. */
int history_last(struct history *h, int64_t pipeline, size_t limit, struct arena *a, struct history_last **out,
                 size_t *len);
/* By name, those after `after` (NULL: from the first). */
int history_pipelines(struct history *h, const char *after, size_t limit, struct arena *a,
                      struct history_pipeline **out, size_t *len);
int history_pipeline(struct history *h, const char *name, struct arena *a, struct history_pipeline *out);
/* Newest first, those with a key below `before` (0: from the newest). */
int history_versions(struct history *h, int64_t pipeline, int64_t before, size_t limit, struct arena *a,
                     struct version_row **out, size_t *len);
/* The newest of a pipeline whose sha256 begins with `sha`, of its HISTORY_LIMIT_MAX newest. */
int history_version_named(struct history *h, int64_t pipeline, const char *sha, struct arena *a,
                          struct version_row *out);
int history_version(struct history *h, int64_t key, struct arena *a, struct version_row *out);
/* Its definition, which may be shared with other threads and isn't changed; the caller releases it. NULL if there is
 * no such version or it can't be read. The ones used last are kept. */
struct pipeline *history_spec(struct history *h, int64_t version);
/* Newest first, those due before `before` (INSTANT_NONE: from the newest). */
int history_firings(struct history *h, int64_t pipeline, instant before, size_t limit, struct arena *a,
                    struct firing_row **out, size_t *len);
/* Firings of all pipelines that came to nothing, newest first, of the outcomes that `missed` and `skipped` choose.
 * HISTORY_LOOK_MAX rows are looked at. `after` is NULL or a `next` of an earlier call; ERR_INVALID. */
struct history_unrun {
  struct firing_row row;
  const char *pipeline, *schedule;
  bool run_since; /* there is a run of the first instant all the same */
};
int history_unrun(struct history *h, bool missed, bool skipped, const char *after, size_t limit, struct arena *a,
                  struct history_unrun **out, size_t *len, const char **next);
/* The newest run of a pipeline for an instant: ERR_NOT_FOUND if there is none. */
int history_run_of(struct history *h, const char *pipeline, instant scheduled_for, struct arena *a,
                   struct history_run *out);
/* Events that belong to no run, newest first; pipeline 0 for those of none. */
int history_pipeline_events(struct history *h, int64_t pipeline, int64_t before, size_t limit, struct arena *a,
                            struct event_row **out, size_t *len);

/* ---- the grid: tasks by runs, as little as its cells need ---- */

#define HISTORY_GRID_RUNS 100

struct history_grid_task {
  const char *name, *label;
};
struct history_grid_run {
  int64_t key, number, version;
  struct id id;
  enum run_state state;
  enum trigger trigger;
  instant scheduled_for, created_at, started_at, ended_at;
  char version_sha256[SHA256_HEX_SIZE];
  const char *cells; /* a letter for each task of the grid: see history_cell */
};
struct history_grid {
  struct history_grid_task *tasks; /* of all its runs, in the order of their files, the newest first */
  struct history_grid_run *runs;   /* newest first */
  size_t tasks_len, runs_len;
};
/* The runs below the number `before` (0: from the newest), HISTORY_GRID_RUNS at most. */
int history_grid(struct history *h, int64_t pipeline, int64_t before, size_t limit, struct arena *a,
                 struct history_grid *out);
/* The letter of a state in a grid: "wtrpusfolckb" for the states in order, in upper case if there was more than one
 * attempt; '.' is a task that the run doesn't have. */
char history_cell(enum task_state state, int64_t attempts);

/* What of each instance a graph needs, in the order of their index. */
struct history_span {
  const char *name;
  enum task_state state;
  instant started_at, ended_at;
};
int history_spans(struct history *h, int64_t run, struct arena *a, struct history_span **out, size_t *len);

/* When the newest run that succeeded did, and which of the newest of each end was the last and how; INSTANT_NONE:
 * none did. Three rows are read, however many runs there are. */
struct history_ends {
  instant succeeded_at, ended_at;
  enum run_state state;
};
int history_ends(struct history *h, int64_t pipeline, struct history_ends *out);

/* The median of how long the last HISTORY_USUAL_RUNS successes of a pipeline took; -1 if there is none. */
#define HISTORY_USUAL_RUNS 9
int history_usual(struct history *h, int64_t pipeline, duration *out);
/* The recent durations of each task of a pipeline that ever succeeded. */
int history_stats(struct history *h, int64_t pipeline, struct arena *a, struct stat_row **out, size_t *len);

/* ---- what needs attention ---- */

#define HISTORY_ATTENTION_LOOK 200 /* failed runs and firings that are looked at, the newest */
#define HISTORY_ATTENTION_MAX  100

/* A run that failed, with the first of its tasks that did. One that a later success of its pipeline mended, or that a
 * note acknowledged after its end, is none. */
struct history_failure {
  int64_t key, number;
  struct id id;
  const char *pipeline, *reason; /* of the run */
  instant ended_at;
  const char *label, *task; /* NULL if no task failed: then the rest is unknown too */
  enum task_state state;
  const char *why, *host; /* NULL if unknown */
  int64_t exit_code;      /* -1 unknown */
  int64_t signal;         /* 0 none */
  struct id attempt;      /* "" if there is none */
};
int history_failures(struct history *h, instant since, struct arena *a, struct history_failure **out, size_t *len);

/* A firing, or several in a row, for which nothing ran: not one after which its pipeline succeeded, that a note on
 * the pipeline acknowledged, or that a run was made for since. */
struct history_missed {
  struct firing_row row;
  const char *pipeline, *schedule;
};
int history_missed(struct history *h, instant since, struct arena *a, struct history_missed **out, size_t *len);

/* ---- hosts ---- */

/* Every host of which something was said, by name; also ones that are configured no more. */
int history_hosts(struct history *h, struct arena *a, struct host_row **out, size_t *len);
/* ERR_NOT_FOUND if nothing was said of it yet. */
int history_host(struct history *h, const char *host, struct arena *a, struct host_row *out);
/* Newest first, HISTORY_LIMIT_MAX at most; host NULL: of all hosts. */
int history_boots(struct history *h, const char *host, struct arena *a, struct host_boot_row **out, size_t *len);
/* The facts in force at an instant; if none were known so early, the first that were. ERR_NOT_FOUND without any. */
int history_boot_at(struct history *h, const char *host, instant at, struct arena *a, struct host_boot_row *out);
/* What may be left of attempts that were given up there, the oldest first; host NULL: of all hosts. */
int history_remnants(struct history *h, const char *host, struct arena *a, struct remnant_row **out, size_t *len);
/* Its changes of contact and order, and what became of tasks because of them; newest first, those with a key below
 * `before` (0: from the newest). */
int history_host_events(struct history *h, const char *host, int64_t before, size_t limit, struct arena *a,
                        struct event_row **out, size_t *len);
/* Attempts there that failed, timed out or were lost, of all pipelines, the last to end first. Not
 * those that were lost before they started, nor those of runs that retention took away. */
struct history_host_failure {
  struct attempt_row attempt; /* with its label */
  const char *pipeline;
  int64_t number; /* of the run */
  struct id run_id;
};
int history_host_failures(struct history *h, const char *host, size_t limit, struct arena *a,
                          struct history_host_failure **out, size_t *len);

/* ---- the rest ---- */

/* Hours as since the epoch, both included; by hour. */
int history_hourly(struct history *h, int64_t from, int64_t to, struct arena *a, struct hourly_row **out,
                   size_t *len);

/* Days as since the epoch, both included; pipeline 0 for all. By day. */
int history_daily(struct history *h, int64_t from, int64_t to, int64_t pipeline, struct arena *a,
                  struct daily_row **out, size_t *len);

struct history_audit {
  int64_t key;
  struct audit_row row;
};
struct history_audit_filter { /* NULL takes any */
  const char *actor;          /* the name or the id of who did it */
  const char *action;
};
/* Newest first, those with a key below `before` (0: from the newest). HISTORY_LOOK_MAX rows are looked at; *next is
 * the `before` of the next page, 0 at the end. `f` may be NULL. */
int history_audit(struct history *h, const struct history_audit_filter *f, int64_t before, size_t limit,
                  struct arena *a, struct history_audit **out, size_t *len, int64_t *next);

#define HISTORY_REQUEST_KEPT (7 * USEC_PER_DAY)
/* The stored answer to an Idempotency-Key: ERR_NOT_FOUND if there is none or it is over 7 days old; ERR_CONFLICT if
 * it was given to another body, with *out filled all the same. */
int history_request(struct history *h, const char *key, const char *body_sha256, instant now, struct arena *a,
                    struct request_row *out);

/* Ids of runs that retention took away and whose directories may still be there (retention_swept takes them off). */
int history_removed(struct history *h, size_t limit, struct arena *a, struct id **out, size_t *len);

#endif
