// time-limit: 240
#include "tests/unit/ssh/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "worker/ssh/transport/settings.h"
#include "worker/ssh/transport/transport.h"

#define PATIENCE_MS 40000

static struct sshd net;
static bool there;

/* One connection and what came of it. */
struct party {
  uv_loop_t loop;
  uv_timer_t clock;
  struct host_options host;
  struct ssh_settings *settings;
  struct transport_times times;
  struct transport *t;
  bool up, down, timed_out;
  enum transport_fault fault;
  char text[2048];
  char *known; /* a known_hosts of its own */
};

static void on_up(void *ctx) {
  struct party *p = ctx;
  assert_false(p->up);
  p->up = true;
}

static void on_down(void *ctx, const struct transport_end *end) {
  struct party *p = ctx;
  assert_false(p->down);
  p->down = true;
  p->fault = end->fault;
  snprintf(p->text, sizeof p->text, "%s", end->text);
}

static const struct transport_events party_events = {.up = on_up, .down = on_down};

static void on_clock(uv_timer_t *timer) {
  ((struct party *)timer->data)->timed_out = true;
}

static void party_init(struct party *p, const char *ssh) {
  memset(p, 0, sizeof *p);
  uv_loop_init(&p->loop);
  uv_timer_init(&p->loop, &p->clock);
  p->clock.data = p;
  p->host = (struct host_options){.name = "h",
                                  .ssh = ssh,
                                  .identity = sshd_text(&net, "key"),
                                  .known_hosts = sshd_text(&net, "known_hosts"),
                                  .transport = HOST_TRANSPORT_LIBSSH2};
}

static void party_begin(struct party *p) {
  p->settings = settings_load(&p->host, NULL);
  assert_non_null(p->settings);
  p->t = libssh2_transport_new(&(struct transport_options){.loop = &p->loop,
                                                           .host = &p->host,
                                                           .settings = p->settings,
                                                           .state_dir = "/tmp",
                                                           .events = &party_events,
                                                           .ctx = p,
                                                           .times = p->times});
  assert_false(p->up || p->down);
}

#define WAIT(p, condition)                                                                                           \
  do {                                                                                                               \
    (p)->timed_out = false;                                                                                          \
    uv_timer_start(&(p)->clock, on_clock, PATIENCE_MS, 0);                                                           \
    while (!(condition)) {                                                                                           \
      uv_run(&(p)->loop, UV_RUN_ONCE);                                                                               \
      if ((p)->timed_out) fail_msg("waited in vain until %s; %s", #condition, (p)->text);                            \
    }                                                                                                                \
    uv_timer_stop(&(p)->clock);                                                                                      \
  } while (0)

static void run_for(struct party *p, unsigned ms) {
  p->timed_out = false;
  uv_timer_start(&p->clock, on_clock, ms, 0);
  while (!p->timed_out) uv_run(&p->loop, UV_RUN_ONCE);
}

static void party_up(struct party *p) {
  party_begin(p);
  WAIT(p, p->up || p->down);
  if (p->down) fail_msg("%s", p->text);
}

/* Nothing may be left in the loop. */
static void party_end(struct party *p) {
  if (p->t) p->t->ops->free(p->t);
  settings_free(p->settings);
  uv_close((uv_handle_t *)&p->clock, NULL);
  uv_run(&p->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&p->loop), 0);
  if (p->known) unlink(p->known);
  free(p->known);
}

static void party_fails(struct party *p, enum transport_fault fault, const char *text) {
  party_begin(p);
  WAIT(p, p->up || p->down);
  assert_false(p->up);
  if (p->fault != fault || !strstr(p->text, text)) fail_msg("fault %d: %s", (int)p->fault, p->text);
}

static const char *ssh_of(const char *host) {
  return sshd_host(&net, host, "ssh");
}

