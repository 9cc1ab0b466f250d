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
#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/access/login.h"
#include "scheduler/daemon/access/tokens.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/backup_schedule.h"
#include "scheduler/daemon/code.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/dags.h"
#include "scheduler/daemon/door.h"
#include "scheduler/daemon/events/event_hub.h"
#include "scheduler/daemon/handlers/requests.h"
#include "scheduler/daemon/handlers/restore_answers.h"
#include "scheduler/daemon/handlers/server.h"
#include "scheduler/daemon/handlers/visits.h"
#include "scheduler/daemon/health/health.h"
#include "scheduler/daemon/health/watchdog.h"
#include "scheduler/daemon/loader.h"
#include "scheduler/daemon/pages/queries.h"
#include "scheduler/daemon/reload.h"
#include "scheduler/daemon/service.h"
#include "scheduler/daemon/upkeep.h"
#include "scheduler/daemon/watch.h"
#include "scheduler/spec/config.h"
#include "scheduler/store/history.h"
#include "scheduler/store/quarantine.h"

#define SIGNALS_LEN 3

struct serve {
  const struct serve_options *options;
  struct config *config; /* of the start; owned by reloads as soon as there are some */
  struct assembly assembly;
  struct loader *loader;
  struct watch *watch;
  struct history *history;
  struct server *server;
  struct access *access;
  struct login *login;
  struct requests *requests;
  struct visits *visits;
  struct restore_answers *answers;
  struct queries *queries;
  struct event_hub *events;
  struct upkeep *upkeep;
  struct reloads *reloads;
  struct code_lookups *code_lookups;
  uv_signal_t signals[SIGNALS_LEN];
  struct health *health;
  struct watchdog *watchdog;
  struct backup_standing backup;
  int code;
};

static const int caught[SIGNALS_LEN] = {SIGINT, SIGTERM, SIGHUP};

/* ---- hooks of the core ---- */

static void on_committed(void *ctx, const struct change *changes, size_t len) {
  struct serve *s = ctx;
  assembly_committed(&s->assembly, changes, len, true);
  code_committed(s->code_lookups, &s->assembly.names, changes, len);
  access_committed(s->access, changes, len);
  health_committed(s->health, changes, len);
  requests_committed(s->requests, changes, len);
  queries_committed(s->queries, changes, len);
  event_hub_committed(s->events, changes, len);
  assembly_forget(&s->assembly, changes, len);
}

static void on_reply(void *ctx, const struct decision_reply *reply) {
  struct serve *s = ctx;
  requests_reply(s->requests, reply);
  restore_answers_reply(s->answers, reply);
  login_reply(s->login, reply);
}

