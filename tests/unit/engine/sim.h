/* The tests' side of the small world (sim_world.h): steps, restarts, reports and requests in one line each. */
#ifndef ROTA_TESTS_ENGINE_SIM_H
#define ROTA_TESTS_ENGINE_SIM_H

#include "tests/unit/engine/sim_world.h"

/* ---- what the executor is told ---- */

static inline struct proc *sim_proc_id(struct sim *s, const char *id) {
  for (size_t i = 0; i < s->procs.len; i++)
    if (strcmp(s->procs.items[i].id, id) == 0) return &s->procs.items[i];
  return NULL;
}

static inline const struct attempt_row *sim_attempt(const struct sim *s, const char *id) {
  for (size_t i = 0; i < s->attempts.len; i++)
    if (strcmp(s->attempts.items[i].id.text, id) == 0) return &s->attempts.items[i];
  sim_missing(id); /* a START must be recorded before it is decided */
}

static inline const struct task_row *sim_task_at(const struct sim *s, int64_t run, uint32_t index) {
  for (size_t i = 0; i < s->tasks.len; i++)
    if (s->tasks.items[i].run == run && s->tasks.items[i].index == index) return &s->tasks.items[i];
  sim_missing("task");
}

static inline void sim_start(struct sim *s, const struct decision_start *d) {
  struct proc *p = sim_proc_id(s, d->launch->attempt_id);
  if (!p) {
    const struct attempt_row *a = sim_attempt(s, d->launch->attempt_id);
    struct proc fresh = {.state = PROC_ASKED, .fresh_state = d->launch->fresh_state};
    snprintf(fresh.id, sizeof fresh.id, "%s", d->launch->attempt_id);
    snprintf(fresh.run_id, sizeof fresh.run_id, "%s", d->launch->run_id);
    snprintf(fresh.label, sizeof fresh.label, "%s", sim_task_at(s, a->run, a->task)->label);
    snprintf(fresh.host, sizeof fresh.host, "%s", d->host);
    vec_push(&s->procs, fresh);
    p = &s->procs.items[s->procs.len - 1];
  }
  p->starts++;
  p->idle = false;
  snprintf(p->state_from, sizeof p->state_from, "%s", d->launch->state_from ? d->launch->state_from : "");
  if (s->on_start) s->on_start(s->on_start_ctx, p);
}

static inline void sim_prepare(struct sim *s, const struct decision_prepare *d) {
  const char **keys = arena_new_array(&s->arena, d->state_keys_len + 1, const char *);
  for (size_t i = 0; i < d->state_keys_len; i++) keys[i] = sim_keep(s, d->state_keys[i]);
  struct decision_prepare copy = {sim_keep(s, d->run_id), sim_keep(s, d->from_run_id), keys, d->state_keys_len};
  vec_push(&s->prepares, copy);
}

static inline void sim_carry_out(struct sim *s, const struct decision *d) {
  struct proc *p;
  switch (d->kind) {
  case DECISION_START: sim_start(s, &d->start); break;
  case DECISION_FENCE:
    p = sim_proc_id(s, d->fence.attempt_id);
    if (!p) sim_missing("attempt to be fenced");
    p->fences++;
    p->idle = false;
    break;
  case DECISION_STOP:
    p = sim_proc_id(s, d->stop.attempt_id);
    if (!p) break;
    p->stops++;
    p->stop_now = p->stop_now || d->stop.now;
    break;
  case DECISION_PREPARE: sim_prepare(s, &d->prepare); break;
  case DECISION_CLEAR: vec_push(&s->clears, sim_keep(s, d->clear.attempt_id)); break;
  case DECISION_REPLY:
    s->status = d->reply.status;
    free(s->body);
    s->body = alloc_strdup(d->reply.body);
    break;
  }
}

/* ---- steps ---- */

static inline void sim_step_many(struct sim *s, const struct engine_event *events, size_t len) {
  uint8_t seed[32];
  random_fill(&s->random, seed, sizeof seed);
  step_reset(&s->step);
  engine_step(s->e, s->now, seed, events, len, &s->step);
  engine_check(s->e);
  for (size_t i = 0; i < s->step.changes.len; i++) sim_store(s, &s->step.changes.items[i]);
  for (size_t i = 0; i < s->step.decisions.len; i++) sim_carry_out(s, &s->step.decisions.items[i]);
  s->steps++;
}

static inline void sim_event(struct sim *s, struct engine_event ev) {
  sim_step_many(s, &ev, 1);
}

static inline void sim_idle(struct sim *s) {
  sim_step_many(s, NULL, 0);
}

