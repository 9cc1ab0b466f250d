#include "scheduler/daemon/inbox.h"

#include <string.h>

#include "scheduler/spec/pipeline.h"

#define EVENTS_KEPT 256 /* room for so many stays; a larger burst gives its memory back */

static void give_up_pipelines(struct inbox_half *half) {
  for (size_t i = 0; i < half->events.len; i++) {
    if (half->events.items[i].kind == ENGINE_LOADED) pipeline_release(half->events.items[i].loaded.pipeline);
  }
}

void inbox_release(struct inbox *in) {
  for (int i = 0; i < 2; i++) {
    give_up_pipelines(&in->halves[i]);
    arena_release(&in->halves[i].arena);
    vec_release(&in->halves[i].events);
  }
}

struct arena *inbox_arena(struct inbox *in) {
  return &in->halves[in->filling].arena;
}

void inbox_put(struct inbox *in, const struct engine_event *event) {
  vec_push(&in->halves[in->filling].events, *event);
}

struct engine_event *inbox_add(struct inbox *in, enum engine_event_kind kind) {
  struct engine_event event;
  memset(&event, 0, sizeof event);
  event.kind = kind;
  inbox_put(in, &event);
  struct inbox_half *half = &in->halves[in->filling];
  return &half->events.items[half->events.len - 1];
}

size_t inbox_len(const struct inbox *in) {
  return in->halves[in->filling].events.len;
}

bool inbox_only_started(const struct inbox *in) {
  const struct inbox_half *half = &in->halves[in->filling];
  for (size_t i = half->events.len; i-- > 0;) {
    const struct engine_event *e = &half->events.items[i];
    if (e->kind != ENGINE_REPORT || e->report.kind != ENGINE_REPORT_STARTED) return false;
  }
  return true;
}

const struct engine_event *inbox_take(struct inbox *in, size_t *len) {
  struct inbox_half *taken = &in->halves[in->filling];
  in->filling = !in->filling;
  *len = taken->events.len;
  return taken->events.items;
}

void inbox_done(struct inbox *in) {
  struct inbox_half *taken = &in->halves[!in->filling];
  give_up_pipelines(taken);
  taken->events.len = 0;
  if (taken->events.cap <= EVENTS_KEPT) {
    arena_reset(&taken->arena);
  } else {
    arena_release(&taken->arena);
    vec_release(&taken->events);
  }
}
