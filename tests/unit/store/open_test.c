/* Opening: what is refused, what is migrated, and what a crash in between leaves. */
#include "sandbox.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scheduler/store/db.h"
#include "scheduler/store/migrate.h"
#include "scheduler/store/place.h"
#include "scheduler/store/table.h"
#include "scheduler/store/witness.h"

static int open_again(struct sandbox *s) {
  buf_reset(&s->why);
  return store_open(s->dir, NOON, &s->store, &s->why);
}

static void refused(struct sandbox *s, int code, const char *words) {
  int rc = open_again(s);
  if (rc != code || !strstr(buf_cstr(&s->why), words))
    fail_msg("%s: %s", rc ? err_name(rc) : "opened", buf_cstr(&s->why));
  assert_null(s->store);
}

/* Runs SQL on the closed database with SQLite itself. */
static void edit(struct sandbox *s, const char *sql) {
  char *path = sandbox_path(s, "rota.db");
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  free(path);
}

/* ---- who may open ---- */

static void a_second_process_is_refused_and_told_who_holds_it(void **state) {
  struct sandbox *s = *state;
  pid_t holder = getpid(), child = fork();
  if (child == 0) {
    struct store *other;
    struct buf why = {0};
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)holder);
    int rc = store_open(s->dir, NOON, &other, &why);
    _exit(rc == ERR_BUSY && strstr(buf_cstr(&why), pid) ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  /* The refusal took nothing away from the holder. */
  sandbox_pipeline(s);
}

static void network_file_systems_are_known_by_their_number(void **state) {
  (void)state;
  static const struct {
    long magic;
    const char *name;
  } table[] = {{0x6969, "NFS"}, {0x517b, "SMB"},    {(long)0xff534d42, "CIFS"}, {0x01021997, "9P"},
               {0xef53, NULL},  {0x01021994, NULL}, {0x9123683e, NULL}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    const char *name = place_network(table[i].magic);
    if (table[i].name)
      assert_string_equal(name, table[i].name);
    else
      assert_null(name);
  }
}

static void the_files_are_private(void **state) {
  struct sandbox *s = *state;
  static const char *const names[] = {"rota.db", "rota.db-wal", "rota.lock", "rota.witness", "rota.ballast"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *path = sandbox_path(s, names[i]);
    struct stat st;
    if (stat(path, &st) != 0 || (st.st_mode & 0777) != 0600) fail_msg("%s: mode %o", names[i], st.st_mode & 0777);
    free(path);
  }
}

/* ---- what may be opened ---- */

static void a_newer_schema_is_refused(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  sandbox_close(s);
  edit(s, "PRAGMA user_version = 99");
  refused(s, ERR_NEWER, "schema 99");
  const struct migration *items;
  char *back = alloc_fmt("PRAGMA user_version = %zu", migrations(&items));
  edit(s, back);
  free(back);
  sandbox_open(s);
}

static void another_programs_database_is_refused(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  edit(s, "PRAGMA application_id = 7");
  refused(s, ERR_CORRUPT, "isn't a database of rota");
}

static void garbage_is_refused_and_left_alone(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  char *path = sandbox_path(s, "rota.db"), garbage[8192];
  memset(garbage, 'x', sizeof garbage);
  assert_int_equal(file_write(path, garbage, sizeof garbage, 0600, false), 0);
  refused(s, ERR_CORRUPT, "rota.db");
  struct buf left = {0};
  assert_int_equal(file_read(path, 1 << 20, &left), 0);
  assert_int_equal(left.len, sizeof garbage);
  assert_memory_equal(left.bytes, garbage, sizeof garbage);
  buf_release(&left);
  free(path);
}

static void a_damaged_page_is_found(void **state) {
  struct sandbox *s = *state;
  struct change c[200];
  for (int i = 0; i < 200; i++) {
    c[i] = sample_pipeline(i + 1, alloc_fmt("pipeline-%d", i), 0);
    c[i].pipeline.error = "a long text that fills pages with rows until there are several of them";
  }
  sandbox_commit(s, c, 200);
  for (int i = 0; i < 200; i++) free((void *)(uintptr_t)c[i].pipeline.name);
  sandbox_close(s);
  char *path = sandbox_path(s, "rota.db");
  sqlite3 *db;
  int64_t page = 0;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(db_int(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'pipeline'", &page), 0);
  sqlite3_close(db);
  int fd = open(path, O_RDWR);
  assert_int_equal(pwrite(fd, "\x77\x77\x77\x77\x77\x77", 6, (page - 1) * 4096 + 2), 6);
  close(fd);
  free(path);
  int rc = open_again(s);
  assert_int_equal(rc, ERR_CORRUPT);
}

/* The store's own statements do without the CHECKs; who writes by hand and the checks of a start don't. */
static void a_value_that_no_check_allows_stops_the_start(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  sandbox_close(s);
  char *path = sandbox_path(s, "rota.db");
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "UPDATE pipeline SET present = 2", NULL, NULL, NULL), SQLITE_CONSTRAINT);
  assert_int_equal(db_exec(db, "PRAGMA ignore_check_constraints=ON; UPDATE pipeline SET present = 2"), 0);
  sqlite3_close(db);
  free(path);
  int rc = open_again(s);
  assert_int_equal(rc, ERR_CORRUPT);
}

