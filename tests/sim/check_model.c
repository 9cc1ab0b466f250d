/* What the engine holds against what the rows say: a step whose rows are durable must have left nothing behind. */
#include <string.h>

#include "base/buf.h"
#include "tests/sim/check.h"
#include "tests/sim/pipelines.h"

static void check_live(struct checker *c) {
  struct arena a = {0};
  struct engine_live *live;
  size_t len = engine_live_attempts(c->engine, &a, &live);
  int64_t rows = 0;
  for (size_t i = 0; i < PLACES; i++) rows += c->host_live[i];
  for (size_t i = 0; i < len; i++) {
    const struct row_attempt *row = rows_attempt(&c->w->ledger->rows, live[i].attempt_id);
    if (!row || !task_state_live(row->row.state))
      world_fail(c->w, "the engine has a live attempt that the rows don't have");
    if (row->row.stop_asked != live[i].stop_asked || row->row.stop_now != live[i].stop_now)
      world_fail(c->w, "the rows don't know that %s was told to stop", row->row.label);
  }
  if ((int64_t)len != rows)
    world_fail(c->w, "the engine has %zu live attempts and the rows %lld", len, (long long)rows);
  struct remnant_row *remnants;
  if (engine_remnants(c->engine, &a, &remnants) != c->w->ledger->rows.remnants.len)
    world_fail(c->w, "the engine and the rows have other remnants");
  arena_release(&a);
  if (engine_paused(c->engine).at != c->w->ledger->rows.pause.at)
    world_fail(c->w, "the engine and the rows disagree about the pause");
}

static void check_places(struct checker *c) {
  struct arena a = {0};
  struct engine_place *places;
  size_t len = engine_hosts(c->engine, &a, &places);
  for (size_t i = 0; i < len; i++) {
    const struct host_row *row = rows_host(&c->w->ledger->rows, places[i].row->name);
    if ((row ? row->order : HOST_ORDER_UP) != places[i].row->order)
      world_fail(c->w, "the rows don't know what was ordered of %s", places[i].row->name);
  }
  arena_release(&a);
}

static void same_why(struct checker *c, const struct engine *other, const struct row_run *run) {
  struct engine_busy mine[64], its[64];
  size_t len = engine_busy(c->engine, run->row.id.text, mine, 64);
  if (engine_busy(other, run->row.id.text, its, 64) != len)
    world_fail(c->w, "a start would find other live tasks of run %s", run->row.id.text);
}

/* An engine that starts now, on what is durable, holds the same. */
static void check_other(struct checker *c) {
  struct world *w = c->w;
  struct rows *rows = &w->ledger->rows;
  const struct engine_options options = {
      .config = c->config, .schedules = true, .zone = zone_view_get, .zone_ctx = &c->zones};
  struct engine *other = engine_new(&options);
  struct arena a = {0};
  struct engine_state state;
  char *message = NULL;
  rows_state(rows, &a, &state);
  if (engine_restore(other, &state, c->stepped_at, &message)) world_fail(w, "a start would fail: %s", message);
  if (engine_runs(other) != engine_runs(c->engine)) world_fail(w, "a start would find another number of live runs");
  struct engine_slot *mine, *its;
  size_t len = engine_slots(c->engine, &a, &mine), its_len = engine_slots(other, &a, &its);
  for (size_t i = 0; i < len && i < its_len; i++)
    if (mine[i].used != its[i].used) world_fail(w, "a start would find other units of %s held", mine[i].name);
  for (size_t i = 0; i < rows->pipelines.len; i++) {
    const char *name = rows->pipelines.items[i]->name;
    if (engine_next_firing(c->engine, name, NULL) != engine_next_firing(other, name, NULL))
      world_fail(w, "a start would fire %s at another time", name);
  }
  for (size_t i = 0; i < rows->runs.len; i++)
    if (!run_state_ended(rows->runs.items[i]->row.state)) same_why(c, other, rows->runs.items[i]);
  engine_free(other);
  arena_release(&a);
}

void check_model(struct checker *c) {
  check_live(c);
  check_places(c);
  if (c->steps % (SAMPLE * 4) == 1) check_other(c);
}
