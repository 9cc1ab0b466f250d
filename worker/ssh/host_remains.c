/* What nobody waits for any more: attempts that were given up, directories of runs that are gone and of attempts that
 * have ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "worker/local.h"
#include "worker/ssh/host.h"

#define LEFT_AGAIN      (2 * USEC_PER_SEC)
#define ELSEWHERE_AGAIN (60 * USEC_PER_SEC)
#define CLEAN_MAX       50
#define CLEAN_AGAIN     (60 * USEC_PER_SEC)

/* ---- given up ---- */

static struct host_remnant *remnant_add(struct host *h, const char *run_id, const char *id) {
  struct host_remnant *r = map_get(&h->remnants, id);
  if (r) return r;
  r = alloc_new(struct host_remnant);
  snprintf(r->run_id, sizeof r->run_id, "%s", run_id);
  snprintf(r->id, sizeof r->id, "%s", id);
  map_put(&h->remnants, id, r);
  return r;
}

void host_remnant_free(struct host_remnant *r) {
  free(r->place);
  free(r);
}

static bool clear_read(const struct answer *answer, struct ops_answer *out) {
  struct ops_error error;
  if (!host_answer_good(answer, &error) || answer->len < 2) return false;
  const struct section *s = &answer->sections[1];
  return ops_read_answer(s->words, s->body, s->len, out) == 0;
}

/* It stays until that machine answers: nobody else can tell whether it still runs. */
static void elsewhere_tell(struct host *h, struct host_remnant *r, const char *machine) {
  if (!r->told)
    LOG(LOG_WARNING, "what was given up is on another machine than the one that answers now",
        {"host", h->options.name}, {"run", r->run_id}, {"attempt", r->id}, {"machine", machine});
  r->told = true;
}

static void remnant_answered(struct host_ask *q, const struct answer *answer) {
  struct host *h = q->host;
  struct host_remnant *r = map_get(&h->remnants, q->id);
  struct ops_answer seen;
  if (!r) return;
  r->asked = false;
  bool read = clear_read(answer, &seen);
  if (!read || seen.state != OPS_CLEAR) {
    bool elsewhere = read && seen.state == OPS_ELSEWHERE;
    if (elsewhere) elsewhere_tell(h, r, seen.text);
    host_due(h, HOST_DUE_REMNANT, clock_monotonic() + (elsewhere ? ELSEWHERE_AGAIN : LEFT_AGAIN));
    return;
  }
  map_remove(&h->remnants, q->id);
  host_clean_later(h, r->id);
  host_report_cleared(h, r->run_id, r->id);
  host_remnant_free(r);
}

void host_remnants_send(struct host *h) {
  for (size_t i = 0; i < h->remnants.len && host_is_up(h); i++) {
    struct host_remnant *r = h->remnants.entries[i].value;
    if (r->asked || !r->noted) continue;
    r->asked = true;
    struct host_ask *q = host_ask_new(h, remnant_answered);
    memcpy(q->id, r->id, sizeof q->id);
    ops_clear(&q->text, q->nonce, r->id, r->place);
    host_ask_send(q, ASK_CONTROL, 0, NULL);
  }
}

struct remnant_job {
  struct host_job base;
  char id[RUNDIR_ID_LEN + 1];
  char *dir;
  struct record record;
};

static void remnant_work(struct host_job *j) {
  struct remnant_job *r = (struct remnant_job *)j;
  record_read(r->dir, &r->record);
}

static void remnant_done(struct host_job *j) {
  struct remnant_job *job = (struct remnant_job *)j;
  struct host_remnant *r = map_get(&j->host->remnants, job->id);
  if (!r || r->noted) return;
  r->noted = true;
  r->place = job->record.place;
  job->record.place = NULL;
  host_due(j->host, HOST_DUE_REMNANT, 0);
}

static void remnant_release(struct host_job *j) {
  struct remnant_job *r = (struct remnant_job *)j;
  record_release(&r->record);
  free(r->dir);
  free(r);
}

