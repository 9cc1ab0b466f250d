/* The writer's work: batches, checkpoints, the witness and the ballast. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/table.h"
#include "scheduler/store/writer.h"

#define WITNESS_EVERY USEC_PER_SEC
#define BALLAST_EVERY (5 * USEC_PER_SEC)

/* ---- transactions ---- */

int writer_begin(struct store *s) {
  if (s->broken) return s->broken;
  return db_run(statement(&s->statements, STATEMENT_BEGIN));
}

void store_stop(struct store *s, int err) {
  if (!s->broken && (err == ERR_SYNC || err == ERR_IO || err == ERR_CORRUPT)) s->broken = err;
}

void writer_failed(struct store *s, int rc) {
  store_stop(s, rc);
  if (rc != ERR_FULL) return;
  s->full = true;
  ballast_drop(s->dir);
}

int writer_end(struct store *s, int rc, struct buf *why) {
  if (!rc) rc = db_run(statement(&s->statements, STATEMENT_COMMIT));
  int system = errno;
  if (!rc) return 0;
  if (why) {
    buf_fmt(why, "the commit failed: %s", s->broken ? "the disk failed before" : sqlite3_errmsg(s->db));
    if (!s->broken && system && (rc == ERR_IO || rc == ERR_SYNC || rc == ERR_DENIED))
      buf_fmt(why, " (%s)", strerror(system));
  }
  if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
  writer_failed(s, rc);
  return rc;
}

static int put_pause(struct store *s, const struct pause_row *p) {
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_PAUSE_SET);
  if (p->at == INSTANT_NONE)
    sqlite3_bind_null(q, 1);
  else
    sqlite3_bind_int64(q, 1, p->at);
  sqlite3_bind_text(q, 2, p->reason, -1, SQLITE_STATIC);
  sqlite3_bind_text(q, 3, p->by, -1, SQLITE_STATIC);
  return db_run(q);
}

static int put_code(struct store *s, const struct code_row *c) {
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_CODE_SET);
  sqlite3_bind_text(q, 1, c->run_id, -1, SQLITE_STATIC);
  sqlite3_bind_text(q, 2, c->dir, -1, SQLITE_STATIC);
  sqlite3_bind_text(q, 3, c->commit, -1, SQLITE_STATIC);
  if (c->dirty < 0)
    sqlite3_bind_null(q, 4);
  else
    sqlite3_bind_int(q, 4, c->dirty);
  return db_run(q);
}

/* A host may be examined before anything else was said of it. */
static int put_doctor(struct store *s, const struct host_doctor_row *d) {
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_DOCTOR_SET);
  sqlite3_bind_text(q, 1, d->name, -1, SQLITE_STATIC);
  sqlite3_bind_text(q, 2, d->doctor, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, 3, d->doctor_at);
  return db_run(q);
}

static int drop_remnant(struct store *s, const struct remnant_row *r) {
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_REMNANT_GONE);
  sqlite3_bind_int64(q, 1, r->attempt);
  return db_run(q);
}

static int put(struct store *s, const struct change *c) {
  if (c->kind == CHANGE_HOST_DOCTOR) return put_doctor(s, &c->host_doctor);
  if (c->kind == CHANGE_REMNANT && c->remnant.gone) return drop_remnant(s, &c->remnant);
  if (c->kind == CHANGE_CODE) return put_code(s, &c->code);
  if (c->kind == CHANGE_PAUSE) return put_pause(s, &c->pause);
  sqlite3_stmt *q = statement_put(&s->statements, c->kind);
  table_bind(q, table_of(c->kind), &c->pipeline); /* the members of the union begin at one place */
  int rc = db_run(q);
  if (rc || c->kind != CHANGE_VERSION) return rc;
  q = statement(&s->statements, STATEMENT_VERSION_OWNER);
  sqlite3_bind_int64(q, 1, c->version.key);
  return db_run(q);
}

