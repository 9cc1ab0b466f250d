/* What no single key can tell: the names and types of expressions, and pairs of equal matrices. */
#include <string.h>

#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline_build.h"

struct setting {
  size_t offset;
  enum key_id key;
};

#define AT(name) offsetof(struct task_spec, name)
static const struct setting task_settings[] = {
    {AT(on), KEY_TASK_on},
    {AT(dir), KEY_TASK_dir},
    {AT(path), KEY_TASK_path},
    {AT(timeout), KEY_TASK_timeout},
    {AT(grace), KEY_TASK_grace},
    {AT(priority), KEY_TASK_priority},
    {AT(unreachable_after), KEY_UNREACHABLE_after},
    {AT(retries) + offsetof(struct retry_spec, max), KEY_RETRIES_max},
    {AT(retries) + offsetof(struct retry_spec, delay), KEY_RETRIES_delay},
    {AT(retries) + offsetof(struct retry_spec, factor), KEY_RETRIES_factor},
    {AT(retries) + offsetof(struct retry_spec, cap), KEY_RETRIES_cap},
    {AT(retries) + offsetof(struct retry_spec, lost), KEY_RETRIES_lost},
};
#undef AT

struct check {
  struct builder *b;
  /* Faulty templates that stand in `defaults`: each is reported for the first task alone. */
  const struct template *reported[16];
  size_t reported_len;
};

static bool type_fits(enum key_form form, int type) {
  if (type == VALUE_ANY) return true;
  switch (form) {
  case FORM_DURATION: return type == VALUE_DURATION || type == VALUE_STRING;
  case FORM_NUMBER: return type == VALUE_INT || type == VALUE_FLOAT;
  case FORM_INTEGER:
  case FORM_COUNT:
  case FORM_COUNT0: return type == VALUE_INT;
  default: return type != VALUE_LIST && type != VALUE_JSON && type != VALUE_NULL;
  }
}

static int template_take(struct check *c, const struct template *t, enum expr_use use, const struct task_spec *task) {
  for (size_t i = 0; i < c->reported_len; i++)
    if (c->reported[i] == t) return -1;
  int type = template_check(t, use, c->b->p, task, c->b->reader.diags);
  if (type < 0 && c->reported_len < sizeof c->reported / sizeof *c->reported) c->reported[c->reported_len++] = t;
  return type;
}

static void setting_check(struct check *c, const struct template *t, enum expr_use use, const struct task_spec *task,
                          const char *name, enum key_form form) {
  if (!t || template_literal(t)) return;
  int type = template_take(c, t, use, task);
  if (type < 0 || type_fits(form, type)) return;
  diag_error(c->b->reader.diags, t->place, NULL, "'%s' must be a %s, and this expression gives %s", name,
             key_form_words(form), value_type_word((enum value_type)type));
  if (c->reported_len < sizeof c->reported / sizeof *c->reported) c->reported[c->reported_len++] = t;
}

static void templates_check(struct check *c, const struct template *const *list, size_t len, enum expr_use use,
                            const struct task_spec *task) {
  for (size_t i = 0; i < len; i++)
    if (!template_literal(list[i])) template_take(c, list[i], use, task);
}

static void env_check(struct check *c, const struct env_spec *env, size_t len, enum expr_use use,
                      const struct task_spec *task) {
  for (size_t i = 0; i < len; i++)
    if (env[i].value && !template_literal(env[i].value)) template_take(c, env[i].value, use, task);
}

static void matrix_check(struct check *c, const struct task_spec *t) {
  for (size_t i = 0; i < t->matrix_len; i++) {
    const struct matrix_axis *axis = &t->matrix[i];
    templates_check(c, axis->items, axis->items_len, EXPR_RUN_PARAMS, NULL);
    if (!axis->whole) continue;
    int type = template_take(c, axis->whole, EXPR_RUN_PARAMS, NULL);
    if (type >= 0 && type != VALUE_LIST && type != VALUE_ANY && type != VALUE_JSON)
      diag_error(c->b->reader.diags, axis->whole->place, NULL,
                 "the values of '%s' must be a list, and this expression gives %s", axis->name,
                 value_type_word((enum value_type)type));
  }
}

