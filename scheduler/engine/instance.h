/* A task of a run, or one instance of its matrix: how it is decided, and what its end means for the others. */
#ifndef ROTA_ENGINE_INSTANCE_H
#define ROTA_ENGINE_INSTANCE_H

#include "scheduler/engine/model.h"

/* Moves it by the table of task.h, with a reason for people (copied; may be NULL) and an event. Its end is told to
 * those that need it. */
void instance_move(struct instance *i, enum task_event event, const char *reason);
/* Something that it needs has ended: if that was the last, it is decided whether it runs. */
void instance_consider(struct instance *i);
/* Into the ready queue. */
void instance_ready(struct instance *i);
/* The timer of its retry is over, or was ended by a person. */
void instance_retry_over(struct instance *i);
/* Its attempt ended in this state, and has been closed: it is retried, unless it was told to stop, or ends. `status`
 * is its exit status or STATUS_NONE. */
void instance_ended(struct instance *i, enum task_state state, int status, const char *reason, bool told);
/* Stops it if it runs, cancels it if it waits. */
void instance_cancel(struct instance *i, const char *reason, bool now);

/* Ended in a way that lets those run that need it; in a way that doesn't. Neither if it was skipped. */
bool instance_good(const struct instance *i);
bool instance_bad(const struct instance *i);
/* Whether everything it needs has ended. */
bool instance_free(const struct instance *i);

enum verdict { VERDICT_RUN, VERDICT_BLOCKED, VERDICT_SKIP };
/* What the states of its needs say; *who is the task that stands in the way. */
enum verdict instance_verdict(const struct instance *i, const char **who);
/* Whether a need pairs instances: the two matrices have the same size in this run. */
bool need_pairs(const struct live_run *r, uint32_t task, const struct need_spec *need);

/* By label "train[0.1]", by name (the first that has not ended, else the first), by place "train:1"; NULL. */
struct instance *instance_find(struct live_run *r, const char *text);

#endif
