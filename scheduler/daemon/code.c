#include "scheduler/daemon/code.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "scheduler/daemon/work_tree.h"

#define AT_ONCE 2

struct place {
  struct id run;
  char *dir;
};

struct code_lookups {
  uv_loop_t *loop;
  struct core *core;
  struct map asked; /* run's key as bytes -> struct map of its directories */
  VEC(struct place) queue;
  size_t next; /* of the queue */
  int under_way;
  atomic_bool stop;
  void (*settled)(void *ctx);
  void *ctx;
};

struct code_lookups *code_new(uv_loop_t *loop, struct core *core) {
  struct code_lookups *l = alloc_new(struct code_lookups);
  l->loop = loop;
  l->core = core;
  return l;
}

static void forget(struct code_lookups *l, int64_t run) {
  struct map *dirs = map_remove_n(&l->asked, (const char *)&run, sizeof run);
  if (dirs) map_release(dirs);
  free(dirs);
}

static void queue_empty(struct code_lookups *l) {
  for (; l->next < l->queue.len; l->next++) free(l->queue.items[l->next].dir);
  l->queue.len = l->next = 0;
}

void code_free(struct code_lookups *l) {
  if (!l) return;
  atomic_store(&l->stop, true);
  queue_empty(l);
  if (l->under_way > 0) return;
  for (size_t i = 0; i < l->asked.len; i++) {
    map_release(l->asked.entries[i].value);
    free(l->asked.entries[i].value);
  }
  map_release(&l->asked);
  vec_release(&l->queue);
  free(l);
}

void code_on_settled(struct code_lookups *l, void (*settled)(void *ctx), void *ctx) {
  l->settled = settled;
  l->ctx = ctx;
}

bool code_settled(const struct code_lookups *l) {
  return l->under_way == 0;
}

static void put_event(struct code_lookups *l, const char *run_id, const char *dir, const char *commit, int dirty) {
  struct inbox *inbox = core_inbox(l->core);
  struct arena *a = inbox_arena(inbox);
  struct engine_code *e = &inbox_add(inbox, ENGINE_CODE)->code;
  e->run_id = arena_strdup(a, run_id);
  e->dir = arena_strdup(a, dir);
  e->commit = arena_strdup(a, commit);
  e->dirty = dirty;
}

static void work_on(struct code_lookups *l);

static void on_found(void *ctx, const char *run_id, const char *dir, const char *commit, int dirty) {
  struct code_lookups *l = ctx;
  l->under_way--;
  if (atomic_load(&l->stop)) {
    code_free(l);
    return;
  }
  if (commit) put_event(l, run_id, dir, commit, dirty);
  work_on(l);
  if (l->under_way == 0 && l->settled) l->settled(l->ctx);
}

static void work_on(struct code_lookups *l) {
  while (l->under_way < AT_ONCE && l->next < l->queue.len) {
    struct place place = l->queue.items[l->next++];
    l->under_way++;
    work_tree_look_up(l->loop, place.run.text, place.dir, &l->stop, on_found, l);
    free(place.dir);
  }
  if (l->next == l->queue.len) queue_empty(l);
}

static void look_up(struct code_lookups *l, const struct names *names, const struct attempt_row *attempt) {
  const struct run_name *run = names_run(names, attempt->run);
  if (!run || !attempt->dir || attempt->git_commit) return;
  struct map *dirs = map_get_n(&l->asked, (const char *)&attempt->run, sizeof attempt->run);
  if (!dirs) {
    dirs = alloc_new(struct map);
    map_put_n(&l->asked, (const char *)&attempt->run, sizeof attempt->run, dirs);
  }
  if (map_has(dirs, attempt->dir)) return;
  map_put(dirs, attempt->dir, NULL);
  struct place place = {.run = run->id, .dir = alloc_strdup(attempt->dir)};
  vec_push(&l->queue, place);
}

void code_committed(struct code_lookups *l, const struct names *names, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_ATTEMPT) look_up(l, names, &changes[i].attempt);
  }
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_RUN && run_state_ended(changes[i].run.state)) forget(l, changes[i].run.key);
  }
  work_on(l);
}
