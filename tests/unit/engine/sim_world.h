/* A small world around the engine for its tests: a clock that the test moves, a store that keeps the rows of each
 * step, an executor that only writes down what it was told. Rows are all that a restart of the engine gets. */
#ifndef ROTA_TESTS_ENGINE_SIM_WORLD_H
#define ROTA_TESTS_ENGINE_SIM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"
#include "scheduler/engine/random.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/time/zone.h"

/* 2026-03-02 00:00:00 UTC, a Monday. */
#define SIM_START (INT64_C(1772409600) * USEC_PER_SEC)

enum proc_state { PROC_ASKED, PROC_RUNNING, PROC_GONE };
struct proc { /* an attempt as the executor sees it */
  char id[ID_LEN + 1], run_id[ID_LEN + 1];
  char label[160], host[64];
  enum proc_state state;
  int starts, stops, fences;
  bool stop_now, fresh_state;
  char state_from[(LINKED_BEFORE_MAX + 1) * (ID_LEN + 1)];
  bool idle; /* no process was made; it may be asked again */
};

struct sim {
  instant restored_at; /* of the next sim_restart: the rows are those of a backup; 0: they are not */
  struct engine *e;
  struct config *config;
  struct engine_options options;
  struct moment now;
  struct random random;
  struct step step;
  struct arena arena; /* of the rows */
  VEC(struct pipeline_row) pipelines;
  VEC(struct version_row) versions;
  VEC(struct schedule_row) schedules;
  VEC(struct firing_row) firings;
  VEC(struct run_row) runs;
  VEC(struct round_row) rounds;
  VEC(struct task_row) tasks;
  VEC(struct attempt_row) attempts;
  VEC(struct output_row) outputs;
  VEC(struct event_row) events;
  VEC(struct audit_row) audits;
  VEC(struct request_row) requests;
  VEC(struct stat_row) stats;
  VEC(struct daily_row) dailies;
  VEC(struct hourly_row) hourlies;
  VEC(struct host_row) hosts;
  VEC(struct host_boot_row) boots;
  VEC(struct remnant_row) remnants;
  struct pause_row pause;
  VEC(struct proc) procs;
  VEC(struct decision_prepare) prepares; /* to be answered */
  VEC(const char *) clears;              /* attempts, to be answered; may name one twice */
  int status;                            /* of the last reply */
  char *body;
  int64_t max_key;
  size_t steps;
  bool trace;
  void (*on_start)(void *ctx, const struct proc *p); /* each START, when its step is recorded; NULL */
  void *on_start_ctx;
};

_Noreturn static inline void sim_missing(const char *what) {
  fail_msg("there is no %s", what);
  abort();
}

#define sim_keep(s, text) ((text) ? arena_strdup(&(s)->arena, (text)) : NULL)

/* Puts a row over the one with the same key, or adds it. */
#define SIM_PUT(table, row_, same_)                                                                                  \
  do {                                                                                                               \
    size_t at_ = 0;                                                                                                  \
    for (; at_ < (table).len; at_++) {                                                                               \
      __typeof__((table).items) old = &(table).items[at_];                                                           \
      if (same_) break;                                                                                              \
    }                                                                                                                \
    if (at_ == (table).len)                                                                                          \
      vec_push(&(table), row_);                                                                                      \
    else                                                                                                             \
      (table).items[at_] = row_;                                                                                     \
  } while (0)

static inline struct actor sim_actor(struct sim *s, struct actor a) {
  return (struct actor){sim_keep(s, a.kind), sim_keep(s, a.id), sim_keep(s, a.name), sim_keep(s, a.address)};
}

static inline void sim_key(struct sim *s, int64_t key) {
  if (key > s->max_key) s->max_key = key;
}

static inline void sim_store_task(struct sim *s, struct task_row t) {
  t.name = sim_keep(s, t.name);
  t.label = sim_keep(s, t.label);
  t.reason = sim_keep(s, t.reason);
  t.state_host = sim_keep(s, t.state_host);
  t.on_asked = sim_keep(s, t.on_asked);
  SIM_PUT(s->tasks, t, old->run == t.run && old->index == t.index);
}

static inline void sim_store_attempt(struct sim *s, struct attempt_row a) {
  assert_non_null(a.host);
  a.reason = sim_keep(s, a.reason);
  a.host = sim_keep(s, a.host);
  a.slots = sim_keep(s, a.slots);
  a.stop_reason = sim_keep(s, a.stop_reason);
  a.dir = sim_keep(s, a.dir);
  a.git_commit = sim_keep(s, a.git_commit);
  sim_key(s, a.key);
  SIM_PUT(s->attempts, a, old->key == a.key);
}

static inline void sim_store_run(struct sim *s, struct run_row r) {
  r.reason = sim_keep(s, r.reason);
  r.actor = sim_actor(s, r.actor);
  r.params = sim_keep(s, r.params);
  r.zone = sim_keep(s, r.zone);
  sim_key(s, r.key);
  SIM_PUT(s->runs, r, old->key == r.key);
}

static inline void sim_store_firing(struct sim *s, struct firing_row f) {
  f.reason = sim_keep(s, f.reason);
  sim_key(s, f.key);
  SIM_PUT(s->firings, f, old->key == f.key);
}

static inline void sim_store_pipeline(struct sim *s, struct pipeline_row p) {
  p.name = sim_keep(s, p.name);
  p.error = sim_keep(s, p.error);
  p.paused_reason = sim_keep(s, p.paused_reason);
  p.paused_by = sim_keep(s, p.paused_by);
  sim_key(s, p.key);
  SIM_PUT(s->pipelines, p, old->key == p.key);
}

