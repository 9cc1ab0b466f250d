/* The end of `rota run`: read back from the rows, so that what is printed is what was recorded. jansson's names and
 * the JSON writer's stay apart this way. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "scheduler/daemon/foreground/log_tail.h"
#include "scheduler/daemon/foreground/run_report.h"
#include "scheduler/daemon/pages/page_run.h"

#define TAIL_LINES 20

static void print_tail(const char *state_dir, const char *run_id, const struct attempt_row *attempt) {
  struct buf tail = {0};
  log_tail(state_dir, run_id, attempt->id.text, TAIL_LINES, &tail);
  fputs(buf_cstr(&tail), stderr);
  buf_release(&tail);
}

static void print_failure(struct history *h, const char *state_dir, const struct history_run *run, struct arena *a) {
  struct task_row *tasks;
  size_t len;
  if (history_tasks(h, run->run.key, -1, PIPELINE_TASKS_MAX, a, &tasks, &len)) return;
  for (size_t i = 0; i < len; i++) {
    const struct task_row *t = &tasks[i];
    struct attempt_row attempt;
    if (!task_state_failure(t->state)) continue;
    fprintf(stderr, "\n%s %s: %s\n", t->label, task_state_word(t->state), t->reason ? t->reason : "");
    if (t->attempt && history_attempt(h, t->attempt, a, &attempt) == 0) {
      print_tail(state_dir, run->run.id.text, &attempt);
    }
    return;
  }
}

static void print_summary(const struct history_run *run) {
  const struct run_row *r = &run->run;
  char took[DURATION_TEXT_SIZE] = "";
  if (r->started_at != INSTANT_NONE && r->ended_at != INSTANT_NONE) duration_show(r->ended_at - r->started_at, took);
  fprintf(stderr, "%s %s in %s: %lld of %lld tasks done, %lld failed\n", run->pipeline, run_state_word(r->state),
          took[0] ? took : "0s", (long long)r->tasks_done, (long long)r->tasks, (long long)r->tasks_failed);
}

void run_report_end(const char *state_dir, const char *run_id, bool json) {
  struct arena a = {0};
  struct history *h = history_new(state_dir);
  struct history_run run;
  struct buf text = {0};
  int err = history_find(h, run_id, &a, &run, &text);
  if (!err && json) {
    struct json j;
    buf_reset(&text);
    jsonw_init(&j, &text);
    err = run_json(h, &run, state_dir, clock_now(), &a, &j);
    if (!err) printf("%s\n", text.bytes);
  } else if (!err) {
    if (run.run.state != RUN_SUCCEEDED) print_failure(h, state_dir, &run, &a);
    print_summary(&run);
  }
  if (err) fprintf(stderr, "rota: the run can't be read back: %s\n", err_text(err));
  buf_release(&text);
  history_free(h);
  arena_release(&a);
}
