/* What is only known when a run or a task begins: settings that turn out to be wrong, values that come from
 * elsewhere; and what a rerun would do, shown before it does it. */
#include "tests/unit/engine/sim.h"

static struct sim s;

static void begin(const char *yaml) {
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
}

static void answered(int status, const char *part) {
  if (s.status != status || !s.body || !strstr(s.body, part))
    fail_msg("%d %s: expected %d with '%s'", s.status, s.body ? s.body : "(no body)", status, part);
}

/* ${{ default(env.NOPE, x) }} passes the check of a file, since its type isn't known before. */
static void a_setting_that_is_wrong_when_its_task_begins_fails_it(void **state) {
  (void)state;
  static const struct {
    const char *setting, *reason;
  } rows[] = {
      {"on: \"${{ default(env.NOPE, 'nowhere') }}\"", "on: there is no host or group 'nowhere' in the configuration"},
      {"on: \"${{ env.NOPE }}\"", "env.NOPE has no value"},
      {"timeout: \"${{ default(env.NOPE, 'soon') }}\"", "timeout: expected a duration"},
      {"grace: \"${{ default(env.NOPE, 'soon') }}\"", "grace: expected a duration"},
      {"slots: {cpu: \"${{ default(env.NOPE, 0) }}\"}", "expected a whole number from 1 to "},
      {"dir: \"${{ env.NOPE }}\"", "dir: env.NOPE has no value"},
      {"when: \"default(env.NOPE, 3)\"", "when: 'default(env.NOPE, 3)' is neither true nor false"},
      {"when: \"1 / 0 > 1\"", "division by zero"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char yaml[512];
    sim_open(&s, NULL);
    snprintf(yaml, sizeof yaml, "tasks:\n  a: {run: x, %s}\n  b: {run: x, needs: a}\n", rows[i].setting);
    begin(yaml);
    answered(201, "p#1");
    sim_idle(&s);
    if (sim_task(&s, 1, "a")->state != TASK_FAILED || !strstr(sim_task(&s, 1, "a")->reason, rows[i].reason))
      fail_msg("%s: %s, %s", rows[i].setting, task_state_word(sim_task(&s, 1, "a")->state),
               sim_task(&s, 1, "a")->reason);
    assert_task(&s, 1, "b", "upstream_failed");
    assert_run(&s, 1, "failed");
    sim_close(&s);
  }
}

static void a_policy_of_retries_that_cant_be_read_retries_nothing(void **state) {
  (void)state;
  static const char *const rows[] = {
      "{max: \"${{ min([1, 'a']) }}\"}",
      "{max: 3, lost: \"${{ min([1, 'a']) }}\"}",
      "{max: 3, delay: \"${{ default(env.NOPE, 'x') }}\"}",
      "{max: 3, cap: \"${{ default(env.NOPE, 'x') }}\"}",
      "{max: 3, factor: \"${{ 1 / 0 }}\"}",
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (int lost = 0; lost < 2; lost++) {
      char yaml[512];
      sim_open(&s, NULL);
      snprintf(yaml, sizeof yaml, "tasks: {a: {run: x, retries: %s}}\n", rows[i]);
      begin(yaml);
      sim_idle(&s);
      if (sim_find_live(&s, "a")) sim_started(&s, "a"); /* else it isn't even begun */
      if (sim_find_live(&s, "a") && lost)
        sim_kind(&s, "a", ENGINE_REPORT_LOST, false);
      else if (sim_find_live(&s, "a"))
        sim_exit(&s, "a", 1);
      assert_run(&s, 1, "failed");
      sim_close(&s);
    }
  }
}

static void a_run_whose_own_settings_are_wrong_isnt_made(void **state) {
  (void)state;
  static const struct {
    const char *yaml, *part;
  } rows[] = {
      {"priority: \"${{ min([1, 'a']) }}\"\ntasks: {a: {run: x}}\n", "int doesn't compare with string"},
      {"timeout: \"${{ default(env.NOPE, 'x') }}\"\ntasks: {a: {run: x}}\n", "expected a duration"},
      {"max_tasks: \"${{ default(env.NOPE, 0) }}\"\ntasks: {a: {run: x}}\n", "expected a whole number"},
      {"params: {n: {type: int}}\ntasks: {a: {run: x}}\n", "give it with -p n=VALUE"},
      {"params: {n: {type: int}, m: {type: int}}\ntasks: {a: {run: x}}\n", "; "},
      {"tasks: {a: {run: x, matrix: {k: \"${{ default(env.NOPE, 5) }}\"}}}\n", "the matrix of a"},
      {"params: {l: {type: list, items: int, default: [1, 1]}}\ntasks: {a: {run: x, matrix: {k: \"${{ params.l "
       "}}\"}}}\n",
       "stands twice"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sim_open(&s, NULL);
    begin(rows[i].yaml);
    answered(422, rows[i].part);
    assert_int_equal(s.runs.len, 0);
    sim_close(&s);
  }
}

static void outputs_of_a_matrix_are_a_list_with_nulls_for_what_failed(void **state) {
  (void)state;
  sim_open(&s, "env: {PLACE: oslo}\n");
  begin("tasks:\n  m: {run: x, matrix: {k: [1, 2]}, outputs: {v: int}, allow_failure: true}\n"
        "  one: {run: x, outputs: {v: int}, allow_failure: true}\n  gone: {run: x, when: \"1 > 2\", outputs: {v: "
        "int}}\n"
        "  a: {run: x, needs: [m], when: \"len(tasks.m.outputs.v) == 2\"}\n"
        "  b: {run: x, needs: [m], when: \"env.PLACE == 'oslo' && env.OTHER == null\"}\n"
        "  c: {run: x, needs: [one], when: \"tasks.one.outputs.v == null\"}\n"
        "  d: {run: x, needs: [gone], when: \"always() && tasks.gone.outputs.v == null && tasks.gone.state == "
        "'skipped'\"}\n");
  sim_end_as(&s, "m[1]", ENGINE_END_EXITED, 0, "v=5\n");
  sim_exit(&s, "m[2]", 1);
  sim_exit(&s, "one", 1);
  for (const char *const *t = (const char *const[]){"a", "b", "c", "d", NULL}; *t; t++)
    assert_task(&s, 1, *t, "starting");
  sim_close(&s);
}

static void what_the_daemon_was_started_with_is_seen_behind_the_configuration(void **state) {
  (void)state;
  static const struct launch_env env[] = {
      {.name = "A", .value = "daemon"}, {.file = "x"}, {.name = "B", .value = "daemon"}};
  sim_open(&s, "env: {A: config}\n");
  s.options.env = env;
  s.options.env_len = 3;
  engine_free(s.e);
  s.e = engine_new(&s.options);
  begin("tasks: {a: {run: x, when: \"env.A == 'config' && env.B == 'daemon' && env.C == null\"}}\n");
  assert_task(&s, 1, "a", "starting");
  sim_close(&s);
}

#define FLOW                                                                                                         \
  "params: {n: {type: int, default: 1}}\ntasks:\n  a: {run: x}\n  m: {run: x, matrix: {k: [1, 2]}, needs: a}\n"      \
  "  pair: {run: x, matrix: {k: [1, 2]}, needs: {m: same}}\n  z: {run: [x, \"${{ params.n }}\"], needs: [m, "        \
  "soft]}\n"                                                                                                         \
  "  soft: {run: x, allow_failure: true}\n  last: {run: x, finally: true}\n"

static void preview(enum rerun_mode mode, const char *task, int version, const struct param_given *params,
                    size_t len) {
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(),
                                   .run = &rows,
                                   .mode = mode,
                                   .task = task,
                                   .version = version,
                                   .params = params,
                                   .params_len = len};
  ev.rerun.asker.dry_run = true;
  sim_event(&s, ev);
  assert_int_equal(s.step.changes.len, 0);
  sim_rows_free(&rows);
}

static void a_rerun_shows_why_each_task_would_run(void **state) {
  (void)state;
  sim_open(&s, "slots: {cpu: 20}\n");
  begin(FLOW);
  sim_exit(&s, "a", 0);
  sim_exit(&s, "soft", 1);
  sim_exit(&s, "m[1]", 0);
  sim_exit(&s, "m[2]", 1);
  sim_exit(&s, "pair[1]", 0);
  sim_exit(&s, "last", 0);
  assert_run(&s, 1, "failed");
  preview(RERUN_FAILED, NULL, 0, NULL, 0);
  answered(200, "{\"task\":\"m[2]\",\"why\":\"failed\"}");
  answered(200, "{\"task\":\"pair[2]\",\"why\":\"follows m[2]\"}");
  answered(200, "{\"task\":\"z\",\"why\":\"follows m\"}");
  answered(200, "{\"task\":\"last\",\"why\":\"always runs (finally)\"}");
  answered(200, "{\"task\":\"a\",\"why\":\"succeeded\",\"changed\":false");
  answered(200, "{\"task\":\"soft\",\"why\":\"failed (it was allowed to)\"}");
  preview(RERUN_ALL, NULL, 0, NULL, 0);
  answered(200, "{\"task\":\"a\",\"why\":\"you asked\"}");
  preview(RERUN_FROM, "m[1]", 0, NULL, 0);
  answered(200, "{\"task\":\"m[1]\",\"why\":\"you asked\"}");
  preview(RERUN_ONLY, "m[2]", 0, NULL, 0);
  answered(200, "{\"task\":\"m[2]\",\"why\":\"you asked\"}");
  preview(RERUN_ONLY, "z", 0, NULL, 0);
  answered(409, "z needs ");
  preview(RERUN_FROM, "nope", 0, NULL, 0);
  answered(409, "has no task 'nope'");
  preview(RERUN_FROM, NULL, 0, NULL, 0);
  answered(409, "has no task ''");
  const struct param_given n = {.name = "n", .text = "2"}, wrong = {.name = "n", .text = "x"};
  preview(RERUN_FAILED, NULL, 0, &n, 1);
  answered(200, "\"will_run\"");
  preview(RERUN_FAILED, NULL, 0, &wrong, 1);
  answered(422, "expected a whole number");
  sim_close(&s);
}

static void a_rerun_with_another_version_shows_what_changed(void **state) {
  (void)state;
  sim_open(&s, "slots: {cpu: 20}\n");
  begin("tasks:\n  a: {run: x, outputs: {v: int}}\n  b: {run: x, needs: a}\n  c: {run: x}\n");
  sim_end_as(&s, "a", ENGINE_END_EXITED, 0, "v=5\n");
  sim_exit(&s, "c", 0);
  sim_exit(&s, "b", 1);
  sim_idle(&s);
  sim_load(&s, "p", "tasks:\n  a: {run: y, outputs: {v: int, w: int}}\n  b: {run: x, needs: a}\n  new: {run: x}\n");
  preview(RERUN_FAILED, NULL, 2, NULL, 0);
  answered(200, "{\"task\":\"a\",\"why\":\"succeeded\",\"changed\":true");
  answered(200, "{\"task\":\"new\",\"why\":\"new\"}");
  preview(RERUN_ONLY, "b", 2, NULL, 0);
  answered(409, "new is new and would have to run too: use --from or --all");
  preview(RERUN_FAILED, NULL, 1, NULL, 0);
  answered(200, "{\"task\":\"c\",\"why\":\"succeeded\",\"changed\":false");
  sim_rerun(&s, 1, RERUN_FAILED, NULL, 2);
  answered(201, "p#2");
  sim_close(&s);
}

static void a_rerun_of_what_is_gone_is_refused(void **state) {
  (void)state;
  sim_open(&s, NULL);
  begin("tasks: {a: {run: x}}\n");
  struct run_rows rows = sim_rows(&s, sim_run(&s, 1));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = RERUN_ALL};
  sim_event(&s, ev);
  answered(409, "p#1");
  sim_rows_free(&rows);
  sim_exit(&s, "a", 0);
  sim_idle(&s);
  rows = sim_rows(&s, sim_run(&s, 1));
  const struct run_rows kept = rows;
  rows.run.pipeline = 12345;
  sim_event(&s, ev);
  answered(409, "the version of p#1 is gone: trigger its pipeline anew");
  rows = kept;
  rows.pipeline = NULL;
  sim_event(&s, ev);
  answered(409, "the version of p#1 is gone");
  rows = kept;
  rows.tasks_len = 0;
  sim_event(&s, ev);
  answered(409, "p#1 never had tasks: trigger its pipeline anew");
  rows = kept;
  rows.run.state = RUN_RUNNING;
  sim_event(&s, ev);
  answered(409, "p#1");
  rows = kept;
  rows.run.params = "[]";
  sim_event(&s, ev);
  answered(409, "p#1: its parameters can't be read");
  rows = kept;
  ev.rerun.mode = RERUN_FAILED;
  sim_event(&s, ev);
  answered(409, "nothing of p#1 failed: use --all, --from or --only");
  sim_rows_free(&rows);
  sim_close(&s);
}

