/* What executors say about attempts. A report about an attempt that isn't live is late or a duplicate: the first end
 * that was recorded stands, and the report is dropped. */
#ifndef ROTA_ENGINE_REPORT_H
#define ROTA_ENGINE_REPORT_H

#include "scheduler/engine/model.h"

void report_take(struct engine *e, const struct engine_report *r);
/* The delay after which the same attempt is started again is over. */
void report_again(struct attempt *a);
/* Its host has been silent for as long as the task's `unreachable: {after}` says: with `then: retry` it is given up.
 */
void report_silent(struct attempt *a);
/* A restored attempt whose host was silent: the rest of that time is measured anew. */
void report_resume(struct attempt *a);
/* The attempt and its task end together, in that state unless the task is tried again. */
void report_end(struct attempt *a, enum task_state state, int status, const char *reason);
/* It never ran and never can: another attempt may, and no budget is used. */
void report_fenced(struct attempt *a, const char *reason);

/* Writes the outputs down as rows of that attempt, and makes the declared ones those of the instance. */
struct output_value;
void outputs_keep(struct instance *i, int64_t attempt, const struct output_value *values, size_t len, bool count);

#endif
