#include <stdlib.h>

#include "base/alloc.h"
#include "worker/ssh/host.h"

void host_attempt_use(struct host_attempt *a) {
  a->uses++;
}

void host_attempt_unuse(struct host *h, struct host_attempt *a) {
  a->uses--;
  host_attempts_settle(&h->attempts, a);
}

/* ---- requests ---- */

struct host_ask *host_ask_new(struct host *h, void (*answered)(struct host_ask *, const struct answer *)) {
  struct host_ask *q = alloc_new(struct host_ask);
  q->host = h;
  q->answered = answered;
  frame_nonce(q->nonce);
  return q;
}

void host_ask_about(struct host_ask *q, struct host_attempt *a) {
  q->attempts = alloc_grown(q->attempts, q->len + 1, sizeof(struct host_attempt *));
  q->attempts[q->len++] = a;
  host_attempt_use(a);
}

const char **host_ask_ids(const struct host_ask *q) {
  const char **ids = alloc_zeroed(q->len + 1, sizeof *ids);
  for (size_t i = 0; i < q->len; i++) ids[i] = q->attempts[i]->id;
  return ids;
}

void host_ask_drop(struct host_ask *q) {
  struct host *h = q->host;
  for (size_t i = 0; i < q->len; i++) host_attempt_unuse(h, q->attempts[i]);
  free(q->attempts);
  free(q->cleanings);
  buf_release(&q->text);
  free(q);
}

static void ask_free(struct host_ask *q) {
  struct host *h = q->host;
  if (q->prev) q->prev->next = q->next;
  if (!q->prev) h->asks = q->next;
  if (q->next) q->next->prev = q->prev;
  if (q->under_way) --*q->under_way;
  host_ask_drop(q);
}

static void on_answer(void *ctx, const struct answer *a) {
  struct host_ask *q = ctx;
  if (q->under_way) --*q->under_way;
  q->under_way = NULL;
  q->answered(q, a);
  ask_free(q);
}

void host_ask_send(struct host_ask *q, enum ask_order order, unsigned limit_ms, int *under_way) {
  struct host *h = q->host;
  q->next = h->asks;
  if (h->asks) h->asks->prev = q;
  h->asks = q;
  q->under_way = under_way;
  q->sent_at = clock_monotonic();
  if (under_way) ++*under_way;
  link_ask(
      h->link,
      &(struct ask){
          .nonce = q->nonce, .text = &q->text, .order = order, .limit_ms = limit_ms, .answer = on_answer, .ctx = q});
}

bool host_answer_good(const struct answer *a, struct ops_error *error) {
  if (a->end == ANSWER_CAME && a->rc == 0) return true;
  *error = (struct ops_error){0};
  if (a->end == ANSWER_CAME) ops_read_error(a->sections[0].body, a->sections[0].len, error);
  return false;
}

void host_asks_release(struct host *h) {
  while (h->asks) ask_free(h->asks);
}

/* ---- jobs ---- */

static void job_run(struct job *j) {
  struct host_job *job = (struct host_job *)j;
  job->work(job);
}

static void job_done(struct job *j, bool dropped) {
  struct host_job *job = (struct host_job *)j;
  struct host *h = job->host;
  struct host_attempt *a = job->attempt;
  if (!dropped && !h->closing) job->done(job);
  job->release(job);
  if (a) host_attempt_unuse(h, a);
}

void host_job_submit(struct host_job *j) {
  j->job = (struct job){.run = job_run, .done = job_done};
  if (j->attempt) host_attempt_use(j->attempt);
  crew_submit(j->host->shared->crew, (int)j->lane, &j->job, false);
}
