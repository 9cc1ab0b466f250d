#include "scheduler/daemon/handlers/requests.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/map.h"
#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/core.h"
#include "scheduler/daemon/handlers/body.h"
#include "scheduler/daemon/handlers/lookup.h"
#include "scheduler/daemon/handlers/turns.h"

/* One request on its way. */
struct post {
  struct requests *requests;
  uint64_t handle;
  const struct kind *kind;
  struct lookup lookup; /* its arena holds all strings of the request */
  struct body body;
  struct engine_event event;
  const struct recorder *recorder; /* of rows that others make; else NULL */
  void *recorder_ctx, *wish;       /* what it has read */
  uv_work_t work;
  const char *thing; /* "nightly 1774785600000000": one at a time for an instant; NULL: any */
  bool has_turn;
  VEC(uint64_t) also; /* requests with the same key that wait for this answer */
  bool told;          /* its outcome was said to be unknown; the engine's reply is still to come */
  uint64_t looked_at; /* how many changes of runs were durable when its look-up began */
};

#define CHANGED_KEPT 4096

struct recorders {
  const struct recorder *items;
  size_t len;
  void *ctx;
};

struct requests {
  uv_loop_t *loop;
  struct core *core;
  struct history *history;
  requests_answer_fn *answer;
  void *ctx;
  struct map by_key;    /* idempotency key -> struct post under way */
  struct map by_handle; /* handle as bytes -> struct post whose event the engine has */
  struct turns turns;   /* triggers for one instant of one pipeline */
  size_t looking;       /* posts that a thread looks up, or deeds under way */
  /* Runs whose rows were written while something was looked up, and how many were before the first of these. */
  VEC(struct id) changed;
  uint64_t changed_before;
  struct requests *beside;   /* requests_join */
  bool held;                 /* runs are being removed */
  VEC(struct post *) parked; /* what was looked up meanwhile */
  bool closing;
  VEC(struct recorders) recorders;
};

/* Fills in the event from the body and the path; faults go to p->body. Returns where its asker stands. */
typedef struct engine_asker *build_fn(struct post *p, const struct api_request *request);

struct kind {
  enum api_route route;
  enum engine_event_kind event;
  enum lookup_depth depth;
  build_fn *build;
  const char *members[8];
};

static struct arena *arena_of(struct post *p) {
  return &p->lookup.arena;
}

/* In URLs the `/` of a pipeline's name is written `.`, which no name holds. */
static const char *pipeline_of(struct post *p, const struct api_request *request) {
  char *name = arena_strdup(arena_of(p), api_path(request, "name"));
  for (char *c = name; *c; c++) {
    if (*c == '.') *c = '/';
  }
  return name;
}

/* ---- one function for each kind of request ---- */

static struct engine_asker *build_trigger(struct post *p, const struct api_request *request) {
  struct engine_trigger *e = &p->event.trigger;
  e->pipeline = pipeline_of(p, request);
  e->params = body_params(&p->body, "params", &e->params_len);
  e->scheduled_for = body_instant(&p->body, "for");
  e->now = body_flag(&p->body, "now", false);
  e->trigger = TRIGGER_MANUAL;
  e->once = e->scheduled_for != INSTANT_NONE && !body_flag(&p->body, "force", false);
  if (e->once) {
    p->lookup.pipeline = e->pipeline;
    p->lookup.instant = e->scheduled_for;
    p->thing = arena_fmt(arena_of(p), "%s %" PRId64, e->pipeline, e->scheduled_for);
  }
  e->asker.dry_run = body_flag(&p->body, "dry_run", false);
  return &e->asker;
}

static struct engine_asker *build_rerun(struct post *p, const struct api_request *request) {
  (void)request;
  static const char *const modes[] = {"failed", "all", "from", "only", NULL};
  static const char *const versions[] = {"same", "newest", NULL};
  struct engine_rerun *e = &p->event.rerun;
  int mode = body_word(&p->body, "mode", modes, true);
  e->mode = mode < 0 ? RERUN_FAILED : (enum rerun_mode)mode;
  e->task = body_text(&p->body, "task", e->mode == RERUN_FROM || e->mode == RERUN_ONLY);
  e->params = body_params(&p->body, "params", &e->params_len);
  e->version = 1 + body_word(&p->body, "version", versions, false);
  e->on = body_text(&p->body, "on", false);
  e->asker.dry_run = body_flag(&p->body, "dry_run", false);
  return &e->asker;
}

