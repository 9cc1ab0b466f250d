/* What people ask for: trigger, rerun, mark, note, keep; answers, audit rows, repeated requests. */
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

#define CHAIN                                                                                                        \
  "tasks:\n  a: {run: 'true'}\n  b: {run: 'true', needs: a}\n  c: {run: 'true', needs: b}\n  x: {run: 'true'}\n"

static void begin(const char *yaml) {
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
  assert_int_equal(s.status, 201);
}

/* a and x succeeded, b failed, c couldn't run. */
static void fail_at_b(void) {
  begin(CHAIN);
  sim_exit(&s, "a", 0);
  sim_exit(&s, "x", 0);
  sim_exit(&s, "b", 1);
  assert_run(&s, 1, "failed");
}

static void body_has(const char *part) {
  if (!s.body || !strstr(s.body, part)) fail_msg("'%s' isn't in %s", part, s.body ? s.body : "(no body)");
}

static void a_trigger_answers_with_the_run(void **state) {
  (void)state;
  begin(CHAIN);
  body_has("\"name\":\"p#1\",\"state\":\"running\",\"queued_behind\":null");
  sim_trigger(&s, "p");
  body_has("\"name\":\"p#2\",\"state\":\"queued\",\"queued_behind\":\"p#1\"");
  assert_int_equal(s.audits.len, 2);
  assert_string_equal(s.audits.items[0].action, "trigger");
  assert_string_equal(s.audits.items[0].object, "p#1");
  assert_string_equal(s.audits.items[0].actor.name, "anna");
  sim_trigger(&s, "nope");
  assert_int_equal(s.status, 404);
}

static void now_does_not_queue(void **state) {
  (void)state;
  begin(CHAIN);
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = "p", .scheduled_for = SIM_START - USEC_PER_DAY, .now = true};
  sim_event(&s, ev);
  assert_run(&s, 2, "running");
  assert_true(sim_run(&s, 2)->scheduled_for == SIM_START - USEC_PER_DAY);
}

static void a_wrong_parameter_is_refused_and_changes_nothing(void **state) {
  (void)state;
  sim_load(&s, "p", "params:\n  n: {type: int, min: 1, default: 2}\ntasks:\n  a: {run: 'true'}\n");
  struct param_given given = {.name = "n", .text = "zero"};
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = "p", .params = &given, .params_len = 1, .scheduled_for = INSTANT_NONE};
  sim_event(&s, ev);
  assert_int_equal(s.status, 422);
  body_has("n");
  assert_int_equal(s.step.changes.len, 0);
}

static void a_dry_run_shows_and_changes_nothing(void **state) {
  (void)state;
  sim_load(&s, "p", "params:\n  n: {type: int, default: 2}\ntasks:\n  a: {run: 'true'}\n");
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){.asker = sim_anna(), .pipeline = "p", .scheduled_for = INSTANT_NONE};
  ev.trigger.asker.dry_run = true;
  sim_event(&s, ev);
  assert_string_equal(s.body, "{\"params\":{\"n\":2},\"tasks\":[\"a\"]}");
  assert_int_equal(s.step.changes.len, 0);
}

static void the_same_key_in_one_step_is_answered_once(void **state) {
  (void)state;
  sim_load(&s, "p", CHAIN);
  struct engine_event ev[3];
  for (int i = 0; i < 3; i++) {
    ev[i] = (struct engine_event){.kind = ENGINE_TRIGGER};
    ev[i].trigger = (struct engine_trigger){.asker = sim_anna(), .pipeline = "p", .scheduled_for = INSTANT_NONE};
    ev[i].trigger.asker.idempotency_key = "k1";
  }
  ev[2].trigger.asker.body_sha256[0] = 'x';
  sim_step_many(&s, ev, 3);
  assert_int_equal(s.runs.len, 1);
  assert_int_equal(s.requests.len, 1);
  assert_int_equal(s.status, 422);
}

