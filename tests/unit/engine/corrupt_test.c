/* Rows that contradict each other, and reports that say less than they could. */
#include "base/err.h"
#include "tests/unit/engine/sim.h"

static struct sim s;

static int open_sim(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(
      &s, "p",
      "params: {n: {type: int, default: 1}}\ntasks:\n  a: {run: x, outputs: {k: int}, retries: {max: 1, lost: 1, "
      "delay: 0s}}\n  b: {run: x, needs: a}\n");
  sim_trigger(&s, "p");
  assert_int_equal(s.status, 201);
  return 0;
}

static int close_sim(void **state) {
  (void)state;
  sim_close(&s);
  return 0;
}

/* Restores an engine from the rows of run 1 as they were changed; the message, or NULL if it is taken. */
static const char *restored(const struct engine_state *state) {
  char *message = NULL;
  struct engine *e = engine_new(&s.options);
  int err = engine_restore(e, state, s.now, &message);
  assert_true(err == 0 || (err == ERR_CORRUPT && message));
  const char *kept = err ? arena_strdup(&s.arena, message) : NULL;
  free(message);
  engine_free(e);
  return kept;
}

static void expect(const struct engine_state *state, const char *part) {
  const char *message = restored(state);
  if (!part ? message != NULL : !message || !strstr(message, part)) fail_msg("'%s', not '%s'", message, part);
}

static void rows_that_contradict_each_other_stop_the_start(void **state) {
  (void)state;
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct pipeline *spec = sim_spec(&s, s.pipelines.items[0].version), *specs[2] = {spec, NULL};
  struct pipeline_row twice[2] = {s.pipelines.items[0], s.pipelines.items[0]};
  struct schedule_row schedule = {.key = 900, .pipeline = 12345, .identity = "x"};
  struct engine_state good = {.pipelines = s.pipelines.items,
                              .pipeline_specs = specs,
                              .pipelines_len = 1,
                              .runs = &rows,
                              .runs_len = 1,
                              .pause = {.at = INSTANT_NONE},
                              .next_key = s.max_key + 1};
  expect(&good, NULL);
  struct engine_state bad = good;
  bad.pipelines = twice;
  bad.pipelines_len = 2;
  expect(&bad, "two pipelines of one name");
  bad = good;
  bad.schedules = &schedule;
  bad.schedules_len = 1;
  expect(&bad, "a schedule of a pipeline that isn't there");
  const struct run_rows kept = rows;
  rows.run.pipeline = 12345;
  expect(&good, "a run of a pipeline that isn't there");
  rows = kept;
  rows.pipeline = NULL;
  expect(&good, "a run of a pipeline that isn't there");
  rows = kept;
  rows.run.params = "[]";
  expect(&good, "p#1: its parameters can't be read");
  rows.run.params = "{\"n\": \"x\"}";
  expect(&good, "p#1: its parameters can't be read");
  rows.run.params = "{\"other\": 1}"; /* one that its version doesn't know is left out, one that is missing is null */
  expect(&good, NULL);
  rows.run.params = NULL;
  expect(&good, NULL);
  rows = kept;
  rows.tasks_len = 1;
  expect(&good, "its tasks don't fit its version");
  rows = kept;
  rows.tasks[1].index = 0;
  expect(&good, "its tasks aren't numbered");
  rows.tasks[1].index = 1;
  rows.attempts_len = 0;
  expect(&good, "a task is live and has no live attempt");
  rows = kept;
  rows.tasks[0].state = TASK_WAITING;
  expect(&good, "an attempt is live and its task isn't");
  rows.tasks[0].state = TASK_STARTING;
  rows.attempts[0].task = 99;
  expect(&good, "an attempt is live and its task isn't");
  rows.attempts[0].task = 0;
  rows.attempts[0].run = 12345; /* another run's is nothing to this one */
  expect(&good, "a task is live and has no live attempt");
  rows.attempts[0].run = rows.run.key;
  expect(&good, NULL);
  rows = kept;
  sim_rows_free(&rows);
  pipeline_release(spec);
}