static struct engine_asker *build_cancel(struct post *p, const struct api_request *request) {
  (void)request;
  p->event.cancel.task = body_text(&p->body, "task", false);
  p->event.cancel.abandon = body_flag(&p->body, "abandon", false);
  return &p->event.cancel.asker;
}

static struct engine_asker *build_retry(struct post *p, const struct api_request *request) {
  (void)request;
  p->event.retry_now.task = body_text(&p->body, "task", true);
  return &p->event.retry_now.asker;
}

static struct engine_asker *build_mark(struct post *p, const struct api_request *request) {
  (void)request;
  static const char *const states[] = {"succeeded", "skipped", NULL};
  struct engine_mark *e = &p->event.mark;
  e->task = body_text(&p->body, "task", true);
  e->state = body_word(&p->body, "state", states, true) == 1 ? TASK_SKIPPED : TASK_SUCCEEDED;
  e->reason = body_text(&p->body, "reason", true);
  e->outputs = body_params(&p->body, "outputs", &e->outputs_len);
  return &e->asker;
}

static struct engine_asker *build_note(struct post *p, const struct api_request *request) {
  (void)request;
  p->event.note.text = body_text(&p->body, "text", true);
  return &p->event.note.asker;
}

static struct engine_asker *build_pipeline_note(struct post *p, const struct api_request *request) {
  p->event.note.pipeline_name = pipeline_of(p, request);
  return build_note(p, request);
}

static struct engine_asker *build_keep(struct post *p, const struct api_request *request) {
  (void)request;
  p->event.keep.keep = body_flag(&p->body, "keep", true);
  return &p->event.keep.asker;
}

static struct engine_asker *build_pause(struct post *p, const struct api_request *request) {
  struct engine_pause *e = &p->event.pause;
  e->pipeline = request->route == API_PIPELINE_PAUSE ? pipeline_of(p, request) : NULL;
  e->reason = body_text(&p->body, "reason", true);
  return &e->asker;
}

static struct engine_asker *build_resume(struct post *p, const struct api_request *request) {
  struct engine_resume *e = &p->event.resume;
  e->pipeline = request->route == API_PIPELINE_RESUME ? pipeline_of(p, request) : NULL;
  return &e->asker;
}

static struct engine_asker *build_host_order(struct post *p, const struct api_request *request) {
  struct engine_host_order *e = &p->event.host_order;
  e->host = arena_strdup(arena_of(p), api_path(request, "host"));
  e->order = request->route == API_HOST_DRAIN  ? HOST_ORDER_DRAIN
             : request->route == API_HOST_DOWN ? HOST_ORDER_DOWN
                                               : HOST_ORDER_UP;
  e->gone = e->order == HOST_ORDER_DOWN && body_flag(&p->body, "gone", false);
  e->reason = body_text(&p->body, "reason", false);
  e->asker.dry_run = body_flag(&p->body, "dry_run", false);
  return &e->asker;
}

static const struct kind kinds[] = {
    {API_TRIGGER, ENGINE_TRIGGER, LOOKUP_NO_RUN, build_trigger, {"params", "for", "now", "force", "dry_run"}},
    {API_RERUN, ENGINE_RERUN, LOOKUP_RUN_ROWS, build_rerun, {"mode", "task", "params", "version", "on", "dry_run"}},
    {API_CANCEL, ENGINE_CANCEL, LOOKUP_RUN, build_cancel, {"task", "abandon"}},
    {API_RETRY, ENGINE_RETRY_NOW, LOOKUP_RUN, build_retry, {"task"}},
    {API_MARK, ENGINE_MARK, LOOKUP_RUN_ROWS, build_mark, {"task", "state", "reason", "outputs"}},
    {API_NOTE, ENGINE_NOTE, LOOKUP_RUN, build_note, {"text"}},
    {API_PIPELINE_NOTE, ENGINE_NOTE, LOOKUP_NO_RUN, build_pipeline_note, {"text"}},
    {API_KEEP, ENGINE_KEEP, LOOKUP_RUN, build_keep, {"keep"}},
    {API_PIPELINE_PAUSE, ENGINE_PAUSE, LOOKUP_NO_RUN, build_pause, {"reason"}},
    {API_PIPELINE_RESUME, ENGINE_RESUME, LOOKUP_NO_RUN, build_resume, {NULL}},
    {API_PAUSE, ENGINE_PAUSE, LOOKUP_NO_RUN, build_pause, {"reason"}},
    {API_RESUME, ENGINE_RESUME, LOOKUP_NO_RUN, build_resume, {NULL}},
    {API_HOST_DRAIN, ENGINE_HOST_ORDER, LOOKUP_NO_RUN, build_host_order, {"reason", "dry_run"}},
    {API_HOST_DOWN, ENGINE_HOST_ORDER, LOOKUP_NO_RUN, build_host_order, {"reason", "gone", "dry_run"}},
    {API_HOST_UP, ENGINE_HOST_ORDER, LOOKUP_NO_RUN, build_host_order, {"reason", "dry_run"}},
};