static void rerun_of_the_failed_runs_them_and_what_follows(void **state) {
  (void)state;
  fail_at_b();
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 0);
  assert_int_equal(s.status, 200);
  assert_run(&s, 1, "running");
  assert_task(&s, 1, "a", "succeeded");
  assert_task(&s, 1, "b", "starting");
  assert_task(&s, 1, "c", "waiting");
  assert_int_equal(sim_run(&s, 1)->round, 2);
  assert_false(sim_live(&s, "b")->fresh_state); /* it goes on from its checkpoint */
  sim_exit(&s, "b", 0);
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "succeeded");
  assert_true(sim_run(&s, 1)->failed_before);
  assert_int_equal(s.rounds.len, 2);
  assert_string_equal(s.rounds.items[0].reason, "failed: b");
  assert_string_equal(s.rounds.items[1].scope, "failed");
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 0);
  assert_int_equal(s.status, 409);
}

static void a_rerun_that_queues_says_nothing_of_its_former_end(void **state) {
  (void)state;
  fail_at_b();
  sim_trigger(&s, "p");
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 0);
  assert_run(&s, 1, "queued");
  assert_null(sim_run(&s, 1)->reason);
  assert_int_equal(s.rounds.len, 3);
  for (size_t i = 0; i < s.rounds.len; i++)
    if (s.rounds.items[i].number == 2) assert_null(s.rounds.items[i].reason);
}

static void rerun_from_a_task_begins_it_anew(void **state) {
  (void)state;
  fail_at_b();
  sim_rerun(&s, 1, RERUN_FROM, "a", 0);
  assert_true(sim_live(&s, "a")->fresh_state);
  assert_null(sim_find_live(&s, "x"));
  sim_exit(&s, "a", 0);
  sim_exit(&s, "b", 0);
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "succeeded");
  assert_int_equal(sim_task(&s, 1, "b")->attempts, 2);
}

static void rerun_of_one_task_changes_nothing_else(void **state) {
  (void)state;
  fail_at_b();
  sim_rerun(&s, 1, RERUN_ONLY, "c", 0);
  assert_int_equal(s.status, 409);
  sim_rerun(&s, 1, RERUN_ONLY, "b", 0);
  sim_exit(&s, "b", 0);
  assert_task(&s, 1, "b", "succeeded");
  assert_task(&s, 1, "c", "upstream_failed");
  assert_run(&s, 1, "failed");
}

static void a_rerun_has_fresh_budgets(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true', retries: {max: 1, delay: 0s}}\n");
  for (int round = 0; round < 2; round++) {
    sim_exit(&s, "a", 1);
    sim_idle(&s);
    sim_exit(&s, "a", 1);
    assert_run(&s, 1, "failed");
    if (round == 0) sim_rerun(&s, 1, RERUN_ALL, NULL, 0);
  }
  assert_int_equal(s.attempts.len, 4);
}

static void a_live_run_is_not_rerun(void **state) {
  (void)state;
  begin(CHAIN);
  sim_rerun(&s, 1, RERUN_ALL, NULL, 0);
  assert_int_equal(s.status, 409);
}

static void a_changed_file_wants_the_version_to_be_said(void **state) {
  (void)state;
  fail_at_b();
  sim_load(&s, "p",
           "tasks:\n  a: {run: 'true'}\n  b: {run: 'mended', needs: a}\n  c: {run: 'true', needs: b}\n"
           "  x: {run: 'true'}\n");
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 0);
  assert_int_equal(s.status, 409);
  body_has("--version");
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 2);
  assert_int_equal(s.status, 201);
  assert_true(sim_run(&s, 2)->linked_from == sim_run(&s, 1)->key);
  sim_cancel(&s, 2, NULL);
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 1);
  assert_int_equal(s.status, 200);
  assert_run(&s, 1, "running");
}

