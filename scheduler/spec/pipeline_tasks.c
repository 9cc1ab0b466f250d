#include "scheduler/spec/pipeline_tasks.h"
#include "scheduler/spec/launch_parts.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/expr/expr.h"

static void read_needs(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)field; /* graph_build takes them when all tasks are known */
  if (n->kind == NODE_SCALAR) reader_scalar(r, key->name, n);
}

static void read_task_env_file(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  struct env_list list = {t->env, t->env_len};
  env_files_add(r, key->name, n, &list);
  t->env = list.items;
  t->env_len = list.len;
}

static void read_task_env(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  struct env_list list = {t->env, t->env_len};
  (void)key;
  env_pairs_add(r, n, &list);
  t->env = list.items;
  t->env_len = list.len;
}

/* What is copied keeps its place below ROTA_WORK, so it must lie below it. */
static void paths_check(struct reader *r, const char *what, const struct templates *paths) {
  for (size_t i = 0; i < paths->len && !r->lenient; i++) {
    if (*paths->items[i]->source == '~' || !path_stays_inside(paths->items[i]->source))
      diag_error(r->diags, paths->items[i]->place, "write a path relative to ROTA_WORK or to the pipeline's folder",
                 "'%s' can't name what lies outside", what);
  }
}

static void read_send(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  struct templates paths = {0};
  bool send = key_id(key) == KEY_TASK_send;
  if (!reader_templates(r, key->name, n, &paths)) return;
  paths_check(r, key->name, &paths);
  *(send ? &t->send : &t->fetch) = paths.items;
  *(send ? &t->send_len : &t->fetch_len) = paths.len;
}

#define AT(name) offsetof(struct task_spec, name)
static const struct field fields[] = {
    {KEY_TASK_doc, read_text, AT(doc)},
    {KEY_TASK_run, read_run, 0},
    {KEY_TASK_shell, read_shell, 0},
    {KEY_TASK_needs, read_needs, 0},
    {KEY_TASK_when, read_when, 0},
    {KEY_TASK_matrix, read_matrix, 0},
    {KEY_TASK_outputs, read_outputs, 0},
    {KEY_TASK_on, read_setting, AT(on)},
    {KEY_TASK_slots, read_slots, 0},
    {KEY_TASK_dir, read_setting, AT(dir)},
    {KEY_TASK_env_file, read_task_env_file, 0},
    {KEY_TASK_env, read_task_env, 0},
    {KEY_TASK_path, read_setting, AT(path)},
    {KEY_TASK_retries, read_retries, 0},
    {KEY_TASK_timeout, read_setting, AT(timeout)},
    {KEY_TASK_grace, read_setting, AT(grace)},
    {KEY_TASK_unreachable, read_unreachable, 0},
    {KEY_TASK_priority, read_setting, AT(priority)},
    {KEY_TASK_allow_failure, read_bool, AT(allow_failure)},
    {KEY_TASK_fail_fast, read_bool, AT(fail_fast)},
    {KEY_TASK_leftovers, read_choice, AT(leftovers)},
    {KEY_TASK_send, read_send, 0},
    {KEY_TASK_fetch, read_send, 0},
    {KEY_TASK_finally, read_bool, AT(finally)},
};
#undef AT
#define FIELDS (sizeof fields / sizeof *fields)

void read_defaults(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct builder *b = builder_of(r);
  (void)key, (void)field;
  if (reader_map(r, n, SCOPE_TASK, true, fields, FIELDS, &b->defaults)) b->defaults_node = n;
}

static void task_read(struct builder *b, const struct node *n, uint32_t index) {
  struct reader *r = &b->reader;
  struct task_spec *t = &b->tasks[index];
  *t = b->defaults;
  t->index = index;
  t->name = arena_strdup(r->arena, n->key);
  t->place = n->key_place;
  if (!task_name_valid(n->key))
    diag_error(r->diags, n->key_place, "use letters, digits, '_' and '-', at most 128",
               "'%s' can't be the name of a task", n->key);
  if (n->kind == NODE_SCALAR) {
    if (node_null(n))
      diag_error(r->diags, n->key_place, "write its 'run' below it, indented", "the task '%s' is empty", n->key);
    else
      diag_error(r->diags, n->place, arena_fmt(&r->diags->arena, "write %s: {run: \"...\"}", n->key),
                 "a task is a map of keys, not text");
    return;
  }
  reader_map(r, n, SCOPE_TASK, false, fields, FIELDS, t);
  task_shell_finish(r, n, t);
  if (t->fail_fast && !t->matrix && node_get(n, "fail_fast") && !r->lenient)
    diag_warning(r->diags, node_get(n, "fail_fast")->key_place, NULL, "'fail_fast' means nothing without a matrix");
}

static int name_order(const void *a, const void *b, void *tasks) {
  const struct task_spec *t = tasks;
  return strcmp(t[*(const uint32_t *)a].name, t[*(const uint32_t *)b].name);
}

void read_tasks(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct builder *b = builder_of(r);
  struct pipeline *p = field;
  if (n->kind != NODE_MAP || n->len == 0) {
    diag_error(r->diags, n->key_place, "write the name of each task, and its keys below it, indented",
               n->kind == NODE_LIST ? "'%s' is a map of names, not a list" : "'%s' has no task", key->name);
    return;
  }
  if (n->len > PIPELINE_TASKS_MAX) {
    diag_error(r->diags, n->key_place, "split it into several pipelines",
               "a pipeline has at most 10,000 tasks, not %zu", n->len);
    return;
  }
  b->tasks = arena_new_array(r->arena, n->len, struct task_spec);
  b->task_nodes = arena_new_array(b->scratch, n->len, const struct node *);
  uint32_t *by_name = arena_new_array(r->arena, n->len, uint32_t);
  uint32_t len = 0;
  for (const struct node *c = n->first; c; c = c->next) {
    b->task_nodes[len] = c;
    by_name[len] = len;
    task_read(b, c, len++);
  }
  qsort_r(by_name, len, sizeof *by_name, name_order, b->tasks);
  p->tasks = b->tasks;
  p->tasks_len = len;
  p->by_name = by_name;
}
