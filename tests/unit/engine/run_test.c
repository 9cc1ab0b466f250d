/* Runs from their making to their end: readiness, `when`, failures, matrices, finally. */
#include "tests/unit/engine/sim.h"

static void a_chain_runs_one_task_after_the_other(void **state) {
  (void)state;
  struct sim s;
  sim_open(&s, NULL);
  sim_load(&s, "p", "tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a}\n  c: {run: 'true', needs: b}\n");
  sim_trigger(&s, "p");
  assert_int_equal(s.status, 201);
  assert_run(&s, 1, "running");
  assert_task(&s, 1, "a", "starting");
  assert_task(&s, 1, "b", "waiting");
  sim_started(&s, "a");
  assert_task(&s, 1, "a", "running");
  assert_null(sim_live(&s, "b"));
  sim_exit(&s, "a", 0);
  assert_task(&s, 1, "a", "succeeded");
  assert_task(&s, 1, "b", "starting");
  sim_exit(&s, "b", 0);
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "succeeded");
  assert_int_equal(sim_run(&s, 1)->tasks_done, 3);
  assert_int_equal(engine_runs(s.e), 0);
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_chain_runs_one_task_after_the_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
