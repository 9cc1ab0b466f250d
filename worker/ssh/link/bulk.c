#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "worker/ssh/link/link_inside.h"

#define TRIES_MAX      12  /* with the delays between them some minutes */
#define AFTER_ONE_ENDS 200 /* ms: a server that refused a channel has one again when the former's process is gone */

enum bulk_state { BULK_WAITS, BULK_RUNS, BULK_FLOWS, BULK_ENDED };

struct bulk {
  struct link *l;
  struct bulk *next, *prev;
  enum bulk_kind kind;
  enum bulk_state state;
  bool own, hasty, finished;
  unsigned tries, limit_ms;
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text;
  const struct bulk_events *events;
  void *ctx;
  struct shell *shell;
  struct side *side; /* whose connection it is on; NULL: the link's own */
};

static bool bulk_running(const struct bulk *b) {
  return b->state == BULK_RUNS || b->state == BULK_FLOWS;
}

/* Closes the channel. */
static void bulk_stop(struct bulk *b) {
  struct link *l = b->l;
  if (!bulk_running(b)) return;
  if (b->side) {
    side_left(b->side);
    b->side = NULL;
  } else if (!b->own) {
    l->bulks_running--;
    const uint64_t soon = uv_now(l->o.loop) + AFTER_ONE_ENDS;
    if (l->bulk_at > soon) l->bulk_at = soon;
  }
  shell_free(b->shell);
  b->shell = NULL;
  link_wake(l);
}

static void bulk_end(struct bulk *b, enum bulk_how how, const struct answer *answer, const char *text) {
  if (b->state == BULK_ENDED) return;
  bulk_stop(b);
  b->state = BULK_ENDED;
  buf_release(&b->text);
  const struct bulk_end end = {.how = how, .answer = answer, .text = text};
  b->events->end(b->ctx, &end);
}

static void on_answer(void *ctx, const struct answer *a) {
  struct bulk *b = ctx;
  if (a->end != ANSWER_CAME) return; /* on_broken follows */
  if (a->rc != 0) {
    struct ops_error error;
    ops_read_error(a->sections[0].body, a->sections[0].len, &error);
    bulk_end(b, BULK_ERROR, a, error.text);
  } else if (b->kind == BULK_ASK) {
    bulk_end(b, BULK_DONE, a, NULL);
  } else {
    b->state = BULK_FLOWS;
    buf_release(&b->text);
    if (b->events->answer) b->events->answer(b->ctx, a);
  }
}

static void on_up(void *ctx) {
  struct bulk *b = ctx;
  struct link *l = b->l;
  if (b->own) return;
  if (b->side) {
    side_served(b->side);
    return;
  }
  l->bulk_delay = 0;
  l->bulk_at = 0;
  link_wake(l);
}

static void on_data(void *ctx, const char *bytes, size_t len) {
  struct bulk *b = ctx;
  if (b->kind == BULK_READ && b->events->data) b->events->data(b->ctx, bytes, len);
}

static void on_drained(void *ctx) {
  struct bulk *b = ctx;
  if (b->kind == BULK_WRITE && b->events->drained) b->events->drained(b->ctx);
}

/* The server opens no more channels: later, and until then as many as there are. Of several that were refused
 * together only the first lengthens the delay. */
static void bulk_refused(struct bulk *b, const char *text) {
  struct link *l = b->l;
  struct side *side = b->side;
  const uint64_t now = uv_now(l->o.loop);
  bulk_stop(b);
  b->state = BULK_WAITS;
  if (side) {
    side_refused(side, text);
    return;
  }
  if (b->own) {
    bulk_end(b, BULK_NOT_SENT, NULL, text);
    return;
  }
  if (!l->bulk_delay)
    l->bulk_delay = l->times.bulk_min;
  else if (now - l->bulk_refused_at >= l->bulk_delay)
    l->bulk_delay = 2 * l->bulk_delay < l->times.bulk_max ? 2 * l->bulk_delay : l->times.bulk_max;
  l->bulk_refused_at = now;
  l->bulk_room = l->bulks_running ? l->bulks_running : 1;
  l->bulk_at = now + l->bulk_delay;
  link_wake(l);
  if (b->hasty) bulk_end(b, BULK_NOT_SENT, NULL, text);
}

