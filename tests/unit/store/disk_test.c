/* The disk of the tests itself: it keeps and loses what a real one may keep and lose. */
#include "sandbox.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define ROOT "/disk"

static int disk_setup(void **state) {
  vfs_install(1);
  *state = disk_new(ROOT);
  return 0;
}

static int disk_teardown(void **state) {
  disk_free(*state);
  vfs_remove();
  return 0;
}

static int made(const char *name) {
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  return fd;
}

static void put(int fd, const char *text, off_t at) {
  assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
}

static void holds(const struct disk *d, const char *name, const char *text) {
  size_t len = 0;
  char *bytes = disk_get(d, name, &len);
  if (!text) {
    assert_null(bytes);
    return;
  }
  assert_non_null(bytes);
  assert_string_equal(bytes, text);
  free(bytes);
}

static void sync_root(void) {
  assert_int_equal(dir_sync(ROOT), 0);
}

/* ---- what stays ---- */

static void only_what_was_synced_is_sure_to_stay(void **state) {
  struct disk *d = *state;
  int fd = made(ROOT "/a"), lost = made(ROOT "/lost");
  put(fd, "synced", 0);
  put(lost, "of a name that nobody synced", 0);
  assert_int_equal(fsync(fd), 0);
  assert_int_equal(fsync(lost), 0);
  sync_root();
  int late = made(ROOT "/late");
  put(late, "x", 0);
  assert_int_equal(fsync(late), 0);
  put(fd, "SYN", 0);
  holds(d, "a", "SYNced");
  unlink(ROOT "/lost");
  disk_crash_bare(d);
  holds(d, "a", "synced");
  holds(d, "late", NULL);
  holds(d, "lost", "of a name that nobody synced");
  close(fd), close(lost), close(late);
}

static void a_rename_is_whole_and_needs_its_directory_synced(void **state) {
  struct disk *d = *state;
  assert_int_equal(file_write(ROOT "/a", "old", 3, 0600, true), 0);
  int fd = made(ROOT "/b");
  put(fd, "new", 0);
  assert_int_equal(fsync(fd), 0);
  sync_root();
  assert_int_equal(rename(ROOT "/b", ROOT "/a"), 0);
  holds(d, "a", "new");
  holds(d, "b", NULL);
  struct disk *copy = disk_clone(d, "/copy");
  disk_crash_bare(copy);
  holds(copy, "a", "old");
  holds(copy, "b", "new");
  disk_free(copy);
  sync_root();
  disk_crash_bare(d);
  holds(d, "a", "new");
  holds(d, "b", NULL);
  close(fd);
}

/* Three writes of two sectors each: over the seeds each way of a disk to lose some of them is seen. */
static void a_power_cut_keeps_any_of_what_is_pending(void **state) {
  (void)state;
  enum { NONE, ALL, FIRST, LAST_ONLY, TORN, WAYS };
  int seen[WAYS] = {0};
  char sectors[1025];
  for (uint64_t seed = 0; seed < 300; seed++) {
    struct disk *d = disk_new("/cut");
    int fd = made("/cut/f");
    assert_int_equal(ftruncate(fd, 3072), 0);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(dir_sync("/cut"), 0);
    for (int i = 0; i < 3; i++) {
      memset(sectors, 'a' + i, 1024);
      assert_int_equal(pwrite(fd, sectors, 1024, 1024 * i), 1024);
    }
    disk_crash(d, seed);
    size_t len;
    char *f = disk_get(d, "f", &len);
    assert_int_equal(len, 3072);
    bool there[6];
    for (int i = 0; i < 6; i++) there[i] = f[512 * i] != 0;
    seen[NONE] += !there[0] && !there[1] && !there[2] && !there[3] && !there[4] && !there[5];
    seen[ALL] += there[0] && there[1] && there[2] && there[3] && there[4] && there[5];
    seen[FIRST] += there[0] && there[1] && !there[2] && !there[3] && !there[4] && !there[5];
    seen[LAST_ONLY] += !there[0] && !there[1] && !there[2] && !there[3] && there[4] && there[5];
    seen[TORN] += there[0] != there[1] || there[2] != there[3] || there[4] != there[5];
    free(f);
    close(fd);
    disk_free(d);
  }
  for (int i = 0; i < WAYS; i++) assert_true(seen[i] > 0);
}