static void a_rerun_runs_the_tasks_that_the_newest_version_adds(void **state) {
  (void)state;
  fail_at_b();
  sim_load(&s, "p", CHAIN "  y: {run: 'true'}\n  z: {run: 'true', needs: [y, a]}\n");
  sim_rerun(&s, 1, RERUN_ONLY, "x", 2);
  assert_int_equal(s.status, 409);
  body_has("y is new");
  sim_rerun(&s, 1, RERUN_FROM, "x", 2);
  assert_int_equal(s.status, 201);
  struct engine_event ev = {.kind = ENGINE_PREPARED};
  ev.prepared.run_id = s.prepares.items[0].run_id;
  sim_event(&s, ev);
  assert_task(&s, 2, "a", "succeeded");
  sim_exit(&s, "x", 0);
  sim_exit(&s, "y", 0);
  sim_exit(&s, "z", 0);
  assert_run(&s, 2, "failed"); /* b was kept as it was */
}

static void one_task_is_not_rerun_in_a_new_run_after_what_failed(void **state) {
  (void)state;
  fail_at_b();
  sim_load(&s, "p", CHAIN "description: another version\n");
  sim_rerun(&s, 1, RERUN_ONLY, "c", 2);
  assert_int_equal(s.status, 409);
  body_has("c needs b");
}

static const char *preview(enum rerun_mode mode, const char *task) {
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = mode, .task = task};
  ev.rerun.asker.dry_run = true;
  sim_event(&s, ev);
  sim_rows_free(&rows);
  return s.body;
}

static void a_preview_says_why_each_task_runs(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n  b: {run: 'true'}\n  may: {run: 'true', allow_failure: true}\n"
        "  c: {run: 'true', needs: [a, b]}\n  d: {run: 'true', needs: c}\n  end: {run: 'true', finally: true}\n");
  sim_exit(&s, "a", 0);
  sim_exit(&s, "b", 1);
  sim_exit(&s, "may", 1);
  sim_exit(&s, "end", 0);
  const char *text = preview(RERUN_FAILED, NULL);
  assert_non_null(strstr(text, "{\"task\":\"b\",\"why\":\"failed\"}"));
  assert_non_null(strstr(text, "{\"task\":\"may\",\"why\":\"failed (it was allowed to)\"}"));
  assert_non_null(strstr(text, "{\"task\":\"c\",\"why\":\"follows b\"}"));
  assert_non_null(strstr(text, "{\"task\":\"d\",\"why\":\"follows c\"}"));
  assert_non_null(strstr(text, "{\"task\":\"end\",\"why\":\"always runs (finally)\"}"));
  assert_non_null(strstr(text, "\"will_keep\":[{\"task\":\"a\",\"why\":\"succeeded\""));
  text = preview(RERUN_FROM, "c");
  assert_non_null(strstr(text, "{\"task\":\"c\",\"why\":\"you asked\"}"));
  assert_non_null(strstr(text, "{\"task\":\"b\",\"why\":\"failed\""));
  assert_non_null(strstr(preview(RERUN_ALL, NULL), "{\"task\":\"a\",\"why\":\"you asked\"}"));
}

/* ---- one run for an instant ---- */

static void trigger_for(const char *pipeline, instant at, bool once) {
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = pipeline, .scheduled_for = at, .once = once, .trigger = TRIGGER_MANUAL};
  sim_event(&s, ev);
}

static void an_instant_that_a_live_run_has_is_refused_unless_forced(void **state) {
  (void)state;
  sim_load(&s, "p", "tasks: {t: {run: 'true'}}\n");
  trigger_for("p", SIM_START - USEC_PER_DAY, true);
  assert_int_equal(s.status, 201);
  trigger_for("p", SIM_START - USEC_PER_DAY, true);
  assert_int_equal(s.status, 409);
  assert_non_null(strstr(s.body, "p#1 is for this instant already"));
  trigger_for("p", SIM_START - USEC_PER_DAY, false);
  assert_int_equal(s.status, 201);
  trigger_for("p", SIM_START - 2 * USEC_PER_DAY, true);
  assert_int_equal(s.status, 201);
}

