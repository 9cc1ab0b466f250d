/* What comes over when a task has ended on the host: the rest of its log, its results, its files. When all of it is
 * on this machine's disk the end is reported. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/host_logs.h"

#define ENDS_MAX    50 /* attempts whose ends are asked for together */
#define ENDS_ASKED  2  /* such batches under way */
#define STALLS_MAX  4  /* answers that bring nothing of a log that should have more */
#define CLEARS_MAX  30 /* rounds of killing what a dead supervisor left */
#define RESULT_MAX  (64u << 20)
#define CLOSE_AGAIN (5 * USEC_PER_SEC)

struct host_ending {
  char *lost; /* the text of LOST; NULL: it has ended */
  bool results_came;
  struct record_result *results;
  size_t results_len;
  size_t large; /* of the results, the first whose bytes may have to be fetched still */
  struct bulk *bulk;
  size_t bulk_len;
  bool cleared, fetched;
  int clears, stalls;
};

static void ending_go(struct host *h, struct host_attempt *a);

void host_ending_drop(struct host_attempt *a) {
  struct host_ending *e = a->ending;
  if (!e) return;
  a->ending = NULL;
  for (size_t i = 0; i < e->results_len; i++) {
    free(e->results[i].name);
    free(e->results[i].bytes);
  }
  bulk_free(e->bulk);
  free(e->results);
  free(e->lost);
  free(e);
}

static struct host_ending *ending_begin(struct host_attempt *a) {
  a->state = HOST_ATTEMPT_ENDING;
  host_attempt_launch_drop(a);
  a->ending = alloc_new(struct host_ending);
  return a->ending;
}

/* ---- how it ended ---- */

/* Uptimes of another boot can't be told. */
static instant instant_of(const struct host *h, const struct host_attempt *a, int64_t uptime_us) {
  bool other = a->record.boot && h->boot && strcmp(a->record.boot, h->boot) != 0;
  return other || uptime_us < 0 ? INSTANT_NONE : link_instant(h->link, uptime_us);
}

static void findings_fill(struct host *h, struct host_attempt *a, const struct ops_result *r) {
  struct findings *f = &a->record.findings;
  findings_init(f);
  f->reason = (int)r->how;
  f->status = r->status;
  f->errnum = r->errnum;
  f->notes = r->notes;
  f->pid = r->pid > 0 ? r->pid : -1;
  f->cpu_us = r->cpu_us;
  f->log_bytes = r->log_bytes;
  f->dropped_bytes = r->dropped_bytes;
  f->started_at = instant_of(h, a, r->started_uptime_us);
  f->ended_at = instant_of(h, a, r->ended_uptime_us);
  /* Each of them is a look at two clocks of this machine; how long it took is for the host's alone to say. */
  if (f->started_at != INSTANT_NONE && f->ended_at != INSTANT_NONE)
    f->ended_at = f->started_at + (r->ended_uptime_us - r->started_uptime_us);
  snprintf(f->stage, sizeof f->stage, "%s", r->stage);
  snprintf(f->file, sizeof f->file, "%s", r->file);
  snprintf(f->why, sizeof f->why, "%s", r->why);
  f->line = r->line;
}

static void end_seen(struct host *h, struct host_attempt *a, int64_t asked_at, const struct ops_answer *seen) {
  a->hinted = false;
  if (a->over || a->state >= HOST_ATTEMPT_ENDING) return;
  if (seen->state == OPS_ENDED) {
    ending_begin(a);
    findings_fill(h, a, &seen->result);
  } else if (seen->state == OPS_DEAD) {
    ending_begin(a)->lost = alloc_strdup(seen->text);
  } else {
    host_seen(h, a, asked_at, seen);
  }
}

static void ends_looked(struct host_ask *q, const struct answer *answer) {
  for (size_t i = 1; i < answer->len && answer->end == ANSWER_CAME; i++) {
    struct ops_answer seen;
    const struct section *s = &answer->sections[i];
    if (ops_read_answer(s->words, s->body, s->len, &seen) != 0) continue;
    struct host_attempt *a = host_attempts_find(&q->host->attempts, seen.attempt);
    if (a && a->hinted) end_seen(q->host, a, q->sent_at, &seen);
  }
  for (size_t i = 0; i < q->len; i++) q->attempts[i]->hinted = false;
}

/* ---- its log ---- */

