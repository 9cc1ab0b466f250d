/* Firings: each is decided once, as a run, skipped or missed, whatever the clock and the daemon do. */
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

static void load(const char *schedule) {
  char yaml[512];
  snprintf(yaml, sizeof yaml, "schedule: {%s}\ntasks:\n  a: {run: 'true'}\n", schedule);
  sim_load(&s, "p", yaml);
}

/* "run missed*3 skipped" for the firings so far. */
static const char *outcomes(void) {
  struct buf text = {0};
  for (size_t i = 0; i < s.firings.len; i++) {
    buf_fmt(&text, "%s%s", i ? " " : "", firing_word(s.firings.items[i].outcome));
    if (s.firings.items[i].count > 1) buf_fmt(&text, "*%lld", (long long)s.firings.items[i].count);
  }
  const char *copy = arena_strdup(&s.arena, buf_cstr(&text));
  buf_release(&text);
  return copy;
}

/* Lets the task of the newest run end. */
static void finish(void) {
  if (sim_find_live(&s, "a")) sim_exit(&s, "a", 0);
}

static void a_schedule_fires_at_its_time_and_not_before(void **state) {
  (void)state;
  load("every: 15m");
  assert_true(s.step.wake_wall == SIM_START + 15 * USEC_PER_MIN);
  assert_true(engine_next_firing(s.e, "p", NULL) == SIM_START + 15 * USEC_PER_MIN);
  sim_later(&s, 15 * USEC_PER_MIN - 1);
  assert_int_equal(s.runs.len, 0);
  sim_later(&s, 1);
  assert_int_equal(s.runs.len, 1);
  const struct run_row *r = sim_run(&s, 1);
  assert_true(r->scheduled_for == SIM_START + 15 * USEC_PER_MIN && r->interval_start == SIM_START);
  assert_int_equal(r->trigger, TRIGGER_SCHEDULE);
  assert_int_equal(r->date, SIM_START / USEC_PER_DAY);
  assert_true(s.firings.items[0].run == r->key);
}

static void cron_fires_on_the_clock_of_its_zone(void **state) {
  (void)state;
  load("cron: '30 2 * * *', timezone: UTC");
  assert_true(s.step.wake_wall == SIM_START + 150 * USEC_PER_MIN);
}

/* ---- rules that change ---- */

static struct zone *town;

static const struct zone *zone_here(void *ctx, const char *name) {
  (void)ctx;
  return strcmp(name, "UTC") == 0 ? zone_utc() : town;
}

static void new_rules(struct engine_event *first, const char *like) {
  struct zone *old = town;
  town = NULL;
  if (like) assert_int_equal(zone_load(like, NULL, &town), 0);
  struct engine_event events[2] = {first ? *first : (struct engine_event){0}, {.kind = ENGINE_CONFIG}};
  events[1].config.config = s.config;
  sim_step_many(&s, first ? events : &events[1], first ? 2 : 1);
  zone_free(old);
}

