/* What expressions see of the model: struct scope over a run and one of its instances. Valid until the model changes.
 */
#ifndef ROTA_ENGINE_SCOPE_VIEW_H
#define ROTA_ENGINE_SCOPE_VIEW_H

#include "scheduler/engine/model.h"

void scope_of_run(struct live_run *r, struct scope *out);
void scope_of_instance(struct instance *i, struct scope *out);

/* The state of a task as a whole: that of the instance that weighs most, a failure before a success before a skip. */
enum task_state group_state(const struct live_run *r, uint32_t group);

#endif
