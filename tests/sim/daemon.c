#include "tests/sim/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/sim/checker.h"
#include "tests/sim/clients.h"
#include "tests/sim/executors.h"
#include "tests/sim/ledger.h"
#include "tests/sim/pipelines.h"

#define SLEEP_MOST   (60 * USEC_PER_SEC) /* the alarm clock never sleeps longer, for the wall clock may be set */
#define COMMIT_AGAIN USEC_PER_SEC
#define ADOPT_MOST   (5 * USEC_PER_SEC)

static void turn_soon(struct daemon *d, int64_t in);

struct daemon *daemon_new(struct world *w) {
  struct daemon *d = alloc_new(struct daemon);
  d->w = w;
  dice_init(&d->dice, w->seed, 5);
  return d;
}

static void inbox_clear(struct inbox_half *half) {
  half->events.len = 0;
  arena_reset(&half->arena);
}

/* All that a death takes along. */
static void forget(struct daemon *d) {
  engine_free(d->engine);
  d->engine = NULL;
  d->up = d->in_flight = d->turn_planned = false;
  d->degraded = 0;
  d->crash_in = 0;
  map_release(&d->adopting);
  step_reset(&d->step);
  inbox_clear(&d->halves[0]);
  inbox_clear(&d->halves[1]);
}

void daemon_free(struct daemon *d) {
  if (!d) return;
  forget(d);
  step_release(&d->step);
  for (int i = 0; i < 2; i++) {
    vec_release(&d->halves[i].events);
    arena_release(&d->halves[i].arena);
  }
  free(d);
}

bool daemon_up(const struct world *w) {
  return w->daemon->up;
}

/* ---- dying ---- */

static void on_start(struct world *w, void *arg, int64_t number) {
  (void)arg;
  if ((uint32_t)number == w->life && !w->daemon->up) daemon_start(w);
}

static void die(struct daemon *d, bool power) {
  struct world *w = d->w;
  TRACE(w, "the daemon dies%s", power ? " with its machine" : "");
  forget(d);
  w->life++;
  ledger_crash(w->ledger, power);
  clients_cut(w->clients);
  if (power) {
    executors_power_lost(w->executors);
    world_boot(w);
  }
  int64_t down = w->healing ? USEC_PER_SEC : dice_spread(&d->dice, w->limits->down_most);
  world_in(w, down, OF_MACHINE, on_start, NULL, w->life);
}

void daemon_kill(struct world *w, bool power) {
  struct daemon *d = w->daemon;
  if (!d->up) return;
  if (d->in_flight && !d->durable && ledger_commit_cut(w->ledger, d->step.changes.items, d->step.changes.len, power))
    PROBE(w, CRASH_IN_COMMIT);
  die(d, power);
}

void daemon_crash_in(struct world *w, int64_t boundaries) {
  w->daemon->crash_in = boundaries;
}

/* True if it died here. */
static bool boundary(struct daemon *d, enum probe probe) {
  if (!d->crash_in || --d->crash_in > 0) return false;
  probe_hit(d->w->probes, probe);
  die(d, false);
  return true;
}

/* ---- decisions ---- */

static void carry_out(struct daemon *d, const struct decision *x) {
  struct world *w = d->w;
  checker_decision(w, x);
  switch (x->kind) {
  case DECISION_START:
    TRACE(w, "-> start %s on %s", x->start.launch->label, x->start.host);
    executors_start(w->executors, &x->start);
    break;
  case DECISION_FENCE:
    TRACE(w, "-> fence %s on %s", x->fence.attempt_id, x->fence.host);
    executors_fence(w->executors, &x->fence);
    break;
  case DECISION_STOP:
    TRACE(w, "-> stop %s%s", x->stop.attempt_id, x->stop.now ? " now" : "");
    executors_stop(w->executors, x->stop.host, x->stop.attempt_id, x->stop.now);
    break;
  case DECISION_CLEAR:
    TRACE(w, "-> clear %s on %s", x->clear.attempt_id, x->clear.host);
    executors_clear(w->executors, x->clear.host, x->clear.run_id, x->clear.attempt_id);
    break;
  case DECISION_PREPARE:
    TRACE(w, "-> prepare %s", x->prepare.run_id);
    executors_prepare(w->executors, x->prepare.run_id);
    break;
  case DECISION_REPLY:
    TRACE(w, "-> reply %d %s", x->reply.status, x->reply.body);
    clients_reply(w->clients, &x->reply);
    break;
  }
}

