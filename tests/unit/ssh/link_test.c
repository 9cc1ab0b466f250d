/* A host is connected, kept, lost and connected again; what is asked of it belongs to one connection. */
#include "tests/unit/ssh/link_bench.h"

static const char *const shells[] = {"/bin/dash", "/bin/bash", "busybox sh"};

static void a_host_comes_up_under_every_shell(void **state) {
  (void)state;
  static const char *const names[] = {"dash", "bash", "busybox"};
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct bench b;
    bench_begin(&b);
    b.w->sh = shells[i];
    b.l = bench_link(&b);
    assert_int_equal(link_contact(b.l), LINK_CONNECTING);
    assert_null(link_hello(b.l));
    assert_int_equal(link_instant(b.l, 0), INSTANT_NONE);
    assert_int_equal(b.contacts, 0);
    until(&b, b.ups == 1);
    assert_int_equal(b.contacts, 1);
    assert_string_equal(link_hello(b.l)->sh, names[i]);
    assert_string_equal(link_hello(b.l)->host, "gpu01");
    assert_string_equal(link_transport(b.l), "pipe");
    assert_string_equal(link_address(b.l), "root@pipe:22");
    until(&b, b.facts == 1 && b.on == 1);
    assert_true(b.cpus > 0);
    assert_true(link_round_trip_us(b.l) >= 0);
    bench_end(&b);
  }
}

static void the_supervisor_is_installed_once(void **state) {
  (void)state;
  struct bench b;
  struct asked r;
  bench_begin(&b);
  bench_up(&b);
  ask(&b, &r, "ls -i \"$rota_root/lib\"", 0);
  until(&b, r.given);
  char first[1024];
  strcpy(first, r.body);
  assert_non_null(strstr(first, "supervise-"));
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, b.ups == 2);
  assert_true(link_hello(b.l)->supervise);
  ask(&b, &r, "ls -i \"$rota_root/lib\"", 0);
  until(&b, r.given);
  assert_string_equal(r.body, first);
  bench_end(&b);
}

static void facts_are_told_once_a_boot(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  bench_up(&b);
  until(&b, b.facts == 1);
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, b.ups == 2 && link_watching(b.l));
  bench_turn(&b, 200);
  assert_int_equal(b.facts, 1);
  bench_end(&b);
}

static void uptime_becomes_an_instant(void **state) {
  (void)state;
  struct bench b;
  char line[64] = "";
  bench_begin(&b);
  bench_up(&b);
  link_check(b.l);
  bench_turn(&b, 100);
  FILE *in = fopen("/proc/uptime", "r");
  assert_non_null(in);
  assert_non_null(fgets(line, sizeof line, in));
  fclose(in);
  const double uptime = strtod(line, NULL);
  const instant mapped = link_instant(b.l, (int64_t)(uptime * 1e6));
  assert_true(llabs(mapped - clock_now()) < 5 * USEC_PER_SEC);
  bench_end(&b);
}

static void an_unreachable_host_is_tried_again(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.w->refuse = true;
  b.w->fault = TRANSPORT_LOST;
  b.w->text = "connection refused";
  b.l = bench_link(&b);
  const instant since = link_since(b.l);
  until(&b, b.w->connects >= 5);
  assert_int_equal(b.contact, LINK_UNREACHABLE);
  assert_string_equal(b.text, "connection refused");
  assert_string_equal(link_text(b.l), "connection refused");
  assert_int_equal(b.failures, 1); /* the same again isn't news */
  assert_int_equal(link_since(b.l), since);
  assert_in_range(b.w->transports, 0, 1);
  b.w->refuse = false;
  until(&b, b.ups == 1);
  assert_null(link_text(b.l));
  bench_end(&b);
}

static void the_back_off_grows_up_to_its_limit(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.times.back_off_min = 40;
  b.times.back_off_max = 160;
  b.w->refuse = true;
  b.w->fault = TRANSPORT_BUSY;
  b.l = bench_link(&b);
  int64_t at[7];
  for (unsigned i = 0; i < 7; i++) {
    until(&b, b.w->connects > i);
    at[i] = clock_monotonic();
  }
  /* At least half of 40, 80, 160, 160, ...; how much more a loaded machine needs isn't known. */
  static const int64_t least[] = {20, 40, 80, 80, 80, 80};
  for (int i = 0; i < 6; i++) assert_true(at[i + 1] - at[i] >= (least[i] - 6) * USEC_PER_MS);
  bench_end(&b);
}

