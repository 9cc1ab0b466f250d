#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/pipelines.h"

/* ---- units ---- */

typedef void unit_fn(struct checker *c, const struct attempt_row *a, const char *slot, const char *unit);

#define SLOT_SIZE 64
#define NAME_SIZE (3 * SLOT_SIZE)

/* {"gpu":["0","1"],"cpu":["0"]} */
static void each_unit(struct checker *c, const struct attempt_row *a, unit_fn *fn) {
  char slot[SLOT_SIZE] = "", text[SLOT_SIZE];
  bool in_list = false;
  for (const char *at = a->slots; at && *at; at++) {
    if (*at == '[') in_list = true;
    if (*at == ']') in_list = false;
    if (*at != '"') continue;
    size_t len = (size_t)(strchr(at + 1, '"') - at - 1);
    char *to = in_list ? text : slot;
    if (len >= SLOT_SIZE) world_fail(c->w, "%s holds what has too long a name", a->label);
    memcpy(to, at + 1, len);
    to[len] = '\0';
    if (in_list) fn(c, a, slot, text);
    at += len + 1;
  }
}

static const struct config_slot *slot_of(const struct checker *c, const char *host, const char *name, bool *limit) {
  const struct config *config = c->config;
  *limit = true;
  for (size_t i = 0; i < config->limits_len; i++)
    if (strcmp(config->limits[i].name, name) == 0) return &config->limits[i];
  *limit = false;
  int at = config_host(config, host);
  for (size_t i = 0; at >= 0 && i < config->hosts[at].slots_len; i++)
    if (strcmp(config->hosts[at].slots[i].name, name) == 0) return &config->hosts[at].slots[i];
  return NULL;
}

static bool is_limit(const char *slot) {
  return strcmp(slot, "warehouse") == 0;
}

/* "h1 gpu 0", "- warehouse 0": the names of a seed's places are short. */
static void unit_name(char out[NAME_SIZE], const struct attempt_row *a, const char *slot, const char *unit) {
  out = stpcpy(stpcpy(out, is_limit(slot) ? "-" : a->host), " ");
  stpcpy(stpcpy(stpcpy(out, slot), " "), unit);
}

static void unit_take(struct checker *c, const struct attempt_row *a, const char *slot, const char *unit) {
  char name[NAME_SIZE];
  unit_name(name, a, slot, unit);
  struct row_attempt *holder = map_get(&c->units, name);
  if (holder) world_fail(c->w, "%s takes unit %s, which %s holds", a->label, name, holder->row.label);
  map_put(&c->units, name, rows_attempt_key(&c->w->ledger->rows, a->key));
  bool limit;
  const struct config_slot *s = slot_of(c, a->host, slot, &limit);
  if (!s || strtoull(unit, NULL, 10) >= s->units_len)
    world_fail(c->w, "%s takes unit %s, which isn't configured", a->label, name);
  if (strtoull(unit, NULL, 10) + 1 == s->units_len) PROBE(c->w, SLOTS_FULL);
}

static void unit_give(struct checker *c, const struct attempt_row *a, const char *slot, const char *unit) {
  char name[NAME_SIZE];
  unit_name(name, a, slot, unit);
  map_remove(&c->units, name);
}

static int64_t held_of(const struct checker *c, const char *host, const char *slot) {
  char prefix[NAME_SIZE];
  int64_t n = 0;
  size_t len = (size_t)snprintf(prefix, sizeof prefix, "%s %s ", host ? host : "-", slot);
  for (size_t i = 0; i < c->units.len; i++) n += strncmp(c->units.entries[i].key, prefix, len) == 0;
  return n;
}

/* The engine's count of each slot is that of the live attempts in the rows. */
void check_units(struct checker *c) {
  struct arena a = {0};
  struct engine_slot *slots;
  size_t len = engine_slots(c->engine, &a, &slots);
  for (size_t i = 0; i < len; i++) {
    int64_t held = held_of(c, slots[i].host, slots[i].name);
    if (held != slots[i].used)
      world_fail(c->w, "slot %s of %s: the engine counts %lld held, the live attempts hold %lld", slots[i].name,
                 slots[i].host ? slots[i].host : "all", (long long)slots[i].used, (long long)held);
  }
  arena_release(&a);
}

/* ---- one row after the other ---- */

static void check_over(struct checker *c, const struct attempt_row *old, const struct attempt_row *now) {
  if (now->state != old->state || now->exit_code != old->exit_code || now->ended_at != old->ended_at ||
      now->started_at != old->started_at || now->number != old->number)
    world_fail(c->w, "%s attempt %lld had ended and changes", now->label, (long long)now->number);
}

static size_t place_at(const struct checker *c, const char *host) {
  return (size_t)(place_find(c->w->executors, host) - c->w->executors->places);
}

