/* Small random pipelines under random reports, requests, restarts and clocks, on hosts that come and go. The
 * invariants are checked from the rows alone, outside the engine, after every step; then the faults stop, and within
 * a bounded time everything has ended.
 *
 * ROTA_SEEDS says how many seeds are tried, ROTA_SEED with which one it begins. Without ROTA_SEEDS it tries that one
 * alone and prints each step. */
#include "tests/unit/engine/sim.h"

#include <inttypes.h>
#include <stdlib.h>

#include "scheduler/spec/pipeline.h"

#define SEEDS 400
#define STEPS 120

static const char config_text[] =
    "slots: {cpu: 3, gpu: 2}\nlimits: {warehouse: 2}\n"
    "hosts:\n  h1: {ssh: a@h1, slots: {gpu: 2}}\n  h2: {ssh: a@h2, slots: {gpu: 1}, max_tasks: 2}\n"
    "groups: {g: [h1, h2]}\n";
static const char *const host_names[] = {"local", "h1", "h2"};
#define HOSTS 3

struct world {
  struct sim s;
  struct random dice;
  int64_t max_retries[16], max_lost[16]; /* by task */
  size_t checked_attempts;
  enum host_contact contact[HOSTS]; /* as told last */
};

static int64_t roll(struct world *w, int64_t sides) {
  return random_upto(&w->dice, sides - 1);
}

static bool chance(struct world *w, int percent) {
  return roll(w, 100) < percent;
}

/* ---- a pipeline out of the dice ---- */

static void write_needs(struct world *w, struct buf *out, int n, const int *matrix) {
  bool any = false;
  for (int k = 0; k < n; k++) {
    if (!chance(w, 100 / (n < 2 ? 2 : n))) continue;
    buf_fmt(out, "%st%d: %s", any ? ", " : "    needs: {", k,
            matrix[n] && matrix[k] == matrix[n] && chance(w, 60) ? "same" : "all");
    any = true;
  }
  if (any) buf_str(out, "}\n");
}

static void write_task(struct world *w, struct buf *out, int n, int *matrix, bool finally) {
  static const char *const whens[] = {"always()", "failure()", "success()", "params.n > 1"};
  static const char *const matrices[] = {"", "    matrix: {x: [1, 2]}\n", "    matrix: {x: [1, 2, 3]}\n",
                                         "    matrix: {x: \"${{ params.xs }}\"}\n"};
  w->max_retries[n] = w->max_lost[n] = 0;
  buf_fmt(out, "  t%d:\n    run: 'true'\n", n);
  matrix[n] = chance(w, 40) ? (int)roll(w, 4) : 0;
  buf_str(out, matrices[matrix[n]]);
  if (finally)
    buf_str(out, "    finally: true\n");
  else
    write_needs(w, out, n, matrix);
  if (chance(w, 20) && !finally) buf_fmt(out, "    when: %s\n", whens[roll(w, 4)]);
  if (chance(w, 20)) buf_str(out, "    allow_failure: true\n");
  if (chance(w, 15)) buf_str(out, "    fail_fast: true\n");
  if (chance(w, 25))
    buf_fmt(out, "    slots: {gpu: %d}\n", 1 + (int)roll(w, 2));
  else if (chance(w, 15))
    buf_str(out, "    slots: {warehouse: 1, gpu: 1}\n");
  if (chance(w, 50)) buf_fmt(out, "    on: %s\n", chance(w, 70) ? "g" : "h1");
  if (chance(w, 50)) buf_fmt(out, "    unreachable: {after: 2m, then: %s}\n", chance(w, 75) ? "retry" : "wait");
  if (chance(w, 20)) buf_fmt(out, "    priority: %d\n", (int)roll(w, 5));
  w->max_retries[n] = chance(w, 50) ? roll(w, 3) : 0;
  w->max_lost[n] = roll(w, 3);
  buf_fmt(out, "    retries: {max: %" PRId64 ", lost: %" PRId64 ", delay: 10s, cap: 40s}\n", w->max_retries[n],
          w->max_lost[n]);
}

