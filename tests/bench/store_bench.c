/* What the store reaches: `store_bench DIR [RUNS]` prints one line a figure. DIR is made and left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/history.h"
#include "scheduler/store/retention.h"
#include "scheduler/store/store.h"
#include "tests/bench/history_gen.h"

static double seconds(int64_t since) {
  return (double)(clock_monotonic() - since) / 1e6;
}

static struct store *must_open(const char *dir) {
  struct store *s;
  struct buf why = {0};
  int rc = store_open(dir, clock_now(), &s, &why);
  if (!rc) return s;
  fprintf(stderr, "%s: %s\n", err_name(rc), buf_cstr(&why));
  exit(1);
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The changes of one task's life: two updates of the run, three of the task, three of the attempt, four events. */
static size_t task_changes(struct change *c, int64_t run, uint32_t index, int64_t *key) {
  size_t n = 0;
  int64_t attempt = ++*key;
  static const enum task_state states[] = {TASK_STARTING, TASK_RUNNING, TASK_SUCCEEDED};
  static const char *const words[] = {"starting", "running", "succeeded"};
  instant now = clock_now();
  struct id id;
  snprintf(id.text, sizeof id.text, "01h%023lld", (long long)attempt);
  for (int i = 0; i < 3; i++) {
    instant end = i == 2 ? now : INSTANT_NONE;
    c[n++] = (struct change){CHANGE_ATTEMPT, .attempt = {.key = attempt,
                                                         .id = id,
                                                         .run = run,
                                                         .task = index,
                                                         .round = 1,
                                                         .number = 1,
                                                         .state = states[i],
                                                         .host = "local",
                                                         .slots = "{\"cpu\":[\"0\"]}",
                                                         .exit_code = i == 2 ? 0 : -1,
                                                         .created_at = now,
                                                         .started_at = now,
                                                         .ended_at = end,
                                                         .max_rss_kb = -1,
                                                         .cpu_us = -1,
                                                         .log_bytes = -1,
                                                         .dir = "/srv/x",
                                                         .git_dirty = -1}};
    c[n++] = (struct change){CHANGE_TASK, .task = {.run = run,
                                                   .index = index,
                                                   .name = "t",
                                                   .label = "t[1000]",
                                                   .state = states[i],
                                                   .round = 1,
                                                   .attempts = 1,
                                                   .attempt = attempt,
                                                   .not_before = INSTANT_NONE,
                                                   .ready_at = now,
                                                   .started_at = now,
                                                   .ended_at = end}};
    c[n++] = (struct change){CHANGE_EVENT, .event = {.key = ++*key,
                                                     .at = now,
                                                     .kind = EVENT_ROW_TASK,
                                                     .pipeline = 1,
                                                     .run = run,
                                                     .task = index,
                                                     .attempt = attempt,
                                                     .state = words[i]}};
  }
  c[n++] = (struct change){CHANGE_OUTPUT, .output = {attempt, "x", "1"}};
  return n;
}

static struct change make_run(int64_t key, int64_t number, int64_t tasks, enum run_state state) {
  instant now = clock_now();
  struct change c = {CHANGE_RUN, .run = {.key = key,
                                         .pipeline = 1,
                                         .number = number,
                                         .version = 201,
                                         .state = state,
                                         .params = "{}",
                                         .scheduled_for = now,
                                         .interval_start = INSTANT_NONE,
                                         .created_at = now,
                                         .started_at = now,
                                         .ended_at = state == RUN_RUNNING ? INSTANT_NONE : now,
                                         .round = 1,
                                         .deadline = INSTANT_NONE,
                                         .tasks = tasks}};
  snprintf(c.run.id.text, sizeof c.run.id.text, "01h%023lld", (long long)key);
  return c;
}

