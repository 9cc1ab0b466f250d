#include "tests/sim/clients.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/checker.h"
#include "tests/sim/daemon.h"
#include "tests/sim/executors.h"
#include "tests/sim/ledger.h"
#include "tests/sim/pipelines.h"

#define PATIENCE    (30 * USEC_PER_SEC) /* until a client takes its connection for dead */
#define LOOKUP_MOST (200 * USEC_PER_MS)
#define HURRY       (15 * USEC_PER_SEC)

static void send(struct clients *c, struct request *q);
static void look_up(struct clients *c, struct request *q);

struct clients *clients_new(struct world *w) {
  struct clients *c = alloc_new(struct clients);
  c->w = w;
  dice_init(&c->dice, w->seed, 6);
  return c;
}

void clients_free(struct clients *c) {
  if (!c) return;
  map_release(&c->by_handle);
  vec_release(&c->requests);
  free(c);
}

/* ---- trying again ---- */

static void on_try(struct world *w, void *arg, int64_t number) {
  struct request *q = arg;
  if (q->state == REQUEST_THINKING && number == q->tries) send(w->clients, q);
}

static void think(struct clients *c, struct request *q) {
  q->state = REQUEST_THINKING;
  q->listening = false;
  q->tries++;
  int64_t most = c->w->healing ? USEC_PER_SEC : 2 * USEC_PER_MIN;
  world_in(c->w, 1 + dice_roll(&c->dice, most), OF_WORLD, on_try, q, q->tries);
}

static void on_impatience(struct world *w, void *arg, int64_t number) {
  struct request *q = arg;
  if (q->state == REQUEST_SENT && number == q->tries) think(w->clients, q);
}

/* ---- answers ---- */

static void answered(struct clients *c, struct request *q, int status, const char *body, size_t len) {
  q->serving = false;
  if (!q->listening) return;
  if (!c->w->healing && dice_chance(&c->dice, c->w->limits->lost_replies)) {
    PROBE(c->w, REPLY_LOST);
    think(c, q);
    return;
  }
  q->state = REQUEST_ANSWERED;
  q->status = status;
  q->body = arena_strndup(&c->w->arena, body, len);
  checker_acknowledged(c->w, q);
}

static struct request *of_handle(const struct clients *c, uint64_t handle) {
  return map_get_n(&c->by_handle, (const char *)&handle, sizeof handle);
}

void clients_reply(struct clients *c, const struct decision_reply *reply) {
  struct request *q = of_handle(c, reply->handle);
  if (!q) world_fail(c->w, "an answer to a request that nobody made");
  if (reply->status == ENGINE_LOOK_AGAIN) {
    PROBE(c->w, LOOKED_AGAIN);
    look_up(c, q);
    return;
  }
  answered(c, q, reply->status, reply->body, reply->body_len);
}

void clients_cut(struct clients *c) {
  for (size_t i = 0; i < c->requests.len; i++) {
    struct request *q = c->requests.items[i];
    q->serving = false;
    if (q->state == REQUEST_SENT) think(c, q);
  }
}

/* 503: whether it is done isn't known. */
void clients_degraded(struct clients *c) {
  for (size_t i = 0; i < c->requests.len; i++) {
    struct request *q = c->requests.items[i];
    if (q->state != REQUEST_SENT) continue;
    PROBE(c->w, REQUEST_REFUSED_FULL);
    think(c, q);
  }
}

/* ---- the way of a request ---- */

static void set_rows(struct clients *c, struct request *q) {
  struct run_rows *run = arena_new(&c->w->arena, struct run_rows);
  ledger_run_rows(c->w->ledger, q->run_id, run);
  switch (q->kind) {
  case ENGINE_RERUN: q->event.rerun.run = run; break;
  case ENGINE_MARK: q->event.mark.run = run_state_ended(run->run.state) ? run : NULL; break;
  case ENGINE_NOTE:
    q->event.note.run = &run->run;
    q->event.note.pipeline_name = run->pipeline_name;
    break;
  case ENGINE_KEEP:
    q->event.keep.run = &run->run;
    q->event.keep.pipeline_name = run->pipeline_name;
    break;
  default: break;
  }
}

/* A run of that instant is in the rows. */
static bool instant_taken(const struct clients *c, const struct engine_trigger *t) {
  const struct rows *rows = &c->w->ledger->rows;
  for (size_t i = 0; i < rows->runs.len; i++) {
    const struct row_run *r = rows->runs.items[i];
    if (r->row.scheduled_for == t->scheduled_for &&
        strcmp(rows_pipeline(rows, r->row.pipeline)->name, t->pipeline) == 0)
      return true;
  }
  return false;
}