static char *write_pipeline(struct world *w) {
  static const char *const overlaps[] = {"queue", "skip", "cancel_running", "allow"};
  static const char *const catchups[] = {"none", "last", "all"};
  struct buf out = {0};
  int matrix[16] = {0}, tasks = 1 + (int)roll(w, 7);
  buf_fmt(&out, "schedule: {every: %dm, overlap: %s, catchup: %s, catchup_window: 2h}\n", 5 + 5 * (int)roll(w, 4),
          overlaps[roll(w, 4)], catchups[roll(w, 3)]);
  buf_fmt(&out, "params:\n  n: {type: int, default: %d}\n  xs: {type: list, items: int, default: [1, 2]}\n",
          (int)roll(w, 4));
  if (chance(w, 30)) buf_fmt(&out, "max_tasks: %d\n", 1 + (int)roll(w, 3));
  if (chance(w, 20)) buf_str(&out, "timeout: 30m\n");
  buf_str(&out, "tasks:\n");
  for (int n = 0; n < tasks; n++) write_task(w, &out, n, matrix, false);
  if (chance(w, 30)) write_task(w, &out, tasks, matrix, true);
  return buf_steal(&out, NULL);
}

/* ---- the checker ---- */

static int task_number(const struct task_row *t) {
  return (int)strtol(t->name + 1, NULL, 10);
}

static void check_live_once(const struct sim *s) {
  for (size_t i = 0; i < s->attempts.len; i++)
    for (size_t k = i + 1; k < s->attempts.len; k++) {
      const struct attempt_row *a = &s->attempts.items[i], *b = &s->attempts.items[k];
      assert_false(a->run == b->run && a->task == b->task && task_state_live(a->state) && task_state_live(b->state));
    }
}

/* Who of a host (NULL: of all) holds that unit of the slot. */
static int unit_holders(const struct sim *s, const char *host, const char *slot, const char *unit) {
  int holders = 0;
  for (size_t i = 0; i < s->attempts.len; i++) {
    const struct attempt_row *a = &s->attempts.items[i];
    if (!task_state_live(a->state) || (host && strcmp(a->host, host) != 0)) continue;
    const char *at = strstr(a->slots, slot), *end = at ? strchr(at, ']') : NULL,
               *found = at ? strstr(at, unit) : NULL;
    holders += found && end && found < end;
  }
  return holders;
}

static void check_slots(const struct sim *s) {
  static const char *const units[] = {"\"0\"", "\"1\"", "\"2\""};
  static const struct {
    const char *host, *name;
    int total;
  } slots[] = {{"local", "cpu", 3}, {"local", "gpu", 2}, {"h1", "gpu", 2}, {"h2", "gpu", 1}, {NULL, "warehouse", 2}};
  for (size_t n = 0; n < sizeof slots / sizeof *slots; n++)
    for (int u = 0; u < 3; u++)
      assert_true(unit_holders(s, slots[n].host, slots[n].name, units[u]) <= (u < slots[n].total ? 1 : 0));
}

static size_t host_at(const char *name) {
  size_t at = 0;
  while (at < HOSTS && strcmp(host_names[at], name) != 0) at++;
  if (at == HOSTS) sim_missing(name);
  return at;
}

static enum host_order host_order(const struct sim *s, const char *name) {
  for (size_t i = 0; i < s->hosts.len; i++)
    if (strcmp(s->hosts.items[i].name, name) == 0) return s->hosts.items[i].order;
  return HOST_ORDER_UP;
}

static const struct remnant_row *remnant_row(const struct sim *s, const char *attempt_id) {
  for (size_t i = 0; i < s->remnants.len; i++)
    if (strcmp(s->remnants.items[i].attempt_id, attempt_id) == 0) return &s->remnants.items[i];
  return NULL;
}

