/* Two runs side by side: what differs in their parameters, definition, code, hosts, tasks and outputs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/daemon/work_tree.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/history.h"

#define DIRS_MAX 20 /* directories whose code is compared */
#define GIT_TIME (10 * USEC_PER_SEC)

#define FACTS_PAIRS_MAX 100 /* hosts, or pairs of them, whose facts are compared */

struct side {
  struct history_run run;
  struct version_row version;
  struct task_row *tasks;
  struct attempt_row *attempts;
  struct output_row *outputs;
  size_t tasks_len, attempts_len, outputs_len;
  struct map by_label;   /* struct task_row */
  struct map by_attempt; /* key as bytes -> struct attempt_row */
};

static int read_side(struct page *p, struct side *s) {
  struct history *h = p->history;
  int64_t key = s->run.run.key;
  int err = history_version(h, s->run.run.version, &p->arena, &s->version);
  if (!err) err = history_tasks(h, key, -1, PIPELINE_TASKS_MAX, &p->arena, &s->tasks, &s->tasks_len);
  if (!err) err = history_attempts(h, key, -1, 0, SIZE_MAX / 2, &p->arena, &s->attempts, &s->attempts_len);
  if (!err) err = history_run_outputs(h, key, &p->arena, &s->outputs, &s->outputs_len);
  for (size_t i = 0; !err && i < s->tasks_len; i++) map_put(&s->by_label, s->tasks[i].label, &s->tasks[i]);
  for (size_t i = 0; !err && i < s->attempts_len; i++) {
    struct attempt_row *a = &s->attempts[i];
    map_put_n(&s->by_attempt, (const char *)&a->key, sizeof a->key, a);
  }
  return err;
}

static void side_release(struct side *s) {
  map_release(&s->by_label);
  map_release(&s->by_attempt);
}

/* The newest attempt of a task within the run; NULL if it has none there. */
static const struct attempt_row *attempt_of(const struct side *s, const struct task_row *task) {
  return task ? map_get_n(&s->by_attempt, (const char *)&task->attempt, sizeof task->attempt) : NULL;
}

/* ---- parameters and version ---- */

static void member_value(struct json *j, const char *key, json_t *value) {
  char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
  jsonw_key(j, key);
  if (text)
    jsonw_raw(j, text, strlen(text));
  else
    jsonw_null(j);
  free(text);
}

static void write_param(struct json *j, const char *name, json_t *a, json_t *b) {
  if (a && b && json_equal(a, b)) return;
  jsonw_object(j);
  jsonw_member_string(j, "name", name);
  member_value(j, "a", a);
  member_value(j, "b", b);
  jsonw_object_end(j);
}

static json_t *params_of(const struct side *s) {
  json_t *params = json_loads(s->run.run.params ? s->run.run.params : "{}", 0, NULL);
  return params ? params : json_object();
}

static void write_params(struct json *j, const struct side *a, const struct side *b) {
  json_t *of_a = params_of(a), *of_b = params_of(b), *value;
  const char *name;
  jsonw_key(j, "params");
  jsonw_array(j);
  json_object_foreach(of_a, name, value) {
    write_param(j, name, value, json_object_get(of_b, name));
  }
  json_object_foreach(of_b, name, value) {
    if (!json_object_get(of_a, name)) write_param(j, name, NULL, value);
  }
  jsonw_array_end(j);
  json_decref(of_a);
  json_decref(of_b);
}

static void write_version(struct json *j, const struct side *a, const struct side *b) {
  bool same = strcmp(a->version.sha256, b->version.sha256) == 0;
  jsonw_key(j, "version");
  jsonw_object(j);
  jsonw_member_bool(j, "same", same);
  jsonw_member_string(j, "a_text", same ? NULL : a->version.text);
  jsonw_member_string(j, "b_text", same ? NULL : b->version.text);
  jsonw_object_end(j);
}

/* ---- code ---- */

struct dir {
  const char *path;
  const struct attempt_row *a, *b; /* the newest attempts there with a known commit */
};
struct dirs {
  struct dir items[DIRS_MAX];
  size_t len;
};

