/* What is committed is what is loaded, and a batch is there as a whole or not at all. */
#include "sandbox.h"

#include <signal.h>
#include <sys/wait.h>

#include "scheduler/store/history.h"

/* A change of every kind, with every column holding something that can be told apart. */
static size_t one_of_each(struct change *c) {
  size_t n = 0;
  c[n++] = sample_pipeline(1, "nightly", 2);
  c[0].pipeline.last_number = 7;
  c[0].pipeline.error = "[]";
  c[0].pipeline.paused_at = NOON + 5;
  c[0].pipeline.paused_reason = "vacation";
  c[0].pipeline.paused_by = "anna";
  c[n++] = sample_version(2, 1, SAMPLE_JSON);
  c[n++] = (struct change){CHANGE_SCHEDULE, .schedule = {3, 1, "0 1 * * * UTC", NOON, NOON + 1, true}};
  c[n++] = (struct change){CHANGE_FIRING,
                           .firing = {4, 3, 1, NOON, NOON + 60, 61, true, FIRING_MISSED, "was down", 0, NOON + 70}};
  c[n++] = sample_run(5, 1, 7, 2, RUN_RUNNING);
  c[n++] = (struct change){CHANGE_ROUND,
                           .round = {5, 1, RUN_RUNNING, NULL, "all", {"user", "1", "bo", NULL}, NOON, INSTANT_NONE}};
  c[n++] = sample_task(5, 0, "train", TASK_RUNNING, 8);
  c[n++] = sample_task(5, 1, "eval", TASK_SUCCEEDED, 9);
  c[n - 1].task.output_attempt = 9;
  c[n - 1].task.state_host = "gpu01";
  c[n++] = sample_attempt(8, 5, 0, TASK_RUNNING);
  c[n - 1].attempt.slots = "{\"gpu\": [\"0\"]}";
  c[n - 1].attempt.pid = 4711;
  c[n - 1].attempt.stop_asked = true;
  c[n++] = sample_attempt(9, 5, 1, TASK_SUCCEEDED);
  c[n - 1].attempt.exit_code = 0;
  c[n - 1].attempt.git_commit = "abc";
  c[n - 1].attempt.git_dirty = 1;
  c[n++] = (struct change){CHANGE_OUTPUT, .output = {9, "rmse", "3.25"}};
  c[n++] = sample_event(10, EVENT_ROW_TASK, 5, "running");
  c[n++] = (struct change){CHANGE_AUDIT, .audit = {NOON, {"user", "1", "bo", "tcp"}, "cancel", "nightly#7", NULL}};
  c[n++] = (struct change){CHANGE_REQUEST, .request = {"k1", "", 201, "{}", 2, NOON}};
  c[n++] = (struct change){CHANGE_PAUSE, .pause = {NOON, "moving", "anna"}};
  c[n++] = (struct change){CHANGE_DAILY, .daily = {20541, 1, RUN_SUCCEEDED, 1, 5}};
  c[n++] = (struct change){CHANGE_STAT, .stat = {1, "train", {10, 20, 30}, 3}};
  c[n++] = (struct change){CHANGE_TOKEN,
                           .token = {20, "ci", "viewer", "t1", NOON, "anna", NOON + 9, INSTANT_NONE, INSTANT_NONE}};
  c[n++] = (struct change){CHANGE_TOKEN,
                           .token = {21, "old", "admin", "t2", NOON, NULL, INSTANT_NONE, NOON + 1, NOON + 2}};
  c[n++] = (struct change){
      CHANGE_SESSION, .session = {22, "s1", 20, "ci", "viewer", "10.0.0.7", "curl", NOON, NOON + 3, INSTANT_NONE}};
  c[n++] = (struct change){CHANGE_SESSION,
                           .session = {23, "s2", 0, "anna", "admin", NULL, NULL, NOON, NOON + 4, NOON + 5}};
  return n;
}

