/* What each request answers when it can't be granted, and that a dry run of it changes nothing. */
#include "tests/unit/engine/sim.h"

static struct sim s;

static int open_sim(void **state) {
  (void)state;
  sim_open(&s, NULL);
  return 0;
}

static int close_sim(void **state) {
  (void)state;
  sim_close(&s);
  return 0;
}

static void answered(int status, const char *part) {
  if (s.status != status || !s.body || !strstr(s.body, part))
    fail_msg("%d %s: expected %d with '%s'", s.status, s.body ? s.body : "(no body)", status, part);
}

/* The same request as a dry run, and then in earnest: both answer so, and only the second one changes rows. */
static void dry_then_real(struct engine_event *ev, struct engine_asker *asker, int status, const char *part) {
  asker->dry_run = true;
  sim_event(&s, *ev);
  answered(status, part);
  assert_int_equal(s.step.changes.len, 0);
  asker->dry_run = false;
  sim_event(&s, *ev);
  answered(status, part);
  assert_true(s.step.changes.len > 0);
}

#define SEVERAL                                                                                                      \
  "tasks:\n  a: {run: x, outputs: {n: int}}\n  m: {run: x, matrix: {k: [1, 2]}}\n  z: {run: x, needs: [a, m]}\n"     \
  "  last: {run: x, finally: true}\n"

static void begin(const char *yaml) {
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
  assert_int_equal(s.status, 201);
}

static void dry_runs_of_what_pauses_notes_and_keeps_change_nothing(void **state) {
  (void)state;
  begin(SEVERAL);
  struct engine_event ev = {.kind = ENGINE_PAUSE};
  ev.pause = (struct engine_pause){.asker = sim_anna(), .pipeline = "p", .reason = "why"};
  ev.pause.asker.dry_run = true;
  sim_event(&s, ev);
  answered(200, "p is paused");
  assert_int_equal(s.step.changes.len, 0);
  ev.pause.pipeline = NULL;
  sim_event(&s, ev);
  answered(200, "everything is paused");
  assert_int_equal(s.step.changes.len, 0);

  struct engine_event note = {.kind = ENGINE_NOTE};
  note.note = (struct engine_note){.asker = sim_anna(), .pipeline_name = "p", .text = "t"};
  note.note.asker.dry_run = true;
  sim_event(&s, note);
  assert_int_equal(s.step.changes.len, 0);
  note.note.run = sim_run(&s, 1);
  sim_event(&s, note);
  answered(200, "the note stands with p#1");
  assert_int_equal(s.step.changes.len, 0);

  struct engine_event keep = {.kind = ENGINE_KEEP};
  keep.keep = (struct engine_keep){.asker = sim_anna(), .run = sim_run(&s, 1), .pipeline_name = "p", .keep = true};
  keep.keep.asker.dry_run = true;
  sim_event(&s, keep);
  answered(200, "p#1 is kept");
  assert_int_equal(s.step.changes.len, 0);
  keep.keep.asker.dry_run = false;
  sim_event(&s, keep);
  assert_true(sim_run(&s, 1)->keep); /* of a run that lives */
  keep.keep.keep = false;
  sim_event(&s, keep);
  answered(200, "p#1 is no longer kept");
  assert_false(sim_run(&s, 1)->keep);

  sim_pause(&s, NULL);
  struct engine_event resume = {.kind = ENGINE_RESUME};
  resume.resume = (struct engine_resume){.asker = sim_anna()};
  resume.resume.asker.dry_run = true;
  sim_event(&s, resume);
  answered(200, "everything goes on");
  assert_int_equal(s.step.changes.len, 0);
  assert_true(s.pause.at != INSTANT_NONE);
}

