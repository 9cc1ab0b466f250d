/* What nobody waits for any more: attempts that were given up, runs to be swept, directories of attempts that have
 * ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "worker/ssh/host.h"

#define LEFT_AGAIN  (2 * USEC_PER_SEC)
#define CLEAN_MAX   50
#define CLEAN_AGAIN (60 * USEC_PER_SEC)

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

static bool clear_of(const struct answer *answer) {
  struct ops_error error;
  struct ops_answer seen;
  if (!host_answer_good(answer, &error) || answer->len < 2) return false;
  const struct section *s = &answer->sections[1];
  return ops_read_answer(s->words, s->body, s->len, &seen) == 0 && seen.state == OPS_CLEAR;
}

static void remnant_answered(struct host_ask *q, const struct answer *answer) {
  struct host *h = q->host;
  struct host_remnant *r = map_get(&h->remnants, q->id);
  if (!r) return;
  r->asked = false;
  if (!clear_of(answer)) {
    host_due(h, HOST_DUE_REMNANT, clock_monotonic() + LEFT_AGAIN);
    return;
  }
  map_remove(&h->remnants, q->id);
  host_clean_later(h, r->id);
  host_report_cleared(h, r->run_id, r->id);
  free(r);
}

void host_remnants_send(struct host *h) {
  for (size_t i = 0; i < h->remnants.len && host_is_up(h); i++) {
    struct host_remnant *r = h->remnants.entries[i].value;
    if (r->asked) continue;
    r->asked = true;
    struct host_ask *q = host_ask_new(h, remnant_answered);
    memcpy(q->id, r->id, sizeof q->id);
    ops_clear(&q->text, q->nonce, r->id);
    host_ask_send(q, ASK_CONTROL, 0, NULL);
  }
}

void host_clear(struct host *h, const char *run_id, const char *attempt_id) {
  struct host_attempt *a = host_attempts_find(&h->attempts, attempt_id);
  if (a) host_attempt_abandon(h, a);
  remnant_add(h, run_id, attempt_id);
  host_due(h, HOST_DUE_REMNANT, 0);
}

/* ---- swept ---- */

static void sweep_answered(struct host_ask *q, const struct answer *answer) {
  if (answer->end != ANSWER_CAME) host_sweep(q->host, q->id); /* again when the contact is back */
}

static void sweep_send(struct host *h, const char *run_id) {
  struct host_ask *q = host_ask_new(h, sweep_answered);
  snprintf(q->id, sizeof q->id, "%s", run_id);
  ops_sweep(&q->text, q->nonce, run_id, NULL, 0);
  host_ask_send(q, ASK_POLL, OPS_CLEAN_DEADLINE_MS, NULL);
}

void host_sweep(struct host *h, const char *run_id) {
  vec_push(&h->sweeps, alloc_strdup(run_id));
  host_due(h, HOST_DUE_CLEAN, clock_monotonic());
}

static void sweeps_send(struct host *h) {
  for (size_t i = 0; i < h->sweeps.len; i++) {
    sweep_send(h, h->sweeps.items[i]);
    free(h->sweeps.items[i]);
  }
  vec_release(&h->sweeps);
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
  sweeps_send(h);
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
