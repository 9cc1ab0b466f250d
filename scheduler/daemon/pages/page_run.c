#include "scheduler/daemon/pages/page_run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/spec/outputs.h"
#include "scheduler/spec/pipeline.h"
#include "worker/attempt_dir.h"
#include "worker/local.h"
#include "worker/rundir.h"

#define RESULT_MAX  (64 * 1024)
#define WHYS_MAX    50
#define COMMAND_MAX 200

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

bool page_find_reference(struct page *p, const char *reference, struct history_run *out) {
  struct buf why = {0};
  int err = history_find(p->history, reference, &p->arena, out, &why);
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
  struct stat_row *stats;
  size_t stats_len;
  size_t tasks_len, attempts_len, outputs_len, rounds_len, notes_len;
};

static int read_parts(struct history *h, const struct run_row *run, struct arena *a, struct run_parts *parts) {
  int64_t key = run->key;
  int err = history_tasks(h, key, -1, PIPELINE_TASKS_MAX, a, &parts->tasks, &parts->tasks_len);
  if (!err) err = history_attempts(h, key, -1, 0, SIZE_MAX / 2, a, &parts->attempts, &parts->attempts_len);
  if (!err) err = history_run_outputs(h, key, a, &parts->outputs, &parts->outputs_len);
  if (!err) err = history_rounds(h, key, a, &parts->rounds, &parts->rounds_len);
  if (!err) err = history_notes(h, key, a, &parts->notes, &parts->notes_len);
  if (!err && !run_state_ended(run->state))
    err = history_stats(h, run->pipeline, a, &parts->stats, &parts->stats_len);
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

/* When a live task last wrote into its log. */
static instant last_output(const char *state_dir, const struct history_run *run, const struct attempt_row *attempt) {
  static const char *const names[] = {RUNDIR_LOG, RUNDIR_LOG_TAIL_1, RUNDIR_LOG_TAIL_2};
  char *path = local_attempt_dir(state_dir, run->run.id.text, attempt->id.text);
  int dir = attempt_dir_open(path);
  instant last = INSTANT_NONE;
  struct stat st;
  for (size_t i = 0; dir >= 0 && i < sizeof names / sizeof names[0]; i++) {
    if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || st.st_size == 0) continue;
    instant at = st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
    if (at > last) last = at;
  }
  if (dir >= 0) close(dir);
  free(path);
  return last;
}

/* The first line of a script that says something, or the argument list as it is written; at most COMMAND_MAX bytes.
 */
static const char *command_of(const struct pipeline *spec, const char *task, struct arena *a) {
  int index = spec ? pipeline_task(spec, task) : -1;
  if (index < 0) return NULL;
  const struct task_spec *t = &spec->tasks[index];
  struct buf text = {0};
  for (size_t i = 0; i < t->argc; i++) buf_fmt(&text, "%s%s", i ? " " : "", t->argv[i]->source);
  for (const char *line = t->script; line && *line && text.len == 0;) {
    size_t len = strcspn(line, "\n"), blank = strspn(line, " \t");
    if (blank < len && line[blank] != '#') buf_add(&text, line + blank, len - blank);
    line += len + (line[len] == '\n');
  }
  if (text.len > COMMAND_MAX) {
    size_t cut = COMMAND_MAX;
    while (cut > 0 && ((unsigned char)text.bytes[cut] & 0xC0) == 0x80) cut--; /* not within a character */
    buf_truncate(&text, cut);
  }
  const char *copy = text.len ? arena_strdup(a, buf_cstr(&text)) : NULL;
  buf_release(&text);
  return copy;
}

/* Where the engine's words about waiting tasks go in the body: the ends of their objects. */
struct whys {
  struct history_run run;
  const char *labels[WHYS_MAX];
  size_t at[WHYS_MAX], len;
};

