#include "scheduler/daemon/events/event_ring.h"

#include <string.h>

static void ring_shift(struct event_ring *ring) {
  struct ring_event *oldest = &ring->events.items[ring->first++];
  ring->from = oldest->number;
  ring->bytes -= oldest->piece->len;
  api_piece_drop(oldest->piece);
  if (ring->first == ring->events.len) ring->first = ring->events.len = 0;
}

void event_ring_clear(struct event_ring *ring, int64_t number) {
  while (ring->events.len > ring->first) ring_shift(ring);
  ring->from = number;
}

/* The places of events that are gone are given back before the array grows. */
static void ring_compact(struct event_ring *ring) {
  if (ring->first == 0 || ring->events.len < ring->events.cap) return;
  size_t left = ring->events.len - ring->first;
  memmove(ring->events.items, ring->events.items + ring->first, left * sizeof ring->events.items[0]);
  ring->events.len = left;
  ring->first = 0;
}

void event_ring_add(struct event_ring *ring, int64_t number, struct api_piece *piece) {
  if (piece->len > EVENT_RING_BYTES) {
    event_ring_clear(ring, number);
    return;
  }
  while (ring->bytes + piece->len > EVENT_RING_BYTES) ring_shift(ring);
  ring_compact(ring);
  api_piece_hold(piece);
  const struct ring_event event = {number, piece};
  vec_push(&ring->events, event);
  ring->bytes += piece->len;
}

bool event_ring_since(const struct event_ring *ring, int64_t number, int64_t newest, const struct ring_event **events,
                      size_t *len, size_t *bytes) {
  if (number < ring->from || number > newest) return false;
  size_t at = ring->first;
  while (at < ring->events.len && ring->events.items[at].number <= number) at++;
  *events = ring->events.items + at;
  *len = ring->events.len - at;
  *bytes = 0;
  for (size_t i = 0; i < *len; i++) *bytes += (*events)[i].piece->len;
  return true;
}

void event_ring_release(struct event_ring *ring) {
  event_ring_clear(ring, 0);
  vec_release(&ring->events);
}
