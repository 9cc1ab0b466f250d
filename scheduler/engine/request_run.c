/* Requests that make a run or end something of it: trigger, cancel, retry now. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/schedule.h"
#include "scheduler/engine/timer.h"

struct live_run *run_find(const struct engine *e, const char *id) {
  return map_get(&e->runs_by_id, id);
}

struct live_run *run_just_ended(const struct engine *e, const char *id) {
  for (size_t i = e->over.len; i-- > 0;)
    if (strcmp(e->over.items[i]->row.id.text, id) == 0) return e->over.items[i];
  for (size_t i = e->over_before.len; i-- > 0;)
    if (strcmp(e->over_before.items[i]->row.id.text, id) == 0) return e->over_before.items[i];
  return NULL;
}

static const struct kept_change *change_find(const struct engine *e, const char *id) {
  for (size_t i = e->changed.len; i-- > 0;)
    if (strcmp(e->changed.items[i].id.text, id) == 0) return &e->changed.items[i];
  for (size_t i = e->changed_before.len; i-- > 0;)
    if (strcmp(e->changed_before.items[i].id.text, id) == 0) return &e->changed_before.items[i];
  return NULL;
}

bool run_rows_old(const struct engine *e, const char *id, const struct run_row *read) {
  const struct live_run *r = run_just_ended(e, id);
  const struct kept_change *change = change_find(e, id);
  if (!read) return r != NULL;
  if (r && (r->row.round != read->round || r->row.state != read->state || r->row.keep != read->keep)) return true;
  return !r && change && change->keep != read->keep;
}

bool request_queues(const struct entry *entry, bool now) {
  if (now || !entry->live) return false;
  return !entry->spec || !entry->spec->schedules_len || entry->spec->schedules[0].overlap != OVERLAP_ALLOW;
}

/* ---- trigger ---- */

static struct entry *triggered(struct engine *e, const struct engine_trigger *q) {
  struct entry *entry = entry_find(e, q->pipeline);
  if (!entry || !entry->row.present) {
    reply_problem(e, &q->asker, 404, "there is no pipeline '%s': `rota list` shows all of them", q->pipeline);
    return NULL;
  }
  if (!entry->spec) {
    reply_problem(e, &q->asker, 409,
                  "the file of '%s' has errors and no earlier version is known: `rota validate` "
                  "shows them",
                  q->pipeline);
    return NULL;
  }
  return entry;
}

static void reply_plan(struct engine *e, const struct engine_asker *asker, const struct live_run *r) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_key(&j, "params");
  jsonw_raw(&j, r->row.params, strlen(r->row.params));
  jsonw_key(&j, "tasks");
  jsonw_array(&j);
  for (size_t i = 0; i < r->len; i++) jsonw_string(&j, r->instances[i].label);
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  reply_json(e, asker, 200, &body);
  buf_release(&body);
}

/* What the caller couldn't see in the rows: a live run, or the run that a schedule has just made. */
static bool has_instant(struct engine *e, const struct entry *entry, const struct engine_trigger *q) {
  const struct live_run *live = run_of_instant(entry, q->scheduled_for);
  bool fired = false;
  for (size_t i = 0; i < entry->schedules.len; i++) {
    const struct firing_row *last = &entry->schedules.items[i]->last;
    fired = fired || (last->key && last->outcome == FIRING_RUN && last->scheduled_for == q->scheduled_for);
  }
  if (!live && !fired) return false;
  reply_problem(e, &q->asker, 409, "%s is for this instant already: rerun it, or make another one by force",
                live ? run_name(live, &e->scratch) : arena_fmt(&e->scratch, "a run of %s", entry->row.name));
  return true;
}

void request_trigger(struct engine *e, const struct engine_trigger *q) {
  struct entry *entry = triggered(e, q);
  if (!entry || (q->once && has_instant(e, entry, q))) return;
  const struct pipeline *p = entry->spec;
  instant at = q->scheduled_for == INSTANT_NONE ? e->now.wall : q->scheduled_for;
  struct run_order order = {
      .spec = entry->spec,
      .version = entry->row.version,
      .trigger = q->trigger,
      .actor = q->asker.actor,
      .scheduled_for = at,
      .interval_start = schedule_interval(entry, at),
      .zone = p->schedules_len ? p->schedules[0].zone : NULL,
      .params = q->params,
      .params_len = q->params_len,
      .fresh = q->now,
  };
  const char *message;
  struct live_run *r = run_prepare(e, entry, &order, &message);
  if (!r) {
    reply_problem(e, &q->asker, 422, "%s", message);
    return;
  }
  if (q->asker.dry_run) {
    reply_plan(e, &q->asker, r);
    run_free(r);
    return;
  }
  bool queue = request_queues(entry, q->now);
  const char *behind = queue ? run_name(run_ahead(entry), &e->scratch) : NULL;
  run_admit(r, queue);
  reply_run(e, &q->asker, 201, r, behind);
  emit_audit(e, &q->asker.actor, "trigger", run_name(r, &e->scratch), r->row.params);
}

/* ---- cancel ---- */

static struct live_run *asked_run(struct engine *e, const struct engine_asker *asker, const char *run_id) {
  struct live_run *r = run_find(e, run_id);
  if (!r)
    reply_problem(e, asker, 409, "the run has ended already: nothing is left to change; `rota rerun` runs it again");
  return r;
}

