#include "tests/sim/acts.h"

#include "tests/sim/clients.h"
#include "tests/sim/daemon.h"
#include "tests/sim/executors.h"
#include "tests/sim/ledger.h"
#include "tests/sim/pipelines.h"

#define BOUNDARIES_MOST 12

typedef void act_fn(struct world *w, struct dice *d);

static struct place *any_host(struct world *w, struct dice *d) {
  return &w->executors->places[dice_between(d, 1, PLACES - 1)];
}

static void do_request(struct world *w, struct dice *d) {
  clients_ask(w->clients, d);
}

static void do_crash(struct world *w, struct dice *d) {
  daemon_crash_in(w, dice_spread(d, BOUNDARIES_MOST));
}

static void do_kill(struct world *w, struct dice *d) {
  (void)d;
  daemon_kill(w, false);
}

static void do_power(struct world *w, struct dice *d) {
  (void)d;
  daemon_kill(w, true);
}

static void do_stopped(struct world *w, struct dice *d) {
  w->daemon_asleep = w->now + dice_spread(d, USEC_PER_HOUR);
}

static void do_suspend(struct world *w, struct dice *d) {
  w->machine_asleep = w->now + dice_spread(d, 10 * USEC_PER_HOUR);
}

static void do_clock(struct world *w, struct dice *d) {
  static const duration steps[] = {USEC_PER_HOUR, -USEC_PER_HOUR, 20 * 365 * USEC_PER_DAY, -40 * 365 * USEC_PER_DAY};
  duration by = dice_chance(d, 60) ? steps[dice_roll(d, 2)] * dice_spread(d, 4) / 2 : steps[2 + dice_roll(d, 2)];
  instant wall = world_moment(w).wall;
  if (by > 0 && wall > w->limits->start + 60 * USEC_PER_DAY)
    by = w->limits->start + w->now - wall; /* set right again */
  if (by < -USEC_PER_DAY) by = -wall;      /* to 1970 */
  if (by < 0) PROBE(w, CLOCK_BACK);
  if (by > USEC_PER_DAY || by < -USEC_PER_DAY) PROBE(w, CLOCK_FAR);
  world_clock_set(w, by);
  daemon_wake(w);
}

static void do_drift(struct world *w, struct dice *d) {
  world_clock_drift(w, dice_between(d, -20000, 20000));
}

static void do_full(struct world *w, struct dice *d) {
  ledger_full(w->ledger, w->now + dice_spread(d, USEC_PER_HOUR));
}

static void do_sync(struct world *w, struct dice *d) {
  (void)d;
  w->ledger->sync_fails = true;
}

static void do_link(struct world *w, struct dice *d) {
  struct place *p = any_host(w, d);
  int64_t takes = dice_chance(d, 50) ? dice_spread(d, 3 * USEC_PER_HOUR) : dice_between(d, 2, 60) * USEC_PER_MIN;
  executors_link_down(w->executors, p, w->now + takes);
}

static void do_reboot(struct world *w, struct dice *d) {
  struct place *p = any_host(w, d);
  executors_reboot(w->executors, p, w->now + dice_spread(d, USEC_PER_HOUR));
}

static void do_supervisor(struct world *w, struct dice *d) {
  executors_supervisor_killed(w->executors, dice_roll(d, 1000));
}

static void do_no_room(struct world *w, struct dice *d) {
  struct place *p = &w->executors->places[dice_roll(d, PLACES)];
  executors_no_room(w->executors, p, w->now + dice_spread(d, USEC_PER_HOUR));
}

static void do_edit(struct world *w, struct dice *d) {
  catalog_edit(w->catalog, catalog_any(w->catalog, d));
}

static void do_remove(struct world *w, struct dice *d) {
  catalog_remove(w->catalog, catalog_any(w->catalog, d), d);
}

static void do_break(struct world *w, struct dice *d) {
  struct file *f = catalog_any(w->catalog, d);
  catalog_break(w->catalog, f, w->now + dice_spread(d, USEC_PER_HOUR));
}

static void do_reload(struct world *w, struct dice *d) {
  (void)d;
  catalog_reload(w->catalog);
}

static void do_tzdata(struct world *w, struct dice *d) {
  zones_update(w, d);
  daemon_tzdata(w);
}

static void on_power(struct world *w, void *arg, int64_t number) {
  (void)arg, (void)number;
  if (!w->healing) daemon_kill(w, true);
}

/* Most seeds are to go on: what the disk did ends them where it is noticed. */
static void do_lie(struct world *w, struct dice *d) {
  if (!dice_chance(d, 30)) return;
  ledger_lie(w->ledger);
  world_in(w, dice_spread(d, USEC_PER_HOUR), OF_WORLD, on_power, NULL, 0);
}

static void do_rot(struct world *w, struct dice *d) {
  if (dice_chance(d, 30)) ledger_rot(w->ledger, d);
}

static act_fn *const acts[ACTS] = {
    [ACT_REQUEST] = do_request,
    [ACT_CRASH] = do_crash,
    [ACT_KILL] = do_kill,
    [ACT_POWER] = do_power,
    [ACT_STOPPED] = do_stopped,
    [ACT_SUSPEND] = do_suspend,
    [ACT_CLOCK] = do_clock,
    [ACT_DRIFT] = do_drift,
    [ACT_FULL] = do_full,
    [ACT_SYNC] = do_sync,
    [ACT_LINK] = do_link,
    [ACT_REBOOT] = do_reboot,
    [ACT_SUPERVISOR] = do_supervisor,
    [ACT_NO_ROOM] = do_no_room,
    [ACT_EDIT] = do_edit,
    [ACT_REMOVE] = do_remove,
    [ACT_BREAK] = do_break,
    [ACT_RELOAD] = do_reload,
    [ACT_TZDATA] = do_tzdata,
    [ACT_LIE] = do_lie,
    [ACT_ROT] = do_rot,
};

static void on_act(struct world *w, void *arg, int64_t number) {
  (void)arg;
  if (w->healing) return;
  const struct act *act = &w->plan->acts.items[number];
  struct dice d;
  dice_init(&d, act->dice, 7);
  TRACE(w, "act %lld: %s", (long long)number, act_word(act->kind));
  acts[act->kind](w, &d);
}

void acts_plan(struct world *w) {
  for (size_t i = 0; i < w->plan->acts.len; i++)
    if (!w->plan->acts.items[i].left_out) world_at(w, w->plan->acts.items[i].at, OF_WORLD, on_act, NULL, (int64_t)i);
}

/* ---- healing ---- */

static void heal_daemon(struct world *w) {
  w->machine_asleep = w->daemon_asleep = 0;
  ledger_heal(w->ledger);
  w->daemon->crash_in = 0;
  if (!w->daemon->up) daemon_start(w);
}

void acts_reopen(struct world *w) {
  struct engine_event resume = {.kind = ENGINE_RESUME};
  clients_insist(w->clients, "resume all", &resume);
  for (size_t i = 0; i < w->catalog->files.len; i++) {
    resume.resume.pipeline = w->catalog->files.items[i]->name;
    clients_insist(w->clients, "resume", &resume);
  }
  for (size_t i = 0; i < PLACES; i++) {
    struct engine_event up = {.kind = ENGINE_HOST_ORDER};
    up.host_order = (struct engine_host_order){.host = w->executors->places[i].name, .order = HOST_ORDER_UP};
    clients_insist(w->clients, "host up", &up);
  }
}

void acts_heal(struct world *w) {
  TRACE(w, "the healing begins");
  w->healing = true;
  executors_heal(w->executors);
  heal_daemon(w);
  catalog_heal(w->catalog);
}
