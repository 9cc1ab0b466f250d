/* `rota run FILE`: one run of one pipeline, in the foreground, on a state directory of its own. */
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/code.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/foreground/log_tail.h"
#include "scheduler/daemon/foreground/run_report.h"
#include "scheduler/daemon/foreground/run_view.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"

#define TICK_MS      100
#define OWN_REQUEST  1 /* the handle of the trigger; cancels ask for no reply */
#define SIGNALS_LEN  3
#define SMALL_RUN    20
#define OUTPUT_LINES 10

struct run_file {
  const struct run_file_options *options;
  struct config *config;
  char *temporary; /* the state directory, if it is ours to remove */
  struct assembly assembly;
  struct run_view *view;
  struct code_lookups *code;
  uv_timer_t tick;
  uv_signal_t signals[SIGNALS_LEN];

  int64_t first_key; /* no row of a former life has one so high: runs that were left in the state aren't ours */
  char run_id[ID_LEN + 1];
  int64_t run_key, tasks;
  bool ended, refused, broken, interrupted;
  enum run_state state;
};

static const int caught[SIGNALS_LEN] = {SIGINT, SIGTERM, SIGHUP};

/* ---- reading the file ---- */

static char *folder_of(const char *file) {
  char *real = realpath(file, NULL), *folder = path_folder(real ? real : file);
  free(real);
  return folder;
}