static void ends_logged(struct host_ask *q, const struct answer *answer) {
  host_logs_take(q, answer);
  host_ends_flush(q->host);
}

void host_log_arrived(struct host *h, struct host_attempt *a) {
  struct host_ending *e = a->ending;
  if (!e || a->over) return;
  e->stalls = a->log_at > a->log_seen ? 0 : e->stalls + 1;
  a->log_seen = a->log_at;
  ending_go(h, a);
}

void host_log_written(struct host *h, struct host_attempt *a) {
  if (!a->over && a->ending && a->writing == 0) ending_go(h, a);
}

/* ---- its results ---- */

static void result_add(struct host_ending *e, const char *name, const char *bytes, size_t len, uint64_t size) {
  for (size_t i = 0; i < e->results_len; i++) {
    if (strcmp(e->results[i].name, name) == 0) return; /* a host that tells one twice has no more room for it */
  }
  e->results = alloc_grown(e->results, e->results_len + 1, sizeof *e->results);
  struct record_result *r = &e->results[e->results_len++];
  *r = (struct record_result){.name = alloc_strdup(name), .len = (size_t)size};
  if (len != size) return;
  r->bytes = alloc_zeroed(len + 1, 1);
  memcpy(r->bytes, bytes, len);
}

static void ends_resulted(struct host_ask *q, const struct answer *answer) {
  struct host_attempt *a = q->attempts[0];
  struct host_ending *e = a->ending;
  if (a->over || !e || e->results_came || answer->end != ANSWER_CAME) return;
  for (size_t i = 1; i < answer->len; i++) {
    struct ops_file file;
    const struct section *s = &answer->sections[i];
    if (ops_read_file(s->words, &file) != 0 || strcmp(file.attempt, a->id) != 0) continue;
    result_add(e, file.name, s->body, s->len, file.size);
  }
  e->results_came = true;
  a->log_seen = a->log_at;
  ending_go(q->host, a);
}

static void large_data(void *ctx, const char *bytes, size_t len) {
  struct host_ending *e = ((struct host_attempt *)ctx)->ending;
  struct record_result *r = &e->results[e->large];
  if (len > r->len - e->bulk_len) len = r->len - e->bulk_len;
  memcpy(r->bytes + e->bulk_len, bytes, len);
  e->bulk_len += len;
}

/* That the task took away meanwhile, or that its own account mustn't read. */
static void large_leave_out(struct host_ending *e) {
  struct record_result *r = &e->results[e->large];
  free(r->name);
  free(r->bytes);
  e->results_len--;
  memmove(r, r + 1, (e->results_len - e->large) * sizeof *r);
}

static void large_end(void *ctx, const struct bulk_end *end) {
  struct host_attempt *a = ctx;
  struct host_ending *e = a->ending;
  bulk_free(e->bulk);
  e->bulk = NULL;
  if (end->how == BULK_LOST || end->how == BULK_NOT_SENT) { /* from its top, now or when the contact is back */
    free(e->results[e->large].bytes);
    e->results[e->large].bytes = NULL;
    host_due(a->host, HOST_DUE_CLOSE, clock_monotonic() + CLOSE_AGAIN);
    return;
  }
  if (end->how == BULK_ERROR)
    large_leave_out(e);
  else if (e->bulk_len < e->results[e->large].len)
    e->results[e->large++].len = e->bulk_len; /* it has become shorter */
  else
    e->large++;
  ending_go(a->host, a);
}

static void large_answer(void *ctx, const struct answer *answer) {
  (void)ctx; /* its size was told with the other results */
  (void)answer;
}

static const struct bulk_events large_events = {.answer = large_answer, .data = large_data, .end = large_end};

/* Whether the results are all here; else the next is on its way. What is larger than any reader takes is cut, and
 * stays larger than the reader's limit. */