static void a_rerun_elsewhere_is_refused_where_its_slots_arent(void **state) {
  (void)state;
  static const struct {
    const char *on, *part;
  } rows[] = {
      {"nowhere", "there is no host or group 'nowhere'"},
      {"h1", "a needs 3 of slot gpu, of which h1 has 1: choose another place"},
      {"h2", "a needs 3 of slot gpu, of which h2 has 0: choose another place"},
      {"two", "a needs 3 of slot gpu, and no host of two has that with all else that it needs"},
      {"any", "a needs 3 of slot gpu, and no host has that with all else that it needs"},
  };
  sim_open_hosts(
      &s, "slots: {gpu: 2}\nhosts: {h1: {ssh: h1, slots: {gpu: 1}}, h2: {ssh: h2}}\ngroups: {two: [h1, h2]}\n");
  begin("tasks: {a: {run: x, slots: {gpu: \"${{ default(env.NOPE, 3) }}\"}}, b: {run: x}}\n");
  sim_cancel(&s, 1, NULL);
  if (sim_find_live(&s, "b")) sim_end_as(&s, "b", ENGINE_END_STOPPED, 143, NULL);
  sim_idle(&s);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sim_rerun_on(&s, 1, RERUN_ALL, rows[i].on);
    answered(409, rows[i].part);
  }
  sim_close(&s);
}

