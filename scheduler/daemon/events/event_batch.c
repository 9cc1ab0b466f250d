#include "scheduler/daemon/events/event_batch.h"

#include <string.h>

#include "base/json.h"

struct batch_run {
  struct id id;
  const char *pipeline;
  int64_t number, tasks, done, failed;
  enum run_state state;
  const char *reason;
  instant started_at, ended_at;
};

struct batch_task_key {
  int64_t run, index;
};

struct batch_task {
  struct id run;
  int64_t index, attempts;
  const char *label;
  enum task_state state;
  enum wait_reason wait;
  instant started_at, ended_at;
};

static const char *copied(struct event_batch *b, const char *text) {
  return text ? arena_strdup(&b->arena, text) : NULL;
}

static void name_put(struct map *set, const char *name) {
  map_put(set, name, NULL);
}

static void add_run(struct event_batch *b, const struct names *names, const struct run_row *row) {
  struct batch_run *run = map_get_n(&b->run_by_key, (const char *)&row->key, sizeof row->key);
  if (!run) {
    run = arena_new(&b->arena, struct batch_run);
    run->id = row->id;
    run->pipeline = copied(b, names_pipeline(names, row->pipeline));
    run->number = row->number;
    map_put_n(&b->run_by_key, (const char *)&row->key, sizeof row->key, run);
    vec_push(&b->runs, run);
  }
  run->tasks = row->tasks;
  run->done = row->tasks_done;
  run->failed = row->tasks_failed;
  run->state = row->state;
  run->reason = copied(b, row->reason);
  run->started_at = row->started_at;
  run->ended_at = row->ended_at;
}

static void add_task(struct event_batch *b, const struct names *names, const struct task_row *row) {
  const struct run_name *name = names_run(names, row->run);
  if (!name) return;
  const struct batch_task_key key = {row->run, row->index};
  struct batch_task *task = map_get_n(&b->task_by_key, (const char *)&key, sizeof key);
  if (!task) {
    task = arena_new(&b->arena, struct batch_task);
    task->run = name->id;
    task->index = row->index;
    task->label = copied(b, row->label);
    map_put_n(&b->task_by_key, (const char *)&key, sizeof key, task);
    vec_push(&b->tasks, task);
  }
  task->attempts = row->attempts;
  task->state = row->state;
  task->wait = row->wait;
  task->started_at = row->started_at;
  task->ended_at = row->ended_at;
}

static void add_note(struct event_batch *b, const struct names *names, const struct event_row *row) {
  if (row->kind != EVENT_ROW_NOTE) return;
  if (row->run_id)
    name_put(&b->notes, row->run_id);
  else if (row->pipeline)
    name_put(&b->pipelines, names_pipeline(names, row->pipeline));
}

/* Whether it is one of those that are told. */
static bool add_one(struct event_batch *b, const struct names *names, const struct change *c) {
  switch (c->kind) {
  case CHANGE_RUN: add_run(b, names, &c->run); return true;
  case CHANGE_TASK: add_task(b, names, &c->task); return true;
  case CHANGE_PIPELINE: name_put(&b->pipelines, c->pipeline.name); return true;
  case CHANGE_VERSION: name_put(&b->pipelines, names_pipeline(names, c->version.pipeline)); return true;
  case CHANGE_SCHEDULE: name_put(&b->pipelines, names_pipeline(names, c->schedule.pipeline)); return true;
  case CHANGE_FIRING: name_put(&b->firings, names_pipeline(names, c->firing.pipeline)); return true;
  case CHANGE_EVENT: add_note(b, names, &c->event); return c->event.kind == EVENT_ROW_NOTE;
  case CHANGE_HOST: name_put(&b->hosts, c->host.name); return true;
  case CHANGE_HOST_DOCTOR: name_put(&b->hosts, c->host_doctor.name); return true;
  case CHANGE_REMNANT: name_put(&b->hosts, c->remnant.host); return true;
  case CHANGE_PAUSE: return true;
  default: return false;
  }
}

static size_t batch_len(const struct event_batch *b) {
  return b->runs.len + b->tasks.len + b->pipelines.len + b->firings.len + b->notes.len + b->hosts.len;
}

void event_batch_add(struct event_batch *b, const struct names *names, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len && !b->over; i++) {
    if (add_one(b, names, &changes[i])) b->changed = true;
    b->over = batch_len(b) > EVENT_BATCH_MAX;
  }
}

static void member_set(struct json *j, const char *key, const struct map *set) {
  jsonw_key(j, key);
  jsonw_array(j);
  for (size_t i = 0; i < set->len; i++) jsonw_string(j, set->entries[i].key);
  jsonw_array_end(j);
}

static void write_run(struct json *j, const struct batch_run *r, instant now) {
  jsonw_object(j);
  jsonw_member_string(j, "id", r->id.text);
  jsonw_member_string(j, "pipeline", r->pipeline);
  jsonw_member_int(j, "number", r->number);
  jsonw_member_string(j, "state", run_state_word(r->state));
  jsonw_member_string(j, "reason", r->reason);
  jsonw_member_int(j, "tasks_total", r->tasks);
  jsonw_member_int(j, "tasks_done", r->done);
  jsonw_member_int(j, "tasks_failed", r->failed);
  jsonw_member_instant(j, "started_at", r->started_at);
  jsonw_member_instant(j, "ended_at", r->ended_at);
  jsonw_key(j, "duration_ms");
  if (r->started_at == INSTANT_NONE)
    jsonw_null(j);
  else
    jsonw_duration_ms(j, (r->ended_at == INSTANT_NONE ? now : r->ended_at) - r->started_at);
  jsonw_object_end(j);
}

static void write_task(struct json *j, const struct batch_task *t) {
  jsonw_object(j);
  jsonw_member_string(j, "run", t->run.text);
  jsonw_member_int(j, "index", t->index);
  jsonw_member_string(j, "label", t->label);
  jsonw_member_string(j, "state", task_state_word(t->state));
  jsonw_member_string(j, "wait", t->state == TASK_WAITING ? wait_word(t->wait) : NULL);
  jsonw_member_int(j, "attempts", t->attempts);
  jsonw_member_instant(j, "started_at", t->started_at);
  jsonw_member_instant(j, "ended_at", t->ended_at);
  jsonw_object_end(j);
}

void event_batch_json(const struct event_batch *b, bool paused, instant now, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  jsonw_object(&j);
  jsonw_key(&j, "runs");
  jsonw_array(&j);
  for (size_t i = 0; i < b->runs.len; i++) write_run(&j, b->runs.items[i], now);
  jsonw_array_end(&j);
  jsonw_key(&j, "tasks");
  jsonw_array(&j);
  for (size_t i = 0; i < b->tasks.len; i++) write_task(&j, b->tasks.items[i]);
  jsonw_array_end(&j);
  member_set(&j, "pipelines", &b->pipelines);
  member_set(&j, "firings", &b->firings);
  member_set(&j, "notes", &b->notes);
  member_set(&j, "hosts", &b->hosts);
  jsonw_member_bool(&j, "paused", paused);
  jsonw_object_end(&j);
}

void event_batch_reset(struct event_batch *b) {
  arena_reset(&b->arena);
  b->runs.len = b->tasks.len = 0;
  map_release(&b->run_by_key);
  map_release(&b->task_by_key);
  map_release(&b->pipelines);
  map_release(&b->firings);
  map_release(&b->notes);
  map_release(&b->hosts);
  b->changed = b->over = false;
}

void event_batch_release(struct event_batch *b) {
  event_batch_reset(b);
  arena_release(&b->arena);
  vec_release(&b->runs);
  vec_release(&b->tasks);
}
