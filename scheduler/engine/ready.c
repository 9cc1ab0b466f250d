#include "scheduler/engine/ready.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/lane.h"
#include "scheduler/engine/scope_view.h"

static bool instance_before(const void *a, const void *b) {
  const struct instance *x = a, *y = b;
  if (x->priority != y->priority) return x->priority > y->priority;
  int64_t px = x->run->groups[x->group].path, py = y->run->groups[y->group].path;
  if (px != py) return px > py;
  if (x->run != y->run) return x->run->row.key < y->run->row.key;
  return x->index < y->index;
}

static const void *feed_best(const struct feed *f) {
  return heap_top(&f->ready);
}

static bool feed_before(const void *a, const void *b) {
  return instance_before(feed_best(a), feed_best(b));
}

static bool lane_before(const void *a, const void *b) {
  const struct lane *x = a, *y = b;
  return feed_before(heap_top(&x->heap), heap_top(&y->heap));
}

const struct heap_kind ready_instances = {instance_before, offsetof(struct instance, ready_place)};
const struct heap_kind ready_feeds = {feed_before, offsetof(struct feed, place)};
static const struct heap_kind lanes_by_best = {lane_before, offsetof(struct lane, place)};

bool run_has_room(const struct live_run *r) {
  return r->max_tasks == 0 || (int64_t)r->live < r->max_tasks;
}

static struct feed *feed_of(struct live_run *r, struct lane *lane) {
  for (struct feed *f = r->feeds; f; f = f->next)
    if (f->lane == lane) return f;
  struct feed *f = alloc_new(struct feed);
  f->run = r;
  f->lane = lane;
  f->next = r->feeds;
  r->feeds = f;
  lane->feeds++;
  return f;
}

int ready_add(struct instance *i, const char **message) {
  struct engine *e = i->run->engine;
  struct lane *lane;
  int err = lane_of_instance(i, &lane, message);
  if (err) return err;
  struct scope scope;
  scope_of_instance(i, &scope);
  err = setting_int(instance_task(i)->priority, &scope, &e->scratch, i->run->priority, INT32_MIN, INT32_MAX,
                    &i->priority, message);
  if (err) return err;
  struct feed *f = feed_of(i->run, lane);
  i->feed = f;
  heap_push(&f->ready, &ready_instances, i);
  if (heap_has(&ready_feeds, f))
    heap_fix(&lane->heap, &ready_feeds, f);
  else if (run_has_room(i->run))
    heap_push(&lane->heap, &ready_feeds, f);
  e->try_dispatch = true;
  i->wait = ready_wait(e, i);
  return 0;
}

void ready_remove(struct instance *i) {
  struct feed *f = i->feed;
  if (!f) return;
  /* The feed leaves its lane while its best task may change: the order of the lane's heap must hold throughout. */
  bool shown = heap_has(&ready_feeds, f);
  heap_remove(&f->lane->heap, &ready_feeds, f);
  heap_remove(&f->ready, &ready_instances, i);
  if (shown && f->ready.len) heap_push(&f->lane->heap, &ready_feeds, f);
  i->feed = NULL;
  i->run->engine->try_dispatch = true;
}

void ready_room(struct live_run *r) {
  if (!run_has_room(r)) return;
  for (struct feed *f = r->feeds; f; f = f->next)
    if (f->ready.len && !heap_has(&ready_feeds, f)) {
      heap_push(&f->lane->heap, &ready_feeds, f);
      r->engine->try_dispatch = true;
    }
}

/* What could not be launched. It fails after the dispatch: what follows from that may take others out of the queue.
 */
struct unlaunched {
  struct instance *instance;
  const char *message;
};
struct unlaunched_list {
  VEC(struct unlaunched) list;
};

/* Starts the best task of a lane; false if there is no place for it. */
static bool lane_start(struct engine *e, struct lane *lane, struct unlaunched_list *unlaunched) {
  struct feed *f = heap_top(&lane->heap);
  if (!run_has_room(f->run)) {
    heap_remove(&lane->heap, &ready_feeds, f);
    return true;
  }
  struct host *host = lane_host(e, lane);
  if (!host) {
    lane_claim(e, lane);
    return false;
  }
  struct instance *i = heap_top(&f->ready);
  ready_remove(i);
  struct demand cpu;
  size_t len;
  const struct demand *demands = lane_demands(lane, host, &cpu, &len);
  const char *message;
  engine_deciding(e, i->run);
  if (attempt_begin(i, host, demands, len, &message)) vec_push(&unlaunched->list, ((struct unlaunched){i, message}));
  return true;
}

