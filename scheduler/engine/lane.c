#include "scheduler/engine/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/scope_view.h"
#include "scheduler/engine/slot.h"

#define SLOT_AMOUNT_MAX   1000000
#define EXPLAINED_HOLDERS 3
#define EXPLAINED_HOSTS   4
#define LANE_ANY          "*" /* no host or group can be named so */

static bool is_local(const struct host *h) {
  return strcmp(h->name, HOST_LOCAL) == 0;
}

/* Whether the host will ever have what the lane wants. */
static bool host_has(const struct engine *e, const struct lane *lane, const struct host *h) {
  for (size_t i = 0; i < lane->demands_len; i++) {
    bool limit;
    const struct slot *s = slot_of_demand(e, h, lane->demands[i].name, &limit);
    if (!s || slot_total(s) < lane->demands[i].amount) return false;
  }
  return true;
}

/* Of all hosts those that have the slots; if none has, all of them, so that each can say what it lacks. */
static void lane_any(struct engine *e, struct lane *lane) {
  for (int all = 0; all < 2 && lane->hosts.len == 0; all++)
    for (size_t i = 0; i < e->config->hosts_len; i++) {
      struct host *h = host_or_gone(e, e->config->hosts[i].name);
      if (all || host_has(e, lane, h)) vec_push(&lane->hosts, h);
    }
}

static void lane_hosts(struct engine *e, struct lane *lane) {
  int group = config_group(e->config, lane->on);
  lane->hosts.len = 0;
  if (strcmp(lane->on, LANE_ANY) == 0) {
    lane_any(e, lane);
  } else if (group < 0) {
    vec_push(&lane->hosts, host_or_gone(e, lane->on));
  } else {
    const struct config_group *g = &e->config->groups[group];
    for (size_t i = 0; i < g->hosts_len; i++)
      vec_push(&lane->hosts, host_or_gone(e, e->config->hosts[g->hosts[i]].name));
  }
}

void lane_configure(struct engine *e, struct lane *lane) {
  lane_hosts(e, lane);
}

static struct lane *lane_new(struct engine *e, const char *key, const char *on, const struct demand *demands,
                             size_t len) {
  struct lane *lane = alloc_new(struct lane);
  lane->key = arena_strdup(&lane->arena, key);
  lane->on = arena_strdup(&lane->arena, on);
  lane->demands = arena_new_array(&lane->arena, len + 1, struct demand);
  for (size_t i = 0; i < len; i++)
    lane->demands[i] = (struct demand){arena_strdup(&lane->arena, demands[i].name), demands[i].amount};
  lane->demands_len = len;
  lane->default_cpu = len == 0;
  lane_hosts(e, lane);
  vec_push(&e->lanes, lane);
  map_put(&e->lanes_by_key, key, lane);
  return lane;
}

void lane_free(struct engine *e, struct lane *lane) {
  map_remove(&e->lanes_by_key, lane->key);
  for (size_t i = 0; i < e->lanes.len; i++)
    if (e->lanes.items[i] == lane) {
      vec_swap_remove(&e->lanes, i);
      break;
    }
  heap_release(&lane->heap);
  vec_release(&lane->hosts);
  arena_release(&lane->arena);
  free(lane);
}

/* Whether it goes back to the host that has its ROTA_STATE: not if that was declared down or may still run what was
 * given up of it, and not before it ran somewhere in a round in which a person asked for another place. */
static bool goes_back(const struct engine *e, const struct instance *i) {
  if (!i->state_host_name || i->fresh_state) return false;
  if (i->on_asked && i->failures + i->losses == 0) return false;
  const struct host *h = host_find(e, i->state_host_name);
  const struct remnant *m = remnant_of(e, i);
  return h && h->config && h->row.order != HOST_ORDER_DOWN && !(m && m->host == h);
}

static bool lists(const struct engine *e, int group, const char *host) {
  const struct config_group *g = &e->config->groups[group];
  for (size_t k = 0; k < g->hosts_len; k++)
    if (strcmp(e->config->hosts[g->hosts[k]].name, host) == 0) return true;
  return false;
}

