#include "worker/ssh/link/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/id.h"
#include "worker/ssh/link/link_inside.h"

static void on_timer(uv_timer_t *timer);
static void link_fail(struct link *l, enum link_contact contact, const char *text);

/* ---- memory ---- */

static char *copy(const char *text) {
  return text ? alloc_strdup(text) : NULL;
}

static void host_copy(struct host_options *to, const struct host_options *from) {
  *to = *from;
  to->name = copy(from->name);
  to->ssh = copy(from->ssh);
  to->identity = copy(from->identity);
  to->jump = copy(from->jump);
  to->known_hosts = copy(from->known_hosts);
  to->passphrase_file = copy(from->passphrase_file);
  to->passphrase_env = copy(from->passphrase_env);
  to->root = copy(from->root);
}

static void host_release(struct host_options *h) {
  const char *strings[] = {h->name,           h->ssh, h->identity, h->jump, h->known_hosts, h->passphrase_file,
                           h->passphrase_env, h->root};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) free((void *)(uintptr_t)strings[i]);
}

static unsigned or_default(unsigned value, unsigned otherwise) {
  return value ? value : otherwise;
}

static void times_default(struct link_times *t) {
  t->back_off_min = or_default(t->back_off_min, 1000);
  t->back_off_max = or_default(t->back_off_max, 60000);
  t->late_min = or_default(t->late_min, 60000);
  t->late_max = or_default(t->late_max, 900000);
  t->steady = or_default(t->steady, 30000);
  t->idle = or_default(t->idle, 30000);
  t->start = or_default(t->start, 15000);
  t->limit = or_default(t->limit, OPS_DEADLINE_MS);
  t->watch_min = or_default(t->watch_min, 1000);
  t->watch_max = or_default(t->watch_max, 30000);
  t->bulk_min = or_default(t->bulk_min, 1000);
  t->bulk_max = or_default(t->bulk_max, 30000);
  t->side = or_default(t->side, 10000);
}

static void link_destroy(struct link *l) {
  host_release(&l->host);
  free((void *)(uintptr_t)l->o.state_dir);
  free((void *)(uintptr_t)l->o.state_id);
  free(l->text);
  free(l->address);
  free(l->noise);
  vec_release(&l->unsent);
  vec_release(&l->delivering);
  free(l);
}

/* Frees the connections of which nothing is left, and with the last of them the link, if it was given up: then false.
 * Never called from within a callback of a transport. */
static bool wires_bury(struct link *l) {
  for (struct wire **at = &l->wires; *at;) {
    struct wire *w = *at;
    if (!w->detached || w->shells) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    w->transport->ops->free(w->transport);
    free(w);
  }
  if (!l->timer_closed || l->wires) return true;
  link_destroy(l);
  return false;
}

static void on_shell_freed(void *ctx) {
  struct wire *w = ctx;
  w->shells--;
  if (w->detached) wires_bury(w->l);
}

static void on_timer_closed(uv_handle_t *handle) {
  struct link *l = handle->data;
  l->timer_closed = true;
  wires_bury(l);
}

/* ---- contact ---- */

static void contact_set(struct link *l, enum link_contact contact, const char *text) {
  const bool same = contact == l->contact && (text ? l->text && strcmp(text, l->text) == 0 : !l->text);
  if (same) return;
  /* What couldn't be reached hasn't been since it was lost, or since the first try. */
  if (contact != l->contact && (l->contact != LINK_CONNECTING || contact == LINK_UP)) l->since = clock_now();
  l->contact = contact;
  char *kept = copy(text);
  free(l->text);
  l->text = kept;
  l->o.events->contact(l->o.ctx, contact, l->text);
}

/* Half of the delay is by chance, so that hosts that were lost together don't come back together. */
static unsigned back_off(struct link *l, bool late) {
  const unsigned min = late ? l->times.late_min : l->times.back_off_min;
  const unsigned max = late ? l->times.late_max : l->times.back_off_max;
  if (late != l->fails_late) l->fails = 0;
  l->fails_late = late;
  uint64_t delay = (uint64_t)min << (l->fails < 16 ? l->fails : 16);
  if (delay > max) delay = max;
  l->fails++;
  uint32_t chance;
  random_bytes(&chance, sizeof chance);
  return (unsigned)(delay - chance % (delay / 2 + 1));
}

