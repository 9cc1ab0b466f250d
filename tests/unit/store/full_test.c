/* The disk gets full, or fails. */
#include "sandbox.h"

#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "scheduler/store/db.h"
#include "scheduler/store/history.h"
#include "scheduler/store/migrate.h"
#include "scheduler/store/witness.h"

#define MIB (1024 * 1024)

/* A sandbox on a small file system of its own; false where mounting isn't allowed. */
static bool small_disk(struct sandbox *s, const char *size) {
  sandbox_close(s);
  char *options = alloc_fmt("size=%s", size);
  bool mounted = mount("tmpfs", s->dir, "tmpfs", 0, options) == 0;
  free(options);
  if (!mounted) print_message("skipped: a file system can't be mounted here\n");
  sandbox_open(s);
  return mounted;
}

static void small_disk_away(struct sandbox *s) {
  sandbox_close(s);
  umount(s->dir);
  sandbox_open(s);
}

static int64_t fill_disk(struct sandbox *s) {
  char *path = sandbox_path(s, "filler"), block[64 * 1024];
  memset(block, 1, sizeof block);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  int64_t bytes = 0;
  for (ssize_t n; (n = write(fd, block, sizeof block)) > 0;) bytes += n;
  close(fd);
  free(path);
  return bytes;
}

static size_t batch(struct change *c, int64_t *next) {
  static char text[1500];
  memset(text, 't', sizeof text - 1);
  for (size_t i = 0; i < 40; i++) {
    c[i] = sample_event(++*next, EVENT_ROW_PIPELINE, 0, "x");
    c[i].event.reason = text;
  }
  return 40;
}

static int64_t events(struct sandbox *s) {
  char *path = sandbox_path(s, "rota.db");
  sqlite3 *db;
  sqlite3_stmt *q;
  sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
  sqlite3_prepare_v2(db, "SELECT count(*) FROM event", -1, &q, NULL);
  int64_t n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
  sqlite3_finalize(q);
  sqlite3_close(db);
  free(path);
  return n;
}

static void a_full_disk_drops_the_ballast_and_goes_on_when_there_is_room(void **state) {
  struct sandbox *s = *state;
  struct change c[40];
  int64_t next = 10, done = 0;
  if (!small_disk(s, "48m")) return;
  sandbox_pipeline(s);
  assert_true(ballast_there(s->dir));
  fill_disk(s);
  int rc = 0, commits = 0;
  while (!rc && commits++ < 4000) {
    size_t n = batch(c, &next);
    rc = store_commit(s->store, c, n, &s->why);
    if (!rc) done += (int64_t)n;
    if (!rc) rc = store_tend(s->store, false, NULL);
  }
  assert_int_equal(rc, ERR_FULL);
  assert_false(ballast_there(s->dir));
  struct store_health h;
  store_health(s->store, &h);
  assert_true(h.full);
  /* The same batch, again: the ballast's room takes it, and far more than what runs now can say at its end. */
  if (events(s) == done) {
    assert_int_equal(store_commit(s->store, c, 40, &s->why), 0);
    done += 40;
  }
  for (int i = 0; i < 30; i++) {
    size_t n = batch(c, &next);
    assert_int_equal(store_commit(s->store, c, n, &s->why), 0);
    done += (int64_t)n;
  }
  assert_int_equal(store_tend(s->store, true, &s->why), 0);
  assert_int_equal(events(s), done);
  /* Room again. */
  char *filler = sandbox_path(s, "filler");
  unlink(filler);
  free(filler);
  for (int i = 0; i < 80 && h.full; i++) {
    assert_int_equal(store_tend(s->store, true, NULL), 0);
    store_health(s->store, &h);
    usleep(100000);
  }
  assert_false(h.full);
  assert_true(ballast_there(s->dir));
  sandbox_reopen(s);
  assert_int_equal(events(s), done);
  small_disk_away(s);
}

