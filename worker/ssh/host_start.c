/* From the wish to start an attempt to its supervisor on the host. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/host.h"

#define START_TRIES  5            /* supervisors made for one attempt without any of them claiming it */
#define STARTS_MAX   32           /* attempts in one request */
#define START_BYTES  (192u << 10) /* of scripts and contexts in one request */
#define STARTS_ASKED 2            /* requests under way, so that those that wait are sent together */
#define NOTHING_SENT "the host couldn't be reached: nothing was sent to it"

/* ---- fences ---- */

static void fence_answered(struct host_ask *q, const struct answer *a) {
  struct host_attempt *at = q->attempts[0];
  struct ops_error error;
  if (at->over || at->state >= HOST_ATTEMPT_ENDING) return;
  at->state = HOST_ATTEMPT_UNKNOWN;
  if (!host_answer_good(a, &error)) return; /* looked at again when it's due, or when the contact is back */
  for (size_t i = 1; i < a->len; i++) {
    struct ops_answer seen;
    if (ops_read_answer(a->sections[i].words, a->sections[i].body, a->sections[i].len, &seen) == 0)
      host_seen(q->host, at, q->sent_at, &seen);
    break;
  }
}

void host_fence_send(struct host *h, struct host_attempt *a) {
  struct host_ask *q = host_ask_new(h, fence_answered);
  host_ask_about(q, a);
  ops_fence(&q->text, q->nonce, a->id);
  a->state = HOST_ATTEMPT_ASKED;
  host_ask_send(q, ASK_CONTROL, 0, NULL);
}

/* ---- starts ---- */

/* Nothing has run, and the same id may be started again. */
static void refused_there(struct host *h, struct host_attempt *a, const struct ops_error *error) {
  int err = strcmp(error->stage, "no_room") == 0 ? ERR_FULL : ERR_AGAIN;
  char *text = alloc_fmt("%s could not start it: %s", h->options.name, error->text);
  host_report_not_started(h, a, err, text);
  free(text);
}

static void start_seen(struct host *h, struct host_attempt *a, int64_t asked_at, const struct ops_answer *seen) {
  if (seen->state == OPS_ERROR) {
    if (a->state == HOST_ATTEMPT_ASKED) refused_there(h, a, &seen->error);
    return;
  }
  host_seen(h, a, asked_at, seen);
}

static void starts_answered(struct host_ask *q, const struct answer *a) {
  struct host *h = q->host;
  struct ops_error error;
  bool good = host_answer_good(a, &error);
  for (size_t i = 1; i < a->len && a->end == ANSWER_CAME; i++) {
    struct ops_answer seen;
    const struct section *s = &a->sections[i];
    if (ops_read_answer(s->words, s->body, s->len, &seen) != 0) continue;
    struct host_attempt *at = host_attempts_find(&h->attempts, seen.attempt);
    if (at) start_seen(h, at, q->sent_at, &seen);
  }
  for (size_t i = 0; i < q->len; i++) {
    struct host_attempt *at = q->attempts[i];
    if (at->over || at->state != HOST_ATTEMPT_ASKED) continue;
    if (a->end == ANSWER_NOT_SENT) {
      at->state = HOST_ATTEMPT_READY;
      at->sent = at->sent_before;
    } else if (!good && a->end == ANSWER_CAME) {
      refused_there(h, at, &error);
    } else {
      at->state = HOST_ATTEMPT_UNKNOWN;
    }
  }
  if (a->end == ANSWER_NOT_SENT) host_due(h, HOST_DUE_STARTS, 0);
  host_starts_flush(h);
}

static size_t launch_size(const struct launch *l) {
  return l->script_len + l->context_len;
}

