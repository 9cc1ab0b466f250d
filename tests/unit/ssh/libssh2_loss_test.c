// time-limit: 120
#include "tests/unit/ssh/libssh2_party.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Talks with a host, the way to which is all alive for longer than the silence that is borne; then `cold` freezes,
 * and the connection is given up. */
static void go_silent(struct party *p, struct talk *k, unsigned alive_ms) {
  p->times = (struct transport_times){.keep_alive = 1000, .silence = 4000};
  party_up(p);
  talk_begin(p, k);
  say(k, "echo here\n");
  WAIT(p, said(k, "here"));
  run_for(p, alive_ms);
  assert_false(p->down); /* keep-alives are answered */
  sshd_do(&net, "[\"act\", \"cold\", \"freeze\"]");
  WAIT(p, p->down);
  sshd_do(&net, "[\"act\", \"cold\", \"thaw\"]");
}

static void a_frozen_host_is_found_silent(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("cold"));
  struct talk k;
  go_silent(&p, &k, 6000);
  assert_int_equal(p.fault, TRANSPORT_LOST);
  assert_non_null(strstr(p.text, "silent"));
  assert_false(k.closed);
  talk_end(&k);
  party_end(&p);
}

/* On a way through another host it is told which of the two is silent. */
static void of_a_way_the_one_that_is_silent_is_named(void **state) {
  NEEDS_SSHD();
  for (int outer = 0; outer < 2; outer++) {
    struct party p;
    party_init(&p, ssh_of(outer ? "a" : "cold"));
    p.host.jump = ssh_of(outer ? "cold" : "b");
    struct talk k;
    go_silent(&p, &k, 5000);
    char words[96];
    snprintf(words, sizeof words, ":%d has been silent", port_of("cold"));
    if (!strstr(p.text, words)) print_error("%s\n", p.text);
    assert_non_null(strstr(p.text, words));
    talk_end(&k);
    party_end(&p);
  }
}

static void a_host_that_drops_us_is_lost_at_once(void **state) {
  NEEDS_SSHD();
  for (int channels = 0; channels < 2; channels++) {
    struct party p;
    party_init(&p, ssh_of("cold"));
    party_up(&p);
    struct talk k = {0};
    if (channels) talk_begin(&p, &k);
    run_for(&p, 300);
    sshd_do(&net, "[\"act\", \"cold\", \"drop\"]");
    WAIT(&p, p.down);
    assert_int_equal(p.fault, TRANSPORT_LOST);
    if (channels) talk_end(&k);
    party_end(&p);
  }
}

static void a_server_that_turns_away_is_busy(void **state) {
  NEEDS_SSHD();
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of("one"))};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  char banner[16];
  assert_true(read(fd, banner, sizeof banner) > 0);
  struct party p;
  party_init(&p, ssh_of("one"));
  party_fails(&p, TRANSPORT_BUSY, "MaxStartups");
  party_end(&p);
  close(fd);
}

static void a_silent_server_is_given_up(void **state) {
  NEEDS_SSHD();
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET};
  inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
  socklen_t len = sizeof at;
  assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
  assert_int_equal(listen(fd, 1), 0);
  getsockname(fd, (struct sockaddr *)&at, &len);
  char ssh[32];
  snprintf(ssh, sizeof ssh, "127.0.0.1:%d", ntohs(at.sin_port));
  struct party p;
  party_init(&p, ssh);
  p.times.connect = 800;
  party_fails(&p, TRANSPORT_LOST, "silent");
  party_end(&p);
  close(fd);
}

static void cut_anywhere_it_goes_down_and_nothing_else(void **state) {
  NEEDS_SSHD();
  json_t *proxy = sshd_ask(&net, "[\"proxy\", \"a\", {}]");
  int index = (int)json_integer_value(json_object_get(proxy, "index"));
  char ssh[64];
  snprintf(ssh, sizeof ssh, "127.0.0.1:%d", (int)json_integer_value(json_object_get(proxy, "port")));
  json_decref(proxy);
  uint32_t random = 4711;
  for (int i = 0; i < 40; i++) {
    const char *direction = i % 2 ? "up" : "down";
    random = random * 1664525u + 1013904223u;
    int bytes = (int)((random >> 8) % (i < 30 ? 5000u : 400000u));
    sshd_do(&net, "[\"change\", %d, \"reset\", %s]", index, i % 3 ? "false" : "true");
    sshd_do(&net, "[\"change\", %d, \"cut_%s\", %d]", index, direction, bytes);
    struct party p;
    party_init(&p, ssh);
    party_begin(&p);
    WAIT(&p, p.up || p.down);
    struct talk k[3];
    size_t n = 0;
    for (; p.up && n < COUNT(k); n++) {
      talk_begin(&p, &k[n]);
      k[n].counting = true;
      send_through(&k[n], "cat", 300000);
    }
    WAIT(&p, p.down);
    for (size_t j = 0; j < n; j++) talk_end(&k[j]);
    party_end(&p);
    sshd_do(&net, "[\"change\", %d, \"cut_%s\", null]", index, direction);
  }
}

static void it_can_be_freed_in_every_state(void **state) {
  NEEDS_SSHD();
  for (int turns = 0; turns < 120; turns += turns < 40 ? 1 : 7) {
    struct party p;
    party_init(&p, ssh_of("a"));
    if (turns % 3 == 1) p.host.jump = ssh_of("b");
    party_begin(&p);
    struct talk k[2] = {0};
    bool begun = false;
    for (int i = 0; i < turns; i++) {
      if (p.up && !begun) {
        begun = true;
        for (size_t j = 0; j < COUNT(k); j++) {
          talk_begin(&p, &k[j]);
          k[j].counting = true;
          send_through(&k[j], "cat", 100000);
        }
      }
      uv_run(&p.loop, UV_RUN_NOWAIT);
      usleep(1000);
    }
    if (begun && turns % 2) talk_end(&k[0]);
    if (begun && turns % 2) k[0].c = NULL;
    p.t->ops->free(p.t);
    p.t = NULL;
    party_end(&p);
  }
}

static int begin(void **state) {
  (void)state;
  return party_hosts("{\"hosts\": [{\"name\": \"a\"}, {\"name\": \"b\"}, {\"name\": \"cold\"},"
                     "{\"name\": \"one\", \"options\": {\"MaxStartups\": \"1\"}}]}");
}

static int end(void **state) {
  (void)state;
  sshd_end(&net);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_frozen_host_is_found_silent),
      cmocka_unit_test(of_a_way_the_one_that_is_silent_is_named),
      cmocka_unit_test(a_host_that_drops_us_is_lost_at_once),
      cmocka_unit_test(a_server_that_turns_away_is_busy),
      cmocka_unit_test(a_silent_server_is_given_up),
      cmocka_unit_test(cut_anywhere_it_goes_down_and_nothing_else),
      cmocka_unit_test(it_can_be_freed_in_every_state),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
