/* The pool of read-only connections behind history.h. Internal to the store. */
#ifndef ROTA_STORE_READER_H
#define ROTA_STORE_READER_H

#include "scheduler/store/history.h"
#include "scheduler/store/statements.h"

struct reader {
  sqlite3 *db;
  struct statements statements;
  struct reader *next;
};

/* Takes one out of the pool or opens it. */
int reader_take(struct history *h, struct reader **out);
/* Gives it back; all its statements must be reset. */
void reader_give(struct history *h, struct reader *r);
/* The same around many small reads that are to see one moment. */
int reader_take_snapshot(struct history *h, struct reader **out);
void reader_give_snapshot(struct history *h, struct reader *r);

/* A whole number of a cursor's text up to `end`, which must be there; moves the text behind it. */
bool reader_number(const char **text, char end, int64_t *out);

/* The columns of a history_run, as a SELECT of run r, pipeline p, version v and linked run l gives them. */
#define READER_RUN_COLUMNS "{r.run}, p.name, v.sha256, l.id"
#define READER_RUN_TABLES                                                                                            \
  " FROM run r JOIN pipeline p ON p.key = r.pipeline JOIN version v ON v.key = r.version"                            \
  " LEFT JOIN run l ON l.key = r.linked_from"
int reader_run(sqlite3_stmt *q, struct arena *a, struct history_run *out);

#endif