/* Nothing is started on a host that doesn't answer, that is drained or down, or on which something may be left. */
static void check_start(void *world, const struct proc *p) {
  const struct world *w = world;
  assert_int_equal(w->contact[host_at(p->host)], HOST_CONTACT_UP);
  assert_int_equal(host_order(&w->s, p->host), HOST_ORDER_UP);
  /* What is given up later in the same step doesn't count: its CLEAR comes after this. */
  for (size_t k = 0; k < w->s.clears.len; k++) {
    const struct remnant_row *m = remnant_row(&w->s, w->s.clears.items[k]);
    if (m) assert_string_not_equal(m->host, p->host);
  }
}

/* A task has a live attempt beside one that was given up only if a person declared that one's host down, or the run
 * says so. Two processes of it are never alive without the first having been given up. */
static void check_twice(const struct sim *s) {
  for (size_t i = 0; i < s->remnants.len; i++)
    for (size_t k = 0; k < s->attempts.len; k++) {
      const struct remnant_row *m = &s->remnants.items[i];
      const struct attempt_row *a = &s->attempts.items[k];
      if (!m->unsure || !task_state_live(a->state) || a->run != m->run || a->task != m->task) continue;
      const struct run_row *run = sim_run_key(s, a->run);
      if (!run || !run->may_have_run_twice) fail_msg("%s runs twice and its run doesn't say so", m->what);
    }
  for (size_t i = 0; i < s->procs.len; i++)
    for (size_t k = i + 1; k < s->procs.len; k++) {
      const struct proc *a = &s->procs.items[i], *b = &s->procs.items[k];
      if (a->state != PROC_RUNNING || b->state != PROC_RUNNING || strcmp(a->label, b->label) != 0) continue;
      if (strcmp(a->run_id, b->run_id) == 0) assert_non_null(remnant_row(s, a->id));
    }
}

/* 1 + retries + losses in each round; one that never started uses neither. */
static void check_budget(const struct world *w, const struct attempt_row *a) {
  const struct task_row *t = sim_task_at(&w->s, a->run, a->task);
  int64_t made = 0;
  for (size_t i = 0; i < w->s.attempts.len; i++) {
    const struct attempt_row *b = &w->s.attempts.items[i];
    bool fenced = b->state == TASK_LOST && b->reason && strstr(b->reason, "kept from starting");
    bool marked = b->state == TASK_SUCCEEDED && b->reason && strstr(b->reason, "marked");
    made += b->run == a->run && b->task == a->task && b->round == a->round && !fenced && !marked;
  }
  int n = task_number(t);
  if (made > 1 + w->max_retries[n] + w->max_lost[n])
    fail_msg("%s has %" PRId64 " attempts in a round", t->label, made);
}

static bool row_good(const struct task_row *t, const struct task_spec *spec) {
  return t->state == TASK_SUCCEEDED ||
         (spec->allow_failure && (task_state_failure(t->state) || (spec->fail_fast && t->state == TASK_CANCELLED)));
}

/* No task starts before the recorded end of all that it needs; without `when` only after success. */
static void check_needs(struct world *w, const struct attempt_row *a, const struct pipeline *p) {
  struct sim *s = &w->s;
  const struct task_row *t = sim_task_at(s, a->run, a->task);
  const struct task_spec *spec = &p->tasks[task_number(t)];
  const struct run_row *run = sim_run_key(s, a->run);
  if (!run) sim_missing("run");
  if (!spec->finally)
    assert_true(run->state == RUN_RUNNING || run->state == RUN_CANCELLING || run_state_ended(run->state));
  for (size_t n = 0; n < spec->needs_len; n++) {
    bool good = false, bad = false;
    const struct task_spec *needed = &p->tasks[spec->needs[n].task];
    for (size_t i = 0; i < s->tasks.len; i++) {
      const struct task_row *x = &s->tasks.items[i];
      if (x->run != a->run || strcmp(x->name, needed->name) != 0) continue;
      if (!spec->needs[n].same) assert_true(task_state_ended(x->state));
      good = good || row_good(x, needed);
      bad = bad || (task_state_ended(x->state) && x->state != TASK_SKIPPED && !row_good(x, needed));
    }
    if (!spec->when && !spec->needs[n].same && bad)
      fail_msg("%s started after a failure of %s", t->label, needed->name);
    (void)good;
  }
}