static inline void sim_store_event(struct sim *s, struct event_row ev) {
  ev.state = sim_keep(s, ev.state);
  ev.reason = sim_keep(s, ev.reason);
  ev.actor = sim_keep(s, ev.actor);
  ev.host = sim_keep(s, ev.host);
  sim_key(s, ev.key);
  vec_push(&s->events, ev);
}

static inline void sim_store_version(struct sim *s, struct version_row v) {
  v.text = arena_strndup(&s->arena, v.text, v.text_len);
  v.json = arena_strndup(&s->arena, v.json, v.json_len);
  sim_key(s, v.key);
  vec_push(&s->versions, v);
}

static inline void sim_store_host(struct sim *s, struct host_row h) {
  const char **texts[] = {&h.name, &h.order_reason, &h.order_by, &h.text, &h.machine, &h.boot, &h.facts, &h.doctor};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = sim_keep(s, *texts[i]);
  SIM_PUT(s->hosts, h, strcmp(old->name, h.name) == 0);
}

static inline void sim_store_remnant(struct sim *s, struct remnant_row m) {
  if (m.gone) {
    for (size_t i = 0; i < s->remnants.len; i++)
      if (s->remnants.items[i].attempt == m.attempt) {
        vec_swap_remove(&s->remnants, i);
        return;
      }
    sim_missing("remnant");
  }
  m.host = sim_keep(s, m.host);
  m.run_id = sim_keep(s, m.run_id);
  m.attempt_id = sim_keep(s, m.attempt_id);
  m.what = sim_keep(s, m.what);
  m.reason = sim_keep(s, m.reason);
  vec_push(&s->remnants, m);
}

static inline void sim_store(struct sim *s, const struct change *c) {
  switch (c->kind) {
  case CHANGE_PIPELINE: sim_store_pipeline(s, c->pipeline); break;
  case CHANGE_VERSION: sim_store_version(s, c->version); break;
  case CHANGE_SCHEDULE: {
    struct schedule_row r = c->schedule;
    r.identity = sim_keep(s, r.identity);
    sim_key(s, r.key);
    SIM_PUT(s->schedules, r, old->key == r.key);
    break;
  }
  case CHANGE_FIRING: sim_store_firing(s, c->firing); break;
  case CHANGE_RUN: sim_store_run(s, c->run); break;
  case CHANGE_ROUND: {
    struct round_row r = c->round;
    r.reason = sim_keep(s, r.reason);
    r.scope = sim_keep(s, r.scope);
    r.actor = sim_actor(s, r.actor);
    SIM_PUT(s->rounds, r, old->run == r.run && old->number == r.number);
    break;
  }
  case CHANGE_TASK: sim_store_task(s, c->task); break;
  case CHANGE_ATTEMPT: sim_store_attempt(s, c->attempt); break;
  case CHANGE_OUTPUT: {
    struct output_row r = c->output;
    r.name = sim_keep(s, r.name);
    r.json = sim_keep(s, r.json);
    SIM_PUT(s->outputs, r, old->attempt == r.attempt && strcmp(old->name, r.name) == 0);
    break;
  }
  case CHANGE_EVENT: sim_store_event(s, c->event); break;
  case CHANGE_AUDIT: {
    struct audit_row r = {c->audit.at, sim_actor(s, c->audit.actor), sim_keep(s, c->audit.action),
                          sim_keep(s, c->audit.object), sim_keep(s, c->audit.detail)};
    vec_push(&s->audits, r);
    break;
  }
  case CHANGE_REQUEST: {
    struct request_row r = c->request;
    r.key = sim_keep(s, r.key);
    r.response = arena_strndup(&s->arena, r.response, r.response_len);
    vec_push(&s->requests, r);
    break;
  }
  case CHANGE_PAUSE:
    s->pause = (struct pause_row){c->pause.at, sim_keep(s, c->pause.reason), sim_keep(s, c->pause.by)};
    break;
  case CHANGE_CODE: break;
  case CHANGE_HOST: sim_store_host(s, c->host); break;
  case CHANGE_HOST_BOOT: {
    struct host_boot_row b = c->host_boot;
    b.host = sim_keep(s, b.host);
    b.machine = sim_keep(s, b.machine);
    b.boot = sim_keep(s, b.boot);
    b.facts = sim_keep(s, b.facts);
    sim_key(s, b.key);
    vec_push(&s->boots, b);
    break;
  }
  case CHANGE_HOST_DOCTOR: {
    struct host_row h = {.name = sim_keep(s, c->host_doctor.name), .order_at = INSTANT_NONE};
    for (size_t i = 0; i < s->hosts.len; i++)
      if (strcmp(s->hosts.items[i].name, h.name) == 0) h = s->hosts.items[i];
    h.doctor = sim_keep(s, c->host_doctor.doctor);
    h.doctor_at = c->host_doctor.doctor_at;
    SIM_PUT(s->hosts, h, strcmp(old->name, h.name) == 0);
    break;
  }
  case CHANGE_REMNANT: sim_store_remnant(s, c->remnant); break;
  case CHANGE_TOKEN: sim_key(s, c->token.key); break;
  case CHANGE_SESSION: sim_key(s, c->session.key); break;
  case CHANGE_DAILY: vec_push(&s->dailies, c->daily); break;
  case CHANGE_HOURLY: vec_push(&s->hourlies, c->hourly); break;
  case CHANGE_STAT: {
    struct stat_row r = c->stat;
    r.task = sim_keep(s, r.task);
    SIM_PUT(s->stats, r, old->pipeline == r.pipeline && strcmp(old->task, r.task) == 0);
    break;
  }
  }
}

#endif
