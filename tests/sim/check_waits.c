/* What has to wait does: retries for their delay, tasks that come last for all others; and what is to be told is:
 * stops, outputs, a start once. */
#include <string.h>

#include "tests/sim/check.h"

static struct delay *delay_of(struct run_book *b, uint32_t task, bool make) {
  while (make && b->delays.len <= task) vec_push(&b->delays, (struct delay){0});
  return task < b->delays.len ? &b->delays.items[task] : NULL;
}

static void delay_over(const struct checker *c, struct delay *d, const struct task_row *now) {
  bool counts = d->life == c->w->life && d->round == now->round && !c->hurried && !task_state_ended(now->state);
  if (counts && c->stepped_at.mono < d->until)
    world_fail(c->w, "%s goes on %lld us before the delay of its retry is over", now->label,
               (long long)(d->until - c->stepped_at.mono));
  d->life = 0;
}

void check_delay_row(struct checker *c, const struct task_row *now) {
  bool waits = now->state == TASK_WAITING && now->wait == WAIT_RETRY && now->not_before != INSTANT_NONE;
  struct delay *d = delay_of(book_of(c, now->run), now->index, waits);
  if (!d || (waits && d->not_before == now->not_before)) return;
  if (!waits) {
    delay_over(c, d, now);
    return;
  }
  /* One that only was kept from starting may go elsewhere sooner. */
  bool kept = d->charged == now->failures + now->losses && d->round == now->round;
  *d = (struct delay){.not_before = now->not_before,
                      .until = c->stepped_at.mono + (now->not_before - c->stepped_at.wall),
                      .round = now->round,
                      .charged = now->failures + now->losses,
                      .life = kept ? 0 : c->w->life};
}

/* A task that runs in any case starts when all the others have ended. */
void check_last(struct checker *c, const struct run_book *b, const struct task_row *t) {
  if (!book_task(b, t)->finally) return;
  for (size_t i = 0; i < b->run->tasks.len; i++) {
    const struct task_row *x = &b->run->tasks.items[i];
    if (!book_task(b, x)->finally && !task_state_ended(x->state))
      world_fail(c->w, "%s is to come last and starts while %s is %s", t->label, x->label, task_state_word(x->state));
  }
}

/* In a run that was cancelled all that is live was told to stop, but for what runs in any case. */
void check_told_to_stop(struct checker *c, const struct run_book *b) {
  if (b->run->row.state != RUN_CANCELLING) return;
  for (size_t i = 0; i < b->run->tasks.len; i++) {
    const struct task_row *t = &b->run->tasks.items[i];
    if (!task_state_live(t->state) || book_task(b, t)->finally) continue;
    const struct row_attempt *a = c->w->ledger->rows.by_key.items[t->attempt];
    if (!a->row.stop_asked)
      world_fail(c->w, "run %s is cancelled and %s isn't told to stop", b->run->row.id.text, t->label);
  }
}

void check_outputs(struct checker *c, const struct run_book *b) {
  for (size_t i = 0; i < b->run->tasks.len; i++) {
    const struct task_row *t = &b->run->tasks.items[i];
    size_t wanted = book_task(b, t)->outputs_len;
    if (t->state != TASK_SUCCEEDED || t->marked || wanted == 0) continue;
    /* What a linked run kept may be of a version that declared none. */
    const struct row_attempt *a = t->attempt ? c->w->ledger->rows.by_key.items[t->attempt] : NULL;
    if (a && a->row.run == t->run && (t->output_attempt != t->attempt || a->outputs.len < wanted))
      world_fail(c->w, "%s succeeded and its outputs are in no row", t->label);
  }
}

/* ---- starts ---- */

/* A start is decided again only when it is known that no process was made. */
void check_asked_once(struct checker *c, struct row_attempt *a) {
  if (a->asked == c->w->life) world_fail(c->w, "the start of attempt %s is decided twice", a->row.id.text);
  a->asked = c->w->life;
}

void check_report(struct checker *c, const struct engine_report *r) {
  if (r->kind != ENGINE_REPORT_NOT_STARTED || !r->attempt_id) return;
  struct row_attempt *a = rows_attempt(&c->w->ledger->rows, r->attempt_id);
  if (a) a->asked = 0;
}
