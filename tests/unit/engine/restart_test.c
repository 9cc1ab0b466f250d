/* The daemon dies at any point: what the rows say goes on, and nothing happens twice. */
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

static void a_recorded_start_that_never_happened_is_sent_again_with_the_same_id(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_restart(&s);
  assert_int_equal(sim_live(&s, "a")->starts, 1); /* it is looked up first */
  struct arena a = {0};
  struct engine_live *live;
  assert_int_equal(engine_live_attempts(s.e, &a, &live), 1);
  assert_string_equal(live[0].attempt_id, sim_live(&s, "a")->id);
  assert_string_equal(live[0].host, "local");
  assert_true(live[0].grace == 30 * USEC_PER_SEC);
  arena_release(&a);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
  assert_int_equal(sim_live(&s, "a")->starts, 2);
  assert_int_equal(s.attempts.len, 1);
}

static int fences(const char *label) {
  return sim_live(&s, label)->fences;
}

/* A supervisor that the former life made may be so slow that it comes to its claim after the look at the start. */
static void a_cancelled_start_of_a_former_life_ends_with_its_fence(void **state) {
  (void)state;
  for (int claimed = 0; claimed < 2; claimed++) {
    close_sim(NULL);
    open_sim(NULL);
    begin("tasks:\n  a: {run: 'true'}\n");
    sim_restart(&s);
    sim_cancel(&s, 1, NULL);
    sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
    assert_task(&s, 1, "a", "stopping");
    assert_int_equal(fences("a"), 1);
    assert_int_equal(sim_live(&s, "a")->starts, 1);
    int stops = sim_live(&s, "a")->stops;
    if (claimed) {
      sim_started(&s, "a");
      assert_task(&s, 1, "a", "stopping");
      assert_int_equal(sim_live(&s, "a")->stops, stops + 1);
      sim_end_as(&s, "a", ENGINE_END_STOPPED, 143, NULL);
    } else {
      sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
    }
    assert_task(&s, 1, "a", "cancelled");
    assert_run(&s, 1, "cancelled");
  }
}

static void a_start_of_a_former_life_is_fenced_before_another_place_is_looked_for(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_order(&s, "local", HOST_ORDER_DRAIN, "so", false);
  sim_restart(&s);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
  assert_task(&s, 1, "a", "starting");
  assert_int_equal(fences("a"), 1);
  sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  assert_task(&s, 1, "a", "waiting");
  assert_int_equal(sim_task(&s, 1, "a")->losses, 0);
}

/* The same within one life: a start that was sent over a link that broke, and again without room for it. */
static void a_start_in_doubt_is_fenced_when_it_is_cancelled(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  struct engine_event refused = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_NOT_STARTED);
  refused.report.again = refused.report.doubtful = true;
  sim_event(&s, refused);
  sim_cancel(&s, 1, NULL);
  assert_task(&s, 1, "a", "stopping");
  sim_later(&s, 30 * USEC_PER_SEC);
  assert_int_equal(fences("a"), 1);
  assert_int_equal(sim_live(&s, "a")->starts, 1);
  sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  assert_run(&s, 1, "cancelled");
}

static void a_fence_for_which_there_is_no_room_is_tried_again(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_restart(&s);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
  assert_int_equal(sim_live(&s, "a")->starts, 2);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true); /* there is no room for it */
  sim_cancel(&s, 1, NULL);
  assert_task(&s, 1, "a", "stopping");
  for (int tries = 1; tries < 5; tries++) {
    sim_later(&s, 30 * USEC_PER_SEC);
    assert_int_equal(fences("a"), tries);
    sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
    assert_int_equal(fences("a"), tries);
    assert_task(&s, 1, "a", "stopping");
  }
  assert_int_equal(sim_live(&s, "a")->starts, 2);
  sim_later(&s, 30 * USEC_PER_SEC);
  sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  assert_run(&s, 1, "cancelled");
}

static void what_can_not_be_fenced_either_ends(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_restart(&s);
  sim_cancel(&s, 1, NULL);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, false); /* for good */
  assert_run(&s, 1, "cancelled");
}

static void an_end_during_the_absence_goes_on_to_the_next(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', outputs: {k: int}}\n  b: {run: 'true', needs: a, when: tasks.a.outputs.k == 7}\n"
        "  c: {run: 'true', needs: b, when: tasks.a.outputs.k == 7}\n");
  sim_started(&s, "a");
  sim_restart(&s);
  sim_end_as(&s, "a", ENGINE_END_EXITED, 0, "k=7\n");
  assert_task(&s, 1, "b", "starting");
  sim_restart(&s);
  sim_exit(&s, "b", 0);
  assert_task(&s, 1, "c", "starting"); /* the output of a was read back from its row */
}

