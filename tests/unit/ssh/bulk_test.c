/* Channels beside the control shell carry bytes both ways, wait their turn, and always tell their end. */
#include "tests/unit/ssh/link_bench.h"

static const char *const shells[] = {"/bin/dash", "/bin/bash", "busybox sh"};

static void a_file_is_read_to_its_end(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct bench b;
    struct stream s = {0};
    bench_begin(&b);
    b.w->sh = shells[i];
    bench_up(&b);
    stream(&b, &s, BULK_READ, "rota_section get 588895 644; rota_end NONCE 0; seq 100000; exit 0");
    assert_false(s.answered);
    until(&b, s.ended);
    assert_true(s.answered);
    assert_int_equal(s.how, BULK_DONE);
    assert_string_equal(s.words, "get 588895 644");
    assert_int_equal(s.data.len, 588895);
    assert_memory_equal(s.data.bytes + s.data.len - 7, "100000\n", 7);
    stream_end(&s);
    bench_end(&b);
  }
}

static void a_reader_may_pause(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {.pause = true};
  bench_begin(&b);
  bench_up(&b);
  stream(&b, &s, BULK_READ, "rota_end NONCE 0; seq 100000; exit 0");
  until(&b, s.answered);
  bench_turn(&b, 200);
  assert_false(s.ended);
  s.pause = false;
  bulk_pause(s.bulk, false);
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_DONE);
  assert_int_equal(s.data.len, 588895);
  stream_end(&s);
  bench_end(&b);
}

static void a_file_is_written(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct bench b;
    struct stream s = {0};
    struct asked r;
    char piece[32768];
    bench_begin(&b);
    b.w->sh = shells[i];
    bench_up(&b);
    memset(piece, 'z', sizeof piece);
    stream(&b, &s, BULK_WRITE, "rota_end NONCE 0; sleep 0.3; exec cat >\"$HOME/there\"");
    bulk_write(s.bulk, "too early", 9); /* before the answer nothing is written */
    until(&b, s.answered);
    for (int k = 0; k < 64; k++) bulk_write(s.bulk, piece, sizeof piece);
    assert_true(bulk_waiting(s.bulk) > CHANNEL_LOW);
    until(&b, s.drained);
    assert_true(bulk_waiting(s.bulk) < CHANNEL_LOW);
    bulk_finish(s.bulk);
    bulk_write(s.bulk, "too late", 8);
    until(&b, s.ended);
    assert_int_equal(s.how, BULK_DONE);
    ask(&b, &r, "wc -c <\"$HOME/there\"", 0);
    until(&b, r.given);
    assert_int_equal(strtol(r.body, NULL, 10), 64 * (long)sizeof piece);
    stream_end(&s);
    bench_end(&b);
  }
}

static void a_writer_that_is_left_early_is_lost(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0};
  bench_begin(&b);
  bench_up(&b);
  stream(&b, &s, BULK_WRITE, "rota_end NONCE 0; echo disk full >&2; exit 1");
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_LOST);
  assert_non_null(strstr(s.text, "disk full"));
  stream_end(&s);
  bench_end(&b);
}

static void an_error_is_told_in_words(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0};
  bench_begin(&b);
  bench_up(&b);
  stream(&b, &s, BULK_READ, "rota_error path no such file; rota_end NONCE 1");
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_ERROR);
  assert_false(s.answered);
  assert_string_equal(s.text, "no such file");
  stream_end(&s);
  bench_end(&b);
}

static void any_request_may_have_its_own_channel(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0};
  bench_begin(&b);
  b.host.root = "~/it's mine";
  bench_up(&b);
  stream(&b, &s, BULK_ASK, "cd \"$rota_root\" && rota_section \"root ${PWD#/tmp/rota-link-*/}\"; rota_disk");
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_DONE);
  assert_ptr_equal(strstr(s.words, "root it's mine/0123456789abcdefghjkmnpqrs/"), s.words);
  stream_end(&s);
  bench_end(&b);
}

