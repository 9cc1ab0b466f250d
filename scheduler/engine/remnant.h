/* Remnants: attempts that the engine has given up while they may be alive on their host. Each is a row, and a CLEAR
 * that is decided at once and again after every start, until its host reports that nothing is left. Till then nothing
 * starts on that host.
 */
#ifndef ROTA_ENGINE_REMNANT_H
#define ROTA_ENGINE_REMNANT_H

#include "scheduler/engine/model.h"

/* Gives up a live attempt: it becomes a remnant and ends, as cancelled if it was told to stop, else as lost, with the
 * retry that its task allows. `unsure`: nobody said that it is dead. One that is known to have no process just ends.
 */
void attempt_give_up(struct attempt *a, const char *reason, bool unsure);
/* Nothing of it is left. */
void remnant_cleared(struct engine *e, const char *attempt_id);
/* Those of a host are waited for no longer, since somebody knows that its machine won't come back. How many they
 * were. */
size_t remnants_drop(struct engine *e, const struct host *h);
void remnant_restore(struct engine *e, const struct remnant_row *row);
/* The first of a host, which has some. */
const struct remnant *remnant_first(const struct engine *e, const struct host *h);
/* A remnant of that task of which nobody said that it is dead; NULL if there is none. */
const struct remnant *remnant_of(const struct engine *e, const struct instance *i);
/* CLEAR once more for all of them: their hosts may have come back into the configuration. */
void remnants_again(struct engine *e);
void remnants_release(struct engine *e);

#endif
