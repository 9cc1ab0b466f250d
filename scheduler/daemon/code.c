#include "scheduler/daemon/code.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "scheduler/daemon/work_tree.h"

void code_init(struct code_lookups *l, uv_loop_t *loop, struct core *core) {
  *l = (struct code_lookups){.loop = loop, .core = core};
}

void code_release(struct code_lookups *l) {
  map_release(&l->asked);
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

static void on_found(void *ctx, const char *run_id, const char *dir, const char *commit, int dirty) {
  struct code_lookups *l = ctx;
  if (commit) put_event(l, run_id, dir, commit, dirty);
  if (--l->pending == 0 && l->settled) l->settled(l->ctx);
}

static void look_up(struct code_lookups *l, const struct names *names, const struct attempt_row *attempt) {
  const struct run_name *run = names_run(names, attempt->run);
  if (!run || !attempt->dir || attempt->git_commit) return;
  char *key = alloc_fmt("%s %s", run->id.text, attempt->dir);
  if (!map_has(&l->asked, key)) {
    map_put(&l->asked, key, NULL);
    l->pending++;
    work_tree_look_up(l->loop, run->id.text, attempt->dir, on_found, l);
  }
  free(key);
}

void code_committed(struct code_lookups *l, const struct names *names, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_ATTEMPT) look_up(l, names, &changes[i].attempt);
  }
  /* Runs that have ended are asked about no more: the map starts anew when nothing is live. */
  if (l->asked.len > 0 && engine_runs(core_engine(l->core)) == 0) code_release(l);
}