static void a_full_log_can_be_moved_by_dropping_the_ballast(void **state) {
  struct sandbox *s = *state;
  struct change c[40];
  int64_t next = 10, done = 0;
  if (!small_disk(s, "48m")) return;
  sandbox_pipeline(s);
  /* Fill the log without checkpoints up to its cap, then the disk to its last byte. */
  struct store_health h = {0};
  while (h.wal_bytes < 7 * MIB) {
    done += (int64_t)batch(c, &next);
    sandbox_commit(s, c, 40);
    store_health(s->store, &h);
  }
  fill_disk(s);
  assert_int_equal(store_tend(s->store, true, &s->why), 0);
  store_health(s->store, &h);
  assert_true(h.full);
  assert_int_equal(h.wal_bytes, 0);
  assert_int_equal(events(s), done);
  small_disk_away(s);
}

static void a_disk_that_is_full_at_start_is_no_reason_not_to_start(void **state) {
  struct sandbox *s = *state;
  if (!small_disk(s, "40m")) return;
  sandbox_pipeline(s);
  sandbox_close(s);
  fill_disk(s);
  sandbox_open(s);
  struct store_health h;
  store_health(s->store, &h);
  assert_true(h.full);
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  assert_int_equal(l.state.pipelines_len, 1);
  store_loaded_release(&l);
  small_disk_away(s);
}

/* ---- a disk that fails ---- */

static int tend(struct store *s) {
  return store_tend(s, true, NULL);
}

/* The disk said that it couldn't: nobody may ask it again and take its yes for an answer. */
static void left_alone(struct sandbox *s, int err) {
  struct change c = sample_event(100000, EVENT_ROW_CLOCK, 0, NULL);
  disk_heal(s->disk);
  int64_t before = disk_count(s->disk, DISK_CHANGES);
  assert_int_equal(store_commit(s->store, &c, 1, NULL), err);
  assert_int_equal(tend(s->store), err);
  sandbox_close(s);
  assert_int_equal(disk_count(s->disk, DISK_CHANGES), before);
}

static void a_failed_sync_of_a_commit_is_told_apart_and_never_tried_again(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  struct change c = sample_event(100, EVENT_ROW_CLOCK, 0, NULL);
  disk_fail(s->disk, (struct disk_fault){.calls = DISK_BIT(DISK_SYNC), .name = "-wal", .nth = 1});
  assert_int_equal(store_commit(s->store, &c, 1, &s->why), ERR_SYNC);
  assert_int_equal(disk_failed(s->disk, DISK_BIT(DISK_SYNC)), 1);
  left_alone(s, ERR_SYNC);
  sandbox_open(s);
  sandbox_commit(s, &c, 1);
}

static void a_failed_sync_of_a_checkpoint_is_never_tried_again(void **state) {
  struct sandbox *s = *state;
  static const char *const files[] = {"rota.db", "rota.db-wal"};
  for (int i = 0; i < 2; i++) {
    struct change c = sample_event(100 + i, EVENT_ROW_CLOCK, 0, NULL);
    sandbox_commit(s, &c, 1);
    disk_fail(s->disk, (struct disk_fault){.calls = DISK_BIT(DISK_SYNC), .name = files[i], .nth = 1});
    assert_int_equal(store_tend(s->store, true, &s->why), ERR_SYNC);
    left_alone(s, ERR_SYNC);
    disk_crash_bare(s->disk);
    sandbox_open(s);
    assert_int_equal(events(s), i + 1);
  }
}

static void a_failed_sync_of_the_witness_is_never_tried_again(void **state) {
  struct sandbox *s = *state;
  struct change c = sample_event(100, EVENT_ROW_CLOCK, 0, NULL);
  sandbox_commit(s, &c, 1);
  disk_fail(s->disk, (struct disk_fault){.calls = DISK_BIT(DISK_SYNC), .name = "rota.witness", .nth = 1});
  assert_int_equal(store_tend(s->store, true, &s->why), ERR_SYNC);
  left_alone(s, ERR_SYNC);
  sandbox_open(s);
  assert_int_equal(events(s), 1);
}

