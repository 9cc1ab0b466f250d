/* What a request must know from the rows before it can become an event: whether its idempotency key was answered
 * before, which run it means, and that run's rows. Read on a thread of the loop's pool, through read-only
 * connections. */
#ifndef ROTA_DAEMON_LOOKUP_H
#define ROTA_DAEMON_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/arena.h"
#include "base/digest.h"
#include "scheduler/engine/rows.h"

struct history;

enum lookup_depth { LOOKUP_NO_RUN, LOOKUP_RUN, LOOKUP_RUN_ROWS };

struct lookup {
  /* Asked; the strings are in the arena. */
  const char *idempotency_key; /* NULL without one */
  char body_sha256[SHA256_HEX_SIZE];
  const char *run_ref; /* NULL without one */
  enum lookup_depth depth;
  const char *pipeline; /* with `instant`: it is refused (409) if a run of the pipeline is for it already */
  instant instant;      /* INSTANT_NONE: not asked */

  /* Found. */
  struct arena arena;
  int status;                 /* 0, or the status of an answer that is ready: */
  const char *title, *detail; /* of a problem */
  const char *response;       /* of the stored answer; else NULL */
  size_t response_len;
  struct run_rows rows; /* run and pipeline_name with LOOKUP_RUN; all with LOOKUP_RUN_ROWS if it has ended */
};

/* Blocks on the database. */
void lookup_run(struct lookup *l, struct history *history);
void lookup_release(struct lookup *l);

#endif
