/* What happens seldom: days and years between, ends without times, policies without a number, rows of before. */
#include "tests/unit/engine/ask.h"

static void an_instant_of_another_day_has_its_date(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  sim_started(&s, "a");
  why("a", "since 00:00:00 UTC");
  sim_later(&s, USEC_PER_DAY);
  why("a", "since 2026-03-02 00:00:00 UTC");
  sim_later(&s, 30 * USEC_PER_DAY); /* the 2nd again, of the next month */
  why("a", "since 2026-03-02 00:00:00 UTC");
  sim_later(&s, 334 * USEC_PER_DAY); /* 2 March, of the next year */
  why("a", "since 2026-03-02 00:00:00 UTC");
  sim_exit(&s, "a", 0); /* it took longer than a statistic holds */
  assert_run(&s, 1, "succeeded");
  sim_close(&s);
}

static void an_exit_status_that_no_signal_has_is_one(void **state) {
  (void)state;
  static const struct {
    int status;
    const char *reason;
  } rows[] = {{137, "killed by signal 9 (exit status 137)"},
              {128, "exit status 128"},
              {255, "exit status 255"},
              {78, "exit status 78: a configuration error, not retried"},
              {99, "it chose to skip (exit status 99)"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    begin(NULL, "tasks: {a: {run: x}}\n");
    sim_exit(&s, "a", rows[i].status);
    assert_string_equal(sim_task(&s, 1, "a")->reason, rows[i].reason);
    sim_close(&s);
  }
}

static void what_a_failed_task_handed_on_counts_where_it_may_fail(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\n",
        "tasks:\n  soft: {run: x, outputs: {v: int}, allow_failure: true}\n  hard: {run: x, outputs: {v: int}}\n"
        "  a: {run: x, needs: soft, when: \"tasks.soft.outputs.v == 5\"}\n"
        "  b: {run: x, needs: hard, when: \"always() && tasks.hard.outputs.v == null\"}\n"
        "  bad: {run: x, outputs: {v: int}, allow_failure: true}\n");
  sim_end_as(&s, "soft", ENGINE_END_EXITED, 1, "v=5\n");
  sim_end_as(&s, "hard", ENGINE_END_EXITED, 1, "v=5\n");
  sim_end_as(&s, "bad", ENGINE_END_EXITED, 1, "no line of ours");
  assert_task(&s, 1, "a", "starting");
  assert_task(&s, 1, "b", "starting");
  assert_int_equal(s.outputs.len, 2); /* both are recorded */
  sim_close(&s);
}

static void an_end_without_times_is_recorded_all_the_same(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  struct proc *p = sim_live(&s, "a");
  struct engine_event ev = sim_report(&s, p, ENGINE_REPORT_ENDED);
  p->state = PROC_GONE;
  ev.report.started_at = ev.report.ended_at = INSTANT_NONE;
  sim_event(&s, ev);
  assert_task(&s, 1, "a", "succeeded");
  assert_int_equal(s.stats.len, 0);
  sim_close(&s);
}

static void an_instant_that_fired_isnt_run_again_by_mistake(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "schedule: {cron: \"0 2 * * *\"}\ntasks: {a: {run: x}}\n");
  sim_later(&s, 2 * USEC_PER_HOUR);
  assert_int_equal(s.runs.len, 1);
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = "p", .scheduled_for = SIM_START + 2 * USEC_PER_HOUR, .once = true};
  sim_event(&s, ev);
  answered(409, "p");
  ev.trigger.scheduled_for = SIM_START;
  sim_event(&s, ev);
  answered(201, "p#2");
  sim_close(&s);
}

