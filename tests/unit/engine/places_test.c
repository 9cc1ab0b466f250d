/* Hosts in what happens seldom: orders of nobody, contacts that come and go, machines that left or are gone. */
#include "tests/unit/engine/ask.h"

static void an_order_of_nobody_names_nobody(void **state) {
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1}, b: {run: x, on: h2, retries: {lost: 0}}}\n");
  sim_event(&s, order("h1", HOST_ORDER_DRAIN, NULL));
  answered(200, "h1 is drained: no task starts there; 1 still runs");
  sim_event(&s, order("h1", HOST_ORDER_DRAIN, NULL));
  answered(409, "h1 is drained already: no reason was given");
  sim_event(&s, order("h1", HOST_ORDER_UP, NULL));
  answered(200, "h1 takes tasks again");
  sim_event(&s, order("h1", HOST_ORDER_UP, NULL));
  answered(409, "h1 is neither drained nor declared down");
  sim_event(&s, order("h2", HOST_ORDER_DOWN, NULL));
  answered(200, "h2 is declared down: 1 task there was given up");
  assert_non_null(strstr(sim_task(&s, 1, "b")->reason, "h2 was declared down by someone: no reason was given"));
  sim_event(&s, order("h2", HOST_ORDER_DOWN, NULL));
  answered(409, "h2 is declared down already: no reason was given");
  sim_event(&s, order("h2", HOST_ORDER_UP, "mended"));
  answered(200, "h2 takes tasks again once what may be left of ");
  sim_event(&s, order("local", HOST_ORDER_DRAIN, NULL));
  answered(200, "local is drained: no task starts there, and none runs");
  sim_close(&s);
}

static void a_task_of_a_host_that_left_says_so(void **state) {
  (void)state;
  begin(HOSTS, "tasks: {a: {run: x, on: h1, slots: {gpu: 1}}, b: {run: x, on: h1, slots: {gpu: 1}}}\n");
  struct config *without = sim_config(NULL);
  struct engine_event ev = {.kind = ENGINE_CONFIG};
  ev.config = (struct engine_config){without};
  sim_event(&s, ev);
  const char *line = sim_why(&s, 1, "b");
  if (!strstr(line, "configuration") && !strstr(line, "failed")) fail_msg("%s", line);
  engine_free(s.e);
  s.e = NULL;
  config_free(without);
  sim_close(&s);
}

static void a_contact_that_comes_and_goes_keeps_its_time(void **state) {
  (void)state;
  sim_open(&s, HOSTS);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  const instant up = sim_host_row(&s, "h1")->since;
  sim_later(&s, USEC_PER_MIN);
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, NULL);
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, "trying");
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, "trying");
  assert_int_equal(s.step.changes.len, 0); /* the same again is no news */
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, "trying harder");
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, NULL);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_true(sim_host_row(&s, "h1")->since == up); /* a try in between doesn't count */
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, NULL);
  const instant tried = s.now.wall;
  sim_later(&s, USEC_PER_MIN);
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route");
  assert_true(sim_host_row(&s, "h1")->since == tried); /* it was lost when the try began */
  sim_host(&s, "h1", HOST_CONTACT_REFUSED, "its key");
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, NULL);
  sim_host(&s, "h1", HOST_CONTACT_REFUSED, "its key");
  assert_string_equal(sim_host_row(&s, "h1")->text, "its key");
  sim_close(&s);
}

static void a_silent_host_may_say_nothing_or_more_than_once(void **state) {
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1, unreachable: {after: 10m, then: wait}}}\n");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  why("a", "its host doesn't answer");
  struct engine_event ev = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_UNREACHABLE);
  ev.report.text = "no route to host";
  sim_event(&s, ev);
  why("a", "no route to host");
  sim_later(&s, 11 * USEC_PER_MIN);
  why("a", "has been silent for more than 10m");
  sim_event(&s, ev); /* what is overdue keeps its own words */
  why("a", "has been silent for more than 10m");
  struct engine_concern *concerns;
  assert_int_equal(engine_concerns(s.e, s.now, &s.arena, &concerns), 1);
  assert_true(concerns[0].overdue && !concerns[0].waits);
  sim_kind(&s, "a", ENGINE_REPORT_REACHABLE, false);
  assert_task(&s, 1, "a", "running");
  sim_close(&s);
}

static void many_runs_of_one_cause_are_counted_and_some_are_named(void **state) {
  (void)state;
  sim_open_hosts(&s, "hosts: {h1: {ssh: h1}}\n");
  sim_load(&s, "p",
           "schedule: {cron: \"0 5 * * *\", overlap: allow}\ntasks: {a: {run: x, on: h1}, b: {run: x, on: h1}}\n");
  for (int i = 0; i < 25; i++) sim_trigger(&s, "p");
  assert_run(&s, 25, "running");
  for (size_t i = 0; i < s.procs.len; i++)
    sim_event(&s, sim_report(&s, &s.procs.items[i], ENGINE_REPORT_UNREACHABLE));
  struct engine_concern *concerns;
  assert_int_equal(engine_concerns(s.e, s.now, &s.arena, &concerns), 1);
  assert_int_equal(concerns[0].count, 50);
  assert_int_equal(concerns[0].runs_len, ENGINE_CONCERN_RUNS);
  assert_string_equal(concerns[0].host, "h1");
  sim_close(&s);
}

