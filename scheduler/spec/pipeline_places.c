/* Where tasks run and what they hold there, against the configuration. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/config.h"
#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline_build.h"

static const struct config_slot *slot_find(const struct config_slot *slots, size_t len, const char *name) {
  for (size_t i = 0; i < len; i++)
    if (strcmp(slots[i].name, name) == 0) return &slots[i];
  return NULL;
}

static bool place_known(struct builder *b, const struct task_spec *t) {
  const struct config *c = b->config;
  if (!t->on || !template_literal(t->on)) return true;
  if (config_host(c, t->on->source) >= 0 || config_group(c, t->on->source) >= 0) return true;
  const char **names = arena_new_array(b->scratch, c->hosts_len + c->groups_len, const char *);
  size_t len = 0;
  for (size_t i = 0; i < c->groups_len; i++) names[len++] = c->groups[i].name;
  for (size_t i = 0; i < c->hosts_len; i++) names[len++] = c->hosts[i].name;
  reader_unknown(&b->reader, t->on->place, "host or group", t->on->source, names, len);
  return false;
}

/* The most units of a slot that one of the hosts has where the task may run. */
static size_t units_most(const struct config *c, const struct task_spec *t, const char *name) {
  const char *on = t->on ? t->on->source : HOST_LOCAL;
  int group = config_group(c, on), host = config_host(c, on);
  size_t most = 0, count = group >= 0 ? c->groups[group].hosts_len : 1;
  for (size_t i = 0; i < count; i++) {
    const struct config_host *h = &c->hosts[group >= 0 ? c->groups[group].hosts[i] : (uint32_t)host];
    const struct config_slot *slot = slot_find(h->slots, h->slots_len, name);
    if (slot && slot->units_len > most) most = slot->units_len;
  }
  return most;
}

static void slot_check(struct builder *b, const struct task_spec *t, const struct slot_spec *s) {
  const struct config *c = b->config;
  const struct config_slot *limit = slot_find(c->limits, c->limits_len, s->name);
  if (!template_literal(s->amount) || (!limit && t->on && !template_literal(t->on))) return;
  size_t most = limit ? limit->units_len : units_most(c, t, s->name), want = strtoul(s->amount->source, NULL, 10);
  if (want <= most) return;
  const char *on = t->on ? t->on->source : HOST_LOCAL;
  if (limit)
    diag_error(b->reader.diags, s->amount->place, NULL, "the task '%s' needs %zu of '%s', and the limit is %zu",
               t->name, want, s->name, most);
  else if (most == 0)
    diag_error(b->reader.diags, s->amount->place, t->on ? NULL : "say with 'on' where it runs",
               "the task '%s' needs the slot '%s', which %s doesn't have", t->name, s->name,
               t->on ? on : "this machine");
  else if (config_group(c, on) >= 0)
    diag_error(b->reader.diags, s->amount->place, NULL,
               "the task '%s' needs %zu of '%s', more than any host of '%s' has: %zu", t->name, want, s->name, on,
               most);
  else
    diag_error(b->reader.diags, s->amount->place, NULL, "the task '%s' needs %zu of '%s', and '%s' has %zu", t->name,
               want, s->name, on, most);
}

static bool slot_is_known(const struct config *c, const char *name) {
  if (slot_find(c->limits, c->limits_len, name)) return true;
  for (size_t i = 0; i < c->hosts_len; i++)
    if (slot_find(c->hosts[i].slots, c->hosts[i].slots_len, name)) return true;
  return false;
}

void places_check(struct builder *b) {
  if (!b->config || b->local) return;
  const struct template *failed = NULL; /* an `on` of defaults is reported once */
  for (size_t i = 0; i < b->p->tasks_len; i++) {
    const struct task_spec *t = &b->p->tasks[i];
    if (t->on && t->on == failed) continue;
    if (!place_known(b, t)) {
      failed = t->on;
      continue;
    }
    for (size_t k = 0; k < t->slots_len; k++)
      if (slot_is_known(b->config, t->slots[k].name)) slot_check(b, t, &t->slots[k]);
  }
}
