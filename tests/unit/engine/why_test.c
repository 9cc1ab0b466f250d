/* The one line that says why a task isn't running, or what it does. */
#include "base/err.h"
#include "tests/unit/engine/sim.h"

static struct sim s;

static void begin(const char *config, const char *yaml) {
  sim_open_hosts(&s, config);
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
  if (s.status != 201) fail_msg("%d %s", s.status, s.body);
}

static void why(const char *task, const char *part) {
  const char *line = sim_why(&s, 1, task);
  if (!strstr(line, part)) fail_msg("%s: '%s' isn't in '%s'", task, part, line);
}

static void what_a_task_waits_for_is_named(void **state) {
  (void)state;
  begin("slots: {cpu: 20}\n",
        "tasks:\n  a: {run: x}\n  b: {run: x}\n  c: {run: x}\n  d: {run: x}\n"
        "  m: {run: x, matrix: {k: [1, 2, 3]}}\n  n: {run: x, matrix: {k: [1, 2, 3]}, needs: {m: same}}\n"
        "  one: {run: x, needs: [m]}\n  few: {run: x, needs: [a, b]}\n  many: {run: x, needs: [a, b, c, d, m]}\n"
        "  last: {run: x, finally: true}\n");
  why("n[2]", "waits for m[2] (");
  why("one", "waits for m (3 of 3 left)");
  why("few", "waits for a (");
  why("few", ", b (");
  why("many", " and 2 more");
  why("last", "runs once all other tasks have ended");
  sim_exit(&s, "a", 0);
  why("few", "waits for b (");
  sim_exit(&s, "m[2]", 0);
  why("one", "waits for m (2 of 3 left)");
  why("n[2]", "starting on local");
  why("a", "succeeded at 00:00");
  why("m[2]", "succeeded");
  sim_exit(&s, "c", 7);
  why("c", "failed at 00:00:00 UTC: exit status 7");
  sim_started(&s, "b");
  why("b", "running on local since 00:00");
  why("b", ", attempt 1");
  assert_string_equal(sim_why(&s, 1, "nope"), "(not found)");
  struct buf none = {0};
  assert_int_equal(engine_why(s.e, s.now, "nope", "a", &none), ERR_NOT_FOUND);
  buf_release(&none);
  sim_close(&s);
}

static void a_queued_run_names_who_is_ahead(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  sim_trigger(&s, "p");
  sim_trigger(&s, "p");
  const char *second = sim_why(&s, 2, "a"), *third = sim_why(&s, 3, "a");
  assert_non_null(strstr(second, "its run is queued behind p#1 (running)"));
  assert_non_null(strstr(third, "its run is queued behind p#1 (running)"));
  sim_exit(&s, "a", 0);
  assert_non_null(strstr(sim_why(&s, 3, "a"), "its run is queued behind p#2 (running)"));
  sim_close(&s);
}

static void a_retry_says_which_and_when(void **state) {
  (void)state;
  begin(NULL, "tasks:\n  a: {run: x, retries: {max: 3, delay: 10m, factor: 1, jitter: none}}\n"
              "  b: {run: x, retries: {lost: 2, delay: 10m, factor: 1, jitter: none}}\n");
  sim_exit(&s, "a", 5);
  why("a", "retry 1 of 3 at 00:10");
  why("a", "; the last attempt: exit status 5");
  sim_started(&s, "b");
  sim_kind(&s, "b", ENGINE_REPORT_LOST, false);
  why("b", "retry 1 of 2 after a loss at 00:10");
  sim_close(&s);
}

static void what_is_turned_away_again_and_again_never_started(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  for (int i = 0; i < 3; i++) sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  why("a", "it never started and is tried again at ");
  sim_close(&s);
}

