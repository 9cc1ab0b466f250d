/* What is forgotten, what is kept, and that it goes in small steps. */
#include <time.h>

#include "sandbox.h"

#include "scheduler/store/history.h"
#include "scheduler/store/retention.h"

#define DAY USEC_PER_DAY

/* A run of pipeline 1 that ended `days` before noon. */
static struct change old_run(int64_t key, enum run_state state, int64_t days) {
  struct change c = sample_run(key, 1, key, 2, state);
  c.run.created_at = c.run.started_at = NOON - days * DAY - USEC_PER_MIN;
  if (c.run.ended_at != INSTANT_NONE) c.run.ended_at = NOON - days * DAY;
  return c;
}

/* Walks until nothing is left to do; returns the ids that were said to be removed, as "10 11 ". */
static void walk(struct sandbox *s, int64_t days, int64_t runs, struct buf *out) {
  struct retention r = {.days = days, .runs = runs};
  struct retention_removed removed = {0};
  int rc, steps = 0;
  while ((rc = retention_step(s->store, &r, NOON, &removed, &s->why)) == 1 && steps < 100000) steps++;
  assert_int_equal(rc, 0);
  for (size_t i = 0; i < removed.ids.len; i++)
    buf_fmt(out, "%lld ", strtoll(removed.ids.items[i].text + 3, NULL, 10));
  vec_release(&removed.ids);
}

static void runs_over_either_limit_go_and_the_named_stay(void **state) {
  struct sandbox *s = *state;
  static const struct {
    const char *name;
    int64_t days, runs;
    const char *expected;
  } table[] = {
      {"no limits", 0, 0, ""},
      {"by age", 30, 0, "10 12 "},
      {"by count", 0, 3, "10 12 13 16 "},
      {"by both", 50, 3, "10 12 13 16 "},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct buf got = {0};
    sandbox_close(s);
    dir_remove_at(AT_FDCWD, s->dir);
    sandbox_open(s);
    sandbox_pipeline(s);
    struct change c[16];
    size_t n = 0;
    c[n++] = old_run(10, RUN_SUCCEEDED, 100);
    c[n++] = old_run(11, RUN_SUCCEEDED, 99); /* run 20 came from it */
    c[n++] = old_run(12, RUN_FAILED, 98);
    c[n++] = old_run(13, RUN_FAILED, 55);
    c[n++] = old_run(14, RUN_SUCCEEDED, 54); /* kept */
    c[n - 1].run.keep = true;
    c[n++] = old_run(15, RUN_RUNNING, 53);
    c[n++] = old_run(16, RUN_SUCCEEDED, 20);
    c[n++] = old_run(17, RUN_SUCCEEDED, 15); /* the last success */
    c[n++] = old_run(18, RUN_FAILED, 10);
    c[n++] = old_run(19, RUN_FAILED, 9);
    c[n++] = old_run(20, RUN_CANCELLED, 1);
    c[n - 1].run.linked_from = 11;
    sandbox_commit(s, c, n);
    walk(s, table[i].days, table[i].runs, &got);
    if (strcmp(buf_cstr(&got), table[i].expected) != 0)
      fail_msg("%s: '%s', not '%s'", table[i].name, buf_cstr(&got), table[i].expected);
    buf_release(&got);
  }
}

/* They stay themselves. */
static void neither_a_live_run_nor_one_that_was_run_again_keeps_those_after_it(void **state) {
  struct sandbox *s = *state;
  struct buf got = {0};
  sandbox_pipeline(s);
  struct change c[5];
  size_t n = 0;
  c[n++] = old_run(10, RUN_RUNNING, 100);
  c[n++] = old_run(11, RUN_SUCCEEDED, 99);
  c[n - 1].run.ended_at = NOON - DAY; /* of its second round */
  c[n++] = old_run(12, RUN_SUCCEEDED, 98);
  c[n++] = old_run(13, RUN_SUCCEEDED, 29);
  c[n++] = old_run(14, RUN_SUCCEEDED, 28);
  sandbox_commit(s, c, n);
  walk(s, 30, 0, &got);
  assert_string_equal(buf_cstr(&got), "12 ");
  buf_release(&got);
}

