/* The migrations that are built in, over databases as former versions of rota left them. */
#include "sandbox.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "scheduler/store/db.h"
#include "scheduler/store/migrate.h"

/* Rows of every table that the first version had, as its program wrote them: a run that is over and one that is
 * alive, with an event of each kind. */
static const char of_the_first[] =
    "BEGIN;" /* what refers to each other comes at once */
    "UPDATE meta SET last_key = 90;"
    "INSERT INTO pipeline VALUES (1, 'nightly', 2, 2, 1, NULL, 1, NULL, NULL, NULL);"
    "INSERT INTO version VALUES (2, 1, 'aa', 1, 'ops', '[]', NULL, '{}', 'tasks: {}');"
    "INSERT INTO schedule VALUES (3, 1, 'x', 1, 1, 1);"
    "INSERT INTO firing VALUES (4, 3, 1, 5, 5, 1, 0, 'run', NULL, 10, 5);"
    "INSERT INTO run VALUES (10, '01h00000000000000000000010', 1, 1, 2, 'failed', 'failed: train', 'schedule', "
    "'schedule',"
    " NULL, NULL, NULL, '{}', 5, NULL, 'UTC', 20000, 3, NULL, 5, 6, 9, 1, 0, 0, 0, NULL, 1, 1, 1);"
    "INSERT INTO run VALUES (11, '01h00000000000000000000011', 1, 2, 2, 'running', NULL, 'manual', 'user', '1000', "
    "'anna',"
    " 'unix socket', '{}', 8, NULL, 'UTC', 20000, NULL, NULL, 8, 8, NULL, 1, 0, 0, 0, NULL, 1, 0, 0);"
    "INSERT INTO round VALUES (10, 1, 'failed', NULL, 'all', 'schedule', NULL, NULL, NULL, 5, 9);"
    "INSERT INTO task VALUES (10, 0, 'train', 'train', 'failed', '', 'exit status 1', 1, 1, 1, 0, 12, NULL, NULL, "
    "'local',"
    " 0, 0, 6, 6, 9);"
    "INSERT INTO task VALUES (11, 0, 'train', 'train', 'running', '', NULL, 1, 1, 0, 0, 13, NULL, NULL, 'local', 0, "
    "0, 8, 8,"
    " NULL);"
    "INSERT INTO attempt VALUES (12, '01h00000000000000000000012', 10, 0, 1, 1, 'failed', 'exit status 1', 'local', "
    "'{}', 0,"
    " 0, NULL, 1, 0, 4711, 6, 6, 9, 100, 10, 5, '/tmp', NULL, NULL);"
    "INSERT INTO attempt VALUES (13, '01h00000000000000000000013', 11, 0, 1, 1, 'running', NULL, 'local', '{}', 0, "
    "0, NULL,"
    " NULL, 0, 4712, 8, 8, NULL, NULL, NULL, NULL, '/tmp', 'abc', 1);"
    "INSERT INTO output VALUES (12, 'rows', '7');"
    "INSERT INTO event VALUES (20, 6, 'run', 1, 10, NULL, NULL, 'running', NULL, NULL);"
    "INSERT INTO event VALUES (21, 6, 'round', 1, 10, NULL, NULL, NULL, 'all', NULL);"
    "INSERT INTO event VALUES (22, 9, 'task', 1, 10, 0, 12, 'failed', 'exit status 1', NULL);"
    "INSERT INTO event VALUES (23, 10, 'note', 1, 10, NULL, NULL, NULL, 'looked at it', 'anna');"
    "INSERT INTO event VALUES (24, 10, 'mark', 1, 10, 0, 12, 'succeeded', NULL, 'anna');"
    "INSERT INTO event VALUES (25, 10, 'pipeline', 1, NULL, NULL, NULL, 'loaded', NULL, NULL);"
    "INSERT INTO event VALUES (26, 10, 'schedule', 1, NULL, NULL, NULL, 'missed', NULL, NULL);"
    "INSERT INTO event VALUES (27, 10, 'clock', NULL, NULL, NULL, NULL, 'forward', NULL, NULL);"
    "INSERT INTO audit VALUES (30, 9, 'user', '1000', 'anna', 'unix socket', 'trigger', 'nightly#2', NULL);"
    "INSERT INTO request VALUES ('k', 'bb', 200, '{}', 9);"
    "INSERT INTO daily VALUES (20000, 1, 'failed', 1, 4);"
    "INSERT INTO stat VALUES (1, 'train', x'01000000');"
    "INSERT INTO removed_run VALUES (9, '01h00000000000000000000009', 1, 1);"
    "INSERT INTO restore_item VALUES (40, 'firing', 'nightly', 'x', NULL, NULL, 5, 'y', NULL);"
    "COMMIT;";
