/* The disk gets full, or fails. */
#include "sandbox.h"

#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "scheduler/store/history.h"
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

static void a_failed_sync_is_told_apart(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  struct change c = sample_event(100, EVENT_ROW_CLOCK, 0, NULL);
  disk_fail(s->disk, (struct disk_fault){.calls = DISK_BIT(DISK_SYNC), .nth = 1});
  assert_int_equal(store_commit(s->store, &c, 1, &s->why), ERR_SYNC);
}

/* Every write of a batch fails in turn: either all of it is there or nothing, and it can be handed in again. */
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
    disk_heal(s->disk);
    if (rc) {
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

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(a_full_disk_drops_the_ballast_and_goes_on_when_there_is_room),
      STORE_TEST(a_full_log_can_be_moved_by_dropping_the_ballast),
      STORE_TEST(a_disk_that_is_full_at_start_is_no_reason_not_to_start),
      DISK_TEST(a_failed_sync_is_told_apart),
      DISK_TEST(any_failed_write_leaves_the_batch_out_as_a_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
