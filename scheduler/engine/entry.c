#include "scheduler/engine/entry.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/schedule.h"

struct entry *entry_find(const struct engine *e, const char *name) {
  return map_get(&e->entries_by_name, name);
}

struct entry *entry_by_key(const struct engine *e, int64_t key) {
  return map_get_n(&e->entries_by_key, (const char *)&key, sizeof key);
}

struct entry *entry_new(struct engine *e, const struct pipeline_row *row) {
  struct entry *entry = alloc_new(struct entry);
  entry->engine = e;
  entry->row = *row;
  entry->row.name = entry->row.error = entry->row.paused_reason = entry->row.paused_by = NULL;
  row_text_set(&entry->row.name, row->name);
  row_text_set(&entry->row.error, row->error);
  row_text_set(&entry->row.paused_reason, row->paused_reason);
  row_text_set(&entry->row.paused_by, row->paused_by);
  vec_push(&e->entries, entry);
  map_put(&e->entries_by_name, row->name, entry);
  map_put_n(&e->entries_by_key, (const char *)&row->key, sizeof row->key, entry);
  return entry;
}

void entry_free(struct entry *entry) {
  for (size_t i = 0; i < entry->schedules.len; i++) schedule_free(entry->schedules.items[i]);
  vec_release(&entry->schedules);
  for (size_t i = 0; i < entry->stats.len; i++) {
    struct stat_row *s = entry->stats.entries[i].value;
    row_text_set(&s->task, NULL);
    free(s);
  }
  map_release(&entry->stats);
  pipeline_release(entry->spec);
  row_text_set(&entry->row.name, NULL);
  row_text_set(&entry->row.error, NULL);
  row_text_set(&entry->row.paused_reason, NULL);
  row_text_set(&entry->row.paused_by, NULL);
  free(entry);
}

/* ---- schedules by identity ---- */

static const struct schedule_spec *spec_of_identity(const struct pipeline *p, const char *identity) {
  for (size_t i = 0; i < p->schedules_len; i++)
    if (strcmp(p->schedules[i].identity, identity) == 0) return &p->schedules[i];
  return NULL;
}

static struct schedule *schedule_of_identity(const struct entry *entry, const char *identity) {
  for (size_t i = 0; i < entry->schedules.len; i++)
    if (strcmp(entry->schedules.items[i]->row.identity, identity) == 0) return entry->schedules.items[i];
  return NULL;
}

void entry_set_spec(struct entry *entry, struct pipeline *spec) {
  struct engine *e = entry->engine;
  pipeline_retain(spec);
  pipeline_release(entry->spec);
  entry->spec = spec;
  for (size_t i = 0; i < entry->schedules.len; i++) {
    struct schedule *s = entry->schedules.items[i];
    const struct schedule_spec *now = entry->row.present ? spec_of_identity(spec, s->row.identity) : NULL;
    if (now)
      schedule_activate(s, now);
    else
      schedule_deactivate(s);
  }
  for (size_t i = 0; entry->row.present && i < spec->schedules_len; i++) {
    if (schedule_of_identity(entry, spec->schedules[i].identity)) continue;
    struct schedule_row row = {.key = engine_key(e),
                               .pipeline = entry->row.key,
                               .identity = spec->schedules[i].identity,
                               .since = e->now.wall,
                               .decided = e->now.wall,
                               .active = true};
    struct schedule *s = schedule_new(entry, &row);
    mark_schedule(e, s);
    schedule_activate(s, &spec->schedules[i]);
  }
}

/* ---- files ---- */

/* The key of the version in force, if it is this text; else of a new row. One that was in force long ago isn't taken
 * up again: retention may have removed its row. */