static int64_t usual_of(const struct run_parts *parts, const char *task) {
  for (size_t i = 0; i < parts->stats_len; i++)
    if (strcmp(parts->stats[i].task, task) == 0) return stat_median_ms(&parts->stats[i]);
  return -1;
}

struct run_writer {
  const struct run_parts *parts;
  const struct history_run *run;
  const struct pipeline *spec;
  const char *state_dir;
  instant now;
  struct arena *arena;
  struct json *json;
  const struct buf *body; /* with `whys`: what the JSON is written into */
  struct whys *whys;      /* NULL: nobody fills them in */
};

static void write_tasks(const struct run_writer *w) {
  const struct run_parts *parts = w->parts;
  size_t at = 0;
  jsonw_key(w->json, "tasks");
  jsonw_array(w->json);
  for (size_t i = 0; i < parts->tasks_len; i++) {
    const struct task_row *task = &parts->tasks[i];
    const struct attempt_row *attempt = attempt_shown(parts, task, &at);
    const struct output_row *outputs;
    size_t outputs_len;
    struct task_told told;
    bool live = attempt && task_state_live(task->state);
    outputs_of(parts, task->output_attempt, &outputs, &outputs_len);
    read_told(w->state_dir, w->run, task, attempt, w->arena, &told);
    told.allow_failure = page_task_allowed(w->spec, task);
    told.last_output_at = live ? last_output(w->state_dir, w->run, attempt) : INSTANT_NONE;
    told.usual_ms = live ? usual_of(parts, task->name) : -1;
    present_task(w->json, task, outputs, outputs_len, &told, w->now);
    if (!w->whys || task->state != TASK_WAITING || w->whys->len == WHYS_MAX) continue;
    w->whys->labels[w->whys->len] = task->label;
    w->whys->at[w->whys->len++] = w->body->len - strlen("null}");
  }
  jsonw_array_end(w->json);
}

static void write_attempts(const struct run_writer *w) {
  const struct run_parts *parts = w->parts;
  const char *task = NULL, *command = NULL;
  jsonw_key(w->json, "attempts");
  jsonw_array(w->json);
  for (size_t i = 0; i < parts->attempts_len; i++) {
    const struct attempt_row *attempt = &parts->attempts[i];
    const struct task_row *of = attempt->task < parts->tasks_len ? &parts->tasks[attempt->task] : NULL;
    if (of && (!task || strcmp(task, of->name) != 0)) command = command_of(w->spec, task = of->name, w->arena);
    present_attempt(w->json, attempt, of ? of->label : NULL, of ? command : NULL, w->now);
  }
  jsonw_array_end(w->json);
}

/* The tasks that have no instance, since their matrix was empty. */
static void write_empty(const struct run_writer *w) {
  const struct run_parts *parts = w->parts;
  size_t k = 0;
  jsonw_key(w->json, "empty");
  jsonw_array(w->json);
  for (size_t i = 0; w->spec && parts->tasks_len && i < w->spec->tasks_len; i++) {
    const char *name = w->spec->tasks[i].name;
    bool there = false;
    for (; k < parts->tasks_len && strcmp(parts->tasks[k].name, name) == 0; k++) there = true;
    if (!there) jsonw_string(w->json, name);
  }
  jsonw_array_end(w->json);
}

/* All members of the run, the object still open. */
static int write_run(struct run_writer *w, struct history *h) {
  struct run_parts parts = {0};
  struct json *j = w->json;
  int err = read_parts(h, &w->run->run, w->arena, &parts);
  if (err) return err;
  struct pipeline *spec = history_spec(h, w->run->run.version);
  w->parts = &parts;
  w->spec = spec;
  begin(j, w->run, NULL, w->now);
  write_tasks(w);
  write_attempts(w);
  write_empty(w);
  pipeline_release(spec);
  w->spec = NULL;
  jsonw_key(j, "rounds");
  jsonw_array(j);
  for (size_t i = 0; i < parts.rounds_len; i++) present_round(j, &parts.rounds[i]);
  jsonw_array_end(j);
  jsonw_key(j, "notes");
  jsonw_array(j);
  for (size_t i = 0; i < parts.notes_len; i++) present_event(j, &parts.notes[i]);
  jsonw_array_end(j);
  w->parts = NULL;
  return 0;
}

