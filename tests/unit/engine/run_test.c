/* Runs from their making to their end: readiness, `when`, failures, matrices, finally, cancel, time-outs. */
#include "tests/unit/engine/sim.h"

static struct sim s;

static int open_sim(void **state) {
  (void)state;
  sim_open(&s, NULL);
  return 0;
}

static int close_sim(void **state) {
  (void)state;
  sim_close(&s);
  return 0;
}

static void begin(const char *yaml) {
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
  assert_int_equal(s.status, 201);
}

static void a_chain_runs_one_task_after_the_other(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a}\n  c: {run: 'true', needs: b}\n");
  assert_run(&s, 1, "running");
  assert_task(&s, 1, "a", "starting");
  assert_task(&s, 1, "b", "waiting");
  sim_started(&s, "a");
  assert_task(&s, 1, "a", "running");
  assert_null(sim_find_live(&s, "b"));
  sim_exit(&s, "a", 0);
  assert_task(&s, 1, "a", "succeeded");
  assert_task(&s, 1, "b", "starting");
  sim_exit(&s, "b", 0);
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "succeeded");
  assert_int_equal(sim_run(&s, 1)->tasks_done, 3);
  assert_int_equal(engine_runs(s.e), 0);
  assert_int_equal(s.dailies.len, 1);
  assert_int_equal(s.hourlies.len, 1);
  assert_int_equal(s.hourlies.items[0].state, s.dailies.items[0].state);
  assert_int_equal(s.hourlies.items[0].hour / 24, s.dailies.items[0].day);
}

/* What becomes of b, which needs a and c, by how these two ended. -1: it isn't started by then. */
static void readiness_follows_the_ends_of_what_is_needed(void **state) {
  (void)state;
  static const struct {
    int a, c;
    const char *when, *b, *run;
  } rows[] = {
      {0, 0, "", "starting", "running"},
      {0, 99, "", "starting", "running"},
      {99, 99, "", "skipped", "succeeded"},
      {1, 0, "", "upstream_failed", "failed"},
      {1, 99, "", "upstream_failed", "failed"},
      {1, 0, "always()", "starting", "running"},
      {1, 0, "failure()", "starting", "running"},
      {0, 0, "failure()", "skipped", "succeeded"},
      {1, 0, "success()", "upstream_failed", "failed"},
      {99, 99, "success()", "skipped", "succeeded"},
      {99, 99, "always()", "starting", "running"},
      {0, 0, "params.n == 3", "starting", "running"},
      {0, 0, "params.n == 4", "skipped", "succeeded"},
      {1, 0, "params.n == 3", "upstream_failed", "failed"},
      {1, 0, "tasks.a.state == 'failed' && always()", "starting", "running"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char yaml[512];
    snprintf(yaml, sizeof yaml,
             "params:\n  n: {type: int, default: 3}\ntasks:\n  a: {run: 'true'}\n  c: {run: 'true'}\n"
             "  b:\n    run: 'true'\n    needs: [a, c]\n    %s%s%s\n",
             *rows[i].when ? "when: \"" : "", rows[i].when, *rows[i].when ? "\"" : "");
    begin(yaml);
    sim_exit(&s, "a", rows[i].a);
    assert_task(&s, 1, "b", "waiting");
    sim_exit(&s, "c", rows[i].c);
    print_message("row %zu: %s\n", i, rows[i].when);
    assert_task(&s, 1, "b", rows[i].b);
    assert_run(&s, 1, rows[i].run);
    sim_close(&s);
    sim_open(&s, NULL);
  }
}

static void a_failure_stops_its_own_branch_alone(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a}\n  c: {run: 'true', needs: b}\n"
        "  x: {run: 'true'}\n  y: {run: 'true', needs: x}\n");
  sim_exit(&s, "a", 1);
  assert_task(&s, 1, "b", "upstream_failed");
  assert_task(&s, 1, "c", "upstream_failed");
  assert_run(&s, 1, "running");
  sim_exit(&s, "x", 0);
  sim_exit(&s, "y", 0);
  assert_run(&s, 1, "failed");
  assert_string_equal(sim_run(&s, 1)->reason, "failed: a");
  assert_int_equal(sim_run(&s, 1)->tasks_failed, 1);
}

static void an_allowed_failure_counts_as_success(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', allow_failure: true, outputs: {n: int}}\n"
        "  b: {run: 'true', needs: a, when: tasks.a.outputs.n == null}\n");
  sim_exit(&s, "a", 3);
  assert_task(&s, 1, "a", "failed");
  assert_task(&s, 1, "b", "starting");
  sim_exit(&s, "b", 0);
  assert_run(&s, 1, "succeeded");
}

