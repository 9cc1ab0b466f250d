/* One connection to SQLite, opened as the whole room wants it, and the translation of its errors. Internal to the
 * store: nothing outside of this folder includes it.
 *
 * A connection is used by one thread at a time. It must not be carried over a fork.
 */
#ifndef ROTA_STORE_DB_H
#define ROTA_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define DB_APPLICATION_ID 0x726f7461 /* "rota" */

enum db_mode {
  DB_WRITER, /* creates the file, WAL, synchronous=FULL, no checkpoints of its own */
  DB_READER, /* read-only, of a database that a writer has open */
  DB_FILE,   /* a single file that nobody else has open: a snapshot that is being made */
  DB_FROZEN, /* a file that nobody changes, read-only, without locks and without a -wal */
};

/* Appends to `why` (may be NULL) and returns a code of base/err.h; *out is NULL then. */
int db_open(const char *path, enum db_mode mode, sqlite3 **out, struct buf *why);
void db_close(sqlite3 *db); /* accepts NULL */

/* The code for a result of SQLite, looking at errno, so that it is to be called before anything else: ERR_FULL,
 * ERR_SYNC, ERR_CORRUPT, ERR_BUSY, ERR_DENIED for a read-only file system, ERR_IO for the rest; 0 for OK, ROW and
 * DONE. A misuse of SQLite or a constraint that doesn't hold is a bug of ours: it says so on stderr and aborts. Out
 * of memory aborts. */
int db_code(sqlite3 *db, int rc);
/* The same with SQLite's text appended to `why`. */
int db_fail(sqlite3 *db, int rc, const char *doing, struct buf *why);

/* Runs statements that give no rows. */
int db_exec(sqlite3 *db, const char *sql);
/* The first column of the first row; ERR_NOT_FOUND without a row. */
int db_int(sqlite3 *db, const char *sql, int64_t *out);
int db_text(sqlite3 *db, const char *sql, struct buf *out);
/* Reads the schema, so that db_prepare after it needs nothing of the disk. What a connection knows of it is lost when
 * a transaction that changed it is rolled back, and with DETACH. db_open has done it for a DB_READER. */
int db_schema(sqlite3 *db);
/* Prepares or aborts: the text is ours and the schema is known. */
sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql);
/* Runs a prepared statement to its end and resets it. */
int db_run(sqlite3_stmt *s);

/* PRAGMA integrity_check or quick_check, of the whole file (table NULL) or one table. ERR_CORRUPT with the first
 * finding appended to `why`; ERR_IO if the disk can't read it. */
int db_check(sqlite3 *db, const char *pragma, const char *table, struct buf *why);
/* Reads application_id and user_version. ERR_CORRUPT if it isn't ours; a new file has version 0. */
int db_version(sqlite3 *db, int64_t *version, struct buf *why);

#endif
