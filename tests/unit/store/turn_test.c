// time-limit: 240
/* Failing in turn: for each of these stories every call to the disk and every allocation fails at n = 1, 2, 3, ...,
 * once and for ever after, until a telling passes without one; and the power goes after each change of the disk.
 * After each the state is opened again on a whole disk: what was acknowledged is there, and the story can be told to
 * its end.
 *
 * TURN_STEP=1 in the environment tells every n (`make turn`); without it a sample is told. */
#include "sandbox.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "scheduler/store/backup.h"
#include "scheduler/store/db.h"
#include "scheduler/store/delivery.h"
#include "scheduler/store/history.h"
#include "scheduler/store/migrate.h"
#include "scheduler/store/restore.h"
#include "scheduler/store/retention.h"
#include "scheduler/store/snapshot.h"
#include "tests/sim/allocs.h"

#define DIR  "/disk"
#define COPY DIR "/copy.db"

/* What one telling came to, in memory that a child shares with its parent. */
struct telling {
  int64_t events;      /* acknowledged */
  int64_t removed;     /* runs that retention said were gone */
  bool copied;         /* the backup was said to be there */
  bool restored;       /* the restore was said to be done */
  bool damaged;        /* a check said that the database is damaged */
  bool over;           /* the story came to its end, well or not */
  bool without_memory; /* allocations fail, not calls */
  int64_t failed;      /* of the calls or allocations */
  int64_t failed_of[DISK_CALLS];
};

struct story {
  const char *name;
  void (*prepare)(void);                                    /* on the empty disk */
  void (*tell)(struct telling *t);                          /* what is tried; ends at the first failure */
  void (*check)(const struct telling *t, const char *what); /* of the store that is open again, in `again` */
};

static struct {
  struct disk *disk;
  struct store *again;
  struct telling *shared;
  int save_fd;
  VEC(struct {
    size_t tape;
    struct telling told;
  })
  tape;
  bool recording;
} stage;

static void said(struct telling *t) {
  if (!stage.recording) return;
  vec_reserve(&stage.tape, stage.tape.len + 1);
  stage.tape.items[stage.tape.len].tape = disk_recorded(stage.disk);
  stage.tape.items[stage.tape.len++].told = *t;
}

static int64_t count(const char *file, const char *sql) {
  sqlite3 *db = NULL;
  int64_t n = -1;
  if (db_open(file, DB_READER, &db, NULL) == 0 && db_int(db, sql, &n)) n = -1;
  db_close(db);
  return n;
}

static struct store *opened(const char *what) {
  struct buf why = {0};
  struct store *s;
  int rc = store_open(DIR, NOON, &s, &why);
  if (rc) fail_msg("%s: %s: %s", what, err_name(rc), buf_cstr(&why));
  buf_release(&why);
  return s;
}

static int commit_one(struct store *s, int64_t key, size_t bytes) {
  static char text[40001];
  memset(text, 't', bytes);
  text[bytes] = '\0';
  struct change c = sample_event(key, EVENT_ROW_PIPELINE, 0, "x");
  c.event.reason = text;
  return store_commit(s, &c, 1, NULL);
}

/* ---- a start ---- */

static void nothing(void) {}

static void tell_start(struct telling *t) {
  struct store *s;
  (void)t;
  if (store_open(DIR, NOON, &s, NULL) == 0) store_close(s);
}

static void migrated_to(size_t version) {
  const struct migration *items;
  sqlite3 *db;
  migrations(&items);
  assert_int_equal(db_open(DIR "/rota.db", DB_WRITER, &db, NULL), 0);
  assert_int_equal(migrate(db, DIR "/rota.db", &(struct migration_list){.items = items, .len = version}, NULL), 0);
  assert_int_equal(
      db_exec(db, "BEGIN; INSERT INTO meta (one, state_id, commit_number, last_key)"
                  " VALUES (1, '01h00000000000000000000001', 1, 40);"
                  "INSERT INTO pipeline VALUES (1, 'nightly', 2, 2, 1, NULL, 1, NULL, NULL, NULL);"
                  "INSERT INTO version VALUES (2, 1, 'aa', 1, 'ops', '[]', NULL, '{}', 'tasks: {}');"
                  "INSERT INTO event VALUES (20, 6, 'clock', NULL, NULL, NULL, NULL, 'forward', NULL, NULL);"
                  "INSERT INTO event VALUES (21, 6, 'clock', NULL, NULL, NULL, NULL, 'back', NULL, NULL); COMMIT"),
      0);
  db_close(db);
  assert_int_equal(dir_sync(DIR), 0);
}

