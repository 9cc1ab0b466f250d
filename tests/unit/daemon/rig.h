/* A core on a loop, with a real store in a private directory, a real engine and an executor that only notes what it
 * is told. */
#ifndef ROTA_TESTS_UNIT_DAEMON_RIG_H
#define ROTA_TESTS_UNIT_DAEMON_RIG_H

#include "tests/unit/daemon/temp.h"

#include <sys/mount.h>

#include "scheduler/daemon/core.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/zone.h"
#include "scheduler/store/store.h"

#define RIG_CALLS 64

struct rig_executor {
  struct executor executor; /* first: ops get a pointer to it */
  char started[RIG_CALLS][32], started_run[RIG_CALLS][32];
  size_t starts, stops, adopts, sweeps;
  bool freed;
};

struct rig {
  struct temp temp;
  struct config *config;
  uv_loop_t loop;
  struct store *store;
  struct core *core;
  struct rig_executor executor;
  /* What the hooks were told. */
  size_t commits, replies, starts_at_commit;
  int statuses[RIG_CALLS];
  char body[4096]; /* of the last reply */
  int degraded, fatal;
  size_t degraded_calls;
  void (*on_reply)(struct rig *r, const struct decision_reply *reply);
  void (*on_committed)(struct rig *r, const struct change *changes, size_t len);
  void *more; /* of the test */
};

static inline int rig_start(struct executor *e, const struct launch *l) {
  struct rig_executor *x = (struct rig_executor *)e;
  snprintf(x->started[x->starts % RIG_CALLS], 32, "%s", l->attempt_id);
  snprintf(x->started_run[x->starts++ % RIG_CALLS], 32, "%s", l->run_id);
  return 0;
}
static inline int rig_adopt(struct executor *e, const char *run_id, const char *attempt_id, duration grace) {
  struct rig_executor *x = (struct rig_executor *)e;
  (void)grace;
  snprintf(x->started[0], 32, "%s", attempt_id);
  snprintf(x->started_run[0], 32, "%s", run_id);
  x->adopts++;
  return 0;
}
static inline int rig_stop(struct executor *e, const char *attempt_id, bool now) {
  (void)attempt_id;
  (void)now;
  ((struct rig_executor *)e)->stops++;
  return 0;
}
static inline int rig_fence(struct executor *e, const char *run_id, const char *attempt_id) {
  (void)e;
  (void)run_id;
  (void)attempt_id;
  return 0;
}
static inline int rig_sweep(struct executor *e, const char *run_id, bool all) {
  (void)run_id;
  (void)all;
  ((struct rig_executor *)e)->sweeps++;
  return 0;
}
static inline int rig_prepare(struct executor *e, const char *run_id, const char *from, const char *const *keys,
                              size_t len) {
  (void)e;
  (void)run_id;
  (void)from;
  (void)keys;
  (void)len;
  return 0;
}
static inline void rig_free(struct executor *e) {
  ((struct rig_executor *)e)->freed = true;
}

static const struct executor_ops rig_ops = {
    .start = rig_start,
    .adopt = rig_adopt,
    .stop = rig_stop,
    .fence = rig_fence,
    .sweep = rig_sweep,
    .prepare = rig_prepare,
    .free = rig_free,
};

static inline void rig_committed(void *ctx, const struct change *changes, size_t len) {
  struct rig *r = ctx;
  r->commits++;
  r->starts_at_commit = r->executor.starts;
  if (r->on_committed) r->on_committed(r, changes, len);
}
static inline void rig_reply(void *ctx, const struct decision_reply *reply) {
  struct rig *r = ctx;
  r->statuses[r->replies++ % RIG_CALLS] = reply->status;
  snprintf(r->body, sizeof r->body, "%.*s", (int)reply->body_len, reply->body);
  if (r->on_reply) r->on_reply(r, reply);
}
static inline void rig_degraded(void *ctx, int err, const char *why) {
  struct rig *r = ctx;
  (void)why;
  r->degraded = err;
  r->degraded_calls++;
}
static inline void rig_unrecorded(void *ctx, const char *why) {
  (void)ctx;
  fail_msg("nothing is recorded here: %s", why);
}