static void what_waits_for_copied_files_says_so(void **state) {
  (void)state;
  begin(NULL, "params: {n: {type: int, default: 1}}\ntasks: {a: {run: x}, b: {run: x, needs: a}}\n");
  sim_exit(&s, "a", 0);
  sim_exit(&s, "b", 1);
  sim_idle(&s);
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  const struct param_given n = {.name = "n", .text = "2"};
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){
      .asker = sim_anna(), .run = &rows, .mode = RERUN_FAILED, .params = &n, .params_len = 1};
  sim_event(&s, ev);
  sim_rows_free(&rows);
  answered(201, "p#2");
  assert_int_equal(s.prepares.len, 1);
  assert_non_null(strstr(sim_why(&s, 2, "b"), "waits until the files of the run that p#2 came from are copied"));
  struct engine_event done = {.kind = ENGINE_PREPARED};
  done.prepared = (struct engine_prepared){.run_id = s.prepares.items[0].run_id, .error = "no room"};
  sim_event(&s, done);
  assert_run(&s, 2, "failed");
  sim_close(&s);
}

static void slots_that_a_row_cant_name_are_held_by_nobody(void **state) {
  (void)state;
  static const char *const rows[] = {
      NULL, "[]", "{\"cpu\": 1}", "{\"cpu\": [1]}", "{\"gone\": [\"7\"]}", "{", "{\"cpu\": [\"1\"]}"};
  begin(NULL, "tasks: {a: {run: x}}\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    s.attempts.items[0].slots = rows[i];
    sim_restart(&s);
    assert_task(&s, 1, "a", "starting");
    engine_check(s.e);
  }
  sim_close(&s);
}

static void a_third_stop_has_nothing_left_to_ask_for(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}, last: {run: x, finally: true, timeout: 5m}}\n");
  sim_started(&s, "a");
  for (int i = 0; i < 3; i++) sim_cancel(&s, 1, "a");
  assert_true(sim_live(&s, "a")->stop_now);
  assert_int_equal(sim_live(&s, "a")->stops, 2); /* TERM, then KILL at once */
  sim_end_as(&s, "a", ENGINE_END_STOPPED, 137, NULL);
  sim_started(&s, "last");
  sim_cancel(&s, 1, NULL);
  sim_cancel(&s, 1, NULL);
  sim_cancel(&s, 1, NULL);
  sim_end_as(&s, "last", ENGINE_END_STOPPED, 137, NULL);
  assert_run(&s, 1, "cancelled");
  sim_close(&s);
}

static void last_tasks_see_how_it_went(void **state) {
  (void)state;
  static const char yaml[] = "tasks:\n  a: {run: x}\n  b: {run: x, needs: a, when: failure()}\n"
                             "  bad: {run: x, finally: true, when: failure()}\n"
                             "  good: {run: x, finally: true, when: success()}\n"
                             "  any: {run: x, finally: true, when: \"tasks.a.state != 'skipped'\"}\n";
  for (int how = 0; how < 3; how++) {
    begin("slots: {cpu: 9}\n", yaml);
    if (how < 2)
      sim_exit(&s, "a", how);
    else
      sim_cancel(&s, 1, NULL);
    if (how == 2) sim_end_as(&s, "a", ENGINE_END_STOPPED, 143, NULL);
    if (sim_find_live(&s, "b")) sim_exit(&s, "b", 0);
    assert_int_equal(sim_find_live(&s, "good") != NULL, how == 0);
    if (how == 1) assert_non_null(sim_find_live(&s, "bad"));
    for (const char *const *t = (const char *const[]){"bad", "good", "any", NULL}; *t; t++)
      if (sim_find_live(&s, *t)) sim_exit(&s, *t, 0);
    assert_run(&s, 1, how == 0 ? "succeeded" : how == 1 ? "failed" : "cancelled");
    sim_close(&s);
  }
}

