/* What is used and what is paused now, for the overview. */
#include "scheduler/engine/model.h"
#include "scheduler/engine/slot.h"

static int64_t slot_used(const struct slot *s) {
  int64_t used = 0;
  for (size_t i = 0; i < s->units.len; i++) used += s->units.items[i].holder != NULL;
  return used;
}

static void add_table(const struct slot_table *table, const char *host, struct engine_slot *out, size_t *len) {
  for (size_t i = 0; i < table->slots.len; i++) {
    const struct slot *s = &table->slots.items[i];
    out[(*len)++] = (struct engine_slot){.host = host, .name = s->name, .used = slot_used(s), .total = slot_total(s)};
  }
}

size_t engine_slots(const struct engine *e, struct arena *a, struct engine_slot **out) {
  size_t most = e->limits.slots.len, len = 0;
  for (size_t i = 0; i < e->hosts.len; i++) most += e->hosts.items[i]->table.slots.len;
  *out = arena_new_array(a, most + 1, struct engine_slot);
  for (size_t i = 0; i < e->hosts.len; i++) add_table(&e->hosts.items[i]->table, e->hosts.items[i]->name, *out, &len);
  add_table(&e->limits, NULL, *out, &len);
  return len;
}

struct pause_row engine_paused(const struct engine *e) {
  struct pause_row pause = e->pause;
  pause.reason = e->pause_reason;
  pause.by = e->pause_by;
  return pause;
}

static size_t run_waiting(const struct live_run *r) {
  size_t waiting = 0;
  for (const struct feed *f = r->feeds; f; f = f->next) waiting += f->ready.len;
  return waiting;
}

struct engine_load engine_load(const struct engine *e) {
  struct engine_load load = {.runs = engine_runs(e), .attempts = e->live};
  for (size_t i = 0; i < e->entries.len; i++)
    for (const struct live_run *r = e->entries.items[i]->first; r; r = r->next) load.waiting += run_waiting(r);
  return load;
}