static void what_isnt_there_is_told(void **state) {
  (void)state;
  begin(SEVERAL);
  sim_pause(&s, "nope");
  answered(404, "there is no pipeline 'nope'");
  sim_resume(&s, "nope");
  answered(404, "there is no pipeline 'nope'");
  struct engine_event note = {.kind = ENGINE_NOTE};
  note.note = (struct engine_note){.asker = sim_anna(), .pipeline_name = "nope", .text = "t"};
  sim_event(&s, note);
  answered(404, "there is no pipeline 'nope'");
  sim_order(&s, "nowhere", HOST_ORDER_DOWN, NULL, false);
  answered(404, "nowhere");
  sim_cancel(&s, 1, "nope");
  answered(404, "has no task 'nope'");
  sim_mark(&s, 1, "nope", TASK_SUCCEEDED, NULL, 0);
  answered(404, "has no task 'nope'");
  sim_cancel(&s, 1, "m:7"); /* an instance by its place, of which there are two */
  answered(404, "has no task 'm:7'");
  sim_cancel(&s, 1, "m:");
  answered(404, "has no task 'm:'");
  sim_cancel(&s, 1, "m:1x");
  answered(404, "has no task 'm:1x'");
  sim_cancel(&s, 1, "m:99999999");
  answered(404, "has no task 'm:99999999'");
  sim_cancel(&s, 1, "nope:1");
  answered(404, "has no task 'nope:1'");
}

static void an_instance_is_found_by_its_place(void **state) {
  (void)state;
  begin(SEVERAL);
  sim_cancel(&s, 1, "m:1");
  answered(200, "m:1");
  assert_task(&s, 1, "m[1]", "starting");
  assert_task(&s, 1, "m[2]", "stopping");
}

static void a_pause_says_who_paused_before(void **state) {
  (void)state;
  begin(SEVERAL);
  struct engine_event ev = {.kind = ENGINE_PAUSE};
  ev.pause = (struct engine_pause){.asker = {.handle = 7, .actor = {.kind = "token", .id = "t1"}}, .pipeline = "p"};
  sim_event(&s, ev);
  assert_string_equal(s.pipelines.items[0].paused_by, "t1"); /* without a name it is the id */
  sim_event(&s, ev);
  answered(409, "p is paused already: no reason was given");
  sim_resume(&s, "p");
  answered(200, "p goes on");
  sim_resume(&s, "p");
  answered(409, "p isn't paused");
  sim_resume(&s, NULL);
  answered(409, "the installation isn't paused");
  sim_pause(&s, NULL);
  sim_pause(&s, NULL);
  answered(409, "everything is paused already: maintenance");
}

static void a_mark_must_give_what_is_declared_and_nothing_else(void **state) {
  (void)state;
  static const struct {
    struct param_given given[2];
    size_t len;
    int status;
    const char *part;
  } rows[] = {
      {{{0}}, 0, 422, "a declares the output 'n': give it a value with the mark"},
      {{{.name = "o", .text = "1"}}, 1, 422, "a declares no output 'o'"},
      {{{.name = "n", .text = "x"}}, 1, 422, "output n: expected a whole number"},
      {{{.name = "n", .value = {.type = VALUE_BOOL, .boolean = true}}}, 1, 422, "output n: expected a whole number"},
      {{{.name = "n", .value = {.type = VALUE_INT, .integer = 5}}}, 1, 200, "p#1 a is marked succeeded"},
  };
  begin(SEVERAL);
  sim_exit(&s, "a", 1);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sim_mark(&s, 1, "a", TASK_SUCCEEDED, rows[i].given, rows[i].len);
    answered(rows[i].status, rows[i].part);
  }
  assert_task(&s, 1, "a", "succeeded");
  assert_string_equal(s.outputs.items[s.outputs.len - 1].json, "5");
}

