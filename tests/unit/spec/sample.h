/* A pipeline made by hand for the tests of expressions and launches, so that they don't rest on the reader of YAML.
 *
 *   params: days int 56 (14 to 120), rate float 0.5, mode enum auto|ask|never, lambdas list of float, day date,
 *           span duration 90s, note string, data json
 *   prep -> train (matrix lambda, outputs loss float) -> evaluate (outputs rmse float, label string)
 *   prep -> pair_a (matrix n 1, 2) -same-> pair_b -same-> pair_c;  evaluate -> promote;  tidy (finally);  other
 */
#ifndef ROTA_TESTS_SPEC_SAMPLE_H
#define ROTA_TESTS_SPEC_SAMPLE_H

#include <string.h>

#include "scheduler/spec/scope.h"

enum { PREP, TRAIN, EVALUATE, PROMOTE, PAIR_A, PAIR_B, PAIR_C, TIDY, OTHER, TASKS };
enum { DAYS, RATE, MODE, LAMBDAS, DAY, SPAN, NOTE, DATA, PARAMS };

struct sample {
  struct arena arena;
  struct pipeline pipeline;
  struct param_spec params[PARAMS];
  struct task_spec tasks[TASKS];
  uint64_t ancestors[TASKS];
  uint32_t order[TASKS], by_name[TASKS];
  struct value values[PARAMS], lambdas[2];
  struct scope scope;
  const char *states[TASKS];
  struct value outputs[TASKS][2];
};

static inline const struct template *sample_template(struct sample *s, const char *text) {
  struct diag_list d = {0};
  diag_init(&d, NULL, NULL, 0);
  const struct template *t = template_parse(&s->arena, text, (struct diag_place){1, 1, 0}, &d);
  diag_release(&d);
  return t;
}

static inline void sample_task(struct sample *s, uint32_t i, const char *name, const struct need_spec *needs,
                               size_t len) {
  struct task_spec *t = &s->tasks[i];
  *t = (struct task_spec){
      .name = name, .index = i, .script = "true\n", .script_len = 5, .needs = needs, .needs_len = len};
  for (size_t k = 0; k < len; k++) s->ancestors[i] |= UINT64_C(1) << needs[k].task | s->ancestors[needs[k].task];
  t->ancestors = &s->ancestors[i];
  s->order[i] = i;
  s->states[i] = "succeeded";
}

static inline const char *sample_state(void *ctx, uint32_t task) {
  return ((struct sample *)ctx)->states[task];
}

static inline struct value sample_output(void *ctx, uint32_t task, uint32_t output, struct arena *a) {
  (void)a;
  return ((struct sample *)ctx)->outputs[task][output];
}

static inline const char *sample_env(void *ctx, const char *name) {
  (void)ctx;
  return strcmp(name, "HOME") == 0 ? "/home/ml" : NULL;
}

static inline void sample_params(struct sample *s) {
  static const char *const modes[] = {"auto", "ask", "never"};
  s->params[DAYS] = (struct param_spec){.name = "days", .type = VALUE_INT, .has_min = true, .has_max = true};
  s->params[DAYS].min = value_int(14);
  s->params[DAYS].max = value_int(120);
  s->params[RATE] = (struct param_spec){.name = "rate", .type = VALUE_FLOAT};
  s->params[MODE] = (struct param_spec){.name = "mode", .type = VALUE_STRING, .values = modes, .values_len = 3};
  s->params[LAMBDAS] = (struct param_spec){.name = "lambdas", .type = VALUE_LIST, .items = VALUE_FLOAT};
  s->params[DAY] = (struct param_spec){.name = "day", .type = VALUE_DATE};
  s->params[SPAN] = (struct param_spec){.name = "span", .type = VALUE_DURATION};
  s->params[NOTE] = (struct param_spec){.name = "note", .type = VALUE_STRING};
  s->params[DATA] = (struct param_spec){.name = "data", .type = VALUE_JSON};
  s->lambdas[0] = value_float(0.1);
  s->lambdas[1] = value_float(10);
  s->values[DAYS] = value_int(56);
  s->values[RATE] = value_float(0.5);
  s->values[MODE] = value_string(&s->arena, "ask");
  s->values[LAMBDAS] = (struct value){.type = VALUE_LIST, .list = {s->lambdas, 2}};
  s->values[DAY] = (struct value){.type = VALUE_DATE, .days = civil_days(2026, 3, 29)};
  s->values[SPAN] = (struct value){.type = VALUE_DURATION, .span = 90 * USEC_PER_SEC};
  s->values[NOTE] = value_string(&s->arena, "h\xc3\xa9llo");
  s->values[DATA] = (struct value){.type = VALUE_JSON, .text = {"{\"a\":1}", 7}};
}