/* In the lane that writes records, so that one that is being written is read whole. */
static void remnant_note(struct host *h, const char *run_id, const char *id) {
  struct remnant_job *r = alloc_new(struct remnant_job);
  r->base = (struct host_job){
      .lane = HOST_LANE_RECORD, .host = h, .work = remnant_work, .done = remnant_done, .release = remnant_release};
  snprintf(r->id, sizeof r->id, "%s", id);
  r->dir = local_attempt_dir(h->shared->state_dir, run_id, id);
  host_job_submit(&r->base);
}

void host_clear(struct host *h, const char *run_id, const char *attempt_id) {
  struct host_attempt *a = host_attempts_find(&h->attempts, attempt_id);
  if (a) host_attempt_abandon(h, a);
  if (!remnant_add(h, run_id, attempt_id)->noted) remnant_note(h, run_id, attempt_id);
  host_due(h, HOST_DUE_REMNANT, 0);
}

/* ---- swept ---- */

/* One that failed is found again with what is kept there. */
static void sweep_answered(struct host_ask *q, const struct answer *answer) {
  (void)q, (void)answer;
}

void host_sweep_send(struct host *h, const char *run_id) {
  struct host_ask *q = host_ask_new(h, sweep_answered);
  ops_sweep(&q->text, q->nonce, run_id, NULL, 0);
  host_ask_send(q, ASK_POLL, OPS_CLEAN_DEADLINE_MS, NULL);
}

/* ---- cleaned ---- */

static void clean_answered(struct host_ask *q, const struct answer *answer) {
  struct host *h = q->host;
  if (answer->end == ANSWER_CAME && answer->rc == 0) {
    if (h->cleanings.len > 0) host_due(h, HOST_DUE_CLEAN, h->cleanings.items[0].at);
    return;
  }
  for (size_t i = 0; i < q->cleanings_len; i++) {
    q->cleanings[i].at = clock_monotonic() + CLEAN_AGAIN;
    vec_push(&h->cleanings, q->cleanings[i]);
  }
  host_due(h, HOST_DUE_CLEAN, clock_monotonic() + CLEAN_AGAIN);
}

static void clean_send(struct host *h, size_t n) {
  struct host_ask *q = host_ask_new(h, clean_answered);
  const char *ids[CLEAN_MAX];
  q->cleanings = alloc_zeroed(n, sizeof *q->cleanings);
  q->cleanings_len = n;
  memcpy(q->cleanings, h->cleanings.items, n * sizeof *q->cleanings);
  for (size_t i = 0; i < n; i++) ids[i] = q->cleanings[i].id;
  h->cleanings.len -= n;
  memmove(h->cleanings.items, h->cleanings.items + n, h->cleanings.len * sizeof *h->cleanings.items);
  if (h->cleanings.len == 0) vec_release(&h->cleanings);
  ops_clean(&q->text, q->nonce, ids, n);
  host_ask_send(q, ASK_POLL, OPS_CLEAN_DEADLINE_MS, NULL);
}

/* They wait in the order of their times; a batch goes when its first is due, with those that are due soon. */
void host_clean(struct host *h) {
  if (!host_is_up(h)) return; /* due again when it is */
  int64_t now = clock_monotonic();
  if (h->cleanings.len == 0) return;
  if (h->cleanings.items[0].at > now) {
    host_due(h, HOST_DUE_CLEAN, h->cleanings.items[0].at);
    return;
  }
  size_t n = 0;
  while (n < h->cleanings.len && n < CLEAN_MAX && h->cleanings.items[n].at <= now + h->clean_after / 2) n++;
  clean_send(h, n);
}

void host_clean_later(struct host *h, const char *attempt_id) {
  struct host_cleaning c = {.at = clock_monotonic() + h->clean_after};
  snprintf(c.id, sizeof c.id, "%s", attempt_id);
  vec_push(&h->cleanings, c);
  host_due(h, HOST_DUE_CLEAN, c.at);
}