static inline void sim_later(struct sim *s, duration d) {
  s->now.wall += d;
  s->now.mono += d;
  sim_idle(s);
}

/* ---- setting it up ---- */

static inline const struct zone *sim_zone(void *ctx, const char *name) {
  (void)ctx;
  return strcmp(name, "UTC") == 0 ? zone_utc() : NULL;
}

static inline struct config *sim_config(const char *yaml) {
  struct diag_list diags;
  diag_init(&diags, "rota.yaml", yaml, yaml ? strlen(yaml) : 0);
  struct config *c = config_read("rota.yaml", yaml, yaml ? strlen(yaml) : 0, "/tmp", "/home/anna", 4, "UTC", &diags);
  if (!c) {
    struct buf text = {0};
    diag_render(&diags, &text, false);
    fail_msg("%s", buf_cstr(&text));
  }
  diag_release(&diags);
  return c;
}

static inline void sim_open(struct sim *s, const char *config) {
  memset(s, 0, sizeof *s);
  s->config = sim_config(config);
  s->options = (struct engine_options){.config = s->config, .schedules = true, .zone = sim_zone};
  s->now = (struct moment){SIM_START, 1000 * USEC_PER_SEC};
  s->pause.at = INSTANT_NONE;
  uint8_t seed[32] = {1};
  random_init(&s->random, seed);
  s->e = engine_new(&s->options);
}

/* All hosts of the configuration answer: as if there were a transport to them. */
static inline void sim_open_hosts(struct sim *s, const char *config) {
  sim_open(s, config);
  struct config_host *hosts = (struct config_host *)(uintptr_t)s->config->hosts;
  for (size_t i = 0; i < s->config->hosts_len; i++) hosts[i].ssh = NULL;
  engine_free(s->e);
  s->e = engine_new(&s->options);
}

static inline struct pipeline *sim_read(const struct sim *s, const char *name, const char *yaml) {
  struct diag_list diags;
  diag_init(&diags, name, yaml, strlen(yaml));
  struct pipeline *p = pipeline_read(
      &(struct pipeline_source){
          .name = name, .file = name, .folder = "/tmp", .text = yaml, .len = strlen(yaml), .config = s->config},
      &diags);
  if (!p) {
    struct buf text = {0};
    diag_render(&diags, &text, false);
    fail_msg("%s", buf_cstr(&text));
  }
  diag_release(&diags);
  return p;
}

static inline void sim_load_pipeline(struct sim *s, const char *name, struct pipeline *p, const char *yaml) {
  struct buf json = {0};
  pipeline_json(p, &json);
  struct engine_event ev = {.kind = ENGINE_LOADED};
  ev.loaded = (struct engine_loaded){.name = name,
                                     .pipeline = p,
                                     .text = yaml,
                                     .text_len = strlen(yaml),
                                     .json = buf_cstr(&json),
                                     .json_len = json.len};
  sha256_hex(yaml, strlen(yaml), ev.loaded.sha256);
  sim_event(s, ev);
  pipeline_release(p);
  buf_release(&json);
}

static inline void sim_load(struct sim *s, const char *name, const char *yaml) {
  sim_load_pipeline(s, name, sim_read(s, name, yaml), yaml);
}

static inline void sim_close(struct sim *s) {
  engine_free(s->e);
  config_free(s->config);
  step_release(&s->step);
  arena_release(&s->arena);
  vec_release(&s->pipelines);
  vec_release(&s->versions);
  vec_release(&s->schedules);
  vec_release(&s->firings);
  vec_release(&s->runs);
  vec_release(&s->rounds);
  vec_release(&s->tasks);
  vec_release(&s->attempts);
  vec_release(&s->outputs);
  vec_release(&s->events);
  vec_release(&s->audits);
  vec_release(&s->requests);
  vec_release(&s->stats);
  vec_release(&s->dailies);
  vec_release(&s->hourlies);
  vec_release(&s->hosts);
  vec_release(&s->boots);
  vec_release(&s->remnants);
  vec_release(&s->clears);
  vec_release(&s->procs);
  vec_release(&s->prepares);
  free(s->body);
}

/* ---- rows for a restart or a rerun ---- */

static inline struct pipeline *sim_spec(const struct sim *s, int64_t version) {
  for (size_t i = 0; i < s->versions.len; i++)
    if (s->versions.items[i].key == version)
      return pipeline_from_json(s->versions.items[i].json, s->versions.items[i].json_len);
  return NULL;
}