static void an_instant_that_has_just_fired_is_refused(void **state) {
  (void)state;
  sim_load(&s, "p", "schedule: {every: 1h}\ntasks: {t: {run: 'true'}}\n");
  sim_later(&s, USEC_PER_HOUR);
  instant fired = sim_run(&s, 1)->scheduled_for;
  sim_exit(&s, "t", 0); /* it has ended, whether its rows were seen or not */
  trigger_for("p", fired, true);
  assert_int_equal(s.status, 409);
  assert_int_equal(s.runs.len, 1);
}

static void a_firing_that_someone_runs_by_hand_is_skipped(void **state) {
  (void)state;
  sim_load(&s, "p", "schedule: {every: 1h, overlap: allow}\ntasks: {t: {run: 'true'}}\n");
  instant next = engine_next_firing(s.e, "p", NULL);
  trigger_for("p", next, true);
  sim_later(&s, USEC_PER_HOUR);
  assert_int_equal(s.runs.len, 1);
  assert_int_equal(s.firings.items[0].outcome, FIRING_SKIPPED);
  assert_string_equal(s.firings.items[0].reason, "p#1, made by hand, is for this instant");
}

static void a_note_stands_with_a_pipeline(void **state) {
  (void)state;
  sim_load(&s, "p", "tasks: {t: {run: 'true'}}\n");
  struct engine_event ev = {.kind = ENGINE_NOTE};
  ev.note = (struct engine_note){.asker = sim_anna(), .pipeline_name = "p", .text = "known"};
  sim_event(&s, ev);
  assert_int_equal(s.status, 200);
  const struct event_row *row = &s.events.items[s.events.len - 1];
  assert_int_equal(row->kind, EVENT_ROW_NOTE);
  assert_int_equal(row->run, 0);
  assert_true(row->pipeline != 0);
  assert_string_equal(row->reason, "known");
  ev.note.pipeline_name = "q";
  sim_event(&s, ev);
  assert_int_equal(s.status, 404);
}

static void rerun_with_params(struct param_given *given, bool dry_run) {
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .params = given, .params_len = 1};
  ev.rerun.asker.dry_run = dry_run;
  sim_event(&s, ev);
  sim_rows_free(&rows);
}

static void a_linked_run_keeps_what_is_not_done_again(void **state) {
  (void)state;
  begin("params:\n  n: {type: int, default: 1}\ntasks:\n  a: {run: 'echo $ROTA_PARAM_N', outputs: {k: int}}\n"
        "  b: {run: 'true', needs: a, when: tasks.a.outputs.k == 5}\n");
  sim_end_as(&s, "a", ENGINE_END_EXITED, 0, "k=5\n");
  sim_exit(&s, "b", 1);
  struct param_given given = {.name = "n", .text = "2"};
  rerun_with_params(&given, true);
  assert_string_equal(s.body, "{\"will_run\":[{\"task\":\"b\",\"why\":\"failed\"}],\"will_keep\":[{\"task\":\"a\","
                              "\"why\":\"succeeded\",\"changed\":false,\"uses_param\":[\"n\"]}],\"linked\":true,"
                              "\"version_differs\":false}");
  rerun_with_params(&given, false);
  assert_int_equal(s.status, 201);
  assert_string_equal(sim_run(&s, 2)->params, "{\"n\":2}");
  assert_task(&s, 2, "a", "succeeded");
  assert_true(sim_task(&s, 2, "a")->output_attempt == sim_task(&s, 1, "a")->attempt);
  assert_int_equal(sim_task(&s, 2, "b")->wait, WAIT_FILES);
  assert_int_equal(s.prepares.len, 1);
  assert_string_equal(s.prepares.items[0].from_run_id, sim_run(&s, 1)->id.text);
  assert_string_equal(s.prepares.items[0].state_keys[0], "a");
  sim_restart(&s); /* the copy is decided again */
  assert_int_equal(s.prepares.len, 1);
  struct engine_event ev = {.kind = ENGINE_PREPARED};
  ev.prepared.run_id = s.prepares.items[0].run_id;
  sim_event(&s, ev);
  assert_task(&s, 2, "b", "starting");
  sim_exit(&s, "b", 0);
  assert_run(&s, 2, "succeeded");
}

