#include "worker/ssh/link/shell.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/utf8.h"
#include "worker/ssh/remote/ops.h"

#define START_LIMIT_MS       15000
#define POLLS_IN_FLIGHT      2u
#define CONTROLS_BEFORE_POLL 32u /* one poll goes after so many, so that none waits for ever */

enum phase { STARTING, UP, RAW, BROKEN };

struct request {
  struct request *next;
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text;
  enum ask_order order;
  unsigned limit_ms;
  bool raw;
  bool alone; /* nothing was under way when it was written */
  int64_t written_at;
  void (*answer)(void *ctx, const struct answer *a);
  void *ctx;
};

struct line { /* first in, first out */
  struct request *first, **end;
  size_t len;
};

struct shell {
  struct shell_options o;
  struct channel *channel;
  uv_timer_t limit; /* of the start, then of the first request that is under way */
  uv_timer_t turn;  /* hands on what was held while it was paused */
  unsigned closing; /* handles that aren't closed yet */
  enum phase phase;
  bool freed, paused;
  struct mark mark;
  struct frame frame;
  struct line flying, queue[ASK_POLL + 1];
  size_t bytes_flying;
  unsigned controls; /* since the last poll */
  uint64_t heard_at;
  struct buf held; /* raw bytes that came while it was paused */
  bool ended;      /* with bytes held: `broken` follows them */
  char *ended_text;
  char stderr_text[SHELL_STDERR_KEPT + 1];
  size_t stderr_len;
};

/* ---- requests ---- */

static void line_init(struct line *l) {
  *l = (struct line){.end = &l->first};
}

static void line_push(struct line *l, struct request *r) {
  r->next = NULL;
  *l->end = r;
  l->end = &r->next;
  l->len++;
}

static struct request *line_pop(struct line *l) {
  struct request *r = l->first;
  if (!r) return NULL;
  l->first = r->next;
  if (!l->first) l->end = &l->first;
  l->len--;
  return r;
}

static void request_free(struct request *r) {
  buf_release(&r->text);
  free(r);
}

static void line_free(struct line *l) {
  for (struct request *r; (r = line_pop(l));) request_free(r);
}

/* Removes those of ctx. */
static void line_forget(struct line *l, const void *ctx) {
  struct line kept;
  line_init(&kept);
  for (struct request *r; (r = line_pop(l));) {
    if (r->ctx == ctx)
      request_free(r);
    else
      line_push(&kept, r);
  }
  for (struct request *r; (r = line_pop(&kept));) line_push(l, r);
}

static void limit_start(struct shell *s);

/* The next to be written, if it may be now. */
static struct request *next_to_write(struct shell *s) {
  struct line *controls = &s->queue[ASK_CONTROL], *polls = &s->queue[ASK_POLL];
  const bool poll = polls->first && (!controls->first || s->controls >= CONTROLS_BEFORE_POLL);
  struct line *l = poll ? polls : controls;
  if (!l->first || s->flying.len >= SHELL_IN_FLIGHT) return NULL;
  if (s->flying.len && s->bytes_flying + l->first->text.len > SHELL_BYTES_IN_FLIGHT) return NULL;
  if (poll && s->flying.len >= POLLS_IN_FLIGHT) return NULL;
  s->controls = poll ? 0 : s->controls + 1;
  return line_pop(l);
}

static void requests_write(struct shell *s) {
  struct request *r;
  while (s->phase == UP && (r = next_to_write(s))) {
    r->alone = s->flying.len == 0;
    r->written_at = clock_monotonic();
    s->bytes_flying += r->text.len;
    s->channel->transport->ops->write(s->channel, r->text.bytes, r->text.len);
    line_push(&s->flying, r);
    if (r->alone) {
      frame_begin(&s->frame, r->nonce);
      limit_start(s);
    }
  }
}

void shell_ask(struct shell *s, const struct ask *ask) {
  assert(!s->freed && s->phase != BROKEN && s->phase != RAW);
  struct request *r = alloc_new(struct request);
  memcpy(r->nonce, ask->nonce, sizeof r->nonce);
  r->text = *ask->text;
  *ask->text = (struct buf){0};
  r->order = ask->order;
  r->limit_ms = ask->limit_ms ? ask->limit_ms : s->o.limit_ms ? s->o.limit_ms : OPS_DEADLINE_MS;
  r->raw = ask->raw;
  r->answer = ask->answer;
  r->ctx = ask->ctx;
  line_push(&s->queue[r->order], r);
  requests_write(s);
}

