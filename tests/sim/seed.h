/* One seed from its beginning to its end. */
#ifndef ROTA_TESTS_SIM_SEED_H
#define ROTA_TESTS_SIM_SEED_H

#include "tests/sim/ledger.h"
#include "tests/sim/plan.h"
#include "tests/sim/probes.h"

struct seed_result {
  uint64_t attempts, steps, commits;
  uint64_t digest; /* of all that happened: the same seed has the same */
};

struct seed_run {
  uint64_t seed;
  enum ledger_kind disk;
  const struct plan *plan;
  bool traced; /* all that happens is told on stdout */
  struct probes *probes;
  struct zones *zones;
  struct oracle *oracle;
};

/* Adds to `out`. Ends the process with 1 and a sentence on stderr if an invariant is broken. */
void seed_live(const struct seed_run *run, struct seed_result *out);

#endif
