// time-limit: 120
#include "tests/unit/ssh/libssh2_party.h"

static void the_shell_that_a_signal_ends_is_told_of(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  struct talk k;
  talk_begin(&p, &k);
  say(&k, "kill -KILL $$\n");
  WAIT(&p, k.closed);
  assert_true(k.lost);
  assert_non_null(strstr(k.text, "KILL"));
  talk_end(&k);
  party_end(&p);
}

static void eight_channels_move_data_both_ways(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  struct talk k[8];
  for (size_t i = 0; i < COUNT(k); i++) {
    talk_begin(&p, &k[i]);
    k[i].counting = true;
    send_through(&k[i], "cat", 4 << 20);
  }
  for (size_t i = 0; i < COUNT(k); i++) {
    WAIT(&p, k[i].closed);
    assert_false(k[i].lost);
    assert_int_equal(k[i].count, k[i].to_send);
    assert_int_equal(k[i].sum, k[i].sent_sum);
    talk_end(&k[i]);
  }
  party_end(&p);
}

static void much_is_read_and_written_fast(void **state) {
  NEEDS_SSHD();
  const char *wanted = getenv("ROTA_TEST_MB");
  size_t megabytes = wanted ? strtoul(wanted, NULL, 10) : 64;
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  struct talk k;
  talk_begin(&p, &k);
  k.counting = k.plain = true;
  char line[96];
  snprintf(line, sizeof line, "exec head -c %zu /dev/zero\n", megabytes << 20);
  say(&k, line);
  uint64_t begun = uv_hrtime();
  WAIT(&p, k.closed);
  print_message("read %.0f MB/s\n", (double)megabytes * 1.048576e9 / (double)(uv_hrtime() - begun));
  assert_int_equal(k.count, megabytes << 20);
  talk_end(&k);
  talk_begin(&p, &k);
  k.plain = true; /* sums would cost more than what is measured */
  send_through(&k, "wc -c", megabytes << 20);
  begun = uv_hrtime();
  WAIT(&p, k.closed);
  print_message("wrote %.0f MB/s\n", (double)megabytes * 1.048576e9 / (double)(uv_hrtime() - begun));
  assert_int_equal(strtoul(buf_cstr(&k.out), NULL, 10), megabytes << 20);
  talk_end(&k);
  party_end(&p);
}

static void a_paused_channel_holds_back_and_others_go_on(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  struct talk k, other;
  talk_begin(&p, &k);
  k.counting = true;
  say(&k, "exec head -c 30000000 /dev/zero\n");
  WAIT(&p, k.count > 0);
  p.t->ops->pause(k.c, true);
  run_for(&p, 100);
  size_t before = k.count;
  int64_t cpu = cpu_us();
  run_for(&p, 500);
  assert_int_equal(k.count, before);
  assert_true(cpu_us() - cpu < 200000);
  talk_begin(&p, &other);
  say(&other, "echo aside; exit\n");
  WAIT(&p, other.closed);
  assert_true(said(&other, "aside"));
  assert_int_equal(k.count, before);
  p.t->ops->pause(k.c, false);
  WAIT(&p, k.closed);
  assert_int_equal(k.count, 30000000);
  talk_end(&k);
  talk_end(&other);
  party_end(&p);
}

static void a_session_too_many_is_refused_and_the_rest_lives(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("narrow"));
  party_up(&p);
  struct talk k[3] = {0};
  for (size_t i = 0; i < COUNT(k); i++) talk_begin(&p, &k[i]);
  WAIT(&p, k[2].closed);
  assert_true(k[2].lost);
  assert_non_null(strstr(k[2].text, "MaxSessions"));
  say(&k[0], "echo alive\n");
  say(&k[1], "exit\n");
  WAIT(&p, said(&k[0], "alive") && k[1].closed);
  talk_end(&k[2]);
  do { /* the place of the one that ended is free only when the host has noticed */
    talk_end(&k[1]);
    talk_begin(&p, &k[1]);
    say(&k[1], "echo again\n");
    WAIT(&p, k[1].closed || said(&k[1], "again"));
  } while (k[1].closed);
  talk_end(&k[0]);
  talk_end(&k[1]);
  party_end(&p);
}

static void channels_can_be_freed_in_every_state(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  struct talk other;
  talk_begin(&p, &other);
  for (int turns = 0; turns < 30; turns++) {
    struct talk k;
    talk_begin(&p, &k);
    k.counting = true;
    send_through(&k, "cat", 1000000);
    for (int i = 0; i < turns; i++) {
      uv_run(&p.loop, UV_RUN_NOWAIT);
      usleep(300);
    }
    talk_end(&k);
  }
  say(&other, "echo still here\n");
  WAIT(&p, said(&other, "still here"));
  talk_end(&other);
  party_end(&p);
}

static void an_idle_connection_costs_nothing(void **state) {
  NEEDS_SSHD();
  for (int channels = 0; channels < 2; channels++) {
    struct party p;
    party_init(&p, ssh_of("a"));
    p.times.keep_alive = 300;
    party_up(&p);
    struct talk k = {0};
    if (channels) {
      talk_begin(&p, &k);
      say(&k, "echo here\n");
      WAIT(&p, said(&k, "here"));
    }
    run_for(&p, 100);
    int64_t before = cpu_us();
    run_for(&p, 3000);
    int64_t spent = cpu_us() - before;
    print_message("3 s idle with %d channels: %.1f ms\n", channels, (double)spent / 1000);
    assert_true(spent < 150000);
    assert_false(p.down);
    if (channels) talk_end(&k);
    party_end(&p);
  }
}

static int begin(void **state) {
  (void)state;
  return party_hosts("{\"hosts\": [{\"name\": \"a\"}, {\"name\": \"narrow\", \"options\": {\"MaxSessions\": 2}}]}");
}

static int end(void **state) {
  (void)state;
  sshd_end(&net);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_shell_that_a_signal_ends_is_told_of),
      cmocka_unit_test(eight_channels_move_data_both_ways),
      cmocka_unit_test(much_is_read_and_written_fast),
      cmocka_unit_test(a_paused_channel_holds_back_and_others_go_on),
      cmocka_unit_test(a_session_too_many_is_refused_and_the_rest_lives),
      cmocka_unit_test(channels_can_be_freed_in_every_state),
      cmocka_unit_test(an_idle_connection_costs_nothing),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