/* Whatever else the step has: the plan by the old rules decides nothing any more. */
static void new_rules_of_a_zone_move_what_is_to_come_and_nothing_that_was_decided(void **state) {
  (void)state;
  assert_int_equal(zone_load("Europe/Oslo", NULL, &town), 0);
  s.options.zone = zone_here;
  sim_restart(&s);
  load("cron: '0 12 * * *', timezone: Europe/Oslo");
  assert_true(engine_next_firing(s.e, "p", NULL) == SIM_START + 11 * USEC_PER_HOUR);
  sim_later(&s, 11 * USEC_PER_HOUR);
  finish();
  assert_string_equal(outcomes(), "run");
  new_rules(NULL, "Asia/Kolkata");
  assert_string_equal(outcomes(), "run");
  instant next = SIM_START + USEC_PER_DAY + 6 * USEC_PER_HOUR + 30 * USEC_PER_MIN;
  assert_true(engine_next_firing(s.e, "p", NULL) == next);
  sim_pause(&s, "p");
  s.now.wall = next;
  struct engine_event resume = {.kind = ENGINE_RESUME};
  resume.resume = (struct engine_resume){.asker = sim_anna(), .pipeline = "p"};
  new_rules(&resume, "Europe/Oslo"); /* by which it isn't due yet */
  assert_string_equal(outcomes(), "run");
  assert_true(engine_next_firing(s.e, "p", NULL) == SIM_START + USEC_PER_DAY + 11 * USEC_PER_HOUR);
  sim_pause(&s, "p");
  s.now.wall = SIM_START + USEC_PER_DAY + 11 * USEC_PER_HOUR;
  new_rules(&resume, "Asia/Kolkata"); /* by which it was due before */
  assert_string_equal(outcomes(), "run skipped");
  assert_true(s.firings.items[1].scheduled_for == next);
  assert_true(engine_next_firing(s.e, "p", NULL) == next + USEC_PER_DAY);
  new_rules(NULL, NULL);
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  sim_later(&s, 2 * USEC_PER_DAY);
  assert_string_equal(outcomes(), "run skipped");
  new_rules(NULL, "Asia/Kolkata");
  assert_string_equal(outcomes(), "run skipped missed run");
  s.options.zone = sim_zone;
  zone_free(town);
}

