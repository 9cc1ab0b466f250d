#include "tests/sim/rows.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/pipeline.h"

/* ---- copying ---- */

#define TEXT(row, member) offsetof(struct row, member)
#define ACTOR(row)        TEXT(row, actor.kind), TEXT(row, actor.id), TEXT(row, actor.name), TEXT(row, actor.address)
#define TEXTS_MAX         8

/* Where the texts of a row are. */
static const struct layout {
  size_t size, texts_len, texts[TEXTS_MAX];
} layouts[CHANGE_KINDS] = {
    [CHANGE_PIPELINE] = {sizeof(struct pipeline_row),
                         4,
                         {TEXT(pipeline_row, name), TEXT(pipeline_row, error), TEXT(pipeline_row, paused_reason),
                          TEXT(pipeline_row, paused_by)}},
    [CHANGE_VERSION] = {sizeof(struct version_row), 0, {0}},
    [CHANGE_SCHEDULE] = {sizeof(struct schedule_row), 1, {TEXT(schedule_row, identity)}},
    [CHANGE_FIRING] = {sizeof(struct firing_row), 1, {TEXT(firing_row, reason)}},
    [CHANGE_RUN] = {sizeof(struct run_row),
                    7,
                    {TEXT(run_row, reason), ACTOR(run_row), TEXT(run_row, params), TEXT(run_row, zone)}},
    [CHANGE_ROUND] = {sizeof(struct round_row),
                      6,
                      {TEXT(round_row, reason), TEXT(round_row, scope), ACTOR(round_row)}},
    [CHANGE_TASK] = {sizeof(struct task_row),
                     5,
                     {TEXT(task_row, name), TEXT(task_row, label), TEXT(task_row, reason), TEXT(task_row, state_host),
                      TEXT(task_row, on_asked)}},
    [CHANGE_ATTEMPT] = {sizeof(struct attempt_row),
                        7,
                        {TEXT(attempt_row, label), TEXT(attempt_row, reason), TEXT(attempt_row, host),
                         TEXT(attempt_row, slots), TEXT(attempt_row, stop_reason), TEXT(attempt_row, dir),
                         TEXT(attempt_row, git_commit)}},
    [CHANGE_OUTPUT] = {sizeof(struct output_row), 2, {TEXT(output_row, name), TEXT(output_row, json)}},
    [CHANGE_EVENT] = {sizeof(struct event_row),
                      4,
                      {TEXT(event_row, state), TEXT(event_row, reason), TEXT(event_row, actor),
                       TEXT(event_row, host)}},
    [CHANGE_AUDIT] = {sizeof(struct audit_row),
                      7,
                      {ACTOR(audit_row), TEXT(audit_row, action), TEXT(audit_row, object), TEXT(audit_row, detail)}},
    [CHANGE_REQUEST] = {sizeof(struct request_row), 1, {TEXT(request_row, key)}},
    [CHANGE_PAUSE] = {sizeof(struct pause_row), 2, {TEXT(pause_row, reason), TEXT(pause_row, by)}},
    [CHANGE_STAT] = {sizeof(struct stat_row), 1, {TEXT(stat_row, task)}},
    [CHANGE_HOST] = {sizeof(struct host_row),
                     8,
                     {TEXT(host_row, name), TEXT(host_row, order_reason), TEXT(host_row, order_by),
                      TEXT(host_row, text), TEXT(host_row, machine), TEXT(host_row, boot), TEXT(host_row, facts),
                      TEXT(host_row, doctor)}},
    [CHANGE_REMNANT] = {sizeof(struct remnant_row),
                        5,
                        {TEXT(remnant_row, host), TEXT(remnant_row, run_id), TEXT(remnant_row, attempt_id),
                         TEXT(remnant_row, what), TEXT(remnant_row, reason)}},
};

/* The row with copies of its texts over `to`, which is zeroed or an older row of the same key: a text that stays
 * the same isn't copied again. */
static void row_copy(struct rows *r, enum change_kind kind, void *to, const void *from) {
  const struct layout *l = &layouts[kind];
  const char *kept[TEXTS_MAX];
  for (size_t i = 0; i < l->texts_len; i++) {
    const char *old = *(const char **)((char *)to + l->texts[i]);
    const char *text = *(const char *const *)((const char *)from + l->texts[i]);
    kept[i] = !text ? NULL : old && strcmp(old, text) == 0 ? old : arena_strdup(&r->arena, text);
  }
  memcpy(to, from, l->size);
  for (size_t i = 0; i < l->texts_len; i++) *(const char **)((char *)to + l->texts[i]) = kept[i];
}

