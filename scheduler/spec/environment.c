/* A task's environment: what the user wrote, then the values of the run under names that begin with ROTA_. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/launch_parts.h"
#include "scheduler/spec/pipeline_build.h"

#define FIXED_MAX 16 /* the variables of `fixed_add` and `slots_add` that don't come in lists */

struct environment {
  const struct launch_parts *parts;
  struct launch_env *items;
  size_t len, cap;
};

/* A value on its way into a variable. */
struct carried {
  const char *name, *text;
  size_t len; /* of the text */
};

static void add(struct environment *e, const char *name, const char *value) {
  e->items[e->len++] = (struct launch_env){.name = name, .value = value};
}

static const struct config_host *host_of(const struct launch_inputs *in) {
  if (in->host) return in->host;
  return in->on_this_machine && in->config && in->config->hosts_len ? &in->config->hosts[0] : NULL;
}

/* --- What the user wrote -----------------------------------------------------------------------------------------
 */

static void config_add(struct environment *e, const struct launch_env *env, size_t len) {
  for (size_t i = 0; i < len; i++) {
    e->items[e->len] = env[i];
    if (env[i].file) e->items[e->len].file = launch_path(e->parts, env[i].file);
    e->len++;
  }
}

static int spec_add(struct environment *e, const struct env_spec *env, size_t len) {
  const struct launch_parts *p = e->parts;
  for (size_t i = 0; i < len; i++) {
    if (env[i].file) {
      e->items[e->len++] = (struct launch_env){.file = launch_path(p, env[i].file)};
      continue;
    }
    const char *text, *why = NULL;
    if (setting_text(env[i].value, p->in->scope, p->arena, &text, &why) < 0)
      return launch_fail(p, "env %s: %s", env[i].name, why);
    if (strlen(env[i].name) + 1 + strlen(text) > EXEC_TEXT_MAX)
      return launch_fail(p, "env %s: its value is over %d bytes: read it from ROTA_CONTEXT", env[i].name,
                         EXEC_TEXT_MAX);
    add(e, env[i].name, text);
  }
  return 0;
}

/* --- What the run knows ------------------------------------------------------------------------------------------
 */

static const char *or_empty(const char *text) {
  return text ? text : "";
}

static void fixed_add(struct environment *e) {
  struct arena *a = e->parts->arena;
  const struct launch_inputs *in = e->parts->in;
  const struct scope_run *run = &in->scope->run;
  char date[16], attempt[INT_TEXT_SIZE];
  date_format(run->date, date);
  add(e, "ROTA_RUN_ID", run->id);
  add(e, "ROTA_PIPELINE", run->pipeline);
  add(e, "ROTA_TASK", in->scope->task->name);
  add(e, "ROTA_ATTEMPT", arena_strdup(a, int_text(in->attempt, attempt)));
  add(e, "ROTA_DATE", arena_strdup(a, date));
  add(e, "ROTA_SCHEDULED_FOR", or_empty(e->parts->scheduled_for));
  add(e, "ROTA_INTERVAL_START", or_empty(e->parts->interval_start));
  add(e, "ROTA_INTERVAL_END", or_empty(e->parts->scheduled_for));
  if (in->run_state) add(e, "ROTA_RUN_STATE", in->run_state);
  if (in->failed_tasks && strlen(in->failed_tasks) <= ENV_VALUE_MAX) add(e, "ROTA_FAILED_TASKS", in->failed_tasks);
}

static const char *units_text(struct arena *a, const struct launch_slot *slot) {
  if (slot->units_len == 1) return slot->units[0];
  struct buf text = {0};
  for (size_t i = 0; i < slot->units_len; i++) buf_fmt(&text, "%s%s", i ? "," : "", slot->units[i]);
  const char *out = arena_strndup(a, buf_cstr(&text), text.len);
  buf_release(&text);
  return out;
}

static const char *variable(struct arena *a, const char *prefix, const char *name) {
  char text[512];
  variable_name(prefix, name, text, sizeof text);
  return arena_strdup(a, text);
}

static void slots_add(struct environment *e) {
  struct arena *a = e->parts->arena;
  const struct launch_inputs *in = e->parts->in;
  for (size_t i = 0; i < in->slots_len; i++) {
    const char *units = units_text(a, &in->slots[i]);
    add(e, variable(a, "ROTA_SLOT_", in->slots[i].name), units);
    if (strcmp(in->slots[i].name, "gpu") != 0) continue;
    add(e, "CUDA_VISIBLE_DEVICES", units);
    add(e, "CUDA_DEVICE_ORDER", "PCI_BUS_ID"); /* so that the numbers are those that nvidia-smi shows */
  }
}

