/* What stays on a host and what goes, over restarts of the daemon and losses of contact. */
#include "tests/unit/ssh/host_bench.h"

#include <sys/time.h>
#include <utime.h>

#define DAY_S     (24 * 3600)
#define WAITS     "while [ ! -e $HOME/go ]; do sleep 0.05; done"
#define LISTED_MS 600 /* a list of what is there, and what follows from it, take less on a quiet machine */

static struct bench *opened(struct bench *b) {
  memset(b, 0, sizeof *b);
  bench_init(b);
  bench_close(b);
  char *runs = path_join(b->state, "runs"); /* this machine's executor has made it */
  assert_int_equal(dir_make(runs, 0700), 0);
  free(runs);
  b->trial.clean_ms = 50;
  bench_open(b);
  return b;
}

static void reopened(struct bench *b, unsigned clean_ms) {
  bench_close(b);
  b->trial.clean_ms = clean_ms;
  bench_open(b);
}

/* The root on the host: home/.rota/STATE/MACHINE. */
static char *root_of(const struct bench *b) {
  char *above = alloc_fmt("%s/.rota/0123456789abcdefghjkmnpqrs", b->home), *root = NULL;
  DIR *d = opendir(above);
  for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
    if (e->d_name[0] != '.') {
      free(root);
      root = path_join(above, e->d_name);
    }
  }
  if (d) closedir(d);
  free(above);
  assert_non_null(root);
  return root;
}

static bool there(const struct bench *b, const char *folder, const char *id) {
  char *root = root_of(b), *path = alloc_fmt("%s/%s/%s", root, folder, id);
  bool is = access(path, F_OK) == 0;
  free(path);
  free(root);
  return is;
}

static void aged(const struct bench *b, const char *folder, const char *id, int days) {
  char *root = root_of(b), *path = alloc_fmt("%s/%s/%s", root, folder, id);
  const time_t at = time(NULL) - (time_t)days * DAY_S - 60;
  const struct utimbuf times = {.actime = at, .modtime = at};
  assert_int_equal(utime(path, &times), 0);
  free(path);
  free(root);
}

static void id_aged(char out[RUNDIR_ID_LEN + 1], int days) {
  uint8_t random[10];
  assert_int_equal(getentropy(random, sizeof random), 0);
  snprintf(out, RUNDIR_ID_LEN + 1, "%s", id_make(clock_now() - days * DAY_S * USEC_PER_SEC, random).text);
}

/* An attempt that ended on the host and was started by somebody else, or by a life that nobody knows of. */
static void strange_attempt(const struct bench *b, char id[RUNDIR_ID_LEN + 1], char run[RUNDIR_ID_LEN + 1],
                            int id_days, int days) {
  id_aged(id, id_days);
  id_aged(run, id_days);
  char *root = root_of(b), *dir = alloc_fmt("%s/a/%s", root, id), *mark = alloc_fmt("%s/run.%s", dir, run),
       *end = path_join(dir, "exit.0.exited"), *work = alloc_fmt("%s/w/%s", root, run);
  assert_int_equal(dir_make(mark, 0700), 0);
  assert_int_equal(dir_make(work, 0700), 0);
  assert_int_equal(file_write(end, "rota=1\n", 7, 0600, false), 0);
  free(root);
  free(dir);
  free(mark);
  free(end);
  free(work);
  aged(b, "a", id, days);
  aged(b, "w", run, days);
}

static void since_await(struct bench *b) {
  char *path = alloc_fmt("%s/runs/.hosts", b->state);
  await_true(b, access(path, F_OK) == 0);
  free(path);
  turn(b, 5);
}

static void run_forgotten(const struct bench *b, const char *run) {
  char *path = alloc_fmt("%s/runs/%s", b->state, run);
  assert_int_equal(dir_remove_at(AT_FDCWD, path), 0);
  free(path);
}

static void let_go(const struct bench *b) {
  char *path = path_join(b->home, "go");
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
}

static void listed_again(struct bench *b) {
  pipe_cut(b->w->now, TRANSPORT_LOST, "a blip");
  await_true(b, b->contact != CONTACT_UP);
  await_up(b);
  turn(b, LISTED_MS);
}

/* ---- attempts ---- */

