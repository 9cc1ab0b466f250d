/* A run made again from its rows: at a start for the unfinished ones, later for one that a person reruns or marks. */
#ifndef ROTA_ENGINE_RESTORE_H
#define ROTA_ENGINE_RESTORE_H

#include "scheduler/engine/model.h"

/* With its states, outputs and counters, not in the tables, no attempt live. NULL with a message in the scratch arena
 * if the rows don't fit the pipeline. */
struct live_run *run_from_rows(struct engine *e, struct entry *entry, const struct run_rows *rows,
                               const char **message);

#endif
