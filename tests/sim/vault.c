#include "tests/sim/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/history.h"
#include "tests/sim/disk.h"
#include "tests/sim/vfs.h"

#define ROOT   "/rota-sim"
#define PAGE   4096
#define FRAME  (PAGE + 24)
#define HEADER 32 /* of the log */

#define ROTTEN_BIT 3
#define CLEAN_MOST 12

#define ROOM_TAKEN (16 * 1024) /* bytes that may be left then */

struct vault {
  struct world *w;
  struct disk *disk;
  struct store *store;
  struct history *history;
  struct dice dice;
  int64_t commits;   /* acknowledged ones */
  int64_t witnessed; /* as the witness said before the last start */
  int64_t limit;     /* bytes that the disk has room for; 0: any number */
  bool lies;         /* syncs do nothing */
  bool lied, rotten; /* the disk isn't what it was told to be */
  int64_t rotten_at; /* the byte of the database; -1: none of it */
  int clean;         /* checks that have found nothing since it rots */
  bool log_rots;     /* at the next death */
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

static void limit(struct vault *v, int64_t bytes) {
  v->limit = bytes;
  disk_limit(v->disk, bytes);
}

/* ---- a disk that goes bad ---- */

bool vault_doubtful(const struct vault *v) {
  return v->lied || v->rotten;
}

/* No more of this seed: who has such a disk goes on with a backup. Of a sound one it is a bug. */
static void noticed(struct vault *v, int err, const char *what, const struct buf *why) {
  bool told = err == ERR_CORRUPT || err == ERR_BEHIND;
  if (!told || !vault_doubtful(v)) world_fail(v->w, "%s: %s: %s", what, err_name(err), buf_cstr(why));
  TRACE(v->w, "  %s: %s", what, buf_cstr(why));
  if (v->lied && err == ERR_BEHIND) PROBE(v->w, LIE_NOTICED);
  if (v->rotten) PROBE(v->w, ROT_NOTICED);
  v->w->over = true;
}

/* Fewer commits are there than were acknowledged. Only what the witness lost with them may go unnoticed. */
static void check_lost(struct vault *v, int64_t acknowledged) {
  if (v->w->over || v->commits >= acknowledged) return;
  if (!vault_doubtful(v) || v->witnessed > v->commits)
    world_fail(v->w, "%lld commits were acknowledged, the witness knew of %lld, and %lld are there after a crash",
               (long long)acknowledged, (long long)v->witnessed, (long long)v->commits);
  v->w->over = true;
}

/* "rota-witness 1 STATE_ID NUMBER CHECK\n" */
static int64_t witnessed(const struct vault *v) {
  size_t len;
  char *line = disk_get(v->disk, "rota.witness", &len);
  const char *at = line;
  for (int spaces = 0; at && spaces < 3; spaces++) {
    at = memchr(at, ' ', len - (size_t)(at - line));
    if (at) at++;
  }
  int64_t number = at ? strtoll(at, NULL, 10) : 0;
  free(line);
  return number;
}

void vault_lie(struct vault *v) {
  v->lies = true;
  disk_lie(v->disk, true);
}

static void rot_log(struct vault *v) {
  int64_t frames = (disk_size(v->disk, "rota.db-wal") - HEADER) / FRAME;
  v->log_rots = false;
  if (frames <= 0) return;
  v->rotten = true;
  v->clean = 0;
  disk_flip_frame(v->disk, "rota.db-wal", dice_between(&v->dice, 1, frames),
                  (uint64_t)dice_roll(&v->dice, INT64_MAX));
}

void vault_rot(struct vault *v, struct dice *d) {
  int64_t pages = disk_size(v->disk, "rota.db") / PAGE;
  if (dice_chance(d, 50)) {
    v->log_rots = true;
    return;
  }
  v->rotten = true;
  v->clean = 0;
  v->rotten_at = (dice_between(d, 1, pages) - 1) * PAGE;
  disk_flip(v->disk, "rota.db", v->rotten_at, ROTTEN_BIT);
}

void vault_heal(struct vault *v) {
  v->lies = v->log_rots = false;
  disk_lie(v->disk, false);
}

static void lose_power(struct vault *v) {
  size_t len;
  if (!v->lies) {
    disk_crash(v->disk, (uint64_t)dice_roll(&v->dice, INT64_MAX));
    return;
  }
  char *witness = disk_get(v->disk, "rota.witness", &len);
  disk_crash_bare(v->disk);
  if (witness && dice_chance(&v->dice, 70)) disk_put(v->disk, "rota.witness", witness, len);
  free(witness);
  v->lies = false;
  v->lied = true;
}

/* ---- opening ---- */

static void opened(struct vault *v, int err, const struct buf *why) {
  if (err) {
    v->store = NULL;
    noticed(v, err, "the database isn't opened", why);
    return;
  }
  struct store_health health;
  store_health(v->store, &health);
  v->commits = health.commit_number;
}

static void vault_open(struct vault *v) {
  struct buf why = {0};
  v->witnessed = witnessed(v);
  int err = store_open(ROOT, world_moment(v->w).wall, &v->store, &why);
  if (err == ERR_FULL) {
    /* The reserve was needed before it died: there is no start until somebody has made room. */
    PROBE(v->w, NO_ROOM_TO_START);
    limit(v, 0);
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
  v->rotten_at = -1;
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

/* What the daemon does with damage: it notes it, and no start opens the database any more. */
static void condemn(struct vault *v, const char *what, const struct buf *why) {
  struct buf refused = {0};
  limit(v, 0);
  noticed(v, ERR_CORRUPT, what, why);
  store_condemn(v->store, world_moment(v->w).wall, "damaged");
  vault_crash(v, false);
  /* By the note alone, too: a page may read well again. */
  if (v->rotten_at >= 0) disk_flip(v->disk, "rota.db", v->rotten_at, ROTTEN_BIT);
  PROBE(v->w, CONDEMNED);
  if (store_open(ROOT, world_moment(v->w).wall, &v->store, &refused) != ERR_CORRUPT)
    world_fail(v->w, "damage was noted, and the database is opened all the same");
  v->store = NULL;
  buf_release(&refused);
}

/* The check beside the work. It reads all there is: where it found nothing it comes half as often from then on. */
static void check(struct vault *v) {
  struct buf why = {0};
  int err = store_check(ROOT, NULL, &why);
  if (v->clean < CLEAN_MOST) v->clean++;
  if (err == ERR_CORRUPT) condemn(v, "the check finds damage", &why);
  buf_release(&why);
}

static void tend(struct vault *v) {
  struct buf why = {0};
  int err = store_tend(v->store, dice_chance(&v->dice, 3), &why);
  if (err && err != ERR_FULL) TRACE(v->w, "  the checkpoint fails with %s", err_name(err));
  if (err == ERR_CORRUPT)
    condemn(v, "the checkpoint meets damage", &why);
  else if (!err && v->rotten && dice_roll(&v->dice, INT64_C(2) << v->clean) == 0)
    check(v);
  buf_release(&why);
}

int vault_commit(struct vault *v, const struct change *changes, size_t len) {
  struct buf why = {0};
  if (v->w->over) return ERR_FULL;
  int err = store_commit(v->store, changes, len, &why);
  if (!err) {
    v->commits++;
    tend(v);
  } else {
    TRACE(v->w, "  the commit fails with %s: %s", err_name(err), buf_cstr(&why));
    if (err == ERR_CORRUPT) condemn(v, "a commit meets damage", &why);
  }
  buf_release(&why);
  return err;
}

bool vault_full(struct vault *v) {
  struct store_health health;
  if (v->w->over) return true;
  store_tend(v->store, true, NULL);
  store_health(v->store, &health);
  return health.full;
}

void vault_limit(struct vault *v, int64_t bytes) {
  limit(v, bytes ? disk_used(v->disk) + bytes : 0);
}

void vault_sync_fails(struct vault *v) {
  disk_fail(v->disk, (struct disk_fault){.calls = DISK_BIT(DISK_SYNC), .nth = 1});
}

/* ---- dying ---- */

void vault_crash(struct vault *v, bool power) {
  if (power)
    lose_power(v);
  else
    disk_kill(v->disk);
  let_go(v);
  disk_heal(v->disk);
  /* Others may take what the reserve gave. */
  bool taken = v->limit && disk_size(v->disk, "rota.ballast") < 0 && dice_chance(&v->dice, 60);
  limit(v, taken ? disk_used(v->disk) + dice_spread(&v->dice, ROOM_TAKEN) : v->limit);
  disk_lie(v->disk, v->lies);
  if (v->log_rots) rot_log(v);
}

bool vault_commit_cut(struct vault *v, const struct change *changes, size_t len, int64_t calls, bool power) {
  disk_fail(v->disk, (struct disk_fault){.calls = DISK_CHANGES, .nth = calls, .ever = true});
  store_commit(v->store, changes, len, NULL);
  return vault_cut(v, power);
}

bool vault_cut(struct vault *v, bool power) {
  int64_t before = v->commits;
  if (v->w->over) return false;
  vault_crash(v, power);
  vault_open(v);
  check_lost(v, before);
  if (v->commits > before + 1)
    world_fail(v->w, "%lld commits were acknowledged and %lld are there after a crash", (long long)before,
               (long long)v->commits);
  return !v->w->over && v->commits > before;
}

bool vault_load(struct vault *v, struct store_loaded *out) {
  struct buf why = {0};
  int64_t acknowledged = v->commits;
  if (!v->store) vault_open(v);
  check_lost(v, acknowledged);
  if (v->w->over) return false;
  int err = store_load(v->store, out, &why);
  if (err) noticed(v, err, "the rows can't be loaded", &why);
  buf_release(&why);
  return !err;
}

/* ---- reading ---- */

static struct history *history(struct vault *v) {
  if (!v->history) v->history = history_new(ROOT);
  return v->history;
}

bool vault_request(struct vault *v, const char *key, const char *body_sha256, struct arena *a,
                   struct request_row *out) {
  const struct buf none = {0};
  if (v->w->over) return false;
  int err = history_request(history(v), key, body_sha256, world_moment(v->w).wall, a, out);
  if (err && err != ERR_NOT_FOUND) noticed(v, err, "a kept answer can't be read", &none);
  return !err;
}

void vault_run_rows(struct vault *v, const char *run_id, struct arena *a, struct run_rows *out) {
  struct buf why = {0};
  *out = (struct run_rows){0};
  if (v->w->over) return;
  int err = history_run_rows(history(v), run_id, a, out, &why);
  if (err) noticed(v, err, "a run can't be read", &why);
  buf_release(&why);
}