static inline void rig_fatal(void *ctx, int err, const char *why) {
  struct rig *r = ctx;
  (void)why;
  r->fatal = err;
}

static inline const struct zone *rig_zone(void *ctx, const char *name) {
  (void)ctx;
  (void)name;
  return zone_utc();
}

/* What is made here again after rig_close goes on with the rows that are there. */
static inline void rig_open(struct rig *r) {
  struct buf why = {0};
  struct store_loaded loaded = {0};
  uv_loop_init(&r->loop);
  int err = store_open(r->config->state, clock_now(), &r->store, &why);
  if (err) fail_msg("store_open: %s", buf_cstr(&why));
  assert_int_equal(store_load(r->store, &loaded, &why), 0);
  const struct engine_options options = {.config = r->config, .schedules = true, .zone = rig_zone};
  struct engine *engine = engine_new(&options);
  char *message = NULL;
  const struct moment now = {.wall = clock_now(), .mono = clock_monotonic()};
  assert_int_equal(engine_restore(engine, &loaded.state, now, &message), 0);
  store_loaded_release(&loaded);
  buf_release(&why);
  const struct core_options core = {.loop = &r->loop,
                                    .store = r->store,
                                    .engine = engine,
                                    .state_dir = r->config->state,
                                    .hooks = {.ctx = r,
                                              .committed = rig_committed,
                                              .reply = rig_reply,
                                              .degraded = rig_degraded,
                                              .unrecorded = rig_unrecorded,
                                              .fatal = rig_fatal}};
  r->core = core_new(&core);
  assert_non_null(r->core);
  r->executor = (struct rig_executor){.executor = {.ops = &rig_ops, .report = core_report, .ctx = r->core}};
  core_add_executor(r->core, HOST_LOCAL, &r->executor.executor);
  core_adopt(r->core);
}

static inline void rig_close(struct rig *r) {
  core_free(r->core);
  /* What a test that failed left open would keep it turning for ever, and nobody would be told of the failure. */
  const int64_t end = clock_monotonic() + 30 * USEC_PER_SEC;
  while (uv_run(&r->loop, UV_RUN_NOWAIT) && clock_monotonic() < end) usleep(1000);
  assert_int_equal(uv_loop_close(&r->loop), 0);
  store_close(r->store);
  assert_true(r->executor.freed);
}

static inline int rig_setup(void **state) {
  struct rig *r = alloc_new(struct rig);
  temp_make(&r->temp);
  r->config = temp_config(&r->temp, "slots: {cpu: 4}\n");
  rig_open(r);
  *state = r;
  return 0;
}

static inline int rig_teardown(void **state) {
  struct rig *r = *state;
  rig_close(r);
  config_free(r->config);
  temp_release(&r->temp);
  free(r);
  return 0;
}

static inline void rig_tick(uv_timer_t *timer) {
  (void)timer;
}

