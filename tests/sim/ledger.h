/* What is durable: plain arrays, or the real store on the disk of disk.h. The rows that were acknowledged are kept as
 * arrays in both cases, so that what the store reads after a crash can be held against them. */
#ifndef ROTA_TESTS_SIM_LEDGER_H
#define ROTA_TESTS_SIM_LEDGER_H

#include "tests/sim/rows.h"
#include "tests/sim/vault.h"
#include "tests/sim/world.h"

enum ledger_kind { LEDGER_ARRAYS, LEDGER_SQLITE };

struct ledger {
  struct world *w;
  enum ledger_kind kind;
  struct dice dice;
  struct rows rows;    /* what is durable */
  struct vault *vault; /* NULL with plain arrays */
  struct store_loaded loaded;
  VEC(struct pipeline *) read; /* that came with rows, until the end */
  int64_t full_until;
  bool limited;    /* the vault's disk is */
  bool sync_fails; /* the next commit's */
  bool reserve;    /* of the arrays: the ballast is gone, it was needed for what was under way */
  uint64_t commits;
};

struct ledger *ledger_new(struct world *w, enum ledger_kind kind);
void ledger_free(struct ledger *l);

/* The disk is full until then. */
void ledger_full(struct ledger *l, int64_t until);
/* One transaction. 0: it is durable; ERR_FULL: nothing of it is there, try again later; ERR_SYNC: nobody knows. */
int ledger_commit(struct ledger *l, const struct change *changes, size_t len);
/* The daemon dies in the middle of one: true if it is durable all the same. */
bool ledger_commit_cut(struct ledger *l, const struct change *changes, size_t len, bool power);
/* Whether the batch that was durable needed the reserve, and there is no room for another yet. */
bool ledger_held(struct ledger *l);
/* The daemon died; with `power` the machine too. */
void ledger_crash(struct ledger *l, bool power);
/* What a start reads; to be given back with ledger_loaded. */
void ledger_load(struct ledger *l, struct arena *a, struct engine_state *out);
void ledger_loaded(struct ledger *l);

/* The disk does what disks do that go bad; arrays never do. */
void ledger_lie(struct ledger *l);
void ledger_rot(struct ledger *l, struct dice *d);
void ledger_heal(struct ledger *l);
/* Once more at the end: what a start would read is what was acknowledged. */
void ledger_verify(struct ledger *l);

/* As the daemon looks them up for a request; they live until the end of the seed. */
bool ledger_request(struct ledger *l, const char *key, const char *body_sha256, struct request_row *out);
void ledger_run_rows(struct ledger *l, const char *run_id, struct run_rows *out);

#endif