static inline const struct run_row *sim_run_key(const struct sim *s, int64_t key) {
  for (size_t i = 0; i < s->runs.len; i++)
    if (s->runs.items[i].key == key) return &s->runs.items[i];
  return NULL;
}

/* What the store would load for one run; its pipeline is released by sim_rows_free. */
static inline struct run_rows sim_rows(struct sim *s, const struct run_row *run) {
  struct run_rows rows = {.run = *run};
  for (size_t i = 0; i < s->pipelines.len; i++)
    if (s->pipelines.items[i].key == run->pipeline) rows.pipeline_name = s->pipelines.items[i].name;
  const struct run_row *from = run->linked_from ? sim_run_key(s, run->linked_from) : NULL;
  rows.linked_from_id = from ? from->id.text : NULL;
  while (from && (from = sim_run_key(s, from->linked_from)))
    rows.linked_before = rows.linked_before ? arena_fmt(&s->arena, "%s %s", rows.linked_before, from->id.text)
                                            : arena_strdup(&s->arena, from->id.text);
  rows.pipeline = sim_spec(s, run->version);
  rows.tasks = arena_new_array(&s->arena, (size_t)run->tasks + 1, struct task_row);
  rows.attempts = arena_new_array(&s->arena, s->attempts.len + 1, struct attempt_row);
  rows.outputs = arena_new_array(&s->arena, s->outputs.len + 1, struct output_row);
  for (size_t i = 0; i < s->tasks.len; i++) {
    const struct task_row *t = &s->tasks.items[i];
    if (t->run != run->key) continue;
    rows.tasks[t->index] = *t;
    rows.tasks_len++;
    for (size_t k = 0; k < s->attempts.len; k++) {
      const struct attempt_row *a = &s->attempts.items[k];
      bool live = a->run == run->key && a->task == t->index && task_state_live(a->state);
      if (live || a->key == t->output_attempt) rows.attempts[rows.attempts_len++] = *a;
    }
    for (size_t k = 0; k < s->outputs.len && t->output_attempt; k++)
      if (s->outputs.items[k].attempt == t->output_attempt) rows.outputs[rows.outputs_len++] = s->outputs.items[k];
  }
  return rows;
}

static inline void sim_rows_free(struct run_rows *rows) {
  pipeline_release(rows->pipeline);
}

/* The daemon dies and comes back: everything but the rows is gone. */
static inline void sim_restart(struct sim *s) {
  engine_free(s->e);
  s->e = engine_new(&s->options);
  s->prepares.len = s->clears.len = 0;
  struct arena *a = &s->arena;
  struct pipeline **specs = arena_new_array(a, s->pipelines.len + 1, struct pipeline *);
  char(*shas)[SHA256_HEX_SIZE] = arena_array(a, s->pipelines.len + 1, SHA256_HEX_SIZE);
  for (size_t i = 0; i < s->pipelines.len; i++) {
    specs[i] = sim_spec(s, s->pipelines.items[i].version);
    for (size_t k = 0; k < s->versions.len; k++)
      if (s->versions.items[k].key == s->pipelines.items[i].version)
        memcpy(shas[i], s->versions.items[k].sha256, SHA256_HEX_SIZE);
  }
  struct firing_row *last = arena_new_array(a, s->schedules.len + 1, struct firing_row);
  for (size_t i = 0; i < s->schedules.len; i++)
    for (size_t k = 0; k < s->firings.len; k++)
      if (s->firings.items[k].schedule == s->schedules.items[i].key && s->firings.items[k].key > last[i].key)
        last[i] = s->firings.items[k];
  struct run_rows *runs = arena_new_array(a, s->runs.len + 1, struct run_rows);
  size_t runs_len = 0;
  for (size_t i = 0; i < s->runs.len; i++)
    if (!run_state_ended(s->runs.items[i].state)) runs[runs_len++] = sim_rows(s, &s->runs.items[i]);
  struct engine_state state = {.pipelines = s->pipelines.items,
                               .pipeline_specs = specs,
                               .pipeline_sha256 = (const char(*)[SHA256_HEX_SIZE])shas,
                               .pipelines_len = s->pipelines.len,
                               .schedules = s->schedules.items,
                               .last_firings = last,
                               .schedules_len = s->schedules.len,
                               .runs = runs,
                               .runs_len = runs_len,
                               .stats = s->stats.items,
                               .stats_len = s->stats.len,
                               .pause = s->pause,
                               .hosts = s->hosts.items,
                               .hosts_len = s->hosts.len,
                               .remnants = s->remnants.items,
                               .remnants_len = s->remnants.len,
                               .next_key = s->max_key + 1,
                               .restored_at = s->restored_at};
  char *message = NULL;
  if (engine_restore(s->e, &state, s->now, &message)) fail_msg("restore: %s", message);
  for (size_t i = 0; i < s->pipelines.len; i++) pipeline_release(specs[i]);
  for (size_t i = 0; i < runs_len; i++) sim_rows_free(&runs[i]);
  sim_idle(s);
}