int run_json(struct history *h, const struct history_run *run, const char *state_dir, instant now, struct arena *a,
             struct json *j) {
  struct run_writer w = {.run = run, .state_dir = state_dir, .now = now, .arena = a, .json = j};
  int err = write_run(&w, h);
  if (!err) jsonw_object_end(j);
  return err;
}

/* ---- the page ---- */

static int write_around(struct page *p, const struct history_run *run) {
  struct history_around around;
  duration usual;
  struct json *j = &p->json;
  int err = history_around(p->history, &run->run, &p->arena, &around);
  if (!err) err = history_usual(p->history, run->run.pipeline, &usual);
  if (err) return err;
  present_known(j, "usual_ms", usual < 0 ? -1 : usual / USEC_PER_MS);
  bool runs = !run_state_ended(run->run.state) && run->run.started_at != INSTANT_NONE && usual >= 0;
  jsonw_member_instant(j, "expected_end", runs ? run->run.started_at + usual : INSTANT_NONE);
  jsonw_member_string(j, "last_success", around.last_success);
  jsonw_key(j, "siblings");
  jsonw_object(j);
  jsonw_member_string(j, "previous", around.previous);
  jsonw_member_string(j, "next", around.next);
  jsonw_object_end(j);
  jsonw_key(j, "continued_by");
  jsonw_array(j);
  for (size_t i = 0; i < around.continued_len; i++) jsonw_string(j, around.continued_by[i]);
  jsonw_array_end(j);
  jsonw_object_end(j);
  return 0;
}

void page_run_read(struct page *p) {
  struct whys *whys = arena_new(&p->arena, struct whys);
  whys->len = 0;
  p->found = whys;
  if (p->status >= 400 || !page_find_run(p, &whys->run)) return;
  const struct history_run *run = &whys->run;
  p->watched_run = run->run.key;
  p->unripe = api_query(&p->request, "wait") && !run_state_ended(run->run.state);
  p->skimmed = p->unripe && clock_monotonic() < p->wait_until;
  if (p->skimmed) return; /* a run of thousands of tasks isn't written out each time that one of them ends */
  struct run_writer w = {.run = run,
                         .state_dir = p->state_dir,
                         .now = p->now,
                         .arena = &p->arena,
                         .json = &p->json,
                         .body = &p->body,
                         .whys = whys};
  int err = write_run(&w, p->history);
  if (!err) err = write_around(p, run);
  p->complete = whys->len == 0;
  if (err) page_problem(p, 503, "Not readable", "the rows can't be read: %s; repeat it", err_text(err));
}

/* Only the engine knows for what a task waits: its words take the places of the nulls. */
void page_run_finish(struct page *p, const struct queries_options *o) {
  const struct whys *whys = p->found;
  struct moment now = {.wall = p->now, .mono = clock_monotonic()};
  struct buf body = {0}, why = {0}, text = {0};
  struct json j;
  size_t done = 0;
  for (size_t i = 0; i < whys->len; i++) {
    buf_reset(&why);
    if (engine_why(core_engine(o->assembly->core), now, whys->run.run.id.text, whys->labels[i], &why)) continue;
    buf_reset(&text);
    jsonw_init(&j, &text);
    jsonw_string(&j, buf_cstr(&why));
    buf_add(&body, p->body.bytes + done, whys->at[i] - done);
    buf_add(&body, text.bytes, text.len);
    done = whys->at[i] + strlen("null");
  }
  buf_add(&body, p->body.bytes + done, p->body.len - done);
  buf_release(&p->body);
  p->body = body;
  buf_release(&why);
  buf_release(&text);
}