static bool results_whole(struct host *h, struct host_attempt *a) {
  struct host_ending *e = a->ending;
  if (e->bulk) return false;
  while (e->large < e->results_len && e->results[e->large].bytes) e->large++;
  if (e->large == e->results_len) return true;
  struct record_result *r = &e->results[e->large];
  if (r->len > RESULT_MAX) r->len = RESULT_MAX;
  r->bytes = alloc_zeroed(r->len + 1, 1);
  e->bulk_len = 0;
  char nonce[OPS_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  ops_get_result(&text, nonce, link_hello(h->link), a->id, r->name);
  e->bulk = link_bulk(
      h->link,
      &(struct bulk_options){.kind = BULK_READ, .nonce = nonce, .text = &text, .events = &large_events, .ctx = a});
  return false;
}

/* ---- what a dead one left ---- */

static void clear_answered(struct host_ask *q, const struct answer *answer) {
  struct host_attempt *a = q->attempts[0];
  struct host_ending *e = a->ending;
  struct ops_error error;
  if (a->over || !e || answer->end != ANSWER_CAME) return;
  struct ops_answer seen = {.state = OPS_LEFT, .left = 0};
  if (host_answer_good(answer, &error) && answer->len > 1)
    ops_read_answer(answer->sections[1].words, answer->sections[1].body, answer->sections[1].len, &seen);
  if (seen.state == OPS_CLEAR || ++e->clears >= CLEARS_MAX) {
    e->cleared = true;
    if (seen.state != OPS_CLEAR) {
      char *text = alloc_fmt("%s; %" PRId64 " of its processes can't be killed", e->lost, seen.left);
      free(e->lost);
      e->lost = text;
    }
    ending_go(q->host, a);
  } else {
    host_due(q->host, HOST_DUE_CLOSE, clock_monotonic() + USEC_PER_SEC);
  }
}

static void clear_send(struct host *h, struct host_attempt *a) {
  struct host_ask *q = host_ask_new(h, clear_answered);
  host_ask_about(q, a);
  ops_clear(&q->text, q->nonce, a->id, NULL);
  host_ask_send(q, ASK_CONTROL, 0, NULL);
}

void host_end_lost(struct host *h, struct host_attempt *a, const char *text) {
  struct host_ending *e = ending_begin(a);
  e->lost = alloc_strdup(text);
  e->results_came = true;
  ending_go(h, a);
}

/* ---- it's all here ---- */

struct close_job {
  struct host_job base;
  char *dir;
  const struct record *record; /* lent, with the results: the attempt keeps them until the job is done */
  const struct record_result *results;
  size_t results_len;
  int err;
};

static void close_work(struct host_job *j) {
  struct close_job *c = (struct close_job *)j;
  c->err = record_end(c->dir, c->record, c->results, c->results_len);
}

static void close_done(struct host_job *j) {
  struct close_job *c = (struct close_job *)j;
  struct host_attempt *a = j->attempt;
  if (a->over) return;
  if (c->err) { /* without it the result could be lost: tried until there is room */
    a->close_failed = true;
    host_due(j->host, HOST_DUE_CLOSE, clock_monotonic() + CLOSE_AGAIN);
    return;
  }
  host_clean_later(j->host, a->id);
  host_ending_drop(a);
  host_report_ended(j->host, a);
}

static void close_free(struct host_job *j) {
  struct close_job *c = (struct close_job *)j;
  struct host_attempt *a = j->attempt;
  if (a->over) host_ending_drop(a);
  free(c->dir);
  free(c);
}

static void end_close(struct host *h, struct host_attempt *a) {
  struct close_job *c = alloc_new(struct close_job);
  c->base = (struct host_job){.lane = HOST_LANE_RECORD,
                              .host = h,
                              .attempt = a,
                              .work = close_work,
                              .done = close_done,
                              .release = close_free};
  a->state = HOST_ATTEMPT_CLOSING;
  a->close_failed = false;
  c->dir = alloc_strdup(a->dir);
  c->record = &a->record;
  c->results = a->ending ? a->ending->results : NULL;
  c->results_len = a->ending ? a->ending->results_len : 0;
  host_job_submit(&c->base);
}

void host_closes(struct host *h) {
  for (struct host_attempt *a = h->attempts.all; a; a = a->next) {
    if (a->over) continue;
    if (a->state == HOST_ATTEMPT_CLOSING && a->close_failed) end_close(h, a);
    if (a->state != HOST_ATTEMPT_ENDING || !host_is_up(h)) continue;
    if (a->log_at < a->log_end)
      host_log_rest(h, a);
    else if (a->ending->lost && !a->ending->cleared && a->ending->clears)
      clear_send(h, a);
    else if (!a->ending->lost)
      ending_go(h, a); /* its files or its results failed to come */
  }
}

void host_end_failed(struct host *h, struct host_attempt *a, const char *stage, const char *text) {
  struct findings *f = &a->record.findings;
  ending_begin(a);
  findings_init(f);
  f->reason = RUNDIR_LAUNCH_FAILED;
  f->status = 126;
  snprintf(f->stage, sizeof f->stage, "%s", stage);
  f->ended_at = clock_now();
  a->record.text = alloc_strdup(text);
  end_close(h, a);
}

static void lost_close(struct host *h, struct host_attempt *a) {
  char *text = alloc_strdup(a->ending->lost);
  host_ending_drop(a);
  host_clean_later(h, a->id);
  host_report_last(h, a, REPORT_LOST, 0, text);
  free(text);
}

/* Files come back from a success alone. */
static bool fetch_wanted(const struct host_attempt *a) {
  const struct findings *f = &a->record.findings;
  return a->record.fetch_len > 0 && !a->ending->fetched && f->reason == RUNDIR_EXITED && f->status == 0;
}

void host_end_fetched(struct host *h, struct host_attempt *a, bool again, const char *fault) {
  if (a->over || a->state != HOST_ATTEMPT_FETCHING) return;
  a->state = HOST_ATTEMPT_ENDING;
  if (again) {
    host_due(h, HOST_DUE_CLOSE, clock_monotonic() + CLOSE_AGAIN);
    return;
  }
  a->ending->fetched = true;
  if (fault) a->record.fault = alloc_strdup(fault);
  ending_go(h, a);
}

/* What is missing yet is asked for; when nothing is, it goes on. */
static void ending_go(struct host *h, struct host_attempt *a) {
  struct host_ending *e = a->ending;
  if (a->state != HOST_ATTEMPT_ENDING || !e->results_came) return;
  bool log_whole = !a->bulk && (a->log_at >= a->log_end || e->stalls >= STALLS_MAX);
  if (!log_whole) {
    if (host_is_up(h)) host_log_rest(h, a);
  } else if (!e->lost && !results_whole(h, a)) {
    return;
  } else if (e->lost && !e->cleared) {
    if (e->clears == 0 && host_is_up(h)) clear_send(h, a);
  } else if (a->writing > 0) {
    return; /* goes on when it is on the disk */
  } else if (e->lost) {
    lost_close(h, a);
  } else if (fetch_wanted(a)) {
    if (host_is_up(h)) host_files_fetch(h, a);
  } else {
    if (a->record.findings.log_bytes < 0) a->record.findings.log_bytes = (int64_t)a->log_end;
    end_close(h, a);
  }
}

/* ---- hints ---- */

static void batch_send(struct host *h, struct host_attempt **batch, size_t len) {
  struct host_ask *look = host_ask_new(h, ends_looked), *logs = host_ask_new(h, ends_logged);
  for (size_t i = 0; i < len; i++) {
    host_ask_about(look, batch[i]);
    host_ask_about(logs, batch[i]);
  }
  const char **ids = host_ask_ids(look);
  ops_look(&look->text, look->nonce, ids, len);
  free(ids);
  host_ask_send(look, ASK_CONTROL, 0, NULL);
  host_logs_send(logs, ASK_CONTROL, OPS_LOGS_MAX, &h->end_asks);
  for (size_t i = 0; i < len; i++) {
    struct host_ask *q = host_ask_new(h, ends_resulted);
    host_ask_about(q, batch[i]);
    ops_results(&q->text, q->nonce, batch[i]->id);
    host_ask_send(q, ASK_CONTROL, 0, NULL);
  }
}

void host_ends_flush(struct host *h) {
  while (host_is_up(h) && h->hints.len > 0 && h->end_asks < ENDS_ASKED) {
    struct host_attempt *batch[ENDS_MAX];
    size_t len = 0, taken = 0;
    for (; taken < h->hints.len && len < ENDS_MAX; taken++) {
      struct host_attempt *a = h->hints.items[taken];
      if (!a->over && a->hinted) batch[len++] = a;
    }
    if (len > 0) batch_send(h, batch, len);
    for (size_t i = 0; i < taken; i++) host_attempt_unuse(h, h->hints.items[i]);
    h->hints.len -= taken;
    memmove(h->hints.items, h->hints.items + taken, h->hints.len * sizeof(struct host_attempt *));
  }
}

void host_end_hint(struct host *h, struct host_attempt *a) {
  if (a->over || a->hinted || a->state >= HOST_ATTEMPT_ENDING) return;
  a->hinted = true;
  host_attempt_use(a);
  vec_push(&h->hints, a);
  host_ends_flush(h);
}
