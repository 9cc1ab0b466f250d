#include "scheduler/engine/remnant.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/attempt.h"
#include "scheduler/engine/emit.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/report.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/timer.h"

static struct remnant *remnant_new(struct engine *e, const struct remnant_row *row) {
  struct remnant *m = alloc_new(struct remnant);
  m->host = host_or_gone(e, row->host);
  m->row = *row;
  m->row.host = m->host->name;
  m->row.run_id = alloc_strdup(row->run_id);
  m->row.attempt_id = alloc_strdup(row->attempt_id);
  m->row.what = alloc_strdup(row->what);
  m->row.reason = row->reason ? alloc_strdup(row->reason) : NULL;
  m->host->remnants++;
  e->relabel = true;
  vec_push(&e->remnants, m);
  return m;
}

static void remnant_free(struct remnant *m) {
  row_text_set(&m->row.run_id, NULL);
  row_text_set(&m->row.attempt_id, NULL);
  row_text_set(&m->row.what, NULL);
  row_text_set(&m->row.reason, NULL);
  free(m);
}

static void decide_clear(struct engine *e, const struct remnant *m) {
  struct decision d = {.kind = DECISION_CLEAR};
  d.clear.host = arena_strdup(&e->out->arena, m->host->name);
  d.clear.run_id = arena_strdup(&e->out->arena, m->row.run_id);
  d.clear.attempt_id = arena_strdup(&e->out->arena, m->row.attempt_id);
  vec_push(&e->out->decisions, d);
}

void attempt_give_up(struct attempt *a, const char *reason, bool unsure) {
  struct engine *e = a->run->engine;
  if (a->row.stop_asked)
    reason = arena_fmt(&e->scratch, "%s; not confirmed: %s", a->stop_reason ? a->stop_reason : "cancelled", reason);
  if (timer_pending(&a->again) && !a->doubtful) {
    /* There is no process, and nobody has it in hand. */
    report_fenced(a, a->row.stop_asked ? reason : arena_fmt(&e->scratch, "it was kept from starting: %s", reason));
    return;
  }
  struct remnant_row row = {
      .attempt = a->row.key,
      .host = a->host->name,
      .run_id = a->run->row.id.text,
      .attempt_id = a->row.id.text,
      .what = arena_fmt(&e->scratch, "%s %s", run_name(a->run, &e->scratch), a->instance->label),
      .reason = reason,
      .since = e->now.wall,
      .run = a->run->row.key,
      .task = a->instance->index,
      .unsure = unsure,
  };
  struct remnant *m = remnant_new(e, &row);
  emit_remnant(e, &m->row);
  decide_clear(e, m);
  attempt_ran(a);
  report_end(a, a->row.stop_asked ? TASK_CANCELLED : TASK_LOST, STATUS_NONE, reason);
}

static void remnant_remove(struct engine *e, size_t i) {
  struct remnant *m = e->remnants.items[i];
  m->row.gone = true;
  emit_remnant(e, &m->row);
  m->host->remnants--;
  e->remnants.len--;
  memmove(&e->remnants.items[i], &e->remnants.items[i + 1], (e->remnants.len - i) * sizeof e->remnants.items[0]);
  remnant_free(m);
  e->relabel = true;
}

void remnant_cleared(struct engine *e, const char *attempt_id) {
  size_t i = 0;
  while (i < e->remnants.len && strcmp(e->remnants.items[i]->row.attempt_id, attempt_id) != 0) i++;
  if (i < e->remnants.len) remnant_remove(e, i);
}

size_t remnants_drop(struct engine *e, const struct host *h) {
  size_t dropped = 0;
  for (size_t i = e->remnants.len; i-- > 0;) {
    if (e->remnants.items[i]->host != h) continue;
    remnant_remove(e, i);
    dropped++;
  }
  return dropped;
}

void remnant_restore(struct engine *e, const struct remnant_row *row) {
  remnant_new(e, row);
}

const struct remnant *remnant_first(const struct engine *e, const struct host *h) {
  for (size_t i = 0; i < e->remnants.len; i++)
    if (e->remnants.items[i]->host == h) return e->remnants.items[i];
  return NULL;
}

const struct remnant *remnant_of(const struct engine *e, const struct instance *i) {
  for (size_t k = 0; k < e->remnants.len; k++) {
    const struct remnant_row *m = &e->remnants.items[k]->row;
    if (m->unsure && m->run == i->run->row.key && m->task == i->index) return e->remnants.items[k];
  }
  return NULL;
}

void remnants_again(struct engine *e) {
  for (size_t i = 0; i < e->remnants.len; i++)
    if (e->remnants.items[i]->host->config) decide_clear(e, e->remnants.items[i]);
}

void remnants_release(struct engine *e) {
  for (size_t i = 0; i < e->remnants.len; i++) remnant_free(e->remnants.items[i]);
  vec_release(&e->remnants);
}

size_t engine_remnants(const struct engine *e, struct arena *a, struct remnant_row **out) {
  *out = arena_new_array(a, e->remnants.len + 1, struct remnant_row);
  for (size_t i = 0; i < e->remnants.len; i++) {
    struct remnant_row *row = &(*out)[i];
    *row = e->remnants.items[i]->row;
    row->host = arena_strdup(a, row->host);
    row->run_id = arena_strdup(a, row->run_id);
    row->attempt_id = arena_strdup(a, row->attempt_id);
    row->what = arena_strdup(a, row->what);
    row->reason = row->reason ? arena_strdup(a, row->reason) : NULL;
  }
  return e->remnants.len;
}
