#include "worker/ssh/remote/ops.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "worker/ssh/remote/ops_text.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define SCRIPT_NAME  "script"

/* ---- quoting ---- */

/* One word in single quotes, which keep every byte but NUL and the quote itself. */
static void quote_bytes(struct buf *out, const char *bytes, size_t len) {
  assert(len == 0 || !memchr(bytes, '\0', len));
  buf_char(out, '\'');
  for (const char *at = bytes, *end = bytes + len; at < end;) {
    const char *mark = memchr(at, '\'', (size_t)(end - at));
    if (!mark) mark = end;
    buf_add(out, at, (size_t)(mark - at));
    if (mark < end) buf_str(out, "'\\''");
    at = mark + 1;
  }
  buf_char(out, '\'');
}

static void quote(struct buf *out, const char *text) {
  quote_bytes(out, text, strlen(text));
}

static void arg(struct buf *out, const char *text) {
  buf_char(out, ' ');
  quote(out, text);
}

/* ---- the frame of a request ---- */

static void begin(struct buf *out, const char *nonce) {
  assert(strlen(nonce) == OPS_NONCE_LEN);
  buf_fmt(out, "{\nrota_nonce=%s\n", nonce);
}

static void op(struct buf *out, const char *name) {
  buf_str(out, name);
}

static void op_end(struct buf *out) {
  buf_str(out, " </dev/null\n");
}

static void end(struct buf *out, const char *nonce) {
  buf_fmt(out, "rota_end %s $?\n}\n", nonce);
}

static void plain(struct buf *out, const char *nonce, const char *name, const char *const *args, size_t len) {
  begin(out, nonce);
  op(out, name);
  for (size_t i = 0; i < len; i++) arg(out, args[i]);
  op_end(out);
  end(out, nonce);
}

/* On a channel of its own: the op answers its own end if it goes well. */
static void alone(struct buf *out, const char *nonce, const struct ops_hello *host, const char *name,
                  const char *const *args, size_t len, bool input) {
  begin(out, nonce);
  op(out, "rota_use");
  arg(out, host->root);
  arg(out, host->host);
  op_end(out);
  op(out, name);
  for (size_t i = 0; i < len; i++) arg(out, args[i]);
  if (!input) buf_str(out, " </dev/null");
  buf_fmt(out, " || rota_end %s $?\n}\n", nonce);
}

/* ---- requests ---- */

void ops_bootstrap(struct buf *out) {
  buf_fmt(out, "rota_hash=%s\n%s", ops_supervisor_hash(), ops_text_remote());
}

void ops_hello(struct buf *out, const char *nonce, const char *root, const char *state_id, const char *host) {
  plain(out, nonce, "rota_hello", (const char *const[]){root, state_id, host}, 3);
}

void ops_install(struct buf *out, const char *nonce) {
  plain(out, nonce, "rota_install", (const char *const[]){ops_text_supervise()}, 1);
}

void ops_facts(struct buf *out, const char *nonce) {
  plain(out, nonce, "rota_facts", NULL, 0);
}

void ops_fence(struct buf *out, const char *nonce, const char *attempt) {
  plain(out, nonce, "rota_fence", &attempt, 1);
}

void ops_look(struct buf *out, const char *nonce, const char *const *attempts, size_t len) {
  assert(len <= OPS_LOOK_MAX);
  plain(out, nonce, "rota_look", attempts, len);
}

void ops_logs(struct buf *out, const char *nonce, size_t max, const struct ops_offset *offsets, size_t len) {
  assert(len <= OPS_LOOK_MAX);
  begin(out, nonce);
  op(out, "rota_logs");
  buf_fmt(out, " %zu", max < OPS_LOGS_MAX ? max : (size_t)OPS_LOGS_MAX);
  for (size_t i = 0; i < len; i++) buf_fmt(out, " %s:%" PRIu64, offsets[i].attempt, offsets[i].offset);
  op_end(out);
  end(out, nonce);
}

void ops_progress(struct buf *out, const char *nonce, const char *const *attempts, size_t len) {
  assert(len <= OPS_LOOK_MAX);
  plain(out, nonce, "rota_progress", attempts, len);
}

void ops_stop(struct buf *out, const char *nonce, const char *attempt, duration grace) {
  begin(out, nonce);
  op(out, "rota_stop");
  arg(out, attempt);
  buf_fmt(out, " %" PRId64, grace < 0 ? 0 : grace);
  op_end(out);
  end(out, nonce);
}

