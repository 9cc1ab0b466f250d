/* References, lists, pages and counts. */
#include "sandbox.h"

#include <sqlite3.h>

#include "scheduler/store/history.h"
#include "scheduler/store/specs.h"
#include "scheduler/store/statements.h"

struct fixture {
  struct sandbox *s;
  struct history *h;
  struct arena a;
};

/* Pipelines nightly (1), weekly (3) and dev/etl (5) with versions 2, 4, 6; runs by the table. */
static const struct {
  int64_t key, pipeline, number;
  enum run_state state;
} made[] = {
    {10, 1, 1, RUN_SUCCEEDED}, {11, 3, 1, RUN_FAILED}, {12, 1, 2, RUN_FAILED},    {13, 5, 1, RUN_CANCELLED},
    {14, 1, 3, RUN_SUCCEEDED}, {15, 3, 2, RUN_QUEUED}, {16, 1, 4, RUN_SUCCEEDED}, {17, 5, 2, RUN_RUNNING},
};
#define MADE (sizeof made / sizeof made[0])

static void fill(struct sandbox *s) {
  struct change c[64];
  size_t n = 0;
  c[n++] = sample_pipeline(1, "nightly", 2);
  c[n++] = sample_version(2, 1, SAMPLE_JSON);
  c[n++] = sample_pipeline(3, "weekly", 4);
  c[n++] = sample_version(4, 3, "{\"name\": \"weekly\", \"owner\": \"ops\", \"tags\": []}");
  c[n++] = sample_pipeline(5, "dev/etl", 6);
  c[n++] = sample_version(6, 5, "{\"name\": \"dev/etl\"}");
  for (size_t i = 0; i < MADE; i++)
    c[n++] = sample_run(made[i].key, made[i].pipeline, made[i].number, made[i].pipeline + 1, made[i].state);
  c[n - 2].run.params = "{\"lr\": 0.5, \"region\": \"us\", \"dry\": true}";
  c[n - 2].run.trigger = TRIGGER_SCHEDULE;
  c[n - 2].run.linked_from = 14;
  c[n - 6].run.reason = "task eval failed";
  c[n - 6].run.ended_at = c[n - 6].run.started_at + 2 * USEC_PER_HOUR;
  c[n++] = sample_task(12, 0, "eval", TASK_FAILED, 0);
  c[n++] = sample_task(14, 0, "eval", TASK_SUCCEEDED, 0);
  c[n++] = sample_event(20, EVENT_ROW_NOTE, 11, NULL);
  c[n - 1].event.reason = "disk was 100% full";
  sandbox_commit(s, c, n);
}

static int setup(void **state) {
  if (sandbox_setup(state)) return -1;
  struct fixture *f = alloc_new(struct fixture);
  f->s = *state;
  fill(f->s);
  f->h = history_new(f->s->dir);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  history_free(f->h);
  arena_release(&f->a);
  *state = f->s;
  free(f);
  return sandbox_teardown(state);
}

/* ---- references ---- */

static void a_run_is_found_by_each_kind_of_reference(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *reference;
    int rc;
    int64_t key;
  } table[] = {
      {"nightly", 0, 16},
      {"nightly#2", 0, 12},
      {"nightly#9", ERR_NOT_FOUND, 0},
      {"nightly#", ERR_NOT_FOUND, 0},
      {"nightly@failed", 0, 12},
      {"nightly@succeeded", 0, 16},
      {"weekly@succeeded", ERR_NOT_FOUND, 0},
      {"weekly@nonsense", ERR_NOT_FOUND, 0},
      {"dev/etl", 0, 17},
      {"dev/etl#1", 0, 13},
      {"01h00000000000000000000014", 0, 14},
      {"01h00000000000000000000019", ERR_NOT_FOUND, 0},
      {"01h0000000000000000000001", ERR_CONFLICT, 0},
      {"nowhere", ERR_NOT_FOUND, 0},
      {"", ERR_NOT_FOUND, 0},
      {"02", ERR_NOT_FOUND, 0},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct history_run run = {0};
    struct buf why = {0};
    int rc = history_find(f->h, table[i].reference, &f->a, &run, &why);
    if (rc != table[i].rc || run.run.key != table[i].key)
      fail_msg("%s: %s, run %lld", table[i].reference, rc ? err_name(rc) : "0", (long long)run.run.key);
    if (rc) assert_true(why.len > 0);
    buf_release(&why);
  }
}