/* Lets go of the connection; each request gets its callback, which may free the link. */
static void link_drop(struct link *l, const char *text) {
  l->phase = PHASE_WAITING;
  gate_leave(&l->pass);
  if (l->wire) l->wire->detached = true;
  l->wire = NULL;
  l->dropping = l->control;
  l->control = NULL;
  if (l->dropping) shell_lost(l->dropping, text);
  shell_free(l->dropping);
  l->dropping = NULL;
  sides_close(l);
  if (!l->dead) bulks_lost(l, text);
}

static void link_fail(struct link *l, enum link_contact contact, const char *text) {
  const bool was_up = l->phase == PHASE_UP;
  const uint64_t now = uv_now(l->o.loop);
  /* It may be the text of what is freed now. */
  char *why = was_up ? alloc_fmt("the connection was lost: %s", text) : alloc_strdup(text);
  if (was_up && now - l->up_at >= l->times.steady) l->fails = 0;
  link_drop(l, why);
  if (!l->dead) {
    l->connect_at = now + back_off(l, contact == LINK_REFUSED);
    link_wake(l);
    contact_set(l, was_up ? LINK_CONNECTING : contact, why);
  }
  free(why);
}

/* ---- on the way up ---- */

static void go_up(struct link *l) {
  l->phase = PHASE_UP;
  l->up_at = uv_now(l->o.loop);
  chores_begin(l);
  link_wake(l);
  contact_set(l, LINK_UP, NULL);
}

/* What an answer on the way up means if it isn't the one that was hoped for. True if it is. */
static bool answer_good(struct link *l, const struct answer *a) {
  if (a->end != ANSWER_CAME) return false; /* the shell broke, or the connection: that is told by itself */
  if (a->rc == 0) return true;
  struct ops_error error;
  ops_read_error(a->sections[0].body, a->sections[0].len, &error);
  link_fail(l, LINK_REFUSED, error.text);
  return false;
}

static void on_installed(void *ctx, const struct answer *a) {
  struct link *l = ctx;
  if (answer_good(l, a)) go_up(l);
}

static void greet(struct link *l, enum link_phase phase, void (*answer)(void *ctx, const struct answer *a)) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  l->phase = phase;
  if (phase == PHASE_HELLO)
    ops_hello(&text, nonce, l->host.root, l->o.state_id, l->host.name);
  else
    ops_install(&text, nonce);
  const struct ask ask = {.nonce = nonce, .text = &text, .answer = answer, .ctx = l};
  shell_ask(l->control, &ask);
}

static void on_hello(void *ctx, const struct answer *a) {
  struct link *l = ctx;
  if (!answer_good(l, a)) return;
  struct ops_hello hello;
  bool read = false;
  for (size_t i = 0; i < a->len && !read; i++)
    read = strcmp(a->sections[i].words, "hello") == 0 &&
           ops_read_hello(a->sections[i].body, a->sections[i].len, &hello) == 0;
  if (!read || hello.protocol != OPS_PROTOCOL) {
    link_fail(l, LINK_REFUSED, "the host answered, but not what this version understands");
    return;
  }
  /* Another boot is another clock. */
  if (strcmp(hello.boot, l->hello.boot) != 0 || strcmp(hello.machine, l->hello.machine) != 0)
    l->clock = (struct host_clock){0};
  l->hello = hello;
  host_clock_take(&l->clock, a->written_at, clock_monotonic(), hello.uptime_us);
  if (hello.supervise)
    go_up(l);
  else
    greet(l, PHASE_INSTALL, on_installed);
}

static void noise_keep(struct link *l) {
  free(l->noise);
  l->noise = alloc_strdup(shell_noise(l->control));
}

static void on_shell_up(void *ctx) {
  struct link *l = ctx;
  noise_keep(l);
  greet(l, PHASE_HELLO, on_hello);
}

