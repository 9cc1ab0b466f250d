/* Snapshots taken while commits go on, and going back to one. */
#include "sandbox.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "scheduler/store/backup.h"
#include "scheduler/store/db.h"
#include "scheduler/store/restore.h"
#include "scheduler/store/snapshot.h"

static int64_t number(const char *path, const char *sql) {
  sqlite3 *db;
  int64_t n = -1;
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(db_int(db, sql, &n), 0);
  sqlite3_close(db);
  return n;
}

static void fill(struct sandbox *s, int64_t from, int64_t count) {
  struct change *c = alloc_zeroed((size_t)count * 2, sizeof *c);
  for (int64_t i = 0; i < count; i++) {
    c[2 * i] = sample_run(from + i, 1, from + i, 2, RUN_SUCCEEDED);
    c[2 * i + 1] = sample_event(1000000 + from + i, EVENT_ROW_RUN, from + i, "succeeded");
    c[2 * i + 1].event.reason = "some text so that the copy takes more than one step: lorem ipsum dolor sit amet";
  }
  sandbox_commit(s, c, (size_t)count * 2);
  free(c);
}

static void backup(struct sandbox *s, const char *file) {
  int rc = sandbox_backup(s, file);
  if (rc) fail_msg("%s: %s", err_name(rc), buf_cstr(&s->why));
}

static void a_snapshot_taken_during_commits_is_whole_and_as_of_its_end(void **state) {
  struct sandbox *s = *state;
  char *file = sandbox_path(s, "copy.db"), *temporary = sandbox_path(s, "copy.db.tmp");
  sandbox_pipeline(s);
  fill(s, 10, 30000);
  const struct backup_watch watch = {sandbox_goes_on, NULL};
  struct backup *b;
  assert_int_equal(delivery_begin(file, &s->why), 0);
  assert_int_equal(backup_begin(s->store, &b, &s->why), 0);
  int rc, steps = 0;
  int64_t next = 50000;
  while ((rc = backup_step(b, &s->why)) == 1) {
    fill(s, next, 3);
    next += 3;
    assert_int_equal(store_tend(s->store, steps % 2 == 0, NULL), 0);
    assert_int_not_equal(access(file, F_OK), 0);
    steps++;
  }
  assert_int_equal(rc, 0);
  assert_true(steps > 1);
  assert_int_equal(backup_finish(b, file, &watch, &s->why), 0);
  assert_int_not_equal(access(temporary, F_OK), 0);
  int64_t version;
  assert_int_equal(snapshot_verify(file, &version, NULL), 0);
  assert_int_equal(number(file, "SELECT count(*) FROM run"), 30000 + next - 50000);
  struct store_health h;
  store_health(s->store, &h);
  assert_int_equal(number(file, "SELECT commit_number FROM meta"), h.commit_number);
  assert_int_equal(delivery_begin(file, &s->why), ERR_EXISTS);
  free(file);
  free(temporary);
}