/* The run that was looked up goes into the event of those kinds that name one. */
static void set_run(struct post *p) {
  const struct run_rows *rows = &p->lookup.rows;
  bool ended = run_state_ended(rows->run.state);
  const char *id = rows->run.id.text;
  switch (p->event.kind) {
  case ENGINE_RERUN: p->event.rerun.run = rows; break;
  case ENGINE_CANCEL: p->event.cancel.run_id = id; break;
  case ENGINE_RETRY_NOW: p->event.retry_now.run_id = id; break;
  case ENGINE_MARK:
    p->event.mark.run_id = id;
    p->event.mark.run = ended ? rows : NULL;
    break;
  case ENGINE_NOTE:
    p->event.note.run = &rows->run;
    p->event.note.pipeline_name = rows->pipeline_name;
    break;
  case ENGINE_KEEP:
    p->event.keep.run = &rows->run;
    p->event.keep.pipeline_name = rows->pipeline_name;
    break;
  case ENGINE_LOADED:
  case ENGINE_BROKEN:
  case ENGINE_GONE:
  case ENGINE_CONFIG:
  case ENGINE_TRIGGER:
  case ENGINE_PAUSE:
  case ENGINE_RESUME:
  case ENGINE_REPORT:
  case ENGINE_PREPARED:
  case ENGINE_CODE:
  case ENGINE_HOST:
  case ENGINE_HOST_ORDER:
  case ENGINE_RECORD: break;
  }
}

/* ---- the way of a request ---- */

static void post_look_up(struct post *p);
static void post_free(struct post *p);

/* Ends its turn: the next that waits for the same instant looks for the run that this one may have made. */
static void turn_end(struct post *p) {
  struct requests *r = p->requests;
  struct post *next = p->has_turn ? turns_pass(&r->turns, p->thing) : NULL;
  p->has_turn = false;
  if (!next) return;
  next->has_turn = true;
  if (r->closing) {
    post_free(next);
  } else {
    post_look_up(next);
  }
}

static void post_free(struct post *p) {
  struct requests *r = p->requests;
  turn_end(p);
  map_remove_n(&r->by_handle, (const char *)&p->handle, sizeof p->handle);
  const char *key = p->lookup.idempotency_key;
  if (key && map_get(&r->by_key, key) == p) map_remove(&r->by_key, key);
  body_close(&p->body);
  lookup_release(&p->lookup);
  vec_release(&p->also);
  free(p);
}

static void post_answer(struct post *p, int status, const char *body, size_t len) {
  struct requests *r = p->requests;
  if (!p->told) r->answer(r->ctx, p->handle, status, body, len);
  for (size_t i = 0; i < p->also.len; i++) r->answer(r->ctx, p->also.items[i], status, body, len);
  post_free(p);
}

static void problem(struct requests *r, uint64_t handle, int status, const char *title, const char *detail) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  api_problem_begin(&j, status, title, detail);
  jsonw_object_end(&j);
  r->answer(r->ctx, handle, status, text.bytes, text.len);
  buf_release(&text);
}

static void refuse_degraded(struct requests *r, uint64_t handle) {
  problem(r, handle, 503, "Degraded",
          "nothing can be recorded right now, so nothing is taken on; repeat it later with the same key");
}

