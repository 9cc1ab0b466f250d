#include "scheduler/daemon/health/watchdog.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/instant.h"
#include "base/log.h"
#include "scheduler/daemon/committer.h"
#include "scheduler/daemon/service.h"

#define LONGEST_US (24 * USEC_PER_HOUR)

struct watchdog {
  uv_timer_t timer;
  struct committer *committer;
  int64_t limit_us;
  bool silent; /* the log has said so */
};

/* 0: nobody watches. */
static int64_t limit(void) {
  const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  char *end;
  if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid())) return 0;
  long long us = strtoll(usec, &end, 10);
  return *end == '\0' && us > 2 * USEC_PER_MS && us < LONGEST_US ? us : 0;
}

static void on_timer(uv_timer_t *timer) {
  struct watchdog *w = timer->data;
  struct committer_view view;
  committer_view(w->committer, &view);
  bool silent = view.silent_us > w->limit_us;
  if (!silent) service_notify("WATCHDOG=1");
  if (silent && !w->silent)
    LOG(LOG_ERROR, "the disk doesn't answer: the service manager may restart the daemon; tasks go on", {NULL, NULL});
  w->silent = silent;
}

struct watchdog *watchdog_new(uv_loop_t *loop, struct committer *committer) {
  int64_t us = limit();
  if (us == 0) return NULL;
  struct watchdog *w = alloc_new(struct watchdog);
  w->committer = committer;
  w->limit_us = us;
  uv_timer_init(loop, &w->timer);
  w->timer.data = w;
  uint64_t half = (uint64_t)(us / USEC_PER_MS / 2);
  uv_timer_start(&w->timer, on_timer, 0, half);
  return w;
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

void watchdog_free(struct watchdog *w) {
  if (w) uv_close((uv_handle_t *)&w->timer, on_closed);
}