static void an_ambiguous_beginning_names_the_candidates(void **state) {
  struct fixture *f = *state;
  struct history_run run;
  struct buf why = {0};
  assert_int_equal(history_find(f->h, "01h000000000000", &f->a, &run, &why), ERR_CONFLICT);
  assert_non_null(strstr(buf_cstr(&why), "01h00000000000000000000010"));
  assert_non_null(strstr(buf_cstr(&why), "and more"));
  buf_release(&why);
}

/* ---- lists ---- */

static void list(struct fixture *f, const char *text, struct buf *out) {
  struct diag_list diags;
  struct filter filter;
  struct history_page page;
  diag_init(&diags, NULL, text, strlen(text));
  if (filter_parse(&filter, text, NOON + USEC_PER_DAY, &diags) != 0) {
    buf_fmt(out, "error at %u: %s", diags.items[0].place.column, diags.items[0].message);
    diag_release(&diags);
    return;
  }
  assert_int_equal(history_runs(f->h, &filter, NULL, 50, NOON + USEC_PER_DAY, &f->a, &page), 0);
  for (size_t i = 0; i < page.len; i++) buf_fmt(out, "%s%lld", i ? " " : "", (long long)page.items[i].run.key);
  int64_t count;
  bool at_least;
  assert_int_equal(history_count(f->h, &filter, NOON + USEC_PER_DAY, 1000, &count, &at_least), 0);
  assert_int_equal(count, page.len);
  assert_false(at_least);
  filter_release(&filter);
  diag_release(&diags);
}

static void each_filter_gives_its_runs_newest_first(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *filter, *expected;
  } table[] = {
      {"", "17 16 15 14 13 12 11 10"},
      {"state:failed", "12 11"},
      {"state:failed,cancelled", "13 12 11"},
      {"state:failed state:cancelled", ""},
      {"p:nightly", "16 14 12 10"},
      {"pipeline:nightly state:succeeded", "16 14 10"},
      {"p:n*,w*", "16 15 14 12 11 10"},
      {"p:dev/*", "17 13"},
      {"p:[n]ightly", ""},
      {"owner:forecasting", "16 14 12 10"},
      {"owner:ops state:failed", "11"},
      {"tag:gpu", "16 14 12 10"},
      {"tag:gp", ""},
      {"task:eval", "14 12"},
      {"state:failed task:ev*", "12"},
      {"trigger:schedule", "16"},
      {"trigger:cron", "16"},
      {"started:>-24h", "17 16 14 13 12 11 10"},
      {"started:2026-03-29", "17 16 14 13 12 11 10"},
      {"started:2026-03-30", ""},
      {"started:<2026-03-29", ""},
      {"started:<=2026-03-29T12:00:11Z", "11 10"},
      {"started:>2026-03-29T12:00:12Z p:nightly", "16 14"},
      {"dur:>1h", "17 12"},
      {"dur:<=1m", "16 14 13 11 10"},
      {"param.lr:0.5", "16"},
      {"param.lr:0.50", "16"},
      {"param.lr:>0.1", "16"},
      {"param.region:us", "16"},
      {"param.region:us,eu p:nightly", "16 14 12 10"},
      {"param.dry:true", "16"},
      {"param.none:1", ""},
      {"\"eval failed\"", "12"},
      {"EVAL", "12"},
      {"\"100% f\"", "11"},
      {"\"100%_f\"", ""},
      {"weekly", "15 11"},
      {"stat:failed", "error at 1: unknown key 'stat'"},
      {"p:nightly  state:fail", "error at 18: 'fail' isn't a state of a run"},
      {"started:>yesterday", "error at 10: 'yesterday' isn't a time"},
      {"dur:5", "error at 5: '5' isn't a duration"},
      {"state:>failed", "error at 7: 'state' can't be compared with < or >"},
      {"p:", "error at 1: 'p' needs a value"},
      {"p:a,", "error at 1: 'p' needs a value"},
      {"param.:1", "error at 1: the parameter's name is missing"},
      {"p:\"open", "error at 3: the quote isn't closed"},
      {"trigger:moon", "error at 9: 'moon' isn't a trigger"},
      {"dur:1m,2m", "error at 5: 'dur' takes one value"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct buf got = {0};
    list(f, table[i].filter, &got);
    if (strcmp(buf_cstr(&got), table[i].expected) != 0)
      fail_msg("%s: '%s', not '%s'", table[i].filter, buf_cstr(&got), table[i].expected);
    buf_release(&got);
  }
}

