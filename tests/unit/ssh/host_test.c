/* One host over pipes, with real shells: from the start of an attempt to its end. */
// takes: 55
#include "tests/unit/ssh/host_bench.h"

#include "worker/look.h"

static void attempt_starts_and_ends_with_its_figures(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "echo hello\necho x=1 >$ROTA_OUTPUT\nexit 3\n");
  instant before = clock_now();
  const char *id = start(&b, &j);
  assert_int_equal(b.seen.len, 0);
  const struct seen *s = await(&b, id, REPORT_ENDED);
  assert_int_equal(s->how, ENDED_EXITED);
  assert_int_equal(s->status, 3);
  assert_int_equal(s->log_bytes, 6);
  assert_true(s->started_at > before - USEC_PER_SEC && s->ended_at >= s->started_at);
  const struct seen *started = await(&b, id, REPORT_STARTED);
  assert_true(started < s);
  assert_string_equal(content(&b, &j, "log"), "hello\n");
  assert_string_equal(content(&b, &j, "output"), "x=1\n");
  turn(&b, 50);
  assert_int_equal(finals(&b, id), 1);
  assert_int_equal(b.e->ops->stop(b.e, id, false), ERR_NOT_FOUND);
  bench_end(&b);
}

/* The process number that a task wrote down. */
static int number(struct buf *text) {
  return (int)strtol(buf_cstr(text), NULL, 10);
}

/* Each attempt leaves a line in a file of the host when it runs. */
static int runs_of(struct bench *b, const char *id) {
  struct buf text = {0};
  char *path = path_join(b->home, "ran");
  int n = 0;
  if (file_read(path, 1u << 20, &text) == 0) {
    for (const char *at = buf_cstr(&text); (at = strstr(at, id)) != NULL; at++) n++;
  }
  buf_release(&text);
  free(path);
  return n;
}

/* A zombie that nobody reaps is as good as gone. */
static bool process_lives(int pid) {
  struct process_stat stat;
  return process_stat(pid, &stat) == 0 && stat.state != 'Z' && stat.state != 'X';
}

#define COUNTED "echo $ROTA_ATTEMPT_ID >>$HOME/ran\n"

static void many_at_once_all_end_once(void **state) {
  (void)state;
  enum { COUNT_OF_JOBS = 200, IN_FLIGHT = 16 };
  struct bench b;
  static struct job_for_test jobs[COUNT_OF_JOBS];
  bench_init(&b);
  await_up(&b);
  size_t sent = 0, ended = 0;
  int64_t begin = clock_monotonic();
  while (ended < COUNT_OF_JOBS) {
    for (; sent < COUNT_OF_JOBS && sent < ended + IN_FLIGHT; sent++) {
      prepare_script(&jobs[sent], "true");
      start(&b, &jobs[sent]);
    }
    uv_run(&b.loop, UV_RUN_ONCE);
    ended = 0;
    for (size_t i = 0; i < b.seen.len; i++) ended += b.seen.items[i].kind == REPORT_ENDED;
    assert_true(clock_monotonic() - begin < 60 * USEC_PER_SEC);
  }
  print_message("%d a second\n", (int)(COUNT_OF_JOBS * USEC_PER_SEC / (clock_monotonic() - begin)));
  for (size_t i = 0; i < COUNT_OF_JOBS; i++) {
    assert_int_equal(finals(&b, jobs[i].id), 1);
    assert_int_equal(await(&b, jobs[i].id, REPORT_ENDED)->status, 0);
    assert_non_null(find(&b, jobs[i].id, REPORT_STARTED));
  }
  bench_end(&b);
}

static void start_of_a_host_that_isnt_up_is_fenced(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  prepare_script(&j, COUNTED);
  const char *id = start(&b, &j);
  assert_int_equal(b.seen.len, 0);
  const struct seen *s = await(&b, id, REPORT_FENCED);
  assert_non_null(strstr(s->text, "nothing was sent"));
  await_up(&b);
  turn(&b, 200);
  assert_int_equal(runs_of(&b, id), 0);
  bench_end(&b);
}

static void same_start_twice_runs_once(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, COUNTED);
  start(&b, &j);
  start(&b, &j);
  await(&b, j.id, REPORT_ENDED);
  turn(&b, 100);
  assert_int_equal(finals(&b, j.id), 1);
  assert_int_equal(runs_of(&b, j.id), 1);
  start(&b, &j); /* nobody should, but it runs no more than once */
  await_true(&b, finals(&b, j.id) == 2);
  assert_int_equal(runs_of(&b, j.id), 1);
  bench_end(&b);
}

