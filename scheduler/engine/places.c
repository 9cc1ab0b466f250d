/* What pages show of hosts: contact and orders, who holds which unit, what runs there. */
#include <string.h>

#include "scheduler/engine/host.h"
#include "scheduler/engine/run.h"

static struct engine_place place_of(const struct host *h) {
  return (struct engine_place){.row = &h->row,
                               .configured = h->config != NULL,
                               .here = host_is_here(h),
                               .max_tasks = h->max_tasks,
                               .running = (int64_t)h->live,
                               .remnants = (int64_t)h->remnants};
}

size_t engine_hosts(const struct engine *e, struct arena *a, struct engine_place **out) {
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

static size_t count_units(const struct slot_table *t) {
  size_t n = 0;
  for (size_t i = 0; i < t->slots.len; i++) n += t->slots.items[i].units.len;
  return n;
}

static void add_units(const struct slot_table *t, const char *host, struct engine_unit *out, size_t *len) {
  for (size_t s = 0; s < t->slots.len; s++)
    for (size_t u = 0; u < t->slots.items[s].units.len; u++) {
      const struct slot_unit *unit = &t->slots.items[s].units.items[u];
      const struct attempt *holder = unit->holder;
      struct engine_unit *to = &out[(*len)++];
      *to = (struct engine_unit){
          .host = host, .slot = t->slots.items[s].name, .unit = unit->name, .retired = unit->retired};
      if (!holder) continue;
      to->pipeline = holder->run->entry->row.name;
      to->number = holder->run->row.number;
      to->run_id = holder->run->row.id.text;
      to->task = holder->instance->label;
    }
}

size_t engine_units(const struct engine *e, struct arena *a, struct engine_unit **out) {
  size_t most = count_units(&e->limits), len = 0;
  for (size_t i = 0; i < e->hosts.len; i++) most += count_units(&e->hosts.items[i]->table);
  *out = arena_new_array(a, most + 1, struct engine_unit);
  for (size_t i = 0; i < e->hosts.len; i++) add_units(&e->hosts.items[i]->table, e->hosts.items[i]->name, *out, &len);
  add_units(&e->limits, NULL, *out, &len);
  return len;
}

static struct engine_host_attempt attempt_there(const struct attempt *at) {
  return (struct engine_host_attempt){
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
size_t engine_host_attempts(const struct engine *e, const char *host, struct arena *a,
                            struct engine_host_attempt **out) {
  const struct host *h = host_find(e, host);
  size_t len = 0;
  *out = arena_new_array(a, (h ? h->live : 0) + 1, struct engine_host_attempt);
  for (size_t i = 0; h && i < e->attempts_by_id.len; i++) {
    const struct attempt *at = e->attempts_by_id.entries[i].value;
    if (at->host != h) continue;
    struct engine_host_attempt item = attempt_there(at);
    size_t to = len++;
    for (; to > 0 && strcmp((*out)[to - 1].attempt_id, item.attempt_id) > 0; to--) (*out)[to] = (*out)[to - 1];
    (*out)[to] = item;
  }
  return len;
}