static void add_dirs(struct dirs *dirs, const struct side *s, bool is_a) {
  for (size_t i = 0; i < s->attempts_len; i++) {
    const struct attempt_row *attempt = &s->attempts[i];
    size_t k = 0;
    if (!attempt->dir || !attempt->git_commit) continue;
    while (k < dirs->len && strcmp(dirs->items[k].path, attempt->dir) != 0) k++;
    if (k == DIRS_MAX) continue;
    if (k == dirs->len) dirs->items[dirs->len++] = (struct dir){.path = attempt->dir};
    *(is_a ? &dirs->items[k].a : &dirs->items[k].b) = attempt;
  }
}

static void member_dirty(struct json *j, const char *key, const struct attempt_row *attempt) {
  jsonw_key(j, key);
  if (!attempt || attempt->git_dirty < 0)
    jsonw_null(j);
  else
    jsonw_bool(j, attempt->git_dirty > 0);
}

/* null where git can't tell. */
static void member_files(struct page *p, const struct dir *d, int64_t until) {
  struct work_tree_change *changes = NULL;
  size_t len = 0;
  bool known = d->a && d->b && clock_monotonic() < until;
  if (known && strcmp(d->a->git_commit, d->b->git_commit) != 0)
    known = work_tree_changes(d->path, d->a->git_commit, d->b->git_commit, p->stop, &p->arena, &changes, &len) == 0;
  jsonw_key(&p->json, "files");
  if (!known) {
    jsonw_null(&p->json);
    return;
  }
  jsonw_array(&p->json);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&p->json);
    jsonw_member_string(&p->json, "status", (const char[]){changes[i].status, '\0'});
    jsonw_member_string(&p->json, "path", changes[i].path);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

