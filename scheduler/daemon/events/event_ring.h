/* The events of the stream that were sent last, for a client that comes back and says which it had.
 *
 * Each has the number of the last commit that it tells of. `from` is the number after which every event is here: who
 * has that one or a later one misses nothing by a replay.
 */
#ifndef ROTA_DAEMON_EVENT_RING_H
#define ROTA_DAEMON_EVENT_RING_H

#include "base/vec.h"
#include "scheduler/api/stream.h"

#define EVENT_RING_BYTES (256 * 1024)

struct ring_event {
  int64_t number;
  struct api_piece *piece; /* held */
};

struct event_ring {
  int64_t from;
  size_t bytes;
  VEC(struct ring_event) events; /* oldest first; those before `first` are gone */
  size_t first;
};

/* Forgets all: nothing up to this number can be replayed any more. */
void event_ring_clear(struct event_ring *ring, int64_t number);
/* Holds the piece; the oldest ones go to make room. */
void event_ring_add(struct event_ring *ring, int64_t number, struct api_piece *piece);
/* Whether a client that has `number` can be given what it misses, when `newest` is the last commit: *events are
 * these, *len of them, with *bytes in all. */
bool event_ring_since(const struct event_ring *ring, int64_t number, int64_t newest, const struct ring_event **events,
                      size_t *len, size_t *bytes);
void event_ring_release(struct event_ring *ring);

#endif