static void show_diagnostics(struct diag_list *diags) {
  struct buf text = {0};
  diag_sort(diags);
  diag_render(diags, &text, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
  fputs(buf_cstr(&text), stderr);
  buf_release(&text);
}

/* Puts the pipeline into the inbox as the daemon's loader would. */
static void put_loaded(struct inbox *inbox, struct pipeline *p, const struct buf *text) {
  struct engine_loaded *e = &inbox_add(inbox, ENGINE_LOADED)->loaded;
  struct arena *a = inbox_arena(inbox);
  struct buf json = {0};
  pipeline_json(p, &json);
  e->name = arena_strdup(a, p->name);
  e->pipeline = pipeline_retain(p);
  e->text = arena_strndup(a, buf_cstr(text), text->len);
  e->text_len = text->len;
  e->json = arena_strndup(a, json.bytes, json.len);
  e->json_len = json.len;
  sha256_hex(buf_cstr(text), text->len, e->sha256);
  buf_release(&json);
}

/* The pipeline's name is the file's, whatever folder it stands in; a name that can't be one gives way to "run". */
static void name_of(const char *file, char name[PIPELINE_NAME_MAX + 1]) {
  const char *slash = strrchr(file, '/');
  const char *why;
  if (pipeline_name_from_path(slash ? slash + 1 : file, name, &why)) strcpy(name, "run");
}

static struct pipeline *read_pipeline(const struct run_file *r, struct buf *text) {
  const char *file = r->options->file;
  struct diag_list diags;
  struct pipeline *p = NULL;
  int err = file_read(file, PIPELINE_TEXT_MAX, text);
  diag_init(&diags, file, err ? NULL : buf_cstr(text), text->len);
  if (err) {
    diag_error(&diags, (struct diag_place){0}, err == ERR_TOO_LARGE ? "a pipeline has at most 1 MiB" : NULL,
               "the file can't be read: %s", err_text(err));
  } else {
    char name[PIPELINE_NAME_MAX + 1];
    char *folder = folder_of(file);
    name_of(file, name);
    struct pipeline_source source = {.name = name,
                                     .file = file,
                                     .folder = folder,
                                     .text = buf_cstr(text),
                                     .len = text->len,
                                     .config = r->config,
                                     .local = r->options->local};
    p = pipeline_read(&source, &diags);
    free(folder);
  }
  show_diagnostics(&diags);
  diag_release(&diags);
  return p;
}

/* ---- events ---- */

static struct actor actor_here(struct arena *a) {
  const struct passwd *user = getpwuid(getuid()); /* no other thread asks for it */
  char *id = arena_fmt(a, "%u", (unsigned)getuid());
  return (struct actor){
      .kind = "user", .id = id, .name = user ? arena_strdup(a, user->pw_name) : id, .address = "command line"};
}

/* "k=v" texts as parameters; false after saying which one isn't. */
static bool put_trigger(struct run_file *r, struct inbox *inbox, const char *pipeline) {
  struct arena *a = inbox_arena(inbox);
  const struct run_file_options *o = r->options;
  struct param_given *given = arena_new_array(a, o->params_len + 1, struct param_given);
  for (size_t i = 0; i < o->params_len; i++) {
    const char *equals = strchr(o->params[i], '=');
    if (!equals || equals == o->params[i]) {
      fprintf(stderr, "rota: -p %s: write it as name=value\n", o->params[i]);
      return false;
    }
    given[i].name = arena_strndup(a, o->params[i], (size_t)(equals - o->params[i]));
    for (size_t k = 0; k < i; k++) {
      if (strcmp(given[k].name, given[i].name) != 0) continue;
      fprintf(stderr, "rota: -p %s: this parameter is given twice\n", o->params[i]);
      return false;
    }
    given[i].text = arena_strdup(a, equals + 1);
  }
  struct engine_trigger *e = &inbox_add(inbox, ENGINE_TRIGGER)->trigger;
  e->asker.handle = OWN_REQUEST;
  e->asker.actor = actor_here(a);
  e->asker.dry_run = o->dry_run;
  e->pipeline = arena_strdup(a, pipeline);
  e->params = given;
  e->params_len = o->params_len;
  e->scheduled_for = INSTANT_NONE;
  e->now = true;
  e->trigger = TRIGGER_COMMAND;
  return true;
}

static void put_cancel(struct run_file *r) {
  struct inbox *inbox = core_inbox(r->assembly.core);
  struct arena *a = inbox_arena(inbox);
  struct engine_cancel *e = &inbox_add(inbox, ENGINE_CANCEL)->cancel;
  e->asker.actor = actor_here(a);
  e->run_id = arena_strdup(a, r->run_id);
}

/* ---- what comes back ---- */

static void finish(void *ctx) {
  struct run_file *r = ctx;
  uv_timer_stop(&r->tick);
  for (int i = 0; i < SIGNALS_LEN; i++) uv_signal_stop(&r->signals[i]);
  uv_stop(&r->assembly.loop);
}

/* The commit of the work tree belongs to the record: a look-up that is under way ends first. */
static void finish_when_settled(void *ctx) {
  struct run_file *r = ctx;
  if (r->ended && code_settled(r->code)) core_after(r->assembly.core, finish, r);
}

/* A task that no host can take would wait in silence. */
static void show_task(struct run_file *r, const struct task_row *row) {
  struct task_row shown = *row;
  if (row->state == TASK_WAITING && row->wait == WAIT_HOST && !row->reason)
    shown.reason = "`rota run` reaches no other host; --local runs it here";
  run_view_task(r->view, &shown);
}

/* Hosts are the daemon's: it alone keeps their connections, and knows what is left there. */
static void note_hosts(const struct run_file *r, const struct pipeline *p) {
  for (size_t i = 0; i < p->tasks_len && !r->options->local; i++) {
    const struct task_spec *t = &p->tasks[i];
    if (!t->on || strcmp(t->on->source, HOST_LOCAL) == 0) continue;
    fprintf(stderr, "rota: %s is for %s: `rota run` reaches no host over SSH, so it waits; --local runs it here\n",
            t->name, t->on->source);
    return;
  }
}

/* A small pipeline shows what its tasks print; a large one would drown in it. */
static void show_output(struct run_file *r, const struct attempt_row *attempt) {
  if (attempt->run != r->run_key || !task_state_ended(attempt->state) || r->tasks > SMALL_RUN) return;
  struct buf tail = {0};
  log_tail(r->config->state, r->run_id, attempt->id.text, OUTPUT_LINES, &tail);
  run_view_output(r->view, buf_cstr(&tail));
  buf_release(&tail);
}

static void on_committed(void *ctx, const struct change *changes, size_t len) {
  struct run_file *r = ctx;
  assembly_committed(&r->assembly, changes, len, false);
  for (size_t i = 0; i < len; i++) {
    const struct change *c = &changes[i];
    if (c->kind == CHANGE_RUN && c->run.key >= r->first_key && !r->run_key) {
      r->run_key = c->run.key;
      memcpy(r->run_id, c->run.id.text, sizeof r->run_id);
    }
    if (c->kind == CHANGE_ATTEMPT) show_output(r, &c->attempt);
    if (c->kind == CHANGE_TASK && c->task.run == r->run_key) show_task(r, &c->task);
    if (c->kind != CHANGE_RUN || c->run.key != r->run_key) continue;
    run_view_run(r->view, &c->run);
    r->tasks = c->run.tasks;
    r->state = c->run.state;
    r->ended = run_state_ended(r->state);
  }
  code_committed(r->code, &r->assembly.names, changes, len);
  finish_when_settled(r);
}

static void on_reply(void *ctx, const struct decision_reply *reply) {
  struct run_file *r = ctx;
  if (reply->handle != OWN_REQUEST) return;
  r->refused = reply->status >= 400;
  if (r->refused || r->options->dry_run) {
    run_report_reply(reply->status, reply->body, reply->body_len, r->options->json);
    finish(r);
  }
}

static void on_degraded(void *ctx, int err, const char *why) {
  (void)ctx;
  if (err) fprintf(stderr, "rota: nothing can be recorded right now: %s; it goes on by itself when it can\n", why);
}

static void on_fatal(void *ctx, int err, const char *why) {
  struct run_file *r = ctx;
  fprintf(stderr, "rota: the state can't be written: %s: %s\n", err_text(err), why);
  r->broken = true;
  finish(r);
}

static void on_tick(uv_timer_t *timer) {
  run_view_tick(((struct run_file *)timer->data)->view);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  struct run_file *r = handle->data;
  run_view_clear(r->view);
  if (!r->run_key) {
    finish(r);
  } else {
    fprintf(stderr, r->interrupted ? "rota: killing what still runs\n"
                                   : "rota: cancelling; a second signal kills what still runs\n");
    put_cancel(r);
  }
  r->interrupted = true;
}

/* ---- the whole ---- */

static int make_state(struct run_file *r) {
  if (r->options->places.state) return 0;
  const char *tmp = getenv("TMPDIR");
  char *template = path_join(tmp && tmp[0] ? tmp : "/tmp", "rota-run-XXXXXX");
  if (!mkdtemp(template)) {
    fprintf(stderr, "rota: no temporary directory can be made at %s\n", template);
    free(template);
    return -1;
  }
  r->temporary = template;
  r->config->state = template;
  return 0;
}

static void start_handles(struct run_file *r) {
  bool terminal = isatty(STDERR_FILENO);
  enum run_view_kind kind = r->options->json ? RUN_VIEW_NONE : terminal ? RUN_VIEW_LIVE : RUN_VIEW_LINES;
  r->view = run_view_new(kind, terminal && !getenv("NO_COLOR"));
  uv_timer_init(&r->assembly.loop, &r->tick);
  r->tick.data = r;
  if (kind == RUN_VIEW_LIVE) uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
  for (int i = 0; i < SIGNALS_LEN; i++) {
    uv_signal_init(&r->assembly.loop, &r->signals[i]);
    r->signals[i].data = r;
    uv_signal_start(&r->signals[i], on_signal, caught[i]);
  }
}

static void close_handles(struct run_file *r) {
  run_view_clear(r->view);
  run_view_free(r->view);
  uv_close((uv_handle_t *)&r->tick, NULL);
  for (int i = 0; i < SIGNALS_LEN; i++) uv_close((uv_handle_t *)&r->signals[i], NULL);
}

static int exit_code_of(const struct run_file *r) {
  if (r->refused) return EXIT_USAGE;
  if (r->broken) return EXIT_FAILED;
  if (!r->ended) return r->interrupted ? EXIT_INTERRUPTED : EXIT_OK;
  if (r->interrupted) return EXIT_INTERRUPTED;
  if (r->state == RUN_CANCELLED) return EXIT_CANCELLED;
  return r->state == RUN_SUCCEEDED ? EXIT_OK : EXIT_FAILED;
}

static int run_to_end(struct run_file *r, struct pipeline *p, const struct buf *text) {
  const struct assembly_options options = {
      .config = r->config,
      .local_only = r->options->local,
      .hooks = {.ctx = r, .committed = on_committed, .reply = on_reply, .degraded = on_degraded, .fatal = on_fatal},
  };
  int code = assembly_open(&r->assembly, &options);
  if (code) return code;
  r->first_key = r->assembly.loaded.state.next_key;
  struct inbox *inbox = core_inbox(r->assembly.core);
  r->code = code_new(&r->assembly.loop, r->assembly.core);
  code_on_settled(r->code, finish_when_settled, r);
  put_loaded(inbox, p, text);
  if (!put_trigger(r, inbox, p->name)) {
    code_free(r->code);
    assembly_close(&r->assembly);
    return EXIT_USAGE;
  }
  start_handles(r); /* before anything is told: who reads it may interrupt at once */
  note_hosts(r, p);
  assembly_started(&r->assembly);
  uv_run(&r->assembly.loop, UV_RUN_DEFAULT);
  close_handles(r);
  code_free(r->code);
  assembly_close(&r->assembly);
  if (r->ended) run_report_end(r->config->state, r->run_id, r->options->json);
  return exit_code_of(r);
}

int daemon_run_file(const struct run_file_options *options) {
  struct run_file r = {.options = options};
  int code = EXIT_USAGE;
  struct buf text = {0};
  struct pipeline *p = NULL;
  r.config = daemon_config(&options->places);
  if (!r.config) goto out;
  p = read_pipeline(&r, &text);
  if (!p || make_state(&r)) goto out;
  code = run_to_end(&r, p, &text);
  if (r.temporary && (code == EXIT_OK || !r.run_key)) { /* a refused run leaves nothing worth a look */
    dir_remove_at(AT_FDCWD, r.temporary);
  } else if (r.temporary) {
    fprintf(stderr, "rota: the state is kept in %s; the logs are below runs/\n", r.temporary);
  }
out:
  pipeline_release(p);
  buf_release(&text);
  config_free(r.config);
  free(r.temporary);
  return code;
}
