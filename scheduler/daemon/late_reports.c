#include "scheduler/daemon/late_reports.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/vec.h"
#include "scheduler/daemon/reports.h"

#define AGAIN_MS 1000

struct late_reports {
  uv_timer_t timer;
  struct inbox *inbox;
  const char *state_dir;
  VEC(struct report) waiting; /* with texts of their own */
};

static char *copied(const char *text) {
  return text ? alloc_strdup(text) : NULL;
}

static void report_release(struct report *r) {
  const char *const texts[] = {r->run_id, r->attempt_id, r->text, r->stage, r->fault};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free((void *)(uintptr_t)texts[i]);
}

static void on_timer(uv_timer_t *timer) {
  struct late_reports *l = timer->data;
  size_t kept = 0;
  for (size_t i = 0; i < l->waiting.len; i++) {
    struct report *r = &l->waiting.items[i];
    if (report_event(l->inbox, l->state_dir, r) == ERR_AGAIN)
      l->waiting.items[kept++] = *r;
    else
      report_release(r);
  }
  l->waiting.len = kept;
  if (kept) uv_timer_start(&l->timer, on_timer, AGAIN_MS, 0);
}

struct late_reports *late_reports_new(uv_loop_t *loop, struct inbox *inbox, const char *state_dir) {
  struct late_reports *l = alloc_new(struct late_reports);
  l->inbox = inbox;
  l->state_dir = state_dir;
  uv_timer_init(loop, &l->timer);
  l->timer.data = l;
  return l;
}

void late_reports_take(struct late_reports *l, const struct report *r) {
  if (report_event(l->inbox, l->state_dir, r) != ERR_AGAIN) return;
  struct report kept = *r;
  kept.run_id = copied(r->run_id);
  kept.attempt_id = copied(r->attempt_id);
  kept.text = copied(r->text);
  kept.stage = copied(r->stage);
  kept.fault = copied(r->fault);
  vec_push(&l->waiting, kept);
  if (l->waiting.len == 1) uv_timer_start(&l->timer, on_timer, AGAIN_MS, 0);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

void late_reports_free(struct late_reports *l) {
  if (!l) return;
  for (size_t i = 0; i < l->waiting.len; i++) report_release(&l->waiting.items[i]);
  vec_release(&l->waiting);
  uv_close((uv_handle_t *)&l->timer, on_closed);
}
