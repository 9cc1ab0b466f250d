/* One question to the rows: a statement, its parameters, and the rows that come of it. Internal to the store. */
#ifndef ROTA_STORE_ASK_H
#define ROTA_STORE_ASK_H

#include "scheduler/store/reader.h"

#define ASK_BINDS_MAX 4

struct ask {
  enum statement name;
  const char *text; /* the first parameter, borrowed until the statement is reset; NULL: all are numbers */
  int64_t binds[ASK_BINDS_MAX];
  int binds_len;
};
/* ASK(TASKS_PAGE, run, after, limit): a statement all of whose parameters are numbers. */
#define ASK(name, ...)                                                                                               \
  ((struct ask){STATEMENT_##name, NULL, {__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))})

/* The statement with its parameters, to be stepped and reset. */
sqlite3_stmt *ask_bound(struct reader *r, const struct ask *ask);
/* All rows as one array in the arena. */
int ask_rows(struct history *h, struct ask ask, enum change_kind kind, struct arena *a, void *items, size_t *len);
/* The first row, into a struct of its kind; ERR_NOT_FOUND. */
int ask_row(struct history *h, struct ask ask, enum change_kind kind, struct arena *a, void *out);

/* A page is bounded whatever was asked for, and begins at the newest where no place is named. */
int64_t ask_limit(size_t limit);
int64_t ask_below(int64_t before);

#endif