static void post_degraded(struct post *p) {
  for (size_t i = 0; i < p->also.len; i++) refuse_degraded(p->requests, p->also.items[i]);
  refuse_degraded(p->requests, p->handle);
  post_free(p);
}

static void post_problem(struct post *p, int status, const char *title, const char *detail) {
  for (size_t i = 0; i < p->also.len; i++) problem(p->requests, p->also.items[i], status, title, detail);
  problem(p->requests, p->handle, status, title, detail);
  post_free(p);
}

static void requests_release(struct requests *r);

static void post_put(struct post *p) {
  struct requests *r = p->requests;
  map_put_n(&r->by_handle, (const char *)&p->handle, sizeof p->handle, p);
  inbox_put(core_inbox(r->core), &p->event);
}

static void post_record(struct post *p) {
  struct engine_record *record = &p->event.record;
  struct refusal why = {422, "Bad request", NULL};
  const struct recorder *r = p->recorder;
  if (r->begin && (!r->may || r->may(p->recorder_ctx, p->wish, arena_of(p), &why))) {
    p->requests->looking++;
    r->begin(p->recorder_ctx, p->wish, p, arena_of(p));
    return;
  }
  if (r->make && r->make(p->recorder_ctx, p->wish, &record->asker.actor, arena_of(p), record, &why))
    post_put(p);
  else
    post_problem(p, why.status, why.title, why.detail);
}

void requests_deed_end(struct post *deed, const struct engine_record *done, const struct refusal *why) {
  struct requests *r = deed->requests;
  r->looking--;
  if (r->closing) {
    post_free(deed);
    requests_release(r);
  } else if (!done) {
    post_problem(deed, why->status, why->title, why->detail);
  } else if (core_degraded(r->core)) {
    post_degraded(deed);
  } else {
    const struct engine_asker asker = deed->event.record.asker;
    deed->event.record = *done;
    deed->event.record.asker = asker;
    post_put(deed);
  }
}

/* ---- rows that changed while they were read ---- */

static void changed_make_room(struct requests *r) {
  if (r->looking > 0 && r->changed.len < CHANGED_KEPT) return;
  r->changed_before += r->changed.len;
  r->changed.len = 0;
}

static void changed_add(struct requests *r, struct id run) {
  if (r->looking > 0)
    vec_push(&r->changed, run);
  else
    r->changed_before++;
}

void requests_join(struct requests *r, struct requests *beside) {
  r->beside = beside;
}

void requests_committed(struct requests *r, const struct change *changes, size_t len) {
  changed_make_room(r);
  for (size_t i = 0; i < len; i++)
    if (changes[i].kind == CHANGE_RUN) changed_add(r, changes[i].run.id);
  if (r->beside) requests_committed(r->beside, changes, len);
}

static bool names_run(const struct post *p) {
  return !p->recorder && p->kind->depth != LOOKUP_NO_RUN;
}

/* The engine can tell rows that are one commit behind; what took longer to read is read again. */
static bool is_old(const struct post *p) {
  const struct requests *r = p->requests;
  if (!names_run(p)) return false;
  if (p->looked_at < r->changed_before) return true;
  for (size_t i = (size_t)(p->looked_at - r->changed_before); i < r->changed.len; i++)
    if (strcmp(r->changed.items[i].text, p->lookup.rows.run.id.text) == 0) return true;
  return false;
}

static void post_look_again(struct post *p) {
  pipeline_release(p->lookup.rows.pipeline);
  p->lookup.rows = (struct run_rows){0};
  post_look_up(p);
}

/* The engine may have it: nothing of what was read has changed since. */
static void post_hand_over(struct post *p) {
  if (core_degraded(p->requests->core)) { /* since it was looked up */
    post_degraded(p);
  } else if (p->recorder) {
    post_record(p);
  } else if (is_old(p)) {
    post_look_again(p);
  } else {
    if (names_run(p)) set_run(p);
    post_put(p);
  }
}