static void step_committed(struct daemon *d) {
  for (; d->decided < d->step.decisions.len; d->decided++) {
    if (boundary(d, d->decided ? PROBE_CRASH_AMID_DECISIONS : PROBE_CRASH_AFTER_COMMIT)) return;
    carry_out(d, &d->step.decisions.items[d->decided]);
  }
  if (boundary(d, PROBE_CRASH_AFTER_DECISIONS)) return;
  d->in_flight = false;
  checker_settled(d->w);
  turn_soon(d, 0);
}

/* ---- commits ---- */

static void on_commit(struct world *w, void *arg, int64_t number);

static void on_room(struct world *w, void *arg, int64_t number) {
  struct daemon *d = w->daemon;
  (void)arg, (void)number;
  if (ledger_held(w->ledger)) {
    world_in(w, COMMIT_AGAIN, OF_DAEMON, on_room, NULL, 0);
    return;
  }
  d->degraded = 0;
  step_committed(d);
}

static void degraded(struct daemon *d) {
  PROBE(d->w, DEGRADED);
  if (d->degraded) return;
  TRACE(d->w, "degraded: the disk is full");
  d->degraded = ERR_FULL;
  clients_degraded(d->w->clients);
}

static void on_commit(struct world *w, void *arg, int64_t number) {
  struct daemon *d = w->daemon;
  (void)arg, (void)number;
  if (boundary(d, PROBE_CRASH_BEFORE_COMMIT)) return;
  int err = ledger_commit(w->ledger, d->step.changes.items, d->step.changes.len);
  d->durable = err == 0;
  if (err == ERR_SYNC) {
    PROBE(w, FATAL);
    die(d, false);
  } else if (err) {
    degraded(d);
    world_in(w, COMMIT_AGAIN, OF_DAEMON, on_commit, NULL, 0);
  } else if (ledger_held(w->ledger)) {
    degraded(d);
    PROBE(w, HELD_BY_FULL);
    world_in(w, COMMIT_AGAIN, OF_DAEMON, on_room, NULL, 0);
  } else {
    d->degraded = 0;
    step_committed(d);
  }
}

/* ---- turning ---- */

static bool time_has_come(const struct daemon *d) {
  struct moment now = world_moment(d->w);
  return now.mono >= d->step.wake_mono || (d->step.wake_wall != INSTANT_NONE && now.wall >= d->step.wake_wall);
}

static void on_turn(struct world *w, void *arg, int64_t number);

static void on_alarm(struct world *w, void *arg, int64_t number) {
  struct daemon *d = w->daemon;
  (void)arg;
  if (number == d->steps && d->up && !d->in_flight) turn_soon(d, 0);
}

/* When nothing else happens. */
static void alarm_set(struct daemon *d) {
  struct world *w = d->w;
  int64_t at = INT64_MAX;
  if (d->step.wake_mono != INT64_MAX) at = world_when_mono(w, d->step.wake_mono);
  if (d->step.wake_wall != INSTANT_NONE) {
    int64_t wall = world_when_wall(w, d->step.wake_wall);
    if (wall < at) at = wall;
    if (at > w->now + SLEEP_MOST && w->limits->clocks) at = w->now + SLEEP_MOST;
  }
  if (at != INT64_MAX) world_at(w, at, OF_DAEMON, on_alarm, NULL, d->steps);
}

static void turn_soon(struct daemon *d, int64_t in) {
  if (!d->up || d->turn_planned) return;
  d->turn_planned = true;
  world_in(d->w, in, OF_DAEMON, on_turn, NULL, 0);
}

