/* The acts of a plan, carried out; and the healing, when all faults are over. */
#ifndef ROTA_TESTS_SIM_ACTS_H
#define ROTA_TESTS_SIM_ACTS_H

#include "tests/sim/world.h"

/* Puts all acts of the plan that aren't left out into the queue. */
void acts_plan(struct world *w);
/* No more faults. */
void acts_heal(struct world *w);
/* Once every client has its answer: what people closed is opened again. */
void acts_reopen(struct world *w);

#endif
