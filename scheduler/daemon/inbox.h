/* The one queue of events: whatever happens is put here by a callback that decides nothing, and the engine takes all
 * of it at once when the loop turns. Loop thread only.
 *
 * What an event points to must live until the step that takes it has returned: allocate it from inbox_arena. Two
 * arenas take turns, so that new events can gather while a step's events are still in use. A loaded pipeline comes
 * with a reference, which the inbox gives up after that step.
 */
#ifndef ROTA_DAEMON_INBOX_H
#define ROTA_DAEMON_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"

struct inbox_half {
  struct arena arena;
  VEC(struct engine_event) events;
};

struct inbox {
  struct inbox_half halves[2];
  int filling;
};

void inbox_release(struct inbox *in);
struct arena *inbox_arena(struct inbox *in);
void inbox_put(struct inbox *in, const struct engine_event *event);
/* A zeroed event of a kind at the end of the queue, to be filled in before the loop turns; valid until the next put.
 */
struct engine_event *inbox_add(struct inbox *in, enum engine_event_kind kind);
size_t inbox_len(const struct inbox *in);
/* Whether all that is queued says that an attempt has started. */
bool inbox_only_started(const struct inbox *in);
/* Takes all. The events stay valid until inbox_done, which must be called before the next take. */
const struct engine_event *inbox_take(struct inbox *in, size_t *len);
void inbox_done(struct inbox *in);

#endif
