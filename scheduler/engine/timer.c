#include "scheduler/engine/timer.h"

static bool before(const void *a, const void *b) {
  const struct timer *x = a, *y = b;
  return x->at != y->at ? x->at < y->at : x->order < y->order;
}

static const struct heap_kind timers = {before, offsetof(struct timer, place)};

void timer_set(struct engine *e, struct timer *t, enum timer_kind kind, duration delay) {
  heap_remove(&e->timers, &timers, t);
  t->kind = kind;
  t->at = delay > INT64_MAX - 1 - e->now.mono ? INT64_MAX - 1 : e->now.mono + delay;
  t->order = e->timer_order++;
  heap_push(&e->timers, &timers, t);
}

void timer_stop(struct engine *e, struct timer *t) {
  heap_remove(&e->timers, &timers, t);
}

bool timer_pending(const struct timer *t) {
  return t->place != 0;
}

struct timer *timer_due(struct engine *e) {
  struct timer *t = heap_top(&e->timers);
  return t && t->at <= e->now.mono ? heap_pop(&e->timers, &timers) : NULL;
}

int64_t timer_next(const struct engine *e) {
  const struct timer *t = heap_top(&e->timers);
  return t ? t->at : INT64_MAX;
}