static void stop_ends_the_whole_tree(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "(setsid sh -c 'echo $$ >$HOME/pid; exec sleep 1000') &\nsleep 1001\n");
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  char *path = path_join(b.home, "pid");
  await_true(&b, access(path, F_OK) == 0);
  turn(&b, 100);
  assert_int_equal(b.e->ops->stop(b.e, j.id, false), 0);
  const struct seen *s = await(&b, j.id, REPORT_ENDED);
  assert_int_equal(s->how, ENDED_STOPPED);
  struct buf pid = {0};
  assert_int_equal(file_read(path, 64, &pid), 0);
  assert_false(process_lives(number(&pid)));
  buf_release(&pid);
  free(path);
  bench_end(&b);
}

static void stop_before_it_is_sent_is_a_fence(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, COUNTED);
  start(&b, &j);
  assert_int_equal(b.e->ops->stop(b.e, j.id, true), 0);
  await(&b, j.id, REPORT_FENCED);
  turn(&b, 200);
  assert_int_equal(runs_of(&b, j.id), 0);
  bench_end(&b);
}

static void lost_contact_is_told_and_what_ended_meanwhile_too(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j, quick;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "while [ ! -e $HOME/go ]; do sleep 0.05; done; echo late; exit 4");
  prepare_script(&quick, "sleep 0.3; echo quick");
  start(&b, &j);
  start(&b, &quick);
  await(&b, j.id, REPORT_STARTED);
  await(&b, quick.id, REPORT_STARTED);
  b.w->refuse = true;
  b.w->fault = TRANSPORT_LOST;
  pipe_cut(b.w->now, TRANSPORT_LOST, "pulled out");
  const struct seen *s = await(&b, j.id, REPORT_UNREACHABLE);
  assert_non_null(strstr(s->text, "gpu01 can't be reached"));
  b.w->refuse = false;
  await(&b, j.id, REPORT_REACHABLE);
  await(&b, quick.id, REPORT_ENDED);
  assert_string_equal(content(&b, &quick, "log"), "quick\n");
  pipe_cut(b.w->now, TRANSPORT_LOST, "a blip");
  char *path = path_join(b.home, "go");
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
  assert_int_equal(await(&b, j.id, REPORT_ENDED)->status, 4);
  assert_string_equal(content(&b, &j, "log"), "late\n");
  int unreachable = 0;
  for (size_t i = 0; i < b.seen.len; i++) unreachable += b.seen.items[i].kind == REPORT_UNREACHABLE;
  assert_int_equal(unreachable, 2); /* the blip was told to nobody */
  bench_end(&b);
}

static void killed_supervisor_is_lost_and_its_task_killed(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "echo $PPID >$HOME/super; echo $$ >$HOME/task; echo before; sleep 1000");
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  char *path = path_join(b.home, "task"), *super = path_join(b.home, "super");
  await_true(&b, access(path, F_OK) == 0);
  turn(&b, 300);
  struct buf pid = {0}, task = {0};
  assert_int_equal(file_read(super, 64, &pid), 0);
  assert_int_equal(file_read(path, 64, &task), 0);
  kill(number(&pid), SIGKILL);
  pipe_cut(b.w->now, TRANSPORT_LOST, "a blip"); /* it's looked at */
  await(&b, j.id, REPORT_LOST);
  assert_false(process_lives(number(&task)));
  assert_string_equal(content(&b, &j, "log"), "before\n");
  buf_release(&pid);
  buf_release(&task);
  free(path);
  free(super);
  bench_end(&b);
}

/* Whoever cleans a disk: nothing of it may go on when another attempt can start. */
static void removed_directory_is_lost_and_its_task_killed(void **state) {
  (void)state;
  for (int restarted = 0; restarted < 2; restarted++) {
    struct bench b;
    struct job_for_test j;
    bench_init(&b);
    await_up(&b);
    prepare_script(&j, "echo $$ >$HOME/task.new; mv $HOME/task.new $HOME/task; sleep 1000");
    start(&b, &j);
    await(&b, j.id, REPORT_STARTED);
    char *path = path_join(b.home, "task"), *dir = alloc_fmt("%s/a/%s", ((struct host *)b.e)->place, j.id);
    await_true(&b, access(path, F_OK) == 0);
    if (restarted) bench_close(&b);
    assert_int_equal(dir_remove_at(AT_FDCWD, dir), 0);
    if (restarted) {
      bench_open(&b);
      assert_int_equal(b.e->ops->adopt(b.e, j.run, j.id, USEC_PER_SEC), 0);
    } else {
      pipe_cut(b.w->now, TRANSPORT_LOST, "a blip"); /* it's looked at */
    }
    assert_non_null(strstr(await(&b, j.id, REPORT_LOST)->text, "was removed while it ran"));
    struct buf task = {0};
    assert_int_equal(file_read(path, 64, &task), 0);
    assert_false(process_lives(number(&task)));
    assert_int_equal(finals(&b, j.id), 1);
    buf_release(&task);
    free(path);
    free(dir);
    bench_end(&b);
  }
}

