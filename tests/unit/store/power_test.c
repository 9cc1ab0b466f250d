/* The power goes, the disk lies, what is on it rots: an acknowledged commit is there, or the store says that it
 * isn't. */
#include "sandbox.h"

#include <sqlite3.h>

#include "scheduler/store/db.h"

#define FRAME (4096 + 24)

/* One event a commit, of so many bytes: rows that say how far the database is. */
static int commit_one(struct store *s, int64_t key, size_t bytes, struct buf *why) {
  char *text = alloc_zeroed(bytes + 1, 1);
  memset(text, 't', bytes);
  struct change c = sample_event(key, EVENT_ROW_PIPELINE, 0, "x");
  c.event.reason = text;
  int rc = store_commit(s, &c, 1, why);
  free(text);
  return rc;
}

static int64_t events_in(const char *dir) {
  char *path = path_join(dir, "rota.db");
  sqlite3 *db = NULL;
  int64_t n = -1;
  if (db_open(path, DB_READER, &db, NULL) == 0 && db_int(db, "SELECT count(*) FROM event", &n)) n = -1;
  db_close(db);
  free(path);
  return n;
}

/* ---- every prefix of what was done ---- */

struct story {
  VEC(struct {
    size_t tape;
    int64_t events;
  })
  acknowledged;
};

static void note(struct story *t, struct sandbox *s, int64_t events) {
  vec_reserve(&t->acknowledged, t->acknowledged.len + 1);
  t->acknowledged.items[t->acknowledged.len].tape = disk_recorded(s->disk);
  t->acknowledged.items[t->acknowledged.len++].events = events;
}

/* Commits small and large, checkpoints of each kind, an end, a start. */
static int64_t tell(struct story *t, struct sandbox *s) {
  int64_t done = 0;
  for (int part = 0; part < 3; part++) {
    for (int i = 0; i < 6; i++) {
      assert_int_equal(commit_one(s->store, 1000 + done, i == 3 ? 40000 : 300, &s->why), 0);
      note(t, s, ++done);
      assert_int_equal(store_tend(s->store, i == 4, &s->why), 0);
    }
    sandbox_reopen(s);
  }
  return done;
}

/* The store opens on what the cut left, with all that was acknowledged by then and at most the batch that was under
 * way, and goes on. */
static void holds(const char *dir, int64_t acknowledged, size_t at, uint64_t seed) {
  struct buf why = {0};
  struct store *s;
  int rc = store_open(dir, NOON, &s, &why);
  if (rc) fail_msg("cut %zu, seed %llu: %s: %s", at, (unsigned long long)seed, err_name(rc), buf_cstr(&why));
  int64_t there = events_in(dir);
  if (there < acknowledged || there > acknowledged + 1)
    fail_msg("cut %zu, seed %llu: %lld events, %lld were acknowledged", at, (unsigned long long)seed,
             (long long)there, (long long)acknowledged);
  assert_int_equal(commit_one(s, 5000, 300, &why), 0);
  assert_int_equal(store_check(dir, NULL, &why), 0);
  store_close(s);
  assert_int_equal(events_in(dir), there + 1);
  buf_release(&why);
}

static int64_t acknowledged_by(const struct story *t, size_t at) {
  int64_t events = 0;
  for (size_t i = 0; i < t->acknowledged.len && t->acknowledged.items[i].tape <= at; i++)
    events = t->acknowledged.items[i].events;
  return events;
}

static void no_cut_between_two_writes_loses_an_acknowledged_commit(void **state) {
  struct sandbox *s = *state;
  struct story t = {0};
  sandbox_pipeline(s);
  disk_record(s->disk);
  tell(&t, s);
  size_t steps = disk_recorded(s->disk);
  assert_true(steps > 100);
  for (size_t at = 0; at <= steps; at++) {
    for (uint64_t seed = 0; seed < 3; seed++) {
      struct disk *cut = disk_at(s->disk, at, "/cut");
      if (seed == 0)
        disk_crash_bare(cut);
      else
        disk_crash(cut, at * 7919 + seed);
      holds("/cut", acknowledged_by(&t, at), at, seed);
      disk_free(cut);
    }
  }
  vec_release(&t.acknowledged);
}

