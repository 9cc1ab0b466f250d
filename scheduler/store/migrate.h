/* Bringing the schema to the newest version: migrations/NNNN_*.sql in order, each in one transaction together with
 * its number in user_version. Before the first one that changes an existing database, a verified copy is put beside
 * it as
 * `<database>.before-NNNN`. The way back, for an older program, is migrations/back/NNNN_*.sql. Internal to the store.
 */
#ifndef ROTA_STORE_MIGRATE_H
#define ROTA_STORE_MIGRATE_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct migration {
  const char *name; /* "0001_initial"; its number is its place, from 1 */
  const char *sql;
  const char *back; /* what undoes it, for the version before; NULL: nothing does */
};

/* The ones that are built in. */
size_t migrations(const struct migration **out);

struct migration_list {
  const struct migration *items;
  size_t len;
  /* Called before each statement and before each commit, for the test of crashes; NULL. */
  void (*before)(void *ctx, size_t statement);
  void *ctx;
};

/* ERR_NEWER, with nothing changed, if the database is of a later version than the last of the list. */
int migrate(sqlite3 *db, const char *path, const struct migration_list *list, struct buf *why);

/* The way back to version `to`, newest first, each in one transaction with its number; before the first a verified
 * copy is put beside the database as `<database>.schema-NNNN`, which `kept` gets if anything is to be done.
 * ERR_INVALID, with what has to be done before, if something depends on what would go, or if there is no way back so
 * far; a migration that was undone by then stays so. ERR_NEWER as above. */
int migrate_back(sqlite3 *db, const char *path, const struct migration_list *list, size_t to, struct buf *kept,
                 struct buf *why);

#endif
