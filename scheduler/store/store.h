/* The store: all that rota must remember, in one SQLite database per state directory.
 *
 *   rota.db        the database (write-ahead log, synchronous=FULL), with rota.db-wal and rota.db-shm
 *   rota.lock      held by the one process that may open it
 *   rota.witness   how far the database was known to be (witness.h)
 *   rota.damaged   damage was found: not to be opened any more (damage.h)
 *   rota.ballast   room kept back for a full disk (witness.h)
 *   rota.backup    a backup that is being made (backup.h)
 *
 * There is one connection that writes and checkpoints: struct store. It is opened and loaded by the starting thread,
 * then handed to the writer's thread, which alone may use it from then on: store_commit, store_tend, retention.h,
 * backup_begin and backup_step, restore_answer. Everybody else reads through history.h, which is safe for several
 * threads. No call here may be carried over a fork.
 *
 * The writer's thread does, for each batch: store_commit; hand the result to the loop; store_tend(store, false); and
 * when nothing is queued store_tend(store, true), a retention_step, a backup_step.
 *
 * Functions return 0 or a code of base/err.h and append a sentence for the operator to `why`, which may be NULL.
 */
#ifndef ROTA_STORE_STORE_H
#define ROTA_STORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"
#include "scheduler/engine/rows.h"

#define STORE_WAL_CHECKPOINT (4 * 1024 * 1024) /* from here on store_tend checkpoints */
#define STORE_WAL_CAP        (8 * 1024 * 1024) /* above it store_commit checkpoints first, waiting for readers */

#define STORE_SESSION_LIFE   (30 * USEC_PER_DAY) /* a session that wasn't used for so long is over */
#define STORE_SESSIONS       10000
#define STORE_TOKENS_REVOKED 1000

struct store;

/* Makes the directory (0700) and the database if they are missing, applies migrations, and checks: the file system,
 * the lock, the header, the schema, the small tables, the witness. Blocks.
 *   ERR_NETWORK_FS  a write-ahead log doesn't work there; `why` proposes a local folder
 *   ERR_BUSY        another process holds the directory; `why` names it
 *   ERR_NEWER       written by a newer rota
 *   ERR_BEHIND      acknowledged commits are missing, or it is another database than the witness's
 *   ERR_CORRUPT     damaged, or no database of rota; nothing was changed
 *   ERR_FULL, ERR_DENIED, ERR_IO, ERR_SYNC */
int store_open(const char *dir, instant now, struct store **out, struct buf *why);
/* Checkpoints, writes the witness and lets go of the directory; of a store that is stopped it only lets go, and the
 * files stay as they are. Accepts NULL. */
void store_close(struct store *s);
/* Stops it for what was found elsewhere (store_check): ERR_SYNC, ERR_IO or ERR_CORRUPT. Any other code does nothing.
 */
void store_stop(struct store *s, int err);
/* Damage was found: stops it, and leaves a note in the directory on which the next store_open is refused until a
 * restore has put another database in its place. */
void store_condemn(struct store *s, instant now, const char *what);

/* What store_open would do, as lines for a person, without taking the lock or changing anything: ERR_ codes as above
 * where it would fail. */
int store_look(const char *dir, struct buf *report);

const char *store_state_id(const struct store *s); /* 26 characters */

/* One transaction of all changes, in their order; durable when it returns 0. On failure nothing of it is there and
 * the same batch may be handed in again, unless it says otherwise:
 *   ERR_FULL    the disk is full; the ballast was dropped, so that another try may succeed: stop starting tasks
 *   ERR_DENIED  the file system has become read-only: as ERR_FULL, but nothing could be dropped
 *   ERR_BUSY    another program holds the database's lock for more than 5 s: try again
 *   ERR_SYNC    the disk failed at a sync. Exit now; never try again: the kernel may say yes to data that is gone
 *   ERR_IO      as ERR_SYNC
 *   ERR_CORRUPT store_condemn; keep the files; name the newest backup
 * After one of these three the store is stopped: it writes and syncs nothing any more, and says the same to each
 * call. A row that contradicts the schema is a bug and aborts. */
int store_commit(struct store *s, const struct change *changes, size_t changes_len, struct buf *why);

/* The housekeeping between commits: the checkpoint, when the log is over STORE_WAL_CHECKPOINT or when `idle`; the
 * witness, once a second; the ballast, when there is room for it again. ERR_SYNC, ERR_IO and ERR_CORRUPT mean what
 * they mean for store_commit; ERR_FULL: the log couldn't be moved into the database. */
int store_tend(struct store *s, bool idle, struct buf *why);

/* Who else holds a lock of the database in that directory, as the kernel tells it: "sqlite3 (pid 4711)". False if
 * nobody can be named. For any thread; reads /proc. */
bool store_holder(const char *dir, struct buf *who);

struct store_health {
  int64_t commit_number; /* of the last acknowledged commit */
  int64_t wal_bytes;     /* held by the write-ahead log; over STORE_WAL_CAP for long: someone reads without end */
  bool full;             /* from the first ERR_FULL until the ballast is back: start nothing new */
};
void store_health(const struct store *s, struct store_health *out);

/* ---- loading at start ---- */

struct store_loaded {
  struct arena arena;
  struct engine_state state;
  VEC(struct pipeline *) pipelines; /* one reference each, as long as this lives */
  /* Tokens that aren't revoked, and the newest of the others; sessions that aren't, the last used ones first. */
  struct token_row *tokens, *revoked;
  size_t tokens_len, revoked_len;
  struct session_row *sessions;
  size_t sessions_len;
  instant restored_at; /* the database came from a snapshot and there are questions open: start paused */
};
/* What store_load takes up is noted there, and what it holds is left out; borrowed. Before store_load. */
struct quarantine;
void store_guard(struct store *s, struct quarantine *q);
/* All that engine_restore needs. ERR_CORRUPT if a stored version can't be read. */
int store_load(struct store *s, struct store_loaded *out, struct buf *why);
void store_loaded_release(struct store_loaded *l);

/* The check of the whole database, table by table, on a connection of its own: for any thread, at most one at a time.
 * Takes some ten seconds for a million runs; `stop` (may be NULL) is looked at all the while. ERR_AGAIN if it was
 * stopped, or gave way because the log grew too large behind it; ERR_CORRUPT. */
int store_check(const char *dir, const atomic_bool *stop, struct buf *why);

#endif
