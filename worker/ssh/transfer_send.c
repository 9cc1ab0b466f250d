#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/transfer_inside.h"

#define CONTROL_BYTES (8u << 20) /* a smaller file is summed by the control shell, which has others to serve */

static void read_more(struct mover *m);

/* The mover's temporary on the host. */
static const char *token(struct mover *m, char *out, size_t size) {
  snprintf(out, size, "%s.%d", m->t->o.attempt_id, m->index);
  return out;
}

static const struct ops_put *described(const struct mover *m, struct ops_put out[TRANSFER_BATCH]) {
  for (size_t i = 0; i < m->len; i++) {
    const struct file_entry *e = m->batch[i];
    out[i] = (struct ops_put){e->path, e->sha256, e->size, e->mode};
  }
  return out;
}

/* What is wrong with one of several is found out by sending each alone. */
static void failed(struct mover *m, const struct answer *a) {
  struct ops_error error;
  const char *path = mover_entry(m)->path;
  ops_read_error(a->sections[0].body, a->sections[0].len, &error);
  if (m->len > 1) {
    m->t->single = true;
    mover_changed(m);
  } else if (strcmp(error.stage, "size") == 0 || strcmp(error.stage, "sum") == 0) {
    transfer_fail(m->t, ERR_IO, "%s didn't arrive whole: %s", path, error.text);
  } else {
    transfer_fail_host(m->t, mover_entry(m), &error);
  }
}

/* ---- it is there: its sum is compared and it gets its name ---- */

static void put_answered(struct mover *m, const struct answer *a) {
  if (a->rc == 0)
    mover_done(m);
  else
    failed(m, a);
}

static void on_put_answer(void *ctx, const struct answer *a) {
  struct mover *m = ctx;
  if (a->end == ANSWER_CAME)
    put_answered(m, a);
  else
    transfer_fail(m->t, ERR_UNREACHABLE, "%s can't be sent now: %s", mover_entry(m)->path, a->text);
}

static void on_put_end(void *ctx, const struct bulk_end *end) {
  struct mover *m = ctx;
  if (end->how != BULK_DONE && end->how != BULK_ERROR) {
    transfer_fail_bulk(m->t, mover_entry(m), end);
    return;
  }
  struct bulk *bulk = m->bulk; /* has the answer */
  m->bulk = NULL;
  put_answered(m, end->answer);
  bulk_free(bulk);
}

static const struct bulk_events put_events = {.end = on_put_end};

static void put_done(struct mover *m) {
  char nonce[FRAME_NONCE_LEN + 1], name[64];
  struct ops_put files[TRANSFER_BATCH];
  struct buf text = {0};
  struct transfer *t = m->t;
  const struct file_entry *e = mover_entry(m);
  frame_nonce(nonce);
  token(m, name, sizeof name);
  if (m->len > 1)
    ops_put_all(&text, nonce, t->o.run_id, name, described(m, files), m->len);
  else
    ops_put_done(&text, nonce, t->o.run_id, e->path, name, e->size, e->sha256, e->mode);
  if (m->len == 1 && e->size <= CONTROL_BYTES) {
    link_ask(t->o.link, &(struct ask){.nonce = nonce, .text = &text, .answer = on_put_answer, .ctx = m});
  } else {
    m->bulk = link_bulk(t->o.link, &(struct bulk_options){.kind = BULK_ASK,
                                                          .nonce = nonce,
                                                          .text = &text,
                                                          .limit_ms = TRANSFER_LONG,
                                                          .events = &put_events,
                                                          .ctx = m});
  }
}

/* ---- its bytes ---- */

static void write_piece(struct mover *m) {
  if (!m->flows || !m->full || m->working) return;
  m->full = false;
  if (m->piece.len) bulk_write(m->bulk, m->piece.bytes, m->piece.len);
  if (m->eof) {
    m->finished = true;
    bulk_finish(m->bulk);
  } else if (bulk_waiting(m->bulk) < CHANNEL_LOW) {
    read_more(m);
  }
}

