#include "scheduler/engine/emit.h"

#include <stdlib.h>
#include <string.h>

void text_set(char **slot, const char *text) {
  char *copy = text ? alloc_strdup(text) : NULL;
  free(*slot);
  *slot = copy;
}

void row_text_set(const char **slot, const char *text) {
  char *copy = text ? alloc_strdup(text) : NULL;
  free((void *)(uintptr_t)*slot);
  *slot = copy;
}

int64_t engine_key(struct engine *e) {
  return e->next_key++;
}

void mark_entry(struct engine *e, struct entry *entry) {
  if (entry->dirty) return;
  entry->dirty = true;
  vec_push(&e->dirty_entries, entry);
}

void mark_schedule(struct engine *e, struct schedule *s) {
  if (s->dirty) return;
  s->dirty = true;
  vec_push(&e->dirty_schedules, s);
}

static void mark_run_listed(struct live_run *r) {
  if (!r->dirty && !r->round_dirty && r->dirty_tasks.len == 0) vec_push(&r->engine->dirty_runs, r);
}

void mark_run(struct live_run *r) {
  mark_run_listed(r);
  r->dirty = true;
}

void mark_round(struct live_run *r) {
  mark_run_listed(r);
  r->round_dirty = true;
}

void mark_task(struct instance *i) {
  if (i->dirty) return;
  mark_run_listed(i->run);
  i->dirty = true;
  vec_push(&i->run->dirty_tasks, i->index);
}

void mark_host(struct engine *e, struct host *h) {
  if (h->dirty) return;
  h->dirty = true;
  vec_push(&e->dirty_hosts, h);
}

void mark_attempt(struct attempt *a) {
  if (a->dirty) return;
  a->dirty = true;
  vec_push(&a->run->engine->dirty_attempts, a);
}

/* ---- copies into the step's arena ---- */

static const char *copy(struct engine *e, const char *text) {
  return text ? arena_strdup(&e->out->arena, text) : NULL;
}

static struct actor copy_actor(struct engine *e, const struct actor *a) {
  return (struct actor){copy(e, a->kind), copy(e, a->id), copy(e, a->name), copy(e, a->address)};
}

static struct change *change_add(struct engine *e, enum change_kind kind) {
  vec_push(&e->out->changes, ((struct change){.kind = kind}));
  return &e->out->changes.items[e->out->changes.len - 1];
}

#define late_add(e, which) vec_push(&(e)->late, ((struct change){.kind = which}))
#define late_last(e)       (&(e)->late.items[(e)->late.len - 1])

void emit_version(struct engine *e, const struct version_row *row) {
  struct version_row v = *row;
  v.text = arena_strndup(&e->out->arena, row->text ? row->text : "", row->text_len);
  v.json = arena_strndup(&e->out->arena, row->json ? row->json : "", row->json_len);
  vec_push(&e->early, ((struct change){.kind = CHANGE_VERSION, .version = v}));
}

void emit_firing(struct engine *e, struct schedule *s) {
  if (!s->firing_dirty) return;
  s->firing_dirty = false;
  late_add(e, CHANGE_FIRING);
  late_last(e)->firing = s->last;
  late_last(e)->firing.reason = copy(e, s->last_reason);
}

void emit_output(struct engine *e, int64_t attempt, const char *name, const struct value *value) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  value_json(value, &j);
  late_add(e, CHANGE_OUTPUT);
  late_last(e)->output = (struct output_row){attempt, copy(e, name), copy(e, buf_cstr(&text))};
  buf_release(&text);
}

void emit_code(struct engine *e, const struct engine_code *code) {
  late_add(e, CHANGE_CODE);
  late_last(e)->code = (struct code_row){copy(e, code->run_id), copy(e, code->dir), copy(e, code->commit),
                                         code->dirty};
}

void emit_event_row(struct engine *e, const struct event_row *row) {
  late_add(e, CHANGE_EVENT);
  struct event_row *to = &late_last(e)->event;
  *to = *row;
  to->key = engine_key(e);
  to->at = e->now.wall;
  to->state = copy(e, row->state);
  to->reason = copy(e, row->reason);
  to->actor = copy(e, e->actor);
  to->run_id = copy(e, row->run_id);
  to->host = copy(e, row->host);
}

void emit_event(struct engine *e, enum event_row_kind kind, const struct entry *entry, const struct live_run *run,
                const struct instance *task, const char *state, const char *reason) {
  struct event_row row = {.kind = kind, .task = -1, .state = state, .reason = reason};
  if (entry) row.pipeline = entry->row.key;
  if (run) row.run = run->row.key;
  if (task) {
    row.task = task->index;
    row.attempt = task->live ? task->live->row.key : task->attempt;
  }
  emit_event_row(e, &row);
}

