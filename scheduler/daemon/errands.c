#include "scheduler/daemon/errands.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/alloc.h"

#define TICK_MAX   USEC_PER_SEC
#define TICKS_LATE 2 /* after a suspend the thread has one to come back in */

struct errands {
  struct errands_options o;
  uv_timer_t timer;
  uv_async_t async;
  int open; /* handles */

  uv_mutex_t lock;
  uv_cond_t news, parted;
  /* Under the lock. */
  struct errand *todo, **todo_tail;
  struct errand *current; /* on the thread */
  struct errand *back, **back_tail;
  int64_t alive_at;               /* monotonic: the last sign of life */
  bool quitting, ended, given_up; /* given_up: the current one is overdue */

  /* Loop thread only. */
  bool started, joined;
  pthread_t thread;
  int ticks_late;
};

/* ---- the thread ---- */

static void put_back(struct errands *es, struct errand *e) {
  e->next = NULL;
  *es->back_tail = e;
  es->back_tail = &e->next;
}

static struct errand *take(struct errands *es) {
  struct errand *e = es->todo;
  if (e) es->todo = e->next;
  if (!es->todo) es->todo_tail = &es->todo;
  return e;
}

static void *thread_main(void *arg) {
  struct errands *es = arg;
  uv_mutex_lock(&es->lock);
  for (;;) {
    struct errand *e = take(es);
    if (!e && es->quitting) break;
    if (!e) {
      uv_cond_wait(&es->news, &es->lock);
      continue;
    }
    es->current = e;
    es->alive_at = clock_monotonic();
    uv_mutex_unlock(&es->lock);
    e->run(e);
    uv_mutex_lock(&es->lock);
    es->current = NULL;
    es->given_up = false;
    put_back(es, e);
    if (!es->quitting) uv_async_send(&es->async);
  }
  es->ended = true;
  uv_cond_signal(&es->parted);
  uv_mutex_unlock(&es->lock);
  return NULL;
}

static bool start(struct errands *es) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  es->started = pthread_create(&es->thread, NULL, thread_main, es) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return es->started;
}

bool errand_goes_on(struct errand *e) {
  struct errands *es = e->errands;
  uv_mutex_lock(&es->lock);
  es->alive_at = clock_monotonic();
  bool goes_on = !es->quitting && !es->given_up;
  uv_mutex_unlock(&es->lock);
  return goes_on;
}

/* ---- the loop ---- */

/* Told without the lock: the owner may submit another. */
static void tell_back(struct errands *es) {
  uv_mutex_lock(&es->lock);
  struct errand *e = es->back;
  es->back = NULL;
  es->back_tail = &es->back;
  bool hangs = es->given_up, rests = !es->current && !es->todo;
  uv_mutex_unlock(&es->lock);
  if (!hangs) *es->o.overdue = INSTANT_NONE;
  if (rests && es->open) uv_timer_stop(&es->timer);
  while (e) {
    struct errand *next = e->next;
    e->end(e, ERRAND_DONE);
    e = next;
  }
}

static void on_async(uv_async_t *async) {
  tell_back(async->data);
}

/* What waits behind it would wait for ever. */
static void give_up(struct errand *hangs, struct errand *todo) {
  if (hangs) hangs->end(hangs, ERRAND_OVERDUE);
  while (todo) {
    struct errand *next = todo->next;
    todo->end(todo, ERRAND_DROPPED);
    todo = next;
  }
}

/* Under the lock. */
static struct errand *take_all(struct errands *es) {
  struct errand *todo = es->todo;
  es->todo = NULL;
  es->todo_tail = &es->todo;
  return todo;
}

static void on_tick(uv_timer_t *timer) {
  struct errands *es = timer->data;
  struct errand *hangs = NULL, *todo = NULL;
  uv_mutex_lock(&es->lock);
  duration silent = clock_monotonic() - es->alive_at;
  bool late = es->current && !es->given_up && silent >= es->o.silence;
  es->ticks_late = late ? es->ticks_late + 1 : 0;
  if (es->ticks_late >= TICKS_LATE) {
    es->given_up = true;
    hangs = es->current;
    todo = take_all(es);
  }
  uv_mutex_unlock(&es->lock);
  if (!hangs) return;
  es->ticks_late = 0;
  *es->o.overdue = clock_now() - silent;
  give_up(hangs, todo);
}

bool errands_hang(const struct errands *es) {
  return *es->o.overdue != INSTANT_NONE;
}

struct errands *errands_new(const struct errands_options *options) {
  struct errands *es = alloc_new(struct errands);
  es->o = *options;
  if (!es->o.silence) es->o.silence = ERRANDS_SILENCE;
  if (!es->o.parting) es->o.parting = ERRANDS_PARTING;
  es->todo_tail = &es->todo;
  es->back_tail = &es->back;
  *es->o.overdue = INSTANT_NONE;
  uv_mutex_init(&es->lock);
  uv_cond_init(&es->news);
  uv_cond_init(&es->parted);
  uv_timer_init(options->loop, &es->timer);
  es->open = 1;
  if (uv_async_init(options->loop, &es->async, on_async) == 0) es->open++;
  es->timer.data = es->async.data = es;
  return es;
}

bool errands_submit(struct errands *es, struct errand *e) {
  if (es->open < 2 || errands_hang(es) || (!es->started && !start(es))) return false;
  e->errands = es;
  e->next = NULL;
  uv_mutex_lock(&es->lock);
  *es->todo_tail = e;
  es->todo_tail = &e->next;
  uv_cond_signal(&es->news);
  uv_mutex_unlock(&es->lock);
  uint64_t tick = (uint64_t)((es->o.silence / 3 < TICK_MAX ? es->o.silence / 3 : TICK_MAX) / USEC_PER_MS);
  if (!uv_is_active((uv_handle_t *)&es->timer)) uv_timer_start(&es->timer, on_tick, tick, tick);
  return true;
}

/* ---- the end ---- */

static void release(struct errands *es) {
  uv_mutex_destroy(&es->lock);
  uv_cond_destroy(&es->news);
  uv_cond_destroy(&es->parted);
  free(es);
}

static void on_closed(uv_handle_t *handle) {
  struct errands *es = handle->data;
  if (--es->open == 0 && es->joined) release(es);
}

/* Under the lock: whether the thread has ended, or nearly so. */
static bool part(struct errands *es) {
  int64_t until = clock_monotonic() + es->o.parting, left;
  es->quitting = true;
  uv_cond_signal(&es->news);
  while (!es->ended && !es->given_up && (left = until - clock_monotonic()) > 0)
    uv_cond_timedwait(&es->parted, &es->lock, (uint64_t)left * 1000);
  return es->ended;
}

void errands_free(struct errands *es) {
  if (!es) return;
  uv_mutex_lock(&es->lock);
  if (!es->started) es->ended = true;
  bool ended = part(es);
  struct errand *hangs = ended || es->given_up ? NULL : es->current, *todo = take_all(es);
  uv_mutex_unlock(&es->lock);
  if (es->started && ended)
    pthread_join(es->thread, NULL);
  else if (es->started)
    pthread_detach(es->thread);
  es->joined = ended;
  tell_back(es);
  give_up(hangs, todo);
  uv_close((uv_handle_t *)&es->timer, on_closed);
  if (es->open > 1) uv_close((uv_handle_t *)&es->async, on_closed);
}