static void on_broken(void *ctx, enum shell_fault fault, bool orderly, const char *text) {
  struct bulk *b = ctx;
  if (fault == SHELL_REFUSED)
    bulk_refused(b, text);
  else if (b->state == BULK_FLOWS && orderly && (b->kind == BULK_READ || b->finished))
    bulk_end(b, BULK_DONE, NULL, NULL);
  else
    bulk_end(b, BULK_LOST, NULL, text);
}

static const struct shell_events shell_events = {
    .up = on_up, .data = on_data, .drained = on_drained, .broken = on_broken};

/* What the control shell knows since hello: requests that are made for it need it. The others bring it themselves. */
static void use_write(const struct ops_hello *hello, struct buf *out) {
  const char *const words[] = {hello->root, hello->host};
  buf_str(out, "rota_use");
  for (size_t i = 0; i < 2; i++) {
    buf_str(out, " '");
    for (const char *c = words[i]; *c; c++) {
      if (*c == '\'')
        buf_str(out, "'\\''");
      else
        buf_char(out, *c);
    }
    buf_char(out, '\'');
  }
  buf_str(out, " </dev/null\n");
}

static void bulk_start(struct bulk *b, struct side *side) {
  struct link *l = b->l;
  struct buf text = {0};
  if (b->kind == BULK_ASK) use_write(&l->hello, &text);
  buf_add(&text, b->text.bytes, b->text.len);
  b->state = BULK_RUNS;
  b->side = side;
  if (!b->own && !side) l->bulks_running++;
  b->shell = link_shell_new(side ? side->wire : l->wire, &shell_events, b);
  const struct ask ask = {.nonce = b->nonce,
                          .text = &text,
                          .limit_ms = b->limit_ms,
                          .raw = b->kind != BULK_ASK,
                          .answer = on_answer,
                          .ctx = b};
  shell_ask(b->shell, &ask);
}

static struct bulk *bulk_make(struct link *l, const struct bulk_options *options, bool own) {
  assert(!l->dead && strlen(options->nonce) == FRAME_NONCE_LEN);
  struct bulk *b = alloc_new(struct bulk);
  *b = (struct bulk){.l = l,
                     .prev = l->bulks_last,
                     .kind = options->kind,
                     .own = own,
                     .hasty = options->hasty,
                     .limit_ms = options->limit_ms,
                     .text = *options->text,
                     .events = options->events,
                     .ctx = options->ctx};
  memcpy(b->nonce, options->nonce, sizeof b->nonce);
  *options->text = (struct buf){0};
  *(b->prev ? &b->prev->next : &l->bulks) = b;
  l->bulks_last = b;
  return b;
}

struct bulk *link_bulk(struct link *l, const struct bulk_options *options) {
  struct bulk *b = bulk_make(l, options, false);
  link_wake(l);
  return b;
}

bool link_is_crowded(const struct link *l) {
  return l->bulk_delay > 0 && uv_now(l->o.loop) < l->bulk_at;
}

struct bulk *bulk_new_own(struct link *l, const struct bulk_options *options) {
  struct bulk *b = bulk_make(l, options, true);
  bulk_start(b, NULL);
  return b;
}

void bulk_write(struct bulk *b, const void *bytes, size_t len) {
  if (b->state == BULK_FLOWS && !b->finished) shell_write(b->shell, bytes, len);
}

size_t bulk_waiting(const struct bulk *b) {
  return b->state == BULK_FLOWS ? shell_waiting(b->shell) : 0;
}

void bulk_finish(struct bulk *b) {
  if (b->state != BULK_FLOWS || b->finished) return;
  b->finished = true;
  shell_finish(b->shell);
}

void bulk_pause(struct bulk *b, bool paused) {
  if (b->state == BULK_FLOWS) shell_pause(b->shell, paused);
}

void bulk_free(struct bulk *b) {
  if (!b) return;
  struct link *l = b->l;
  bulk_stop(b);
  *(b->prev ? &b->prev->next : &l->bulks) = b->next;
  *(b->next ? &b->next->prev : &l->bulks_last) = b->prev;
  buf_release(&b->text);
  free(b);
}