static void schedules_that_are_taken_out_end_and_those_that_stay_go_on(void **state) {
  (void)state;
#define SCHEDULES(...) "schedule: [" __VA_ARGS__ "]\ntasks: {a: {run: x}}\n"
#define AT(name, hour) "{name: " name ", cron: \"0 " hour " * * *\"}"
  const char *next = NULL;
  sim_open(&s, NULL);
  sim_load(&s, "p", SCHEDULES(AT("one", "1") ", " AT("two", "2")));
  assert_true(engine_next_firing(s.e, "p", &next) == SIM_START + USEC_PER_HOUR);
  sim_load(&s, "p", SCHEDULES(AT("two", "2")));
  assert_true(engine_next_firing(s.e, "p", &next) == SIM_START + 2 * USEC_PER_HOUR);
  sim_load(&s, "p", SCHEDULES(AT("two", "2") ", " AT("three", "1") ", " AT("one", "3")));
  engine_next_firing(s.e, "p", &next);
  assert_string_equal(next, "three");
  struct engine_event ev = {.kind = ENGINE_CONFIG};
  ev.config = (struct engine_config){s.config};
  sim_event(&s, ev); /* the same again: zones may have changed */
  engine_next_firing(s.e, "p", &next);
  assert_string_equal(next, "three");
  assert_int_equal(s.schedules.len, 3);
  assert_null(engine_pipeline(s.e, "nope"));
  sim_close(&s);
}

static void a_pause_by_hand_outlasts_one_in_the_file(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "tasks: {a: {run: x}}\n");
  sim_pause(&s, "p");
  sim_load(&s, "p", "paused: true\ntasks: {a: {run: x}}\n");
  assert_string_equal(s.pipelines.items[0].paused_reason, "maintenance");
  sim_resume(&s, "p");
  sim_load(&s, "p", "paused: true\ntasks: {a: {run: y}}\n"); /* it was there before: no new pause */
  assert_true(s.pipelines.items[0].paused_at == INSTANT_NONE);
  sim_close(&s);
}

static void a_pause_of_nobody_says_that_all_is_paused(void **state) {
  (void)state;
  sim_open(&s, NULL);
  struct engine_event ev = {.kind = ENGINE_PAUSE};
  ev.pause = (struct engine_pause){.asker = {.handle = 7}};
  sim_event(&s, ev);
  sim_load(&s, "p", "tasks: {a: {run: x}}\n");
  struct engine_event go = {.kind = ENGINE_TRIGGER};
  go.trigger = (struct engine_trigger){.asker = sim_anna(), .pipeline = "p", .scheduled_for = INSTANT_NONE};
  sim_event(&s, go);
  why("a", "everything is paused: no reason was given");
  sim_close(&s);
}

static void a_fault_and_what_the_host_says_are_both_told(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}, b: {run: x}}\n");
  struct proc *p = sim_live(&s, "a");
  struct engine_event ev = sim_report(&s, p, ENGINE_REPORT_ENDED);
  p->state = PROC_GONE;
  ev.report.fault = "out.csv can't be fetched";
  ev.report.text = "its clock is off";
  sim_event(&s, ev);
  assert_task(&s, 1, "a", "failed");
  assert_non_null(strstr(sim_task(&s, 1, "a")->reason, "out.csv can't be fetched"));
  struct engine_event fenced = sim_report(&s, sim_live(&s, "b"), ENGINE_REPORT_FENCED);
  fenced.report.text = "another supervisor has it";
  sim_live(&s, "b")->state = PROC_GONE;
  sim_event(&s, fenced);
  assert_string_equal(sim_attempt(&s, fenced.report.attempt_id)->reason, "another supervisor has it");
  sim_close(&s);
}

