/* How the supervisor ends what it runs: time-outs, stops, and what a task leaves behind. */
#include "tests/unit/worker/supervised.h"

static void time_out_asks_first_and_kills_after_the_grace(void **state) {
  (void)state;
  static const struct {
    const char *script, *file;
    int at_least, at_most;
  } rows[] = {
      {"sleep 30", "exit.143.timed_out", 200, 450},
      {"trap 'exit 7' TERM; sleep 30 & wait", "exit.7.timed_out", 200, 480},
      {"trap '' TERM; sleep 30; sleep 30", "exit.137.timed_out", 500, 1000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    setup_init(&s, (const char *[]){"timeout_us=200000", NULL});
    shell(&s, rows[i].script);
    int64_t from = now_ms();
    run_to_end(&s, 20000);
    int64_t took = now_ms() - from;
    assert_string_equal(exit_file(s.dir), rows[i].file);
    assert_in_range((uint64_t)took, (uint64_t)rows[i].at_least, (uint64_t)rows[i].at_most + 4000);
  }
}

/* What it left behind still holds its output when the time is over. */
static void end_before_the_time_out_stands(void **state) {
  (void)state;
  static const struct {
    const char *script, *file;
  } rows[] = {{"sleep 30 & exit 0", "exit.0.exited"}, {"sleep 30 & exit 3", "exit.3.exited"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    setup_init(&s, (const char *[]){"timeout_us=1000000", NULL});
    shell(&s, rows[i].script);
    run_to_end(&s, 20000);
    assert_string_equal(exit_file(s.dir), rows[i].file);
  }
}

static void time_out_holds_when_the_starter_is_dead(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, (const char *[]){"timeout_us=300000", NULL});
  const char *mark = unique_sleep();
  put(&s, "argument", "sleep");
  put(&s, "argument", mark);
  write_spec(&s);
  pid_t starter = fork();
  if (starter == 0) {
    spawn_on(s.dir);
    _exit(0);
  }
  waitpid(starter, NULL, 0);
  assert_true(wait_there(s.dir, "exit.143.timed_out", 20000));
  assert_false(running_with(mark));
}

static void stop_obeys_its_file(void **state) {
  (void)state;
  static const struct {
    const char *text, *script, *file;
    int at_most;
  } rows[] = {
      {"rota=1\n", "sleep 30", "exit.143.stopped", 200},
      {"", "sleep 30", "exit.143.stopped", 200},
      {"rota=1\n", "trap '' TERM; while :; do sleep 30; done", "exit.137.stopped", 800},
      {"rota=1\ngrace_us=0\n", "trap 'exit 0' TERM; while :; do sleep 0.01; done", "exit.137.stopped", 200},
      {"rota=1\ngrace_us=5000000\n", "trap 'sleep 0.5; exit 4' TERM; while :; do sleep 0.01; done", "exit.4.stopped",
       1200},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    setup_init(&s, NULL);
    char script[256];
    snprintf(script, sizeof script, "echo up; %s", rows[i].script);
    shell(&s, script);
    pid_t pid = begin(&s);
    assert_true(wait_there(s.dir, "log", 20000));
    pause_ms(100);
    stop_file(s.dir, rows[i].text);
    int64_t from = now_ms();
    kill(pid, SIGTERM);
    assert_int_equal(wait_for(pid, 20000), 0);
    assert_string_equal(exit_file(s.dir), rows[i].file);
    assert_in_range((uint64_t)(now_ms() - from), 0, (uint64_t)rows[i].at_most + 4000);
  }
}

static void second_stop_cuts_the_grace_short(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, (const char *[]){"grace_us=60000000", NULL});
  shell(&s, "trap '' TERM; echo up; while :; do sleep 0.1; done");
  pid_t pid = begin(&s);
  assert_true(wait_there(s.dir, "log", 20000));
  stop_file(s.dir, "rota=1\n");
  kill(pid, SIGTERM);
  pause_ms(200);
  assert_string_equal(exit_file(s.dir), "");
  stop_file(s.dir, "rota=1\ngrace_us=0\n");
  kill(pid, SIGTERM);
  wait_for(pid, 20000);
  assert_string_equal(exit_file(s.dir), "exit.137.stopped");
}

