/* Attempts that another life of the daemon started, or that must never start: adopted, judged lost, fenced. */
#include "tests/unit/worker/bench.h"

#include "worker/look.h"

/* Starts the attempt from a process that dies at once, as a daemon that is killed. */
static void start_and_die(struct bench *b, struct job_for_test *j) {
  pid_t child = fork();
  if (child == 0) {
    struct bench own;
    bench_again(&own, b);
    await(&own, start(&own, j), REPORT_STARTED, 3000);
    raise(SIGKILL);
  }
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
}

static void attempt_is_adopted_after_its_daemon_died(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "sleep 0.4; echo after; exit 5");
  start_and_die(&b, &j);
  const char *id = j.id.text;
  assert_int_equal(b.e->ops->adopt(b.e, j.run.text, id, 300000), 0);
  assert_true(await(&b, id, REPORT_STARTED, 3000)->pid > 1);
  const struct seen *s = await(&b, id, REPORT_ENDED, 3000);
  assert_int_equal(s->status, 5);
  assert_int_equal(s->log_bytes, 6);
  /* One that ended while nobody looked. */
  b.seen.len = 0;
  b.e->ops->adopt(b.e, j.run.text, id, 0);
  s = await(&b, id, REPORT_ENDED, 3000);
  assert_int_equal(s->status, 5);
  assert_true(s->ended_at > s->started_at);
  bench_end(&b);
}

static void adopted_attempt_can_be_stopped(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "trap '' TERM; echo up; sleep 30; sleep 30");
  start_and_die(&b, &j);
  assert_true(wait_there(dir_of(&b, &j), "log", 20000));
  assert_int_equal(b.e->ops->adopt(b.e, j.run.text, j.id.text, 200000), 0);
  assert_int_equal(b.e->ops->stop(b.e, j.id.text, false), 0); /* before it is even looked at */
  const struct seen *s = await(&b, j.id.text, REPORT_ENDED, 3000);
  assert_int_equal(s->how, ENDED_STOPPED);
  assert_int_equal(s->status, 137);
  bench_end(&b);
}

static void freeing_the_executor_leaves_tasks_alone(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "sleep 0.5; exit 4");
  await(&b, start(&b, &j), REPORT_STARTED, 3000);
  bench_close(&b);
  bench_open(&b);
  b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
  assert_int_equal(await(&b, j.id.text, REPORT_ENDED, 3000)->status, 4);
  bench_end(&b);
}

static void attempt_that_never_started_is_not_found(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "true");
  b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
  assert_int_equal(await(&b, j.id.text, REPORT_NOT_STARTED, 3000)->err, ERR_NOT_FOUND);
  /* With a directory and a spec, as after a crash before the spawn. */
  assert_int_equal(dir_make(dir_of(&b, &j), 0700), 0);
  b.seen.len = 0;
  b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
  assert_int_equal(await(&b, j.id.text, REPORT_NOT_STARTED, 3000)->err, ERR_NOT_FOUND);
  start(&b, &j);
  assert_int_equal(await(&b, j.id.text, REPORT_ENDED, 3000)->status, 0);
  bench_end(&b);
}

/* Writes an owner as a supervisor would have, with one thing changed. */
static void owner_write(const char *dir, int64_t pid, uint64_t start_time, const struct machine *m) {
  char path[1024], line[512];
  assert_int_equal(dir_make(dir, 0700), 0);
  snprintf(path, sizeof path, "%s/owner", dir);
  int n = snprintf(line, sizeof line, "rota=1 pid=%lld session=%lld start=%llu machine=%s boot=%s claimed=1\n",
                   (long long)pid, (long long)pid, (unsigned long long)start_time, m->id, m->boot);
  assert_int_equal(file_write(path, line, (size_t)n, 0644, false), 0);
}