static void a_rerun_of_one_runs_nothing_else(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\n",
        "params: {n: {type: int, default: 1}, m: {type: int, default: 2}}\ntasks:\n  a: {run: x}\n"
        "  b: {run: x, outputs: {v: int}}\n  last: {run: x, finally: true}\n");
  sim_exit(&s, "a", 1);
  sim_end_as(&s, "b", ENGINE_END_EXITED, 0, "v=1\n");
  sim_exit(&s, "last", 0);
  sim_idle(&s);
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = RERUN_ONLY, .task = "a"};
  ev.rerun.asker.dry_run = true;
  sim_event(&s, ev);
  answered(200, "{\"task\":\"last\",\"why\":\"succeeded\"");
  const struct param_given given[] = {{.name = "m", .text = "3"}, {.name = "n", .text = "4"}};
  ev.rerun.mode = RERUN_FAILED;
  ev.rerun.params = given;
  ev.rerun.params_len = 2;
  ev.rerun.asker.dry_run = false;
  sim_event(&s, ev);
  answered(201, "p#2");
  sim_event(&s, ev);
  answered(201, "\"queued_behind\":\"p#2\"");
  sim_rows_free(&rows);
  sim_close(&s);
}

static void a_rerun_by_a_version_without_its_task_says_so(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\n", "tasks: {a: {run: x}, b: {run: x}}\n");
  sim_exit(&s, "a", 0);
  sim_exit(&s, "b", 1);
  sim_idle(&s);
  struct engine_event gone = {.kind = ENGINE_GONE};
  gone.gone = (struct engine_gone){"p"};
  sim_event(&s, gone);
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 2); /* its file is gone: the newest version is the same one */
  assert_true(s.status == 200 || s.status == 201 || s.status == 409);
  sim_close(&s);
}

static void an_instant_that_was_skipped_may_be_run_by_hand(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "schedule: {cron: \"0 2 * * *\", overlap: skip}\ntasks: {a: {run: x}}\n");
  sim_trigger(&s, "p");
  sim_later(&s, 2 * USEC_PER_HOUR); /* the run by hand still lives */
  assert_int_equal(s.runs.len, 1);
  sim_exit(&s, "a", 0);
  sim_idle(&s);
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = "p", .scheduled_for = SIM_START + 2 * USEC_PER_HOUR, .once = true};
  sim_event(&s, ev);
  answered(201, "p#2");
  sim_close(&s);
}

static void each_part_of_a_policy_counts_alone(void **state) {
  (void)state;
  static const char *const rows[] = {"{lost: 2}", "{max: 1}", "{max: 1, delay: 1m}", "{max: 1, cap: 1m}",
                                     "{max: 1, factor: 3}"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char yaml[160];
    snprintf(yaml, sizeof yaml, "tasks: {a: {run: x, retries: %s}}\n", rows[i]);
    begin(NULL, yaml);
    sim_started(&s, "a");
    if (i == 0)
      sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
    else
      sim_exit(&s, "a", 1);
    assert_task(&s, 1, "a", "waiting");
    sim_close(&s);
  }
}

static void a_policy_without_a_number_retries_nothing(void **state) {
  (void)state;
  static const char *const rows[] = {"{delay: 1m}", "{cap: 1m}", "{factor: 3}"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char yaml[160];
    snprintf(yaml, sizeof yaml, "tasks: {a: {run: x, retries: %s}}\n", rows[i]);
    begin(NULL, yaml);
    sim_started(&s, "a");
    sim_exit(&s, "a", 1);
    assert_run(&s, 1, "failed");
    sim_close(&s);
  }
}

static void keys_of_one_step_are_told_apart(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "tasks: {a: {run: x}}\n");
  static const char *const keys[] = {"k1", "k2", "k1", "k2"};
  struct engine_event ev[4];
  for (int i = 0; i < 4; i++) {
    ev[i] = (struct engine_event){.kind = ENGINE_TRIGGER};
    ev[i].trigger = (struct engine_trigger){.asker = sim_anna(), .pipeline = "p", .scheduled_for = INSTANT_NONE};
    ev[i].trigger.asker.idempotency_key = keys[i];
  }
  sim_step_many(&s, ev, 4);
  assert_int_equal(s.runs.len, 2);
  assert_int_equal(s.requests.len, 2);
  answered(201, "p#2");
  sim_close(&s);
}