static void all_that_hangs_on_a_run_goes_with_it(void **state) {
  struct sandbox *s = *state;
  struct arena a = {0};
  sandbox_pipeline(s);
  enum { TASKS = 500 };
  struct change *c = alloc_zeroed(TASKS * 4 + 4, sizeof *c);
  size_t n = 0;
  c[n++] = old_run(10, RUN_SUCCEEDED, 100);
  c[n++] = old_run(11, RUN_SUCCEEDED, 1);
  for (uint32_t i = 0; i < TASKS; i++) {
    c[n++] = sample_task(10, i, "t", TASK_SUCCEEDED, 100 + i);
    c[n++] = sample_attempt(100 + i, 10, i, TASK_SUCCEEDED);
    c[n++] = (struct change){CHANGE_OUTPUT, .output = {100 + i, "x", "1"}};
    c[n++] = sample_event(10000 + i, EVENT_ROW_TASK, 10, "succeeded");
  }
  c[n++] = sample_task(11, 0, "t", TASK_SUCCEEDED, 0);
  sandbox_commit(s, c, n);
  free(c);
  struct buf got = {0};
  walk(s, 30, 0, &got);
  assert_string_equal(buf_cstr(&got), "10 ");
  buf_release(&got);
  struct history *h = history_new(s->dir);
  struct task_row *tasks;
  struct attempt_row *attempts;
  struct output_row *outputs;
  struct event_row *events;
  struct id *ids;
  size_t len;
  assert_int_equal(history_tasks(h, 10, -1, 9, &a, &tasks, &len), 0);
  assert_int_equal(len, 0);
  assert_int_equal(history_attempts(h, 10, -1, 0, 9, &a, &attempts, &len), 0);
  assert_int_equal(len, 0);
  assert_int_equal(history_outputs(h, 101, &a, &outputs, &len), 0);
  assert_int_equal(len, 0);
  assert_int_equal(history_events(h, 10, 0, 9, &a, &events, &len), 0);
  assert_int_equal(len, 0);
  assert_int_equal(history_tasks(h, 11, -1, 9, &a, &tasks, &len), 0);
  assert_int_equal(len, 1);
  /* Its directory is still to be removed, over a restart too. */
  sandbox_reopen(s);
  assert_int_equal(history_removed(h, 9, &a, &ids, &len), 0);
  assert_int_equal(len, 1);
  assert_string_equal(ids[0].text, sample_id(10).text);
  assert_int_equal(retention_swept(s->store, ids, len, &s->why), 0);
  assert_int_equal(history_removed(h, 9, &a, &ids, &len), 0);
  assert_int_equal(len, 0);
  history_free(h);
  arena_release(&a);
}

