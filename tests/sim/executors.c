#include "tests/sim/executors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/checker.h"
#include "tests/sim/daemon.h"
#include "tests/sim/pipelines.h"

#define LINK_NOTICED (20 * USEC_PER_SEC) /* until the daemon sees that a host doesn't answer */
#define KILLED       9

struct executors *executors_new(struct world *w) {
  static const char *const names[PLACES] = {"local", "h1", "h2"};
  struct executors *x = alloc_new(struct executors);
  x->w = w;
  dice_init(&x->dice, w->seed, 2);
  for (size_t i = 0; i < PLACES; i++)
    x->places[i] = (struct place){.name = names[i],
                                  .remote = i > 0,
                                  .up = true,
                                  .configured = true,
                                  .boots = 1,
                                  .clock_off = i == 2 && dice_chance(&x->dice, 30) ? USEC_PER_HOUR : 0};
  return x;
}

void executors_free(struct executors *x) {
  if (!x) return;
  map_release(&x->by_id);
  vec_release(&x->procs);
  free(x);
}

struct place *place_find(struct executors *x, const char *name) {
  for (size_t i = 0; i < PLACES; i++)
    if (strcmp(x->places[i].name, name) == 0) return &x->places[i];
  world_fail(x->w, "there is no place %s", name);
}

struct proc *proc_find(const struct executors *x, const char *id) {
  return map_get(&x->by_id, id);
}

static struct proc *proc_of(struct executors *x, struct place *p, const char *run_id, const char *id) {
  struct proc *a = proc_find(x, id);
  if (a) return a;
  a = arena_new(&x->w->arena, struct proc);
  memcpy(a->id, id, strnlen(id, ID_LEN));
  memcpy(a->run_id, run_id, strnlen(run_id, ID_LEN));
  a->label = "";
  a->place = p;
  a->started_at = a->ended_at = INSTANT_NONE;
  map_put(&x->by_id, a->id, a);
  vec_push(&x->procs, a);
  return a;
}

static enum whose whose_of(const struct place *p) {
  return p->remote ? OF_WORLD : OF_MACHINE;
}

static instant clock_of(const struct executors *x, const struct place *p) {
  /* A host keeps its own time, whatever is done to the clock of the daemon's machine. */
  return p->remote ? x->w->limits->start + x->w->now + p->clock_off : world_moment(x->w).wall;
}

static int64_t delay(struct executors *x, const struct place *p) {
  int64_t most = p->remote ? x->w->limits->message_most : x->w->limits->message_most / 10;
  return 1 + dice_roll(&x->dice, most + 1);
}

/* ---- reports ---- */

/* A report as it is on its way to the daemon. */
struct message {
  struct proc *proc;
  uint32_t life, link;
  struct engine_report report;
  bool again; /* a double, or a late one */
};

static bool last_word(const struct engine_report *r) {
  return r->kind == ENGINE_REPORT_ENDED || r->kind == ENGINE_REPORT_LOST || r->kind == ENGINE_REPORT_NOT_STARTED ||
         r->kind == ENGINE_REPORT_FENCED || r->kind == ENGINE_REPORT_CLEARED;
}

static void delivered(struct world *w, void *arg, int64_t number) {
  struct message *m = arg;
  (void)number;
  if (m->life != w->life || !daemon_up(w)) return;
  daemon_report(w, &m->report);
}

static void deliver(struct executors *x, struct message *m, int64_t at) {
  world_at(x->w, at, OF_DAEMON, delivered, m, 0);
}

/* Evidence that comes again: at once, or long after everything is over. What never started may be started again
 * under its id, so of that nothing is repeated. */