static void what_fills_the_processors_is_waited_for(void **state) {
  (void)state;
  begin("slots: {cpu: 2, gpu: 4}\n",
        "tasks:\n  a: {run: x}\n  b: {run: x}\n  c: {run: x}\n  g: {run: x, slots: {gpu: 3}}\n"
        "  h: {run: x, slots: {gpu: 2}}\n");
  why("c", "waits for slot cpu on local: held by p#1 a, p#1 b");
  why("h", "waits for slot gpu on local: held by p#1 g"); /* once, though it has three units */
  sim_close(&s);
}

static void a_task_of_an_empty_matrix_can_be_named(void **state) {
  (void)state;
  begin(NULL, "params: {l: {type: list, items: int, default: []}}\n"
              "tasks: {m: {run: x, matrix: {k: \"${{ params.l }}\"}}, a: {run: x}}\n");
  sim_cancel(&s, 1, "m");
  answered(404, "has no task 'm'");
  sim_close(&s);
}

static void files_that_nobody_has_fail_the_run_that_waits_for_them(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}, b: {run: x, needs: a}}\n");
  sim_exit(&s, "a", 0);
  for (size_t i = 0; i < s.tasks.len; i++) {
    if (strcmp(s.tasks.items[i].label, "b") != 0) continue;
    s.tasks.items[i].state = TASK_WAITING;
    s.tasks.items[i].wait = WAIT_FILES;
  }
  for (size_t i = 0; i < s.attempts.len; i++)
    if (task_state_live(s.attempts.items[i].state)) s.attempts.items[i].state = TASK_LOST;
  sim_restart(&s);
  sim_idle(&s);
  assert_run(&s, 1, "failed");
  assert_non_null(strstr(sim_task(&s, 1, "b")->reason, "they can't be found"));
  sim_close(&s);
}

static void an_end_whose_time_isnt_known_counts_in_no_statistic(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  sim_started(&s, "a");
  struct proc *p = sim_live(&s, "a");
  struct engine_event ev = sim_report(&s, p, ENGINE_REPORT_ENDED);
  p->state = PROC_GONE;
  ev.report.ended_at = INSTANT_NONE;
  sim_event(&s, ev);
  assert_task(&s, 1, "a", "succeeded");
  assert_int_equal(s.stats.len, 0);
  sim_close(&s);
}

static void a_run_by_hand_takes_its_interval_from_the_first_schedule(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "schedule: [{name: a, cron: \"0 1 * * *\"}]\ntasks: {a: {run: x}}\n");
  sim_load(&s, "p",
           "schedule: [{name: b, cron: \"0 2 * * *\"}, {name: a, cron: \"0 1 * * *\"}]\ntasks: {a: {run: x}}\n");
  sim_trigger(&s, "p");
  assert_true(sim_run(&s, 1)->interval_start == SIM_START - 22 * USEC_PER_HOUR);
  sim_exit(&s, "a", 0);
  sim_load(&s, "q", "schedule: {cron: \"0 2 * * *\", timezone: Europe/Oslo}\ntasks: {a: {run: x}}\n");
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){.asker = sim_anna(), .pipeline = "q", .scheduled_for = SIM_START};
  sim_event(&s, ev); /* of a zone that nobody has any more */
  answered(201, "q#1");
  s.options.schedules = false;
  engine_free(s.e);
  s.e = engine_new(&s.options);
  sim_load(&s, "p", "schedule: {cron: \"0 2 * * *\"}\ntasks: {a: {run: x}}\n");
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  sim_close(&s);
}

static void losses_and_failures_are_told_apart(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x, retries: {max: 3, lost: 3, delay: 10m, factor: 1, jitter: none}}}\n");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
  why("a", "retry 1 of 3 after a loss at ");
  sim_later(&s, 11 * USEC_PER_MIN);
  for (int i = 0; i < 3; i++) sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  why("a", "retry 1 of 3 after a loss at ");
  sim_later(&s, USEC_PER_HOUR);
  sim_started(&s, "a");
  sim_exit(&s, "a", 1);
  why("a", "retry 1 of 3 at ");
  sim_later(&s, USEC_PER_HOUR);
  for (int i = 0; i < 3; i++) sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  why("a", "retry 1 of 3 at ");
  sim_close(&s);
}