static void what_would_be_abandoned_is_counted_first(void **state) {
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1}, b: {run: x, on: h1}, c: {run: x}}\n");
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route");
  struct engine_event ev = {.kind = ENGINE_CANCEL};
  ev.cancel = (struct engine_cancel){.asker = sim_anna(), .run_id = sim_run(&s, 1)->id.text, .abandon = true};
  ev.cancel.asker.dry_run = true;
  sim_event(&s, ev);
  answered(200, "2 that can't be reached are ended without being confirmed");
  assert_int_equal(s.step.changes.len, 0);
  ev.cancel.task = "a";
  sim_event(&s, ev);
  answered(200, "1 that can't be reached is ended without being confirmed");
  sim_close(&s);
}

static void with_local_only_no_slot_of_elsewhere_is_asked_for(void **state) {
  (void)state;
  sim_open(&s, HOSTS);
  s.options.local_only = true;
  engine_free(s.e);
  s.e = engine_new(&s.options);
  sim_load(&s, "p", "tasks: {a: {run: x, on: h1, slots: {gpu: 1}}}\n");
  sim_trigger(&s, "p");
  assert_string_equal(sim_live(&s, "a")->host, "local");
  sim_exit(&s, "a", 0);
  sim_idle(&s);
  sim_rerun_on(&s, 1, RERUN_ALL, "nowhere");
  answered(200, "p#1");
  sim_close(&s);
}

static void the_commit_is_recorded_of_those_that_run_there(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\n",
        "tasks: {a: {run: x, dir: /one}, b: {run: x, dir: /two}, c: {run: x, dir: /one, needs: a}}\n");
  sim_exit(&s, "a", 0);
  struct engine_event ev = {.kind = ENGINE_CODE};
  ev.code = (struct engine_code){.run_id = sim_run(&s, 1)->id.text, .dir = "/one", .commit = "abc", .dirty = 0};
  sim_event(&s, ev);
  size_t with = 0;
  for (size_t i = 0; i < s.attempts.len; i++) with += s.attempts.items[i].git_commit != NULL;
  assert_true(with >= 1 && with < s.attempts.len);
  sim_close(&s);
  begin_away("tasks: {a: {run: x, on: h1}, b: {run: x}}\n"); /* a host's directory is no work tree of ours */
  ev.code.run_id = sim_run(&s, 1)->id.text;
  ev.code.dir = "/tmp";
  sim_event(&s, ev);
  assert_null(sim_attempt(&s, sim_live(&s, "a")->id)->git_commit);
  sim_close(&s);
}

static void what_would_be_given_up_of_a_run_that_ends_isnt_tried_again(void **state) {
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1}, b: {run: x, on: h1, finally: true}, c: {run: x, on: h2}}\n");
  sim_cancel(&s, 1, NULL);
  sim_event(&s, (order("h1", HOST_ORDER_DOWN, NULL)));
  answered(200, "1 task there was given up");
  sim_end_as(&s, "c", ENGINE_END_STOPPED, 143, NULL);
  struct engine_event ev = order("h2", HOST_ORDER_DOWN, "burnt down");
  ev.host_order.gone = true;
  sim_event(&s, ev);
  answered(200, "h2 is declared down for good: 0 tasks there were given up, and nothing that was is waited for (0)");
  ev.host_order.host = "h1";
  sim_event(&s, ev);
  answered(200, "(1)");
  sim_close(&s);
}

static void a_plan_of_down_says_what_becomes_of_each(void **state) {
  (void)state;
  begin_away("tasks:\n  a: {run: x, on: h1, retries: {lost: 1}}\n  b: {run: x, on: h1, retries: {lost: 0}}\n"
             "  last: {run: x, on: h1, finally: true}\n");
  sim_order(&s, "h1", HOST_ORDER_DOWN, NULL, true);
  answered(200, "\"task\":\"a\",\"state\":\"starting\",\"then\":\"retry\"");
  answered(200, "\"task\":\"b\",\"state\":\"starting\",\"then\":\"lost\"");
  sim_cancel(&s, 1, NULL);
  sim_order(&s, "h1", HOST_ORDER_DOWN, NULL, true);
  answered(200, "\"task\":\"a\"");
  for (const char *const *t = (const char *const[]){"a", "b", NULL}; *t; t++)
    sim_end_as(&s, *t, ENGINE_END_STOPPED, 143, NULL);
  sim_order(&s, "h1", HOST_ORDER_DOWN, NULL, true);
  answered(200, "\"task\":\"last\",\"state\":\"starting\",\"then\":\"retry\"");
  sim_close(&s);
}

