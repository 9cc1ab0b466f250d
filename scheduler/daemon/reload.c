#include "scheduler/daemon/reload.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/vec.h"
#include "scheduler/daemon/door.h"
#include "scheduler/daemon/handlers/audit.h"
#include "scheduler/daemon/service.h"
#include "scheduler/daemon/upkeep.h"
#include "scheduler/spec/config.h"

/* One on its way: scan, then the engine's step and its commit. */
struct reload {
  struct reloads *owner;
  uint64_t handle;
  struct config *former; /* that it replaced; NULL if it was about files only */
  struct loader_result result;
};

struct reloads {
  struct reloads_options o;
  struct config *config;
  char *socket_group; /* of the start; NULL: none */
  VEC(struct reload *) under_way;
  bool files_asked; /* a scan of files that nobody waits for is asked for already */
};

struct reloads *reloads_new(const struct reloads_options *options, struct config *config) {
  struct reloads *r = alloc_new(struct reloads);
  r->o = *options;
  r->config = config;
  r->socket_group = config->socket_group ? alloc_strdup(config->socket_group) : NULL;
  return r;
}

static void reload_free(struct reload *reload) {
  config_free(reload->former);
  free(reload);
}

void reloads_free(struct reloads *r) {
  if (!r) return;
  for (size_t i = 0; i < r->under_way.len; i++) reload_free(r->under_way.items[i]);
  vec_release(&r->under_way);
  config_free(r->config);
  free(r->socket_group);
  free(r);
}

static void answer(const struct reload *reload) {
  const struct reloads *r = reload->owner;
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_int(&j, "files", (int64_t)reload->result.files);
  jsonw_member_int(&j, "loaded", (int64_t)reload->result.loaded);
  jsonw_member_int(&j, "gone", (int64_t)reload->result.gone);
  jsonw_key(&j, "broken");
  jsonw_array(&j);
  loader_broken_json(r->o.loader, &j);
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  api_reply(server_api(r->o.server), reload->handle, 200, NULL, NULL, 0, body.bytes, body.len);
  server_pump(r->o.server);
  buf_release(&body);
}

/* The scan has ended and the engine has taken what it found, and the configuration before it: nobody is left who
 * looks at the former one. */
static void on_recorded(void *ctx) {
  struct reload *reload = ctx;
  struct reloads *r = reload->owner;
  if (reload->handle) answer(reload);
  if (!reload->handle && reload->former) service_notify("READY=1"); /* a signal began it */
  for (size_t i = 0; i < r->under_way.len; i++) {
    if (r->under_way.items[i] == reload) vec_swap_remove(&r->under_way, i);
  }
  reload_free(reload);
}

static void on_scanned(void *ctx, const struct loader_result *result) {
  struct reload *reload = ctx;
  struct reloads *r = reload->owner;
  const char *const *folders;
  size_t len = loader_folders(r->o.loader, &folders);
  if (!reload->handle && !reload->former) r->files_asked = false;
  watch_folders(r->o.watch, folders, len);
  reload->result = *result;
  core_after(r->o.assembly->core, on_recorded, reload);
}

static void begin(struct reloads *r, uint64_t handle, struct config *former) {
  struct reload *reload = alloc_new(struct reload);
  reload->owner = r;
  reload->handle = handle;
  reload->former = former;
  vec_push(&r->under_way, reload);
  loader_rescan(r->o.loader, &r->o.assembly->loop, on_scanned, reload);
}

void reload_files(struct reloads *r) {
  if (r->files_asked) return;
  r->files_asked = true;
  begin(r, 0, NULL);
}

void reload_all(struct reloads *r, const struct api_request *request) {
  uint64_t handle = request ? request->handle : 0;
  if (core_degraded(r->o.assembly->core) == ERR_CORRUPT) { /* nobody would take what it found */
    LOG(LOG_ERROR, "the database is damaged: nothing is reloaded", {NULL, NULL});
    if (!request) service_notify("READY=1");
    if (handle)
      api_problem(server_api(r->o.server), handle, 503, "Damaged",
                  "the database is damaged, so nothing can be recorded: `rota status` says what to do");
    return;
  }
  struct config *fresh = daemon_config(r->o.places);
  if (!fresh) {
    LOG(LOG_ERROR, "the configuration has errors: the one in force stays", {NULL, NULL});
    if (!request) service_notify("READY=1");
    if (handle)
      api_problem(server_api(r->o.server), handle, 422, "Configuration not loaded",
                  "the configuration has errors, so the one in force stays: `rota serve --check` shows them");
    return;
  }
  LOG(LOG_INFO, "reloading", {NULL, NULL});
  if (request) audit_put(r->o.assembly->core, request, "reload", NULL, NULL);
  struct config *former = r->config;
  /* Where the state is can't change while the daemon lives. */
  fresh->state = arena_strdup(&fresh->arena, former->state);
  r->config = fresh;
  door_reload(r->o.server, former, fresh);
  r->o.access->socket_peers = door_socket_role(fresh, r->socket_group);
  loader_configure(r->o.loader, fresh);
  inbox_add(core_inbox(r->o.assembly->core), ENGINE_CONFIG)->config.config = fresh;
  assembly_configure(r->o.assembly, fresh);
  assembly_refresh_zones(r->o.assembly);
  upkeep_configure(r->o.upkeep);
  begin(r, handle, former);
}