/* The first start of all: whatever it had done, the next one succeeds. */
static void no_cut_of_the_first_start_stands_in_the_way_of_the_next(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  disk_free(s->disk);
  s->disk = disk_new(s->dir);
  disk_record(s->disk);
  sandbox_open(s);
  size_t steps = disk_recorded(s->disk);
  for (size_t at = 0; at <= steps; at++) {
    struct disk *cut = disk_at(s->disk, at, "/cut");
    disk_crash(cut, at);
    holds("/cut", 0, at, at);
    disk_free(cut);
  }
}

/* ---- a disk that lies ---- */

/* The witness was written by a disk that told the truth, or the lie took the database's tail alone. */
static void a_database_that_lost_its_synced_tail_is_refused_by_the_witness(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  assert_int_equal(store_tend(s->store, true, NULL), 0);
  struct disk *old = disk_clone(s->disk, "/old");
  for (int i = 0; i < 5; i++) assert_int_equal(commit_one(s->store, 1000 + i, 300, &s->why), 0);
  assert_int_equal(store_tend(s->store, true, NULL), 0);
  sandbox_close(s);
  static const char *const names[] = {"rota.db", "rota.db-wal"};
  for (int i = 0; i < 2; i++) {
    size_t len;
    char *bytes = disk_get(old, names[i], &len);
    disk_remove(s->disk, names[i]);
    if (bytes) disk_put(s->disk, names[i], bytes, len);
    free(bytes);
  }
  disk_free(old);
  buf_reset(&s->why);
  size_t len, after;
  char *database = disk_get(s->disk, "rota.db", &len);
  assert_int_equal(store_open(s->dir, NOON, &s->store, &s->why), ERR_BEHIND);
  assert_non_null(strstr(buf_cstr(&s->why), "it is at number 1, but 6 was acknowledged"));
  assert_non_null(strstr(buf_cstr(&s->why), "rota restore"));
  char *left = disk_get(s->disk, "rota.db", &after);
  assert_int_equal(after, len);
  assert_memory_equal(left, database, len);
  free(left);
  free(database);
  disk_remove(s->disk, "rota.witness");
  sandbox_open(s);
}

static void a_database_that_is_gone_is_refused_by_the_witness(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  sandbox_close(s);
  disk_remove(s->disk, "rota.db");
  buf_reset(&s->why);
  assert_int_equal(store_open(s->dir, NOON, &s->store, &s->why), ERR_BEHIND);
  assert_non_null(strstr(buf_cstr(&s->why), "is empty, but 1 commits were acknowledged"));
  disk_remove(s->disk, "rota.witness");
  sandbox_open(s);
}

/* From any lie on, over many cuts: a start gives all that was acknowledged, or is refused. Never an old database in
 * silence, unless the witness's last second went with it. */
static void what_a_lying_disk_lost_is_never_taken_for_all(void **state) {
  (void)state;
  int refused = 0, whole = 0;
  for (uint64_t seed = 0; seed < 60; seed++) {
    struct buf why = {0};
    struct store *s;
    struct disk *d = disk_new("/lies");
    assert_int_equal(store_open("/lies", NOON, &s, &why), 0);
    for (int i = 0; i < 8; i++) assert_int_equal(commit_one(s, 1000 + i, 300, &why), 0);
    disk_lie(d, true);
    for (int i = 8; i < 12; i++) assert_int_equal(commit_one(s, 1000 + i, 300, &why), 0);
    disk_lie(d, false);
    /* Only the witness reaches the disk in truth: what it knows is what counts. */
    size_t len;
    store_tend(s, false, NULL);
    disk_lie(d, true);
    store_tend(s, true, NULL);
    char *witness = disk_get(d, "rota.witness", &len);
    disk_crash(d, seed);
    store_close(s);
    disk_heal(d);
    disk_put(d, "rota.witness", witness, len);
    free(witness);
    int rc = store_open("/lies", NOON, &s, &why);
    if (rc) {
      assert_true(rc == ERR_BEHIND || rc == ERR_CORRUPT);
      assert_true(why.len > 0);
      refused++;
    } else {
      assert_int_equal(events_in("/lies"), 12);
      whole++;
      store_close(s);
    }
    disk_free(d);
    buf_release(&why);
  }
  assert_true(refused > 0 && whole > 0);
}

