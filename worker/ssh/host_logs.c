/* Logs and progress while tasks run: one poll for all of a host, faster while something comes. A log that is far
 * behind comes over on a channel of its own, which waits while this machine's disk does. */
#include "worker/ssh/host_logs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "worker/ssh/mirror.h"

#define POLL_SLOWEST  (5 * USEC_PER_SEC)
#define POLL_LOGS     (256u << 10) /* bytes of all logs in one answer */
#define BULK_BEHIND   (1u << 20)   /* bytes that a log is behind */
#define BULKS_OF_LOGS 3
#define WRITING_HIGH  (4u << 20) /* bytes on their way to the disk at which a channel has to wait */
#define WRITING_LOW   (1u << 20)
#define PIECE         (256u << 10) /* bytes that are written at a time: on a busy machine each time is a wait */
#define SPARES_MAX    4            /* pieces of memory that are kept while much comes */
#define PROGRESS_MAX  4096
#define WRITE_AGAIN   (5 * USEC_PER_SEC)
#define BULK_AGAIN    (2 * USEC_PER_SEC)

/* ---- to the disk ---- */

struct log_piece {
  struct log_piece *next;
  uint64_t offset;
  size_t len;
  struct buf bytes; /* another's memory, empty, once they are on their way to the disk */
};

/* The copy of one log, from the first bytes that came in this life on. */
struct host_log {
  struct host_attempt *attempt;
  struct mirror *mirror;
  bool idle;
  uint64_t begun_at; /* log_at when it was begun */
  struct log_piece *first, **last;
  struct log_piece *spares; /* for the next ones, while a channel brings them */
  int spares_len;
};

static struct log_piece *piece_take(struct host_log *l) {
  struct log_piece *p = l->first;
  if (!p) return NULL;
  l->first = p->next;
  if (!l->first) l->last = &l->first;
  l->attempt->writing -= p->len;
  return p;
}

static void piece_free(struct log_piece *p) {
  if (!p) return;
  buf_release(&p->bytes);
  free(p);
}

static void piece_spare(struct host_log *l, struct log_piece *p) {
  if (!p || !l->attempt->bulk || l->spares_len == SPARES_MAX) {
    piece_free(p);
    return;
  }
  p->next = l->spares;
  l->spares = p;
  l->spares_len++;
}

static struct log_piece *piece_new(struct host_log *l, uint64_t offset, size_t room) {
  struct log_piece *p = l->spares;
  if (p) {
    l->spares = p->next;
    l->spares_len--;
    buf_reset(&p->bytes);
  } else {
    p = alloc_new(struct log_piece);
  }
  p->next = NULL;
  p->offset = offset;
  p->len = 0;
  buf_reserve(&p->bytes, room);
  return p;
}

static void spares_free(struct host_log *l) {
  while (l->spares) {
    struct log_piece *p = l->spares;
    l->spares = p->next;
    piece_free(p);
  }
  l->spares_len = 0;
}

static void log_forward(struct host_log *l) {
  struct log_piece *p = l->first;
  if (!l->idle || !p) return;
  l->idle = false;
  mirror_append(l->mirror, p->offset, &p->bytes);
}

/* What waits to be written is asked for again, from `position` on. */
static void log_rewind(struct host_log *l, uint64_t position) {
  for (struct log_piece *p; (p = piece_take(l)) != NULL;) piece_free(p);
  l->attempt->log_at = position;
  l->attempt->log_rewound_at = clock_monotonic();
  if (l->attempt->bulk) host_log_bulk_drop(l->attempt->host, l->attempt);
}

/* The disk is full, most likely: the host keeps the log meanwhile. */
static void log_fail(struct host_log *l) {
  struct host_attempt *a = l->attempt;
  a->log_paused_until = clock_monotonic() + WRITE_AGAIN;
  host_due(a->host, HOST_DUE_CLOSE, a->log_paused_until);
}

static void on_ready(void *ctx, int err, uint64_t position) {
  struct host_log *l = ctx;
  struct host_attempt *a = l->attempt;
  if (err) {
    log_rewind(l, l->begun_at);
    mirror_free(l->mirror);
    l->mirror = NULL;
    log_fail(l);
    return;
  }
  l->idle = true;
  if (position == l->begun_at) {
    log_forward(l);
  } else { /* what is here isn't what was thought: from there on */
    log_rewind(l, position);
    host_log_arrived(a->host, a);
  }
}