static void *key_get(const struct rows *r, int64_t key) {
  return key > 0 && (size_t)key < r->by_key.len ? r->by_key.items[key] : NULL;
}

static void key_set(struct rows *r, int64_t key, void *row) {
  while (r->by_key.len <= (size_t)key) vec_push(&r->by_key, NULL);
  r->by_key.items[key] = row;
  if (key > r->max_key) r->max_key = key;
}

/* The record of that key; *fresh if it is a new one, then it is zeroed. */
static void *key_record(struct rows *r, int64_t key, size_t size, bool *fresh) {
  void *record = key_get(r, key);
  *fresh = !record;
  if (record) return record;
  record = arena_alloc(&r->arena, size);
  key_set(r, key, record);
  return record;
}

/* ---- one row of each kind ---- */

static void put_pipeline(struct rows *r, const struct pipeline_row *row) {
  bool fresh;
  struct pipeline_row *to = key_record(r, row->key, sizeof *to, &fresh);
  row_copy(r, CHANGE_PIPELINE, to, row);
  if (fresh) vec_push(&r->pipelines, to);
}

static void put_version(struct rows *r, const struct version_row *row) {
  bool fresh;
  struct version_row *to = key_record(r, row->key, sizeof *to, &fresh);
  *to = *row;
  to->text = arena_strndup(&r->arena, row->text, row->text_len);
  to->json = arena_strndup(&r->arena, row->json, row->json_len);
  if (fresh) vec_push(&r->versions, to);
}

static void put_schedule(struct rows *r, const struct schedule_row *row) {
  bool fresh;
  struct row_schedule *to = key_record(r, row->key, sizeof *to, &fresh);
  row_copy(r, CHANGE_SCHEDULE, &to->row, row);
  if (fresh) vec_push(&r->schedules, to);
}

static void put_firing(struct rows *r, const struct firing_row *row) {
  bool fresh;
  struct firing_row *to = key_record(r, row->key, sizeof *to, &fresh);
  row_copy(r, CHANGE_FIRING, to, row);
  struct row_schedule *s = key_get(r, row->schedule);
  if (s && (!s->last || to->scheduled_for > s->last->scheduled_for)) s->last = to;
}

static void put_run(struct rows *r, const struct run_row *row) {
  bool fresh;
  struct row_run *to = key_record(r, row->key, sizeof *to, &fresh);
  row_copy(r, CHANGE_RUN, &to->row, row);
  to->written = r->puts;
  if (!fresh) return;
  vec_push(&r->runs, to);
  map_put(&r->runs_by_id, row->id.text, to);
}

static void put_round(struct rows *r, const struct round_row *row) {
  struct row_run *run = key_get(r, row->run);
  if (!run) return;
  size_t at = 0;
  while (at < run->rounds.len && run->rounds.items[at].number != row->number) at++;
  struct round_row now = *row;
  if (at == run->rounds.len) {
    vec_push(&run->rounds, (struct round_row){0});
  } else { /* what never changes isn't written again: after a start the engine doesn't know it any more */
    now.scope = run->rounds.items[at].scope;
    now.actor = run->rounds.items[at].actor;
    now.opened_at = run->rounds.items[at].opened_at;
  }
  row_copy(r, CHANGE_ROUND, &run->rounds.items[at], &now);
}

static void put_task(struct rows *r, const struct task_row *row) {
  struct row_run *run = key_get(r, row->run);
  if (!run) return;
  while (run->tasks.len <= row->index) vec_push(&run->tasks, (struct task_row){0});
  row_copy(r, CHANGE_TASK, &run->tasks.items[row->index], row);
}

static void put_attempt(struct rows *r, const struct attempt_row *row) {
  bool fresh;
  struct row_attempt *to = key_record(r, row->key, sizeof *to, &fresh);
  row_copy(r, CHANGE_ATTEMPT, &to->row, row);
  struct row_run *run = key_get(r, row->run);
  if (!fresh || !run) return;
  vec_push(&run->attempts, to);
  vec_push(&r->attempts, to);
  map_put(&r->attempts_by_id, row->id.text, to);
}

static void put_output(struct rows *r, const struct output_row *row) {
  struct row_attempt *a = key_get(r, row->attempt);
  if (!a) return;
  vec_push(&a->outputs, (struct output_row){0});
  row_copy(r, CHANGE_OUTPUT, &a->outputs.items[a->outputs.len - 1], row);
}