static void on_degraded(void *ctx, int err, const char *why) {
  struct serve *s = ctx;
  health_degrade(s->health, err, why);
  event_hub_health(s->events);
  if (err) {
    LOG(LOG_ERROR, "degraded: nothing can be recorded, nothing new is started",
        {"reason", health_degraded(s->health)->why});
    requests_degraded(s->requests);
    restore_answers_degraded(s->answers);
    login_degraded(s->login);
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

static void on_backup_changed(void *ctx) {
  event_hub_health(((struct serve *)ctx)->events);
}

static void on_unrecorded(void *ctx, const char *why) {
  (void)ctx;
  LOG(LOG_WARNING, "the journal isn't recorded any more", {"reason", why});
}

/* ---- requests ---- */

static void answer(void *ctx, uint64_t handle, int status, const char *body, size_t len) {
  struct serve *s = ctx;
  api_reply(server_api(s->server), handle, status, status >= 400 ? API_PROBLEM_TYPE : NULL, NULL, 0, body, len);
  server_pump(s->server);
}

static bool holds(void *ctx, const struct api_identity *who) {
  return access_holds(((struct serve *)ctx)->access, who);
}

static struct api_identity authenticate(void *ctx, const struct api_credentials *credentials, struct arena *arena) {
  return access_authenticate(((struct serve *)ctx)->access, credentials, arena);
}

static void on_request(void *ctx, const struct api_request *request) {
  struct serve *s = ctx;
  if (request->route == API_STREAM) {
    event_hub_take(s->events, request);
  } else if (request->route == API_RELOAD) {
    reload_all(s->reloads, request);
  } else if (!restore_answers_take(s->answers, request) && !requests_take(s->requests, request) &&
             !login_take(s->login, request) && !tokens_take(s->access, s->server, request)) {
    queries_take(s->queries, request);
  }
}

static void on_drained(void *ctx, uint64_t handle) {
  struct serve *s = ctx;
  queries_drained(s->queries, handle);
}

static void on_certificate(void *ctx, const char *why) {
  (void)ctx;
  door_certificate(why);
}

static void on_gone(void *ctx, uint64_t handle) {
  struct serve *s = ctx;
  queries_gone(s->queries, handle);
  event_hub_gone(s->events, handle);
}

/* ---- signals and files ---- */

static void on_files_changed(void *ctx) {
  reload_files(((struct serve *)ctx)->reloads);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct serve *s = handle->data;
  if (number == SIGHUP) {
    service_reloading();
    reload_all(s->reloads, NULL);
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
  loader_guard(s->loader, s->assembly.quarantine);
  for (size_t i = 0; i < state->pipelines_len; i++) {
    const struct pipeline_row *row = &state->pipelines[i];
    if (!row->present) continue;
    loader_know(s->loader, row->name, state->pipeline_sha256[i], state->pipeline_specs[i]);
  }
  loader_scan(s->loader);
}

static int open_server(struct serve *s) {
  bool shared = false;
  gid_t group = 0;
  int code = door_share(s->config, &shared, &group);
  if (code) return code;
  s->access->socket_peers = door_socket_role(s->config, s->config->socket_group);
  const struct api_options options = {
      .state_dir = s->config->state,
      .socket_shared = shared,
      .socket_group = group,
      .handler = on_request,
      .authenticate = authenticate,
      .gone = on_gone,
      .drained = on_drained,
      .certificate = on_certificate,
      .ctx = s,
  };
  int err = server_new(&s->assembly.loop, &options, &s->server);
  if (err) {
    fprintf(stderr, "rota: the socket in %s can't be made: %s\n", s->config->state, err_text(err));
    return EXIT_FAILED;
  }
  return door_open(s->server, s->config);
}

static int open_rest(struct serve *s) {
  uv_loop_t *loop = &s->assembly.loop;
  s->code_lookups = code_new(loop, s->assembly.core);
  s->history = history_new(s->config->state);
  const struct health_options health = {.loop = loop,
                                        .core = s->assembly.core,
                                        .state_dir = s->assembly.state_dir,
                                        .quarantine = s->assembly.quarantine,
                                        .backup = &s->backup,
                                        .history = s->history,
                                        .state = &s->assembly.loaded.state};
  s->health = health_new(&health);
  load_pipelines(s);
  s->access = access_new(s->assembly.core, &s->assembly.loaded, clock_now);
  int code = open_server(s);
  if (code) return code;
  s->requests = requests_new(loop, s->assembly.core, s->history, answer, s);
  tokens_register(s->access, s->requests);
  s->visits = visits_new(&s->assembly, s->requests);
  s->login = login_new(s->access, s->server, s->requests);
  const struct restore_answers_options answers = {
      .assembly = &s->assembly, .server = s->server, .history = s->history, .requests = s->requests};
  s->answers = restore_answers_new(&answers);
  const struct queries_options queries = {.assembly = &s->assembly,
                                          .server = s->server,
                                          .history = s->history,
                                          .loader = s->loader,
                                          .backup = &s->backup,
                                          .health = s->health,
                                          .holds = holds,
                                          .ctx = s};
  s->queries = queries_new(&queries);
  const struct event_hub_options events = {.loop = loop,
                                           .server = s->server,
                                           .core = s->assembly.core,
                                           .names = &s->assembly.names,
                                           .degraded = health_degraded(s->health),
                                           .backup = &s->backup,
                                           .state_id = store_state_id(s->assembly.store),
                                           .holds = holds,
                                           .ctx = s};
  s->events = event_hub_new(&events);
  health_set_stream(s->health, s->events);
  const struct upkeep_options upkeep = {.assembly = &s->assembly,
                                        .requests = s->requests,
                                        .history = s->history,
                                        .backup = &s->backup,
                                        .backup_changed = on_backup_changed,
                                        .ctx = s};
  s->upkeep = upkeep_new(&upkeep);
  s->watch = watch_new(loop, on_files_changed, s);
  const char *const *folders;
  size_t len = loader_folders(s->loader, &folders);
  watch_folders(s->watch, folders, len);
  const struct reloads_options reloads = {.places = &s->options->places,
                                          .assembly = &s->assembly,
                                          .loader = s->loader,
                                          .watch = s->watch,
                                          .server = s->server,
                                          .upkeep = s->upkeep,
                                          .access = s->access};
  s->reloads = reloads_new(&reloads, s->config);
  for (int i = 0; i < SIGNALS_LEN; i++) {
    uv_signal_init(loop, &s->signals[i]);
    s->signals[i].data = s;
    uv_signal_start(&s->signals[i], on_signal, caught[i]);
  }
  return EXIT_OK;
}

/* What still works on a thread frees itself when assembly_close turns the loop. */
static void close_all(struct serve *s) {
  upkeep_free(s->upkeep);
  health_set_stream(s->health, NULL);
  event_hub_free(s->events);
  queries_free(s->queries);
  restore_answers_free(s->answers);
  visits_free(s->visits);
  requests_free(s->requests);
  login_free(s->login);
  if (s->server) door_close(s->assembly.config);
  server_free(s->server);
  watch_free(s->watch);
  loader_free(s->loader);
  code_free(s->code_lookups);
  watchdog_free(s->watchdog);
  health_free(s->health);
  for (int i = 0; i < SIGNALS_LEN; i++) {
    if (s->signals[i].data) uv_close((uv_handle_t *)&s->signals[i], NULL);
  }
}

static void log_started(const struct serve *s) {
  char pid[24], files[24];
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  snprintf(files, sizeof files, "%zu", s->assembly.names.present);
  LOG(LOG_INFO, "started", {"version", ROTA_VERSION}, {"pid", pid}, {"state", s->config->state},
      {"dags", s->config->dags}, {"pipelines", files});
  if (loader_broken(s->loader) > 0)
    LOG(LOG_WARNING, "some pipelines don't load; `rota status` shows them", {NULL, NULL});
  struct buf aside = {0};
  quarantine_list(s->assembly.quarantine, &aside);
  for (char *rest = NULL, *what = aside.len ? strtok_r(aside.bytes, "\n", &rest) : NULL; what;
       what = strtok_r(NULL, "\n", &rest))
    LOG(LOG_ERROR, "left aside after three crashes", {"what", what});
  buf_release(&aside);
}

static int serve(struct serve *s) {
  const struct assembly_options options = {
      .config = s->config,
      .schedules = !s->options->no_schedules,
      .hosts = true,
      .journal = s->options->journal,
      .journal_size = (uint64_t)s->options->journal_mib * 1024 * 1024,
      .hooks = {.ctx = s,
                .committed = on_committed,
                .reply = on_reply,
                .degraded = on_degraded,
                .unrecorded = on_unrecorded,
                .fatal = on_fatal},
  };
  signal(SIGHUP, SIG_IGN); /* there is nothing to read again before the loop runs */
  int code = assembly_open(&s->assembly, &options);
  if (code) return code;
  code = open_rest(s);
  if (!code) {
    assembly_started(&s->assembly);
    log_started(s);
    s->watchdog = watchdog_new(&s->assembly.loop, core_committer(s->assembly.core));
    service_notify("READY=1");
    uv_run(&s->assembly.loop, UV_RUN_DEFAULT);
    code = s->code;
  }
  close_all(s);
  assembly_close(&s->assembly);
  access_free(s->access);
  history_free(s->history);
  return code;
}

/* ---- what a start would do, without doing it ---- */

static int check_state(const struct config *config) {
  struct buf report = {0};
  int err = store_look(config->state, &report);
  printf("state         %s\n%s", config->state, buf_cstr(&report));
  if (err) printf("a start would fail: %s\n", err_text(err));
  buf_release(&report);
  return err;
}

/* The number of what is wrong with them. */
static size_t check_pipelines(const struct config *config) {
  struct dags *dags = dags_new();
  struct dags_scan scan = {0};
  size_t loaded = 0;
  dags_scan(dags, config, true, &scan);
  for (size_t i = 0; i < scan.findings.len; i++) loaded += scan.findings.items[i].kind == DAGS_LOADED;
  printf("pipelines     %s\n%zu of %zu files load\n", config->dags, loaded, scan.files);
  size_t wrong = scan.broken.len;
  if (wrong) printf("\n%s\n", buf_cstr(&scan.broken_shown));
  dags_scan_release(&scan);
  dags_free(dags);
  return wrong;
}

static int check(const struct config *config) {
  printf("configuration %s\n", config->file ? config->file : "(none, defaults)");
  size_t wrong = check_pipelines(config);
  int err = check_state(config);
  if (!err && wrong) {
    printf("a start would go on without what is wrong above, or with its last version that was loaded\n");
  }
  return err || wrong ? EXIT_FAILED : EXIT_OK;
}

int daemon_serve(const struct serve_options *options) {
  struct serve s = {.options = options};
  s.config = daemon_config(&options->places);
  if (!s.config) return EXIT_USAGE;
  int code = options->check ? check(s.config) : serve(&s);
  if (!s.reloads) config_free(s.config);
  reloads_free(s.reloads);
  return code;
}