static void overlap_decides_what_a_firing_does_to_a_live_run(void **state) {
  (void)state;
  static const struct {
    const char *overlap, *outcomes, *first, *second;
  } rows[] = {
      {"queue", "run run skipped*2", "running", "queued"},
      {"skip", "run skipped*3", "running", NULL},
      {"allow", "run run run run", "running", "running"},
      {"cancel_running", "run run run run", "cancelling", "cancelled"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[64];
    snprintf(text, sizeof text, "every: 10m, overlap: %s", rows[i].overlap);
    load(text);
    sim_later(&s, 10 * USEC_PER_MIN);
    sim_started(&s, "a");
    for (int k = 0; k < 3; k++) sim_later(&s, 10 * USEC_PER_MIN);
    print_message("%s\n", rows[i].overlap);
    assert_string_equal(outcomes(), rows[i].outcomes);
    assert_run(&s, 1, rows[i].first);
    if (rows[i].second) assert_run(&s, 2, rows[i].second);
    close_sim(NULL);
    open_sim(NULL);
  }
}

static void a_queued_run_goes_when_the_one_ahead_has_ended(void **state) {
  (void)state;
  load("every: 10m");
  sim_later(&s, 10 * USEC_PER_MIN);
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_run(&s, 2, "queued");
  assert_string_equal(sim_why(&s, 2, "a"), "its run is queued behind p#1 (running)");
  finish();
  assert_run(&s, 1, "succeeded");
  assert_run(&s, 2, "running");
}

/* The daemon is away from 00:10 until 02:05, which is 12 firings of every 10 minutes, the last 5 minutes late. */
static void catchup_decides_what_was_missed(void **state) {
  (void)state;
  static const struct {
    const char *schedule, *outcomes;
  } rows[] = {
      {"every: 10m, catchup: none", "run missed*11"},
      {"every: 10m, catchup: last", "run missed*10 run"},
      {"every: 10m", "run missed*10 run"},
      {"every: 10m, catchup: last, catchup_window: 2m", "run missed*11"},
      {"every: 10m, catchup: all, overlap: allow", "run run run run run run run run run run run run"},
      {"every: 10m, catchup: all, catchup_window: 30m, overlap: allow", "run missed*8 run run run"},
      {"every: 10m, catchup: all", "run run skipped*10"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    load(rows[i].schedule);
    sim_later(&s, 10 * USEC_PER_MIN);
    if (strcmp(rows[i].schedule, "every: 10m, catchup: all") != 0) finish();
    s.now.wall += 115 * USEC_PER_MIN;
    s.now.mono += 115 * USEC_PER_MIN;
    sim_restart(&s);
    print_message("%s\n", rows[i].schedule);
    assert_string_equal(outcomes(), rows[i].outcomes);
    close_sim(NULL);
    open_sim(NULL);
  }
}

static void three_days_away_make_one_row_of_misses(void **state) {
  (void)state;
  load("every: 1m");
  s.now.wall += 3 * USEC_PER_DAY;
  s.now.mono += 3 * USEC_PER_DAY;
  sim_restart(&s);
  assert_string_equal(outcomes(), "missed*4319 run");
  assert_true(s.firings.items[0].until == s.now.wall - USEC_PER_MIN);
}

static void misses_go_on_extending_one_row(void **state) {
  (void)state;
  load("every: 10m, catchup: none");
  for (int i = 0; i < 3; i++) sim_later(&s, 29 * USEC_PER_MIN);
  assert_string_equal(outcomes(), "missed*8");
}

static void a_clock_set_back_repeats_nothing(void **state) {
  (void)state;
  load("every: 10m");
  sim_later(&s, 10 * USEC_PER_MIN);
  finish();
  s.now.wall -= USEC_PER_HOUR;
  sim_idle(&s);
  for (int i = 0; i < 7; i++) sim_later(&s, 9 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 1);
  bool told = false;
  for (size_t i = 0; i < s.events.len; i++) told = told || s.events.items[i].kind == EVENT_ROW_CLOCK;
  assert_true(told);
  sim_later(&s, 7 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 2);
}

/* Whatever the clock is set to meanwhile: what a supervisor tells by the clock of its time included. */
static void no_end_is_before_its_start(void **state) {
  (void)state;
  sim_load(&s, "p", "tasks:\n  a: {run: 'true'}\n");
  sim_trigger(&s, "p");
  sim_started(&s, "a");
  instant began = s.now.wall;
  s.now.wall -= USEC_PER_HOUR;
  sim_exit(&s, "a", 0);
  const struct run_row *r = sim_run(&s, 1);
  assert_int_equal(r->state, RUN_SUCCEEDED);
  assert_true(r->started_at == began && r->ended_at >= r->started_at);
  assert_true(s.attempts.items[0].ended_at >= s.attempts.items[0].started_at);
  assert_true(sim_task(&s, 1, "a")->ended_at >= sim_task(&s, 1, "a")->started_at);
}

static void a_clock_set_forward_by_twenty_years_makes_one_run(void **state) {
  (void)state;
  load("every: 1m");
  s.now.wall += 20 * 365 * USEC_PER_DAY;
  sim_idle(&s);
  assert_int_equal(s.runs.len, 1);
  assert_int_equal(s.firings.len, 2);
}

static void paused_firings_are_skipped_and_none_is_made_up_for(void **state) {
  (void)state;
  load("every: 10m");
  sim_pause(&s, "p");
  for (int i = 0; i < 6; i++) sim_later(&s, 10 * USEC_PER_MIN);
  assert_string_equal(outcomes(), "skipped*6");
  assert_string_equal(s.firings.items[0].reason, "paused: maintenance");
  assert_true(engine_next_firing(s.e, "p", NULL) == INSTANT_NONE);
  s.now.wall += 15 * USEC_PER_MIN;
  s.now.mono += 15 * USEC_PER_MIN;
  sim_resume(&s, "p");
  assert_string_equal(outcomes(), "skipped*7");
  assert_int_equal(s.runs.len, 0);
  sim_later(&s, 5 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 1);
}

static void paused_in_the_file_holds_until_resumed(void **state) {
  (void)state;
  sim_load(&s, "p", "paused: true\nschedule: {every: 10m}\ntasks:\n  a: {run: 'true'}\n");
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_string_equal(outcomes(), "skipped");
  sim_resume(&s, "p");
  sim_load(&s, "p", "paused: true\nschedule: {every: 10m}\ntasks:\n  a: {run: 'false'}\n");
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_string_equal(outcomes(), "skipped run");
}

static void an_edited_pipeline_keeps_what_its_schedule_decided(void **state) {
  (void)state;
  load("every: 10m");
  sim_later(&s, 10 * USEC_PER_MIN);
  finish();
  sim_load(&s, "p", "schedule: {every: 10m}\ntasks:\n  a: {run: 'other'}\n");
  sim_idle(&s);
  assert_int_equal(s.runs.len, 1);
  assert_int_equal(s.schedules.len, 1);
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 2);
  assert_true(sim_run(&s, 2)->version != sim_run(&s, 1)->version);
}

static void a_removed_file_ends_its_schedules_and_not_its_runs(void **state) {
  (void)state;
  load("every: 10m");
  sim_later(&s, 10 * USEC_PER_MIN);
  struct engine_event ev = {.kind = ENGINE_GONE};
  ev.gone.name = "p";
  sim_event(&s, ev);
  sim_later(&s, USEC_PER_HOUR);
  assert_int_equal(s.firings.len, 1);
  finish();
  assert_run(&s, 1, "succeeded");
  load("every: 10m"); /* it comes back: what fell in between isn't made up for */
  sim_idle(&s);
  assert_int_equal(s.firings.len, 1);
  assert_int_equal(s.versions.len, 1);
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 2);
}

