#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/scope_view.h"
#include "scheduler/engine/timer.h"

const struct zone *engine_zone(const struct engine *e, const char *name) {
  if (e->options.zone) return e->options.zone(e->options.zone_ctx, name);
  return strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0 ? zone_utc() : NULL;
}

static int64_t day_of(const struct zone *z, instant t) {
  struct civil c = z ? zone_civil(z, t) : civil_from_instant(t, 0);
  return civil_days(c.year, c.month, c.day);
}

static const char *keep(struct live_run *r, const char *text) {
  return text ? arena_strdup(&r->arena, text) : NULL;
}

static struct actor keep_actor(struct live_run *r, const struct actor *a) {
  return (struct actor){keep(r, a->kind), keep(r, a->id), keep(r, a->name), keep(r, a->address)};
}

struct live_run *run_new(struct engine *e, struct entry *entry, struct pipeline *spec, const struct run_row *row) {
  struct live_run *r = alloc_new(struct live_run);
  r->engine = e;
  r->entry = entry;
  r->spec = pipeline_retain(spec);
  r->row = *row;
  text_set(&r->reason, row->reason);
  r->row.actor = keep_actor(r, &row->actor);
  r->row.params = keep(r, row->params);
  r->row.zone = keep(r, row->zone ? row->zone : "UTC");
  const struct zone *z = engine_zone(e, r->row.zone);
  if (z && row->scheduled_for != INSTANT_NONE) r->scheduled_offset_s = zone_offset(z, row->scheduled_for);
  if (z && row->interval_start != INSTANT_NONE) r->interval_offset_s = zone_offset(z, row->interval_start);
  r->round = (struct round_row){.number = row->round, .opened_at = e->now.wall, .ended_at = INSTANT_NONE};
  return r;
}

/* ---- parameters ---- */

static void params_json(struct live_run *r) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  jsonw_object(&j);
  for (size_t i = 0; i < r->spec->params_len; i++) {
    jsonw_key(&j, r->spec->params[i].name);
    value_json(&r->params[i], &j);
  }
  jsonw_object_end(&j);
  r->row.params = arena_strndup(&r->arena, buf_cstr(&text), text.len);
  buf_release(&text);
}

static int resolve_params(struct live_run *r, const struct run_order *o, const char **message) {
  struct scope scope;
  scope_of_run(r, &scope);
  struct value *values = arena_new_array(&r->arena, r->spec->params_len + 1, struct value);
  struct diag_list diags;
  diag_init(&diags, NULL, NULL, 0);
  int err = params_resolve(&scope, o->params, o->params_len, o->schedule_spec, &r->arena, values, &diags);
  if (err || diags.errors) {
    struct buf text = {0};
    for (size_t i = 0; i < diags.len; i++) {
      buf_fmt(&text, "%s%s", i ? "; " : "", diags.items[i].message);
      if (diags.items[i].help) buf_fmt(&text, " (%s)", diags.items[i].help);
    }
    *message = arena_strdup(&r->engine->scratch, text.len ? buf_cstr(&text) : "the parameters can't be resolved");
    buf_release(&text);
    err = ERR_INVALID;
  } else {
    r->params = values;
    params_json(r);
  }
  diag_release(&diags);
  return err;
}

/* ---- instances ---- */

static int expand_group(struct live_run *r, const struct scope *run_scope, uint32_t g, const struct value ***values,
                        size_t *total, const char **message) {
  const struct task_spec *t = &r->spec->tasks[g];
  struct scope scope = *run_scope;
  scope.task = t;
  size_t count = 0;
  int err = matrix_expand(&scope, t, &r->arena, &(*values)[g], &count, message);
  if (!err && *total + count > PIPELINE_TASKS_MAX) err = ERR_TOO_LARGE;
  if (err == ERR_TOO_LARGE)
    *message = arena_fmt(&r->engine->scratch, "the matrix of %s makes more than %d tasks in the run", t->name,
                         PIPELINE_TASKS_MAX);
  else if (err)
    *message = arena_fmt(&r->engine->scratch, "the matrix of %s: %s", t->name, *message);
  if (err) return err;
  r->groups[g].first = (uint32_t)*total;
  r->groups[g].count = (uint32_t)count;
  *total += count;
  return 0;
}

static void fill_instances(struct live_run *r, const struct value **values) {
  r->instances = alloc_zeroed(r->len, sizeof *r->instances);
  for (uint32_t g = 0; g < r->spec->tasks_len; g++) {
    const struct task_spec *t = &r->spec->tasks[g];
    for (uint32_t p = 0; p < r->groups[g].count; p++) {
      struct instance *i = &r->instances[r->groups[g].first + p];
      i->run = r;
      i->index = r->groups[g].first + p;
      i->group = g;
      i->place = p;
      i->matrix = values[g] ? values[g] + (size_t)p * t->matrix_len : NULL;
      i->label = instance_label(t, i->matrix, &r->arena);
      i->round = r->row.round;
      i->wait = WAIT_DEPENDENCIES;
      i->not_before = i->ready_at = i->started_at = i->ended_at = INSTANT_NONE;
    }
  }
}