/* The first that is in one of the states from `from` to `to`. */
static struct bulk *bulk_find(const struct link *l, enum bulk_state from, enum bulk_state to) {
  struct bulk *b = l->bulks;
  while (b && (b->state < from || b->state > to)) b = b->next;
  return b;
}

static struct bulk *bulk_find_hasty(const struct link *l) {
  struct bulk *b = link_is_crowded(l) ? l->bulks : NULL;
  while (b && !(b->state == BULK_WAITS && b->hasty)) b = b->next;
  return b;
}

uint64_t bulks_due(const struct link *l) {
  const uint64_t sides = sides_due(l);
  if (!bulk_find(l, BULK_WAITS, BULK_WAITS)) return sides;
  if (l->phase != PHASE_UP || bulk_find_hasty(l)) return 0;
  return l->bulks_running < LINK_BULKS && l->bulk_at < sides ? l->bulk_at : sides;
}

/* As many as there is known to be room for; then, if that is less than the limit, one more to see. */
static void bulks_start(struct link *l) {
  struct bulk *b;
  while (l->bulks_running < l->bulk_room && (b = bulk_find(l, BULK_WAITS, BULK_WAITS))) bulk_start(b, NULL);
  if (l->bulk_room >= LINK_BULKS || !(b = bulk_find(l, BULK_WAITS, BULK_WAITS))) return;
  bulk_start(b, NULL);
  l->bulk_room = l->bulks_running;
  l->bulk_at = uv_now(l->o.loop) + l->times.bulk_max; /* what becomes of it sets another time */
}

void bulks_turn(struct link *l) {
  struct bulk *b;
  if (l->phase == PHASE_UP) {
    while (!l->dead && (b = bulk_find_hasty(l)))
      bulk_end(b, BULK_NOT_SENT, NULL, "the server opens no more channels");
    if (l->dead || l->phase != PHASE_UP) return;
    if (l->bulks_running < LINK_BULKS && l->bulk_at <= uv_now(l->o.loop)) bulks_start(l);
    sides_turn(l);
  } else if ((b = bulk_find(l, BULK_WAITS, BULK_WAITS))) {
    bulk_end(b, BULK_NOT_SENT, NULL, "the host isn't connected"); /* one a turn: it may do anything */
  }
}

void bulks_lost(struct link *l, const char *text) {
  l->bulk_at = 0;
  l->bulk_delay = 0;
  l->bulk_room = LINK_BULKS;
  /* Those that the callbacks ask for are behind those that there are now. */
  size_t left = 0;
  for (const struct bulk *b = l->bulks; b; b = b->next) left += b->state != BULK_ENDED;
  struct bulk *b;
  while (left-- && !l->dead && (b = bulk_find(l, BULK_WAITS, BULK_FLOWS)))
    bulk_end(b, b->state == BULK_WAITS ? BULK_NOT_SENT : BULK_LOST, NULL, text);
}

size_t bulks_waiting(const struct link *l) {
  size_t waiting = 0;
  if (l->phase != PHASE_UP || !link_is_crowded(l)) return 0;
  for (const struct bulk *b = l->bulks; b; b = b->next) waiting += b->state == BULK_WAITS && !b->hasty;
  return waiting;
}

struct bulk *bulk_start_aside(struct link *l, struct side *s) {
  struct bulk *b = bulks_waiting(l) ? l->bulks : NULL;
  while (b && (b->state != BULK_WAITS || b->hasty)) b = b->next;
  if (b) bulk_start(b, s);
  return b;
}

void bulk_side_lost(struct bulk *b, const char *text) {
  bulk_end(b, BULK_LOST, NULL, text);
}

void bulks_unserved(struct link *l, const char *text) {
  struct bulk *b = bulk_find(l, BULK_WAITS, BULK_WAITS);
  if (b && ++b->tries >= TRIES_MAX) bulk_end(b, BULK_NOT_SENT, NULL, text);
}

void bulks_free(struct link *l) {
  while (l->bulks) bulk_free(l->bulks);
}