static int64_t key_of(const struct change *c) {
  switch (c->kind) {
  case CHANGE_PIPELINE: return c->pipeline.key;
  case CHANGE_VERSION: return c->version.key;
  case CHANGE_SCHEDULE: return c->schedule.key;
  case CHANGE_FIRING: return c->firing.key;
  case CHANGE_RUN: return c->run.key;
  case CHANGE_ATTEMPT: return c->attempt.key;
  case CHANGE_EVENT: return c->event.key;
  case CHANGE_TOKEN: return c->token.key;
  case CHANGE_SESSION: return c->session.key;
  case CHANGE_HOST_BOOT: return c->host_boot.key;
  default: return 0;
  }
}

static int count_commit(struct store *s, const struct change *changes, size_t len) {
  int64_t last = 0;
  for (size_t i = 0; i < len; i++)
    if (key_of(&changes[i]) > last) last = key_of(&changes[i]);
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_COMMIT_NUMBER);
  sqlite3_bind_int64(q, 1, last);
  return db_run(q);
}

/* ---- checkpoints ---- */

/* Moves the log into the database. RESTART waits up to 50 ms for readers, so that the next commit begins the log
 * anew; PASSIVE waits for nobody; TRUNCATE, when idle, gives the room back. */
static int checkpoint(struct store *s, int mode, struct buf *why) {
  int in_log = 0, moved = 0;
  sqlite3_busy_timeout(s->db, mode == SQLITE_CHECKPOINT_PASSIVE ? 0 : 50);
  errno = 0;
  int rc = sqlite3_wal_checkpoint_v2(s->db, "main", mode, &in_log, &moved);
  if (rc == SQLITE_FULL && ballast_drop(s->dir)) {
    s->full = true;
    rc = sqlite3_wal_checkpoint_v2(s->db, "main", mode, &in_log, &moved);
  }
  sqlite3_busy_timeout(s->db, 5000);
  if (in_log >= 0 && moved >= 0) {
    s->wal_pages = in_log;
    s->wal_moved = moved;
  }
  if ((rc & 0xff) == SQLITE_BUSY) return 0;
  int code = db_fail(s->db, rc, "the checkpoint failed", why);
  writer_failed(s, code);
  return code;
}

static int64_t wal_left(const struct store *s) {
  return (int64_t)(s->wal_pages - s->wal_moved) * WAL_PAGE;
}

int store_commit(struct store *s, const struct change *changes, size_t changes_len, struct buf *why) {
  int rc = s->broken;
  if (!rc && (int64_t)s->wal_pages * WAL_PAGE > STORE_WAL_CAP) rc = checkpoint(s, SQLITE_CHECKPOINT_RESTART, why);
  /* A log that can't be moved for want of room may still take this batch; a broken disk won't. */
  if (rc && rc != ERR_FULL) return rc;
  rc = writer_begin(s);
  for (size_t i = 0; !rc && i < changes_len; i++) rc = put(s, &changes[i]);
  if (!rc) rc = count_commit(s, changes, changes_len);
  rc = writer_end(s, rc, why);
  if (!rc) s->commit_number++;
  return rc;
}

/* ---- between commits ---- */

static int tend_witness(struct store *s, int64_t now, bool at_once) {
  if (!at_once && now - s->witness_at < WITNESS_EVERY) return 0;
  s->witness_at = now;
  int rc = witness_write(&s->witness, s->state_id, s->commit_number);
  if (rc != ERR_SYNC) return 0;
  store_stop(s, rc);
  return rc;
}

static void tend_ballast(struct store *s, int64_t now) {
  if (!s->full || now - s->ballast_at < BALLAST_EVERY) return;
  s->ballast_at = now;
  if (ballast_make(s->dir, true) == 0) s->full = false;
}

int store_tend(struct store *s, bool idle, struct buf *why) {
  if (s->broken) return s->broken;
  int64_t now = clock_monotonic();
  bool large = wal_left(s) > STORE_WAL_CHECKPOINT;
  int rc = 0;
  if (idle && s->wal_pages)
    rc = checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE, why);
  else if (large)
    rc = checkpoint(s, SQLITE_CHECKPOINT_PASSIVE, why);
  if (rc && rc != ERR_FULL) return rc;
  int code = tend_witness(s, now, idle || large);
  if (code && why) buf_str(why, "the witness can't be synced");
  tend_ballast(s, now);
  if (idle) sqlite3_db_release_memory(s->db); /* the system's cache has the pages too */
  return code ? code : rc;
}