/* Each instant is decided exactly once: ranges follow each other without gap or overlap. */
static void check_firings(const struct sim *s, duration every) {
  const struct firing_row *before = NULL;
  for (size_t i = 0; i < s->firings.len; i++) {
    const struct firing_row *f = &s->firings.items[i];
    assert_int_equal(f->count, (f->until - f->scheduled_for) / every + 1);
    assert_true((f->outcome == FIRING_RUN) == (f->run != 0));
    if (f->outcome != FIRING_RUN) assert_non_null(f->reason);
    if (before) assert_int_equal(f->scheduled_for, before->until + every);
    before = f;
  }
  if (before) assert_int_equal(s->schedules.items[0].decided, before->until);
}

static void check_ends(const struct sim *s) {
  for (size_t i = 0; i < s->tasks.len; i++) {
    const struct task_row *t = &s->tasks.items[i];
    const struct run_row *run = sim_run_key(s, t->run);
    if (!run) sim_missing("run");
    if (run_state_ended(run->state)) assert_true(task_state_ended(t->state));
    if (task_state_ended(t->state)) assert_true(t->ended_at != INSTANT_NONE);
    if (run->state == RUN_QUEUED) assert_false(task_state_live(t->state));
  }
}

static void check_rows(struct world *w, const struct pipeline *p) {
  check_live_once(&w->s);
  check_twice(&w->s);
  check_slots(&w->s);
  check_ends(&w->s);
  check_firings(&w->s, p->schedules[0].every);
  for (; w->checked_attempts < w->s.attempts.len; w->checked_attempts++) {
    const struct attempt_row *a = &w->s.attempts.items[w->checked_attempts];
    check_budget(w, a);
    if (a->number && a->state == TASK_STARTING) check_needs(w, a, p);
  }
}

/* ---- what happens ---- */

/* One that can say something now. */
static bool speaks(const struct world *w, const struct proc *p) {
  return p->state != PROC_GONE && !p->idle && w->contact[host_at(p->host)] == HOST_CONTACT_UP;
}

static struct proc *any_proc(struct world *w) {
  int64_t speaking = 0;
  for (size_t i = 0; i < w->s.procs.len; i++) speaking += speaks(w, &w->s.procs.items[i]);
  if (!speaking) return NULL;
  int64_t nth = roll(w, speaking);
  for (size_t i = 0; i < w->s.procs.len; i++)
    if (speaks(w, &w->s.procs.items[i]) && nth-- == 0) return &w->s.procs.items[i];
  return NULL;
}

static struct engine_event end_event(struct world *w, struct proc *p, int failing) {
  static const int statuses[] = {1, 99, 78, 137, 2};
  struct engine_event ev = sim_report(&w->s, p, ENGINE_REPORT_ENDED);
  p->state = PROC_GONE;
  bool fails = chance(w, failing);
  ev.report.end = p->stops                 ? (chance(w, 80) ? ENGINE_END_STOPPED : ENGINE_END_EXITED)
                  : fails && chance(w, 20) ? ENGINE_END_TIMED_OUT
                                           : ENGINE_END_EXITED;
  if (fails && !p->stops && chance(w, 10)) ev.report.end = ENGINE_END_LAUNCH_FAILED;
  ev.report.status = fails ? statuses[roll(w, 5)] : 0;
  return ev;
}