static void a_killed_process_loses_nothing_and_its_files_are_closed(void **state) {
  struct disk *d = *state;
  int fd = made(ROOT "/a");
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
  put(fd, "written", 0);
  int other = made(ROOT "/a");
  assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), -1);
  assert_int_equal(errno, EAGAIN);
  disk_kill(d);
  holds(d, "a", "written");
  assert_int_equal(pwrite(fd, "x", 1, 0), -1);
  assert_int_equal(fsync(fd), -1);
  int next = made(ROOT "/a");
  assert_int_equal(fcntl(next, F_OFD_SETLK, &lock), 0);
  close(fd); /* of the dead: it must not take the lock of the living away */
  other = (close(other), made(ROOT "/a"));
  assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), -1);
  close(next), close(other);
}

static void a_lying_disk_loses_what_it_said_was_synced(void **state) {
  struct disk *d = *state;
  int fd = made(ROOT "/a");
  sync_root();
  put(fd, "true", 0);
  assert_int_equal(fsync(fd), 0);
  disk_lie(d, true);
  put(fd, "lies", 0);
  assert_int_equal(fsync(fd), 0);
  disk_crash_bare(d);
  holds(d, "a", "true");
  close(fd);
}

/* ---- what fails ---- */

static void a_full_disk_takes_what_fits(void **state) {
  struct disk *d = *state;
  int fd = made(ROOT "/a");
  struct statvfs fs;
  disk_limit(d, 10000);
  assert_int_equal(statvfs(ROOT, &fs), 0);
  assert_int_equal(fs.f_bavail * fs.f_frsize, 8192);
  assert_int_equal(posix_fallocate(fd, 0, 20000), ENOSPC);
  assert_int_equal(posix_fallocate(fd, 0, 9998), 0);
  assert_int_equal(pwrite(fd, "1234", 4, 9998), 2);
  assert_int_equal(pwrite(fd, "1234", 4, 10000), -1);
  assert_int_equal(errno, ENOSPC);
  put(fd, "within", 100);
  assert_int_equal(disk_used(d), 10000);
  assert_int_equal(ftruncate(fd, 0), 0);
  assert_int_equal(disk_used(d), 0);
  close(fd);
}

static void the_nth_call_of_a_kind_fails_once_or_for_ever(void **state) {
  struct disk *d = *state;
  int a = made(ROOT "/a-wal"), b = made(ROOT "/b");
  disk_fail(d, (struct disk_fault){.calls = DISK_BIT(DISK_WRITE), .name = "-wal", .nth = 2});
  put(a, "1", 0);
  put(b, "1", 0);
  put(b, "1", 0);
  assert_int_equal(pwrite(a, "2", 1, 0), -1);
  assert_int_equal(errno, EIO);
  put(a, "3", 0);
  assert_int_equal(disk_failed(d, DISK_ANY), 1);
  disk_fail(d, (struct disk_fault){.nth = 2, .ever = true, .error = ENOSPC});
  assert_int_equal(fsync(a), 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(fsync(b), -1);
    assert_int_equal(errno, ENOSPC);
  }
  assert_int_equal(open(ROOT "/a", O_RDONLY), -1);
  disk_heal(d);
  assert_int_equal(fsync(b), 0);
  assert_int_equal(disk_failed(d, DISK_BIT(DISK_SYNC)), 3);
  assert_int_equal(disk_count(d, DISK_BIT(DISK_SYNC)), 5);
  close(a), close(b);
}