/* ---- what rots ---- */

/* The database of eight commits in its log, the last one known to the witness. */
static void with_a_log(struct sandbox *s) {
  for (int i = 0; i < 8; i++) assert_int_equal(commit_one(s->store, 1000 + i, 300, &s->why), 0);
  usleep(1100 * 1000); /* the witness is written once a second */
  assert_int_equal(store_tend(s->store, false, NULL), 0);
  disk_kill(s->disk);
  sandbox_close(s);
}

static void refused_and_untouched(struct sandbox *s) {
  size_t len, after;
  char *log = disk_get(s->disk, "rota.db-wal", &len), *database = disk_get(s->disk, "rota.db", &after);
  size_t database_len = after;
  buf_reset(&s->why);
  assert_int_equal(store_open(s->dir, NOON, &s->store, &s->why), ERR_BEHIND);
  assert_non_null(strstr(buf_cstr(&s->why), "rota restore"));
  char *left = disk_get(s->disk, "rota.db-wal", &after);
  assert_non_null(left);
  assert_int_equal(after, len);
  assert_memory_equal(left, log, len);
  free(left);
  left = disk_get(s->disk, "rota.db", &after);
  assert_int_equal(after, database_len);
  assert_memory_equal(left, database, after);
  free(left);
  free(log);
  free(database);
}

static void a_flipped_bit_in_any_frame_of_the_log_is_found_and_the_log_is_kept(void **state) {
  struct sandbox *s = *state;
  with_a_log(s);
  struct disk *whole = disk_clone(s->disk, "/whole");
  int64_t frames = (disk_size(whole, "rota.db-wal") - 32) / FRAME;
  assert_true(frames >= 8);
  size_t len;
  char *log = disk_get(whole, "rota.db-wal", &len);
  for (int64_t frame = 1; frame <= frames; frame++) {
    disk_put(s->disk, "rota.db-wal", log, len);
    assert_true(disk_flip_frame(s->disk, "rota.db-wal", frame, (uint64_t)frame));
    refused_and_untouched(s);
  }
  /* Torn: the second half of a frame in the middle is that of another time. */
  char *torn = alloc_zeroed(len, 1);
  memcpy(torn, log, len);
  memset(torn + 32 + frames / 2 * FRAME + 2048, 'x', 2048);
  disk_put(s->disk, "rota.db-wal", torn, len);
  refused_and_untouched(s);
  disk_put(s->disk, "rota.db-wal", log, len);
  sandbox_open(s);
  assert_int_equal(events_in(s->dir), 8);
  free(torn);
  free(log);
  disk_free(whole);
}

static int64_t root_of(struct sandbox *s, const char *table) {
  char *path = sandbox_path(s, "rota.db"),
       *sql = alloc_fmt("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
  sqlite3 *db;
  int64_t page = 0;
  assert_int_equal(db_open(path, DB_READER, &db, &s->why), 0);
  assert_int_equal(db_int(db, sql, &page), 0);
  db_close(db);
  free(sql);
  free(path);
  return page;
}

/* The header of a page rots: what tells its kind, its cells, its free room. */
static void rot(struct sandbox *s, int64_t page) {
  for (int byte = 0; byte < 5; byte += 2) assert_true(disk_flip(s->disk, "rota.db", (page - 1) * 4096 + byte, 3));
}

static void a_rotten_page_of_a_small_table_stops_the_start(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  static const char *const tables[] = {"meta", "pipeline", "schedule", "removed_run"};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    int64_t page = root_of(s, tables[i]);
    sandbox_close(s);
    rot(s, page);
    buf_reset(&s->why);
    assert_int_equal(store_open(s->dir, NOON, &s->store, &s->why), ERR_CORRUPT);
    assert_true(s->why.len > 0);
    rot(s, page); /* the same bits again: it is whole */
    sandbox_open(s);
  }
}