static void of_the_first(void) {
  migrated_to(1);
}

static void of_the_second(void) {
  migrated_to(2);
}

static void check_start(const struct telling *t, const char *what) {
  (void)t;
  const struct migration *items;
  int64_t rows = count(DIR "/rota.db", "SELECT count(*) FROM event");
  if (rows != 0 && rows != 2) fail_msg("%s: %lld events", what, (long long)rows);
  assert_int_equal(count(DIR "/rota.db", "PRAGMA user_version"), migrations(&items));
}

static void check_migrated(const struct telling *t, const char *what) {
  check_start(t, what);
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM event"), 2);
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM version WHERE sha256 = 'aa'"), 1);
}

/* ---- commits and checkpoints ---- */

static void a_store(void) {
  struct store *s = opened("prepare");
  struct change c[] = {sample_pipeline(1, "nightly", 2), sample_version(2, 1, SAMPLE_JSON)};
  assert_int_equal(store_commit(s, c, 2, NULL), 0);
  store_close(s);
}

/* As the writer's thread does: what is full, read-only or busy is tried again, anything else is the end. */
static bool commits(struct store *s, struct telling *t, int len, int tend) {
  for (int i = 0; i < len; i++) {
    int rc = ERR_BUSY;
    for (int tries = 0; (rc == ERR_BUSY || rc == ERR_FULL || rc == ERR_DENIED) && tries < 3; tries++)
      rc = commit_one(s, 1000 + t->events, i % 5 == 3 ? 40000 : 300);
    if (rc) return false;
    t->events++;
    said(t);
    rc = store_tend(s, i % tend == tend - 1, NULL);
    if (rc && rc != ERR_FULL && rc != ERR_DENIED) return false;
  }
  return true;
}

static void tell_commits(struct telling *t) {
  struct store *s;
  if (store_open(DIR, NOON, &s, NULL)) return;
  commits(s, t, 8, 100);
  store_close(s);
}

static void tell_checkpoints(struct telling *t) {
  struct store *s;
  if (store_open(DIR, NOON, &s, NULL)) return;
  commits(s, t, 6, 2);
  store_close(s);
}

static void check_events(const struct telling *t, const char *what) {
  int64_t events = count(DIR "/rota.db", "SELECT count(*) FROM event");
  if (events < t->events || events > t->events + 1)
    fail_msg("%s: %lld events, %lld were acknowledged", what, (long long)events, (long long)t->events);
  struct telling more = {.events = events};
  assert_true(commits(stage.again, &more, 2, 2));
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM event"), events + 2);
}

/* ---- forgetting ---- */

#define OLD 6

static void with_old_runs(void) {
  struct store *s = opened("prepare");
  struct change c[4 * OLD + 2] = {sample_pipeline(1, "nightly", 2), sample_version(2, 1, SAMPLE_JSON)};
  size_t n = 2;
  for (int64_t i = 0; i < OLD; i++) {
    c[n] = sample_run(10 + i, 1, 10 + i, 2, RUN_SUCCEEDED);
    c[n].run.created_at = c[n].run.started_at = NOON - (200 - i) * USEC_PER_DAY;
    c[n].run.ended_at = c[n].run.created_at + USEC_PER_MIN;
    n++;
    c[n++] = sample_task(10 + i, 0, "t", TASK_SUCCEEDED, 100 + i);
    c[n++] = sample_attempt(100 + i, 10 + i, 0, TASK_SUCCEEDED);
    c[n++] = sample_event(200 + i, EVENT_ROW_TASK, 10 + i, "succeeded");
  }
  assert_int_equal(store_commit(s, c, n, NULL), 0);
  store_close(s);
}

static bool forgets(struct store *s, struct telling *t) {
  struct retention r = {.days = 30};
  struct retention_removed removed = {0};
  int rc;
  do {
    rc = retention_step(s, &r, NOON, &removed, NULL);
    t->removed = (int64_t)removed.ids.len;
    said(t);
  } while (rc == 1);
  vec_release(&removed.ids);
  return rc == 0;
}