static void files_that_can_not_be_copied_fail_what_needs_them(void **state) {
  (void)state;
  a_changed_file_wants_the_version_to_be_said(NULL);
  struct engine_event ev = {.kind = ENGINE_PREPARED};
  ev.prepared = (struct engine_prepared){s.prepares.items[0].run_id, "no room"};
  sim_event(&s, ev); /* it was cancelled meanwhile: nothing happens */
  assert_run(&s, 2, "cancelled");
}

static void a_linked_run_that_does_only_its_last_task_again_can_be_cancelled(void **state) {
  (void)state;
  begin("params:\n  n: {type: int, default: 1}\ntasks:\n  a: {run: 'true'}\n  z: {run: 'true', finally: true}\n");
  sim_exit(&s, "a", 0);
  sim_exit(&s, "z", 0);
  struct param_given given = {.name = "n", .text = "2"};
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){sim_anna(), &rows, RERUN_FROM, "z", &given, 1, 0, NULL};
  sim_event(&s, ev);
  sim_rows_free(&rows);
  assert_int_equal(sim_task(&s, 2, "z")->wait, WAIT_FILES);
  sim_cancel(&s, 2, NULL);
  sim_exit(&s, "z", 0);
  assert_run(&s, 2, "cancelled");
}

static void a_mark_lets_go_on_what_was_blocked(void **state) {
  (void)state;
  fail_at_b();
  sim_mark(&s, 1, "b", TASK_SUCCEEDED, NULL, 0);
  assert_int_equal(s.status, 200);
  assert_run(&s, 1, "running");
  assert_task(&s, 1, "b", "succeeded");
  assert_true(sim_task(&s, 1, "b")->marked);
  assert_task(&s, 1, "c", "starting");
  sim_exit(&s, "c", 0);
  assert_run(&s, 1, "succeeded");
}

static void a_mark_of_a_live_run_goes_on_at_once(void **state) {
  (void)state;
  begin(CHAIN);
  sim_exit(&s, "a", 1);
  sim_mark(&s, 1, "a", TASK_SKIPPED, NULL, 0);
  assert_task(&s, 1, "b", "skipped");
  sim_mark(&s, 1, "x", TASK_SUCCEEDED, NULL, 0);
  assert_int_equal(s.status, 409);
  sim_exit(&s, "x", 0);
  assert_run(&s, 1, "succeeded");
}

/* b and c were to run by the end that a had, and waited for their turn when a person said otherwise. */
static void a_mark_takes_the_ground_from_what_has_not_begun(void **state) {
  (void)state;
  begin("max_tasks: 1\ntasks:\n  a: {run: 'true', priority: 9}\n  x: {run: 'true', priority: 5}\n"
        "  b: {run: 'true', needs: a}\n");
  sim_exit(&s, "a", 0);
  assert_non_null(sim_find_live(&s, "x"));
  sim_mark(&s, 1, "a", TASK_SKIPPED, NULL, 0);
  assert_int_equal(s.status, 200);
  assert_task(&s, 1, "b", "skipped");
  sim_exit(&s, "x", 0);
  assert_run(&s, 1, "succeeded");

  sim_load(&s, "q",
           "max_tasks: 1\ntasks:\n  a: {run: 'true', priority: 9}\n  x: {run: 'true', priority: 5}\n"
           "  c: {run: 'true', needs: a, when: failure()}\n");
  sim_trigger(&s, "q");
  const char *run = s.runs.items[1].id.text;
  sim_exit(&s, "a", 1);
  struct engine_event ev = {.kind = ENGINE_MARK};
  ev.mark = (struct engine_mark){
      .asker = sim_anna(), .run_id = run, .task = "a", .state = TASK_SUCCEEDED, .reason = "mended"};
  sim_event(&s, ev);
  assert_int_equal(s.status, 200);
  sim_exit(&s, "x", 0);
  assert_null(sim_find_live(&s, "c"));
  assert_int_equal(s.runs.items[1].state, RUN_SUCCEEDED);
}

