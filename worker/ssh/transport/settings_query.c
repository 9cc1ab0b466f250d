#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "worker/ssh/transport/settings.h"

struct settings_query {
  uv_work_t work;
  struct host_options host; /* its strings in the arena */
  struct arena arena;
  struct ssh_settings *settings;
  settings_fn *done;
  void *ctx;
  atomic_bool cancelled;
};

static void on_pool(uv_work_t *work) {
  struct settings_query *q = work->data;
  if (!atomic_load(&q->cancelled)) q->settings = settings_load(&q->host, &q->cancelled);
}

static void on_loop(uv_work_t *work, int status) {
  (void)status;
  struct settings_query *q = work->data;
  if (atomic_load(&q->cancelled)) {
    settings_free(q->settings);
  } else {
    q->done(q->ctx, q->settings);
  }
  arena_release(&q->arena);
  free(q);
}

static const char *copied(struct arena *a, const char *text) {
  return text ? arena_strdup(a, text) : NULL;
}

struct settings_query *settings_ask(uv_loop_t *loop, const struct host_options *host, settings_fn *done, void *ctx) {
  struct settings_query *q = alloc_new(struct settings_query);
  struct arena *a = &q->arena;
  q->host = *host;
  q->host.name = copied(a, host->name);
  q->host.ssh = copied(a, host->ssh);
  q->host.identity = copied(a, host->identity);
  q->host.jump = copied(a, host->jump);
  q->host.known_hosts = copied(a, host->known_hosts);
  q->host.passphrase_file = q->host.passphrase_env = q->host.root = NULL; /* not asked for */
  q->done = done;
  q->ctx = ctx;
  q->work.data = q;
  uv_queue_work(loop, &q->work, on_pool, on_loop);
  return q;
}

void settings_cancel(struct settings_query *q) {
  atomic_store(&q->cancelled, true);
}
