#include "scheduler/engine/slot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/host.h"

struct slot *slot_find(const struct slot_table *t, const char *name) {
  for (size_t i = 0; i < t->slots.len; i++)
    if (strcmp(t->slots.items[i].name, name) == 0) return &t->slots.items[i];
  return NULL;
}

int64_t slot_total(const struct slot *s) {
  int64_t total = 0;
  for (size_t i = 0; i < s->units.len; i++) total += !s->units.items[i].retired;
  return total;
}

int64_t slot_free(const struct slot *s) {
  int64_t total = 0, held = 0;
  for (size_t i = 0; i < s->units.len; i++) {
    total += !s->units.items[i].retired;
    held += s->units.items[i].holder != NULL;
  }
  return held >= total ? 0 : total - held;
}

static struct slot *slot_add(struct slot_table *t, const char *name) {
  vec_push(&t->slots, ((struct slot){.name = alloc_strdup(name)}));
  return &t->slots.items[t->slots.len - 1];
}

static struct slot_unit *unit_add(struct slot *s, const char *name, bool retired) {
  vec_push(&s->units, ((struct slot_unit){.name = alloc_strdup(name), .retired = retired}));
  return &s->units.items[s->units.len - 1];
}

/* The unit of that name that is held by `holder`; NULL: by nobody. */
static struct slot_unit *unit_find(struct slot *s, const char *name, const struct attempt *holder) {
  for (size_t i = 0; i < s->units.len; i++)
    if (s->units.items[i].holder == holder && strcmp(s->units.items[i].name, name) == 0) return &s->units.items[i];
  return NULL;
}

static void table_release(struct slot_table *t) {
  for (size_t i = 0; i < t->slots.len; i++) {
    struct slot *s = &t->slots.items[i];
    for (size_t u = 0; u < s->units.len; u++) free(s->units.items[u].name);
    vec_release(&s->units);
    free(s->name);
  }
  vec_release(&t->slots);
}

static void table_fill(struct slot_table *t, const struct config_slot *slots, size_t len) {
  table_release(t);
  for (size_t i = 0; i < len; i++) {
    struct slot *s = slot_add(t, slots[i].name);
    for (size_t u = 0; u < slots[i].units_len; u++) unit_add(s, slots[i].units[u], false);
  }
}

static void configure(struct engine *e, struct host *h, const struct config_host *c) {
  host_configure(e, h, c);
  table_fill(&h->table, c ? c->slots : NULL, c ? c->slots_len : 0);
}

void slots_configure(struct engine *e) {
  const struct config *c = e->config;
  for (size_t i = 0; i < e->hosts.len; i++) {
    int at = config_host(c, e->hosts.items[i]->name);
    configure(e, e->hosts.items[i], at < 0 ? NULL : &c->hosts[at]);
  }
  for (size_t i = 0; i < c->hosts_len; i++)
    if (!host_find(e, c->hosts[i].name)) configure(e, host_or_gone(e, c->hosts[i].name), &c->hosts[i]);
  table_fill(&e->limits, c->limits, c->limits_len);
  for (size_t i = 0; i < e->attempts_by_id.len; i++) slots_enter(e, e->attempts_by_id.entries[i].value);
}

void slots_release(struct engine *e) {
  for (size_t i = 0; i < e->hosts.len; i++) {
    struct host *h = e->hosts.items[i];
    table_release(&h->table);
    host_free(h);
  }
  vec_release(&e->hosts);
  table_release(&e->limits);
}

struct slot *slot_of_demand(const struct engine *e, const struct host *h, const char *name, bool *limit) {
  struct slot *s = slot_find(&e->limits, name);
  *limit = s != NULL;
  return s ? s : slot_find(&h->table, name);
}

static void held_add(struct attempt *a, const struct slot *s, const struct slot_unit *u, bool limit) {
  a->held = alloc_grown(a->held, a->held_len + 1, sizeof *a->held);
  a->held[a->held_len++] = (struct held){alloc_strdup(s->name), alloc_strdup(u->name), limit};
}

void slots_take(struct engine *e, struct attempt *a, const struct demand *demands, size_t len) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  jsonw_object(&j);
  for (size_t d = 0; d < len; d++) {
    bool limit;
    struct slot *s = slot_of_demand(e, a->host, demands[d].name, &limit);
    if (!s) continue; /* `local_only` runs tasks without the slots of the host that they were meant for */
    int64_t want = demands[d].amount;
    jsonw_key(&j, s->name);
    jsonw_array(&j);
    for (size_t u = 0; u < s->units.len && want > 0; u++) {
      struct slot_unit *unit = &s->units.items[u];
      if (unit->retired || unit->holder) continue;
      unit->holder = a;
      held_add(a, s, unit, limit);
      jsonw_string(&j, unit->name);
      want--;
    }
    assert(want == 0);
    jsonw_array_end(&j);
  }
  jsonw_object_end(&j);
  a->slots = buf_steal(&text, NULL);
}

void slots_enter(struct engine *e, struct attempt *a) {
  for (size_t i = 0; i < a->held_len; i++) {
    struct slot_table *t = a->held[i].limit ? &e->limits : &a->host->table;
    struct slot *s = slot_find(t, a->held[i].slot);
    if (!s) s = slot_add(t, a->held[i].slot);
    struct slot_unit *u = unit_find(s, a->held[i].unit, a);
    if (!u) u = unit_find(s, a->held[i].unit, NULL);
    /* It is gone from the configuration, or another one has it: where the slot of each host became a limit of the
     * installation, what was taken on two hosts may have one name. */
    if (!u) u = unit_add(s, a->held[i].unit, true);
    u->holder = a;
  }
}

void slots_give(struct engine *e, struct attempt *a) {
  for (size_t i = 0; i < a->held_len; i++) {
    struct slot *s = slot_find(a->held[i].limit ? &e->limits : &a->host->table, a->held[i].slot);
    struct slot_unit *u = s ? unit_find(s, a->held[i].unit, a) : NULL;
    assert(u);
    u->holder = NULL;
    free(a->held[i].slot);
    free(a->held[i].unit);
  }
  free(a->held);
  a->held = NULL;
  a->held_len = 0;
}
