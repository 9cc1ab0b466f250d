#include "scheduler/engine/restore.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/report.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/schedule.h"
#include "scheduler/engine/slot.h"
#include "scheduler/engine/timer.h"

/* ---- one run ---- */

/* The constant parameters of a run, by the types of its version. One that its pipeline doesn't know is left out; one
 * that is missing is null. */
static int read_params(struct live_run *r) {
  struct value *values = arena_new_array(&r->arena, r->spec->params_len + 1, struct value);
  json_t *root = json_loads(r->row.params ? r->row.params : "{}", 0, NULL);
  int err = json_is_object(root) ? 0 : ERR_CORRUPT;
  for (size_t i = 0; i < r->spec->params_len && !err; i++) {
    const struct param_spec *p = &r->spec->params[i];
    json_t *member = json_object_get(root, p->name);
    values[i] = value_null();
    if (!member) continue;
    char *text = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
    err = value_from_json(&r->arena, p->type, p->items, text, strlen(text), &values[i]);
    free(text);
  }
  json_decref(root);
  r->params = values;
  return err;
}

/* A matrix may name variables of the environment, which are others now: the task is still the one that it was. */
static void read_label(struct instance *i, const struct task_row *row) {
  if (run_state_ended(i->run->row.state) || !row->label || strcmp(row->label, i->label) == 0) return;
  i->label = arena_strdup(&i->run->arena, row->label);
  i->other_values = true;
}

static void read_task(struct engine *e, struct instance *i, const struct task_row *row) {
  read_label(i, row);
  i->state = row->state;
  i->wait = row->wait;
  text_set(&i->reason, row->reason);
  i->round = row->round;
  i->attempts = row->attempts;
  i->failures = row->failures;
  i->losses = row->losses;
  i->attempt = row->attempt;
  i->output_attempt = row->output_attempt;
  i->not_before = row->not_before;
  i->fresh_state = row->fresh_state;
  i->marked = row->marked;
  i->ready_at = row->ready_at;
  i->started_at = row->started_at;
  i->ended_at = row->ended_at;
  text_set(&i->on_asked, row->on_asked);
  text_set(&i->state_host_name, row->state_host);
  i->state_host = row->state_host ? host_find(e, row->state_host) : NULL;
}

static void read_output(struct instance *i, const struct output_row *row) {
  const struct task_spec *t = instance_task(i);
  struct arena *a = &i->run->arena;
  int at = task_output(t, row->name);
  if (at < 0) return;
  struct value *outputs = arena_new_array(a, t->outputs_len, struct value);
  for (size_t k = 0; k < t->outputs_len; k++) outputs[k] = i->outputs ? i->outputs[k] : value_null();
  if (value_from_json(a, t->outputs[at].type, t->outputs[at].items, row->json, strlen(row->json), &outputs[at]))
    outputs[at] = value_null();
  i->outputs = outputs;
}

static void read_outputs(struct live_run *r, const struct run_rows *rows) {
  struct map by_attempt = {0};
  for (size_t k = 0; k < r->len; k++)
    if (r->instances[k].output_attempt)
      map_put_n(&by_attempt, (const char *)&r->instances[k].output_attempt, sizeof(int64_t), &r->instances[k]);
  for (size_t k = 0; k < rows->outputs_len; k++) {
    struct instance *i = map_get_n(&by_attempt, (const char *)&rows->outputs[k].attempt, sizeof(int64_t));
    if (i) read_output(i, &rows->outputs[k]);
  }
  map_release(&by_attempt);
}

struct live_run *run_from_rows(struct engine *e, struct entry *entry, const struct run_rows *rows,
                               const char **message) {
  struct live_run *r = run_new(e, entry, rows->pipeline, &rows->run);
  r->round.run = r->row.key;
  text_set(&r->linked_from_id, rows->linked_from_id);
  text_set(&r->linked_before, rows->linked_before);
  const char *why = NULL;
  if (read_params(r))
    why = "its parameters can't be read";
  else if (run_expand(r, &why) == 0 && r->len != rows->tasks_len)
    why = "its tasks don't fit its version";
  for (size_t k = 0; k < rows->tasks_len && !why; k++) {
    if (rows->tasks[k].index != k)
      why = "its tasks aren't numbered";
    else
      read_task(e, &r->instances[k], &rows->tasks[k]);
  }
  if (why) {
    *message = arena_fmt(&e->scratch, "%s#%lld: %s", entry->row.name, (long long)rows->run.number, why);
    run_free(r);
    return NULL;
  }
  read_outputs(r, rows);
  run_count(r);
  return r;
}

/* ---- all of it ---- */

static int corrupt(char **message, const char *what, long long number) {
  *message = alloc_fmt("%s (%lld)", what, number);
  return ERR_CORRUPT;
}

