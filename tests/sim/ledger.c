#include "tests/sim/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/pipeline.h"
#include "tests/sim/checker.h"

#define KEPT_FOR  (7 * USEC_PER_DAY)
#define ROOM_MOST (256 * 1024) /* bytes that a full disk may still have */

struct ledger *ledger_new(struct world *w, enum ledger_kind kind) {
  struct ledger *l = alloc_new(struct ledger);
  l->w = w;
  l->kind = kind;
  dice_init(&l->dice, w->seed, 4);
  rows_init(&l->rows);
  if (kind == LEDGER_SQLITE) l->vault = vault_new(w);
  return l;
}

void ledger_free(struct ledger *l) {
  if (!l) return;
  vault_free(l->vault);
  for (size_t i = 0; i < l->read.len; i++) pipeline_release(l->read.items[i]);
  vec_release(&l->read);
  rows_release(&l->rows);
  free(l);
}

static void keep(struct ledger *l, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    checker_row(l->w, &changes[i]);
    rows_put(&l->rows, &changes[i]);
  }
  l->commits++;
  checker_commit(l->w);
}

/* ---- a full disk ---- */

void ledger_full(struct ledger *l, int64_t until) {
  l->full_until = until;
  if (l->vault) vault_limit(l->vault, dice_spread(&l->dice, ROOM_MOST));
  l->limited = l->vault != NULL;
}

static bool full(struct ledger *l) {
  if (l->full_until > l->w->now) return true;
  if (l->limited) vault_limit(l->vault, 0);
  l->limited = false;
  return false;
}

bool ledger_held(struct ledger *l) {
  bool no_room = full(l);
  if (l->vault) return vault_full(l->vault);
  if (!no_room) l->reserve = false;
  return l->reserve;
}

/* ---- writing ---- */

static int arrays_commit(struct ledger *l, const struct change *changes, size_t len) {
  bool no_room = full(l);
  if (l->sync_fails) {
    if (dice_chance(&l->dice, 50)) keep(l, changes, len);
    return ERR_SYNC;
  }
  if (no_room && l->reserve) return ERR_FULL;
  /* The reserve makes room for what is under way, now and then at the second try. */
  if (no_room) {
    l->reserve = true;
    if (dice_chance(&l->dice, 50)) return ERR_FULL;
  }
  keep(l, changes, len);
  return 0;
}

static int vault_write(struct ledger *l, const struct change *changes, size_t len) {
  full(l);
  if (l->sync_fails) vault_sync_fails(l->vault);
  int err = vault_commit(l->vault, changes, len);
  if (err && l->w->over) return ERR_FULL; /* nothing comes after it */
  if (!err) keep(l, changes, len);
  if (err == ERR_SYNC || err == ERR_IO) {
    /* Whether it is there only the next start can tell. */
    if (vault_cut(l->vault, dice_chance(&l->dice, 50))) keep(l, changes, len);
    return ERR_SYNC;
  }
  if (err && err != ERR_FULL) world_fail(l->w, "a commit fails with %s", err_name(err));
  return err;
}

int ledger_commit(struct ledger *l, const struct change *changes, size_t len) {
  int err = l->vault ? vault_write(l, changes, len) : arrays_commit(l, changes, len);
  l->sync_fails = false;
  return err;
}

bool ledger_commit_cut(struct ledger *l, const struct change *changes, size_t len, bool power) {
  bool durable = l->vault ? vault_commit_cut(l->vault, changes, len, dice_between(&l->dice, 1, 6), power)
                          : !full(l) && dice_chance(&l->dice, 50);
  if (durable) keep(l, changes, len);
  return durable;
}

void ledger_crash(struct ledger *l, bool power) {
  l->sync_fails = false;
  if (l->vault) vault_crash(l->vault, power);
}

/* ---- reading ---- */

#define SAME(what, a, b)                                                                                             \
  do {                                                                                                               \
    if ((a) != (b))                                                                                                  \
      world_fail(l->w, "after a start %s is %lld, and %lld was acknowledged", (what), (long long)(a),                \
                 (long long)(b));                                                                                    \
  } while (0)

/* Those of a run that it is linked to may come with it, where nobody asks for them. */
static size_t attempts_of(const struct run_rows *r) {
  size_t n = 0;
  for (size_t i = 0; i < r->attempts_len; i++) n += r->attempts[i].run == r->run.key;
  return n;
}