static void owner_is_judged_by_its_whole_identity(void **state) {
  (void)state;
  struct bench b;
  struct machine here, rebooted, elsewhere;
  struct process_stat st;
  bench_init(&b);
  machine_here(&here);
  rebooted = elsewhere = here;
  strcpy(rebooted.boot, "00000000-0000-0000-0000-000000000000");
  strcpy(elsewhere.id, "0123456789abcdef0123456789abcdef");
  pid_t stranger = fork(); /* lives in a session of the number that the owner names */
  if (stranger == 0) {
    alarm(20); /* so that a failed test leaves nobody behind */
    setsid();
    for (;;) pause();
  }
  pause_ms(50);
  assert_int_equal(process_stat(stranger, &st), 0);
  const struct {
    uint64_t start;
    const struct machine *machine;
    enum report_kind kind;
    const char *text;
  } rows[] = {
      {st.start, &here, REPORT_STARTED, ""},
      {st.start + 1, &here, REPORT_LOST, "its supervisor is gone without a result"},
      {st.start, &rebooted, REPORT_LOST, "the machine was rebooted"},
      {st.start, &elsewhere, REPORT_UNREACHABLE, "it is run by another machine that shares the directory"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct job_for_test j;
    prepare_script(&j, "true");
    owner_write(dir_of(&b, &j), stranger, rows[i].start, rows[i].machine);
    b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
    assert_string_equal(await(&b, j.id.text, rows[i].kind, 3000)->text, rows[i].text);
  }
  assert_int_equal(waitpid(stranger, NULL, WNOHANG), 0); /* nobody touched the stranger */
  kill(stranger, SIGKILL);
  waitpid(stranger, NULL, 0);
  bench_end(&b);
}

static void damaged_owner_is_lost(void **state) {
  (void)state;
  static const char *const lines[] = {"",
                                      "rota=1 pid=", "rota=1 pid=1 session=1 start=1 machine=- boot=- claimed=1\n"};
  struct bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct job_for_test j;
    char path[1024];
    prepare_script(&j, "true");
    dir_make(dir_of(&b, &j), 0700);
    snprintf(path, sizeof path, "%s/owner", dir_of(&b, &j));
    file_write(path, lines[i], strlen(lines[i]), 0644, false);
    b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
    await(&b, j.id.text, REPORT_LOST, 3000);
  }
  bench_end(&b);
}

/* A task may write into its directory; whatever it puts there, nobody waits for it. */
static void pipes_in_place_of_files_hold_nothing_up(void **state) {
  (void)state;
  static const struct {
    const char *pipe, *owner;
    enum report_kind kind;
  } rows[] = {
      {"exit.0.exited", NULL, REPORT_ENDED},
      {"result", "", REPORT_LOST},
      {"owner", NULL, REPORT_UNREACHABLE}, /* its supervisor may be alive: nobody can say */
  };
  struct bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct job_for_test j;
    char path[1024];
    prepare_script(&j, "true");
    dir_make(dir_of(&b, &j), 0700);
    snprintf(path, sizeof path, "%s/%s", dir_of(&b, &j), rows[i].pipe);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/owner", dir_of(&b, &j));
    if (rows[i].owner) file_write(path, rows[i].owner, strlen(rows[i].owner), 0644, false);
    b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
    await(&b, j.id.text, rows[i].kind, 5000);
  }
  bench_end(&b);
}

/* An attempt of which nothing can be told: a pipe lies where its owner is written down. */
static void adopt_unreadable(struct bench *b, struct job_for_test *j) {
  char path[1024];
  bench_init(b);
  prepare_script(j, "true");
  dir_make(dir_of(b, j), 0700);
  snprintf(path, sizeof path, "%s/owner", dir_of(b, j));
  assert_int_equal(mkfifo(path, 0600), 0);
  b->e->ops->adopt(b->e, j->run.text, j->id.text, 0);
  await(b, j->id.text, REPORT_UNREACHABLE, 5000);
}

static void put_end(struct bench *b, struct job_for_test *j, const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", dir_of(b, j), name);
  file_write(path, "", 0, 0644, false);
}

static void stop_of_an_unreachable_attempt_looks_again(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  adopt_unreadable(&b, &j);
  put_end(&b, &j, "exit.143.stopped");
  assert_int_equal(b.e->ops->stop(b.e, j.id.text, false), 0);
  assert_int_equal(await(&b, j.id.text, REPORT_ENDED, 3000)->status, 143);
  bench_end(&b);
}

static void an_unreachable_attempt_is_looked_at_again_by_itself(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  adopt_unreadable(&b, &j);
  put_end(&b, &j, "exit.0.exited");
  assert_int_equal(await(&b, j.id.text, REPORT_ENDED, 12000)->status, 0);
  bench_end(&b);
}

static void figures_that_cannot_be_are_unknown(void **state) {
  (void)state;
  static const char text[] = "rota=1\nstarted=-9223372036854775807\nended=9223372036854775807\n"
                             "cpu_us=99999999999999999999\nmax_rss_kb=9223372036854775807\nlog_bytes=7 or 8\n";
  struct bench b;
  struct job_for_test j;
  char path[1024];
  bench_init(&b);
  prepare_script(&j, "true");
  dir_make(dir_of(&b, &j), 0700);
  snprintf(path, sizeof path, "%s/exit.0.exited", dir_of(&b, &j));
  file_write(path, text, sizeof text - 1, 0644, false);
  b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
  const struct seen *s = await(&b, j.id.text, REPORT_ENDED, 3000);
  assert_true(s->started_at == INSTANT_NONE);
  assert_true(s->ended_at == INSTANT_NONE);
  assert_int_equal(s->cpu_us, -1);
  assert_int_equal(s->max_rss_kb, -1);
  assert_int_equal(s->log_bytes, -1);
  bench_end(&b);
}

