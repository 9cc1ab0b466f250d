/* What ended the daemon three times in a row is left aside. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "scheduler/store/quarantine.h"

static char *dir;

static int setup(void **state) {
  (void)state;
  const char *tmp = getenv("TMPDIR");
  dir = alloc_fmt("%s/rota-quarantine-XXXXXX", tmp ? tmp : "/tmp");
  return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  dir_remove_at(AT_FDCWD, dir);
  free(dir);
  return 0;
}

/* A life that ends while it takes this up: in a process of its own, which no destructor sees out. */
static void crash_at(enum quarantine_kind kind, const char *id) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    quarantine_enter(quarantine_open(dir), kind, id);
    _exit(1);
  }
  assert_true(pid > 0);
  waitpid(pid, NULL, 0);
}

enum death { BY_ABORT, BY_KILL, BY_ANOTHER_THREAD, AFTER_IT };

static void *abort_here(void *arg) {
  (void)arg;
  abort();
}

/* A life that takes the run up, which goes well, and ends when it decides of it. */
static void die_deciding(const char *id, enum death death) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t other;
    struct quarantine *q = quarantine_open(dir);
    quarantine_on_crash(q);
    quarantine_enter(q, QUARANTINE_RUN, id);
    quarantine_leave(q);
    quarantine_decide(q, "01OTHER");
    quarantine_decide(q, id);
    if (death == AFTER_IT) quarantine_decide(q, NULL);
    if (death == BY_KILL) raise(SIGKILL);
    if (death == BY_ANOTHER_THREAD && pthread_create(&other, NULL, abort_here, NULL) == 0) pthread_join(other, NULL);
    abort();
  }
  assert_true(pid > 0);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), death == BY_KILL ? SIGKILL : SIGABRT);
}

static bool held(enum quarantine_kind kind, const char *id) {
  struct quarantine *q = quarantine_open(dir);
  bool holds = quarantine_holds(q, kind, id);
  assert_int_equal(quarantine_len(q) > 0, holds);
  quarantine_close(q);
  return holds;
}

static void three_crashes_leave_it_aside(void **state) {
  (void)state;
  crash_at(QUARANTINE_RUN, "01A");
  crash_at(QUARANTINE_RUN, "01A");
  assert_false(held(QUARANTINE_RUN, "01A")); /* this life takes nothing up, and ends well */
  crash_at(QUARANTINE_RUN, "01A");
  assert_true(held(QUARANTINE_RUN, "01A"));
  assert_true(held(QUARANTINE_RUN, "01A")); /* it stays */
  struct quarantine *q = quarantine_open(dir);
  struct buf list = {0};
  assert_false(quarantine_holds(q, QUARANTINE_RUN, "01B"));
  assert_false(quarantine_holds(q, QUARANTINE_VERSION, "01A"));
  quarantine_list(q, &list);
  assert_string_equal(buf_cstr(&list), "run 01A\n");
  buf_release(&list);
  quarantine_close(q);
}

static void what_goes_well_begins_anew(void **state) {
  (void)state;
  crash_at(QUARANTINE_VERSION, "7");
  crash_at(QUARANTINE_VERSION, "7");
  struct quarantine *q = quarantine_open(dir);
  quarantine_enter(q, QUARANTINE_VERSION, "7");
  quarantine_enter(q, QUARANTINE_VERSION, "8"); /* so 7 has gone well */
  quarantine_close(q);
  crash_at(QUARANTINE_VERSION, "7");
  crash_at(QUARANTINE_VERSION, "7");
  assert_false(held(QUARANTINE_VERSION, "7"));
}

static void another_text_of_a_pipeline_frees_its_name(void **state) {
  (void)state;
  for (int i = 0; i < QUARANTINE_CRASHES; i++) crash_at(QUARANTINE_PIPELINE, "etl/load aaaa");
  assert_true(held(QUARANTINE_PIPELINE, "etl/load aaaa"));
  struct quarantine *q = quarantine_open(dir);
  struct buf list = {0};
  quarantine_list(q, &list);
  assert_string_equal(buf_cstr(&list), "pipeline etl/load\n");
  buf_release(&list);
  assert_false(quarantine_holds(q, QUARANTINE_PIPELINE, "etl/load bbbb"));
  quarantine_enter(q, QUARANTINE_PIPELINE, "etl/load_more bbbb");
  quarantine_leave(q);
  assert_int_equal(quarantine_len(q), 1); /* another name that only begins alike */
  quarantine_enter(q, QUARANTINE_PIPELINE, "etl/load bbbb");
  quarantine_leave(q);
  assert_int_equal(quarantine_len(q), 0);
  quarantine_close(q);
  assert_false(held(QUARANTINE_PIPELINE, "etl/load aaaa"));
}

