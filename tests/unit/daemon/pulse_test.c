/* How late the loop is. */
#include "tests/unit/unit.h"

#include <time.h>
#include <uv.h>

#include "base/instant.h"
#include "scheduler/daemon/health/pulse.h"

struct beats {
  uv_loop_t loop;
  struct pulse *pulse;
  uv_timer_t work;
  int block_ms; /* of each turn of the work */
  int seen, until;
};

static void sleep_ms(int ms) {
  const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
  nanosleep(&t, NULL);
}

static void on_beat(void *ctx) {
  struct beats *b = ctx;
  if (++b->seen >= b->until) uv_stop(&b->loop);
}

static void on_work(uv_timer_t *timer) {
  struct beats *b = timer->data;
  sleep_ms(b->block_ms);
}

static void beats_open(struct beats *b) {
  uv_loop_init(&b->loop);
  b->pulse = pulse_new(&b->loop, on_beat, b);
  uv_timer_init(&b->loop, &b->work);
  b->work.data = b;
}

static void run(struct beats *b, int beats) {
  b->seen = 0;
  b->until = beats;
  uv_run(&b->loop, UV_RUN_DEFAULT);
}

static void beats_close(struct beats *b) {
  pulse_free(b->pulse);
  uv_close((uv_handle_t *)&b->work, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

static void sleep_is_no_lag(void **state) {
  struct beats b = {0};
  struct pulse_view v;
  (void)state;
  beats_open(&b);
  run(&b, 2);
  pulse_view(b.pulse, &v);
  assert_int_equal(v.beats.count, 2);
  assert_true(v.turns.count >= 1);
  /* The loop has slept for two seconds: a turn that counted its sleep would have taken one. */
  assert_true(v.turns.sum_us < 900 * USEC_PER_MS);
  assert_false(v.behind);
  beats_close(&b);
}

static void a_turn_that_blocks_is_lag(void **state) {
  struct beats b = {.block_ms = 1300};
  struct pulse_view v;
  (void)state;
  beats_open(&b);
  uv_timer_start(&b.work, on_work, 300, 0);
  run(&b, 2);
  pulse_view(b.pulse, &v);
  assert_true(v.beats.max_us >= 500 * USEC_PER_MS); /* it was due at 1.0 s and came after 1.6 s */
  assert_true(v.turns.max_us >= 1250 * USEC_PER_MS);
  assert_true(v.recent_us >= 1250 * USEC_PER_MS);
  assert_false(v.behind); /* once is no habit */
  beats_close(&b);
}

static void one_that_stays_late_is_behind_until_it_is_on_time(void **state) {
  struct beats b = {.block_ms = 2100};
  struct pulse_view v;
  (void)state;
  beats_open(&b);
  uv_timer_start(&b.work, on_work, 1, 1);
  run(&b, PULSE_PATIENCE);
  pulse_view(b.pulse, &v);
  assert_true(v.behind);
  uv_timer_stop(&b.work);
  run(&b, 2); /* the first was under way */
  pulse_view(b.pulse, &v);
  assert_false(v.behind);
  beats_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sleep_is_no_lag),
      cmocka_unit_test(a_turn_that_blocks_is_lag),
      cmocka_unit_test(one_that_stays_late_is_behind_until_it_is_on_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