/* Every write of a batch fails in turn: all of it is there or nothing, and the next start goes on. */
static void any_failed_write_leaves_the_batch_out_as_a_whole(void **state) {
  struct sandbox *s = *state;
  struct change c[40];
  int64_t next = 10, done = 0;
  int rc = -1;
  sandbox_pipeline(s);
  for (int nth = 1; rc; nth++) {
    size_t n = batch(c, &next);
    disk_fail(s->disk, (struct disk_fault){.calls = DISK_BIT(DISK_WRITE), .nth = nth});
    rc = store_commit(s->store, c, n, &s->why);
    assert_true(rc == 0 || rc == ERR_IO);
    if (rc) {
      left_alone(s, ERR_IO);
      sandbox_open(s);
      assert_int_equal(events(s), done);
      sandbox_commit(s, c, n);
    }
    done += (int64_t)n;
    assert_int_equal(events(s), done);
    assert_true(nth < 1000);
  }
  sandbox_reopen(s);
  assert_int_equal(events(s), done);
}

/* ---- a disk that can't be written any more ---- */

static void a_read_only_disk_is_told_and_the_batch_goes_in_when_it_is_writable(void **state) {
  struct sandbox *s = *state;
  struct change c[40];
  int64_t next = 10;
  sandbox_pipeline(s);
  disk_read_only(s->disk, true);
  for (int i = 0; i < 5; i++) {
    size_t n = batch(c, &next);
    assert_int_equal(store_commit(s->store, c, n, &s->why), ERR_DENIED);
    assert_non_null(strstr(buf_cstr(&s->why), "Read-only"));
    assert_int_equal(store_tend(s->store, i % 2, NULL), i % 2 ? ERR_DENIED : 0);
    assert_int_equal(events(s), 0);
  }
  disk_read_only(s->disk, false);
  sandbox_commit(s, c, 40);
  assert_int_equal(tend(s->store), 0);
  sandbox_reopen(s);
  assert_int_equal(events(s), 40);
}

static void a_start_on_a_read_only_disk_is_refused_and_told(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  disk_read_only(s->disk, true);
  assert_int_equal(store_open(s->dir, NOON, &s->store, &s->why), ERR_DENIED);
  assert_non_null(strstr(buf_cstr(&s->why), "Read-only"));
  disk_heal(s->disk);
  sandbox_open(s);
}

/* ---- somebody else has the lock ---- */

static void a_foreigner_is_waited_for(void **state) {
  struct sandbox *s = *state;
  struct change c = sample_event(100, EVENT_ROW_CLOCK, 0, NULL);
  int64_t slept = vfs_slept();
  disk_hold(s->disk, 4 * USEC_PER_SEC);
  sandbox_commit(s, &c, 1);
  assert_true(vfs_slept() - slept >= 4 * USEC_PER_SEC);
  assert_int_equal(events(s), 1);
}

static void a_foreigner_who_stays_is_told_and_the_batch_goes_in_after_him(void **state) {
  struct sandbox *s = *state;
  struct change c = sample_event(100, EVENT_ROW_CLOCK, 0, NULL);
  int64_t slept = vfs_slept();
  disk_hold(s->disk, -1);
  for (int i = 0; i < 8; i++) {
    assert_int_equal(store_commit(s->store, &c, 1, &s->why), ERR_BUSY);
    assert_int_equal(store_tend(s->store, i % 2, NULL), 0);
  }
  assert_true(vfs_slept() - slept >= 30 * USEC_PER_SEC);
  assert_non_null(strstr(buf_cstr(&s->why), "locked"));
  disk_hold(s->disk, 0);
  sandbox_commit(s, &c, 1);
  sandbox_reopen(s);
  assert_int_equal(events(s), 1);
}

/* ---- a full disk, to the byte ---- */

/* Fills the log up to its cap while the disk has room, then takes all room but `left` away. */
static int64_t full_log(struct sandbox *s, int64_t left) {
  struct change c[40];
  struct store_health h = {0};
  int64_t next = 10, done = 0;
  sandbox_pipeline(s);
  while (h.wal_bytes <= STORE_WAL_CAP) {
    done += (int64_t)batch(c, &next);
    sandbox_commit(s, c, 40);
    store_health(s->store, &h);
  }
  disk_limit(s->disk, disk_used(s->disk) + left);
  return done;
}