static void restart_between_the_end_and_the_removal_leaves_nothing(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b); /* removes after a minute */
  await_up(&b);
  prepare_script(&j, "echo x");
  start(&b, &j);
  await(&b, j.id, REPORT_ENDED);
  turn(&b, 50);
  assert_true(there(&b, "a", j.id));
  reopened(&b, 50);
  await_true(&b, !there(&b, "a", j.id));
  assert_true(there(&b, "gone", j.id));
  assert_true(there(&b, "w", j.run)); /* the run is still known here */
  assert_string_equal(content(&b, &j, "log"), "x\n");
  bench_end(&b);
}

static void result_that_isnt_written_down_here_stays(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  await_up(opened(&b));
  since_await(&b);
  prepare_script(&j, WAITS);
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  bench_close(&b);
  let_go(&b);
  bench_open(&b);
  char *exit_file = alloc_fmt("a/%s", j.id);
  await_true(&b, there(&b, exit_file, "exit.0.exited"));
  aged(&b, "a", j.id, 40); /* by the host's clock, which may be wrong */
  await_up(&b);
  turn(&b, LISTED_MS);
  listed_again(&b);
  assert_true(there(&b, "a", j.id));
  assert_true(there(&b, "w", j.run));
  assert_int_equal(b.e->ops->adopt(b.e, j.run, j.id, USEC_PER_SEC), 0);
  await(&b, j.id, REPORT_ENDED);
  await_true(&b, !there(&b, "a", j.id));
  free(exit_file);
  bench_end(&b);
}

static void what_lives_stays_whoever_started_it(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  await_up(opened(&b));
  since_await(&b);
  prepare_script(&j, WAITS);
  id_aged(j.id, 50);
  id_aged(j.run, 50);
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  bench_close(&b);
  run_forgotten(&b, j.run);
  aged(&b, "a", j.id, 40);
  aged(&b, "w", j.run, 40);
  aged(&b, "s", j.run, 40);
  bench_open(&b);
  await_up(&b);
  turn(&b, LISTED_MS);
  listed_again(&b);
  assert_true(there(&b, "a", j.id));
  assert_true(there(&b, "w", j.run));
  assert_true(there(&b, "s", j.run));
  let_go(&b);
  char *dir = alloc_fmt("a/%s", j.id);
  await_true(&b, there(&b, dir, "exit.0.exited"));
  aged(&b, "a", j.id, 40);
  listed_again(&b);
  await_true(&b, !there(&b, "a", j.id));
  listed_again(&b);
  await_true(&b, !there(&b, "w", j.run) && !there(&b, "s", j.run));
  free(dir);
  bench_end(&b);
}

static void what_nobody_here_knows_stays_for_a_month(void **state) {
  (void)state;
  struct bench b;
  static const struct {
    int id_days, days;
    bool stays;
  } rows[] = {
      {5, 5, true},    /* older than this state directory: a backup was restored */
      {0, 0, true},    /* of a run that is gone, but not a day old */
      {0, 2, false},   /* of a run that was removed here */
      {29, 29, true},  /* not yet */
      {31, 3, true},   /* it ended lately */
      {31, 31, false}, /* a month old by both clocks */
      {3, 300, true},  /* the host's clock is wrong */
  };
  enum { COUNT = sizeof rows / sizeof rows[0] };
  char ids[COUNT][RUNDIR_ID_LEN + 1], runs[COUNT][RUNDIR_ID_LEN + 1];
  await_up(opened(&b));
  since_await(&b);
  bench_close(&b);
  for (size_t i = 0; i < COUNT; i++) strange_attempt(&b, ids[i], runs[i], rows[i].id_days, rows[i].days);
  bench_open(&b);
  for (size_t i = 0; i < COUNT; i++) {
    if (!rows[i].stays) await_true(&b, !there(&b, "a", ids[i]) && !there(&b, "w", runs[i]));
  }
  listed_again(&b);
  for (size_t i = 0; i < COUNT; i++) {
    if (there(&b, "a", ids[i]) != rows[i].stays) fail_msg("row %zu", i);
    if (rows[i].id_days > 0 && there(&b, "w", runs[i]) != rows[i].stays) fail_msg("the run of row %zu", i);
  }
  bench_end(&b);
}

/* ---- runs ---- */