void shell_forget(struct shell *s, const void *ctx) {
  for (struct request *r = s->flying.first; r; r = r->next)
    if (r->ctx == ctx) r->answer = NULL;
  line_forget(&s->queue[ASK_CONTROL], ctx);
  line_forget(&s->queue[ASK_POLL], ctx);
}

/* Gives a request that gets no answer back to who asked. */
static void request_fail(struct shell *s, struct request *r, enum answer_end end, const char *text) {
  const struct answer a = {
      .end = end, .text = text, .uptime_us = -1, .written_at = r->written_at, .generation = s->o.generation};
  if (r->answer) r->answer(r->ctx, &a);
  request_free(r);
}

/* All that is left is given back. The lines are taken off first: a callback may free the shell or forget. */
static void requests_fail(struct shell *s, const char *text) {
  struct request *r;
  while (!s->freed && (r = line_pop(&s->flying))) request_fail(s, r, ANSWER_UNKNOWN, text);
  for (int i = 0; i <= ASK_POLL; i++)
    while (!s->freed && (r = line_pop(&s->queue[i]))) request_fail(s, r, ANSWER_NOT_SENT, text);
}

static void shell_break(struct shell *s, enum shell_fault fault, bool orderly, const char *why) {
  if (s->freed || s->phase == BROKEN) return;
  s->phase = BROKEN;
  uv_timer_stop(&s->limit);
  char *text = alloc_strdup(why);
  requests_fail(s, text);
  if (!s->freed) s->o.events->broken(s->o.ctx, fault, orderly, text);
  free(text);
}

/* ---- time ---- */

/* A sentence of why no shell came up, with what was printed instead. */
static char *login_text(const struct shell *s, const char *what) {
  const char *noise = s->mark.noise;
  while (*noise == ' ') noise++;
  const char *said = *noise ? noise : s->stderr_text;
  if (!*said) return alloc_fmt("%s, and printed nothing", what);
  char *text = alloc_fmt("%s; it printed: %.200s", what, said);
  /* Cut anywhere and in whatever the host's encoding is. */
  const bool valid = utf8_valid(text, strlen(text));
  for (char *c = text; *c; c++)
    if (*c == '\n' || (!valid && (unsigned char)*c >= 0x80)) *c = *c == '\n' ? ' ' : '?';
  return text;
}

static void on_limit(uv_timer_t *timer) {
  struct shell *s = timer->data;
  if (s->phase == STARTING) {
    char *text = login_text(s, "the login shell brought no /bin/sh up in time (does a start-up file wait or ask?)");
    shell_break(s, SHELL_LOGIN, false, text);
    free(text);
  } else if (s->flying.first) {
    char *text = alloc_fmt("the shell on the host didn't answer within %u s", s->flying.first->limit_ms / 1000);
    shell_break(s, SHELL_LATE, false, text);
    free(text);
  }
}

static void limit_start(struct shell *s) {
  if (s->flying.first)
    uv_timer_start(&s->limit, on_limit, s->flying.first->limit_ms, 0);
  else
    uv_timer_stop(&s->limit);
}

/* ---- what comes ---- */

/* Only the mark and a shell in its own place: what follows is read by that one, whatever this one reads ahead. */
static void start_write(struct shell *s) {
  char *line = alloc_fmt(
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}; export PATH; "
      "echo; echo %s; "
      "exec env -i HOME=\"$HOME\" USER=\"${USER:-$LOGNAME}\" LOGNAME=\"${LOGNAME:-$USER}\" "
      "SHELL=\"$SHELL\" ROTA_LOGIN_SHELL=\"$SHELL\" PATH=\"$PATH\" /bin/sh -s\n",
      s->mark.nonce);
  s->channel->transport->ops->write(s->channel, line, strlen(line));
  free(line);
}

static void marked(struct shell *s) {
  struct buf text = {0};
  if (!s->o.bootstrap) ops_bootstrap(&text);
  const char *bytes = s->o.bootstrap ? s->o.bootstrap : buf_cstr(&text);
  s->channel->transport->ops->write(s->channel, bytes, strlen(bytes));
  buf_release(&text);
  s->phase = UP;
  uv_timer_stop(&s->limit);
  requests_write(s);
  s->o.events->up(s->o.ctx);
}