static void a_host_out_of_the_configuration_is_shown_while_it_is_in_use(void **state) {
  (void)state;
  struct engine_place *places;
  struct engine_host_attempt *there;
  sim_open_hosts(&s, "hosts: {h1: {ssh: h1}, h2: {ssh: h2}}\n");
  begin("tasks: {a: {run: x, on: h1}, b: {run: x, on: h1}, c: {run: x, on: h2}}\n");
  assert_int_equal(engine_hosts(s.e, &s.arena, &places), 3);
  struct config *without = sim_config(NULL);
  struct engine_event ev = {.kind = ENGINE_CONFIG};
  ev.config = (struct engine_config){without};
  sim_event(&s, ev);
  assert_int_equal(engine_hosts(s.e, &s.arena, &places), 3);
  assert_false(places[1].configured);
  assert_int_equal(engine_host_attempts(s.e, "h1", &s.arena, &there), 2);
  assert_true(strcmp(there[0].attempt_id, there[1].attempt_id) < 0);
  assert_true(engine_load(s.e).attempts == 3 && engine_load(s.e).runs == 1 && engine_load(s.e).waiting == 0);
  sim_kind(&s, "b", ENGINE_REPORT_STARTED, false);
  sim_order(&s, "h1", HOST_ORDER_DOWN, "", true);
  answered(200, "\"task\":\"a\"");
  sim_exit(&s, "c", 0);
  assert_int_equal(engine_hosts(s.e, &s.arena, &places), 2);
  sim_order(&s, "h2", HOST_ORDER_DRAIN, NULL, false);
  answered(404, "there is no host 'h2'");
  struct engine_event down = {.kind = ENGINE_HOST_ORDER};
  down.host_order = (struct engine_host_order){.asker = {.handle = 7, .actor = {.kind = "token", .id = "t1"}},
                                               .host = "h1",
                                               .order = HOST_ORDER_DOWN,
                                               .reason = ""};
  sim_event(&s, down);
  answered(200, "h1 is declared down: 2 tasks there were given up");
  assert_string_equal(sim_host_row(&s, "h1")->order_by, "t1");
  assert_null(sim_host_row(&s, "h1")->order_reason);
  assert_int_equal(engine_hosts(s.e, &s.arena, &places), 2); /* what may be left there keeps it */
  sim_event(&s, down);
  answered(409, "h1 is declared down already by t1: no reason was given");
  engine_free(s.e);
  s.e = NULL;
  config_free(without);
  sim_close(&s);
}