static void on_written(void *ctx, int err, uint64_t position) {
  struct host_log *l = ctx;
  struct host_attempt *a = l->attempt;
  l->idle = true;
  piece_spare(l, piece_take(l));
  if (err) {
    log_rewind(l, position);
    log_fail(l);
    return;
  }
  log_forward(l);
  if (a->bulk && a->writing < WRITING_LOW) bulk_pause(a->bulk, false);
  host_log_written(a->host, a);
}

static const struct mirror_events mirror_events = {.ready = on_ready, .written = on_written};

static struct host_log *log_of(struct host *h, struct host_attempt *a) {
  struct host_log *l = a->log;
  if (!l) {
    l = a->log = alloc_new(struct host_log);
    l->attempt = a;
    l->last = &l->first;
  }
  if (l->mirror) return l;
  l->begun_at = a->log_at;
  l->mirror = mirror_new(&(struct mirror_options){.crew = h->shared->crew,
                                                  .lane = HOST_LANE_LOG,
                                                  .attempt_dir = a->dir,
                                                  .cap = a->record.log_cap,
                                                  .events = &mirror_events,
                                                  .ctx = l});
  return l;
}

void host_log_release(struct host *h, struct host_attempt *a) {
  struct host_log *l = a->log;
  host_log_bulk_drop(h, a);
  if (!l) return;
  a->log = NULL;
  for (struct log_piece *p; (p = piece_take(l)) != NULL;) piece_free(p);
  spares_free(l);
  mirror_free(l->mirror);
  free(l);
}

/* What comes while others wait is put together with the last of them; the first may be on its way to the disk. */
static struct log_piece *piece_for(struct host_log *l, uint64_t offset, size_t len) {
  struct log_piece *p = l->first;
  while (p && p->next) p = p->next;
  if (p && (p != l->first || l->idle) && p->offset + p->len == offset && p->len + len <= PIECE) return p;
  const size_t room = p && len < PIECE ? PIECE : len;
  p = piece_new(l, offset, room);
  *l->last = p;
  l->last = &p->next;
  return p;
}

void host_log_take(struct host *h, struct host_attempt *a, uint64_t offset, const char *bytes, size_t len) {
  if (offset + len <= a->log_at) return; /* asked for twice */
  if (offset < a->log_at) {
    bytes += a->log_at - offset;
    len -= (size_t)(a->log_at - offset);
    offset = a->log_at;
  }
  if (a->log_paused_until > clock_monotonic()) return;
  struct host_log *l = log_of(h, a);
  struct log_piece *p = piece_for(l, offset, len);
  buf_add(&p->bytes, bytes, len);
  p->len += len;
  a->log_at = offset + len;
  a->writing += len;
  log_forward(l);
  if (a->bulk && a->writing > WRITING_HIGH) bulk_pause(a->bulk, true);
}

/* ---- a log on a channel of its own ---- */

static void bulk_over(struct host *h, struct host_attempt *a) {
  if (!a->bulk) return;
  bulk_free(a->bulk);
  a->bulk = NULL;
  if (a->log) spares_free(a->log);
  h->bulks--;
  host_attempt_unuse(h, a);
}

void host_log_bulk_drop(struct host *h, struct host_attempt *a) {
  bulk_over(h, a);
}

static void on_bulk_answer(void *ctx, const struct answer *answer) {
  struct host_attempt *a = ctx;
  struct ops_log log;
  for (size_t i = 1; i < answer->len; i++) {
    if (ops_read_log(answer->sections[i].words, &log) != 0 || strcmp(log.attempt, a->id) != 0) continue;
    a->bulk_at = log.offset;
    a->log_end = log.end;
  }
}

static void on_bulk_data(void *ctx, const char *bytes, size_t len) {
  struct host_attempt *a = ctx;
  host_log_take(a->host, a, a->bulk_at, bytes, len);
  a->bulk_at += len;
}

static void on_bulk_end(void *ctx, const struct bulk_end *end) {
  struct host_attempt *a = ctx;
  struct host *h = a->host;
  host_attempt_use(a);
  bulk_over(h, a);
  if (end->how == BULK_DONE || end->how == BULK_ERROR)
    host_log_arrived(h, a);
  else /* the channel alone may have been lost; where none is to be had, the control channel serves */
    host_due(h, HOST_DUE_CLOSE, clock_monotonic() + (end->how == BULK_LOST ? BULK_AGAIN : 0));
  /* While it was on its way the polls passed it over, and by now there is more. */
  if (!a->over && a->state == HOST_ATTEMPT_RUNNING)
    host_due(h, HOST_DUE_POLL, clock_monotonic() + h->poll_fastest / 20);
  host_attempt_unuse(h, a);
}

