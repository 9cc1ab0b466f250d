#include <string.h>

#include "worker/ssh/link/link_inside.h"

#define FACTS_LIMIT_MS 30000
#define FACTS_AGAIN    60000

/* ---- the FIFO ---- */

static void watch_answered(void *ctx, const struct answer *a) {
  struct link *l = ctx;
  (void)a;
  l->watch.on = true;
  l->watch.since = uv_now(l->o.loop);
  if (l->o.events->watching) l->o.events->watching(l->o.ctx, true);
}

/* Cuts the bytes into lines. One that is too long isn't from us, and skipped. */
static void watch_data(void *ctx, const char *bytes, size_t len) {
  struct link *l = ctx;
  struct watch *w = &l->watch;
  const struct bulk *bulk = w->bulk;
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] != '\n') {
      if (w->len == sizeof w->line - 1)
        w->skipping = true;
      else
        w->line[w->len++] = bytes[i];
      continue;
    }
    w->line[w->len] = '\0';
    const size_t n = w->len;
    const bool skipped = w->skipping;
    w->len = 0;
    w->skipping = false;
    if (n && !skipped) l->o.events->event(l->o.ctx, w->line, n);
    if (l->dead || w->bulk != bulk) return;
  }
}

static void watch_ended(void *ctx, const struct bulk_end *end) {
  struct link *l = ctx;
  struct watch *w = &l->watch;
  const uint64_t now = uv_now(l->o.loop);
  (void)end;
  bulk_free(w->bulk);
  w->bulk = NULL;
  const bool was_on = w->on;
  w->on = false;
  w->delay = !w->delay || (was_on && now - w->since >= l->times.watch_max) ? l->times.watch_min : 2 * w->delay;
  if (w->delay > l->times.watch_max) w->delay = l->times.watch_max;
  w->at = now + w->delay;
  link_wake(l);
  if (was_on && l->phase == PHASE_UP && l->o.events->watching) l->o.events->watching(l->o.ctx, false);
}

static const struct bulk_events watch_events = {.answer = watch_answered, .data = watch_data, .end = watch_ended};

static void watch_open(struct link *l) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  ops_watch(&text, nonce, &l->hello);
  l->watch.len = 0;
  l->watch.skipping = false;
  const struct bulk_options options = {
      .kind = BULK_READ, .nonce = nonce, .text = &text, .events = &watch_events, .ctx = l};
  l->watch.bulk = bulk_new_own(l, &options);
}

static uint64_t watch_due(const struct link *l) {
  return l->hello.fifo && l->o.events->event && !l->watch.bulk ? l->watch.at : UINT64_MAX;
}

/* ---- the facts, once a boot ---- */

static void facts_ended(void *ctx, const struct bulk_end *end) {
  struct link *l = ctx;
  struct ops_facts facts;
  bool read = false;
  for (size_t i = 0; end->how == BULK_DONE && i < end->answer->len; i++) {
    const struct section *s = &end->answer->sections[i];
    if (strcmp(s->words, "facts") == 0) read = ops_read_facts(s->body, s->len, &facts) == 0;
  }
  bulk_free(l->facts);
  l->facts = NULL;
  l->facts_at = uv_now(l->o.loop) + (end->how == BULK_NOT_SENT && !l->facts_waits ? 0 : FACTS_AGAIN);
  l->facts_waits = end->how == BULK_NOT_SENT;
  link_wake(l);
  if (!read) return;
  memcpy(l->facts_boot, l->hello.boot, sizeof l->facts_boot);
  l->o.events->facts(l->o.ctx, &facts);
}

static const struct bulk_events facts_events = {.end = facts_ended};

/* On a channel of its own: a driver that hangs holds nobody up. If that is refused it waits its turn for one. */
static void facts_ask(struct link *l) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  ops_facts(&text, nonce);
  const struct bulk_options options = {
      .kind = BULK_ASK, .nonce = nonce, .text = &text, .limit_ms = FACTS_LIMIT_MS, .events = &facts_events, .ctx = l};
  l->facts = l->facts_waits ? link_bulk(l, &options) : bulk_new_own(l, &options);
}

static uint64_t facts_due(const struct link *l) {
  if (!l->o.events->facts || l->facts || strcmp(l->facts_boot, l->hello.boot) == 0) return UINT64_MAX;
  return l->facts_at;
}

/* ---- the sign of life ---- */

/* Needs neither remote.sh nor a process, so what it tells is the round trip. What it says is taken by on_answered. */
void chores_ping(struct link *l) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  buf_fmt(&text,
          "{\nrota_uptime=; read -r rota_uptime rota_rest </proc/uptime; echo\n"
          "echo \"%s 0${rota_uptime:+ $rota_uptime}\"\n}\n",
          nonce);
  const struct ask ask = {.nonce = nonce, .text = &text};
  l->pinged_at = uv_now(l->o.loop);
  shell_ask(l->control, &ask);
}

/* A link that is busy is asked too, though seldom: for what its clock says. */
static uint64_t ping_due(const struct link *l) {
  const uint64_t seldom = l->pinged_at + 4 * (uint64_t)l->times.idle;
  if (shell_pending(l->control)) return seldom;
  const uint64_t idle = shell_heard_at(l->control) + l->times.idle;
  return idle < seldom ? idle : seldom;
}

/* ---- all of them ---- */

void chores_begin(struct link *l) {
  l->watch = (struct watch){0};
  l->facts_at = 0;
  l->facts_waits = false;
  l->pinged_at = uv_now(l->o.loop);
}

uint64_t chores_due(const struct link *l) {
  if (l->phase != PHASE_UP || !l->control) return UINT64_MAX;
  uint64_t due = ping_due(l);
  if (watch_due(l) < due) due = watch_due(l);
  if (facts_due(l) < due) due = facts_due(l);
  return due;
}

void chores_turn(struct link *l) {
  if (l->phase != PHASE_UP || !l->control) return;
  const uint64_t now = uv_now(l->o.loop);
  if (watch_due(l) <= now) watch_open(l);
  if (facts_due(l) <= now) facts_ask(l);
  if (ping_due(l) <= now) chores_ping(l);
}
