#include "scheduler/store/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/db.h"
#include "scheduler/store/table.h"
#include "scheduler/store/writer.h"

int load_rows(sqlite3_stmt *q, enum change_kind kind, struct arena *a, void *items, size_t *len) {
  const struct table *t = table_of(kind);
  struct buf rows = {0};
  int rc, code = 0;
  while (!code && (rc = sqlite3_step(q)) == SQLITE_ROW) {
    buf_reserve(&rows, t->row_size);
    code = table_read(q, 0, t, a, rows.bytes + rows.len);
    rows.len += t->row_size;
  }
  if (!code) code = db_code(sqlite3_db_handle(q), rc);
  sqlite3_reset(q);
  *len = rows.len / t->row_size;
  void *copy = arena_array(a, *len + 1, t->row_size);
  if (rows.len) memcpy(copy, rows.bytes, rows.len);
  memcpy(items, &copy, sizeof copy);
  buf_release(&rows);
  return code;
}

/* ---- versions ---- */

static void version_key(int64_t version, char out[24]) {
  snprintf(out, 24, "%" PRId64, version);
}

struct load_version {
  struct pipeline *pipeline;
  bool aside; /* reading it ended the daemon too often */
  char sha256[SHA256_HEX_SIZE];
};

int load_spec(struct statements *st, struct load_specs *specs, int64_t version, char sha256[SHA256_HEX_SIZE],
              struct pipeline **out, struct buf *why) {
  char key[24];
  version_key(version, key);
  struct load_version *v = map_get(&specs->by_version, key);
  if (!v) {
    sqlite3_stmt *q = statement(st, STATEMENT_VERSION_SPEC);
    sqlite3_bind_int64(q, 1, version);
    int rc = sqlite3_step(q);
    v = alloc_new(struct load_version);
    v->aside = quarantine_holds(specs->quarantine, QUARANTINE_VERSION, key);
    if (rc == SQLITE_ROW && !v->aside) {
      quarantine_enter(specs->quarantine, QUARANTINE_VERSION, key);
      snprintf(v->sha256, sizeof v->sha256, "%s", (const char *)sqlite3_column_text(q, 0));
      v->pipeline = pipeline_from_json((const char *)sqlite3_column_text(q, 1), (size_t)sqlite3_column_bytes(q, 1));
      quarantine_leave(specs->quarantine);
    }
    sqlite3_reset(q);
    map_put(&specs->by_version, key, v);
  }
  *out = v->pipeline;
  if (sha256) memcpy(sha256, v->sha256, SHA256_HEX_SIZE);
  if (v->pipeline) return 0;
  if (v->aside) return ERR_AGAIN;
  if (why) buf_fmt(why, "version %" PRId64 " of a pipeline can't be read from the database", version);
  return ERR_CORRUPT;
}

void load_specs_release(struct load_specs *specs) {
  for (size_t i = 0; i < specs->by_version.len; i++) {
    struct load_version *v = specs->by_version.entries[i].value;
    pipeline_release(v->pipeline);
    free(v);
  }
  map_release(&specs->by_version);
}

/* ---- a run ---- */

static int load_children(struct statements *st, enum statement name, int64_t run, enum change_kind kind,
                         struct arena *a, void *items, size_t *len) {
  sqlite3_stmt *q = statement(st, name);
  sqlite3_bind_int64(q, 1, run);
  return load_rows(q, kind, a, items, len);
}

int load_run_row(sqlite3_stmt *q, struct arena *a, struct run_rows *out) {
  const struct table *t = table_of(CHANGE_RUN);
  const char *from = (const char *)sqlite3_column_text(q, t->columns_len + 1);
  const char *before = (const char *)sqlite3_column_text(q, t->columns_len + 2);
  out->pipeline_name = arena_strdup(a, (const char *)sqlite3_column_text(q, t->columns_len));
  out->linked_from_id = from ? arena_strdup(a, from) : NULL;
  out->linked_before = before ? arena_strdup(a, before) : NULL;
  return table_read(q, 0, t, a, &out->run);
}

