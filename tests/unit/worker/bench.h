/* A local executor with the real supervisor on a loop of its own, all that it reported, and attempts to give it.
 * Header-only, because each test is one program.
 */
#ifndef ROTA_TESTS_WORKER_BENCH_H
#define ROTA_TESTS_WORKER_BENCH_H

#include "tests/unit/worker/harness.h"

#include "base/id.h"
#include "base/vec.h"
#include "worker/local.h"

struct seen {
  enum report_kind kind;
  char id[RUNDIR_ID_LEN + 1];
  char text[256], stage[16];
  int err, status, errnum;
  enum ended_how how;
  int64_t pid, cpu_us, max_rss_kb, log_bytes;
  instant started_at, ended_at;
};

UNUSED static uint64_t bench_files;         /* local_options.files of the next bench_open */
UNUSED static const char *bench_supervisor; /* its supervisor; NULL: the real one */

struct bench {
  uv_loop_t loop;
  uv_timer_t tick;
  struct executor *e;
  char state[512];
  VEC(struct seen) seen;
};

UNUSED static void on_report(void *ctx, const struct report *r) {
  struct bench *b = ctx;
  struct seen s = {.kind = r->kind, .err = r->err, .status = r->status, .errnum = r->errnum, .how = r->how};
  snprintf(s.id, sizeof s.id, "%s", r->attempt_id ? r->attempt_id : r->run_id);
  snprintf(s.text, sizeof s.text, "%s", r->text ? r->text : "");
  snprintf(s.stage, sizeof s.stage, "%s", r->stage ? r->stage : "");
  s.pid = r->pid;
  s.cpu_us = r->cpu_us;
  s.max_rss_kb = r->max_rss_kb;
  s.log_bytes = r->log_bytes;
  s.started_at = r->started_at;
  s.ended_at = r->ended_at;
  vec_push(&b->seen, s);
}

UNUSED static void on_tick(uv_timer_t *t) {
  (void)t;
}

UNUSED static void bench_open(struct bench *b) {
  const char *program = bench_supervisor ? bench_supervisor : supervisor();
  const struct local_options o = {.state_dir = b->state, .supervisor_path = program, .files = bench_files};
  int err = 0;
  b->seen.len = 0;
  assert_int_equal(uv_loop_init(&b->loop), 0);
  uv_timer_init(&b->loop, &b->tick);
  uv_timer_start(&b->tick, on_tick, 5, 5);
  b->e = local_new(&b->loop, &o, on_report, b, &err);
  assert_int_equal(err, 0);
  assert_non_null(b->e);
}

UNUSED static void bench_close(struct bench *b) {
  b->e->ops->free(b->e);
  uv_close((uv_handle_t *)&b->tick, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

UNUSED static void bench_init(struct bench *b) {
  static int n;
  memset(b, 0, sizeof *b);
  snprintf(b->state, sizeof b->state, "%s/s%d", scratch(), ++n);
  bench_open(b);
}

/* Another life of the daemon, on the same state. */
UNUSED static void bench_again(struct bench *b, const struct bench *first) {
  *b = (struct bench){0};
  memcpy(b->state, first->state, sizeof b->state);
  bench_open(b);
}

UNUSED static void bench_end(struct bench *b) {
  bench_close(b);
  vec_release(&b->seen);
}

UNUSED static const struct seen *find(const struct bench *b, const char *id, enum report_kind kind) {
  for (size_t i = 0; i < b->seen.len; i++) {
    if (b->seen.items[i].kind == kind && strcmp(b->seen.items[i].id, id) == 0) return &b->seen.items[i];
  }
  return NULL;
}

UNUSED static const struct seen *await(struct bench *b, const char *id, enum report_kind kind, int limit_ms) {
  for (int64_t until = now_ms() + limit_ms;;) {
    const struct seen *s = find(b, id, kind);
    if (s) return s;
    if (now_ms() > until) break;
    uv_run(&b->loop, UV_RUN_ONCE);
  }
  for (size_t i = 0; i < b->seen.len; i++)
    print_message("seen: %d %s %s\n", (int)b->seen.items[i].kind, b->seen.items[i].id, b->seen.items[i].text);
  fail_msg("no report of kind %d for %s", (int)kind, id);
  abort();
}

UNUSED static void turn(struct bench *b, int ms) {
  for (int64_t until = now_ms() + ms; now_ms() < until;) uv_run(&b->loop, UV_RUN_ONCE);
}

UNUSED static size_t finals(const struct bench *b, const char *id) {
  size_t n = 0;
  for (size_t i = 0; i < b->seen.len; i++) {
    enum report_kind k = b->seen.items[i].kind;
    bool last = k == REPORT_ENDED || k == REPORT_LOST || k == REPORT_NOT_STARTED || k == REPORT_FENCED;
    n += last && strcmp(b->seen.items[i].id, id) == 0;
  }
  return n;
}

UNUSED static struct id fresh_id(void) {
  uint8_t random[10];
  random_bytes(random, sizeof random);
  return id_make(clock_now(), random);
}

struct job_for_test {
  struct id run, id;
  struct launch launch;
  const char *argv[4];
};

/* A shell script as one attempt of a run of its own. */
UNUSED static void prepare_script(struct job_for_test *j, const char *script) {
  *j = (struct job_for_test){.run = fresh_id(), .id = fresh_id()};
  j->argv[0] = "/bin/sh";
  j->launch = (struct launch){.run_id = j->run.text,
                              .attempt_id = j->id.text,
                              .state_key = "t.0",
                              .label = "test",
                              .argv = j->argv,
                              .argc = 1,
                              .script = script,
                              .script_len = strlen(script),
                              .zone = "Europe/Berlin",
                              .grace = 300000,
                              .log_cap = 1 << 20};
}

UNUSED static const char *start(struct bench *b, struct job_for_test *j) {
  assert_int_equal(b->e->ops->start(b->e, &j->launch), 0);
  return j->id.text;
}

UNUSED static const char *dir_of(const struct bench *b, const struct job_for_test *j) {
  static char *dir;
  free(dir);
  dir = local_attempt_dir(b->state, j->run.text, j->id.text);
  return dir;
}

/* The supervisor's pid out of `owner`. */
UNUSED static pid_t owner_pid(const struct bench *b, const struct job_for_test *j) {
  const char *at = strstr(content(dir_of(b, j), "owner"), " pid=");
  assert_non_null(at);
  return (pid_t)strtol(at + 5, NULL, 10);
}

#endif