static void on_answered(void *ctx, const struct answer *a, bool alone) {
  struct link *l = ctx;
  const int64_t now = clock_monotonic(), took = now - a->written_at;
  if (alone && (l->phase == PHASE_UP || l->phase == PHASE_HELLO))
    l->round_trip_us = l->round_trip_us < 0 || took < l->round_trip_us
                           ? took
                           : l->round_trip_us + (took - l->round_trip_us) / 8;
  /* Before hello it isn't known whose clock it is. */
  if (l->phase == PHASE_UP && a->uptime_us >= 0) host_clock_take(&l->clock, a->written_at, now, a->uptime_us);
}

static void on_shell_broken(void *ctx, enum shell_fault fault, bool orderly, const char *text) {
  struct link *l = ctx;
  (void)orderly;
  if (!l->control) return; /* it is being let go of already */
  noise_keep(l);
  link_fail(l, fault == SHELL_LATE || fault == SHELL_ENDED ? LINK_UNREACHABLE : LINK_REFUSED, text);
}

static const struct shell_events control_events = {
    .up = on_shell_up, .answered = on_answered, .broken = on_shell_broken};

struct shell *link_shell_new(struct wire *w, const struct shell_events *events, void *ctx) {
  const struct link *l = w->l;
  w->shells++;
  const struct shell_options options = {.loop = l->o.loop,
                                        .transport = w->transport,
                                        .events = events,
                                        .ctx = ctx,
                                        .generation = l->generation,
                                        .start_limit_ms = l->times.start,
                                        .limit_ms = l->times.limit,
                                        .freed = on_shell_freed,
                                        .freed_ctx = w};
  return shell_new(&options);
}

static void on_wire_up(void *ctx) {
  struct wire *w = ctx;
  struct link *l = w->l;
  if (w->detached) return;
  if (w->side) {
    side_came(w->side);
    return;
  }
  gate_leave(&l->pass);
  free(l->address);
  l->address = copy(w->transport->address);
  l->phase = PHASE_LOGIN;
  l->control = link_shell_new(w, &control_events, l);
}

static void on_wire_down(void *ctx, const struct transport_end *end) {
  const struct wire *w = ctx;
  if (w->detached) return;
  if (w->side) {
    side_gone(w->side, end);
    return;
  }
  const bool lost = end->fault == TRANSPORT_LOST || end->fault == TRANSPORT_BUSY;
  link_fail(w->l, lost || w->l->phase == PHASE_UP ? LINK_UNREACHABLE : LINK_REFUSED, end->text);
}

static const struct transport_events wire_events = {.up = on_wire_up, .down = on_wire_down};

struct wire *link_wire_new(struct link *l, struct side *side) {
  struct wire *w = alloc_new(struct wire);
  *w = (struct wire){.l = l, .side = side, .next = l->wires};
  l->wires = w;
  const struct transport_options options = {
      .loop = l->o.loop, .host = &l->host, .state_dir = l->o.state_dir, .events = &wire_events, .ctx = w};
  w->transport = l->o.connect(&options);
  return w;
}

/* There is a place at the gate. */
static void on_gate(void *ctx) {
  struct link *l = ctx;
  l->generation++;
  l->phase = PHASE_CONNECTING;
  l->wire = link_wire_new(l, NULL);
}

/* ---- turning ---- */

void link_wake(struct link *l) {
  if (!l->dead) uv_timer_start(&l->timer, on_timer, 0, 0);
}

static void link_schedule(struct link *l) {
  uint64_t due = chores_due(l), now = uv_now(l->o.loop);
  if (l->phase == PHASE_WAITING && l->connect_at < due) due = l->connect_at;
  if (bulks_due(l) < due) due = bulks_due(l);
  if (l->unsent.len) due = 0;
  if (due != UINT64_MAX) uv_timer_start(&l->timer, on_timer, due > now ? due - now : 0, 0);
}

/* Those that come meanwhile are for the next turn. */
static void unsent_deliver(struct link *l) {
  const struct answer a = {
      .end = ANSWER_NOT_SENT, .text = "the host isn't connected", .uptime_us = -1, .generation = l->generation};
  if (!l->unsent.len) return;
  vec_release(&l->delivering);
  l->delivering = l->unsent;
  l->unsent.items = NULL;
  l->unsent.len = l->unsent.cap = 0;
  for (size_t i = 0; i < l->delivering.len && !l->dead; i++) {
    const struct unsent *u = &l->delivering.items[i];
    if (u->answer) u->answer(u->ctx, &a);
  }
  vec_release(&l->delivering);
}

