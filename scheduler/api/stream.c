#include "scheduler/api/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/vec.h"
#include "scheduler/api/exchange.h"

#define PIECE_MOST   4096        /* handed over at once without a length: all of it lies in the connection's memory */
#define BLOCK        (64 * 1024) /* with one */
#define BLOCK_UNUSED 16          /* chunks are made in the connection's memory */

struct stream {
  uint64_t handle;
  size_t limit, low, bytes; /* queued */
  size_t sent;              /* of the first piece */
  VEC(struct api_piece *) pieces;
  size_t first; /* of `pieces`: those before it are sent */
  bool told;    /* `drained` was called since the last write */
  bool reading; /* in stream_read: who writes wakes nobody */
  bool ended, endless;
};

/* ---- pieces ---- */

struct api_piece *api_piece_new(const void *bytes, size_t len) {
  struct api_piece *p = alloc_grown(NULL, 1, sizeof *p + len);
  p->refs = 1;
  p->len = len;
  if (bytes && len) memcpy(p->bytes, bytes, len);
  return p;
}

void api_piece_hold(struct api_piece *piece) {
  piece->refs++;
}

void api_piece_drop(struct api_piece *piece) {
  if (piece && --piece->refs == 0) free(piece);
}

/* ---- the queue ---- */

static void queue_shift(struct stream *s) {
  api_piece_drop(s->pieces.items[s->first++]);
  s->sent = 0;
  if (s->first == s->pieces.len) s->first = s->pieces.len = 0;
}

static size_t queue_take(struct stream *s, char *out, size_t max) {
  size_t used = 0;
  while (used < max && s->first < s->pieces.len) {
    const struct api_piece *p = s->pieces.items[s->first];
    size_t n = p->len - s->sent < max - used ? p->len - s->sent : max - used;
    memcpy(out + used, p->bytes + s->sent, n);
    used += n;
    s->sent += n;
    if (s->sent == p->len) queue_shift(s);
  }
  s->bytes -= used;
  return used;
}

/* The queue is a run of places: what was sent at its start is given back before it grows. */
static void queue_add(struct stream *s, struct api_piece *piece) {
  if (s->first > 0 && s->pieces.len == s->pieces.cap) {
    size_t left = s->pieces.len - s->first;
    memmove(s->pieces.items, s->pieces.items + s->first, left * sizeof s->pieces.items[0]);
    s->pieces.len = left;
    s->first = 0;
  }
  api_piece_hold(piece);
  vec_push(&s->pieces, piece);
  s->bytes += piece->len;
}

void stream_free(struct exchange *x) {
  struct stream *s = x->stream;
  if (!s) return;
  for (size_t i = s->first; i < s->pieces.len; i++) api_piece_drop(s->pieces.items[i]);
  vec_release(&s->pieces);
  free(s);
  x->stream = NULL;
  x->api->streams--;
}

/* ---- what libmicrohttpd asks ---- */

static void stream_drained(struct exchange *x) {
  struct stream *s = x->stream;
  const struct api_options *o = &x->api->options;
  if (s->told || s->ended || s->bytes > s->low || !o->drained) return;
  s->told = true;
  s->reading = true;
  o->drained(o->ctx, s->handle);
  s->reading = false;
}

static ssize_t stream_read(void *ctx, uint64_t position, char *out, size_t max) {
  (void)position;
  struct exchange *x = ctx;
  struct stream *s = x->stream;
  if (!s || x->gone || x->api->closing) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (s->endless && max > PIECE_MOST) max = PIECE_MOST;
  size_t used = queue_take(s, out, max);
  stream_drained(x);
  if (!used && s->bytes) used = queue_take(s, out, max);
  if (used) {
    exchange_deadline(x, x->api->options.stall_ms);
    return (ssize_t)used;
  }
  if (s->ended) return MHD_CONTENT_READER_END_OF_STREAM;
  exchange_deadline(x, 0);
  exchange_sleep(x, s->endless ? EPOLLRDHUP : 0);
  return 0;
}

static struct MHD_Response *response_of(struct exchange *x, const struct api_stream_options *o) {
  struct MHD_Response *r = MHD_create_response_from_callback(o->length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)o->length,
                                                             o->length < 0 ? BLOCK_UNUSED : BLOCK, stream_read, x,
                                                             NULL);
  assert(r);
  exchange_dress(x->api, r, o->content_type, "no-store", o->headers, o->headers_len);
  return r;
}

/* ---- what the handler calls ---- */

static struct exchange *stream_find(const struct api *api, uint64_t handle) {
  struct exchange *x = api->exchanges[handle & (EXCHANGE_SLOTS - 1)];
  return handle && x && x->stream && x->stream->handle == handle && !x->gone ? x : NULL;
}

bool stream_is(const struct api *api, uint64_t handle) {
  return stream_find(api, handle) != NULL;
}

uint64_t stream_unfinished(const struct exchange *x) {
  return x->stream && !x->stream->ended && !x->gone ? x->stream->handle : 0;
}

int api_stream_begin(struct api *api, uint64_t handle, const struct api_stream_options *options) {
  struct exchange *x = exchange_find(api, handle);
  if (!x) return ERR_NOT_FOUND;
  if (api->streams >= (size_t)api->options.streams_max) return ERR_FULL;
  struct stream *s = alloc_new(struct stream);
  *s = (struct stream){
      .handle = handle, .limit = options->limit, .low = options->low, .told = true, .endless = options->length < 0};
  x->stream = s;
  api->streams++;
  exchange_answer(x, options->status, response_of(x, options));
  return 0;
}

/* What sleeps because it had nothing to send goes on. */
static void stream_wake(struct exchange *x) {
  if (x->suspended && !x->stream->reading && !x->response) exchange_wake(x);
}

int api_stream_write(struct api *api, uint64_t handle, struct api_piece *piece) {
  struct exchange *x = stream_find(api, handle);
  if (!x) return ERR_NOT_FOUND;
  struct stream *s = x->stream;
  assert(!s->ended);
  if (s->bytes > 0 && s->bytes + piece->len > s->limit) return ERR_FULL;
  if (piece->len == 0) return 0;
  if (s->bytes == 0) exchange_deadline(x, api->options.stall_ms);
  queue_add(s, piece);
  s->told = false;
  stream_wake(x);
  return 0;
}

void api_stream_clear(struct api *api, uint64_t handle) {
  struct exchange *x = stream_find(api, handle);
  if (!x) return;
  struct stream *s = x->stream;
  size_t keep = s->first + (s->sent > 0);
  while (s->pieces.len > keep) {
    struct api_piece *last = s->pieces.items[--s->pieces.len];
    s->bytes -= last->len;
    api_piece_drop(last);
  }
}

size_t api_stream_queued(const struct api *api, uint64_t handle) {
  const struct exchange *x = stream_find(api, handle);
  return x ? x->stream->bytes : 0;
}

void api_stream_end(struct api *api, uint64_t handle) {
  struct exchange *x = stream_find(api, handle);
  if (!x || x->stream->ended) return;
  x->stream->ended = true;
  stream_wake(x);
}

size_t api_streams(const struct api *api) {
  return api->streams;
}
