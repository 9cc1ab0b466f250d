/* Rows as a hand or an earlier program may have left them, and what is worked out of them. */
#include "tests/unit/engine/ask.h"

static void restoring(void *ctx, const char *run_id) {
  (void)run_id;
  ++*(size_t *)ctx;
}

/* The crash counter of the store names the run that is being taken up. */
static void each_run_is_named_before_it_is_taken_up(void **state) {
  size_t count = 0;
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  sim_load(&s, "q", "tasks: {a: {run: x}}\n");
  sim_trigger(&s, "q");
  s.options.restoring = restoring;
  s.options.restoring_ctx = &count;
  sim_restart(&s);
  assert_int_equal(count, 2);
  sim_close(&s);
}

/* The variables of its tasks say UTC then, and it goes on. */
static void a_run_whose_zone_is_gone_or_unsaid_goes_on(void **state) {
  static const char *const zones[] = {NULL, "Gone/Zone", "UTC"};
  (void)state;
  for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
    begin(NULL, "tasks: {a: {run: x}, b: {run: x, needs: a}}\n");
    s.runs.items[0].zone = zones[i];
    s.runs.items[0].scheduled_for = s.now.wall;
    sim_restart(&s);
    sim_exit(&s, "a", 0);
    sim_exit(&s, "b", 0);
    assert_run(&s, 1, "succeeded");
    sim_close(&s);
  }
}

/* Its silence counts from the start of the attempt in the list of concerns, and is allowed anew. */
static void an_unreachable_attempt_without_a_time_is_no_less_a_concern(void **state) {
  struct engine_concern *c;
  struct arena a = {0};
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1, unreachable: {after: 10m}}}\n");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  instant created = s.attempts.items[0].created_at;
  s.attempts.items[0].unreachable_at = INSTANT_NONE;
  sim_later(&s, USEC_PER_MIN);
  sim_restart(&s);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_int_equal(c->since, created);
  sim_later(&s, 9 * USEC_PER_MIN);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_false(c->overdue);
  sim_later(&s, USEC_PER_MIN);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_true(c->overdue);
  arena_release(&a);
  sim_close(&s);
}

/* Without schedules, as in `rota run FILE`, no firing is decided however much is due. */
static void where_schedules_rest_nothing_fires(void **state) {
  static const char yaml[] = "schedule: {every: 1m}\ntasks: {a: {run: x}}\n";
  (void)state;
  sim_open(&s, NULL);
  s.options.schedules = false;
  engine_free(s.e);
  s.e = engine_new(&s.options);
  sim_load(&s, "p", yaml);
  sim_later(&s, USEC_PER_HOUR);
  sim_restart(&s);
  sim_load(&s, "p", yaml);
  sim_later(&s, USEC_PER_HOUR);
  assert_int_equal(s.runs.len + s.firings.len, 0);
  sim_close(&s);
}

/* A definition of the same length is another one all the same; one of a file that is gone is what it was. */
static void a_preview_knows_what_has_changed(void **state) {
  static const struct {
    const char *yaml, *says;
  } rows[] = {
      {"tasks: {a: {run: x}, b: {run: y, needs: a}}\n", "\"version_differs\":false"},
      {"tasks: {a: {run: z}, b: {run: y, needs: a}}\n", "\"changed\":true"},
      {"tasks: {a: {run: xx}, b: {run: y, needs: a}}\n", "\"changed\":true"},
      {"tasks: {a: {run: x}, b: {run: z, needs: a}}\n", "\"version_differs\":true"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct engine_event ev = {.kind = ENGINE_RERUN};
    begin(NULL, "tasks: {a: {run: x}, b: {run: y, needs: a}}\n");
    sim_exit(&s, "a", 0);
    sim_exit(&s, "b", 1);
    sim_load(&s, "p", rows[i].yaml);
    struct run_rows of_run = sim_rows(&s, sim_run(&s, 1));
    ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &of_run, .mode = RERUN_FAILED, .version = i ? 2 : 0};
    ev.rerun.asker.dry_run = true;
    sim_event(&s, ev);
    answered(200, rows[i].says);
    sim_rows_free(&of_run);
    sim_close(&s);
  }
}

/* What a task wrote as its outputs is nothing where it declares none; what ended it is told with the words of who
 * saw it. */
static void an_end_has_the_words_of_who_saw_it(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\nmax_tasks: 5\n",
        "tasks:\n  a: {run: x}\n  b: {run: x, allow_failure: true}\n  c: {run: x, slots: {cpu: 9}}\n");
  why("c", "waits for slot cpu on local");
  sim_end_as(&s, "a", ENGINE_END_EXITED, 0, "v=5\n");
  assert_task(&s, 1, "a", "succeeded");
  struct proc *p = sim_live(&s, "b");
  struct engine_event ev = sim_report(&s, p, ENGINE_REPORT_ENDED);
  p->state = PROC_GONE;
  ev.report.end = ENGINE_END_EXITED;
  ev.report.status = 137;
  ev.report.text = "memory ran out";
  sim_event(&s, ev);
  assert_task(&s, 1, "b", "failed");
  if (!strstr(sim_task(&s, 1, "b")->reason, "memory ran out")) fail_msg("%s", sim_task(&s, 1, "b")->reason);
  sim_close(&s);
}

/* A host that refuses us and is drained beside is no cause for alarm: nothing is to go there. */
static void a_drained_host_that_refuses_is_no_concern_at_once(void **state) {
  struct engine_concern *c;
  struct arena a = {0};
  (void)state;
  begin_away("tasks: {a: {run: x, on: h1}, b: {run: x, on: h2}}\n");
  sim_exit(&s, "a", 0);
  sim_exit(&s, "b", 0);
  sim_host(&s, "h1", HOST_CONTACT_REFUSED, "permission denied");
  sim_trigger(&s, "p");
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  sim_order(&s, "h1", HOST_ORDER_DRAIN, "new disks", false);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 0);
  arena_release(&a);
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_run_is_named_before_it_is_taken_up),
      cmocka_unit_test(a_run_whose_zone_is_gone_or_unsaid_goes_on),
      cmocka_unit_test(an_unreachable_attempt_without_a_time_is_no_less_a_concern),
      cmocka_unit_test(where_schedules_rest_nothing_fires),
      cmocka_unit_test(a_preview_knows_what_has_changed),
      cmocka_unit_test(an_end_has_the_words_of_who_saw_it),
      cmocka_unit_test(a_drained_host_that_refuses_is_no_concern_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
