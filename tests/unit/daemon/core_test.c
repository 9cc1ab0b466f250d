/* The heart: record, then act. */
#include "tests/unit/daemon/rig.h"

#include <fcntl.h>
#include <sys/resource.h>

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

/* A task that succeeded doesn't fail because its outputs can't be read for want of a descriptor. */
static void an_end_waits_until_its_outputs_can_be_read(void **state) {
  struct rig *r = *state;
  rig_load(r, "one", ONE);
  rig_trigger(r, 1, "one");
  rig_until(r, r->executor.starts == 1);
  rig_report(r, REPORT_STARTED, 0);
  rig_until(r, rig_quiet(r));
  struct rlimit before;
  int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(lowest);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = {.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  rig_report(r, REPORT_ENDED, 0);
  bool quiet = rig_quiet(r);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_true(quiet); /* nothing was told yet */
  rig_until(r, rows(r, "state:succeeded") == 1);
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

/* ---- other places ---- */

#define FAR_AWAY "tasks: {a: {on: gpu01, run: \"true\"}}\n"

static struct rig_executor far_executor;
static size_t clears;
static char far_attempt[32], far_run[32]; /* over restarts */

static void far_report(struct rig *r, enum report_kind kind) {
  r->executor.starts = 0;
  memcpy(r->executor.started[0], far_attempt, sizeof far_attempt);
  memcpy(r->executor.started_run[0], far_run, sizeof far_run);
  rig_report(r, kind, 0);
}

static int far_clear(struct executor *e, const char *run_id, const char *attempt_id) {
  (void)e;
  (void)run_id;
  (void)attempt_id;
  clears++;
  return 0;
}

static struct executor *find_far(void *ctx, const char *host) {
  (void)ctx;
  return strcmp(host, "gpu01") == 0 ? &far_executor.executor : NULL;
}

static void each_far(void *ctx, void (*call)(void *arg, struct executor *e), void *arg) {
  (void)ctx;
  call(arg, &far_executor.executor);
}

static void set_far(struct rig *r) {
  static struct executor_ops ops;
  const struct core_places places = {.find = find_far, .each = each_far};
  ops = rig_ops;
  ops.clear = far_clear;
  far_executor = (struct rig_executor){.executor = {.ops = &ops, .report = core_report, .ctx = r->core}};
  core_set_places(r->core, &places);
}

static void put_contact(struct rig *r, enum host_contact contact) {
  struct engine_host *e = &inbox_add(core_inbox(r->core), ENGINE_HOST)->host;
  e->host = "gpu01";
  e->contact = contact;
  e->text = contact == HOST_CONTACT_UP ? NULL : "no answer";
  e->booted_at = INSTANT_NONE;
}

/* One task runs on gpu01. */
static void begin_far(struct rig *r) {
  rig_close(r);
  config_free(r->config);
  r->config = temp_config(&r->temp, "hosts: {gpu01: {ssh: ml@gpu01, slots: {cpu: 4}}}\n");
  rig_open(r);
  set_far(r);
  put_contact(r, HOST_CONTACT_UP);
  rig_load(r, "far", FAR_AWAY);
  rig_trigger(r, 1, "far");
  rig_until(r, far_executor.starts == 1);
  memcpy(far_attempt, far_executor.started[0], sizeof far_attempt);
  memcpy(far_run, far_executor.started_run[0], sizeof far_run);
  far_report(r, REPORT_STARTED);
  rig_until(r, rig_quiet(r));
}

static enum task_state state_of_attempt(struct rig *r) {
  struct arena a = {0};
  struct engine_host_attempt *there;
  size_t len = engine_host_attempts(core_engine(r->core), "gpu01", &a, &there);
  enum task_state state = len == 1 ? there[0].state : TASK_WAITING;
  arena_release(&a);
  return state;
}

static void what_another_place_runs_is_found_each_time(void **state) {
  struct rig *r = *state;
  begin_far(r);
  assert_int_equal(r->executor.starts, 0);
  assert_int_equal(state_of_attempt(r), TASK_RUNNING);
  core_sweep(r->core, "01hzzzzzzzzzzzzzzzzzzzzzzz");
  assert_int_equal(far_executor.sweeps, 1);
  assert_int_equal(r->executor.sweeps, 1);
  far_report(r, REPORT_ENDED);
  rig_until(r, rig_quiet(r));
  assert_int_equal(rows(r, "state:succeeded"), 1);
}

static void an_attempt_of_a_place_that_is_gone_is_unreachable_until_it_is_back(void **state) {
  struct rig *r = *state;
  begin_far(r);
  rig_close(r);
  rig_open(r); /* adopts, and nobody knows gpu01 */
  rig_until(r, rig_quiet(r));
  assert_int_equal(state_of_attempt(r), TASK_UNREACHABLE);
  set_far(r);
  put_contact(r, HOST_CONTACT_UP);
  core_adopt_place(r->core, "gpu01");
  assert_int_equal(far_executor.adopts, 1);
  far_report(r, REPORT_REACHABLE);
  rig_until(r, state_of_attempt(r) == TASK_RUNNING);
  far_report(r, REPORT_ENDED);
  rig_until(r, rig_quiet(r));
  assert_int_equal(rows(r, "state:succeeded"), 1);
}

static void what_was_given_up_is_cleared_where_it_was_and_after_a_restart(void **state) {
  struct rig *r = *state;
  clears = 0;
  begin_far(r);
  put_contact(r, HOST_CONTACT_UNREACHABLE);
  far_report(r, REPORT_UNREACHABLE);
  struct engine_host_order *order = &inbox_add(core_inbox(r->core), ENGINE_HOST_ORDER)->host_order;
  order->asker = (struct engine_asker){.handle = 2, .actor = {"user", "0", "anna", "test"}};
  order->host = "gpu01";
  order->order = HOST_ORDER_DOWN;
  order->reason = "burnt";
  rig_until(r, clears == 1);
  rig_close(r);
  clears = 0;
  rig_open(r);
  set_far(r);
  core_adopt_place(r->core, "gpu01");
  assert_int_equal(clears, 1);
  far_report(r, REPORT_CLEARED);
  rig_until(r, rig_quiet(r));
  core_adopt_place(r->core, "gpu01");
  assert_int_equal(clears, 1); /* nothing is left */
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

static void a_writer_that_gives_no_answer_degrades_until_it_does(void **state) {
  struct rig *r = *state;
  core_stalled(r->core, false);
  assert_int_equal(r->degraded_calls, 0);
  core_stalled(r->core, true);
  core_stalled(r->core, true);
  assert_int_equal(core_degraded(r->core), ERR_TIMEOUT);
  assert_int_equal(r->degraded, ERR_TIMEOUT);
  assert_int_equal(r->degraded_calls, 1);
  core_stalled(r->core, false);
  assert_int_equal(core_degraded(r->core), 0);
  core_stalled(r->core, true);
  rig_load(r, "one", ONE);
  rig_until(r, core_degraded(r->core) == 0); /* a commit that ends is an answer too */
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CORE_TEST(a_decision_is_carried_out_when_its_rows_are_durable),
      CORE_TEST(a_dry_run_is_answered_without_a_commit),
      CORE_TEST(a_writer_that_gives_no_answer_degrades_until_it_does),
      CORE_TEST(events_that_come_while_a_commit_is_in_flight_make_the_next_batch),
      CORE_TEST(an_event_that_is_put_by_a_hook_is_not_left_behind),
      CORE_TEST(a_task_goes_its_way_by_reports),
      CORE_TEST(an_end_waits_until_its_outputs_can_be_read),
      CORE_TEST(after_a_restart_what_was_under_way_is_looked_up),
      CORE_TEST(what_another_place_runs_is_found_each_time),
      CORE_TEST(an_attempt_of_a_place_that_is_gone_is_unreachable_until_it_is_back),
      CORE_TEST(what_was_given_up_is_cleared_where_it_was_and_after_a_restart),
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
