#include "scheduler/daemon/pages/attention.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* More pipelines than this that missed firings for one reason are told in one row. */
#define MISSED_APART 5

static const char *const kind_words[] = {
#define X(name, word) word,
    ATTENTION_KIND_LIST(X)
#undef X
};

/* The row of a cause; a new one has `count` 0. */
static struct attention_row *row_of(struct attention *t, enum attention_kind kind, const char *cause) {
  const char *key = arena_fmt(t->arena, "%d %s", (int)kind, cause);
  struct attention_row *row = map_get(&t->by_cause, key);
  if (row) return row;
  row = arena_new(t->arena, struct attention_row);
  *row = (struct attention_row){.kind = kind, .at = INSTANT_NONE, .scheduled_for = INSTANT_NONE};
  map_put(&t->by_cause, key, row);
  vec_push(&t->rows, row);
  return row;
}

static void add_run(struct attention_row *row, const char *id) {
  if (row->runs_len < ATTENTION_RUNS) row->runs[row->runs_len++] = id;
}

static const char *or_empty(const char *text) {
  return text ? text : "";
}

/* ---- failed ---- */

/* What the machinery did (lost, killed, never started) is one cause for all that it happened to at a host; how a
 * task's own program ended is a cause of its pipeline alone. */
static const char *failure_cause(struct arena *a, const struct history_failure *f) {
  bool machinery = f->label && f->host && f->why && (f->state == TASK_LOST || f->signal > 0 || f->exit_code < 0) &&
                   f->state != TASK_TIMED_OUT;
  if (machinery) return arena_fmt(a, "%s\n%s", f->host, f->why);
  return arena_fmt(a, "%s\n%s\n%s", f->pipeline, or_empty(f->task), f->why ? f->why : or_empty(f->reason));
}

static const char *failure_title(struct arena *a, const struct attention_row *row) {
  if (!row->pipeline) return arena_fmt(a, "%" PRId64 " runs failed alike", row->count);
  const char *in = row->what ? arena_fmt(a, " in %s", row->what) : "";
  if (row->count > 1) return arena_fmt(a, "%s failed %" PRId64 " times%s", row->pipeline, row->count, in);
  return arena_fmt(a, "%s failed%s", row->name, in);
}

void attention_failures(struct attention *t, const struct history_failure *items, size_t len) {
  for (size_t i = 0; i < len; i++) {
    const struct history_failure *f = &items[i];
    struct attention_row *row = row_of(t, ATTENTION_FAILED, failure_cause(t->arena, f));
    if (row->count == 0 || f->ended_at > row->at) {
      const char *name = arena_fmt(t->arena, "%s#%" PRId64, f->pipeline, f->number);
      const char *pipeline = row->count == 0 || (row->pipeline && strcmp(row->pipeline, f->pipeline) == 0)
                                 ? f->pipeline
                                 : NULL;
      row->at = f->ended_at;
      row->pipeline = pipeline;
      row->run = f->id.text;
      row->name = name;
      row->task = f->label;
      row->what = f->task;
      row->why = f->why && f->host ? arena_fmt(t->arena, "%s on %s", f->why, f->host)
                 : f->why          ? f->why
                 : f->reason       ? f->reason
                                   : "it failed";
    } else if (row->pipeline && strcmp(row->pipeline, f->pipeline) != 0) {
      row->pipeline = NULL;
    }
    row->count++;
    add_run(row, f->id.text);
    row->title = failure_title(t->arena, row);
  }
}

/* ---- missed ---- */

static const char *missed_title(struct arena *a, const struct attention_row *row, size_t pipelines) {
  const char *firings = row->count == 1 ? "a firing" : arena_fmt(a, "%" PRId64 " firings", row->count);
  if (!row->pipeline) return arena_fmt(a, "%zu pipelines missed %s", pipelines, firings);
  return arena_fmt(a, "%s missed %s", row->pipeline, firings);
}

static size_t pipelines_with(const struct history_missed *items, size_t len, const char *reason) {
  struct map seen = {0};
  for (size_t i = 0; i < len; i++)
    if (strcmp(or_empty(items[i].row.reason), reason) == 0) map_put(&seen, items[i].pipeline, NULL);
  size_t count = seen.len;
  map_release(&seen);
  return count;
}

void attention_missed(struct attention *t, const struct history_missed *items, size_t len) {
  for (size_t i = 0; i < len; i++) {
    const struct history_missed *m = &items[i];
    const char *reason = or_empty(m->row.reason);
    size_t pipelines = pipelines_with(items, len, reason);
    bool many = pipelines > MISSED_APART;
    const char *cause = many ? arena_fmt(t->arena, "\n%s", reason)
                             : arena_fmt(t->arena, "%s\n%s", m->pipeline, reason);
    struct attention_row *row = row_of(t, ATTENTION_MISSED, cause);
    if (row->count == 0 || m->row.until > row->at) {
      row->at = row->scheduled_for = m->row.until;
      row->pipeline = many ? NULL : m->pipeline;
      row->what = m->schedule;
      row->why = m->row.reason;
    }
    row->count += m->row.count;
    row->title = missed_title(t->arena, row, pipelines);
  }
}

