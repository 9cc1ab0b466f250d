/* Who starts, and where: slots, limits, groups, max_tasks, priorities, the longest path, and why someone waits. */
#include "tests/unit/engine/sim.h"

static struct sim s;

static int open_sim(void **state) {
  (void)state;
  sim_open_hosts(&s, "slots: {cpu: 4, gpu: 2}\nlimits: {warehouse: 2}\n"
                     "hosts:\n  h1: {slots: {tpu: 2}, max_tasks: 3}\n  h2: {slots: {tpu: 3}}\n"
                     "groups:\n  tpus: [h1, h2]\n");
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

static void a_task_without_slots_holds_a_cpu(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3, 4, 5]}\n");
  assert_int_equal(sim_live_count(&s), 4);
  assert_string_equal(s.attempts.items[0].slots, "{\"cpu\":[\"0\"]}");
  assert_string_equal(s.attempts.items[3].slots, "{\"cpu\":[\"3\"]}");
  assert_int_equal(sim_task(&s, 1, "t[5]")->wait, WAIT_SLOT);
  sim_exit(&s, "t[2]", 0);
  assert_string_equal(s.attempts.items[4].slots, "{\"cpu\":[\"1\"]}");
}

static void why_names_the_slot_and_who_holds_it(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n    slots: {gpu: 1}\n");
  assert_string_equal(sim_why(&s, 1, "t[3]"), "waits for slot gpu on local: held by p#1 t[1], p#1 t[2]");
  sim_exit(&s, "t[1]", 0);
  assert_string_equal(sim_why(&s, 1, "t[3]"), "starting on local, attempt 1");
}

static void a_full_slot_holds_up_nobody_else(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n    slots: {gpu: 1}\n    priority: 9\n"
        "  u: {run: 'true'}\n");
  assert_int_equal(sim_live_count(&s), 3);
  assert_task(&s, 1, "u", "starting");
}

static void a_run_at_its_max_tasks_holds_up_no_other(void **state) {
  (void)state;
  sim_load(&s, "q", "max_tasks: 1\npriority: 5\ntasks:\n  a: {run: 'true'}\n  b: {run: 'true'}\n");
  sim_trigger(&s, "q");
  sim_load(&s, "p", "tasks:\n  x: {run: 'true'}\n");
  sim_trigger(&s, "p");
  assert_int_equal(sim_live_count(&s), 2);
  assert_non_null(sim_find_live(&s, "x"));
  sim_exit(&s, "a", 0);
  assert_non_null(sim_find_live(&s, "b"));
}

static void who_needs_two_units_is_not_passed_for_ever(void **state) {
  (void)state;
  begin(
      "tasks:\n  a: {run: 'true', slots: {gpu: 1}, priority: 9}\n  big: {run: 'true', slots: {gpu: 2}, priority: 5}\n"
      "  small: {run: 'true', slots: {gpu: 1}}\n");
  assert_task(&s, 1, "a", "starting");
  assert_task(&s, 1, "small", "waiting");
  sim_exit(&s, "a", 0);
  assert_task(&s, 1, "big", "starting");
  assert_task(&s, 1, "small", "waiting");
}

static void a_limit_counts_over_the_whole_installation(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n    on: tpus\n"
        "    slots: {warehouse: 1, tpu: 1}\n");
  assert_int_equal(sim_live_count(&s), 2);
  assert_string_equal(sim_why(&s, 1, "t[3]"),
                      "waits for slot warehouse: held by p#1 t[1], p#1 t[2]; waits for slot warehouse: held by p#1 "
                      "t[1], p#1 t[2]");
}

static void a_group_goes_to_the_member_with_most_free_units(void **state) {
  (void)state;
  static const char *const hosts[] = {"h2", "h1", "h2", "h1", "h2"};
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3, 4, 5]}\n    on: tpus\n    slots: {tpu: 1}\n");
  assert_int_equal(s.attempts.len, 5);
  for (size_t i = 0; i < 5; i++) assert_string_equal(s.attempts.items[i].host, hosts[i]);
}

static void a_host_takes_no_more_than_its_max_tasks(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3, 4]}\n    on: h1\n");
  assert_int_equal(sim_live_count(&s), 3);
  assert_string_equal(sim_why(&s, 1, "t[4]"), "waits for host h1: 3 of 3 tasks run there");
}