/* A known_hosts of one line. */
static void party_knows(struct party *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void party_knows(struct party *p, const char *format, ...) {
  static int number;
  p->known = alloc_fmt("%s/known%d", sshd_text(&net, "root"), number++);
  FILE *f = fopen(p->known, "w");
  va_list args;
  va_start(args, format);
  vfprintf(f, format, args);
  va_end(args);
  fclose(f);
  p->host.known_hosts = p->known;
}

static int port_of(const char *host) {
  return (int)json_integer_value(json_object_get(json_object_get(json_object_get(net.said, "hosts"), host), "port"));
}

/* A channel and what it said. */
struct talk {
  struct channel *c;
  struct transport *t;
  struct buf out, noise;
  size_t count; /* bytes of standard output, if they aren't kept */
  uint32_t sum;
  bool counting, plain, awaited, closed, lost;
  char text[256];
  size_t to_send, sent;
  uint32_t sent_sum;
};

static uint32_t sum_on(uint32_t sum, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
  return sum;
}

static void on_drained(void *ctx);

static void on_data(void *ctx, const char *bytes, size_t len) {
  struct talk *k = ctx;
  if (k->awaited) { /* the shell has read its line, and what follows is for the command */
    assert_int_equal(len, 3);
    k->awaited = false;
    on_drained(k);
    return;
  }
  k->count += len;
  if (k->counting && k->plain) return;
  if (k->counting)
    k->sum = sum_on(k->sum, bytes, len);
  else
    buf_add(&k->out, bytes, len);
}

static void on_noise(void *ctx, const char *bytes, size_t len) {
  buf_add(&((struct talk *)ctx)->noise, bytes, len);
}

static void on_drained(void *ctx) {
  struct talk *k = ctx;
  static char block[128 * 1024];
  if (k->awaited || k->sent >= k->to_send) return;
  while (k->sent < k->to_send && k->t->ops->waiting(k->c) < 4 * CHANNEL_LOW) {
    size_t n = k->to_send - k->sent < sizeof block ? k->to_send - k->sent : sizeof block;
    for (size_t i = 0; i < n && !k->plain; i += 61) block[i] = (char)(k->sent + i);
    if (!k->plain) k->sent_sum = sum_on(k->sent_sum, block, n);
    k->t->ops->write(k->c, block, n);
    k->sent += n;
  }
  if (k->sent == k->to_send) k->t->ops->finish(k->c);
}

static void on_closed(void *ctx, const char *text) {
  struct talk *k = ctx;
  assert_false(k->closed);
  k->closed = true;
  k->lost = text != NULL;
  snprintf(k->text, sizeof k->text, "%s", text ? text : "");
}

static const struct channel_events talk_events = {
    .data = on_data, .noise = on_noise, .drained = on_drained, .closed = on_closed};

static void talk_begin(struct party *p, struct talk *k) {
  memset(k, 0, sizeof *k);
  k->t = p->t;
  k->c = p->t->ops->open(p->t, &talk_events, k);
}

static void say(struct talk *k, const char *text) {
  k->t->ops->write(k->c, text, strlen(text));
}

/* Sends bytes through a command; a shell may read ahead of its line, so it is waited for. */
static void send_through(struct talk *k, const char *command, size_t bytes) {
  k->awaited = true;
  k->to_send = bytes;
  say(k, "echo go; exec ");
  say(k, command);
  say(k, "\n");
}

static void talk_end(struct talk *k) {
  if (k->c) k->t->ops->channel_free(k->c);
  buf_release(&k->out);
  buf_release(&k->noise);
}

static bool said(const struct talk *k, const char *text) {
  return strstr(buf_cstr(&k->out), text) != NULL;
}

static int64_t cpu_us(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * INT64_C(1000000) + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

#define NEEDS_SSHD()                                                                                                 \
  do {                                                                                                               \
    (void)state;                                                                                                     \
    if (!there) skip();                                                                                              \
  } while (0)

static void a_key_file_lets_in_and_a_shell_answers(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  assert_string_equal(p.t->kind, "libssh2");
  assert_string_equal(p.t->address, ssh_of("a"));
  struct talk k;
  talk_begin(&p, &k);
  say(&k, "echo hello; echo oh >&2; exit 3\n");
  WAIT(&p, k.closed);
  assert_false(k.lost);
  assert_string_equal(buf_cstr(&k.out), "hello\n");
  assert_string_equal(buf_cstr(&k.noise), "oh\n");
  talk_end(&k);
  party_end(&p);
}

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

static void the_agents_key_lets_in(void **state) {
  NEEDS_SSHD();
  setenv("SSH_AUTH_SOCK", sshd_text(&net, "agent"), 1);
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = NULL;
  party_up(&p);
  party_end(&p);
  unsetenv("SSH_AUTH_SOCK");
}

static void an_agent_that_hangs_is_left_after_the_time(void **state) {
  NEEDS_SSHD();
  char path[100];
  snprintf(path, sizeof path, "%s/hanging", sshd_text(&net, "root"));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un_like {
    sa_family_t family;
    char path[108];
  } address = {AF_UNIX, ""};
  memcpy(address.path, path, strlen(path) + 1);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 5), 0);
  setenv("SSH_AUTH_SOCK", path, 1);
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = NULL;
  p.times.connect = 1500;
  party_fails(&p, TRANSPORT_LOST, "took too long");
  p.t->ops->free(p.t); /* while the job on the pool still waits */
  p.t = NULL;
  settings_free(p.settings);
  p.settings = NULL;
  run_for(&p, 50);
  int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
  close(taken);
  close(fd);
  party_end(&p);
  unsetenv("SSH_AUTH_SOCK");
}