static void nobody_is_told_who_didnt_ask_for_an_answer(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "tasks: {a: {run: x}}\n");
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = {.actor = {.kind = "daemon"}}, .pipeline = "p", .scheduled_for = INSTANT_NONE};
  sim_event(&s, ev);
  assert_int_equal(s.status, 0);
  assert_run(&s, 1, "running");
  ev.trigger.asker = sim_anna();
  ev.trigger.asker.idempotency_key = "k";
  ev.trigger.asker.dry_run = true;
  sim_event(&s, ev);
  assert_int_equal(s.requests.len, 0); /* what changed nothing needs no key */
  sim_close(&s);
}

static void a_pipeline_of_many_misses_is_caught_up_in_bounds(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p",
           "schedule: {cron: \"* * * * *\", catchup: all, overlap: allow}\ntasks: {a: {run: x, slots: {cpu: 4}}}\n");
  sim_later(&s, 3 * USEC_PER_DAY); /* 4,320 firings */
  assert_true(s.runs.len <= 1001);
  bool told = false;
  int64_t counted = 0;
  for (size_t i = 0; i < s.firings.len; i++) {
    counted += s.firings.items[i].count;
    told = told || s.firings.items[i].count > 3000;
  }
  assert_true(told);
  assert_int_equal(counted, 3 * 24 * 60);
  sim_close(&s);
}

