/* The names by which values arrive in a task's environment, and where two of them would meet. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "scheduler/spec/pipeline_build.h"

void variable_name(const char *prefix, const char *name, char *out, size_t size) {
  size_t n = 0;
  for (; *prefix && n + 1 < size; prefix++) out[n++] = *prefix;
  for (; *name && n + 1 < size; name++)
    out[n++] = isalnum((unsigned char)*name) ? (char)toupper((unsigned char)*name) : '_';
  out[n] = 0;
}

static bool output_variable(char *name, char out[256]) {
  char *dot = strstr(name, ".outputs.");
  if (!dot || strchr(dot + 9, '.')) return false;
  memmove(dot + 1, dot + 9, strlen(dot + 9) + 1);
  *dot = '_';
  variable_name("ROTA_IN_", name, out, 256);
  return true;
}

bool variable_of(const char *expression, size_t len, char out[256]) {
  static const struct {
    const char *name, *variable;
  } fixed[] = {{"run.id", "ROTA_RUN_ID"},
               {"run.date", "ROTA_DATE"},
               {"run.scheduled_for", "ROTA_SCHEDULED_FOR"},
               {"run.interval_start", "ROTA_INTERVAL_START"}};
  char name[160];
  while (len && isspace((unsigned char)*expression)) expression++, len--;
  while (len && isspace((unsigned char)expression[len - 1])) len--;
  if (len == 0 || len >= sizeof name) return false;
  memcpy(name, expression, len);
  name[len] = 0;
  for (const char *p = name; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("._-", *p)) return false;
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
    if (strcmp(name, fixed[i].name) == 0) return snprintf(out, 256, "%s", fixed[i].variable) > 0;
  if (strncmp(name, "params.", 7) == 0 && name_valid(name + 7))
    return variable_name("ROTA_PARAM_", name + 7, out, 256), true;
  if (strncmp(name, "matrix.", 7) == 0 && name_valid(name + 7))
    return variable_name("ROTA_MATRIX_", name + 7, out, 256), true;
  if (strncmp(name, "env.", 4) == 0 && name_valid(name + 4)) return snprintf(out, 256, "%s", name + 4) > 0;
  return strncmp(name, "tasks.", 6) == 0 && output_variable(name + 6, out);
}

static void meet_error(struct builder *b, struct diag_place place, const char *kind, const char *one, const char *two,
                       const char *variable) {
  diag_error(b->reader.diags, place, "rename one of them", "%s '%s' and '%s' would both arrive as $%s", kind, one,
             two, variable);
}

static void params_check(struct builder *b) {
  struct map seen = {0};
  char variable[256];
  for (size_t i = 0; i < b->p->params_len; i++) {
    const struct param_spec *s = &b->p->params[i];
    variable_name("ROTA_PARAM_", s->name, variable, sizeof variable);
    const struct param_spec *old = map_put(&seen, variable, (void *)(uintptr_t)s);
    if (old) meet_error(b, s->place, "the parameters", old->name, s->name, variable);
  }
  map_release(&seen);
}

static void matrix_check(struct builder *b, const struct task_spec *t) {
  char one[256], two[256];
  for (size_t i = 1; i < t->matrix_len; i++)
    for (size_t k = 0; k < i; k++) {
      variable_name("ROTA_MATRIX_", t->matrix[i].name, one, sizeof one);
      variable_name("ROTA_MATRIX_", t->matrix[k].name, two, sizeof two);
      if (strcmp(one, two) != 0) continue;
      const struct node *axis = node_get(node_get(b->task_nodes[t->index], "matrix"), t->matrix[i].name);
      meet_error(b, axis->key_place, "the matrix values", t->matrix[k].name, t->matrix[i].name, one);
    }
}

/* One output of one task, in the chain of those with the same variable. */
struct incoming {
  uint32_t task;
  const char *output;
  struct incoming *next;
};

static const struct task_spec *needs_both(const struct pipeline *p, uint32_t one, uint32_t two) {
  for (size_t i = 0; i < p->tasks_len; i++)
    if (task_needs(&p->tasks[i], one) && task_needs(&p->tasks[i], two)) return &p->tasks[i];
  return NULL;
}

/* How many pairs of outputs with one variable are looked at: no honest file has as many. */
#define PAIRS_MAX 2000

static void incoming_check(struct builder *b, struct map *seen, struct incoming *in, const char *variable,
                           size_t *pairs) {
  in->next = map_put(seen, variable, in);
  for (const struct incoming *old = in->next; old && (*pairs)++ < PAIRS_MAX; old = old->next) {
    char one[PIPELINE_NAME_MAX * 3], two[PIPELINE_NAME_MAX * 3];
    const struct task_spec *t = &b->p->tasks[in->task];
    const struct task_spec *user = needs_both(b->p, in->task, old->task);
    if (!user && in->task == old->task) user = t; /* whoever needs it meets both */
    if (!user) continue;
    snprintf(one, sizeof one, "%.180s.%.180s", b->p->tasks[old->task].name, old->output);
    snprintf(two, sizeof two, "%.180s.%.180s", t->name, in->output);
    const struct node *place = node_get(node_get(b->task_nodes[in->task], "outputs"), in->output);
    meet_error(b, place->key_place, "the outputs", one, two, variable);
    return;
  }
}

static void outputs_check(struct builder *b) {
  struct map seen = {0};
  size_t pairs = 0;
  for (uint32_t i = 0; i < b->p->tasks_len; i++) {
    const struct task_spec *t = &b->p->tasks[i];
    for (size_t k = 0; k < t->outputs_len; k++) {
      char name[PIPELINE_NAME_MAX * 3], variable[PIPELINE_NAME_MAX * 3];
      struct incoming *in = arena_new(b->scratch, struct incoming);
      *in = (struct incoming){i, t->outputs[k].name, NULL};
      snprintf(name, sizeof name, "%.180s_%.180s", t->name, in->output);
      variable_name("ROTA_IN_", name, variable, sizeof variable);
      incoming_check(b, &seen, in, variable, &pairs);
    }
  }
  map_release(&seen);
}

void names_check(struct builder *b) {
  params_check(b);
  for (size_t i = 0; i < b->p->tasks_len; i++) matrix_check(b, &b->p->tasks[i]);
  outputs_check(b);
}