static void the_installation_takes_no_more_than_its_max_tasks(void **state) {
  (void)state;
  close_sim(NULL);
  sim_open(&s, "slots: {cpu: 8}\nmax_tasks: 2\n");
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n");
  sim_load(&s, "q", "tasks:\n  a: {run: 'true'}\n");
  sim_trigger(&s, "q");
  assert_int_equal(sim_live_count(&s), 2);
  assert_string_equal(sim_why(&s, 1, "t[3]"),
                      "waits for any task to end: 2 of 2 run (max_tasks of the configuration)");
  sim_exit(&s, "t[1]", 0);
  sim_exit(&s, "t[2]", 0);
  assert_non_null(sim_find_live(&s, "t[3]"));
  assert_non_null(sim_find_live(&s, "a"));
}

static void a_host_behind_ssh_waits_for_news_and_says_so(void **state) {
  (void)state;
  close_sim(NULL);
  sim_open(&s, "hosts:\n  gpu01: {ssh: ml@gpu01}\n");
  begin("tasks:\n  a: {run: 'true', on: gpu01}\n");
  assert_int_equal(sim_task(&s, 1, "a")->wait, WAIT_HOST);
  assert_string_equal(sim_why(&s, 1, "a"), "host gpu01 is being connected");
}

static void lowering_a_limit_stops_starts_and_no_task(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3]}\n    slots: {gpu: 1}\n");
  struct config *old = s.config;
  s.config = sim_config("slots: {cpu: 4, gpu: 1}\n");
  s.options.config = s.config;
  struct engine_event ev = {.kind = ENGINE_CONFIG};
  ev.config.config = s.config;
  sim_event(&s, ev);
  config_free(old);
  assert_int_equal(sim_live_count(&s), 2);
  sim_exit(&s, "t[1]", 0);
  assert_int_equal(sim_live_count(&s), 1); /* unit 0 is free, but unit 1 of the old two is still held */
  sim_exit(&s, "t[2]", 0);
  assert_task(&s, 1, "t[3]", "starting");
}

static void priority_goes_first_then_the_longest_path(void **state) {
  (void)state;
  begin("max_tasks: 1\ntasks:\n  short: {run: 'true'}\n  long: {run: 'true'}\n  after: {run: 'true', needs: long}\n"
        "  urgent: {run: 'true', priority: 1}\n");
  assert_task(&s, 1, "urgent", "starting");
  sim_exit(&s, "urgent", 0);
  assert_task(&s, 1, "long", "starting");
}

static void the_path_is_weighted_by_recent_durations(void **state) {
  (void)state;
  begin("max_tasks: 1\ntasks:\n  a: {run: 'true'}\n  b: {run: 'true'}\n");
  sim_started(&s, "a");
  sim_later(&s, USEC_PER_SEC / 2);
  sim_exit(&s, "a", 0);
  sim_started(&s, "b");
  sim_later(&s, USEC_PER_MIN);
  sim_exit(&s, "b", 0);
  assert_int_equal(s.stats.len, 1 + 1);
  sim_trigger(&s, "p");
  assert_task(&s, 2, "b", "starting");
  sim_restart(&s);
  sim_cancel(&s, 2, NULL);
  sim_end_as(&s, "b", ENGINE_END_STOPPED, 143, NULL);
  sim_trigger(&s, "p");
  assert_task(&s, 3, "b", "starting");
}

static void a_pause_of_all_starts_no_task_until_it_ends(void **state) {
  (void)state;
  sim_pause(&s, NULL);
  begin("tasks:\n  a: {run: 'true'}\n");
  assert_int_equal(sim_task(&s, 1, "a")->wait, WAIT_PAUSED);
  assert_string_equal(sim_why(&s, 1, "a"), "everything is paused by anna: maintenance");
  sim_restart(&s);
  assert_task(&s, 1, "a", "waiting");
  sim_resume(&s, NULL);
  assert_task(&s, 1, "a", "starting");
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_task_without_slots_holds_a_cpu),
      test(why_names_the_slot_and_who_holds_it),
      test(a_full_slot_holds_up_nobody_else),
      test(a_run_at_its_max_tasks_holds_up_no_other),
      test(who_needs_two_units_is_not_passed_for_ever),
      test(a_limit_counts_over_the_whole_installation),
      test(a_group_goes_to_the_member_with_most_free_units),
      test(a_host_takes_no_more_than_its_max_tasks),
      test(the_installation_takes_no_more_than_its_max_tasks),
      test(a_host_behind_ssh_waits_for_news_and_says_so),
      test(lowering_a_limit_stops_starts_and_no_task),
      test(priority_goes_first_then_the_longest_path),
      test(the_path_is_weighted_by_recent_durations),
      test(a_pause_of_all_starts_no_task_until_it_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