int load_run(struct statements *st, struct load_specs *specs, struct arena *a, struct run_rows *run,
             struct buf *why) {
  int64_t key = run->run.key;
  int rc = load_spec(st, specs, run->run.version, NULL, &run->pipeline, why);
  if (!rc) rc = load_children(st, STATEMENT_TASKS, key, CHANGE_TASK, a, &run->tasks, &run->tasks_len);
  if (!rc)
    rc = load_children(st, STATEMENT_ATTEMPTS_NEEDED, key, CHANGE_ATTEMPT, a, &run->attempts, &run->attempts_len);
  if (!rc) rc = load_children(st, STATEMENT_OUTPUTS_NEEDED, key, CHANGE_OUTPUT, a, &run->outputs, &run->outputs_len);
  return rc;
}

/* ---- all that is alive ---- */

static int load_pipelines(struct statements *st, struct load_specs *specs, struct store_loaded *out,
                          struct buf *why) {
  struct engine_state *state = &out->state;
  struct pipeline_row *rows;
  int rc = load_rows(statement(st, STATEMENT_PIPELINES), CHANGE_PIPELINE, &out->arena, &rows, &state->pipelines_len);
  if (rc) return rc;
  struct pipeline **pipelines = arena_new_array(&out->arena, state->pipelines_len + 1, struct pipeline *);
  char(*sha256)[SHA256_HEX_SIZE] = arena_array(&out->arena, state->pipelines_len + 1, SHA256_HEX_SIZE);
  for (size_t i = 0; !rc && i < state->pipelines_len; i++) {
    if (rows[i].version) rc = load_spec(st, specs, rows[i].version, sha256[i], &pipelines[i], why);
    if (rc == ERR_AGAIN) rc = 0; /* left aside: its file is read anew */
  }
  state->pipelines = rows;
  state->pipeline_specs = pipelines;
  state->pipeline_sha256 = (const char(*)[SHA256_HEX_SIZE])sha256;
  return rc;
}

static int load_schedules(struct statements *st, struct store_loaded *out) {
  struct engine_state *state = &out->state;
  struct schedule_row *rows;
  int rc = load_rows(statement(st, STATEMENT_SCHEDULES), CHANGE_SCHEDULE, &out->arena, &rows, &state->schedules_len);
  if (rc) return rc;
  struct firing_row *last = arena_new_array(&out->arena, state->schedules_len + 1, struct firing_row);
  for (size_t i = 0; !rc && i < state->schedules_len; i++) {
    sqlite3_stmt *q = statement(st, STATEMENT_FIRING_LAST);
    sqlite3_bind_int64(q, 1, rows[i].key);
    int step = sqlite3_step(q);
    rc = step == SQLITE_ROW ? table_read(q, 0, table_of(CHANGE_FIRING), &out->arena, &last[i])
                            : db_code(st->db, step);
    sqlite3_reset(q);
  }
  state->schedules = rows;
  state->last_firings = last;
  return rc;
}

static int load_live_runs(struct statements *st, struct load_specs *specs, struct store_loaded *out,
                          struct buf *why) {
  VEC(struct run_rows) runs = {0};
  sqlite3_stmt *q = statement(st, STATEMENT_RUNS_LIVE);
  sqlite3_bind_int64(q, 1, LINKED_BEFORE_MAX);
  int step, rc = 0;
  while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct run_rows run = {0};
    rc = load_run_row(q, &out->arena, &run);
    vec_push(&runs, run);
  }
  if (!rc) rc = db_code(st->db, step);
  sqlite3_reset(q);
  struct run_rows *copy = arena_new_array(&out->arena, runs.len + 1, struct run_rows);
  size_t kept = 0;
  for (size_t i = 0; !rc && i < runs.len; i++) {
    if (quarantine_holds(specs->quarantine, QUARANTINE_RUN, runs.items[i].run.id.text) ||
        quarantine_holds(specs->quarantine, QUARANTINE_DECISION, runs.items[i].run.id.text))
      continue;
    copy[kept] = runs.items[i];
    rc = load_run(st, specs, &out->arena, &copy[kept], why);
    if (rc == 0) kept++;
    if (rc == ERR_AGAIN) rc = 0; /* of a version that is left aside */
  }
  out->state.runs = copy;
  out->state.runs_len = kept;
  vec_release(&runs);
  return rc;
}