static void on_answer(void *ctx, const struct answer *a) {
  struct mover *m = ctx;
  (void)a;
  m->flows = true;
  write_piece(m);
}

static void on_drained(void *ctx) {
  struct mover *m = ctx;
  if (!m->working && !m->full && !m->eof) read_more(m);
}

static void on_end(void *ctx, const struct bulk_end *end) {
  struct mover *m = ctx;
  if (end->how == BULK_ERROR) {
    struct bulk *bulk = m->bulk; /* has the answer */
    m->bulk = NULL;
    failed(m, end->answer);
    bulk_free(bulk);
    return;
  }
  if (end->how != BULK_DONE || !m->finished) {
    transfer_fail_bulk(m->t, mover_entry(m), end);
    return;
  }
  bulk_free(m->bulk);
  m->bulk = NULL;
  put_done(m);
}

static const struct bulk_events events = {.answer = on_answer, .drained = on_drained, .end = on_end};

static void channel_open(struct mover *m) {
  char nonce[FRAME_NONCE_LEN + 1], name[64];
  struct ops_put files[TRANSFER_BATCH];
  struct buf text = {0};
  struct transfer *t = m->t;
  const struct ops_hello *hello = link_hello(t->o.link);
  if (!hello) {
    transfer_fail(t, ERR_UNREACHABLE, "%s can't be sent: the host isn't connected", mover_entry(m)->path);
    return;
  }
  frame_nonce(nonce);
  token(m, name, sizeof name);
  if (m->len > 1)
    ops_put_many(&text, nonce, hello, t->o.run_id, name, described(m, files), m->len);
  else
    ops_put(&text, nonce, hello, t->o.run_id, m->batch[0]->path, name);
  m->bulk = link_bulk(t->o.link, &(struct bulk_options){
                                     .kind = BULK_WRITE, .nonce = nonce, .text = &text, .events = &events, .ctx = m});
}

/* ---- on the lane ---- */

/* Adds to the piece from the file that it is at. */
static int read_some(struct mover *m) {
  size_t got = 0;
  struct file_entry *e = m->batch[m->at];
  int err = m->open ? 0 : file_source_open(&m->source, e->base, e->path);
  if (err) return err;
  m->open = true;
  if ((uint64_t)m->source.st.st_size != e->size) return ERR_CONFLICT;
  const size_t room = TRANSFER_PIECE - m->piece.len;
  err = file_source_read(&m->source, m->piece.bytes + m->piece.len, room, &got);
  m->piece.len += got;
  if (err || got == room) return err;
  err = file_source_end(&m->source, e->sha256);
  m->open = false;
  if (!err) m->eof = ++m->at == m->len;
  return err;
}

static void read_run(struct job *j) {
  struct mover *m = (struct mover *)j;
  m->err = 0;
  buf_reset(&m->piece);
  buf_reserve(&m->piece, TRANSFER_PIECE);
  while (!m->err && !m->eof && m->piece.len < TRANSFER_PIECE) m->err = read_some(m);
}

static void read_done(struct mover *m) {
  const struct file_entry *e = mover_entry(m);
  /* It was there a moment ago: the next list says what is the matter. */
  if (m->err == ERR_CONFLICT || m->err == ERR_NOT_FOUND) {
    mover_changed(m);
  } else if (m->err == ERR_DENIED || m->err == ERR_INVALID) {
    transfer_fail(m->t, ERR_INVALID, "%s/%s can't be read to be sent: %s", e->base, e->path, err_text(m->err));
  } else if (m->err) {
    transfer_fail(m->t, m->err, "%s/%s can't be read to be sent: %s", e->base, e->path, err_text(m->err));
  } else {
    m->full = true;
    if (m->bulk)
      write_piece(m);
    else
      channel_open(m);
  }
}

static void read_more(struct mover *m) {
  mover_submit(m, read_run, read_done);
}

void mover_send(struct mover *m) {
  read_more(m);
}