static void outputs_reach_the_expressions_of_those_that_need_them(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', outputs: {rmse: float}}\n"
        "  b: {run: 'true', needs: a, when: tasks.a.outputs.rmse < 0.5}\n");
  sim_end_as(&s, "a", ENGINE_END_EXITED, 0, "rmse=0.25\n");
  assert_task(&s, 1, "b", "starting");
  assert_int_equal(s.outputs.len, 1);
  assert_string_equal(s.outputs.items[0].json, "0.25");
}

static void a_missing_output_fails_the_task(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', outputs: {rows: int}}\n");
  sim_end_as(&s, "a", ENGINE_END_EXITED, 0, "other=1\n");
  assert_task(&s, 1, "a", "failed");
  assert_non_null(strstr(sim_task(&s, 1, "a")->reason, "rows"));
}

static void a_matrix_is_needed_as_a_whole(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n  e: {run: 'true', needs: t}\n");
  assert_int_equal(sim_run(&s, 1)->tasks, 4);
  sim_exit(&s, "t[1]", 0);
  sim_exit(&s, "t[3]", 0);
  assert_task(&s, 1, "e", "waiting");
  assert_non_null(strstr(sim_why(&s, 1, "e"), "t (1 of 3 left)"));
  sim_exit(&s, "t[2]", 0);
  assert_task(&s, 1, "e", "starting");
}

static void same_pairs_the_instances(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2]}\n"
        "  u:\n    run: 'true'\n    matrix: {x: [1, 2]}\n    needs: {t: same}\n");
  sim_exit(&s, "t[1]", 0);
  assert_task(&s, 1, "u[1]", "starting");
  assert_task(&s, 1, "u[2]", "waiting");
  sim_exit(&s, "t[2]", 1);
  assert_task(&s, 1, "u[2]", "upstream_failed");
}

static void an_empty_matrix_is_skipped(void **state) {
  (void)state;
  begin("params:\n  xs: {type: list, items: int, default: []}\n"
        "tasks:\n  t:\n    run: 'true'\n    matrix: {x: '${{ params.xs }}'}\n  e: {run: 'true', needs: t}\n");
  assert_task(&s, 1, "e", "skipped");
  assert_run(&s, 1, "succeeded");
}

static void fail_fast_ends_the_siblings(void **state) {
  (void)state;
  begin("max_tasks: 2\ntasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n    fail_fast: true\n");
  sim_started(&s, "t[2]");
  sim_exit(&s, "t[1]", 1);
  assert_task(&s, 1, "t[3]", "cancelled");
  assert_task(&s, 1, "t[2]", "stopping");
  assert_int_equal(sim_live(&s, "t[2]")->stops, 1);
  sim_end_as(&s, "t[2]", ENGINE_END_STOPPED, 143, NULL);
  assert_task(&s, 1, "t[2]", "cancelled");
  assert_run(&s, 1, "failed");
}

static void fail_fast_ends_siblings_that_could_not_be_launched_either(void **state) {
  (void)state;
  begin(
      "params: {d: {type: string, default: ''}}\n"
      "tasks:\n  t:\n    run: 'true'\n    dir: '${{ params.d }}'\n    matrix: {x: [1, 2, 3]}\n    fail_fast: true\n");
  assert_task(&s, 1, "t[1]", "failed");
  assert_non_null(strstr(sim_task(&s, 1, "t[1]")->reason, "dir: it is empty"));
  assert_task(&s, 1, "t[2]", "cancelled");
  assert_task(&s, 1, "t[3]", "cancelled");
  assert_run(&s, 1, "failed");
}

static void finally_runs_last_after_a_failure_and_after_a_cancel(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a}\n  z: {run: 'true', finally: true}\n");
  sim_exit(&s, "a", 1);
  assert_task(&s, 1, "z", "starting");
  sim_exit(&s, "z", 0);
  assert_run(&s, 1, "failed");
  sim_trigger(&s, "p");
  sim_started(&s, "a");
  sim_cancel(&s, 2, NULL);
  assert_task(&s, 2, "b", "cancelled");
  assert_task(&s, 2, "z", "waiting");
  sim_end_as(&s, "a", ENGINE_END_STOPPED, 143, NULL);
  assert_task(&s, 2, "z", "starting");
  assert_run(&s, 2, "cancelling");
  sim_exit(&s, "z", 0);
  assert_run(&s, 2, "cancelled");
}