static int64_t version_key(struct engine *e, struct entry *entry, const struct engine_loaded *ev) {
  if (entry->row.version && strcmp(entry->sha256, ev->sha256) == 0) return entry->row.version;
  struct version_row row = {.key = engine_key(e),
                            .pipeline = entry->row.key,
                            .text = ev->text,
                            .text_len = ev->text_len,
                            .json = ev->json,
                            .json_len = ev->json_len,
                            .created_at = e->now.wall};
  memcpy(row.sha256, ev->sha256, sizeof row.sha256);
  memcpy(entry->sha256, ev->sha256, sizeof entry->sha256);
  emit_version(e, &row);
  return row.key;
}

static struct entry *entry_ensure(struct engine *e, const char *name) {
  struct entry *entry = entry_find(e, name);
  if (entry) return entry;
  return entry_new(e, &(struct pipeline_row){
                          .key = engine_key(e), .name = name, .seen_at = e->now.wall, .paused_at = INSTANT_NONE});
}

void entry_loaded(struct engine *e, const struct engine_loaded *ev) {
  struct entry *entry = entry_ensure(e, ev->name);
  int64_t version = version_key(e, entry, ev);
  bool same = entry->row.present && entry->row.version == version && !entry->row.error && entry->spec;
  if (same) return;
  bool was_paused_in_file = entry->spec && entry->spec->paused;
  bool new_version = entry->row.version != version || !entry->row.present;
  entry->row.present = true;
  entry->row.version = version;
  row_text_set(&entry->row.error, NULL);
  mark_entry(e, entry);
  emit_event(e, EVENT_ROW_PIPELINE, entry, NULL, NULL, "loaded", NULL);
  if (new_version || !entry->spec) entry_set_spec(entry, ev->pipeline);
  /* `paused: true` holds until someone resumes it; it pauses when it comes into the file, not at each reading. */
  if (ev->pipeline->paused && !was_paused_in_file && entry->row.paused_at == INSTANT_NONE)
    entry_pause(entry, "paused: true in the file", NULL);
}

void entry_broken(struct engine *e, const struct engine_broken *ev) {
  struct entry *entry = entry_ensure(e, ev->name);
  if (entry->row.present && entry->row.error && strcmp(entry->row.error, ev->error) == 0) return;
  bool came_back = !entry->row.present;
  entry->row.present = true;
  row_text_set(&entry->row.error, ev->error);
  mark_entry(e, entry);
  emit_event(e, EVENT_ROW_PIPELINE, entry, NULL, NULL, "broken", "its file has errors");
  if (came_back && entry->spec) entry_set_spec(entry, entry->spec);
}

void entry_gone(struct engine *e, const struct engine_gone *ev) {
  struct entry *entry = entry_find(e, ev->name);
  if (!entry || !entry->row.present) return;
  entry->row.present = false;
  row_text_set(&entry->row.error, NULL);
  mark_entry(e, entry);
  for (size_t i = 0; i < entry->schedules.len; i++) schedule_deactivate(entry->schedules.items[i]);
  emit_event(e, EVENT_ROW_PIPELINE, entry, NULL, NULL, "gone", "its file was removed");
}

/* ---- pause ---- */

void entry_pause(struct entry *entry, const char *reason, const char *by) {
  entry->row.paused_at = entry->engine->now.wall;
  row_text_set(&entry->row.paused_reason, reason);
  row_text_set(&entry->row.paused_by, by);
  mark_entry(entry->engine, entry);
  emit_event(entry->engine, EVENT_ROW_PIPELINE, entry, NULL, NULL, "paused", reason);
}

void entry_resume(struct entry *entry) {
  /* What came due while it was paused stays unstarted: it is decided before the pause ends. */
  schedules_run_entry(entry->engine, entry);
  entry->row.paused_at = INSTANT_NONE;
  row_text_set(&entry->row.paused_reason, NULL);
  row_text_set(&entry->row.paused_by, NULL);
  mark_entry(entry->engine, entry);
  emit_event(entry->engine, EVENT_ROW_PIPELINE, entry, NULL, NULL, "resumed", NULL);
}