/* Requests for one instant take turns, so that each sees the run of the one before. */
static bool instant_busy(const struct clients *c, const struct request *q) {
  for (size_t i = 0; i < c->requests.len; i++) {
    const struct request *o = c->requests.items[i];
    if (o != q && o->serving && o->kind == ENGINE_TRIGGER && o->event.trigger.once &&
        o->event.trigger.scheduled_for == q->event.trigger.scheduled_for)
      return true;
  }
  return false;
}

static void refuse(struct clients *c, struct request *q) {
  PROBE(c->w, REQUEST_REFUSED_FULL);
  q->serving = false;
  think(c, q);
}

static void on_looked_up(struct world *w, void *arg, int64_t number);

static void look_up(struct clients *c, struct request *q) {
  q->serving = true;
  q->looked_at = c->w->ledger->rows.puts;
  if (q->needs_rows) set_rows(c, q);
  world_in(c->w, dice_roll(&c->dice, LOOKUP_MOST), OF_DAEMON, on_looked_up, q, c->w->life);
}

static void on_looked_up(struct world *w, void *arg, int64_t number) {
  struct request *q = arg;
  if ((uint32_t)number != w->life || !daemon_up(w) || !q->serving) return;
  if (w->daemon->degraded) {
    q->listening = false;
    if (q->state == REQUEST_SENT)
      refuse(w->clients, q);
    else
      q->serving = false;
    return;
  }
  if (q->needs_rows && rows_run(&w->ledger->rows, q->run_id)->written > q->looked_at) {
    PROBE(w, LOOKED_UP_AGAIN);
    look_up(w->clients, q);
    return;
  }
  *daemon_event(w, q->kind) = q->event;
}

static void send(struct clients *c, struct request *q) {
  struct world *w = c->w;
  if (!daemon_up(w)) {
    think(c, q);
    return;
  }
  q->state = REQUEST_SENT;
  q->listening = true;
  world_in(w, PATIENCE, OF_WORLD, on_impatience, q, q->tries);
  if (q->serving) return; /* it gets the answer that is under way */
  if (w->daemon->degraded) {
    refuse(c, q);
    return;
  }
  struct request_row kept;
  if (ledger_request(w->ledger, q->key, q->body_sha256, &kept)) {
    PROBE(w, REPLY_REPEATED);
    answered(c, q, kept.status, kept.response, kept.response_len);
    return;
  }
  if (q->kind == ENGINE_TRIGGER && q->event.trigger.once) {
    if (instant_busy(c, q)) {
      think(c, q);
      return;
    }
    if (instant_taken(c, &q->event.trigger)) {
      static const char there[] = "{\"detail\": \"there already\"}";
      answered(c, q, 409, there, sizeof there - 1);
      return;
    }
  }
  TRACE(w, "<- %s %s", q->key, q->what);
  look_up(c, q);
}

/* ---- what is asked for ---- */

static struct request *request_new(struct clients *c, enum engine_event_kind kind) {
  struct request *q = arena_new(&c->w->arena, struct request);
  q->number = c->requests.len + 1;
  q->kind = kind;
  q->event.kind = kind;
  snprintf(q->key, sizeof q->key, "key-%" PRIu64, q->number);
  vec_push(&c->requests, q);
  map_put_n(&c->by_handle, (const char *)&q->number, sizeof q->number, q);
  return q;
}

static struct engine_asker asker(struct request *q) {
  struct engine_asker a = {
      .handle = q->number, .actor = {"user", q->key, q->key, "unix socket"}, .idempotency_key = q->key};
  snprintf(a.body_sha256, sizeof a.body_sha256, "%064" PRIu64, q->number);
  memcpy(q->body_sha256, a.body_sha256, sizeof q->body_sha256);
  return a;
}

static const struct row_run *any_run(const struct clients *c, struct dice *d, bool live) {
  const struct rows *rows = &c->w->ledger->rows;
  const struct row_run *found = NULL;
  for (int tries = 0; tries < 20 && rows->runs.len; tries++) {
    /* Rather one of the newest. */
    size_t back = (size_t)dice_spread(d, (int64_t)rows->runs.len);
    found = rows->runs.items[rows->runs.len - back];
    if (run_state_ended(found->row.state) != live) break;
  }
  return found;
}

static const char *any_task(struct clients *c, const struct row_run *run, struct dice *d) {
  if (!run->tasks.len) return "t0";
  const struct task_row *t = &run->tasks.items[dice_roll(d, (int64_t)run->tasks.len)];
  return arena_strdup(&c->w->arena, dice_chance(d, 60) ? t->label : t->name);
}