static void write_code(struct page *p, const struct side *a, const struct side *b) {
  struct json *j = &p->json;
  struct dirs dirs = {.len = 0};
  int64_t until = clock_monotonic() + GIT_TIME; /* no further directory is asked about after that */
  add_dirs(&dirs, a, true);
  add_dirs(&dirs, b, false);
  jsonw_key(j, "code");
  jsonw_array(j);
  for (size_t i = 0; i < dirs.len; i++) {
    const struct dir *d = &dirs.items[i];
    jsonw_object(j);
    jsonw_member_string(j, "dir", d->path);
    jsonw_member_string(j, "a", d->a ? d->a->git_commit : NULL);
    jsonw_member_string(j, "b", d->b ? d->b->git_commit : NULL);
    member_dirty(j, "a_dirty", d->a);
    member_dirty(j, "b_dirty", d->b);
    member_files(p, d, until);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

/* ---- task by task ---- */

/* All labels: those of `a` in their order, then what only `b` has. */
typedef void each_fn(struct json *j, const struct side *a, const struct task_row *of_a, const struct side *b,
                     const struct task_row *of_b);

static void write_each(struct json *j, const char *key, const struct side *a, const struct side *b, each_fn *write) {
  jsonw_key(j, key);
  jsonw_array(j);
  for (size_t i = 0; i < a->tasks_len; i++) write(j, a, &a->tasks[i], b, map_get(&b->by_label, a->tasks[i].label));
  for (size_t i = 0; i < b->tasks_len; i++)
    if (!map_get(&a->by_label, b->tasks[i].label)) write(j, a, NULL, b, &b->tasks[i]);
  jsonw_array_end(j);
}

static bool texts_equal(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static void write_host(struct json *j, const struct side *a, const struct task_row *of_a, const struct side *b,
                       const struct task_row *of_b) {
  const struct attempt_row *in_a = attempt_of(a, of_a), *in_b = attempt_of(b, of_b);
  if (!in_a || !in_b || texts_equal(in_a->host, in_b->host)) return;
  jsonw_object(j);
  jsonw_member_string(j, "task", of_a->label);
  jsonw_member_string(j, "a", in_a->host);
  jsonw_member_string(j, "b", in_b->host);
  jsonw_object_end(j);
}

static void member_side(struct json *j, const char *key, const struct task_row *task,
                        const struct attempt_row *attempt) {
  jsonw_key(j, key);
  if (!task) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_string(j, "state", task_state_word(task->state));
  present_span(j, task->started_at, task->ended_at, task->started_at);
  jsonw_member_int(j, "attempts", task->attempts);
  present_known(j, "exit_code", attempt ? attempt->exit_code : -1);
  jsonw_object_end(j);
}

static void write_task(struct json *j, const struct side *a, const struct task_row *of_a, const struct side *b,
                       const struct task_row *of_b) {
  const struct attempt_row *in_a = attempt_of(a, of_a), *in_b = attempt_of(b, of_b);
  bool same = of_a && of_b && of_a->state == of_b->state && of_a->attempts == of_b->attempts &&
              (in_a ? in_a->exit_code : -1) == (in_b ? in_b->exit_code : -1);
  jsonw_object(j);
  jsonw_member_string(j, "label", of_a ? of_a->label : of_b->label);
  member_side(j, "a", of_a, in_a);
  member_side(j, "b", of_b, in_b);
  jsonw_member_bool(j, "different", !same);
  jsonw_object_end(j);
}

/* ---- outputs ---- */

static int output_order(const struct output_row *o, int64_t attempt) {
  return (o->attempt > attempt) - (o->attempt < attempt);
}

/* The outputs of an attempt; they are sorted by it. */
static const struct output_row *outputs_of(const struct side *s, const struct task_row *task, size_t *len) {
  size_t low = 0, high = s->outputs_len;
  *len = 0;
  if (!task || !task->output_attempt) return NULL;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (output_order(&s->outputs[middle], task->output_attempt) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  while (low + *len < s->outputs_len && s->outputs[low + *len].attempt == task->output_attempt) (*len)++;
  return s->outputs + low;
}

static const char *output_named(const struct output_row *outputs, size_t len, const char *name) {
  for (size_t i = 0; i < len; i++)
    if (strcmp(outputs[i].name, name) == 0) return outputs[i].json;
  return NULL;
}

static void write_output(struct json *j, const char *label, const char *name, const char *a, const char *b) {
  if (texts_equal(a, b)) return;
  jsonw_object(j);
  jsonw_member_string(j, "task", label);
  jsonw_member_string(j, "name", name);
  jsonw_key(j, "a");
  jsonw_raw(j, a ? a : "null", strlen(a ? a : "null"));
  jsonw_key(j, "b");
  jsonw_raw(j, b ? b : "null", strlen(b ? b : "null"));
  jsonw_object_end(j);
}

static void write_outputs(struct json *j, const struct side *a, const struct task_row *of_a, const struct side *b,
                          const struct task_row *of_b) {
  size_t a_len, b_len;
  const struct output_row *in_a = outputs_of(a, of_a, &a_len), *in_b = outputs_of(b, of_b, &b_len);
  const char *label = of_a ? of_a->label : of_b->label;
  for (size_t i = 0; i < a_len; i++)
    write_output(j, label, in_a[i].name, in_a[i].json, output_named(in_b, b_len, in_a[i].name));
  for (size_t i = 0; i < b_len; i++)
    if (!output_named(in_a, a_len, in_b[i].name)) write_output(j, label, in_b[i].name, NULL, in_b[i].json);
}

/* ---- facts of the hosts ---- */

/* The facts of a host as they were when an attempt began there; NULL if they aren't known. */
static json_t *facts_of(struct page *p, const struct attempt_row *attempt) {
  struct host_boot_row boot;
  instant at = attempt->started_at != INSTANT_NONE ? attempt->started_at : attempt->created_at;
  char booted[INSTANT_TEXT_SIZE];
  if (!attempt->host || history_boot_at(p->history, attempt->host, at, &p->arena, &boot)) return NULL;
  json_t *facts = boot.facts ? json_loads(boot.facts, 0, NULL) : NULL;
  if (!json_is_object(facts)) {
    json_decref(facts);
    facts = json_object();
  }
  if (boot.machine) json_object_set_new(facts, "machine", json_string(boot.machine));
  if (boot.booted_at != INSTANT_NONE) {
    instant_format_utc(boot.booted_at, booted);
    json_object_set_new(facts, "booted_at", json_string(booted));
  }
  return facts;
}

/* A list becomes one text, as what isn't text does. */
static const char *fact_text(struct arena *a, const json_t *value) {
  struct buf text = {0};
  size_t i;
  const json_t *item;
  if (!value || json_is_null(value)) return NULL;
  if (json_is_string(value)) return arena_strdup(a, json_string_value(value));
  if (!json_is_array(value)) {
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    buf_str(&text, dumped ? dumped : "");
    free(dumped);
  }
  json_array_foreach(value, i, item) {
    if (json_is_string(item)) buf_fmt(&text, "%s%s", text.len ? ", " : "", json_string_value(item));
  }
  const char *copy = arena_strdup(a, buf_cstr(&text));
  buf_release(&text);
  return copy;
}

static void write_fact(struct page *p, const char *host, const char *name, const json_t *of_a, const json_t *of_b) {
  const char *a = fact_text(&p->arena, of_a), *b = fact_text(&p->arena, of_b);
  if (texts_equal(a, b)) return;
  jsonw_object(&p->json);
  jsonw_member_string(&p->json, "host", host);
  jsonw_member_string(&p->json, "name", name);
  jsonw_member_string(&p->json, "a", a);
  jsonw_member_string(&p->json, "b", b);
  jsonw_object_end(&p->json);
}

static void write_facts_between(struct page *p, const char *hosts, const struct attempt_row *in_a,
                                const struct attempt_row *in_b) {
  json_t *a = facts_of(p, in_a), *b = facts_of(p, in_b), *value;
  const char *name;
  json_object_foreach(a, name, value) {
    if (b) write_fact(p, hosts, name, value, json_object_get(b, name));
  }
  json_object_foreach(b, name, value) {
    if (a && !json_object_get(a, name)) write_fact(p, hosts, name, NULL, value);
  }
  json_decref(a);
  json_decref(b);
}

/* Of tasks that both runs have; each pair of hosts once, by the first task that ran on them. */
static void write_facts(struct page *p, const struct side *a, const struct side *b) {
  struct map seen = {0};
  jsonw_key(&p->json, "facts");
  jsonw_array(&p->json);
  for (size_t i = 0; i < a->tasks_len && seen.len < FACTS_PAIRS_MAX; i++) {
    const struct attempt_row *in_a = attempt_of(a, &a->tasks[i]);
    const struct attempt_row *in_b = attempt_of(b, map_get(&b->by_label, a->tasks[i].label));
    if (!in_a || !in_b || !in_a->host || !in_b->host) continue;
    bool same = strcmp(in_a->host, in_b->host) == 0;
    const char *hosts = same ? in_a->host : arena_fmt(&p->arena, "%s / %s", in_a->host, in_b->host);
    if (map_has(&seen, hosts)) continue;
    map_put(&seen, hosts, NULL);
    write_facts_between(p, hosts, in_a, in_b);
  }
  jsonw_array_end(&p->json);
  map_release(&seen);
}

/* ---- the page ---- */

/* Without `b` it is the last success before `a`, else the newest other one. */
static bool find_sides(struct page *p, struct side *a, struct side *b) {
  const char *of_a = api_query(&p->request, "a"), *of_b = api_query(&p->request, "b");
  struct history_around around;
  if (!of_a) {
    page_problem(p, 422, "Bad query", "'a' is missing: the run that is compared, and 'b', with which");
    return false;
  }
  if (!page_find_reference(p, of_a, &a->run)) return false;
  if (!of_b) {
    int err = history_around(p->history, &a->run.run, &p->arena, &around);
    if (err) {
      page_unreadable(p, err);
      return false;
    }
    of_b = around.last_success;
  }
  if (of_b) return page_find_reference(p, of_b, &b->run);
  page_problem(p, 404, "Not found", "no other run of %s has succeeded yet: say with which run to compare it",
               a->run.pipeline);
  return false;
}

static void write_sides(struct page *p, const struct side *a, const struct side *b) {
  struct json *j = &p->json;
  jsonw_object(j);
  jsonw_key(j, "a");
  page_run_begin(p, &a->run, NULL);
  jsonw_object_end(j);
  jsonw_key(j, "b");
  page_run_begin(p, &b->run, NULL);
  jsonw_object_end(j);
  write_params(j, a, b);
  write_version(j, a, b);
  write_code(p, a, b);
  write_each(j, "hosts", a, b, write_host);
  write_facts(p, a, b);
  write_each(j, "tasks", a, b, write_task);
  write_each(j, "outputs", a, b, write_outputs);
  jsonw_object_end(j);
}

void page_compare_read(struct page *p) {
  struct side a = {0}, b = {0};
  if (p->status >= 400 || !find_sides(p, &a, &b)) return;
  int err = read_side(p, &a);
  if (!err) err = read_side(p, &b);
  if (err)
    page_unreadable(p, err);
  else
    write_sides(p, &a, &b);
  side_release(&a);
  side_release(&b);
}
