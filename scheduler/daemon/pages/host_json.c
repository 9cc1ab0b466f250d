#include "scheduler/daemon/pages/host_json.h"

#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "scheduler/daemon/pages/present.h"
#include "scheduler/spec/config.h"

void host_disk_read(const struct page *p, struct host_disk *out) {
  struct statvfs fs;
  *out = (struct host_disk){-1, -1};
  if (statvfs(p->state_dir, &fs)) return;
  out->free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
  out->size_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
}

const char *host_run_name(struct page *p, const char *pipeline, int64_t number) {
  return arena_fmt(&p->arena, "%s#%" PRId64, pipeline, number);
}

static void write_order(struct json *j, const struct engine_place *place) {
  jsonw_key(j, "order");
  jsonw_object(j);
  jsonw_member_string(j, "state", host_order_word(place->row->order));
  jsonw_member_string(j, "reason", place->row->order_reason);
  jsonw_member_string(j, "by", place->row->order_by);
  jsonw_member_instant(j, "at", place->row->order_at);
  jsonw_object_end(j);
}

static void write_contact(struct json *j, const struct engine_place *place) {
  jsonw_key(j, "contact");
  jsonw_object(j);
  jsonw_member_string(j, "state", host_contact_word(place->row->contact));
  jsonw_member_instant(j, "since", place->row->since);
  jsonw_member_string(j, "text", place->row->text);
  jsonw_object_end(j);
}

static void write_unit(struct page *p, const struct engine_unit *unit) {
  struct json *j = &p->json;
  jsonw_object(j);
  jsonw_member_string(j, "name", unit->unit);
  jsonw_member_string(j, "run", unit->run_id ? host_run_name(p, unit->pipeline, unit->number) : NULL);
  jsonw_member_string(j, "run_id", unit->run_id);
  jsonw_member_string(j, "task", unit->task);
  jsonw_object_end(j);
}

struct host_common host_common(struct page *p, const struct queries_options *o, const struct host_disk *here) {
  struct engine_unit *units;
  size_t len = engine_units(core_engine(o->assembly->core), &p->arena, &units);
  return (struct host_common){.here = here, .units = units, .units_len = len};
}

/* Of the same slot. */
static bool unit_beside(const struct engine_unit *unit, const struct engine_unit *first) {
  return unit->host && strcmp(unit->host, first->host) == 0 && strcmp(unit->slot, first->slot) == 0;
}

/* A unit that the configuration has no more is shown as long as somebody holds it, and not counted. */
static void write_slots(struct page *p, const struct host_common *all, const char *host) {
  struct json *j = &p->json;
  size_t i = 0;
  jsonw_key(j, "slots");
  jsonw_array(j);
  while (i < all->units_len) {
    const struct engine_unit *first = &all->units[i];
    bool here = first->host && strcmp(first->host, host) == 0;
    int64_t total = 0;
    if (!here) {
      i++;
      continue;
    }
    jsonw_object(j);
    jsonw_member_string(j, "name", first->slot);
    jsonw_key(j, "units");
    jsonw_array(j);
    for (; i < all->units_len && unit_beside(&all->units[i], first); i++) {
      write_unit(p, &all->units[i]);
      total += !all->units[i].retired;
    }
    jsonw_array_end(j);
    jsonw_member_int(j, "total", total);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

static void write_groups(struct json *j, const struct config *config, const char *host) {
  int index = config_host(config, host);
  jsonw_key(j, "groups");
  jsonw_array(j);
  for (size_t g = 0; index >= 0 && g < config->groups_len; g++) {
    const struct config_group *group = &config->groups[g];
    for (size_t i = 0; i < group->hosts_len; i++)
      if (group->hosts[i] == (uint32_t)index) jsonw_string(j, group->name);
  }
  jsonw_array_end(j);
}

static void write_disk(struct json *j, int64_t free_bytes, int64_t size_bytes, instant at) {
  jsonw_key(j, "disk");
  if (free_bytes < 0 || size_bytes < 0) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_int(j, "free_bytes", free_bytes);
  jsonw_member_int(j, "size_bytes", size_bytes);
  jsonw_member_instant(j, "at", at);
  jsonw_object_end(j);
}

static void write_boot(struct json *j, const struct engine_place *place) {
  jsonw_key(j, "boot");
  if (!place->row->boot) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_string(j, "id", place->row->boot);
  jsonw_member_instant(j, "booted_at", place->row->booted_at);
  jsonw_object_end(j);
}

void host_json_begin(struct page *p, const struct queries_options *o, const struct engine_place *place,
                     const struct host_common *common) {
  struct json *j = &p->json;
  struct host_view view = {.disk_free = -1, .disk_size = -1};
  if (!place->here) fleet_view(o->assembly->fleet, place->row->name, &view);
  jsonw_object(j);
  jsonw_member_string(j, "name", place->row->name);
  jsonw_member_string(j, "address", view.address);
  jsonw_member_string(j, "transport", view.transport);
  jsonw_member_bool(j, "configured", place->configured);
  write_order(j, place);
  write_contact(j, place);
  write_slots(p, common, place->row->name);
  present_known(j, "max_tasks", place->max_tasks ? place->max_tasks : -1);
  jsonw_member_int(j, "running", (int64_t)place->running);
  if (place->here)
    write_disk(j, common->here->free_bytes, common->here->size_bytes, p->now);
  else
    write_disk(j, view.disk_free, view.disk_size, view.disk_at);
  write_boot(j, place);
  write_groups(j, o->assembly->config, place->row->name);
}