static void every_row_comes_back_as_it_was_committed(void **state) {
  struct sandbox *s = *state;
  struct change c[32];
  sandbox_commit(s, c, one_of_each(c));
  sandbox_reopen(s);
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  const struct engine_state *e = &l.state;
  assert_int_equal(e->pipelines_len, 1);
  assert_string_equal(e->pipelines[0].name, "nightly");
  assert_int_equal(e->pipelines[0].last_number, 7);
  assert_string_equal(e->pipelines[0].paused_reason, "vacation");
  assert_int_equal(e->pipelines[0].paused_at, NOON + 5);
  assert_non_null(e->pipeline_specs[0]);
  assert_string_equal(e->pipeline_sha256[0], c[1].version.sha256);
  assert_int_equal(e->schedules_len, 1);
  assert_string_equal(e->schedules[0].identity, "0 1 * * * UTC");
  assert_int_equal(e->schedules[0].decided, NOON + 1);
  assert_int_equal(e->last_firings[0].key, 4);
  assert_int_equal(e->last_firings[0].count, 61);
  assert_true(e->last_firings[0].at_least);
  assert_int_equal(e->last_firings[0].outcome, FIRING_MISSED);
  assert_int_equal(e->runs_len, 1);
  const struct run_rows *r = &e->runs[0];
  assert_string_equal(r->pipeline_name, "nightly");
  assert_string_equal(r->run.id.text, c[4].run.id.text);
  assert_int_equal(r->run.state, RUN_RUNNING);
  assert_string_equal(r->run.actor.name, "anna");
  assert_int_equal(r->run.ended_at, INSTANT_NONE);
  assert_int_equal(r->tasks_len, 2);
  assert_string_equal(r->tasks[0].label, "train");
  assert_string_equal(r->tasks[1].state_host, "gpu01");
  assert_int_equal(r->attempts_len, 2);
  assert_int_equal(r->attempts[0].pid, 4711);
  assert_int_equal(r->attempts[0].exit_code, -1);
  assert_true(r->attempts[0].stop_asked);
  assert_string_equal(r->attempts[0].slots, "{\"gpu\": [\"0\"]}");
  assert_int_equal(r->attempts[1].exit_code, 0);
  assert_int_equal(r->attempts[1].git_dirty, 1);
  assert_int_equal(r->outputs_len, 1);
  assert_string_equal(r->outputs[0].json, "3.25");
  assert_int_equal(e->stats_len, 1);
  assert_int_equal(e->stats[0].len, 3);
  assert_int_equal(e->stats[0].ms[2], 30);
  assert_int_equal(e->pause.at, NOON);
  assert_string_equal(e->pause.reason, "moving");
  assert_int_equal(e->next_key, 24);
  assert_int_equal(l.tokens_len, 1);
  assert_string_equal(l.tokens[0].name, "ci");
  assert_string_equal(l.tokens[0].role, "viewer");
  assert_string_equal(l.tokens[0].sha256, "t1");
  assert_string_equal(l.tokens[0].created_by, "anna");
  assert_int_equal(l.tokens[0].expires_at, NOON + 9);
  assert_int_equal(l.tokens[0].used_at, INSTANT_NONE);
  assert_int_equal(l.revoked_len, 1);
  assert_int_equal(l.revoked[0].revoked_at, NOON + 2);
  assert_int_equal(l.sessions_len, 1); /* a revoked one is of no use */
  assert_int_equal(l.sessions[0].token, 20);
  assert_string_equal(l.sessions[0].address, "10.0.0.7");
  assert_int_equal(l.sessions[0].used_at, NOON + 3);
  store_loaded_release(&l);
}

static void a_later_row_replaces_what_may_change(void **state) {
  struct sandbox *s = *state;
  struct change c[32];
  size_t n = one_of_each(c);
  sandbox_commit(s, c, n);
  c[0].pipeline.paused_at = INSTANT_NONE;
  c[0].pipeline.paused_reason = NULL;
  c[4].run.state = RUN_FAILED;
  c[4].run.reason = "train failed";
  sandbox_commit(s, c, 5);
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  assert_int_equal(l.state.runs_len, 0);
  assert_int_equal(l.state.pipelines[0].paused_at, INSTANT_NONE);
  assert_null(l.state.pipelines[0].paused_reason);
  store_loaded_release(&l);
}