static void deliver_double(struct executors *x, const struct message *m, int64_t at) {
  enum engine_report_kind kind = m->report.kind;
  if (kind == ENGINE_REPORT_NOT_STARTED || !dice_chance(&x->dice, x->w->limits->doubles)) return;
  struct message *again = arena_new(&x->w->arena, struct message);
  *again = *m;
  again->again = true;
  bool late = (kind == ENGINE_REPORT_ENDED || kind == ENGINE_REPORT_LOST) && dice_chance(&x->dice, 50);
  if (late)
    PROBE(x->w, LATE_REPORT);
  else
    PROBE(x->w, DOUBLE_REPORT);
  deliver(x, again, late ? at + dice_spread(&x->dice, USEC_PER_HOUR) : at);
}

static struct engine_report report_of(const struct proc *a, enum engine_report_kind kind, const char *text) {
  return (struct engine_report){.kind = kind,
                                .attempt_id = a->id,
                                .text = text,
                                .again = kind == ENGINE_REPORT_NOT_STARTED,
                                .pid = 4711,
                                .started_at = INSTANT_NONE,
                                .ended_at = INSTANT_NONE,
                                .cpu_us = -1,
                                .max_rss_kb = -1,
                                .log_bytes = -1};
}

/* Sends what the daemon's side of the place has to say of it, if there is one that listens. */
static void report(struct executors *x, struct proc *a, struct engine_report r) {
  struct world *w = x->w;
  if (!daemon_up(w) || a->known != w->life || !a->place->configured) return;
  bool cleared = r.kind == ENGINE_REPORT_CLEARED;
  if ((a->over || a->clearing) && !cleared) return;
  struct message *m = arena_new(&w->arena, struct message);
  *m = (struct message){a, w->life, a->place->changes, r, false};
  int64_t at = w->now + delay(x, a->place) / 4;
  if (at < a->reported_at) at = a->reported_at;
  a->reported_at = at;
  if (last_word(&r) && !cleared) a->over = true;
  if (cleared) a->clearing = false;
  a->adopting = false;
  TRACE(w, "  %s of %s says %s", a->place->name, a->label, daemon_report_word(r.kind));
  deliver(x, m, at);
  deliver_double(x, m, at);
}

static void report_simple(struct executors *x, struct proc *a, enum engine_report_kind kind, const char *text) {
  report(x, a, report_of(a, kind, text));
}

static void report_started(struct executors *x, struct proc *a) {
  struct engine_report r = report_of(a, ENGINE_REPORT_STARTED, NULL);
  if (a->over || a->clearing) return;
  r.started_at = a->started_at;
  a->told_started = true;
  report(x, a, r);
}

static void report_ended(struct executors *x, struct proc *a) {
  struct engine_report r = report_of(a, ENGINE_REPORT_ENDED, NULL);
  r.end = a->end;
  r.status = a->status;
  r.started_at = a->started_at;
  r.ended_at = a->ended_at;
  r.cpu_us = 10;
  r.max_rss_kb = 100;
  r.log_bytes = 5;
  if (a->output) r.output = a->bad_output ? "n=many\n" : "n=5\n";
  r.output_len = r.output ? strlen(r.output) : 0;
  report(x, a, r);
}

static bool heard(const struct place *p) {
  return !p->remote || p->up;
}

/* The daemon's side looks at the truth and says what it sees. */
static void tell(struct executors *x, struct proc *a) {
  if (!heard(a->place)) return;
  switch (a->state) {
  case PROC_UNCLAIMED: break;
  case PROC_RUNNING:
    if (a->told_unreachable) report_simple(x, a, ENGINE_REPORT_REACHABLE, NULL);
    a->told_unreachable = false;
    if (!a->told_started) report_started(x, a);
    break;
  case PROC_ENDED: report_ended(x, a); break;
  case PROC_LOST: report_simple(x, a, ENGINE_REPORT_LOST, "it is gone"); break;
  case PROC_FENCED: report_simple(x, a, ENGINE_REPORT_FENCED, "it was fenced"); break;
  }
}

/* ---- the truth: how a process goes ---- */

