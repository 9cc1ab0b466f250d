/* `rota serve`: the daemon itself, from its start to its end. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/code.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/loader.h"
#include "scheduler/daemon/queries.h"
#include "scheduler/daemon/requests.h"
#include "scheduler/daemon/restore_answers.h"
#include "scheduler/daemon/server.h"
#include "scheduler/daemon/service.h"
#include "scheduler/daemon/upkeep.h"
#include "scheduler/daemon/watch.h"
#include "scheduler/spec/config.h"
#include "scheduler/store/history.h"

#define SIGNALS_LEN 3

struct serve {
  const struct serve_options *options;
  struct config *config, *former; /* the former one lives until the engine has taken the new one */
  struct assembly assembly;
  struct loader *loader;
  struct watch *watch;
  struct history *history;
  struct server *server;
  struct requests *requests;
  struct restore_answers *answers;
  struct queries *queries;
  struct upkeep *upkeep;
  struct code_lookups code_lookups;
  uv_signal_t signals[SIGNALS_LEN];
  struct degraded degraded;
  int code;
};

static const int caught[SIGNALS_LEN] = {SIGINT, SIGTERM, SIGHUP};

/* ---- hooks of the core ---- */

static void on_committed(void *ctx, const struct change *changes, size_t len) {
  struct serve *s = ctx;
  assembly_committed(&s->assembly, changes, len, true);
  code_committed(&s->code_lookups, &s->assembly.names, changes, len);
  queries_committed(s->queries, changes, len);
  assembly_forget(&s->assembly, changes, len);
  if (s->former) {
    config_free(s->former);
    s->former = NULL;
  }
}

static void on_reply(void *ctx, const struct decision_reply *reply) {
  struct serve *s = ctx;
  requests_reply(s->requests, reply);
  restore_answers_reply(s->answers, reply);
}

static void on_degraded(void *ctx, int err, const char *why) {
  struct serve *s = ctx;
  s->degraded.err = err;
  s->degraded.since = clock_now();
  free(s->degraded.why);
  s->degraded.why = err ? alloc_strdup(why) : NULL;
  if (err) {
    LOG(LOG_ERROR, "degraded: nothing can be recorded, nothing new is started", {"reason", why});
    requests_degraded(s->requests);
    restore_answers_degraded(s->answers);
  } else {
    LOG(LOG_INFO, "recovered: commits succeed again", {NULL, NULL});
  }
}

static void on_fatal(void *ctx, int err, const char *why) {
  struct serve *s = ctx;
  LOG(LOG_ERROR, "the state can't be written safely: ending; tasks go on, a restart takes them up again",
      {"error", err_name(err)}, {"reason", why});
  s->code = EXIT_FAILED;
  uv_stop(&s->assembly.loop);
}

/* ---- requests ---- */

static void answer(void *ctx, uint64_t handle, int status, const char *body, size_t len) {
  struct serve *s = ctx;
  api_reply(server_api(s->server), handle, status, status >= 400 ? API_PROBLEM_TYPE : NULL, NULL, 0, body, len);
  server_pump(s->server);
}

struct reload {
  struct serve *serve;
  uint64_t handle; /* 0: nobody asked */
  struct loader_result result;
};

static void on_reloaded(void *ctx) {
  struct reload *reload = ctx;
  struct serve *s = reload->serve;
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_int(&j, "files", (int64_t)reload->result.files);
  jsonw_member_int(&j, "loaded", (int64_t)reload->result.loaded);
  jsonw_member_int(&j, "gone", (int64_t)reload->result.gone);
  jsonw_key(&j, "broken");
  jsonw_array(&j);
  loader_broken_json(s->loader, &j);
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  if (reload->handle) answer(s, reload->handle, 200, body.bytes, body.len);
  buf_release(&body);
  free(reload);
}