static void old_requests_firings_events_and_versions_go(void **state) {
  struct sandbox *s = *state;
  struct arena a = {0};
  sandbox_pipeline(s);
  struct change c[24];
  size_t n = 0;
  c[n++] = sample_version(3, 1, "{}"); /* named by nobody */
  c[n - 1].version.created_at = NOON - 100 * DAY;
  c[n++] = sample_version(4, 1, "{}"); /* named by a run */
  c[n - 1].version.created_at = NOON - 100 * DAY;
  c[n++] = sample_run(10, 1, 1, 4, RUN_SUCCEEDED);
  c[n++] = (struct change){CHANGE_SCHEDULE, .schedule = {5, 1, "x", NOON, NOON, true}};
  c[n++] = (struct change){CHANGE_FIRING,
                           .firing = {6, 5, 1, NOON - 90 * DAY, NOON - 90 * DAY, 1, 0, FIRING_MISSED, NULL, 0, NOON}};
  c[n++] = (struct change){CHANGE_FIRING,
                           .firing = {7, 5, 1, NOON - 80 * DAY, NOON - 80 * DAY, 1, 0, FIRING_MISSED, NULL, 0, NOON}};
  c[n++] = (struct change){CHANGE_REQUEST, .request = {"old", "", 200, "", 0, NOON - 8 * DAY}};
  c[n++] = (struct change){CHANGE_REQUEST, .request = {"new", "", 200, "", 0, NOON - 6 * DAY}};
  int64_t hour = NOON / USEC_PER_HOUR;
  c[n++] = (struct change){CHANGE_HOURLY, .hourly = {hour - 9 * 24, 1, RUN_SUCCEEDED, 1}};
  c[n++] = (struct change){CHANGE_HOURLY, .hourly = {hour - 7 * 24, 1, RUN_SUCCEEDED, 1}};
  c[n++] = sample_event(20, EVENT_ROW_PIPELINE, 0, NULL);
  c[n - 1].event.at = NOON - 90 * DAY;
  c[n++] = (struct change){CHANGE_AUDIT, .audit = {NOON - 90 * DAY, {"user", NULL, NULL, NULL}, "old", NULL, NULL}};
  c[n++] = (struct change){CHANGE_AUDIT, .audit = {NOON - 1 * DAY, {"user", NULL, NULL, NULL}, "new", NULL, NULL}};
  sandbox_commit(s, c, n);
  struct buf got = {0};
  walk(s, 30, 0, &got);
  assert_int_equal(got.len, 0);
  struct history *h = history_new(s->dir);
  struct version_row *versions;
  struct firing_row *firings;
  struct history_audit *audit;
  int64_t next;
  struct event_row *events;
  struct request_row request;
  size_t len;
  assert_int_equal(history_versions(h, 1, 0, 9, &a, &versions, &len), 0);
  assert_int_equal(len, 2);
  assert_int_equal(versions[0].key, 4);
  assert_int_equal(history_firings(h, 1, INSTANT_NONE, 9, &a, &firings, &len), 0);
  assert_int_equal(len, 1);
  assert_int_equal(firings[0].key, 7);
  assert_int_equal(history_audit(h, NULL, 0, 9, &a, &audit, &len, &next), 0);
  assert_int_equal(len, 1);
  assert_int_equal(history_pipeline_events(h, 1, 0, 9, &a, &events, &len), 0);
  assert_int_equal(len, 0);
  assert_int_equal(history_request(h, "old", "", NOON - 7 * DAY, &a, &request), ERR_NOT_FOUND);
  assert_int_equal(history_request(h, "new", "", NOON, &a, &request), 0);
  struct hourly_row *hours;
  assert_int_equal(history_hourly(h, 0, hour, &a, &hours, &len), 0);
  assert_int_equal(len, 1);
  assert_int_equal(hours[0].hour, hour - 7 * 24);
  history_free(h);
  arena_release(&a);
  buf_release(&got);
}

/* Of this thread's processor alone: what else the machine does is none of the step's business. */
static int64_t worked(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

static void a_step_is_short(void **state) {
  struct sandbox *s = *state;
  enum { RUNS = 2000 };
  sandbox_pipeline(s);
  struct change *c = alloc_zeroed(RUNS * 3, sizeof *c);
  size_t n = 0;
  for (int64_t i = 0; i < RUNS; i++) {
    c[n++] = old_run(10 + i, RUN_SUCCEEDED, 100);
    c[n++] = sample_task(10 + i, 0, "t", TASK_SUCCEEDED, 0);
    c[n++] = sample_event(100000 + i, EVENT_ROW_RUN, 10 + i, "succeeded");
  }
  sandbox_commit(s, c, n);
  free(c);
  struct retention r = {.days = 30};
  struct retention_removed removed = {0};
  int steps = 0, slow = 0, rc = 1;
  while (rc == 1) {
    int64_t began = worked();
    rc = retention_step(s->store, &r, NOON, &removed, &s->why);
    slow += worked() - began > 5 * USEC_PER_MS;
    steps++;
    if (steps % 16 == 0) store_tend(s->store, false, NULL);
  }
  assert_int_equal(rc, 0);
  assert_int_equal(removed.ids.len, RUNS - 1);
  assert_true(steps > 5);
  print_message("%d steps, %d of them over 5 ms\n", steps, slow);
  assert_true(slow * 2 < steps);
  vec_release(&removed.ids);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(runs_over_either_limit_go_and_the_named_stay),
      STORE_TEST(neither_a_live_run_nor_one_that_was_run_again_keeps_those_after_it),
      STORE_TEST(all_that_hangs_on_a_run_goes_with_it),
      STORE_TEST(old_requests_firings_events_and_versions_go),
      STORE_TEST(a_step_is_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
