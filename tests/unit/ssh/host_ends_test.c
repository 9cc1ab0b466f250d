/* What comes over of an attempt on a host: its log and its results, whole and in their places. */
#include "tests/unit/ssh/host_bench.h"

#include <sys/resource.h>

#include "worker/ssh/host_logs.h"

static void large_log_and_results_come_over_exactly(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j,
                 "i=0; while [ $i -lt 40 ]; do head -c 250000 /dev/urandom | tee -a $HOME/copy; i=$((i+1)); done\n"
                 "head -c 3000000 /dev/urandom | tee $HOME/results >$ROTA_ARTIFACTS\n");
  start(&b, &j);
  const struct seen *s = await(&b, j.id, REPORT_ENDED);
  assert_int_equal(s->status, 0);
  assert_int_equal(s->log_bytes, 10000000);
  char *cmd = alloc_fmt("cmp %s/copy %s/runs/%s/%s/log && cmp %s/results %s/runs/%s/%s/artifacts", b.home, b.state,
                        j.run, j.id, b.home, b.state, j.run, j.id);
  assert_int_equal(system(cmd), 0);
  free(cmd);
  bench_end(&b);
}

static bool log_is(const struct bench *b, const struct job_for_test *j, long size) {
  struct stat st;
  char *path = alloc_fmt("%s/runs/%s/%s/log", b->state, j->run, j->id);
  bool is = stat(path, &st) == 0 && st.st_size == size;
  free(path);
  return is;
}

/* So much at once comes on a channel of its own, and polls pass it over meanwhile. */
static void log_goes_on_coming_after_a_flood(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "head -c 60000000 /dev/zero; while [ ! -e $HOME/go ]; do sleep 0.05; done; echo more; sleep 60");
  j.launch.log_cap = 200000000;
  start(&b, &j);
  await_true(&b, log_is(&b, &j, 60000000));
  char *path = path_join(b.home, "go");
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
  await_true(&b, log_is(&b, &j, 60000005));
  assert_int_equal(finals(&b, j.id), 0);
  bench_end(&b);
}

/* What is on its way when it ends was asked for before that, and isn't all. */
static void log_is_whole_where_it_ends_in_the_middle_of_a_flood(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  for (int i = 0; i < 4; i++) {
    char script[160];
    snprintf(script, sizeof script,
             "i=0; while [ $i -lt %d ]; do head -c 10000000 /dev/zero; sleep 0.03; i=$((i+1)); done", 4 + i);
    prepare_script(&j, script);
    j.launch.log_cap = 400000000;
    start(&b, &j);
    const struct seen *s = await(&b, j.id, REPORT_ENDED);
    assert_int_equal(s->log_bytes, (4 + i) * 10000000);
    assert_true(log_is(&b, &j, (4 + i) * 10000000));
  }
  bench_end(&b);
}

static void log_answer(struct host *h, const char *id, int64_t sent_at, unsigned offset, const char *bytes) {
  char words[96];
  snprintf(words, sizeof words, "log %s %u %u", id, offset, offset + (unsigned)strlen(bytes));
  const struct section sections[] = {{.words = "", .body = ""}, {words, bytes, strlen(bytes)}};
  host_logs_take(&(struct host_ask){.host = h, .sent_at = sent_at},
                 &(struct answer){.end = ANSWER_CAME, .sections = sections, .len = 2});
}

/* The disk here was full for a while, and an answer was on its way for longer. */
static void log_that_was_asked_for_before_a_write_failed_leaves_no_gap(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  struct rlimit limit;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "echo one\nwhile ! [ -e $HOME/go ]; do sleep 0.1; done\necho two\necho three\n");
  start(&b, &j);
  await_true(&b, strcmp(content(&b, &j, "log"), "one\n") == 0);
  struct host *h = (struct host *)b.e;
  struct host_attempt *a = host_attempts_find(&h->attempts, j.id);
  assert_non_null(a);
  const int64_t before = clock_monotonic();
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4, limit.rlim_max}), 0);
  log_answer(h, j.id, before, 4, "two\n");
  assert_int_equal(a->log_at, 8);
  await_true(&b, a->log_at == 4);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  a->log_paused_until = 0;
  log_answer(h, j.id, before, 8, "three\n");
  assert_int_equal(a->log_at, 4);
  char *path = path_join(b.home, "go");
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
  await(&b, j.id, REPORT_ENDED);
  assert_string_equal(content(&b, &j, "log"), "one\ntwo\nthree\n");
  bench_end(&b);
}

/* A host whose server opens no channel beside those that a link has, and takes no further connection. */
static void open_crowded(struct bench *b) {
  bench_init(b);
  bench_close(b);
  b->trial.times.bulk_max = 60;
  bench_open(b);
  await_up(b);
  await_true(b, link_watching(((struct host *)b->e)->link));
  b->w->channels_max = 2;
  b->w->refuse = true;
}

static void make_room(struct bench *b) {
  b->w->channels_max = 0;
  b->w->refuse = false;
}

/* Results that need a channel of their own come when there is one, though the connection was there all the time. No
 * other could be made. */
static void end_waits_for_a_channel_and_then_comes(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  open_crowded(&b);
  prepare_script(&j, "head -c 3000000 /dev/zero | tr '\\0' x >$ROTA_SUMMARY\n");
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  turn(&b, 3000);
  assert_int_equal(finals(&b, j.id), 0);
  make_room(&b);
  await(&b, j.id, REPORT_ENDED);
  assert_int_equal(strlen(content(&b, &j, "summary.md")), 3000000);
  bench_end(&b);
}

static void large_result_that_is_taken_away_is_left_out(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  open_crowded(&b);
  prepare_script(&j, "head -c 2000000 /dev/zero >$ROTA_OUTPUT\necho here >$ROTA_SUMMARY\nsleep 0.1\n");
  start(&b, &j);
  struct host_attempt *a = host_attempts_find(&((struct host *)b.e)->attempts, j.id);
  assert_non_null(a);
  await_true(&b, a->ending);
  turn(&b, 300);
  char *output = alloc_fmt("%s/a/%s/output", ((struct host *)b.e)->place, j.id);
  assert_int_equal(unlink(output), 0);
  free(output);
  make_room(&b);
  await(&b, j.id, REPORT_ENDED);
  assert_string_equal(content(&b, &j, "summary.md"), "here\n");
  char *dir = local_attempt_dir(b.state, j.run, j.id);
  output = path_join(dir, "output");
  assert_int_not_equal(access(output, F_OK), 0);
  free(output);
  free(dir);
  bench_end(&b);
}

int main(int argc, char **argv) {
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(large_log_and_results_come_over_exactly),
      cmocka_unit_test(log_goes_on_coming_after_a_flood),
      cmocka_unit_test(log_is_whole_where_it_ends_in_the_middle_of_a_flood),
      cmocka_unit_test(log_that_was_asked_for_before_a_write_failed_leaves_no_gap),
      cmocka_unit_test(end_waits_for_a_channel_and_then_comes),
      cmocka_unit_test(large_result_that_is_taken_away_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