static void happen_report(struct world *w) {
  struct proc *p = any_proc(w);
  if (!p) return;
  if (chance(w, 55)) {
    sim_event(&w->s, end_event(w, p, 30));
    return;
  }
  static const enum engine_report_kind kinds[] = {
      ENGINE_REPORT_STARTED,     ENGINE_REPORT_STARTED,   ENGINE_REPORT_LOST,   ENGINE_REPORT_NOT_STARTED,
      ENGINE_REPORT_UNREACHABLE, ENGINE_REPORT_REACHABLE, ENGINE_REPORT_FENCED, ENGINE_REPORT_ACCEPTED};
  enum engine_report_kind kind = kinds[roll(w, 8)];
  if (p->state == PROC_RUNNING && (kind == ENGINE_REPORT_NOT_STARTED || kind == ENGINE_REPORT_FENCED)) return;
  if (kind == ENGINE_REPORT_STARTED) p->state = PROC_RUNNING;
  if (kind == ENGINE_REPORT_NOT_STARTED) p->idle = true;
  struct engine_event ev = sim_report(&w->s, p, kind);
  ev.report.again = true;
  if (kind == ENGINE_REPORT_LOST || kind == ENGINE_REPORT_FENCED) p->state = PROC_GONE;
  /* Now and then the same report comes twice. */
  struct engine_event twice[2] = {ev, ev};
  sim_step_many(&w->s, twice, kind != ENGINE_REPORT_NOT_STARTED && chance(w, 20) ? 2 : 1);
}

/* ---- hosts ---- */

/* What goes on there is told only while the host answers; that it doesn't is told of each attempt. */
static void tell_contact(struct world *w, size_t host, enum host_contact contact) {
  struct sim *s = &w->s;
  w->contact[host] = contact;
  sim_host(s, host_names[host], contact, contact == HOST_CONTACT_UP ? NULL : "no route");
  if (contact == HOST_CONTACT_CONNECTING) return;
  for (size_t i = 0; i < s->procs.len; i++) {
    struct proc *p = &s->procs.items[i];
    if (p->state == PROC_GONE || strcmp(p->host, host_names[host]) != 0 || chance(w, 10)) continue;
    bool up = contact == HOST_CONTACT_UP;
    if (p->state == PROC_ASKED && !p->idle && !up && chance(w, 30)) { /* it was never sent */
      p->state = PROC_GONE;
      sim_event(s, sim_report(s, p, ENGINE_REPORT_FENCED));
    } else if (!p->idle)
      sim_event(s, sim_report(s, p, up ? ENGINE_REPORT_REACHABLE : ENGINE_REPORT_UNREACHABLE));
  }
}

static void happen_host(struct world *w) {
  size_t host = (size_t)roll(w, HOSTS);
  if (host && chance(w, 65)) {
    static const enum host_contact contacts[] = {HOST_CONTACT_UP,          HOST_CONTACT_UP,
                                                 HOST_CONTACT_UP,          HOST_CONTACT_CONNECTING,
                                                 HOST_CONTACT_UNREACHABLE, HOST_CONTACT_REFUSED};
    tell_contact(w, host, contacts[roll(w, 6)]);
  } else
    sim_order(&w->s, host_names[host], (enum host_order)(chance(w, 50) ? HOST_ORDER_UP : roll(w, HOST_ORDERS)), "so",
              chance(w, 10));
}

/* A host that answers ends what was given up there, sooner or later, and may say so twice. */
static void answer_clear(struct world *w) {
  struct sim *s = &w->s;
  for (size_t i = 0; i < s->clears.len; i++) {
    const struct remnant_row *m = remnant_row(s, s->clears.items[i]);
    if (m && w->contact[host_at(m->host)] != HOST_CONTACT_UP) continue;
    const char *first = s->clears.items[0];
    s->clears.items[0] = s->clears.items[i];
    s->clears.items[i] = first;
    if (chance(w, 10)) vec_push(&s->clears, s->clears.items[0]);
    sim_cleared(s);
    return;
  }
}

static void restart(struct world *w) {
  struct sim *s = &w->s;
  sim_restart(s);
  for (size_t i = 1; i < HOSTS; i++) w->contact[i] = HOST_CONTACT_CONNECTING;
  for (size_t i = 0; i < s->remnants.len; i++) vec_push(&s->clears, s->remnants.items[i].attempt_id);
  for (size_t i = 1; i < HOSTS; i++)
    if (chance(w, 80)) tell_contact(w, i, HOST_CONTACT_UP);
  /* The adoption tells of those of which nothing was made. */
  for (size_t i = 0; i < s->procs.len; i++)
    if (s->procs.items[i].idle) {
      struct engine_event ev = sim_report(s, &s->procs.items[i], ENGINE_REPORT_NOT_STARTED);
      ev.report.again = true;
      sim_event(s, ev);
    }
}