static void slots_are_held_as_before(void **state) {
  (void)state;
  begin("tasks:\n  t:\n    run: 'true'\n    matrix: {x: [1, 2, 3, 4, 5]}\n");
  sim_exit(&s, "t[1]", 0);
  sim_restart(&s);
  assert_int_equal(sim_live_count(&s), 4);
  assert_string_equal(sim_task(&s, 1, "t[5]")->label, "t[5]");
  sim_exit(&s, "t[3]", 0);
  assert_int_equal(sim_live_count(&s), 3);
  sim_trigger(&s, "p");
  engine_check(s.e);
}

static void a_retry_waits_on_and_never_longer_than_its_delay(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', retries: {max: 1, delay: 10m, jitter: none}}\n");
  sim_exit(&s, "a", 1);
  sim_later(&s, 4 * USEC_PER_MIN);
  sim_restart(&s);
  assert_true(s.step.wake_mono == s.now.mono + 6 * USEC_PER_MIN);
  s.now.wall -= USEC_PER_DAY; /* the clock was wrong */
  sim_restart(&s);
  assert_true(s.step.wake_mono == s.now.mono + 10 * USEC_PER_MIN);
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_task(&s, 1, "a", "starting");
}

static void the_time_of_a_run_goes_on_counting(void **state) {
  (void)state;
  begin("timeout: 1h\ntasks:\n  a: {run: 'true'}\n");
  sim_started(&s, "a");
  sim_later(&s, 40 * USEC_PER_MIN);
  sim_restart(&s);
  sim_later(&s, 19 * USEC_PER_MIN);
  assert_task(&s, 1, "a", "running");
  sim_later(&s, USEC_PER_MIN);
  assert_task(&s, 1, "a", "stopping");
}

/* A place whose directory was emptied, or another one in its stead, knows nothing of what was recorded. */
static void what_is_known_to_have_started_is_never_sent_again(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_started(&s, "a");
  sim_restart(&s);
  sim_kind(&s, "a", ENGINE_REPORT_NOT_STARTED, true);
  assert_task(&s, 1, "a", "waiting"); /* lost, and tried anew */
  assert_int_equal(s.attempts.items[0].state, TASK_LOST);
}

static void a_stop_is_still_asked_for(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  z: {run: 'true', finally: true}\n");
  sim_started(&s, "a");
  sim_cancel(&s, 1, NULL);
  sim_restart(&s);
  struct arena a = {0};
  struct engine_live *live;
  assert_int_equal(engine_live_attempts(s.e, &a, &live), 1);
  assert_true(live[0].stop_asked && !live[0].stop_now);
  arena_release(&a);
  sim_end_as(&s, "a", ENGINE_END_STOPPED, 143, NULL);
  sim_restart(&s);
  assert_task(&s, 1, "z", "starting");
  sim_exit(&s, "z", 0);
  assert_run(&s, 1, "cancelled");
}

static void a_queued_run_still_waits_its_turn(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_trigger(&s, "p");
  sim_restart(&s);
  assert_run(&s, 2, "queued");
  sim_exit(&s, "a", 0);
  assert_run(&s, 2, "running");
  assert_int_equal(sim_live_count(&s), 1);
}

/* Its tasks must not begin without the files that the run it came from made. */
static void a_queued_linked_run_still_gets_its_files(void **state) {
  (void)state;
  begin("params: {n: {type: int, default: 1}}\ntasks: {a: {run: x}, b: {run: x, needs: a}}\n");
  sim_exit(&s, "a", 0);
  sim_exit(&s, "b", 1);
  sim_trigger(&s, "p");
  const struct param_given n = {.name = "n", .text = "2"};
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .params = &n, .params_len = 1};
  sim_event(&s, ev);
  sim_rows_free(&rows);
  assert_run(&s, 3, "queued");
  assert_int_equal(s.prepares.len, 1);
  sim_restart(&s);
  assert_int_equal(s.prepares.len, 1);
  sim_cancel(&s, 2, NULL);
  sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
  assert_run(&s, 3, "running");
  assert_task(&s, 3, "b", "waiting");
  struct engine_event done = {.kind = ENGINE_PREPARED};
  done.prepared.run_id = s.prepares.items[0].run_id;
  sim_event(&s, done);
  assert_task(&s, 3, "b", "starting");
  /* What has its files doesn't ask for them again. */
  sim_restart(&s);
  assert_int_equal(s.prepares.len, 0);
}