static void a_mark_that_leaves_nothing_to_run_waits_for_no_other_run(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_exit(&s, "a", 1);
  assert_run(&s, 1, "failed");
  sim_trigger(&s, "p");
  assert_run(&s, 2, "running");
  sim_mark(&s, 1, "a", TASK_SUCCEEDED, NULL, 0);
  assert_int_equal(s.status, 200);
  assert_run(&s, 1, "succeeded");
  assert_run(&s, 2, "running");
  sim_exit(&s, "a", 0);
  assert_run(&s, 2, "succeeded");
}

static void a_marked_task_must_have_its_outputs(void **state) {
  (void)state;
  begin(
      "tasks:\n  a: {run: 'true', outputs: {k: int}}\n  b: {run: 'true', needs: a, when: tasks.a.outputs.k == 3}\n");
  sim_exit(&s, "a", 1);
  sim_mark(&s, 1, "a", TASK_SUCCEEDED, NULL, 0);
  assert_int_equal(s.status, 422);
  struct param_given given = {.name = "k", .text = "3"};
  sim_mark(&s, 1, "a", TASK_SUCCEEDED, &given, 1);
  assert_int_equal(s.status, 200);
  assert_task(&s, 1, "b", "starting");
  assert_string_equal(s.outputs.items[0].json, "3");
}

static struct engine_event mark_event(const struct run_rows *rows, enum task_state state) {
  struct engine_event ev = {.kind = ENGINE_MARK};
  ev.mark = (struct engine_mark){
      .asker = sim_anna(), .run_id = rows->run.id.text, .run = rows, .task = "a", .state = state, .reason = "seen"};
  return ev;
}

/* Both were read before the first was durable: the second must not write over what it knows nothing of. */
static void a_change_that_was_read_too_early_is_to_look_again(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_exit(&s, "a", 1);
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event twice[2] = {mark_event(&rows, TASK_SUCCEEDED), mark_event(&rows, TASK_SKIPPED)};
  sim_step_many(&s, twice, 2);
  assert_int_equal(s.status, ENGINE_LOOK_AGAIN);
  assert_task(&s, 1, "a", "succeeded");
  assert_int_equal(sim_run(&s, 1)->round, 2);

  sim_event(&s, mark_event(&rows, TASK_SKIPPED)); /* it was on its way while the first was written */
  assert_int_equal(s.status, ENGINE_LOOK_AGAIN);
  sim_rows_free(&rows);

  sim_mark(&s, 1, "a", TASK_SKIPPED, NULL, 0); /* read anew */
  assert_int_equal(s.status, 200);
  assert_task(&s, 1, "a", "skipped");
  assert_int_equal(sim_run(&s, 1)->round, 3);
}

static void a_rerun_that_was_read_too_early_is_to_look_again(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_exit(&s, "a", 1);
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = RERUN_ALL};
  struct engine_event both[2] = {mark_event(&rows, TASK_SUCCEEDED), ev};
  sim_step_many(&s, both, 2);
  assert_int_equal(s.status, ENGINE_LOOK_AGAIN);
  assert_run(&s, 1, "succeeded");
  struct engine_event keep = {.kind = ENGINE_KEEP};
  struct run_row old = rows.run;
  keep.keep = (struct engine_keep){sim_anna(), &old, "p", true};
  sim_event(&s, keep);
  assert_int_equal(s.status, 200);
  assert_run(&s, 1, "succeeded");
  assert_int_equal(sim_run(&s, 1)->round, 2);
  assert_true(sim_run(&s, 1)->keep);
  sim_rows_free(&rows);

  rows = sim_rows(&s, sim_run(&s, 1));
  rows.run.keep = false; /* as it was read just before */
  ev.rerun.run = &rows;
  sim_event(&s, ev);
  assert_int_equal(s.status, ENGINE_LOOK_AGAIN);
  sim_rows_free(&rows);
}

