#include "scheduler/daemon/health/pulse.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define NS_PER_US 1000
#define NS_PER_MS UINT64_C(1000000)
#define WINDOWS   6 /* of `recent_us` */
#define WINDOW_NS (UINT64_C(10000) * NS_PER_MS)
#define HANDLES   2

struct pulse {
  uv_loop_t *loop;
  uv_timer_t beat;
  uv_prepare_t before_poll;
  int open;
  pulse_fn *fn;
  void *ctx;
  uint64_t due;                /* of the next beat, on the clock of uv_hrtime */
  uint64_t polled_at, idle_at; /* when the last poll began, and how long the loop had slept by then */
  struct histogram beats, turns;
  int64_t lag_us;
  int64_t longest_us[WINDOWS]; /* of a window each, by its number */
  uint64_t window;             /* the number of the last one that was written */
  int late;                    /* beats in a row */
  bool behind;
};

static void note(struct pulse *p, struct histogram *h, int64_t us, uint64_t now) {
  uint64_t window = now / WINDOW_NS;
  histogram_add(h, us);
  for (uint64_t n = 0; n < WINDOWS && p->window < window; n++) p->longest_us[++p->window % WINDOWS] = 0;
  p->window = window;
  if (us > p->longest_us[window % WINDOWS]) p->longest_us[window % WINDOWS] = us;
}

static void on_beat(uv_timer_t *timer);

static void beat_set(struct pulse *p) {
  p->due = (uv_now(p->loop) + PULSE_BEAT_MS) * NS_PER_MS;
  uv_timer_start(&p->beat, on_beat, PULSE_BEAT_MS, 0);
}

static void on_beat(uv_timer_t *timer) {
  struct pulse *p = timer->data;
  uint64_t now = uv_hrtime();
  p->lag_us = now > p->due ? (int64_t)((now - p->due) / NS_PER_US) : 0;
  note(p, &p->beats, p->lag_us, now);
  p->late = p->lag_us > PULSE_LATE ? p->late + 1 : 0;
  if (p->late == 0) p->behind = false;
  if (p->late >= PULSE_PATIENCE) p->behind = true;
  beat_set(p);
  if (p->fn) p->fn(p->ctx);
}

static void on_before_poll(uv_prepare_t *handle) {
  struct pulse *p = handle->data;
  uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(p->loop);
  if (p->polled_at) note(p, &p->turns, (int64_t)((now - p->polled_at - (idle - p->idle_at)) / NS_PER_US), now);
  p->polled_at = now;
  p->idle_at = idle;
}

struct pulse *pulse_new(uv_loop_t *loop, pulse_fn *fn, void *ctx) {
  struct pulse *p = alloc_new(struct pulse);
  p->loop = loop;
  p->fn = fn;
  p->ctx = ctx;
  uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
  uv_timer_init(loop, &p->beat);
  uv_prepare_init(loop, &p->before_poll);
  p->beat.data = p->before_poll.data = p;
  p->open = HANDLES;
  uv_update_time(loop);
  beat_set(p);
  uv_prepare_start(&p->before_poll, on_before_poll);
  return p;
}

static void on_closed(uv_handle_t *handle) {
  struct pulse *p = handle->data;
  if (--p->open == 0) free(p);
}

void pulse_free(struct pulse *p) {
  if (!p) return;
  uv_close((uv_handle_t *)&p->beat, on_closed);
  uv_close((uv_handle_t *)&p->before_poll, on_closed);
}

void pulse_view(const struct pulse *p, struct pulse_view *out) {
  uint64_t window = uv_hrtime() / WINDOW_NS;
  *out = (struct pulse_view){.beats = p->beats, .turns = p->turns, .lag_us = p->lag_us, .behind = p->behind};
  for (uint64_t n = 0; n < WINDOWS; n++) {
    if (window - p->window + n >= WINDOWS) break; /* older than the windows that are asked for */
    int64_t longest = p->longest_us[(p->window - n) % WINDOWS];
    if (longest > out->recent_us) out->recent_us = longest;
  }
}
