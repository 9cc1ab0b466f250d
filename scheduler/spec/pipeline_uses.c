/* Whether a task uses a parameter: by an expression, or by the parameter's variable in its own text. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline_build.h"

static bool word_in(const char *text, const char *word) {
  size_t len = strlen(word);
  for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
    bool before = p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_');
    bool after = isalnum((unsigned char)p[len]) || p[len] == '_';
    if (!before && !after) return true;
  }
  return false;
}

struct use {
  const char *param, *variable;
};

static bool setting_uses(const struct template *t, const struct use *u) {
  return t && (template_uses_param(t, u->param) || word_in(t->source, u->variable));
}

static bool list_uses(const struct template *const *list, size_t len, const struct use *u) {
  for (size_t i = 0; i < len; i++)
    if (setting_uses(list[i], u)) return true;
  return false;
}

static bool env_uses(const struct env_spec *env, size_t len, const struct use *u) {
  for (size_t i = 0; i < len; i++)
    if (setting_uses(env[i].value, u)) return true;
  return false;
}

static bool maps_use(const struct task_spec *t, const struct use *u) {
  for (size_t i = 0; i < t->slots_len; i++)
    if (setting_uses(t->slots[i].amount, u)) return true;
  for (size_t i = 0; i < t->matrix_len; i++)
    if (setting_uses(t->matrix[i].whole, u) || list_uses(t->matrix[i].items, t->matrix[i].items_len, u)) return true;
  return false;
}

bool task_uses_param(const struct pipeline *p, const struct task_spec *t, const char *param) {
  char variable[256];
  variable_name("ROTA_PARAM_", param, variable, sizeof variable);
  const struct use u = {param, variable};
  const struct template *const settings[] = {
      t->on,
      t->dir,
      t->path,
      t->timeout,
      t->grace,
      t->priority,
      t->unreachable_after,
      t->retries.max,
      t->retries.delay,
      t->retries.factor,
      t->retries.cap,
      t->retries.lost,
  };
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (setting_uses(settings[i], &u)) return true;
  if (t->script && word_in(t->script, variable)) return true;
  if (t->when && (expr_uses_param(t->when, param) || word_in(t->when_source, variable))) return true;
  return list_uses(t->argv, t->argc, &u) || list_uses(t->send, t->send_len, &u) ||
         list_uses(t->fetch, t->fetch_len, &u) || env_uses(t->env, t->env_len, &u) || maps_use(t, &u) ||
         env_uses(p->env, p->env_len, &u);
}