static int restore_entries(struct engine *e, const struct engine_state *s, char **message) {
  for (size_t i = 0; i < s->pipelines_len; i++) {
    if (entry_find(e, s->pipelines[i].name))
      return corrupt(message, "two pipelines of one name", s->pipelines[i].key);
    struct entry *entry = entry_new(e, &s->pipelines[i]);
    if (entry->row.version && s->pipeline_sha256) memcpy(entry->sha256, s->pipeline_sha256[i], SHA256_HEX_SIZE);
  }
  for (size_t i = 0; i < s->schedules_len; i++) {
    struct entry *entry = entry_by_key(e, s->schedules[i].pipeline);
    if (!entry) return corrupt(message, "a schedule of a pipeline that isn't there", s->schedules[i].key);
    struct schedule *sch = schedule_new(entry, &s->schedules[i]);
    if (!s->last_firings || !s->last_firings[i].key) continue;
    sch->last = s->last_firings[i];
    sch->last.reason = NULL;
    text_set(&sch->last_reason, s->last_firings[i].reason);
  }
  for (size_t i = 0; i < s->pipelines_len; i++)
    if (s->pipeline_specs && s->pipeline_specs[i])
      entry_set_spec(entry_by_key(e, s->pipelines[i].key), s->pipeline_specs[i]);
  for (size_t i = 0; i < s->stats_len; i++) {
    struct entry *entry = entry_by_key(e, s->stats[i].pipeline);
    if (!entry || s->stats[i].len > STAT_RECENT || map_has(&entry->stats, s->stats[i].task)) continue;
    struct stat_row *row = alloc_new(struct stat_row);
    *row = s->stats[i];
    row->task = alloc_strdup(s->stats[i].task);
    map_put(&entry->stats, row->task, row);
  }
  return 0;
}

static duration at_most(duration d, duration most) {
  return d < 0 ? 0 : d > most ? most : d;
}

/* What waits goes on waiting: delays are measured anew, and are never longer than they were at first. */
static void resume_instance(struct instance *i) {
  struct live_run *r = i->run;
  struct engine *e = r->engine;
  if (task_state_live(i->state)) i->decided = true;
  if (i->state != TASK_WAITING) return;
  if (i->wait == WAIT_FILES) r->preparing = true;
  if (i->wait == WAIT_RETRY && i->not_before != INSTANT_NONE) {
    i->decided = true;
    timer_set(e, &i->retry, TIMER_RETRY, at_most(i->not_before - e->now.wall, retry_longest(i)));
    return;
  }
  if (i->wait == WAIT_FILES || r->row.state == RUN_QUEUED || !instance_free(i)) return;
  if (instance_task(i)->finally && r->open) return;
  i->decided = i->wait != WAIT_DEPENDENCIES;
  vec_push(&e->work, ((struct work){r, i->index}));
}

static int restore_attempts(struct live_run *r, const struct run_rows *rows, char **message) {
  for (size_t k = 0; k < rows->attempts_len; k++) {
    const struct attempt_row *row = &rows->attempts[k];
    if (row->run != r->row.key || !task_state_live(row->state)) continue;
    if (row->task >= r->len || r->instances[row->task].live || !task_state_live(r->instances[row->task].state))
      return corrupt(message, "an attempt is live and its task isn't", row->key);
    report_resume(attempt_restore(&r->instances[row->task], row));
  }
  for (size_t k = 0; k < r->len; k++)
    if (task_state_live(r->instances[k].state) && !r->instances[k].live)
      return corrupt(message, "a task is live and has no live attempt", r->row.key);
  return 0;
}

static int restore_run(struct engine *e, const struct run_rows *rows, char **message) {
  struct entry *entry = entry_by_key(e, rows->run.pipeline);
  if (!entry || !rows->pipeline) return corrupt(message, "a run of a pipeline that isn't there", rows->run.key);
  const char *why;
  struct live_run *r = run_from_rows(e, entry, rows, &why);
  if (!r) {
    *message = alloc_strdup(why);
    return ERR_CORRUPT;
  }
  run_enter(r);
  int err = restore_attempts(r, rows, message);
  if (err) return err;
  /* It was allowed as many, whatever its expression says now. */
  if (r->max_tasks && r->max_tasks < (int64_t)r->live) r->max_tasks = (int64_t)r->live;
  for (size_t k = 0; k < r->len; k++) resume_instance(&r->instances[k]);
  if (r->row.deadline != INSTANT_NONE && r->row.state == RUN_RUNNING)
    timer_set(e, &r->deadline, TIMER_DEADLINE, at_most(r->row.deadline - e->now.wall, r->timeout));
  if (r->preparing) vec_push(&e->unprepared, r);
  vec_push(&e->work, ((struct work){r, NO_INDEX}));
  if (!entry->advance) {
    entry->advance = true;
    vec_push(&e->advance, entry);
  }
  return 0;
}

int engine_restore(struct engine *e, const struct engine_state *state, struct moment now, char **message) {
  e->now = now;
  e->stepped = true;
  e->next_key = state->next_key > 1 ? state->next_key : 1;
  e->restored_at = state->restored_at;
  e->pause.at = state->pause.at;
  text_set(&e->pause_reason, state->pause.reason);
  text_set(&e->pause_by, state->pause.by);
  for (size_t i = 0; i < e->hosts.len; i++)
    if (!host_is_here(e->hosts.items[i])) e->hosts.items[i]->row.since = now.wall;
  for (size_t i = 0; i < state->hosts_len; i++) host_restore(e, &state->hosts[i]);
  for (size_t i = 0; i < state->remnants_len; i++) remnant_restore(e, &state->remnants[i]);
  int err = restore_entries(e, state, message);
  for (size_t i = 0; i < state->runs_len && !err; i++) {
    if (e->options.restoring) e->options.restoring(e->options.restoring_ctx, state->runs[i].run.id.text);
    err = restore_run(e, &state->runs[i], message);
  }
  return err;
}