static void a_page_goes_on_where_the_last_one_ended_while_runs_come_in(void **state) {
  struct fixture *f = *state;
  static const char *const filters[] = {"", "state:succeeded,failed", "p:nightly", "started:>-24h"};
  static const char *const expected[] = {"17 16 15 14 13 12 11 10 ", "16 14 12 11 10 ", "16 14 12 10 ",
                                         "17 16 14 13 12 11 10 "};
  for (size_t i = 0; i < 4; i++) {
    struct filter filter;
    struct diag_list diags;
    struct buf got = {0};
    diag_init(&diags, NULL, filters[i], strlen(filters[i]));
    assert_int_equal(filter_parse(&filter, filters[i], NOON + USEC_PER_DAY, &diags), 0);
    const char *after = NULL;
    do {
      struct history_page page;
      assert_int_equal(history_runs(f->h, &filter, after, 2, NOON, &f->a, &page), 0);
      for (size_t k = 0; k < page.len; k++) buf_fmt(&got, "%lld ", (long long)page.items[k].run.key);
      after = page.next;
      int64_t key = 100 + (int64_t)(i * 10 + got.len);
      struct change c = sample_run(key, 1, key, 2, RUN_SUCCEEDED);
      if (after) sandbox_commit(f->s, &c, 1);
    } while (after);
    /* What came in while this list was read stands before it in the next one. */
    const char *tail = strlen(buf_cstr(&got)) >= strlen(expected[i])
                           ? buf_cstr(&got) + strlen(buf_cstr(&got)) - strlen(expected[i])
                           : "";
    assert_string_equal(tail, expected[i]);
    if (i == 0) assert_string_equal(buf_cstr(&got), expected[0]);
    buf_release(&got);
    filter_release(&filter);
    diag_release(&diags);
  }
}

static void a_cursor_that_is_none_is_refused(void **state) {
  struct fixture *f = *state;
  static const char *const bad[] = {"x", "", "k", "k-1", "k1x", "s1", "s1.x", "'; DROP TABLE run"};
  struct filter filter = {0};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct history_page page;
    assert_int_equal(history_runs(f->h, &filter, bad[i], 2, NOON, &f->a, &page), ERR_INVALID);
  }
}

