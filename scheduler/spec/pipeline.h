/* A validated pipeline: plain, immutable data in one arena, made from YAML text or from its canonical JSON.
 *
 * A setting that may hold an expression is a template; it is literal in most files. Tasks are numbered in the order
 * of the file; `order` lists them so that each comes after all that it needs. A struct pipeline is shared by
 * reference counting, from any thread: pipeline_retain, pipeline_release.
 */
#ifndef ROTA_SPEC_PIPELINE_H
#define ROTA_SPEC_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/instant.h"
#include "base/json.h"
#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/expr/value.h"

#define PIPELINE_TEXT_MAX  (1024 * 1024)
#define PIPELINE_TASKS_MAX 10000 /* in the file, and of instances in a run */
#define PIPELINE_NAME_MAX  128

#define CATCHUP_LIST(X)     X(NONE, "none") X(LAST, "last") X(ALL, "all")
#define OVERLAP_LIST(X)     X(QUEUE, "queue") X(SKIP, "skip") X(CANCEL_RUNNING, "cancel_running") X(ALLOW, "allow")
#define JITTER_LIST(X)      X(FULL, "full") X(NONE, "none")
#define LEFTOVERS_LIST(X)   X(KILL, "kill") X(KEEP, "keep")
#define UNREACHABLE_LIST(X) X(WAIT, "wait") X(RETRY, "retry")

#define X(name, word) CATCHUP_##name,
enum catchup { CATCHUP_LIST(X) };
#undef X
#define X(name, word) OVERLAP_##name,
enum overlap { OVERLAP_LIST(X) };
#undef X
#define X(name, word) JITTER_##name,
enum jitter { JITTER_LIST(X) };
#undef X
#define X(name, word) LEFTOVERS_##name,
enum leftovers { LEFTOVERS_LIST(X) };
#undef X
#define X(name, word) UNREACHABLE_##name,
enum unreachable_then { UNREACHABLE_LIST(X) };
#undef X

struct param_spec {
  const char *name;
  enum value_type type;                 /* an enum is a STRING with `values` */
  enum value_type items;                /* of a LIST; VALUE_STRING by default */
  const struct template *default_value; /* NULL: must be given */
  struct value default_literal;         /* the default as a value where it has no expression; else type VALUE_ANY */
  bool has_min, has_max;
  struct value min, max;     /* INT, FLOAT, DATE, DATETIME, DURATION; for a LIST they bound each item */
  const char *const *values; /* of an enum */
  size_t values_len;
  const char *help;
  struct diag_place place;
};

struct schedule_spec {
  const char *identity; /* its name, else "CRON ZONE" or "every 15m"; unique in the pipeline */
  const char *name;     /* NULL if not named */
  const char *cron;     /* NULL for `every` */
  duration every;       /* 0 for cron */
  const char *zone;     /* IANA name, as written or the daemon's own */
  bool zone_written;
  enum catchup catchup;
  duration catchup_window; /* 0: until the next firing, at most 24 h */
  enum overlap overlap;
  duration jitter;
  bool paused;
  struct schedule_param {
    uint32_t param;
    struct value value;
  } * params;
  size_t params_len;
  struct diag_place place;
};

struct env_spec { /* one step, in order: a pair or a file */
  const char *name;
  const struct template *value;
  const char *file;
};

struct slot_spec {
  const char *name;
  const struct template *amount; /* a whole number from 1 */
};

struct output_spec {
  const char *name;
  enum value_type type, items;
};

struct need_spec {
  uint32_t task;
  bool same; /* pairs the instances of two equal matrices */
};

struct matrix_axis {
  const char *name;
  const struct template *whole; /* a list by expression; NULL if the items are listed */
  const struct template *const *items;
  size_t items_len;
};

struct retry_spec {
  const struct template *max, *delay, *factor, *cap, *lost; /* NULL: the default */
  enum jitter jitter;
  const int *exit_codes, *not_exit_codes;
  size_t exit_codes_len, not_exit_codes_len;
};

struct task_spec {
  const char *name;
  uint32_t index;
  struct diag_place place;
  const char *doc;

  const char *script; /* NULL for the list form */
  size_t script_len;
  const struct template *const *argv; /* the list form */
  size_t argc;
  const char *const *shell; /* program and options; the default is filled in; NULL if `#!` rules */
  size_t shell_len;