static void a_second_cancel_ends_finally_tasks_at_once(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  z: {run: 'true', finally: true}\n");
  sim_cancel(&s, 1, NULL);
  sim_cancel(&s, 1, NULL);
  assert_task(&s, 1, "z", "cancelled");
  assert_true(sim_live(&s, "a")->stop_now);
  sim_end_as(&s, "a", ENGINE_END_STOPPED, 137, NULL);
  assert_run(&s, 1, "cancelled");
}

static void an_end_that_was_quicker_than_the_stop_stands(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_started(&s, "a");
  sim_cancel(&s, 1, NULL);
  sim_exit(&s, "a", 0);
  assert_task(&s, 1, "a", "succeeded");
  assert_run(&s, 1, "cancelled");
}

static void a_cancelled_task_stops_those_that_need_it(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', retries: 3}\n  b: {run: 'true', needs: a}\n  c: {run: 'true'}\n");
  sim_started(&s, "a");
  sim_cancel(&s, 1, "a");
  sim_end_as(&s, "a", ENGINE_END_STOPPED, 143, NULL);
  assert_task(&s, 1, "a", "cancelled");
  assert_task(&s, 1, "b", "upstream_failed");
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "cancelled");
  assert_string_equal(sim_run(&s, 1)->reason, "cancelled: a,b");
}

static void the_time_of_a_run_ends_its_tasks_and_fails_it(void **state) {
  (void)state;
  begin("timeout: 10m\ntasks:\n  a: {run: 'true', retries: 2}\n  b: {run: 'true', needs: a}\n"
        "  z: {run: 'true', finally: true}\n");
  sim_started(&s, "a");
  assert_true(s.step.wake_mono == s.now.mono + 10 * USEC_PER_MIN);
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_task(&s, 1, "a", "stopping");
  sim_end_as(&s, "a", ENGINE_END_STOPPED, 143, NULL);
  assert_task(&s, 1, "a", "cancelled");
  sim_exit(&s, "z", 0);
  assert_run(&s, 1, "failed");
  assert_string_equal(sim_run(&s, 1)->reason, "time-out");
}

static void a_late_or_repeated_report_changes_nothing(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a}\n");
  struct engine_event late = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_ENDED);
  sim_exit(&s, "a", 0);
  late.report.status = 1;
  sim_event(&s, late);
  assert_int_equal(s.step.changes.len, 0);
  assert_task(&s, 1, "a", "succeeded");
}

static void an_expression_that_fails_at_run_time_fails_the_task_without_an_attempt(void **state) {
  (void)state;
  begin("params:\n  n: {type: int, default: 0}\ntasks:\n  a: {run: 'true', when: 1 / params.n > 1}\n");
  assert_task(&s, 1, "a", "failed");
  assert_int_equal(s.attempts.len, 0);
  assert_run(&s, 1, "failed");
}

static void a_run_that_has_too_many_tasks_is_refused(void **state) {
  (void)state;
  sim_load(&s, "p",
           "params:\n  xs: {type: list, items: int, default: []}\ntasks:\n  t:\n    run: 'true'\n"
           "    matrix: {x: '${{ params.xs }}', y: '${{ params.xs }}'}\n");
  struct buf text = {0};
  for (int i = 0; i < 101; i++) buf_fmt(&text, "%s%d", i ? "," : "", i);
  struct param_given given = {.name = "xs", .text = buf_cstr(&text)};
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = "p", .params = &given, .params_len = 1, .scheduled_for = INSTANT_NONE};
  sim_event(&s, ev);
  buf_release(&text);
  assert_int_equal(s.status, 422);
  assert_int_equal(s.runs.len, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_chain_runs_one_task_after_the_other),
      test(readiness_follows_the_ends_of_what_is_needed),
      test(a_failure_stops_its_own_branch_alone),
      test(an_allowed_failure_counts_as_success),
      test(outputs_reach_the_expressions_of_those_that_need_them),
      test(a_missing_output_fails_the_task),
      test(a_matrix_is_needed_as_a_whole),
      test(same_pairs_the_instances),
      test(an_empty_matrix_is_skipped),
      test(fail_fast_ends_the_siblings),
      test(fail_fast_ends_siblings_that_could_not_be_launched_either),
      test(finally_runs_last_after_a_failure_and_after_a_cancel),
      test(a_second_cancel_ends_finally_tasks_at_once),
      test(an_end_that_was_quicker_than_the_stop_stands),
      test(a_cancelled_task_stops_those_that_need_it),
      test(the_time_of_a_run_ends_its_tasks_and_fails_it),
      test(a_late_or_repeated_report_changes_nothing),
      test(an_expression_that_fails_at_run_time_fails_the_task_without_an_attempt),
      test(a_run_that_has_too_many_tasks_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
