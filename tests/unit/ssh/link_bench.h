/* A link over the transport of pipes on a loop of its own, with all that it told. Header-only, because each test is
 * one program. */
#ifndef ROTA_TESTS_SSH_LINK_BENCH_H
#define ROTA_TESTS_SSH_LINK_BENCH_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/instant.h"
#include "tests/unit/ssh/pipe_transport.h"
#include "worker/ssh/link/link.h"

struct bench {
  uv_loop_t loop;
  uv_timer_t tick;
  struct pipe_world *w;
  struct gate *gate;
  struct link *l;
  char home[64];
  struct link_times times;
  struct host_options host;
  enum link_contact contact;
  char text[512], event[512];
  unsigned contacts, ups, losses, failures, facts, events, on, off;
  bool free_on_contact, free_on_event, ask_on_loss;
  int cpus;
};

struct asked {
  struct bench *b;
  bool given;
  enum answer_end end;
  int rc;
  unsigned generation;
  char words[256], body[1024], text[256];
  bool free_link;
};

struct stream {
  struct bench *b;
  struct bulk *bulk;
  bool answered, ended, free_on_end, pause, free_link;
  int how;
  char text[256], words[128];
  struct buf data;
  unsigned drained;
};

PIPE_UNUSED static void bench_on_tick(uv_timer_t *timer) {
  (void)timer;
}

static void bench_unlink(struct bench *b) {
  link_free(b->l);
  b->l = NULL;
}

static void bench_on_contact(void *ctx, enum link_contact contact, const char *text) {
  struct bench *b = ctx;
  assert_int_equal(contact == LINK_UP, text == NULL);
  assert_int_equal(link_contact(b->l), contact);
  b->contact = contact;
  snprintf(b->text, sizeof b->text, "%s", text ? text : "");
  b->contacts++;
  if (contact == LINK_UP) b->ups++;
  if (contact == LINK_CONNECTING) b->losses++;
  if (contact == LINK_UNREACHABLE || contact == LINK_REFUSED) b->failures++;
  if (b->free_on_contact) bench_unlink(b);
}

static void bench_on_facts(void *ctx, const struct ops_facts *facts) {
  struct bench *b = ctx;
  b->facts++;
  b->cpus = (int)facts->cpus;
}

static void bench_on_event(void *ctx, const char *line, size_t len) {
  struct bench *b = ctx;
  assert_int_equal(strlen(line), len);
  snprintf(b->event, sizeof b->event, "%s", line);
  b->events++;
  if (b->free_on_event) bench_unlink(b);
}

static void bench_on_watching(void *ctx, bool watching) {
  struct bench *b = ctx;
  assert_int_equal(link_watching(b->l), watching);
  *(watching ? &b->on : &b->off) += 1;
}

static const struct link_events bench_events = {
    .contact = bench_on_contact, .facts = bench_on_facts, .event = bench_on_event, .watching = bench_on_watching};

static struct link *bench_link(struct bench *b) {
  const struct link_options options = {.loop = &b->loop,
                                       .host = &b->host,
                                       .state_dir = "/tmp",
                                       .state_id = "0123456789abcdefghjkmnpqrs",
                                       .gate = b->gate,
                                       .connect = pipe_connect,
                                       .times = b->times,
                                       .events = &bench_events,
                                       .ctx = b};
  return link_new(&options);
}

/* The link isn't made yet: the test may change what it likes first. */
PIPE_UNUSED static void bench_begin(struct bench *b) {
  memset(b, 0, sizeof *b);
  strcpy(b->home, "/tmp/rota-link-XXXXXX");
  assert_non_null(mkdtemp(b->home));
  assert_int_equal(uv_loop_init(&b->loop), 0);
  uv_timer_init(&b->loop, &b->tick);
  uv_timer_start(&b->tick, bench_on_tick, 5, 5);
  b->w = pipe_world_open(&b->loop);
  b->w->home = b->home;
  b->gate = gate_new(&b->loop, 0);
  b->host = (struct host_options){.name = "gpu01", .ssh = "root@gpu01", .root = "~/.rota"};
  b->times = (struct link_times){.back_off_min = 20, .back_off_max = 200, .late_min = 60000, .late_max = 60000};
}

PIPE_UNUSED static void bench_end(struct bench *b) {
  bench_unlink(b);
  gate_free(b->gate);
  uv_close((uv_handle_t *)&b->tick, NULL);
  pipe_world_close(b->w);
  assert_int_equal(uv_loop_close(&b->loop), 0);
  /* A shell of a link that was freed may write there until it finds its input closed. */
  const int64_t end = clock_monotonic() + 20 * USEC_PER_SEC;
  int err;
  while ((err = dir_remove_at(AT_FDCWD, b->home)) && clock_monotonic() < end) usleep(10000);
  assert_int_equal(err, 0);
}

