/* The local executor with the real supervisor: from the start of an attempt to its end, and the files of a run. */
#include "tests/unit/worker/bench.h"

#include <sys/mount.h>
#include <sys/resource.h>

static void attempt_starts_and_ends_with_its_figures(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "echo hello\nexit 3\n");
  const char *id = start(&b, &j);
  instant before = clock_now();
  const struct seen *s = await(&b, id, REPORT_ENDED, 3000);
  assert_int_equal(s->how, ENDED_EXITED);
  assert_int_equal(s->status, 3);
  assert_int_equal(s->log_bytes, 6);
  assert_true(s->cpu_us >= 0 && s->max_rss_kb > 0);
  assert_true(s->started_at > before - USEC_PER_SEC && s->ended_at >= s->started_at);
  const struct seen *started = await(&b, id, REPORT_STARTED, 0);
  assert_true(started < s);
  assert_true(started->pid > 1);
  turn(&b, 50);
  assert_int_equal(finals(&b, id), 1);
  assert_int_equal(b.e->ops->stop(b.e, id, false), ERR_NOT_FOUND);
  bench_end(&b);
}

static void launch_failure_is_told_with_its_stage(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "true");
  j.argv[0] = "no_such_shell";
  const struct seen *s = await(&b, start(&b, &j), REPORT_ENDED, 3000);
  assert_int_equal(s->how, ENDED_LAUNCH_FAILED);
  assert_string_equal(s->stage, "exec");
  assert_int_equal(s->errnum, ENOENT);
  assert_string_equal(s->text, "its program can't be executed: No such file or directory");
  assert_null(find(&b, j.id.text, REPORT_STARTED));
  const struct launch_env env[] = {{.file = "/no/such.env"}};
  prepare_script(&j, "true");
  j.launch.env = env;
  j.launch.env_len = 1;
  s = await(&b, start(&b, &j), REPORT_ENDED, 3000);
  assert_string_equal(s->text, "an env_file can't be used: /no/such.env: No such file or directory");
  bench_end(&b);
}

static void environment_is_built_in_layers(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "env | sort; pwd");
  const struct launch_env env[] = {
      {.name = "LANG", .value = "de_DE"}, {.name = "ROTA_DIR", .value = "/evil"}, {.name = "X", .value = "a\nb=c"}};
  j.launch.env = env;
  j.launch.env_len = 3;
  j.launch.path = "/opt/x/bin";
  j.launch.context = "{}";
  j.launch.context_len = 2;
  await(&b, start(&b, &j), REPORT_ENDED, 3000);
  char *dir = alloc_strdup(dir_of(&b, &j));
  const char *log = content(dir, "log");
  char line[2048];
  const char *wanted[] = {"LANG=de_DE\n",
                          "PATH=/opt/x/bin:/usr/local/bin:/usr/bin:/bin\n",
                          "TZ=Europe/Berlin\n",
                          "PYTHONUNBUFFERED=1\n",
                          "X=a\nb=c\n",
                          "HOME=/",
                          "USER=",
                          "LOGNAME=",
                          "SHELL=/"};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    if (!strstr(log, wanted[i])) fail_msg("%s is missing in\n%s", wanted[i], log);
  }
  static const char *const paths[][2] = {{"ROTA_OUTPUT", "output"},       {"ROTA_METRICS", "metrics"},
                                         {"ROTA_ARTIFACTS", "artifacts"}, {"ROTA_CHECKS", "checks"},
                                         {"ROTA_SUMMARY", "summary.md"},  {"ROTA_PROGRESS", "progress"},
                                         {"ROTA_CONTEXT", "context.json"}};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    snprintf(line, sizeof line, "%s=%s/%s\n", paths[i][0], dir, paths[i][1]);
    if (!strstr(log, line)) fail_msg("%s is missing in\n%s", line, log);
  }
  snprintf(line, sizeof line, "ROTA_DIR=%s\n", dir);
  assert_non_null(strstr(log, line));
  snprintf(line, sizeof line, "ROTA_STATE=%s/work/%s.state/t.0\n", b.state, j.run.text);
  assert_non_null(strstr(log, line));
  snprintf(line, sizeof line, "\n%s/work/%s\n", b.state, j.run.text);
  assert_non_null(strstr(log, line)); /* pwd */
  assert_string_equal(content(dir, "context.json"), "{}");
  free(dir);
  bench_end(&b);
}