static const char of_the_second[] =
    "INSERT INTO token VALUES (50, 'ci', 'operator', 'cc', 9, 'anna', NULL, NULL, NULL);"
    "INSERT INTO session VALUES (51, 'dd', 50, 'ci', 'operator', '::1', 'x', 9, 9, NULL);"
    "INSERT INTO hourly VALUES (5, 1, 'failed', 1);";

static const char *const kept_tables[] = {"pipeline", "version", "schedule",    "firing",      "run",   "round",
                                          "task",     "attempt", "output",      "event",       "audit", "request",
                                          "daily",    "stat",    "removed_run", "restore_item"};
#define KEPT (sizeof kept_tables / sizeof kept_tables[0])

static sqlite3 *opened(const char *path) {
  sqlite3 *db;
  struct buf why = {0};
  if (db_open(path, DB_WRITER, &db, &why)) fail_msg("%s", buf_cstr(&why));
  buf_release(&why);
  return db;
}

static void run_sql(const char *path, const char *sql) {
  sqlite3 *db = opened(path);
  char *why = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s", why);
  db_close(db);
}

/* The text of one value; "" for NULL. In `out` until the next. */
static const char *value(const char *path, const char *sql, struct buf *out) {
  sqlite3 *db = opened(path);
  sqlite3_stmt *q = NULL;
  buf_reset(out);
  if (sqlite3_prepare_v2(db, sql, -1, &q, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_text(q, 0))
    buf_str(out, (const char *)sqlite3_column_text(q, 0));
  sqlite3_finalize(q);
  db_close(db);
  return buf_cstr(out);
}

static void crash_at(void *ctx, size_t statement) {
  if (*(size_t *)ctx == statement) _exit(9);
}

static int migrate_to(const char *path, size_t count, size_t *crash) {
  const struct migration *items;
  assert_true(migrations(&items) >= count);
  struct migration_list list = {items, count, crash ? crash_at : NULL, crash};
  struct buf why = {0};
  sqlite3 *db = opened(path);
  int rc = migrate(db, path, &list, &why);
  db_close(db);
  if (rc && !crash) fail_msg("%s", buf_cstr(&why));
  buf_release(&why);
  return rc;
}

static int go_back_to(const char *path, size_t version, size_t *crash, struct buf *kept, struct buf *why) {
  const struct migration *items;
  size_t count = migrations(&items);
  struct migration_list list = {items, count, crash ? crash_at : NULL, crash};
  sqlite3 *db = opened(path);
  int rc = migrate_back(db, path, &list, version, kept, why);
  db_close(db);
  return rc;
}

static void begin_anew(const char *path) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".before-0002", ".before-0003", ".schema-0003"};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    char *file = alloc_fmt("%s%s", path, suffixes[i]);
    unlink(file);
    free(file);
  }
}

/* A database of that version, with data. */
static void made_by(const char *path, size_t version) {
  begin_anew(path);
  migrate_to(path, version, NULL);
  run_sql(path, "INSERT OR IGNORE INTO meta (one, state_id, commit_number, last_key) VALUES (1, 'x', 1, 1)");
  run_sql(path, of_the_first);
  if (version > 1) run_sql(path, of_the_second);
}

/* All values of a table that were there before. */
static char *content(const char *path, const char *table) {
  struct buf sql = {0}, columns = {0};
  buf_fmt(&sql,
          "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') FROM pragma_table_info('%s')"
          " WHERE name NOT IN ('host', 'may_have_run_twice', 'on_asked', 'unreachable_at')",
          table);
  value(path, buf_cstr(&sql), &columns);
  buf_reset(&sql);
  buf_fmt(&sql, "SELECT group_concat(x, char(10)) FROM (SELECT %s AS x FROM %s ORDER BY 1)", buf_cstr(&columns),
          table);
  struct buf out = {0};
  value(path, buf_cstr(&sql), &out);
  buf_release(&sql);
  buf_release(&columns);
  return buf_steal(&out, NULL);
}