static void who_holds_a_slot_is_named(void **state) {
  (void)state;
  begin("slots: {cpu: 20, gpu: 5, disk: 1}\nlimits: {db: 1}\n",
        "tasks:\n  g1: {run: x, slots: {gpu: 1}}\n  g2: {run: x, slots: {gpu: 1}}\n  g3: {run: x, slots: {gpu: 1}}\n"
        "  g4: {run: x, slots: {gpu: 1}}\n  g5: {run: x, slots: {gpu: 1}}\n  all: {run: x, slots: {gpu: 5}}\n"
        "  db1: {run: x, slots: {db: 1}}\n  db2: {run: x, slots: {db: 1}}\n  over: {run: x, slots: {gpu: \"${{ 99 "
        "}}\"}}\n"
        "  both1: {run: x, slots: {disk: 1}}\n  both2: {run: x, slots: {disk: 1, gpu: 1}}\n");
  why("all", "waits for slot gpu on local: held by p#1 g1");
  why("all", " and ");
  why("db2", "waits for slot db: held by p#1 db1");
  why("over", "waits for slot gpu on local: it needs 99, there are 5");
  sim_exit(&s, "g1", 0);
  why("all", "waits for slot gpu on local: held by ");
  sim_close(&s);
}

static void limits_of_the_run_and_of_all_are_named(void **state) {
  (void)state;
  begin("max_tasks: 3\n", "max_tasks: 2\ntasks:\n  a: {run: x}\n  b: {run: x}\n  c: {run: x}\n");
  why("c", "waits for its run: 2 of 2 tasks run (max_tasks)");
  sim_load(&s, "q", "tasks:\n  a: {run: x}\n  b: {run: x}\n");
  sim_trigger(&s, "q");
  const struct run_row *q = &s.runs.items[s.runs.len - 1];
  struct buf text = {0};
  assert_int_equal(engine_why(s.e, s.now, q->id.text, "b", &text), 0);
  assert_non_null(strstr(buf_cstr(&text), "3 of 3"));
  buf_reset(&text);
  sim_pause(&s, NULL);
  assert_int_equal(engine_why(s.e, s.now, q->id.text, "b", &text), 0);
  assert_non_null(strstr(buf_cstr(&text), "everything is paused by anna: maintenance"));
  buf_release(&text);
  sim_close(&s);
}

#define HOSTS                                                                                                        \
  "hosts:\n  h1: {ssh: h1, max_tasks: 1}\n  h2: {ssh: h2, slots: {gpu: 1}}\n  h3: {ssh: h3}\n  h4: {ssh: h4}\n"      \
  "  h5: {ssh: h5}\n  h6: {ssh: h6}\n"                                                                               \
  "groups: {all: [h1, h2, h3, h4, h5, h6], two: [h1, h2]}\n"

static void each_host_that_could_take_it_says_why_not(void **state) {
  (void)state;
  begin(HOSTS, "tasks:\n  a: {run: x, on: h1}\n  b: {run: x, on: h1}\n  c: {run: x, on: all, slots: {gpu: 1}}\n"
               "  d: {run: x, on: two, slots: {gpu: 1}}\n  e: {run: x, on: h3}\n");
  why("b", "waits for host h1: 1 of 1 tasks run there");
  why("d", "waits for slot gpu on h2: held by p#1 c");
  why("d", "held by p#1 c");
  why("d", "h1");
  sim_order(&s, "h3", HOST_ORDER_DRAIN, NULL, false);
  sim_exit(&s, "e", 0);
  sim_order(&s, "h1", HOST_ORDER_DRAIN, "new disks", false);
  why("b", "h1");
  why("b", "new disks");
  sim_close(&s);
}

static void of_many_hosts_only_some_are_named(void **state) {
  (void)state;
  sim_open_hosts(&s, HOSTS);
  sim_load(&s, "p", "tasks: {a: {run: x, on: all}}\n");
  static const char *const names[] = {"h1", "h2", "h3", "h4", "h5", "h6"};
  for (size_t i = 0; i < 6; i++) sim_order(&s, names[i], HOST_ORDER_DRAIN, i ? NULL : "why", false);
  sim_trigger(&s, "p");
  why("a", " more hosts");
  why("a", "no reason was given");
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_task_waits_for_is_named),
      cmocka_unit_test(a_queued_run_names_who_is_ahead),
      cmocka_unit_test(a_retry_says_which_and_when),
      cmocka_unit_test(what_is_turned_away_again_and_again_never_started),
      cmocka_unit_test(who_holds_a_slot_is_named),
      cmocka_unit_test(limits_of_the_run_and_of_all_are_named),
      cmocka_unit_test(each_host_that_could_take_it_says_why_not),
      cmocka_unit_test(of_many_hosts_only_some_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