static void script_without_a_shell_is_run_by_its_first_line(void **state) {
  (void)state;
  static const struct {
    const char *script, *log;
  } rows[] = {
      {"#!/bin/sh\necho plain", "plain\n"},
      {"#! /bin/sh -e  \nfalse; echo never", ""},
      {"#!/usr/bin/env sh\necho $0 | grep -c script", "1\n"},
      {"echo no line", "no line\n"},
  };
  struct bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct job_for_test j;
    prepare_script(&j, rows[i].script);
    j.launch.argc = 0;
    await(&b, start(&b, &j), REPORT_ENDED, 3000);
    assert_string_equal(content(dir_of(&b, &j), "log"), rows[i].log);
  }
  bench_end(&b);
}

static void fifty_at_once_all_end_once(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test jobs[50];
  while (waitpid(-1, NULL, 0) > 0) { /* what executors of other tests were freed too early to reap */
  }
  bench_init(&b);
  for (size_t i = 0; i < 50; i++) {
    prepare_script(&jobs[i], "echo $ROTA_ATTEMPT_ID; sleep 0.2");
    start(&b, &jobs[i]);
  }
  for (size_t i = 0; i < 50; i++) {
    const struct seen *s = await(&b, jobs[i].id.text, REPORT_ENDED, 10000);
    assert_int_equal(s->status, 0);
    assert_int_equal(s->log_bytes, 27);
  }
  turn(&b, 100);
  for (size_t i = 0; i < 50; i++) assert_int_equal(finals(&b, jobs[i].id.text), 1);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* all supervisors are reaped */
  assert_int_equal(errno, ECHILD);
  bench_end(&b);
}

static void killed_supervisor_is_lost_and_its_task_killed(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  char script[256];
  const char *mark = unique_sleep();
  bench_init(&b);
  snprintf(script, sizeof script, "setsid sleep %s & env -i setsid -w sleep %s0 & sleep %s1", mark, mark, mark);
  prepare_script(&j, script);
  const char *id = start(&b, &j);
  await(&b, id, REPORT_STARTED, 3000);
  char *last = alloc_fmt("%s1", mark);
  for (int i = 0; i < 300 && !running_with(last); i++) pause_ms(5);
  kill(owner_pid(&b, &j), SIGKILL);
  const struct seen *s = await(&b, id, REPORT_LOST, 5000);
  assert_non_null(strstr(s->text, "its supervisor is gone without a result"));
  assert_false(running_with(last));
  free(last);
  turn(&b, 50);
  assert_int_equal(finals(&b, id), 1);
  pid_t stray = process_with(mark); /* without its environment and in a session of its own nobody can know it */
  if (stray > 0) kill(stray, SIGKILL);
  bench_end(&b);
}

/* A library that waits for any child, or a process in which children are reaped by the kernel, takes the exit status
 * away: the files say how it ended, and nobody waits for a child that has gone. */
static void end_is_known_though_another_reaps(void **state) {
  (void)state;
  static const char *const programs[] = {NULL, "/bin/true"};
  signal(SIGCHLD, SIG_IGN);
  for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
    struct bench b;
    struct job_for_test j;
    bench_supervisor = programs[i];
    bench_init(&b);
    prepare_script(&j, "exit 3");
    const char *id = start(&b, &j);
    if (!programs[i])
      assert_int_equal(await(&b, id, REPORT_ENDED, 5000)->status, 3);
    else
      assert_int_equal(await(&b, id, REPORT_NOT_STARTED, 5000)->err, ERR_AGAIN);
    turn(&b, 50);
    assert_int_equal(finals(&b, id), 1);
    bench_end(&b);
  }
  bench_supervisor = NULL;
  signal(SIGCHLD, SIG_DFL);
}

static void term_from_outside_is_lost(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  const char *mark = unique_sleep();
  char script[64];
  bench_init(&b);
  snprintf(script, sizeof script, "exec sleep %s", mark);
  prepare_script(&j, script);
  const char *id = start(&b, &j);
  await(&b, id, REPORT_STARTED, 3000);
  kill(owner_pid(&b, &j), SIGTERM);
  const struct seen *s = await(&b, id, REPORT_LOST, 5000);
  assert_non_null(strstr(s->text, "told to end by somebody else"));
  assert_true(gone_within(mark, 1000));
  bench_end(&b);
}