static void step(struct daemon *d) {
  struct world *w = d->w;
  struct inbox_half *half = &d->halves[d->gathering];
  d->gathering ^= 1;
  uint64_t seed[4];
  for (int i = 0; i < 4; i++) seed[i] = dice_mix(w->seed ^ dice_mix((uint64_t)(d->steps * 4 + i)));
  step_reset(&d->step);
  d->steps++;
  d->decided = 0;
  d->durable = false;
  struct moment now = world_moment(w);
  checker_stepping(w, half->events.items, half->events.len);
  engine_step(d->engine, now, (const uint8_t *)seed, half->events.items, half->events.len, &d->step);
  checker_stepped(w, d->engine, &d->step, now);
  inbox_clear(half);
}

static void on_turn(struct world *w, void *arg, int64_t number) {
  struct daemon *d = w->daemon;
  (void)arg, (void)number;
  d->turn_planned = false;
  if (!d->up || d->in_flight) return;
  if (d->adopting.len) {
    if (w->now < d->adopt_until) {
      turn_soon(d, d->adopt_until - w->now);
      return;
    }
    map_release(&d->adopting);
  }
  if (!time_has_come(d) && d->halves[d->gathering].events.len == 0) {
    alarm_set(d);
    return;
  }
  step(d);
  if (d->step.changes.len == 0) {
    step_committed(d);
    return;
  }
  d->in_flight = true;
  int64_t takes = 1 + dice_roll(&d->dice, w->limits->commit_most + 1);
  world_in(w, takes, OF_DAEMON, on_commit, NULL, 0);
}

void daemon_wake(struct world *w) {
  turn_soon(w->daemon, 0);
}

/* ---- what comes in ---- */

struct arena *daemon_arena(struct world *w) {
  return &w->daemon->halves[w->daemon->gathering].arena;
}

struct engine_event *daemon_event(struct world *w, enum engine_event_kind kind) {
  struct daemon *d = w->daemon;
  struct inbox_half *half = &d->halves[d->gathering];
  vec_push(&half->events, (struct engine_event){.kind = kind});
  if (!d->in_flight) turn_soon(d, dice_roll(&d->dice, w->limits->turn_most + 1));
  return &half->events.items[half->events.len - 1];
}

static const char *copy(struct world *w, const char *text) {
  return text ? arena_strdup(daemon_arena(w), text) : NULL;
}

const char *daemon_report_word(enum engine_report_kind kind) {
#define X(name) #name,
  static const char *const words[] = {ENGINE_REPORT_LIST(X)};
#undef X
  return words[kind];
}

void daemon_report(struct world *w, const struct engine_report *r) {
  struct daemon *d = w->daemon;
  TRACE(w, "<- %s of %s", daemon_report_word(r->kind), r->attempt_id);
  bool last = map_has(&d->adopting, r->attempt_id);
  if (last) map_remove(&d->adopting, r->attempt_id);
  struct engine_report *e = &daemon_event(w, ENGINE_REPORT)->report;
  *e = *r;
  e->attempt_id = copy(w, r->attempt_id);
  if (last && d->adopting.len == 0) {
    d->turn_planned = false; /* it waited for the limit */
    turn_soon(d, 0);
  }
}

void daemon_prepared(struct world *w, const char *run_id, const char *error) {
  struct engine_prepared *e = &daemon_event(w, ENGINE_PREPARED)->prepared;
  *e = (struct engine_prepared){copy(w, run_id), error};
}

void daemon_host(struct world *w, const char *host, enum host_contact contact, int boots) {
  if (!w->daemon->up) return;
  struct engine_host *e = &daemon_event(w, ENGINE_HOST)->host;
  *e = (struct engine_host){.host = host, .contact = contact, .booted_at = INSTANT_NONE};
  if (contact == HOST_CONTACT_UP) {
    e->machine = host;
    e->boot = arena_fmt(daemon_arena(w), "boot-%d", boots);
    e->facts = "{}";
  } else {
    e->text = "no route";
  }
}

