/* Makes the plan of a failing seed smaller, as long as the seed fails: acts are left out, in halves, quarters and so
 * on one by one; the time is shortened; what is left of the faults' limits is made harmless. */
#ifndef ROTA_TESTS_SIM_SHRINK_H
#define ROTA_TESTS_SIM_SHRINK_H

#include "tests/sim/plan.h"

/* Whether the seed fails with that plan. */
typedef bool shrink_fails_fn(void *ctx, const struct plan *plan);

/* Tries at most so many times. Returns the number of acts that are left. */
size_t shrink(struct plan *plan, int tries, shrink_fails_fn *fails, void *ctx);

#endif