static void a_long_search_says_how_far_back_it_came(void **state) {
  struct fixture *f = *state;
  enum { MANY = 6000 };
  struct change *c = alloc_zeroed(MANY, sizeof *c);
  for (int64_t i = 0; i < MANY; i++) c[i] = sample_run(1000 + i, 1, 1000 + i, 2, RUN_SUCCEEDED);
  sandbox_commit(f->s, c, MANY);
  free(c);
  struct filter filter;
  struct diag_list diags;
  diag_init(&diags, NULL, "param.lr:7", 10);
  assert_int_equal(filter_parse(&filter, "param.lr:7", NOON, &diags), 0);
  struct history_page page;
  assert_int_equal(history_runs(f->h, &filter, NULL, 50, NOON, &f->a, &page), 0);
  assert_int_equal(page.len, 0);
  assert_non_null(page.next);
  assert_true(page.searched_back_to >= NOON + 2000 * USEC_PER_SEC);
  int64_t count;
  bool at_least;
  assert_int_equal(history_count(f->h, &filter, NOON, 10, &count, &at_least), 0);
  assert_true(at_least);
  for (int i = 0; page.next && i < 100; i++)
    assert_int_equal(history_runs(f->h, &filter, page.next, 50, NOON, &f->a, &page), 0);
  assert_null(page.next);
  assert_int_equal(page.searched_back_to, INSTANT_NONE);
  filter_release(&filter);
  diag_release(&diags);
}

/* ---- rows ---- */

static void a_run_names_its_pipeline_version_and_origin(void **state) {
  struct fixture *f = *state;
  struct history_run run;
  assert_int_equal(history_run(f->h, 16, &f->a, &run), 0);
  assert_string_equal(run.pipeline, "nightly");
  assert_int_equal(strlen(run.version_sha256), 64);
  assert_string_equal(run.linked_from, "01h00000000000000000000014");
  assert_int_equal(history_run(f->h, 10, &f->a, &run), 0);
  assert_null(run.linked_from);
  assert_int_equal(history_run(f->h, 99, &f->a, &run), ERR_NOT_FOUND);
}

static void the_overview_has_the_last_runs_of_each_pipeline(void **state) {
  struct fixture *f = *state;
  struct history_pipeline *items;
  size_t len;
  assert_int_equal(history_pipelines(f->h, NULL, 2, &f->a, &items, &len), 0);
  assert_int_equal(len, 2);
  assert_string_equal(items[0].row.name, "dev/etl");
  assert_string_equal(items[1].row.name, "nightly");
  assert_string_equal(items[1].owner, "forecasting");
  assert_int_equal(items[1].last_len, 4);
  assert_int_equal(items[1].last[0].number, 4);
  assert_int_equal(items[1].last[2].state, RUN_FAILED);
  assert_int_equal(history_pipelines(f->h, "nightly", 2, &f->a, &items, &len), 0);
  assert_int_equal(len, 1);
  struct history_pipeline one;
  assert_int_equal(history_pipeline(f->h, "weekly", &f->a, &one), 0);
  assert_int_equal(one.last_len, 2);
  assert_int_equal(history_pipeline(f->h, "none", &f->a, &one), ERR_NOT_FOUND);
}