static void put_event(struct rows *r, const struct event_row *row) {
  if (row->key > r->max_key) r->max_key = row->key;
  if (row->kind != EVENT_ROW_NOTE && row->kind != EVENT_ROW_MARK) return;
  vec_push(&r->notes, (struct event_row){0});
  row_copy(r, CHANGE_EVENT, &r->notes.items[r->notes.len - 1], row);
}

static void put_audit(struct rows *r, const struct audit_row *row) {
  vec_push(&r->audits, (struct audit_row){0});
  row_copy(r, CHANGE_AUDIT, &r->audits.items[r->audits.len - 1], row);
}

static void put_request(struct rows *r, const struct request_row *row) {
  struct request_row *to = arena_new(&r->arena, struct request_row);
  row_copy(r, CHANGE_REQUEST, to, row);
  to->response = arena_strndup(&r->arena, row->response, row->response_len);
  map_put(&r->requests, to->key, to);
}

static void put_host(struct rows *r, const struct host_row *row) {
  struct host_row *to = NULL;
  for (size_t i = 0; i < r->hosts.len && !to; i++)
    if (strcmp(r->hosts.items[i]->name, row->name) == 0) to = r->hosts.items[i];
  bool fresh = !to;
  if (fresh) to = arena_new(&r->arena, struct host_row);
  row_copy(r, CHANGE_HOST, to, row);
  if (fresh) vec_push(&r->hosts, to);
}

static void put_remnant(struct rows *r, const struct remnant_row *row) {
  size_t at = 0;
  while (at < r->remnants.len && r->remnants.items[at].attempt != row->attempt) at++;
  if (row->gone) {
    if (at == r->remnants.len) return;
    r->remnants.len--;
    memmove(&r->remnants.items[at], &r->remnants.items[at + 1], (r->remnants.len - at) * sizeof r->remnants.items[0]);
    return;
  }
  if (at == r->remnants.len) vec_push(&r->remnants, (struct remnant_row){0});
  row_copy(r, CHANGE_REMNANT, &r->remnants.items[at], row);
}

static void put_stat(struct rows *r, const struct stat_row *row) {
  char name[sizeof row->pipeline + NAME_MAX];
  size_t len = strnlen(row->task, NAME_MAX);
  memcpy(name, &row->pipeline, sizeof row->pipeline);
  memcpy(name + sizeof row->pipeline, row->task, len);
  len += sizeof row->pipeline;
  struct stat_row *to = map_get_n(&r->stats_by_name, name, len);
  if (!to) {
    to = arena_new(&r->arena, struct stat_row);
    map_put_n(&r->stats_by_name, name, len, to);
    vec_push(&r->stats, to);
  }
  row_copy(r, CHANGE_STAT, to, row);
}

void rows_put(struct rows *r, const struct change *c) {
  r->puts++;
  switch (c->kind) {
  case CHANGE_PIPELINE: put_pipeline(r, &c->pipeline); break;
  case CHANGE_VERSION: put_version(r, &c->version); break;
  case CHANGE_SCHEDULE: put_schedule(r, &c->schedule); break;
  case CHANGE_FIRING: put_firing(r, &c->firing); break;
  case CHANGE_RUN: put_run(r, &c->run); break;
  case CHANGE_ROUND: put_round(r, &c->round); break;
  case CHANGE_TASK: put_task(r, &c->task); break;
  case CHANGE_ATTEMPT: put_attempt(r, &c->attempt); break;
  case CHANGE_OUTPUT: put_output(r, &c->output); break;
  case CHANGE_EVENT: put_event(r, &c->event); break;
  case CHANGE_AUDIT: put_audit(r, &c->audit); break;
  case CHANGE_REQUEST: put_request(r, &c->request); break;
  case CHANGE_PAUSE: row_copy(r, CHANGE_PAUSE, &r->pause, &c->pause); break;
  case CHANGE_DAILY: r->ends_counted += c->daily.count; break;
  case CHANGE_STAT: put_stat(r, &c->stat); break;
  case CHANGE_HOST: put_host(r, &c->host); break;
  case CHANGE_REMNANT: put_remnant(r, &c->remnant); break;
  case CHANGE_HOST_BOOT:
    if (c->host_boot.key > r->max_key) r->max_key = c->host_boot.key;
    break;
  case CHANGE_HOURLY:
  case CHANGE_TOKEN:
  case CHANGE_SESSION:
  case CHANGE_HOST_DOCTOR:
  case CHANGE_CODE: break; /* nothing of the simulation makes them, or reads them again */
  }
}