static void a_mark_is_refused_where_it_would_lie(void **state) {
  (void)state;
  begin(SEVERAL);
  sim_mark(&s, 1, "m", TASK_SKIPPED, NULL, 0);
  answered(422, "m has 2 instances: name one, for instance m[1]");
  sim_mark(&s, 1, "a", TASK_FAILED, NULL, 0);
  answered(422, "a task can be marked succeeded or skipped");
  sim_mark(&s, 1, "a", TASK_SKIPPED, NULL, 0);
  answered(409, "a is starting: cancel it first");
  sim_exit(&s, "a", 1);
  sim_exit(&s, "m[1]", 0);
  sim_exit(&s, "m[2]", 0);
  assert_task(&s, 1, "last", "starting");
  sim_mark(&s, 1, "a", TASK_SKIPPED, NULL, 0);
  answered(409, "p#1 runs its last tasks: wait until it ended");
  sim_cancel(&s, 1, NULL);
  sim_mark(&s, 1, "z", TASK_SKIPPED, NULL, 0);
  answered(409, "p#1 is being cancelled: wait until it ended");
}

static void a_mark_of_a_run_that_nobody_knows_is_refused(void **state) {
  (void)state;
  begin("tasks: {a: {run: x}}\n");
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  struct engine_event ev = {.kind = ENGINE_MARK};
  ev.mark = (struct engine_mark){.asker = sim_anna(), .run_id = "nope", .task = "a", .state = TASK_SKIPPED};
  sim_event(&s, ev);
  answered(409, "the run isn't known");
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  ev.mark.run = &rows;
  ev.mark.run_id = rows.run.id.text;
  ev.mark.asker.actor = (struct actor){.kind = "token", .id = "t1"};
  ev.mark.asker.dry_run = true;
  sim_event(&s, ev);
  answered(200, "p#1 a is marked skipped");
  assert_int_equal(s.step.changes.len, 0);
  rows.run.pipeline = 999;
  sim_event(&s, ev);
  answered(409, "the run isn't known");
  rows.run.pipeline = sim_run(&s, 1)->pipeline;
  const struct run_rows kept = rows;
  rows.pipeline = NULL;
  sim_event(&s, ev);
  answered(409, "the run isn't known");
  rows = kept;
  rows.run.state = RUN_RUNNING; /* as it was read, and it isn't live any more */
  sim_event(&s, ev);
  answered(409, "the run isn't known");
  rows = kept;
  rows.run.params = "[1]";
  sim_event(&s, ev);
  answered(409, "p#1: its parameters can't be read");
  rows.run.params = "{}";
  ev.mark.asker.dry_run = false;
  sim_event(&s, ev);
  answered(200, "p#1 a is marked skipped");
  assert_string_equal(sim_task(&s, 1, "a")->reason, "marked by t1: no reason was given");
  sim_rows_free(&rows);
}

static void what_was_decided_waits_anew_when_what_it_needs_begins_again(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: x}\n  b: {run: x, needs: a}\n  z: {run: x, needs: b, when: always()}\n");
  sim_pause(&s, NULL);
  sim_exit(&s, "a", 1);
  assert_task(&s, 1, "b", "upstream_failed");
  assert_non_null(strstr(sim_why(&s, 1, "z"), "everything is paused by anna: maintenance"));
  sim_mark(&s, 1, "a", TASK_SUCCEEDED, NULL, 0);
  answered(200, "marked succeeded");
  assert_non_null(strstr(sim_why(&s, 1, "z"), "waits for b (waiting)"));
  sim_resume(&s, NULL);
  sim_exit(&s, "b", 0);
  sim_exit(&s, "z", 0);
  assert_run(&s, 1, "succeeded");
}