static void nothing_is_written_to_what_is_read_only(void **state) {
  struct disk *d = *state;
  int fd = made(ROOT "/a");
  disk_read_only(d, true);
  assert_int_equal(pwrite(fd, "x", 1, 0), -1);
  assert_int_equal(errno, EROFS);
  assert_int_equal(unlink(ROOT "/a"), -1);
  assert_int_equal(open(ROOT "/a", O_RDWR), -1);
  assert_int_equal(open(ROOT "/b", O_RDWR | O_CREAT, 0600), -1);
  int reader = open(ROOT "/a", O_RDONLY);
  assert_true(reader >= 0);
  close(fd), close(reader);
}

static void other_files_are_the_machines(void **state) {
  struct disk *d = *state;
  char path[] = "/tmp/rota-disk-XXXXXX";
  int fd = mkstemp(path);
  assert_int_equal(pwrite(fd, "real", 4, 0), 4);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_size, 4);
  close(fd);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(disk_count(d, DISK_ANY), 0);
}

/* ---- copies ---- */

static void the_tape_gives_each_state_in_between(void **state) {
  struct disk *d = *state;
  int fd = made(ROOT "/a");
  put(fd, "0", 0);
  disk_record(d);
  put(fd, "1", 1);
  assert_int_equal(fsync(fd), 0);
  put(fd, "2", 2);
  assert_int_equal(rename(ROOT "/a", ROOT "/b"), 0);
  sync_root();
  static const char *const a[] = {"0", "01", "01", "012", NULL, NULL},
                           *const b[] = {NULL, NULL, NULL, NULL, "012", "012"}, *const cut[] = {NULL, NULL, NULL,
                                                                                                NULL, NULL, "01"};
  assert_int_equal(disk_recorded(d), 5);
  for (size_t n = 0; n <= 5; n++) {
    struct disk *then = disk_at(d, n, "/then");
    holds(then, "a", a[n]);
    holds(then, "b", b[n]);
    disk_crash_bare(then);
    holds(then, "b", cut[n]);
    disk_free(then);
  }
  close(fd);
}

static void a_childs_disk_comes_back_to_its_parent(void **state) {
  struct disk *d = *state;
  int ends[2], status;
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    int fd = made(ROOT "/a");
    put(fd, "from the child", 0);
    _exit(disk_save(d, ends[1]) ? 1 : 0);
  }
  close(ends[1]);
  struct disk *back = disk_load("/back", ends[0]);
  assert_non_null(back);
  close(ends[0]);
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  holds(back, "a", "from the child");
  holds(d, "a", NULL);
  disk_free(back);
}

/* ---- SQLite on it ---- */

static int step(sqlite3 *db, const char *sql) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static sqlite3 *connected(const char *path) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(step(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"), SQLITE_OK);
  return db;
}

static int count(sqlite3 *db) {
  sqlite3_stmt *q;
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &q, NULL), SQLITE_OK);
  int n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : -1;
  sqlite3_finalize(q);
  return n;
}

static void what_sqlite_committed_is_there_after_any_power_cut(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 40; seed++) {
    struct disk *d = disk_new("/cut");
    sqlite3 *db = connected("/cut/x.db");
    assert_int_equal(step(db, "CREATE TABLE t (x)"), SQLITE_OK);
    assert_int_equal(dir_sync("/cut"), 0);
    for (int i = 0; i < 20; i++) assert_int_equal(step(db, "INSERT INTO t VALUES (randomblob(3000))"), SQLITE_OK);
    assert_int_equal(step(db, "BEGIN; INSERT INTO t SELECT randomblob(3000) FROM t"), SQLITE_OK);
    disk_crash(d, seed);
    sqlite3_close(db);
    db = connected("/cut/x.db");
    assert_int_equal(count(db), 20);
    sqlite3_close(db);
    disk_free(d);
  }
}

