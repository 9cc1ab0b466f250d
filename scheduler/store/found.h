/* The directories of attempts that a database doesn't know, or knows as unfinished. Internal to the store. */
#ifndef ROTA_STORE_FOUND_H
#define ROTA_STORE_FOUND_H

#include <sqlite3.h>
#include <stdbool.h>

/* Looks through `dir`/runs and puts one restore_item for each. */
int found_attempts(sqlite3 *db, const char *dir);
/* After it: puts one for what the database knows as unfinished and that has no directory. `old_known`: the database
 * before was there to tell what happened since, so only attempts are asked about; else all tasks of such a run. */
int found_nothing_of(sqlite3 *db, const char *dir, bool old_known);

#endif