/* --- Values ------------------------------------------------------------------------------------------------------
 */

/* `text` is a place to write in. */
static struct carried carry(struct arena *a, const char *name, const struct value *v, struct buf *text) {
  if (v->type == VALUE_STRING || v->type == VALUE_JSON) return (struct carried){name, v->text.bytes, v->text.len};
  buf_reset(text);
  value_text(v, text);
  struct carried c = {name, NULL, text->len};
  if (c.len <= ENV_VALUE_MAX) c.text = arena_strndup(a, buf_cstr(text), text->len);
  return c;
}

static size_t carry_all(const struct launch_parts *p, struct carried *out) {
  const struct scope *s = p->in->scope;
  struct buf text = {0};
  size_t len = 0;
  for (size_t i = 0; s->params && i < s->pipeline->params_len; i++) {
    const char *name = variable(p->arena, "ROTA_PARAM_", s->pipeline->params[i].name);
    out[len++] = carry(p->arena, name, &s->params[i], &text);
  }
  for (size_t i = 0; s->matrix && i < s->task->matrix_len; i++) {
    const char *name = variable(p->arena, "ROTA_MATRIX_", s->task->matrix[i].name);
    out[len++] = carry(p->arena, name, &s->matrix[i], &text);
  }
  for (size_t i = 0; i < p->received_len; i++) {
    const struct launch_received *r = &p->received[i];
    char name[300];
    snprintf(name, sizeof name, "%.140s_%.140s", r->task->name, r->output->name);
    out[len++] = carry(p->arena, variable(p->arena, "ROTA_IN_", name), &r->value, &text);
  }
  buf_release(&text);
  return len;
}

static size_t weight(const struct carried *c) {
  return strlen(c->name) + c->len + 2; /* NAME=value and its NUL */
}

/* The largest first, of equals the later: both pointers are into one array. */
static int by_weight(const void *left, const void *right) {
  const struct carried *l = *(const struct carried *const *)left, *r = *(const struct carried *const *)right;
  size_t a = weight(l), b = weight(r);
  if (a != b) return a > b ? -1 : 1;
  return l > r ? -1 : l < r;
}

/* Takes the text from what doesn't reach the environment. */
static void leave_out(struct arena *a, struct carried *items, size_t len) {
  size_t total = 0;
  for (size_t i = 0; i < len; i++) {
    if (items[i].len > ENV_VALUE_MAX) items[i].text = NULL;
    if (items[i].text) total += weight(&items[i]);
  }
  if (total <= ENV_TOTAL_MAX) return;
  struct carried **order = arena_new_array(a, len, struct carried *);
  for (size_t i = 0; i < len; i++) order[i] = &items[i];
  qsort(order, len, sizeof *order, by_weight);
  for (size_t i = 0; i < len && total > ENV_TOTAL_MAX; i++) {
    if (!order[i]->text) continue;
    total -= weight(order[i]);
    order[i]->text = NULL;
  }
}

static size_t values_max(const struct launch_parts *p) {
  const struct scope *s = p->in->scope;
  return s->pipeline->params_len + s->task->matrix_len + p->received_len;
}

static void values_add(struct environment *e) {
  const struct launch_parts *p = e->parts;
  size_t max = values_max(p);
  if (max == 0) return;
  struct carried *items = arena_new_array(p->arena, max, struct carried);
  size_t len = carry_all(p, items);
  leave_out(p->arena, items, len);
  for (size_t i = 0; i < len; i++) {
    if (items[i].text) add(e, items[i].name, items[i].text);
  }
}

int environment_build(const struct launch_parts *p, struct launch *out) {
  const struct pipeline *pipeline = p->in->scope->pipeline;
  const struct task_spec *task = p->in->scope->task;
  const struct config *config = p->in->config;
  const struct config_host *host = host_of(p->in);
  struct environment e = {.parts = p};
  e.cap = (config ? config->env_len : 0) + (host ? host->env_len : 0) + pipeline->env_len + task->env_len +
          values_max(p) + 3 * p->in->slots_len + FIXED_MAX;
  e.items = arena_new_array(p->arena, e.cap, struct launch_env);
  if (config) config_add(&e, config->env, config->env_len);
  if (host) config_add(&e, host->env, host->env_len);
  int rc = spec_add(&e, pipeline->env, pipeline->env_len);
  if (rc == 0) rc = spec_add(&e, task->env, task->env_len);
  if (rc < 0) return rc;
  fixed_add(&e);
  slots_add(&e);
  values_add(&e);
  out->env = e.items;
  out->env_len = e.len;
  return 0;
}