static void given_up_attempt_is_cleared(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j, never;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "echo $$ >$HOME/task; sleep 1000");
  prepare_script(&never, COUNTED);
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  char *path = path_join(b.home, "task");
  await_true(&b, access(path, F_OK) == 0);
  turn(&b, 100);
  assert_int_equal(b.e->ops->clear(b.e, j.run, j.id), 0);
  assert_int_equal(b.e->ops->clear(b.e, never.run, never.id), 0);
  assert_int_equal(b.e->ops->clear(b.e, j.run, j.id), 0);
  await(&b, j.id, REPORT_CLEARED);
  await(&b, never.id, REPORT_CLEARED);
  struct buf task = {0};
  assert_int_equal(file_read(path, 64, &task), 0);
  assert_false(process_lives(number(&task)));
  assert_int_equal(finals(&b, j.id), 0);
  start(&b, &never);
  await_true(&b, finals(&b, never.id) == 1);
  assert_int_equal(runs_of(&b, never.id), 0);
  buf_release(&task);
  free(path);
  bench_end(&b);
}

/* The daemon dies and comes back, at many moments of an attempt's life. */
static void attempts_outlive_the_daemon(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  for (int ms = 0; ms < 600; ms += 30) {
    struct job_for_test j;
    await_up(&b);
    prepare_script(&j, COUNTED "echo one; sleep 0.2; echo two; echo k=v >$ROTA_OUTPUT; exit 7");
    start(&b, &j);
    turn(&b, ms);
    bool told = find(&b, j.id, REPORT_ENDED) != NULL;
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(b.e->ops->adopt(b.e, j.run, j.id, USEC_PER_SEC), 0);
    await_true(&b, finals(&b, j.id) == 1);
    const struct seen *s = find(&b, j.id, REPORT_NOT_STARTED);
    if (s) {
      assert_false(told);
      assert_int_equal(s->err, ERR_NOT_FOUND);
      b.seen.len = 0;
      await_up(&b);
      start(&b, &j);
    }
    s = await(&b, j.id, REPORT_ENDED);
    assert_int_equal(s->status, 7);
    assert_int_equal(s->log_bytes, 8);
    assert_string_equal(content(&b, &j, "log"), "one\ntwo\n");
    assert_string_equal(content(&b, &j, "output"), "k=v\n");
    assert_int_equal(runs_of(&b, j.id), 1);
  }
  bench_end(&b);
}

static void files_go_along_and_come_back(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "cat in.txt in.txt >out.txt");
  const struct launch_file send[] = {{.path = "in.txt"}}, fetch[] = {{.path = "out.txt"}};
  char *work = alloc_fmt("%s/work/%s", b.state, j.run), *in = path_join(work, "in.txt"),
       *out = path_join(work, "out.txt");
  assert_int_equal(dir_make(work, 0700), 0);
  assert_int_equal(file_write(in, "data\n", 5, 0600, false), 0);
  j.launch.send = send;
  j.launch.fetch = fetch;
  j.launch.send_len = j.launch.fetch_len = 1;
  start(&b, &j);
  const struct seen *s = await(&b, j.id, REPORT_ENDED);
  assert_int_equal(s->status, 0);
  assert_string_equal(s->fault, "");
  struct buf text = {0};
  assert_int_equal(file_read(out, 100, &text), 0);
  assert_string_equal(buf_cstr(&text), "data\ndata\n");
  buf_release(&text);
  free(work);
  free(in);
  free(out);
  bench_end(&b);
}

