/* A rerun: a new round of the run itself, or, with other parameters or another version, a new run that is linked to
 * it and keeps what isn't to be done again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/prepare.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/restore.h"
#include "scheduler/engine/run.h"

#define X(name, word) word,
static const char *const mode_words[] = {RERUN_LIST(X)};
#undef X

/* ---- which tasks ---- */

static bool named(const struct live_run *r, const struct instance *i, const struct instance *found,
                  const char *task) {
  return i == found || (pipeline_task(r->spec, task) == (int)i->group);
}

/* Of a linked run: the run that it comes from had no such task, so there is nothing to keep. */
static bool is_new(const struct instance *i) {
  return !task_state_ended(i->state);
}

static bool chosen(const struct live_run *r, const struct engine_rerun *q, const struct instance *i,
                   const struct instance *found) {
  if (q->mode != RERUN_ONLY && is_new(i)) return true;
  switch (q->mode) {
  case RERUN_ALL: return true;
  case RERUN_FAILED: return i->state != TASK_SUCCEEDED && i->state != TASK_SKIPPED;
  case RERUN_FROM:
  case RERUN_ONLY: return named(r, i, found, q->task);
  }
  return false;
}

/* What follows from a chosen task runs again too. The order of the tasks makes one pass enough. */
static void follow(const struct live_run *r, bool *selected) {
  bool *any = alloc_zeroed(r->spec->tasks_len + 1, sizeof *any);
  for (size_t o = 0; o < r->spec->tasks_len; o++) {
    uint32_t g = r->spec->order[o];
    const struct task_spec *t = &r->spec->tasks[g];
    const struct group *group = &r->groups[g];
    for (uint32_t p = 0; p < group->count; p++) {
      bool *mine = &selected[group->first + p];
      for (size_t n = 0; n < t->needs_len && !*mine; n++) {
        uint32_t need = t->needs[n].task;
        *mine = need_pairs(r, g, &t->needs[n]) ? selected[r->groups[need].first + p] : any[need];
      }
      any[g] = any[g] || *mine;
    }
  }
  free(any);
}

/* NULL if it can be; else why it can't. */
static const char *select_tasks(struct live_run *r, const struct engine_rerun *q, bool *selected) {
  struct arena *a = &r->engine->scratch;
  struct instance *found = q->task ? instance_find(r, q->task) : NULL;
  bool by_task = q->mode == RERUN_FROM || q->mode == RERUN_ONLY;
  if (by_task && !found)
    return arena_fmt(a, "%s has no task '%s': `rota show` lists them", run_name(r, a), q->task ? q->task : "");
  bool any = false;
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k];
    selected[k] = chosen(r, q, i, found);
    any = any || (selected[k] && !instance_task(i)->finally);
    const char *who;
    if (!selected[k] && is_new(i))
      return arena_fmt(a, "%s is new and would have to run too: use --from or --all", i->label);
    if (selected[k] && q->mode == RERUN_ONLY && !instance_task(i)->finally &&
        instance_verdict(i, &who) == VERDICT_BLOCKED)
      return arena_fmt(a, "%s needs %s, which didn't succeed: use --from %s", i->label, who, who);
  }
  if (q->mode == RERUN_ONLY) return NULL;
  if (!any && !by_task) return arena_fmt(a, "nothing of %s failed: use --all, --from or --only", run_name(r, a));
  follow(r, selected);
  for (size_t k = 0; k < r->len; k++) selected[k] = selected[k] || instance_task(&r->instances[k])->finally;
  return NULL;
}

/* ---- the preview ---- */

static bool definition_changed(const struct pipeline *before, const struct pipeline *after, const char *task) {
  int b = pipeline_task(before, task), n = pipeline_task(after, task);
  if (b < 0 || n < 0) return true;
  struct buf x = {0}, y = {0};
  task_definition_json(before, &before->tasks[b], &x);
  task_definition_json(after, &after->tasks[n], &y);
  bool changed = x.len != y.len || memcmp(buf_cstr(&x), buf_cstr(&y), x.len) != 0;
  buf_release(&x);
  buf_release(&y);
  return changed;
}

