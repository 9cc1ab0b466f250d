/* Retries: backoff, the two budgets, exit codes, what never started, the host that has the state. */
#include "tests/unit/engine/sim.h"

#include "scheduler/engine/retry.h"

static struct sim s;

static int open_sim(void **state) {
  (void)state;
  sim_open_hosts(&s, "hosts:\n  h1: {slots: {gpu: 1}}\n  h2: {slots: {gpu: 4}}\ngroups:\n  gpus: [h1, h2]\n");
  return 0;
}

static int close_sim(void **state) {
  (void)state;
  sim_close(&s);
  return 0;
}

static void begin(const char *task) {
  char yaml[512];
  snprintf(yaml, sizeof yaml, "tasks:\n  a: {run: 'true', %s}\n  b: {run: 'true', needs: a}\n", task);
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
  assert_int_equal(s.status, 201);
}

static void backoff_grows_by_the_factor_up_to_the_cap(void **state) {
  (void)state;
  static const struct {
    int64_t delay_s;
    double factor;
    int64_t cap_s, n, wanted_s;
  } rows[] = {{10, 2, 600, 1, 10},   {10, 2, 600, 2, 20},  {10, 2, 600, 6, 320}, {10, 2, 600, 7, 600},
              {10, 2, 600, 99, 600}, {10, 1, 600, 50, 10}, {30, 3, 20, 1, 20},   {0, 2, 600, 9, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct retry_policy p = {0, 0, rows[i].delay_s * USEC_PER_SEC, rows[i].cap_s * USEC_PER_SEC, rows[i].factor};
    assert_int_equal(retry_backoff(&p, rows[i].n), rows[i].wanted_s * USEC_PER_SEC);
  }
}

static void retry_waits_for_backoff(void **state) {
  (void)state;
  begin("retries: {max: 2, delay: 30s, jitter: none}");
  sim_exit(&s, "a", 1);
  const struct task_row *t = sim_task(&s, 1, "a");
  assert_task(&s, 1, "a", "waiting");
  assert_int_equal(t->wait, WAIT_RETRY);
  assert_true(t->not_before == s.now.wall + 30 * USEC_PER_SEC);
  assert_string_equal(sim_why(&s, 1, "a"), "retry 1 of 2 at 00:00:30 UTC; the last attempt: exit status 1");
  sim_later(&s, 29 * USEC_PER_SEC);
  assert_null(sim_find_live(&s, "a"));
  sim_later(&s, 1 * USEC_PER_SEC);
  assert_non_null(sim_find_live(&s, "a"));
  sim_exit(&s, "a", 1);
  assert_true(sim_task(&s, 1, "a")->not_before == s.now.wall + 60 * USEC_PER_SEC);
  sim_later(&s, 60 * USEC_PER_SEC);
  sim_exit(&s, "a", 1);
  assert_task(&s, 1, "a", "failed");
  assert_int_equal(s.attempts.len, 3);
  assert_run(&s, 1, "failed");
}

static void full_jitter_stays_below_the_backoff_and_is_spread(void **state) {
  (void)state;
  instant least = INT64_MAX, most = 0;
  for (int i = 0; i < 50; i++) {
    begin("retries: {max: 1, delay: 100s}");
    sim_exit(&s, "a", 1);
    sim_later(&s, 0);
    duration d = sim_task(&s, i + 1, "a")->not_before - s.now.wall;
    if (d < least) least = d;
    if (d > most) most = d;
    sim_cancel(&s, i + 1, NULL);
  }
  assert_true(least >= 0 && least < 20 * USEC_PER_SEC && most > 80 * USEC_PER_SEC && most <= 100 * USEC_PER_SEC);
}

static void exit_statuses_decide_whether_it_is_tried_again(void **state) {
  (void)state;
  static const struct {
    const char *policy;
    enum engine_end end;
    int status;
    const char *then;
  } rows[] = {
      {"retries: 1", ENGINE_END_EXITED, 1, "waiting"},
      {"retries: 1", ENGINE_END_EXITED, 78, "failed"},
      {"retries: 1", ENGINE_END_EXITED, 99, "skipped"},
      {"retries: 0", ENGINE_END_EXITED, 1, "failed"},
      {"retries: {max: 1, exit_codes: [75]}", ENGINE_END_EXITED, 1, "failed"},
      {"retries: {max: 1, exit_codes: [75]}", ENGINE_END_EXITED, 75, "waiting"},
      {"retries: {max: 1, exit_codes: [75]}", ENGINE_END_TIMED_OUT, 137, "waiting"},
      {"retries: {max: 1, not_exit_codes: [2]}", ENGINE_END_EXITED, 2, "failed"},
      {"retries: {max: 1, not_exit_codes: [2]}", ENGINE_END_EXITED, 137, "waiting"},
      {"retries: {max: 1, exit_codes: [78]}", ENGINE_END_EXITED, 78, "failed"},
      {"retries: 1", ENGINE_END_LAUNCH_FAILED, 127, "waiting"},
      {"retries: 0", ENGINE_END_TIMED_OUT, 137, "timed_out"},
      {"retries: 0", ENGINE_END_STOPPED, 143, "waiting"}, /* stopped by nobody here: lost, and that has a budget */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    print_message("row %zu\n", i);
    begin(rows[i].policy);
    sim_end_as(&s, "a", rows[i].end, rows[i].status, NULL);
    assert_task(&s, 1, "a", rows[i].then);
    close_sim(NULL);
    open_sim(NULL);
  }
}

static void a_loss_uses_a_budget_of_its_own(void **state) {
  (void)state;
  begin("retries: {max: 1, lost: 2, delay: 0s}");
  sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
  sim_idle(&s);
  sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
  sim_idle(&s);
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  assert_int_equal(sim_task(&s, 1, "a")->failures, 1);
  assert_int_equal(sim_task(&s, 1, "a")->losses, 2);
  sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
  assert_task(&s, 1, "a", "lost");
  assert_int_equal(s.attempts.len, 4);
}

static void what_never_started_uses_no_budget_and_keeps_its_id(void **state) {
  (void)state;
  static const int waits_s[] = {1, 2, 4, 8, 16, 30, 30};
  begin("retries: 0");
  for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
    sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
    assert_true(s.step.wake_mono == s.now.mono + waits_s[i] * USEC_PER_SEC);
    sim_later(&s, waits_s[i] * USEC_PER_SEC);
    assert_int_equal(s.procs.items[0].starts, (int)i + 2);
  }
  assert_int_equal(s.attempts.len, 1);
  sim_exit(&s, "a", 0);
  assert_task(&s, 1, "a", "succeeded");
}

