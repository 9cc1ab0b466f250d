#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/transfer_inside.h"

#define WAITING_MAX (512u << 10) /* fetched bytes that wait for the disk, until the channel is paused */

static void go_on(struct mover *m);

/* ---- on the lane ---- */

static void write_run(struct job *j) {
  struct mover *m = (struct mover *)j;
  m->err = 0;
  if (!m->open) {
    char token[64];
    snprintf(token, sizeof token, "%s.%d", m->t->o.attempt_id, m->index);
    m->err = file_sink_open(&m->sink, m->t->work, m->entry->path, token, m->entry->size);
    m->open = m->err == 0;
  }
  if (!m->err && m->piece.len) m->err = file_sink_write(&m->sink, m->piece.bytes, m->piece.len);
  if (m->err || !m->eof) return;
  m->err = file_sink_end(&m->sink, m->entry->claim, m->mode);
  m->open = false;
}

static void write_failed(struct mover *m) {
  const char *path = m->entry->path, *work = m->t->work;
  switch (m->err) {
  case ERR_CONFLICT: mover_changed(m); break;
  case ERR_FULL: transfer_fail(m->t, ERR_FULL, "%s can't be fetched: the disk of this machine is full", path); break;
  case ERR_DENIED:
    transfer_fail(m->t, ERR_INVALID,
                  "%s can't be fetched: there is a link on its way in %s, or it may not be written", path, work);
    break;
  case ERR_EXISTS:
    transfer_fail(m->t, ERR_INVALID, "%s can't be fetched: there is something else in its place in %s", path, work);
    break;
  case ERR_TOO_LARGE: transfer_fail(m->t, ERR_INVALID, "%s can't be fetched: its name is too long", path); break;
  default:
    transfer_fail(m->t, m->err == ERR_INVALID ? ERR_IO : m->err, "%s can't be fetched to %s: %s", path, work,
                  err_text(m->err));
  }
}

static void write_done(struct mover *m) {
  if (m->err) {
    write_failed(m);
  } else if (m->eof) {
    memcpy(m->entry->sha256, m->entry->claim, sizeof m->entry->sha256);
    mover_done(m);
  } else {
    go_on(m);
  }
}

/* What came goes to the disk; at the end the file gets its name. */
static void go_on(struct mover *m) {
  if (m->working) return;
  buf_reset(&m->piece);
  if (m->waiting.len == 0 && !m->ended) return;
  const struct buf came = m->waiting;
  m->waiting = m->piece;
  m->piece = came;
  m->eof = m->ended;
  if (m->paused) {
    m->paused = false;
    bulk_pause(m->bulk, false);
  }
  mover_submit(m, write_run, write_done);
}

/* ---- its bytes ---- */

static void on_answer(void *ctx, const struct answer *a) {
  struct mover *m = ctx;
  struct ops_get get;
  for (size_t i = 0; i < a->len; i++) {
    if (ops_read_get(a->sections[i].words, &get)) continue;
    if (get.size != m->entry->size) break;
    m->mode = get.mode;
    m->flows = true;
    return;
  }
  mover_changed(m);
}

static void on_data(void *ctx, const char *bytes, size_t len) {
  struct mover *m = ctx;
  buf_add(&m->waiting, bytes, len);
  if (!m->paused && m->waiting.len >= WAITING_MAX && m->working) {
    m->paused = true;
    bulk_pause(m->bulk, true);
  }
  go_on(m);
}

static void on_end(void *ctx, const struct bulk_end *end) {
  struct mover *m = ctx;
  if (end->how == BULK_ERROR) {
    mover_changed(m); /* it was listed; the next list says what is the matter */
  } else if (end->how != BULK_DONE) {
    transfer_fail_bulk(m->t, m->entry, end);
  } else {
    m->ended = true;
    m->paused = false;
    bulk_free(m->bulk);
    m->bulk = NULL;
    go_on(m);
  }
}

static const struct bulk_events events = {.answer = on_answer, .data = on_data, .end = on_end};

void mover_fetch(struct mover *m) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  struct transfer *t = m->t;
  frame_nonce(nonce);
  ops_get(&text, nonce, link_hello(t->o.link), t->o.run_id, m->entry->path);
  m->bulk = link_bulk(t->o.link, &(struct bulk_options){
                                     .kind = BULK_READ, .nonce = nonce, .text = &text, .events = &events, .ctx = m});
}
