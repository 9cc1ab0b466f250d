#include "tests/sim/shrink.h"

struct shrinking {
  struct plan *plan;
  int tries;
  shrink_fails_fn *fails;
  void *ctx;
};

static bool still_fails(struct shrinking *s) {
  return s->tries-- > 0 && s->fails(s->ctx, s->plan);
}

static size_t acts_left(const struct plan *p) {
  size_t n = 0;
  for (size_t i = 0; i < p->acts.len; i++) n += !p->acts.items[i].left_out;
  return n;
}

/* Leaves out `len` of the acts that are left, from the nth on. False if there are none. */
static bool leave_out(struct plan *p, size_t nth, size_t len, bool *changed) {
  size_t seen = 0;
  bool any = false;
  for (size_t i = 0; i < p->acts.len; i++) {
    struct act *act = &p->acts.items[i];
    changed[i] = !act->left_out && seen >= nth && seen < nth + len;
    seen += !act->left_out;
    if (changed[i]) act->left_out = any = true;
  }
  return any;
}

static void put_back(struct plan *p, const bool *changed) {
  for (size_t i = 0; i < p->acts.len; i++)
    if (changed[i]) p->acts.items[i].left_out = false;
}

static void fewer_acts(struct shrinking *s) {
  struct plan *p = s->plan;
  bool *changed = alloc_zeroed(p->acts.len + 1, sizeof *changed);
  for (size_t len = (acts_left(p) + 1) / 2; len > 0 && s->tries > 0; len = len > 1 ? (len + 1) / 2 : 0) {
    for (size_t at = 0; at < acts_left(p) && s->tries > 0;) {
      if (!leave_out(p, at, len, changed)) break;
      if (still_fails(s)) continue;
      put_back(p, changed);
      at += len;
    }
    if (len == 1) break;
  }
  free(changed);
}

static void simpler(struct shrinking *s, int64_t *limit, int64_t value) {
  int64_t before = *limit;
  if (before == value) return;
  *limit = value;
  if (!still_fails(s)) *limit = before;
}

static void shorter(struct shrinking *s) {
  struct limits *l = &s->plan->limits;
  for (int64_t horizon = l->horizon / 2; horizon > USEC_PER_MIN; horizon /= 2) {
    int64_t before = l->horizon;
    l->horizon = horizon;
    if (still_fails(s)) continue;
    l->horizon = before;
    return;
  }
}

size_t shrink(struct plan *plan, int tries, shrink_fails_fn *fails, void *ctx) {
  struct shrinking s = {plan, tries, fails, ctx};
  struct limits *l = &plan->limits;
  fewer_acts(&s);
  shorter(&s);
  simpler(&s, &l->doubles, 0);
  simpler(&s, &l->lost_replies, 0);
  simpler(&s, &l->failing, 0);
  simpler(&s, &l->pipelines, 1);
  simpler(&s, &l->commit_most, 1);
  simpler(&s, &l->message_most, 1);
  simpler(&s, &l->turn_most, 1);
  fewer_acts(&s);
  return acts_left(plan);
}
