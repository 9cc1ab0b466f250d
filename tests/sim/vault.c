#include "tests/sim/vault.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "scheduler/store/history.h"
#include "tests/sim/disk.h"
#include "tests/sim/vfs.h"

#define ROOT "/rota-sim"

struct vault {
  struct world *w;
  struct disk *disk;
  struct store *store;
  struct history *history;
  struct dice dice;
  int64_t commits; /* acknowledged ones */
};

/* ---- the time that the store asks for ---- */

static const struct world *clock_of_seed;
int64_t __wrap_clock_monotonic(void);
instant __wrap_clock_now(void);

int64_t __wrap_clock_monotonic(void) {
  return clock_of_seed ? world_moment(clock_of_seed).mono : 0;
}

instant __wrap_clock_now(void) {
  return clock_of_seed ? world_moment(clock_of_seed).wall : 0;
}

/* ---- opening ---- */

static void opened(struct vault *v, int err, const struct buf *why) {
  if (err) world_fail(v->w, "the database can't be opened: %s: %s", err_name(err), buf_cstr(why));
  struct store_health health;
  store_health(v->store, &health);
  v->commits = health.commit_number;
}

static void vault_open(struct vault *v) {
  struct buf why = {0};
  int err = store_open(ROOT, world_moment(v->w).wall, &v->store, &why);
  if (err == ERR_FULL) {
    /* The reserve was needed before it died: there is no start until somebody has made room. */
    PROBE(v->w, NO_ROOM_TO_START);
    disk_limit(v->disk, 0);
    buf_reset(&why);
    err = store_open(ROOT, world_moment(v->w).wall, &v->store, &why);
  }
  opened(v, err, &why);
  buf_release(&why);
}

/* Making a database costs more than a seed does on it: each begins with a copy of one that is empty. */
static struct disk *fresh_disk(void) {
  static struct disk *empty;
  if (!empty) {
    struct store *s;
    empty = disk_new("/rota-sim-empty");
    if (store_open("/rota-sim-empty", 1, &s, NULL)) abort();
    store_close(s);
  }
  return disk_clone(empty, ROOT);
}

struct vault *vault_new(struct world *w) {
  struct vault *v = alloc_new(struct vault);
  v->w = w;
  dice_init(&v->dice, w->seed, 8);
  clock_of_seed = w;
  vfs_install(w->seed);
  v->disk = fresh_disk();
  vault_open(v);
  return v;
}

static void let_go(struct vault *v) {
  history_free(v->history);
  store_close(v->store);
  v->history = NULL;
  v->store = NULL;
}

void vault_free(struct vault *v) {
  if (!v) return;
  let_go(v);
  disk_free(v->disk);
  vfs_remove();
  clock_of_seed = NULL;
  free(v);
}

/* ---- writing ---- */

int vault_commit(struct vault *v, const struct change *changes, size_t len) {
  struct buf why = {0};
  int err = store_commit(v->store, changes, len, &why);
  if (!err) {
    v->commits++;
    int tended = store_tend(v->store, dice_chance(&v->dice, 3), NULL);
    if (tended && tended != ERR_FULL) TRACE(v->w, "  the checkpoint fails with %s", err_name(tended));
  } else {
    TRACE(v->w, "  the commit fails with %s: %s", err_name(err), buf_cstr(&why));
  }
  buf_release(&why);
  return err;
}

bool vault_full(struct vault *v) {
  struct store_health health;
  store_tend(v->store, true, NULL);
  store_health(v->store, &health);
  return health.full;
}

void vault_limit(struct vault *v, int64_t bytes) {
  disk_limit(v->disk, bytes ? disk_used(v->disk) + bytes : 0);
}

void vault_sync_fails(struct vault *v) {
  disk_fail(v->disk, (struct disk_fault){.calls = DISK_BIT(DISK_SYNC), .nth = 1});
}

/* ---- dying ---- */

void vault_crash(struct vault *v, bool power) {
  if (power)
    disk_crash(v->disk, (uint64_t)dice_roll(&v->dice, INT64_MAX));
  else
    disk_kill(v->disk);
  let_go(v);
  disk_heal(v->disk);
}

bool vault_commit_cut(struct vault *v, const struct change *changes, size_t len, int64_t calls, bool power) {
  disk_fail(v->disk, (struct disk_fault){.calls = DISK_CHANGES, .nth = calls, .ever = true});
  store_commit(v->store, changes, len, NULL);
  return vault_cut(v, power);
}

bool vault_cut(struct vault *v, bool power) {
  int64_t before = v->commits;
  vault_crash(v, power);
  vault_open(v);
  if (v->commits < before || v->commits > before + 1)
    world_fail(v->w, "%lld commits were acknowledged and %lld are there after a crash", (long long)before,
               (long long)v->commits);
  return v->commits > before;
}

void vault_load(struct vault *v, struct store_loaded *out) {
  struct buf why = {0};
  int64_t acknowledged = v->commits;
  if (!v->store) vault_open(v);
  if (v->commits < acknowledged)
    world_fail(v->w, "%lld commits were acknowledged and %lld are there after a crash", (long long)acknowledged,
               (long long)v->commits);
  int err = store_load(v->store, out, &why);
  if (err) world_fail(v->w, "the rows can't be loaded: %s: %s", err_name(err), buf_cstr(&why));
  buf_release(&why);
}

/* ---- reading ---- */

static struct history *history(struct vault *v) {
  if (!v->history) v->history = history_new(ROOT);
  return v->history;
}

bool vault_request(struct vault *v, const char *key, const char *body_sha256, struct arena *a,
                   struct request_row *out) {
  int err = history_request(history(v), key, body_sha256, world_moment(v->w).wall, a, out);
  if (err && err != ERR_NOT_FOUND) world_fail(v->w, "a kept answer can't be read: %s", err_name(err));
  return !err;
}

void vault_run_rows(struct vault *v, const char *run_id, struct arena *a, struct run_rows *out) {
  struct buf why = {0};
  int err = history_run_rows(history(v), run_id, a, out, &why);
  if (err) world_fail(v->w, "run %s can't be read: %s: %s", run_id, err_name(err), buf_cstr(&why));
  buf_release(&why);
}