static void what_can_be_missing_is_made_up_for(void **state) {
  (void)state;
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct pipeline *spec = sim_spec(&s, s.pipelines.items[0].version), *specs[1] = {spec};
  struct stat_row stats[] = {{.pipeline = 12345, .task = "a"},
                             {.pipeline = s.pipelines.items[0].key, .task = "a", .len = 200},
                             {.pipeline = s.pipelines.items[0].key, .task = "b", .len = 1, .ms = {5}},
                             {.pipeline = s.pipelines.items[0].key, .task = "b", .len = 1, .ms = {6}}};
  struct output_row outputs[] = {{.attempt = 77, .name = "k", .json = "5"},
                                 {.attempt = rows.attempts[0].key, .name = "gone", .json = "5"},
                                 {.attempt = rows.attempts[0].key, .name = "k", .json = "\"no number\""}};
  rows.outputs = outputs;
  rows.outputs_len = 3;
  rows.tasks[0].output_attempt = rows.attempts[0].key;
  struct engine_state state_ = {.pipelines = s.pipelines.items,
                                .pipeline_specs = specs,
                                .pipelines_len = 1,
                                .runs = &rows,
                                .runs_len = 1,
                                .stats = stats,
                                .stats_len = 4,
                                .pause = {.at = INSTANT_NONE}};
  expect(&state_, NULL);
  state_.pipeline_specs = NULL;
  expect(&state_, NULL);
  sim_rows_free(&rows);
  pipeline_release(spec);
}

/* What an executor may leave unsaid. */
static void reports_without_a_text_have_one(void **state) {
  (void)state;
  static const struct {
    enum engine_report_kind kind;
    enum engine_end end;
    const char *state, *reason;
  } rows[] = {
      {ENGINE_REPORT_ENDED, ENGINE_END_TIMED_OUT, "timed_out", "its time was over"},
      {ENGINE_REPORT_ENDED, ENGINE_END_STOPPED, "lost", "it was stopped from outside"},
      {ENGINE_REPORT_ENDED, ENGINE_END_LAUNCH_FAILED, "failed", "it could not be launched"},
      {ENGINE_REPORT_LOST, ENGINE_END_EXITED, "lost", "it is gone without a result"},
      {ENGINE_REPORT_NOT_STARTED, ENGINE_END_EXITED, "failed", "it could not be started"},
  };
  for (size_t text = 0; text < 2; text++) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
      close_sim(NULL);
      sim_open(&s, NULL);
      sim_load(&s, "p", "tasks: {a: {run: x, retries: {lost: 0}}}\n");
      sim_trigger(&s, "p");
      struct engine_event ev = sim_report(&s, sim_live(&s, "a"), rows[i].kind);
      ev.report.end = rows[i].end;
      ev.report.text = text ? "as the host says" : NULL;
      sim_event(&s, ev);
      assert_string_equal(task_state_word(sim_task(&s, 1, "a")->state), rows[i].state);
      assert_string_equal(sim_task(&s, 1, "a")->reason, text ? "as the host says" : rows[i].reason);
      assert_run(&s, 1, "failed");
    }
  }
}

static void outputs_that_cant_be_used_fail_the_task(void **state) {
  (void)state;
  struct engine_event ev = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_ENDED);
  ev.report.output_error = "its outputs are over 1 MiB";
  sim_event(&s, ev);
  assert_string_equal(sim_attempt(&s, ev.report.attempt_id)->reason, "its outputs are over 1 MiB");
  sim_live(&s, "a")->state = PROC_GONE; /* the next attempt is the retry */
  sim_idle(&s);
  s.procs.items[0].state = PROC_GONE;
  struct engine_event again = sim_report(&s, &s.procs.items[s.procs.len - 1], ENGINE_REPORT_ENDED);
  again.report.output = "k=5\nother=x\n";
  again.report.output_len = 12;
  sim_event(&s, again);
  assert_task(&s, 1, "a", "succeeded");
  assert_int_equal(s.outputs.len, 2);
}