static void end(struct executors *x, struct proc *a, enum engine_end how, int status) {
  a->state = PROC_ENDED;
  a->end = how;
  a->status = status;
  a->ended_at = clock_of(x, a->place);
  a->over_at = x->w->now;
  a->ends++;
  TRACE(x->w, "  * %s ends on %s with %d", a->label, a->place->name, status);
  if (a->stopping && how == ENGINE_END_EXITED) PROBE(x->w, CANCEL_LOST_RACE);
  if (how == ENGINE_END_TIMED_OUT) PROBE(x->w, TIMED_OUT);
  tell(x, a);
}

static void lose(struct executors *x, struct proc *a) {
  a->state = PROC_LOST;
  a->over_at = x->w->now;
  a->ends++;
  TRACE(x->w, "  * %s is lost on %s", a->label, a->place->name);
}

static void on_end(struct world *w, void *arg, int64_t number) {
  struct proc *a = arg;
  if (a->state != PROC_RUNNING || number != a->ends) return;
  end(w->executors, a, a->end, a->status);
}

static void plan_end(struct executors *x, struct proc *a, int64_t in, enum engine_end how, int status) {
  a->end = how;
  a->status = status;
  world_in(x->w, in, whose_of(a->place), on_end, a, ++a->ends);
}

/* How an attempt goes hangs on its name alone, not on what else happens: so a smaller seed still has it. */
static void plan_life(struct executors *x, struct proc *a) {
  static const int statuses[] = {1, 1, 2, 99, 78, 137};
  uint64_t name = x->w->seed;
  for (const char *c = a->label; *c; c++) name = dice_mix(name ^ (uint64_t)(unsigned char)*c);
  struct dice d;
  dice_init(&d, name, 3);
  const struct limits *l = x->w->limits;
  int64_t takes = dice_spread(&d, l->task_most);
  bool fails = !x->w->healing && dice_chance(&d, l->failing);
  int status = fails ? statuses[dice_roll(&d, 6)] : 0;
  a->output = dice_chance(&d, 90);
  a->bad_output = fails && dice_chance(&d, 20);
  if (x->w->healing) {
    a->output = true;
    takes = takes % (10 * USEC_PER_SEC) + 1;
  }
  if (a->timeout > 0 && takes > a->timeout)
    plan_end(x, a, a->timeout, ENGINE_END_TIMED_OUT, 143);
  else
    plan_end(x, a, takes, ENGINE_END_EXITED, status);
}

static void claim(struct executors *x, struct proc *a) {
  a->state = PROC_RUNNING;
  a->claims++;
  a->started_at = clock_of(x, a->place);
  a->began = x->w->now;
  TRACE(x->w, "  * %s runs on %s", a->label, a->place->name);
  checker_claimed(x->w, a);
  plan_life(x, a);
}

static void fence(struct executors *x, struct proc *a) {
  if (a->state != PROC_UNCLAIMED) return;
  a->state = PROC_FENCED;
  PROBE(x->w, FENCED);
}

/* ---- starting ---- */

static void on_late_claim(struct world *w, void *arg, int64_t number) {
  struct proc *a = arg;
  if (a->place->boots != number) return; /* it went with its machine */
  if (a->state == PROC_FENCED) PROBE(w, LATE_FENCED);
  if (a->state != PROC_UNCLAIMED) return;
  PROBE(w, LATE_CLAIM);
  claim(w->executors, a);
  tell(w->executors, a);
}

static void claim_late(struct executors *x, struct proc *a, int64_t in) {
  world_in(x->w, in, whose_of(a->place), on_late_claim, a, a->place->boots);
}

/* The spawner died with its daemon before it had made a supervisor. Or it had made one, which claims only now, or so
 * late that the next daemon has looked already. */
static void outlive(struct executors *x, struct proc *a) {
  if (!dice_chance(&x->dice, 40)) return;
  if (dice_chance(&x->dice, 50))
    claim_late(x, a, dice_spread(&x->dice, USEC_PER_MIN));
  else
    a->slow = true;
}