void rows_init(struct rows *r) {
  *r = (struct rows){.pause = {.at = INSTANT_NONE}};
}

void rows_release(struct rows *r) {
  for (size_t i = 0; i < r->runs.len; i++) {
    vec_release(&r->runs.items[i]->tasks);
    vec_release(&r->runs.items[i]->rounds);
    vec_release(&r->runs.items[i]->attempts);
  }
  for (size_t i = 0; i < r->attempts.len; i++) vec_release(&r->attempts.items[i]->outputs);
  for (size_t i = 0; i < r->specs.len; i++) pipeline_release(r->specs.entries[i].value);
  vec_release(&r->by_key);
  vec_release(&r->pipelines);
  vec_release(&r->versions);
  vec_release(&r->schedules);
  vec_release(&r->runs);
  vec_release(&r->attempts);
  vec_release(&r->audits);
  vec_release(&r->notes);
  vec_release(&r->hosts);
  vec_release(&r->remnants);
  vec_release(&r->stats);
  map_release(&r->runs_by_id);
  map_release(&r->attempts_by_id);
  map_release(&r->requests);
  map_release(&r->stats_by_name);
  map_release(&r->specs);
  arena_release(&r->arena);
}

/* ---- finding ---- */

struct row_run *rows_run(const struct rows *r, const char *id) {
  return map_get(&r->runs_by_id, id);
}

struct row_run *rows_run_key(const struct rows *r, int64_t key) {
  return key_get(r, key);
}

struct row_attempt *rows_attempt_key(const struct rows *r, int64_t key) {
  return key_get(r, key);
}

struct row_attempt *rows_attempt(const struct rows *r, const char *id) {
  return map_get(&r->attempts_by_id, id);
}

struct pipeline_row *rows_pipeline(const struct rows *r, int64_t key) {
  return key_get(r, key);
}

const struct request_row *rows_request(const struct rows *r, const char *key) {
  return map_get(&r->requests, key);
}

const struct host_row *rows_host(const struct rows *r, const char *name) {
  for (size_t i = 0; i < r->hosts.len; i++)
    if (strcmp(r->hosts.items[i]->name, name) == 0) return r->hosts.items[i];
  return NULL;
}

struct pipeline *rows_spec(struct rows *r, int64_t version) {
  struct pipeline *spec = map_get_n(&r->specs, (const char *)&version, sizeof version);
  const struct version_row *row = key_get(r, version);
  if (spec || !row) return spec;
  spec = pipeline_from_json(row->json, row->json_len);
  if (spec) map_put_n(&r->specs, (const char *)&version, sizeof version, spec);
  return spec;
}

/* ---- loading ---- */

static bool needed(const struct row_run *run, const struct row_attempt *a) {
  const struct task_row *t = &run->tasks.items[a->row.task];
  return a->row.ended_at == INSTANT_NONE || t->output_attempt == a->row.key ||
         (t->attempt == a->row.key && !task_state_ended(t->state));
}

static void add_attempt(const struct row_run *run, const struct row_attempt *a, struct run_rows *out) {
  out->attempts[out->attempts_len++] = a->row;
  bool counts = a->row.run != run->row.key || run->tasks.items[a->row.task].output_attempt == a->row.key;
  for (size_t k = 0; counts && k < a->outputs.len; k++) out->outputs[out->outputs_len++] = a->outputs.items[k];
}

/* The ids of the runs that `run` came from in turn, as the store tells them. */
static const char *runs_before(const struct rows *r, const struct row_run *run, struct arena *a) {
  const char *ids = NULL;
  for (int n = 0; n < LINKED_BEFORE_MAX && (run = rows_run_key(r, run->row.linked_from)); n++)
    ids = ids ? arena_fmt(a, "%s %s", ids, run->row.id.text) : run->row.id.text;
  return ids;
}