static int load_access(struct statements *st, struct store_loaded *out) {
  sqlite3_stmt *q = statement(st, STATEMENT_TOKENS_LIVE);
  int rc = load_rows(q, CHANGE_TOKEN, &out->arena, &out->tokens, &out->tokens_len);
  if (rc) return rc;
  q = statement(st, STATEMENT_TOKENS_REVOKED);
  sqlite3_bind_int64(q, 1, STORE_TOKENS_REVOKED);
  rc = load_rows(q, CHANGE_TOKEN, &out->arena, &out->revoked, &out->revoked_len);
  if (rc) return rc;
  q = statement(st, STATEMENT_SESSIONS_LIVE);
  sqlite3_bind_int64(q, 1, STORE_SESSIONS);
  return load_rows(q, CHANGE_SESSION, &out->arena, &out->sessions, &out->sessions_len);
}

static int load_meta(struct statements *st, struct store_loaded *out) {
  struct pause_row *p = &out->state.pause;
  sqlite3_stmt *q = statement(st, STATEMENT_META);
  int step = sqlite3_step(q);
  if (step == SQLITE_ROW) {
    const char *reason = (const char *)sqlite3_column_text(q, 1), *by = (const char *)sqlite3_column_text(q, 2);
    p->at = sqlite3_column_type(q, 0) == SQLITE_NULL ? INSTANT_NONE : sqlite3_column_int64(q, 0);
    p->reason = reason ? arena_strdup(&out->arena, reason) : NULL;
    p->by = by ? arena_strdup(&out->arena, by) : NULL;
    out->restored_at = sqlite3_column_type(q, 3) == SQLITE_NULL ? INSTANT_NONE : sqlite3_column_int64(q, 3);
    out->state.restored_at = out->restored_at;
    out->state.next_key = sqlite3_column_int64(q, 4) + 1;
  }
  sqlite3_reset(q);
  return step == SQLITE_ROW ? 0 : ERR_CORRUPT;
}

int store_load(struct store *s, struct store_loaded *out, struct buf *why) {
  struct statements *st = &s->statements;
  struct load_specs specs = {.quarantine = s->quarantine};
  memset(out, 0, sizeof *out);
  size_t said = why ? why->len : 0;
  int rc = load_pipelines(st, &specs, out, why);
  if (!rc) rc = load_schedules(st, out);
  if (!rc) rc = load_live_runs(st, &specs, out, why);
  struct stat_row *stats = NULL;
  if (!rc) rc = load_rows(statement(st, STATEMENT_STATS), CHANGE_STAT, &out->arena, &stats, &out->state.stats_len);
  out->state.stats = stats;
  struct host_row *hosts = NULL;
  if (!rc) rc = load_rows(statement(st, STATEMENT_HOSTS), CHANGE_HOST, &out->arena, &hosts, &out->state.hosts_len);
  out->state.hosts = hosts;
  struct remnant_row *remnants = NULL;
  if (!rc)
    rc = load_rows(statement(st, STATEMENT_REMNANTS), CHANGE_REMNANT, &out->arena, &remnants,
                   &out->state.remnants_len);
  out->state.remnants = remnants;
  if (!rc) rc = load_access(st, out);
  if (!rc) rc = load_meta(st, out);
  for (size_t i = 0; !rc && i < specs.by_version.len; i++) {
    struct load_version *v = specs.by_version.entries[i].value;
    if (v->pipeline) vec_push(&out->pipelines, pipeline_retain(v->pipeline));
  }
  load_specs_release(&specs);
  if (rc && why && why->len == said)
    buf_fmt(why, "the rows can't be read: %s", rc == ERR_CORRUPT ? "they are damaged" : sqlite3_errmsg(s->db));
  if (rc) store_loaded_release(out);
  return rc;
}

void store_loaded_release(struct store_loaded *l) {
  for (size_t i = 0; i < l->pipelines.len; i++) pipeline_release(l->pipelines.items[i]);
  vec_release(&l->pipelines);
  arena_release(&l->arena);
  memset(l, 0, sizeof *l);
}