static void what_waits_to_be_started_again_is_cancelled_at_once(void **state) {
  (void)state;
  begin("retries: 0");
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
  sim_cancel(&s, 1, NULL);
  assert_task(&s, 1, "a", "cancelled");
  assert_run(&s, 1, "cancelled");
  assert_int_equal(s.attempts.items[0].state, TASK_CANCELLED);
  assert_int_equal(s.procs.items[0].stops, 0);
}

static void a_fenced_attempt_is_replaced_by_another(void **state) {
  (void)state;
  begin("retries: 0");
  sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  assert_int_equal(s.attempts.len, 2);
  assert_task(&s, 1, "a", "starting");
  assert_int_equal(sim_task(&s, 1, "a")->losses, 0);
}

static void retry_now_ends_the_wait(void **state) {
  (void)state;
  begin("retries: {max: 1, delay: 1h, cap: 1h, jitter: none}");
  sim_exit(&s, "a", 1);
  struct engine_event ev = {.kind = ENGINE_RETRY_NOW};
  ev.retry_now = (struct engine_retry_now){sim_anna(), sim_run(&s, 1)->id.text, "a"};
  sim_event(&s, ev);
  assert_int_equal(s.status, 200);
  assert_task(&s, 1, "a", "starting");
  sim_event(&s, ev);
  assert_int_equal(s.status, 409);
}

static void a_silent_host_makes_it_unreachable_and_never_failed(void **state) {
  (void)state;
  begin("retries: 2");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  assert_task(&s, 1, "a", "unreachable");
  sim_later(&s, 30 * USEC_PER_DAY);
  assert_task(&s, 1, "a", "unreachable");
  sim_kind(&s, "a", ENGINE_REPORT_REACHABLE, false);
  assert_task(&s, 1, "a", "running");
  assert_int_equal(s.attempts.len, 1);
}

static void a_person_can_have_a_silent_one_tried_again(void **state) {
  (void)state;
  begin("retries: {lost: 1, delay: 0s}, on: gpus, slots: {gpu: 1}, unreachable: {after: 6h, then: retry}");
  assert_string_equal(sim_live(&s, "a")->host, "h2");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  sim_later(&s, 6 * USEC_PER_HOUR - 1);
  assert_int_equal(s.attempts.len, 1);
  sim_later(&s, 1);
  sim_idle(&s);
  assert_int_equal(s.attempts.len, 2);
  assert_int_equal(s.attempts.items[0].state, TASK_LOST);
  assert_string_equal(sim_live(&s, "a")->host, "h1"); /* not where the first may still be alive */
}

static void a_retry_goes_back_to_the_host_that_has_the_state(void **state) {
  (void)state;
  begin("retries: {max: 1, delay: 0s}, on: gpus, slots: {gpu: 1}");
  assert_string_equal(sim_live(&s, "a")->host, "h2"); /* it has more free units */
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  assert_string_equal(sim_live(&s, "a")->host, "h2");
  assert_string_equal(sim_task(&s, 1, "a")->state_host, "h2");
}

/* The clock of its host was ahead, or this one was set back. */
static void what_is_cancelled_while_it_waits_for_a_retry_did_not_end_before_it_started(void **state) {
  (void)state;
  begin("retries: {max: 1, delay: 30s}");
  sim_exit(&s, "a", 1);
  instant started = sim_task(&s, 1, "a")->started_at;
  s.now.wall -= USEC_PER_HOUR;
  sim_cancel(&s, 1, "a");
  assert_task(&s, 1, "a", "cancelled");
  assert_true(sim_task(&s, 1, "a")->ended_at >= started);
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(backoff_grows_by_the_factor_up_to_the_cap),
      test(retry_waits_for_backoff),
      test(full_jitter_stays_below_the_backoff_and_is_spread),
      test(exit_statuses_decide_whether_it_is_tried_again),
      test(a_loss_uses_a_budget_of_its_own),
      test(what_never_started_uses_no_budget_and_keeps_its_id),
      test(what_waits_to_be_started_again_is_cancelled_at_once),
      test(a_fenced_attempt_is_replaced_by_another),
      test(retry_now_ends_the_wait),
      test(a_silent_host_makes_it_unreachable_and_never_failed),
      test(a_person_can_have_a_silent_one_tried_again),
      test(a_retry_goes_back_to_the_host_that_has_the_state),
      test(what_is_cancelled_while_it_waits_for_a_retry_did_not_end_before_it_started),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
