/* What pages show of hosts: contact, orders, who holds which unit, what runs there. */
#include <string.h>

#include "scheduler/engine/host.h"
#include "scheduler/engine/run.h"

static struct engine_place place_of(const struct host *h) {
  return (struct engine_place){
      .name = h->name,
      .configured = h->config != NULL,
      .here = host_is_here(h),
      .order = h->row.order,
      .order_reason = h->row.order_reason,
      .order_by = h->row.order_by,
      .order_at = h->row.order_at,
      .contact = h->row.contact,
      .since = h->row.since,
      .text = h->row.text,
      .machine = h->row.machine,
      .boot = h->row.boot,
      .facts = h->row.facts,
      .booted_at = h->row.booted_at,
      .max_tasks = h->max_tasks,
      .live = h->live,
      .remnants = h->remnants,
  };
}

size_t engine_places(const struct engine *e, struct arena *a, struct engine_place **out) {
  size_t len = 0;
  *out = arena_new_array(a, e->hosts.len + 1, struct engine_place);
  for (size_t i = 0; i < e->config->hosts_len; i++) {
    const struct host *h = host_find(e, e->config->hosts[i].name);
    if (h) (*out)[len++] = place_of(h);
  }
  for (size_t i = 0; i < e->hosts.len; i++) {
    const struct host *h = e->hosts.items[i];
    if (!h->config && (h->live || h->remnants)) (*out)[len++] = place_of(h);
  }
  return len;
}

size_t engine_units(const struct engine *e, const char *host, struct arena *a, struct engine_unit **out) {
  const struct host *h = host_find(e, host);
  size_t most = 0, len = 0;
  for (size_t s = 0; h && s < h->table.slots.len; s++) most += h->table.slots.items[s].units.len;
  *out = arena_new_array(a, most + 1, struct engine_unit);
  for (size_t s = 0; h && s < h->table.slots.len; s++) {
    const struct slot *slot = &h->table.slots.items[s];
    for (size_t u = 0; u < slot->units.len; u++) {
      const struct slot_unit *unit = &slot->units.items[u];
      const struct attempt *holder = unit->holder;
      struct engine_unit *to = &(*out)[len++];
      *to = (struct engine_unit){.slot = slot->name, .unit = unit->name, .retired = unit->retired};
      if (!holder) continue;
      to->pipeline = holder->run->entry->row.name;
      to->number = holder->run->row.number;
      to->run_id = holder->run->row.id.text;
      to->task = holder->instance->label;
    }
  }
  return len;
}

static struct engine_there there_of(const struct attempt *at) {
  return (struct engine_there){
      .pipeline = at->run->entry->row.name,
      .run_id = at->run->row.id.text,
      .number = at->run->row.number,
      .task = at->instance->label,
      .attempt_id = at->row.id.text,
      .attempt = at->row.number,
      .reason = at->instance->reason ? at->instance->reason : at->reason,
      .state = at->instance->state,
      .started_at = at->row.started_at,
      .unreachable_at = at->row.unreachable_at,
  };
}

/* Ids begin with the time, so their order is the order of starting. */
size_t engine_there(const struct engine *e, const char *host, struct arena *a, struct engine_there **out) {
  const struct host *h = host_find(e, host);
  size_t len = 0;
  *out = arena_new_array(a, (h ? h->live : 0) + 1, struct engine_there);
  for (size_t i = 0; h && i < e->attempts_by_id.len; i++) {
    const struct attempt *at = e->attempts_by_id.entries[i].value;
    if (at->host != h) continue;
    struct engine_there item = there_of(at);
    size_t to = len++;
    for (; to > 0 && strcmp((*out)[to - 1].attempt_id, item.attempt_id) > 0; to--) (*out)[to] = (*out)[to - 1];
    (*out)[to] = item;
  }
  return len;
}