static void the_whole_check_passes_and_can_be_stopped(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  assert_int_equal(store_check(s->dir, NULL, &s->why), 0);
}

static void a_look_says_what_a_start_would_do(void **state) {
  struct sandbox *s = *state;
  struct buf report = {0};
  assert_int_equal(store_look(s->dir, &report), 0);
  assert_non_null(strstr(buf_cstr(&report), "newest schema"));
  buf_reset(&report);
  char *none = sandbox_path(s, "none");
  assert_int_equal(store_look(none, &report), 0);
  assert_non_null(strstr(buf_cstr(&report), "would be made"));
  assert_int_not_equal(access(none, F_OK), 0);
  free(none);
  buf_release(&report);
}

/* ---- the witness ---- */

static void copy(struct sandbox *s, const char *from, const char *to) {
  char *a = sandbox_path(s, from), *b = sandbox_path(s, to);
  struct buf bytes = {0};
  assert_int_equal(file_read(a, 1 << 28, &bytes), 0);
  assert_int_equal(file_write(b, bytes.bytes, bytes.len, 0600, false), 0);
  buf_release(&bytes);
  free(a);
  free(b);
}

static void a_database_behind_its_witness_is_refused(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  sandbox_close(s);
  copy(s, "rota.db", "old");
  sandbox_open(s);
  sandbox_pipeline(s);
  sandbox_close(s);
  copy(s, "rota.db", "new");
  copy(s, "old", "rota.db");
  refused(s, ERR_BEHIND, "it is at number 1, but 2 was acknowledged");
  copy(s, "new", "rota.db");
  sandbox_open(s);
}

static void another_installations_database_is_refused(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  edit(s, "UPDATE meta SET state_id = '01h00000000000000000000000'");
  refused(s, ERR_BEHIND, "another one");
  char *path = sandbox_path(s, "rota.witness");
  unlink(path);
  free(path);
  sandbox_open(s);
}

static void a_torn_witness_is_no_witness(void **state) {
  struct sandbox *s = *state;
  sandbox_pipeline(s);
  sandbox_close(s);
  char *path = sandbox_path(s, "rota.witness");
  assert_int_equal(truncate(path, 40), 0);
  sandbox_open(s);
  struct witness w;
  assert_int_equal(witness_open(&w, s->dir, NULL), 0);
  assert_true(w.known);
  assert_int_equal(w.number, 1);
  witness_close(&w);
  free(path);
}

static void the_witness_follows_within_a_second_and_never_leads(void **state) {
  struct sandbox *s = *state;
  struct witness w;
  for (int i = 1; i <= 5; i++) {
    sandbox_pipeline(s);
    assert_int_equal(store_tend(s->store, i == 3, NULL), 0);
    assert_int_equal(witness_open(&w, s->dir, NULL), 0);
    assert_true(w.number <= i);
    if (i >= 3) assert_true(w.number >= 3);
    witness_close(&w);
  }
}

/* ---- migrations ---- */

static const struct migration steps[] = {
    {"0001_first", "CREATE TABLE one (x INTEGER) STRICT; INSERT INTO one VALUES (7);", NULL},
    {"0002_second",
     "-- with a remark\nCREATE TABLE two (y INTEGER) STRICT;\nINSERT INTO two SELECT x + 1 FROM one;\n"
     "ALTER TABLE one ADD COLUMN z INTEGER; UPDATE one SET z = 5;",
     NULL},
    {"0003_third", "DROP TABLE one;", NULL},
};

static void crash_at(void *ctx, size_t statement) {
  if (*(size_t *)ctx == statement) _exit(9);
}

static int migrate_to(const char *path, size_t count, size_t *crash) {
  sqlite3 *db;
  struct buf why = {0};
  int rc = db_open(path, DB_WRITER, &db, &why);
  struct migration_list list = {steps, count, crash ? crash_at : NULL, crash};
  if (!rc) rc = migrate(db, path, &list, &why);
  db_close(db);
  buf_release(&why);
  return rc;
}

/* -1 without a row or a table. */
static int64_t number(const char *path, const char *sql) {
  sqlite3 *db;
  int64_t n = -1;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_stmt *q = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
    n = sqlite3_column_int64(q, 0);
  sqlite3_finalize(q);
  sqlite3_close(db);
  return n;
}

