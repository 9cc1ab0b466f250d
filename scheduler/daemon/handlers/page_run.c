#include "scheduler/daemon/handlers/page_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/handlers/present.h"
#include "scheduler/spec/outputs.h"
#include "scheduler/spec/pipeline.h"
#include "worker/attempt_dir.h"
#include "worker/local.h"
#include "worker/rundir.h"

#define RESULT_MAX (64 * 1024)

static void find_problem(struct page *p, int err, const char *what, const struct buf *why) {
  if (err == ERR_NOT_FOUND) {
    page_problem(p, 404, "Not found", "%s",
                 why->len ? why->bytes : arena_fmt(&p->arena, "there is no such %s", what));
  } else if (err == ERR_CONFLICT || err == ERR_INVALID) {
    page_problem(p, err == ERR_CONFLICT ? 409 : 422, "Not one", "%s", buf_cstr(why));
  } else {
    page_problem(p, 503, "Not readable", "the rows can't be read: %s; repeat it", err_text(err));
  }
}

/* A page that waits stays with the run that it found first, whatever `nightly` means by now. */
bool page_find_run(struct page *p, struct history_run *out) {
  struct buf why = {0};
  int err = p->watched_run ? history_run(p->history, p->watched_run, &p->arena, out)
                           : history_find(p->history, api_path(&p->request, "run"), &p->arena, out, &why);
  if (err) find_problem(p, err, "run; `rota runs` lists them", &why);
  buf_release(&why);
  return err == 0;
}

bool page_find_pipeline(struct page *p, struct history_pipeline *out) {
  struct buf why = {0};
  const char *name = page_pipeline(p);
  int err = history_pipeline(p->history, name, &p->arena, out);
  if (err == ERR_NOT_FOUND) buf_fmt(&why, "there is no pipeline '%s'; `rota list` shows them", name);
  if (err) find_problem(p, err, "pipeline", &why);
  buf_release(&why);
  return err == 0;
}

const struct task_row *page_task_named(const struct task_row *tasks, size_t len, const char *name) {
  const char *colon = strrchr(name, ':');
  size_t place = colon ? strtoul(colon + 1, NULL, 10) : 0;
  for (size_t i = 0; i < len; i++) {
    const struct task_row *t = &tasks[i];
    if (strcmp(t->label, name) == 0 || strcmp(t->name, name) == 0) return t;
    if (!colon || strncmp(t->name, name, (size_t)(colon - name)) != 0 || t->name[colon - name]) continue;
    return i + place < len && strcmp(tasks[i + place].name, t->name) == 0 ? &tasks[i + place] : NULL;
  }
  return NULL;
}

static void begin(struct json *j, const struct history_run *run, const char *attention, instant now) {
  const struct present_run shown = {.row = &run->run,
                                    .pipeline = run->pipeline,
                                    .version = run->version_sha256,
                                    .linked_from = run->linked_from,
                                    .attention = attention,
                                    .now = now};
  present_run_begin(j, &shown);
}

void page_run_begin(struct page *p, const struct history_run *run, const char *attention) {
  begin(&p->json, run, attention, p->now);
}

struct pipeline *page_version_spec(struct history *h, int64_t version, struct arena *a) {
  struct version_row row;
  if (!version || history_version(h, version, a, &row)) return NULL;
  return pipeline_from_json(row.json, row.json_len);
}

struct pipeline *page_run_spec(struct history *h, const struct history_run *run, struct arena *a) {
  return page_version_spec(h, run->run.version, a);
}

bool page_task_allowed(const struct pipeline *spec, const struct task_row *task) {
  int index = spec ? pipeline_task(spec, task->name) : -1;
  return index >= 0 && spec->tasks[index].allow_failure;
}

struct run_parts {
  struct task_row *tasks;
  struct attempt_row *attempts;
  struct output_row *outputs;
  struct round_row *rounds;
  struct event_row *notes;
  size_t tasks_len, attempts_len, outputs_len, rounds_len, notes_len;
};

static int read_parts(struct history *h, int64_t key, struct arena *a, struct run_parts *parts) {
  int err = history_tasks(h, key, -1, PIPELINE_TASKS_MAX, a, &parts->tasks, &parts->tasks_len);
  if (!err) err = history_attempts(h, key, -1, 0, SIZE_MAX / 2, a, &parts->attempts, &parts->attempts_len);
  if (!err) err = history_run_outputs(h, key, a, &parts->outputs, &parts->outputs_len);
  if (!err) err = history_rounds(h, key, a, &parts->rounds, &parts->rounds_len);
  if (!err) err = history_notes(h, key, a, &parts->notes, &parts->notes_len);
  return err;
}

