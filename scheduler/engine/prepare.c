#include "scheduler/engine/prepare.h"

#include "scheduler/engine/emit.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/run.h"

/* The tasks can't have their files, so they fail: the reason stands with each that would have run. */
static void prepare_failed(struct live_run *r, const char *error) {
  const char *reason = arena_fmt(&r->engine->scratch, "the files of the run it came from: %s", error);
  r->preparing = false;
  for (size_t k = 0; k < r->len; k++) {
    struct instance *i = &r->instances[k];
    if (i->state == TASK_WAITING && instance_free(i) && !instance_task(i)->finally)
      instance_move(i, TASK_ON_FAIL, reason);
  }
  run_release(r);
}

void prepare_begin(struct live_run *r) {
  struct engine *e = r->engine;
  struct arena *a = &e->out->arena;
  if (!r->linked_from_id) {
    prepare_failed(r, "they can't be found");
    return;
  }
  const char **keys = arena_new_array(a, r->len + 1, const char *);
  size_t len = 0;
  for (size_t k = 0; k < r->len; k++) {
    const struct task_spec *t = instance_task(&r->instances[k]);
    if (!task_state_ended(r->instances[k].state)) continue;
    /* The names that launch_build gives them. */
    keys[len++] = t->matrix_len ? arena_fmt(a, "%s.%u", t->name, r->instances[k].place) : arena_strdup(a, t->name);
  }
  struct decision d = {.kind = DECISION_PREPARE};
  d.prepare.run_id = arena_strdup(a, r->row.id.text);
  d.prepare.from_run_id = arena_strdup(a, r->linked_from_id);
  d.prepare.state_keys = keys;
  d.prepare.state_keys_len = len;
  vec_push(&e->out->decisions, d);
}

void prepare_done(struct engine *e, const struct engine_prepared *ev) {
  struct live_run *r = run_find(e, ev->run_id);
  if (!r || !r->preparing) return;
  if (ev->error) {
    prepare_failed(r, ev->error);
    return;
  }
  r->preparing = false;
  run_release(r);
}

void prepare_again(struct engine *e) {
  for (size_t i = 0; i < e->unprepared.len; i++)
    if (e->unprepared.items[i]->preparing) prepare_begin(e->unprepared.items[i]);
  e->unprepared.len = 0;
}
