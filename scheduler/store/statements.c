#include "scheduler/store/statements.h"

#include <assert.h>
#include <string.h>

#include "scheduler/store/db.h"
#include "scheduler/store/load.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/table.h"

static const struct {
  const char *name, *sql;
} texts[] = {
#define STATEMENT(name, sql) {#name, sql},
#include "scheduler/store/statements.def"
#undef STATEMENT
};

static const struct table *table_named(const char *name, size_t len) {
  for (int kind = 0; kind < CHANGE_KINDS; kind++) {
    const struct table *t = table_of((enum change_kind)kind);
    if (t && strlen(t->name) == len && memcmp(t->name, name, len) == 0) return t;
  }
  return NULL;
}

void statement_expand(const char *sql, struct buf *out) {
  for (const char *p = sql; *p; p++) {
    const char *end = *p == '{' ? strchr(p, '}') : NULL;
    if (!end) {
      buf_char(out, *p);
      continue;
    }
    const char *dot = memchr(p, '.', (size_t)(end - p));
    const char *name = dot ? dot + 1 : p + 1;
    char prefix[8] = "";
    assert(!dot || (size_t)(dot - p) < sizeof prefix);
    if (dot) memcpy(prefix, p + 1, (size_t)(dot - p));
    const struct table *t = table_named(name, (size_t)(end - name));
    assert(t);
    table_list_sql(t, prefix, out);
    p = end;
  }
}

void statement_sql(enum statement name, struct buf *out) {
  statement_expand(texts[name].sql, out);
}

const char *statement_name(enum statement name) {
  return texts[name].name;
}

void statements_init(struct statements *s, sqlite3 *db) {
  memset(s, 0, sizeof *s);
  s->db = db;
}

/* The CHECKs of the schema list the words of enums (a unit test holds them against each other), and what is bound
 * here is such a word. SQLite builds a table in memory for each list at each row, which was half of a commit's work,
 * so who writes these statements does without, once the start has looked at the small tables. Snapshots are checked
 * with them, and who writes by hand has them; a connection that only reads never does. */
void statements_prepare_puts(struct statements *s) {
  struct buf sql = {0};
  sqlite3_exec(s->db, "PRAGMA ignore_check_constraints=ON", NULL, NULL, NULL);
  for (int kind = 0; kind < CHANGE_KINDS; kind++) {
    const struct table *t = table_of((enum change_kind)kind);
    if (!t) continue;
    buf_reset(&sql);
    table_put_sql(t, &sql);
    s->put[kind] = db_prepare(s->db, buf_cstr(&sql));
  }
  buf_release(&sql);
}

void statements_release(struct statements *s) {
  for (size_t i = 0; i < sizeof s->put / sizeof s->put[0]; i++) sqlite3_finalize(s->put[i]);
  for (size_t i = 0; i < STATEMENTS; i++) sqlite3_finalize(s->named[i]);
  memset(s, 0, sizeof *s);
}

sqlite3_stmt *statement(struct statements *s, enum statement name) {
  if (!s->named[name]) {
    struct buf sql = {0};
    statement_sql(name, &sql);
    s->named[name] = db_prepare(s->db, buf_cstr(&sql));
    buf_release(&sql);
  }
  sqlite3_reset(s->named[name]);
  return s->named[name];
}

sqlite3_stmt *statement_put(struct statements *s, enum change_kind kind) {
  assert(s->put[kind]);
  return s->put[kind];
}