static void compare_run(const struct ledger *l, const struct run_rows *a, const struct run_rows *b) {
  SAME("a run", a->run.key, b->run.key);
  SAME("a run's state", a->run.state, b->run.state);
  SAME("a run's round", a->run.round, b->run.round);
  SAME("a run's keep", a->run.keep, b->run.keep);
  SAME("a run's deadline", a->run.deadline, b->run.deadline);
  SAME("a run's mark of having run twice", a->run.may_have_run_twice, b->run.may_have_run_twice);
  SAME("the number of tasks", a->tasks_len, b->tasks_len);
  SAME("the number of attempts", attempts_of(a), attempts_of(b));
  SAME("the number of outputs", a->outputs_len, b->outputs_len);
  for (size_t i = 0; i < a->tasks_len; i++) {
    SAME("a task's state", a->tasks[i].state, b->tasks[i].state);
    SAME("what a task waits for", a->tasks[i].wait, b->tasks[i].wait);
    SAME("a task's attempts", a->tasks[i].attempts, b->tasks[i].attempts);
    SAME("a task's failures", a->tasks[i].failures, b->tasks[i].failures);
    SAME("a task's losses", a->tasks[i].losses, b->tasks[i].losses);
    SAME("a task's attempt", a->tasks[i].attempt, b->tasks[i].attempt);
    SAME("a task's outputs", a->tasks[i].output_attempt, b->tasks[i].output_attempt);
    SAME("a task's delay", a->tasks[i].not_before, b->tasks[i].not_before);
  }
}

/* What the store read against what was acknowledged. */
static void compare(const struct ledger *l, const struct engine_state *a, const struct engine_state *b) {
  SAME("the number of pipelines", a->pipelines_len, b->pipelines_len);
  for (size_t i = 0; i < a->pipelines_len; i++) {
    SAME("a pipeline's version", a->pipelines[i].version, b->pipelines[i].version);
    SAME("a pipeline's last number", a->pipelines[i].last_number, b->pipelines[i].last_number);
    SAME("a pipeline's pause", a->pipelines[i].paused_at, b->pipelines[i].paused_at);
    SAME("whether a file is there", a->pipelines[i].present, b->pipelines[i].present);
  }
  SAME("the number of schedules", a->schedules_len, b->schedules_len);
  for (size_t i = 0; i < a->schedules_len; i++) {
    SAME("how far a schedule is decided", a->schedules[i].decided, b->schedules[i].decided);
    SAME("whether a schedule is active", a->schedules[i].active, b->schedules[i].active);
    SAME("a schedule's last firing", a->last_firings[i].key, b->last_firings[i].key);
    SAME("a firing's count", a->last_firings[i].count, b->last_firings[i].count);
  }
  SAME("the number of live runs", a->runs_len, b->runs_len);
  for (size_t i = 0; i < a->runs_len; i++) compare_run(l, &a->runs[i], &b->runs[i]);
  SAME("the number of durations", a->stats_len, b->stats_len);
  SAME("the number of remnants", a->remnants_len, b->remnants_len);
  SAME("the number of hosts", a->hosts_len, b->hosts_len);
  SAME("the pause", a->pause.at, b->pause.at);
  SAME("the next key", a->next_key, b->next_key);
}

void ledger_load(struct ledger *l, struct arena *a, struct engine_state *out) {
  rows_state(&l->rows, a, out);
  if (!l->vault) return;
  struct engine_state acknowledged = *out;
  if (!vault_load(l->vault, &l->loaded)) return;
  compare(l, &l->loaded.state, &acknowledged);
  *out = l->loaded.state;
}

void ledger_lie(struct ledger *l) {
  if (l->vault) vault_lie(l->vault);
}

void ledger_rot(struct ledger *l, struct dice *d) {
  if (l->vault) vault_rot(l->vault, d);
}

void ledger_heal(struct ledger *l) {
  l->full_until = 0;
  l->sync_fails = false;
  if (l->vault) vault_heal(l->vault);
}

void ledger_verify(struct ledger *l) {
  struct arena arena = {0};
  struct engine_state state;
  if (l->vault && vault_doubtful(l->vault)) {
    vault_crash(l->vault, false);
    ledger_load(l, &arena, &state);
    ledger_loaded(l);
  }
  arena_release(&arena);
}

void ledger_loaded(struct ledger *l) {
  store_loaded_release(&l->loaded);
}

bool ledger_request(struct ledger *l, const char *key, const char *body_sha256, struct request_row *out) {
  if (l->vault) return vault_request(l->vault, key, body_sha256, &l->w->arena, out);
  const struct request_row *row = rows_request(&l->rows, key);
  if (!row || row->at < world_moment(l->w).wall - KEPT_FOR) return false;
  *out = *row;
  return true;
}

void ledger_run_rows(struct ledger *l, const char *run_id, struct run_rows *out) {
  if (!l->vault) {
    rows_of_run(&l->rows, rows_run(&l->rows, run_id), &l->w->arena, out);
    return;
  }
  vault_run_rows(l->vault, run_id, &l->w->arena, out);
  if (out->pipeline) vec_push(&l->read, out->pipeline);
}