static void slow_ones_go_on(struct executors *x) {
  for (size_t i = 0; i < x->procs.len; i++) {
    struct proc *a = x->procs.items[i];
    if (a->slow && a->state == PROC_UNCLAIMED) claim_late(x, a, dice_spread(&x->dice, 2 * LINK_NOTICED));
    a->slow = false;
  }
}

/* Its link broke while the start was in the host's shell, which goes on without it. */
static void outlive_link(struct executors *x, struct proc *a) {
  if (a->state != PROC_UNCLAIMED || !dice_chance(&x->dice, 40)) return;
  claim_late(x, a, a->place->down_until - x->w->now + dice_spread(&x->dice, 2 * LINK_NOTICED));
}

/* A start has arrived at the place. Nobody minds whether the daemon that sent it is still there. */
static void on_arrived(struct world *w, void *arg, int64_t number) {
  struct executors *x = w->executors;
  struct proc *a = arg;
  struct place *p = a->place;
  bool ours = a->known == w->life && (uint32_t)number == w->life;
  if (!heard(p)) { /* what became of it is asked when the host is back */
    outlive_link(x, a);
    return;
  }
  if (a->state != PROC_UNCLAIMED) {
    PROBE(w, STARTED_TWICE);
    if (ours) tell(x, a);
    return;
  }
  if (!ours) {
    outlive(x, a);
    return;
  }
  if (a->stop_wanted) {
    fence(x, a);
    tell(x, a);
  } else if (p->no_room_until > w->now) {
    PROBE(w, NO_ROOM);
    report_simple(x, a, ENGINE_REPORT_NOT_STARTED, "no process can be made");
  } else if (!w->healing && dice_chance(&x->dice, w->limits->failing / 10)) {
    end(x, a, ENGINE_END_LAUNCH_FAILED, 127);
  } else {
    claim(x, a);
    report_started(x, a);
  }
}

static void know(struct executors *x, struct proc *a) {
  a->known = x->w->life;
  a->over = a->told_started = a->told_unreachable = a->stop_wanted = a->fence_wanted = a->clearing = a->adopting =
      false;
}

static void not_configured(struct executors *x, struct proc *a, enum engine_report_kind kind) {
  const struct engine_report r = report_of(a, kind, "the configuration has no such host");
  a->known = 0;
  daemon_report(x->w, &r);
}

static bool answers(const struct executors *x, const struct place *p) {
  return heard(p) && (!p->remote || (p->told_life == x->w->life && p->told == HOST_CONTACT_UP));
}

void executors_start(struct executors *x, const struct decision_start *d) {
  struct place *p = place_find(x, d->host);
  struct proc *a = proc_of(x, p, d->launch->run_id, d->launch->attempt_id);
  if (!*a->label) a->label = arena_strdup(&x->w->arena, d->launch->label);
  a->timeout = d->launch->timeout;
  a->grace = d->launch->grace;
  know(x, a);
  if (!p->configured) {
    /* Nobody can be asked to start it; what was sent in a former life may still come to it. */
    if (!d->doubtful) fence(x, a);
    not_configured(x, a, d->doubtful ? ENGINE_REPORT_UNREACHABLE : ENGINE_REPORT_FENCED);
    return;
  }
  if (!answers(x, p)) {
    /* It was never sent, unless by a former life: then only the host can tell. */
    if (a->state == PROC_UNCLAIMED && a->doubtful != x->w->life) {
      PROBE(x->w, FENCED);
      report_simple(x, a, ENGINE_REPORT_FENCED, "nothing was sent");
    }
    return;
  }
  world_in(x->w, delay(x, p), whose_of(p), on_arrived, a, x->w->life);
}

/* ---- stopping ---- */

