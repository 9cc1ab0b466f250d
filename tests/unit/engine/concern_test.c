/* What a person should look at: who can't be reached, who waits for very long, and what is no concern. */
#include "tests/unit/engine/sim.h"

static struct sim s;
static struct arena a;

static int open_sim(void **state) {
  (void)state;
  sim_open_hosts(&s, "slots: {cpu: 8, gpu: 1}\n");
  return 0;
}

static int close_sim(void **state) {
  (void)state;
  sim_close(&s);
  arena_release(&a);
  return 0;
}

static size_t concerns(struct engine_concern **out) {
  return engine_concerns(s.e, s.now, &a, out);
}

static const char gpus[] = "tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n    slots: {gpu: 1}\n";

static void a_wait_for_a_slot_is_one_row_after_ten_minutes(void **state) {
  (void)state;
  struct engine_concern *c;
  sim_load(&s, "p", gpus);
  sim_load(&s, "q", gpus);
  sim_trigger(&s, "p");
  instant since = s.now.wall;
  sim_trigger(&s, "q");
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_int_equal(concerns(&c), 0);
  sim_later(&s, 1);
  assert_int_equal(concerns(&c), 1);
  assert_true(c->waits);
  assert_int_equal(c->count, 5);
  assert_int_equal(c->runs_len, 2);
  assert_string_equal(c->pipeline, "p");
  assert_int_equal(c->number, 1);
  assert_string_equal(c->task, "t[2]");
  assert_int_equal(c->since, since);
  assert_string_equal(c->why, "waits for slot gpu on local: held by p#1 t[1]");
}

static void a_wait_beyond_three_times_the_usual_is_told_sooner(void **state) {
  (void)state;
  struct engine_concern *c;
  sim_load(&s, "p", gpus);
  sim_trigger(&s, "p");
  for (int i = 1; i <= 3; i++) {
    char label[8];
    snprintf(label, sizeof label, "t[%d]", i);
    sim_exit(&s, label, 0);
  }
  sim_trigger(&s, "p");
  sim_later(&s, 2 * USEC_PER_MIN);
  assert_int_equal(concerns(&c), 0);
  sim_later(&s, USEC_PER_SEC);
  assert_int_equal(concerns(&c), 1);
  assert_int_equal(c->count, 2);
}

static void what_can_not_be_killed_is_told_after_its_grace(void **state) {
  (void)state;
  struct engine_concern *c;
  sim_load(&s, "p", "tasks:\n  t: {run: 'true', grace: 10s}\n  u: {run: 'true'}\n");
  sim_trigger(&s, "p");
  sim_started(&s, "t");
  sim_started(&s, "u");
  instant since = s.now.wall;
  sim_cancel(&s, 1, "t");
  sim_later(&s, 10 * USEC_PER_SEC + ENGINE_STUCK_LONG - 1);
  assert_int_equal(concerns(&c), 0);
  sim_later(&s, 1);
  assert_int_equal(concerns(&c), 1);
  assert_true(c->stuck && !c->waits);
  assert_string_equal(c->task, "t");
  assert_int_equal(c->since, since);
  assert_non_null(strstr(c->why, "can't be killed on local"));
  sim_restart(&s); /* it gets its time anew */
  assert_int_equal(concerns(&c), 0);
  sim_later(&s, 10 * USEC_PER_SEC + ENGINE_STUCK_LONG);
  assert_int_equal(concerns(&c), 1);
  sim_end_as(&s, "t", ENGINE_END_STOPPED, 137, NULL);
  assert_int_equal(concerns(&c), 0);
}

static void what_the_own_run_or_a_pause_holds_back_is_no_concern(void **state) {
  (void)state;
  struct engine_concern *c;
  sim_load(&s, "p", "max_tasks: 1\ntasks:\n  t: {run: 'true', matrix: {x: [1, 2, 3]}}\n");
  sim_trigger(&s, "p");
  sim_later(&s, USEC_PER_HOUR);
  assert_int_equal(concerns(&c), 0);
  sim_load(&s, "q", gpus);
  sim_trigger(&s, "q");
  sim_pause(&s, NULL);
  sim_later(&s, USEC_PER_HOUR);
  assert_int_equal(concerns(&c), 0);
}

static void tasks_of_a_host_that_does_not_answer_are_one_row(void **state) {
  (void)state;
  struct engine_concern *c;
  sim_load(&s, "p", "tasks:\n  t: {run: 'true', matrix: {x: [1, 2, 3]}}\n");
  sim_trigger(&s, "p");
  sim_started(&s, "t[1]");
  sim_later(&s, USEC_PER_SEC);
  sim_started(&s, "t[3]");
  sim_kind(&s, "t[1]", ENGINE_REPORT_UNREACHABLE, false);
  instant since = s.now.wall;
  sim_later(&s, USEC_PER_SEC);
  sim_kind(&s, "t[3]", ENGINE_REPORT_UNREACHABLE, false);
  assert_int_equal(concerns(&c), 1);
  assert_false(c->waits);
  assert_int_equal(c->count, 2);
  assert_string_equal(c->host, "local");
  assert_string_equal(c->task, "t[1]");
  assert_int_equal(c->since, since);
  assert_false(c->overdue);
  assert_int_equal(c->runs_len, 1);
}

static void the_busy_ones_are_those_that_live(void **state) {
  (void)state;
  struct engine_busy busy[2];
  sim_load(&s, "p", "tasks:\n  t: {run: 'true', matrix: {x: [1, 2, 3]}}\n  u: {needs: t, run: 'true'}\n");
  sim_trigger(&s, "p");
  assert_int_equal(engine_busy(s.e, sim_run(&s, 1)->id.text, busy, 2), 2);
  assert_int_equal(busy[0].state, TASK_STARTING);
  sim_exit(&s, "t[1]", 0);
  sim_exit(&s, "t[2]", 0);
  assert_int_equal(engine_busy(s.e, sim_run(&s, 1)->id.text, busy, 2), 1);
  assert_string_equal(busy[0].label, "t[3]");
  assert_int_equal(engine_busy(s.e, "nobody", busy, 2), 0);
}

#define CONCERN_TEST(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      CONCERN_TEST(a_wait_for_a_slot_is_one_row_after_ten_minutes),
      CONCERN_TEST(a_wait_beyond_three_times_the_usual_is_told_sooner),
      CONCERN_TEST(what_can_not_be_killed_is_told_after_its_grace),
      CONCERN_TEST(what_the_own_run_or_a_pause_holds_back_is_no_concern),
      CONCERN_TEST(tasks_of_a_host_that_does_not_answer_are_one_row),
      CONCERN_TEST(the_busy_ones_are_those_that_live),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