static void an_encrypted_key_needs_its_passphrase(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  party_fails(&p, TRANSPORT_DENIED, "needs a passphrase");
  party_end(&p);

  char path[512];
  snprintf(path, sizeof path, "%s/passphrase", sshd_text(&net, "root"));
  FILE *f = fopen(path, "w");
  fputs("open sesame\n", f);
  fclose(f);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  p.host.passphrase_file = path;
  party_up(&p);
  party_end(&p);

  setenv("TEST_PASSPHRASE", "open sesame", 1);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  p.host.passphrase_env = "TEST_PASSPHRASE";
  party_up(&p);
  party_end(&p);

  setenv("TEST_PASSPHRASE", "wrong", 1);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  p.host.passphrase_env = "TEST_PASSPHRASE";
  party_fails(&p, TRANSPORT_DENIED, "locked (");
  party_end(&p);
}

static void a_key_that_is_refused_is_named(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "stranger");
  party_fails(&p, TRANSPORT_DENIED, "stranger (refused)");
  assert_non_null(strstr(p.text, "publickey"));
  party_end(&p);
}

static void an_unknown_host_is_refused_with_what_to_do(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_knows(&p, "# nobody\n");
  party_fails(&p, TRANSPORT_UNTRUSTED, sshd_host(&net, "a", "fingerprint"));
  assert_non_null(strstr(p.text, "ssh-keyscan"));
  party_end(&p);
}

static void an_unknown_host_is_written_down_if_that_is_wanted(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_knows(&p, "# nobody\n");
  p.host.accept_new = true;
  party_up(&p);
  char line[1024] = "";
  FILE *f = fopen(p.known, "r");
  while (fgets(line, sizeof line, f)) {
  }
  fclose(f);
  assert_non_null(strstr(line, strchr(sshd_host(&net, "a", "key"), ' ')));
  party_end(&p);
}

static void a_changed_key_is_never_taken(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_knows(&p, "[127.0.0.1]:%d %s\n", port_of("a"), sshd_host(&net, "b", "key"));
  p.host.accept_new = true;
  party_fails(&p, TRANSPORT_UNTRUSTED, sshd_host(&net, "a", "fingerprint"));
  assert_non_null(strstr(p.text, sshd_host(&net, "b", "fingerprint")));
  assert_non_null(strstr(p.text, ":1"));
  party_end(&p);
}

static void a_revoked_key_is_never_taken(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  const char *key = sshd_host(&net, "a", "key");
  party_knows(&p, "[127.0.0.1]:%d %s\n@revoked * %s\n", port_of("a"), key, key);
  party_fails(&p, TRANSPORT_UNTRUSTED, "revoked");
  party_end(&p);
}

static void the_known_key_of_several_is_asked_for(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("many"));
  json_t *key = sshd_ask(&net, "[\"act\", \"many\", \"public_key\", \"ecdsa\"]");
  party_knows(&p, "[127.0.0.1]:%d %s\n", port_of("many"), json_string_value(key));
  json_decref(key);
  party_up(&p);
  party_end(&p);
}

static void rsa_is_left_to_the_other_transport(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("rsa"));
  party_begin(&p);
  WAIT(&p, p.up || p.down);
  if (p.down) assert_int_equal(p.fault, TRANSPORT_UNSUITABLE);
  bool old = p.down;
  party_end(&p);
  party_init(&p, ssh_of("rsa"));
  party_knows(&p, "# nobody\n");
  p.host.accept_new = true;
  party_begin(&p);
  WAIT(&p, p.up || p.down);
  assert_int_equal(p.down, old);
  if (p.down) assert_int_equal(p.fault, TRANSPORT_UNSUITABLE);
  party_end(&p);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "rsa");
  party_begin(&p);
  WAIT(&p, p.up || p.down);
  assert_int_equal(p.down, old);
  if (p.down) assert_int_equal(p.fault, TRANSPORT_UNSUITABLE);
  party_end(&p);
}

static void a_port_where_nobody_listens_is_lost(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, "127.0.0.1:1");
  party_fails(&p, TRANSPORT_LOST, "refused");
  party_end(&p);
  party_init(&p, "no-such-host.invalid");
  party_fails(&p, TRANSPORT_LOST, "no-such-host.invalid");
  party_end(&p);
}