static void tell_forgetting(struct telling *t) {
  struct store *s;
  if (store_open(DIR, NOON, &s, NULL)) return;
  forgets(s, t);
  store_close(s);
}

static void check_forgotten(const struct telling *t, const char *what) {
  int64_t runs = count(DIR "/rota.db", "SELECT count(*) FROM run"),
          listed = count(DIR "/rota.db", "SELECT count(*) FROM removed_run");
  if (runs > OLD - t->removed || runs + listed != OLD)
    fail_msg("%s: %lld runs and %lld to be removed, %lld were said to be gone", what, (long long)runs,
             (long long)listed, (long long)t->removed);
  struct telling rest = {0};
  assert_true(forgets(stage.again, &rest));
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM run"), 1);
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM task"), 1);
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM attempt"), 1);
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM removed_run"), OLD - 1);
}

/* ---- a backup ---- */

static bool goes_on(void *ctx) {
  (void)ctx;
  return true;
}

static bool backs_up(struct store *s, struct telling *t) {
  const struct backup_watch watch = {goes_on, NULL};
  struct backup *b = NULL;
  int rc = delivery_begin(COPY, NULL);
  if (rc) return false;
  rc = backup_begin(s, &b, NULL);
  while (!rc && (rc = backup_step(b, NULL)) == 1) rc = 0;
  if (rc) {
    backup_abort(b);
    delivery_drop(COPY);
  } else {
    rc = backup_finish(b, COPY, &watch, NULL);
  }
  t->copied = rc == 0;
  said(t);
  return rc == 0;
}

static void tell_backup(struct telling *t) {
  struct store *s;
  if (store_open(DIR, NOON, &s, NULL)) return;
  if (commits(s, t, 3, 100)) backs_up(s, t);
  commits(s, t, 2, 2);
  store_close(s);
}

static void check_backup(const struct telling *t, const char *what) {
  int64_t version;
  if (access(COPY, F_OK) == 0) {
    struct buf why = {0};
    if (snapshot_verify(COPY, &version, &why)) fail_msg("%s: the backup isn't whole: %s", what, buf_cstr(&why));
    buf_release(&why);
    assert_int_equal(count(COPY, "SELECT count(*) FROM event"), 3);
    unlink(COPY);
  } else if (t->copied) {
    fail_msg("%s: the backup was said to be there", what);
  }
  struct telling more = {0};
  assert_true(backs_up(stage.again, &more));
  check_events(t, what);
}

/* ---- a restore ---- */

static void with_a_backup(void) {
  a_store();
  struct store *s = opened("prepare");
  struct telling t = {0};
  assert_true(commits(s, &t, 2, 2));
  assert_true(backs_up(s, &t));
  assert_true(commits(s, &t, 2, 100));
  store_close(s);
}

static void tell_restore(struct telling *t) {
  struct buf kept = {0};
  if (restore_apply(DIR, COPY, true, NOON, &kept, NULL) == 0) t->restored = true;
  said(t);
  buf_release(&kept);
}

static void check_restored(const struct telling *t, const char *what) {
  int64_t events = count(DIR "/rota.db", "SELECT count(*) FROM event"),
          restored = count(DIR "/rota.db", "SELECT restored_at IS NOT NULL FROM meta");
  if (events != (restored ? 2 : 4) || (t->restored && !restored))
    fail_msg("%s: %lld events, restored: %lld, said so: %d", what, (long long)events, (long long)restored,
             t->restored);
  store_close(stage.again);
  assert_int_equal(restore_apply(DIR, COPY, true, NOON + USEC_PER_SEC, NULL, NULL), 0);
  stage.again = opened(what);
  assert_int_equal(count(DIR "/rota.db", "SELECT count(*) FROM event"), 2);
}

/* ---- a check ---- */

static void with_pages(void) {
  a_store();
  struct store *s = opened("prepare");
  struct telling t = {0};
  assert_true(commits(s, &t, 12, 2));
  store_close(s);
}

static void tell_check(struct telling *t) {
  t->damaged = store_check(DIR, NULL, NULL) == ERR_CORRUPT;
}

static void check_undamaged(const struct telling *t, const char *what) {
  if (t->damaged) fail_msg("%s: it was said to be damaged", what);
}

