/* The tables that hold rows of scheduler/engine/rows.h: one description of each column, from which the statement that
 * puts a row, the list of columns of a SELECT, the binding and the reading are all made. So what is written is what
 * is read. Internal to the store.
 */
#ifndef ROTA_STORE_TABLE_H
#define ROTA_STORE_TABLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "scheduler/engine/rows.h"

enum column_kind {
  COLUMN_INT64,
  COLUMN_REF,   /* int64_t, 0 is NULL */
  COLUMN_KNOWN, /* int64_t, -1 is NULL */
  COLUMN_TIME,  /* instant, INSTANT_NONE is NULL */
  COLUMN_INT,   /* int */
  COLUMN_CODE,  /* int, -1 is NULL */
  COLUMN_U32,
  COLUMN_BOOL,
  COLUMN_TEXT,  /* const char * */
  COLUMN_BYTES, /* const char * followed by its size_t */
  COLUMN_CHARS, /* an array of char within the row */
  COLUMN_WORD,  /* an enum, stored as its word */
  COLUMN_RING,  /* the durations of a stat_row */
};

enum column_role {
  ROLE_KEY,   /* of the table's primary key */
  ROLE_FIXED, /* never changes once the row is there */
  ROLE_OPEN,  /* replaced by a later row with the same key */
  ROLE_SUM,   /* added to what is there */
};

struct column {
  const char *name;
  enum column_kind kind;
  enum column_role role;
  size_t offset;
  size_t size;              /* of COLUMN_CHARS */
  const char *const *words; /* of COLUMN_WORD */
  int words_len;
};

struct table {
  const char *name;
  const struct column *columns;
  int columns_len;
  size_t row_size;
};

/* By kind of change; NULL for CHANGE_PAUSE, which lives in `meta`, for CHANGE_CODE, which fills in attempts, and for
 * CHANGE_HOST_DOCTOR, which fills in hosts. */
const struct table *table_of(enum change_kind kind);

/* INSERT ... ON CONFLICT DO UPDATE of the columns that may change. */
void table_put_sql(const struct table *t, struct buf *out);
/* "r.key, r.id, ..." with the prefix in front of each. */
void table_list_sql(const struct table *t, const char *prefix, struct buf *out);

/* Binds from parameter 1 on; text is borrowed until the statement is reset. */
void table_bind(sqlite3_stmt *s, const struct table *t, const void *row);
/* Fills a row from the columns beginning with `first`; text is copied into the arena. ERR_CORRUPT for a word or a
 * size that can't be. */
int table_read(sqlite3_stmt *s, int first, const struct table *t, struct arena *a, void *row);

/* The state that a word names; ERR_CORRUPT if it names none. */
int table_run_state(const char *word, enum run_state *out);
int table_task_state(const char *word, enum task_state *out);

#endif