static void a_slot_may_become_a_limit_while_two_hosts_hold_it(void **state) {
  (void)state;
  close_sim(NULL);
  sim_open_hosts(&s, "hosts:\n  h1: {slots: {lic: 1}}\n  h2: {slots: {lic: 1}}\n");
  begin("tasks:\n  a: {run: x, on: h1, slots: {lic: 1}}\n  b: {run: x, on: h2, slots: {lic: 1}}\n"
        "  c: {run: x, on: h1, slots: {lic: 1}}\n");
  assert_int_equal(sim_live_count(&s), 2);
  struct config *former = s.config;
  s.config = sim_config("hosts:\n  h1: {}\n  h2: {}\nlimits: {lic: 1}\n");
  for (size_t i = 0; i < s.config->hosts_len; i++) ((struct config_host *)(uintptr_t)s.config->hosts)[i].ssh = NULL;
  s.options.config = s.config;
  sim_restart(&s);
  sim_exit(&s, "a", 0);
  assert_task(&s, 1, "c", "waiting"); /* b holds all that there is */
  sim_exit(&s, "b", 0);
  assert_task(&s, 1, "c", "starting");
  sim_restart(&s);
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "succeeded");
  engine_free(s.e);
  s.e = NULL;
  config_free(former);
}

/* The other way, the daemon wouldn't start at all. */
static void a_run_goes_on_though_its_settings_are_gone_from_the_environment(void **state) {
  (void)state;
  close_sim(NULL);
  sim_open(&s, "env: {N: '02'}\n");
  begin("max_tasks: '${{ len(env.N) }}'\npriority: '${{ len(env.N) }}'\ntimeout: '${{ env.N }}h'\n"
        "tasks:\n  a: {run: x, matrix: {x: [1, 2, 3, 4]}}\n");
  assert_int_equal(sim_live_count(&s), 2);
  sim_later(&s, USEC_PER_HOUR);
  struct config *former = s.config;
  s.config = sim_config(NULL);
  s.options.config = s.config;
  sim_restart(&s);
  assert_run(&s, 1, "running");
  assert_non_null(strstr(sim_run(&s, 1)->reason, "its timeout can't be told any more: env.N has no value"));
  sim_exit(&s, "a[1]", 0);
  assert_int_equal(sim_live_count(&s), 2); /* as many as before */
  sim_later(&s, USEC_PER_HOUR - USEC_PER_SEC);
  assert_run(&s, 1, "running");
  sim_later(&s, USEC_PER_SEC);
  assert_run(&s, 1, "cancelling");
  assert_string_equal(sim_run(&s, 1)->reason, "time-out");
  sim_restart(&s);
  assert_string_equal(sim_run(&s, 1)->reason, "time-out");
  sim_end_as(&s, "a[2]", ENGINE_END_STOPPED, 143, NULL);
  sim_end_as(&s, "a[3]", ENGINE_END_STOPPED, 143, NULL);
  assert_run(&s, 1, "failed");
  /* Whoever runs it again can mend it. */
  sim_rerun(&s, 1, RERUN_ALL, NULL, 0);
  assert_int_equal(s.status, 409);
  assert_non_null(strstr(s.body, "env.N has no value"));
  engine_free(s.e);
  s.e = NULL;
  config_free(former);
}

static void a_task_keeps_to_the_values_with_which_its_run_began(void **state) {
  (void)state;
  for (int gone = 0; gone < 2; gone++) {
    close_sim(NULL);
    sim_open(&s, "env: {X: one}\n");
    begin("max_tasks: 2\ntasks:\n  a: {run: x, matrix: {x: ['${{ env.X }}', two, 'again-${{ env.X }}']}}\n");
    sim_started(&s, "a[one]");
    struct config *former = s.config;
    s.config = sim_config(gone ? NULL : "env: {X: other}\n");
    s.options.config = s.config;
    sim_restart(&s);
    assert_task(&s, 1, "a[one]", "running"); /* it has what it began with */
    sim_exit(&s, "a[one]", 0);
    assert_task(&s, 1, "a[one]", "succeeded");
    assert_task(&s, 1, "a[again-one]", "failed");
    assert_non_null(strstr(sim_task(&s, 1, "a[again-one]")->reason, "the environment has changed"));
    assert_task(&s, 1, "a[two]", "starting");
    sim_exit(&s, "a[two]", 0);
    assert_run(&s, 1, "failed");
    engine_free(s.e);
    s.e = NULL;
    config_free(former);
  }
}

static void what_can_not_be_sent_again_is_fenced_before_it_fails(void **state) {
  (void)state;
  close_sim(NULL);
  sim_open(&s, "env: {X: one}\n");
  begin("tasks:\n  a: {run: x, matrix: {x: ['${{ env.X }}']}}\n");
  struct config *former = s.config;
  s.config = sim_config(NULL);
  s.options.config = s.config;
  sim_restart(&s);
  sim_kind(&s, "a[one]", ENGINE_REPORT_NOT_STARTED, true);
  assert_task(&s, 1, "a[one]", "starting");
  assert_int_equal(fences("a[one]"), 1);
  sim_kind(&s, "a[one]", ENGINE_REPORT_FENCED, false);
  assert_task(&s, 1, "a[one]", "failed");
  assert_int_equal(sim_live_count(&s), 0);
  engine_free(s.e);
  s.e = NULL;
  config_free(former);
}