/* The graph turned round: for each task those that need it, all in one array. */
static void fill_dependents(struct live_run *r) {
  size_t n = r->spec->tasks_len;
  r->dependents_at = alloc_zeroed(n + 1, sizeof *r->dependents_at);
  for (uint32_t g = 0; g < n; g++)
    for (size_t k = 0; k < r->spec->tasks[g].needs_len; k++) r->dependents_at[r->spec->tasks[g].needs[k].task + 1]++;
  for (size_t g = 0; g < n; g++) r->dependents_at[g + 1] += r->dependents_at[g];
  r->dependents = alloc_zeroed(r->dependents_at[n] + 1, sizeof *r->dependents);
  uint32_t *at = alloc_zeroed(n + 1, sizeof *at);
  memcpy(at, r->dependents_at, n * sizeof *at);
  for (uint32_t g = 0; g < n; g++)
    for (size_t k = 0; k < r->spec->tasks[g].needs_len; k++) {
      const struct need_spec *need = &r->spec->tasks[g].needs[k];
      r->dependents[at[need->task]++] = g | (need_pairs(r, g, need) ? DEPENDENT_SAME : 0);
    }
  free(at);
}

static void fill_paths(struct live_run *r) {
  for (size_t k = r->spec->tasks_len; k-- > 0;) {
    uint32_t g = r->spec->order[k];
    int64_t longest = 0;
    for (uint32_t d = r->dependents_at[g]; d < r->dependents_at[g + 1]; d++) {
      int64_t path = r->groups[r->dependents[d] & ~DEPENDENT_SAME].path;
      if (path > longest) longest = path;
    }
    r->groups[g].path = longest + stat_median(r->entry, r->spec->tasks[g].name);
  }
}

/* Whether it is built from the rows of a live one. */
static bool goes_on(const struct live_run *r) {
  return r->row.key && !run_state_ended(r->row.state);
}

/* What a run took from the environment when it began may be gone from there after a restart: it goes on all the same,
 * and says so. Else the error is for somebody to mend, and *message says what it is. */
static int setting_gone(struct live_run *r, const char *setting, int err, const char *why, const char **message) {
  if (!err) return 0;
  if (!goes_on(r)) {
    *message = why;
    return err;
  }
  /* What a run is cancelled for stands above this. */
  if (r->row.state != RUN_CANCELLING)
    text_set(&r->reason, arena_fmt(&r->engine->scratch, "its %s can't be told any more: %s", setting, why));
  mark_run(r);
  return 0;
}

static int resolve_settings(struct live_run *r, const struct scope *scope, const char **message) {
  struct arena *a = &r->engine->scratch;
  const char *why = NULL;
  int err = setting_int(r->spec->max_tasks, scope, a, 0, 1, INT32_MAX, &r->max_tasks, &why);
  if (err) r->max_tasks = 1; /* rather too few at a time than too many */
  err = setting_gone(r, "max_tasks", err, why, message);
  if (err) return err;
  err = setting_int(r->spec->priority, scope, a, 0, INT32_MIN, INT32_MAX, &r->priority, &why);
  err = setting_gone(r, "priority", err, why, message);
  if (err) return err;
  err = setting_duration(r->spec->timeout, scope, a, 0, &r->timeout, &why);
  if (err && r->row.deadline != INSTANT_NONE && r->row.started_at != INSTANT_NONE)
    r->timeout = r->row.deadline - r->row.started_at;
  return setting_gone(r, "timeout", err, why, message);
}

int run_expand(struct live_run *r, const char **message) {
  struct scope scope;
  scope_of_run(r, &scope);
  size_t n = r->spec->tasks_len, total = 0;
  int err = resolve_settings(r, &scope, message);
  r->groups = alloc_zeroed(n, sizeof *r->groups);
  const struct value **values = alloc_zeroed(n, sizeof *values);
  r->resuming = goes_on(r);
  for (uint32_t g = 0; g < n && !err; g++) err = expand_group(r, &scope, g, &values, &total, message);
  r->resuming = false;
  if (!err) {
    r->len = total;
    r->row.tasks = (int64_t)total;
    fill_instances(r, values);
    fill_dependents(r);
    fill_paths(r);
    run_count(r);
  }
  free(values);
  return err;
}

