/* Reruns that are sent to another host, and where its tasks go then. */
#include "tests/unit/engine/hosts.h"

/* ---- a rerun elsewhere ---- */

/* Two failed tasks on h1, of which linked runs do the first one alone again. */
static void two_fail(void) {
  all_up();
  sim_load(&s, "p",
           "params:\n  n: {type: int, default: 1}\ntasks:\n  a: {run: 'echo $ROTA_PARAM_N', on: h1}\n"
           "  b: {run: 'echo $ROTA_PARAM_N', on: h1}\n");
  sim_trigger(&s, "p");
  for (int i = 0; i < 2; i++) {
    sim_started(&s, i ? "b" : "a");
    assert_string_equal(sim_live(&s, i ? "b" : "a")->state_from, "");
    sim_exit(&s, i ? "b" : "a", 1);
  }
}

/* `a` of that run again with another parameter, to its end, in a run that keeps `b`. */
static void link_from(int64_t number) {
  const struct param_given given = {.name = "n", .text = "2"};
  struct run_rows rows = sim_rows(&s, sim_run(&s, number));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){
      .asker = sim_anna(), .run = &rows, .mode = RERUN_ONLY, .task = "a", .params = &given, .params_len = 1};
  sim_event(&s, ev);
  sim_rows_free(&rows);
  assert_int_equal(s.status, 201);
  ev = (struct engine_event){.kind = ENGINE_PREPARED};
  ev.prepared.run_id = s.prepares.items[s.prepares.len - 1].run_id;
  sim_event(&s, ev);
  assert_string_equal(sim_live(&s, "a")->state_from, ""); /* it is done anew */
  sim_started(&s, "a");
  sim_exit(&s, "a", 0);
}

/* A failed task that a linked run kept, done again there: its host has its checkpoint under the first run. */
static void what_a_linked_run_kept_goes_on_on_its_host(void **state) {
  (void)state;
  two_fail();
  link_from(1);
  restart();
  all_up();
  sim_rerun(&s, 2, RERUN_ONLY, "b", 1);
  assert_int_equal(s.status, 200);
  assert_string_equal(sim_live(&s, "b")->state_from, sim_run(&s, 1)->id.text);
  assert_false(sim_live(&s, "b")->fresh_state);
}

/* Which of the runs it was only its host can say: here `b` was begun in the second one too, and never came to be
 * there. The daemon dies before it is told whether `b` was started in the third one. */
static void what_was_kept_over_several_runs_goes_on_on_its_host(void **state) {
  (void)state;
  two_fail();
  link_from(1);
  sim_rerun(&s, 2, RERUN_ONLY, "b", 1);
  sim_cancel(&s, 2, NULL);
  sim_kind(&s, "b", ENGINE_REPORT_FENCED, false);
  assert_run(&s, 2, "cancelled");
  link_from(2);
  sim_rerun(&s, 3, RERUN_ONLY, "b", 1);
  assert_int_equal(s.status, 200);
  char both[2 * ID_LEN + 2];
  snprintf(both, sizeof both, "%s %s", sim_run(&s, 2)->id.text, sim_run(&s, 1)->id.text);
  assert_string_equal(sim_live(&s, "b")->state_from, both);
  restart();
  all_up();
  struct proc *b = sim_live(&s, "b");
  b->state_from[0] = '\0';
  sim_kind(&s, "b", ENGINE_REPORT_NOT_STARTED, true);
  assert_string_equal(sim_live(&s, "b")->state_from, both);
}

static void a_rerun_goes_to_any_host_that_has_the_slots(void **state) {
  (void)state;
  all_up();
  begin("on: h1, slots: {gpu: 1}, retries: {max: 1, delay: 0s}");
  sim_started(&s, "a");
  sim_exit(&s, "a", 78);
  assert_run(&s, 1, "failed");
  sim_order(&s, "h1", HOST_ORDER_DRAIN, "a new disk", false);
  sim_rerun_on(&s, 1, RERUN_ALL, "any");
  assert_int_equal(s.status, 200);
  assert_string_equal(sim_live(&s, "a")->host, "h2"); /* h3 has no gpu */
  assert_string_equal(s.rounds.items[1].scope, "all on any");
  sim_started(&s, "a");
  restart();
  sim_host(&s, "h2", HOST_CONTACT_UP, NULL);
  sim_host(&s, "h3", HOST_CONTACT_UP, NULL);
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  assert_string_equal(sim_live(&s, "a")->host, "h2"); /* a retry is not sent back */
  assert_string_equal(sim_task(&s, 1, "a")->on_asked, "any");
  sim_exit(&s, "a", 78);
  sim_rerun(&s, 1, RERUN_ALL, NULL, 0);
  assert_says(sim_why(&s, 1, "a"), "host h1 was drained");
}

static void a_rerun_to_a_place_that_cannot_take_it_is_refused(void **state) {
  (void)state;
  all_up();
  begin("on: h1, slots: {gpu: 1}");
  sim_exit(&s, "a", 1);
  sim_rerun_on(&s, 1, RERUN_ALL, "h3");
  assert_int_equal(s.status, 409);
  assert_says(s.body, "a needs slot gpu, which h3 doesn't have");
  sim_rerun_on(&s, 1, RERUN_ALL, "nowhere");
  assert_int_equal(s.status, 409);
  assert_says(s.body, "there is no host or group 'nowhere'");
  sim_rerun_on(&s, 1, RERUN_ALL, "gpus");
  assert_int_equal(s.status, 200);
  assert_string_equal(sim_live(&s, "a")->host, "h2");
}

/* The pipeline's own place has it all, and then one place is asked that has the slot but not as much of it. */
static void a_rerun_to_a_place_that_is_too_small_is_refused(void **state) {
  (void)state;
  all_up();
  begin("on: h2, slots: {gpu: 2}");
  sim_exit(&s, "a", 1);
  sim_rerun_on(&s, 1, RERUN_ALL, "h1");
  assert_int_equal(s.status, 409);
  assert_says(s.body, "a needs 2 of slot gpu, of which h1 has 1: choose another place");
  sim_rerun_on(&s, 1, RERUN_ALL, "any");
  assert_int_equal(s.status, 200);
  assert_string_equal(sim_live(&s, "a")->host, "h2");
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(what_a_linked_run_kept_goes_on_on_its_host),
      test(what_was_kept_over_several_runs_goes_on_on_its_host),
      test(a_rerun_goes_to_any_host_that_has_the_slots),
      test(a_rerun_to_a_place_that_cannot_take_it_is_refused),
      test(a_rerun_to_a_place_that_is_too_small_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
