/* Stands in for hosts.c and doctor.c until they are there: hosts that are never reached. Whoever brings hosts.c takes
 * the first half away, whoever brings doctor.c the second. */
#include <stdlib.h>

#include "base/alloc.h"
#include "worker/ssh/doctor.h"
#include "worker/ssh/hosts.h"

struct hosts {
  struct hosts_options options;
};

struct hosts *hosts_new(const struct hosts_options *options, int *err) {
  struct hosts *h = alloc_new(struct hosts);
  h->options = *options;
  *err = 0;
  return h;
}

void hosts_configure(struct hosts *h, const struct host_options *hosts, size_t len) {
  (void)h;
  (void)hosts;
  (void)len;
}

struct executor *hosts_executor(struct hosts *h, const char *name) {
  (void)h;
  (void)name;
  return NULL;
}

bool hosts_view(struct hosts *h, const char *name, struct host_view *out) {
  (void)h;
  (void)name;
  (void)out;
  return false;
}

void hosts_check(struct hosts *h, const char *name) {
  (void)h;
  (void)name;
}

void hosts_free(struct hosts *h) {
  free(h);
}

struct doctor {
  uv_timer_t timer;
  doctor_done_fn *done;
  void *ctx;
};

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void on_timer(uv_timer_t *timer) {
  static const struct doctor_check none = {"doctor", DOCTOR_FAIL, "hosts aren't reached yet", NULL};
  struct doctor *d = timer->data;
  d->done(d->ctx, &none, 1);
  uv_close((uv_handle_t *)timer, on_closed);
}

struct doctor *doctor_run(uv_loop_t *loop, const struct host_options *host, const char *state_dir,
                          const char *state_id, doctor_done_fn *done, void *ctx) {
  struct doctor *d = alloc_new(struct doctor);
  (void)host;
  (void)state_dir;
  (void)state_id;
  d->done = done;
  d->ctx = ctx;
  uv_timer_init(loop, &d->timer);
  d->timer.data = d;
  uv_timer_start(&d->timer, on_timer, 0, 0);
  return d;
}

void doctor_cancel(struct doctor *d) {
  if (d) uv_close((uv_handle_t *)&d->timer, on_closed);
}