void emit_host_event(struct engine *e, const struct host *h, const struct live_run *run, const struct instance *task,
                     const char *state, const char *reason) {
  struct event_row row = {.kind = EVENT_ROW_HOST, .task = -1, .state = state, .reason = reason, .host = h->name};
  if (run) {
    row.pipeline = run->entry->row.key;
    row.run = run->row.key;
  }
  if (task) {
    row.task = task->index;
    row.attempt = task->live ? task->live->row.key : task->attempt;
  }
  emit_event_row(e, &row);
}

void emit_host_boot(struct engine *e, const struct host_row *host) {
  late_add(e, CHANGE_HOST_BOOT);
  late_last(e)->host_boot = (struct host_boot_row){.key = engine_key(e),
                                                   .host = copy(e, host->name),
                                                   .machine = copy(e, host->machine),
                                                   .boot = copy(e, host->boot),
                                                   .booted_at = host->booted_at,
                                                   .seen_at = e->now.wall,
                                                   .facts = copy(e, host->facts)};
}

void emit_doctor(struct engine *e, const struct host_doctor_row *row) {
  late_add(e, CHANGE_HOST_DOCTOR);
  late_last(e)->host_doctor = (struct host_doctor_row){copy(e, row->name), copy(e, row->doctor), row->doctor_at};
}

void emit_remnant(struct engine *e, const struct remnant_row *row) {
  late_add(e, CHANGE_REMNANT);
  struct remnant_row *to = &late_last(e)->remnant;
  *to = *row;
  to->host = copy(e, row->host);
  to->run_id = copy(e, row->run_id);
  to->attempt_id = copy(e, row->attempt_id);
  to->what = copy(e, row->what);
  to->reason = copy(e, row->reason);
}

void emit_audit(struct engine *e, const struct actor *actor, const char *action, const char *object,
                const char *detail) {
  late_add(e, CHANGE_AUDIT);
  late_last(e)->audit = (struct audit_row){e->now.wall, copy_actor(e, actor), copy(e, action), copy(e, object),
                                           copy(e, detail)};
}

void emit_request(struct engine *e, const struct request_row *row) {
  late_add(e, CHANGE_REQUEST);
  struct request_row *to = &late_last(e)->request;
  *to = *row;
  to->key = copy(e, row->key);
  to->response = arena_strndup(&e->out->arena, row->response, row->response_len);
}

void emit_token(struct engine *e, const struct token_row *row) {
  late_add(e, CHANGE_TOKEN);
  struct token_row *to = &late_last(e)->token;
  *to = *row;
  to->name = copy(e, row->name);
  to->role = copy(e, row->role);
  to->created_by = copy(e, row->created_by);
}

void emit_session(struct engine *e, const struct session_row *row) {
  late_add(e, CHANGE_SESSION);
  struct session_row *to = &late_last(e)->session;
  *to = *row;
  to->name = copy(e, row->name);
  to->role = copy(e, row->role);
  to->address = copy(e, row->address);
  to->agent = copy(e, row->agent);
}

void emit_daily(struct engine *e, const struct daily_row *row) {
  late_add(e, CHANGE_DAILY);
  late_last(e)->daily = *row;
}

void emit_hourly(struct engine *e, const struct hourly_row *row) {
  late_add(e, CHANGE_HOURLY);
  late_last(e)->hourly = *row;
}

void emit_stat(struct engine *e, const struct stat_row *row) {
  late_add(e, CHANGE_STAT);
  late_last(e)->stat = *row;
  late_last(e)->stat.task = copy(e, row->task);
}

void emit_run_row(struct engine *e, const struct run_row *row) {
  struct run_row *to = &change_add(e, CHANGE_RUN)->run;
  *to = *row;
  to->reason = copy(e, row->reason);
  to->actor = copy_actor(e, &row->actor);
  to->params = copy(e, row->params);
  to->zone = copy(e, row->zone);
}

/* ---- the dirty ones ---- */

static void emit_entry(struct engine *e, struct entry *entry) {
  struct pipeline_row *to = &change_add(e, CHANGE_PIPELINE)->pipeline;
  *to = entry->row;
  to->name = copy(e, entry->row.name);
  to->error = copy(e, entry->row.error);
  to->paused_reason = copy(e, entry->row.paused_reason);
  to->paused_by = copy(e, entry->row.paused_by);
  entry->dirty = false;
}

