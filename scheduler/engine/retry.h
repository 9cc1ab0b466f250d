/* Whether a task is tried again, and when. Two budgets in each round: `max` for what the task itself brought about
 * (its exit status, its time-out, its outputs), `lost` for what the machinery did to it. What never started uses
 * neither. Exit 78 is never retried. */
#ifndef ROTA_ENGINE_RETRY_H
#define ROTA_ENGINE_RETRY_H

#include "scheduler/engine/model.h"

struct retry_policy {
  int64_t max, lost;
  duration delay, cap;
  double factor;
};

#define EXIT_SKIP   99
#define EXIT_CONFIG 78
#define STATUS_NONE (-1) /* it didn't end by an exit status that the policy could look at */

/* ERR_INVALID with a message if one of the settings can't be resolved. */
int retry_policy_of(struct instance *i, struct retry_policy *out, const char **message);
/* min(cap, delay * factor^(n-1)) for the nth retry. */
duration retry_backoff(const struct retry_policy *p, int64_t n);
/* Whether a task that ended like this goes on: then its budget is charged and *delay is set, with jitter from the
 * step's random numbers. */
bool retry_charge(struct instance *i, enum task_state ended, int status, duration *delay);
/* Whether it would be tried again if it were lost now. */
bool retry_lost_left(struct instance *i);
/* The longest that a restored retry may still wait. */
duration retry_longest(struct instance *i);
/* How long to wait before the same attempt is started again: 1 s, 2 s, ... 30 s. */
duration retry_again(int tries);

#endif