static void answered(struct shell *s) {
  struct request *r = line_pop(&s->flying);
  assert(r);
  s->bytes_flying -= r->text.len;
  struct frame frame = s->frame; /* kept through the callback, whatever that does */
  s->frame = (struct frame){0};
  if (r->raw && frame.rc == 0) s->phase = RAW;
  if (s->flying.first) frame_begin(&s->frame, s->flying.first->nonce);
  limit_start(s);
  requests_write(s);
  const struct answer a = {.end = ANSWER_CAME,
                           .rc = frame.rc,
                           .sections = frame.sections,
                           .len = frame.len,
                           .text = s->stderr_text,
                           .uptime_us = frame.uptime_us,
                           .written_at = r->written_at,
                           .generation = s->o.generation};
  if (s->o.events->answered) s->o.events->answered(s->o.ctx, &a, r->alone);
  if (!s->freed && r->answer) r->answer(r->ctx, &a);
  request_free(r);
  frame_release(&frame);
}

static size_t start_feed(struct shell *s, const char *bytes, size_t len) {
  size_t used;
  const int rc = mark_feed(&s->mark, bytes, len, &used);
  if (rc == 1) marked(s);
  if (rc < 0) shell_break(s, SHELL_LOGIN, false, "the login shell prints without end before /bin/sh comes up");
  return used;
}

static size_t answer_feed(struct shell *s, const char *bytes, size_t len) {
  size_t used = len;
  /* What nobody asked for is of a process in the background. */
  const int rc = s->flying.first ? frame_feed(&s->frame, bytes, len, &used) : 0;
  if (rc == 1) answered(s);
  if (rc < 0)
    shell_break(s, SHELL_GARBLED, false,
                rc == ERR_TOO_LARGE ? "the shell on the host answered more than is allowed"
                                    : "the shell on the host answered what can't be understood");
  return used;
}

static void on_data(void *ctx, const char *bytes, size_t len) {
  struct shell *s = ctx;
  s->heard_at = uv_now(s->o.loop);
  while (len && !s->freed && s->phase != BROKEN) {
    size_t used = len;
    if (s->phase == STARTING)
      used = start_feed(s, bytes, len);
    else if (s->phase == UP)
      used = answer_feed(s, bytes, len);
    else if (s->paused || s->held.len)
      buf_add(&s->held, bytes, len);
    else if (s->o.events->data)
      s->o.events->data(s->o.ctx, bytes, len);
    bytes += used;
    len -= used;
  }
}

static void on_noise(void *ctx, const char *bytes, size_t len) {
  struct shell *s = ctx;
  s->heard_at = uv_now(s->o.loop);
  if (len > SHELL_STDERR_KEPT) {
    bytes += len - SHELL_STDERR_KEPT;
    len = SHELL_STDERR_KEPT;
  }
  const size_t keep = s->stderr_len + len > SHELL_STDERR_KEPT ? SHELL_STDERR_KEPT - len : s->stderr_len;
  memmove(s->stderr_text, s->stderr_text + s->stderr_len - keep, keep);
  for (size_t i = 0; i < len; i++) {
    const unsigned char c = (unsigned char)bytes[i];
    s->stderr_text[keep + i] = (c < 0x20 && c != '\n') || c == 0x7f ? ' ' : bytes[i];
  }
  s->stderr_len = keep + len;
  s->stderr_text[s->stderr_len] = '\0';
}

static void on_drained(void *ctx) {
  struct shell *s = ctx;
  if (!s->freed && s->phase == RAW && s->o.events->drained) s->o.events->drained(s->o.ctx);
}

/* The last line of standard error, which is changed by that. */
static const char *stderr_last(struct shell *s) {
  while (s->stderr_len && strchr("\n ", s->stderr_text[s->stderr_len - 1])) s->stderr_text[--s->stderr_len] = '\0';
  const char *lf = strrchr(s->stderr_text, '\n');
  return lf ? lf + 1 : s->stderr_text;
}

static void ended(struct shell *s, const char *text) {
  if (s->phase != STARTING) {
    char *why = text                ? alloc_strdup(text)
                : s->stderr_text[0] ? alloc_fmt("the shell on the host has ended: %s", stderr_last(s))
                                    : alloc_strdup("the shell on the host has ended");
    shell_break(s, SHELL_ENDED, !text, why);
    free(why);
  } else if (text && s->mark.total == 0 && s->stderr_len == 0) {
    shell_break(s, SHELL_REFUSED, false, text);
  } else {
    char *why = login_text(s, "the login shell ended before /bin/sh came up");
    shell_break(s, SHELL_LOGIN, false, why);
    free(why);
  }
}

