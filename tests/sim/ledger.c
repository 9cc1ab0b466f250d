#include "tests/sim/ledger.h"

#include <stdlib.h>

#include "base/err.h"
#include "tests/sim/checker.h"

struct ledger *ledger_new(struct world *w, enum ledger_kind kind) {
  struct ledger *d = alloc_new(struct ledger);
  d->w = w;
  d->kind = kind;
  dice_init(&d->dice, w->seed, 4);
  rows_init(&d->rows);
  return d;
}

void ledger_free(struct ledger *d) {
  if (!d) return;
  rows_release(&d->rows);
  free(d);
}

static void keep(struct ledger *d, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    checker_row(d->w, &changes[i]);
    rows_put(&d->rows, &changes[i]);
  }
  d->commits++;
  d->changes += len;
  checker_commit(d->w);
}

int ledger_commit(struct ledger *d, const struct change *changes, size_t len) {
  if (d->sync_fails) {
    d->sync_fails = false;
    if (dice_chance(&d->dice, 50)) keep(d, changes, len);
    return ERR_SYNC;
  }
  bool full = d->full_until > d->w->now;
  if (full && d->reserve) return ERR_FULL;
  /* The reserve makes room for what is under way, now and then at the second try. */
  if (full) {
    d->reserve = true;
    if (dice_chance(&d->dice, 50)) return ERR_FULL;
  }
  keep(d, changes, len);
  return 0;
}

bool ledger_commit_cut(struct ledger *d, const struct change *changes, size_t len) {
  if (d->full_until > d->w->now || dice_chance(&d->dice, 50)) return false;
  keep(d, changes, len);
  return true;
}

bool ledger_held(struct ledger *d) {
  if (d->full_until > d->w->now) return d->reserve;
  d->reserve = false;
  return false;
}

void ledger_crash(struct ledger *d, bool power) {
  (void)power;
  d->sync_fails = false;
}

void ledger_load(struct ledger *d, struct arena *a, struct engine_state *out) {
  rows_state(&d->rows, a, out);
}

void ledger_loaded(struct ledger *d) {
  (void)d;
}