static void a_pause_outlives_the_daemon(void **state) {
  (void)state;
  sim_load(&s, "p", "schedule: {every: 10m}\ntasks:\n  a: {run: 'true'}\n");
  sim_pause(&s, "p");
  sim_restart(&s);
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 0);
  assert_int_equal(s.firings.items[0].outcome, FIRING_SKIPPED);
}

static void keys_and_numbers_are_never_used_twice(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_exit(&s, "a", 0);
  int64_t before = s.max_key;
  sim_restart(&s);
  sim_trigger(&s, "p");
  assert_int_equal(s.runs.items[1].number, 2);
  assert_true(s.runs.items[1].key > before);
}

/* Out of a backup: what became of it since isn't known, so nothing of it is repeated by itself. */
static void what_a_backup_knows_as_alive_is_never_repeated_by_itself(void **state) {
  static const enum engine_report_kind kinds[] = {ENGINE_REPORT_LOST, ENGINE_REPORT_NOT_STARTED,
                                                  ENGINE_REPORT_FENCED};
  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    for (int started = 0; started < 2; started++) {
      close_sim(NULL);
      open_sim(NULL);
      begin("tasks:\n  a: {run: 'true', retries: {max: 3, lost: 3, delay: 1s, jitter: none}}\n"
            "  b: {run: 'true', needs: a}\n");
      if (started) sim_started(&s, "a");
      s.restored_at = s.now.wall + USEC_PER_HOUR;
      sim_restart(&s);
      int64_t starts = (int64_t)sim_live(&s, "a")->starts;
      sim_kind(&s, "a", kinds[i], true);
      assert_task(&s, 1, "a", "lost");
      assert_task(&s, 1, "b", "upstream_failed");
      assert_run(&s, 1, "failed");
      assert_non_null(strstr(sim_task(&s, 1, "a")->reason, "the backup doesn't know"));
      sim_later(&s, USEC_PER_HOUR);
      assert_int_equal(s.attempts.len, 1);
      assert_int_equal(starts, 1);
    }
  /* One that lives goes on as ever, and what is started later is tried again as ever. */
  close_sim(NULL);
  open_sim(NULL);
  begin("tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a, retries: {lost: 1, delay: 1s, jitter: none}}\n");
  sim_started(&s, "a");
  s.restored_at = s.now.wall;
  sim_restart(&s);
  sim_later(&s, USEC_PER_MIN);
  sim_exit(&s, "a", 0);
  sim_started(&s, "b");
  sim_kind(&s, "b", ENGINE_REPORT_LOST, false);
  assert_task(&s, 1, "b", "waiting");
}

static void rows_that_contradict_each_other_are_refused(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  struct run_rows rows = sim_rows(&s, &s.runs.items[0]);
  rows.attempts_len = 0;
  struct engine *e = engine_new(&s.options);
  struct engine_state bad = {.pipelines = s.pipelines.items,
                             .pipelines_len = s.pipelines.len,
                             .runs = &rows,
                             .runs_len = 1,
                             .pause = {.at = INSTANT_NONE},
                             .next_key = 100};
  char *message = NULL;
  assert_true(engine_restore(e, &bad, s.now, &message) < 0);
  assert_non_null(strstr(message, "live"));
  free(message);
  engine_free(e);
  sim_rows_free(&rows);
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_recorded_start_that_never_happened_is_sent_again_with_the_same_id),
      test(a_cancelled_start_of_a_former_life_ends_with_its_fence),
      test(a_start_of_a_former_life_is_fenced_before_another_place_is_looked_for),
      test(a_start_in_doubt_is_fenced_when_it_is_cancelled),
      test(a_fence_for_which_there_is_no_room_is_tried_again),
      test(what_can_not_be_fenced_either_ends),
      test(an_end_during_the_absence_goes_on_to_the_next),
      test(slots_are_held_as_before),
      test(a_retry_waits_on_and_never_longer_than_its_delay),
      test(the_time_of_a_run_goes_on_counting),
      test(what_is_known_to_have_started_is_never_sent_again),
      test(a_stop_is_still_asked_for),
      test(a_queued_run_still_waits_its_turn),
      test(a_queued_linked_run_still_gets_its_files),
      test(a_slot_may_become_a_limit_while_two_hosts_hold_it),
      test(a_run_goes_on_though_its_settings_are_gone_from_the_environment),
      test(a_task_keeps_to_the_values_with_which_its_run_began),
      test(what_can_not_be_sent_again_is_fenced_before_it_fails),
      test(a_pause_outlives_the_daemon),
      test(keys_and_numbers_are_never_used_twice),
      test(what_a_backup_knows_as_alive_is_never_repeated_by_itself),
      test(rows_that_contradict_each_other_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
