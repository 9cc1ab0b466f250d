#include "scheduler/store/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define SQLITE_OLDEST 3040000 /* STRICT, RETURNING, quick_check of one table, generated columns */

static const struct {
  int flags;
  const char *pragmas;
} modes[] = {
    [DB_WRITER] = {SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                   "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=0;"
                   "PRAGMA journal_size_limit=8388608; PRAGMA cache_size=-16384; PRAGMA secure_delete=OFF;"},
    [DB_READER] = {SQLITE_OPEN_READONLY, "PRAGMA query_only=ON; PRAGMA cache_size=-8192;"},
    [DB_FILE] = {SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "PRAGMA synchronous=OFF;"},
    [DB_FROZEN] = {SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "PRAGMA query_only=ON;"},
};

static int library_check(struct buf *why) {
  if (sqlite3_threadsafe() && sqlite3_libversion_number() >= SQLITE_OLDEST) return 0;
  if (why) buf_fmt(why, "SQLite %s can't be used: it must be 3.40.0 or newer and thread-safe", sqlite3_libversion());
  return ERR_INVALID;
}

static int use_wal(sqlite3 *db, struct buf *why) {
  struct buf mode = {0};
  int rc = db_text(db, "PRAGMA journal_mode=WAL", &mode);
  if (!rc && strcmp(buf_cstr(&mode), "wal") != 0) {
    if (why) buf_str(why, "the file system doesn't allow a write-ahead log");
    rc = ERR_NETWORK_FS;
  }
  buf_release(&mode);
  return rc;
}

/* A path as a URI: the three characters that mean something there are escaped. */
static void uri_from_path(const char *path, struct buf *out) {
  buf_str(out, "file:");
  for (const char *p = path; *p; p++)
    if (*p == '%' || *p == '?' || *p == '#')
      buf_fmt(out, "%%%02x", (unsigned)*p);
    else
      buf_char(out, *p);
  buf_str(out, "?immutable=1");
}

int db_open(const char *path, enum db_mode mode, sqlite3 **out, struct buf *why) {
  *out = NULL;
  int rc = library_check(why);
  if (rc) return rc;
  struct buf name = {0};
  if (mode == DB_FROZEN)
    uri_from_path(path, &name);
  else
    buf_str(&name, path);
  sqlite3 *db = NULL;
  errno = 0;
  rc = sqlite3_open_v2(buf_cstr(&name), &db, modes[mode].flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  buf_release(&name);
  if (rc != SQLITE_OK) {
    rc = rc == SQLITE_CANTOPEN && sqlite3_system_errno(db) == ENOENT ? ERR_NOT_FOUND : db_code(db, rc);
    goto fail;
  }
  sqlite3_busy_timeout(db, 5000);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  rc = db_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;");
  /* The log is the writer's: a reader that is the last to go leaves it as it is. */
  if (mode == DB_READER) sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (!rc && mode == DB_WRITER) rc = use_wal(db, why);
  if (!rc) rc = db_exec(db, modes[mode].pragmas);
  if (!rc && mode == DB_READER) rc = db_schema(db);
  if (rc) goto fail;
  *out = db;
  return 0;
fail:
  if (why && !why->len) buf_fmt(why, "%s can't be opened: %s", path, db ? sqlite3_errmsg(db) : err_text(rc));
  db_close(db);
  return rc;
}

void db_close(sqlite3 *db) {
  int rc = sqlite3_close(db);
  if (rc == SQLITE_OK) return;
  fprintf(stderr, "a statement of the store was not finalized\n");
  abort();
}

/* A read that the disk refused says nothing of what is on it, though SQLite calls it SQLITE_IOERR_CORRUPTFS.
 * SQLite's own files leave errno as the failed call set it. sqlite3_system_errno isn't asked: a commit that fails
 * doesn't bring it up to date, and it stays from one failure to the next. */
static int code_of_io(int rc) {
  if (rc == SQLITE_IOERR_NOMEM) abort();
  if (rc == SQLITE_IOERR_SHORT_READ) return ERR_IO;
  if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) return ERR_SYNC;
  if (rc == SQLITE_IOERR_DATA) return ERR_CORRUPT;
  switch (errno) {
  case ENOSPC:
  case EDQUOT: return ERR_FULL;
  case EROFS:
  case EACCES:
  case EPERM: return ERR_DENIED;
  default: return ERR_IO;
  }
}

int db_code(sqlite3 *db, int rc) {
  switch (rc & 0xff) {
  case SQLITE_OK:
  case SQLITE_ROW:
  case SQLITE_DONE: return 0;
  case SQLITE_FULL: return ERR_FULL;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL: return ERR_BUSY;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_FORMAT:
    return errno == EIO ? ERR_IO : ERR_CORRUPT; /* a schema that it couldn't read is malformed to it */
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_AUTH: return ERR_DENIED;
  case SQLITE_TOOBIG: return ERR_TOO_LARGE;
  case SQLITE_INTERRUPT: return ERR_AGAIN;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN: return code_of_io(rc);
  default:
    fprintf(stderr, "store: SQLite says %s (%d): %s\n", sqlite3_errstr(rc), rc, db ? sqlite3_errmsg(db) : "");
    abort();
  }
}