static void happen_request(struct world *w) {
  struct sim *s = &w->s;
  int64_t number = s->runs.len ? 1 + roll(w, (int64_t)s->runs.len) : 0;
  char task[16];
  snprintf(task, sizeof task, "t%d", (int)roll(w, 8));
  switch (number ? roll(w, 9) : 0) {
  case 0: sim_trigger(s, "p"); break;
  case 1:
    if (chance(w, 40))
      sim_abandon(s, number, chance(w, 50) ? task : NULL);
    else
      sim_cancel(s, number, NULL);
    break;
  case 2: sim_cancel(s, number, task); break;
  case 3: {
    static const char *const places[] = {"any", "g", "h1", "local"};
    if (chance(w, 30))
      sim_rerun_on(s, number, chance(w, 50) ? RERUN_ALL : RERUN_FAILED, places[roll(w, 4)]);
    else
      sim_rerun(s, number, (enum rerun_mode)roll(w, 4), task, 0);
    break;
  }
  case 4: sim_mark(s, number, task, chance(w, 50) ? TASK_SUCCEEDED : TASK_SKIPPED, NULL, 0); break;
  case 5: sim_pause(s, chance(w, 50) ? "p" : NULL); break;
  case 6: sim_resume(s, chance(w, 50) ? "p" : NULL); break;
  case 7: {
    struct engine_event ev = {.kind = ENGINE_RETRY_NOW};
    ev.retry_now = (struct engine_retry_now){sim_anna(), sim_run(s, number)->id.text, task};
    sim_event(s, ev);
    break;
  }
  default: {
    struct run_rows rows = sim_rows(s, sim_run(s, number));
    static const struct param_given all[] = {
        {.name = "n", .text = "2"}, {.name = "xs", .text = "[1]"}, {.name = "xs", .text = "[3, 2, 1]"}};
    struct param_given given = all[roll(w, 3)];
    struct engine_event ev = {.kind = ENGINE_RERUN};
    ev.rerun = (struct engine_rerun){sim_anna(), &rows, (enum rerun_mode)roll(w, 4), task, &given, 1, 0, NULL};
    sim_event(s, ev);
    sim_rows_free(&rows);
  }
  }
}

static void answer_prepare(struct world *w) {
  if (!w->s.prepares.len) return;
  struct engine_event ev = {.kind = ENGINE_PREPARED};
  ev.prepared = (struct engine_prepared){w->s.prepares.items[0].run_id, chance(w, 10) ? "no room" : NULL};
  vec_swap_remove(&w->s.prepares, 0);
  sim_event(&w->s, ev);
}

static void happen(struct world *w) {
  int64_t what = roll(w, 100);
  if (what < 50)
    happen_report(w);
  else if (what < 66)
    happen_request(w);
  else if (what < 78)
    sim_later(&w->s, roll(w, 400) * USEC_PER_SEC);
  else if (what < 81)
    restart(w);
  else if (what < 82)
    sim_later(&w->s, roll(w, 30) * USEC_PER_HOUR);
  else if (what < 83) {
    w->s.now.wall += (roll(w, 7200) - 3600) * USEC_PER_SEC;
    sim_idle(&w->s);
  } else if (what < 92)
    happen_host(w);
  else if (what < 97)
    answer_clear(w);
  else
    answer_prepare(w);
}

/* ---- healing ---- */