/* A keep of a run that ended long ago is a change of it, too. */
static void a_keep_is_not_lost_to_a_rerun_that_was_read_before(void **state) {
  (void)state;
  begin("tasks:\n  a: {run: 'true'}\n");
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  sim_idle(&s);
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN}, keep = {.kind = ENGINE_KEEP};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = RERUN_ALL};
  struct run_row old = rows.run;
  keep.keep = (struct engine_keep){sim_anna(), &old, "p", true};
  sim_event(&s, keep);
  sim_event(&s, ev);
  assert_int_equal(s.status, ENGINE_LOOK_AGAIN);
  sim_rows_free(&rows);
  sim_rerun(&s, 1, RERUN_ALL, NULL, 0);
  assert_int_equal(s.status, 200);
  assert_true(sim_run(&s, 1)->keep);
}

static void a_note_and_a_keep_leave_their_rows(void **state) {
  (void)state;
  fail_at_b();
  struct run_row row = *sim_run(&s, 1);
  struct engine_event ev = {.kind = ENGINE_NOTE};
  ev.note = (struct engine_note){sim_anna(), &row, "p", "the disk was full"};
  sim_event(&s, ev);
  assert_string_equal(s.events.items[s.events.len - 1].reason, "the disk was full");
  assert_string_equal(s.events.items[s.events.len - 1].actor, "anna");
  ev = (struct engine_event){.kind = ENGINE_KEEP};
  ev.keep = (struct engine_keep){sim_anna(), &row, "p", true};
  sim_event(&s, ev);
  assert_true(sim_run(&s, 1)->keep);
  assert_int_equal(s.audits.len, 3);
}

