/* A linked run begins with files of the run that it came from: ROTA_WORK, and the ROTA_STATE of the tasks that are
 * kept. Its tasks wait until they were copied. After a restart the copy is decided again: it may be repeated. */
#ifndef ROTA_ENGINE_PREPARE_H
#define ROTA_ENGINE_PREPARE_H

#include "scheduler/engine/model.h"

/* Decides the copy for a run that is being prepared. */
void prepare_begin(struct live_run *r);
void prepare_done(struct engine *e, const struct engine_prepared *ev);
/* For the runs that a restore found waiting. */
void prepare_again(struct engine *e);

#endif
