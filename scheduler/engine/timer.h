/* Timers on the monotonic clock. Each is a member of the thing that it wakes; what is to be done then, engine.c
 * knows by its kind. */
#ifndef ROTA_ENGINE_TIMER_H
#define ROTA_ENGINE_TIMER_H

#include "scheduler/engine/model.h"

/* Sets it, or sets it anew, `delay` microseconds from now. */
void timer_set(struct engine *e, struct timer *t, enum timer_kind kind, duration delay);
void timer_stop(struct engine *e, struct timer *t);
bool timer_pending(const struct timer *t);
/* Takes out the first timer that is due; NULL if none is. */
struct timer *timer_due(struct engine *e);
/* When the first one is due; INT64_MAX if there is none. */
int64_t timer_next(const struct engine *e);

#define timer_owner(t, type, member) ((type *)(void *)((char *)(t)-offsetof(type, member)))

#endif
