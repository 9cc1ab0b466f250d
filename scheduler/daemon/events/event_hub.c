#include "scheduler/daemon/events/event_hub.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "scheduler/api/stream.h"
#include "scheduler/daemon/backup_schedule.h"
#include "scheduler/daemon/events/event_batch.h"
#include "scheduler/daemon/events/event_ring.h"
#include "scheduler/daemon/health/health.h"

#define BEAT_MS   5000
#define FLUSH_MS  100
#define LINGER_MS 60000
#define RETRY_MS  1000 /* after which a browser that lost the connection comes back */
#define SLACK     1024 /* of a queue, so that `resync` always has its place */
#define SLICE     64   /* clients that are told in one turn of the loop */
#define HANDLES   3

struct listener {
  uint64_t handle;
  uint64_t round;          /* the last one that it needs nothing of */
  struct api_identity who; /* strings on the heap */
};

struct event_hub {
  struct event_hub_options o;
  VEC(struct listener) listeners;
  struct event_batch batch;
  struct event_ring ring;
  struct api_piece *telling; /* what this round tells; NULL between rounds */
  struct api_piece *resync;  /* for those whose queue it doesn't fit into; made when it is needed */
  uint64_t round, drops;
  size_t next;                          /* the listener that the round goes on with: those before it have had it */
  bool health_due, flush_due, beat_due; /* what the next rounds tell */
  int64_t left_at;                      /* when the last listener went; monotonic */
  bool recording;                       /* the ring has all since its `from` */
  uv_timer_t flush, beat;
  uv_idle_t turn; /* while a round is under way */
  int open;
};

/* ---- events ---- */

static struct buf event_begin(const char *name, int64_t number) {
  struct buf b = {0};
  if (number >= 0) buf_fmt(&b, "id: %" PRId64 "\n", number);
  buf_fmt(&b, "event: %s\ndata: ", name);
  return b;
}

static struct api_piece *event_end(struct buf *b) {
  buf_str(b, "\n\n");
  struct api_piece *piece = api_piece_new(b->bytes, b->len);
  buf_release(b);
  return piece;
}

static int64_t number_now(const struct event_hub *hub) {
  return core_commit_number(hub->o.core);
}

static struct api_piece *event_resync(const struct event_hub *hub) {
  struct buf b = event_begin("resync", number_now(hub));
  buf_str(&b, "{}");
  return event_end(&b);
}

/* `number` -1: it doesn't stand for what the client has. */
static struct api_piece *event_hello(const struct event_hub *hub, int64_t number) {
  struct buf b = {0};
  struct json j;
  buf_fmt(&b, "retry: %d\n", RETRY_MS);
  if (number >= 0) buf_fmt(&b, "id: %" PRId64 "\n", number);
  buf_str(&b, "event: hello\ndata: ");
  jsonw_init(&j, &b);
  jsonw_object(&j);
  jsonw_member_string(&j, "version", ROTA_VERSION);
  jsonw_member_string(&j, "state_id", hub->o.state_id);
  jsonw_member_int(&j, "commit", number_now(hub));
  jsonw_member_instant(&j, "now", clock_now());
  jsonw_object_end(&j);
  return event_end(&b);
}

static struct api_piece *event_health(const struct event_hub *hub) {
  struct buf b = event_begin("health", -1);
  struct json j;
  struct pause_row pause = engine_paused(core_engine(hub->o.core));
  jsonw_init(&j, &b);
  jsonw_object(&j);
  degraded_member(hub->o.degraded, &j);
  jsonw_key(&j, "paused");
  if (pause.at != INSTANT_NONE) {
    jsonw_object(&j);
    jsonw_member_instant(&j, "at", pause.at);
    jsonw_member_string(&j, "reason", pause.reason);
    jsonw_member_string(&j, "by", pause.by);
    jsonw_object_end(&j);
  } else {
    jsonw_null(&j);
  }
  backup_standing_json(hub->o.backup, &j);
  jsonw_object_end(&j);
  return event_end(&b);
}

