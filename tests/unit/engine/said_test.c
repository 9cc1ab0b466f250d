/* What is said of a task, a host or a run that is to be done again, where more than one thing could be said. */
#include "tests/unit/engine/ask.h"

static void preview(enum rerun_mode mode, const char *task) {
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = mode, .task = task};
  ev.rerun.asker.dry_run = true;
  sim_event(&s, ev);
  sim_rows_free(&rows);
}

static struct engine_event report_saying(const char *label, enum engine_report_kind kind, const char *text) {
  struct engine_event ev = sim_report(&s, sim_live(&s, label), kind);
  ev.report.text = text;
  return ev;
}

/* Each task that runs again has the reason why, and each that is kept what it was. */
static void a_preview_says_why_each_task_runs_again_or_is_kept(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\n",
        "tasks:\n  a: {run: x}\n  b: {run: x, needs: a}\n  c: {run: x}\n  d: {run: x, allow_failure: true}\n"
        "  m: {run: x}\n  z: {run: x, finally: true, timeout: 1m}\n");
  sim_exit(&s, "a", 0);
  sim_started(&s, "b");
  sim_exit(&s, "c", 1);
  sim_exit(&s, "d", 1);
  sim_exit(&s, "m", 1);
  sim_cancel(&s, 1, "b");
  sim_exit(&s, "b", 143);
  sim_exit(&s, "z", 0);
  assert_run(&s, 1, "failed");
  sim_mark(&s, 1, "m", TASK_SUCCEEDED, NULL, 0);
  if (sim_find_live(&s, "z")) sim_exit(&s, "z", 0);
  assert_run(&s, 1, "failed");
  preview(RERUN_FAILED, NULL);
  answered(200, "\"c\",\"why\":\"failed\"");
  answered(200, "\"d\",\"why\":\"failed (it was allowed to)\"");
  answered(200, "\"z\",\"why\":\"always runs (finally)\"");
  answered(200, "marked succeeded by hand");
  preview(RERUN_FROM, "a");
  answered(200, "\"a\",\"why\":\"you asked\"");
  answered(200, "\"b\",\"why\":\"follows a\"");
  preview(RERUN_ALL, NULL);
  answered(200, "\"m\",\"why\":\"you asked\"");
  preview(RERUN_ONLY, NULL);
  answered(409, "has no task ''");
  sim_close(&s);
}

/* Where the place is a parameter, only the run shows that it hasn't the slot. */
static void a_place_without_the_slot_is_named(void **state) {
  (void)state;
  begin(HOSTS, "params: {w: {type: string, default: h2}}\n"
               "tasks: {a: {run: x, on: \"${{ params.w }}\", slots: {gpu: 1}}}\n");
  why("a", "host h2 has no slot gpu");
  sim_close(&s);
}

