/* Answers that come piece by piece: events for as long as the client listens, and files that are read while they are
 * sent.
 *
 *   api_stream_begin --> api_stream_write ... --> api_stream_end
 *
 * A request that the handler has seen is answered by api_stream_begin instead of api_reply; its handle names the
 * stream from then on. Pieces are shared: one may stand in the queues of a thousand streams, and is freed when the
 * last has sent it. A stream's queue is bounded; what doesn't fit is refused, and the caller decides. `gone` of the
 * options is called when the client has gone before api_stream_end, also while nothing is being sent, or when
 * it took nothing of what was queued for 30 s; the handle is dead then, and whatever is called with it does nothing.
 *
 * Like the rest of the room: on the loop's thread, and nothing blocks. After calls from outside of api_run the owner
 * of the loop asks api_timeout_ms anew.
 */
#ifndef ROTA_API_STREAM_H
#define ROTA_API_STREAM_H

#include "scheduler/api/api.h"

/* Bytes that several may hold. */
struct api_piece {
  size_t refs, len;
  char bytes[];
};

/* Held once, by the caller. Room for `len` bytes that the caller fills before anybody else sees them, if `bytes` is
 * NULL. */
struct api_piece *api_piece_new(const void *bytes, size_t len);
void api_piece_hold(struct api_piece *piece);
void api_piece_drop(struct api_piece *piece); /* accepts NULL */

struct api_stream_options {
  int status;
  const char *content_type;
  const struct api_header *headers; /* copied */
  size_t headers_len;
  int64_t length; /* of the whole body; -1: unknown, and the client's half of the connection must stay open */
  size_t limit;   /* of the bytes that are queued */
  size_t low;     /* `drained` of the options is called when no more than these are queued, once after each write */
};

/* 0; ERR_NOT_FOUND if the client has gone; ERR_FULL if there are too many streams: the request isn't answered yet. */
int api_stream_begin(struct api *api, uint64_t handle, const struct api_stream_options *options);
/* Queues a piece and holds it. ERR_FULL over the limit, unless nothing is queued: then any size is taken;
 * ERR_NOT_FOUND if there is no such stream. */
int api_stream_write(struct api *api, uint64_t handle, struct api_piece *piece);
/* Forgets what is queued, but for the rest of a piece of which a part is sent. */
void api_stream_clear(struct api *api, uint64_t handle);
size_t api_stream_queued(const struct api *api, uint64_t handle);
/* The last piece was written. With a known length that isn't reached the connection is cut, so that the client
 * notices. */
void api_stream_end(struct api *api, uint64_t handle);
/* How many there are. */
size_t api_streams(const struct api *api);

#endif
