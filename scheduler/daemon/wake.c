#include "scheduler/daemon/wake.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum { WALL, MONO, CLOCKS };

struct wake_timer {
  uv_poll_t poll;
  int fd;
  int64_t set_to; /* what the kernel was last told, so that an unchanged time costs no system call */
};

struct wake {
  struct wake_timer timers[CLOCKS];
  int open;
  wake_fn *fn;
  void *ctx;
};

static void on_timer(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct wake *w = poll->data;
  for (int i = 0; i < CLOCKS; i++) {
    if (&w->timers[i].poll != poll) continue;
    uint64_t expirations;
    /* ECANCELED says that the clock was set: a reason to wake as good as any. */
    if (read(w->timers[i].fd, &expirations, sizeof expirations) < 0) expirations = 0;
    w->timers[i].set_to = INT64_MIN;
  }
  w->fn(w->ctx);
}

static int timer_open(struct wake *w, uv_loop_t *loop, int i, clockid_t clock) {
  struct wake_timer *t = &w->timers[i];
  t->set_to = INT64_MIN;
  t->fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
  if (t->fd < 0) return -1;
  if (uv_poll_init(loop, &t->poll, t->fd)) {
    close(t->fd);
    return -1;
  }
  t->poll.data = w;
  w->open++;
  return uv_poll_start(&t->poll, UV_READABLE, on_timer);
}

struct wake *wake_new(uv_loop_t *loop, wake_fn *fn, void *ctx) {
  struct wake *w = alloc_new(struct wake);
  w->fn = fn;
  w->ctx = ctx;
  if (timer_open(w, loop, WALL, CLOCK_REALTIME) == 0 && timer_open(w, loop, MONO, CLOCK_BOOTTIME) == 0) return w;
  wake_free(w);
  return NULL;
}

static void timer_set(struct wake_timer *t, int64_t at, int flags) {
  if (at == t->set_to) return;
  t->set_to = at;
  if (at < 1) at = 1; /* zero would disarm it */
  struct itimerspec spec = {
      .it_value = {.tv_sec = at / USEC_PER_SEC, .tv_nsec = (at % USEC_PER_SEC) * 1000},
  };
  timerfd_settime(t->fd, TFD_TIMER_ABSTIME | flags, &spec, NULL);
}

void wake_set(struct wake *w, instant wall, int64_t mono) {
  int64_t latest = clock_monotonic() + WAKE_MAX;
  timer_set(&w->timers[MONO], mono < latest ? mono : latest - latest % USEC_PER_SEC, 0);
  instant wall_latest = clock_now() + 10 * WAKE_MAX;
  if (wall == INSTANT_NONE || wall > wall_latest) wall = wall_latest - wall_latest % (10 * WAKE_MAX) + 10 * WAKE_MAX;
  timer_set(&w->timers[WALL], wall, TFD_TIMER_CANCEL_ON_SET);
}

static void on_closed(uv_handle_t *handle) {
  struct wake *w = handle->data;
  if (--w->open == 0) free(w);
}

void wake_free(struct wake *w) {
  if (!w) return;
  if (w->open == 0) {
    free(w);
    return;
  }
  int open = w->open;
  for (int i = 0; i < open; i++) {
    uv_poll_stop(&w->timers[i].poll);
    uv_close((uv_handle_t *)&w->timers[i].poll, on_closed);
    close(w->timers[i].fd);
  }
}
