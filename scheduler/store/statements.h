/* Every fixed statement of the store by name: the whole of its SQL is the list in statements.c, beside what table.c
 * makes for rows. Only the lists of runs (list.c) put their SQL together when they are asked.
 *
 * Within the SQL, {run} stands for the columns of table run, {r.run} for the same with "r." in front of each.
 */
#ifndef ROTA_STORE_STATEMENTS_H
#define ROTA_STORE_STATEMENTS_H

#include <sqlite3.h>

#include "base/buf.h"
#include "scheduler/engine/rows.h"

enum statement {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "scheduler/store/statements.def"
#undef STATEMENT
  STATEMENTS
};

struct statements {
  sqlite3 *db;
  sqlite3_stmt *put[CHANGE_KINDS];
  sqlite3_stmt *named[STATEMENTS];
};

/* Prepares what a writer needs; a reader's statements are prepared when they are first used. */
void statements_init(struct statements *s, sqlite3 *db);
void statements_prepare_puts(struct statements *s);
void statements_release(struct statements *s);

/* The statement, reset and ready to be bound. */
sqlite3_stmt *statement(struct statements *s, enum statement name);
sqlite3_stmt *statement_put(struct statements *s, enum change_kind kind);
/* The SQL as it is prepared, for the test of the query plans. */
void statement_sql(enum statement name, struct buf *out);
const char *statement_name(enum statement name);
/* Expands {table} in any SQL. */
void statement_expand(const char *sql, struct buf *out);

#endif
