/* The choice between the two transports, against a real sshd. */
#include "worker/ssh/transport/transport.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/ssh/sshd.h"
#include "tests/unit/unit.h"

static char dir[64];
static uv_loop_t loop;

struct rig {
  struct host_options host;
  struct transport *t;
  char address[128], identity[128], known[128];
  bool up, down;
  enum transport_fault fault;
  char text[2048];
  struct channel *channel;
  struct buf out;
  bool closed;
};

static void on_up(void *ctx) {
  struct rig *r = ctx;
  r->up = true;
}

static void on_down(void *ctx, const struct transport_end *end) {
  struct rig *r = ctx;
  r->down = true;
  r->fault = end->fault;
  snprintf(r->text, sizeof r->text, "%s", end->text);
}

static const struct transport_events transport_events = {.up = on_up, .down = on_down};

static void on_data(void *ctx, const char *bytes, size_t len) {
  struct rig *r = ctx;
  buf_add(&r->out, bytes, len);
}

static void on_noise(void *ctx, const char *bytes, size_t len) {
  (void)ctx;
  (void)bytes;
  (void)len;
}

static void on_drained(void *ctx) {
  (void)ctx;
}

static void on_closed(void *ctx, const char *text) {
  struct rig *r = ctx;
  (void)text;
  r->closed = true;
}

static const struct channel_events channel_events = {
    .data = on_data, .noise = on_noise, .drained = on_drained, .closed = on_closed};

static void on_tick(uv_timer_t *timer) {
  (void)timer;
}

/* Turns the loop until one of them, at most 20 s. */
static void until(const bool *flag, const bool *other) {
  uv_timer_t tick;
  uv_timer_init(&loop, &tick);
  uv_timer_start(&tick, on_tick, 20, 20);
  uint64_t begin = uv_now(&loop);
  while (!*flag && !*other && uv_now(&loop) - begin < 20000) uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&tick, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
}

static struct rig *rig_start(const struct sshd *s, enum host_transport transport) {
  struct rig *r = calloc(1, sizeof *r);
  snprintf(r->address, sizeof r->address, "%s@127.0.0.1:%d", user_name(), s->port);
  snprintf(r->identity, sizeof r->identity, "%s/id", dir);
  snprintf(r->known, sizeof r->known, "%s/known", dir);
  r->host = (struct host_options){
      .name = "h", .ssh = r->address, .identity = r->identity, .known_hosts = r->known, .transport = transport};
  struct transport_options options = {
      .loop = &loop, .host = &r->host, .state_dir = dir, .events = &transport_events, .ctx = r};
  r->t = transport_new(&options);
  until(&r->up, &r->down);
  return r;
}

static void rig_end(struct rig *r) {
  if (r->channel) r->channel->transport->ops->channel_free(r->channel);
  r->t->ops->free(r->t);
  buf_release(&r->out);
  free(r);
}

/* Up, by the kind that is expected, and a shell answers. */
static void expect_up(struct rig *r, const char *kind) {
  if (!r->up) print_error("down: %s\n", r->text);
  assert_true(r->up);
  assert_string_equal(r->t->kind, kind);
  assert_string_equal(r->t->address, r->address);
  r->channel = r->t->ops->open(r->t, &channel_events, r);
  static const char line[] = "echo there; exit\n";
  r->t->ops->write(r->channel, line, sizeof line - 1);
  until(&r->closed, &r->down);
  assert_true(r->closed);
  assert_string_equal(buf_cstr(&r->out), "there\n");
  rig_end(r);
}

static int enter(void **state) {
  (void)state;
  strcpy(dir, "/tmp/rota-transport-test-XXXXXX");
  return mkdtemp(dir) && chdir(dir) == 0 ? uv_loop_init(&loop) : -1;
}

static int leave(void **state) {
  (void)state;
  for (int i = 0; i < 500 && uv_loop_alive(&loop); i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  return uv_loop_close(&loop) == 0 && chdir("/") == 0 && dir_remove_at(AT_FDCWD, dir) == 0 ? 0 : -1;
}

static struct sshd host_new(const char *key) {
  struct sshd s = sshd_start("a", "ed25519", "");
  sh("ssh-keygen -q -t %s -N '' -f id && cp id.pub authorized", key);
  sshd_know(&s, "known", NULL);
  return s;
}

static void each_is_used_when_it_is_named(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("ed25519");
  expect_up(rig_start(&s, HOST_TRANSPORT_AUTO), "libssh2");
  expect_up(rig_start(&s, HOST_TRANSPORT_LIBSSH2), "libssh2");
  expect_up(rig_start(&s, HOST_TRANSPORT_OPENSSH), "openssh");
  sshd_stop(&s);
}

static void a_restricted_key_is_enough_for_both(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("ed25519");
  sh("printf '%%s %%s\\n' 'restrict,from=\"127.0.0.1,::1\",command=\"/bin/sh -s\"' \"$(cat id.pub)\" >authorized");
  expect_up(rig_start(&s, HOST_TRANSPORT_LIBSSH2), "libssh2");
  expect_up(rig_start(&s, HOST_TRANSPORT_OPENSSH), "openssh");
  sshd_stop(&s);
}

static void what_libssh2_cannot_do_goes_by_ssh(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("ed25519");
  sh("ssh-keygen -q -t ed25519 -N '' -f ca && ssh-keygen -q -s ca -I host -h -n 127.0.0.1 a/host_key.pub");
  sshd_stop(&s);
  sh("echo HostCertificate %s/a/host_key-cert.pub >>a/conf", dir);
  sh("printf '@cert-authority [127.0.0.1]:%d %%s\\n' \"$(cat ca.pub)\" >known", s.port);
  sshd_run(&s);
  expect_up(rig_start(&s, HOST_TRANSPORT_AUTO), "openssh");
  struct rig *r = rig_start(&s, HOST_TRANSPORT_LIBSSH2);
  assert_true(r->down);
  assert_int_equal(r->fault, TRANSPORT_UNSUITABLE);
  assert_non_null(strstr(r->text, "authority"));
  rig_end(r);
  sshd_stop(&s);
}

static void an_rsa_key_gets_in_whatever_libssh2_knows(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("rsa -b 2048");
  struct rig *r = rig_start(&s, HOST_TRANSPORT_AUTO); /* by ssh, if libssh2 is older than 1.11 */
  assert_true(r->up);
  expect_up(r, r->t->kind);
  sshd_stop(&s);
}

static void it_is_freed_at_any_moment(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("ed25519");
  for (int turns = 0; turns < 40; turns++) {
    struct rig r = {.host = {.name = "h", .ssh = "127.0.0.1", .transport = turns % 2 ? HOST_TRANSPORT_OPENSSH : 0}};
    snprintf(r.address, sizeof r.address, "%s@127.0.0.1:%d", user_name(), s.port);
    r.host.ssh = r.address;
    r.host.identity = "id";
    struct transport_options options = {
        .loop = &loop, .host = &r.host, .state_dir = dir, .events = &transport_events, .ctx = &r};
    r.t = transport_new(&options);
    for (int i = 0; i < turns && !r.down; i++) uv_run(&loop, UV_RUN_ONCE);
    r.t->ops->free(r.t);
  }
  sshd_stop(&s);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  unsetenv("SSH_AUTH_SOCK");
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
  const struct CMUnitTest tests[] = {
      TEST(each_is_used_when_it_is_named),      TEST(a_restricted_key_is_enough_for_both),
      TEST(what_libssh2_cannot_do_goes_by_ssh), TEST(an_rsa_key_gets_in_whatever_libssh2_knows),
      TEST(it_is_freed_at_any_moment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