static void emit_task(struct engine *e, struct instance *i) {
  struct task_row *to = &change_add(e, CHANGE_TASK)->task;
  *to = (struct task_row){
      .run = i->run->row.key,
      .index = i->index,
      .name = copy(e, instance_task(i)->name),
      .label = copy(e, i->label),
      .state = i->state,
      .wait = i->state == TASK_WAITING ? i->wait : WAIT_NONE,
      .reason = copy(e, i->reason),
      .round = i->round,
      .attempts = i->attempts,
      .failures = i->failures,
      .losses = i->losses,
      .attempt = i->attempt,
      .output_attempt = i->output_attempt,
      .not_before = i->not_before,
      .state_host = copy(e, i->state_host_name),
      .fresh_state = i->fresh_state,
      .marked = i->marked,
      .ready_at = i->ready_at,
      .started_at = i->started_at,
      .ended_at = i->ended_at,
      .on_asked = copy(e, i->on_asked),
  };
  i->dirty = false;
}

static void emit_run(struct engine *e, struct live_run *r) {
  if (r->dirty) {
    r->row.reason = r->reason;
    emit_run_row(e, &r->row);
  }
  if (r->round_dirty) {
    struct round_row *to = &change_add(e, CHANGE_ROUND)->round;
    *to = r->round;
    to->reason = copy(e, r->reason);
    to->scope = copy(e, r->round.scope);
    to->actor = copy_actor(e, &r->round.actor);
    to->state = r->row.state;
  }
  for (size_t i = 0; i < r->dirty_tasks.len; i++) emit_task(e, &r->instances[r->dirty_tasks.items[i]]);
  r->dirty = r->round_dirty = false;
  r->dirty_tasks.len = 0;
}

static void emit_attempt(struct engine *e, struct attempt *a) {
  struct attempt_row *to = &change_add(e, CHANGE_ATTEMPT)->attempt;
  *to = a->row;
  to->label = copy(e, a->instance->label);
  to->reason = copy(e, a->reason);
  to->host = copy(e, a->row.host);
  to->slots = copy(e, a->slots);
  to->stop_reason = copy(e, a->stop_reason);
  to->dir = copy(e, a->dir);
  to->git_commit = copy(e, a->git_commit);
  a->dirty = false;
}

static void emit_host(struct engine *e, struct host *h) {
  struct host_row *to = &change_add(e, CHANGE_HOST)->host;
  *to = h->row;
  to->name = copy(e, h->name);
  to->order_reason = copy(e, h->row.order_reason);
  to->order_by = copy(e, h->row.order_by);
  to->text = copy(e, h->row.text);
  to->machine = copy(e, h->row.machine);
  to->boot = copy(e, h->row.boot);
  to->facts = copy(e, h->row.facts);
  h->dirty = false;
}

void emit_all(struct engine *e) {
  for (size_t i = 0; i < e->dirty_entries.len; i++) emit_entry(e, e->dirty_entries.items[i]);
  for (size_t i = 0; i < e->early.len; i++) vec_push(&e->out->changes, e->early.items[i]);
  for (size_t i = 0; i < e->dirty_schedules.len; i++) {
    struct schedule *s = e->dirty_schedules.items[i];
    struct schedule_row *to = &change_add(e, CHANGE_SCHEDULE)->schedule;
    *to = s->row;
    to->identity = copy(e, s->row.identity);
    s->dirty = false;
    emit_firing(e, s);
  }
  for (size_t i = 0; i < e->dirty_runs.len; i++) {
    engine_deciding(e, e->dirty_runs.items[i]);
    emit_run(e, e->dirty_runs.items[i]);
  }
  for (size_t i = 0; i < e->dirty_attempts.len; i++) emit_attempt(e, e->dirty_attempts.items[i]);
  for (size_t i = 0; i < e->dirty_hosts.len; i++) emit_host(e, e->dirty_hosts.items[i]);
  for (size_t i = 0; i < e->late.len; i++) vec_push(&e->out->changes, e->late.items[i]);
  if (e->pause_dirty) {
    struct pause_row *to = &change_add(e, CHANGE_PAUSE)->pause;
    *to = (struct pause_row){e->pause.at, copy(e, e->pause_reason), copy(e, e->pause_by)};
    e->pause_dirty = false;
  }
  e->dirty_entries.len = e->early.len = e->dirty_schedules.len = 0;
  e->dirty_runs.len = e->dirty_attempts.len = e->dirty_hosts.len = e->late.len = 0;
}