static void count_ends(struct live_run *r) {
  r->open = r->open_finally = 0;
  r->row.tasks_done = r->row.tasks_failed = 0;
  for (uint32_t g = 0; g < r->spec->tasks_len; g++) {
    struct group *group = &r->groups[g];
    group->left = group->good = group->bad = group->failures = 0;
    for (uint32_t k = group->first; k < group->first + group->count; k++) {
      const struct instance *i = &r->instances[k];
      bool ended = task_state_ended(i->state), failure = task_state_failure(i->state);
      group->left += !ended;
      group->good += instance_good(i);
      group->bad += instance_bad(i);
      group->failures += failure && !instance_good(i);
      r->row.tasks_done += ended;
      r->row.tasks_failed += failure && !instance_good(i);
    }
    if (r->spec->tasks[g].finally)
      r->open_finally += group->left;
    else
      r->open += group->left;
  }
}

void run_count(struct live_run *r) {
  count_ends(r);
  for (uint32_t g = 0; g < r->spec->tasks_len; g++) {
    const struct task_spec *t = &r->spec->tasks[g];
    struct group *group = &r->groups[g];
    group->waiting = 0;
    for (uint32_t p = 0; p < group->count; p++) r->instances[group->first + p].waiting_same = 0;
    for (size_t k = 0; k < t->needs_len; k++) {
      const struct group *needed = &r->groups[t->needs[k].task];
      if (!need_pairs(r, g, &t->needs[k])) {
        group->waiting += needed->left > 0;
        continue;
      }
      for (uint32_t p = 0; p < group->count; p++)
        r->instances[group->first + p].waiting_same += !task_state_ended(r->instances[needed->first + p].state);
    }
  }
}

/* ---- whole runs ---- */

static struct live_run *run_from_order(struct engine *e, struct entry *entry, const struct run_order *o) {
  uint8_t bytes[10];
  random_fill(&e->random, bytes, sizeof bytes);
  const char *zone = o->zone ? o->zone : e->config->timezone ? e->config->timezone : "UTC";
  struct run_row row = {
      .id = id_make(e->now.wall, bytes),
      .pipeline = entry->row.key,
      .number = entry->row.last_number + 1,
      .version = o->version,
      .state = RUN_QUEUED,
      .trigger = o->trigger,
      .actor = o->actor,
      .params = "{}",
      .scheduled_for = o->scheduled_for,
      .interval_start = o->interval_start,
      .zone = zone,
      .date = day_of(engine_zone(e, zone), o->scheduled_for),
      .schedule = o->schedule,
      .linked_from = o->linked_from,
      .created_at = e->now.wall,
      .started_at = INSTANT_NONE,
      .ended_at = INSTANT_NONE,
      .round = 1,
      .fresh = o->fresh,
      .deadline = INSTANT_NONE,
  };
  struct live_run *r = run_new(e, entry, o->spec, &row);
  text_set(&r->linked_from_id, o->linked_from_id);
  r->round.scope = "all";
  r->round.actor = r->row.actor;
  return r;
}

struct live_run *run_stillborn(struct engine *e, struct entry *entry, const struct run_order *order) {
  return run_from_order(e, entry, order);
}

struct live_run *run_prepare(struct engine *e, struct entry *entry, const struct run_order *order,
                             const char **message) {
  struct live_run *r = run_from_order(e, entry, order);
  if (resolve_params(r, order, message) == 0 && run_expand(r, message) == 0) return r;
  *message = arena_strdup(&e->scratch, *message); /* it may lie in the run's arena */
  run_free(r);
  return NULL;
}

void run_enter(struct live_run *r) {
  struct entry *entry = r->entry;
  r->prev = entry->last;
  if (entry->last)
    entry->last->next = r;
  else
    entry->first = r;
  entry->last = r;
  entry->live++;
  entry->running += r->row.state != RUN_QUEUED;
  map_put(&r->engine->runs_by_id, r->row.id.text, r);
}

static void free_instance(struct engine *e, struct instance *i) {
  timer_stop(e, &i->retry);
  ready_remove(i);
  free(i->reason);
  free(i->state_host_name);
  free(i->on_asked);
}

void run_free(struct live_run *r) {
  struct engine *e = r->engine;
  timer_stop(e, &r->deadline);
  for (size_t i = 0; r->instances && i < r->len; i++) free_instance(e, &r->instances[i]);
  while (r->attempts) {
    struct attempt *a = r->attempts;
    r->attempts = a->next;
    timer_stop(e, &a->again);
    timer_stop(e, &a->silent);
    attempt_free(a);
  }
  ready_forget(r);
  for (size_t i = 0; i < r->past.len; i++) attempt_free(r->past.items[i]);
  vec_release(&r->past);
  for (size_t i = 0; i < r->codes.len; i++) {
    free(r->codes.items[i].dir);
    free(r->codes.items[i].commit);
  }
  vec_release(&r->codes);
  vec_release(&r->dirty_tasks);
  free(r->instances);
  free(r->groups);
  free(r->dependents);
  free(r->dependents_at);
  free(r->linked_from_id);
  free(r->linked_before);
  free(r->reason);
  pipeline_release(r->spec);
  arena_release(&r->arena);
  free(r);
}
