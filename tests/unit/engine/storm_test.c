/* Very many firings that are due in one second: none is dropped or fires twice, and no step is long. With
 * ROTA_STORM=n there are n pipelines of 50 schedules each, and the longest step is told. */
#include "tests/unit/engine/sim.h"

#include "scheduler/engine/schedule.h"

#define SCHEDULES 50
#define PIPELINES 60
#define SLOW      (40 * USEC_PER_SEC) /* from one step to the next, as on a machine that is in trouble */

static struct sim s;

struct storm {
  size_t expected, runs, firings, steps, most;
  int64_t longest;
  struct map seen; /* by the schedule's key */
};

static void load_many(int64_t pipelines) {
  struct buf text = {0};
  buf_str(&text, "schedule:\n");
  for (int i = 0; i < SCHEDULES; i++)
    buf_fmt(&text, "  - {every: 1h, name: s%d, overlap: allow, catchup: none}\n", i);
  buf_str(&text, "tasks: {a: {run: 'true'}}\n");
  struct pipeline *spec = sim_read(&s, "p", buf_cstr(&text));
  for (int64_t i = 0; i < pipelines; i++) {
    char name[24];
    snprintf(name, sizeof name, "p%ld", (long)i);
    struct engine_event ev = {.kind = ENGINE_LOADED};
    ev.loaded = (struct engine_loaded){.name = name, .pipeline = spec, .text = "", .json = ""};
    uint8_t seed[32] = {1};
    step_reset(&s.step);
    engine_step(s.e, s.now, seed, &ev, 1, &s.step);
  }
  pipeline_release(spec);
  buf_release(&text);
}

static void look_at_rows(struct storm *storm) {
  size_t runs = 0;
  for (size_t i = 0; i < s.step.changes.len; i++) {
    const struct change *c = &s.step.changes.items[i];
    runs += c->kind == CHANGE_RUN;
    if (c->kind != CHANGE_FIRING) continue;
    const int64_t key = c->firing.schedule;
    assert_int_equal(c->firing.outcome, FIRING_RUN);
    assert_null(map_get_n(&storm->seen, (const char *)&key, sizeof key));
    map_put_n(&storm->seen, (const char *)&key, sizeof key, storm);
    storm->firings++;
  }
  storm->runs += runs;
  if (runs > storm->most) storm->most = runs;
}

/* The daemon takes the next step as soon as a time that the last one named has come. */
static void weather(struct storm *storm, duration pause) {
  do {
    uint8_t seed[32] = {(uint8_t)++storm->steps};
    step_reset(&s.step);
    int64_t begun = clock_monotonic();
    engine_step(s.e, s.now, seed, NULL, 0, &s.step);
    int64_t took = clock_monotonic() - begun;
    if (took > storm->longest) storm->longest = took;
    look_at_rows(storm);
    s.now.wall += pause;
    s.now.mono += pause;
  } while (s.step.wake_wall <= s.now.wall && storm->steps < 10000);
}

static void firings_of_one_second_are_taken_in_steps_that_are_short(void **state) {
  (void)state;
  const char *asked = getenv("ROTA_STORM");
  int64_t pipelines = asked ? strtol(asked, NULL, 10) : PIPELINES;
  struct storm storm = {.expected = (size_t)pipelines * SCHEDULES};
  sim_open(&s, "slots: {cpu: 10}\n");
  load_many(pipelines);
  s.now.wall += USEC_PER_HOUR;
  s.now.mono += USEC_PER_HOUR;
  weather(&storm, asked ? 0 : SLOW); /* the last of them come minutes late, and are on time all the same */
  assert_int_equal(storm.firings, storm.expected);
  assert_int_equal(storm.runs, storm.expected);
  assert_true(storm.most <= SCHEDULE_RUNS_MAX);
  if (asked)
    print_message("# %zu firings of one second in %zu steps, the longest of %.1f ms\n", storm.firings, storm.steps,
                  (double)storm.longest / 1000.0);
  map_release(&storm.seen);
  sim_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(firings_of_one_second_are_taken_in_steps_that_are_short)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
