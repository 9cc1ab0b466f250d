/* What a name of an expression stands for, and which names may be used where. */
#include <string.h>

#include "scheduler/spec/expr/expr_check.h"
#include "scheduler/spec/matrix.h"

static const struct expr_type unknown = {.type = VALUE_ANY};

/* The states in which a needed task can be once `when` is looked at. */
static const char *const ended_states[] = {"succeeded", "failed",  "timed_out",      "lost",
                                           "cancelled", "skipped", "upstream_failed"};

static bool allowed(struct checker *c, const struct expr_node *n, enum expr_use from) {
  static const char *const why[] = {
      [EXPR_RUN] = "a parameter's default may use run.* alone",
      [EXPR_RUN_PARAMS] = "here only run.*, params.* and env.* are known",
  };
  if (c->use >= from) return true;
  check_fault(c, n, why[c->use], "'%.*s' can't be used here", (int)n->width, c->expr->text + n->at);
  return false;
}

typedef const char *name_at(const void *of, size_t i);

static const char *param_at(const void *of, size_t i) {
  return ((const struct pipeline *)of)->params[i].name;
}

static const char *task_at(const void *of, size_t i) {
  return ((const struct pipeline *)of)->tasks[i].name;
}

static const char *axis_at(const void *of, size_t i) {
  return ((const struct task_spec *)of)->matrix[i].name;
}

static const char *output_at(const void *of, size_t i) {
  return ((const struct task_spec *)of)->outputs[i].name;
}

/* Looking for near names costs time: not for errors that nobody will see. */
static const char *suggestion(struct checker *c, const char *word, name_at *at, const void *of, size_t count) {
  if (c->diags->errors >= DIAG_MAX) return NULL;
  const char **names = arena_new_array(&c->scratch, count, const char *);
  for (size_t i = 0; i < count; i++) names[i] = at(of, i);
  return expr_suggest(&c->scratch, word, names, count);
}

static struct expr_type check_param(struct checker *c, const struct expr_node *n) {
  if (!allowed(c, n, EXPR_RUN_PARAMS)) return unknown;
  const struct pipeline *p = c->pipeline;
  int i = pipeline_param(p, n->name);
  if (i >= 0) {
    const struct param_spec *param = &p->params[i];
    n->hint->item = (uint32_t)i;
    return (struct expr_type){param->type, param->items, param->values, param->values_len, NULL};
  }
  check_fault(c, n, suggestion(c, n->name, param_at, p, p->params_len), "unknown parameter '%s'", n->name);
  return unknown;
}

static struct expr_type check_matrix(struct checker *c, const struct expr_node *n) {
  if (!allowed(c, n, EXPR_TASK)) return unknown;
  const struct task_spec *t = c->task;
  size_t count = t ? t->matrix_len : 0;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(t->matrix[i].name, n->name) != 0) continue;
    n->hint->item = (uint32_t)i;
    return (struct expr_type){.type = matrix_axis_type(c->pipeline, &t->matrix[i])};
  }
  const char *help = count ? suggestion(c, n->name, axis_at, t, count) : "this task has no matrix";
  check_fault(c, n, help, "unknown matrix value '%s'", n->name);
  return unknown;
}

/* The direct needs first: in a large file that saves the search through all tasks. */
static int find_task(struct checker *c, const char *name) {
  const struct pipeline *p = c->pipeline;
  for (size_t i = 0; c->task && i < c->task->needs_len; i++) {
    uint32_t other = c->task->needs[i].task;
    if (strcmp(p->tasks[other].name, name) == 0) return (int)other;
  }
  return pipeline_task(p, name);
}

static const struct need_spec *direct_need(const struct task_spec *t, uint32_t other) {
  for (size_t i = 0; i < t->needs_len; i++) {
    if (t->needs[i].task == other) return &t->needs[i];
  }
  return NULL;
}

