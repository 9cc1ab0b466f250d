/* A world with three hosts, two of them in a group, for the tests of what becomes of tasks on hosts. Each test opens
 * it by open_sim and closes it by close_sim. */
#ifndef ROTA_TESTS_ENGINE_HOSTS_H
#define ROTA_TESTS_ENGINE_HOSTS_H

#include "tests/unit/engine/sim.h"

#include <stdio.h>

static struct sim s;

static const char two_hosts[] = "hosts:\n  h1: {ssh: a@h1, slots: {gpu: 1}}\n  h2: {ssh: a@h2, slots: {gpu: 2}}\n"
                                "  h3: {ssh: a@h3}\ngroups: {gpus: [h1, h2]}\n";

static inline int open_sim(void **state) {
  (void)state;
  sim_open(&s, two_hosts);
  return 0;
}

static inline int close_sim(void **state) {
  (void)state;
  sim_close(&s);
  return 0;
}

static inline void all_up(void) {
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  sim_host(&s, "h2", HOST_CONTACT_UP, NULL);
  sim_host(&s, "h3", HOST_CONTACT_UP, NULL);
}

/* One task `a` with these settings, triggered once. */
static inline void begin(const char *settings) {
  char yaml[512];
  snprintf(yaml, sizeof yaml, "tasks:\n  a: {run: 'true', %s}\n", settings);
  sim_load(&s, "p", yaml);
  sim_trigger(&s, "p");
}

static inline void restart(void) {
  sim_restart(&s);
}

#define assert_why(wanted) assert_string_equal(sim_why(&s, 1, "a"), (wanted))
#define assert_says(text, part)                                                                                      \
  do {                                                                                                               \
    if (!strstr((text), (part))) fail_msg("\"%s\" doesn't say \"%s\"", (text), (part));                              \
  } while (0)

#endif
