#include <stdarg.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/launch_parts.h"

#define LOG_CAP_DEFAULT (UINT64_C(1) << 30)
#define GRACE_DEFAULT   (30 * USEC_PER_SEC)
#define FINALLY_TIMEOUT (5 * USEC_PER_MIN)

int launch_fail(const struct launch_parts *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  *p->message = arena_vfmt(p->arena, format, args);
  va_end(args);
  return ERR_INVALID;
}

const char *launch_path(const struct launch_parts *p, const char *path) {
  const struct scope *s = p->in->scope;
  if (!p->in->on_this_machine || *path == '/' || *path == '\0') return path;
  if (strcmp(path, "~") == 0 || strncmp(path, "~/", 2) == 0) {
    const char *home = s->env ? s->env(s->ctx, "HOME") : NULL;
    return home ? arena_fmt(p->arena, "%s%s", home, path + 1) : path;
  }
  if (!s->pipeline->folder || !*s->pipeline->folder) return path;
  return strcmp(path, ".") == 0 ? s->pipeline->folder : arena_fmt(p->arena, "%s/%s", s->pipeline->folder, path);
}

static int text_of(const struct launch_parts *p, const char *what, const struct template *t, const char **out) {
  const char *why = NULL;
  if (setting_text(t, p->in->scope, p->arena, out, &why) < 0) return launch_fail(p, "%s: %s", what, why);
  return 0;
}

static int build_argv(const struct launch_parts *p, struct launch *out) {
  const struct task_spec *t = p->in->scope->task;
  if (t->script) {
    out->script = t->script;
    out->script_len = t->script_len;
    out->argv = t->shell;
    out->argc = t->shell ? t->shell_len : 0;
    return 0;
  }
  const char **argv = arena_new_array(p->arena, t->argc + 1, const char *);
  size_t total = 0;
  for (size_t i = 0; i < t->argc; i++) {
    const char *why = NULL;
    if (setting_text(t->argv[i], p->in->scope, p->arena, &argv[i], &why) < 0)
      return launch_fail(p, "run, item %zu: %s", i + 1, why);
    size_t len = strlen(argv[i]);
    if (len > EXEC_TEXT_MAX)
      return launch_fail(p, "run, item %zu: it is over %d bytes: read it from ROTA_CONTEXT", i + 1, EXEC_TEXT_MAX);
    total += len + 1;
  }
  if (total > EXEC_ARGS_MAX) return launch_fail(p, "run: its arguments are over %d bytes together", EXEC_ARGS_MAX);
  if (t->argc == 0 || !*argv[0]) return launch_fail(p, "run: the program's name is empty");
  out->argv = argv;
  out->argc = t->argc;
  return 0;
}

static int build_dir(const struct launch_parts *p, struct launch *out) {
  const struct scope *s = p->in->scope;
  const char *dir = NULL;
  int rc = text_of(p, "dir", s->task->dir, &dir);
  if (rc < 0) return rc;
  if (s->task->dir && !*dir) return launch_fail(p, "dir: it is empty");
  if (dir)
    out->dir = launch_path(p, dir);
  else if (p->in->on_this_machine && s->pipeline->folder && *s->pipeline->folder)
    out->dir = s->pipeline->folder;
  return 0;
}

/* Each folder of the task's list by itself, then the host's. */
static int build_path(const struct launch_parts *p, struct launch *out) {
  const struct config *c = p->in->config;
  const struct config_host *host = p->in->host;
  if (!host && p->in->on_this_machine && c && c->hosts_len) host = &c->hosts[0];
  const char *path = NULL, *hosts = host ? host->path : NULL;
  int rc = text_of(p, "path", p->in->scope->task->path, &path);
  if (rc < 0) return rc;
  out->path = hosts;
  if (!path) return 0;
  struct buf text = {0};
  for (const char *at = path; at;) {
    size_t len = strcspn(at, ":");
    if (len > 0) {
      if (text.len) buf_char(&text, ':');
      buf_str(&text, launch_path(p, arena_strndup(p->arena, at, len)));
    }
    at = at[len] ? at + len + 1 : NULL;
  }
  if (hosts) buf_fmt(&text, "%s%s", text.len ? ":" : "", hosts);
  if (text.len) out->path = arena_strndup(p->arena, text.bytes, text.len);
  buf_release(&text);
  return out->path && strlen(out->path) > ENV_VALUE_MAX ? launch_fail(p, "path: it is over %d bytes", ENV_VALUE_MAX)
                                                        : 0;
}