/* Turns the loop until the condition holds; 50 s are never needed. */
#define until(b, condition)                                                                                          \
  do {                                                                                                               \
    const int64_t until_ = clock_monotonic() + 50 * USEC_PER_SEC;                                                    \
    while (!(condition) && clock_monotonic() < until_) uv_run(&(b)->loop, UV_RUN_ONCE);                              \
    assert_true(condition);                                                                                          \
  } while (0)

PIPE_UNUSED static void bench_turn(struct bench *b, int ms) {
  for (const int64_t end = clock_monotonic() + ms * USEC_PER_MS; clock_monotonic() < end;)
    uv_run(&b->loop, UV_RUN_ONCE);
}

PIPE_UNUSED static void bench_up(struct bench *b) {
  b->l = bench_link(b);
  until(b, b->contact == LINK_UP && b->ups);
}

static void on_asked(void *ctx, const struct answer *a) {
  struct asked *r = ctx;
  assert_false(r->given);
  r->given = true;
  r->end = a->end;
  r->rc = a->rc;
  r->generation = a->generation;
  snprintf(r->text, sizeof r->text, "%s", a->text);
  if (a->end == ANSWER_CAME) {
    const struct section *s = &a->sections[a->len > 1 ? 1 : 0];
    snprintf(r->words, sizeof r->words, "%s", s->words);
    snprintf(r->body, sizeof r->body, "%s", s->body);
  }
  if (r->free_link) bench_unlink(r->b);
}

/* A request of the test's own; NONCE in it is replaced. */
static void script_write(struct buf *out, const char *nonce, const char *script) {
  buf_fmt(out, "{\nrota_nonce=%s\n", nonce);
  for (const char *at = script, *next;; at = next + 5) {
    next = strstr(at, "NONCE");
    buf_add(out, at, next ? (size_t)(next - at) : strlen(at));
    if (!next) break;
    buf_str(out, nonce);
  }
  buf_fmt(out, "\nrota_end %s $?\n}\n", nonce);
}

PIPE_UNUSED static void ask(struct bench *b, struct asked *r, const char *script, unsigned limit_ms) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  memset(r, 0, sizeof *r);
  r->b = b;
  script_write(&text, nonce, script);
  const struct ask ask = {.nonce = nonce, .text = &text, .limit_ms = limit_ms, .answer = on_asked, .ctx = r};
  link_ask(b->l, &ask);
}

static void on_stream_answer(void *ctx, const struct answer *a) {
  struct stream *s = ctx;
  assert_int_equal(a->end, ANSWER_CAME);
  s->answered = true;
  snprintf(s->words, sizeof s->words, "%s", a->len > 1 ? a->sections[1].words : "");
  if (s->pause) bulk_pause(s->bulk, true);
}

static void on_stream_data(void *ctx, const char *bytes, size_t len) {
  struct stream *s = ctx;
  assert_false(s->pause);
  buf_add(&s->data, bytes, len);
}

static void on_stream_drained(void *ctx) {
  ((struct stream *)ctx)->drained++;
}

static void on_stream_end(void *ctx, const struct bulk_end *end) {
  struct stream *s = ctx;
  assert_false(s->ended);
  s->ended = true;
  s->how = (int)end->how;
  snprintf(s->text, sizeof s->text, "%s", end->text ? end->text : "");
  if (end->answer && end->answer->len > 1) snprintf(s->words, sizeof s->words, "%s", end->answer->sections[1].words);
  if (s->free_link) bench_unlink(s->b);
  if (s->free_on_end) bulk_free(s->bulk);
  if (s->free_on_end || s->free_link) s->bulk = NULL;
}

static const struct bulk_events stream_events = {
    .answer = on_stream_answer, .data = on_stream_data, .drained = on_stream_drained, .end = on_stream_end};

PIPE_UNUSED static void stream(struct bench *b, struct stream *s, enum bulk_kind kind, const char *script) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  s->b = b;
  script_write(&text, nonce, script);
  const struct bulk_options options = {
      .kind = kind, .nonce = nonce, .text = &text, .events = &stream_events, .ctx = s};
  s->bulk = link_bulk(b->l, &options);
}

PIPE_UNUSED static void stream_end(struct stream *s) {
  bulk_free(s->bulk);
  buf_release(&s->data);
}

#endif