/* What was told with a report stands in the place of the engine's own words. */
static void the_words_of_a_report_are_kept(void **state) {
  (void)state;
  static const struct {
    enum engine_report_kind kind;
    const char *text, *task, *reason;
  } rows[] = {
      {ENGINE_REPORT_NOT_STARTED, NULL, "failed", "it could not be started"},
      {ENGINE_REPORT_NOT_STARTED, "no such folder", "failed", "no such folder"},
      {ENGINE_REPORT_UNREACHABLE, NULL, "unreachable", "its host doesn't answer"},
      {ENGINE_REPORT_UNREACHABLE, "no route", "unreachable", "no route"},
      {ENGINE_REPORT_LOST, "its directory was removed", "lost", "its directory was removed"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    begin(NULL, "tasks: {a: {run: x, retries: {lost: 0}}}\n");
    sim_event(&s, report_saying("a", rows[i].kind, rows[i].text));
    assert_task(&s, 1, "a", rows[i].task);
    if (!strstr(sim_task(&s, 1, "a")->reason, rows[i].reason)) fail_msg("%s", sim_task(&s, 1, "a")->reason);
    sim_close(&s);
  }
}

/* The same with rows of a backup, of which nobody knows what became: it is said with what was found. */
static void the_words_of_a_report_are_kept_after_a_restore(void **state) {
  (void)state;
  static const struct {
    enum engine_report_kind kind;
    const char *text, *reason;
  } rows[] = {
      {ENGINE_REPORT_NOT_STARTED, NULL, "there is nothing of it; the backup doesn't know"},
      {ENGINE_REPORT_NOT_STARTED, "no folder of it", "no folder of it; the backup doesn't know"},
      {ENGINE_REPORT_FENCED, NULL, "it was kept from starting; the backup doesn't know"},
      {ENGINE_REPORT_FENCED, "it was fenced", "it was fenced; the backup doesn't know"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    begin(NULL, "tasks: {a: {run: x}}\n");
    s.restored_at = s.now.wall;
    sim_restart(&s);
    sim_event(&s, report_saying("a", rows[i].kind, rows[i].text));
    assert_task(&s, 1, "a", "lost");
    if (!strstr(sim_task(&s, 1, "a")->reason, rows[i].reason)) fail_msg("%s", sim_task(&s, 1, "a")->reason);
    sim_close(&s);
  }
}

/* What was told to stop before the backup was made has ended by that, and nobody is asked about it. */
static void what_was_stopped_before_the_backup_is_cancelled(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  sim_cancel(&s, 1, "a");
  s.restored_at = s.now.wall;
  sim_restart(&s);
  sim_event(&s, report_saying("a", ENGINE_REPORT_NOT_STARTED, NULL));
  assert_task(&s, 1, "a", "cancelled");
  sim_close(&s);
}

/* A host that is silent for some tasks is one concern, which stays overdue whichever of them is looked at last. */
static void of_many_silent_tasks_one_overdue_is_enough(void **state) {
  (void)state;
  struct engine_concern *c;
  struct arena a = {0};
  begin_away("tasks:\n  a: {run: x, on: h1}\n  b: {run: x, on: h1, unreachable: {after: 1m}}\n"
             "  c: {run: x, on: h1}\n");
  const char *const labels[] = {"a", "b", "c"};
  for (size_t i = 0; i < 3; i++) {
    sim_started(&s, labels[i]);
    sim_kind(&s, labels[i], ENGINE_REPORT_UNREACHABLE, false);
  }
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_false(c->overdue);
  sim_later(&s, USEC_PER_MIN);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_int_equal(c->count, 3);
  assert_true(c->overdue);
  sim_event(&s, report_saying("a", ENGINE_REPORT_UNREACHABLE, "no route"));
  assert_non_null(strstr(sim_task(&s, 1, "a")->reason, "no route"));
  arena_release(&a);
  sim_close(&s);
}

/* A wait that is long in minutes and short for this task is no concern. */
static void a_wait_within_three_times_the_usual_is_none(void **state) {
  (void)state;
  struct engine_concern *c;
  struct arena a = {0};
  begin("slots: {cpu: 8, gpu: 1}\n", "tasks: {t: {run: x, slots: {gpu: 1}}}\n");
  sim_started(&s, "t");
  struct engine_event ev = sim_report(&s, sim_live(&s, "t"), ENGINE_REPORT_ENDED);
  sim_later(&s, 4 * USEC_PER_MIN);
  ev.report.ended_at = s.now.wall;
  sim_live(&s, "t")->state = PROC_GONE;
  sim_event(&s, ev);
  sim_load(&s, "q", "tasks: {t: {run: x, slots: {gpu: 1}}}\n");
  sim_trigger(&s, "q");
  sim_trigger(&s, "p");
  sim_later(&s, 5 * USEC_PER_MIN);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 0);
  sim_later(&s, 6 * USEC_PER_MIN);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  arena_release(&a);
  sim_close(&s);
}

/* A host is the same one until it says otherwise; one that says nothing of itself is. */
static void a_host_that_says_another_name_was_replaced(void **state) {
  (void)state;
  static const struct {
    const char *machine, *boot;
    size_t events;
  } steps[] = {{"m1", "b1", 0}, {"m1", "b1", 0}, {"m1", "b2", 1}, {"m2", "b3", 1}, {NULL, NULL, 0}, {"m3", "b4", 1}};
  sim_open(&s, HOSTS);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    size_t before = s.events.len;
    struct engine_event ev = {.kind = ENGINE_HOST};
    ev.host = (struct engine_host){.host = "h1",
                                   .contact = HOST_CONTACT_UP,
                                   .machine = steps[i].machine,
                                   .boot = steps[i].boot,
                                   .booted_at = INSTANT_NONE};
    sim_event(&s, ev);
    if (s.events.len - before != steps[i].events) fail_msg("step %zu: %zu events", i, s.events.len - before);
  }
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_preview_says_why_each_task_runs_again_or_is_kept),
      cmocka_unit_test(a_place_without_the_slot_is_named),
      cmocka_unit_test(the_words_of_a_report_are_kept),
      cmocka_unit_test(the_words_of_a_report_are_kept_after_a_restore),
      cmocka_unit_test(what_was_stopped_before_the_backup_is_cancelled),
      cmocka_unit_test(of_many_silent_tasks_one_overdue_is_enough),
      cmocka_unit_test(a_wait_within_three_times_the_usual_is_none),
      cmocka_unit_test(a_host_that_says_another_name_was_replaced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
