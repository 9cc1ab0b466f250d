/* Every invariant of the model, looked at from the states alone and compared with what is kept beside them. */
#include <assert.h>
#include <string.h>

#include "scheduler/engine/instance.h"
#include "scheduler/engine/model.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/slot.h"
#include "scheduler/engine/timer.h"

static void check_instance(const struct live_run *r, const struct instance *i) {
  assert(i->run == r && i == &r->instances[i->index]);
  assert(task_state_live(i->state) == (i->live != NULL));
  if (i->live) assert(i->live->instance == i && !i->live->over && i->live->row.state == i->state);
  if (i->feed) assert(i->state == TASK_WAITING && i->decided && heap_has(&ready_instances, i) && instance_free(i));
  if (timer_pending(&i->retry)) assert(i->state == TASK_WAITING && i->wait == WAIT_RETRY && !i->feed);
  /* Nothing that could go on is forgotten: what waits with all its needs ended is in the queue or has a timer. */
  bool held = r->row.state == RUN_QUEUED || r->preparing || (instance_task(i)->finally && r->open);
  if (i->state == TASK_WAITING && instance_free(i) && !held) assert(i->feed || timer_pending(&i->retry));
  /* A task runs only after the recorded end of all that it needs. */
  if (i->live) assert(instance_free(i));
  if (r->row.state == RUN_CANCELLING && !instance_task(i)->finally) assert(i->state != TASK_WAITING);
}

static void check_counts(struct live_run *r) {
  size_t open = 0, open_finally = 0;
  for (uint32_t g = 0; g < r->spec->tasks_len; g++) {
    const struct group *group = &r->groups[g];
    const struct task_spec *t = &r->spec->tasks[g];
    uint32_t left = 0, good = 0, bad = 0, waiting = 0;
    for (uint32_t k = group->first; k < group->first + group->count; k++) {
      const struct instance *i = &r->instances[k];
      uint32_t same = 0;
      left += !task_state_ended(i->state);
      good += instance_good(i);
      bad += instance_bad(i);
      for (size_t n = 0; n < t->needs_len; n++)
        if (need_pairs(r, g, &t->needs[n]))
          same += !task_state_ended(r->instances[r->groups[t->needs[n].task].first + i->place].state);
      assert(same == i->waiting_same);
    }
    for (size_t n = 0; n < t->needs_len; n++)
      if (!need_pairs(r, g, &t->needs[n])) waiting += r->groups[t->needs[n].task].left > 0;
    assert(left == group->left && good == group->good && bad == group->bad && waiting == group->waiting);
    *(t->finally ? &open_finally : &open) += left;
  }
  assert(open == r->open && open_finally == r->open_finally);
}

static void check_feeds(const struct live_run *r) {
  bool room = r->max_tasks == 0 || (int64_t)r->live < r->max_tasks;
  for (const struct feed *f = r->feeds; f; f = f->next) {
    assert(f->run == r);
    if (heap_has(&ready_feeds, f))
      assert(f->ready.len > 0);
    else
      assert(f->ready.len == 0 || !room);
    for (size_t k = 0; k < f->ready.len; k++) assert(((struct instance *)f->ready.items[k])->feed == f);
  }
}

static void check_run(struct live_run *r) {
  assert(!run_state_ended(r->row.state) && !r->over);
  size_t live = 0;
  for (const struct attempt *a = r->attempts; a; a = a->next) {
    assert(a->run == r && !a->over && a->instance->live == a);
    live++;
  }
  assert(live == r->live && (r->max_tasks == 0 || (int64_t)live <= r->max_tasks));
  for (size_t k = 0; k < r->len; k++) check_instance(r, &r->instances[k]);
  check_counts(r);
  check_feeds(r);
  /* Stuck: nothing runs, nothing waits for a place or a time, and yet it hasn't ended. */
  if (r->row.state == RUN_QUEUED || r->preparing || r->live) return;
  bool moves = false;
  for (size_t k = 0; k < r->len && !moves; k++) moves = r->instances[k].feed || timer_pending(&r->instances[k].retry);
  assert(moves);
}

static void check_table(const struct engine *e, const struct slot_table *t, const struct host *h) {
  for (size_t s = 0; s < t->slots.len; s++)
    for (size_t u = 0; u < t->slots.items[s].units.len; u++) {
      const struct slot_unit *unit = &t->slots.items[s].units.items[u];
      if (!unit->holder) continue;
      bool held = false;
      for (size_t k = 0; k < unit->holder->held_len; k++) {
        const struct held *x = &unit->holder->held[k];
        held = held || (strcmp(x->slot, t->slots.items[s].name) == 0 && strcmp(x->unit, unit->name) == 0);
      }
      assert(held && !unit->holder->over && (!h || unit->holder->host == h));
      assert(map_get(&e->attempts_by_id, unit->holder->row.id.text) == unit->holder);
    }
}

static void check_remnants(const struct engine *e) {
  size_t all = 0;
  for (size_t i = 0; i < e->hosts.len; i++) all += e->hosts.items[i]->remnants;
  assert(all == e->remnants.len);
  for (size_t i = 0; i < e->remnants.len; i++) {
    const struct remnant *m = e->remnants.items[i];
    assert(!m->row.gone && !map_has(&e->attempts_by_id, m->row.attempt_id));
  }
}

static void check_slots(const struct engine *e) {
  for (size_t i = 0; i < e->hosts.len; i++) {
    size_t live = 0;
    for (size_t k = 0; k < e->attempts_by_id.len; k++)
      live += ((struct attempt *)e->attempts_by_id.entries[k].value)->host == e->hosts.items[i];
    assert(live == e->hosts.items[i]->live);
    check_table(e, &e->hosts.items[i]->table, e->hosts.items[i]);
  }
  check_table(e, &e->limits, NULL);
  for (size_t k = 0; k < e->attempts_by_id.len; k++) {
    const struct attempt *a = e->attempts_by_id.entries[k].value;
    for (size_t h = 0; h < a->held_len; h++) {
      const struct slot *s = slot_find(a->held[h].limit ? &e->limits : &a->host->table, a->held[h].slot);
      bool found = false;
      for (size_t u = 0; s && u < s->units.len; u++)
        found = found || (s->units.items[u].holder == a && strcmp(s->units.items[u].name, a->held[h].unit) == 0);
      assert(found);
    }
  }
}

static void check_entry(const struct engine *e, const struct entry *entry) {
  size_t live = 0, running = 0, queued = 0;
  for (const struct live_run *r = entry->first; r; r = r->next) {
    live++;
    running += r->row.state != RUN_QUEUED;
    queued += r->row.state == RUN_QUEUED;
    assert(map_get(&e->runs_by_id, r->row.id.text) == r);
  }
  assert(live == entry->live && running == entry->running);
  assert(queued == 0 || running > 0); /* a queue moves as soon as it can */
}

void engine_check(const struct engine *e) {
  assert(e->live == e->attempts_by_id.len && e->work.len == 0 && e->advance.len == 0);
  for (size_t i = 0; i < e->runs_by_id.len; i++) check_run(e->runs_by_id.entries[i].value);
  for (size_t i = 0; i < e->entries.len; i++) check_entry(e, e->entries.items[i]);
  check_slots(e);
  check_remnants(e);
}