static void ask_trigger(struct clients *c, struct request *q, struct dice *d) {
  static const struct param_given given[] = {{.name = "n", .text = "2"}, {.name = "xs", .text = "[7]"}};
  struct engine_trigger *t = &q->event.trigger;
  const struct file *f = catalog_any(c->w->catalog, d);
  *t = (struct engine_trigger){
      .asker = asker(q), .pipeline = f->name, .scheduled_for = INSTANT_NONE, .trigger = TRIGGER_MANUAL};
  t->now = dice_chance(d, 20);
  if (dice_chance(d, 30)) {
    t->params = given;
    t->params_len = (size_t)dice_between(d, 1, 2);
  }
  if (dice_chance(d, 35)) {
    t->once = true;
    t->scheduled_for = c->w->limits->start + dice_between(d, 0, 24) * USEC_PER_HOUR;
  }
  q->what = arena_fmt(&c->w->arena, "trigger %s%s", f->name, t->once ? " once" : "");
}

static void ask_rerun(struct clients *c, struct request *q, struct dice *d, const struct row_run *run) {
  static const char *const places[] = {"any", "g", "h1", "local"};
  static const struct param_given given[] = {
      {.name = "n", .text = "2"}, {.name = "xs", .text = "[1]"}, {.name = "xs", .text = "[3, 2, 1]"}};
  struct engine_rerun *r = &q->event.rerun;
  *r = (struct engine_rerun){
      .asker = asker(q), .mode = (enum rerun_mode)dice_roll(d, 4), .version = (int)dice_between(d, 0, 2)};
  if (r->mode == RERUN_FROM || r->mode == RERUN_ONLY) r->task = any_task(c, run, d);
  if (dice_chance(d, 30)) {
    r->params = &given[dice_roll(d, 3)];
    r->params_len = 1;
  }
  if (dice_chance(d, 25)) r->on = places[dice_roll(d, 4)];
  if (r->on) PROBE(c->w, RERUN_ELSEWHERE);
  q->needs_rows = true;
  q->what = arena_fmt(&c->w->arena, "rerun %s mode %d %s", run->row.id.text, (int)r->mode, r->task ? r->task : "");
}

static void ask_mark(struct clients *c, struct request *q, struct dice *d, const struct row_run *run) {
  static const struct param_given output = {.name = "n", .text = "9"};
  struct engine_mark *m = &q->event.mark;
  *m = (struct engine_mark){.asker = asker(q),
                            .run_id = run->row.id.text,
                            .task = any_task(c, run, d),
                            .state = dice_chance(d, 60) ? TASK_SUCCEEDED : TASK_SKIPPED,
                            .reason = "seen"};
  if (dice_chance(d, 40)) {
    m->outputs = &output;
    m->outputs_len = 1;
  }
  q->needs_rows = true;
  q->what = arena_fmt(&c->w->arena, "mark %s %s", run->row.id.text, m->task);
}

static void on_undo(struct world *w, void *arg, int64_t number) {
  struct request *q = arg;
  (void)number;
  if (!w->healing) send(w->clients, q);
}

/* What was paused, drained or declared down is so for a while, mostly. */
static void undo_later(struct clients *c, struct request *q, struct dice *d) {
  world_in(c->w, dice_spread(d, 2 * USEC_PER_HOUR), OF_WORLD, on_undo, q, 0);
}

static void ask_pause(struct clients *c, struct request *q, struct dice *d) {
  const char *pipeline = dice_chance(d, 60) ? catalog_any(c->w->catalog, d)->name : NULL;
  q->event.pause = (struct engine_pause){.asker = asker(q), .pipeline = pipeline, .reason = "maintenance"};
  q->what = arena_fmt(&c->w->arena, "pause %s", pipeline ? pipeline : "all");
  struct request *undo = request_new(c, ENGINE_RESUME);
  undo->event.resume = (struct engine_resume){.asker = asker(undo), .pipeline = pipeline};
  undo->what = arena_fmt(&c->w->arena, "resume %s", pipeline ? pipeline : "all");
  undo_later(c, undo, d);
}

static struct engine_host_order order(struct request *q, const char *host, enum host_order what) {
  return (struct engine_host_order){.asker = asker(q), .host = host, .order = what, .reason = "so"};
}

static void ask_order(struct clients *c, struct request *q, struct dice *d) {
  static const char *const hosts[] = {"h1", "h2", "local"};
  const char *host = hosts[dice_roll(d, 3)];
  enum host_order what = dice_chance(d, 55) ? HOST_ORDER_DOWN : HOST_ORDER_DRAIN;
  q->event.host_order = order(q, host, what);
  q->event.host_order.asker.dry_run = dice_chance(d, 10);
  q->what = arena_fmt(&c->w->arena, "host %s %s", host, host_order_word(what));
  struct request *undo = request_new(c, ENGINE_HOST_ORDER);
  undo->event.host_order = order(undo, host, HOST_ORDER_UP);
  undo->what = arena_fmt(&c->w->arena, "host %s up", host);
  undo_later(c, undo, d);
}

