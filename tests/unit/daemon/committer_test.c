/* The writer's thread: batches, jobs between them, and its end. */
#include "tests/unit/daemon/temp.h"

#include "base/instant.h"
#include "scheduler/daemon/committer.h"
#include "scheduler/store/store.h"

struct fixture {
  struct temp temp;
  uv_loop_t loop;
  struct store *store;
  struct committer *committer;
  int commits, err;
  uv_thread_t loop_thread;
  char order[64];
};

static void on_done(void *ctx, int err, const char *why) {
  struct fixture *f = ctx;
  uv_thread_t self = uv_thread_self();
  (void)why;
  assert_true(uv_thread_equal(&self, &f->loop_thread));
  f->commits++;
  f->err = err;
  strcat(f->order, "c");
}

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  temp_make(&f->temp);
  uv_loop_init(&f->loop);
  f->loop_thread = uv_thread_self();
  assert_int_equal(store_open(f->temp.dir, clock_now(), &f->store, NULL), 0);
  f->committer = committer_new(&f->loop, f->store, on_done, f);
  assert_non_null(f->committer);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  committer_free(f->committer);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  store_close(f->store);
  temp_release(&f->temp);
  free(f);
  return 0;
}

static struct change event_of(int64_t key) {
  return (struct change){
      CHANGE_EVENT, .event = {.key = key, .at = clock_now(), .kind = EVENT_ROW_PIPELINE, .task = -1, .state = "x"}};
}

static int64_t commit_number(struct store *store) {
  struct store_health health;
  store_health(store, &health);
  return health.commit_number;
}

static void until(struct fixture *f, const char *order) {
  int64_t end = clock_monotonic() + 10 * USEC_PER_SEC;
  while (strcmp(f->order, order) != 0 && clock_monotonic() < end) uv_run(&f->loop, UV_RUN_NOWAIT);
  assert_string_equal(f->order, order);
}

static void a_batch_is_told_on_the_loops_thread_when_it_is_durable(void **state) {
  struct fixture *f = *state;
  int64_t before = commit_number(f->store);
  struct change c = event_of(1);
  committer_commit(f->committer, &c, 1);
  assert_true(committer_busy(f->committer));
  until(f, "c");
  assert_int_equal(f->err, 0);
  assert_false(committer_busy(f->committer));
  assert_false(committer_full(f->committer));
  struct change d = event_of(2);
  committer_commit(f->committer, &d, 1);
  until(f, "cc");
  committer_free(f->committer);
  assert_int_equal(commit_number(f->store), before + 2);
  f->committer = NULL;
}

/* ---- jobs ---- */

static int job_on_writer(struct store *store, void *arg) {
  struct fixture *f = arg;
  uv_thread_t self = uv_thread_self();
  assert_false(uv_thread_equal(&self, &f->loop_thread));
  assert_ptr_equal(store, f->store);
  return 7;
}

static void job_done(void *arg, int result) {
  struct fixture *f = arg;
  uv_thread_t self = uv_thread_self();
  assert_true(uv_thread_equal(&self, &f->loop_thread));
  strcat(f->order, result == 7 ? "j" : result == ERR_AGAIN ? "a" : "?");
}

static void jobs_run_in_their_order_and_a_batch_goes_before_them(void **state) {
  struct fixture *f = *state;
  struct change c = event_of(1);
  committer_commit(f->committer, &c, 1);
  for (int i = 0; i < 5; i++) committer_job(f->committer, job_on_writer, job_done, f);
  committer_job(f->committer, job_on_writer, NULL, f);
  until(f, "cjjjjj");
}

static void put_again(void *arg, int result) {
  struct fixture *f = arg;
  job_done(f, result);
  if (strlen(f->order) < 4) committer_job(f->committer, job_on_writer, put_again, f);
}

static void a_job_may_be_put_again_by_its_end(void **state) {
  struct fixture *f = *state;
  committer_job(f->committer, job_on_writer, put_again, f);
  until(f, "jjjj");
}

static uv_sem_t gate, entered;

static int job_that_waits(struct store *store, void *arg) {
  (void)store;
  (void)arg;
  uv_sem_post(&entered);
  uv_sem_wait(&gate);
  return 7;
}

/* Late enough that the end has begun, on a busy machine too. */
static void open_gate(void *arg) {
  (void)arg;
  uv_sleep(400);
  uv_sem_post(&gate);
}

static void the_end_finishes_what_is_under_way_and_tells_the_rest(void **state) {
  struct fixture *f = *state;
  uv_thread_t opener;
  uv_sem_init(&gate, 0);
  uv_sem_init(&entered, 0);
  committer_job(f->committer, job_that_waits, job_done, f);
  committer_job(f->committer, job_on_writer, job_done, f);
  committer_job(f->committer, job_on_writer, put_again, f);
  uv_sem_wait(&entered); /* the first is under way */
  uv_thread_create(&opener, open_gate, NULL);
  committer_free(f->committer);
  f->committer = NULL;
  uv_thread_join(&opener);
  uv_sem_destroy(&gate);
  uv_sem_destroy(&entered);
  assert_string_equal(f->order, "jaaa"); /* the last was put once more, and told once more */
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(f->commits, 0);
}

static void the_end_finishes_a_batch_and_tells_nobody(void **state) {
  struct fixture *f = *state;
  int64_t before = commit_number(f->store);
  struct change c = event_of(1);
  committer_commit(f->committer, &c, 1);
  committer_free(f->committer);
  f->committer = NULL;
  assert_int_equal(commit_number(f->store), before + 1);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(f->commits, 0);
}

static void a_failure_of_a_job_is_told_if_it_ends_commits(void **state) {
  struct fixture *f = *state;
  static const int harmless[] = {0, 1, ERR_FULL, ERR_BUSY, ERR_AGAIN, ERR_NOT_FOUND};
  static const int fatal[] = {ERR_SYNC, ERR_IO, ERR_CORRUPT};
  for (size_t i = 0; i < COUNT(harmless); i++) committer_failed(f->committer, harmless[i]);
  assert_int_equal(f->commits, 0);
  for (size_t i = 0; i < COUNT(fatal); i++) {
    committer_failed(f->committer, fatal[i]);
    assert_int_equal(f->err, fatal[i]);
  }
}

#define COMMITTER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      COMMITTER_TEST(a_batch_is_told_on_the_loops_thread_when_it_is_durable),
      COMMITTER_TEST(jobs_run_in_their_order_and_a_batch_goes_before_them),
      COMMITTER_TEST(a_job_may_be_put_again_by_its_end),
      COMMITTER_TEST(the_end_finishes_what_is_under_way_and_tells_the_rest),
      COMMITTER_TEST(the_end_finishes_a_batch_and_tells_nobody),
      COMMITTER_TEST(a_failure_of_a_job_is_told_if_it_ends_commits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
