/* Tasks by runs, instances of a run, usual durations, runs by the hour. */
#include "sandbox.h"

#include "scheduler/store/history.h"

struct fixture {
  struct sandbox *s;
  struct history *h;
  struct arena a;
};

static int setup(void **state) {
  if (sandbox_setup(state)) return -1;
  struct fixture *f = alloc_new(struct fixture);
  f->s = *state;
  sandbox_pipeline(f->s);
  f->h = history_new(f->s->dir);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  history_free(f->h);
  arena_release(&f->a);
  *state = f->s;
  free(f);
  return sandbox_teardown(state);
}

static void put_run(struct fixture *f, int64_t key, int64_t number, enum run_state run_state,
                    const struct change *tasks, size_t len) {
  struct change c = sample_run(key, 1, number, 2, run_state);
  sandbox_commit(f->s, &c, 1);
  sandbox_commit(f->s, tasks, len);
}

static const char *labels(const struct history_grid *g, struct arena *a) {
  struct buf text = {0};
  for (size_t i = 0; i < g->tasks_len; i++) buf_fmt(&text, "%s%s", i ? " " : "", g->tasks[i].label);
  const char *copy = arena_strdup(a, buf_cstr(&text));
  buf_release(&text);
  return copy;
}

static void a_grid_has_a_letter_for_each_task_of_each_run(void **state) {
  struct fixture *f = *state;
  struct change old[] = {sample_task(10, 0, "load", TASK_SUCCEEDED, 0), sample_task(10, 1, "gone", TASK_FAILED, 0),
                         sample_task(10, 2, "publish", TASK_UPSTREAM_FAILED, 0)};
  struct change new[] = {sample_task(11, 0, "load", TASK_SUCCEEDED, 0), sample_task(11, 1, "train", TASK_RUNNING, 0),
                         sample_task(11, 2, "publish", TASK_WAITING, 0)};
  new[1].task.attempts = 2;
  put_run(f, 10, 1, RUN_FAILED, old, 3);
  put_run(f, 11, 2, RUN_RUNNING, new, 3);
  struct history_grid g;
  assert_int_equal(history_grid(f->h, 1, 0, 25, &f->a, &g), 0);
  assert_string_equal(labels(&g, &f->a), "load gone train publish");
  assert_int_equal(g.runs_len, 2);
  assert_int_equal(g.runs[0].number, 2);
  assert_string_equal(g.runs[0].cells, "s.Rw");
  assert_string_equal(g.runs[1].cells, "sf.b");
  assert_int_equal(g.runs[1].state, RUN_FAILED);
  assert_int_equal(g.runs[0].ended_at, INSTANT_NONE);
}

static void a_grid_goes_on_below_a_number(void **state) {
  struct fixture *f = *state;
  for (int64_t n = 1; n <= 5; n++) {
    struct change task = sample_task(10 + n, 0, "load", TASK_SUCCEEDED, 0);
    put_run(f, 10 + n, n, RUN_SUCCEEDED, &task, 1);
  }
  struct history_grid g;
  assert_int_equal(history_grid(f->h, 1, 4, 2, &f->a, &g), 0);
  assert_int_equal(g.runs_len, 2);
  assert_int_equal(g.runs[0].number, 3);
  assert_int_equal(g.runs[1].number, 2);
  assert_int_equal(history_grid(f->h, 1, 1, 2, &f->a, &g), 0);
  assert_int_equal(g.runs_len, 0);
}

static void each_state_has_a_letter_of_its_own(void **state) {
  (void)state;
  char seen[TASK_STATES + 1] = "";
  for (int s = 0; s < TASK_STATES; s++) {
    seen[s] = history_cell((enum task_state)s, 1);
    assert_null(memchr(seen, seen[s], (size_t)s));
    assert_int_equal(history_cell((enum task_state)s, 2), seen[s] - 'a' + 'A');
  }
}

static void spans_are_in_the_order_of_the_run(void **state) {
  struct fixture *f = *state;
  struct change tasks[] = {sample_task(10, 0, "load", TASK_SUCCEEDED, 0),
                           sample_task(10, 1, "train", TASK_RUNNING, 0)};
  tasks[0].task.ended_at = NOON + USEC_PER_SEC;
  put_run(f, 10, 1, RUN_RUNNING, tasks, 2);
  struct history_span *spans;
  size_t len;
  assert_int_equal(history_spans(f->h, 10, &f->a, &spans, &len), 0);
  assert_int_equal(len, 2);
  assert_string_equal(spans[0].name, "load");
  assert_int_equal(spans[0].ended_at, NOON + USEC_PER_SEC);
  assert_int_equal(spans[1].state, TASK_RUNNING);
  assert_int_equal(spans[1].ended_at, INSTANT_NONE);
}

static void the_usual_duration_is_the_median_of_the_last_successes(void **state) {
  struct fixture *f = *state;
  duration usual;
  assert_int_equal(history_usual(f->h, 1, &usual), 0);
  assert_int_equal(usual, -1);
  static const int64_t seconds[] = {500, 10, 30, 20, 10, 30, 20, 10, 30, 20}; /* the first is out of sight */
  for (int64_t i = 0; i < 10; i++) {
    struct change c = sample_run(20 + i, 1, 1 + i, 2, RUN_SUCCEEDED);
    c.run.ended_at = c.run.started_at + seconds[i] * USEC_PER_SEC;
    sandbox_commit(f->s, &c, 1);
  }
  struct change failed = sample_run(40, 1, 40, 2, RUN_FAILED);
  sandbox_commit(f->s, &failed, 1);
  assert_int_equal(history_usual(f->h, 1, &usual), 0);
  assert_int_equal(usual, 20 * USEC_PER_SEC);
}

static void ends_of_an_hour_add_up(void **state) {
  struct fixture *f = *state;
  struct change c[] = {{CHANGE_HOURLY, .hourly = {100, 1, RUN_SUCCEEDED, 1}},
                       {CHANGE_HOURLY, .hourly = {100, 1, RUN_SUCCEEDED, 2}},
                       {CHANGE_HOURLY, .hourly = {101, 1, RUN_FAILED, 1}},
                       {CHANGE_HOURLY, .hourly = {130, 1, RUN_FAILED, 1}}};
  sandbox_commit(f->s, c, 4);
  struct hourly_row *rows;
  size_t len;
  assert_int_equal(history_hourly(f->h, 100, 124, &f->a, &rows, &len), 0);
  assert_int_equal(len, 2);
  assert_int_equal(rows[0].count, 3);
  assert_int_equal(rows[1].state, RUN_FAILED);
}

static void a_version_is_found_by_the_beginning_of_its_sum(void **state) {
  struct fixture *f = *state;
  struct version_row v;
  assert_int_equal(history_version_named(f->h, 1, "aaaa", &f->a, &v), 0);
  assert_int_equal(v.key, 2);
  assert_int_equal(history_version_named(f->h, 1, "ab", &f->a, &v), ERR_NOT_FOUND);
}

#define GRID_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      GRID_TEST(a_grid_has_a_letter_for_each_task_of_each_run),
      GRID_TEST(a_grid_goes_on_below_a_number),
      GRID_TEST(each_state_has_a_letter_of_its_own),
      GRID_TEST(spans_are_in_the_order_of_the_run),
      GRID_TEST(the_usual_duration_is_the_median_of_the_last_successes),
      GRID_TEST(ends_of_an_hour_add_up),
      GRID_TEST(a_version_is_found_by_the_beginning_of_its_sum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
