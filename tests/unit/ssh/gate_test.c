/* Handshakes take turns. */
#include "tests/unit/unit.h"

#include <string.h>
#include <uv.h>

#include "worker/ssh/link/gate.h"

struct guest {
  struct gate_pass pass;
  int entered; /* which one in was it; 0: not yet */
};

static int entered;

static void on_open(void *ctx) {
  struct guest *g = ctx;
  g->entered = ++entered;
}

static void leave_others(void *ctx) {
  struct guest *g = ctx;
  on_open(ctx);
  for (int i = 1; i < 4; i++) gate_leave(&g[i].pass);
}

struct fixture {
  uv_loop_t loop;
  struct gate *gate;
  struct guest guests[10];
};

static void begin(struct fixture *f, unsigned places) {
  memset(f, 0, sizeof *f);
  entered = 0;
  assert_int_equal(uv_loop_init(&f->loop), 0);
  f->gate = gate_new(&f->loop, places);
}

static void finish(struct fixture *f) {
  for (size_t i = 0; i < COUNT(f->guests); i++) gate_leave(&f->guests[i].pass);
  gate_free(f->gate);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void ask(struct fixture *f, int from, int to, bool failing) {
  for (int i = from; i < to; i++) gate_ask(f->gate, &f->guests[i].pass, failing, on_open, &f->guests[i]);
}

static void five_are_in_at_a_time_in_order(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, 0);
  ask(&f, 0, 10, false);
  assert_int_equal(entered, 0); /* never from within a call */
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(entered, 5);
  gate_leave(&f.guests[2].pass);
  gate_leave(&f.guests[2].pass);
  gate_leave(&f.guests[0].pass);
  assert_int_equal(entered, 5);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(entered, 7);
  for (int i = 0; i < 7; i++) assert_int_equal(f.guests[i].entered, i + 1);
  finish(&f);
}

static void those_that_failed_leave_room(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, 5);
  ask(&f, 0, 6, true);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(entered, 3);
  ask(&f, 6, 9, false);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(entered, 5);
  assert_int_equal(f.guests[6].entered, 4);
  assert_int_equal(f.guests[7].entered, 5);
  gate_leave(&f.guests[0].pass); /* the next in the line may be one that failed */
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(f.guests[3].entered, 6);
  finish(&f);
}

static void who_waits_may_leave(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, 1);
  ask(&f, 0, 4, false);
  gate_leave(&f.guests[1].pass);
  gate_leave(&f.guests[3].pass);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  gate_leave(&f.guests[0].pass);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(f.guests[1].entered, 0);
  assert_int_equal(f.guests[2].entered, 2);
  assert_int_equal(entered, 2);
  finish(&f);
}

static void who_is_let_in_may_send_others_away(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, 5);
  for (int i = 0; i < 4; i++) gate_ask(f.gate, &f.guests[i].pass, false, i ? on_open : leave_others, &f.guests[i]);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(entered, 1);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(five_are_in_at_a_time_in_order),
      cmocka_unit_test(those_that_failed_leave_room),
      cmocka_unit_test(who_waits_may_leave),
      cmocka_unit_test(who_is_let_in_may_send_others_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