void ops_clear(struct buf *out, const char *nonce, const char *attempt, const char *place) {
  plain(out, nonce, "rota_clear", (const char *const[]){attempt, place ? place : ""}, 2);
}

void ops_results(struct buf *out, const char *nonce, const char *attempt) {
  plain(out, nonce, "rota_results", &attempt, 1);
}

void ops_clean(struct buf *out, const char *nonce, const char *const *attempts, size_t len) {
  assert(len <= OPS_LOOK_MAX);
  plain(out, nonce, "rota_clean", attempts, len);
}

void ops_sweep(struct buf *out, const char *nonce, const char *run, const char *const *attempts, size_t len) {
  begin(out, nonce);
  op(out, "rota_sweep");
  arg(out, run);
  for (size_t i = 0; i < len; i++) arg(out, attempts[i]);
  op_end(out);
  end(out, nonce);
}

static void kept(struct buf *out, const char *nonce, const char *name, unsigned max) {
  char number[16];
  snprintf(number, sizeof number, "%u", max);
  plain(out, nonce, name, (const char *const[]){number}, 1);
}

void ops_kept_attempts(struct buf *out, const char *nonce, unsigned max) {
  kept(out, nonce, "rota_kept_attempts", max);
}

void ops_kept_runs(struct buf *out, const char *nonce, unsigned max) {
  kept(out, nonce, "rota_kept_runs", max);
}

void ops_disk(struct buf *out, const char *nonce) {
  plain(out, nonce, "rota_disk", NULL, 0);
}

void ops_stat(struct buf *out, const char *nonce, const char *run, const char *const *paths, size_t len, bool sums) {
  begin(out, nonce);
  op(out, "rota_paths");
  arg(out, run);
  buf_str(out, sums ? " 1" : " 0");
  for (size_t i = 0; i < len; i++) arg(out, paths[i]);
  op_end(out);
  end(out, nonce);
}

void ops_put_done(struct buf *out, const char *nonce, const char *run, const char *path, const char *token,
                  uint64_t size, const char *sha256, unsigned mode) {
  begin(out, nonce);
  op(out, "rota_put_done");
  arg(out, run);
  arg(out, path);
  arg(out, token);
  buf_fmt(out, " %" PRIu64, size);
  arg(out, sha256);
  buf_fmt(out, " %o", mode & 0777);
  op_end(out);
  end(out, nonce);
}

void ops_watch(struct buf *out, const char *nonce, const struct ops_hello *host) {
  alone(out, nonce, host, "rota_watch", NULL, 0, false);
}

void ops_read(struct buf *out, const char *nonce, const struct ops_hello *host, const char *attempt,
              uint64_t offset) {
  char number[24];
  snprintf(number, sizeof number, "%" PRIu64, offset);
  alone(out, nonce, host, "rota_read", (const char *const[]){attempt, number}, 2, false);
}

static void get(struct buf *out, const char *nonce, const struct ops_hello *host, const char *room, const char *id,
                const char *path) {
  char *dir = alloc_fmt("%s/%s", room, id);
  alone(out, nonce, host, "rota_get", (const char *const[]){dir, path}, 2, false);
  free(dir);
}

void ops_get(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run, const char *path) {
  get(out, nonce, host, "w", run, path);
}

void ops_get_result(struct buf *out, const char *nonce, const struct ops_hello *host, const char *attempt,
                    const char *name) {
  get(out, nonce, host, "a", attempt, name);
}

void ops_put(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run, const char *path,
             const char *token) {
  alone(out, nonce, host, "rota_put", (const char *const[]){run, path, token}, 3, true);
}

void ops_put_all(struct buf *out, const char *nonce, const char *run, const char *token, const struct ops_put *files,
                 size_t len) {
  begin(out, nonce);
  op(out, "rota_put_all");
  arg(out, run);
  arg(out, token);
  for (size_t i = 0; i < len; i++) {
    arg(out, files[i].path);
    buf_fmt(out, " %" PRIu64, files[i].size);
    arg(out, files[i].sha256);
    buf_fmt(out, " %o", files[i].mode & 0777);
  }
  op_end(out);
  end(out, nonce);
}