void check_attempt_row(struct checker *c, const struct attempt_row *now) {
  const struct row_attempt *old = rows_attempt_key(&c->w->ledger->rows, now->key);
  if (old ? strcmp(old->row.id.text, now->id.text) != 0 : rows_attempt(&c->w->ledger->rows, now->id.text) != NULL)
    world_fail(c->w, "%s attempt %lld has an id that isn't its own", now->label, (long long)now->number);
  struct run_book *b = book_of(c, now->run);
  bool live = task_state_live(now->state), lived = old && task_state_live(old->row.state);
  if (!live && !task_state_ended(now->state)) world_fail(c->w, "%s has a state that no attempt can have", now->label);
  if (old && !lived) {
    check_over(c, &old->row, now);
    return;
  }
  if (!old) {
    vec_push(&c->fresh, now->key);
    c->attempts++;
    if (live) {
      b->live++;
      c->host_live[place_at(c, now->host)]++;
    }
  }
  if (live) return;
  if (now->ended_at == INSTANT_NONE) world_fail(c->w, "%s ended at no time", now->label);
  if (now->started_at != INSTANT_NONE && now->ended_at < now->started_at)
    world_fail(c->w, "%s ended before it started", now->label);
  if (!lived) return;
  b->live--;
  c->host_live[place_at(c, now->host)]--;
  each_unit(c, &old->row, unit_give);
  vec_push(&c->over, now->key);
  check_end_true(c, now);
}

/* ---- a start, once all rows of its commit are there ---- */

static bool good(const struct task_row *t, const struct task_spec *spec) {
  return t->state == TASK_SUCCEEDED ||
         (spec->allow_failure && (task_state_failure(t->state) || (spec->fail_fast && t->state == TASK_CANCELLED)));
}

/* A task's condition that asks for the state of others rules by itself. */
static bool by_status(const struct task_spec *t) {
  return t->when && (strstr(t->when_source, "always") || strstr(t->when_source, "failure"));
}

static void check_needs(struct checker *c, const struct run_book *b, const struct task_row *t,
                        const struct task_spec *spec) {
  bool any_good = spec->needs_len == 0;
  uint32_t place = t->index - b->groups[spec->index].first;
  for (size_t n = 0; n < spec->needs_len; n++) {
    const struct need_spec *need = &spec->needs[n];
    const struct task_spec *other = &b->spec->tasks[need->task];
    struct group_span g = b->groups[need->task];
    if (need->same && g.count == b->groups[spec->index].count) g = (struct group_span){g.first + place, 1};
    for (uint32_t k = g.first; k < g.first + g.count; k++) {
      const struct task_row *x = &b->run->tasks.items[k];
      if (!task_state_ended(x->state))
        world_fail(c->w, "%s starts and %s, which it needs, hasn't ended", t->label, x->label);
      bool fine = good(x, other);
      any_good = any_good || fine;
      if (!fine && x->state != TASK_SKIPPED && !by_status(spec))
        world_fail(c->w, "%s starts after %s, which it needs, was %s", t->label, x->label, task_state_word(x->state));
    }
  }
  if (!any_good && !by_status(spec)) world_fail(c->w, "%s starts and nothing that it needs succeeded", t->label);
}

/* Of what never ran nothing is charged. */
static bool ran(const struct checker *c, const struct attempt_row *a) {
  const struct proc *p = proc_find(c->w->executors, a->id.text);
  return p && p->claims > 0;
}

static void check_budget(struct checker *c, const struct run_book *b, const struct attempt_row *a,
                         const struct task_spec *spec) {
  int64_t failed = 0, lost = 0;
  for (size_t i = b->run->attempts.len; i-- > 0;) {
    const struct attempt_row *x = &b->run->attempts.items[i]->row;
    if (x->round < a->round) break;
    if (x->task != a->task || x->round != a->round || x->key == a->key) continue;
    if (x->state == TASK_LOST)
      lost += ran(c, x);
    else
      failed += x->state != TASK_SUCCEEDED;
  }
  if (failed + lost == 0) return; /* a first one is within each budget */
  int64_t max = setting_of(spec->retries.max, 0), lost_max = setting_of(spec->retries.lost, 2);
  if (failed > max || lost > lost_max)
    world_fail(c->w, "%s is tried again after %lld failures and %lld losses; it has %lld and %lld", a->label,
               (long long)failed, (long long)lost, (long long)max, (long long)lost_max);
  if (failed) PROBE(c->w, RETRIED);
}