static void a_mark_takes_outputs_in_any_order(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x, outputs: {one: int, two: string}}, b: {run: x, needs: a}}\n");
  sim_exit(&s, "a", 1);
  const struct param_given given[] = {{.name = "two", .text = "x"}, {.name = "one", .text = "1"}};
  sim_mark(&s, 1, "a", TASK_SUCCEEDED, given, 2);
  answered(200, "p#1 a is marked succeeded");
  assert_int_equal(s.outputs.len, 2);
  sim_close(&s);
}

static void remnants_of_two_hosts_are_told_apart(void **state) {
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1, retries: {lost: 0}}, b: {run: x, on: h2, retries: {lost: 0}}}\n");
  sim_order(&s, "h1", HOST_ORDER_DOWN, NULL, false);
  sim_order(&s, "h2", HOST_ORDER_DOWN, NULL, false);
  assert_int_equal(s.remnants.len, 2);
  sim_event(&s, (order("h2", HOST_ORDER_UP, NULL)));
  answered(200, "h2 takes tasks again once what may be left of p#1 b is ended there");
  sim_cleared(&s);
  sim_cleared(&s);
  assert_int_equal(s.remnants.len, 0);
  sim_event(&s, (order("h1", HOST_ORDER_UP, NULL)));
  answered(200, "h1 takes tasks again");
  sim_close(&s);
}

static void a_host_that_nobody_in_particular_drained_is_waited_for(void **state) {
  (void)state;
  sim_open(&s, HOSTS);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  sim_event(&s, (order("h1", HOST_ORDER_DRAIN, NULL)));
  sim_load(&s, "p", "tasks: {a: {run: x, on: h1}}\n");
  sim_trigger(&s, "p");
  why("a", "host h1 was drained at 00:00:00 UTC: no reason was given");
  sim_restart(&s);
  why("a", "host h1 was drained at 00:00:00 UTC: no reason was given");
  for (size_t i = 0; i < s.hosts.len; i++) s.hosts.items[i].order_at = INSTANT_NONE;
  sim_restart(&s);
  why("a", "host h1 was drained: no reason was given");
  sim_close(&s);
}

static void a_machine_that_is_gone_takes_its_one_task_along(void **state) {
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1, retries: {lost: 0}}, b: {run: x}}\n");
  struct engine_event ev = order("h1", HOST_ORDER_DOWN, NULL);
  ev.host_order.gone = true;
  sim_event(&s, ev);
  answered(200, "h1 is declared down for good: 1 task there was given up");
  struct engine_event cancel = {.kind = ENGINE_CANCEL};
  cancel.cancel = (struct engine_cancel){.asker = {.handle = 7, .actor = {.kind = "token", .id = "t1"}},
                                         .run_id = sim_run(&s, 1)->id.text};
  sim_event(&s, cancel);
  assert_string_equal(sim_attempt(&s, sim_live(&s, "b")->id)->stop_reason, "cancelled by t1");
  sim_close(&s);
}

static void an_amount_that_cant_be_told_yet_counts_as_one(void **state) {
  (void)state;
  sim_open_hosts(&s, "hosts: {h1: {ssh: h1, slots: {gpu: 1}}}\n");
  sim_load(&s, "p", "tasks: {a: {run: x, on: h1, slots: {gpu: \"${{ min([1, 'a']) }}\"}}}\n");
  sim_trigger(&s, "p");
  sim_idle(&s);
  assert_run(&s, 1, "failed");
  sim_rerun_on(&s, 1, RERUN_ALL, "h1");
  answered(200, "p#1");
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_order_of_nobody_names_nobody),
      cmocka_unit_test(a_task_of_a_host_that_left_says_so),
      cmocka_unit_test(a_contact_that_comes_and_goes_keeps_its_time),
      cmocka_unit_test(a_silent_host_may_say_nothing_or_more_than_once),
      cmocka_unit_test(many_runs_of_one_cause_are_counted_and_some_are_named),
      cmocka_unit_test(what_would_be_abandoned_is_counted_first),
      cmocka_unit_test(with_local_only_no_slot_of_elsewhere_is_asked_for),
      cmocka_unit_test(the_commit_is_recorded_of_those_that_run_there),
      cmocka_unit_test(what_would_be_given_up_of_a_run_that_ends_isnt_tried_again),
      cmocka_unit_test(a_plan_of_down_says_what_becomes_of_each),
      cmocka_unit_test(a_mark_takes_outputs_in_any_order),
      cmocka_unit_test(remnants_of_two_hosts_are_told_apart),
      cmocka_unit_test(a_host_that_nobody_in_particular_drained_is_waited_for),
      cmocka_unit_test(a_machine_that_is_gone_takes_its_one_task_along),
      cmocka_unit_test(an_amount_that_cant_be_told_yet_counts_as_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