static void two_connections_lock_each_other_out_and_sleeps_take_no_time(void **state) {
  struct disk *d = *state;
  sqlite3 *a = connected(ROOT "/x.db"), *b = connected(ROOT "/x.db");
  assert_int_equal(step(a, "CREATE TABLE t (x)"), SQLITE_OK);
  assert_int_equal(count(b), 0);
  assert_int_equal(step(a, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1)"), SQLITE_OK);
  sqlite3_busy_timeout(b, 5000);
  assert_int_equal(step(b, "BEGIN IMMEDIATE"), SQLITE_BUSY);
  assert_true(vfs_slept() >= 4900000 && vfs_slept() <= 5100000);
  assert_int_equal(count(b), 0);
  assert_int_equal(step(a, "COMMIT"), SQLITE_OK);
  assert_int_equal(count(b), 1);
  disk_hold(d, 1000000);
  assert_int_equal(step(b, "INSERT INTO t VALUES (2)"), SQLITE_OK);
  assert_true(vfs_slept() >= 5900000);
  disk_hold(d, -1);
  assert_int_equal(step(b, "INSERT INTO t VALUES (3)"), SQLITE_BUSY);
  disk_hold(d, 0);
  sqlite3_close(a);
  sqlite3_close(b);
  assert_true(disk_size(d, "x.db-wal") < 0);
}

static void a_dead_connection_leaves_the_next_one_alone(void **state) {
  struct disk *d = *state;
  sqlite3 *dead = connected(ROOT "/x.db");
  assert_int_equal(step(dead, "CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)"), SQLITE_OK);
  disk_kill(d);
  sqlite3 *next = connected(ROOT "/x.db");
  assert_int_equal(step(next, "INSERT INTO t VALUES (2)"), SQLITE_OK);
  assert_int_not_equal(step(dead, "COMMIT"), SQLITE_OK);
  sqlite3_close(dead);
  assert_int_equal(step(next, "INSERT INTO t VALUES (3)"), SQLITE_OK);
  assert_int_equal(count(next), 2);
  sqlite3_close(next);
}

static void a_store_lives_on_it_with_all_its_files(void **state) {
  struct disk *d = *state;
  struct store *s;
  struct buf why = {0};
  int rc = store_open(ROOT, NOON, &s, &why);
  if (rc) fail_msg("%s: %s", err_name(rc), buf_cstr(&why));
  static const char *const names[] = {"rota.db", "rota.db-wal", "rota.lock", "rota.witness", "rota.ballast"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) assert_true(disk_size(d, names[i]) >= 0);
  struct store *second;
  assert_int_equal(store_open(ROOT, NOON, &second, NULL), ERR_BUSY);
  disk_crash(d, 1);
  store_close(s);
  assert_int_equal(store_open(ROOT, NOON, &s, &why), 0);
  store_close(s);
  buf_release(&why);
}

#define EMPTY_DISK_TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      EMPTY_DISK_TEST(only_what_was_synced_is_sure_to_stay),
      EMPTY_DISK_TEST(a_rename_is_whole_and_needs_its_directory_synced),
      EMPTY_DISK_TEST(a_power_cut_keeps_any_of_what_is_pending),
      EMPTY_DISK_TEST(a_killed_process_loses_nothing_and_its_files_are_closed),
      EMPTY_DISK_TEST(a_lying_disk_loses_what_it_said_was_synced),
      EMPTY_DISK_TEST(a_full_disk_takes_what_fits),
      EMPTY_DISK_TEST(the_nth_call_of_a_kind_fails_once_or_for_ever),
      EMPTY_DISK_TEST(nothing_is_written_to_what_is_read_only),
      EMPTY_DISK_TEST(other_files_are_the_machines),
      EMPTY_DISK_TEST(the_tape_gives_each_state_in_between),
      EMPTY_DISK_TEST(a_childs_disk_comes_back_to_its_parent),
      EMPTY_DISK_TEST(what_sqlite_committed_is_there_after_any_power_cut),
      EMPTY_DISK_TEST(two_connections_lock_each_other_out_and_sleeps_take_no_time),
      EMPTY_DISK_TEST(a_dead_connection_leaves_the_next_one_alone),
      EMPTY_DISK_TEST(a_store_lives_on_it_with_all_its_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