  const struct need_spec *needs;
  size_t needs_len;
  const uint64_t *ancestors; /* bit set over tasks: all that it needs, directly or through others */
  const struct expr *when;   /* NULL without one */
  const char *when_source;
  const struct matrix_axis *matrix;
  size_t matrix_len;

  const struct template *on;   /* NULL: local */
  const struct template *dir;  /* NULL: the default of the place */
  const struct template *path; /* NULL: nothing */
  const struct env_spec *env;  /* of defaults, then of the task */
  size_t env_len;
  const struct slot_spec *slots;
  size_t slots_len;
  const struct output_spec *outputs;
  size_t outputs_len;
  struct retry_spec retries;
  const struct template *timeout, *grace, *priority; /* NULL: none, 30s, 0 */
  const struct template *unreachable_after;          /* NULL: never */
  enum unreachable_then unreachable_then;
  bool allow_failure, fail_fast, finally;
  enum leftovers leftovers;
  const struct template *const *send, *const *fetch;
  size_t send_len, fetch_len;
};

struct pipeline {
  struct arena arena;
  _Atomic int refs;
  const char *name;   /* "forecast/nightly" */
  const char *folder; /* absolute folder of the file: the default `dir` of local tasks; "" if unknown */
  const char *description, *owner, *doc;
  const char *const *tags;
  size_t tags_len;
  const struct schedule_spec *schedules;
  size_t schedules_len;
  bool paused; /* `paused: true` in the file */
  const struct param_spec *params;
  size_t params_len;
  const struct env_spec *env;
  size_t env_len;
  const struct template *max_tasks, *timeout, *priority; /* NULL: no limit, none, 0 */
  const struct task_spec *tasks;
  size_t tasks_len;
  const uint32_t *order;   /* tasks, each after all that it needs */
  const uint32_t *by_name; /* tasks, by their names */
};

struct config;

struct pipeline_source {
  const char *name;   /* of the pipeline; NULL takes it from `file` */
  const char *file;   /* for messages; copied */
  const char *folder; /* absolute; may be NULL */
  const char *text;
  size_t len;
  const struct config *config; /* hosts, groups and slots to check against; NULL checks none of these */
  bool local;                  /* every `on` means this machine: unknown hosts are no error */
};

/* Reads YAML. NULL if there is an error in `diags`, which the caller has initialised with the file and the text;
 * warnings may be there beside a pipeline. Bounded in time and memory for any input up to PIPELINE_TEXT_MAX; a longer
 * one is an error before it is looked at. */
struct pipeline *pipeline_read(const struct pipeline_source *source, struct diag_list *diags);

/* The canonical JSON: all that pipeline_from_json needs, defaults filled in, keys in a fixed order. */
void pipeline_json(const struct pipeline *p, struct buf *out);
/* Rebuilds a stored version; lenient where the reader has become stricter since. NULL if it isn't a pipeline. */
struct pipeline *pipeline_from_json(const char *text, size_t len);

struct pipeline *pipeline_retain(struct pipeline *p);
void pipeline_release(struct pipeline *p); /* accepts NULL */

/* The index of a task, parameter or output by name; -1 if there is none. */
int pipeline_task(const struct pipeline *p, const char *name);
int pipeline_param(const struct pipeline *p, const char *name);
int task_output(const struct task_spec *t, const char *name);
bool task_needs(const struct task_spec *t, uint32_t other); /* directly or through others */

/* A canonical text of one task's definition, to tell whether it changed between versions. */
void task_definition_json(const struct pipeline *p, const struct task_spec *t, struct buf *out);
/* Whether the task uses a parameter: by expression, or by its variable's name in its script or arguments. */
bool task_uses_param(const struct pipeline *p, const struct task_spec *t, const char *param);

/* The pipeline's name for a file below `dags`: "forecast/nightly.yaml" -> "forecast/nightly" into out; ERR_INVALID
 * if it can't be one, with *why set to a constant sentence. */
int pipeline_name_from_path(const char *relative, char out[PIPELINE_NAME_MAX + 1], const char **why);
bool pipeline_name_valid(const char *name);
bool task_name_valid(const char *name);

#endif