static int build_times(const struct launch_parts *p, struct launch *out) {
  const struct scope *s = p->in->scope;
  const struct task_spec *t = s->task;
  const char *why = NULL;
  if (setting_duration(t->timeout, s, p->arena, t->finally ? FINALLY_TIMEOUT : 0, &out->timeout, &why) < 0)
    return launch_fail(p, "timeout: %s", why);
  if (setting_duration(t->grace, s, p->arena, GRACE_DEFAULT, &out->grace, &why) < 0)
    return launch_fail(p, "grace: %s", why);
  out->keep_leftovers = t->leftovers == LEFTOVERS_KEEP;
  out->log_cap = p->in->config && p->in->config->log_cap ? p->in->config->log_cap : LOG_CAP_DEFAULT;
  return 0;
}

static void build_names(const struct launch_parts *p, struct launch *out) {
  const struct launch_inputs *in = p->in;
  const struct scope *s = in->scope;
  out->run_id = s->run.id;
  out->attempt_id = in->attempt_id;
  out->zone = s->run.zone;
  char instance[INT_TEXT_SIZE];
  const char *const key[] = {s->task->name, ".", int_text((int64_t)in->instance, instance)};
  out->state_key = s->task->matrix_len ? arena_join(p->arena, key, 3) : s->task->name;
  char number[INT_TEXT_SIZE], attempt[INT_TEXT_SIZE];
  const char *const label[] = {s->run.pipeline,
                               "#",
                               int_text(s->run.number, number),
                               "/",
                               instance_label(s->task, s->matrix, p->arena),
                               " attempt ",
                               int_text(in->attempt, attempt)};
  out->label = arena_join(p->arena, label, sizeof label / sizeof label[0]);
}

static const char *instant_text(struct arena *a, instant at, int32_t offset_s) {
  char text[INSTANT_TEXT_SIZE];
  if (at == INSTANT_NONE) return NULL;
  instant_format_offset(at, offset_s, text);
  return arena_strdup(a, text);
}

static void build_instants(struct launch_parts *p) {
  const struct scope_run *run = &p->in->scope->run;
  p->scheduled_for = instant_text(p->arena, run->scheduled_for, run->scheduled_offset_s);
  p->interval_start = instant_text(p->arena, run->interval_start, run->interval_offset_s);
}

static void receive(struct launch_parts *p) {
  const struct scope *s = p->in->scope;
  size_t count = 0;
  for (size_t i = 0; i < s->task->needs_len; i++) count += s->pipeline->tasks[s->task->needs[i].task].outputs_len;
  if (count == 0 || !s->task_output) return;
  struct launch_received *received = arena_new_array(p->arena, count, struct launch_received);
  for (size_t i = 0; i < s->task->needs_len; i++) {
    const struct task_spec *other = &s->pipeline->tasks[s->task->needs[i].task];
    for (uint32_t k = 0; k < other->outputs_len; k++) {
      struct value v = scope_output(s, other->index, k, p->arena);
      received[p->received_len++] = (struct launch_received){other, &other->outputs[k], v};
    }
  }
  p->received = received;
}

int launch_build(const struct launch_inputs *in, struct arena *a, struct launch *out, const char **message) {
  struct launch_parts parts = {.in = in, .arena = a, .message = message};
  *out = (struct launch){0};
  build_names(&parts, out);
  build_instants(&parts);
  receive(&parts);
  int rc = build_argv(&parts, out);
  if (rc == 0) rc = build_dir(&parts, out);
  if (rc == 0) rc = build_path(&parts, out);
  if (rc == 0) rc = files_build(&parts, out);
  if (rc == 0) rc = build_times(&parts, out);
  if (rc == 0) rc = environment_build(&parts, out);
  if (rc == 0) rc = context_build(&parts, out);
  return rc;
}