static void a_refused_host_waits_for_a_person(void **state) {
  (void)state;
  static const enum transport_fault faults[] = {TRANSPORT_DENIED, TRANSPORT_UNTRUSTED, TRANSPORT_UNSUITABLE,
                                                TRANSPORT_MISSING};
  for (size_t i = 0; i < COUNT(faults); i++) {
    struct bench b;
    bench_begin(&b);
    b.w->refuse = true;
    b.w->fault = faults[i];
    b.w->text = "permission denied (publickey)";
    b.l = bench_link(&b);
    until(&b, b.failures == 1);
    assert_int_equal(b.contact, LINK_REFUSED);
    bench_turn(&b, 150);
    assert_int_equal(b.w->connects, 1);
    link_check(b.l);
    until(&b, b.w->connects == 2);
    bench_turn(&b, 20);
    assert_int_equal(b.contact, LINK_REFUSED);
    b.w->refuse = false;
    link_check(b.l);
    until(&b, b.ups == 1);
    bench_end(&b);
  }
}

static void a_login_that_exits_is_refused_with_what_it_said(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.w->login = "echo This account is not available; exit 1;";
  b.l = bench_link(&b);
  until(&b, b.failures == 1);
  assert_int_equal(b.contact, LINK_REFUSED);
  assert_non_null(strstr(b.text, "This account is not available"));
  bench_end(&b);
}

static void what_a_login_prints_is_kept(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.w->login = "echo Welcome;";
  bench_up(&b);
  assert_string_equal(link_noise(b.l), "Welcome");
  bench_end(&b);
}

static void a_root_that_cannot_be_is_refused(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.host.root = "/proc/rota";
  b.l = bench_link(&b);
  until(&b, b.failures == 1);
  assert_int_equal(b.contact, LINK_REFUSED);
  assert_non_null(strstr(b.text, "can't be made"));
  bench_end(&b);
}

static void requests_of_a_lost_connection_are_unknown(void **state) {
  (void)state;
  struct bench b;
  struct asked done, under_way, late;
  bench_begin(&b);
  bench_up(&b);
  const unsigned generation = link_generation(b.l);
  ask(&b, &done, "echo fine", 0);
  until(&b, done.given);
  assert_int_equal(done.end, ANSWER_CAME);
  assert_string_equal(done.body, "fine\n");
  assert_int_equal(done.generation, generation);
  ask(&b, &under_way, "sleep 1", 0);
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, b.losses == 1);
  assert_true(under_way.given);
  assert_int_equal(under_way.end, ANSWER_UNKNOWN);
  assert_string_equal(b.text, "the connection was lost: cable pulled");
  assert_null(link_hello(b.l));
  assert_null(link_transport(b.l));
  ask(&b, &late, "echo late", 0);
  assert_false(late.given);
  until(&b, late.given);
  assert_int_equal(late.end, ANSWER_NOT_SENT);
  until(&b, b.ups == 2);
  assert_int_equal(link_generation(b.l), generation + 1);
  ask(&b, &done, "echo fine", 0);
  until(&b, done.given);
  assert_int_equal(done.generation, generation + 1);
  bench_end(&b);
}

static void unreachable_is_since_the_loss(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  bench_up(&b);
  b.w->refuse = true;
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, b.losses == 1);
  const instant since = link_since(b.l);
  until(&b, b.contact == LINK_UNREACHABLE);
  assert_int_equal(link_since(b.l), since);
  bench_end(&b);
}

static void a_request_over_its_limit_costs_the_connection(void **state) {
  (void)state;
  struct bench b;
  struct asked r;
  bench_begin(&b);
  bench_up(&b);
  ask(&b, &r, "sleep 5", 200);
  until(&b, b.losses == 1);
  assert_int_equal(r.end, ANSWER_UNKNOWN);
  assert_non_null(strstr(b.text, "didn't answer"));
  until(&b, b.ups == 2);
  bench_end(&b);
}

