#include "scheduler/daemon/handlers/server.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"

struct server {
  struct api *api;
  uv_poll_t poll;
  uv_timer_t timer;
  int open;
};

static void on_timer(uv_timer_t *timer) {
  struct server *s = timer->data;
  api_run(s->api);
  server_pump(s);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct server *s = poll->data;
  api_run(s->api);
  server_pump(s);
}

void server_pump(struct server *s) {
  int wait = api_timeout_ms(s->api);
  if (wait < 0) {
    uv_timer_stop(&s->timer);
  } else {
    uv_timer_start(&s->timer, on_timer, (uint64_t)wait, 0);
  }
}

int server_new(uv_loop_t *loop, const struct api_options *options, struct server **out) {
  struct server *s = alloc_new(struct server);
  int err = api_new(options, &s->api);
  if (err) {
    free(s);
    return err;
  }
  if (uv_poll_init(loop, &s->poll, api_fd(s->api))) {
    api_free(s->api);
    free(s);
    return ERR_AGAIN;
  }
  uv_timer_init(loop, &s->timer);
  s->poll.data = s->timer.data = s;
  s->open = 2;
  uv_poll_start(&s->poll, UV_READABLE, on_readable);
  server_pump(s);
  *out = s;
  return 0;
}

struct api *server_api(struct server *s) {
  return s->api;
}

uv_loop_t *server_loop(struct server *s) {
  return s->timer.loop;
}

static void on_closed(uv_handle_t *handle) {
  struct server *s = handle->data;
  if (--s->open == 0) free(s);
}

void server_free(struct server *s) {
  if (!s) return;
  uv_poll_stop(&s->poll);
  uv_close((uv_handle_t *)&s->poll, on_closed);
  uv_close((uv_handle_t *)&s->timer, on_closed);
  api_free(s->api);
  s->api = NULL;
}
