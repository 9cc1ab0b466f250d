/* The alarm clock of the loop and the watch over the folders: what wakes the loop, and what doesn't. */
#include "tests/unit/daemon/temp.h"

#include "base/instant.h"
#include "scheduler/daemon/wake.h"
#include "scheduler/daemon/watch.h"

struct fixture {
  struct temp temp;
  uv_loop_t loop;
  struct wake *wake;
  struct watch *watch;
  int wakes, changes;
};

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  temp_make(&f->temp);
  uv_loop_init(&f->loop);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  wake_free(f->wake);
  watch_free(f->watch);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  temp_release(&f->temp);
  free(f);
  return 0;
}

static void on_wake(void *ctx) {
  ((struct fixture *)ctx)->wakes++;
}

static void on_change(void *ctx) {
  ((struct fixture *)ctx)->changes++;
}

static void tick(uv_timer_t *timer) {
  (void)timer;
}

/* Turns the loop until *count has reached `enough`, or the time is over. */
static void turn(struct fixture *f, const int *count, int enough, int64_t ms) {
  uv_timer_t timer;
  uv_timer_init(&f->loop, &timer);
  uv_timer_start(&timer, tick, 5, 5);
  int64_t end = clock_monotonic() + ms * USEC_PER_MS;
  while (*count < enough && clock_monotonic() < end) uv_run(&f->loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* ---- the alarm clock ---- */

static struct wake *wake_of(struct fixture *f) {
  wake_free(f->wake);
  return f->wake = wake_new(&f->loop, on_wake, f);
}

static void either_clock_wakes_when_its_time_has_come_and_only_once(void **state) {
  struct fixture *f = *state;
  for (int clock = 0; clock < 2; clock++) {
    struct wake *w = wake_of(f);
    assert_non_null(w);
    f->wakes = 0;
    int64_t begin = clock_monotonic(), delay = 100 * USEC_PER_MS;
    wake_set(w, clock == 0 ? clock_now() + delay : INSTANT_NONE, clock == 1 ? begin + delay : INT64_MAX);
    turn(f, &f->wakes, 1, 5000);
    assert_int_equal(f->wakes, 1);
    assert_true(clock_monotonic() - begin >= delay - USEC_PER_MS);
    turn(f, &f->wakes, 2, 100);
    assert_int_equal(f->wakes, 1);
  }
}

static void what_is_past_wakes_at_once(void **state) {
  struct fixture *f = *state;
  struct wake *w = wake_of(f);
  wake_set(w, clock_now() - USEC_PER_DAY, INT64_MAX);
  turn(f, &f->wakes, 1, 2000);
  assert_int_equal(f->wakes, 1);
  wake_set(w, INSTANT_NONE, 0);
  turn(f, &f->wakes, 2, 2000);
  assert_int_equal(f->wakes, 2);
}

static void a_new_time_replaces_the_former_one(void **state) {
  struct fixture *f = *state;
  struct wake *w = wake_of(f);
  wake_set(w, INSTANT_NONE, clock_monotonic() + 50 * USEC_PER_MS);
  wake_set(w, INSTANT_NONE, INT64_MAX);
  turn(f, &f->wakes, 1, 200);
  assert_int_equal(f->wakes, 0);
  int64_t at = clock_monotonic() + 50 * USEC_PER_MS;
  for (int i = 0; i < 3; i++) { /* the same time again, also after it has come */
    wake_set(w, INSTANT_NONE, at);
    turn(f, &f->wakes, i + 1, 2000);
    assert_int_equal(f->wakes, i + 1);
  }
}

/* ---- the watch ---- */

static struct watch *watch_on(struct fixture *f, const char *name) {
  struct watch *w = f->watch = watch_new(&f->loop, on_change, f);
  char *path = temp_path(&f->temp, name);
  const char *folders[] = {path};
  watch_folders(w, folders, 1);
  free(path);
  return w;
}

static void changes_are_told_together_when_they_are_over(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", "x");
  watch_on(f, "dags");
  turn(f, &f->changes, 1, 150);
  assert_int_equal(f->changes, 0);
  for (int i = 0; i < 6; i++) {
    temp_write(&f->temp, "dags/a.yaml", "y");
    turn(f, &f->changes, 1, 5);
  }
  assert_int_equal(f->changes, 0);
  turn(f, &f->changes, 1, 2000);
  assert_int_equal(f->changes, 1);
  turn(f, &f->changes, 2, 300);
  assert_int_equal(f->changes, 1);
}

static void changes_without_end_are_told_every_second(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", "x");
  watch_on(f, "dags");
  int64_t begin = clock_monotonic();
  while (f->changes == 0 && clock_monotonic() < begin + 5 * USEC_PER_SEC) {
    temp_write(&f->temp, "dags/a.yaml", "y");
    turn(f, &f->changes, 1, 30);
  }
  assert_int_equal(f->changes, 1);
  assert_true(clock_monotonic() - begin < 4 * USEC_PER_SEC);
}

static void only_the_folders_that_are_named_now_are_watched(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "one/a.yaml", "x");
  temp_write(&f->temp, "two/a.yaml", "x");
  struct watch *w = watch_on(f, "one");
  char *two = temp_path(&f->temp, "two");
  const char *folders[] = {two};
  watch_folders(w, folders, 1);
  temp_write(&f->temp, "one/a.yaml", "y");
  turn(f, &f->changes, 1, 300);
  assert_int_equal(f->changes, 0);
  temp_write(&f->temp, "two/a.yaml", "y");
  turn(f, &f->changes, 1, 2000);
  assert_int_equal(f->changes, 1);
  free(two);
}

static void a_folder_that_was_replaced_is_watched_anew(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", "x");
  temp_write(&f->temp, "new/a.yaml", "x");
  struct watch *w = watch_on(f, "dags");
  temp_rename(&f->temp, "dags", "old");
  temp_rename(&f->temp, "new", "dags");
  turn(f, &f->changes, 1, 2000);
  assert_int_equal(f->changes, 1);
  char *path = temp_path(&f->temp, "dags");
  const char *folders[] = {path};
  watch_folders(w, folders, 1); /* as the scan that follows the change does */
  temp_write(&f->temp, "dags/a.yaml", "y");
  turn(f, &f->changes, 2, 2000);
  assert_int_equal(f->changes, 2);
  free(path);
}

static void a_folder_that_cannot_be_watched_is_none(void **state) {
  struct fixture *f = *state;
  watch_on(f, "nowhere");
  turn(f, &f->changes, 1, 150);
  assert_int_equal(f->changes, 0);
}

#define WAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WAKE_TEST(either_clock_wakes_when_its_time_has_come_and_only_once),
      WAKE_TEST(what_is_past_wakes_at_once),
      WAKE_TEST(a_new_time_replaces_the_former_one),
      WAKE_TEST(changes_are_told_together_when_they_are_over),
      WAKE_TEST(changes_without_end_are_told_every_second),
      WAKE_TEST(only_the_folders_that_are_named_now_are_watched),
      WAKE_TEST(a_folder_that_was_replaced_is_watched_anew),
      WAKE_TEST(a_folder_that_cannot_be_watched_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