static void host_that_is_away_while_a_run_is_removed_is_swept_later(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j, kept;
  await_up(opened(&b));
  since_await(&b);
  prepare_script(&j, "echo x >$ROTA_WORK/file; echo y >$ROTA_STATE/file");
  prepare_script(&kept, "echo x >$ROTA_WORK/file");
  start(&b, &j);
  start(&b, &kept);
  await(&b, j.id, REPORT_ENDED);
  await(&b, kept.id, REPORT_ENDED);
  b.w->refuse = true;
  b.w->fault = TRANSPORT_LOST;
  pipe_cut(b.w->now, TRANSPORT_LOST, "pulled out");
  await_true(&b, b.contact != CONTACT_UP);
  run_forgotten(&b, j.run);
  assert_int_equal(b.e->ops->sweep(b.e, j.run, true), 0);
  reopened(&b, 50);
  await_true(&b, !there(&b, "w", j.run) && !there(&b, "s", j.run));
  assert_true(there(&b, "w", kept.run));
  assert_true(there(&b, "s", kept.run));
  run_forgotten(&b, kept.run); /* and one that is there */
  turn(&b, LISTED_MS);
  assert_true(there(&b, "w", kept.run));
  assert_int_equal(b.e->ops->sweep(b.e, kept.run, true), 0);
  await_true(&b, !there(&b, "w", kept.run) && !there(&b, "s", kept.run));
  bench_end(&b);
}

/* ---- what was given up ---- */

static void place_write(const struct bench *b, const struct job_for_test *j, const char *place) {
  char *dir = local_attempt_dir(b->state, j->run, j->id);
  struct record r = {.place = alloc_strdup(place), .log_cap = 1 << 20};
  assert_int_equal(record_begin(dir, &r), 0);
  record_release(&r);
  free(dir);
}

static bool task_lives(const struct bench *b) {
  struct process_stat stat;
  struct buf pid = {0};
  char *path = path_join(b->home, "task");
  bool lives = file_read(path, 64, &pid) == 0 && process_stat(strtol(buf_cstr(&pid), NULL, 10), &stat) == 0 &&
               stat.state != 'Z';
  buf_release(&pid);
  free(path);
  return lives;
}

static void what_is_given_up_on_another_machine_isnt_clear(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  await_up(opened(&b));
  prepare_script(&j, "echo x");
  place_write(&b, &j, "/home/u/.rota/0123456789abcdefghjkmnpqrs/another-machine");
  assert_int_equal(b.e->ops->clear(b.e, j.run, j.id), 0);
  turn(&b, LISTED_MS);
  listed_again(&b);
  assert_null(find(&b, j.id, REPORT_CLEARED));
  assert_false(there(&b, "a", j.id));
  bench_close(&b);
  char *root = root_of(&b);
  place_write(&b, &j, root);
  bench_open(&b);
  assert_int_equal(b.e->ops->clear(b.e, j.run, j.id), 0);
  await(&b, j.id, REPORT_CLEARED);
  free(root);
  bench_end(&b);
}

static void what_is_given_up_below_another_root_is_killed_there(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  await_up(opened(&b));
  prepare_script(&j, "echo $$ >$HOME/task; exec sleep 1000");
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  await_true(&b, task_lives(&b));
  struct host_options moved = bench_host;
  moved.root = "~/other";
  hosts_configure(b.hosts, &moved, 1);
  char *other = path_join(b.home, "other");
  await_true(&b, access(other, F_OK) == 0);
  free(other);
  assert_int_equal(b.e->ops->clear(b.e, j.run, j.id), 0);
  await(&b, j.id, REPORT_CLEARED);
  assert_false(task_lives(&b));
  bench_end(&b);
}

int main(int argc, char **argv) {
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(restart_between_the_end_and_the_removal_leaves_nothing),
      cmocka_unit_test(result_that_isnt_written_down_here_stays),
      cmocka_unit_test(what_lives_stays_whoever_started_it),
      cmocka_unit_test(what_nobody_here_knows_stays_for_a_month),
      cmocka_unit_test(host_that_is_away_while_a_run_is_removed_is_swept_later),
      cmocka_unit_test(what_is_given_up_on_another_machine_isnt_clear),
      cmocka_unit_test(what_is_given_up_below_another_root_is_killed_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