static void a_mark_of_nobody_says_someone(void **state) {
  (void)state;
  begin(NULL, "tasks: {m: {run: x, matrix: {k: [1, 2]}}}\n");
  sim_exit(&s, "m[1]", 1);
  sim_exit(&s, "m[2]", 1);
  sim_idle(&s);
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_MARK};
  ev.mark = (struct engine_mark){.asker = {.handle = 7, .actor = {.kind = "daemon"}},
                                 .run_id = rows.run.id.text,
                                 .run = &rows,
                                 .task = "m[1]",
                                 .state = TASK_SKIPPED,
                                 .reason = "why"};
  sim_event(&s, ev);
  answered(200, "p#1 m[1] is marked skipped");
  assert_string_equal(sim_task(&s, 1, "m[1]")->reason, "marked by someone: why");
  sim_rows_free(&rows);
  sim_close(&s);
}

static void outputs_of_an_empty_matrix_are_an_empty_list(void **state) {
  (void)state;
  begin("slots: {cpu: 9}\n", "params: {l: {type: list, items: int, default: []}}\ntasks:\n"
                             "  m: {run: x, matrix: {k: \"${{ params.l }}\"}, outputs: {v: int}}\n"
                             "  a: {run: x, needs: m, when: \"always() && len(tasks.m.outputs.v) == 0\"}\n"
                             "  p1: {run: x, matrix: {k: [1, 2]}}\n  b: {run: x}\n"
                             "  p2: {run: x, matrix: {k: [1, 2]}, needs: {p1: same, b: all}}\n");
  assert_task(&s, 1, "a", "starting");
  sim_exit(&s, "p1[2]", 0);
  assert_task(&s, 1, "p2[2]", "waiting"); /* its pair has ended, and b hasn't */
  sim_exit(&s, "b", 0);
  assert_task(&s, 1, "p2[2]", "starting");
  assert_task(&s, 1, "p2[1]", "waiting");
  sim_close(&s);
}

/* Firings a minute apart that start up to ten minutes late, so many of them at once. */
static void what_jitter_puts_off_is_started_and_never_missed(void **state) {
  (void)state;
  static const char *const catchups[] = {"none", "last", "all"};
  for (size_t k = 0; k < sizeof catchups / sizeof catchups[0]; k++) {
    char yaml[256];
    snprintf(yaml, sizeof yaml,
             "schedule: {cron: \"* * * * *\", jitter: 10m, catchup: %s, overlap: allow}\ntasks: {a: {run: x}}\n",
             catchups[k]);
    sim_open(&s, NULL);
    sim_load(&s, "p", yaml);
    for (int i = 0; i < 240; i++) sim_later(&s, 30 * USEC_PER_SEC);
    instant next = SIM_START + USEC_PER_MIN;
    for (size_t i = 0; i < s.firings.len; i++, next += USEC_PER_MIN) {
      const struct firing_row *f = &s.firings.items[i];
      assert_int_equal(f->outcome, FIRING_RUN);
      assert_true(f->scheduled_for == next);
      assert_true(f->decided_at >= next && f->decided_at < next + 10 * USEC_PER_MIN + 30 * USEC_PER_SEC);
    }
    assert_true(s.firings.len >= 110 && s.firings.len <= 120);
    /* What it wasn't there for stays for the policy to decide. */
    size_t before = s.firings.len;
    sim_later(&s, 5 * USEC_PER_HOUR);
    assert_int_equal(s.firings.items[before].outcome, k == 2 ? FIRING_RUN : FIRING_MISSED);
    sim_close(&s);
  }
}