static void a_commit_of_the_work_tree_stands_with_its_attempts(void **state) {
  (void)state;
  begin(CHAIN);
  sim_exit(&s, "x", 0);
  struct engine_event ev = {.kind = ENGINE_CODE};
  ev.code = (struct engine_code){sim_run(&s, 1)->id.text, s.attempts.items[0].dir, "abc123", 1};
  assert_non_null(ev.code.dir);
  sim_event(&s, ev);
  sim_exit(&s, "a", 0);
  for (size_t i = 0; i < 3; i++) assert_string_equal(s.attempts.items[i].git_commit, "abc123");
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

/* ---- rows of others ---- */

static struct engine_event record_of(const struct change *changes, size_t len) {
  struct engine_event ev = {.kind = ENGINE_RECORD};
  ev.record = (struct engine_record){.asker = sim_anna(),
                                     .changes = changes,
                                     .changes_len = len,
                                     .action = "token create",
                                     .object = "ci",
                                     .detail = "viewer",
                                     .status = 201,
                                     .body = "{\"token\":\"told\"}",
                                     .body_len = strlen("{\"token\":\"told\"}"),
                                     .kept = "{\"token\":null}"};
  return ev;
}

static void rows_of_others_are_recorded_audited_and_answered(void **state) {
  (void)state;
  int64_t key = engine_key_reserve(s.e);
  assert_true(engine_key_reserve(s.e) > key);
  const struct change changes[] = {
      {CHANGE_TOKEN, .token = {.key = key, .name = "ci", .role = "viewer", .revoked_at = INSTANT_NONE}},
      {CHANGE_EVENT, .event = {.kind = EVENT_ROW_NOTE, .task = -1, .reason = "seen"}}};
  sim_event(&s, record_of(changes, 2));
  assert_int_equal(s.status, 201);
  assert_string_equal(s.body, "{\"token\":\"told\"}");
  assert_int_equal(s.step.changes.len, 3);
  assert_int_equal(s.step.changes.items[0].kind, CHANGE_TOKEN);
  assert_int_equal(s.step.changes.items[0].token.key, key);
  assert_true(s.step.changes.items[0].token.name != changes[0].token.name); /* it is the step's own */
  assert_int_equal(s.step.changes.items[1].kind, CHANGE_EVENT);
  assert_true(s.step.changes.items[1].event.key > key);
  assert_int_equal(s.step.changes.items[1].event.at, s.now.wall);
  assert_int_equal(s.audits.len, 1);
  assert_string_equal(s.audits.items[0].action, "token create");
  assert_string_equal(s.audits.items[0].actor.name, "anna");
  assert_int_equal(s.requests.len, 0);
}

static void what_is_told_once_is_not_kept_for_a_repetition(void **state) {
  (void)state;
  struct engine_event ev[2] = {record_of(NULL, 0), record_of(NULL, 0)};
  ev[0].record.asker.idempotency_key = ev[1].record.asker.idempotency_key = "k1";
  sim_step_many(&s, ev, 2);
  assert_int_equal(s.requests.len, 1);
  assert_string_equal(s.requests.items[0].response, "{\"token\":null}");
  assert_string_equal(s.body, "{\"token\":null}"); /* the second one's */
  assert_int_equal(s.audits.len, 1);
}

static void a_record_without_an_action_or_an_asker_is_rows_alone(void **state) {
  (void)state;
  const struct change change = {CHANGE_SESSION,
                                .session = {.key = engine_key_reserve(s.e), .name = "anna", .role = "admin"}};
  struct engine_event ev = {.kind = ENGINE_RECORD, .record = {.changes = &change, .changes_len = 1}};
  sim_event(&s, ev);
  assert_int_equal(s.step.changes.len, 1);
  assert_int_equal(s.step.decisions.len, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test(rows_of_others_are_recorded_audited_and_answered),
      test(what_is_told_once_is_not_kept_for_a_repetition),
      test(a_record_without_an_action_or_an_asker_is_rows_alone),
      test(a_trigger_answers_with_the_run),
      test(now_does_not_queue),
      test(a_wrong_parameter_is_refused_and_changes_nothing),
      test(a_dry_run_shows_and_changes_nothing),
      test(the_same_key_in_one_step_is_answered_once),
      test(rerun_of_the_failed_runs_them_and_what_follows),
      test(a_rerun_that_queues_says_nothing_of_its_former_end),
      test(rerun_from_a_task_begins_it_anew),
      test(rerun_of_one_task_changes_nothing_else),
      test(a_rerun_has_fresh_budgets),
      test(a_live_run_is_not_rerun),
      test(a_changed_file_wants_the_version_to_be_said),
      test(a_rerun_runs_the_tasks_that_the_newest_version_adds),
      test(one_task_is_not_rerun_in_a_new_run_after_what_failed),
      test(a_linked_run_keeps_what_is_not_done_again),
      test(a_preview_says_why_each_task_runs),
      test(an_instant_that_a_live_run_has_is_refused_unless_forced),
      test(an_instant_that_has_just_fired_is_refused),
      test(a_firing_that_someone_runs_by_hand_is_skipped),
      test(a_note_stands_with_a_pipeline),
      test(files_that_can_not_be_copied_fail_what_needs_them),
      test(a_linked_run_that_does_only_its_last_task_again_can_be_cancelled),
      test(a_mark_lets_go_on_what_was_blocked),
      test(a_mark_of_a_live_run_goes_on_at_once),
      test(a_mark_takes_the_ground_from_what_has_not_begun),
      test(a_mark_that_leaves_nothing_to_run_waits_for_no_other_run),
      test(a_marked_task_must_have_its_outputs),
      test(a_change_that_was_read_too_early_is_to_look_again),
      test(a_rerun_that_was_read_too_early_is_to_look_again),
      test(a_keep_is_not_lost_to_a_rerun_that_was_read_before),
      test(a_note_and_a_keep_leave_their_rows),
      test(a_commit_of_the_work_tree_stands_with_its_attempts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
