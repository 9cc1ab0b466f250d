/* Further connections, each for one channel, where the server opens no more of them on the first: MaxSessions counts
 * the sessions of a connection. Made when a bulk waits for one, and kept for a while after, for the next. */
#include "worker/ssh/link/link_inside.h"

#define REFUSALS_MAX                                                                                                 \
  5 /* a server has a session again when the former's process is gone: until that isn't the cause */

static bool side_free(const struct side *s) {
  return !s->wire && !s->pass.gate;
}

static bool side_idle(const struct side *s) {
  return s->up && !s->bulk;
}

static void side_close(struct side *s) {
  gate_leave(&s->pass);
  if (s->wire) s->wire->detached = true;
  s->wire = NULL;
  s->bulk = NULL;
  s->up = false;
  s->refusals = 0;
  link_wake(s->l);
}

static void side_on_gate(void *ctx) {
  struct side *s = ctx;
  s->wire = link_wire_new(s->l, s);
}

static void side_ask(struct link *l, struct side *s) {
  s->l = l;
  gate_ask(l->o.gate, &s->pass, l->side_delay > 0, side_on_gate, s);
}

void side_came(struct side *s) {
  gate_leave(&s->pass);
  s->up = true;
  s->ready_at = s->idle_since = uv_now(s->l->o.loop);
  link_wake(s->l);
}

/* It is of no use: another one later. Servers punish logins that fail. */
static void side_failed(struct side *s, bool late, const char *text) {
  struct link *l = s->l;
  const unsigned max = late ? l->times.late_max : l->times.bulk_max;
  side_close(s);
  l->side_delay = l->side_delay ? 2 * l->side_delay : late ? l->times.late_min : l->times.bulk_min;
  if (l->side_delay > max) l->side_delay = max;
  l->side_at = uv_now(l->o.loop) + l->side_delay;
  bulks_unserved(l, text);
}

void side_gone(struct side *s, const struct transport_end *end) {
  struct bulk *bulk = s->bulk;
  if (s->up)
    side_close(s);
  else
    side_failed(s, end->fault != TRANSPORT_LOST && end->fault != TRANSPORT_BUSY, end->text);
  if (bulk) bulk_side_lost(bulk, end->text);
}

void side_refused(struct side *s, const char *text) {
  const struct link *l = s->l;
  s->bulk = NULL;
  s->ready_at = uv_now(l->o.loop) + l->times.bulk_min / 5;
  if (++s->refusals >= REFUSALS_MAX) side_failed(s, false, text);
}

void side_served(struct side *s) {
  s->l->side_delay = 0;
  s->refusals = 0;
}

void side_left(struct side *s) {
  s->bulk = NULL;
  s->ready_at = s->idle_since = uv_now(s->l->o.loop);
}

/* Those that wait for nothing but a connection, beyond those that come or are ready soon. */
static size_t sides_wanting(const struct link *l) {
  const size_t waiting = bulks_waiting(l);
  size_t coming = 0;
  for (size_t i = 0; i < LINK_SIDES; i++) coming += !side_free(&l->sides[i]) && !l->sides[i].bulk;
  return waiting > coming ? waiting - coming : 0;
}

void sides_turn(struct link *l) {
  const uint64_t now = uv_now(l->o.loop);
  size_t wanting = l->side_at <= now ? sides_wanting(l) : 0;
  for (size_t i = 0; i < LINK_SIDES; i++) {
    struct side *s = &l->sides[i];
    if (wanting && side_free(s)) {
      side_ask(l, s);
      wanting--;
    }
    if (side_idle(s) && s->ready_at <= now) s->bulk = bulk_start_aside(l, s);
    if (side_idle(s) && now - s->idle_since >= l->times.side) side_close(s);
  }
}

uint64_t sides_due(const struct link *l) {
  const size_t waiting = bulks_waiting(l);
  uint64_t due = UINT64_MAX;
  bool room = false;
  for (size_t i = 0; i < LINK_SIDES; i++) {
    const struct side *s = &l->sides[i];
    room |= side_free(s);
    if (!side_idle(s)) continue;
    if (waiting && s->ready_at < due) due = s->ready_at;
    if (s->idle_since + l->times.side < due) due = s->idle_since + l->times.side;
  }
  return room && l->side_at < due && sides_wanting(l) ? l->side_at : due;
}

void sides_close(struct link *l) {
  for (size_t i = 0; i < LINK_SIDES; i++)
    if (!side_free(&l->sides[i])) side_close(&l->sides[i]);
  l->side_at = 0;
  l->side_delay = 0;
}
