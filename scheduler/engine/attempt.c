#include "scheduler/engine/attempt.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/scope_view.h"
#include "scheduler/engine/slot.h"
#include "scheduler/engine/timer.h"

#define FINALLY_TIMEOUT (5 * USEC_PER_MIN)
#define DEFAULT_GRACE   (30 * USEC_PER_SEC)
#define BEGIN_NOTE      "begins "

static struct id fresh_id(struct engine *e) {
  uint8_t bytes[10];
  random_fill(&e->random, bytes, sizeof bytes);
  return id_make(e->now.wall, bytes);
}

/* What it holds, as the launch wants it: the units of each slot together. */
static size_t launch_slots(const struct attempt *a, struct arena *arena, struct launch_slot **out) {
  struct launch_slot *slots = arena_new_array(arena, a->held_len + 1, struct launch_slot);
  size_t len = 0;
  for (size_t i = 0; i < a->held_len;) {
    size_t end = i;
    while (end < a->held_len && strcmp(a->held[end].slot, a->held[i].slot) == 0) end++;
    const char **units = arena_new_array(arena, end - i, const char *);
    for (size_t u = i; u < end; u++) units[u - i] = arena_strdup(arena, a->held[u].unit);
    slots[len++] = (struct launch_slot){arena_strdup(arena, a->held[i].slot), units, end - i};
    i = end;
  }
  *out = slots;
  return len;
}

/* What a linked run kept is copied with it on this machine. A host has it still under the run where the task last
 * ran: the one that this one came from, or one before that if it was kept there too. Only the host knows which of
 * them it was, since an attempt may have ended before it came to be there. */
static const char *kept_in(const struct live_run *r, struct arena *arena) {
  if (!r->linked_from_id || !r->linked_before) return r->linked_from_id;
  return arena_fmt(arena, "%s %s", r->linked_from_id, r->linked_before);
}

static int build_launch(struct attempt *a, struct launch *out, const char **message) {
  struct instance *i = a->instance;
  struct engine *e = i->run->engine;
  struct arena *arena = &e->out->arena;
  struct scope scope;
  if (i->other_values) {
    *message = "its matrix gives other values than when the run began, since the environment has changed: rerun it";
    return ERR_INVALID;
  }
  scope_of_instance(i, &scope);
  struct retry_policy policy;
  int err = retry_policy_of(i, &policy, message);
  if (err) return err;
  struct launch_slot *slots;
  size_t slots_len = launch_slots(a, arena, &slots);
  struct launch_inputs in = {
      .scope = &scope,
      .config = e->config,
      .attempt_id = a->row.id.text,
      .instance = i->place,
      .attempt = (int)a->row.number,
      .attempts_max = (int)(a->row.number + policy.max - i->failures),
      .slots = slots,
      .slots_len = slots_len,
      .host = a->host->config,
      .on_this_machine = strcmp(a->host->name, HOST_LOCAL) == 0,
  };
  if (scope.task->finally) {
    in.run_state = run_state_word(run_outcome(i->run));
    in.failed_tasks = run_failed_labels(i->run, arena);
  }
  err = launch_build(&in, arena, out, message);
  if (err) return err;
  if (scope.task->finally && !scope.task->timeout && out->timeout == 0) out->timeout = FINALLY_TIMEOUT;
  out->fresh_state = i->fresh_state;
  if (i->state_host == a->host && !in.on_this_machine && !i->fresh_state) out->state_from = kept_in(i->run, arena);
  return 0;
}

static void decide_start(struct attempt *a, const struct launch *launch) {
  struct engine *e = a->run->engine;
  struct launch *kept = arena_new(&e->out->arena, struct launch);
  *kept = *launch;
  struct decision d = {.kind = DECISION_START};
  d.start = (struct decision_start){arena_strdup(&e->out->arena, a->host->name), kept, a->doubtful};
  vec_push(&e->out->decisions, d);
  a->sent = true;
}

static struct attempt *attempt_new(struct instance *i, struct host *host) {
  struct attempt *a = alloc_new(struct attempt);
  a->run = i->run;
  a->instance = i;
  a->host = host;
  a->row.host = host->name;
  a->row.run = i->run->row.key;
  a->row.task = i->index;
  return a;
}

/* Into the tables: from here on it is live. */
static void attempt_enter(struct attempt *a) {
  struct live_run *r = a->run;
  a->next = r->attempts;
  if (a->next) a->next->prev = a;
  r->attempts = a;
  r->live++;
  r->engine->live++;
  a->host->live++;
  a->instance->live = a;
  map_put(&r->engine->attempts_by_id, a->row.id.text, a);
}

