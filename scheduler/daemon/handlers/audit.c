#include "scheduler/daemon/handlers/audit.h"

#include "scheduler/daemon/access/access.h"

void audit_put(struct core *core, const struct api_request *request, const char *action, const char *object,
               const char *detail) {
  struct inbox *in = core_inbox(core);
  struct arena *arena = inbox_arena(in);
  struct engine_record *record = &inbox_add(in, ENGINE_RECORD)->record;
  record->asker.actor = access_actor(request, arena);
  record->action = arena_strdup(arena, action);
  record->object = object ? arena_strdup(arena, object) : NULL;
  record->detail = detail ? arena_strdup(arena, detail) : NULL;
}