/* The first of what it needs that runs again; NULL if none does. */
static const char *followed(const struct live_run *r, const struct instance *i, const bool *selected) {
  const struct task_spec *t = instance_task(i);
  for (size_t n = 0; n < t->needs_len; n++) {
    const struct group *need = &r->groups[t->needs[n].task];
    bool paired = need_pairs(r, i->group, &t->needs[n]);
    uint32_t first = need->first + (paired ? i->place : 0), end = paired ? first + 1 : first + need->count;
    for (uint32_t k = first; k < end; k++)
      if (selected[k])
        return paired || need->count == 1 ? r->instances[k].label : r->spec->tasks[t->needs[n].task].name;
  }
  return NULL;
}

static const char *why_run(struct live_run *r, const struct engine_rerun *q, const struct instance *i,
                           const bool *selected) {
  struct arena *a = &r->engine->scratch;
  bool by_task = q->mode == RERUN_FROM || q->mode == RERUN_ONLY;
  const struct task_spec *t = instance_task(i);
  if (q->mode == RERUN_ALL) return "you asked";
  if (by_task && named(r, i, instance_find(r, q->task), q->task)) return "you asked";
  if (is_new(i)) return "new";
  if (q->mode == RERUN_FAILED && task_state_failure(i->state))
    return t->allow_failure ? "failed (it was allowed to)" : "failed";
  const char *need = q->mode == RERUN_ONLY ? NULL : followed(r, i, selected);
  if (need) return arena_fmt(a, "follows %s", need);
  if (t->finally) return "always runs (finally)";
  return arena_fmt(a, "was %s", task_state_word(i->state));
}

static const char *why_kept(const struct instance *i) {
  return i->marked ? arena_fmt(&i->run->engine->scratch, "marked %s by hand", task_state_word(i->state))
                   : task_state_word(i->state);
}

static void preview_kept(struct json *j, const struct instance *i, const struct engine_rerun *q) {
  const struct pipeline *now = i->run->spec;
  jsonw_object(j);
  jsonw_member_string(j, "task", i->label);
  jsonw_member_string(j, "why", why_kept(i));
  jsonw_member_bool(j, "changed", definition_changed(q->run->pipeline, now, instance_task(i)->name));
  jsonw_key(j, "uses_param");
  jsonw_array(j);
  for (size_t p = 0; p < q->params_len; p++)
    if (task_uses_param(now, instance_task(i), q->params[p].name)) jsonw_string(j, q->params[p].name);
  jsonw_array_end(j);
  jsonw_object_end(j);
}

static void reply_preview(struct engine *e, const struct engine_rerun *q, struct live_run *r, const bool *selected,
                          bool linked, bool differs) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_key(&j, "will_run");
  jsonw_array(&j);
  for (size_t k = 0; k < r->len; k++)
    if (selected[k]) {
      jsonw_object(&j);
      jsonw_member_string(&j, "task", r->instances[k].label);
      jsonw_member_string(&j, "why", why_run(r, q, &r->instances[k], selected));
      jsonw_object_end(&j);
    }
  jsonw_array_end(&j);
  jsonw_key(&j, "will_keep");
  jsonw_array(&j);
  for (size_t k = 0; k < r->len; k++)
    if (!selected[k]) preview_kept(&j, &r->instances[k], q);
  jsonw_array_end(&j);
  jsonw_member_bool(&j, "linked", linked);
  jsonw_member_bool(&j, "version_differs", differs);
  jsonw_object_end(&j);
  reply_json(e, &q->asker, 200, &body);
  buf_release(&body);
}

static const char *scope_text(struct engine *e, const struct engine_rerun *q) {
  bool by_task = q->mode == RERUN_FROM || q->mode == RERUN_ONLY;
  const char *what = by_task ? arena_fmt(&e->scratch, "%s %s", mode_words[q->mode], q->task) : mode_words[q->mode];
  return q->on ? arena_fmt(&e->scratch, "%s on %s", what, q->on) : what;
}

static void told(struct engine *e, const struct engine_rerun *q, const struct live_run *r, int status,
                 const char *behind) {
  const char *object = arena_fmt(&e->scratch, "%s#%lld", q->run->pipeline_name, (long long)q->run->run.number);
  reply_run(e, &q->asker, status, r, behind);
  emit_audit(e, &q->asker.actor, "rerun", object, scope_text(e, q));
}

/* ---- a new round ---- */

