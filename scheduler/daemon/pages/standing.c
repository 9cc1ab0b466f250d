#include "scheduler/daemon/pages/standing.h"

#include <string.h>

#include "scheduler/daemon/backup_schedule.h"
#include "scheduler/daemon/health/health.h"

#define NEXT_FIRINGS 10

struct firing {
  const char *pipeline, *schedule;
  instant at;
};

/* The `max` next firings over all pipelines, in order. */
static size_t next_firings(const struct queries_options *o, const char *only, struct firing *out, size_t max) {
  const struct map *pipelines = &o->assembly->names.pipelines;
  size_t len = 0;
  for (size_t i = 0; i < pipelines->len; i++) {
    const char *name = ((const struct pipeline_name *)pipelines->entries[i].value)->text;
    if (only && strcmp(only, name) != 0) continue;
    const char *schedule = NULL;
    instant at = engine_next_firing(core_engine(o->assembly->core), name, &schedule);
    if (at == INSTANT_NONE) continue;
    size_t place = len < max ? len++ : len;
    while (place > 0 && out[place - 1].at > at) {
      if (place < max) out[place] = out[place - 1];
      place--;
    }
    if (place < max) out[place] = (struct firing){name, schedule, at};
  }
  return len;
}

static void member_next(struct page *p, const struct queries_options *o) {
  struct firing next[NEXT_FIRINGS];
  size_t len = next_firings(o, NULL, next, NEXT_FIRINGS);
  jsonw_key(&p->json, "next");
  jsonw_array(&p->json);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&p->json);
    jsonw_member_string(&p->json, "pipeline", next[i].pipeline);
    jsonw_member_string(&p->json, "schedule", next[i].schedule);
    jsonw_member_instant(&p->json, "scheduled_for", next[i].at);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

static void member_slots(struct page *p, const struct queries_options *o) {
  struct engine_slot *slots;
  size_t len = engine_slots(core_engine(o->assembly->core), &p->arena, &slots);
  jsonw_key(&p->json, "slots");
  jsonw_array(&p->json);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&p->json);
    jsonw_member_string(&p->json, "host", slots[i].host);
    jsonw_member_string(&p->json, "name", slots[i].name);
    jsonw_member_int(&p->json, "used", slots[i].used);
    jsonw_member_int(&p->json, "total", slots[i].total);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

void standing_pause(struct json *j, const char *key, instant at, const char *reason, const char *by) {
  jsonw_key(j, key);
  if (at == INSTANT_NONE) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_instant(j, "at", at);
  jsonw_member_string(j, "reason", reason);
  jsonw_member_string(j, "by", by);
  jsonw_object_end(j);
}

/* Those that a person should know of: ordered out of the way, or out of reach. */
static void member_hosts(struct page *p, const struct queries_options *o) {
  struct json *j = &p->json;
  struct engine_place *places;
  size_t len = engine_hosts(core_engine(o->assembly->core), &p->arena, &places);
  jsonw_key(j, "hosts");
  jsonw_array(j);
  for (size_t i = 0; i < len; i++) {
    const struct host_row *row = places[i].row;
    bool ordered = row->order != HOST_ORDER_UP;
    if (!ordered && (places[i].here || row->contact == HOST_CONTACT_UP)) continue;
    jsonw_object(j);
    jsonw_member_string(j, "name", row->name);
    jsonw_member_string(j, "order", host_order_word(row->order));
    jsonw_member_string(j, "contact", host_contact_word(row->contact));
    jsonw_member_instant(j, "since", ordered ? row->order_at : row->since);
    jsonw_member_string(j, "text", ordered ? row->order_reason : row->text);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

void standing_json(struct page *p, const struct queries_options *o) {
  struct json *j = &p->json;
  struct pause_row pause = engine_paused(core_engine(o->assembly->core));
  member_next(p, o);
  member_slots(p, o);
  member_hosts(p, o);
  standing_pause(j, "paused", pause.at, pause.reason, pause.by);
  degraded_member(health_degraded(o->health), j);
  backup_standing_json(o->backup, j);
  jsonw_key(j, "broken");
  jsonw_array(j);
  loader_broken_json(o->loader, j);
  jsonw_array_end(j);
}