static void a_schedule_whose_zone_is_gone_is_parked(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "schedule: {cron: \"0 2 * * *\", timezone: Europe/Oslo}\ntasks: {a: {run: x}}\n");
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE); /* the caller knows UTC alone */
  sim_later(&s, USEC_PER_DAY);
  assert_int_equal(s.runs.len, 0);
  sim_close(&s);
  sim_open(&s, NULL);
  s.options.zone = NULL;
  engine_free(s.e);
  s.e = engine_new(&s.options);
  sim_load(&s, "p", "schedule: {cron: \"0 2 * * *\", timezone: Etc/UTC}\ntasks: {a: {run: x}}\n");
  assert_true(engine_next_firing(s.e, "p", NULL) == SIM_START + 2 * USEC_PER_HOUR);
  assert_true(engine_firing_gap(s.e, "p") == USEC_PER_DAY);
  assert_true(engine_firing_gap(s.e, "nope") < 0);
  sim_load(&s, "r", "schedule: {cron: \"0 3 * * *\", timezone: UTC}\ntasks: {a: {run: x}}\n");
  assert_true(engine_next_firing(s.e, "r", NULL) == SIM_START + 3 * USEC_PER_HOUR);
  sim_load(&s, "q", "schedule: {cron: \"0 2 * * *\", timezone: Europe/Oslo}\ntasks: {a: {run: x}}\n");
  assert_true(engine_next_firing(s.e, "q", NULL) == INSTANT_NONE);
  sim_close(&s);
}

static void what_is_missed_in_a_pause_says_why(void **state) {
  (void)state;
  sim_open(&s, NULL);
  sim_load(&s, "p", "schedule: {cron: \"0 * * * *\"}\ntasks: {a: {run: x}}\n");
  struct engine_event ev = {.kind = ENGINE_PAUSE};
  ev.pause = (struct engine_pause){.asker = sim_anna(), .pipeline = "p"};
  sim_event(&s, ev);
  sim_later(&s, 2 * USEC_PER_HOUR);
  sim_later(&s, USEC_PER_HOUR);
  assert_int_equal(s.runs.len, 0);
  assert_int_equal(s.firings.len, 1); /* neighbours with one fate share a row */
  assert_int_equal(s.firings.items[0].count, 3);
  assert_string_equal(s.firings.items[0].reason, "paused: no reason was given");
  sim_resume(&s, "p");
  sim_load(&s, "q", "schedule: {cron: \"0 * * * *\", paused: true}\ntasks: {a: {run: x}}\n");
  sim_later(&s, USEC_PER_HOUR);
  assert_string_equal(s.firings.items[s.firings.len - 1].reason, "paused: true in the file");
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_setting_that_is_wrong_when_its_task_begins_fails_it),
      cmocka_unit_test(a_policy_of_retries_that_cant_be_read_retries_nothing),
      cmocka_unit_test(a_run_whose_own_settings_are_wrong_isnt_made),
      cmocka_unit_test(outputs_of_a_matrix_are_a_list_with_nulls_for_what_failed),
      cmocka_unit_test(what_the_daemon_was_started_with_is_seen_behind_the_configuration),
      cmocka_unit_test(a_rerun_shows_why_each_task_would_run),
      cmocka_unit_test(a_rerun_with_another_version_shows_what_changed),
      cmocka_unit_test(a_rerun_of_what_is_gone_is_refused),
      cmocka_unit_test(a_rerun_elsewhere_is_refused_where_its_slots_arent),
      cmocka_unit_test(a_host_out_of_the_configuration_is_shown_while_it_is_in_use),
      cmocka_unit_test(nobody_is_told_who_didnt_ask_for_an_answer),
      cmocka_unit_test(a_pipeline_of_many_misses_is_caught_up_in_bounds),
      cmocka_unit_test(a_schedule_whose_zone_is_gone_is_parked),
      cmocka_unit_test(what_is_missed_in_a_pause_says_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
