/* What tests of the engine ask in one line: a pipeline that is loaded and triggered once, what its tasks wait for,
 * what was answered. */
#ifndef ROTA_TESTS_ENGINE_ASK_H
#define ROTA_TESTS_ENGINE_ASK_H

#include "tests/unit/engine/sim.h"

#define HOSTS "hosts: {h1: {ssh: h1, slots: {gpu: 1}}, h2: {ssh: h2}}\ngroups: {two: [h1, h2]}\n"

static struct sim s;

static inline void begin(const char *config, const char *yaml) {
  sim_open_hosts(&s, config);
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
  if (s.status != 201) fail_msg("%d %s", s.status, s.body);
}

/* The same with hosts that are others' machines, and answer. */
static inline void begin_away(const char *yaml) {
  sim_open(&s, HOSTS);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  sim_host(&s, "h2", HOST_CONTACT_UP, NULL);
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
}

static inline void why(const char *task, const char *part) {
  const char *line = sim_why(&s, 1, task);
  if (!strstr(line, part)) fail_msg("%s: '%s' isn't in '%s'", task, part, line);
}

static inline void answered(int status, const char *part) {
  if (s.status != status || !s.body || !strstr(s.body, part))
    fail_msg("%d %s: expected %d with '%s'", s.status, s.body ? s.body : "(no body)", status, part);
}

/* Of somebody without a name. */
static inline struct engine_event order(const char *host, enum host_order which, const char *reason) {
  struct engine_event ev = {.kind = ENGINE_HOST_ORDER};
  ev.host_order = (struct engine_host_order){.asker = {.handle = 7}, .host = host, .order = which, .reason = reason};
  return ev;
}

#endif
