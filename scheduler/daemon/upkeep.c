#include "scheduler/daemon/upkeep.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "scheduler/daemon/backup_job.h"
#include "scheduler/daemon/backup_schedule.h"
#include "scheduler/daemon/handlers/body.h"
#include "scheduler/spec/config.h"
#include "scheduler/store/history.h"
#include "scheduler/store/retention.h"

#define WALK_FIRST_MS (20 * 1000)
#define WALK_EVERY_MS (5 * 60 * 1000)
#define STEP_PAUSE_MS 20
#define ZONES_MS      (60 * 60 * 1000)
#define SWEEP_AT_ONCE 500

struct upkeep {
  struct upkeep_options o;
  uv_timer_t retention, zones;
  struct retention walk;
  struct retention_removed removed; /* of the step under way */
  struct id *spared;                /* by it */
  struct arena arena;               /* of the sweep under way */
  struct id *left;                  /* that it must sweep once more */
  size_t left_len;
  bool sweeping, closing;
  int open;
  struct errands *errands;
  struct backup_jobs *backups;
  struct backup_schedule *schedule;

  uv_work_t check;
  atomic_bool stop_check;
  int check_result;
  struct buf check_why;
  bool checking;
};

static void upkeep_release(struct upkeep *u) {
  if (u->open > 0 || u->checking) return;
  vec_release(&u->removed.ids);
  buf_release(&u->check_why);
  free(u);
}

/* ---- forgetting ---- */

static void sweep_directories(struct upkeep *u, const struct id *ids, size_t len) {
  for (size_t i = 0; i < len; i++) core_sweep(u->o.assembly->core, ids[i].text);
}

static bool directory_gone(const char *state, const char *below, const char *id, const char *ending) {
  char *path = alloc_fmt("%s/%s/%s%s", state, below, id, ending);
  bool gone = access(path, F_OK) != 0;
  free(path);
  return gone;
}

static bool all_gone(const char *state, const char *id) {
  return directory_gone(state, "runs", id, "") && directory_gone(state, "work", id, "") &&
         directory_gone(state, "work", id, ".state");
}

/* Those whose directories are gone are taken off the list of what retention removed; the others are left to be swept
 * once more. */
static int swept_job(struct store *store, void *arg) {
  struct upkeep *u = arg;
  struct id *ids;
  size_t len, gone = 0;
  int err = history_removed(u->o.history, SWEEP_AT_ONCE, &u->arena, &ids, &len);
  if (err) return err;
  for (size_t i = 0; i < len; i++) {
    if (!all_gone(u->o.assembly->state_dir, ids[i].text)) continue;
    struct id id = ids[gone];
    ids[gone++] = ids[i];
    ids[i] = id;
  }
  u->left = ids + gone;
  u->left_len = len - gone;
  return retention_swept(store, ids, gone, NULL);
}

static void swept_done(void *arg, int result) {
  struct upkeep *u = arg;
  if (!u->closing) {
    committer_failed(core_committer(u->o.assembly->core), result);
    sweep_directories(u, u->left, u->left_len);
  }
  u->left_len = 0;
  arena_release(&u->arena);
  u->sweeping = false;
}

static void look_at_removed(struct upkeep *u) {
  if (u->sweeping) return;
  u->sweeping = true;
  committer_job(core_committer(u->o.assembly->core), swept_job, swept_done, u);
}

static int step_job(struct store *store, void *arg) {
  struct upkeep *u = arg;
  return retention_step(store, &u->walk, clock_now(), &u->removed, NULL);
}

static void on_retention(uv_timer_t *timer);

static void step_done(void *arg, int result) {
  struct upkeep *u = arg;
  free(u->spared);
  u->spared = NULL;
  if (u->closing) return;
  requests_let_go(u->o.requests, u->removed.ids.items, u->removed.ids.len);
  committer_failed(core_committer(u->o.assembly->core), result);
  sweep_directories(u, u->removed.ids.items, u->removed.ids.len);
  u->removed.ids.len = 0;
  if (result != 1) look_at_removed(u);
  uv_timer_start(&u->retention, on_retention, result == 1 ? STEP_PAUSE_MS : WALK_EVERY_MS, 0);
}

static void on_retention(uv_timer_t *timer) {
  struct upkeep *u = timer->data;
  const struct config *config = u->o.assembly->config;
  u->walk.days = config->retention_days;
  u->walk.runs = config->retention_runs;
  u->walk.spared_len = requests_hold(u->o.requests, &u->spared);
  u->walk.spared = u->spared;
  committer_job(core_committer(u->o.assembly->core), step_job, step_done, u);
}