static void a_limit_ends_a_bulk_alone(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0};
  bench_begin(&b);
  bench_up(&b);
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  buf_str(&text, "sleep 3\n");
  const struct bulk_options options = {
      .kind = BULK_ASK, .nonce = nonce, .text = &text, .limit_ms = 200, .events = &stream_events, .ctx = &s};
  s.bulk = link_bulk(b.l, &options);
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_LOST);
  assert_int_equal(b.losses, 0);
  stream_end(&s);
  bench_end(&b);
}

/* `n` bulks that run until a file is there. */
static void hold(struct bench *b, struct stream *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    stream(b, &s[i], BULK_READ,
           "rota_end NONCE 0; while ! [ -e \"$HOME/go\" ]; do sleep 0.05; done; echo done; exit 0");
}

static void let_go(struct bench *b) {
  struct asked r;
  ask(b, &r, ": >\"$HOME/go\"", 0);
  until(b, r.given);
}

static size_t count(const struct stream *s, size_t n, bool ended) {
  size_t found = 0;
  for (size_t i = 0; i < n; i++) found += ended ? s[i].ended : s[i].answered;
  return found;
}

static void six_run_at_a_time(void **state) {
  (void)state;
  struct bench b;
  struct stream s[10] = {0};
  bench_begin(&b);
  bench_up(&b);
  until(&b, b.on && b.facts);
  bench_turn(&b, 50);
  const int before = b.w->channels;
  hold(&b, s, COUNT(s));
  until(&b, count(s, COUNT(s), false) == LINK_BULKS);
  bench_turn(&b, 100);
  assert_int_equal(b.w->channels, before + LINK_BULKS);
  assert_int_equal(count(s, COUNT(s), false), LINK_BULKS);
  for (size_t i = 0; i < LINK_BULKS; i++) assert_true(s[i].answered); /* the first first */
  stream_end(&s[0]);                                                  /* makes room for another */
  s[0].bulk = NULL;
  until(&b, s[LINK_BULKS].answered);
  let_go(&b);
  until(&b, count(s, COUNT(s), true) == COUNT(s) - 1);
  for (size_t i = 1; i < COUNT(s); i++) {
    assert_int_equal(s[i].how, BULK_DONE);
    stream_end(&s[i]);
  }
  bench_end(&b);
}

static void a_refused_channel_waits_and_is_tried_again(void **state) {
  (void)state;
  struct bench b;
  struct stream s[5] = {0};
  bench_begin(&b);
  b.times.bulk_min = 5;
  b.times.bulk_max = 5;
  bench_up(&b);
  until(&b, b.on && b.facts);
  b.w->channels_max = 4; /* control, watch and two more */
  hold(&b, s, COUNT(s));
  until(&b, count(s, COUNT(s), false) >= 2); /* further connections may have taken the others already */
  bench_turn(&b, 300);
  assert_int_equal(count(s, COUNT(s), true), 0);
  let_go(&b);
  until(&b, count(s, COUNT(s), true) == COUNT(s));
  for (size_t i = 0; i < COUNT(s); i++) {
    assert_int_equal(s[i].how, BULK_DONE);
    assert_string_equal(s[i].data.bytes, "done\n");
    stream_end(&s[i]);
  }
  assert_int_equal(b.losses, 0);
  bench_end(&b);
}

static void a_server_that_never_opens_one_is_told(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0};
  bench_begin(&b);
  b.times.bulk_min = b.times.bulk_max = 5;
  bench_up(&b);
  b.w->channels_max = -1;
  stream(&b, &s, BULK_ASK, "rota_disk");
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_NOT_SENT);
  assert_string_equal(s.text, "the server opens no more channels");
  stream_end(&s);
  bench_end(&b);
}

/* A link to a server that opens the control shell's channel and no other. */
static void lone_begin(struct bench *b) {
  bench_begin(b);
  b->times.bulk_min = 5;
  b->times.bulk_max = 50;
  b->times.side = 50;
  bench_up(b);
  until(b, b->on && b->facts);
  b->w->channels_max = 1;
}

