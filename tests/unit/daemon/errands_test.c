/* Errands that come back, that hang, and that are left behind at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scheduler/daemon/errands.h"

#define SILENCE (600 * USEC_PER_MS)

struct trial {
  struct errand errand;
  int pipe[2]; /* what it waits for in vain, until somebody writes */
  atomic_bool ran;
  bool lively; /* it gives signs of life while it waits */
  atomic_bool told_to_give_up;
  int done, dropped, overdue;
};

struct scene {
  uv_loop_t loop;
  struct errands *errands;
  instant overdue;
};

static void run(struct errand *e) {
  struct trial *t = (struct trial *)e;
  char byte;
  for (int i = 0; t->lively && i < 30; i++) {
    assert_true(errand_goes_on(e));
    usleep(50 * 1000);
  }
  if (!t->lively) (void)!read(t->pipe[0], &byte, 1);
  atomic_store(&t->told_to_give_up, !errand_goes_on(e));
  atomic_store(&t->ran, true);
}

static void end(struct errand *e, enum errand_end how) {
  struct trial *t = (struct trial *)e;
  t->done += how == ERRAND_DONE;
  t->dropped += how == ERRAND_DROPPED;
  t->overdue += how == ERRAND_OVERDUE;
}

static void trial_init(struct trial *t) {
  *t = (struct trial){.errand = {.run = run, .end = end}};
  assert_int_equal(pipe(t->pipe), 0);
}

static void let_go(struct trial *t) {
  assert_int_equal(write(t->pipe[1], "", 1), 1);
}

static void trial_release(struct trial *t) {
  close(t->pipe[0]);
  close(t->pipe[1]);
}

static void scene_init(struct scene *s) {
  assert_int_equal(uv_loop_init(&s->loop), 0);
  const struct errands_options options = {
      .loop = &s->loop, .silence = SILENCE, .parting = SILENCE, .overdue = &s->overdue};
  s->errands = errands_new(&options);
}

static void scene_release(struct scene *s) {
  uv_run(&s->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&s->loop), 0);
}

/* Turns the loop until the number is reached. */
static void turn_until(struct scene *s, const int *number, int wanted) {
  int64_t until = clock_monotonic() + 30 * USEC_PER_SEC;
  while (*number < wanted) {
    assert_true(clock_monotonic() < until);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    usleep(1000);
  }
}

static void each_is_run_in_turn_and_told(void **state) {
  (void)state;
  struct scene s;
  struct trial first, second;
  scene_init(&s);
  trial_init(&first);
  trial_init(&second);
  assert_true(errands_submit(s.errands, &first.errand));
  assert_true(errands_submit(s.errands, &second.errand));
  let_go(&second);
  usleep(20 * 1000);
  assert_false(atomic_load(&second.ran));
  let_go(&first);
  turn_until(&s, &second.done, 1);
  assert_int_equal(first.done, 1);
  assert_false(atomic_load(&first.told_to_give_up));
  errands_free(s.errands);
  scene_release(&s);
  trial_release(&first);
  trial_release(&second);
}

static void one_that_hangs_is_told_once_and_what_waits_behind_it_is_dropped(void **state) {
  (void)state;
  struct scene s;
  struct trial hangs, behind, after;
  scene_init(&s);
  trial_init(&hangs);
  trial_init(&behind);
  trial_init(&after);
  assert_true(errands_submit(s.errands, &hangs.errand));
  assert_true(errands_submit(s.errands, &behind.errand));
  assert_false(errands_hang(s.errands));
  turn_until(&s, &hangs.overdue, 1);
  assert_int_equal(behind.dropped, 1);
  assert_true(errands_hang(s.errands));
  assert_true(s.overdue <= clock_now() - SILENCE);
  assert_false(errands_submit(s.errands, &after.errand));
  let_go(&hangs);
  turn_until(&s, &hangs.done, 1);
  assert_true(atomic_load(&hangs.told_to_give_up));
  assert_int_equal(hangs.overdue, 1);
  assert_false(errands_hang(s.errands));
  assert_true(errands_submit(s.errands, &after.errand));
  let_go(&after);
  turn_until(&s, &after.done, 1);
  assert_false(atomic_load(&behind.ran));
  assert_false(atomic_load(&after.told_to_give_up));
  errands_free(s.errands);
  scene_release(&s);
  trial_release(&hangs);
  trial_release(&behind);
  trial_release(&after);
}

static void one_that_takes_long_but_gives_signs_of_life_is_waited_for(void **state) {
  (void)state;
  struct scene s;
  struct trial slow;
  scene_init(&s);
  trial_init(&slow);
  slow.lively = true;
  assert_true(errands_submit(s.errands, &slow.errand));
  turn_until(&s, &slow.done, 1);
  assert_int_equal(slow.overdue, 0);
  errands_free(s.errands);
  scene_release(&s);
  trial_release(&slow);
}

static void the_end_runs_what_is_left_if_it_comes_back_in_time(void **state) {
  (void)state;
  struct scene s;
  struct trial last;
  scene_init(&s);
  trial_init(&last);
  let_go(&last);
  assert_true(errands_submit(s.errands, &last.errand));
  errands_free(s.errands);
  assert_int_equal(last.done, 1);
  assert_int_equal(last.dropped + last.overdue, 0);
  scene_release(&s);
  trial_release(&last);
}

/* The thread, and with it the memory, is left behind: nothing but the test ends it. */
static void the_end_waits_for_one_that_hangs_a_while_and_no_longer(void **state) {
  (void)state;
  struct scene s;
  static struct trial hangs, behind;
  scene_init(&s);
  trial_init(&hangs);
  trial_init(&behind);
  assert_true(errands_submit(s.errands, &hangs.errand));
  assert_true(errands_submit(s.errands, &behind.errand));
  int64_t before = clock_monotonic();
  errands_free(s.errands);
  assert_true(clock_monotonic() - before >= SILENCE);
  assert_int_equal(hangs.overdue, 1);
  assert_int_equal(hangs.done, 0);
  assert_int_equal(behind.dropped, 1);
  scene_release(&s);
  let_go(&hangs);
  for (int i = 0; i < 5000 && !atomic_load(&hangs.ran); i++) usleep(2000);
  assert_true(atomic_load(&hangs.told_to_give_up));
  assert_int_equal(hangs.done, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_is_run_in_turn_and_told),
      cmocka_unit_test(one_that_hangs_is_told_once_and_what_waits_behind_it_is_dropped),
      cmocka_unit_test(one_that_takes_long_but_gives_signs_of_life_is_waited_for),
      cmocka_unit_test(the_end_runs_what_is_left_if_it_comes_back_in_time),
      cmocka_unit_test(the_end_waits_for_one_that_hangs_a_while_and_no_longer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