static void on_loaded(void *ctx, const struct loader_result *result) {
  struct reload *reload = ctx;
  struct serve *s = reload->serve;
  const char *const *folders;
  size_t len = loader_folders(s->loader, &folders);
  watch_folders(s->watch, folders, len);
  reload->result = *result;
  core_after(s->assembly.core, on_reloaded, reload);
}

static void rescan(struct serve *s, uint64_t handle) {
  struct reload *reload = alloc_new(struct reload);
  reload->serve = s;
  reload->handle = handle;
  loader_rescan(s->loader, &s->assembly.loop, on_loaded, reload);
}

/* Reads the configuration again; with an error in it the one in force stays. Where the state and the pipelines are
 * can't change while the daemon lives. */
static bool reload_config(struct serve *s) {
  struct config *fresh = daemon_config(&s->options->places);
  if (!fresh) return false;
  fresh->state = arena_strdup(&fresh->arena, s->config->state);
  config_free(s->former);
  s->former = s->config;
  s->config = fresh;
  loader_configure(s->loader, fresh);
  s->assembly.config = fresh;
  inbox_add(core_inbox(s->assembly.core), ENGINE_CONFIG)->config.config = fresh;
  return true;
}

static void reload(struct serve *s, uint64_t handle) {
  bool good = loader_busy(s->loader) || reload_config(s);
  LOG(good ? LOG_INFO : LOG_ERROR, good ? "reloading" : "the configuration has errors: the one in force stays",
      {NULL, NULL});
  if (!good && handle) {
    api_problem(server_api(s->server), handle, 422, "Configuration not loaded",
                "the configuration has errors, so the one in force stays: `rota serve --check` shows them");
    return;
  }
  rescan(s, handle);
}

static void on_request(void *ctx, const struct api_request *request) {
  struct serve *s = ctx;
  if (request->route == API_RELOAD) {
    reload(s, request->handle);
  } else if (request->route == API_BACKUP) {
    upkeep_backup(s->upkeep, request);
  } else if (!restore_answers_take(s->answers, request) && !requests_take(s->requests, request)) {
    queries_take(s->queries, request);
  }
}

static void on_gone(void *ctx, uint64_t handle) {
  struct serve *s = ctx;
  queries_gone(s->queries, handle);
}

/* ---- signals and files ---- */

static void on_files_changed(void *ctx) {
  rescan(ctx, 0);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct serve *s = handle->data;
  if (number == SIGHUP) {
    service_notify("RELOADING=1");
    reload(s, 0);
    service_notify("READY=1");
    return;
  }
  LOG(LOG_INFO, "stopping; tasks go on and are taken up at the next start", {NULL, NULL});
  service_notify("STOPPING=1");
  uv_stop(&s->assembly.loop);
}

/* ---- start and end ---- */

/* The folder is read before anything can fire, so that a schedule that was taken out while the daemon was down
 * doesn't catch up. */
static void load_pipelines(struct serve *s) {
  const struct engine_state *state = &s->assembly.loaded.state;
  s->loader = loader_new(core_inbox(s->assembly.core), s->config);
  for (size_t i = 0; i < state->pipelines_len; i++) {
    const struct pipeline_row *row = &state->pipelines[i];
    if (!row->present) continue;
    loader_know(s->loader, row->name, state->pipeline_sha256[i], state->pipeline_specs[i], row->error != NULL);
  }
  loader_scan(s->loader);
}

static int open_server(struct serve *s) {
  const struct api_options options = {
      .state_dir = s->config->state, .handler = on_request, .gone = on_gone, .ctx = s};
  int err = server_new(&s->assembly.loop, &options, &s->server);
  if (err) fprintf(stderr, "rota: the socket in %s can't be made: %s\n", s->config->state, err_text(err));
  return err;
}