static void reports_of_what_isnt_known_change_nothing(void **state) {
  (void)state;
  for (int kind = ENGINE_REPORT_ACCEPTED; kind <= ENGINE_REPORT_CLEARED; kind++) {
    struct engine_event ev = {.kind = ENGINE_REPORT};
    ev.report = (struct engine_report){.kind = (enum engine_report_kind)kind, .attempt_id = "nope"};
    sim_event(&s, ev);
    assert_int_equal(s.step.changes.len, 0);
    ev.report.attempt_id = NULL;
    sim_event(&s, ev);
    assert_int_equal(s.step.changes.len, 0);
  }
  struct engine_event ev = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_CLEARED);
  sim_event(&s, ev); /* one that lives was never given up */
  assert_task(&s, 1, "a", "starting");
  struct engine_event prepared = {.kind = ENGINE_PREPARED};
  prepared.prepared = (struct engine_prepared){.run_id = "nope"};
  sim_event(&s, prepared);
  prepared.prepared.run_id = sim_run(&s, 1)->id.text;
  sim_event(&s, prepared); /* nothing was to be copied */
  assert_int_equal(s.step.changes.len, 0);
  struct engine_event host = {.kind = ENGINE_HOST};
  host.host = (struct engine_host){.host = "nope", .contact = HOST_CONTACT_UP, .booted_at = INSTANT_NONE};
  sim_event(&s, host);
  assert_int_equal(s.step.changes.len, 0);
}

static void a_start_that_names_no_process_or_time_is_one(void **state) {
  (void)state;
  struct engine_event ev = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_STARTED);
  ev.report.pid = 0;
  ev.report.started_at = INSTANT_NONE;
  sim_event(&s, ev);
  assert_task(&s, 1, "a", "running");
  assert_true(sim_task(&s, 1, "a")->started_at == s.now.wall);
  assert_int_equal(sim_attempt(&s, ev.report.attempt_id)->pid, 0);
}

static void versions_and_firings_that_arent_there_are_done_without(void **state) {
  (void)state;
  static const char yaml[] = "schedule: \"0 2 * * *\"\ntasks: {a: {run: x}}\n";
  sim_load(&s, "q", yaml);
  struct engine_state bare = {.pipelines = s.pipelines.items,
                              .pipelines_len = s.pipelines.len,
                              .schedules = s.schedules.items,
                              .schedules_len = s.schedules.len,
                              .pause = {.at = INSTANT_NONE},
                              .next_key = s.max_key + 1};
  expect(&bare, NULL);
  struct pipeline *none[2] = {NULL, NULL};
  bare.pipeline_specs = none;
  expect(&bare, NULL);
  struct firing_row last[1] = {{0}};
  bare.last_firings = last;
  expect(&bare, NULL);
}

static void a_retry_whose_time_isnt_known_is_tried_at_once(void **state) {
  (void)state;
  sim_exit(&s, "a", 1); /* its retry has no delay, so it is under way already */
  sim_restart(&s);
  for (size_t i = 0; i < s.tasks.len; i++) {
    if (strcmp(s.tasks.items[i].label, "a") != 0) continue;
    s.tasks.items[i].state = TASK_WAITING;
    s.tasks.items[i].wait = WAIT_RETRY;
    s.tasks.items[i].not_before = INSTANT_NONE;
  }
  for (size_t i = 0; i < s.attempts.len; i++)
    if (task_state_live(s.attempts.items[i].state)) s.attempts.items[i].state = TASK_LOST;
  sim_restart(&s);
  assert_task(&s, 1, "a", "starting");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)
  const struct CMUnitTest tests[] = {
      CASE(rows_that_contradict_each_other_stop_the_start),
      CASE(what_can_be_missing_is_made_up_for),
      CASE(reports_without_a_text_have_one),
      CASE(outputs_that_cant_be_used_fail_the_task),
      CASE(reports_of_what_isnt_known_change_nothing),
      CASE(versions_and_firings_that_arent_there_are_done_without),
      CASE(a_retry_whose_time_isnt_known_is_tried_at_once),
      CASE(a_start_that_names_no_process_or_time_is_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