static void a_pipeline_that_has_gone_is_forgotten(void **state) {
  (void)state;
  for (int i = 0; i < QUARANTINE_CRASHES; i++) crash_at(QUARANTINE_PIPELINE, "etl aaaa");
  struct quarantine *q = quarantine_open(dir);
  quarantine_forget(q, QUARANTINE_PIPELINE, "other");
  assert_int_equal(quarantine_len(q), 1);
  quarantine_forget(q, QUARANTINE_PIPELINE, "etl");
  assert_int_equal(quarantine_len(q), 0);
  quarantine_close(q);
}

static void another_version_of_rota_begins_anew(void **state) {
  (void)state;
  char *path = path_join(dir, "rota.crashes");
  for (int i = 0; i < QUARANTINE_CRASHES; i++) crash_at(QUARANTINE_RUN, "01A");
  struct buf text = {0}, other = {0};
  quarantine_close(quarantine_open(dir));
  assert_int_equal(file_read(path, 1000, &text), 0);
  buf_fmt(&other, "0.0.0-other%s", strchr(buf_cstr(&text), '\n'));
  assert_int_equal(file_write(path, other.bytes, other.len, 0600, false), 0);
  assert_false(held(QUARANTINE_RUN, "01A"));
  buf_release(&text);
  buf_release(&other);
  free(path);
}

static void nonsense_in_the_files_is_passed_over(void **state) {
  (void)state;
  static const char nonsense[] = ROTA_VERSION "\n3\n-1 run x\n\n9 run 01C\nrun\n99999999999999 run y\n";
  char *path = path_join(dir, "rota.crashes");
  assert_int_equal(file_write(path, nonsense, sizeof nonsense - 1, 0600, false), 0);
  struct quarantine *q = quarantine_open(dir);
  assert_true(quarantine_holds(q, QUARANTINE_RUN, "01C"));
  assert_false(quarantine_holds(q, QUARANTINE_RUN, "x"));
  quarantine_close(q);
  free(path);
}

static void nobody_holds_nothing(void **state) {
  (void)state;
  assert_false(quarantine_holds(NULL, QUARANTINE_RUN, "01A"));
  quarantine_enter(NULL, QUARANTINE_RUN, "01A");
  quarantine_leave(NULL);
  quarantine_forget(NULL, QUARANTINE_RUN, "01A");
  assert_int_equal(quarantine_len(NULL), 0);
  quarantine_close(NULL);
}

#define QUARANTINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_run_that_crashes_what_is_decided_of_it_is_left_aside_though_it_is_taken_up_well(void **state) {
  (void)state;
  for (int i = 0; i < QUARANTINE_CRASHES; i++) {
    assert_false(held(QUARANTINE_DECISION, "01A"));
    die_deciding("01A", BY_ABORT);
  }
  assert_true(held(QUARANTINE_DECISION, "01A"));
  struct quarantine *q = quarantine_open(dir);
  struct buf list = {0};
  quarantine_list(q, &list);
  assert_string_equal(list.bytes, "run 01A\n");
  quarantine_forget(q, QUARANTINE_DECISION, "01A");
  assert_false(quarantine_holds(q, QUARANTINE_DECISION, "01A"));
  quarantine_close(q);
  buf_release(&list);
}

static void what_ends_the_daemon_otherwise_is_no_runs_fault(void **state) {
  (void)state;
  static const enum death deaths[] = {BY_KILL, BY_ANOTHER_THREAD, AFTER_IT};
  for (size_t d = 0; d < sizeof deaths / sizeof *deaths; d++)
    for (int i = 0; i < QUARANTINE_CRASHES; i++) die_deciding("01A", deaths[d]);
  assert_false(held(QUARANTINE_DECISION, "01A"));
  assert_false(held(QUARANTINE_DECISION, "01OTHER"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      QUARANTINE_TEST(three_crashes_leave_it_aside),
      QUARANTINE_TEST(what_goes_well_begins_anew),
      QUARANTINE_TEST(another_text_of_a_pipeline_frees_its_name),
      QUARANTINE_TEST(a_pipeline_that_has_gone_is_forgotten),
      QUARANTINE_TEST(another_version_of_rota_begins_anew),
      QUARANTINE_TEST(nonsense_in_the_files_is_passed_over),
      QUARANTINE_TEST(a_run_that_crashes_what_is_decided_of_it_is_left_aside_though_it_is_taken_up_well),
      QUARANTINE_TEST(what_ends_the_daemon_otherwise_is_no_runs_fault),
      QUARANTINE_TEST(nobody_holds_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
