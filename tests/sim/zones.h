/* The zones of the machine: its tzdata is replaced now and then, and who has loaded it sees that only when it looks.
 * New rules are those of another zone, so that the C library knows them too; in one edition a zone is missing.
 */
#ifndef ROTA_TESTS_SIM_ZONES_H
#define ROTA_TESTS_SIM_ZONES_H

#include <stdbool.h>

struct dice;
struct world;
struct zone;

#define ZONES      5
#define ZONE_RULES 12 /* over all editions */

extern const char *const zone_names[ZONES];

struct zones { /* that were loaded, for all seeds of a process; zeroed there are none */
  struct zone *loaded[ZONE_RULES];
};
void zones_release(struct zones *z);

/* The machine's tzdata becomes another one. */
void zones_update(struct world *w, struct dice *d);

/* What one who has loaded zones knows of them. */
struct zone_view {
  struct zones *zones;
  const char *rules[ZONES]; /* the zone of the C library whose rules hold there; NULL: there is no such zone */
};
/* As a start finds them. */
void zone_view_load(struct zone_view *v, const struct world *w);
/* As a look finds them later: a zone that has gone stays as it was. True if one changed. */
bool zone_view_refresh(struct zone_view *v, const struct world *w);
/* `view` is a struct zone_view. */
const struct zone *zone_view_get(void *view, const char *name);
const char *zone_view_rules(const struct zone_view *v, const char *name);

#endif
