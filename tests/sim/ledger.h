/* What is durable: plain arrays, or the real store on the disk of disk.h. The rows that were acknowledged are kept as
 * arrays in both cases, so that what the store reads after a crash can be held against them. */
#ifndef ROTA_TESTS_SIM_LEDGER_H
#define ROTA_TESTS_SIM_LEDGER_H

#include "tests/sim/rows.h"
#include "tests/sim/world.h"

enum ledger_kind { LEDGER_ARRAYS, LEDGER_SQLITE };

struct ledger {
  struct world *w;
  enum ledger_kind kind;
  struct dice dice;
  struct rows rows; /* what is durable */
  int64_t full_until;
  bool sync_fails; /* the next commit's */
  bool reserve;    /* the ballast is gone: it was needed for what was under way */
  uint64_t commits, changes;
};

struct ledger *ledger_new(struct world *w, enum ledger_kind kind);
void ledger_free(struct ledger *d);

/* One transaction. 0: it is durable; ERR_FULL: nothing of it is there, try again later; ERR_SYNC: nobody knows. */
int ledger_commit(struct ledger *d, const struct change *changes, size_t len);
/* The daemon dies in the middle of one: true if it is durable all the same. */
bool ledger_commit_cut(struct ledger *d, const struct change *changes, size_t len);
/* Whether the batch that was durable needed the reserve, and there is no room for another yet. */
bool ledger_held(struct ledger *d);
/* The daemon died; with `power` the machine too. */
void ledger_crash(struct ledger *d, bool power);
/* What a start reads. `out` lives until the arena is reset. */
void ledger_load(struct ledger *d, struct arena *a, struct engine_state *out);
void ledger_loaded(struct ledger *d); /* it was taken over */

#endif