/* The first that wait, as many as may go together. */
static void starts_send_some(struct host *h) {
  struct host_ask *q = host_ask_new(h, starts_answered);
  const struct launch *launches[STARTS_MAX];
  size_t n = 0, bytes = 0, taken = 0;
  for (; taken < h->starts.len && n < STARTS_MAX; taken++) {
    struct host_attempt *a = h->starts.items[taken];
    if (a->over || a->state != HOST_ATTEMPT_READY || a->stop_wanted) continue;
    if (n > 0 && bytes + launch_size(a->launch) > START_BYTES) break;
    bytes += launch_size(a->launch);
    launches[n++] = a->launch;
    host_ask_about(q, a);
    a->state = HOST_ATTEMPT_ASKED;
    a->sent_before = a->sent;
    a->sent = true;
    a->tries++;
  }
  for (size_t i = 0; i < taken; i++) {
    h->starts.items[i]->queued = false;
    host_attempt_unuse(h, h->starts.items[i]);
  }
  h->starts.len -= taken;
  memmove(h->starts.items, h->starts.items + taken, h->starts.len * sizeof(struct host_attempt *));
  if (n > 0) {
    ops_start(&q->text, q->nonce, link_hello(h->link), launches, n);
    host_ask_send(q, ASK_CONTROL, 0, &h->start_asks);
  } else {
    host_ask_drop(q);
  }
}

void host_starts_flush(struct host *h) {
  while (host_is_up(h) && h->starts.len > 0 && h->start_asks < STARTS_ASKED) starts_send_some(h);
}

/* ---- what goes before ---- */

static void pieces_answered(struct host_ask *q, const struct answer *a) {
  struct host_attempt *at = q->attempts[0];
  struct ops_error error;
  if (at->over || at->state != HOST_ATTEMPT_SENDING) return;
  if (a->end != ANSWER_CAME) return; /* sent again when the contact is back, or refused */
  if (!host_answer_good(a, &error)) {
    refused_there(q->host, at, &error);
    return;
  }
  if (q->more > 0) return; /* more are under way */
  at->state = HOST_ATTEMPT_READY;
  at->ready = true;
  host_start_go(q->host, at);
}

/* A script or context that is too large for the request of the start. */
static void pieces_send(struct host *h, struct host_attempt *a, size_t pieces) {
  a->state = HOST_ATTEMPT_SENDING;
  for (size_t i = 0; i < pieces; i++) {
    struct host_ask *q = host_ask_new(h, pieces_answered);
    host_ask_about(q, a);
    q->more = pieces - 1 - i;
    ops_piece(&q->text, q->nonce, a->launch, i);
    host_ask_send(q, ASK_CONTROL, 0, NULL);
  }
}

void host_start_go(struct host *h, struct host_attempt *a) {
  bool unsent = !a->sent && !a->adopting && !a->doubtful;
  if ((a->stop_wanted || a->fencing) && unsent) {
    host_report_last(h, a, REPORT_FENCED, 0, "it was fenced before it was sent");
  } else if (!host_is_up(h)) {
    a->state = a->sent ? HOST_ATTEMPT_UNKNOWN : HOST_ATTEMPT_READY;
    if (unsent) host_due(h, HOST_DUE_STARTS, 0);
  } else if (a->stop_wanted || a->fencing || !a->launch || a->tries >= START_TRIES) {
    if (a->tries >= START_TRIES) a->fencing = true;
    host_fence_send(h, a);
  } else if (!a->files_sent && a->launch->send_len > 0) {
    host_files_send(h, a);
  } else if (!a->ready && ops_pieces(a->launch) > 0) {
    pieces_send(h, a, ops_pieces(a->launch));
  } else {
    a->state = HOST_ATTEMPT_READY;
    a->queued = true;
    host_attempt_use(a);
    vec_push(&h->starts, a);
    host_starts_flush(h);
  }
}

/* One that a former life may have sent waits for the host: only there can it be told. */
void host_starts_settle(struct host *h) {
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    if (a->over || a->state != HOST_ATTEMPT_READY) continue;
    bool unsent = !a->sent && !a->adopting && !a->doubtful;
    if (a->stop_wanted || a->fencing)
      host_start_go(h, a);
    else if (host_is_up(h) && !a->queued && a->launch)
      host_start_go(h, a);
    else if (!host_is_up(h) && unsent)
      host_report_last(h, a, REPORT_FENCED, 0, NOTHING_SENT);
  }
  host_starts_flush(h);
}

/* ---- its record ---- */

