/* The log of an attempt, by range or from its end; a request may wait for more of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/handlers/page_run.h"
#include "scheduler/spec/pipeline.h"
#include "worker/local.h"
#include "worker/logfile.h"

#define RANGE_MAX      (1024 * 1024)
#define TAIL_LINES_MAX 100000

struct log_of {
  struct history_run run;
  struct task_row *tasks;
  size_t tasks_len;
  const struct task_row *task;
  struct attempt_row attempt;
};

/* What failed first and wasn't allowed to; NULL if nothing did. */
static const struct task_row *first_failed(struct page *p, const struct log_of *l) {
  struct pipeline *spec = page_run_spec(p->history, &l->run, &p->arena);
  const struct task_row *first = NULL;
  for (size_t i = 0; i < l->tasks_len; i++) {
    const struct task_row *t = &l->tasks[i];
    if (t->attempt == 0 || !task_state_failure(t->state) || page_task_allowed(spec, t)) continue;
    if (!first || t->ended_at < first->ended_at) first = t;
  }
  pipeline_release(spec);
  return first;
}

/* The first that failed, else one that runs, else the last that was tried. */
static const struct task_row *task_of_interest(struct page *p, const struct log_of *l) {
  const struct task_row *running = NULL, *tried = NULL, *failed = first_failed(p, l);
  if (failed) return failed;
  for (size_t i = 0; i < l->tasks_len; i++) {
    const struct task_row *t = &l->tasks[i];
    if (t->attempt == 0) continue;
    if (task_state_live(t->state) && !running) running = t;
    tried = t;
  }
  return running ? running : tried;
}

static bool find_task(struct page *p, struct log_of *l) {
  const char *name = api_query(&p->request, "task");
  int err = history_tasks(p->history, l->run.run.key, -1, PIPELINE_TASKS_MAX, &p->arena, &l->tasks, &l->tasks_len);
  if (err) {
    page_problem(p, 503, "Not readable", "the rows can't be read: %s; repeat it", err_text(err));
    return false;
  }
  l->task = name ? page_task_named(l->tasks, l->tasks_len, name) : task_of_interest(p, l);
  if (l->task) return true;
  if (name) {
    page_problem(p, 404, "No such task", "the run has no task '%s'; `rota show` lists them", name);
  } else {
    page_problem(p, 404, "No log", "no task of the run has been started yet");
  }
  return false;
}

/* There is nothing to show, and there will be. */
static void not_yet(struct page *p) {
  p->unripe = p->polls = true;
  page_header(p, "Rota-Offset", "0");
  page_header(p, "Rota-Next-Offset", "0");
  page_header(p, "Rota-Size", "0");
  page_header(p, "Rota-Ended", "false");
}

static bool find_attempt(struct page *p, struct log_of *l) {
  int64_t number = page_number(p, "attempt", 0, 0, 1000000);
  if (p->status >= 400) return false;
  struct attempt_row *rows;
  size_t len = 0;
  int err = 0;
  if (number > 0) {
    err = history_attempts(p->history, l->run.run.key, l->task->index, number - 1, 1, &p->arena, &rows, &len);
    if (!err && len == 1 && rows[0].task == l->task->index && rows[0].number == number) l->attempt = rows[0];
  } else if (l->task->attempt) {
    err = history_attempt(p->history, l->task->attempt, &p->arena, &l->attempt);
  }
  if (!err && l->attempt.key) return true;
  if (!err && number == 0 && !task_state_ended(l->task->state)) {
    not_yet(p);
  } else {
    page_problem(p, 404, "No log", number ? "%s has no such attempt" : "%s was never started", l->task->label);
  }
  return false;
}

/* The run in whose directory the attempt lies: another one for what a linked run keeps. */
static const char *run_id_of(struct page *p, const struct log_of *l) {
  struct history_run other;
  if (l->attempt.run == l->run.run.key) return l->run.run.id.text;
  if (history_run(p->history, l->attempt.run, &p->arena, &other)) return l->run.run.id.text;
  return arena_strdup(&p->arena, other.run.id.text);
}

static void header_number(struct page *p, const char *name, uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  page_header(p, name, text);
}

/* Reads on over gaps, each told by a line, until the range is full or the log has no more. */
static uint64_t read_range(struct page *p, struct logfile *lf, uint64_t offset, size_t limit) {
  while (p->body.len < limit) {
    uint64_t at = offset;
    size_t room = limit - p->body.len;
    buf_reserve(&p->body, room);
    size_t before = p->body.len;
    int64_t n = logfile_read(lf, offset, p->body.bytes + before, room, &at);
    if (n <= 0) break;
    if (at > offset) {
      /* The bytes read stand where the marker belongs: they are moved behind it. */
      char *read = arena_strndup(&p->arena, p->body.bytes + before, (size_t)n);
      buf_fmt(&p->body, "\n[%" PRIu64 " bytes were dropped here: the log is over its cap]\n", at - offset);
      buf_add(&p->body, read, (size_t)n);
    } else {
      p->body.len += (size_t)n;
      p->body.bytes[p->body.len] = '\0';
    }
    offset = at + (uint64_t)n;
  }
  return offset;
}

static void unreadable(struct page *p, int err) {
  page_problem(p, 503, "Not readable", "the log can't be read: %s", err_text(err));
}

static void read_log(struct page *p, const struct log_of *l, struct logfile *lf) {
  struct logfile_extent extent = {0};
  int64_t tail = page_number(p, "tail", 0, 0, TAIL_LINES_MAX);
  uint64_t offset = (uint64_t)page_number(p, "offset", 0, 0, INT64_MAX);
  size_t limit = (size_t)page_number(p, "limit", RANGE_MAX, 1, RANGE_MAX);
  if (p->status >= 400) return;
  bool ended = task_state_ended(l->attempt.state);
  int err = logfile_extent(lf, &extent);
  if (!err && tail > 0) err = logfile_tail(lf, (uint64_t)tail, limit, &offset);
  if (err) {
    unreadable(p, err);
    return;
  }
  uint64_t next = read_range(p, lf, offset, limit);
  bool more_to_come = !ended || next < extent.size;
  p->unripe = p->body.len == 0 && more_to_come;
  p->polls = true;
  p->watched_run = l->run.run.key;
  header_number(p, "Rota-Offset", offset);
  header_number(p, "Rota-Next-Offset", next);
  header_number(p, "Rota-Size", extent.size);
  page_header(p, "Rota-Ended", more_to_come ? "false" : "true");
}

void page_log_read(struct page *p) {
  struct log_of l = {0};
  p->content_type = "text/plain; charset=utf-8";
  if (p->status >= 400 || !page_find_run(p, &l.run) || !find_task(p, &l) || !find_attempt(p, &l)) return;
  page_header(p, "Rota-Task", l.task->label);
  header_number(p, "Rota-Attempt", (uint64_t)l.attempt.number);
  page_header(p, "Rota-Run", l.run.run.id.text);
  char *dir = local_attempt_dir(p->state_dir, run_id_of(p, &l), l.attempt.id.text);
  int err;
  struct logfile *lf = logfile_open(dir, &err);
  if (lf) {
    read_log(p, &l, lf);
    logfile_close(lf);
  } else if (err == ERR_NOT_FOUND && !task_state_ended(l.attempt.state)) {
    not_yet(p);
  } else if (err == ERR_NOT_FOUND) {
    page_problem(p, 404, "No log", "the log of %s isn't there any more", l.task->label);
  } else {
    unreadable(p, err);
  }
  free(dir);
}
