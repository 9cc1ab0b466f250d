/* Attempts: one try of a task at a place, from the row that says it shall be started to its end. Only live ones are
 * in the tables of the engine; ended ones stay with their run, so that the commit of their work tree can still be
 * entered, until the run leaves memory. */
#ifndef ROTA_ENGINE_ATTEMPT_H
#define ROTA_ENGINE_ATTEMPT_H

#include "scheduler/engine/model.h"

/* Makes the attempt, takes its slots and decides its START. ERR_INVALID with a message in the scratch arena, and
 * nothing has happened, if its launch can't be built. */
int attempt_begin(struct instance *i, struct host *host, const struct demand *demands, size_t len,
                  const char **message);
/* Enters a live attempt that rows told of. */
struct attempt *attempt_restore(struct instance *i, const struct attempt_row *row);
/* Decides its START once more, for the same id. */
int attempt_send(struct attempt *a, const char **message);
/* Decides its FENCE: FENCED, or STARTED if somebody has claimed it, is reported. */
void attempt_fence(struct attempt *a);
/* It has run, or may have: what it keeps in ROTA_STATE is on its host. */
void attempt_ran(struct attempt *a);
/* Asks it to end. `now`: without its grace. */
void attempt_stop(struct attempt *a, const char *reason, bool now);
/* It has ended in that state: gives back what it held. The instance is told by the caller. */
void attempt_close(struct attempt *a, enum task_state state, const char *reason);
/* An attempt that never ran, to which the outputs of a task belong that a person marked. */
int64_t attempt_of_mark(struct instance *i, const char *reason);
/* The commit of the work tree in `dir`. */
void attempt_code(struct attempt *a, const char *dir, const char *commit, int dirty);
/* Between TERM and KILL. */
duration attempt_grace(struct attempt *a, struct arena *arena);
void attempt_free(struct attempt *a);

#endif