/* A line of linked runs, of which the last one is under way, so that it is loaded at a start too. */
static void a_run_knows_the_runs_before_the_one_that_it_came_from(void **state) {
  struct sandbox *s = *state;
  enum { FIRST = 1000, RUNS = LINKED_BEFORE_MAX + 3 };
  struct change c[RUNS];
  struct buf nearest = {0}, why = {0};
  for (int i = 0; i < RUNS; i++) {
    c[i] = sample_run(FIRST + i, 1, FIRST + i, 2, i == RUNS - 1 ? RUN_RUNNING : RUN_SUCCEEDED);
    c[i].run.linked_from = i ? FIRST + i - 1 : 0;
  }
  for (int i = RUNS - 3; i > 0; i--) buf_fmt(&nearest, "%s%s", nearest.len ? " " : "", c[i].run.id.text);
  sandbox_commit(s, (struct change[]){sample_pipeline(1, "nightly", 2), sample_version(2, 1, SAMPLE_JSON)}, 2);
  sandbox_commit(s, c, RUNS);
  struct history *h = history_new(s->dir);
  struct arena a = {0};
  char both[2 * ID_LEN + 2];
  snprintf(both, sizeof both, "%s %s", c[1].run.id.text, c[0].run.id.text);
  const char *const before[] = {NULL, NULL, c[0].run.id.text, both};
  for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
    struct run_rows rows;
    assert_int_equal(history_run_rows(h, c[i].run.id.text, &a, &rows, &why), 0);
    if (before[i])
      assert_string_equal(rows.linked_before, before[i]);
    else
      assert_null(rows.linked_before);
    pipeline_release(rows.pipeline);
  }
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &why), 0);
  const struct run_rows *last = &l.state.runs[l.state.runs_len - 1];
  assert_string_equal(last->linked_from_id, c[RUNS - 2].run.id.text);
  assert_string_equal(last->linked_before, buf_cstr(&nearest));
  store_loaded_release(&l);
  history_free(h);
  arena_release(&a);
  buf_release(&nearest);
  buf_release(&why);
}

static void an_empty_store_loads_as_nothing(void **state) {
  struct sandbox *s = *state;
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  assert_int_equal(l.state.pipelines_len + l.state.runs_len + l.state.schedules_len, 0);
  assert_int_equal(l.state.pause.at, INSTANT_NONE);
  assert_int_equal(l.state.next_key, 1);
  store_loaded_release(&l);
}

/* The child tells each number through a pipe once its commit was acknowledged, and is killed at some moment. */
static void commit_for_ever(const char *dir, int pipe_fd) {
  struct store *store;
  if (store_open(dir, NOON, &store, NULL) != 0) _exit(1);
  struct change c[2] = {sample_pipeline(1, "nightly", 2), sample_version(2, 1, SAMPLE_JSON)};
  if (store_commit(store, c, 2, NULL) != 0) _exit(2);
  for (int64_t i = 1;; i++) {
    struct change run[2] = {sample_run(10 + i, 1, i, 2, RUN_QUEUED),
                            sample_event(1000000 + i, EVENT_ROW_RUN, 10 + i, "queued")};
    if (store_commit(store, run, 2, NULL) != 0) _exit(3);
    if (store_tend(store, i % 7 == 0, NULL) != 0) _exit(4);
    if (write(pipe_fd, &i, sizeof i) != sizeof i) _exit(5);
  }
}

static void a_kill_loses_no_acknowledged_commit(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  for (int round = 0; round < 12; round++) {
    dir_remove_at(AT_FDCWD, s->dir);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) commit_for_ever(s->dir, fds[1]);
    close(fds[1]);
    int64_t acknowledged = 0;
    while (acknowledged < 3 + round * 17 && read(fds[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    kill(child, SIGKILL);
    while (read(fds[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    close(fds[0]);
    waitpid(child, NULL, 0);
    assert_true(acknowledged >= 3);
    sandbox_open(s);
    struct store_loaded l;
    assert_int_equal(store_load(s->store, &l, &s->why), 0);
    assert_in_range(l.state.runs_len, acknowledged, acknowledged + 1);
    struct store_health h;
    store_health(s->store, &h);
    assert_int_equal(h.commit_number, (int64_t)l.state.runs_len + 1);
    store_loaded_release(&l);
    sandbox_close(s);
  }
  sandbox_open(s);
}

static void daily_counts_add_up(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  struct change c = {CHANGE_DAILY, .daily = {20541, 1, RUN_FAILED, 1, 40}};
  for (int i = 0; i < 3; i++) sandbox_commit(s, &c, 1);
  char *path = sandbox_path(s, "rota.db"), line[64] = "";
  char *command = alloc_fmt("sqlite3 -readonly %s 'SELECT count, total FROM daily' 2>/dev/null", path);
  FILE *f = popen(command, "r");
  bool ran = fgets(line, sizeof line, f) != NULL;
  pclose(f);
  free(command);
  free(path);
  if (!ran) {
    print_message("skipped: there is no sqlite3 program\n");
    return;
  }
  assert_string_equal(line, "3|120\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(every_row_comes_back_as_it_was_committed),
      STORE_TEST(a_later_row_replaces_what_may_change),
      STORE_TEST(a_run_knows_the_runs_before_the_one_that_it_came_from),
      STORE_TEST(an_empty_store_loads_as_nothing),
      STORE_TEST(a_kill_loses_no_acknowledged_commit),
      STORE_TEST(daily_counts_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
