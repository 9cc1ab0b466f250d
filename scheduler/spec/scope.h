/* What an expression can see: the run, its parameters, the matrix values of an instance, the ended tasks. The engine
 * fills it in; everything is borrowed for the time of the call. */
#ifndef ROTA_SPEC_SCOPE_H
#define ROTA_SPEC_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "scheduler/spec/expr/value.h"
#include "scheduler/spec/pipeline.h"

struct scope_run {
  const char *id; /* 26 characters */
  const char *pipeline;
  int64_t number;                                /* of nightly#412 */
  const char *trigger;                           /* "schedule", "manual", ... */
  instant scheduled_for, interval_start;         /* INSTANT_NONE if there is none */
  int64_t date;                                  /* days since the epoch, of scheduled_for in the zone */
  const char *zone;                              /* IANA name */
  int32_t scheduled_offset_s, interval_offset_s; /* of the zone at these instants */
};

struct scope {
  const struct pipeline *pipeline;
  const struct task_spec *task; /* NULL outside of a task */
  struct scope_run run;
  const struct value *params;       /* one for each of pipeline->params; NULL while defaults are resolved */
  const struct value *matrix;       /* one for each of task->matrix; NULL without */
  uint32_t instance;                /* its place within the task, from 0 */
  bool success, failure, cancelled; /* of all that `task` needs, directly or through others; of the run */

  void *ctx;
  /* The state's word of a task as a whole, e.g. "succeeded". */
  const char *(*task_state)(void *ctx, uint32_t task);
  /* An output of a task; a list in matrix order for a matrix task; null if there is none. Of a task that is needed
   * with `same`, expressions and launches see the item of their own instance alone. */
  struct value (*task_output)(void *ctx, uint32_t task, uint32_t output, struct arena *a);
  /* A variable of the configuration's or the account's environment; NULL if it isn't set. */
  const char *(*env)(void *ctx, const char *name);
};

/* Resolves the parameters of a new run: given texts by name first, then the schedule's, then defaults. `out` has room
 * for pipeline->params_len values, in the arena. Every fault is an error in `diags` that names the parameter:
 * unknown, missing, wrong type, out of its bounds, over PARAM_VALUE_MAX. Of two given by one name the later counts.
 * A null is no value but for a json parameter. ERR_INVALID if there was an error. */
#define PARAM_VALUE_MAX (1024 * 1024)
struct param_given {
  const char *name;
  const char *text;   /* as a person wrote it; or NULL and: */
  struct value value; /* a value of some type, from JSON */
};
int params_resolve(const struct scope *s, const struct param_given *given, size_t given_len,
                   const struct schedule_spec *schedule, struct arena *a, struct value *out, struct diag_list *diags);

/* The instances of a task: the product of its axes, the first key slowest. *count is 1 and *values NULL without a
 * matrix; else values[i * matrix_len + k]; an empty axis makes none. ERR_TOO_LARGE over PIPELINE_TASKS_MAX,
 * ERR_INVALID if a value can't be had, is null or stands twice in its axis; both with a message. */
int matrix_expand(const struct scope *s, const struct task_spec *t, struct arena *a, const struct value **values,
                  size_t *count, const char **message);
/* "train" without a matrix, "train[0.1]", "train[0.1,32]". A value over 64 bytes is shown by its beginning and a
 * digest of the whole, controls as '?'. */
const char *instance_label(const struct task_spec *t, const struct value *matrix, struct arena *a);

struct config;
struct config_host;

/* An output as `s->task` sees it: `same` is taken into account. */
struct value scope_output(const struct scope *s, uint32_t task, uint32_t output, struct arena *a);

/* What an attempt needs beyond the scope to become a launch. */
struct launch_inputs {
  const struct scope *scope;
  const struct config *config;
  const char *attempt_id;
  uint32_t instance;         /* as scope->instance */
  int attempt, attempts_max; /* "attempt 2 of 4" */
  const struct launch_slot {
    const char *name;         /* "gpu" */
    const char *const *units; /* the things held: "0", "1" */
    size_t units_len;
  } * slots;
  size_t slots_len;
  bool on_this_machine;
  const struct config_host *host; /* where it runs; NULL: this machine, if on_this_machine, else no `env` of a host */
  /* For `finally`: the run's state so far, and the labels of the failed tasks, comma-separated; else NULL. */
  const char *run_state, *failed_tasks;
};
struct launch;
/* What of the values reaches the environment: parameters, matrix values and the outputs of the tasks that it needs
 * directly, null as an empty text. One over ENV_VALUE_MAX bytes is left out, and while what is left takes more than
 * ENV_TOTAL_MAX with its names, the largest (of equals the later) is. The context has all of them, but no more than
 * CONTEXT_MAX bytes. */
#define ENV_VALUE_MAX (32 * 1024)
#define ENV_TOTAL_MAX (256 * 1024)
#define EXEC_TEXT_MAX (128 * 1024 - 1) /* of one argument or NAME=value: the kernel's limit */
#define EXEC_ARGS_MAX (1024 * 1024)    /* of all arguments */
#define CONTEXT_MAX   (64 * 1024 * 1024)
/* Resolves all that the attempt needs: arguments, environment, directory, time-outs, the context's JSON. ERR_INVALID
 * with a message if an expression fails or a limit is passed: then the task fails with that message and nothing is
 * started. Texts are borrowed from the pipeline, the configuration and the inputs where they can be. On this machine
 * relative paths in `dir`, `path` and `env_file` start at the pipeline's folder and `~/` is env's HOME; on a host
 * they are handed on as they are. LANG, TZ, PATH and their kin are the executor's. */
int launch_build(const struct launch_inputs *in, struct arena *a, struct launch *out, const char **message);

/* A setting's value, or the given default if the template is NULL. ERR_INVALID with a message. Literal text is read
 * as value_parse reads it. */
int setting_duration(const struct template *t, const struct scope *s, struct arena *a, duration fallback,
                     duration *out, const char **message);
int setting_int(const struct template *t, const struct scope *s, struct arena *a, int64_t fallback, int64_t min,
                int64_t max, int64_t *out, const char **message);
int setting_float(const struct template *t, const struct scope *s, struct arena *a, double fallback, double *out,
                  const char **message);
/* NULL in *out if the template is NULL. */
int setting_text(const struct template *t, const struct scope *s, struct arena *a, const char **out,
                 const char **message);

#endif
