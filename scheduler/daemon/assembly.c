#include "scheduler/daemon/assembly.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/facts.h"
#include "scheduler/journal/recorder.h"
#include "scheduler/journal/tables.h"
#include "scheduler/store/quarantine.h"
#include "worker/local.h"

/* Some may be busy for seconds: with the check of the database, with git, with a slow folder of pipelines. The others
 * answer requests meanwhile. */
#define POOL_THREADS "8"

/* The supervisor stands beside the program, or in libexec/rota beside its bin. */
char *daemon_supervisor_path(void) {
  char self[4096];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n <= 0) return alloc_strdup("rota-supervise");
  self[n] = '\0';
  *strrchr(self, '/') = '\0';
  char *beside = path_join(self, "rota-supervise");
  if (access(beside, X_OK) == 0) return beside;
  free(beside);
  return path_join(self, "../libexec/rota/rota-supervise");
}

/* Each attempt needs a descriptor; the soft limit is only a default, and what it was is for the tasks. */
static uint64_t raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return 0;
  uint64_t before = limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur;
  rlim_t wanted = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return before;
}

static int open_store(struct assembly *a) {
  struct buf why = {0};
  int err = store_open(a->config->state, clock_now(), &a->store, &why);
  if (!err) {
    a->quarantine = quarantine_open(a->config->state);
    store_guard(a->store, a->quarantine);
  }
  if (!err) err = store_load(a->store, &a->loaded, &why);
  if (err && why.len && strstr(buf_cstr(&why), a->config->state)) /* it says where */
    fprintf(stderr, "rota: %s\n", buf_cstr(&why));
  else if (err)
    fprintf(stderr, "rota: the state directory %s: %s\n", a->config->state, why.len ? buf_cstr(&why) : err_text(err));
  buf_release(&why);
  return err;
}

static void set_env(struct assembly *a) {
  account_init(&a->account);
  a->env[0] = (struct launch_env){.name = "HOME", .value = a->account.home};
  a->env[1] = (struct launch_env){.name = "USER", .value = a->account.name};
  a->env[2] = (struct launch_env){.name = "LOGNAME", .value = a->account.name};
  a->env[3] = (struct launch_env){.name = "SHELL", .value = a->account.shell};
}

/* A disk that is full stops no daemon; a path that can't be right does. */
static int open_journal(struct assembly *a, const struct assembly_options *options) {
  char *why = NULL;
  if (!options->journal) return 0;
  int err = recorder_new(options->journal, options->journal_size, &a->recorder, &why);
  if (err == ERR_FULL) {
    LOG(LOG_WARNING, "the journal isn't recorded", {"reason", why});
    err = 0;
  } else if (err) {
    fprintf(stderr, "rota: the journal can't be made: %s\n", why);
  }
  free(why);
  if (a->recorder) recorder_on_abort(a->recorder);
  return err;
}

static void record_start(struct assembly *a, const struct engine_options *engine, struct moment now) {
  const struct journal_start start = {.version = ROTA_VERSION,
                                      .now = now,
                                      .schedules = engine->schedules,
                                      .local_only = engine->local_only,
                                      .env = engine->env,
                                      .env_len = engine->env_len,
                                      .config = engine->config,
                                      .state = a->loaded.state};
  recorder_start(a->recorder, &start);
}

static void on_restoring(void *quarantine, const char *run_id) {
  quarantine_enter(quarantine, QUARANTINE_RUN, run_id);
}

static void on_deciding(void *quarantine, const char *run_id) {
  quarantine_decide(quarantine, run_id);
}

static struct engine *restored_engine(struct assembly *a, const struct assembly_options *options) {
  struct engine_options engine_options = {.config = options->config,
                                          .schedules = options->schedules,
                                          .local_only = options->local_only,
                                          .zone = zones_get,
                                          .zone_ctx = &a->zones,
                                          .restoring = on_restoring,
                                          .deciding = on_deciding,
                                          .restoring_ctx = a->quarantine,
                                          .env = a->env,
                                          .env_len = ACCOUNT_ENV};
  set_env(a);
  if (a->recorder) {
    recorder_zones(a->recorder, zones_get, &a->zones);
    engine_options.zone = recorder_zone;
    engine_options.zone_ctx = a->recorder;
  }
  struct engine *engine = engine_new(&engine_options);
  char *message = NULL;
  struct moment now = {.wall = clock_now(), .mono = clock_monotonic()};
  if (a->recorder) record_start(a, &engine_options, now);
  int err = engine_restore(engine, &a->loaded.state, now, &message);
  quarantine_leave(a->quarantine);
  if (a->recorder && !err) recorder_restored(a->recorder, engine);
  if (!err) return engine;
  fprintf(stderr, "rota: the rows contradict each other: %s\n", message);
  free(message);
  engine_free(engine);
  return NULL;
}