/* ---- asking and reporting ---- */

static inline struct engine_asker sim_anna(void) {
  return (struct engine_asker){.handle = 7, .actor = {"user", "1000", "anna", "unix socket"}};
}

static inline void sim_trigger(struct sim *s, const char *pipeline) {
  struct engine_event ev = {.kind = ENGINE_TRIGGER};
  ev.trigger = (struct engine_trigger){
      .asker = sim_anna(), .pipeline = pipeline, .scheduled_for = INSTANT_NONE, .trigger = TRIGGER_MANUAL};
  sim_event(s, ev);
}

static inline const struct run_row *sim_run(const struct sim *s, int64_t number) {
  for (size_t i = 0; i < s->runs.len; i++)
    if (s->runs.items[i].number == number) return &s->runs.items[i];
  sim_missing("run");
}

static inline const struct task_row *sim_task(const struct sim *s, int64_t number, const char *label) {
  const struct run_row *r = sim_run(s, number);
  for (size_t i = 0; i < s->tasks.len; i++)
    if (s->tasks.items[i].run == r->key && strcmp(s->tasks.items[i].label, label) == 0) return &s->tasks.items[i];
  sim_missing(label);
}

#define assert_task(s, number, label, wanted)                                                                        \
  assert_string_equal(task_state_word(sim_task((s), (number), (label))->state), (wanted))
#define assert_run(s, number, wanted) assert_string_equal(run_state_word(sim_run((s), (number))->state), (wanted))

/* The attempt of that task that is under way; NULL if there is none. */
static inline struct proc *sim_find_live(struct sim *s, const char *label) {
  for (size_t i = s->procs.len; i-- > 0;)
    if (s->procs.items[i].state != PROC_GONE && strcmp(s->procs.items[i].label, label) == 0)
      return &s->procs.items[i];
  return NULL;
}

/* The same where it must be there. */
static inline struct proc *sim_live(struct sim *s, const char *label) {
  struct proc *p = sim_find_live(s, label);
  if (!p) sim_missing(label);
  return p;
}

static inline size_t sim_live_count(const struct sim *s) {
  size_t n = 0;
  for (size_t i = 0; i < s->procs.len; i++) n += s->procs.items[i].state != PROC_GONE;
  return n;
}

static inline struct engine_event sim_report(struct sim *s, const struct proc *p, enum engine_report_kind kind) {
  struct engine_event ev = {.kind = ENGINE_REPORT};
  ev.report = (struct engine_report){.kind = kind,
                                     .attempt_id = arena_strdup(&s->arena, p->id),
                                     .pid = 4711,
                                     .started_at = s->now.wall,
                                     .ended_at = s->now.wall,
                                     .cpu_us = 10,
                                     .max_rss_kb = 100,
                                     .log_bytes = 5};
  return ev;
}

static inline void sim_started(struct sim *s, const char *label) {
  struct proc *p = sim_live(s, label);
  p->state = PROC_RUNNING;
  sim_event(s, sim_report(s, p, ENGINE_REPORT_STARTED));
}

static inline void sim_end_as(struct sim *s, const char *label, enum engine_end end, int status, const char *output) {
  struct proc *p = sim_live(s, label);
  struct engine_event ev = sim_report(s, p, ENGINE_REPORT_ENDED);
  if (p->state == PROC_RUNNING) ev.report.started_at = INSTANT_NONE;
  p->state = PROC_GONE;
  ev.report.end = end;
  ev.report.status = status;
  ev.report.output = output;
  ev.report.output_len = output ? strlen(output) : 0;
  sim_event(s, ev);
}

static inline void sim_exit(struct sim *s, const char *label, int status) {
  sim_end_as(s, label, ENGINE_END_EXITED, status, NULL);
}

static inline void sim_kind(struct sim *s, const char *label, enum engine_report_kind kind, bool again) {
  struct proc *p = sim_live(s, label);
  struct engine_event ev = sim_report(s, p, kind);
  ev.report.again = again;
  if (kind == ENGINE_REPORT_LOST || kind == ENGINE_REPORT_FENCED) p->state = PROC_GONE;
  sim_event(s, ev);
}

/* ---- hosts ---- */