/* Where it may run: what the rerun or `on` says, or the one host of it that has the task's ROTA_STATE. */
static int place_of(struct instance *i, const struct scope *scope, const char **out, const char **message) {
  struct engine *e = i->run->engine;
  *out = HOST_LOCAL;
  if (e->options.local_only) return 0;
  const char *on = i->on_asked;
  int err = on ? 0 : setting_text(instance_task(i)->on, scope, &e->scratch, &on, message);
  if (err) return err;
  if (!on) on = HOST_LOCAL;
  int group = config_group(e->config, on), host = config_host(e->config, on);
  bool any = i->on_asked && group < 0 && host < 0 && strcmp(on, ON_ANY) == 0;
  if (group < 0 && host < 0 && !any) {
    *message = arena_fmt(&e->scratch, "on: there is no host or group '%s' in the configuration", on);
    return ERR_INVALID;
  }
  *out = any ? LANE_ANY : on;
  if (host < 0 && goes_back(e, i) && (any || lists(e, group, i->state_host_name))) *out = i->state_host_name;
  return 0;
}

static void key_add(struct buf *key, const struct demand *d) {
  buf_char(key, ' ');
  buf_str(key, d->name);
  buf_char(key, '=');
  buf_int(key, d->amount);
}

int lane_of_instance(struct instance *i, struct lane **out, const char **message) {
  struct engine *e = i->run->engine;
  const struct task_spec *t = instance_task(i);
  struct scope scope;
  scope_of_instance(i, &scope);
  const char *on;
  int err = place_of(i, &scope, &on, message);
  if (err) return err;
  struct demand *demands = arena_new_array(&e->scratch, t->slots_len + 1, struct demand);
  struct buf key = {0};
  buf_str(&key, on);
  for (size_t s = 0; s < t->slots_len && !err; s++) {
    demands[s].name = t->slots[s].name;
    err = setting_int(t->slots[s].amount, &scope, &e->scratch, 1, 1, SLOT_AMOUNT_MAX, &demands[s].amount, message);
    key_add(&key, &demands[s]);
  }
  if (!err) {
    *out = map_get(&e->lanes_by_key, buf_cstr(&key));
    if (!*out) *out = lane_new(e, buf_cstr(&key), on, demands, t->slots_len);
  }
  buf_release(&key);
  return err;
}

const struct demand *lane_demands(const struct lane *lane, const struct host *h, struct demand *cpu, size_t *len) {
  *len = lane->demands_len;
  if (!lane->default_cpu || !is_local(h) || !slot_find(&h->table, "cpu")) return lane->demands;
  *cpu = (struct demand){"cpu", 1};
  *len = 1;
  return cpu;
}

/* The first slot that keeps a task of the lane from this host: *lacking, or NULL with `missing` its name if the host
 * has none such. True if nothing does; *units then counts what is free of all that is wanted of the host. */
static bool host_fits(const struct engine *e, const struct lane *lane, const struct host *h, int64_t *units,
                      struct slot **lacking, const char **missing) {
  struct demand cpu;
  size_t len;
  const struct demand *demands = lane_demands(lane, h, &cpu, &len);
  *units = 0;
  *lacking = NULL;
  *missing = NULL;
  for (size_t i = 0; i < len; i++) {
    bool limit;
    struct slot *s = slot_of_demand(e, h, demands[i].name, &limit);
    if (!s && e->options.local_only) continue;
    if (!s) {
      *missing = demands[i].name;
      return false;
    }
    int64_t free_units = slot_free(s);
    if (free_units < demands[i].amount || s->claimed == e->dispatch) {
      *lacking = s;
      return false;
    }
    if (!limit) *units += free_units;
  }
  return true;
}

static bool host_full(const struct host *h) {
  return h->max_tasks && (int64_t)h->live >= h->max_tasks;
}