static void on_timer(uv_timer_t *timer) {
  struct link *l = timer->data;
  if (!wires_bury(l)) return;
  unsent_deliver(l);
  if (!l->dead) bulks_turn(l);
  if (l->dead) return;
  chores_turn(l);
  if (l->phase == PHASE_WAITING && l->connect_at <= uv_now(l->o.loop)) {
    l->phase = PHASE_QUEUED;
    gate_ask(l->o.gate, &l->pass, l->fails > 0, on_gate, l);
  }
  link_schedule(l);
}

/* ---- from outside ---- */

struct link *link_new(const struct link_options *options) {
  struct link *l = alloc_new(struct link);
  l->o = *options;
  l->o.state_dir = copy(options->state_dir);
  l->o.state_id = copy(options->state_id);
  host_copy(&l->host, options->host);
  l->o.host = &l->host;
  l->times = options->times;
  times_default(&l->times);
  l->contact = LINK_CONNECTING;
  l->text = alloc_strdup("connecting for the first time");
  l->noise = alloc_strdup("");
  l->since = clock_now();
  l->round_trip_us = -1;
  l->bulk_room = LINK_BULKS;
  uv_timer_init(l->o.loop, &l->timer);
  l->timer.data = l;
  link_wake(l);
  return l;
}

void link_free(struct link *l) {
  if (!l || l->dead) return;
  l->dead = true;
  l->phase = PHASE_WAITING;
  gate_leave(&l->pass);
  if (l->wire) l->wire->detached = true;
  l->wire = NULL;
  bulks_free(l);
  sides_close(l);
  shell_free(l->control);
  shell_free(l->dropping);
  l->control = l->dropping = NULL;
  uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}

void link_check(struct link *l) {
  if (l->phase == PHASE_UP) {
    if (shell_up(l->control) && !shell_pending(l->control)) chores_ping(l);
  } else if (l->phase == PHASE_WAITING) {
    l->fails = 0;
    l->connect_at = 0;
    link_wake(l);
  }
}

enum link_contact link_contact(const struct link *l) {
  return l->contact;
}

instant link_since(const struct link *l) {
  return l->since;
}

const char *link_text(const struct link *l) {
  return l->text;
}

const struct ops_hello *link_hello(const struct link *l) {
  return l->phase == PHASE_UP ? &l->hello : NULL;
}

unsigned link_generation(const struct link *l) {
  return l->generation;
}

int64_t link_round_trip_us(const struct link *l) {
  return l->round_trip_us;
}

const char *link_transport(const struct link *l) {
  return l->wire && l->phase >= PHASE_LOGIN ? l->wire->transport->kind : NULL;
}

const char *link_address(const struct link *l) {
  return l->address ? l->address : l->host.ssh;
}

const char *link_noise(const struct link *l) {
  return l->noise;
}

bool link_watching(const struct link *l) {
  return l->phase == PHASE_UP && l->watch.on;
}

instant link_instant(const struct link *l, int64_t uptime_us) {
  if (!l->clock.known) return INSTANT_NONE;
  return clock_now() - clock_monotonic() + host_clock_map(&l->clock, uptime_us);
}

void link_ask(struct link *l, const struct ask *ask) {
  assert(!l->dead && !ask->raw);
  if (l->phase == PHASE_UP && l->control && shell_up(l->control)) {
    shell_ask(l->control, ask);
    return;
  }
  buf_release(ask->text);
  vec_push(&l->unsent, ((struct unsent){ask->answer, ask->ctx}));
  link_wake(l);
}

void link_forget(struct link *l, const void *ctx) {
  if (l->control) shell_forget(l->control, ctx);
  if (l->dropping) shell_forget(l->dropping, ctx);
  for (size_t i = 0; i < l->unsent.len; i++)
    if (l->unsent.items[i].ctx == ctx) l->unsent.items[i].answer = NULL;
  for (size_t i = 0; i < l->delivering.len; i++)
    if (l->delivering.items[i].ctx == ctx) l->delivering.items[i].answer = NULL;
}