/* ---- time zones ---- */

static void on_zones(uv_timer_t *timer) {
  struct upkeep *u = timer->data;
  assembly_refresh_zones(u->o.assembly);
}

/* ---- the check of the whole database ---- */

static void check_work(uv_work_t *work) {
  struct upkeep *u = work->data;
  u->check_result = store_check(u->o.assembly->state_dir, &u->stop_check, &u->check_why);
}

static void check_done(uv_work_t *work, int status) {
  (void)status;
  struct upkeep *u = work->data;
  u->checking = false;
  if (u->check_result == ERR_CORRUPT && !u->closing)
    core_condemn(u->o.assembly->core, u->check_why.len ? u->check_why.bytes : err_text(ERR_CORRUPT));
  if (u->check_result == ERR_IO && !u->closing)
    LOG(LOG_ERROR, "the database couldn't be checked: the disk can't read it", {"reason", buf_cstr(&u->check_why)});
  if (u->closing) upkeep_release(u);
}

/* ---- backups ---- */

struct backup_wish {
  const char *file;
  struct post *deed;
  struct arena *arena;
};

static void *read_backup(const struct api_request *request, struct body *body, struct arena *arena) {
  (void)request;
  struct backup_wish *w = arena_new(arena, struct backup_wish);
  w->file = body_text(body, "file", true);
  if (w->file && w->file[0] != '/') body->fault = "'file' must be an absolute path on the daemon's machine";
  return w;
}

static void backup_done(void *ctx, int status, const char *text) {
  struct backup_wish *w = ctx;
  if (status != 200) {
    const struct refusal why = {status, "No backup", text};
    requests_deed_end(w->deed, NULL, &why);
    return;
  }
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_string(&j, "file", w->file);
  jsonw_object_end(&j);
  const struct engine_record done = {.action = "backup",
                                     .object = w->file,
                                     .status = 200,
                                     .body = arena_strndup(w->arena, buf_cstr(&body), body.len),
                                     .body_len = body.len};
  buf_release(&body);
  requests_deed_end(w->deed, &done, NULL);
}

static void begin_backup(void *ctx, void *wish, struct post *deed, struct arena *arena) {
  struct upkeep *u = ctx;
  struct backup_wish *w = wish;
  w->deed = deed;
  w->arena = arena;
  backup_jobs_start(u->backups, w->file, backup_done, w);
}

static const struct recorder backup_recorder = {
    .route = API_BACKUP, .read = read_backup, .begin = begin_backup, .members = {"file"}};

/* ---- the whole ---- */

struct upkeep *upkeep_new(const struct upkeep_options *options) {
  struct upkeep *u = alloc_new(struct upkeep);
  uv_loop_t *loop = &options->assembly->loop;
  u->o = *options;
  const struct errands_options errands = {.loop = loop, .overdue = &options->backup->overdue};
  u->errands = errands_new(&errands);
  u->backups = backup_jobs_new(u->errands, core_committer(options->assembly->core));
  requests_record(options->requests, &backup_recorder, 1, u);
  const struct backup_schedule_options schedule = {.assembly = options->assembly,
                                                   .jobs = u->backups,
                                                   .errands = u->errands,
                                                   .standing = options->backup,
                                                   .changed = options->backup_changed,
                                                   .ctx = options->ctx};
  u->schedule = backup_schedule_new(&schedule);
  uv_timer_init(loop, &u->retention);
  uv_timer_init(loop, &u->zones);
  u->retention.data = u->zones.data = u;
  u->open = 2;
  uv_timer_start(&u->retention, on_retention, WALK_FIRST_MS, 0);
  uv_timer_start(&u->zones, on_zones, ZONES_MS, ZONES_MS);
  u->check.data = u;
  u->checking = uv_queue_work(loop, &u->check, check_work, check_done) == 0;
  return u;
}

void upkeep_configure(struct upkeep *u) {
  backup_schedule_configure(u->schedule);
}

static void on_closed(uv_handle_t *handle) {
  struct upkeep *u = handle->data;
  u->open--;
  upkeep_release(u);
}

void upkeep_free(struct upkeep *u) {
  if (!u) return;
  u->closing = true;
  u->stop_check = true;
  backup_schedule_free(u->schedule);
  backup_jobs_free(u->backups);
  errands_free(u->errands);
  uv_close((uv_handle_t *)&u->retention, on_closed);
  uv_close((uv_handle_t *)&u->zones, on_closed);
}