static int open_rest(struct serve *s) {
  uv_loop_t *loop = &s->assembly.loop;
  code_init(&s->code_lookups, loop, s->assembly.core);
  s->history = history_new(s->config->state);
  load_pipelines(s);
  if (open_server(s)) return EXIT_FAILED;
  s->requests = requests_new(loop, s->assembly.core, s->history, answer, s);
  const struct restore_answers_options answers = {
      .assembly = &s->assembly, .server = s->server, .history = s->history};
  s->answers = restore_answers_new(&answers);
  const struct queries_options queries = {.assembly = &s->assembly,
                                          .server = s->server,
                                          .history = s->history,
                                          .loader = s->loader,
                                          .degraded = &s->degraded};
  s->queries = queries_new(&queries);
  const struct upkeep_options upkeep = {.assembly = &s->assembly, .server = s->server, .history = s->history};
  s->upkeep = upkeep_new(&upkeep);
  s->watch = watch_new(loop, on_files_changed, s);
  const char *const *folders;
  size_t len = loader_folders(s->loader, &folders);
  watch_folders(s->watch, folders, len);
  for (int i = 0; i < SIGNALS_LEN; i++) {
    uv_signal_init(loop, &s->signals[i]);
    s->signals[i].data = s;
    uv_signal_start(&s->signals[i], on_signal, caught[i]);
  }
  return EXIT_OK;
}

static void close_all(struct serve *s) {
  upkeep_free(s->upkeep);
  queries_free(s->queries);
  restore_answers_free(s->answers);
  requests_free(s->requests);
  server_free(s->server);
  watch_free(s->watch);
  for (int i = 0; i < SIGNALS_LEN; i++) {
    if (s->signals[i].data) uv_close((uv_handle_t *)&s->signals[i], NULL);
  }
}

static void log_started(const struct serve *s) {
  char pid[24], files[24];
  struct buf broken = {0};
  struct json j;
  jsonw_init(&j, &broken);
  jsonw_array(&j);
  loader_broken_json(s->loader, &j);
  jsonw_array_end(&j);
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  snprintf(files, sizeof files, "%zu", s->assembly.names.pipelines.len);
  LOG(LOG_INFO, "started", {"version", ROTA_VERSION}, {"pid", pid}, {"state", s->config->state},
      {"dags", s->config->dags}, {"pipelines", files});
  if (broken.len > 2) LOG(LOG_WARNING, "some pipelines don't load; `rota list` shows them", {NULL, NULL});
  buf_release(&broken);
}

static int serve(struct serve *s) {
  const struct assembly_options options = {
      .config = s->config,
      .schedules = !s->options->no_schedules,
      .hooks = {.ctx = s, .committed = on_committed, .reply = on_reply, .degraded = on_degraded, .fatal = on_fatal},
  };
  int code = assembly_open(&s->assembly, &options);
  if (code) return code;
  code = open_rest(s);
  if (!code) {
    assembly_started(&s->assembly);
    log_started(s);
    service_notify("READY=1");
    uv_run(&s->assembly.loop, UV_RUN_DEFAULT);
    code = s->code;
  }
  close_all(s);
  assembly_close(&s->assembly);
  history_free(s->history);
  loader_free(s->loader);
  return code;
}

/* What a start would do, without doing it. */
static int check(const struct config *config) {
  struct buf report = {0};
  int err = store_look(config->state, &report);
  printf("configuration %s\npipelines     %s\nstate         %s\n%s", config->file ? config->file : "(none, defaults)",
         config->dags, config->state, buf_cstr(&report));
  if (err) printf("a start would fail: %s\n", err_text(err));
  buf_release(&report);
  return err ? EXIT_FAILED : EXIT_OK;
}

int daemon_serve(const struct serve_options *options) {
  struct serve s = {.options = options};
  s.config = daemon_config(&options->places);
  if (!s.config) return EXIT_USAGE;
  int code = options->check ? check(s.config) : serve(&s);
  config_free(s.former);
  config_free(s.config);
  code_release(&s.code_lookups);
  free(s.degraded.why);
  return code;
}