static void check_place(struct checker *c, const struct attempt_row *a) {
  size_t at = place_at(c, a->host);
  const struct host_row *row = rows_host(&c->w->ledger->rows, a->host);
  if (c->contact[at] != HOST_CONTACT_UP) world_fail(c->w, "%s starts on %s, which doesn't answer", a->label, a->host);
  if (row && row->order != HOST_ORDER_UP) world_fail(c->w, "%s starts on %s, which is closed", a->label, a->host);
  for (size_t i = 0; i < c->w->ledger->rows.remnants.len; i++)
    if (strcmp(c->w->ledger->rows.remnants.items[i].host, a->host) == 0)
      world_fail(c->w, "%s starts on %s, where something may be left", a->label, a->host);
  int host = config_host(c->config, a->host);
  if (host < 0) world_fail(c->w, "%s starts on %s, which isn't configured", a->label, a->host);
  int64_t most = c->config->hosts[host].max_tasks;
  if (most && c->host_live[at] > most) world_fail(c->w, "%s is one too many on %s", a->label, a->host);
}

void check_fresh(struct checker *c, int64_t key) {
  const struct row_attempt *fresh = c->w->ledger->rows.by_key.items[key];
  const struct attempt_row *a = &fresh->row;
  struct run_book *b = book_of(c, a->run);
  const struct task_row *t = &b->run->tasks.items[a->task];
  const struct task_spec *spec = book_task(b, t);
  int64_t before = 0;
  for (size_t i = 0; i < b->run->attempts.len; i++) {
    const struct attempt_row *x = &b->run->attempts.items[i]->row;
    if (x->task != a->task || x->key == a->key) continue;
    if (task_state_live(x->state) && task_state_live(a->state))
      world_fail(c->w, "%s has two live attempts", a->label);
    if (x->key < a->key && x->number > before) before = x->number;
  }
  if (a->number != before + 1) world_fail(c->w, "%s has no attempt before %lld", a->label, (long long)a->number);
  if (!task_state_live(a->state)) return; /* of a mark */
  const struct run_row *run = &b->run->row;
  if (run->state != RUN_RUNNING && !(run->state == RUN_CANCELLING && spec->finally))
    world_fail(c->w, "%s starts in a run that is %s", a->label, run_state_word(run->state));
  if (run->state == RUN_CANCELLING) PROBE(c->w, FINALLY_AFTER_CANCEL);
  if (c->w->ledger->rows.pause.at != INSTANT_NONE) world_fail(c->w, "%s starts in a pause", a->label);
  int64_t most = setting_of(b->spec->max_tasks, 0);
  if (most && b->live > most) world_fail(c->w, "%s is one too many for its run", a->label);
  each_unit(c, a, unit_take);
  check_place(c, a);
  check_needs(c, b, t, spec);
  check_last(c, b, t);
  check_budget(c, b, a, spec);
}

/* ---- an end, once all rows of its commit are there ---- */

static bool listed(const int *codes, size_t len, int code) {
  for (size_t i = 0; i < len; i++)
    if (codes[i] == code) return true;
  return false;
}

static bool status_retried(const struct retry_spec *r, const struct attempt_row *a, const struct proc *p) {
  if (a->state != TASK_FAILED || !p || p->state != PROC_ENDED || p->end != ENGINE_END_EXITED || p->status == 0)
    return true; /* not an exit status: a time-out, a launch, an output */
  if (p->status == 78) return false;
  if (r->exit_codes_len && !listed(r->exit_codes, r->exit_codes_len, p->status)) return false;
  return !listed(r->not_exit_codes, r->not_exit_codes_len, p->status);
}

/* A failure with tries left isn't the task's end, unless somebody wanted it to be. */
void check_over_for_good(struct checker *c, int64_t key) {
  const struct row_attempt *over = c->w->ledger->rows.by_key.items[key];
  const struct attempt_row *a = &over->row;
  const struct run_book *b = book_of(c, a->run);
  const struct run_row *run = &b->run->row;
  const struct task_row *t = &b->run->tasks.items[a->task];
  const struct task_spec *spec = book_task(b, t);
  bool cancelled = run->state == RUN_CANCELLING || run->state == RUN_CANCELLED ||
                   (run->reason && strstr(run->reason, "time-out"));
  if (t->attempt != key || t->state != a->state || !task_state_failure(t->state)) return;
  if (a->stop_asked || (cancelled && !spec->finally) || a->round != run->round) return;
  const struct proc *p = proc_find(c->w->executors, a->id.text);
  if (!status_retried(&spec->retries, a, p)) return;
  bool lost = a->state == TASK_LOST;
  int64_t used = 0, most = lost ? setting_of(spec->retries.lost, 2) : setting_of(spec->retries.max, 0);
  for (size_t i = b->run->attempts.len; i-- > 0;) {
    const struct attempt_row *x = &b->run->attempts.items[i]->row;
    if (x->round < a->round) break;
    if (x->task == a->task && (x->state == TASK_LOST) == lost && x->state != TASK_SUCCEEDED) used++;
  }
  if (used <= most)
    world_fail(c->w, "%s ended %s with tries left, %lld of %lld are used: %s", a->label, task_state_word(a->state),
               (long long)used - 1, (long long)most, a->reason);
}