/* The outputs are sorted by attempt: a binary search finds the first of one. */
static void outputs_of(const struct run_parts *parts, int64_t attempt, const struct output_row **first, size_t *len) {
  size_t low = 0, high = parts->outputs_len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (parts->outputs[middle].attempt < attempt) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  *first = parts->outputs + low;
  *len = 0;
  while (low + *len < parts->outputs_len && parts->outputs[low + *len].attempt == attempt) (*len)++;
}

/* The attempt that a task shows; `at` walks with the tasks, as both are in the order of their index. NULL if there is
 * none in this run. */
static const struct attempt_row *attempt_shown(const struct run_parts *parts, const struct task_row *task,
                                               size_t *at) {
  while (*at < parts->attempts_len && parts->attempts[*at].task < task->index) (*at)++;
  for (size_t i = *at; i < parts->attempts_len && parts->attempts[i].task == task->index; i++)
    if (parts->attempts[i].key == task->attempt) return &parts->attempts[i];
  return NULL;
}

/* A file that the task wrote in its attempt's directory. */
static int read_result(const char *state_dir, const struct history_run *run, const struct attempt_row *attempt,
                       const char *name, struct buf *out) {
  char *dir = local_attempt_dir(state_dir, run->run.id.text, attempt->id.text);
  int err = attempt_file_read(dir, name, RESULT_MAX, out);
  free(dir);
  return err;
}

/* The last line of $ROTA_PROGRESS of a task that is running, and $ROTA_SUMMARY; NULL where nothing was written. */
static void read_told(const char *state_dir, const struct history_run *run, const struct task_row *task,
                      const struct attempt_row *attempt, struct arena *a, struct task_told *told) {
  struct buf text = {0};
  double fraction;
  const char *rest;
  *told = (struct task_told){0};
  if (!attempt) return;
  if (task_state_live(task->state) && read_result(state_dir, run, attempt, RUNDIR_PROGRESS, &text) == 0 &&
      progress_parse(buf_cstr(&text), text.len, &fraction, &rest, a)) {
    told->progress = arena_fmt(a, "%.0f%% %s", fraction * 100, rest);
  }
  buf_reset(&text);
  int err = read_result(state_dir, run, attempt, RUNDIR_SUMMARY, &text);
  if (err == ERR_TOO_LARGE) told->summary = "(more than 64 KiB, which is too much for a summary)";
  if (!err && text.len) told->summary = arena_strdup(a, buf_cstr(&text));
  buf_release(&text);
}

int run_json(struct history *h, const struct history_run *run, const char *state_dir, instant now, struct arena *a,
             struct json *j) {
  struct run_parts parts = {0};
  size_t at = 0;
  int err = read_parts(h, run->run.key, a, &parts);
  if (err) return err;
  struct pipeline *spec = page_run_spec(h, run, a);
  begin(j, run, NULL, now);
  jsonw_key(j, "tasks");
  jsonw_array(j);
  for (size_t i = 0; i < parts.tasks_len; i++) {
    const struct task_row *task = &parts.tasks[i];
    const struct output_row *outputs;
    size_t outputs_len;
    outputs_of(&parts, task->output_attempt, &outputs, &outputs_len);
    struct task_told told;
    read_told(state_dir, run, task, attempt_shown(&parts, task, &at), a, &told);
    told.allow_failure = page_task_allowed(spec, task);
    present_task(j, task, outputs, outputs_len, &told, now);
  }
  pipeline_release(spec);
  jsonw_array_end(j);
  jsonw_key(j, "attempts");
  jsonw_array(j);
  for (size_t i = 0; i < parts.attempts_len; i++) {
    const struct attempt_row *attempt = &parts.attempts[i];
    present_attempt(j, attempt, attempt->task < parts.tasks_len ? parts.tasks[attempt->task].label : NULL, now);
  }
  jsonw_array_end(j);
  jsonw_key(j, "rounds");
  jsonw_array(j);
  for (size_t i = 0; i < parts.rounds_len; i++) present_round(j, &parts.rounds[i]);
  jsonw_array_end(j);
  jsonw_key(j, "notes");
  jsonw_array(j);
  for (size_t i = 0; i < parts.notes_len; i++) present_event(j, &parts.notes[i]);
  jsonw_array_end(j);
  jsonw_object_end(j);
  return 0;
}

void page_run_read(struct page *p) {
  struct history_run run;
  if (p->status >= 400 || !page_find_run(p, &run)) return;
  p->watched_run = run.run.key;
  p->unripe = api_query(&p->request, "wait") && !run_state_ended(run.run.state);
  p->skimmed = p->unripe && clock_monotonic() < p->wait_until;
  if (p->skimmed) return; /* a run of thousands of tasks isn't written out each time that one of them ends */
  int err = run_json(p->history, &run, p->state_dir, p->now, &p->arena, &p->json);
  if (err) page_problem(p, 503, "Not readable", "the rows can't be read: %s; repeat it", err_text(err));
}