static void a_crash_at_each_statement_leaves_the_old_schema_or_the_new(void **state) {
  struct sandbox *s = *state;
  char *path = sandbox_path(s, "m.db"), *before = sandbox_path(s, "m.db.before-0002");
  for (size_t statement = 0; statement <= 5; statement++) {
    static const char *const suffixes[] = {"", "-wal", "-shm", ".before-0002"};
    for (size_t i = 0; i < 4; i++) {
      char *file = alloc_fmt("%s%s", path, suffixes[i]);
      unlink(file);
      free(file);
    }
    assert_int_equal(migrate_to(path, 1, NULL), 0);
    pid_t child = fork();
    if (child == 0) _exit(migrate_to(path, 2, &statement) == 0 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    bool crashed = WEXITSTATUS(status) == 9;
    assert_int_equal(crashed, statement <= 4);
    assert_int_equal(number(path, "PRAGMA user_version"), crashed ? 1 : 2);
    assert_int_equal(number(path, "SELECT y FROM two"), crashed ? -1 : 8);
    assert_int_equal(number(path, "SELECT x FROM one"), 7);
    assert_int_equal(number(before, "SELECT x FROM one"), 7);
    assert_int_equal(number(before, "PRAGMA user_version"), 1);
    assert_int_equal(migrate_to(path, 3, NULL), 0);
    assert_int_equal(number(path, "PRAGMA user_version"), 3);
    assert_int_equal(number(path, "SELECT y FROM two"), 8);
  }
  assert_int_equal(migrate_to(path, 2, NULL), ERR_NEWER);
  free(path);
  free(before);
}

/* ---- the schema and the code ---- */

static void each_table_has_the_columns_of_its_rows(void **state) {
  struct sandbox *s = *state;
  char *path = sandbox_path(s, "rota.db");
  for (int kind = 0; kind < CHANGE_KINDS; kind++) {
    const struct table *t = table_of((enum change_kind)kind);
    if (!t) continue;
    for (int i = 0; i < t->columns_len; i++) {
      char *sql = alloc_fmt("SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s' AND pk %s 0", t->name,
                            t->columns[i].name, t->columns[i].role == ROLE_KEY ? ">" : "=");
      if (number(path, sql) != 1)
        fail_msg("%s.%s isn't in the schema as it is in table.c", t->name, t->columns[i].name);
      free(sql);
    }
  }
  free(path);
}

/* Every CHECK (column IN (...)) of the schema names exactly the words of the enum. */
static void the_checks_name_the_words_of_the_lists(void **state) {
  struct sandbox *s = *state;
  char *path = sandbox_path(s, "rota.db");
  sqlite3 *db;
  int checked = 0;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  for (int kind = 0; kind < CHANGE_KINDS; kind++) {
    const struct table *t = table_of((enum change_kind)kind);
    for (int i = 0; t && i < t->columns_len; i++) {
      const struct column *c = &t->columns[i];
      if (c->kind != COLUMN_WORD) continue;
      struct buf expected = {0}, schema = {0}, flat = {0};
      bool quoted = strcmp(c->name, "trigger") == 0 || strcmp(c->name, "order") == 0;
      buf_fmt(&expected, "CHECK (%s%s%s IN (", quoted ? "\"" : "", c->name, quoted ? "\"" : "");
      for (int w = 0; w < c->words_len; w++) buf_fmt(&expected, "%s'%s'", w ? ", " : "", c->words[w]);
      buf_str(&expected, "))");
      char *sql = alloc_fmt("SELECT sql FROM sqlite_schema WHERE name = '%s'", t->name);
      assert_int_equal(db_text(db, sql, &schema), 0);
      for (const char *p = buf_cstr(&schema); *p; p++)
        if (*p != '\n' && !(*p == ' ' && p[1] == ' ')) buf_char(&flat, *p);
      if (!strstr(buf_cstr(&flat), buf_cstr(&expected))) fail_msg("%s has no %s", t->name, buf_cstr(&expected));
      checked++;
      free(sql);
      buf_release(&expected);
      buf_release(&schema);
      buf_release(&flat);
    }
  }
  assert_true(checked >= 9);
  sqlite3_close(db);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_TEST(a_second_process_is_refused_and_told_who_holds_it),
      cmocka_unit_test(network_file_systems_are_known_by_their_number),
      STORE_TEST(the_files_are_private),
      STORE_TEST(a_newer_schema_is_refused),
      STORE_TEST(another_programs_database_is_refused),
      STORE_TEST(garbage_is_refused_and_left_alone),
      STORE_TEST(a_damaged_page_is_found),
      STORE_TEST(a_value_that_no_check_allows_stops_the_start),
      STORE_TEST(the_whole_check_passes_and_can_be_stopped),
      STORE_TEST(a_look_says_what_a_start_would_do),
      STORE_TEST(a_database_behind_its_witness_is_refused),
      STORE_TEST(another_installations_database_is_refused),
      STORE_TEST(a_torn_witness_is_no_witness),
      STORE_TEST(the_witness_follows_within_a_second_and_never_leads),
      STORE_TEST(a_crash_at_each_statement_leaves_the_old_schema_or_the_new),
      STORE_TEST(each_table_has_the_columns_of_its_rows),
      STORE_TEST(the_checks_name_the_words_of_the_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
