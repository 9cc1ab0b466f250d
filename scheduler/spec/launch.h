/* What is to be run for one attempt, resolved to the last value: the plain data that the engine decides and an
 * executor carries out. Nothing in it is interpreted again: values are values, never code.
 *
 * What belongs to the place is left to the executor: the attempt's directory, HOME and its kin, the paths in
 * ROTA_DIR, ROTA_WORK, ROTA_STATE, ROTA_CONTEXT and the result files. All strings belong to whoever made the launch
 * and live as long as it does; an executor that needs them longer copies (launch_copy).
 */
#ifndef ROTA_SPEC_LAUNCH_H
#define ROTA_SPEC_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/instant.h"

/* One step in building the environment, in order; a later name wins over an earlier one. */
struct launch_env {
  const char *name, *value; /* both NULL for a file */
  const char *file;         /* NAME=value lines, read where the task runs when it starts; NULL for a pair */
};

/* A file or folder that goes with the task: a path below ROTA_WORK, without "..", and where it is looked for. */
#define LAUNCH_FILES_MAX 10000 /* that come from tasks that are needed */
struct launch_file {
  const char *path;
  bool optional; /* fetched by a task that this one needs: sent along if it is there */
};

struct launch {
  const char *run_id, *attempt_id; /* 26 characters each */
  const char *state_key;           /* names the directory of ROTA_STATE within the run: "train.3" */
  const char *label;               /* "nightly#412/train[0.1] attempt 2", for the process list and messages */

  const char *const *argv; /* the program and its arguments; with a script, the shell and its options */
  size_t argc;             /* 0 with a script: the script's own first line says what runs it */
  const char *script;      /* written to a file that is handed over as the last argument; NULL without one */
  size_t script_len;

  const char *dir;  /* working directory; NULL means the run's ROTA_WORK, below which a relative one lies on a host */
  const char *path; /* put in front of PATH, "a:b"; NULL for nothing */
  const char *zone; /* IANA name for TZ */
  const struct launch_env *env;
  size_t env_len;
  const char *context; /* the JSON text of ROTA_CONTEXT */
  size_t context_len;

  const struct launch_file
      *send;              /* to a host's ROTA_WORK before it starts; from the run's ROTA_WORK here, else from */
  size_t send_len;        /* `source_dir` */
  const char *source_dir; /* the folder of the pipeline's file; NULL for none */
  const struct launch_file *fetch; /* back from there after it has succeeded, into the run's ROTA_WORK here */
  size_t fetch_len;

  const char *state_from; /* on a host: ids of runs with a blank between; the ROTA_STATE of this key of the first that
                             has one is copied if there is none yet; or NULL */
  bool fresh_state;       /* ROTA_STATE is emptied before this attempt's first start */
  duration timeout;       /* 0 for none; counts from started */
  duration grace;         /* between TERM and KILL */
  bool keep_leftovers;    /* processes that outlive the task's own are left alone */
  uint64_t log_cap;       /* bytes kept of the log */
};

/* A deep copy into the arena. */
struct launch *launch_copy(struct arena *a, const struct launch *from);

#endif