static void forgotten_requests_are_not_called(void **state) {
  (void)state;
  struct bench b;
  struct asked r, other;
  bench_begin(&b);
  b.l = bench_link(&b);
  ask(&b, &r, "echo never", 0);
  ask(&b, &other, "echo never", 0);
  link_forget(b.l, &r);
  until(&b, other.given);
  assert_false(r.given);
  until(&b, b.ups);
  ask(&b, &r, "sleep 0.2", 0);
  link_forget(b.l, &r);
  pipe_cut(b.w->now, TRANSPORT_LOST, "cable pulled");
  until(&b, b.ups == 2);
  assert_false(r.given);
  bench_end(&b);
}

static void fifo_write(struct bench *b, const char *lines) {
  struct asked r;
  char *script = alloc_fmt("printf '%s' >\"$rota_events\"", lines);
  ask(b, &r, script, 0);
  free(script);
  until(b, r.given);
  assert_int_equal(r.rc, 0);
}

static void lines_of_the_fifo_are_events(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct bench b;
    bench_begin(&b);
    b.w->sh = shells[i];
    bench_up(&b);
    until(&b, b.on == 1);
    fifo_write(&b, "ended a exit.0.exited 12.34\\n");
    until(&b, b.events == 1);
    assert_string_equal(b.event, "ended a exit.0.exited 12.34");
    fifo_write(&b, "one\\ntwo\\nthr");
    until(&b, b.events == 3);
    fifo_write(&b, "ee\\n");
    until(&b, b.events == 4);
    assert_string_equal(b.event, "three");
    char *junk = alloc_zeroed(1, 2001);
    memset(junk, 'x', 2000);
    fifo_write(&b, junk);
    free(junk);
    fifo_write(&b, "\\nafter\\n");
    until(&b, b.events == 5);
    assert_string_equal(b.event, "after");
    bench_end(&b);
  }
}

static void a_watch_that_ends_is_opened_again(void **state) {
  (void)state;
  struct bench b;
  struct asked r;
  bench_begin(&b);
  b.times.watch_min = 30;
  bench_up(&b);
  until(&b, b.on == 1);
  ask(&b, &r, "read -r pid rest <\"$rota_events.pid\"; kill -KILL \"$pid\"", 0);
  until(&b, b.off == 1);
  until(&b, b.on == 2);
  fifo_write(&b, "again\\n");
  until(&b, b.events == 1);
  assert_int_equal(b.losses, 0);
  bench_end(&b);
}

static void an_idle_link_is_asked_for_a_sign_of_life(void **state) {
  (void)state;
  struct bench b;
  bench_begin(&b);
  b.times.idle = 100;
  b.times.limit = 3000;
  bench_up(&b);
  until(&b, b.facts == 1 && b.on == 1);
  const long from = b.w->bytes_from;
  until(&b, b.w->bytes_from >= from + 3 * (FRAME_NONCE_LEN + 8));
  assert_int_equal(b.losses, 0);
  b.w->silent = true;
  until(&b, b.losses == 1);
  b.w->silent = false;
  until(&b, b.ups == 2);
  bench_end(&b);
}

static void handshakes_take_turns(void **state) {
  (void)state;
  struct bench b;
  struct link *links[12];
  bench_begin(&b);
  b.w->connect_ms = 30;
  b.free_on_contact = false;
  b.w->login = "exit 0;"; /* only who connects is of interest */
  b.l = bench_link(&b);
  for (size_t i = 0; i < COUNT(links); i++) links[i] = b.l;
  for (size_t i = 1; i < COUNT(links); i++) links[i] = bench_link(&b);
  unsigned most = 0;
  while (b.w->ups < COUNT(links)) {
    uv_run(&b.loop, UV_RUN_ONCE);
    if (b.w->connects - b.w->ups > most) most = b.w->connects - b.w->ups;
    b.contact = LINK_CONNECTING;
  }
  assert_int_equal(most, GATE_PLACES);
  for (size_t i = 1; i < COUNT(links); i++) link_free(links[i]);
  bench_end(&b);
}