static void ask_cancel(struct clients *c, struct request *q, struct dice *d, const struct row_run *run) {
  struct engine_cancel *e = &q->event.cancel;
  *e = (struct engine_cancel){.asker = asker(q), .run_id = run->row.id.text};
  if (dice_chance(d, 40)) e->task = any_task(c, run, d);
  e->abandon = dice_chance(d, 30);
  q->what = arena_fmt(&c->w->arena, "cancel %s %s%s", e->run_id, e->task ? e->task : "",
                      e->abandon ? " abandon" : "");
}

static void ask_small(struct clients *c, struct request *q, struct dice *d, const struct row_run *run) {
  struct arena *a = &c->w->arena;
  q->what = q->kind == ENGINE_NOTE ? "note" : q->kind == ENGINE_KEEP ? "keep" : "retry now";
  q->needs_rows = q->kind != ENGINE_RETRY_NOW;
  if (q->kind == ENGINE_NOTE)
    q->event.note = (struct engine_note){.asker = asker(q), .text = arena_fmt(a, "note of %s", q->key)};
  else if (q->kind == ENGINE_KEEP)
    q->event.keep = (struct engine_keep){.asker = asker(q), .keep = dice_chance(d, 70)};
  else
    q->event.retry_now = (struct engine_retry_now){
        .asker = asker(q), .run_id = run->row.id.text, .task = any_task(c, run, d)};
  q->what = arena_fmt(a, "%s %s", q->what, run->row.id.text);
}

static const struct {
  enum engine_event_kind kind;
  int weight;
  bool live; /* rather of a live run */
} wishes[] = {{ENGINE_TRIGGER, 30, false}, {ENGINE_RERUN, 20, false}, {ENGINE_CANCEL, 12, true},
              {ENGINE_RETRY_NOW, 5, true}, {ENGINE_MARK, 9, false},   {ENGINE_NOTE, 3, false},
              {ENGINE_KEEP, 5, true},      {ENGINE_PAUSE, 6, false},  {ENGINE_HOST_ORDER, 10, false}};
#define WISHES (sizeof wishes / sizeof wishes[0])

static size_t draw_wish(struct dice *d) {
  int64_t at = dice_roll(d, 100);
  size_t i = 0;
  while (i + 1 < WISHES && at >= wishes[i].weight) at -= wishes[i++].weight;
  return i;
}

static void ask(struct clients *c, struct dice *d, enum engine_event_kind wish, bool live) {
  const struct row_run *run = any_run(c, d, live);
  enum engine_event_kind kind = run ? wish : ENGINE_TRIGGER;
  struct request *q = request_new(c, kind);
  q->run_id = run ? run->row.id.text : NULL;
  switch (kind) {
  case ENGINE_RERUN: ask_rerun(c, q, d, run); break;
  case ENGINE_CANCEL: ask_cancel(c, q, d, run); break;
  case ENGINE_MARK: ask_mark(c, q, d, run); break;
  case ENGINE_PAUSE: ask_pause(c, q, d); break;
  case ENGINE_HOST_ORDER: ask_order(c, q, d); break;
  case ENGINE_RETRY_NOW:
  case ENGINE_NOTE:
  case ENGINE_KEEP: ask_small(c, q, d, run); break;
  default: ask_trigger(c, q, d); break;
  }
  send(c, q);
}

void clients_ask(struct clients *c, struct dice *d) {
  size_t wish = draw_wish(d);
  ask(c, d, wishes[wish].kind, wishes[wish].live);
}

/* Whoever waited for the daemon so as to call something off. */
static void on_hurry(struct world *w, void *arg, int64_t number) {
  struct clients *c = w->clients;
  (void)arg, (void)number;
  if (!w->healing) ask(c, &c->dice, dice_chance(&c->dice, 70) ? ENGINE_CANCEL : ENGINE_HOST_ORDER, true);
}

/* The others who wait try again in their own time. */
void clients_up(struct clients *c) {
  for (int64_t n = dice_between(&c->dice, -1, 2); n > 0; n--)
    world_in(c->w, dice_spread(&c->dice, HURRY), OF_DAEMON, on_hurry, NULL, 0);
}

void clients_insist(struct clients *c, const char *what, const struct engine_event *event) {
  struct request *q = request_new(c, event->kind);
  q->event = *event;
  q->what = what;
  struct engine_asker a = asker(q);
  switch (event->kind) {
  case ENGINE_RESUME: q->event.resume.asker = a; break;
  case ENGINE_HOST_ORDER: q->event.host_order.asker = a; break;
  case ENGINE_CANCEL: q->event.cancel.asker = a; break;
  default: world_fail(c->w, "nobody insists on that");
  }
  send(c, q);
}

size_t clients_waiting(const struct clients *c) {
  size_t n = 0;
  for (size_t i = 0; i < c->requests.len; i++) {
    const struct request *q = c->requests.items[i];
    n += q->state == REQUEST_SENT || (q->state == REQUEST_THINKING && q->tries > 0);
  }
  return n;
}