static inline void sim_host(struct sim *s, const char *host, enum host_contact contact, const char *text) {
  struct engine_event ev = {.kind = ENGINE_HOST};
  ev.host = (struct engine_host){.host = host, .contact = contact, .text = text, .booted_at = INSTANT_NONE};
  sim_event(s, ev);
}

static inline void sim_order(struct sim *s, const char *host, enum host_order order, const char *reason,
                             bool dry_run) {
  struct engine_event ev = {.kind = ENGINE_HOST_ORDER};
  ev.host_order = (struct engine_host_order){.asker = sim_anna(), .host = host, .order = order, .reason = reason};
  ev.host_order.asker.dry_run = dry_run;
  sim_event(s, ev);
}

/* Nothing is left of the attempt that was given up first. */
static inline void sim_cleared(struct sim *s) {
  struct engine_event ev = {.kind = ENGINE_REPORT};
  if (!s->clears.len) sim_missing("CLEAR");
  ev.report = (struct engine_report){.kind = ENGINE_REPORT_CLEARED, .attempt_id = s->clears.items[0]};
  memmove(s->clears.items, s->clears.items + 1, --s->clears.len * sizeof s->clears.items[0]);
  for (size_t i = 0; i < s->procs.len; i++)
    if (strcmp(s->procs.items[i].id, ev.report.attempt_id) == 0) s->procs.items[i].state = PROC_GONE;
  sim_event(s, ev);
}

static inline void sim_abandon(struct sim *s, int64_t number, const char *task) {
  struct engine_event ev = {.kind = ENGINE_CANCEL};
  ev.cancel = (struct engine_cancel){sim_anna(), sim_run(s, number)->id.text, task, true};
  sim_event(s, ev);
}

static inline void sim_rerun_on(struct sim *s, int64_t number, enum rerun_mode mode, const char *on) {
  struct run_rows rows = sim_rows(s, sim_run(s, number));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = mode, .on = on};
  sim_event(s, ev);
  sim_rows_free(&rows);
}

static inline const struct host_row *sim_host_row(const struct sim *s, const char *host) {
  for (size_t i = 0; i < s->hosts.len; i++)
    if (strcmp(s->hosts.items[i].name, host) == 0) return &s->hosts.items[i];
  sim_missing(host);
}

static inline void sim_cancel(struct sim *s, int64_t number, const char *task) {
  struct engine_event ev = {.kind = ENGINE_CANCEL};
  ev.cancel = (struct engine_cancel){.asker = sim_anna(), .run_id = sim_run(s, number)->id.text, .task = task};
  sim_event(s, ev);
}

static inline void sim_rerun(struct sim *s, int64_t number, enum rerun_mode mode, const char *task, int version) {
  struct run_rows rows = sim_rows(s, sim_run(s, number));
  struct engine_event ev = {.kind = ENGINE_RERUN};
  ev.rerun = (struct engine_rerun){.asker = sim_anna(), .run = &rows, .mode = mode, .task = task, .version = version};
  sim_event(s, ev);
  sim_rows_free(&rows);
}

static inline void sim_mark(struct sim *s, int64_t number, const char *task, enum task_state state,
                            const struct param_given *outputs, size_t outputs_len) {
  struct run_rows rows = sim_rows(s, sim_run(s, number));
  struct engine_event ev = {.kind = ENGINE_MARK};
  ev.mark = (struct engine_mark){.asker = sim_anna(),
                                 .run_id = rows.run.id.text,
                                 .run = &rows,
                                 .task = task,
                                 .state = state,
                                 .outputs = outputs,
                                 .outputs_len = outputs_len,
                                 .reason = "looked at by hand"};
  sim_event(s, ev);
  sim_rows_free(&rows);
}

static inline void sim_pause(struct sim *s, const char *pipeline) {
  struct engine_event ev = {.kind = ENGINE_PAUSE};
  ev.pause = (struct engine_pause){.asker = sim_anna(), .pipeline = pipeline, .reason = "maintenance"};
  sim_event(s, ev);
}

static inline void sim_resume(struct sim *s, const char *pipeline) {
  struct engine_event ev = {.kind = ENGINE_RESUME};
  ev.resume = (struct engine_resume){.asker = sim_anna(), .pipeline = pipeline};
  sim_event(s, ev);
}

static inline const char *sim_why(struct sim *s, int64_t number, const char *task) {
  struct buf text = {0};
  if (engine_why(s->e, s->now, sim_run(s, number)->id.text, task, &text)) buf_str(&text, "(not found)");
  const char *kept = arena_strdup(&s->arena, buf_cstr(&text));
  buf_release(&text);
  return kept;
}

#endif