static void on_stop(struct world *w, void *arg, int64_t number) {
  struct executors *x = w->executors;
  struct proc *a = arg;
  if (!heard(a->place) || a->known != w->life) return;
  if (a->state == PROC_UNCLAIMED) {
    if (a->adopting) {
      fence(x, a);
      tell(x, a);
    }
    return; /* the start that is on its way meets the stop */
  }
  if (a->state != PROC_RUNNING) return;
  bool now = number != 0;
  if (a->stopping && (a->killed || !now)) return;
  a->stopping = true;
  a->killed = now;
  /* It may end by itself before it is told, or its end may be on its way already. */
  if (dice_chance(&x->dice, 15) && !now) return;
  int64_t takes = now ? 1 : 1 + dice_roll(&x->dice, a->grace + 1);
  plan_end(x, a, takes, ENGINE_END_STOPPED, now || takes > a->grace / 2 ? 128 + KILLED : 143);
}

void executors_stop(struct executors *x, const char *host, const char *attempt_id, bool now) {
  struct proc *a = proc_find(x, attempt_id);
  if (!a || a->known != x->w->life || a->over) return;
  (void)host;
  a->stop_wanted = true;
  world_in(x->w, delay(x, a->place), whose_of(a->place), on_stop, a, now);
}

/* ---- giving up ---- */

static void on_clear(struct world *w, void *arg, int64_t number) {
  struct executors *x = w->executors;
  struct proc *a = arg;
  (void)number;
  if (!a->clearing || a->known != w->life || !heard(a->place)) return;
  if (a->state == PROC_RUNNING) {
    PROBE(w, CLEARED_ALIVE);
    a->state = PROC_ENDED;
    a->end = ENGINE_END_STOPPED;
    a->status = 128 + KILLED;
    a->ended_at = clock_of(x, a->place);
    a->over_at = w->now;
    a->ends++;
  }
  fence(x, a);
  a->cleared = true;
  report_simple(x, a, ENGINE_REPORT_CLEARED, NULL);
}

void executors_clear(struct executors *x, const char *host, const char *run_id, const char *attempt_id) {
  struct place *p = place_find(x, host);
  struct proc *a = proc_of(x, p, run_id, attempt_id);
  if (a->known != x->w->life) know(x, a);
  a->clearing = true;
  if (p->configured && answers(x, p)) world_in(x->w, delay(x, p), whose_of(p), on_clear, a, 0);
}

/* ---- files of a linked run ---- */

static void on_prepared(struct world *w, void *arg, int64_t number) {
  if ((uint32_t)number != w->life || !daemon_up(w)) return;
  const char *error = !w->healing && dice_chance(&w->executors->dice, w->limits->failing / 5) ? "no room" : NULL;
  daemon_prepared(w, arg, error);
}

void executors_prepare(struct executors *x, const char *run_id) {
  char *id = arena_strdup(&x->w->arena, run_id);
  world_in(x->w, 1 + dice_spread(&x->dice, USEC_PER_MIN), OF_DAEMON, on_prepared, id, x->w->life);
}

/* ---- adoption ---- */

static void see(struct executors *x, struct proc *a) {
  if (a->state == PROC_RUNNING) PROBE(x->w, ADOPTED_RUNNING);
  if (a->state == PROC_ENDED) PROBE(x->w, ADOPTED_ENDED);
  if (a->state == PROC_UNCLAIMED && (a->stop_wanted || a->fence_wanted)) fence(x, a);
  if (a->state == PROC_UNCLAIMED) {
    PROBE(x->w, ADOPTED_UNSTARTED);
    a->doubtful = x->w->life;
    report_simple(x, a, ENGINE_REPORT_NOT_STARTED, "it was never started");
  } else {
    tell(x, a);
  }
}

static void on_look(struct world *w, void *arg, int64_t number) {
  struct proc *a = arg;
  if (a->known != w->life || (uint32_t)number != w->life || a->over || a->clearing) return;
  if (heard(a->place)) see(w->executors, a);
}

