#include "scheduler/daemon/logs/log_pick.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/spec/pipeline.h"
#include "worker/local.h"

/* What failed first and wasn't allowed to; NULL if nothing did. */
static const struct task_row *first_failed(struct page *p, const struct log_pick *l) {
  struct pipeline *spec = history_spec(p->history, l->run.run.version);
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
static const struct task_row *task_of_interest(struct page *p, const struct log_pick *l) {
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

static bool find_task(struct page *p, struct log_pick *l) {
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

static bool find_attempt(struct page *p, struct log_pick *l) {
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
    return true;
  } else {
    page_problem(p, 404, "No log", number ? "%s has no such attempt" : "%s was never started", l->task->label);
  }
  return false;
}

/* The run in whose directory the attempt lies: another one for what a linked run keeps. */
static const char *run_id_of(struct page *p, const struct log_pick *l) {
  struct history_run other;
  if (l->attempt.run == l->run.run.key) return l->run.run.id.text;
  if (history_run(p->history, l->attempt.run, &p->arena, &other)) return l->run.run.id.text;
  return arena_strdup(&p->arena, other.run.id.text);
}

struct logfile *log_pick_open(struct page *p, const char *run_id, const struct attempt_row *attempt, int *err) {
  char *dir = local_attempt_dir(p->state_dir, run_id, attempt->id.text);
  struct logfile *lf = logfile_open(dir, err);
  free(dir);
  return lf;
}

void log_pick_problem(struct page *p, int err) {
  page_problem(p, 503, "Not readable", "the log can't be read: %s", err_text(err));
}

bool log_pick_attempt(struct page *p, struct log_pick *l) {
  *l = (struct log_pick){0};
  return p->status < 400 && page_find_run(p, &l->run) && find_task(p, l) && find_attempt(p, l);
}

char *log_pick_dir(struct page *p, const struct log_pick *l) {
  return local_attempt_dir(p->state_dir, run_id_of(p, l), l->attempt.id.text);
}

bool log_pick(struct page *p, struct log_pick *l) {
  int err;
  if (!log_pick_attempt(p, l)) return false;
  if (!l->attempt.key) return true;
  l->ended = task_state_ended(l->attempt.state);
  l->log = log_pick_open(p, run_id_of(p, l), &l->attempt, &err);
  if (l->log) return true;
  if (err == ERR_NOT_FOUND && !l->ended) return true;
  if (err == ERR_NOT_FOUND) {
    page_problem(p, 404, "No log", "the log of %s isn't there any more", l->task->label);
  } else {
    log_pick_problem(p, err);
  }
  return false;
}

void log_pick_release(struct log_pick *l) {
  logfile_close(l->log);
  l->log = NULL;
}