static void the_parts_of_a_run_are_paged(void **state) {
  struct fixture *f = *state;
  struct change c[40];
  size_t n = 0;
  for (uint32_t i = 0; i < 5; i++) c[n++] = sample_task(17, i, "t", TASK_RUNNING, 200 + i);
  for (uint32_t i = 0; i < 5; i++) c[n++] = sample_attempt(200 + i, 17, i, TASK_RUNNING);
  for (int64_t i = 0; i < 5; i++) c[n++] = sample_event(300 + i, EVENT_ROW_TASK, 17, "running");
  c[n++] = (struct change){CHANGE_OUTPUT, .output = {200, "rmse", "1"}};
  c[n++] = (struct change){CHANGE_ROUND, .round = {17, 1, RUN_RUNNING, NULL, "all", {0}, NOON, INSTANT_NONE}};
  c[n++] = (struct change){CHANGE_AUDIT, .audit = {NOON, {"user", "1", "bo", NULL}, "cancel", "x", NULL}};
  c[n++] = (struct change){CHANGE_AUDIT, .audit = {NOON + 1, {"user", "1", "bo", NULL}, "rerun", "x", NULL}};
  sandbox_commit(f->s, c, n);
  struct task_row *tasks;
  struct attempt_row *attempts, attempt;
  struct event_row *events;
  struct output_row *outputs;
  struct round_row *rounds;
  struct history_audit *audit;
  int64_t next;
  struct version_row *versions;
  size_t len;
  assert_int_equal(history_tasks(f->h, 17, 1, 2, &f->a, &tasks, &len), 0);
  assert_int_equal(len, 2);
  assert_int_equal(tasks[0].index, 2);
  assert_int_equal(history_attempts(f->h, 17, 2, 1, 9, &f->a, &attempts, &len), 0);
  assert_int_equal(len, 2);
  assert_int_equal(attempts[0].key, 203);
  assert_int_equal(history_attempt(f->h, 204, &f->a, &attempt), 0);
  assert_int_equal(attempt.task, 4);
  assert_int_equal(history_events(f->h, 17, 302, 9, &f->a, &events, &len), 0);
  assert_int_equal(len, 2);
  assert_int_equal(events[0].key, 303);
  assert_int_equal(history_outputs(f->h, 200, &f->a, &outputs, &len), 0);
  assert_string_equal(outputs[0].json, "1");
  assert_int_equal(history_rounds(f->h, 17, &f->a, &rounds, &len), 0);
  assert_string_equal(rounds[0].scope, "all");
  assert_int_equal(history_notes(f->h, 11, &f->a, &events, &len), 0);
  assert_string_equal(events[0].reason, "disk was 100% full");
  assert_int_equal(history_audit(f->h, NULL, 0, 9, &f->a, &audit, &len, &next), 0);
  assert_int_equal(len, 2);
  assert_string_equal(audit[0].row.action, "rerun");
  assert_int_equal(history_audit(f->h, NULL, audit[0].key, 9, &f->a, &audit, &len, &next), 0);
  assert_int_equal(len, 1);
  assert_int_equal(history_versions(f->h, 1, 0, 9, &f->a, &versions, &len), 0);
  assert_string_equal(versions[0].text, "tasks: {}\n");
  assert_int_equal(versions[0].json_len, strlen(SAMPLE_JSON));
}

static void a_key_gets_its_answer_for_seven_days_and_only_with_its_body(void **state) {
  struct fixture *f = *state;
  struct change c = {CHANGE_REQUEST, .request = {"k", "abc", 201, "{\"id\": 1}", 9, NOON}};
  sandbox_commit(f->s, &c, 1);
  struct request_row r;
  assert_int_equal(history_request(f->h, "k", "abc", NOON + 1, &f->a, &r), 0);
  assert_int_equal(r.status, 201);
  assert_string_equal(r.response, "{\"id\": 1}");
  assert_int_equal(history_request(f->h, "k", "abd", NOON + 1, &f->a, &r), ERR_CONFLICT);
  assert_int_equal(history_request(f->h, "j", "abc", NOON + 1, &f->a, &r), ERR_NOT_FOUND);
  assert_int_equal(history_request(f->h, "k", "abc", NOON + 8 * USEC_PER_DAY, &f->a, &r), ERR_NOT_FOUND);
}

/* ---- plans ---- */