bool executors_adopt(struct executors *x, const struct engine_live *live) {
  struct place *p = place_find(x, live->host);
  struct proc *a = proc_of(x, p, live->run_id, live->attempt_id);
  know(x, a);
  a->adopting = true;
  a->stop_wanted = live->stop_asked;
  a->grace = live->grace;
  if (!p->configured) {
    not_configured(x, a, ENGINE_REPORT_UNREACHABLE);
    return false;
  }
  if (p->remote) return false; /* told when the host answers */
  world_in(x->w, delay(x, p), OF_DAEMON, on_look, a, x->w->life);
  if (live->stop_asked) world_in(x->w, delay(x, p), OF_DAEMON, on_stop, a, live->stop_now);
  return true;
}

/* ---- fences ---- */

static void on_fence(struct world *w, void *arg, int64_t number) {
  struct executors *x = w->executors;
  struct proc *a = arg;
  if (a->known != w->life || (uint32_t)number != w->life || a->over || a->clearing || !heard(a->place)) return;
  if (a->state == PROC_UNCLAIMED && a->place->no_room_until > w->now) {
    PROBE(w, NO_ROOM_TO_FENCE);
    report_simple(x, a, ENGINE_REPORT_NOT_STARTED, "it can't be fenced");
    return;
  }
  see(x, a);
}

void executors_fence(struct executors *x, const struct decision_fence *d) {
  struct place *p = place_find(x, d->host);
  struct proc *a = proc_of(x, p, d->run_id, d->attempt_id);
  know(x, a);
  a->adopting = a->fence_wanted = true;
  if (!p->configured)
    not_configured(x, a, ENGINE_REPORT_UNREACHABLE);
  else if (answers(x, p))
    world_in(x->w, delay(x, p), whose_of(p), on_fence, a, x->w->life);
}

/* ---- contact ---- */

static bool concerns(const struct executors *x, const struct proc *a, const struct place *p) {
  return a->place == p && a->known == x->w->life && (!a->over || a->clearing);
}

/* The daemon sees that the host answers: it asks after everything that it has in hand there. */
static void see_up(struct executors *x, struct place *p) {
  for (size_t i = 0; i < x->procs.len; i++) {
    struct proc *a = x->procs.items[i];
    if (!concerns(x, a, p)) continue;
    if (a->clearing) {
      world_in(x->w, delay(x, p), whose_of(p), on_clear, a, 0);
      continue;
    }
    if (a->state == PROC_UNCLAIMED && !a->adopting) {
      /* Its start may have been lost: nobody is to have it, and another is made. */
      fence(x, a);
    }
    see(x, a);
    if (a->stop_wanted && a->state == PROC_RUNNING) world_in(x->w, delay(x, p), whose_of(p), on_stop, a, a->killed);
  }
}

static void see_down(struct executors *x, struct place *p) {
  for (size_t i = 0; i < x->procs.len; i++) {
    struct proc *a = x->procs.items[i];
    if (!concerns(x, a, p) || a->clearing || a->told_unreachable) continue;
    a->told_unreachable = true;
    PROBE(x->w, UNREACHABLE);
    report_simple(x, a, ENGINE_REPORT_UNREACHABLE, "no route");
  }
}

static void on_contact(struct world *w, void *arg, int64_t number) {
  struct executors *x = w->executors;
  struct place *p = arg;
  if (!daemon_up(w) || (uint32_t)number != p->changes || !p->configured) return;
  enum host_contact now = p->up ? HOST_CONTACT_UP : HOST_CONTACT_UNREACHABLE;
  if (p->told_life == w->life && p->told == now && p->told_changes == p->changes) return;
  bool first = dice_chance(&x->dice, 50);
  p->told = now;
  p->told_life = w->life;
  p->told_changes = p->changes;
  TRACE(w, "  %s is %s", p->name, host_contact_word(now));
  if (first) daemon_host(w, p->name, now, p->boots);
  if (now == HOST_CONTACT_UP)
    see_up(x, p);
  else
    see_down(x, p);
  if (!first) daemon_host(w, p->name, now, p->boots);
}