static void take_code(struct attempt *a) {
  for (size_t c = 0; c < a->run->codes.len; c++) {
    const struct code *code = &a->run->codes.items[c];
    attempt_code(a, code->dir, code->commit, code->dirty);
  }
}

/* NULL unless it ran elsewhere before: what it kept is there, and it may be alive there. */
static const char *begin_note(const struct instance *i, const struct host *host, const struct remnant *m) {
  struct arena *a = &i->run->engine->scratch;
  bool bare = i->state_host_name && !i->fresh_state && strcmp(i->state_host_name, host->name) != 0;
  if (!bare && !m) return NULL;
  const char *state = bare ? arena_fmt(a, "without its ROTA_STATE, which is on %s", i->state_host_name) : "";
  if (!m) return arena_fmt(a, BEGIN_NOTE "%s", state);
  return arena_fmt(a, BEGIN_NOTE "%s%swhile what was given up of it on %s may still run", state, bare ? ", " : "",
                   m->host->name);
}

int attempt_begin(struct instance *i, struct host *host, const struct demand *demands, size_t len,
                  const char **message) {
  struct engine *e = i->run->engine;
  struct attempt *a = attempt_new(i, host);
  a->row.id = fresh_id(e);
  a->row.round = i->run->row.round;
  a->row.number = i->attempts + 1;
  a->row.state = TASK_STARTING;
  a->row.exit_code = -1;
  a->row.git_dirty = -1;
  a->row.created_at = e->now.wall;
  a->row.started_at = a->row.ended_at = a->row.unreachable_at = INSTANT_NONE;
  a->row.max_rss_kb = a->row.cpu_us = a->row.log_bytes = -1;
  slots_take(e, a, demands, len);
  struct launch launch = {0};
  int err = build_launch(a, &launch, message);
  if (err) {
    *message = arena_strdup(&e->scratch, *message);
    slots_give(e, a);
    attempt_free(a);
    return err;
  }
  a->row.key = engine_key(e);
  text_set(&a->dir, launch.dir);
  attempt_enter(a);
  take_code(a);
  mark_attempt(a);
  i->attempts = a->row.number;
  i->attempt = a->row.key;
  i->started_at = INSTANT_NONE;
  i->not_before = INSTANT_NONE;
  i->round = i->run->row.round;
  const struct remnant *m = remnant_of(e, i);
  const char *note = begin_note(i, host, m);
  text_set(&a->begin_note, note);
  text_set(&a->reason, note);
  instance_move(i, TASK_ON_BEGIN, note);
  if (m && !i->run->row.may_have_run_twice) run_twice(i, m->host);
  decide_start(a, &launch);
  return 0;
}

int attempt_send(struct attempt *a, const char **message) {
  struct launch launch = {0};
  int err = build_launch(a, &launch, message);
  if (err) return err;
  decide_start(a, &launch);
  return 0;
}

void attempt_fence(struct attempt *a) {
  struct engine *e = a->run->engine;
  struct decision d = {.kind = DECISION_FENCE};
  d.fence.host = arena_strdup(&e->out->arena, a->host->name);
  d.fence.run_id = arena_strdup(&e->out->arena, a->run->row.id.text);
  d.fence.attempt_id = arena_strdup(&e->out->arena, a->row.id.text);
  a->sent = true;
  vec_push(&e->out->decisions, d);
}

/* {"gpu": ["0"]} back into what is held. Text that isn't so holds nothing: it was written by the engine itself. */
static void read_slots(struct attempt *a, const char *text) {
  struct engine *e = a->run->engine;
  json_t *root = text ? json_loads(text, 0, NULL) : NULL;
  const char *name;
  json_t *units, *unit;
  json_object_foreach(root, name, units) {
    size_t u;
    json_array_foreach(units, u, unit) {
      if (!json_is_string(unit)) continue;
      a->held = alloc_grown(a->held, a->held_len + 1, sizeof *a->held);
      a->held[a->held_len++] = (struct held){alloc_strdup(name), alloc_strdup(json_string_value(unit)),
                                             slot_find(&e->limits, name) != NULL};
    }
  }
  json_decref(root);
}

struct attempt *attempt_restore(struct instance *i, const struct attempt_row *row) {
  struct engine *e = i->run->engine;
  struct attempt *a = attempt_new(i, host_or_gone(e, row->host));
  a->row = *row;
  a->row.host = a->host->name;
  a->doubtful = row->started_at == INSTANT_NONE;
  a->stopped = e->now;
  text_set(&a->reason, row->reason);
  if (row->reason && strncmp(row->reason, BEGIN_NOTE, strlen(BEGIN_NOTE)) == 0) text_set(&a->begin_note, row->reason);
  text_set(&a->slots, row->slots);
  text_set(&a->stop_reason, row->stop_reason);
  text_set(&a->dir, row->dir);
  text_set(&a->git_commit, row->git_commit);
  read_slots(a, row->slots);
  attempt_enter(a);
  slots_enter(e, a);
  return a;
}

