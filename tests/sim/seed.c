#include "tests/sim/seed.h"

#include <string.h>

#include "tests/sim/acts.h"
#include "tests/sim/checker.h"
#include "tests/sim/clients.h"
#include "tests/sim/daemon.h"
#include "tests/sim/executors.h"
#include "tests/sim/pipelines.h"

#define HEALED_WITHIN (3 * USEC_PER_DAY) /* of virtual time */
#define HEALING_STEP  USEC_PER_MIN

static void world_open(struct world *w, enum ledger_kind disk) {
  w->clocks.wall = w->limits->start;
  w->clocks.mono = 1000 * USEC_PER_SEC;
  w->life = 1;
  w->ledger = ledger_new(w, disk);
  w->catalog = catalog_new(w);
  w->executors = executors_new(w);
  w->clients = clients_new(w);
  w->daemon = daemon_new(w);
  w->checker = checker_new(w);
}

static void world_close(struct world *w) {
  daemon_free(w->daemon);
  checker_free(w->checker);
  clients_free(w->clients);
  executors_free(w->executors);
  ledger_free(w->ledger);
  catalog_free(w->catalog);
  world_release(w);
}

static void heal(struct world *w) {
  acts_heal(w);
  int64_t until = w->now + HEALED_WITHIN;
  const char *why;
  while (clients_waiting(w->clients) && !w->over) {
    if (w->now >= until) world_fail(w, "long after the faults stopped, a client has no answer");
    world_run(w, w->now + HEALING_STEP);
  }
  if (!w->over) acts_reopen(w);
  while (!w->over && !checker_quiet(w, &why)) {
    if (w->now >= until) world_fail(w, "long after the faults stopped, %s", why);
    world_run(w, w->now + HEALING_STEP);
  }
  if (w->over) return;
  checker_healed(w);
  ledger_verify(w->ledger);
}

static uint64_t mix_id(uint64_t h, const struct id *id) {
  uint64_t words[(sizeof id->text + 7) / 8] = {0};
  memcpy(words, id->text, sizeof id->text);
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) h = dice_mix(h ^ words[i]);
  return h;
}

static uint64_t digest(const struct world *w) {
  uint64_t h = 0;
  const struct rows *rows = &w->ledger->rows;
  for (size_t i = 0; i < rows->attempts.len; i++) {
    const struct attempt_row *a = &rows->attempts.items[i]->row;
    h = dice_mix(h ^ (uint64_t)a->key) ^ (uint64_t)a->ended_at ^ (uint64_t)a->state;
    h = mix_id(h, &a->id);
  }
  return dice_mix(h ^ (uint64_t)rows->max_key);
}

void seed_live(const struct seed_run *run, struct seed_result *out) {
  struct world w = {.seed = run->seed,
                    .plan = run->plan,
                    .limits = &run->plan->limits,
                    .traced = run->traced,
                    .probes = run->probes,
                    .zones = run->zones,
                    .oracle = run->oracle};
  world_open(&w, run->disk);
  acts_plan(&w);
  daemon_start(&w);
  world_run(&w, run->plan->limits.horizon);
  w.now = run->plan->limits.horizon;
  if (!w.over) heal(&w);
  out->attempts += checker_attempts(&w);
  out->steps += (uint64_t)w.daemon->steps;
  out->commits += w.ledger->commits;
  out->digest = dice_mix(out->digest ^ digest(&w));
  world_close(&w);
}
