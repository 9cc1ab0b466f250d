#include "worker/local_prepare.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/tree_copy.h"

struct prepare {
  struct job job;
  const struct local_place *place;
  char run_id[RUNDIR_ID_LEN + 1], from_run_id[RUNDIR_ID_LEN + 1];
  char **state_keys;
  size_t state_keys_len;
  prepared_fn *prepared;
  void *ctx;
  int err;
  char *text;
};

static bool closing(const void *ctx) {
  return crew_closing(ctx);
}

static void hand_on(struct prepare *p, const char *what, const char *suffix, const char *key) {
  const char *state = p->place->state_dir;
  if (p->err) return;
  char *from = alloc_fmt("%s/work/%s%s%s", state, p->from_run_id, suffix, key);
  char *to = alloc_fmt("%s/work/%s%s%s", state, p->run_id, suffix, key);
  int err = tree_copy(from, to, closing, p->place->crew);
  if (err && err != ERR_NOT_FOUND) {
    p->err = err;
    p->text = alloc_fmt("%s%s of the other run can't be copied: %s", what, key, err_text(err));
  }
  free(from);
  free(to);
}

static void prepare_run(struct job *j) {
  struct prepare *p = (struct prepare *)j;
  char *state = alloc_fmt("%s/work/%s.state", p->place->state_dir, p->run_id);
  hand_on(p, "ROTA_WORK", "", "");
  if (!p->err && p->state_keys_len > 0) p->err = dir_make(state, 0700);
  for (size_t i = 0; i < p->state_keys_len; i++) hand_on(p, "ROTA_STATE ", ".state/", p->state_keys[i]);
  free(state);
}

static void prepare_done(struct job *j, bool dropped) {
  struct prepare *p = (struct prepare *)j;
  if (!dropped) p->prepared(p->ctx, p->run_id, p->err, p->err && !p->text ? err_text(p->err) : p->text);
  for (size_t i = 0; i < p->state_keys_len; i++) free(p->state_keys[i]);
  free(p->state_keys);
  free(p->text);
  free(p);
}

void prepare_submit(const struct local_place *place, const char *run_id, const char *from_run_id,
                    const char *const *state_keys, size_t state_keys_len, prepared_fn *prepared, void *ctx) {
  struct prepare *p = alloc_new(struct prepare);
  p->job = (struct job){.run = prepare_run, .done = prepare_done};
  p->place = place;
  p->prepared = prepared;
  p->ctx = ctx;
  p->state_keys = alloc_zeroed(state_keys_len + 1, sizeof *p->state_keys);
  p->state_keys_len = state_keys_len;
  for (size_t i = 0; i < state_keys_len; i++) p->state_keys[i] = alloc_strdup(state_keys[i]);
  snprintf(p->run_id, sizeof p->run_id, "%s", run_id);
  snprintf(p->from_run_id, sizeof p->from_run_id, "%s", from_run_id);
  crew_submit(place->crew, LANE_COPY, &p->job, false);
}