static struct api_piece *event_beat(void) {
  struct buf b = event_begin("beat", -1);
  struct json j;
  jsonw_init(&j, &b);
  jsonw_object(&j);
  jsonw_member_instant(&j, "now", clock_now());
  jsonw_object_end(&j);
  return event_end(&b);
}

static struct api_piece *event_change(struct event_hub *hub) {
  struct buf b = event_begin("change", number_now(hub));
  bool paused = engine_paused(core_engine(hub->o.core)).at != INSTANT_NONE;
  event_batch_json(&hub->batch, paused, clock_now(), &b);
  return event_end(&b);
}

/* ---- to those who listen ----
 *
 * One event is told in a round: a slice of the listeners in each turn of the loop, so that a thousand of them don't
 * keep it from anything else. What happens meanwhile gathers and is the next round's, so everybody hears all in one
 * order. */

static struct api *api_of(const struct event_hub *hub) {
  return server_api(hub->o.server);
}

/* Queues what is told; if it doesn't fit, it is dropped with all the others, and the client fetches anew. */
static void tell_one(struct event_hub *hub, uint64_t handle) {
  struct api *api = api_of(hub);
  if (api_stream_queued(api, handle) + hub->telling->len <= EVENT_QUEUE_BYTES) {
    api_stream_write(api, handle, hub->telling);
    return;
  }
  api_stream_clear(api, handle);
  hub->drops++;
  if (!hub->resync) hub->resync = event_resync(hub);
  api_stream_write(api, handle, hub->resync);
}

/* What is due, made an event; the caller owns it. NULL: nothing is. */
static struct api_piece *event_due(struct event_hub *hub) {
  if (hub->health_due) {
    hub->health_due = false;
    return event_health(hub);
  }
  if (hub->flush_due && hub->batch.changed) {
    struct api_piece *piece = hub->batch.over ? NULL : event_change(hub);
    hub->flush_due = false;
    event_batch_reset(&hub->batch);
    if (piece && piece->len <= EVENT_QUEUE_BYTES) {
      event_ring_add(&hub->ring, number_now(hub), piece);
      return piece;
    }
    api_piece_drop(piece);
    event_ring_clear(&hub->ring, number_now(hub));
    return event_resync(hub);
  }
  hub->flush_due = false;
  bool beat = hub->beat_due;
  hub->beat_due = false;
  return beat ? event_beat() : NULL;
}

static void round_drop(struct event_hub *hub) {
  api_piece_drop(hub->telling);
  api_piece_drop(hub->resync);
  hub->telling = hub->resync = NULL;
}

/* A slice of the round that is under way, or the first one of the next. */
static void tell_slice(struct event_hub *hub) {
  if (!hub->telling) {
    hub->telling = event_due(hub);
    hub->next = 0;
    hub->round++;
  }
  if (!hub->telling) {
    uv_idle_stop(&hub->turn);
    return;
  }
  for (size_t told = 0; told < SLICE && hub->next < hub->listeners.len; hub->next++) {
    struct listener *l = &hub->listeners.items[hub->next];
    if (l->round == hub->round) continue;
    l->round = hub->round;
    tell_one(hub, l->handle);
    told++;
  }
  if (hub->next == hub->listeners.len) round_drop(hub);
  server_pump(hub->o.server);
}

static void on_turn(uv_idle_t *turn) {
  tell_slice(turn->data);
}

/* What became due is told from now on, unless a round is under way: then after it. */
static void tell_due(struct event_hub *hub) {
  if (uv_is_active((uv_handle_t *)&hub->turn)) return;
  uv_idle_start(&hub->turn, on_turn);
  tell_slice(hub);
}

/* Runs on for a while after each flush, so that the next one keeps its distance. */
static void on_flush(uv_timer_t *timer) {
  struct event_hub *hub = timer->data;
  if (!hub->batch.changed && !hub->flush_due) {
    uv_timer_stop(timer);
    return;
  }
  hub->flush_due = true;
  tell_due(hub);
}

