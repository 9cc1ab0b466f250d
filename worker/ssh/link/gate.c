#include "worker/ssh/link/gate.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

#define FREE_OF_FAILING 2u /* places that hosts which failed don't take */

struct gate {
  uv_timer_t turn; /* opens are called from the loop */
  unsigned places, in, failing;
  struct gate_pass *first, *last; /* who waits */
};

static void on_turn(uv_timer_t *timer);

struct gate *gate_new(uv_loop_t *loop, unsigned places) {
  struct gate *g = alloc_new(struct gate);
  g->places = places ? places : GATE_PLACES;
  uv_timer_init(loop, &g->turn);
  g->turn.data = g;
  return g;
}

static void line_remove(struct gate *g, struct gate_pass *p) {
  *(p->prev ? &p->prev->next : &g->first) = p->next;
  *(p->next ? &p->next->prev : &g->last) = p->prev;
  p->next = p->prev = NULL;
}

static bool may_enter(const struct gate *g, const struct gate_pass *p) {
  if (g->in >= g->places) return false;
  const unsigned most = g->places > FREE_OF_FAILING ? g->places - FREE_OF_FAILING : 1;
  return !p->failing || g->failing < most;
}

static struct gate_pass *next_to_enter(const struct gate *g) {
  struct gate_pass *p = g->first;
  while (p && !may_enter(g, p)) p = p->next;
  return p;
}

/* The loop is kept alive only while somebody is to be let in. */
static void wake(struct gate *g) {
  if (next_to_enter(g)) uv_timer_start(&g->turn, on_turn, 0, 0);
}

/* One a turn, because whoever is let in may do anything, free the gate too. */
static void on_turn(uv_timer_t *timer) {
  struct gate *g = timer->data;
  struct gate_pass *p = next_to_enter(g);
  if (!p) return;
  line_remove(g, p);
  p->in = true;
  g->in++;
  if (p->failing) g->failing++;
  wake(g);
  p->open(p->ctx);
}

void gate_ask(struct gate *g, struct gate_pass *pass, bool failing, void (*open)(void *ctx), void *ctx) {
  assert(!pass->gate);
  *pass = (struct gate_pass){.gate = g, .prev = g->last, .failing = failing, .open = open, .ctx = ctx};
  *(g->last ? &g->last->next : &g->first) = pass;
  g->last = pass;
  wake(g);
}

void gate_leave(struct gate_pass *pass) {
  struct gate *g = pass->gate;
  if (!g) return;
  if (pass->in) {
    g->in--;
    if (pass->failing) g->failing--;
  } else {
    line_remove(g, pass);
  }
  *pass = (struct gate_pass){0};
  wake(g);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

void gate_free(struct gate *g) {
  if (!g) return;
  assert(!g->in && !g->first);
  uv_close((uv_handle_t *)&g->turn, on_closed);
}