void ready_dispatch(struct engine *e) {
  if (!e->try_dispatch || e->pause.at != INSTANT_NONE) return;
  e->try_dispatch = false;
  e->dispatch++;
  struct heap tries = {0};
  for (size_t i = 0; i < e->lanes.len; i++)
    if (e->lanes.items[i]->heap.len) heap_push(&tries, &lanes_by_best, e->lanes.items[i]);
  struct lane *lane;
  struct unlaunched_list unlaunched = {0};
  while ((lane = heap_top(&tries)) && (e->config->max_tasks == 0 || (int64_t)e->live < e->config->max_tasks)) {
    heap_remove(&tries, &lanes_by_best, lane);
    if (lane_start(e, lane, &unlaunched) && lane->heap.len) heap_push(&tries, &lanes_by_best, lane);
  }
  while (heap_pop(&tries, &lanes_by_best)) continue;
  heap_release(&tries);
  /* What the starts themselves took out of the queue is no reason to look again; what they left open is settled. */
  e->try_dispatch = false;
  for (size_t k = 0; k < unlaunched.list.len; k++) {
    struct instance *i = unlaunched.list.items[k].instance;
    if (i->state != TASK_WAITING) continue; /* `fail_fast`: the one before it has ended it */
    instance_move(i, TASK_ON_FAIL, unlaunched.list.items[k].message);
  }
  vec_release(&unlaunched.list);
}

enum wait_reason ready_wait(const struct engine *e, const struct instance *i) {
  if (e->pause.at != INSTANT_NONE) return WAIT_PAUSED;
  return lane_closed(i->feed->lane) ? WAIT_HOST : WAIT_SLOT;
}

void ready_relabel(struct engine *e) {
  for (size_t l = 0; l < e->runs_by_id.len; l++) {
    struct live_run *r = e->runs_by_id.entries[l].value;
    for (struct feed *f = r->feeds; f; f = f->next)
      for (size_t k = 0; k < f->ready.len; k++) {
        struct instance *i = f->ready.items[k];
        enum wait_reason wait = ready_wait(e, i);
        if (wait == i->wait) continue;
        i->wait = wait;
        mark_task(i);
      }
  }
  e->relabel = false;
  e->try_dispatch = true;
}

void ready_replace(struct engine *e) {
  VEC(struct instance *) bound = {0};
  for (size_t l = 0; l < e->runs_by_id.len; l++) {
    const struct live_run *r = e->runs_by_id.entries[l].value;
    for (const struct feed *f = r->feeds; f; f = f->next)
      for (size_t k = 0; k < f->ready.len; k++) {
        struct instance *i = f->ready.items[k];
        if (i->state_host_name) vec_push(&bound, i);
      }
  }
  for (size_t k = 0; k < bound.len; k++) {
    struct instance *i = bound.items[k];
    const char *message;
    if (!i->feed) continue; /* what another's end brought about took it away */
    ready_remove(i);
    if (ready_add(i, &message)) instance_move(i, TASK_ON_FAIL, message);
  }
  vec_release(&bound);
}

void ready_configure(struct engine *e) {
  for (size_t i = 0; i < e->lanes.len; i++) lane_configure(e, e->lanes.items[i]);
  ready_relabel(e);
}

void ready_explain(struct engine *e, struct instance *i, struct buf *out) {
  struct live_run *r = i->run;
  if (e->pause.at != INSTANT_NONE) {
    buf_fmt(out, "everything is paused%s%s: %s", e->pause_by ? " by " : "", e->pause_by ? e->pause_by : "",
            e->pause_reason ? e->pause_reason : "no reason was given");
  } else if (!run_has_room(r)) {
    buf_fmt(out, "waits for its run: %zu of %lld tasks run (max_tasks)", r->live, (long long)r->max_tasks);
  } else if (e->config->max_tasks && (int64_t)e->live >= e->config->max_tasks) {
    buf_fmt(out, "waits for any task to end: %zu of %lld run (max_tasks of the configuration)", e->live,
            (long long)e->config->max_tasks);
  } else {
    lane_explain(e, i->feed->lane, out);
  }
}

void ready_forget(struct live_run *r) {
  while (r->feeds) {
    struct feed *f = r->feeds;
    r->feeds = f->next;
    heap_remove(&f->lane->heap, &ready_feeds, f);
    heap_release(&f->ready);
    if (--f->lane->feeds == 0) lane_free(r->engine, f->lane);
    free(f);
  }
}

void ready_release(struct engine *e) {
  while (e->lanes.len) lane_free(e, e->lanes.items[0]);
  vec_release(&e->lanes);
  map_release(&e->lanes_by_key);
}
