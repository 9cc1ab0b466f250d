/* What clients were told: what was granted was done once, what was refused wasn't done. */
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/clients.h"

static bool changes_nothing(const struct request *q) {
  return q->kind == ENGINE_HOST_ORDER && q->event.host_order.asker.dry_run;
}

/* {"run":{"id":"..."}} */
static void check_run_told(struct checker *c, const struct request *q) {
  const char *at = strstr(q->body, "\"id\":\"");
  char id[ID_LEN + 1] = "";
  if (at) memcpy(id, at + 6, ID_LEN);
  if (!rows_run(&c->w->ledger->rows, id)) world_fail(c->w, "%s was answered with a run that isn't there", q->what);
}

void check_told(struct checker *c, const struct request *q) {
  struct world *w = c->w;
  const struct request_row *row = rows_request(&w->ledger->rows, q->key);
  if (!row && q->status != 409 && !changes_nothing(q))
    world_fail(w, "%s was answered with %d and no row says so", q->what, q->status);
  /* A clock that was set by years makes a kept answer an old one. */
  if (row && !w->limits->clocks && (row->status != q->status || strcmp(row->response, q->body) != 0))
    world_fail(w, "%s was answered otherwise than its row says", q->what);
  if (q->status < 300 && (q->kind == ENGINE_TRIGGER || q->kind == ENGINE_RERUN)) check_run_told(c, q);
}

static size_t audits_of(const struct rows *rows, const char *key) {
  size_t n = 0;
  for (size_t i = 0; i < rows->audits.len; i++)
    n += rows->audits.items[i].actor.id && strcmp(rows->audits.items[i].actor.id, key) == 0;
  return n;
}

static size_t made_by(const struct rows *rows, const char *key) {
  size_t n = 0;
  for (size_t i = 0; i < rows->runs.len; i++) {
    const struct row_run *r = rows->runs.items[i];
    n += r->row.actor.id && strcmp(r->row.actor.id, key) == 0;
    for (size_t k = 0; k < r->rounds.len; k++)
      n += r->rounds.items[k].number > 1 && r->rounds.items[k].actor.id &&
           strcmp(r->rounds.items[k].actor.id, key) == 0;
  }
  return n;
}

void check_promises(struct checker *c) {
  struct world *w = c->w;
  const struct rows *rows = &w->ledger->rows;
  for (size_t i = 0; i < c->acks.len; i++) {
    const struct request *q = c->acks.items[i];
    if (changes_nothing(q) || w->limits->clocks) continue;
    size_t done = audits_of(rows, q->key), wanted = q->status < 300 ? 1 : 0;
    if (done != wanted) world_fail(w, "%s was answered with %d and done %zu times", q->what, q->status, done);
    bool makes = q->status < 300 && (q->kind == ENGINE_TRIGGER || q->kind == ENGINE_RERUN);
    size_t made = q->kind == ENGINE_MARK ? 0 : made_by(rows, q->key);
    if (made != (makes ? 1 : 0)) world_fail(w, "%s made %zu runs or rounds", q->what, made);
    struct request_row row;
    if (q->status != 409 && !ledger_request(w->ledger, q->key, q->body_sha256, &row))
      world_fail(w, "the answer to %s is gone from the rows", q->what);
  }
}