static void on_looked_up(uv_work_t *work, int cancelled) {
  struct post *p = work->data;
  struct requests *r = p->requests;
  r->looking--;
  if (cancelled || r->closing) {
    post_free(p);
    if (r->closing) requests_release(r);
  } else if (p->lookup.response) {
    post_answer(p, p->lookup.status, p->lookup.response, p->lookup.response_len);
  } else if (p->lookup.status) {
    post_problem(p, p->lookup.status, p->lookup.title, p->lookup.detail);
  } else if (r->held && names_run(p)) {
    vec_push(&r->parked, p);
  } else {
    post_hand_over(p);
  }
}

static void look_up(uv_work_t *work) {
  struct post *p = work->data;
  lookup_run(&p->lookup, p->requests->history);
}

static void post_look_up(struct post *p) {
  p->looked_at = p->requests->changed_before + p->requests->changed.len;
  if (uv_queue_work(p->requests->loop, &p->work, look_up, on_looked_up)) {
    post_problem(p, 503, "Busy", "the daemon can't take it on right now: repeat it");
  } else {
    p->requests->looking++;
  }
}

/* ---- runs that are removed while they are asked for ---- */

size_t requests_hold(struct requests *r, struct id **named) {
  VEC(struct id) ids = {0};
  for (; r; r = r->beside) {
    r->held = true;
    for (size_t i = 0; i < r->by_handle.len; i++) {
      const struct post *p = r->by_handle.entries[i].value;
      if (names_run(p)) vec_push(&ids, p->lookup.rows.run.id);
    }
  }
  *named = ids.items;
  return ids.len;
}

void requests_let_go(struct requests *r, const struct id *removed, size_t len) {
  r->held = false;
  changed_make_room(r);
  for (size_t i = 0; i < len; i++) changed_add(r, removed[i]);
  for (size_t i = 0; i < r->parked.len; i++) post_hand_over(r->parked.items[i]);
  r->parked.len = 0;
  if (r->beside) requests_let_go(r->beside, removed, len);
}

static void set_asker(struct post *p, struct engine_asker *asker, const struct api_request *request) {
  struct arena *a = arena_of(p);
  asker->handle = p->handle;
  asker->actor = access_actor(request, a);
  if (!request->idempotency_key) return;
  asker->idempotency_key = arena_strdup(a, request->idempotency_key);
  /* A key is of who sent it: nobody else's request is taken for a repetition, and told what that one was. */
  struct buf whole = {0};
  buf_fmt(&whole, "%s %s\n", asker->actor.kind, asker->actor.id ? asker->actor.id : "");
  buf_str(&whole, request->target);
  buf_char(&whole, '\n');
  buf_add(&whole, request->body, request->body_len);
  sha256_hex(whole.bytes, whole.len, asker->body_sha256);
  buf_release(&whole);
}

static const struct kind *kind_of(enum api_route route) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (kinds[i].route == route) return &kinds[i];
  }
  return NULL;
}

/* True if another request with the same key is under way: this one gets the same answer, or is refused. */
static bool joins_another(struct post *p, const struct engine_asker *asker) {
  struct requests *r = p->requests;
  if (!asker->idempotency_key) return false;
  struct post *first = map_get(&r->by_key, asker->idempotency_key);
  if (!first) {
    map_put(&r->by_key, asker->idempotency_key, p);
    return false;
  }
  if (strcmp(first->lookup.body_sha256, asker->body_sha256) == 0) {
    vec_push(&first->also, p->handle);
    post_free(p);
  } else {
    post_problem(p, 422, "Key used before", "this Idempotency-Key is under way with another request: use a new key");
  }
  return true;
}

void requests_record(struct requests *r, const struct recorder *recorders, size_t len, void *ctx) {
  vec_push(&r->recorders, ((struct recorders){recorders, len, ctx}));
}

static const struct recorder *recorder_of(const struct requests *r, enum api_route route, void **ctx) {
  for (size_t i = 0; i < r->recorders.len; i++) {
    const struct recorders *some = &r->recorders.items[i];
    *ctx = some->ctx;
    for (size_t k = 0; k < some->len; k++) {
      if (some->items[k].route == route) return &some->items[k];
    }
  }
  return NULL;
}

/* Reads body and path; returns where the asker stands in the event. */
static struct engine_asker *post_read(struct post *p, const struct api_request *request) {
  const struct kind *kind = p->kind;
  const struct recorder *recorder = p->recorder;
  p->event.kind = recorder ? ENGINE_RECORD : kind->event;
  body_open(&p->body, arena_of(p), request->body, request->body_len, recorder ? recorder->members : kind->members);
  if (!recorder) return kind->build(p, request);
  p->wish = recorder->read(request, &p->body, arena_of(p));
  return &p->event.record.asker;
}