struct record_job {
  struct host_job base;
  char *dir;
  struct record record;
  bool reading;
  int err;
};

static void record_work(struct host_job *j) {
  struct record_job *r = (struct record_job *)j;
  r->err = r->reading ? record_read(r->dir, &r->record) : record_begin(r->dir, &r->record);
}

static void record_free(struct host_job *j) {
  struct record_job *r = (struct record_job *)j;
  if (r->reading) record_release(&r->record);
  free(r->dir);
  free(r);
}

static void written_done(struct host_job *j) {
  struct record_job *r = (struct record_job *)j;
  struct host_attempt *a = j->attempt;
  if (a->over) return;
  a->state = HOST_ATTEMPT_READY;
  if (!r->err) {
    host_start_go(j->host, a);
    return;
  }
  char *text = alloc_fmt("its directory on this machine can't be written: %s", err_text(r->err));
  host_report_not_started(j->host, a, r->err, text);
  free(text);
}

static void read_done(struct host_job *j) {
  struct record_job *r = (struct record_job *)j;
  struct host_attempt *a = j->attempt;
  if (a->over) return;
  a->record = r->record;
  r->record = (struct record){0};
  a->log_at = a->record.log_at;
  if (a->record.ended) {
    host_clean_later(j->host, a->id);
    host_report_ended(j->host, a);
    return;
  }
  a->state = HOST_ATTEMPT_UNKNOWN;
  if (j->host->up) host_look(j->host, HOST_LOOK_UNKNOWN);
}

static void record_submit(struct host *h, struct host_attempt *a, bool reading) {
  struct record_job *r = alloc_new(struct record_job);
  r->base = (struct host_job){.lane = HOST_LANE_RECORD,
                              .host = h,
                              .attempt = a,
                              .work = record_work,
                              .done = reading ? read_done : written_done,
                              .release = record_free};
  r->dir = alloc_strdup(a->dir);
  r->reading = reading;
  if (!reading) r->record = a->record; /* lent: the attempt keeps it until the job is done */
  a->state = HOST_ATTEMPT_NOTING;
  host_job_submit(&r->base);
}

/* ---- the interface ---- */

static char *text_or_null(const char *text) {
  return text ? alloc_strdup(text) : NULL;
}

static void record_fill(struct host *h, struct host_attempt *a, const struct launch *l) {
  struct record *r = &a->record;
  findings_init(&r->findings);
  r->place = text_or_null(h->place);
  r->boot = text_or_null(h->boot);
  r->log_cap = l->log_cap;
  r->fetch = alloc_zeroed(l->fetch_len ? l->fetch_len : 1, sizeof *r->fetch);
  r->fetch_len = l->fetch_len;
  for (size_t i = 0; i < l->fetch_len; i++) {
    r->fetch[i] = (struct launch_file){.path = alloc_strdup(l->fetch[i].path), .optional = l->fetch[i].optional};
  }
}

int host_start(struct host *h, const struct launch *l) {
  struct host_attempt *a = host_attempts_add(&h->attempts, h->shared->state_dir, l->run_id, l->attempt_id);
  if (!a) return 0;
  a->host = h;
  a->grace = l->grace;
  host_look_soon(h);
  a->doubtful = map_has(&h->doubtful, a->id);
  if (a->doubtful) map_remove(&h->doubtful, a->id);
  if (!host_is_up(h) && !a->doubtful) {
    a->state = HOST_ATTEMPT_READY;
    host_due(h, HOST_DUE_STARTS, 0);
    return 0;
  }
  a->arena = alloc_new(struct arena);
  a->launch = launch_copy(a->arena, l);
  record_fill(h, a, l);
  record_submit(h, a, false);
  return 0;
}

int host_adopt(struct host *h, const char *run_id, const char *attempt_id, duration grace) {
  struct host_attempt *a = host_attempts_add(&h->attempts, h->shared->state_dir, run_id, attempt_id);
  if (!a) return 0;
  a->host = h;
  a->grace = grace;
  host_look_soon(h);
  a->adopting = true;
  record_submit(h, a, true);
  return 0;
}
