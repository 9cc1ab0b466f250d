/* A connection by libssh2 to a real sshd, and channels on it: header-only, for the tests libssh2_*_test.c. */
#ifndef ROTA_TESTS_UNIT_SSH_LIBSSH2_PARTY_H
#define ROTA_TESTS_UNIT_SSH_LIBSSH2_PARTY_H

#include "tests/unit/ssh/network.h"

#include <sys/resource.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/buf.h"
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

__attribute__((unused)) static void on_up(void *ctx) {
  struct party *p = ctx;
  assert_false(p->up);
  p->up = true;
}

__attribute__((unused)) static void on_down(void *ctx, const struct transport_end *end) {
  struct party *p = ctx;
  assert_false(p->down);
  p->down = true;
  p->fault = end->fault;
  snprintf(p->text, sizeof p->text, "%s", end->text);
}

static const struct transport_events party_events = {.up = on_up, .down = on_down};

__attribute__((unused)) static void on_clock(uv_timer_t *timer) {
  ((struct party *)timer->data)->timed_out = true;
}

__attribute__((unused)) static void party_init(struct party *p, const char *ssh) {
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

__attribute__((unused)) static void party_begin(struct party *p) {
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

__attribute__((unused)) static void run_for(struct party *p, unsigned ms) {
  p->timed_out = false;
  uv_timer_start(&p->clock, on_clock, ms, 0);
  while (!p->timed_out) uv_run(&p->loop, UV_RUN_ONCE);
}

__attribute__((unused)) static void party_up(struct party *p) {
  party_begin(p);
  WAIT(p, p->up || p->down);
  if (p->down) fail_msg("%s", p->text);
}

/* Nothing may be left in the loop. */
__attribute__((unused)) static void party_end(struct party *p) {
  if (p->t) p->t->ops->free(p->t);
  settings_free(p->settings);
  uv_close((uv_handle_t *)&p->clock, NULL);
  uv_run(&p->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&p->loop), 0);
  if (p->known) unlink(p->known);
  free(p->known);
}

__attribute__((unused)) static void party_fails(struct party *p, enum transport_fault fault, const char *text) {
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
__attribute__((unused)) static void party_knows(struct party *p, const char *format, ...) {
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

__attribute__((unused)) static int port_of(const char *host) {
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

__attribute__((unused)) static uint32_t sum_on(uint32_t sum, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
  return sum;
}

static void on_drained(void *ctx);

__attribute__((unused)) static void on_data(void *ctx, const char *bytes, size_t len) {
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

__attribute__((unused)) static void on_noise(void *ctx, const char *bytes, size_t len) {
  buf_add(&((struct talk *)ctx)->noise, bytes, len);
}

__attribute__((unused)) static void on_drained(void *ctx) {
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

__attribute__((unused)) static void on_closed(void *ctx, const char *text) {
  struct talk *k = ctx;
  assert_false(k->closed);
  k->closed = true;
  k->lost = text != NULL;
  snprintf(k->text, sizeof k->text, "%s", text ? text : "");
}

static const struct channel_events talk_events = {
    .data = on_data, .noise = on_noise, .drained = on_drained, .closed = on_closed};

__attribute__((unused)) static void talk_begin(struct party *p, struct talk *k) {
  memset(k, 0, sizeof *k);
  k->t = p->t;
  k->c = p->t->ops->open(p->t, &talk_events, k);
}

__attribute__((unused)) static void say(struct talk *k, const char *text) {
  k->t->ops->write(k->c, text, strlen(text));
}

/* Sends bytes through a command; a shell may read ahead of its line, so it is waited for. */
__attribute__((unused)) static void send_through(struct talk *k, const char *command, size_t bytes) {
  k->awaited = true;
  k->to_send = bytes;
  say(k, "echo go; exec ");
  say(k, command);
  say(k, "\n");
}

__attribute__((unused)) static void talk_end(struct talk *k) {
  if (k->c) k->t->ops->channel_free(k->c);
  buf_release(&k->out);
  buf_release(&k->noise);
}

__attribute__((unused)) static bool said(const struct talk *k, const char *text) {
  return strstr(buf_cstr(&k->out), text) != NULL;
}

__attribute__((unused)) static int64_t cpu_us(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * INT64_C(1000000) + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

#define NEEDS_SSHD()                                                                                                 \
  do {                                                                                                               \
    (void)state;                                                                                                     \
    if (!there) skip();                                                                                              \
  } while (0)

/* The hosts of one test program, as sshd.py has them; the agent of whoever runs the tests has no part in it. */
__attribute__((unused)) static int party_hosts(const char *wanted) {
  unsetenv("SSH_AUTH_SOCK");
  there = sshd_begin(&net, wanted);
  return 0;
}

#endif