bool requests_take(struct requests *r, const struct api_request *request) {
  void *recorder_ctx = NULL;
  const struct recorder *recorder = recorder_of(r, request->route, &recorder_ctx);
  const struct kind *kind = recorder ? NULL : kind_of(request->route);
  if (!kind && !recorder) return false;
  if (core_degraded(r->core)) {
    refuse_degraded(r, request->handle);
    return true;
  }
  struct post *p = alloc_new(struct post);
  p->requests = r;
  p->handle = request->handle;
  p->kind = kind;
  p->recorder = recorder;
  p->recorder_ctx = recorder_ctx;
  struct engine_asker *asker = post_read(p, request);
  if (p->body.fault) {
    post_problem(p, 422, "Bad request", p->body.fault);
    return true;
  }
  set_asker(p, asker, request);
  if (joins_another(p, asker)) return true;
  p->lookup.idempotency_key = asker->idempotency_key;
  memcpy(p->lookup.body_sha256, asker->body_sha256, sizeof p->lookup.body_sha256);
  p->lookup.depth = kind ? kind->depth : LOOKUP_NO_RUN;
  if (p->lookup.depth != LOOKUP_NO_RUN) p->lookup.run_ref = arena_strdup(arena_of(p), api_path(request, "run"));
  p->work.data = p;
  p->has_turn = p->thing && turns_take(&r->turns, p->thing, p);
  if (!p->thing || p->has_turn) post_look_up(p);
  return true;
}

void requests_reply(struct requests *r, const struct decision_reply *reply) {
  struct post *p = map_get_n(&r->by_handle, (const char *)&reply->handle, sizeof reply->handle);
  if (!p) return;
  if (reply->status != ENGINE_LOOK_AGAIN) {
    post_answer(p, reply->status, reply->body, reply->body_len);
    return;
  }
  map_remove_n(&r->by_handle, (const char *)&p->handle, sizeof p->handle);
  post_look_again(p);
}

static void refuse_waiting(struct requests *r, const char *thing) {
  struct post *next;
  while ((next = turns_dismiss(&r->turns, thing))) {
    for (size_t i = 0; i < next->also.len; i++) refuse_degraded(r, next->also.items[i]);
    refuse_degraded(r, next->handle);
    post_free(next);
  }
}

/* The events are still queued, or their rows in flight: what they point to lives until the engine replies. */
void requests_degraded(struct requests *r) {
  static const char detail[] = "unknown, repeat with the same key: nothing can be recorded right now";
  for (size_t i = 0; i < r->by_handle.len; i++) {
    struct post *p = r->by_handle.entries[i].value;
    for (size_t k = 0; k < p->also.len; k++) problem(r, p->also.items[k], 503, "Degraded", detail);
    p->also.len = 0;
    if (!p->told) problem(r, p->handle, 503, "Degraded", detail);
    p->told = true;
    if (p->has_turn) refuse_waiting(r, p->thing);
  }
  for (size_t i = 0; i < r->parked.len; i++) post_degraded(r->parked.items[i]);
  r->parked.len = 0;
}

struct requests *requests_new(uv_loop_t *loop, struct core *core, struct history *history, requests_answer_fn *answer,
                              void *ctx) {
  struct requests *r = alloc_new(struct requests);
  r->loop = loop;
  r->core = core;
  r->history = history;
  r->answer = answer;
  r->ctx = ctx;
  return r;
}

/* The last thread that looks something up frees the rest. */
static void requests_release(struct requests *r) {
  if (r->looking > 0) return;
  map_release(&r->by_handle);
  map_release(&r->by_key);
  vec_release(&r->recorders);
  vec_release(&r->changed);
  vec_release(&r->parked);
  turns_release(&r->turns);
  free(r);
}

void requests_free(struct requests *r) {
  if (!r) return;
  r->closing = true;
  while (r->by_handle.len > 0) post_free(r->by_handle.entries[0].value);
  for (size_t i = 0; i < r->parked.len; i++) post_free(r->parked.items[i]);
  requests_release(r);
}