static void flush_soon(struct event_hub *hub) {
  if (uv_is_active((uv_handle_t *)&hub->flush)) return;
  uv_timer_start(&hub->flush, on_flush, (uint64_t)hub->o.flush_ms, (uint64_t)hub->o.flush_ms);
  hub->flush_due = true;
  tell_due(hub);
}

/* ---- who listens ---- */

static char *copied(const char *text) {
  return alloc_strdup(text ? text : "");
}

static void listener_release(struct listener *l) {
  const char *const strings[] = {l->who.kind, l->who.id, l->who.name};
  for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) free((void *)(uintptr_t)strings[i]);
}

static void listener_remove(struct event_hub *hub, size_t at) {
  listener_release(&hub->listeners.items[at]);
  vec_swap_remove(&hub->listeners, at);
  if (at < hub->next) hub->next = at; /* another one, which may not have been told, is there now */
  if (hub->listeners.len > 0) return;
  hub->left_at = clock_monotonic();
  uv_timer_stop(&hub->beat);
}

/* Ends the streams of those who wouldn't be let in any more. */
static void listeners_check(struct event_hub *hub) {
  for (size_t i = hub->listeners.len; i-- > 0;) {
    const struct listener *l = &hub->listeners.items[i];
    if (!hub->o.holds || hub->o.holds(hub->o.ctx, &l->who)) continue;
    api_stream_clear(api_of(hub), l->handle);
    api_stream_end(api_of(hub), l->handle);
    listener_remove(hub, i);
  }
}

static void on_beat(uv_timer_t *timer) {
  struct event_hub *hub = timer->data;
  listeners_check(hub);
  hub->beat_due = true;
  tell_due(hub);
}

/* ---- what happens ---- */

/* Whether somebody listens, or may come back. */
static bool hub_records(struct event_hub *hub) {
  if (hub->listeners.len > 0) return true;
  return hub->recording && clock_monotonic() - hub->left_at < hub->o.linger_ms * USEC_PER_MS;
}

void event_hub_committed(struct event_hub *hub, const struct change *changes, size_t len) {
  if (!hub) return;
  hub->recording = hub_records(hub);
  if (!hub->recording) {
    event_batch_reset(&hub->batch);
    event_ring_clear(&hub->ring, number_now(hub));
    return;
  }
  event_batch_add(&hub->batch, hub->o.names, changes, len);
  bool access_changed = false;
  for (size_t i = 0; i < len; i++) {
    hub->health_due |= changes[i].kind == CHANGE_PAUSE;
    access_changed |= changes[i].kind == CHANGE_TOKEN || changes[i].kind == CHANGE_SESSION;
  }
  if (access_changed) listeners_check(hub);
  if (hub->batch.changed || hub->health_due) flush_soon(hub);
}

void event_hub_health(struct event_hub *hub) {
  if (!hub || hub->listeners.len == 0) return;
  hub->health_due = true;
  tell_due(hub);
}

/* ---- who comes and goes ---- */

/* The number of the last event that the client has; -1 if it says none, -2 if what it says isn't one. */
static int64_t number_had(const struct api_request *request) {
  const char *text = request->last_event_id ? request->last_event_id : api_query(request, "last_event_id");
  if (!text || !*text) return -1;
  size_t digits = strspn(text, "0123456789");
  return text[digits] || digits > 18 ? -2 : strtoll(text, NULL, 10);
}

static void write_once(struct event_hub *hub, uint64_t handle, struct api_piece *piece) {
  api_stream_write(api_of(hub), handle, piece);
  api_piece_drop(piece);
}

