/* What a client that comes back can be given. */
#include "tests/unit/unit.h"

#include "scheduler/daemon/events/event_ring.h"

static void add(struct event_ring *ring, int64_t number, size_t len) {
  struct api_piece *piece = api_piece_new(NULL, len);
  event_ring_add(ring, number, piece);
  api_piece_drop(piece);
}

/* How many events somebody who has `number` misses; -1 if they aren't known. */
static int missed(const struct event_ring *ring, int64_t number, int64_t newest) {
  const struct ring_event *events;
  size_t len, bytes, sum = 0;
  if (!event_ring_since(ring, number, newest, &events, &len, &bytes)) return -1;
  for (size_t i = 0; i < len; i++) {
    assert_true(events[i].number > number);
    sum += events[i].piece->len;
  }
  assert_int_equal(sum, bytes);
  return (int)len;
}

static void who_has_an_event_gets_those_after_it(void **state) {
  (void)state;
  struct event_ring ring = {0};
  event_ring_clear(&ring, 10);
  assert_int_equal(missed(&ring, 10, 10), 0);
  assert_int_equal(missed(&ring, 9, 10), -1);
  add(&ring, 12, 100);
  add(&ring, 15, 100);
  assert_int_equal(missed(&ring, 10, 15), 2);
  assert_int_equal(missed(&ring, 11, 15), 2);
  assert_int_equal(missed(&ring, 12, 15), 1);
  assert_int_equal(missed(&ring, 14, 15), 1);
  assert_int_equal(missed(&ring, 15, 15), 0);
  assert_int_equal(missed(&ring, 16, 15), -1); /* of another life of the database */
  event_ring_clear(&ring, 20);
  assert_int_equal(missed(&ring, 15, 20), -1);
  assert_int_equal(missed(&ring, 20, 20), 0);
  event_ring_release(&ring);
}

static void the_oldest_go_when_it_is_full(void **state) {
  (void)state;
  struct event_ring ring = {0};
  for (int64_t n = 1; n <= 1000; n++) {
    add(&ring, n, 1024);
    assert_true(ring.bytes <= EVENT_RING_BYTES);
  }
  assert_int_equal(ring.bytes, EVENT_RING_BYTES);
  assert_int_equal(missed(&ring, 1000 - 256, 1000), 256);
  assert_int_equal(missed(&ring, 1000 - 257, 1000), -1);
  assert_true(ring.events.cap <= 1024);
  add(&ring, 1001, EVENT_RING_BYTES);
  assert_int_equal(missed(&ring, 1000, 1001), 1);
  add(&ring, 1002, EVENT_RING_BYTES + 1); /* never fits: nobody can be helped */
  assert_int_equal(missed(&ring, 1001, 1002), -1);
  assert_int_equal(missed(&ring, 1002, 1002), 0);
  assert_int_equal(ring.bytes, 0);
  event_ring_release(&ring);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_has_an_event_gets_those_after_it),
      cmocka_unit_test(the_oldest_go_when_it_is_full),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