static void fence_keeps_an_attempt_from_ever_starting(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "true");
  assert_int_equal(b.e->ops->fence(b.e, j.run.text, j.id.text), 0);
  await(&b, j.id.text, REPORT_FENCED, 3000);
  b.seen.len = 0;
  start(&b, &j);
  await(&b, j.id.text, REPORT_FENCED, 3000);
  assert_string_equal(exit_file(dir_of(&b, &j)), "");
  bench_end(&b);
}

/* What the next life does with a cancelled attempt of which it found nothing, while one of the former is on its way.
 */
static void fence_after_a_look_meets_the_late_one_too(void **state) {
  (void)state;
  struct bench former, b;
  bench_init(&former);
  bench_again(&b, &former);
  struct job_for_test j;
  prepare_script(&j, "echo ran");
  b.e->ops->adopt(b.e, j.run.text, j.id.text, 0);
  await(&b, j.id.text, REPORT_NOT_STARTED, 3000);
  assert_int_equal(b.e->ops->stop(b.e, j.id.text, false), ERR_NOT_FOUND);
  assert_int_equal(b.e->ops->fence(b.e, j.run.text, j.id.text), 0);
  await(&b, j.id.text, REPORT_FENCED, 3000);
  start(&former, &j);
  await(&former, j.id.text, REPORT_FENCED, 3000);
  assert_false(there(dir_of(&b, &j), "log"));
  bench_end(&b);
  bench_end(&former);
}

static void fence_and_start_have_one_winner(void **state) {
  (void)state;
  struct bench b, other;
  bench_init(&b);
  bench_again(&other, &b);
  for (size_t i = 0; i < 30; i++) {
    struct job_for_test j;
    prepare_script(&j, "echo ran");
    start(&b, &j);
    other.e->ops->fence(other.e, j.run.text, j.id.text);
    for (int k = 0; k < 2000 && !(finals(&b, j.id.text) && finals(&other, j.id.text)); k++) {
      uv_run(&b.loop, UV_RUN_NOWAIT);
      uv_run(&other.loop, UV_RUN_NOWAIT);
      pause_ms(1);
    }
    bool fenced = find(&b, j.id.text, REPORT_FENCED) != NULL;
    assert_int_equal(fenced, find(&other, j.id.text, REPORT_FENCED) != NULL);
    assert_int_equal(!fenced, find(&b, j.id.text, REPORT_ENDED) != NULL);
    assert_int_equal(!fenced, find(&other, j.id.text, REPORT_ENDED) != NULL);
    assert_int_equal(!fenced, there(dir_of(&b, &j), "log"));
  }
  bench_end(&other);
  bench_end(&b);
}

static void removed_directory_is_lost(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "sleep 0.5");
  await(&b, start(&b, &j), REPORT_STARTED, 3000);
  dir_remove_at(AT_FDCWD, dir_of(&b, &j));
  assert_non_null(strstr(await(&b, j.id.text, REPORT_LOST, 5000)->text, "its directory was removed"));
  bench_end(&b);
}

static int teardown(void **state) {
  (void)state;
  scratch_remove();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attempt_is_adopted_after_its_daemon_died),
      cmocka_unit_test(adopted_attempt_can_be_stopped),
      cmocka_unit_test(freeing_the_executor_leaves_tasks_alone),
      cmocka_unit_test(attempt_that_never_started_is_not_found),
      cmocka_unit_test(owner_is_judged_by_its_whole_identity),
      cmocka_unit_test(damaged_owner_is_lost),
      cmocka_unit_test(pipes_in_place_of_files_hold_nothing_up),
      cmocka_unit_test(stop_of_an_unreachable_attempt_looks_again),
      cmocka_unit_test(an_unreachable_attempt_is_looked_at_again_by_itself),
      cmocka_unit_test(figures_that_cannot_be_are_unknown),
      cmocka_unit_test(fence_keeps_an_attempt_from_ever_starting),
      cmocka_unit_test(fence_after_a_look_meets_the_late_one_too),
      cmocka_unit_test(fence_and_start_have_one_winner),
      cmocka_unit_test(removed_directory_is_lost),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