/* What a new listener gets first: hello, what it missed, and how things are. */
static void greet(struct event_hub *hub, uint64_t handle, int64_t had) {
  const struct ring_event *missed = NULL;
  size_t len = 0, bytes = 0;
  bool replay = had >= 0 && event_ring_since(&hub->ring, had, number_now(hub), &missed, &len, &bytes) &&
                bytes <= EVENT_QUEUE_BYTES;
  /* Until it has what it missed, the number that it has stays. */
  write_once(hub, handle, event_hello(hub, replay ? had : number_now(hub)));
  if (had != -1 && !replay) write_once(hub, handle, event_resync(hub));
  for (size_t i = 0; replay && i < len; i++) api_stream_write(api_of(hub), handle, missed[i].piece);
  write_once(hub, handle, event_health(hub));
}

void event_hub_take(struct event_hub *hub, const struct api_request *request) {
  static const struct api_header headers[] = {{"X-Accel-Buffering", "no"}};
  const struct api_stream_options options = {.status = 200,
                                             .content_type = "text/event-stream",
                                             .headers = headers,
                                             .headers_len = 1,
                                             .length = -1,
                                             .limit = EVENT_QUEUE_BYTES + SLACK};
  struct api *api = api_of(hub);
  int64_t had = number_had(request);
  if (api_stream_begin(api, request->handle, &options)) {
    api_problem(api, request->handle, 503, "Too many streams", "1,000 streams are open: close some, or ask again");
    return;
  }
  if (hub->listeners.len == 0) {
    /* What was committed while nobody listened was told to nobody. */
    if (!hub_records(hub)) event_ring_clear(&hub->ring, number_now(hub));
    hub->recording = true;
    uv_timer_start(&hub->beat, on_beat, (uint64_t)hub->o.beat_ms, (uint64_t)hub->o.beat_ms);
  }
  /* The round that is under way tells what the greeting has said. */
  struct listener listener = {.handle = request->handle, .round = hub->round, .who = request->who};
  listener.who.kind = copied(request->who.kind);
  listener.who.id = copied(request->who.id);
  listener.who.name = copied(request->who.name);
  vec_push(&hub->listeners, listener);
  greet(hub, request->handle, had);
  server_pump(hub->o.server);
}

void event_hub_gone(struct event_hub *hub, uint64_t handle) {
  for (size_t i = 0; hub && i < hub->listeners.len; i++) {
    if (hub->listeners.items[i].handle != handle) continue;
    listener_remove(hub, i);
    return;
  }
}

size_t event_hub_listeners(const struct event_hub *hub) {
  return hub->listeners.len;
}

void event_hub_view(const struct event_hub *hub, struct event_hub_view *out) {
  *out = (struct event_hub_view){0};
  if (!hub) return;
  out->listeners = hub->listeners.len;
  out->drops = hub->drops;
}

/* ---- begin and end ---- */

struct event_hub *event_hub_new(const struct event_hub_options *options) {
  struct event_hub *hub = alloc_new(struct event_hub);
  hub->o = *options;
  if (!hub->o.beat_ms) hub->o.beat_ms = BEAT_MS;
  if (!hub->o.flush_ms) hub->o.flush_ms = FLUSH_MS;
  if (!hub->o.linger_ms) hub->o.linger_ms = LINGER_MS;
  event_ring_clear(&hub->ring, number_now(hub));
  uv_timer_init(options->loop, &hub->flush);
  uv_timer_init(options->loop, &hub->beat);
  uv_idle_init(options->loop, &hub->turn);
  hub->flush.data = hub->beat.data = hub->turn.data = hub;
  hub->open = HANDLES;
  return hub;
}

static void on_closed(uv_handle_t *handle) {
  struct event_hub *hub = handle->data;
  if (--hub->open > 0) return;
  for (size_t i = 0; i < hub->listeners.len; i++) listener_release(&hub->listeners.items[i]);
  vec_release(&hub->listeners);
  round_drop(hub);
  event_batch_release(&hub->batch);
  event_ring_release(&hub->ring);
  free(hub);
}

void event_hub_free(struct event_hub *hub) {
  if (!hub) return;
  uv_close((uv_handle_t *)&hub->flush, on_closed);
  uv_close((uv_handle_t *)&hub->beat, on_closed);
  uv_close((uv_handle_t *)&hub->turn, on_closed);
}