void daemon_file(struct world *w, struct file *f) {
  if (!w->daemon->up) return;
  if (!f->present) {
    daemon_event(w, ENGINE_GONE)->gone.name = f->name;
  } else if (f->broken) {
    struct engine_broken *e = &daemon_event(w, ENGINE_BROKEN)->broken;
    *e = (struct engine_broken){f->name, "[{\"message\": \"it is broken\"}]"};
  } else {
    const struct edition *edition = catalog_edition(w->catalog, f);
    struct engine_loaded *e = &daemon_event(w, ENGINE_LOADED)->loaded;
    *e = (struct engine_loaded){.name = f->name,
                                .pipeline = edition->pipeline,
                                .text = edition->text,
                                .text_len = strlen(edition->text),
                                .json = edition->json.bytes,
                                .json_len = edition->json.len};
    memcpy(e->sha256, edition->sha256, sizeof e->sha256);
  }
}

static void configure(struct world *w) {
  daemon_event(w, ENGINE_CONFIG)->config.config = w->catalog->config;
}

void daemon_config(struct world *w) {
  executors_configure(w->executors, w->catalog->config);
  if (!w->daemon->up) return;
  zone_view_refresh(&w->daemon->zones, w);
  configure(w);
}

static void on_tzdata(struct world *w, void *arg, int64_t number) {
  (void)arg, (void)number;
  if (!w->daemon->up || !zone_view_refresh(&w->daemon->zones, w)) return;
  TRACE(w, "the daemon sees other zones");
  PROBE(w, ZONES_CHANGED);
  configure(w);
}

void daemon_tzdata(struct world *w) {
  world_in(w, dice_spread(&w->daemon->dice, USEC_PER_HOUR), OF_DAEMON, on_tzdata, NULL, 0);
}

/* ---- starting ---- */

/* What the rows call live at a place, or (NULL) at all of them, and what may be left there of what was given up. */
static void adopt(struct daemon *d, const char *host) {
  struct world *w = d->w;
  struct arena arena = {0};
  struct engine_live *live;
  size_t len = engine_live_attempts(d->engine, &arena, &live);
  for (size_t i = 0; i < len; i++) {
    if (host && strcmp(host, live[i].host) != 0) continue;
    if (executors_adopt(w->executors, &live[i]) && !host) map_put(&d->adopting, live[i].attempt_id, NULL);
  }
  struct remnant_row *remnants;
  len = engine_remnants(d->engine, &arena, &remnants);
  for (size_t i = 0; i < len; i++)
    if (!host || strcmp(host, remnants[i].host) == 0)
      executors_clear(w->executors, remnants[i].host, remnants[i].run_id, remnants[i].attempt_id);
  arena_release(&arena);
}

void daemon_adopt_place(struct world *w, const char *host) {
  adopt(w->daemon, host);
}

void daemon_start(struct world *w) {
  struct daemon *d = w->daemon;
  const struct engine_options options = {
      .config = w->catalog->config, .schedules = true, .zone = zone_view_get, .zone_ctx = &d->zones};
  struct arena arena = {0};
  struct engine_state state;
  zone_view_load(&d->zones, w);
  ledger_load(w->ledger, &arena, &state);
  if (w->over) {
    arena_release(&arena);
    return;
  }
  TRACE(w, "the daemon starts");
  d->engine = engine_new(&options);
  d->up = true;
  d->step.wake_wall = INSTANT_NONE;
  d->step.wake_mono = 0; /* the first step is due at once */
  char *message = NULL;
  if (engine_restore(d->engine, &state, world_moment(w), &message)) world_fail(w, "the rows don't load: %s", message);
  ledger_loaded(w->ledger);
  arena_release(&arena);
  checker_restored(w, d->engine);
  /* The folder is read before anything can fire. */
  for (size_t i = 0; i < w->catalog->files.len; i++) daemon_file(w, w->catalog->files.items[i]);
  d->adopt_until = w->now + ADOPT_MOST;
  adopt(d, NULL);
  executors_connect(w->executors);
  clients_up(w->clients);
  turn_soon(d, 0);
}
