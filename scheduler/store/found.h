/* The directories of attempts that a database doesn't know, or knows as unfinished. Internal to the store. */
#ifndef ROTA_STORE_FOUND_H
#define ROTA_STORE_FOUND_H

#include <sqlite3.h>

/* Looks through `dir`/runs and puts one restore_item for each. */
int found_attempts(sqlite3 *db, const char *dir);

#endif
