/* The JSON of ROTA_CONTEXT: all that the environment says, with its types.
 *
 *   {"version":1,
 *    "run":{"id","pipeline","number","trigger","date","scheduled_for","interval_start","interval_end","timezone"},
 *    "task","instance","attempt","attempts_max","params":{},"matrix":{},"inputs":{TASK:{OUTPUT:value}},"slots":{NAME:[]}}
 *
 * Instants carry the schedule's offset; what is unknown is null. A `finally` task finds run.state and
 * run.failed_tasks besides.
 */
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/launch_parts.h"

static void write_run(struct json *j, const struct launch_parts *p) {
  const struct launch_inputs *in = p->in;
  const struct scope_run *run = &in->scope->run;
  char date[16];
  date_format(run->date, date);
  jsonw_key(j, "run");
  jsonw_object(j);
  jsonw_member_string(j, "id", run->id);
  jsonw_member_string(j, "pipeline", run->pipeline);
  jsonw_member_int(j, "number", run->number);
  jsonw_member_string(j, "trigger", run->trigger);
  jsonw_member_string(j, "date", date);
  jsonw_member_string(j, "scheduled_for", p->scheduled_for);
  jsonw_member_string(j, "interval_start", p->interval_start);
  jsonw_member_string(j, "interval_end", p->scheduled_for);
  jsonw_member_string(j, "timezone", run->zone);
  if (in->run_state) jsonw_member_string(j, "state", in->run_state);
  if (in->failed_tasks) jsonw_member_string(j, "failed_tasks", in->failed_tasks);
  jsonw_object_end(j);
}

static void member_value(struct json *j, const char *key, const struct value *v) {
  jsonw_key(j, key);
  value_json(v, j);
}

static void write_values(struct json *j, const struct scope *s) {
  jsonw_key(j, "params");
  jsonw_object(j);
  for (size_t i = 0; s->params && i < s->pipeline->params_len; i++)
    member_value(j, s->pipeline->params[i].name, &s->params[i]);
  jsonw_object_end(j);
  jsonw_key(j, "matrix");
  jsonw_object(j);
  for (size_t i = 0; s->matrix && i < s->task->matrix_len; i++)
    member_value(j, s->task->matrix[i].name, &s->matrix[i]);
  jsonw_object_end(j);
}

static void write_received(struct json *j, const struct launch_parts *p) {
  const struct task_spec *open = NULL;
  jsonw_key(j, "inputs");
  jsonw_object(j);
  for (size_t i = 0; i < p->received_len; i++) {
    const struct launch_received *r = &p->received[i];
    if (r->task != open) {
      if (open) jsonw_object_end(j);
      jsonw_key(j, r->task->name);
      jsonw_object(j);
      open = r->task;
    }
    member_value(j, r->output->name, &r->value);
  }
  if (open) jsonw_object_end(j);
  jsonw_object_end(j);
}

static void write_slots(struct json *j, const struct launch_inputs *in) {
  jsonw_key(j, "slots");
  jsonw_object(j);
  for (size_t i = 0; i < in->slots_len; i++) {
    jsonw_key(j, in->slots[i].name);
    jsonw_array(j);
    for (size_t k = 0; k < in->slots[i].units_len; k++) jsonw_string(j, in->slots[i].units[k]);
    jsonw_array_end(j);
  }
  jsonw_object_end(j);
}

static size_t values_size(const struct launch_parts *p) {
  const struct scope *s = p->in->scope;
  size_t size = 0;
  for (size_t i = 0; s->params && i < s->pipeline->params_len; i++) size += value_size(&s->params[i]);
  for (size_t i = 0; s->matrix && i < s->task->matrix_len; i++) size += value_size(&s->matrix[i]);
  for (size_t i = 0; i < p->received_len; i++) size += value_size(&p->received[i].value);
  return size;
}

int context_build(const struct launch_parts *p, struct launch *out) {
  const struct launch_inputs *in = p->in;
  if (values_size(p) > CONTEXT_MAX)
    return launch_fail(p, "the values that it is handed are over %d MiB together", CONTEXT_MAX / (1024 * 1024));
  struct buf text = {0};
  struct json j;
  buf_reserve(&text, 1024);
  jsonw_init(&j, &text);
  jsonw_object(&j);
  jsonw_member_int(&j, "version", 1);
  write_run(&j, p);
  jsonw_member_string(&j, "task", in->scope->task->name);
  jsonw_member_int(&j, "instance", in->instance);
  jsonw_member_int(&j, "attempt", in->attempt);
  jsonw_member_int(&j, "attempts_max", in->attempts_max);
  write_values(&j, in->scope);
  write_received(&j, p);
  write_slots(&j, in);
  jsonw_object_end(&j);
  buf_char(&text, '\n');
  out->context = arena_strndup(p->arena, text.bytes, text.len);
  out->context_len = text.len;
  buf_release(&text);
  return 0;
}