/* What a linked run kept: its task goes on from the checkpoint of the run that it came from. */
static void linked_run_has_the_state_of_the_nearest_run_it_came_from(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test from, j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&from, "mkdir $ROTA_STATE/d; echo 1 >$ROTA_STATE/d/n");
  start(&b, &from);
  await(&b, from.id, REPORT_ENDED);
  prepare_script(&j, "cat $ROTA_STATE/d/n; echo 2 >$ROTA_STATE/d/n");
  char *runs = alloc_fmt("01arz3ndektsv4rrffq69g5fax %s", from.run); /* of the nearest there is none */
  j.launch.state_from = runs;
  start(&b, &j);
  assert_int_equal(await(&b, j.id, REPORT_ENDED)->status, 0);
  assert_string_equal(content(&b, &j, "log"), "1\n");
  char again[RUNDIR_ID_LEN + 1];
  id_fill(again);
  memcpy(j.id, again, sizeof j.id);
  start(&b, &j); /* a second attempt has what the first one left */
  assert_int_equal(await(&b, j.id, REPORT_ENDED)->status, 0);
  assert_string_equal(content(&b, &j, "log"), "2\n");
  prepare_script(&j, "ls $ROTA_STATE");
  j.launch.state_from = j.run; /* it never ran here */
  start(&b, &j);
  assert_int_equal(await(&b, j.id, REPORT_ENDED)->status, 0);
  assert_string_equal(content(&b, &j, "log"), "");
  prepare_script(&j, "ls $ROTA_STATE");
  j.launch.state_from = from.run;
  j.launch.fresh_state = true;
  start(&b, &j);
  assert_int_equal(await(&b, j.id, REPORT_ENDED)->status, 0);
  assert_string_equal(content(&b, &j, "log"), "");
  free(runs);
  bench_end(&b);
}

static void files_that_are_missing_are_told(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, COUNTED);
  const struct launch_file file[] = {{.path = "none.txt"}};
  j.launch.send = file;
  j.launch.send_len = 1;
  start(&b, &j);
  const struct seen *s = await(&b, j.id, REPORT_ENDED);
  assert_int_equal(s->how, ENDED_LAUNCH_FAILED);
  assert_string_equal(s->stage, "send");
  assert_non_null(strstr(s->text, "none.txt"));
  assert_int_equal(runs_of(&b, j.id), 0);
  assert_null(find(&b, j.id, REPORT_STARTED));
  prepare_script(&j, COUNTED);
  j.launch.fetch = file;
  j.launch.fetch_len = 1;
  start(&b, &j);
  s = await(&b, j.id, REPORT_ENDED);
  assert_int_equal(s->status, 0);
  assert_non_null(strstr(s->fault, "none.txt"));
  bench_end(&b);
}

/* The connection is cut after so many bytes of what is sent for a start, or of what comes back. */
static void cut_anywhere(const char *sh) {
  enum { CUTS = 120 };
  struct bench b;
  char fenced[CUTS][RUNDIR_ID_LEN + 1];
  int fenced_len = 0;
  bench_init_with(&b, sh);
  uint32_t random = 4;
  for (int i = 0; i < CUTS; i++) {
    struct job_for_test j;
    await_up(&b);
    turn(&b, 20);
    prepare_script(&j, COUNTED "echo out; exit 5");
    random = random * 1664525u + 1013904223u; /* the same cuts each time */
    *(i % 3 == 2 ? &b.w->cut_from : &b.w->cut_to) = (random >> 8) % (i % 3 == 2 ? 600 : 3500);
    b.seen.len = 0;
    start(&b, &j);
    for (int64_t end = clock_monotonic() + 20 * USEC_PER_SEC; !finals(&b, j.id) && clock_monotonic() < end;) {
      uv_run(&b.loop, UV_RUN_ONCE);
      if (b.w->cut_to == 0) b.w->cut_to = -1; /* the next connection is whole */
      if (b.w->cut_from == 0) b.w->cut_from = -1;
    }
    if (finals(&b, j.id) != 1) {
      print_message("after cut %d of one %s\n", i, i % 3 == 2 ? "from there" : "to there");
      tell_seen(&b, j.id);
    }
    assert_int_equal(finals(&b, j.id), 1);
    b.w->cut_from = b.w->cut_to = -1;
    const struct seen *s = find(&b, j.id, REPORT_ENDED);
    if (!s) {
      tell_seen(&b, j.id);
      assert_non_null(find(&b, j.id, REPORT_FENCED)); /* nothing was sent */
      strcpy(fenced[fenced_len++], j.id);
      continue;
    }
    assert_int_equal(s->status, 5);
    assert_int_equal(runs_of(&b, j.id), 1);
    assert_string_equal(content(&b, &j, "log"), "out\n");
  }
  /* Looked at now, for a supervisor that was made all the same would have come to its task by then. */
  turn(&b, 500);
  while (fenced_len > 0) assert_int_equal(runs_of(&b, fenced[--fenced_len]), 0);
  print_message("%u connections\n", b.w->ups);
  bench_end(&b);
}

