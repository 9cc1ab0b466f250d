#include "tests/bench/history_gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/vec.h"
#include "scheduler/store/db.h"
#include "scheduler/store/statements.h"
#include "scheduler/store/table.h"

#define PIPELINES 200
#define TASKS_MAX 3

struct gen {
  sqlite3 *db;
  struct statements statements;
  uint64_t seed;
  int64_t key;
  int64_t numbers[PIPELINES];
  instant now, at;
  duration apart;
};

static uint64_t draw(struct gen *g) { /* SplitMix64, Steele, Lea and Flood */
  uint64_t z = (g->seed += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static int put(struct gen *g, const struct change *c) {
  sqlite3_stmt *q = statement_put(&g->statements, c->kind);
  table_bind(q, table_of(c->kind), &c->pipeline);
  return db_run(q);
}

static struct id draw_id(struct gen *g) {
  uint64_t random[2] = {draw(g), draw(g)};
  return id_make(g->at, (const uint8_t *)random);
}

static int event(struct gen *g, enum event_row_kind kind, int64_t pipeline, int64_t run, int64_t task,
                 int64_t attempt, const char *state) {
  return put(g, &(struct change){CHANGE_EVENT, .event = {.key = ++g->key,
                                                         .at = g->at,
                                                         .kind = kind,
                                                         .pipeline = pipeline,
                                                         .run = run,
                                                         .task = task,
                                                         .attempt = attempt,
                                                         .state = state}});
}

static int make_task(struct gen *g, const struct run_row *run, uint32_t index, bool failed, duration took) {
  static const char *const names[TASKS_MAX] = {"extract", "train", "evaluate"};
  int64_t attempt = ++g->key;
  instant start = g->at;
  struct change c = {CHANGE_ATTEMPT, .attempt = {.key = attempt,
                                                 .id = draw_id(g),
                                                 .run = run->key,
                                                 .task = index,
                                                 .round = 1,
                                                 .number = 1,
                                                 .state = failed ? TASK_FAILED : TASK_SUCCEEDED,
                                                 .reason = failed ? "exit status 1" : NULL,
                                                 .host = "local",
                                                 .slots = "{\"cpu\": [\"0\"]}",
                                                 .exit_code = failed,
                                                 .pid = 1000 + (int64_t)(draw(g) % 30000),
                                                 .created_at = start,
                                                 .started_at = start + 900,
                                                 .ended_at = start + took,
                                                 .max_rss_kb = (int64_t)(draw(g) % 4000000),
                                                 .cpu_us = took / 2,
                                                 .log_bytes = (int64_t)(draw(g) % 100000),
                                                 .dir = "/srv/pipelines/nightly",
                                                 .git_commit = "0d3c1b8e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0c"}};
  int rc = put(g, &c);
  g->at = start + took;
  if (!rc) rc = event(g, EVENT_ROW_TASK, run->pipeline, run->key, index, attempt, failed ? "failed" : "succeeded");
  struct change task = {CHANGE_TASK, .task = {.run = run->key,
                                              .index = index,
                                              .name = names[index],
                                              .label = names[index],
                                              .state = c.attempt.state,
                                              .round = 1,
                                              .attempts = 1,
                                              .failures = failed,
                                              .attempt = attempt,
                                              .output_attempt = failed ? 0 : attempt,
                                              .not_before = INSTANT_NONE,
                                              .ready_at = start,
                                              .started_at = start + 900,
                                              .ended_at = start + took}};
  if (!rc) rc = put(g, &task);
  struct change output = {CHANGE_OUTPUT, .output = {attempt, "rmse", "3.1415"}};
  return rc || failed || index != 2 ? rc : put(g, &output);
}

static int make_run(struct gen *g) {
  /* The square of an even draw: a few pipelines have most of the runs. */
  uint64_t x = draw(g) % PIPELINES, y = draw(g) % PIPELINES;
  int64_t p = (int64_t)(x * y / PIPELINES), tasks = 1 + (int64_t)(draw(g) % TASKS_MAX);
  bool fails = draw(g) % 100 < 4;
  char params[64];
  snprintf(params, sizeof params, "{\"lr\": 0.%02d, \"region\": \"%s\"}", (int)(draw(g) % 100), p % 2 ? "eu" : "us");
  instant begin = g->at;
  struct change c = {CHANGE_RUN, .run = {.key = ++g->key,
                                         .id = draw_id(g),
                                         .pipeline = p + 1,
                                         .number = ++g->numbers[p],
                                         .version = PIPELINES + p + 1,
                                         .state = fails ? RUN_FAILED : RUN_SUCCEEDED,
                                         .reason = fails ? "a task failed" : NULL,
                                         .trigger = draw(g) % 10 ? TRIGGER_SCHEDULE : TRIGGER_MANUAL,
                                         .actor = {"schedule", NULL, NULL, NULL},
                                         .params = params,
                                         .scheduled_for = begin,
                                         .interval_start = INSTANT_NONE,
                                         .zone = "Europe/Berlin",
                                         .date = begin / USEC_PER_DAY,
                                         .created_at = begin,
                                         .started_at = begin,
                                         .round = 1,
                                         .deadline = INSTANT_NONE,
                                         .tasks = tasks,
                                         .tasks_done = tasks,
                                         .tasks_failed = fails}};
  struct run_row *run = &c.run;
  int rc = event(g, EVENT_ROW_RUN, run->pipeline, run->key, -1, 0, "running");
  for (uint32_t i = 0; !rc && i < (uint32_t)tasks; i++)
    rc = make_task(g, run, i, fails && i == tasks - 1, USEC_PER_SEC + (duration)(draw(g) % (uint64_t)USEC_PER_MIN));
  if (!rc) rc = event(g, EVENT_ROW_RUN, run->pipeline, run->key, -1, 0, fails ? "failed" : "succeeded");
  run->ended_at = g->at;
  if (!rc) rc = put(g, &c);
  struct change round = {CHANGE_ROUND, .round = {run->key, 1, run->state, NULL, "all", run->actor, begin, g->at}};
  if (!rc) rc = put(g, &round);
  struct change daily = {CHANGE_DAILY, .daily = {run->date, run->pipeline, run->state, 1, g->at - begin}};
  if (!rc) rc = put(g, &daily);
  g->at = begin + g->apart;
  return rc;
}

static int make_pipelines(struct gen *g) {
  int rc = 0;
  for (int64_t p = 0; !rc && p < PIPELINES; p++) {
    char name[32], json[512];
    snprintf(name, sizeof name, "team%lld/pipeline%lld", (long long)(p % 8), (long long)p);
    snprintf(json, sizeof json,
             "{\"name\":\"%s\",\"folder\":\"/srv\",\"owner\":\"team%lld\",\"tags\":[\"bench\"],"
             "\"params\":{\"lr\":{\"type\":\"float\",\"default\":\"0.1\"},\"region\":{\"type\":\"string\","
             "\"default\":\"eu\"}},"
             "\"tasks\":{\"extract\":{\"run\":[\"true\"]},\"train\":{\"run\":[\"true\"]},\"evaluate\":{\"run\":["
             "\"true\"]}}}",
             name, (long long)(p % 8));
    struct change c = {CHANGE_PIPELINE, .pipeline = {p + 1, name, PIPELINES + p + 1, g->numbers[p], false, NULL,
                                                     g->now, INSTANT_NONE, NULL, NULL}};
    rc = put(g, &c);
    struct change v = {CHANGE_VERSION, .version = {.key = PIPELINES + p + 1,
                                                   .pipeline = p + 1,
                                                   .text = "",
                                                   .json = json,
                                                   .json_len = strlen(json),
                                                   .created_at = g->now}};
    if (!rc) rc = put(g, &v);
  }
  return rc;
}

/* Rows first, the indexes over them after: three times as fast. */
static int without_indexes(struct gen *g, int64_t runs) {
  VEC(char *) indexes = {0};
  sqlite3_stmt *q = db_prepare(g->db, "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
  struct buf drops = {0};
  while (sqlite3_step(q) == SQLITE_ROW) {
    buf_fmt(&drops, "DROP INDEX %s;", (const char *)sqlite3_column_text(q, 0));
    vec_push(&indexes, alloc_strdup((const char *)sqlite3_column_text(q, 1)));
  }
  sqlite3_finalize(q);
  int rc = db_exec(g->db, buf_cstr(&drops));
  if (!rc) rc = db_exec(g->db, "BEGIN");
  statements_init(&g->statements, g->db);
  statements_prepare_puts(&g->statements);
  for (int64_t i = 0; !rc && i < runs; i++) rc = make_run(g);
  if (!rc) rc = make_pipelines(g);
  if (!rc)
    rc = db_exec(g->db,
                 "UPDATE version SET owner = json_extract(json, '$.owner'), tags = json_extract(json, '$.tags')");
  statements_release(&g->statements);
  for (size_t i = 0; i < indexes.len; i++) {
    if (!rc) rc = db_exec(g->db, indexes.items[i]);
    free(indexes.items[i]);
  }
  struct buf meta = {0};
  buf_fmt(&meta, "UPDATE meta SET last_key = %lld, commit_number = commit_number + 1; COMMIT", (long long)g->key);
  if (!rc) rc = db_exec(g->db, buf_cstr(&meta));
  buf_release(&meta);
  buf_release(&drops);
  vec_release(&indexes);
  return rc;
}

int history_generate(const char *dir, int64_t runs, instant now) {
  duration span = 360 * USEC_PER_DAY;
  struct gen g = {.seed = 42, .key = 2 * PIPELINES, .now = now, .at = now - span, .apart = span / (runs ? runs : 1)};
  char *path = path_join(dir, "rota.db");
  int rc = db_open(path, DB_FILE, &g.db, NULL);
  if (!rc)
    rc = db_exec(g.db, "PRAGMA journal_mode=OFF; PRAGMA cache_size=-400000; PRAGMA ignore_check_constraints=ON;");
  if (!rc) rc = without_indexes(&g, runs);
  db_close(g.db);
  free(path);
  return rc;
}