/* Whether `other` is reached through paired needs only as far as this task's own instance goes: then other instances
 * of it may still run when this one starts. */
static bool reached_in_pairs(struct checker *c, const struct task_spec *t, uint32_t other) {
  const struct pipeline *p = c->pipeline;
  bool any = false;
  for (size_t i = 0; i < t->needs_len; i++) any |= t->needs[i].same;
  if (!any || !p->order) return false;
  bool *paired = arena_new_array(&c->scratch, p->tasks_len, bool);
  for (size_t i = 0; i < t->needs_len; i++) paired[t->needs[i].task] = t->needs[i].same;
  for (size_t i = p->tasks_len; i-- > 0;) {
    const struct task_spec *from = &p->tasks[p->order[i]];
    for (size_t k = 0; paired[from->index] && k < from->needs_len; k++) {
      if (from->needs[k].same) paired[from->needs[k].task] = true;
    }
  }
  return paired[other];
}

/* The task that a node names, if it may; -1 after an error. */
static int check_task(struct checker *c, const struct expr_node *n) {
  const struct pipeline *p = c->pipeline;
  const struct task_spec *t = c->task;
  if (!allowed(c, n, EXPR_TASK) || !t) return -1;
  int i = find_task(c, n->name);
  if (i < 0) {
    check_fault(c, n, suggestion(c, n->name, task_at, p, p->tasks_len), "unknown task '%s'", n->name);
    return -1;
  }
  const struct task_spec *other = &p->tasks[i];
  bool follows = t->finally && !other->finally; /* it runs after all of these */
  if (!follows && !task_needs(t, other->index)) {
    const char *help = other == t ? "a task can't use its own results" : "add it to needs";
    check_fault(c, n, help, "task '%s' is not needed by '%s'", n->name, t->name);
    return -1;
  }
  if (other->matrix_len > 0 && !direct_need(t, other->index) && reached_in_pairs(c, t, other->index)) {
    check_fault(c, n, "add it to needs", "'%s' waits for one instance of task '%s' only", t->name, n->name);
    return -1;
  }
  n->hint->task = other->index;
  return i;
}

static struct expr_type check_output(struct checker *c, const struct expr_node *n) {
  int i = check_task(c, n);
  if (i < 0) return unknown;
  const struct task_spec *other = &c->pipeline->tasks[i];
  int k = task_output(other, n->output);
  if (k < 0) {
    const char *help = other->outputs_len
                           ? suggestion(c, n->output, output_at, other, other->outputs_len)
                           : arena_fmt(&c->scratch, "it declares none: outputs: {%s: string}", n->output);
    check_fault(c, n, help, "task '%s' declares no output '%s'", n->name, n->output);
    return unknown;
  }
  n->hint->item = (uint32_t)k;
  const struct output_spec *output = &other->outputs[k];
  const struct need_spec *need = direct_need(c->task, other->index);
  if (other->matrix_len > 0 && !(need && need->same))
    return (struct expr_type){.type = VALUE_LIST, .items = output->type};
  return (struct expr_type){.type = output->type, .items = output->items};
}

struct expr_type check_name(struct checker *c, const struct expr_node *n) {
  static const enum value_type run_types[] = {
#define X(name, word, type) type,
      EXPR_FIELD_LIST(X)
#undef X
  };
  switch (n->op) {
  case OP_PARAM: return check_param(c, n);
  case OP_MATRIX: return check_matrix(c, n);
  case OP_ENV: return (struct expr_type){.type = allowed(c, n, EXPR_RUN_PARAMS) ? VALUE_STRING : VALUE_ANY};
  case OP_RUN: return (struct expr_type){.type = run_types[n->arg]};
  case OP_TASK_STATE: {
    if (check_task(c, n) < 0) return unknown;
    return (struct expr_type){
        .type = VALUE_STRING, .words = ended_states, .words_len = sizeof ended_states / sizeof ended_states[0]};
  }
  default: return check_output(c, n);
  }
}