static void cut_anywhere_it_runs_once_with_dash(void **state) {
  (void)state;
  cut_anywhere("dash");
}

static void cut_anywhere_it_runs_once_with_busybox(void **state) {
  (void)state;
  cut_anywhere("busybox sh");
}

static void log_comes_while_it_runs_and_progress_too(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "echo first; echo '0.5 half' >$ROTA_PROGRESS; while [ ! -e $HOME/go ]; do sleep 0.05; done");
  start(&b, &j);
  await_true(&b, strcmp(content(&b, &j, "log"), "first\n") == 0);
  await_true(&b, strcmp(content(&b, &j, "progress"), "0.5 half\n") == 0);
  char *path = path_join(b.home, "go");
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
  await(&b, j.id, REPORT_ENDED);
  bench_end(&b);
}

/* The FIFO has a channel of its own: what it tells may come before the answer to a look from before the claim. */
static void start_that_overtakes_a_look_is_no_loss(void **state) {
  (void)state;
  struct bench b;
  struct job_for_test j;
  bench_init(&b);
  await_up(&b);
  prepare_script(&j, "while ! [ -e $HOME/go ]; do sleep 0.1; done\n");
  int64_t before = clock_monotonic();
  start(&b, &j);
  await(&b, j.id, REPORT_STARTED);
  struct host *h = (struct host *)b.e;
  struct host_attempt *a = host_attempts_find(&h->attempts, j.id);
  assert_non_null(a);
  host_seen(h, a, before, &(struct ops_answer){.state = OPS_UNCLAIMED});
  host_seen(h, a, before, &(struct ops_answer){.state = OPS_MISSING});
  turn(&b, 300);
  assert_int_equal(finals(&b, j.id), 0);
  char *path = path_join(b.home, "go");
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  free(path);
  assert_int_equal(await(&b, j.id, REPORT_ENDED)->status, 0);
  bench_end(&b);
}

/* What was sent over the connection that broke may still come to its claim. */
static void second_start_for_which_there_is_no_room_leaves_the_first_in_doubt(void **state) {
  (void)state;
  for (int cut = 0; cut < 2; cut++) {
    struct bench b;
    struct job_for_test j;
    bench_init(&b);
    await_true(&b, b.contact == CONTACT_UP && b.facts); /* nothing else is sent that might be cut instead */
    turn(&b, 20);
    prepare_script(&j, COUNTED);
    char *path = alloc_fmt("%s/a/%s", ((struct host *)b.e)->place, j.id);
    assert_int_equal(file_write(path, "", 0, 0600, false), 0); /* where its folder would be */
    if (cut) b.w->cut_to = 300;
    start(&b, &j);
    while (cut && b.w->cut_to != 0) uv_run(&b.loop, UV_RUN_ONCE);
    b.w->cut_to = -1;
    const struct seen *s = await(&b, j.id, REPORT_NOT_STARTED);
    assert_int_equal(s->err, ERR_FULL);
    assert_int_equal(s->doubtful, cut);
    assert_int_equal(finals(&b, j.id), 1);
    unlink(path);
    free(path);
    bench_end(&b);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attempt_starts_and_ends_with_its_figures),
      cmocka_unit_test(many_at_once_all_end_once),
      cmocka_unit_test(start_of_a_host_that_isnt_up_is_fenced),
      cmocka_unit_test(same_start_twice_runs_once),
      cmocka_unit_test(stop_ends_the_whole_tree),
      cmocka_unit_test(stop_before_it_is_sent_is_a_fence),
      cmocka_unit_test(lost_contact_is_told_and_what_ended_meanwhile_too),
      cmocka_unit_test(killed_supervisor_is_lost_and_its_task_killed),
      cmocka_unit_test(removed_directory_is_lost_and_its_task_killed),
      cmocka_unit_test(given_up_attempt_is_cleared),
      cmocka_unit_test(start_that_overtakes_a_look_is_no_loss),
      cmocka_unit_test(second_start_for_which_there_is_no_room_leaves_the_first_in_doubt),
      cmocka_unit_test(attempts_outlive_the_daemon),
      cmocka_unit_test(log_comes_while_it_runs_and_progress_too),
      cmocka_unit_test(files_go_along_and_come_back),
      cmocka_unit_test(files_that_are_missing_are_told),
      cmocka_unit_test(linked_run_has_the_state_of_the_nearest_run_it_came_from),
      cmocka_unit_test(cut_anywhere_it_runs_once_with_dash),
      cmocka_unit_test(cut_anywhere_it_runs_once_with_busybox),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