static void stop_ends_it_as_stopped(void **state) {
  (void)state;
  static const struct {
    const char *script;
    bool now;
    int status;
  } rows[] = {{"sleep 30", false, 143},
              {"trap 'exit 9' TERM; sleep 30 & wait", false, 9},
              {"trap '' TERM; sleep 30; sleep 30", false, 137},
              {"trap 'exit 9' TERM; sleep 30 & wait", true, 137}};
  struct bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct job_for_test j;
    prepare_script(&j, rows[i].script);
    const char *id = start(&b, &j);
    await(&b, id, REPORT_STARTED, 3000);
    turn(&b, 100);
    assert_int_equal(b.e->ops->stop(b.e, id, rows[i].now), 0);
    const struct seen *s = await(&b, id, REPORT_ENDED, 3000);
    assert_int_equal(s->how, ENDED_STOPPED);
    assert_int_equal(s->status, rows[i].status);
  }
  bench_end(&b);
}

static void stop_before_the_start_fences(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test jobs[40];
  bench_init(&b);
  for (size_t i = 0; i < 40; i++) {
    prepare_script(&jobs[i], "sleep 30");
    start(&b, &jobs[i]);
  }
  for (size_t i = 0; i < 40; i++) assert_int_equal(b.e->ops->stop(b.e, jobs[i].id.text, true), 0);
  size_t fenced = 0;
  for (size_t i = 0; i < 40; i++) {
    for (int k = 0; k < 1000 && finals(&b, jobs[i].id.text) == 0; k++) uv_run(&b.loop, UV_RUN_ONCE);
    assert_int_equal(finals(&b, jobs[i].id.text), 1);
    const struct seen *s = find(&b, jobs[i].id.text, REPORT_ENDED);
    if (s)
      assert_int_equal(s->how, ENDED_STOPPED);
    else
      fenced += find(&b, jobs[i].id.text, REPORT_FENCED) != NULL;
  }
  assert_true(fenced > 0);
  bench_end(&b);
}

static void start_sent_again_runs_once(void **state) {
  (void)state;
  struct bench b, other;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "echo run >> $ROTA_WORK/runs; sleep 0.3");
  const char *id = start(&b, &j);
  start(&b, &j); /* to the same executor */
  bench_again(&other, &b);
  start(&other, &j); /* and to another life of the daemon */
  assert_int_equal(await(&b, id, REPORT_ENDED, 3000)->status, 0);
  assert_int_equal(await(&other, id, REPORT_ENDED, 3000)->status, 0);
  start(&b, &j); /* and once it has ended */
  b.seen.len = 0;
  assert_int_equal(await(&b, id, REPORT_ENDED, 3000)->status, 0);
  char work[1024];
  snprintf(work, sizeof work, "%s/work/%s", b.state, j.run.text);
  assert_string_equal(content(work, "runs"), "run\n");
  bench_end(&other);
  bench_end(&b);
}

static void replaced_program_is_not_mixed_in(void **state) {
  (void)state;
  struct bench b = {0};
  struct job_for_test j;
  struct buf program = {0};
  char path[1024];
  snprintf(path, sizeof path, "%s/program", scratch());
  snprintf(b.state, sizeof b.state, "%s/replaced", scratch());
  assert_int_equal(file_read(supervisor(), 1 << 20, &program), 0);
  assert_int_equal(file_write(path, program.bytes, program.len, 0755, false), 0);
  setenv("ROTA_SUPERVISE", path, 1);
  bench_open(&b);
  unsetenv("ROTA_SUPERVISE");
  assert_int_equal(file_write(path, "#!/bin/false\n", 13, 0755, false), 0);
  prepare_script(&j, "exit 2");
  assert_int_equal(await(&b, start(&b, &j), REPORT_ENDED, 3000)->status, 2);
  buf_release(&program);
  bench_end(&b);
}