static void reset(struct instance *i, const char *on) {
  /* Whoever had succeeded begins anew; whoever failed goes on from its checkpoint. */
  i->fresh_state = i->state == TASK_SUCCEEDED;
  i->failures = i->losses = 0;
  i->decided = i->marked = false;
  text_set(&i->on_asked, on);
  i->wait = WAIT_DEPENDENCIES;
  i->round = i->run->row.round;
  i->not_before = i->ready_at = i->started_at = i->ended_at = INSTANT_NONE;
  instance_move(i, TASK_ON_REOPEN, NULL);
}

static void rerun_round(struct engine *e, struct live_run *r, const struct engine_rerun *q, const bool *selected,
                        bool queue) {
  r->row.round++;
  for (size_t k = 0; k < r->len; k++)
    if (selected[k]) reset(&r->instances[k], q->on);
  run_open_round(r, scope_text(e, q), &q->asker.actor);
  run_enter(r);
  if (!queue)
    run_go(r);
  else {
    mark_run(r);
    emit_event(e, EVENT_ROW_RUN, r->entry, r, NULL, run_state_word(RUN_QUEUED), NULL);
  }
}

/* ---- a linked run ---- */

/* The parameters of the run that it comes from, the changed ones last, where they win. */
static size_t linked_params(struct live_run *from, const struct engine_rerun *q, const struct pipeline *spec,
                            struct param_given **out) {
  struct param_given *given = arena_new_array(&from->engine->scratch, from->spec->params_len + q->params_len + 1,
                                              struct param_given);
  size_t len = 0;
  for (size_t i = 0; i < from->spec->params_len; i++) {
    const char *name = from->spec->params[i].name;
    bool changed = pipeline_param(spec, name) < 0;
    for (size_t p = 0; p < q->params_len; p++) changed = changed || strcmp(q->params[p].name, name) == 0;
    if (!changed) given[len++] = (struct param_given){.name = name, .value = from->params[i]};
  }
  for (size_t p = 0; p < q->params_len; p++) given[len++] = q->params[p];
  *out = given;
  return len;
}

static struct live_run *linked_prepare(struct engine *e, struct entry *entry, struct live_run *from,
                                       const struct engine_rerun *q, const char **message) {
  bool newest = q->version == 2;
  struct run_order order = {
      .spec = newest ? entry->spec : from->spec,
      .version = newest ? entry->row.version : from->row.version,
      .trigger = TRIGGER_RERUN,
      .actor = q->asker.actor,
      .scheduled_for = from->row.scheduled_for,
      .interval_start = from->row.interval_start,
      .zone = from->row.zone,
      .schedule = from->row.schedule,
      .linked_from = from->row.key,
      .linked_from_id = from->row.id.text,
  };
  struct param_given *given;
  order.params_len = linked_params(from, q, order.spec, &given);
  order.params = given;
  return run_prepare(e, entry, &order, message);
}

static struct instance *label_find(struct live_run *r, struct map *labels, const char *label) {
  if (labels->len == 0)
    for (size_t k = 0; k < r->len; k++) map_put(labels, r->instances[k].label, &r->instances[k]);
  return map_get(labels, label);
}

/* The new run as if it had gone like the old one: labels match across runs. */
static void mirror(struct live_run *r, struct live_run *from) {
  struct map labels = {0};
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k], *old = label_find(from, &labels, i->label);
    if (old) i->state = old->state;
  }
  map_release(&labels);
  run_count(r);
}

static void adopt_kept(struct instance *i, const struct instance *old, const char *reason) {
  assert(old); /* select_tasks keeps nothing that is new */
  const struct task_spec *t = instance_task(i), *before = instance_task(old);
  i->attempt = old->attempt;
  i->output_attempt = old->output_attempt;
  i->started_at = old->started_at;
  i->ended_at = old->ended_at;
  i->marked = old->marked;
  i->state_host = old->state_host;
  text_set(&i->state_host_name, old->state_host_name);
  text_set(&i->reason, reason);
  if (!old->outputs || !t->outputs_len) return;
  struct value *outputs = arena_new_array(&i->run->arena, t->outputs_len, struct value);
  for (size_t k = 0; k < t->outputs_len; k++) {
    int at = task_output(before, t->outputs[k].name);
    outputs[k] = at < 0 ? value_null() : value_copy(&i->run->arena, &old->outputs[at]);
  }
  i->outputs = outputs;
}

