/* Hosts over the transport of pipes on a loop of its own, all that they reported, and attempts to give them.
 * Header-only, because each test is one program. */
#ifndef ROTA_TESTS_SSH_HOST_BENCH_H
#define ROTA_TESTS_SSH_HOST_BENCH_H

#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/id.h"
#include "base/instant.h"
#include "base/vec.h"
#include "tests/unit/ssh/pipe_transport.h"
#include "worker/local.h"
#include "worker/ssh/host.h"

struct seen {
  enum report_kind kind;
  char id[RUNDIR_ID_LEN + 1];
  char text[512], stage[16], fault[256];
  int err, status;
  bool doubtful;
  enum ended_how how;
  int64_t pid, log_bytes;
  instant started_at, ended_at;
};

struct bench {
  uv_loop_t loop;
  uv_timer_t tick;
  struct pipe_world *w;
  struct hosts *hosts;
  struct executor *e;
  char home[64], state[80];
  struct hosts_trial trial;
  const char *sh;
  enum contact contact;
  unsigned ups, facts;
  VEC(struct seen) seen;
};

struct job_for_test {
  char run[RUNDIR_ID_LEN + 1], id[RUNDIR_ID_LEN + 1];
  char script[4096];
  const char *argv[2];
  struct launch launch;
};

PIPE_UNUSED static void bench_on_report(void *ctx, const struct report *r) {
  struct bench *b = ctx;
  struct seen s = {.kind = r->kind, .err = r->err, .how = r->how, .status = r->status};
  snprintf(s.id, sizeof s.id, "%s", r->attempt_id ? r->attempt_id : r->run_id);
  snprintf(s.text, sizeof s.text, "%s", r->text ? r->text : "");
  snprintf(s.fault, sizeof s.fault, "%s", r->fault ? r->fault : "");
  snprintf(s.stage, sizeof s.stage, "%s", r->stage ? r->stage : "");
  s.doubtful = r->doubtful;
  s.pid = r->pid;
  s.log_bytes = r->log_bytes;
  s.started_at = r->started_at;
  s.ended_at = r->ended_at;
  vec_push(&b->seen, s);
}

PIPE_UNUSED static void bench_on_news(void *ctx, const struct host_news *n) {
  struct bench *b = ctx;
  assert_string_equal(n->host, "gpu01");
  if (n->contact == CONTACT_UP && b->contact != CONTACT_UP) b->ups++;
  b->contact = n->contact;
  if (n->facts) b->facts++;
}

PIPE_UNUSED static void bench_on_tick(uv_timer_t *t) {
  (void)t;
}

PIPE_UNUSED static const struct host_options bench_host = {.name = "gpu01", .ssh = "pipe", .root = "~/.rota"};

/* A life of the daemon: on the same state and the same host as the one before. */
PIPE_UNUSED static void bench_open(struct bench *b) {
  int err = 0;
  assert_int_equal(uv_loop_init(&b->loop), 0);
  uv_timer_init(&b->loop, &b->tick);
  uv_timer_start(&b->tick, bench_on_tick, 5, 5);
  b->w = pipe_world_open(&b->loop);
  b->w->home = b->home;
  b->w->sh = b->sh;
  b->contact = CONTACT_CONNECTING;
  b->seen.len = 0;
  b->trial.connect = pipe_connect;
  const struct hosts_options o = {.loop = &b->loop,
                                  .state_dir = b->state,
                                  .state_id = "0123456789abcdefghjkmnpqrs",
                                  .report = bench_on_report,
                                  .report_ctx = b,
                                  .news = bench_on_news,
                                  .news_ctx = b,
                                  .trial = &b->trial};
  b->hosts = hosts_new(&o, &err);
  assert_int_equal(err, 0);
  hosts_configure(b->hosts, &bench_host, 1);
  b->e = hosts_executor(b->hosts, "gpu01");
  assert_non_null(b->e);
}

PIPE_UNUSED static void bench_init_with(struct bench *b, const char *sh) {
  memset(b, 0, sizeof *b);
  b->sh = sh;
  strcpy(b->home, access("/dev/shm", W_OK) == 0 ? "/dev/shm/rota-host-XXXXXX" : "/tmp/rota-host-XXXXXX");
  assert_non_null(mkdtemp(b->home));
  snprintf(b->state, sizeof b->state, "%s/state", b->home);
  b->trial.times = (struct link_times){.back_off_min = 20, .back_off_max = 100, .watch_min = 50, .bulk_min = 50};
  b->trial.blip_ms = 1000;
  b->trial.poll_ms = 100;
  bench_open(b);
}