/* Turns the loop until the condition holds; fails after ten seconds. */
#define rig_until(r, condition)                                                                                      \
  do {                                                                                                               \
    uv_timer_t rig_timer_;                                                                                           \
    uv_timer_init(&(r)->loop, &rig_timer_);                                                                          \
    uv_timer_start(&rig_timer_, rig_tick, 20, 20);                                                                   \
    int64_t rig_end_ = clock_monotonic() + 10 * USEC_PER_SEC;                                                        \
    while (!(condition) && clock_monotonic() < rig_end_) uv_run(&(r)->loop, UV_RUN_ONCE);                            \
    uv_close((uv_handle_t *)&rig_timer_, NULL);                                                                      \
    uv_run(&(r)->loop, UV_RUN_NOWAIT);                                                                               \
    if (!(condition)) fail_msg("waited in vain until %s", #condition);                                               \
  } while (0)

/* Turns the loop for so long, whatever happens. */
static inline void rig_wait(struct rig *r, int64_t ms) {
  uv_timer_t timer;
  uv_timer_init(&r->loop, &timer);
  uv_timer_start(&timer, rig_tick, 10, 10);
  int64_t end = clock_monotonic() + ms * USEC_PER_MS;
  while (clock_monotonic() < end) uv_run(&r->loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&r->loop, UV_RUN_NOWAIT);
}

static inline bool rig_quiet(struct rig *r) {
  return core_quiet(r->core);
}

/* ---- a full disk ---- */

/* Begins anew with the state on a small file system; false, with nothing changed but the rows, where mounting isn't
 * permitted. */
static inline bool rig_small_disk(struct rig *r) {
  rig_close(r);
  dir_remove_at(AT_FDCWD, r->config->state);
  assert_int_equal(dir_make(r->config->state, 0700), 0);
  bool mounted = mount("tmpfs", r->config->state, "tmpfs", 0, "size=40m") == 0;
  if (!mounted) print_message("skipped: a file system can't be mounted here\n");
  rig_open(r);
  return mounted;
}

static inline void rig_large_disk(struct rig *r) {
  rig_close(r);
  assert_int_equal(umount(r->config->state), 0);
  rig_open(r);
}

static inline void rig_fill_disk(const struct rig *r) {
  char *path = path_join(r->config->state, "filler");
  static char block[64 * 1024];
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  for (size_t size = sizeof block; size > 0; size /= 2) {
    while (write(fd, block, size) > 0) continue;
  }
  close(fd);
  free(path);
}

static inline void rig_free_disk(const struct rig *r) {
  char *path = path_join(r->config->state, "filler");
  assert_int_equal(unlink(path), 0);
  free(path);
}

/* ---- events ---- */

static inline void rig_load(struct rig *r, const char *name, const char *text) {
  struct inbox *in = core_inbox(r->core);
  struct arena *a = inbox_arena(in);
  struct diag_list diags;
  diag_init(&diags, name, text, strlen(text));
  const struct pipeline_source source = {
      .name = name, .file = name, .folder = r->temp.dir, .text = text, .len = strlen(text), .config = r->config};
  struct pipeline *p = pipeline_read(&source, &diags);
  diag_release(&diags);
  assert_non_null(p);
  struct buf json = {0};
  pipeline_json(p, &json);
  struct engine_loaded *e = &inbox_add(in, ENGINE_LOADED)->loaded;
  e->name = arena_strdup(a, name);
  e->pipeline = p;
  e->text = arena_strdup(a, text);
  e->text_len = strlen(text);
  e->json = arena_strndup(a, json.bytes, json.len);
  e->json_len = json.len;
  sha256_hex(text, strlen(text), e->sha256);
  buf_release(&json);
}

static inline void rig_trigger(struct rig *r, uint64_t handle, const char *name) {
  struct inbox *in = core_inbox(r->core);
  struct engine_trigger *e = &inbox_add(in, ENGINE_TRIGGER)->trigger;
  e->asker = (struct engine_asker){.handle = handle, .actor = {"user", "0", "anna", "test"}};
  e->pipeline = arena_strdup(inbox_arena(in), name);
  e->scheduled_for = INSTANT_NONE;
  e->now = true;
  e->trigger = TRIGGER_MANUAL;
}

/* The newest attempt that was started goes on. */
static inline void rig_report(struct rig *r, enum report_kind kind, int status) {
  size_t last = (r->executor.starts ? r->executor.starts - 1 : 0) % RIG_CALLS;
  const struct report report = {.kind = kind,
                                .run_id = r->executor.started_run[last],
                                .attempt_id = r->executor.started[last],
                                .how = ENDED_EXITED,
                                .status = status,
                                .pid = 4242,
                                .started_at = clock_now(),
                                .ended_at = clock_now(),
                                .cpu_us = -1,
                                .max_rss_kb = -1,
                                .log_bytes = -1};
  core_report(r->core, &report);
}

#endif