static void stop_reaches_a_task_that_is_halted(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, (const char *[]){"grace_us=20000000", NULL});
  shell(&s, "echo up; kill -STOP $$; sleep 30");
  pid_t pid = begin(&s);
  assert_true(wait_there(s.dir, "log", 20000));
  pause_ms(50);
  stop_file(s.dir, "rota=1\n");
  kill(pid, SIGTERM);
  wait_for(pid, 20000);
  assert_string_equal(exit_file(s.dir), "exit.143.stopped");
}

static void term_without_a_stop_file_leaves_no_exit_file(void **state) {
  (void)state;
  struct setup s;
  const char *mark = unique_sleep();
  setup_init(&s, NULL);
  put(&s, "argument", "sleep");
  put(&s, "argument", mark);
  pid_t pid = begin(&s);
  assert_true(wait_there(s.dir, "owner", 20000));
  for (int i = 0; i < 200 && !running_with(mark); i++) pause_ms(5);
  kill(pid, SIGTERM);
  wait_for(pid, 20000);
  assert_string_equal(exit_file(s.dir), "");
  assert_false(running_with(mark));
  assert_non_null(strstr(content(s.dir, "result"), "note=from_outside\n"));
}

static void daemon_that_holds_the_output_is_killed_after_two_seconds(void **state) {
  (void)state;
  static const struct {
    const char *script;
    const char *leftovers;
    bool survives;
    const char *note;
  } rows[] = {
      {"setsid sh -c 'sleep $MARK; :' & exit 5", "kill", false, "note=leftovers_killed\n"},
      {"setsid sh -c 'trap \"\" TERM HUP; sleep $MARK; :' >/dev/null 2>&1 & exit 5", "kill", false,
       "note=leftovers_killed\n"},
      {"setsid sh -c 'sleep $MARK; :' & exit 5", "keep", true, "note=leftovers_kept\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    const char *mark = unique_sleep();
    setup_init(&s, NULL);
    put(&s, "leftovers", rows[i].leftovers);
    put_mark(&s, mark);
    shell(&s, rows[i].script);
    int64_t from = now_ms();
    run_to_end(&s, 20000);
    assert_in_range((uint64_t)(now_ms() - from), 1900, 6000);
    assert_string_equal(exit_file(s.dir), "exit.5.exited");
    assert_true(result_has(&s, rows[i].note));
    assert_int_equal(running_with(mark), rows[i].survives);
    pid_t left = process_with(mark);
    if (left > 0) kill(left, SIGKILL);
  }
}

static void stop_kills_a_double_forked_child_that_ignores_it(void **state) {
  (void)state;
  struct setup s;
  char script[256];
  const char *mark = unique_sleep();
  setup_init(&s, NULL);
  snprintf(script, sizeof script, "(setsid sh -c 'trap \"\" TERM; (sleep %s; :) & wait' &) ; echo up; sleep 30",
           mark);
  shell(&s, script);
  pid_t pid = begin(&s);
  assert_true(wait_there(s.dir, "log", 20000));
  for (int i = 0; i < 200 && !running_with(mark); i++) pause_ms(5);
  stop_file(s.dir, "rota=1\n");
  kill(pid, SIGTERM);
  wait_for(pid, 20000);
  assert_string_equal(exit_file(s.dir), "exit.143.stopped");
  assert_false(running_with(mark));
}

static void a_burst_of_forks_is_ended(void **state) {
  (void)state;
  struct setup s;
  char script[256];
  const char *mark = unique_sleep();
  setup_init(&s, (const char *[]){"timeout_us=300000", NULL});
  snprintf(script, sizeof script,
           "trap '' TERM; while :; do setsid sh -c 'trap \"\" TERM; sleep %s & sleep %s' & sleep 0.01; done", mark,
           mark);
  shell(&s, script);
  run_to_end(&s, 20000);
  assert_string_equal(exit_file(s.dir), "exit.137.timed_out");
  assert_false(running_with(mark));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(time_out_asks_first_and_kills_after_the_grace),
      cmocka_unit_test(end_before_the_time_out_stands),
      cmocka_unit_test(time_out_holds_when_the_starter_is_dead),
      cmocka_unit_test(stop_obeys_its_file),
      cmocka_unit_test(second_stop_cuts_the_grace_short),
      cmocka_unit_test(stop_reaches_a_task_that_is_halted),
      cmocka_unit_test(term_without_a_stop_file_leaves_no_exit_file),
      cmocka_unit_test(daemon_that_holds_the_output_is_killed_after_two_seconds),
      cmocka_unit_test(stop_kills_a_double_forked_child_that_ignores_it),
      cmocka_unit_test(a_burst_of_forks_is_ended),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