static struct instance *asked_task(struct engine *e, const struct engine_asker *asker, struct live_run *r,
                                   const char *task) {
  struct instance *i = instance_find(r, task);
  if (!i) reply_problem(e, asker, 404, "%s has no task '%s': `rota show` lists them", run_name(r, &e->scratch), task);
  return i;
}

static const char *who(const struct engine_asker *asker) {
  return asker->actor.name ? asker->actor.name : asker->actor.id ? asker->actor.id : "someone";
}

/* Told to end, but who can't be asked doesn't answer: ended all the same, if that is wanted. The number of those. */
static size_t abandon(struct engine *e, const struct engine_cancel *q, struct instance *i) {
  struct attempt *a = i->live;
  if (!q->abandon || !a || (host_answers(a->host) && i->state != TASK_UNREACHABLE)) return 0;
  if (q->asker.dry_run) return 1;
  if (!a->row.stop_asked) attempt_stop(a, arena_fmt(&e->scratch, "cancelled by %s", who(&q->asker)), false);
  struct buf why = {0};
  if (host_answers(a->host))
    buf_fmt(&why, "%s didn't answer", a->host->name);
  else
    host_explain(e, a->host, &why);
  attempt_give_up(a, arena_strdup(&e->scratch, buf_cstr(&why)), true);
  buf_release(&why);
  return 1;
}

static const char *abandoned_text(struct engine *e, size_t abandoned) {
  if (!abandoned) return "";
  return arena_fmt(&e->scratch, "; %zu that can't be reached %s ended without being confirmed", abandoned,
                   abandoned == 1 ? "is" : "are");
}

static void cancel_task(struct engine *e, const struct engine_cancel *q, struct live_run *r) {
  struct instance *first = asked_task(e, &q->asker, r, q->task);
  if (!first) return;
  /* A task's name means all its instances, a label or a place one of them. */
  const struct group *g = &r->groups[first->group];
  bool all = pipeline_task(r->spec, q->task) >= 0;
  const char *reason = arena_fmt(&e->scratch, "cancelled by %s", who(&q->asker));
  size_t stopped = 0, abandoned = 0;
  for (uint32_t k = all ? g->first : first->index; k < (all ? g->first + g->count : first->index + 1); k++) {
    struct instance *i = &r->instances[k];
    if (task_state_ended(i->state)) continue;
    stopped++;
    /* Asked again, it ends without its grace. */
    if (!q->asker.dry_run) instance_cancel(i, reason, !q->abandon && i->live && i->live->row.stop_asked);
    abandoned += abandon(e, q, i);
  }
  if (!stopped) {
    reply_problem(e, &q->asker, 409, "%s of %s has ended already: %s", q->task, run_name(r, &e->scratch),
                  task_state_word(first->state));
    return;
  }
  const char *object = arena_fmt(&e->scratch, "%s %s", run_name(r, &e->scratch), q->task);
  if (!q->asker.dry_run) emit_audit(e, &q->asker.actor, "cancel", object, q->abandon ? "abandon" : NULL);
  reply_done(e, &q->asker, "%s is being stopped%s", object, abandoned_text(e, abandoned));
}

void request_cancel(struct engine *e, const struct engine_cancel *q) {
  struct live_run *r = asked_run(e, &q->asker, q->run_id);
  if (!r) return;
  if (q->task) {
    cancel_task(e, q, r);
    return;
  }
  const char *name = run_name(r, &e->scratch);
  bool cancelling = r->row.state == RUN_CANCELLING, again = cancelling && !q->abandon;
  if (!q->asker.dry_run) {
    if (!cancelling || again) run_cancel(r, arena_fmt(&e->scratch, "cancelled by %s", who(&q->asker)));
    emit_audit(e, &q->asker.actor, "cancel", name,
               q->abandon ? "abandon"
               : again    ? "again: at once, without `finally`"
                          : NULL);
  }
  size_t abandoned = 0;
  for (size_t k = 0; q->abandon && k < r->len; k++) abandoned += abandon(e, q, &r->instances[k]);
  if (again)
    reply_done(e, &q->asker, "%s: what still runs is being killed", name);
  else
    reply_done(e, &q->asker, "%s is being cancelled%s", name, abandoned_text(e, abandoned));
}

/* ---- retry now ---- */

void request_retry_now(struct engine *e, const struct engine_retry_now *q) {
  struct live_run *r = asked_run(e, &q->asker, q->run_id);
  struct instance *first = r ? asked_task(e, &q->asker, r, q->task) : NULL;
  if (!first) return;
  const struct group *g = &r->groups[first->group];
  bool all = pipeline_task(r->spec, q->task) >= 0;
  size_t found = 0;
  for (uint32_t k = all ? g->first : first->index; k < (all ? g->first + g->count : first->index + 1); k++) {
    struct instance *i = &r->instances[k];
    if (i->wait != WAIT_RETRY || !timer_pending(&i->retry)) continue;
    found++;
    if (!q->asker.dry_run) instance_retry_over(i);
  }
  const char *object = arena_fmt(&e->scratch, "%s %s", run_name(r, &e->scratch), q->task);
  if (!found) {
    reply_problem(e, &q->asker, 409, "%s doesn't wait for a retry: `rota why` says what it does", object);
    return;
  }
  if (!q->asker.dry_run) emit_audit(e, &q->asker.actor, "retry-now", object, NULL);
  reply_done(e, &q->asker, "%s is tried again now", object);
}