struct host *lane_host(const struct engine *e, const struct lane *lane) {
  struct host *best = NULL;
  int64_t most = 0;
  for (size_t i = 0; i < lane->hosts.len; i++) {
    struct host *h = lane->hosts.items[i];
    struct slot *lacking;
    const char *missing;
    int64_t units;
    if (!host_open(h) || host_full(h) || !host_fits(e, lane, h, &units, &lacking, &missing)) continue;
    /* Where nothing of the host is wanted, the one with the fewest tasks has the most room. */
    if (lane->demands_len == 0) units -= (int64_t)h->live;
    if (!best || units > most) {
      best = h;
      most = units;
    }
  }
  return best;
}

void lane_claim(struct engine *e, struct lane *lane) {
  for (size_t i = 0; i < lane->hosts.len; i++) {
    struct host *h = lane->hosts.items[i];
    if (!host_open(h)) continue;
    struct demand cpu;
    size_t len;
    const struct demand *demands = lane_demands(lane, h, &cpu, &len);
    for (size_t d = 0; d < len; d++) {
      bool limit;
      struct slot *s = slot_of_demand(e, h, demands[d].name, &limit);
      /* What is more than there will ever be claims nothing. */
      if (s && slot_free(s) < demands[d].amount && slot_total(s) >= demands[d].amount) s->claimed = e->dispatch;
    }
  }
}

bool lane_closed(const struct lane *lane) {
  for (size_t i = 0; i < lane->hosts.len; i++)
    if (host_open(lane->hosts.items[i])) return false;
  return true;
}

static void explain_slot(const struct slot *s, const char *where, const char *at, int64_t wanted, struct buf *out) {
  buf_fmt(out, "waits for slot %s%s%s: ", s->name, where, at);
  if (slot_total(s) < wanted) {
    buf_fmt(out, "it needs %lld, there are %lld", (long long)wanted, (long long)slot_total(s));
    return;
  }
  const struct attempt *before = NULL;
  int named = 0, more = 0;
  for (size_t u = 0; u < s->units.len; u++) {
    const struct attempt *a = s->units.items[u].holder;
    if (!a || a == before) continue;
    before = a;
    if (named == EXPLAINED_HOLDERS) {
      more++;
      continue;
    }
    buf_fmt(out, "%s%s#%lld %s", named++ ? ", " : "held by ", a->run->entry->row.name, (long long)a->run->row.number,
            a->instance->label);
  }
  if (more) buf_fmt(out, " and %d more", more);
  if (!named) buf_str(out, "someone before it in the queue waits for it too");
}

static int64_t wanted_of(const struct lane *lane, const struct slot *s) {
  for (size_t i = 0; i < lane->demands_len; i++)
    if (strcmp(lane->demands[i].name, s->name) == 0) return lane->demands[i].amount;
  return 1;
}

static void explain_open(const struct engine *e, const struct lane *lane, const struct host *h, struct buf *out) {
  struct slot *lacking;
  const char *missing;
  int64_t units;
  if (host_full(h)) {
    buf_fmt(out, "waits for host %s: %zu of %lld tasks run there", h->name, h->live, (long long)h->max_tasks);
  } else if (host_fits(e, lane, h, &units, &lacking, &missing)) {
    buf_str(out, "starts now");
  } else if (missing) {
    buf_fmt(out, "host %s has no slot %s", h->name, missing);
  } else {
    assert(lacking);
    bool limit = slot_find(&e->limits, lacking->name) == lacking;
    explain_slot(lacking, limit ? "" : " on ", limit ? "" : h->name, wanted_of(lane, lacking), out);
  }
}

void lane_explain(const struct engine *e, const struct lane *lane, struct buf *out) {
  size_t named = 0;
  if (lane->hosts.len == 0) buf_str(out, "its group has no hosts");
  /* Those that could take it first: they say what it waits for. */
  for (int open = 1; open >= 0; open--)
    for (size_t i = 0; i < lane->hosts.len; i++) {
      const struct host *h = lane->hosts.items[i];
      if (host_open(h) != (open == 1)) continue;
      if (named++ >= EXPLAINED_HOSTS) continue;
      if (named > 1) buf_str(out, "; ");
      if (open)
        explain_open(e, lane, h, out);
      else
        host_explain(e, h, out);
    }
  if (named > EXPLAINED_HOSTS) buf_fmt(out, "; and %zu more hosts", named - EXPLAINED_HOSTS);
}
