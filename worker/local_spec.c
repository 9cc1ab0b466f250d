#include "worker/local_spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "worker/rundir.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* Each entry is "key=value" with its NUL. */
static void put(struct buf *out, const char *key, const char *value) {
  buf_str(out, key);
  buf_char(out, '=');
  buf_str(out, value);
  buf_char(out, '\0');
}

static void put_number(struct buf *out, const char *key, int64_t n) {
  buf_fmt(out, "%s=%" PRId64, key, n);
  buf_char(out, '\0');
}

static void put_env(struct buf *out, const char *name, const char *value) {
  buf_fmt(out, "env=%s=%s", name, value);
  buf_char(out, '\0');
}

static void put_place_env(struct buf *out, const struct launch *l, const struct account *a) {
  put_env(out, "HOME", a->home);
  put_env(out, "USER", a->name);
  put_env(out, "LOGNAME", a->name);
  put_env(out, "SHELL", a->shell);
  buf_str(out, "env=PATH=");
  if (l->path && l->path[0]) buf_fmt(out, "%s:", l->path);
  buf_str(out, DEFAULT_PATH);
  buf_char(out, '\0');
  put_env(out, "LANG", "C.UTF-8");
  put_env(out, "TZ", l->zone ? l->zone : "UTC");
  put_env(out, "PYTHONUNBUFFERED", "1");
}

static void put_launch_env(struct buf *out, const struct launch *l) {
  for (size_t i = 0; i < l->env_len; i++) {
    const struct launch_env *e = &l->env[i];
    if (e->file)
      put(out, "env_file", e->file);
    else
      put_env(out, e->name, e->value);
  }
}

static void put_attempt_env(struct buf *out, const struct launch *l, const struct local_dirs *d) {
  static const struct {
    const char *name, *file;
  } files[] = {
      {"ROTA_OUTPUT", RUNDIR_OUTPUT}, {"ROTA_METRICS", RUNDIR_METRICS}, {"ROTA_ARTIFACTS", RUNDIR_ARTIFACTS},
      {"ROTA_CHECKS", RUNDIR_CHECKS}, {"ROTA_SUMMARY", RUNDIR_SUMMARY}, {"ROTA_PROGRESS", RUNDIR_PROGRESS},
  };
  put_env(out, "ROTA_DIR", d->attempt);
  put_env(out, "ROTA_WORK", d->work);
  put_env(out, "ROTA_STATE", d->state);
  put_env(out, "ROTA_ATTEMPT_ID", l->attempt_id);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    buf_fmt(out, "env=%s=%s/%s", files[i].name, d->attempt, files[i].file);
    buf_char(out, '\0');
  }
  if (!l->context) return;
  buf_fmt(out, "env=ROTA_CONTEXT=%s/%s", d->attempt, RUNDIR_CONTEXT);
  buf_char(out, '\0');
}

/* What runs a script that brings its own first line: as the kernel reads it, a program and at most one argument. Done
 * here, so that the directory may lie on a file system from which nothing is executed. */
static void put_interpreter(struct buf *out, const struct launch *l) {
  const char *end = memchr(l->script, '\n', l->script_len);
  size_t len = end ? (size_t)(end - l->script) : l->script_len;
  char *line = alloc_fmt("%.*s", (int)(len < 4096 ? len : 4096), l->script);
  char *at = strncmp(line, "#!", 2) == 0 ? line + 2 + strspn(line + 2, " \t\r") : NULL;
  if (!at || !*at) {
    put(out, "argument", "/bin/sh");
    free(line);
    return;
  }
  char *rest = at + strcspn(at, " \t\r");
  if (*rest) *rest++ = '\0';
  rest += strspn(rest, " \t\r");
  for (size_t n = strlen(rest); n > 0 && strchr(" \t\r", rest[n - 1]); n--) rest[n - 1] = '\0';
  put(out, "argument", at);
  if (*rest) put(out, "argument", rest);
  free(line);
}

void local_spec_write(const struct launch *l, const struct account *a, const struct local_dirs *d, struct buf *out) {
  buf_add(out, RUNDIR_FORMAT_TEXT, sizeof RUNDIR_FORMAT_TEXT);
  put(out, "id", l->attempt_id);
  put(out, "dir", l->dir ? l->dir : d->work);
  put_number(out, "timeout_us", l->timeout);
  put_number(out, "grace_us", l->grace);
  put_number(out, "log_cap", l->log_cap > INT64_MAX ? INT64_MAX : (int64_t)l->log_cap);
  put(out, "leftovers", l->keep_leftovers ? "keep" : "kill");
  for (size_t i = 0; i < l->argc; i++) put(out, "argument", l->argv[i]);
  if (l->script && l->argc == 0) put_interpreter(out, l);
  if (l->script) {
    buf_fmt(out, "argument=%s/%s", d->attempt, RUNDIR_SCRIPT);
    buf_char(out, '\0');
  }
  put_place_env(out, l, a);
  put_launch_env(out, l);
  put_attempt_env(out, l, d);
}
