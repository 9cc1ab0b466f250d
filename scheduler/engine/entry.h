/* A pipeline by its name: the version in force, its schedules, its live runs. It stays known when its file is gone.
 */
#ifndef ROTA_ENGINE_ENTRY_H
#define ROTA_ENGINE_ENTRY_H

#include "scheduler/engine/model.h"

struct entry *entry_find(const struct engine *e, const char *name);
struct entry *entry_by_key(const struct engine *e, int64_t key);
/* From a row; its texts are copied. */
struct entry *entry_new(struct engine *e, const struct pipeline_row *row);
void entry_free(struct entry *entry);
/* Takes a version into force (retained); its schedules are matched by identity. */
void entry_set_spec(struct entry *entry, struct pipeline *spec);

void entry_loaded(struct engine *e, const struct engine_loaded *ev);
void entry_broken(struct engine *e, const struct engine_broken *ev);
void entry_gone(struct engine *e, const struct engine_gone *ev);

/* Sets or ends the pause of a pipeline. */
void entry_pause(struct entry *entry, const char *reason, const char *by);
void entry_resume(struct entry *entry);

#endif