static void keep_rest(struct live_run *r, struct live_run *from, const struct engine_rerun *q, const bool *selected) {
  struct map labels = {0};
  const char *reason = arena_fmt(&r->engine->scratch, "kept from %s", run_name(from, &r->engine->scratch));
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k];
    if (selected[k]) {
      i->state = TASK_WAITING;
      text_set(&i->on_asked, q->on);
    } else {
      adopt_kept(i, label_find(from, &labels, i->label), reason);
      r->preparing = true;
    }
  }
  map_release(&labels);
  /* The rows say so from the beginning: a restart of a queued one reads there that the copy isn't done. */
  for (size_t k = 0; r->preparing && k < r->len; k++)
    if (selected[k]) r->instances[k].wait = WAIT_FILES;
  run_count(r);
}

static void rerun_linked(struct engine *e, struct entry *entry, struct live_run *from, const struct engine_rerun *q,
                         bool differs) {
  const char *message;
  struct live_run *r = linked_prepare(e, entry, from, q, &message);
  if (!r) {
    reply_problem(e, &q->asker, 422, "%s", message);
    return;
  }
  bool *selected = arena_new_array(&e->scratch, r->len + 1, bool);
  mirror(r, from);
  message = select_tasks(r, q, selected);
  if (!message) message = rerun_on_objection(r, selected, q->on);
  if (message || q->asker.dry_run) {
    if (message)
      reply_problem(e, &q->asker, 409, "%s", message);
    else
      reply_preview(e, q, r, selected, true, differs);
    run_free(r);
    return;
  }
  bool queue = request_queues(entry, false);
  const char *behind = queue ? run_name(run_ahead(entry), &e->scratch) : NULL;
  keep_rest(r, from, q, selected);
  run_admit(r, queue);
  if (r->preparing) prepare_begin(r);
  told(e, q, r, 201, behind);
}

/* ---- the request ---- */

static bool refused(struct engine *e, const struct engine_rerun *q, const struct entry *entry, bool differs) {
  const char *name = arena_fmt(&e->scratch, "%s#%lld", q->run->pipeline_name, (long long)q->run->run.number);
  if (run_rows_old(e, q->run->run.id.text, &q->run->run)) {
    reply_look_again(e, &q->asker);
    return true;
  }
  if (run_find(e, q->run->run.id.text) || !run_state_ended(q->run->run.state)) {
    reply_problem(e, &q->asker, 409, "%s hasn't ended: wait, or cancel it first", name);
    return true;
  }
  if (!entry || !q->run->pipeline) {
    reply_problem(e, &q->asker, 409, "the version of %s is gone: trigger its pipeline anew", name);
    return true;
  }
  if (q->run->tasks_len == 0 && q->run->pipeline->tasks_len) {
    reply_problem(e, &q->asker, 409, "%s never had tasks: trigger its pipeline anew", name);
    return true;
  }
  if (differs && q->version == 0) {
    reply_problem(e, &q->asker, 409, "the file of %s has changed since: say --version same or --version newest",
                  name);
    return true;
  }
  return false;
}

void request_rerun(struct engine *e, const struct engine_rerun *q) {
  struct entry *entry = entry_by_key(e, q->run->run.pipeline);
  bool differs = entry && entry->spec && entry->row.present && entry->row.version != q->run->run.version;
  if (refused(e, q, entry, differs)) return;
  const char *message;
  struct live_run *from = run_from_rows(e, entry, q->run, &message);
  if (!from) {
    reply_problem(e, &q->asker, 409, "%s", message);
    return;
  }
  if (q->params_len || (differs && q->version == 2)) {
    rerun_linked(e, entry, from, q, differs);
    run_free(from);
    return;
  }
  bool *selected = arena_new_array(&e->scratch, from->len + 1, bool);
  message = select_tasks(from, q, selected);
  if (!message) message = rerun_on_objection(from, selected, q->on);
  if (message || q->asker.dry_run) {
    if (message)
      reply_problem(e, &q->asker, 409, "%s", message);
    else
      reply_preview(e, q, from, selected, false, differs);
    run_free(from);
    return;
  }
  bool queue = request_queues(entry, false);
  const char *behind = queue ? run_name(run_ahead(entry), &e->scratch) : NULL;
  rerun_round(e, from, q, selected, queue);
  told(e, q, from, 200, behind);
}