static void two_jumps_lead_to_the_host(void **state) {
  NEEDS_SSHD();
  char jump[256];
  snprintf(jump, sizeof jump, "%s,%s", ssh_of("b"), ssh_of("many"));
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.jump = jump;
  party_up(&p);
  struct talk k;
  talk_begin(&p, &k);
  k.counting = true;
  send_through(&k, "cat", 8 << 20);
  WAIT(&p, k.closed);
  assert_int_equal(k.count, k.to_send);
  assert_int_equal(k.sum, k.sent_sum);
  talk_end(&k);
  party_end(&p);
}

static void a_jump_that_leads_nowhere_is_told_of(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, "127.0.0.1:1");
  p.host.jump = ssh_of("b");
  party_fails(&p, TRANSPORT_LOST, "makes no connection");
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
  struct talk k[3];
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

static void a_frozen_host_is_found_silent(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("cold"));
  p.times = (struct transport_times){.keep_alive = 1000, .silence = 4000};
  party_up(&p);
  struct talk k;
  talk_begin(&p, &k);
  say(&k, "echo here\n");
  WAIT(&p, said(&k, "here"));
  run_for(&p, 6000);
  assert_false(p.down); /* it answers keep-alives */
  sshd_do(&net, "[\"act\", \"cold\", \"freeze\"]");
  WAIT(&p, p.down);
  sshd_do(&net, "[\"act\", \"cold\", \"thaw\"]");
  assert_int_equal(p.fault, TRANSPORT_LOST);
  assert_non_null(strstr(p.text, "silent"));
  assert_false(k.closed);
  talk_end(&k);
  party_end(&p);
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
  unsetenv("SSH_AUTH_SOCK");
  there = sshd_begin(&net, "{\"hosts\": [{\"name\": \"a\"}, {\"name\": \"b\"}, {\"name\": \"cold\"},"
                           "{\"name\": \"many\", \"keys\": [\"rsa\", \"ecdsa\", \"ed25519\"]},"
                           "{\"name\": \"rsa\", \"keys\": [\"rsa\"]},"
                           "{\"name\": \"one\", \"options\": {\"MaxStartups\": \"1\"}},"
                           "{\"name\": \"narrow\", \"options\": {\"MaxSessions\": 2}}],"
                           "\"keys\": [{\"name\": \"locked\", \"passphrase\": \"open sesame\"},"
                           "{\"name\": \"rsa\", \"kind\": \"rsa\"},"
                           "{\"name\": \"stranger\", \"authorized\": false}], \"agent\": [\"id\"]}");
  return 0;
}

static int end(void **state) {
  (void)state;
  sshd_end(&net);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_file_lets_in_and_a_shell_answers),
      cmocka_unit_test(the_shell_that_a_signal_ends_is_told_of),
      cmocka_unit_test(the_agents_key_lets_in),
      cmocka_unit_test(an_agent_that_hangs_is_left_after_the_time),
      cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
      cmocka_unit_test(a_key_that_is_refused_is_named),
      cmocka_unit_test(an_unknown_host_is_refused_with_what_to_do),
      cmocka_unit_test(an_unknown_host_is_written_down_if_that_is_wanted),
      cmocka_unit_test(a_changed_key_is_never_taken),
      cmocka_unit_test(a_revoked_key_is_never_taken),
      cmocka_unit_test(the_known_key_of_several_is_asked_for),
      cmocka_unit_test(rsa_is_left_to_the_other_transport),
      cmocka_unit_test(a_port_where_nobody_listens_is_lost),
      cmocka_unit_test(two_jumps_lead_to_the_host),
      cmocka_unit_test(a_jump_that_leads_nowhere_is_told_of),
      cmocka_unit_test(eight_channels_move_data_both_ways),
      cmocka_unit_test(much_is_read_and_written_fast),
      cmocka_unit_test(a_paused_channel_holds_back_and_others_go_on),
      cmocka_unit_test(a_session_too_many_is_refused_and_the_rest_lives),
      cmocka_unit_test(a_frozen_host_is_found_silent),
      cmocka_unit_test(a_host_that_drops_us_is_lost_at_once),
      cmocka_unit_test(a_server_that_turns_away_is_busy),
      cmocka_unit_test(a_silent_server_is_given_up),
      cmocka_unit_test(cut_anywhere_it_goes_down_and_nothing_else),
      cmocka_unit_test(it_can_be_freed_in_every_state),
      cmocka_unit_test(channels_can_be_freed_in_every_state),
      cmocka_unit_test(an_idle_connection_costs_nothing),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