PIPE_UNUSED static void bench_init(struct bench *b) {
  bench_init_with(b, NULL);
}

PIPE_UNUSED static void bench_close(struct bench *b) {
  hosts_free(b->hosts);
  uv_close((uv_handle_t *)&b->tick, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  pipe_world_close(b->w);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

PIPE_UNUSED static void bench_end(struct bench *b) {
  bench_close(b);
  vec_release(&b->seen);
  dir_remove_at(AT_FDCWD, b->home);
}

PIPE_UNUSED static void turn(struct bench *b, int ms) {
  for (int64_t end = clock_monotonic() + ms * USEC_PER_MS; clock_monotonic() < end;) uv_run(&b->loop, UV_RUN_ONCE);
}

/* Runs the loop until `what` holds, 20 s at most. */
#define await_true(b, what)                                                                                          \
  do {                                                                                                               \
    int64_t await_end_ = clock_monotonic() + 20 * USEC_PER_SEC;                                                      \
    while (!(what) && clock_monotonic() < await_end_) uv_run(&(b)->loop, UV_RUN_ONCE);                               \
    if (!(what)) fail_msg("this never came: %s", #what);                                                             \
  } while (0)

PIPE_UNUSED static const struct seen *find(const struct bench *b, const char *id, enum report_kind kind) {
  for (size_t i = 0; i < b->seen.len; i++) {
    if (b->seen.items[i].kind == kind && strcmp(b->seen.items[i].id, id) == 0) return &b->seen.items[i];
  }
  return NULL;
}

PIPE_UNUSED static void tell_seen(const struct bench *b, const char *id) {
  static const char *const words[] = {
#define X(name, word) word,
      REPORT_LIST(X)
#undef X
  };
  for (size_t i = 0; i < b->seen.len; i++) {
    if (strcmp(b->seen.items[i].id, id) == 0)
      print_message("reported: %s %d %s\n", words[b->seen.items[i].kind], b->seen.items[i].status,
                    b->seen.items[i].text);
  }
}

PIPE_UNUSED static const struct seen *await(struct bench *b, const char *id, enum report_kind kind) {
  int64_t end = clock_monotonic() + 20 * USEC_PER_SEC;
  const struct seen *s;
  while (!(s = find(b, id, kind)) && clock_monotonic() < end) uv_run(&b->loop, UV_RUN_ONCE);
  if (!s) tell_seen(b, id);
  assert_non_null(s);
  if (!s) abort(); /* for the compiler */
  return s;
}

PIPE_UNUSED static int finals(const struct bench *b, const char *id) {
  int n = 0;
  for (size_t i = 0; i < b->seen.len; i++) {
    enum report_kind k = b->seen.items[i].kind;
    bool last = k == REPORT_ENDED || k == REPORT_LOST || k == REPORT_NOT_STARTED || k == REPORT_FENCED;
    if (last && strcmp(b->seen.items[i].id, id) == 0) n++;
  }
  return n;
}

PIPE_UNUSED static void id_fill(char out[RUNDIR_ID_LEN + 1]) {
  uint8_t random[10];
  assert_int_equal(getentropy(random, sizeof random), 0);
  snprintf(out, RUNDIR_ID_LEN + 1, "%s", id_make(clock_now(), random).text);
}

PIPE_UNUSED static void prepare_script(struct job_for_test *j, const char *script) {
  memset(j, 0, sizeof *j);
  id_fill(j->run);
  id_fill(j->id);
  snprintf(j->script, sizeof j->script, "%s", script);
  j->argv[0] = "/bin/sh";
  j->launch = (struct launch){.run_id = j->run,
                              .attempt_id = j->id,
                              .state_key = "t.0",
                              .label = "test#1/t",
                              .argv = j->argv,
                              .argc = 1,
                              .script = j->script,
                              .script_len = strlen(j->script),
                              .zone = "Europe/Berlin",
                              .grace = USEC_PER_SEC,
                              .log_cap = 64u << 20};
}

PIPE_UNUSED static const char *start(struct bench *b, struct job_for_test *j) {
  assert_int_equal(b->e->ops->start(b->e, &j->launch), 0);
  return j->id;
}

PIPE_UNUSED static const char *content(struct bench *b, const struct job_for_test *j, const char *name) {
  static struct buf text;
  char *dir = local_attempt_dir(b->state, j->run, j->id), *path = path_join(dir, name);
  buf_reset(&text);
  int err = file_read(path, 64u << 20, &text);
  free(dir);
  free(path);
  return err ? "" : buf_cstr(&text);
}

PIPE_UNUSED static void await_up(struct bench *b) {
  await_true(b, b->contact == CONTACT_UP);
}

#endif