static void takes_all_along(const char *path, size_t version) {
  char *before[KEPT];
  struct buf text = {0};
  made_by(path, version);
  for (size_t i = 0; i < KEPT; i++) {
    before[i] = content(path, kept_tables[i]);
    assert_true(strlen(before[i]) > 0);
  }
  migrate_to(path, 3, NULL);
  for (size_t i = 0; i < KEPT; i++) {
    char *after = content(path, kept_tables[i]);
    assert_string_equal(before[i], after);
    free(after);
    free(before[i]);
  }
  assert_string_equal(value(path, "PRAGMA user_version", &text), "3");
  assert_string_equal(value(path, "PRAGMA integrity_check", &text), "ok");
  assert_string_equal(value(path, "SELECT sum(may_have_run_twice) FROM run", &text), "0");
  assert_string_equal(value(path, "SELECT count(*) FROM event WHERE host IS NOT NULL", &text), "0");
  assert_string_equal(
      value(path, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'event'", &text), "4");
  if (version > 1) assert_string_equal(value(path, "SELECT name FROM token", &text), "ci");
  run_sql(path,
          "INSERT INTO event VALUES (60, 11, 'host', NULL, NULL, NULL, NULL, 'unreachable', NULL, NULL, 'gpu01')");
  buf_release(&text);
}

static void hosts_come_to_a_database_of_the_first_version(void **state) {
  char *path = sandbox_path(*state, "m.db");
  takes_all_along(path, 1);
  free(path);
}

static void hosts_come_to_a_database_of_the_second_version(void **state) {
  char *path = sandbox_path(*state, "m.db");
  takes_all_along(path, 2);
  free(path);
}

static void a_crash_on_the_way_to_hosts_loses_nothing(void **state) {
  char *path = sandbox_path(*state, "m.db");
  struct buf text = {0};
  bool crashed = true;
  for (size_t statement = 0; crashed; statement++) {
    assert_true(statement < 40);
    made_by(path, 2);
    char *before = content(path, "event");
    pid_t child = fork();
    if (child == 0) _exit(migrate_to(path, 3, &statement) == 0 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    crashed = WEXITSTATUS(status) == 9;
    assert_string_equal(value(path, "PRAGMA user_version", &text), crashed ? "2" : "3");
    char *after = content(path, "event");
    assert_string_equal(before, after);
    free(before);
    free(after);
    migrate_to(path, 3, NULL);
    assert_string_equal(value(path, "SELECT count(*) FROM event", &text), "8");
  }
  buf_release(&text);
  free(path);
}

/* What happened after the upgrade: a run that is alive here, and what hosts alone leave. */
static const char of_the_third[] =
    "INSERT INTO host (name, \"order\", contact) VALUES ('gpu01', 'drain', 'up');"
    "INSERT INTO host_boot VALUES (61, 'gpu01', 'm', 'b', 1, 2, NULL);"
    "INSERT INTO event VALUES (60, 11, 'host', NULL, NULL, NULL, NULL, 'unreachable', NULL, NULL, 'gpu01');"
    "INSERT INTO event VALUES (62, 11, 'note', 1, 11, NULL, NULL, NULL, 'since the upgrade', 'anna', NULL);"
    "INSERT INTO audit VALUES (63, 11, 'user', '1000', 'anna', 'unix socket', 'note', 'nightly#2', NULL);";

static const char *const shape =
    "SELECT group_concat(x, char(10)) FROM (SELECT m.name || ' ' || group_concat(c.name || ' ' || c.type || ' ' ||"
    " c.\"notnull\" || ' ' || coalesce(c.dflt_value, '')) AS x FROM sqlite_schema m, pragma_table_info(m.name) c"
    " WHERE m.type = 'table' GROUP BY m.name UNION ALL SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema"
    " WHERE type = 'index' ORDER BY 1)";

static void the_way_back_has_all_that_happened_since(void **state) {
  char *path = sandbox_path(*state, "m.db"), *wanted, *before[KEPT], *copy = sandbox_path(*state, "m.db.schema-0003");
  struct buf text = {0}, kept = {0}, why = {0};
  made_by(path, 2);
  wanted = alloc_strdup(value(path, shape, &text));
  migrate_to(path, 3, NULL);
  run_sql(path, of_the_third);
  run_sql(path, "DELETE FROM event WHERE kind = 'host'"); /* these alone are lost */
  for (size_t i = 0; i < KEPT; i++) before[i] = content(path, kept_tables[i]);
  run_sql(path, "INSERT INTO event VALUES (64, 12, 'host', NULL, 11, 0, 13, 'up', NULL, NULL, 'gpu01')");
  if (go_back_to(path, 2, NULL, &kept, &why)) fail_msg("%s", buf_cstr(&why));
  assert_string_equal(value(path, "PRAGMA user_version", &text), "2");
  assert_string_equal(value(path, "PRAGMA integrity_check", &text), "ok");
  assert_string_equal(value(path, shape, &text), wanted);
  for (size_t i = 0; i < KEPT; i++) {
    char *after = content(path, kept_tables[i]);
    assert_string_equal(before[i], after);
    free(after);
    free(before[i]);
  }
  assert_string_equal(buf_cstr(&kept), copy);
  assert_string_equal(value(copy, "SELECT count(*) FROM host", &text), "1");
  /* And forward again. */
  migrate_to(path, 3, NULL);
  assert_string_equal(value(path, "SELECT reason FROM event WHERE key = 62", &text), "since the upgrade");
  buf_release(&text);
  buf_release(&kept);
  buf_release(&why);
  free(wanted);
  free(copy);
  free(path);
}

static void the_way_back_is_refused_while_something_depends_on_hosts(void **state) {
  static const struct {
    const char *sql, *said;
  } cases[] = {
      {"INSERT INTO remnant VALUES (13, 'gpu01', 'r', 'a', 'nightly#2 train', 'x', 1, 11, 0, 1)",
       "the host gpu01 may still run nightly#2 train"},
      {"UPDATE attempt SET host = 'gpu01' WHERE key = 13", "nightly#2 train is under way on the host gpu01"},
      {"UPDATE task SET on_asked = 'any' WHERE run = 11", "nightly#2 was rerun with --on"},
  };
  char *path = sandbox_path(*state, "m.db"), *copy = sandbox_path(*state, "m.db.schema-0003");
  struct buf text = {0}, kept = {0}, why = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    made_by(path, 2);
    migrate_to(path, 3, NULL);
    run_sql(path, cases[i].sql);
    buf_reset(&why);
    assert_int_equal(go_back_to(path, 2, NULL, &kept, &why), ERR_INVALID);
    if (!strstr(buf_cstr(&why), cases[i].said)) fail_msg("%s", buf_cstr(&why));
    assert_string_equal(value(path, "PRAGMA user_version", &text), "3");
    assert_string_equal(value(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'remnant'", &text), "1");
    assert_int_not_equal(access(copy, F_OK), 0);
    assert_int_equal(kept.len, 0);
  }
  assert_int_equal(go_back_to(path, 1, NULL, &kept, &why), ERR_INVALID); /* no way back is kept so far */
  buf_release(&text);
  buf_release(&kept);
  buf_release(&why);
  free(copy);
  free(path);
}

static void a_crash_on_the_way_back_loses_nothing(void **state) {
  char *path = sandbox_path(*state, "m.db");
  struct buf text = {0}, kept = {0}, why = {0};
  bool crashed = true;
  size_t statement = 0;
  for (; crashed; statement++) {
    assert_true(statement < 40);
    made_by(path, 2);
    migrate_to(path, 3, NULL);
    run_sql(path, of_the_third);
    pid_t child = fork();
    if (child == 0) _exit(go_back_to(path, 2, &statement, &kept, &why) == 0 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    crashed = WEXITSTATUS(status) == 9;
    if (!crashed) assert_int_equal(status, 0);
    assert_string_equal(value(path, "PRAGMA user_version", &text), crashed ? "3" : "2");
    assert_string_equal(value(path, "SELECT count(*) FROM event", &text), crashed ? "10" : "9");
    if (crashed) assert_string_equal(value(path, "SELECT \"order\" FROM host", &text), "drain");
    if (go_back_to(path, 2, NULL, &kept, &why)) fail_msg("%s", buf_cstr(&why));
    assert_string_equal(value(path, "SELECT count(*) FROM event", &text), "9");
  }
  assert_true(statement > 15);
  buf_release(&text);
  buf_release(&kept);
  buf_release(&why);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(hosts_come_to_a_database_of_the_first_version),
      STORE_TEST(hosts_come_to_a_database_of_the_second_version),
      STORE_TEST(a_crash_on_the_way_to_hosts_loses_nothing),
      STORE_TEST(the_way_back_has_all_that_happened_since),
      STORE_TEST(the_way_back_is_refused_while_something_depends_on_hosts),
      STORE_TEST(a_crash_on_the_way_back_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
