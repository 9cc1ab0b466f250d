/* What goes on that a person should look at: tasks that can't be reached, tasks that wait for very long. */
#include <string.h>

#include "scheduler/engine/attempt.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/run.h"

struct concerns {
  struct arena *arena;
  struct map by_cause; /* host or lane -> struct engine_concern */
  VEC(struct engine_concern *) list;
};

static void note_run(struct engine_concern *c, const char *run_id) {
  for (size_t i = 0; i < c->runs_len; i++)
    if (c->runs[i] == run_id) return;
  if (c->runs_len < ENGINE_CONCERN_RUNS) c->runs[c->runs_len++] = run_id;
}

/* True if this one has it longest so far, so that its words are the ones to tell. */
static bool note(struct concerns *all, const void *cause, const struct instance *i, instant since) {
  struct engine_concern *c = map_get_n(&all->by_cause, (const char *)&cause, sizeof cause);
  if (!c) {
    c = arena_new(all->arena, struct engine_concern);
    memset(c, 0, sizeof *c);
    map_put_n(&all->by_cause, (const char *)&cause, sizeof cause, c);
    vec_push(&all->list, c);
  }
  note_run(c, i->run->row.id.text);
  if (c->count++ > 0 && c->since <= since) return false;
  c->since = since;
  c->pipeline = i->run->entry->row.name;
  c->run_id = i->run->row.id.text;
  c->number = i->run->row.number;
  c->task = i->label;
  return true;
}

static struct engine_concern *concern_of(struct concerns *all, const void *cause) {
  return map_get_n(&all->by_cause, (const char *)&cause, sizeof cause);
}

static void note_unreachable(struct concerns *all, const struct live_run *r) {
  for (const struct attempt *a = r->attempts; a; a = a->next) {
    if (a->instance->state != TASK_UNREACHABLE) continue;
    instant since = a->row.unreachable_at != INSTANT_NONE ? a->row.unreachable_at : a->row.created_at;
    bool longest = note(all, a->host, a->instance, since);
    struct engine_concern *c = concern_of(all, a->host);
    c->overdue = c->overdue || a->overdue;
    if (!longest) continue;
    const char *reason = a->instance->reason ? a->instance->reason : a->reason;
    c->host = a->host->name;
    c->why = arena_strdup(all->arena, reason ? reason : "its host doesn't answer; it may still be running there");
  }
}

/* The kernel holds it, as when a disk doesn't answer. Its slots stay taken: it may still do what it was about to. */
static void note_stuck(struct concerns *all, const struct live_run *r, int64_t now) {
  for (struct attempt *a = r->attempts; a; a = a->next) {
    if (a->instance->state != TASK_STOPPING) continue;
    if (now - a->stopped.mono < attempt_grace(a, all->arena) + ENGINE_STUCK_LONG) continue;
    note(all, a, a->instance, a->stopped.wall);
    struct engine_concern *c = concern_of(all, a);
    c->stuck = true;
    c->host = a->host->name;
    c->why = arena_fmt(all->arena,
                       "it was told to stop and can't be killed on %s, as when a disk doesn't answer; "
                       "it keeps its slots",
                       a->host->name);
  }
}

static bool waits_long(const struct instance *i, instant now) {
  if (i->ready_at == INSTANT_NONE) return false;
  duration waited = now - i->ready_at;
  if (waited <= ENGINE_WAIT_NOTICED || waited > ENGINE_WAIT_LONG) return waited > ENGINE_WAIT_LONG;
  const struct stat_row *stat = map_get(&i->run->entry->stats, instance_task(i)->name);
  int64_t usual = stat ? stat_median_ms(stat) : -1;
  return usual >= 0 && waited > 3 * usual * USEC_PER_MS;
}

/* Every host that it may go to has refused us: waiting is no use before somebody did something. */
static bool refused_everywhere(const struct lane *lane) {
  size_t refused = 0;
  for (size_t i = 0; i < lane->hosts.len; i++) {
    const struct host *h = lane->hosts.items[i];
    refused += h->config && h->row.order == HOST_ORDER_UP && h->row.contact == HOST_CONTACT_REFUSED;
  }
  return refused > 0 && refused == lane->hosts.len;
}

static void note_waiting(struct concerns *all, const struct live_run *r, instant now) {
  if (!run_has_room(r)) return;
  for (const struct feed *f = r->feeds; f; f = f->next) {
    bool at_once = refused_everywhere(f->lane);
    for (size_t k = 0; k < f->ready.len; k++) {
      struct instance *i = f->ready.items[k];
      if ((!at_once && !waits_long(i, now)) || !note(all, f->lane, i, i->ready_at)) continue;
      struct engine_concern *c = concern_of(all, f->lane);
      struct buf why = {0};
      ready_explain(r->engine, i, &why);
      c->waits = true;
      c->why = arena_strdup(all->arena, buf_cstr(&why));
      buf_release(&why);
    }
  }
}

size_t engine_concerns(const struct engine *e, struct moment now, struct arena *a, struct engine_concern **out) {
  struct concerns all = {.arena = a};
  for (size_t i = 0; i < e->runs_by_id.len; i++) {
    const struct live_run *r = e->runs_by_id.entries[i].value;
    note_unreachable(&all, r);
    note_stuck(&all, r, now.mono);
    if (e->pause.at == INSTANT_NONE) note_waiting(&all, r, now.wall);
  }
  size_t len = all.list.len;
  *out = arena_new_array(a, len + 1, struct engine_concern);
  for (size_t i = 0; i < len; i++) (*out)[i] = *all.list.items[i];
  map_release(&all.by_cause);
  vec_release(&all.list);
  return len;
}

size_t engine_busy(const struct engine *e, const char *run_id, struct engine_busy *out, size_t max) {
  const struct live_run *r = map_get(&e->runs_by_id, run_id);
  size_t len = 0;
  for (const struct attempt *a = r ? r->attempts : NULL; a && len < max; a = a->next)
    out[len++] = (struct engine_busy){a->instance->label, a->instance->state};
  return len;
}
