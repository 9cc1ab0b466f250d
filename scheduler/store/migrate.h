/* Bringing the schema to the newest version: migrations/NNNN_*.sql in order, each in one transaction together with
 * its number in user_version. Before the first one that changes an existing database, a verified copy is put beside
 * it as
 * `<database>.before-NNNN`. Internal to the store.
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

#endif
