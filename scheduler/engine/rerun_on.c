/* Whether a rerun may be sent to a place. */
#include <string.h>

#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/slot.h"

static bool host_has(const struct engine *e, const struct host *h, const char *slot) {
  bool limit;
  const struct slot *s = slot_of_demand(e, h, slot, &limit);
  return s && slot_total(s) > 0;
}

/* Whether one of the hosts that `on` means has that slot. */
static bool place_has(const struct engine *e, const char *on, const char *slot) {
  const struct config *c = e->config;
  int group = config_group(c, on), host = config_host(c, on);
  if (host >= 0) return host_has(e, host_find(e, on), slot);
  size_t len = group < 0 ? c->hosts_len : c->groups[group].hosts_len;
  for (size_t i = 0; i < len; i++)
    if (host_has(e, host_find(e, c->hosts[group < 0 ? i : c->groups[group].hosts[i]].name), slot)) return true;
  return false;
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
    const struct task_spec *t = instance_task(&r->instances[k]);
    for (size_t s = 0; selected[k] && s < t->slots_len; s++)
      if (!place_has(e, on, t->slots[s].name))
        return arena_fmt(&e->scratch, "%s needs slot %s, which %s%s: choose another place", r->instances[k].label,
                         t->slots[s].name, any ? "no host" : on, any ? " has" : " doesn't have");
  }
  return NULL;
}
