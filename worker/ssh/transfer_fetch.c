#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/transfer_inside.h"

#define WAITING_MAX (512u << 10) /* fetched bytes that wait for the disk, until the channel is paused */

static void go_on(struct mover *m);

/* ---- on the lane ---- */

/* Takes from the piece what belongs to the file that it is at. */
static int write_some(struct mover *m, size_t *from) {
  const struct file_entry *e = m->batch[m->at];
  int err = 0;
  if (!m->open) {
    char token[64];
    snprintf(token, sizeof token, "%s.%d", m->t->o.attempt_id, m->index);
    err = file_sink_open(&m->sink, m->t->work, e->path, token, e->size);
    if (err) return err;
    m->open = true;
  }
  size_t some = m->piece.len - *from;
  if (some > e->size - m->sink.written) some = (size_t)(e->size - m->sink.written);
  if (some) err = file_sink_write(&m->sink, m->piece.bytes + *from, some);
  *from += some;
  if (err || m->sink.written < e->size) return err;
  err = file_sink_end(&m->sink, e->claim, e->mode);
  m->open = false;
  if (!err) m->at++;
  return err;
}

static void write_run(struct job *j) {
  struct mover *m = (struct mover *)j;
  size_t from = 0;
  m->err = 0;
  while (!m->err && m->at < m->len && (from < m->piece.len || m->batch[m->at]->size == 0))
    m->err = write_some(m, &from);
  if (!m->err && (from < m->piece.len || (m->eof && m->at < m->len)))
    m->err = ERR_CONFLICT; /* too much, too little */
}

static void write_failed(struct mover *m) {
  const char *path = mover_entry(m)->path, *work = m->t->work;
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
    for (size_t i = 0; i < m->len; i++) memcpy(m->batch[i]->sha256, m->batch[i]->claim, SHA256_HEX_SIZE);
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
  if (m->len > 1) return; /* the sums will tell */
  for (size_t i = 0; i < a->len; i++) {
    if (ops_read_get(a->sections[i].words, &get)) continue;
    if (get.size != m->batch[0]->size) break;
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
    transfer_fail_bulk(m->t, mover_entry(m), end);
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
  if (m->len > 1) {
    const char *paths[TRANSFER_BATCH];
    for (size_t i = 0; i < m->len; i++) paths[i] = m->batch[i]->path;
    ops_get_many(&text, nonce, link_hello(t->o.link), t->o.run_id, paths, m->len);
  } else {
    ops_get(&text, nonce, link_hello(t->o.link), t->o.run_id, m->batch[0]->path);
  }
  m->bulk = link_bulk(t->o.link, &(struct bulk_options){
                                     .kind = BULK_READ, .nonce = nonce, .text = &text, .events = &events, .ctx = m});
}