static void the_facts_come_from_a_server_of_one_session(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.w->channels_max = 1;
  bench_up(&b);
  until(&b, b.facts);
  assert_int_equal(b.on, 0);
  assert_int_equal(b.losses, 0);
  bench_end(&b);
}

static void a_server_of_one_session_gets_further_connections(void **state) {
  (void)state;
  struct bench b;
  struct stream s[5] = {0}, more = {0};
  lone_begin(&b);
  hold(&b, s, COUNT(s));
  until(&b, count(s, COUNT(s), false) == 3);
  bench_turn(&b, 100);
  assert_int_equal(count(s, COUNT(s), false), 3);
  assert_int_equal(b.w->transports, 4);
  let_go(&b);
  until(&b, count(s, COUNT(s), true) == COUNT(s));
  for (size_t i = 0; i < COUNT(s); i++) {
    assert_int_equal(s[i].how, BULK_DONE);
    assert_string_equal(s[i].data.bytes, "done\n");
    stream_end(&s[i]);
  }
  until(&b, b.w->transports == 1); /* they are closed when nobody needs them */
  stream(&b, &more, BULK_ASK, "cd \"$rota_root\" && rota_disk");
  until(&b, more.ended);
  assert_int_equal(more.how, BULK_DONE);
  stream_end(&more);
  assert_int_equal(b.losses, 0);
  bench_end(&b);
}

static void one_that_is_hasty_has_no_connection_made_for_it(void **state) {
  (void)state;
  struct bench b;
  struct stream held = {0}, s = {0};
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  lone_begin(&b);
  hold(&b, &held, 1);
  until(&b, held.answered);
  const unsigned before = b.w->connects;
  frame_nonce(nonce);
  script_write(&text, nonce, "rota_disk");
  s.bulk = link_bulk(
      b.l, &(struct bulk_options){
               .kind = BULK_ASK, .nonce = nonce, .text = &text, .hasty = true, .events = &stream_events, .ctx = &s});
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_NOT_SENT);
  assert_false(held.ended);
  assert_int_equal(b.w->connects, before);
  stream_end(&s);
  stream_end(&held);
  bench_end(&b);
}

static void a_further_connection_is_lost_alone(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0}, next = {0};
  lone_begin(&b);
  hold(&b, &s, 1);
  until(&b, s.answered);
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_LOST);
  assert_string_equal(s.text, "cable pulled");
  stream(&b, &next, BULK_ASK, "rota_disk");
  until(&b, next.ended);
  assert_int_equal(next.how, BULK_DONE);
  assert_int_equal(b.losses, 0);
  stream_end(&s);
  stream_end(&next);
  bench_end(&b);
}

static void further_connections_end_with_the_first(void **state) {
  (void)state;
  struct bench b;
  struct stream s[4] = {0};
  lone_begin(&b);
  struct pipe_transport *first = b.w->now;
  hold(&b, s, COUNT(s));
  until(&b, count(s, COUNT(s), false) == 3);
  pipe_cut(first, TRANSPORT_LOST, "cable pulled");
  until(&b, b.losses == 1);
  for (size_t i = 0; i < COUNT(s); i++) {
    assert_true(s[i].ended);
    assert_string_equal(s[i].text, "the connection was lost: cable pulled");
    stream_end(&s[i]);
  }
  until(&b, b.ups == 2);
  bench_end(&b);
}

static void further_connections_that_fail_are_told(void **state) {
  (void)state;
  struct bench b;
  struct stream s = {0};
  lone_begin(&b);
  b.w->refuse = true;
  b.w->text = "no more than one login";
  stream(&b, &s, BULK_ASK, "rota_disk");
  until(&b, s.ended);
  assert_int_equal(s.how, BULK_NOT_SENT);
  assert_string_equal(s.text, "no more than one login");
  assert_int_equal(b.losses, 0);
  stream_end(&s);
  bench_end(&b);
}

