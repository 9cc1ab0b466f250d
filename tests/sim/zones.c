#include "tests/sim/zones.h"

#include <string.h>

#include "scheduler/spec/time/zone.h"
#include "tests/sim/world.h"

#define EDITIONS 3

const char *const zone_names[ZONES] = {"UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe",
                                       "Asia/Kathmandu"};

/* Without summer time; by other hours, and one of them missing. */
static const char *const editions[EDITIONS][ZONES] = {
    {"UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"},
    {"UTC", "Africa/Lagos", "America/Regina", "Australia/Brisbane", "Asia/Kolkata"},
    {"UTC", "Europe/Helsinki", "America/Halifax", NULL, "Asia/Dhaka"},
};

void zones_release(struct zones *z) {
  for (int i = 0; i < ZONE_RULES; i++) zone_free(z->loaded[i]);
  *z = (struct zones){0};
}

void zones_update(struct world *w, struct dice *d) {
  w->tzdata = (w->tzdata + (int)dice_between(d, 1, EDITIONS - 1)) % EDITIONS;
}

void zone_view_load(struct zone_view *v, const struct world *w) {
  v->zones = w->zones;
  memcpy(v->rules, editions[w->tzdata], sizeof v->rules);
}

bool zone_view_refresh(struct zone_view *v, const struct world *w) {
  bool changed = false;
  for (int i = 0; i < ZONES; i++) {
    const char *fresh = editions[w->tzdata][i];
    if (!fresh || fresh == v->rules[i]) continue;
    v->rules[i] = fresh;
    changed = true;
  }
  return changed;
}

const char *zone_view_rules(const struct zone_view *v, const char *name) {
  for (int i = 0; i < ZONES; i++)
    if (strcmp(zone_names[i], name) == 0) return v->rules[i];
  return NULL;
}

const struct zone *zone_view_get(void *view, const char *name) {
  const struct zone_view *v = view;
  const char *rules = zone_view_rules(v, name);
  if (!rules) return NULL;
  if (strcmp(rules, "UTC") == 0) return zone_utc();
  for (int i = 0; i < ZONE_RULES; i++) {
    struct zone **z = &v->zones->loaded[i];
    if (!*z && zone_load(rules, NULL, z)) return NULL;
    if (strcmp(zone_name(*z), rules) == 0) return *z;
  }
  return NULL;
}