void ops_put_many(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run,
                  const char *token, const struct ops_put *files, size_t len) {
  const char **args = alloc_zeroed(2 + 2 * len, sizeof *args);
  char(*sizes)[24] = alloc_zeroed(len, sizeof *sizes);
  args[0] = run;
  args[1] = token;
  for (size_t i = 0; i < len; i++) {
    snprintf(sizes[i], sizeof sizes[i], "%" PRIu64, files[i].size);
    args[2 + 2 * i] = files[i].path;
    args[3 + 2 * i] = sizes[i];
  }
  alone(out, nonce, host, "rota_put_many", args, 2 + 2 * len, true);
  free(sizes);
  free(args);
}

void ops_get_many(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run,
                  const char *const *paths, size_t len) {
  struct arena arena = {0};
  const char **args = arena_new_array(&arena, 1 + len, const char *);
  args[0] = run;
  for (size_t i = 0; i < len; i++) args[1 + i] = arena_fmt(&arena, "./%s", paths[i]); /* "-" is a name too */
  alone(out, nonce, host, "rota_get_many", args, 1 + len, false);
  arena_release(&arena);
}

/* ---- the start ---- */

static size_t pieces_of(size_t len) {
  return len > OPS_INLINE_MAX ? (len + OPS_PIECE - 1) / OPS_PIECE : 0;
}

size_t ops_pieces(const struct launch *l) {
  return (l->script ? pieces_of(l->script_len) : 0) + (l->context ? pieces_of(l->context_len) : 0);
}

void ops_piece(struct buf *out, const char *nonce, const struct launch *l, size_t piece) {
  assert(piece < ops_pieces(l));
  size_t scripts = l->script ? pieces_of(l->script_len) : 0;
  bool script = piece < scripts;
  const char *bytes = script ? l->script : l->context;
  size_t len = script ? l->script_len : l->context_len;
  size_t index = script ? piece : piece - scripts;
  size_t at = index * OPS_PIECE;
  begin(out, nonce);
  op(out, "rota_piece");
  arg(out, l->attempt_id);
  arg(out, script ? SCRIPT_NAME : RUNDIR_CONTEXT);
  buf_fmt(out, " %zu ", index);
  quote_bytes(out, bytes + at, len - at < OPS_PIECE ? len - at : OPS_PIECE);
  op_end(out);
  end(out, nonce);
}

/* '' for none, '+' and the text, or '@' and the number of pieces that were sent before. */
static void start_text(struct buf *out, const char *bytes, size_t len) {
  size_t pieces = bytes ? pieces_of(len) : 0;
  if (!bytes) {
    buf_str(out, " ''");
  } else if (pieces > 0) {
    buf_fmt(out, " '@%zu'", pieces);
  } else {
    buf_str(out, " '+'");
    quote_bytes(out, bytes, len);
  }
}

static void put_export(struct buf *out, const char *name, const char *value) {
  buf_fmt(out, "export %s=", name);
  quote(out, value);
  buf_char(out, '\n');
}

/* What belongs to the place first, then what the launch says, then the attempt's own paths, which nothing replaces.
 */
static void put_environment(struct buf *out, const struct ops_hello *host, const struct launch *l) {
  static const struct {
    const char *name, *file;
  } files[] = {
      {"ROTA_OUTPUT", RUNDIR_OUTPUT}, {"ROTA_METRICS", RUNDIR_METRICS}, {"ROTA_ARTIFACTS", RUNDIR_ARTIFACTS},
      {"ROTA_CHECKS", RUNDIR_CHECKS}, {"ROTA_SUMMARY", RUNDIR_SUMMARY}, {"ROTA_PROGRESS", RUNDIR_PROGRESS},
  };
  char *dir = alloc_fmt("%s/a/%s", host->root, l->attempt_id);
  char *work = alloc_fmt("%s/w/%s", host->root, l->run_id);
  char *state = alloc_fmt("%s/s/%s/%s", host->root, l->run_id, l->state_key);
  char *path = l->path && l->path[0] ? alloc_fmt("%s:%s", l->path, DEFAULT_PATH) : alloc_strdup(DEFAULT_PATH);
  buf_str(out, "rota_environment() {\n");
  put_export(out, "HOME", host->home);
  put_export(out, "USER", host->user);
  put_export(out, "LOGNAME", host->user);
  put_export(out, "SHELL", host->login_shell);
  put_export(out, "PATH", path);
  put_export(out, "LANG", "C.UTF-8");
  put_export(out, "TZ", l->zone ? l->zone : "UTC");
  put_export(out, "PYTHONUNBUFFERED", "1");
  for (size_t i = 0; i < l->env_len; i++) {
    const struct launch_env *e = &l->env[i];
    if (!e->file) {
      put_export(out, e->name, e->value);
      continue;
    }
    buf_str(out, "rota_env_file");
    arg(out, e->file);
    buf_char(out, '\n');
  }
  put_export(out, "ROTA_DIR", dir);
  put_export(out, "ROTA_WORK", work);
  put_export(out, "ROTA_STATE", state);
  put_export(out, "ROTA_ATTEMPT_ID", l->attempt_id);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char *file = alloc_fmt("%s/%s", dir, files[i].file);
    put_export(out, files[i].name, file);
    free(file);
  }
  if (l->context) {
    char *file = alloc_fmt("%s/%s", dir, RUNDIR_CONTEXT);
    put_export(out, "ROTA_CONTEXT", file);
    free(file);
  }
  buf_str(out, "}\n");
  free(dir);
  free(work);
  free(state);
  free(path);
}