static void no_statement_of_history_walks_a_large_table(void **state) {
  struct fixture *f = *state;
  static const char *const large[] = {"run",    "r", "task",  "attempt", "a",       "event", "firing",
                                      "output", "o", "round", "audit",   "request", "hourly"};
  char *path = sandbox_path(f->s, "rota.db");
  sqlite3 *db;
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  free(path);
  for (int name = 0; name < STATEMENTS; name++) {
    struct buf sql = {0};
    buf_str(&sql, "EXPLAIN QUERY PLAN ");
    statement_sql((enum statement)name, &sql);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, buf_cstr(&sql), -1, &s, NULL), SQLITE_OK);
    while (s && sqlite3_step(s) == SQLITE_ROW) {
      const char *step = (const char *)sqlite3_column_text(s, 3);
      if (strstr(step, "TEMP B-TREE FOR ORDER BY") && name != STATEMENT_ATTEMPTS_NEEDED &&
          name != STATEMENT_OUTPUTS_NEEDED && name != STATEMENT_RUNS_LIVE)
        fail_msg("%s sorts: %s", statement_name((enum statement)name), step);
      for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        char scan[32];
        snprintf(scan, sizeof scan, "SCAN %s", large[i]);
        size_t len = strlen(scan);
        bool whole = strncmp(step, scan, len) == 0 && (step[len] == '\0' || step[len] == ' ');
        if (whole) fail_msg("%s: %s", statement_name((enum statement)name), step);
      }
    }
    sqlite3_finalize(s);
    buf_release(&sql);
  }
  sqlite3_close(db);
}

#define HISTORY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_definition_is_read_once_and_shared(void **state) {
  struct fixture *f = *state;
  assert_null(history_spec(f->h, 0));
  assert_null(history_spec(f->h, 999));
  struct change c = sample_version(30, 1, "{\"name\": \"kept\", \"tasks\": {\"a\": {\"run\": \"true\"}}}");
  sandbox_commit(f->s, &c, 1);
  struct pipeline *first = history_spec(f->h, 30), *second = history_spec(f->h, 30);
  assert_non_null(first);
  assert_string_equal(first->name, "kept");
  assert_ptr_equal(first, second);
  pipeline_release(second);
  history_rest(f->h);
  second = history_spec(f->h, 30);
  assert_ptr_not_equal(first, second); /* the first is still ours */
  assert_string_equal(first->name, second->name);
  pipeline_release(first);
  pipeline_release(second);
}

static void few_definitions_are_kept(void **state) {
  (void)state;
  static const char text[] = "{\"name\": \"p\", \"tasks\": {\"a\": {\"run\": \"true\"}}}";
  struct specs *s = specs_new();
  struct pipeline *spec = pipeline_from_json(text, sizeof text - 1);
  specs_put(s, 500, spec, SPECS_BYTES + 1);
  assert_null(specs_get(s, 500));
  for (int64_t v = 1; v <= SPECS_MAX; v++) specs_put(s, v, spec, 10);
  for (int64_t v = 1; v <= 2; v++) pipeline_release(specs_get(s, v));
  specs_put(s, 100, spec, 10);
  assert_null(specs_get(s, 3)); /* it was asked for longest ago */
  pipeline_release(specs_get(s, 1));
  specs_put(s, 101, spec, SPECS_BYTES - 15);
  assert_null(specs_get(s, 100));
  pipeline_release(specs_get(s, 1));
  pipeline_release(specs_get(s, 101));
  assert_int_equal(spec->refs, 3);
  specs_free(s);
  assert_int_equal(spec->refs, 1);
  pipeline_release(spec);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      HISTORY_TEST(a_run_is_found_by_each_kind_of_reference),
      HISTORY_TEST(an_ambiguous_beginning_names_the_candidates),
      HISTORY_TEST(each_filter_gives_its_runs_newest_first),
      HISTORY_TEST(a_page_goes_on_where_the_last_one_ended_while_runs_come_in),
      HISTORY_TEST(a_cursor_that_is_none_is_refused),
      HISTORY_TEST(a_long_search_says_how_far_back_it_came),
      HISTORY_TEST(a_run_names_its_pipeline_version_and_origin),
      HISTORY_TEST(the_overview_has_the_last_runs_of_each_pipeline),
      HISTORY_TEST(the_parts_of_a_run_are_paged),
      HISTORY_TEST(a_key_gets_its_answer_for_seven_days_and_only_with_its_body),
      HISTORY_TEST(no_statement_of_history_walks_a_large_table),
      HISTORY_TEST(a_definition_is_read_once_and_shared),
      cmocka_unit_test(few_definitions_are_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