static void a_link_may_be_freed_while_further_connections_come(void **state) {
  (void)state;
  for (int turns = 1; turns <= 256; turns *= 2) {
    struct bench b;
    struct stream s[5] = {0};
    lone_begin(&b);
    b.w->connect_ms = 5;
    hold(&b, s, COUNT(s));
    for (int i = 0; i < turns; i++) uv_run(&b.loop, UV_RUN_ONCE);
    if (turns % 3 == 1) {
      for (size_t i = 0; i < COUNT(s); i++) s[i].free_on_end = true;
      pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
      bench_turn(&b, 10);
    }
    for (size_t i = 0; i < COUNT(s); i++) stream_end(&s[i]);
    bench_end(&b);
  }
}

static void bulks_of_a_lost_connection_end(void **state) {
  (void)state;
  struct bench b;
  struct stream s[8] = {0}, late = {0};
  bench_begin(&b);
  bench_up(&b);
  for (size_t i = 0; i < COUNT(s); i += 2) s[i].free_on_end = true;
  hold(&b, s, COUNT(s));
  until(&b, count(s, COUNT(s), false) == LINK_BULKS);
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, b.losses == 1);
  stream(&b, &late, BULK_ASK, "rota_disk");
  assert_false(late.ended);
  for (size_t i = 0; i < COUNT(s); i++) {
    assert_true(s[i].ended);
    assert_int_equal(s[i].how, i < LINK_BULKS ? BULK_LOST : BULK_NOT_SENT);
    assert_string_equal(s[i].text, "the connection was lost: cable pulled");
    stream_end(&s[i]);
  }
  until(&b, late.ended);
  assert_int_equal(late.how, BULK_NOT_SENT);
  stream_end(&late);
  until(&b, b.ups == 2);
  bench_end(&b);
}

static void a_bulk_may_be_freed_at_any_moment(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  bench_up(&b);
  for (int turns = 0; turns < 30; turns++) {
    struct stream s[3] = {0};
    for (size_t i = 0; i < COUNT(s); i++) {
      s[i].free_on_end = true;
      stream(&b, &s[i], i ? BULK_READ : BULK_WRITE, "rota_end NONCE 0; seq 100000; exit 0");
    }
    for (int i = 0; i < turns; i++) uv_run(&b.loop, UV_RUN_ONCE);
    for (size_t i = 0; i < COUNT(s); i++) stream_end(&s[i]);
  }
  assert_int_equal(b.losses, 0);
  bench_end(&b);
}

int main(int argc, char **argv) {
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_is_read_to_its_end),
      cmocka_unit_test(a_reader_may_pause),
      cmocka_unit_test(a_file_is_written),
      cmocka_unit_test(a_writer_that_is_left_early_is_lost),
      cmocka_unit_test(an_error_is_told_in_words),
      cmocka_unit_test(any_request_may_have_its_own_channel),
      cmocka_unit_test(a_limit_ends_a_bulk_alone),
      cmocka_unit_test(six_run_at_a_time),
      cmocka_unit_test(a_refused_channel_waits_and_is_tried_again),
      cmocka_unit_test(a_server_that_never_opens_one_is_told),
      cmocka_unit_test(the_facts_come_from_a_server_of_one_session),
      cmocka_unit_test(a_server_of_one_session_gets_further_connections),
      cmocka_unit_test(one_that_is_hasty_has_no_connection_made_for_it),
      cmocka_unit_test(a_further_connection_is_lost_alone),
      cmocka_unit_test(further_connections_end_with_the_first),
      cmocka_unit_test(further_connections_that_fail_are_told),
      cmocka_unit_test(a_link_may_be_freed_while_further_connections_come),
      cmocka_unit_test(bulks_of_a_lost_connection_end),
      cmocka_unit_test(a_bulk_may_be_freed_at_any_moment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
