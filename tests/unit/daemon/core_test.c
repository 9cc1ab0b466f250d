/* The heart: record, then act. */
#include "tests/unit/daemon/rig.h"

#include "base/instant.h"
#include "scheduler/store/history.h"

#define ONE   "tasks: {a: {run: \"true\"}}\n"
#define RETRY "tasks: {a: {run: \"true\", retries: {max: 1, delay: 1s, jitter: none}}}\n"

/* The clocks of base/clock.c, which a test may set back. */
static _Atomic int64_t clock_behind; /* the writer's thread reads it too */

static int64_t read_clock(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

instant clock_now(void) {
  return read_clock(CLOCK_REALTIME) - clock_behind;
}

int64_t clock_monotonic(void) {
  return read_clock(CLOCK_BOOTTIME) - clock_behind;
}

static int64_t rows(struct rig *r, const char *line) {
  struct history *h = history_new(r->config->state);
  struct filter filter = {0};
  struct diag_list diags;
  int64_t count;
  bool at_least;
  diag_init(&diags, NULL, line, strlen(line));
  assert_int_equal(filter_parse(&filter, line, clock_now(), &diags), 0);
  assert_int_equal(history_count(h, &filter, clock_now(), 1000, &count, &at_least), 0);
  diag_release(&diags);
  filter_release(&filter);
  history_free(h);
  return count;
}

static int64_t runs_at_start;

static void count_runs(struct rig *r, const struct decision_reply *reply) {
  (void)reply;
  runs_at_start = rows(r, "");
}

static void a_decision_is_carried_out_when_its_rows_are_durable(void **state) {
  struct rig *r = *state;
  r->on_reply = count_runs;
  rig_load(r, "one", ONE);
  rig_trigger(r, 1, "one");
  assert_int_equal(r->executor.starts, 0);
  rig_until(r, r->executor.starts == 1);
  assert_int_equal(r->starts_at_commit, 0); /* the hook came before the decisions */
  assert_int_equal(r->replies, 1);
  assert_int_equal(r->statuses[0], 201);
  assert_int_equal(runs_at_start, 1); /* read by another connection at the time of the reply */
}

static void a_dry_run_is_answered_without_a_commit(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  size_t before = r->commits;
  rig_trigger(r, 1, "one");
  struct inbox *in = core_inbox(r->core);
  in->halves[in->filling].events.items[0].trigger.asker.dry_run = true;
  rig_until(r, r->replies == 1);
  assert_int_equal(r->statuses[0], 200);
  assert_int_equal(r->commits, before);
}

static void put_another(struct rig *r, const struct change *changes, size_t len) {
  (void)changes;
  (void)len;
  int *left = r->more;
  if ((*left)-- > 0) rig_trigger(r, 1, "one");
}

static void events_that_come_while_a_commit_is_in_flight_make_the_next_batch(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  size_t before = r->commits;
  rig_trigger(r, 1, "one");
  uv_run(&r->loop, UV_RUN_NOWAIT); /* the first is handed over */
  for (int i = 0; i < 20; i++) rig_trigger(r, 1, "one");
  assert_false(core_quiet(r->core));
  rig_until(r, r->replies == 21);
  assert_int_equal(r->commits - before, 2);
  assert_int_equal(rows(r, ""), 21);
}

static void an_event_that_is_put_by_a_hook_is_not_left_behind(void **state) {
  struct rig *r = *state;
  int left = 3;
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  r->more = &left;
  r->on_committed = put_another;
  rig_trigger(r, 1, "one");
  rig_until(r, r->replies == 4);
  r->on_committed = NULL;
}

static void a_task_goes_its_way_by_reports(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_trigger(r, 1, "one");
  rig_until(r, r->executor.starts == 1);
  rig_report(r, REPORT_STARTED, 0);
  rig_report(r, REPORT_ENDED, 0);
  rig_until(r, rig_quiet(r));
  assert_int_equal(rows(r, "state:succeeded"), 1);
}

static void after_a_restart_what_was_under_way_is_looked_up(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_trigger(r, 1, "one");
  rig_until(r, r->executor.starts == 1);
  char attempt[32];
  memcpy(attempt, r->executor.started[0], sizeof attempt);
  rig_close(r);
  rig_open(r);
  assert_int_equal(r->executor.adopts, 1);
  assert_string_equal(r->executor.started[0], attempt);
  rig_report(r, REPORT_ENDED, 0);
  rig_until(r, rig_quiet(r));
  assert_int_equal(rows(r, "state:succeeded"), 1);
}

/* ---- core_after ---- */

static void note_call(void *ctx) {
  ++*(int *)ctx;
}

static void after_calls_at_once_when_nothing_is_under_way(void **state) {
  struct rig *r = *state;
  int calls = 0;
  rig_until(r, rig_quiet(r));
  core_after(r->core, note_call, &calls);
  assert_int_equal(calls, 1);
}

static void check_reply_came(void *ctx) {
  static char after[] = "after", early[] = "too early";
  struct rig *r = ctx;
  r->more = r->replies == 2 ? after : early;
}

static void after_calls_when_all_that_was_queued_is_durable_and_carried_out(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  rig_trigger(r, 1, "one");
  uv_run(&r->loop, UV_RUN_NOWAIT);
  rig_trigger(r, 2, "one"); /* of the batch after the one in flight */
  core_after(r->core, check_reply_came, r);
  rig_until(r, r->more != NULL);
  assert_string_equal(r->more, "after");
}

static void after_waits_for_the_commit_in_flight(void **state) {
  struct rig *r = *state;
  int calls = 0;
  rig_load(r, "one", ONE);
  uv_run(&r->loop, UV_RUN_NOWAIT);
  assert_false(core_quiet(r->core));
  core_after(r->core, note_call, &calls);
  assert_int_equal(calls, 0);
  rig_until(r, calls == 1);
}

static void after_is_never_called_when_the_core_ends_before(void **state) {
  struct rig *r = *state;
  int calls = 0;
  rig_load(r, "one", ONE);
  core_after(r->core, note_call, &calls);
  rig_close(r);
  assert_int_equal(calls, 0);
  rig_open(r);
}

/* ---- time ---- */

static int64_t started_again_at;

static void note_start(uv_check_t *check) {
  const struct rig *r = check->data;
  if (r->executor.starts > 1 && !started_again_at) started_again_at = read_clock(CLOCK_BOOTTIME);
}

/* The daemon's clock is behind the kernel's, so the alarm comes too early: as it does when the longest sleep is over,
 * or when somebody sets the clock. */
static void an_alarm_that_comes_too_early_is_set_again(void **state) {
  struct rig *r = *state;
  clock_behind = USEC_PER_SEC / 5;
  rig_load(r, "one", RETRY);
  rig_trigger(r, 1, "one");
  rig_until(r, r->executor.starts == 1);
  rig_report(r, REPORT_STARTED, 0);
  rig_report(r, REPORT_ENDED, 1);
  rig_until(r, rig_quiet(r));

  uv_timer_t guard;
  uv_check_t check;
  uv_timer_init(&r->loop, &guard);
  uv_check_init(&r->loop, &check);
  check.data = r;
  started_again_at = 0;
  int64_t begin = read_clock(CLOCK_BOOTTIME);
  uv_check_start(&check, note_start);
  uv_timer_start(&guard, rig_tick, 8000, 0);
  while (!started_again_at && uv_is_active((uv_handle_t *)&guard)) uv_run(&r->loop, UV_RUN_ONCE);
  clock_behind = 0;
  uv_close((uv_handle_t *)&guard, NULL);
  uv_close((uv_handle_t *)&check, NULL);
  uv_run(&r->loop, UV_RUN_NOWAIT);
  assert_true(started_again_at > 0);
  assert_in_range(started_again_at - begin, USEC_PER_SEC / 2, 7 * USEC_PER_SEC);
}

/* ---- commits that fail ---- */

static bool no_room(const struct rig *r) {
  char *path = path_join(r->config->state, "rota.ballast");
  bool dropped = access(path, F_OK) != 0;
  free(path);
  return dropped;
}

static void on_a_full_disk_nothing_starts_and_all_is_drained_in_order(void **state) {
  struct rig *r = *state;
  if (!rig_small_disk(r)) return;
  rig_load(r, "one", ONE);
  rig_trigger(r, 1, "one");
  rig_until(r, r->executor.starts == 1);
  rig_report(r, REPORT_STARTED, 0);
  rig_until(r, rig_quiet(r));
  rig_fill_disk(r);
  /* Commits go on until the log needs room; the reserve lets the one that failed through. */
  for (int i = 0; i < 400 && !r->degraded; i++) {
    rig_trigger(r, 2, "one");
    rig_wait(r, 20);
  }
  assert_int_equal(r->degraded, ERR_FULL);
  assert_int_equal(core_degraded(r->core), ERR_FULL);
  size_t starts = r->executor.starts;
  rig_trigger(r, 3, "one");
  rig_report(r, REPORT_ENDED, 0);
  rig_wait(r, 3500);
  assert_true(no_room(r));
  assert_int_equal(r->executor.starts, starts); /* neither of the batch that got through nor of those after it */
  assert_int_equal(r->degraded, ERR_FULL);

  rig_free_disk(r);
  rig_until(r, r->degraded == 0);
  rig_until(r, rig_quiet(r));
  assert_int_equal(core_degraded(r->core), 0);
  assert_true(r->executor.starts > starts);
  assert_false(no_room(r));
  assert_int_equal(rows(r, "state:succeeded"), 1);
  assert_int_equal(r->fatal, 0);
  rig_large_disk(r);
}

static void a_failure_for_good_ends_all_work(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  rig_trigger(r, 1, "one");
  uv_run(&r->loop, UV_RUN_NOWAIT); /* in flight */
  committer_failed(core_committer(r->core), ERR_SYNC);
  assert_int_equal(r->fatal, ERR_SYNC);
  rig_trigger(r, 2, "one");
  rig_wait(r, 300);
  assert_int_equal(r->replies, 0);
  assert_int_equal(r->executor.starts, 0);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CORE_TEST(a_decision_is_carried_out_when_its_rows_are_durable),
      CORE_TEST(a_dry_run_is_answered_without_a_commit),
      CORE_TEST(events_that_come_while_a_commit_is_in_flight_make_the_next_batch),
      CORE_TEST(an_event_that_is_put_by_a_hook_is_not_left_behind),
      CORE_TEST(a_task_goes_its_way_by_reports),
      CORE_TEST(after_a_restart_what_was_under_way_is_looked_up),
      CORE_TEST(after_calls_at_once_when_nothing_is_under_way),
      CORE_TEST(after_calls_when_all_that_was_queued_is_durable_and_carried_out),
      CORE_TEST(after_waits_for_the_commit_in_flight),
      CORE_TEST(after_is_never_called_when_the_core_ends_before),
      CORE_TEST(an_alarm_that_comes_too_early_is_set_again),
      CORE_TEST(on_a_full_disk_nothing_starts_and_all_is_drained_in_order),
      CORE_TEST(a_failure_for_good_ends_all_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