static const struct story stories[] = {
    {"the first start", nothing, tell_start, check_start},
    {"a start on a database of the first version", of_the_first, tell_start, check_migrated},
    {"a start on a database of the second version", of_the_second, tell_start, check_migrated},
    {"commits", a_store, tell_commits, check_events},
    {"checkpoints", a_store, tell_checkpoints, check_events},
    {"forgetting", with_old_runs, tell_forgetting, check_forgotten},
    {"a backup", a_store, tell_backup, check_backup},
    {"a restore", with_a_backup, tell_restore, check_restored},
};
#define STORIES (sizeof stories / sizeof stories[0])
#define CHECK   STORIES /* this one changes nothing, so no power can be cut in it */

static const struct story check = {"a check", with_pages, tell_check, check_undamaged};

static const struct story *story_of(size_t i) {
  return i < STORIES ? &stories[i] : &check;
}

/* ---- telling ---- */

static struct disk *prepared[STORIES + 1];

static int begin(void **state) {
  (void)state;
  allocs_install();
  vfs_install(1);
  stage.shared = mmap(NULL, sizeof *stage.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (size_t i = 0; i <= CHECK; i++) {
    struct disk *d = disk_new(DIR);
    story_of(i)->prepare();
    char *root = alloc_fmt("/prepared-%zu", i);
    prepared[i] = disk_clone(d, root);
    free(root);
    disk_free(d);
  }
  return 0;
}

static int end(void **state) {
  (void)state;
  for (size_t i = 0; i <= CHECK; i++) disk_free(prepared[i]);
  munmap(stage.shared, sizeof *stage.shared);
  return 0;
}

/* In the child: how far it came is in the shared memory; the disk as it left it goes through a file. */
static _Noreturn void child_ends(int code) {
  stage.shared->failed = allocs_failed() + disk_failed(stage.disk, DISK_ANY);
  for (int i = 0; i < DISK_CALLS; i++) stage.shared->failed_of[i] = disk_failed(stage.disk, DISK_BIT((unsigned)i));
  _exit(disk_save(stage.disk, stage.save_fd) ? 99 : code);
}

/* Without memory that is what is meant to happen, and the next start recovers; of a disk everything is to be told. */
static void on_abort(void) {
  allocs_end();
  child_ends(stage.shared->without_memory ? 0 : 98);
}

static _Noreturn void child(const struct story *story, const struct disk_fault *fault, int64_t alloc, bool ever) {
  int quiet = open("/dev/null", O_WRONLY);
  dup2(quiet, STDERR_FILENO);
  allocs_on_abort(on_abort);
  alarm(20);
  if (fault) disk_fail(stage.disk, *fault);
  stage.shared->without_memory = !fault;
  allocs_begin(alloc, ever);
  story->tell(stage.shared);
  allocs_end();
  stage.shared->over = true;
  child_ends(0);
}

static void open_again(const struct story *story, const char *what) {
  stage.again = opened(what);
  struct buf why = {0};
  if (store_check(DIR, NULL, &why)) fail_msg("%s: %s", what, buf_cstr(&why));
  buf_release(&why);
  story->check(stage.shared, what);
  store_close(stage.again);
}

/* One telling in a child. Returns whether something failed in it. */
static bool told(size_t i, const struct disk_fault *fault, int64_t alloc, bool ever) {
  int status;
  char *what = alloc_fmt("%s, %s %lld %s", story_of(i)->name, fault ? "call" : "allocation",
                         (long long)(fault ? fault->nth : alloc), ever ? "and all after it" : "alone");
  *stage.shared = (struct telling){0};
  stage.save_fd = memfd_create("disk", MFD_CLOEXEC);
  stage.disk = disk_clone(prepared[i], DIR);
  pid_t pid = fork();
  if (pid == 0) child(story_of(i), fault, alloc, ever);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  disk_free(stage.disk);
  if (!WIFEXITED(status) || WEXITSTATUS(status)) fail_msg("%s: ended with %x", what, (unsigned)status);
  lseek(stage.save_fd, 0, SEEK_SET);
  stage.disk = disk_load(DIR, stage.save_fd);
  assert_non_null(stage.disk);
  close(stage.save_fd);
  open_again(story_of(i), what);
  disk_free(stage.disk);
  free(what);
  return stage.shared->failed > 0;
}

static int64_t step_of(int64_t sample) {
  const char *text = getenv("TURN_STEP");
  int64_t step = text ? strtoll(text, NULL, 10) : 0;
  return step > 0 ? step : sample;
}

/* From the first call of these on, each `step`th fails, until the story passes without. Returns how many failed. */
static int64_t calls_in_turn(size_t story, unsigned calls, bool ever, int64_t step, int64_t reached[DISK_CALLS]) {
  int64_t all = 0;
  bool failed = true;
  for (int64_t n = 1; failed; n += step) {
    struct disk_fault fault = {.calls = calls, .nth = n, .ever = ever, .error = n / step % 4 == 3 ? ENOSPC : EIO};
    failed = told(story, &fault, 0, ever);
    for (int call = 0; call < DISK_CALLS; call++) reached[call] += stage.shared->failed_of[call];
    all += failed;
  }
  return all;
}

static void every_call_to_the_disk_may_fail(void **state) {
  (void)state;
  int64_t step = step_of(37), all = 0, reached[DISK_CALLS] = {0};
  for (size_t i = 0; i < STORIES; i++) {
    for (int ever = 0; ever < 2; ever++) {
      int64_t failed = calls_in_turn(i, DISK_ANY, ever, step, reached);
      assert_true(failed > 1);
      all += failed;
    }
    /* A sample may pass by a kind that is rare. */
    for (unsigned call = 0; step > 1 && call < DISK_CALLS; call++)
      all += calls_in_turn(i, DISK_BIT(call), i & 1, 5 * step, reached);
  }
  print_message("# %lld tellings in which a call failed\n", (long long)all);
  for (int call = 0; call < DISK_CALLS; call++)
    if (!reached[call]) fail_msg("no %s was ever failed", disk_call_word((enum disk_call)call));
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  int64_t step = step_of(1499), all = 0;
  for (size_t i = 0; i < STORIES; i++) {
    for (int ever = 0; ever < 2; ever++) {
      int64_t n = 1;
      for (; told(i, NULL, n, ever); n += step) all++;
      assert_true(n > 2 * step);
    }
  }
  print_message("# %lld tellings in which an allocation failed\n", (long long)all);
}

/* Whether there is damage is what the whole daemon's life hangs on. */
static void a_check_without_memory_or_disk_finds_no_damage(void **state) {
  (void)state;
  int64_t all = 0, reached[DISK_CALLS] = {0}, step = step_of(23);
  for (int ever = 0; ever < 2; ever++) {
    for (int64_t n = 1; told(CHECK, NULL, n, ever); n += step) all++;
    all += calls_in_turn(CHECK, DISK_ANY, ever, step_of(1), reached);
  }
  print_message("# %lld tellings of a check\n", (long long)all);
  assert_true(all > 100);
}

static struct telling told_by(size_t at) {
  struct telling t = {0};
  for (size_t i = 0; i < stage.tape.len && stage.tape.items[i].tape <= at; i++) t = stage.tape.items[i].told;
  return t;
}

static void cut_at(const struct disk *whole, size_t story, size_t at, uint64_t seed) {
  char *what = alloc_fmt("%s, the power goes after change %zu, seed %llu", stories[story].name, at,
                         (unsigned long long)seed);
  *stage.shared = told_by(at);
  stage.disk = disk_at(whole, at, DIR);
  if (seed)
    disk_crash(stage.disk, seed);
  else
    disk_crash_bare(stage.disk);
  open_again(&stories[story], what);
  disk_free(stage.disk);
  free(what);
}

static void the_power_may_go_after_every_change(void **state) {
  (void)state;
  size_t step = (size_t)step_of(7), all = 0;
  for (size_t i = 0; i < STORIES; i++) {
    struct disk *whole = disk_clone(prepared[i], DIR);
    struct telling t = {0};
    stage.disk = whole;
    stage.recording = true;
    disk_record(whole);
    stories[i].tell(&t);
    stage.recording = false;
    disk_move(whole, "/whole");
    size_t steps = disk_recorded(whole);
    assert_true(steps > step);
    for (size_t at = 0; at <= steps; at += step, all += 2) {
      cut_at(whole, i, at, 0);
      cut_at(whole, i, at, at * STORIES + i + 1);
    }
    disk_free(whole);
    stage.tape.len = 0;
  }
  print_message("# %zu cuts\n", all);
  vec_release(&stage.tape);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_call_to_the_disk_may_fail),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(a_check_without_memory_or_disk_finds_no_damage),
      cmocka_unit_test(the_power_may_go_after_every_change),
  };
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, begin, end);
}