void attempt_ran(struct attempt *a) {
  struct instance *i = a->instance;
  if (i->state_host == a->host) return;
  i->state_host = a->host;
  text_set(&i->state_host_name, a->host->name);
  mark_task(i);
}

void attempt_stop(struct attempt *a, const char *reason, bool now) {
  struct engine *e = a->run->engine;
  if (a->row.stop_asked && (a->row.stop_now || !now)) return;
  if (!a->row.stop_asked) text_set(&a->stop_reason, reason);
  if (!a->row.stop_asked) a->stopped = e->now;
  a->row.stop_asked = true;
  a->row.stop_now = a->row.stop_now || now;
  a->row.state = a->instance->state == TASK_UNREACHABLE ? TASK_UNREACHABLE : TASK_STOPPING;
  mark_attempt(a);
  instance_move(a->instance, TASK_ON_STOP, reason);
  struct decision d = {.kind = DECISION_STOP};
  d.stop.host = arena_strdup(&e->out->arena, a->host->name);
  d.stop.attempt_id = arena_strdup(&e->out->arena, a->row.id.text);
  d.stop.now = a->row.stop_now;
  vec_push(&e->out->decisions, d);
}

void attempt_close(struct attempt *a, enum task_state state, const char *reason) {
  struct live_run *r = a->run;
  struct engine *e = r->engine;
  assert(!a->over && task_state_ended(state));
  a->over = true;
  a->row.state = state;
  if (a->row.ended_at == INSTANT_NONE) a->row.ended_at = e->now.wall;
  /* The clock may have been set back while it ran; an end is never before its start in the record. */
  if (a->row.started_at != INSTANT_NONE && a->row.ended_at < a->row.started_at) a->row.ended_at = a->row.started_at;
  a->instance->ended_at = a->row.ended_at;
  text_set(&a->reason, reason);
  mark_attempt(a);
  timer_stop(e, &a->again);
  timer_stop(e, &a->silent);
  slots_give(e, a);
  if (a->prev)
    a->prev->next = a->next;
  else
    r->attempts = a->next;
  if (a->next) a->next->prev = a->prev;
  a->next = a->prev = NULL;
  vec_push(&r->past, a);
  r->live--;
  e->live--;
  a->host->live--;
  a->instance->live = NULL;
  map_remove(&e->attempts_by_id, a->row.id.text);
  e->try_dispatch = true;
  ready_room(r);
}

int64_t attempt_of_mark(struct instance *i, const char *reason) {
  struct engine *e = i->run->engine;
  struct host *host = i->state_host ? i->state_host : host_find(e, HOST_LOCAL);
  struct attempt *a = attempt_new(i, host);
  a->row = (struct attempt_row){
      .key = engine_key(e),
      .id = fresh_id(e),
      .run = i->run->row.key,
      .task = i->index,
      .round = i->run->row.round,
      .number = ++i->attempts,
      .state = TASK_SUCCEEDED,
      .host = host->name,
      .exit_code = -1,
      .created_at = e->now.wall,
      .started_at = INSTANT_NONE,
      .ended_at = e->now.wall,
      .unreachable_at = INSTANT_NONE,
      .max_rss_kb = -1,
      .cpu_us = -1,
      .log_bytes = -1,
      .git_dirty = -1,
  };
  text_set(&a->reason, reason);
  text_set(&a->slots, "{}");
  a->over = true;
  vec_push(&i->run->past, a);
  mark_attempt(a);
  i->attempt = a->row.key;
  return a->row.key;
}

void attempt_code(struct attempt *a, const char *dir, const char *commit, int dirty) {
  if (!a->dir || strcmp(a->dir, dir) != 0) return;
  text_set(&a->git_commit, commit);
  a->row.git_dirty = dirty;
  mark_attempt(a);
}

duration attempt_grace(struct attempt *a, struct arena *arena) {
  struct scope scope;
  scope_of_instance(a->instance, &scope);
  duration grace;
  const char *message;
  int err = setting_duration(scope.task->grace, &scope, arena, DEFAULT_GRACE, &grace, &message);
  return err ? DEFAULT_GRACE : grace;
}

void attempt_free(struct attempt *a) {
  for (size_t i = 0; i < a->held_len; i++) {
    free(a->held[i].slot);
    free(a->held[i].unit);
  }
  free(a->held);
  free(a->reason);
  free(a->slots);
  free(a->stop_reason);
  free(a->begin_note);
  free(a->dir);
  free(a->git_commit);
  free(a);
}
