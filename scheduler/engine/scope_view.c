#include "scheduler/engine/scope_view.h"

#include <string.h>

/* What is still going on says more than how other instances ended, and a failure more than a success. */
static const int weight[TASK_STATES] = {
    [TASK_SKIPPED] = 0,  [TASK_SUCCEEDED] = 1, [TASK_UPSTREAM_FAILED] = 2, [TASK_CANCELLED] = 3,
    [TASK_LOST] = 4,     [TASK_TIMED_OUT] = 5, [TASK_FAILED] = 6,          [TASK_WAITING] = 7,
    [TASK_STARTING] = 8, [TASK_RUNNING] = 9,   [TASK_STOPPING] = 10,       [TASK_UNREACHABLE] = 11,
};

enum task_state group_state(const struct live_run *r, uint32_t group) {
  enum task_state state = TASK_SKIPPED;
  const struct group *g = &r->groups[group];
  for (uint32_t i = g->first; i < g->first + g->count; i++)
    if (weight[r->instances[i].state] > weight[state]) state = r->instances[i].state;
  return state;
}

static const char *view_state(void *ctx, uint32_t task) {
  return task_state_word(group_state(ctx, task));
}

static struct value view_output(void *ctx, uint32_t task, uint32_t output, struct arena *a) {
  struct live_run *r = ctx;
  const struct group *g = &r->groups[task];
  const struct instance *first = r->instances + g->first;
  if (r->spec->tasks[task].matrix_len == 0) return g->count && first->outputs ? first->outputs[output] : value_null();
  struct value *items = arena_new_array(a, g->count ? g->count : 1, struct value);
  for (uint32_t i = 0; i < g->count; i++) items[i] = first[i].outputs ? first[i].outputs[output] : value_null();
  struct value list = {.type = VALUE_LIST};
  list.list.items = items;
  list.list.len = g->count;
  return list;
}

/* The last of a name wins, as it does in the environment of a task. */
static const char *env_find(const struct launch_env *env, size_t len, const char *name) {
  while (len-- > 0)
    if (env[len].name && strcmp(env[len].name, name) == 0) return env[len].value;
  return NULL;
}

static const char *view_env(void *ctx, const char *name) {
  const struct live_run *r = ctx;
  const struct engine *e = r->engine;
  const char *value = env_find(e->config->env, e->config->env_len, name);
  if (!value) value = env_find(e->options.env, e->options.env_len, name);
  return !value && r->resuming ? "" : value;
}

void scope_of_run(struct live_run *r, struct scope *out) {
  *out = (struct scope){
      .pipeline = r->spec,
      .run =
          {
              .id = r->row.id.text,
              .pipeline = r->entry->row.name,
              .number = r->row.number,
              .trigger = trigger_word(r->row.trigger),
              .scheduled_for = r->row.scheduled_for,
              .interval_start = r->row.interval_start,
              .date = r->row.date,
              .zone = r->row.zone,
              .scheduled_offset_s = r->scheduled_offset_s,
              .interval_offset_s = r->interval_offset_s,
          },
      .params = r->params,
      .success = true,
      .cancelled = r->row.state == RUN_CANCELLING,
      .ctx = r,
      .task_state = view_state,
      .task_output = view_output,
      .env = view_env,
  };
}

void scope_of_instance(struct instance *i, struct scope *out) {
  scope_of_run(i->run, out);
  out->task = instance_task(i);
  out->matrix = i->matrix;
  out->instance = i->place;
}