void rows_of_run(struct rows *r, const struct row_run *run, struct arena *a, struct run_rows *out) {
  const struct pipeline_row *pipeline = rows_pipeline(r, run->row.pipeline);
  const struct row_run *from = rows_run_key(r, run->row.linked_from);
  *out = (struct run_rows){.run = run->row,
                           .pipeline_name = pipeline ? pipeline->name : NULL,
                           .linked_from_id = from ? from->row.id.text : NULL,
                           .linked_before = from ? runs_before(r, from, a) : NULL,
                           .pipeline = rows_spec(r, run->row.version)};
  size_t attempts = 0, outputs = 0;
  for (size_t i = 0; i < run->attempts.len; i++) {
    attempts++;
    outputs += run->attempts.items[i]->outputs.len;
  }
  VEC(const struct row_attempt *) others = {0}; /* outputs that a linked run keeps are another run's attempts */
  for (size_t i = 0; i < run->tasks.len; i++) {
    const struct row_attempt *x = key_get(r, run->tasks.items[i].output_attempt);
    if (!x || x->row.run == run->row.key) continue;
    vec_push(&others, x);
    outputs += x->outputs.len;
  }
  out->tasks = arena_new_array(a, run->tasks.len + 1, struct task_row);
  if (run->tasks.len) memcpy(out->tasks, run->tasks.items, run->tasks.len * sizeof *out->tasks);
  out->tasks_len = run->tasks.len;
  out->attempts = arena_new_array(a, attempts + others.len + 1, struct attempt_row);
  out->outputs = arena_new_array(a, outputs + 1, struct output_row);
  for (size_t i = 0; i < run->attempts.len; i++)
    if (needed(run, run->attempts.items[i])) add_attempt(run, run->attempts.items[i], out);
  for (size_t i = 0; i < others.len; i++) add_attempt(run, others.items[i], out);
  vec_release(&others);
}

static void state_pipelines(struct rows *r, struct arena *a, struct engine_state *out) {
  struct pipeline_row *rows = arena_new_array(a, r->pipelines.len + 1, struct pipeline_row);
  struct pipeline **specs = arena_new_array(a, r->pipelines.len + 1, struct pipeline *);
  char(*shas)[SHA256_HEX_SIZE] = arena_array(a, r->pipelines.len + 1, SHA256_HEX_SIZE);
  for (size_t i = 0; i < r->pipelines.len; i++) {
    rows[i] = *r->pipelines.items[i];
    const struct version_row *version = key_get(r, rows[i].version);
    if (!version) continue;
    specs[i] = rows_spec(r, rows[i].version);
    memcpy(shas[i], version->sha256, SHA256_HEX_SIZE);
  }
  out->pipelines = rows;
  out->pipeline_specs = specs;
  out->pipeline_sha256 = (const char(*)[SHA256_HEX_SIZE])shas;
  out->pipelines_len = r->pipelines.len;
}

void rows_state(struct rows *r, struct arena *a, struct engine_state *out) {
  *out = (struct engine_state){.pause = r->pause, .restored_at = INSTANT_NONE, .next_key = r->max_key + 1};
  state_pipelines(r, a, out);
  struct schedule_row *schedules = arena_new_array(a, r->schedules.len + 1, struct schedule_row);
  struct firing_row *last = arena_new_array(a, r->schedules.len + 1, struct firing_row);
  for (size_t i = 0; i < r->schedules.len; i++) {
    const struct row_schedule *s = r->schedules.items[i];
    schedules[i] = s->row;
    if (s->last) last[i] = *s->last;
  }
  size_t live = 0;
  for (size_t i = 0; i < r->runs.len; i++) live += !run_state_ended(r->runs.items[i]->row.state);
  struct run_rows *runs = arena_new_array(a, live + 1, struct run_rows);
  for (size_t i = 0; i < r->runs.len; i++)
    if (!run_state_ended(r->runs.items[i]->row.state)) rows_of_run(r, r->runs.items[i], a, &runs[out->runs_len++]);
  struct stat_row *stats = arena_new_array(a, r->stats.len + 1, struct stat_row);
  for (size_t i = 0; i < r->stats.len; i++) stats[i] = *r->stats.items[i];
  struct host_row *hosts = arena_new_array(a, r->hosts.len + 1, struct host_row);
  for (size_t i = 0; i < r->hosts.len; i++) hosts[i] = *r->hosts.items[i];
  struct remnant_row *remnants = arena_new_array(a, r->remnants.len + 1, struct remnant_row);
  if (r->remnants.len) memcpy(remnants, r->remnants.items, r->remnants.len * sizeof *remnants);
  out->schedules = schedules;
  out->last_firings = last;
  out->schedules_len = r->schedules.len;
  out->runs = runs;
  out->stats = stats;
  out->stats_len = r->stats.len;
  out->hosts = hosts;
  out->hosts_len = r->hosts.len;
  out->remnants = remnants;
  out->remnants_len = r->remnants.len;
}