static void a_rotten_page_of_a_large_table_is_found_beside_the_work_and_ends_it(void **state) {
  struct sandbox *s = *state;
  for (int i = 0; i < 40; i++) assert_int_equal(commit_one(s->store, 1000 + i, 3000, &s->why), 0);
  int64_t page = root_of(s, "event");
  sandbox_reopen(s);
  rot(s, page);
  assert_int_equal(store_check(s->dir, NULL, &s->why), ERR_CORRUPT);
  assert_non_null(strstr(buf_cstr(&s->why), "damaged"));
  /* Who meets it on the way is stopped too, and writes nothing after that. */
  assert_int_equal(commit_one(s->store, 2000, 300, &s->why), ERR_CORRUPT);
  rot(s, page);
  int64_t before = disk_count(s->disk, DISK_CHANGES);
  assert_int_equal(commit_one(s->store, 2001, 300, &s->why), ERR_CORRUPT);
  assert_int_equal(store_tend(s->store, true, NULL), ERR_CORRUPT);
  sandbox_close(s);
  assert_int_equal(disk_count(s->disk, DISK_CHANGES), before);
  sandbox_open(s);
  assert_int_equal(events_in(s->dir), 40);
}

/* A disk that can't read isn't taken for a database that is damaged: nobody is asked to restore a backup for that. */
static void a_read_that_fails_is_no_damage(void **state) {
  struct sandbox *s = *state;
  for (int i = 0; i < 40; i++) assert_int_equal(commit_one(s->store, 1000 + i, 3000, &s->why), 0);
  sandbox_reopen(s);
  for (int64_t n = 1; n < 30; n += 4) {
    for (int ever = 0; ever < 2; ever++) {
      buf_reset(&s->why);
      disk_fail(s->disk,
                (struct disk_fault){.calls = DISK_BIT(DISK_READ), .name = "rota.db", .nth = n, .ever = ever});
      int rc = store_check(s->dir, NULL, &s->why);
      if (rc != 0 && rc != ERR_IO) fail_msg("read %d: %s: %s", (int)n, err_name(rc), buf_cstr(&s->why));
      assert_true(rc == ERR_IO || !ever);
      disk_heal(s->disk);
    }
  }
  assert_int_equal(store_check(s->dir, NULL, &s->why), 0);
}

static void a_store_that_is_stopped_writes_nothing_any_more(void **state) {
  struct sandbox *s = *state;
  assert_int_equal(commit_one(s->store, 1000, 300, &s->why), 0);
  store_stop(s->store, ERR_FULL); /* no reason to stop */
  assert_int_equal(commit_one(s->store, 1001, 300, &s->why), 0);
  store_stop(s->store, ERR_CORRUPT);
  int64_t before = disk_count(s->disk, DISK_CHANGES);
  assert_int_equal(commit_one(s->store, 1002, 300, &s->why), ERR_CORRUPT);
  sandbox_close(s);
  assert_int_equal(disk_count(s->disk, DISK_CHANGES), before);
  sandbox_open(s);
  assert_int_equal(events_in(s->dir), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      DISK_TEST(no_cut_between_two_writes_loses_an_acknowledged_commit),
      DISK_TEST(no_cut_of_the_first_start_stands_in_the_way_of_the_next),
      DISK_TEST(a_database_that_lost_its_synced_tail_is_refused_by_the_witness),
      DISK_TEST(a_database_that_is_gone_is_refused_by_the_witness),
      DISK_TEST(what_a_lying_disk_lost_is_never_taken_for_all),
      DISK_TEST(a_flipped_bit_in_any_frame_of_the_log_is_found_and_the_log_is_kept),
      DISK_TEST(a_rotten_page_of_a_small_table_stops_the_start),
      DISK_TEST(a_rotten_page_of_a_large_table_is_found_beside_the_work_and_ends_it),
      DISK_TEST(a_read_that_fails_is_no_damage),
      DISK_TEST(a_store_that_is_stopped_writes_nothing_any_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