static void dry_runs_of_cancel_and_retry_change_nothing(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: x, retries: {max: 3, delay: 1h}}\n  m: {run: x, matrix: {k: [1, 2]}, retries: {max: 3, "
        "delay: "
        "1h}}\n");
  sim_exit(&s, "a", 1);
  sim_exit(&s, "m[1]", 1);
  struct engine_event ev = {.kind = ENGINE_RETRY_NOW};
  ev.retry_now = (struct engine_retry_now){.asker = sim_anna(), .run_id = sim_run(&s, 1)->id.text, .task = "m[1]"};
  dry_then_real(&ev, &ev.retry_now.asker, 200, "m[1]");
  ev.retry_now.asker.dry_run = true;
  ev.retry_now.task = "a";
  sim_event(&s, ev);
  answered(200, "a");
  assert_int_equal(s.step.changes.len, 0);
  ev.retry_now.task = "m[2]";
  sim_event(&s, ev);
  answered(409, "m[2]");
  ev.retry_now.task = "m";
  sim_event(&s, ev);
  answered(409, "m");
  struct engine_event cancel = {.kind = ENGINE_CANCEL};
  cancel.cancel = (struct engine_cancel){.asker = sim_anna(), .run_id = sim_run(&s, 1)->id.text, .task = "m"};
  cancel.cancel.asker.dry_run = true;
  sim_event(&s, cancel);
  answered(200, "m");
  assert_int_equal(s.step.changes.len, 0);
  cancel.cancel.task = NULL;
  sim_event(&s, cancel);
  answered(200, "p#1");
  assert_int_equal(s.step.changes.len, 0);
  cancel.cancel.asker = (struct engine_asker){.handle = 7, .actor = {.kind = "daemon"}};
  cancel.cancel.task = "m[2]";
  sim_event(&s, cancel);
  assert_non_null(strstr(sim_attempt(&s, sim_live(&s, "m[2]")->id)->stop_reason, "someone"));
}

static void a_pipeline_without_a_good_version_starts_nothing(void **state) {
  (void)state;
  struct engine_event ev = {.kind = ENGINE_BROKEN};
  ev.broken = (struct engine_broken){"p", "[{}]"};
  sim_event(&s, ev);
  sim_event(&s, ev); /* the same error again is nothing new */
  assert_int_equal(s.step.changes.len, 0);
  sim_trigger(&s, "p");
  answered(409, "p");
  assert_null(engine_pipeline(s.e, "p"));
  ev.broken.error = "[{\"message\": \"another\"}]";
  sim_event(&s, ev);
  assert_string_equal(s.pipelines.items[0].error, "[{\"message\": \"another\"}]");
  struct engine_event gone = {.kind = ENGINE_GONE};
  gone.gone = (struct engine_gone){"nope"};
  sim_event(&s, gone);
  assert_int_equal(s.step.changes.len, 0);
  gone.gone.name = "p";
  sim_event(&s, gone);
  sim_event(&s, gone);
  assert_int_equal(s.step.changes.len, 0);
  sim_trigger(&s, "p");
  answered(404, "p");
}

static void a_file_that_breaks_goes_and_comes_back(void **state) {
  (void)state;
  static const char yaml[] = "schedule: \"0 2 * * *\"\ntasks: {a: {run: x}}\n";
  sim_load(&s, "p", yaml);
  struct engine_event gone = {.kind = ENGINE_GONE}, broken = {.kind = ENGINE_BROKEN};
  gone.gone = (struct engine_gone){"p"};
  broken.broken = (struct engine_broken){"p", "[{}]"};
  sim_event(&s, gone);
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  sim_restart(&s);
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  sim_event(&s, broken); /* it is back, though not readable: the last good version is in force again */
  const char *schedule = NULL;
  assert_true(engine_next_firing(s.e, "p", &schedule) == SIM_START + 2 * USEC_PER_HOUR);
  assert_string_equal(schedule, "0 2 * * * UTC");
  sim_event(&s, broken);
  assert_int_equal(s.step.changes.len, 0);
  sim_load(&s, "p", yaml); /* mended: the same version as before */
  assert_int_equal(s.versions.len, 1);
  assert_null(s.pipelines.items[0].error);
  sim_load(&s, "p", yaml);
  assert_int_equal(s.step.changes.len, 0);
  assert_non_null(engine_pipeline(s.e, "p"));
  sim_pause(&s, "p");
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  sim_resume(&s, "p");
  sim_pause(&s, NULL);
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  assert_true(engine_next_firing(s.e, "nope", NULL) == INSTANT_NONE);
}