static void when_check(struct check *c, const struct task_spec *t) {
  if (!t->when) return;
  int type = expr_check(t->when, EXPR_WHEN, c->b->p, t, c->b->reader.diags);
  if (type < 0 || type == VALUE_BOOL || type == VALUE_ANY) return;
  const struct node *n = node_get(c->b->task_nodes[t->index], "when");
  diag_error(c->b->reader.diags, n->text_place, "compare it with something",
             "'when' must be true or false, and this expression gives %s", value_type_word((enum value_type)type));
}

static void task_check(struct check *c, const struct task_spec *t) {
  for (size_t i = 0; i < sizeof task_settings / sizeof *task_settings; i++) {
    const struct template *const *at = (const struct template *const *)(const void *)((const char *)t +
                                                                                      task_settings[i].offset);
    const struct key *key = key_at(task_settings[i].key);
    const char *name = task_settings[i].key == KEY_RETRIES_max ? "retries" : key->name;
    setting_check(c, *at, EXPR_TASK, t, name, key->form);
  }
  for (size_t i = 0; i < t->slots_len; i++)
    setting_check(c, t->slots[i].amount, EXPR_TASK, t, t->slots[i].name, FORM_COUNT);
  templates_check(c, t->argv, t->argc, EXPR_TASK, t);
  templates_check(c, t->send, t->send_len, EXPR_TASK, t);
  templates_check(c, t->fetch, t->fetch_len, EXPR_TASK, t);
  env_check(c, t->env, t->env_len, EXPR_TASK, t);
  matrix_check(c, t);
  when_check(c, t);
}

/* A default by expression: its type against the parameter's. */
static void param_default_check(struct check *c, const struct param_spec *s) {
  const struct template *t = s->default_value;
  if (!t || template_literal(t)) return;
  int type = template_take(c, t, EXPR_RUN, NULL);
  bool number = s->type == VALUE_FLOAT && type == VALUE_INT;
  bool text = type == VALUE_STRING || s->type == VALUE_STRING || s->type == VALUE_JSON;
  bool moment = s->type == VALUE_DATETIME && type == VALUE_DATE;
  if (type < 0 || type == VALUE_ANY || type == (int)s->type || number || text || moment) return;
  diag_error(c->b->reader.diags, t->place, NULL, "the parameter '%s' is %s, and this expression gives %s", s->name,
             value_type_word(s->type), value_type_word((enum value_type)type));
}

static bool axis_equal(const struct matrix_axis *a, const struct matrix_axis *b) {
  if (strcmp(a->name, b->name) != 0 || (a->whole != NULL) != (b->whole != NULL)) return false;
  if (a->whole) return strcmp(a->whole->source, b->whole->source) == 0;
  if (a->items_len != b->items_len) return false;
  for (size_t i = 0; i < a->items_len; i++)
    if (strcmp(a->items[i]->source, b->items[i]->source) != 0) return false;
  return true;
}

static void pairs_check(struct check *c, const struct task_spec *t) {
  for (size_t i = 0; i < t->needs_len; i++) {
    if (!t->needs[i].same) continue;
    const struct task_spec *other = &c->b->p->tasks[t->needs[i].task];
    bool equal = t->matrix_len == other->matrix_len && t->matrix_len > 0;
    for (size_t k = 0; equal && k < t->matrix_len; k++) equal = axis_equal(&t->matrix[k], &other->matrix[k]);
    if (equal) continue;
    const struct node *n = node_get(node_get(c->b->task_nodes[t->index], "needs"), other->name);
    diag_error(c->b->reader.diags, n->key_place, "write the same 'matrix' in both, or 'all' instead of 'same'",
               "'same' pairs the instances of two equal matrices, and those of '%s' and '%s' differ", t->name,
               other->name);
  }
}

void pipeline_check(struct builder *b) {
  struct check c = {.b = b};
  const struct pipeline *p = b->p;
  for (size_t i = 0; i < p->params_len; i++) param_default_check(&c, &p->params[i]);
  env_check(&c, p->env, p->env_len, EXPR_RUN_PARAMS, NULL);
  setting_check(&c, p->max_tasks, EXPR_RUN_PARAMS, NULL, "max_tasks", FORM_COUNT);
  setting_check(&c, p->timeout, EXPR_RUN_PARAMS, NULL, "timeout", FORM_DURATION);
  setting_check(&c, p->priority, EXPR_RUN_PARAMS, NULL, "priority", FORM_INTEGER);
  for (size_t i = 0; i < p->tasks_len; i++) {
    task_check(&c, &p->tasks[i]);
    pairs_check(&c, &p->tasks[i]);
  }
}