static int add_local_executor(struct assembly *a) {
  char *supervisor = daemon_supervisor_path();
  const struct local_options local = {
      .state_dir = a->config->state, .supervisor_path = supervisor, .files = a->files};
  int err;
  struct executor *executor = local_new(&a->loop, &local, core_report, a->core, &err);
  if (executor) {
    core_add_executor(a->core, HOST_LOCAL, executor);
    err = 0;
  } else {
    fprintf(stderr, "rota: the supervisor %s can't be used: %s; `make` builds it, `rota doctor` checks it\n",
            supervisor, err_text(err));
  }
  free(supervisor);
  return err;
}

static void add_fleet(struct assembly *a) {
  const struct fleet_options fleet = {
      .loop = &a->loop, .core = a->core, .state_dir = a->config->state, .state_id = store_state_id(a->store)};
  a->fleet = fleet_new(&fleet);
  fleet_configure(a->fleet, a->config);
}

int assembly_open(struct assembly *a, const struct assembly_options *options) {
  memset(a, 0, sizeof *a);
  a->config = options->config;
  a->state_dir = alloc_strdup(options->config->state);
  a->started_at = clock_now();
  signal(SIGPIPE, SIG_IGN);
  a->files = raise_descriptor_limit();
  setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0);
  int err = uv_loop_init(&a->loop);
  if (err) {
    fprintf(stderr, "rota: the loop can't be made: %s\n", uv_strerror(err));
    free(a->state_dir);
    return EXIT_FAILED;
  }
  struct engine *engine = NULL;
  if (open_store(a) || open_journal(a, options) || !(engine = restored_engine(a, options))) goto failed;

  const struct core_options core_options = {.loop = &a->loop,
                                            .store = a->store,
                                            .engine = engine,
                                            .state_dir = a->config->state,
                                            .recorder = a->recorder,
                                            .hooks = options->hooks};
  a->core = core_new(&core_options);
  if (!a->core) {
    engine_free(engine);
    fprintf(stderr, "rota: the system gives no thread or timer\n");
    goto failed;
  }
  if (add_local_executor(a)) goto failed;
  if (options->hosts) add_fleet(a);
  const struct engine_state *state = &a->loaded.state;
  for (size_t i = 0; i < state->pipelines_len; i++) {
    names_pipeline_put(&a->names, &state->pipelines[i]);
  }
  for (size_t i = 0; i < state->runs_len; i++) names_run_put(&a->names, &state->runs[i].run);
  return EXIT_OK;

failed:
  assembly_close(a);
  return EXIT_FAILED;
}

void assembly_started(struct assembly *a) {
  quarantine_on_crash(a->quarantine);
  core_adopt(a->core);
  if (a->fleet) fleet_adopted(a->fleet);
  store_loaded_release(&a->loaded);
  memset(&a->loaded, 0, sizeof a->loaded);
}

void assembly_committed(struct assembly *a, const struct change *changes, size_t len, bool log) {
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_PIPELINE) {
      names_pipeline_put(&a->names, &changes[i].pipeline);
    }
  }
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_RUN) names_run_put(&a->names, &changes[i].run);
  }
  if (log) facts_log(&a->names, changes, len);
}

void assembly_forget(struct assembly *a, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_RUN && run_state_ended(changes[i].run.state)) {
      quarantine_forget(a->quarantine, QUARANTINE_DECISION, changes[i].run.id.text);
      names_run_forget(&a->names, changes[i].run.key);
    }
  }
}

void assembly_configure(struct assembly *a, const struct config *config) {
  a->config = config;
  if (a->fleet) fleet_configure(a->fleet, config);
}

static void zones_told(void *ctx) {
  zones_refreshed(&((struct assembly *)ctx)->zones);
}

void assembly_refresh_zones(struct assembly *a) {
  if (zones_refresh(&a->zones) == 0) return;
  LOG(LOG_INFO, "time zone data changed; firings to come follow the new rules", {NULL, NULL});
  /* The configuration anew makes the engine plan every schedule by the new rules, before it looks what is due. */
  inbox_add(core_inbox(a->core), ENGINE_CONFIG)->config.config = a->config;
  core_after(a->core, zones_told, a);
}

void assembly_close(struct assembly *a) {
  fleet_free(a->fleet);
  core_free(a->core);
  uv_run(&a->loop, UV_RUN_DEFAULT);
  uv_loop_close(&a->loop);
  recorder_free(a->recorder);
  store_loaded_release(&a->loaded);
  store_close(a->store);
  quarantine_close(a->quarantine);
  names_release(&a->names);
  zones_release(&a->zones);
  account_release(&a->account);
  free(a->state_dir);
}