static void full_disk_is_not_a_start(void **state) {
  (void)state;
  struct bench b = {0};
  struct job_for_test j;
  snprintf(b.state, sizeof b.state, "%s/small", scratch());
  mkdir(b.state, 0700);
  if (mount("none", b.state, "tmpfs", 0, "size=64k")) {
    print_message("skipped: a small tmpfs can't be mounted here\n");
    skip();
  }
  bench_open(&b);
  char *big = alloc_zeroed(1, 200000);
  memset(big, '#', 199999);
  prepare_script(&j, big);
  const struct seen *s = await(&b, start(&b, &j), REPORT_NOT_STARTED, 3000);
  int err = s->err;
  bool left = there(dir_of(&b, &j), "");
  prepare_script(&j, "exit 8");
  int status = await(&b, start(&b, &j), REPORT_ENDED, 3000)->status;
  bench_end(&b);
  umount2(b.state, MNT_DETACH);
  free(big);
  assert_int_equal(err, ERR_FULL);
  assert_false(left);
  assert_int_equal(status, 8);
}

static void shortage_of_descriptors_puts_a_start_off(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  struct rlimit before, low;
  bench_init(&b);
  getrlimit(RLIMIT_NOFILE, &before);
  int next = dup(0);
  close(next);
  low = (struct rlimit){(rlim_t)next, before.rlim_max};
  prepare_script(&j, "true");
  setrlimit(RLIMIT_NOFILE, &low);
  const struct seen *s = await(&b, start(&b, &j), REPORT_NOT_STARTED, 3000);
  setrlimit(RLIMIT_NOFILE, &before);
  assert_int_equal(s->err, ERR_AGAIN);
  b.seen.len = 0;
  start(&b, &j);
  assert_int_equal(await(&b, j.id.text, REPORT_ENDED, 3000)->status, 0);
  bench_end(&b);
}

/* The daemon needs many descriptors; a program that still uses select(2) must not be given more than it can count. */
static void task_has_the_descriptor_limit_that_it_is_given(void **state) {
  (void)state;
  static const uint64_t limits[] = {123, 0};
  struct rlimit ours;
  getrlimit(RLIMIT_NOFILE, &ours);
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    struct bench b;
    struct job_for_test j;
    bench_files = limits[i];
    bench_init(&b);
    prepare_script(&j, "ulimit -Sn; ulimit -Hn");
    await(&b, start(&b, &j), REPORT_ENDED, 3000);
    char *rest = NULL;
    assert_int_equal(strtoull(content(dir_of(&b, &j), "log"), &rest, 10), limits[i] ? limits[i] : ours.rlim_cur);
    if (ours.rlim_max != RLIM_INFINITY) assert_int_equal(strtoull(rest, NULL, 10), ours.rlim_max);
    bench_end(&b);
  }
  bench_files = 0;
}

static void state_lives_over_attempts_unless_it_is_to_be_fresh(void **state) {
  (void)state;
  static const struct {
    bool fresh;
    const char *log;
  } rows[] = {{false, "0\n"}, {false, "1\n"}, {true, "0\n"}, {false, "1\n"}};
  struct bench b;
  struct id run = fresh_id();
  bench_init(&b);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct job_for_test j;
    prepare_script(&j, "ls $ROTA_STATE | wc -l; echo x > $ROTA_STATE/x");
    j.run = run;
    j.launch.fresh_state = rows[i].fresh;
    await(&b, start(&b, &j), REPORT_ENDED, 3000);
    assert_string_equal(content(dir_of(&b, &j), "log"), rows[i].log);
  }
  bench_end(&b);
}

/* The daemon died before what it had moved away was removed, and its supervisor couldn't be made. */
static void state_that_was_emptied_before_holds_up_no_start(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "ls $ROTA_STATE | wc -l");
  j.launch.fresh_state = true;
  char *old = alloc_fmt("%s/work/%s.state/.old.%s", b.state, j.run.text, j.id.text), *left = path_join(old, "left");
  char *emptied = alloc_fmt("%s/work/%s.state/t.0", b.state, j.run.text);
  assert_int_equal(dir_make(left, 0700), 0);
  assert_int_equal(dir_make(emptied, 0700), 0);
  await(&b, start(&b, &j), REPORT_ENDED, 3000);
  assert_string_equal(content(dir_of(&b, &j), "log"), "0\n");
  for (int i = 0; i < 400 && access(old, F_OK) == 0; i++) pause_ms(5);
  assert_int_not_equal(access(old, F_OK), 0);
  free(old);
  free(left);
  free(emptied);
  bench_end(&b);
}

static bool path_there(const struct bench *b, const char *below, const struct id *run, const char *suffix) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s/%s%s", b->state, below, run->text, suffix);
  return access(path, F_OK) == 0;
}