static void the_earliest_of_several_schedules_is_next(void **state) {
  (void)state;
  sim_load(&s, "p",
           "schedule:\n  - {name: late, cron: \"0 5 * * *\"}\n  - {name: early, cron: \"0 3 * * *\"}\n"
           "  - {name: never, cron: \"0 1 * * *\", paused: true}\n  - {name: later, cron: \"0 6 * * *\"}\n"
           "tasks: {a: {run: x}}\n");
  const char *schedule = NULL;
  assert_true(engine_next_firing(s.e, "p", &schedule) == SIM_START + 3 * USEC_PER_HOUR);
  assert_string_equal(schedule, "early");
}

static void the_commit_of_a_run_that_left_is_recorded_all_the_same(void **state) {
  (void)state;
  begin("tasks: {a: {run: x}}\n");
  char run_id[ID_LEN + 1];
  snprintf(run_id, sizeof run_id, "%s", sim_run(&s, 1)->id.text);
  assert_true(engine_run_live(s.e, run_id));
  sim_exit(&s, "a", 0);
  sim_idle(&s);
  assert_false(engine_run_live(s.e, run_id));
  struct engine_event ev = {.kind = ENGINE_CODE};
  ev.code = (struct engine_code){.run_id = run_id, .dir = "/tmp", .commit = "abc", .dirty = 1};
  sim_event(&s, ev);
  assert_int_equal(s.step.changes.len, 1);
  assert_int_equal(s.step.changes.items[0].kind, CHANGE_CODE);
  assert_string_equal(s.step.changes.items[0].code.commit, "abc");
  ev.code.commit = NULL;
  sim_event(&s, ev);
  assert_int_equal(s.step.changes.len, 0);
}

static void what_is_used_and_paused_is_told(void **state) {
  (void)state;
  sim_close(&s);
  sim_open(&s, "slots: {gpu: [a, b]}\nlimits: {db: 3}\n");
  begin("tasks: {a: {run: x, slots: {gpu: 1, db: 2}}}\n");
  struct engine_slot *slots;
  size_t len = engine_slots(s.e, &s.arena, &slots), seen = 0;
  for (size_t i = 0; i < len; i++) {
    const bool gpu = strcmp(slots[i].name, "gpu") == 0, db = strcmp(slots[i].name, "db") == 0;
    if (gpu) assert_true(slots[i].used == 1 && slots[i].total == 2 && strcmp(slots[i].host, "local") == 0);
    if (db) assert_true(slots[i].used == 2 && slots[i].total == 3 && !slots[i].host);
    seen += gpu || db;
  }
  assert_int_equal(seen, 2);
  assert_true(engine_paused(s.e).at == INSTANT_NONE);
  sim_pause(&s, NULL);
  assert_string_equal(engine_paused(s.e).reason, "maintenance");
  assert_string_equal(engine_paused(s.e).by, "anna");
  struct engine_host_attempt *there;
  assert_int_equal(engine_host_attempts(s.e, "local", &s.arena, &there), 1);
  assert_string_equal(there[0].task, "a");
  assert_int_equal(engine_host_attempts(s.e, "nowhere", &s.arena, &there), 0);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)
  const struct CMUnitTest tests[] = {
      CASE(dry_runs_of_what_pauses_notes_and_keeps_change_nothing),
      CASE(what_isnt_there_is_told),
      CASE(an_instance_is_found_by_its_place),
      CASE(a_pause_says_who_paused_before),
      CASE(a_mark_must_give_what_is_declared_and_nothing_else),
      CASE(a_mark_is_refused_where_it_would_lie),
      CASE(a_mark_of_a_run_that_nobody_knows_is_refused),
      CASE(what_was_decided_waits_anew_when_what_it_needs_begins_again),
      CASE(dry_runs_of_cancel_and_retry_change_nothing),
      CASE(a_pipeline_without_a_good_version_starts_nothing),
      CASE(a_file_that_breaks_goes_and_comes_back),
      CASE(the_earliest_of_several_schedules_is_next),
      CASE(the_commit_of_a_run_that_left_is_recorded_all_the_same),
      CASE(what_is_used_and_paused_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