/* It holds every parameter and output, and lies where the state directory doesn't guard it. */
static void a_snapshot_is_its_owners_alone(void **state) {
  struct sandbox *s = *state;
  char *file = sandbox_path(s, "copy.db"), *temporary = sandbox_path(s, "copy.db.tmp");
  char *vacuumed = sandbox_path(s, "vacuumed.db"), *staged = sandbox_path(s, "rota.backup");
  struct stat st;
  mode_t before = umask(022);
  sandbox_pipeline(s);
  struct backup *b;
  assert_int_equal(delivery_begin(file, &s->why), 0);
  assert_int_equal(backup_begin(s->store, &b, &s->why), 0);
  const char *const begun[] = {temporary, staged};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(stat(begun[i], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
  }
  backup_abort(b);
  free(staged);
  backup(s, file);
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  sqlite3 *db;
  assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(snapshot_vacuum(db, vacuumed, &s->why), 0);
  sqlite3_close(db);
  assert_int_equal(stat(vacuumed, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  umask(before);
  free(vacuumed);
  free(temporary);
  free(file);
}

static bool never(void *ctx) {
  (void)ctx;
  return false;
}

static void a_backup_that_is_given_up_leaves_nothing(void **state) {
  struct sandbox *s = *state;
  const struct backup_watch watch = {never, NULL};
  char *file = sandbox_path(s, "copy.db"), *temporary = sandbox_path(s, "copy.db.tmp");
  char *staged = sandbox_path(s, "rota.backup");
  const char *const files[] = {file, temporary, staged};
  struct backup *b;
  for (int copied = 0; copied < 2; copied++) {
    assert_int_equal(delivery_begin(file, &s->why), 0);
    assert_int_equal(backup_begin(s->store, &b, &s->why), 0);
    while (copied && backup_step(b, &s->why) == 1) {
    }
    if (copied) {
      assert_int_equal(backup_finish(b, file, &watch, &s->why), ERR_AGAIN);
    } else {
      backup_abort(b);
      delivery_drop(file);
    }
    for (int i = 0; i < 3; i++) assert_int_not_equal(access(files[i], F_OK), 0);
  }
  free(file);
  free(temporary);
  free(staged);
}

static void what_a_crash_left_of_one_in_the_state_is_removed_by_the_next_start(void **state) {
  struct sandbox *s = *state;
  char *staged = sandbox_path(s, "rota.backup");
  sandbox_close(s);
  assert_int_equal(file_write(staged, "half", 4, 0600, false), 0);
  sandbox_open(s);
  assert_int_not_equal(access(staged, F_OK), 0);
  free(staged);
}

/* ---- into another file system ---- */

/* A folder that isn't on the sandbox's file system, or NULL. */
static char *elsewhere(const struct sandbox *s) {
  struct stat here, there;
  if (stat(s->dir, &here) != 0 || stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev) return NULL;
  char *dir = alloc_strdup("/dev/shm/rota-backup-XXXXXX");
  if (mkdtemp(dir)) return dir;
  free(dir);
  return NULL;
}

static void a_backup_into_another_file_system_is_the_same_to_the_byte(void **state) {
  struct sandbox *s = *state;
  char *dir = elsewhere(s);
  if (!dir) skip();
  char *here = sandbox_path(s, "copy.db"), *there = path_join(dir, "copy.db");
  struct buf a = {0}, b = {0};
  sandbox_pipeline(s);
  fill(s, 10, 10000);
  backup(s, there);
  backup(s, here);
  assert_int_equal(file_read(there, SIZE_MAX / 2, &a), 0);
  assert_int_equal(file_read(here, SIZE_MAX / 2, &b), 0);
  assert_true(a.len > 1024 * 1024);
  assert_int_equal(a.len, b.len);
  assert_memory_equal(a.bytes, b.bytes, a.len);
  char *temporary = path_join(dir, "copy.db.tmp");
  assert_int_not_equal(access(temporary, F_OK), 0);
  buf_release(&a);
  buf_release(&b);
  dir_remove_at(AT_FDCWD, dir);
  free(temporary);
  free(there);
  free(here);
  free(dir);
}

struct spoiler {
  const char *file;
  int calls;
};

/* After the last chunk was written, and before anything is read back: a byte of it turns. */
static bool spoil(void *ctx) {
  struct spoiler *p = ctx;
  struct stat st;
  if (p->calls++ < 2 || stat(p->file, &st) != 0) return true;
  int fd = open(p->file, O_RDWR);
  char byte = 0;
  if (pread(fd, &byte, 1, st.st_size / 2) == 1) {
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
  }
  close(fd);
  return true;
}

static void a_backup_that_reads_back_otherwise_is_none(void **state) {
  struct sandbox *s = *state;
  char *dir = elsewhere(s);
  if (!dir) skip();
  char *from = sandbox_path(s, "original"), *file = path_join(dir, "copy.db"),
       *temporary = path_join(dir, "copy.db.tmp");
  struct spoiler spoiler = {.file = temporary};
  const struct backup_watch watch = {spoil, &spoiler};
  assert_int_equal(file_write(from, "a short original", 16, 0600, false), 0);
  assert_int_equal(delivery_begin(file, &s->why), 0);
  buf_reset(&s->why);
  assert_int_equal(delivery_carry(from, file, &watch, &s->why), ERR_CORRUPT);
  assert_non_null(strstr(buf_cstr(&s->why), "doesn't hold what was written"));
  assert_int_not_equal(access(file, F_OK), 0);
  assert_int_not_equal(access(temporary, F_OK), 0);
  dir_remove_at(AT_FDCWD, dir);
  free(file);
  free(temporary);
  free(from);
  free(dir);
}

/* ---- going back ---- */

static void make_attempt(struct sandbox *s, int64_t run, int64_t attempt, const char *file) {
  char *dir = alloc_fmt("%s/runs/%s/%s", s->dir, sample_id(run).text, sample_id(attempt).text);
  assert_int_equal(dir_make(dir, 0700), 0);
  char *path = path_join(dir, file);
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
  free(dir);
}

static struct change firing(int64_t key, instant at, enum firing_outcome outcome, int64_t run) {
  return (struct change){CHANGE_FIRING, .firing = {key, 3, 1, at, at, 1, false, outcome, NULL, run, at}};
}

static void a_restore_asks_about_all_that_came_since(void **state) {
  struct sandbox *s = *state;
  char *file = sandbox_path(s, "copy.db");
  struct change c[16];
  size_t n = 0;
  sandbox_pipeline(s);
  c[n++] = (struct change){CHANGE_SCHEDULE, .schedule = {3, 1, "0 * * * * UTC", NOON, NOON, true}};
  c[n++] = sample_run(10, 1, 1, 2, RUN_RUNNING);
  c[n++] = sample_task(10, 0, "done", TASK_SUCCEEDED, 11);
  c[n++] = sample_task(10, 1, "train", TASK_RUNNING, 12);
  c[n++] = sample_attempt(11, 10, 0, TASK_SUCCEEDED);
  c[n++] = sample_attempt(12, 10, 1, TASK_RUNNING);
  c[n++] = firing(13, NOON, FIRING_RUN, 10);
  sandbox_commit(s, c, n);
  backup(s, file);
  char state_id[32];
  snprintf(state_id, sizeof state_id, "%s", store_state_id(s->store));
  /* After the snapshot: a firing with its run and attempt, and a second attempt of train. */
  n = 0;
  c[n++] = sample_pipeline(1, "nightly", 2);
  c[0].pipeline.last_number = 2;
  c[n++] = (struct change){CHANGE_SCHEDULE, .schedule = {3, 1, "0 * * * * UTC", NOON, NOON + USEC_PER_HOUR, true}};
  c[n++] = sample_run(20, 1, 2, 2, RUN_SUCCEEDED);
  c[n++] = sample_attempt(21, 20, 0, TASK_SUCCEEDED);
  c[n++] = sample_attempt(22, 10, 1, TASK_RUNNING);
  c[n++] = firing(23, NOON + USEC_PER_HOUR, FIRING_RUN, 20);
  sandbox_commit(s, c, n);
  make_attempt(s, 10, 11, "exit.0.exited");
  make_attempt(s, 10, 12, "exit.1.exited");
  make_attempt(s, 10, 22, "owner");
  make_attempt(s, 20, 21, "exit.0.exited");
  struct buf kept = {0};
  assert_int_equal(restore_apply(s->dir, file, false, NOON, &kept, &s->why), ERR_BUSY);
  sandbox_close(s);
  buf_reset(&s->why);
  int rc = restore_apply(s->dir, file, false, NOON + 2 * USEC_PER_HOUR, &kept, &s->why);
  if (rc) fail_msg("%s: %s", err_name(rc), buf_cstr(&s->why));
  assert_int_equal(number(buf_cstr(&kept), "SELECT count(*) FROM run"), 2);
  sandbox_open(s);
  assert_string_equal(store_state_id(s->store), state_id); /* hosts know it by this */
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  assert_int_equal(l.restored_at, NOON + 2 * USEC_PER_HOUR);
  assert_int_equal(l.state.pause.at, NOON + 2 * USEC_PER_HOUR);
  assert_int_equal(l.state.runs_len, 1);
  assert_int_equal(l.state.pipelines[0].last_number, 2);
  assert_true(l.state.next_key > 23);
  /* What fired won't fire again. */
  assert_int_equal(l.state.schedules[0].decided, NOON + USEC_PER_HOUR);
  assert_int_equal(l.state.last_firings[0].key, 23);
  assert_int_equal(l.state.last_firings[0].outcome, FIRING_MISSED);
  store_loaded_release(&l);
  struct history *h = history_new(s->dir);
  struct arena a = {0};
  struct restore_item *items;
  size_t len;
  assert_int_equal(restore_items(h, &a, &items, &len), 0);
  assert_int_equal(len, 4);
  assert_true(items[0].firing);
  assert_string_equal(items[0].what, "0 * * * * UTC");
  assert_int_equal(items[0].scheduled_for, NOON + USEC_PER_HOUR);
  assert_string_equal(items[0].run_id, sample_id(20).text);
  assert_string_equal(items[1].what, "train");
  assert_string_equal(items[1].attempt_id, sample_id(12).text);
  assert_string_equal(items[1].found, "exit.1.exited");
  assert_true(items[1].run_known);
  assert_string_equal(items[2].attempt_id, sample_id(22).text);
  assert_string_equal(items[2].found, "started");
  assert_string_equal(items[3].run_id, sample_id(20).text);
  assert_false(items[3].run_known);
  assert_int_equal(restore_reply(s->store, items[1].key, RESTORE_RUN, NULL, &s->why), 0);
  assert_int_equal(restore_reply(s->store, 999, RESTORE_RUN, NULL, &s->why), ERR_NOT_FOUND);
  assert_int_equal(restore_items(h, &a, &items, &len), 0);
  assert_int_equal(items[1].answer, RESTORE_RUN);
  assert_int_equal(items[0].answer, RESTORE_NONE);
  assert_int_equal(restore_close(s->store, NULL, &s->why), 0);
  assert_int_equal(restore_items(h, &a, &items, &len), 0);
  assert_int_equal(len, 0);
  history_free(h);
  arena_release(&a);
  buf_release(&kept);
  free(file);
}

/* The state directory is lost, and with it what was done since. */
static void a_restore_without_the_former_state_asks_about_all_that_was_unfinished(void **state) {
  struct sandbox *s = *state;
  char *file = sandbox_path(s, "copy.db"), *other = sandbox_path(s, "other");
  sandbox_pipeline(s);
  struct change c[6];
  size_t n = 0;
  c[n++] = sample_run(10, 1, 1, 2, RUN_RUNNING);
  c[n++] = sample_task(10, 0, "train", TASK_RUNNING, 11);
  c[n++] = sample_attempt(11, 10, 0, TASK_RUNNING);
  c[n++] = sample_run(20, 1, 2, 2, RUN_RUNNING);
  c[n++] = sample_task(20, 0, "train", TASK_UNREACHABLE, 21);
  c[n++] = sample_attempt(21, 20, 0, TASK_UNREACHABLE);
  c[n - 1].attempt.host = "gpu01";
  c[n - 1].attempt.ended_at = INSTANT_NONE;
  sandbox_commit(s, c, n);
  backup(s, file);
  struct buf kept = {0};
  char state_id[27];
  snprintf(state_id, sizeof state_id, "%s", store_state_id(s->store));
  /* The clock of the other machine is behind what the snapshot knows. */
  assert_int_equal(restore_apply(other, file, false, NOON - USEC_PER_DAY, &kept, &s->why), 0);
  assert_int_equal(kept.len, 0);
  struct history *h = history_new(other);
  struct arena a = {0};
  struct restore_item *items;
  size_t len;
  assert_int_equal(restore_items(h, &a, &items, &len), 0);
  assert_int_equal(len, 2);
  assert_string_equal(items[0].found, RESTORE_NOT_KNOWN);
  assert_string_equal(items[0].attempt_id, sample_id(11).text);
  assert_true(items[0].run_known && items[0].what[0]);
  assert_string_equal(items[1].found, RESTORE_UNFINISHED);
  history_free(h);
  struct store *restored;
  struct store_loaded l;
  assert_int_equal(store_open(other, NOON, &restored, &s->why), 0);
  assert_string_equal(store_state_id(restored), state_id);
  assert_int_equal(store_load(restored, &l, &s->why), 0);
  assert_true(l.state.restored_at >= c[2].attempt.created_at);
  store_loaded_release(&l);
  assert_int_equal(restore_ended(restored), 0);
  store_close(restored);
  char *path = path_join(other, "rota.db");
  assert_int_equal(number(path, "SELECT count(*) FROM restore_item WHERE found = 'ended'"), 1);
  free(path);
  assert_int_equal(restore_apply(other, file, true, NOON, &kept, &s->why), 0);
  assert_int_equal(store_open(other, NOON, &restored, &s->why), 0);
  assert_string_not_equal(store_state_id(restored), state_id);
  store_close(restored);
  arena_release(&a);
  buf_release(&kept);
  free(file);
  free(other);
}

static void a_damaged_snapshot_changes_nothing(void **state) {
  struct sandbox *s = *state;
  char *file = sandbox_path(s, "copy.db");
  sandbox_pipeline(s);
  fill(s, 10, 2000);
  backup(s, file);
  int fd = open(file, O_RDWR);
  char garbage[4096];
  memset(garbage, 0x5a, sizeof garbage);
  assert_int_equal(pwrite(fd, garbage, sizeof garbage, 20 * 4096), sizeof garbage);
  close(fd);
  sandbox_close(s);
  struct buf kept = {0};
  assert_int_equal(restore_apply(s->dir, file, false, NOON, &kept, &s->why), ERR_CORRUPT);
  assert_int_equal(restore_apply(s->dir, "/nonexistent/file", false, NOON, &kept, &s->why), ERR_NOT_FOUND);
  assert_int_equal(kept.len, 0);
  sandbox_open(s);
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  assert_int_equal(l.restored_at, INSTANT_NONE);
  store_loaded_release(&l);
  free(file);
}

static void a_snapshot_replaces_a_database_that_cant_be_read(void **state) {
  struct sandbox *s = *state;
  char *file = sandbox_path(s, "copy.db"), *path = sandbox_path(s, "rota.db"), garbage[9000];
  sandbox_pipeline(s);
  backup(s, file);
  sandbox_close(s);
  memset(garbage, 'x', sizeof garbage);
  assert_int_equal(file_write(path, garbage, sizeof garbage, 0600, false), 0);
  struct buf kept = {0};
  assert_int_equal(restore_apply(s->dir, file, false, NOON, &kept, &s->why), 0);
  assert_int_equal(access(buf_cstr(&kept), F_OK), 0);
  sandbox_open(s);
  struct store_loaded l;
  assert_int_equal(store_load(s->store, &l, &s->why), 0);
  assert_int_equal(l.state.pipelines_len, 1);
  store_loaded_release(&l);
  buf_release(&kept);
  free(path);
  free(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(a_snapshot_taken_during_commits_is_whole_and_as_of_its_end),
      STORE_TEST(a_snapshot_is_its_owners_alone),
      STORE_TEST(a_backup_that_is_given_up_leaves_nothing),
      STORE_TEST(what_a_crash_left_of_one_in_the_state_is_removed_by_the_next_start),
      STORE_TEST(a_backup_into_another_file_system_is_the_same_to_the_byte),
      STORE_TEST(a_backup_that_reads_back_otherwise_is_none),
      STORE_TEST(a_restore_asks_about_all_that_came_since),
      STORE_TEST(a_restore_without_the_former_state_asks_about_all_that_was_unfinished),
      STORE_TEST(a_damaged_snapshot_changes_nothing),
      STORE_TEST(a_snapshot_replaces_a_database_that_cant_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