static void on_closed(void *ctx, const char *text) {
  struct shell *s = ctx;
  if (s->freed || s->phase == BROKEN) return;
  if (!s->paused && !s->held.len) {
    ended(s, text);
    return;
  }
  s->ended = true;
  s->ended_text = text ? alloc_strdup(text) : NULL;
}

static const struct channel_events channel_events = {
    .data = on_data, .noise = on_noise, .drained = on_drained, .closed = on_closed};

/* ---- from outside ---- */

static void on_turn(uv_timer_t *timer) {
  struct shell *s = timer->data;
  if (s->paused || s->phase == BROKEN) return;
  if (s->held.len) {
    struct buf held = s->held;
    s->held = (struct buf){0};
    if (s->o.events->data) s->o.events->data(s->o.ctx, held.bytes, held.len);
    buf_release(&held);
  }
  if (s->ended && !s->freed && !s->paused) ended(s, s->ended_text);
}

struct shell *shell_new(const struct shell_options *options) {
  struct shell *s = alloc_new(struct shell);
  s->o = *options;
  line_init(&s->flying);
  line_init(&s->queue[ASK_CONTROL]);
  line_init(&s->queue[ASK_POLL]);
  s->heard_at = uv_now(s->o.loop);
  uv_timer_init(s->o.loop, &s->limit);
  uv_timer_init(s->o.loop, &s->turn);
  s->limit.data = s->turn.data = s;
  char nonce[FRAME_NONCE_LEN + 1];
  frame_nonce(nonce);
  mark_begin(&s->mark, nonce);
  s->channel = s->o.transport->ops->open(s->o.transport, &channel_events, s);
  start_write(s);
  uv_timer_start(&s->limit, on_limit, s->o.start_limit_ms ? s->o.start_limit_ms : START_LIMIT_MS, 0);
  return s;
}

bool shell_up(const struct shell *s) {
  return s->phase == UP;
}

size_t shell_pending(const struct shell *s) {
  return s->flying.len + s->queue[ASK_CONTROL].len + s->queue[ASK_POLL].len;
}

uint64_t shell_heard_at(const struct shell *s) {
  return s->heard_at;
}

const char *shell_noise(const struct shell *s) {
  return s->mark.noise;
}

const char *shell_stderr(const struct shell *s) {
  return s->stderr_text;
}

void shell_write(struct shell *s, const void *bytes, size_t len) {
  if (s->phase == RAW) s->channel->transport->ops->write(s->channel, bytes, len);
}

size_t shell_waiting(const struct shell *s) {
  return s->phase == RAW ? s->channel->transport->ops->waiting(s->channel) : 0;
}

void shell_finish(struct shell *s) {
  if (s->phase == RAW) s->channel->transport->ops->finish(s->channel);
}

void shell_pause(struct shell *s, bool paused) {
  if (s->phase != RAW || s->paused == paused) return;
  s->paused = paused;
  if (!s->ended) s->channel->transport->ops->pause(s->channel, paused);
  if (!paused && (s->held.len || s->ended)) uv_timer_start(&s->turn, on_turn, 0, 0);
}

void shell_lost(struct shell *s, const char *text) {
  if (s->freed || s->phase == BROKEN) return;
  s->phase = BROKEN;
  uv_timer_stop(&s->limit);
  requests_fail(s, text);
}

/* In the loop's phase of closing, so never within a callback of the transport. */
static void on_handle_closed(uv_handle_t *handle) {
  struct shell *s = handle->data;
  if (--s->closing) return;
  s->channel->transport->ops->channel_free(s->channel);
  line_free(&s->flying);
  line_free(&s->queue[ASK_CONTROL]);
  line_free(&s->queue[ASK_POLL]);
  frame_release(&s->frame);
  buf_release(&s->held);
  free(s->ended_text);
  if (s->o.freed) s->o.freed(s->o.freed_ctx);
  free(s);
}

void shell_free(struct shell *s) {
  if (!s || s->freed) return;
  s->freed = true;
  s->closing = 2;
  uv_close((uv_handle_t *)&s->limit, on_handle_closed);
  uv_close((uv_handle_t *)&s->turn, on_handle_closed);
}