static void a_full_log_on_a_full_disk_is_moved_into_the_ballasts_room(void **state) {
  struct sandbox *s = *state;
  struct change c[40];
  int64_t next = 1000000, done = full_log(s, 0);
  size_t n = batch(c, &next);
  sandbox_commit(s, c, n);
  done += (int64_t)n;
  assert_false(ballast_there(s->dir));
  assert_int_equal(tend(s->store), 0);
  struct store_health h;
  store_health(s->store, &h);
  assert_int_equal(h.wal_bytes, 0);
  assert_true(h.full);
  disk_crash_bare(s->disk);
  sandbox_reopen(s);
  assert_int_equal(events(s), done);
}

/* As a ballast that is too small: the checkpoint finds no room, which is said, and nothing is lost. */
static void a_full_log_without_a_ballast_is_told_and_loses_nothing(void **state) {
  struct sandbox *s = *state;
  struct change c[40];
  int64_t next = 1000000, done = full_log(s, 0), more = 0;
  assert_true(ballast_drop(s->dir));
  disk_limit(s->disk, disk_used(s->disk) + 16 * 1024);
  int rc = 0;
  while (!rc && more < 4000) {
    size_t n = batch(c, &next);
    rc = store_commit(s->store, c, n, &s->why);
    if (!rc) more += (int64_t)n;
  }
  assert_int_equal(rc, ERR_FULL);
  assert_int_equal(tend(s->store), ERR_FULL);
  struct store_health h;
  store_health(s->store, &h);
  assert_true(h.full);
  assert_int_equal(events(s), done + more);
  disk_limit(s->disk, 0);
  sandbox_commit(s, c, 40);
  assert_int_equal(tend(s->store), 0);
  disk_crash_bare(s->disk);
  sandbox_reopen(s);
  assert_int_equal(events(s), done + more + 40);
}

/* It isn't taken for a start in want of room: the store would be open with the schema of yesterday. */
static void a_migration_that_finds_no_room_is_told_and_done_later(void **state) {
  struct sandbox *s = *state;
  const struct migration *items;
  sqlite3 *db;
  sandbox_close(s);
  disk_free(s->disk);
  s->disk = disk_new(s->dir);
  migrations(&items);
  char *path = sandbox_path(s, "rota.db");
  assert_int_equal(db_open(path, DB_WRITER, &db, NULL), 0);
  assert_int_equal(migrate(db, path, &(struct migration_list){.items = items, .len = 1}, NULL), 0);
  assert_int_equal(db_exec(db, "INSERT INTO meta (one, state_id, commit_number, last_key)"
                               " VALUES (1, '01h00000000000000000000001', 1, 40)"),
                   0);
  db_close(db);
  disk_limit(s->disk, disk_used(s->disk) + 64 * 1024);
  buf_reset(&s->why);
  assert_int_equal(store_open(s->dir, NOON, &s->store, &s->why), ERR_FULL);
  assert_null(s->store);
  assert_true(s->why.len > 0);
  disk_limit(s->disk, 0);
  sandbox_open(s);
  sandbox_pipeline(s);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(a_full_disk_drops_the_ballast_and_goes_on_when_there_is_room),
      STORE_TEST(a_full_log_can_be_moved_by_dropping_the_ballast),
      STORE_TEST(a_disk_that_is_full_at_start_is_no_reason_not_to_start),
      DISK_TEST(a_failed_sync_of_a_commit_is_told_apart_and_never_tried_again),
      DISK_TEST(a_failed_sync_of_a_checkpoint_is_never_tried_again),
      DISK_TEST(a_failed_sync_of_the_witness_is_never_tried_again),
      DISK_TEST(any_failed_write_leaves_the_batch_out_as_a_whole),
      DISK_TEST(a_read_only_disk_is_told_and_the_batch_goes_in_when_it_is_writable),
      DISK_TEST(a_start_on_a_read_only_disk_is_refused_and_told),
      DISK_TEST(a_foreigner_is_waited_for),
      DISK_TEST(a_foreigner_who_stays_is_told_and_the_batch_goes_in_after_him),
      DISK_TEST(a_full_log_on_a_full_disk_is_moved_into_the_ballasts_room),
      DISK_TEST(a_migration_that_finds_no_room_is_told_and_done_later),
      DISK_TEST(a_full_log_without_a_ballast_is_told_and_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