static inline void sample_tasks(struct sample *s) {
  static const struct need_spec of_train[] = {{PREP, false}}, of_evaluate[] = {{TRAIN, false}},
                                of_promote[] = {{EVALUATE, false}}, of_b[] = {{PAIR_A, true}},
                                of_c[] = {{PAIR_B, true}};
  static const struct output_spec losses[] = {{"loss", VALUE_FLOAT, VALUE_ANY}};
  static const struct output_spec scores[] = {{"rmse", VALUE_FLOAT, VALUE_ANY}, {"label", VALUE_STRING, VALUE_ANY}};
  struct matrix_axis *lambda = arena_new(&s->arena, struct matrix_axis);
  struct matrix_axis *n = arena_new(&s->arena, struct matrix_axis);
  const struct template **items = arena_new_array(&s->arena, 2, const struct template *);
  sample_task(s, PREP, "prep", NULL, 0);
  sample_task(s, TRAIN, "train", of_train, 1);
  sample_task(s, EVALUATE, "evaluate", of_evaluate, 1);
  sample_task(s, PROMOTE, "promote", of_promote, 1);
  sample_task(s, PAIR_A, "pair-a", of_train, 1);
  sample_task(s, PAIR_B, "pair-b", of_b, 1);
  sample_task(s, PAIR_C, "pair-c", of_c, 1);
  sample_task(s, TIDY, "tidy", NULL, 0);
  sample_task(s, OTHER, "other", NULL, 0);
  s->tasks[TIDY].finally = true;
  for (uint32_t i = 0; i < TASKS; i++) {
    uint32_t place = 0;
    for (uint32_t k = 0; k < TASKS; k++) place += strcmp(s->tasks[k].name, s->tasks[i].name) < 0;
    s->by_name[place] = i;
  }
  *lambda = (struct matrix_axis){.name = "lambda", .whole = sample_template(s, "${{ params.lambdas }}")};
  items[0] = sample_template(s, "1");
  items[1] = sample_template(s, "2");
  *n = (struct matrix_axis){.name = "n", .items = items, .items_len = 2};
  s->tasks[TRAIN].matrix = lambda;
  s->tasks[PAIR_A].matrix = s->tasks[PAIR_B].matrix = s->tasks[PAIR_C].matrix = n;
  s->tasks[TRAIN].matrix_len = s->tasks[PAIR_A].matrix_len = s->tasks[PAIR_B].matrix_len =
      s->tasks[PAIR_C].matrix_len = 1;
  s->tasks[TRAIN].outputs = s->tasks[PAIR_A].outputs = losses;
  s->tasks[TRAIN].outputs_len = s->tasks[PAIR_A].outputs_len = 1;
  s->tasks[EVALUATE].outputs = scores;
  s->tasks[EVALUATE].outputs_len = 2;
  s->outputs[TRAIN][0] = s->values[LAMBDAS];
  s->outputs[EVALUATE][0] = value_float(2.5);
  s->outputs[EVALUATE][1] = value_string(&s->arena, "v1");
}

/* A scope of the task; the run fired at 2026-03-29 02:30 UTC in Oslo. */
static inline void sample_init(struct sample *s, uint32_t task) {
  *s = (struct sample){0};
  sample_params(s);
  sample_tasks(s);
  s->pipeline = (struct pipeline){.name = "forecast/nightly", .folder = "/srv/dags/forecast"};
  s->pipeline.params = s->params;
  s->pipeline.params_len = PARAMS;
  s->pipeline.tasks = s->tasks;
  s->pipeline.tasks_len = TASKS;
  s->pipeline.order = s->order;
  s->pipeline.by_name = s->by_name;
  instant at = civil_days(2026, 3, 29) * USEC_PER_DAY + 150 * USEC_PER_MIN;
  s->scope = (struct scope){.pipeline = &s->pipeline, .task = &s->tasks[task], .params = s->values, .ctx = s};
  s->scope.run = (struct scope_run){.id = "01jq0000000000000000000000",
                                    .pipeline = "forecast/nightly",
                                    .number = 412,
                                    .trigger = "schedule",
                                    .scheduled_for = at,
                                    .interval_start = at - USEC_PER_DAY,
                                    .date = civil_days(2026, 3, 29),
                                    .zone = "Europe/Oslo",
                                    .scheduled_offset_s = 7200,
                                    .interval_offset_s = 3600};
  s->scope.task_state = sample_state;
  s->scope.task_output = sample_output;
  s->scope.env = sample_env;
  s->scope.success = true;
}

static inline void sample_release(struct sample *s) {
  arena_release(&s->arena);
}

#endif
