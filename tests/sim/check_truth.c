#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/checker.h"

static const struct remnant_row *remnant_of(const struct checker *c, const char *attempt_id) {
  const struct rows *rows = &c->w->ledger->rows;
  for (size_t i = 0; i < rows->remnants.len; i++)
    if (strcmp(rows->remnants.items[i].attempt_id, attempt_id) == 0) return &rows->remnants.items[i];
  return NULL;
}

/* ---- a process was made ---- */

static void check_beside(struct checker *c, const struct proc *a, const struct attempt_row *row) {
  struct world *w = c->w;
  const struct row_run *run = rows_run_key(&w->ledger->rows, row->run);
  for (size_t i = 0; i < run->attempts.len; i++) {
    const struct attempt_row *other = &run->attempts.items[i]->row;
    const struct proc *b = other->task == row->task ? proc_find(w->executors, other->id.text) : NULL;
    if (!b || b == a || b->state != PROC_RUNNING) continue;
    const struct remnant_row *m = remnant_of(c, b->id);
    if (!m) world_fail(w, "%s runs while %s does, which nobody gave up", a->label, b->label);
    if (m->unsure && !run->row.may_have_run_twice)
      world_fail(w, "%s runs while %s does, and the run doesn't say so", a->label, b->label);
    if (m->unsure) PROBE(w, RAN_TWICE);
  }
}

void checker_claimed(struct world *w, const struct proc *a) {
  struct checker *c = w->checker;
  const struct row_attempt *row = rows_attempt(&w->ledger->rows, a->id);
  if (a->claims > 1) world_fail(w, "%s ran twice", a->label);
  if (a->cleared) world_fail(w, "%s runs after it was cleared away", a->label);
  if (!row) world_fail(w, "%s runs and no row knows of it", a->label);
  if (task_state_ended(row->row.state) && !remnant_of(c, a->id))
    world_fail(w, "%s runs after its row ended as %s", a->label, task_state_word(row->row.state));
  check_beside(c, a, &row->row);
}

/* ---- an end in the rows ---- */

static bool bad_output(const struct checker *c, const struct attempt_row *now, const struct proc *a) {
  const struct row_run *run = rows_run_key(&c->w->ledger->rows, now->run);
  struct pipeline *spec = rows_spec(&c->w->ledger->rows, run->row.version);
  int task = pipeline_task(spec, run->tasks.items[now->task].name);
  return task >= 0 && spec->tasks[task].outputs_len && (a->bad_output || !a->output);
}

static bool end_fits(const struct checker *c, const struct attempt_row *now, const struct proc *a) {
  bool ended = a->state == PROC_ENDED, exited = ended && a->end == ENGINE_END_EXITED;
  switch (now->state) {
  case TASK_SUCCEEDED: return exited && a->status == 0;
  case TASK_SKIPPED: return exited && a->status == 99;
  case TASK_TIMED_OUT: return ended && a->end == ENGINE_END_TIMED_OUT;
  case TASK_FAILED:
    return (exited && (a->status != 0 ? now->exit_code == a->status : bad_output(c, now, a))) ||
           (ended && a->end == ENGINE_END_LAUNCH_FAILED);
  case TASK_LOST: return a->state == PROC_LOST || a->state == PROC_FENCED || a->state == PROC_UNCLAIMED;
  case TASK_CANCELLED:
    /* What couldn't be started yet needs no stop: nobody has it. */
    return a->state == PROC_UNCLAIMED || (now->stop_asked && a->state != PROC_RUNNING);
  default: return false;
  }
}

/* Whether its commit gives it up isn't known before all its rows are there. */
static bool given_up(const struct attempt_row *now) {
  return now->reason && (strstr(now->reason, "given up") || strstr(now->reason, "declared down") ||
                         strstr(now->reason, "not confirmed"));
}

void check_end_true(struct checker *c, const struct attempt_row *now) {
  const struct proc *a = proc_find(c->w->executors, now->id.text);
  if (given_up(now)) return; /* checker_commit looks for its remnant */
  if (!a) {
    if (now->state == TASK_LOST || now->state == TASK_CANCELLED || now->state == TASK_FAILED) return;
    world_fail(c->w, "%s ended as %s and was never sent", now->label, task_state_word(now->state));
  }
  if (!end_fits(c, now, a))
    world_fail(c->w, "%s is recorded as %s with %d (%s), and the process %s with %d", now->label,
               task_state_word(now->state), now->exit_code, now->reason ? now->reason : "",
               a->state == PROC_RUNNING  ? "runs"
               : a->state == PROC_ENDED  ? "ended"
               : a->state == PROC_LOST   ? "was lost"
               : a->state == PROC_FENCED ? "was fenced"
                                         : "was never made",
               a->status);
}

/* ---- at the end ---- */

void check_all_told(struct checker *c) {
  struct world *w = c->w;
  for (size_t i = 0; i < w->executors->procs.len; i++) {
    const struct proc *a = w->executors->procs.items[i];
    const struct row_attempt *row = rows_attempt(&w->ledger->rows, a->id);
    if (!row) world_fail(w, "no row knows of %s", a->label);
    if (!task_state_ended(row->row.state)) world_fail(w, "%s is over and its row hasn't ended", a->label);
  }
}
