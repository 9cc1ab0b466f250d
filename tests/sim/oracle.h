/* When a schedule is to fire, found out the slow way and from other sources than rota's: the C library's zones,
 * looked at minute by minute. For the expressions that the simulation writes, and for the year of its seeds. */
#ifndef ROTA_TESTS_SIM_ORACLE_H
#define ROTA_TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "scheduler/spec/pipeline.h"
#include "tests/sim/zones.h"

/* The year that is known: 2026 UTC. */
#define ORACLE_FIRST (INT64_C(1767225600) * USEC_PER_SEC)
#define ORACLE_DAYS  365
#define ORACLE_STEP  (30 * USEC_PER_MIN) /* clocks change at whole half hours */
#define ORACLE_STEPS (ORACLE_DAYS * 48)
#define ORACLE_ZONES ZONE_RULES

struct oracle { /* zeroed it knows nothing yet */
  struct oracle_zone {
    char name[40];
    int32_t offsets[ORACLE_STEPS]; /* seconds */
  } * zones[ORACLE_ZONES];
};

void oracle_release(struct oracle *o);

/* Whether it can tell between these instants. */
bool oracle_knows(instant from, instant until);
/* `rules` is a zone of the C library, of which a schedule with a cron expression goes by the rules.
 * The firings f with after < f <= until: how many, and the first and the last of them. */
int64_t oracle_count(struct oracle *o, const struct schedule_spec *s, const char *rules, instant after, instant until,
                     instant *first, instant *last);
/* The first after that instant, within two days; INSTANT_NONE. */
instant oracle_next(struct oracle *o, const struct schedule_spec *s, const char *rules, instant after);
/* Whether the clocks of the zone change on the day around it. */
bool oracle_change_near(struct oracle *o, const struct schedule_spec *s, const char *rules, instant at);

#endif