static void rows_that_were_read_before_a_change_are_read_again(void **state) {
  (void)state;
  begin(NULL, "tasks: {a: {run: x}}\n");
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  sim_trigger(&s, "p");
  sim_exit(&s, "a", 1);
  sim_idle(&s);
  struct run_rows first = sim_rows(&s, sim_run(&s, 1)), second = sim_rows(&s, sim_run(&s, 2));
  struct engine_event ev[3] = {{.kind = ENGINE_KEEP}, {.kind = ENGINE_KEEP}, {.kind = ENGINE_RERUN}};
  ev[0].keep = (struct engine_keep){.asker = sim_anna(), .run = &second.run, .pipeline_name = "p", .keep = true};
  ev[1].keep = (struct engine_keep){.asker = sim_anna(), .run = &first.run, .pipeline_name = "p", .keep = true};
  ev[2].rerun = (struct engine_rerun){.asker = sim_anna(), .run = &second, .mode = RERUN_ALL};
  sim_step_many(&s, ev, 3);
  assert_int_equal(s.status, 503); /* the rows don't say yet that it is kept */
  sim_step_many(&s, &ev[2], 1);
  assert_int_equal(s.status, 503);
  ev[2].rerun.run = &first;
  sim_step_many(&s, &ev[2], 1);
  sim_rows_free(&first);
  sim_rows_free(&second);
  sim_rerun(&s, 2, RERUN_ALL, NULL, 0);
  answered(200, "p#2");
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_instant_of_another_day_has_its_date),
      cmocka_unit_test(an_exit_status_that_no_signal_has_is_one),
      cmocka_unit_test(what_a_failed_task_handed_on_counts_where_it_may_fail),
      cmocka_unit_test(an_end_without_times_is_recorded_all_the_same),
      cmocka_unit_test(an_instant_that_fired_isnt_run_again_by_mistake),
      cmocka_unit_test(what_waits_for_copied_files_says_so),
      cmocka_unit_test(slots_that_a_row_cant_name_are_held_by_nobody),
      cmocka_unit_test(a_third_stop_has_nothing_left_to_ask_for),
      cmocka_unit_test(last_tasks_see_how_it_went),
      cmocka_unit_test(schedules_that_are_taken_out_end_and_those_that_stay_go_on),
      cmocka_unit_test(a_pause_by_hand_outlasts_one_in_the_file),
      cmocka_unit_test(a_pause_of_nobody_says_that_all_is_paused),
      cmocka_unit_test(a_fault_and_what_the_host_says_are_both_told),
      cmocka_unit_test(a_rerun_of_one_runs_nothing_else),
      cmocka_unit_test(a_rerun_by_a_version_without_its_task_says_so),
      cmocka_unit_test(an_instant_that_was_skipped_may_be_run_by_hand),
      cmocka_unit_test(each_part_of_a_policy_counts_alone),
      cmocka_unit_test(a_policy_without_a_number_retries_nothing),
      cmocka_unit_test(keys_of_one_step_are_told_apart),
      cmocka_unit_test(what_fills_the_processors_is_waited_for),
      cmocka_unit_test(a_task_of_an_empty_matrix_can_be_named),
      cmocka_unit_test(files_that_nobody_has_fail_the_run_that_waits_for_them),
      cmocka_unit_test(an_end_whose_time_isnt_known_counts_in_no_statistic),
      cmocka_unit_test(a_run_by_hand_takes_its_interval_from_the_first_schedule),
      cmocka_unit_test(losses_and_failures_are_told_apart),
      cmocka_unit_test(a_mark_of_nobody_says_someone),
      cmocka_unit_test(outputs_of_an_empty_matrix_are_an_empty_list),
      cmocka_unit_test(what_jitter_puts_off_is_started_and_never_missed),
      cmocka_unit_test(rows_that_were_read_before_a_change_are_read_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