static void heal(struct world *w, const struct pipeline *p) {
  struct sim *s = &w->s;
  sim_resume(s, NULL);
  sim_resume(s, "p");
  for (size_t i = 0; i < HOSTS; i++) {
    sim_order(s, host_names[i], HOST_ORDER_UP, NULL, false);
    if (i) tell_contact(w, i, HOST_CONTACT_UP);
  }
  sim_pause(s, "p"); /* its schedule makes no more runs; those that are there go on */
  for (int round = 0; round < 3000 && engine_runs(s->e); round++) {
    struct proc *pr = any_proc(w);
    if (s->prepares.len)
      answer_prepare(w);
    else if (s->clears.len)
      answer_clear(w);
    else if (pr)
      sim_event(s, end_event(w, pr, 0));
    else
      sim_later(s, 20 * USEC_PER_SEC);
    check_rows(w, p);
  }
  assert_int_equal(engine_runs(s->e), 0);
  while (s->clears.len) answer_clear(w);
  assert_int_equal(s->remnants.len, 0);
  sim_idle(s);
  for (size_t i = 0; i < s->attempts.len; i++) assert_false(task_state_live(s->attempts.items[i].state));
  for (size_t i = 0; i < s->runs.len; i++) assert_true(run_state_ended(s->runs.items[i].state));
}

/* All that the rows say, for the comparison of two runs of the same seed. */
static uint64_t digest(const struct sim *s) {
  struct buf text = {0};
  for (size_t i = 0; i < s->events.len; i++)
    buf_fmt(&text, "%" PRId64 " %" PRId64 " %" PRId64 " %s %s\n", s->events.items[i].key, s->events.items[i].at,
            s->events.items[i].attempt, s->events.items[i].state ? s->events.items[i].state : "",
            s->events.items[i].reason ? s->events.items[i].reason : "");
  for (size_t i = 0; i < s->attempts.len; i++)
    buf_fmt(&text, "%s %s\n", s->attempts.items[i].id.text, s->attempts.items[i].slots);
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < text.len; i++) h = (h ^ (unsigned char)text.bytes[i]) * UINT64_C(1099511628211);
  buf_release(&text);
  return h;
}

static uint64_t live_through(uint64_t seed) {
  struct world w = {0};
  uint8_t bytes[32] = {0};
  memcpy(bytes, &seed, sizeof seed);
  bytes[31] = 1;
  random_init(&w.dice, bytes);
  sim_open(&w.s, config_text);
  char *yaml = write_pipeline(&w);
  if (getenv("ROTA_SEED") && !getenv("ROTA_SEEDS")) printf("%s", yaml);
  struct pipeline *p = pipeline_retain(sim_read(&w.s, "p", yaml));
  w.s.on_start = check_start;
  w.s.on_start_ctx = &w;
  for (size_t i = 0; i < HOSTS; i++) w.contact[i] = i ? HOST_CONTACT_CONNECTING : HOST_CONTACT_UP;
  sim_load_pipeline(&w.s, "p", p, yaml);
  for (size_t i = 1; i < HOSTS; i++) tell_contact(&w, i, HOST_CONTACT_UP);
  for (int i = 0; i < STEPS; i++) {
    happen(&w);
    check_rows(&w, p);
  }
  heal(&w, p);
  uint64_t result = digest(&w.s);
  pipeline_release(p);
  free(yaml);
  sim_close(&w.s);
  return result;
}

static void random_pipelines_keep_the_invariants_and_come_to_an_end(void **state) {
  (void)state;
  const char *one = getenv("ROTA_SEED"), *many = getenv("ROTA_SEEDS");
  uint64_t first = one ? strtoull(one, NULL, 10) : 0, count = many ? strtoull(many, NULL, 10) : one ? 1 : SEEDS;
  for (uint64_t seed = first; seed < first + count; seed++) {
    if (count > 1) fprintf(stderr, "\rseed %" PRIu64, seed);
    live_through(seed);
  }
  if (count > 1) fprintf(stderr, "\r%" PRIu64 " seeds\n", count);
}

static void the_same_seed_gives_the_same_rows(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 20; seed++) assert_true(live_through(seed) == live_through(seed));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_pipelines_keep_the_invariants_and_come_to_an_end),
      cmocka_unit_test(the_same_seed_gives_the_same_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