static void commits(struct store *s, int64_t *key, int64_t number, int tasks, int batch) {
  int64_t run = ++*key, began = clock_monotonic(), *each = calloc((size_t)tasks, sizeof *each);
  struct change *c = calloc((size_t)batch * 10 + 1, sizeof *c);
  size_t rows = 0;
  int count = 0;
  for (int done = 0; done < tasks; done += batch) {
    size_t n = 0;
    c[n++] = make_run(run, number, tasks, RUN_RUNNING);
    for (int i = 0; i < batch; i++) n += task_changes(&c[n], run, (uint32_t)(done + i), key);
    int64_t at = clock_monotonic();
    if (store_commit(s, c, n, NULL)) exit(1);
    each[count++] = clock_monotonic() - at;
    if (store_tend(s, false, NULL)) exit(1);
    rows += n;
  }
  double took = seconds(began);
  qsort(each, (size_t)count, sizeof *each, compare);
  int middle = count / 2, last = count * 99 / 100;
  double p50 = (double)each[middle] / 1e3, p99 = (double)each[last] / 1e3;
  printf(
      "commit: %d tasks a batch: %.0f tasks/s, %.0f rows/s, %.0f commits/s, p50 %.2f ms, p99 %.2f ms, max %.1f ms\n",
      batch, tasks / took, (double)rows / took, count / took, p50, p99, (double)each[count - 1] / 1e3);
  c[0] = make_run(run, number, tasks, RUN_SUCCEEDED);
  if (store_commit(s, c, 1, NULL)) exit(1);
  free(c);
  free(each);
}

static void page(struct history *h, const char *text) {
  int64_t best = INT64_MAX, first = 0;
  size_t len = 0;
  for (int i = 0; i < 20; i++) {
    struct arena a = {0};
    struct filter f;
    struct diag_list d;
    struct history_page p;
    diag_init(&d, NULL, text, strlen(text));
    if (filter_parse(&f, text, clock_now(), &d)) exit(1);
    int64_t at = clock_monotonic();
    if (history_runs(h, &f, NULL, 50, clock_now(), &a, &p)) exit(1);
    int64_t took = clock_monotonic() - at;
    if (!i) first = took;
    if (took < best) best = took;
    len = p.len;
    filter_release(&f);
    diag_release(&d);
    arena_release(&a);
  }
  printf("page of 50, '%s': %zu runs, first %.2f ms, then %.2f ms\n", text, len, (double)first / 1e3,
         (double)best / 1e3);
}

static void retain(struct store *s) {
  struct retention r = {.days = 90, .runs = 1000};
  struct retention_removed removed = {0};
  int64_t began = clock_monotonic(), worst = 0, over = 0, steps = 0;
  while (seconds(began) < 10) {
    int64_t at = clock_monotonic();
    int rc = retention_step(s, &r, clock_now(), &removed, NULL);
    int64_t took = clock_monotonic() - at;
    worst = took > worst ? took : worst;
    over += took > 5000;
    steps++;
    if (store_tend(s, false, NULL) || rc != 1) break;
  }
  printf("retention: %lld steps, %zu runs in %.1f s, worst %.1f ms, %lld over 5 ms\n", (long long)steps,
         removed.ids.len, seconds(began), (double)worst / 1e3, (long long)over);
  vec_release(&removed.ids);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  const char *dir = argv[1];
  int64_t runs = argc > 2 ? strtoll(argv[2], NULL, 10) : 1000000;
  store_close(must_open(dir));
  int64_t at = clock_monotonic();
  if (history_generate(dir, runs, clock_now())) return 1;
  printf("generated %lld runs in %.1f s\n", (long long)runs, seconds(at));
  for (int i = 0; i < 2; i++) {
    at = clock_monotonic();
    struct store *s = must_open(dir);
    printf("open: %.1f ms\n", seconds(at) * 1e3);
    store_close(s);
  }
  struct history *h = history_new(dir);
  struct store *s = must_open(dir);
  static const char *const filters[] = {"",
                                        "state:failed",
                                        "p:team1/pipeline1",
                                        "p:team1/*",
                                        "owner:team3 state:failed",
                                        "started:>-24h",
                                        "param.lr:0.01",
                                        "task:evaluate state:failed",
                                        "dur:>2m",
                                        "nothing"};
  for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) page(h, filters[i]);
  int64_t key = runs * 20 + 1000;
  commits(s, &key, 10000001, 2000, 1);
  commits(s, &key, 10000002, 8000, 8);
  commits(s, &key, 10000003, 20000, 50);
  retain(s);
  at = clock_monotonic();
  store_close(s);
  printf("close: %.1f ms\n", seconds(at) * 1e3);
  at = clock_monotonic();
  struct buf why = {0};
  int rc = store_check(dir, NULL, &why);
  printf("whole check: %.1f s: %s\n", seconds(at), rc ? buf_cstr(&why) : "ok");
  history_free(h);
  return 0;
}