static void sweep_removes_what_it_is_told(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, "mkdir -p $ROTA_WORK/a/b; echo x > $ROTA_WORK/a/b/c; echo y > $ROTA_STATE/y");
  await(&b, start(&b, &j), REPORT_ENDED, 3000);
  assert_true(path_there(&b, "work", &j.run, "/a/b/c") && path_there(&b, "work", &j.run, ".state/t.0/y"));
  assert_int_equal(b.e->ops->sweep(b.e, "../../etc", true), ERR_INVALID);
  assert_int_equal(b.e->ops->sweep(b.e, j.run.text, false), 0);
  for (int i = 0; i < 400 && path_there(&b, "work", &j.run, ".state"); i++) pause_ms(5);
  assert_false(path_there(&b, "work", &j.run, ""));
  assert_false(path_there(&b, "work", &j.run, ".state"));
  assert_true(path_there(&b, "runs", &j.run, ""));
  b.e->ops->sweep(b.e, j.run.text, true);
  for (int i = 0; i < 400 && path_there(&b, "runs", &j.run, ""); i++) pause_ms(5);
  assert_false(path_there(&b, "runs", &j.run, ""));
  bench_end(&b);
}

static void files_of_a_run_are_handed_on(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test from, to;
  bench_init(&b);
  prepare_script(&from, "cd $ROTA_WORK; mkdir d; echo one > d/f; chmod 751 d; ln -s f d/l; mkfifo p; echo s > "
                        "$ROTA_STATE/s");
  await(&b, start(&b, &from), REPORT_ENDED, 3000);
  const char *keys[] = {"t.0", "none.0"};
  prepare_script(&to, "cat $ROTA_WORK/d/l $ROTA_STATE/s; ls $ROTA_WORK; stat -c %a $ROTA_WORK/d");
  for (int i = 0; i < 2; i++) { /* a second time too */
    b.seen.len = 0;
    assert_int_equal(b.e->ops->prepare(b.e, to.run.text, from.run.text, keys, 2), 0);
    const struct seen *s = await(&b, to.run.text, REPORT_PREPARED, 3000);
    assert_int_equal(s->err, 0);
  }
  await(&b, start(&b, &to), REPORT_ENDED, 3000);
  assert_string_equal(content(dir_of(&b, &to), "log"), "one\ns\nd\n751\n");
  bench_end(&b);
}

static void supervisor_that_cannot_be_opened_is_an_error(void **state) {
  (void)state;
  uv_loop_t loop;
  int err = 0;
  char dir[512];
  snprintf(dir, sizeof dir, "%s/none", scratch());
  const struct local_options o = {.state_dir = dir, .supervisor_path = "/no/such/program"};
  uv_loop_init(&loop);
  assert_null(local_new(&loop, &o, on_report, NULL, &err));
  assert_int_equal(err, ERR_NOT_FOUND);
  assert_int_equal(uv_loop_close(&loop), 0);
}

static int teardown(void **state) {
  (void)state;
  scratch_remove();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attempt_starts_and_ends_with_its_figures),
      cmocka_unit_test(launch_failure_is_told_with_its_stage),
      cmocka_unit_test(environment_is_built_in_layers),
      cmocka_unit_test(script_without_a_shell_is_run_by_its_first_line),
      cmocka_unit_test(fifty_at_once_all_end_once),
      cmocka_unit_test(killed_supervisor_is_lost_and_its_task_killed),
      cmocka_unit_test(end_is_known_though_another_reaps),
      cmocka_unit_test(term_from_outside_is_lost),
      cmocka_unit_test(stop_ends_it_as_stopped),
      cmocka_unit_test(stop_before_the_start_fences),
      cmocka_unit_test(start_sent_again_runs_once),
      cmocka_unit_test(replaced_program_is_not_mixed_in),
      cmocka_unit_test(full_disk_is_not_a_start),
      cmocka_unit_test(shortage_of_descriptors_puts_a_start_off),
      cmocka_unit_test(task_has_the_descriptor_limit_that_it_is_given),
      cmocka_unit_test(state_lives_over_attempts_unless_it_is_to_be_fresh),
      cmocka_unit_test(state_that_was_emptied_before_holds_up_no_start),
      cmocka_unit_test(sweep_removes_what_it_is_told),
      cmocka_unit_test(files_of_a_run_are_handed_on),
      cmocka_unit_test(supervisor_that_cannot_be_opened_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