/* What runs a script that brings its own first line, as the kernel reads it: a program and at most one argument. */
static void put_interpreter(struct buf *out, const struct launch *l) {
  const char *line_end = memchr(l->script, '\n', l->script_len);
  size_t len = line_end ? (size_t)(line_end - l->script) : l->script_len;
  char *line = alloc_fmt("%.*s", (int)(len < 4096 ? len : 4096), l->script);
  char *at = strncmp(line, "#!", 2) == 0 ? line + 2 + strspn(line + 2, " \t\r") : NULL;
  if (!at || !*at) {
    arg(out, "/bin/sh");
    free(line);
    return;
  }
  char *rest = at + strcspn(at, " \t\r");
  if (*rest) *rest++ = '\0';
  rest += strspn(rest, " \t\r");
  for (size_t n = strlen(rest); n > 0 && strchr(" \t\r", rest[n - 1]); n--) rest[n - 1] = '\0';
  arg(out, at);
  if (*rest) arg(out, rest);
  free(line);
}

/* The text that the supervisor reads from its descriptor 3. */
static void put_launch(struct buf *out, const struct ops_hello *host, const struct launch *l) {
  uint64_t cap = l->log_cap > INT64_MAX ? INT64_MAX : l->log_cap;
  buf_fmt(out, "rota_timeout_us=%" PRId64 "\nrota_grace_us=%" PRId64 "\nrota_log_cap=%" PRIu64 "\n", l->timeout,
          l->grace, cap);
  buf_fmt(out, "rota_leftovers=%s\nrota_dir=", l->keep_leftovers ? "keep" : "kill");
  quote(out, l->dir ? l->dir : "");
  buf_char(out, '\n');
  if (l->state_from && !l->fresh_state) {
    buf_str(out, "rota_state_from=");
    quote(out, l->state_from);
    buf_char(out, '\n');
  }
  put_environment(out, host, l);
  buf_str(out, "rota_command() {\n\"$rota_do\"");
  for (size_t i = 0; i < l->argc; i++) arg(out, l->argv[i]);
  if (l->script && l->argc == 0) put_interpreter(out, l);
  if (l->script) {
    char *script = alloc_fmt("%s/a/%s/%s", host->root, l->attempt_id, SCRIPT_NAME);
    arg(out, script);
    free(script);
  }
  buf_str(out, "\n}");
}

static void put_start(struct buf *out, const struct ops_hello *host, const struct launch *l) {
  op(out, "rota_start");
  arg(out, l->attempt_id);
  arg(out, l->label ? l->label : "");
  start_text(out, l->script, l->script_len);
  start_text(out, l->context, l->context_len);
  struct buf launch = {0};
  put_launch(&launch, host, l);
  buf_char(out, ' ');
  quote_bytes(out, launch.bytes, launch.len);
  buf_release(&launch);
  op_end(out);
}

void ops_start(struct buf *out, const char *nonce, const struct ops_hello *host, const struct launch *const *launches,
               size_t len) {
  begin(out, nonce);
  op(out, "rota_make");
  for (size_t i = 0; i < len; i++) {
    arg(out, launches[i]->attempt_id);
    arg(out, launches[i]->run_id);
    arg(out, launches[i]->state_key);
    if (launches[i]->state_from && !launches[i]->fresh_state)
      arg(out, launches[i]->state_from);
    else
      buf_str(out, launches[i]->fresh_state ? " 1" : " 0");
  }
  op_end(out);
  for (size_t i = 0; i < len; i++) put_start(out, host, launches[i]);
  end(out, nonce);
}
