#include "scheduler/daemon/zones.h"

#include <stddef.h>

#include "scheduler/spec/time/zone.h"

static void stale_free(struct zones *z) {
  for (size_t i = 0; i < z->stale.len; i++) zone_free(z->stale.items[i]);
  z->stale.len = 0;
}

void zones_release(struct zones *z) {
  for (size_t i = 0; i < z->by_name.len; i++) zone_free(z->by_name.entries[i].value);
  stale_free(z);
  map_release(&z->by_name);
  vec_release(&z->stale);
}

const struct zone *zones_get(void *ctx, const char *name) {
  struct zones *z = ctx;
  if (map_has(&z->by_name, name)) return map_get(&z->by_name, name);
  struct zone *zone = NULL;
  if (zone_load(name, NULL, &zone)) zone = NULL;
  map_put(&z->by_name, name, zone);
  return zone;
}

int zones_refresh(struct zones *z) {
  int changed = 0;
  for (size_t i = 0; i < z->by_name.len; i++) {
    struct map_entry *entry = &z->by_name.entries[i];
    struct zone *fresh = NULL;
    if (entry->value && !zone_stale(entry->value)) continue;
    /* A zone that has gone stays as it was: schedules go on by the last rules known. */
    if (zone_load(entry->key, NULL, &fresh)) continue;
    if (entry->value) vec_push(&z->stale, (struct zone *)entry->value);
    entry->value = fresh;
    changed++;
  }
  z->refreshes += changed > 0;
  return changed;
}

void zones_refreshed(struct zones *z) {
  if (--z->refreshes == 0) stale_free(z);
}