static const struct bulk_events bulk_events = {.answer = on_bulk_answer, .data = on_bulk_data, .end = on_bulk_end};

static bool bulk_begin(struct host *h, struct host_attempt *a) {
  if (a->bulk || h->bulks >= BULKS_OF_LOGS || !host_is_up(h) || link_is_crowded(h->link)) return false;
  if (a->log_paused_until > clock_monotonic()) return false;
  char nonce[OPS_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  ops_read(&text, nonce, link_hello(h->link), a->id, a->log_at);
  a->bulk_at = a->log_at;
  a->bulk = link_bulk(
      h->link,
      &(struct bulk_options){
          .kind = BULK_READ, .nonce = nonce, .text = &text, .hasty = true, .events = &bulk_events, .ctx = a});
  h->bulks++;
  host_attempt_use(a);
  return true;
}

/* ---- polls ---- */

bool host_logs_take(const struct host_ask *q, const struct answer *answer) {
  struct host *h = q->host;
  bool any = false;
  if (answer->end != ANSWER_CAME) return false;
  for (size_t i = 1; i < answer->len; i++) {
    struct ops_log log;
    const struct section *s = &answer->sections[i];
    if (ops_read_log(s->words, &log) != 0) continue;
    struct host_attempt *a = host_attempts_find(&h->attempts, log.attempt);
    if (!a || a->state < HOST_ATTEMPT_LAUNCHED || a->state >= HOST_ATTEMPT_CLOSING) continue;
    if (log.end > a->log_end) a->log_end = log.end; /* also what a channel of its own will have to bring */
    /* What was asked for before the rewinding begins behind what is missing, which would be taken for dropped. */
    if (a->bulk || q->sent_at <= a->log_rewound_at) continue;
    host_log_take(h, a, log.offset, s->body, s->len);
    any = true;
  }
  return any;
}

static struct host_ask *logs_ask(struct host *h, void (*answered)(struct host_ask *, const struct answer *)) {
  return host_ask_new(h, answered);
}

void host_logs_send(struct host_ask *q, enum ask_order order, size_t max, int *under_way) {
  struct ops_offset *offsets = alloc_zeroed(q->len, sizeof *offsets);
  for (size_t i = 0; i < q->len; i++) {
    offsets[i] = (struct ops_offset){.attempt = q->attempts[i]->id, .offset = q->attempts[i]->log_at};
  }
  ops_logs(&q->text, q->nonce, max, offsets, q->len);
  free(offsets);
  host_ask_send(q, order, 0, under_way);
}

static void one_answered(struct host_ask *q, const struct answer *answer) {
  struct host_attempt *a = q->attempts[0];
  if (answer->end != ANSWER_CAME || answer->rc != 0) return;
  host_logs_take(q, answer);
  if (!a->over) host_log_arrived(q->host, a);
}

void host_log_rest(struct host *h, struct host_attempt *a) {
  if (a->bulk) return;
  if (a->log_paused_until > clock_monotonic()) { /* another one's pause was over first */
    host_due(h, HOST_DUE_CLOSE, a->log_paused_until);
    return;
  }
  if (a->log_end > a->log_at + BULK_BEHIND && bulk_begin(h, a)) return;
  struct host_ask *q = logs_ask(h, one_answered);
  host_ask_about(q, a);
  host_logs_send(q, ASK_POLL, OPS_LOGS_MAX, NULL);
}

/* The next poll comes sooner after one that brought something, and at once after one that couldn't bring all. */
static void poll_answered(struct host_ask *q, const struct answer *answer) {
  struct host *h = q->host;
  bool behind = false;
  if (answer->end != ANSWER_CAME) return; /* polled again when the contact is back */
  bool any = host_logs_take(q, answer);
  for (size_t i = 0; i < q->len; i++) {
    struct host_attempt *a = q->attempts[i];
    if (a->over || a->log_end <= a->log_at || a->bulk) continue;
    if (a->log_end > a->log_at + BULK_BEHIND && bulk_begin(h, a)) continue;
    behind = true;
  }
  if (any)
    h->poll_every = h->poll_fastest;
  else if (h->poll_every < POLL_SLOWEST)
    h->poll_every += h->poll_every / 4;
  host_due(h, HOST_DUE_POLL, clock_monotonic() + (behind ? h->poll_fastest / 20 : h->poll_every));
}

/* ---- progress ---- */

struct progress_job {
  struct host_job base;
  char *path;
  size_t len;
  char bytes[];
};

static void progress_work(struct host_job *j) {
  struct progress_job *p = (struct progress_job *)j;
  file_write(p->path, p->bytes, p->len, 0600, false);
}

static void progress_done(struct host_job *j) {
  (void)j; /* a progress that can't be shown holds nobody up */
}

static void progress_free(struct host_job *j) {
  struct progress_job *p = (struct progress_job *)j;
  free(p->path);
  free(p);
}

static uint64_t progress_mark(const char *bytes, size_t len) {
  uint64_t mark = UINT64_C(14695981039346656037); /* FNV-1a: only whether it changed */
  for (size_t i = 0; i < len; i++) mark = (mark ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
  return mark;
}

static void progress_take(struct host *h, struct host_attempt *a, const char *bytes, size_t len) {
  uint64_t mark = progress_mark(bytes, len);
  if (mark == a->progress_mark) return;
  a->progress_mark = mark;
  struct progress_job *p = alloc_zeroed(1, sizeof *p + len);
  p->base = (struct host_job){.lane = HOST_LANE_RECORD,
                              .host = h,
                              .attempt = a,
                              .work = progress_work,
                              .done = progress_done,
                              .release = progress_free};
  p->path = path_join(a->dir, RUNDIR_PROGRESS);
  p->len = len;
  memcpy(p->bytes, bytes, len);
  host_job_submit(&p->base);
}

static void progress_answered(struct host_ask *q, const struct answer *answer) {
  for (size_t i = 1; i < answer->len && answer->end == ANSWER_CAME; i++) {
    struct ops_file file;
    const struct section *s = &answer->sections[i];
    if (ops_read_file(s->words, &file) != 0 || strcmp(file.name, RUNDIR_PROGRESS) != 0) continue;
    struct host_attempt *a = host_attempts_find(&q->host->attempts, file.attempt);
    if (a && a->state == HOST_ATTEMPT_RUNNING && s->len == file.size && s->len <= PROGRESS_MAX)
      progress_take(q->host, a, s->body, s->len);
  }
}

static void progress_send(struct host *h, const struct host_ask *logs) {
  struct host_ask *q = host_ask_new(h, progress_answered);
  for (size_t i = 0; i < logs->len; i++) host_ask_about(q, logs->attempts[i]);
  const char **ids = host_ask_ids(q);
  ops_progress(&q->text, q->nonce, ids, q->len);
  free(ids);
  host_ask_send(q, ASK_POLL, 0, NULL);
}

/* ---- the poll ---- */

static void poll_send(struct host *h, struct host_ask *q) {
  progress_send(h, q);
  host_logs_send(q, ASK_POLL, POLL_LOGS, &h->log_asks);
}

void host_poll(struct host *h) {
  struct host_ask *q = NULL;
  if (!host_is_up(h) || h->log_asks > 0) return;
  bool launched = false;
  int64_t now = clock_monotonic();
  for (struct host_attempt *a = h->attempts.all; a; a = a->next) {
    if (a->over || a->hinted) continue;
    launched = launched || a->state == HOST_ATTEMPT_LAUNCHED;
    if (a->state != HOST_ATTEMPT_RUNNING || a->bulk || a->log_paused_until > now) continue;
    if (!q) q = logs_ask(h, poll_answered);
    host_ask_about(q, a);
    if (q->len < OPS_LOOK_MAX) continue;
    poll_send(h, q);
    q = NULL;
  }
  if (q) poll_send(h, q);
  if (q) h->polled_at = now;
  if (launched) {
    host_look(h, HOST_LOOK_LAUNCHED);
    host_due(h, HOST_DUE_POLL, clock_monotonic() + h->poll_fastest);
  }
}

/* A task that begins to print much shouldn't lose a second; but a host isn't polled faster than the fastest. */
void host_poll_soon(struct host *h) {
  int64_t first = clock_monotonic() + h->poll_fastest / 5, next = h->polled_at + h->poll_fastest;
  h->poll_every = h->poll_fastest;
  if (h->log_asks == 0) host_due(h, HOST_DUE_POLL, first > next ? first : next);
}