int db_fail(sqlite3 *db, int rc, const char *doing, struct buf *why) {
  int system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN ? errno : 0, code = db_code(db, rc);
  if (code && why) {
    buf_fmt(why, "%s: %s", doing, sqlite3_errmsg(db));
    if (system) buf_fmt(why, " (%s)", strerror(system));
  }
  return code;
}

int db_exec(sqlite3 *db, const char *sql) {
  errno = 0;
  return db_code(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* Steps a fresh statement once; the caller finalizes it. ERR_NOT_FOUND without a row. */
static int first_row(sqlite3 *db, const char *sql, sqlite3_stmt **out) {
  errno = 0;
  int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(*out);
  if (rc == SQLITE_DONE) return ERR_NOT_FOUND;
  return db_code(db, rc);
}

int db_int(sqlite3 *db, const char *sql, int64_t *out) {
  sqlite3_stmt *s = NULL;
  int rc = first_row(db, sql, &s);
  if (!rc) *out = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return rc;
}

int db_text(sqlite3 *db, const char *sql, struct buf *out) {
  sqlite3_stmt *s = NULL;
  int rc = first_row(db, sql, &s);
  if (!rc && sqlite3_column_text(s, 0)) buf_str(out, (const char *)sqlite3_column_text(s, 0));
  sqlite3_finalize(s);
  return rc;
}

int db_schema(sqlite3 *db) {
  int64_t tables;
  return db_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
}

sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *s = NULL;
  int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
  if (rc == SQLITE_OK) return s;
  fprintf(stderr, "store: %s\n  in: %s\n", sqlite3_errmsg(db), sql);
  abort();
}

int db_run(sqlite3_stmt *s) {
  int rc;
  errno = 0;
  do rc = sqlite3_step(s);
  while (rc == SQLITE_ROW);
  int code = db_code(sqlite3_db_handle(s), rc);
  sqlite3_reset(s);
  return code;
}

/* What a check calls damage, by its words. Where it couldn't get a page it names the error, which needn't be damage:
 * a disk that refused says nothing of what is on it, and without memory the daemon ends as everywhere. */
static int code_of_damage(sqlite3 *db, const char *said) {
  static const char *const words[] = {"unable to get the page. error code=", "returns error code "};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    const char *at = strstr(said, words[i]);
    int rc = at ? (int)strtol(at + strlen(words[i]), NULL, 10) : SQLITE_OK;
    int code = (rc & 0xff) == SQLITE_IOERR && rc != SQLITE_IOERR_NOMEM ? ERR_IO : db_code(db, rc);
    if (code) return code;
  }
  return ERR_CORRUPT;
}

/* Says "ok", or what is wrong. */
static int check_once(sqlite3 *db, const char *sql, struct buf *said) {
  buf_reset(said);
  int rc = db_text(db, sql, said);
  if (rc || strcmp(buf_cstr(said), "ok") == 0) return rc;
  return code_of_damage(db, buf_cstr(said));
}

/* The first of the faults that a check found: it is enough to know, and SQLite goes on for pages. Above them is a
 * line with the name of the database. */
static const char *first_fault(struct buf *said) {
  char *fault = said->bytes, *end = NULL;
  if (strncmp(fault, "***", 3) == 0 && (end = strchr(fault, '\n')) && end[1]) fault = end + 1;
  if ((end = strchr(fault, '\n'))) *end = '\0';
  return fault;
}

int db_check(sqlite3 *db, const char *pragma, const char *table, struct buf *why) {
  char *sql = table ? sqlite3_mprintf("PRAGMA %s(%Q)", pragma, table) : sqlite3_mprintf("PRAGMA %s(1)", pragma);
  if (!sql) abort();
  struct buf said = {0};
  int rc = check_once(db, sql, &said);
  /* A check that found no memory for what it wanted to say looks like damage. Damage is there the second time, too.
   */
  if (rc == ERR_CORRUPT) rc = check_once(db, sql, &said);
  sqlite3_free(sql);
  if (rc && why && said.len)
    buf_fmt(why, "the database %s: %.500s", rc == ERR_CORRUPT ? "is damaged" : "can't be read", first_fault(&said));
  else if (rc && why)
    buf_fmt(why, "the check of the database: %s", sqlite3_errmsg(db));
  buf_release(&said);
  return rc;
}

int db_version(sqlite3 *db, int64_t *version, struct buf *why) {
  int64_t application = 0, tables = 0;
  *version = 0;
  int rc = db_int(db, "PRAGMA application_id", &application);
  if (!rc) rc = db_int(db, "PRAGMA user_version", version);
  if (!rc) rc = db_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
  if (rc && why) buf_fmt(why, "the database can't be read: %s", sqlite3_errmsg(db));
  if (rc) return rc;
  bool fresh = application == 0 && *version == 0 && tables == 0;
  if (application == DB_APPLICATION_ID || fresh) return 0;
  if (why) buf_str(why, "the file isn't a database of rota");
  return ERR_CORRUPT;
}
