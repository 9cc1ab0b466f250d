/* The body of struct store, for the files that work on the writer's connection. Internal to the store. */
#ifndef ROTA_STORE_WRITER_H
#define ROTA_STORE_WRITER_H

#include "scheduler/store/db.h"
#include "scheduler/store/statements.h"
#include "scheduler/store/store.h"
#include "scheduler/store/witness.h"

#define WAL_PAGE (4096 + 24) /* a page and its frame header */

struct store {
  char *dir, *path;
  int lock_fd;
  sqlite3 *db;
  struct statements statements;
  struct witness witness;
  char state_id[STATE_ID_SIZE];
  int64_t commit_number;
  int wal_pages;                 /* in the log after the last commit */
  int wal_moved;                 /* of these, known to be in the database */
  int64_t witness_at;            /* monotonic */
  int64_t ballast_at;            /* monotonic, of the last try */
  struct quarantine *quarantine; /* borrowed; NULL */
  bool full;
  int broken; /* ERR_SYNC, ERR_IO or ERR_CORRUPT, once there was one: nothing is written any more */
};

/* A transaction on the writer's connection: begin, and end with COMMIT if rc is 0, else with ROLLBACK. Returns the
 * code of it all. A commit that holds rows of the engine counts; housekeeping doesn't. */
int writer_begin(struct store *s);
int writer_end(struct store *s, int rc, struct buf *why);
/* Takes note of a failure: the ballast is dropped when the disk is full; what can't be tried again ends all writing.
 */
void writer_failed(struct store *s, int rc);

#endif