static void a_broken_file_keeps_the_last_good_version_in_force(void **state) {
  (void)state;
  load("every: 10m");
  struct engine_event ev = {.kind = ENGINE_BROKEN};
  ev.broken = (struct engine_broken){"p", "[{\"message\": \"bad\"}]"};
  sim_event(&s, ev);
  assert_string_equal(s.pipelines.items[0].error, "[{\"message\": \"bad\"}]");
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_int_equal(s.runs.len, 1);
}

static void a_firing_whose_parameters_do_not_resolve_ends_as_a_failed_run(void **state) {
  (void)state;
  sim_load(&s, "p",
           "schedule: {every: 10m}\nparams:\n  end: {type: date, default: '${{ date_add(run.date, -1) }}', min: "
           "2030-01-01}\n"
           "tasks:\n  a: {run: 'true'}\n");
  sim_later(&s, 10 * USEC_PER_MIN);
  assert_string_equal(outcomes(), "run");
  assert_run(&s, 1, "failed");
  assert_non_null(strstr(sim_run(&s, 1)->reason, "end"));
}

static void jitter_moves_the_start_and_not_the_instant(void **state) {
  (void)state;
  load("every: 1h, jitter: 20m");
  instant due = s.step.wake_wall;
  assert_true(due >= SIM_START + USEC_PER_HOUR && due < SIM_START + 80 * USEC_PER_MIN);
  sim_later(&s, due - s.now.wall);
  assert_true(sim_run(&s, 1)->scheduled_for == SIM_START + USEC_PER_HOUR);
}

static void without_schedules_nothing_fires(void **state) {
  (void)state;
  engine_free(s.e);
  s.options.schedules = false;
  s.e = engine_new(&s.options);
  load("every: 10m");
  sim_later(&s, USEC_PER_DAY);
  assert_int_equal(s.firings.len, 0);
  assert_true(s.step.wake_wall == INSTANT_NONE);
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_schedule_fires_at_its_time_and_not_before),
      test(cron_fires_on_the_clock_of_its_zone),
      test(new_rules_of_a_zone_move_what_is_to_come_and_nothing_that_was_decided),
      test(overlap_decides_what_a_firing_does_to_a_live_run),
      test(a_queued_run_goes_when_the_one_ahead_has_ended),
      test(catchup_decides_what_was_missed),
      test(three_days_away_make_one_row_of_misses),
      test(misses_go_on_extending_one_row),
      test(a_clock_set_back_repeats_nothing),
      test(no_end_is_before_its_start),
      test(a_clock_set_forward_by_twenty_years_makes_one_run),
      test(paused_firings_are_skipped_and_none_is_made_up_for),
      test(paused_in_the_file_holds_until_resumed),
      test(an_edited_pipeline_keeps_what_its_schedule_decided),
      test(a_removed_file_ends_its_schedules_and_not_its_runs),
      test(a_broken_file_keeps_the_last_good_version_in_force),
      test(a_firing_whose_parameters_do_not_resolve_ends_as_a_failed_run),
      test(jitter_moves_the_start_and_not_the_instant),
      test(without_schedules_nothing_fires),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