/* Cut after any number of bytes either way: it comes up in the end, and every request gets one answer. */
static void cuts_at_random_bytes_are_survived(void **state) {
  (void)state;
  unsigned seed = 7;
  struct bench b;
  bench_begin(&b);
  b.times.watch_min = 20;
  b.l = bench_link(&b);
  for (int i = 0; i < 60; i++) {
    struct asked r[3];
    const unsigned ups = b.ups, connects = b.w->connects;
    b.w->sh = shells[i % 3];
    until(&b, b.w->connects > connects || b.contact == LINK_UP);
    if (i % 2)
      b.w->cut_to = rand_r(&seed) % 40000;
    else
      b.w->cut_from = rand_r(&seed) % 2000;
    for (int k = 0; k < 3; k++) ask(&b, &r[k], "echo fine", 0);
    until(&b, r[0].given && r[1].given && r[2].given);
    bench_turn(&b, 50);
    b.w->cut_to = b.w->cut_from = -1;
    until(&b, b.contact == LINK_UP && b.ups >= (ups ? ups : 1));
  }
  bench_end(&b);
}

static void it_may_be_freed_at_any_moment(void **state) {
  (void)state;
  for (int turns = 0; turns < 60; turns += 2) {
    struct bench b;
    struct asked r[4];
    struct stream s = {0};
    bench_begin(&b);
    b.l = bench_link(&b);
    for (int i = 0; i < turns; i++) uv_run(&b.loop, UV_RUN_ONCE);
    for (size_t i = 0; i < COUNT(r); i++) ask(&b, &r[i], "echo fine", 0);
    stream(&b, &s, BULK_READ, "rota_end NONCE 0; seq 1000; exit 0");
    for (int i = 0; i < turns % 7; i++) uv_run(&b.loop, UV_RUN_ONCE);
    bench_end(&b);
    buf_release(&s.data);
  }
}

static void it_may_be_freed_in_every_callback(void **state) {
  (void)state;
  for (int where = 0; where < 6; where++) {
    struct bench b;
    struct asked r = {0}, other = {0};
    struct stream s = {0};
    bench_begin(&b);
    if (where == 0) b.free_on_contact = true;
    b.l = bench_link(&b);
    until(&b, b.ups);
    if (where == 1) { /* an answer */
      ask(&b, &r, "echo fine", 0);
      r.free_link = true;
      ask(&b, &other, "echo fine", 0);
    } else if (where == 2) { /* an answer that doesn't come any more */
      ask(&b, &r, "sleep 1", 0);
      r.free_link = true;
      ask(&b, &other, "sleep 1", 0);
      pipe_cut(b.w->now, TRANSPORT_LOST, "cut");
    } else if (where == 3) { /* the contact */
      b.free_on_contact = true;
      pipe_cut(b.w->now, TRANSPORT_LOST, "cut");
    } else if (where == 4) { /* an event */
      until(&b, b.on);
      b.free_on_event = true;
      ask(&b, &r, "printf 'one\\ntwo\\n' >\"$rota_events\"", 0);
    } else if (where == 5) { /* the end of a bulk */
      s.free_link = true;
      stream(&b, &s, BULK_READ, "rota_end NONCE 0; exit 0");
    }
    until(&b, !b.l);
    bench_turn(&b, 20);
    assert_false(other.given);
    assert_true(b.events <= 1);
    bench_end(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_host_comes_up_under_every_shell),
      cmocka_unit_test(the_supervisor_is_installed_once),
      cmocka_unit_test(facts_are_told_once_a_boot),
      cmocka_unit_test(uptime_becomes_an_instant),
      cmocka_unit_test(an_unreachable_host_is_tried_again),
      cmocka_unit_test(the_back_off_grows_up_to_its_limit),
      cmocka_unit_test(a_refused_host_waits_for_a_person),
      cmocka_unit_test(a_login_that_exits_is_refused_with_what_it_said),
      cmocka_unit_test(what_a_login_prints_is_kept),
      cmocka_unit_test(a_root_that_cannot_be_is_refused),
      cmocka_unit_test(requests_of_a_lost_connection_are_unknown),
      cmocka_unit_test(unreachable_is_since_the_loss),
      cmocka_unit_test(a_request_over_its_limit_costs_the_connection),
      cmocka_unit_test(forgotten_requests_are_not_called),
      cmocka_unit_test(lines_of_the_fifo_are_events),
      cmocka_unit_test(a_watch_that_ends_is_opened_again),
      cmocka_unit_test(an_idle_link_is_asked_for_a_sign_of_life),
      cmocka_unit_test(handshakes_take_turns),
      cmocka_unit_test(cuts_at_random_bytes_are_survived),
      cmocka_unit_test(it_may_be_freed_at_any_moment),
      cmocka_unit_test(it_may_be_freed_in_every_callback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
