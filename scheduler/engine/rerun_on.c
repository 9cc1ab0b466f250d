/* Whether a rerun may be sent to a place. */
#include <string.h>

#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/scope_view.h"
#include "scheduler/engine/slot.h"

/* How many units of a slot a host has for a task there. */
static int64_t host_units(const struct engine *e, const char *host, const char *slot) {
  bool limit;
  const struct slot *s = slot_of_demand(e, host_find(e, host), slot, &limit);
  return s ? slot_total(s) : 0;
}

/* The first that the host will never have; NULL if it has all. */
static const struct demand *host_lacks(const struct engine *e, const char *host, const struct demand *demands,
                                       size_t len) {
  for (size_t i = 0; i < len; i++)
    if (host_units(e, host, demands[i].name) < demands[i].amount) return &demands[i];
  return NULL;
}

/* What an instance needs now. An amount that can't be told yet counts as one: it is looked at again when it is known.
 */
static struct demand *demands_of(struct instance *i, size_t *len) {
  struct engine *e = i->run->engine;
  const struct task_spec *t = instance_task(i);
  struct demand *demands = arena_new_array(&e->scratch, t->slots_len + 1, struct demand);
  struct scope scope;
  scope_of_instance(i, &scope);
  for (*len = 0; *len < t->slots_len; (*len)++) {
    const char *message;
    struct demand *d = &demands[*len];
    d->name = t->slots[*len].name;
    if (setting_int(t->slots[*len].amount, &scope, &e->scratch, 1, 1, INT32_MAX, &d->amount, &message)) d->amount = 1;
  }
  return demands;
}

/* NULL, or why no host that `on` means can ever take it. */
static const char *objection(struct instance *i, const char *on) {
  struct engine *e = i->run->engine;
  const struct config *c = e->config;
  int group = config_group(c, on), host = config_host(c, on);
  size_t wanted, len = host >= 0 ? 1 : group < 0 ? c->hosts_len : c->groups[group].hosts_len;
  const struct demand *demands = demands_of(i, &wanted), *lacking = NULL;
  int64_t most = 0;
  for (size_t k = 0; k < len; k++) {
    const char *name = host >= 0 ? on : c->hosts[group < 0 ? k : c->groups[group].hosts[k]].name;
    const struct demand *lacks = host_lacks(e, name, demands, wanted);
    if (!lacks) return NULL;
    int64_t units = host_units(e, name, lacks->name);
    if (!lacking || units > most) lacking = lacks, most = units;
  }
  if (!lacking) return arena_fmt(&e->scratch, "there is no host in %s: choose another place", on);
  if (host >= 0 && lacking->amount > 1)
    return arena_fmt(&e->scratch, "%s needs %lld of slot %s, of which %s has %lld: choose another place", i->label,
                     (long long)lacking->amount, lacking->name, on, (long long)most);
  if (host >= 0)
    return arena_fmt(&e->scratch, "%s needs slot %s, which %s doesn't have: choose another place", i->label,
                     lacking->name, on);
  return arena_fmt(&e->scratch,
                   "%s needs %lld of slot %s, and no host%s%s has that with all else that it needs: "
                   "choose another place",
                   i->label, (long long)lacking->amount, lacking->name, group < 0 ? "" : " of ", group < 0 ? "" : on);
}

const char *rerun_on_objection(struct live_run *r, const bool *selected, const char *on) {
  struct engine *e = r->engine;
  if (!on || e->options.local_only) return NULL;
  bool any = strcmp(on, ON_ANY) == 0;
  if (config_group(e->config, on) < 0 && config_host(e->config, on) < 0 && !any)
    return arena_fmt(&e->scratch,
                     "there is no host or group '%s': `rota hosts` shows all of them, and --on any takes "
                     "any that has the slots",
                     on);
  for (size_t k = 0; k < r->len; k++) {
    const char *why = selected[k] ? objection(&r->instances[k], on) : NULL;
    if (why) return why;
  }
  return NULL;
}
