/* What executors say about attempts. A report about an attempt that isn't live is late or a duplicate: the first end
 * that was recorded stands, and the report is dropped. */
#ifndef ROTA_ENGINE_REPORT_H
#define ROTA_ENGINE_REPORT_H

#include "scheduler/engine/model.h"

void report_take(struct engine *e, const struct engine_report *r);
/* The delay after which the same attempt is started again is over. */
void report_again(struct attempt *a);
/* Its host has been silent for as long as the task allows. */
void report_silent(struct attempt *a);

/* Writes the outputs down as rows of that attempt, and makes the declared ones those of the instance. */
struct output_value;
void outputs_keep(struct instance *i, int64_t attempt, const struct output_value *values, size_t len, bool count);

#endif