static void contact_soon(struct executors *x, struct place *p, int64_t most) {
  world_in(x->w, 1 + dice_roll(&x->dice, most), OF_DAEMON, on_contact, p, p->changes);
}

void executors_connect(struct executors *x) {
  slow_ones_go_on(x);
  for (size_t i = 0; i < PLACES; i++)
    if (x->places[i].remote) contact_soon(x, &x->places[i], LINK_NOTICED);
}

static void let_go(struct executors *x, struct place *p) {
  bool any = false;
  for (size_t i = 0; i < x->procs.len; i++) {
    struct proc *a = x->procs.items[i];
    if (!concerns(x, a, p)) continue;
    any = true;
    a->known = 0;
  }
  if (any) PROBE(x->w, HOST_LEFT);
  p->configured = false;
  p->told_life = 0;
}

void executors_configure(struct executors *x, const struct config *config) {
  for (size_t i = 0; i < PLACES; i++) {
    struct place *p = &x->places[i];
    bool has = config_host(config, p->name) >= 0;
    if (p->configured && !has) let_go(x, p);
    if (p->configured || !has) continue;
    p->configured = true;
    p->told_life = 0;
    if (!daemon_up(x->w)) continue;
    daemon_adopt_place(x->w, p->name);
    contact_soon(x, p, USEC_PER_SEC);
  }
}

/* ---- fate ---- */

static void on_link_up(struct world *w, void *arg, int64_t number) {
  struct place *p = arg;
  if (p->up || number != p->down_until) return;
  p->up = true;
  p->changes++;
  PROBE(w, BACK);
  contact_soon(w->executors, p, LINK_NOTICED);
}

void executors_link_down(struct executors *x, struct place *p, int64_t until) {
  if (!p->remote) return;
  if (until > p->down_until) p->down_until = until;
  world_at(x->w, p->down_until, OF_WORLD, on_link_up, p, p->down_until);
  if (!p->up) return;
  p->up = false;
  p->changes++;
  contact_soon(x, p, LINK_NOTICED);
}

static bool lose_all(struct executors *x, const struct place *p) {
  bool any = false;
  for (size_t i = 0; i < x->procs.len; i++) {
    struct proc *a = x->procs.items[i];
    if (a->place != p || a->state != PROC_RUNNING) continue;
    lose(x, a);
    any = true;
  }
  return any;
}

void executors_reboot(struct executors *x, struct place *p, int64_t until) {
  if (!p->remote) return;
  TRACE(x->w, "  %s is rebooted", p->name);
  if (lose_all(x, p)) PROBE(x->w, REBOOTED);
  p->boots++;
  executors_link_down(x, p, until);
}

void executors_power_lost(struct executors *x) {
  if (lose_all(x, &x->places[0])) PROBE(x->w, POWER_LOST);
  x->places[0].boots++;
}

void executors_supervisor_killed(struct executors *x, int64_t nth) {
  size_t running = executors_running(x);
  if (!running) return;
  size_t at = (size_t)nth % running;
  for (size_t i = 0; i < x->procs.len; i++) {
    struct proc *a = x->procs.items[i];
    if (a->state != PROC_RUNNING || at-- > 0) continue;
    PROBE(x->w, SUPERVISOR_LOST);
    lose(x, a);
    tell(x, a);
    return;
  }
}

void executors_no_room(struct executors *x, struct place *p, int64_t until) {
  (void)x;
  if (until > p->no_room_until) p->no_room_until = until;
}

void executors_heal(struct executors *x) {
  for (size_t i = 0; i < PLACES; i++) {
    struct place *p = &x->places[i];
    p->no_room_until = 0;
    if (p->up) continue;
    p->up = true;
    p->changes++;
    contact_soon(x, p, USEC_PER_SEC);
  }
}

size_t executors_running(const struct executors *x) {
  size_t n = 0;
  for (size_t i = 0; i < x->procs.len; i++) n += x->procs.items[i]->state == PROC_RUNNING;
  return n;
}