/* ---- what goes on ---- */

void attention_concerns(struct attention *t, const struct engine_concern *items, size_t len) {
  struct arena *a = t->arena;
  for (size_t i = 0; i < len; i++) {
    const struct engine_concern *c = &items[i];
    enum attention_kind kind = c->waits || c->stuck ? ATTENTION_WAITING : ATTENTION_UNREACHABLE;
    struct attention_row *row = row_of(t, kind, arena_fmt(a, "%zu", i));
    row->pipeline = arena_strdup(a, c->pipeline);
    row->run = arena_strdup(a, c->run_id);
    row->name = arena_fmt(a, "%s#%" PRId64, c->pipeline, c->number);
    row->task = arena_strdup(a, c->task);
    row->at = c->since;
    row->why = c->why;
    row->count = (int64_t)c->count;
    for (size_t r = 0; r < c->runs_len; r++) add_run(row, arena_strdup(a, c->runs[r]));
    const char *who = c->count == 1 ? arena_fmt(a, "%s of %s", row->task, row->name)
                                    : arena_fmt(a, "%zu tasks", c->count);
    if (c->stuck)
      row->title = arena_fmt(a, "%s can't be ended", who);
    else if (c->waits)
      row->title = arena_fmt(a, "%s wait%s for a place", who, c->count == 1 ? "s" : "");
    else
      row->title = arena_fmt(a, "%s: %s doesn't answer", who, c->host);
  }
}

void attention_broken(struct attention *t, const char *json, size_t len) {
  json_t *files = json_loadb(json, len, 0, NULL);
  struct arena *a = t->arena;
  size_t i;
  json_t *file;
  json_array_foreach(files, i, file) {
    const char *path = json_string_value(json_object_get(file, "file"));
    const char *pipeline = json_string_value(json_object_get(file, "pipeline"));
    json_t *diagnostics = json_object_get(file, "diagnostics"), *first = json_array_get(diagnostics, 0);
    const char *message = json_string_value(json_object_get(first, "message"));
    json_int_t line = json_integer_value(json_object_get(first, "line"));
    struct attention_row *row = row_of(t, ATTENTION_BROKEN, arena_fmt(a, "%zu", i));
    row->pipeline = pipeline ? arena_strdup(a, pipeline) : NULL;
    row->count = (int64_t)json_array_size(diagnostics);
    row->title = arena_fmt(a, "%s doesn't load", or_empty(path));
    message = message ? arena_strdup(a, message) : "`rota validate` says why";
    row->why = line > 0 ? arena_fmt(a, "line %lld: %s", (long long)line, message) : message;
  }
  json_decref(files);
}

void attention_aside(struct attention *t, const char *lines) {
  struct arena *a = t->arena;
  for (const char *line = lines; *line;) {
    size_t len = strcspn(line, "\n");
    const char *what = arena_strndup(a, line, len);
    line += len + (line[len] == '\n');
    if (strncmp(what, "pipeline ", 9) == 0) continue;
    struct attention_row *row = row_of(t, ATTENTION_BROKEN, arena_fmt(a, "aside %s", what));
    row->count = 1;
    row->title = arena_fmt(a, "%s was left aside", what);
    row->why = "the daemon crashed three times in a row when it took this up; `rota doctor` says what to do";
  }
}

/* ---- writing ---- */

/* The newest first; a file that doesn't load has no time and comes before them. */
static int by_time(const void *a, const void *b) {
  const struct attention_row *x = *(const struct attention_row *const *)a,
                             *y = *(const struct attention_row *const *)b;
  instant xa = x->at == INSTANT_NONE ? INT64_MAX : x->at, ya = y->at == INSTANT_NONE ? INT64_MAX : y->at;
  return (xa < ya) - (xa > ya);
}

static void write_row(struct json *j, const struct attention_row *row) {
  jsonw_object(j);
  jsonw_member_string(j, "kind", kind_words[row->kind]);
  jsonw_member_string(j, "title", row->title);
  jsonw_member_string(j, "pipeline", row->pipeline);
  jsonw_member_string(j, "run", row->run);
  jsonw_member_string(j, "name", row->name);
  jsonw_member_instant(j, "at", row->at);
  jsonw_member_string(j, "why", row->why);
  jsonw_member_string(j, "task", row->task);
  jsonw_key(j, "runs");
  jsonw_array(j);
  for (size_t r = 0; r < row->runs_len; r++) jsonw_string(j, row->runs[r]);
  jsonw_array_end(j);
  jsonw_member_int(j, "count", row->count);
  if (row->kind == ATTENTION_MISSED) jsonw_member_instant(j, "scheduled_for", row->scheduled_for);
  jsonw_object_end(j);
}

void attention_write(struct attention *t, struct json *j) {
  if (t->rows.len > 1) qsort(t->rows.items, t->rows.len, sizeof t->rows.items[0], by_time);
  jsonw_array(j);
  for (size_t i = 0; i < t->rows.len; i++) write_row(j, t->rows.items[i]);
  jsonw_array_end(j);
  vec_release(&t->rows);
  map_release(&t->by_cause);
}
