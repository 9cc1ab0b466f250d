#include "scheduler/store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/id.h"
#include "scheduler/store/damage.h"
#include "scheduler/store/found.h"
#include "scheduler/store/migrate.h"
#include "scheduler/store/place.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/snapshot.h"
#include "scheduler/store/table.h"
#include "scheduler/store/writer.h"

struct restore {
  const char *dir, *snapshot;
  instant now;
  char *path, *fresh, *kept; /* rota.db; the copy that will replace it; where the old one goes */
  bool new_id;               /* it gets a state id of its own */
  bool had_one;              /* there was an old database */
  bool readable;             /* and it could be folded into one file */
  struct buf *why;
};

static int copy_file(const char *from, const char *to) {
  int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = 0;
  if (in < 0) return err_from_errno(errno);
  out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ssize_t n = 1;
  while (out >= 0 && (n = sendfile(out, in, NULL, 1 << 24)) > 0) {
  }
  if (out < 0 || n < 0)
    rc = err_from_errno(errno);
  else if (fsync(out) != 0)
    rc = ERR_SYNC;
  if (out >= 0) close(out);
  close(in);
  return rc;
}

static int verify(struct restore *r) {
  int64_t version = 0;
  const struct migration *list;
  int rc = snapshot_verify(r->snapshot, &version, r->why);
  if (rc || version <= (int64_t)migrations(&list)) return rc;
  if (r->why) buf_fmt(r->why, "%s has schema %" PRId64 ", which this program doesn't know yet", r->snapshot, version);
  return ERR_NEWER;
}

/* Brings the old database into one file; what can't be read is kept as it is. */
static void fold_old(struct restore *r) {
  r->had_one = access(r->path, F_OK) == 0;
  sqlite3 *db;
  int64_t version;
  if (!r->had_one || db_open(r->path, DB_WRITER, &db, NULL) != 0) return;
  r->readable = db_version(db, &version, NULL) == 0 && version > 0 &&
                sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK;
  db_close(db);
}

/* ---- the new database, before it is in force ---- */

/* `restored_at` isn't before anything that the snapshot knows as alive, whatever the clock here says: that is how the
 * engine tells it from what is started later. */
static int set_identity(struct restore *r, sqlite3 *db) {
  int rc = db_schema(db);
  if (rc) return rc;
  uint8_t random[10];
  random_bytes(random, sizeof random);
  struct id id = id_make(r->now, random);
  sqlite3_stmt *q = db_prepare(db,
                               "UPDATE meta SET state_id = coalesce(?1, state_id), restored_at = max(?2,"
                               " coalesce((SELECT max(a.created_at) FROM attempt a JOIN run r ON r.key = a.run WHERE"
                               " r.state IN ('queued', 'running', 'cancelling') AND a.ended_at IS NULL), ?2)),"
                               " restored_from = ?3, paused_at = ?2,"
                               " paused_reason = 'restored from a backup: `rota restore --list` shows what is open',"
                               " paused_by = 'rota restore'");
  if (r->new_id) sqlite3_bind_text(q, 1, id.text, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, 2, r->now);
  sqlite3_bind_text(q, 3, r->snapshot, -1, SQLITE_STATIC);
  rc = db_run(q);
  sqlite3_finalize(q);
  return rc;
}

/* What the old database decided since, so that it isn't decided once more. `old` is attached; keys rise, so whatever
 * is above the snapshot's last key came after it. If the old database was restored itself, its questions still know
 * what its missed firings had been. */
static const char *const take_over[] = {
    "INSERT INTO restore_item (kind, pipeline, what, run_id, scheduled_for, found)"
    " SELECT 'firing', p.name, s.identity, coalesce(r.id, i.run_id), f.scheduled_for, coalesce(i.found, f.outcome)"
    " FROM old.firing f JOIN old.schedule s ON s.key = f.schedule JOIN old.pipeline p ON p.key = f.pipeline"
    " LEFT JOIN old.run r ON r.key = f.run LEFT JOIN old.restore_item i ON i.kind = 'firing' AND i.pipeline = p.name"
    " AND i.what = s.identity AND i.scheduled_for = f.scheduled_for WHERE f.key > (SELECT last_key FROM main.meta) "
    "ORDER BY f.key",
    "INSERT OR IGNORE INTO firing (key, schedule, pipeline, scheduled_for, until, count, at_least, outcome, reason,"
    " decided_at) SELECT f.key, f.schedule, f.pipeline, f.scheduled_for, f.until, f.count, f.at_least,"
    " iif(f.outcome = 'run', 'missed', f.outcome),"
    " iif(f.outcome = 'run', 'it ran as ' || coalesce(r.id, '?') || ' before the restore', f.reason), f.decided_at"
    " FROM old.firing f JOIN main.schedule s ON s.key = f.schedule LEFT JOIN old.run r ON r.key = f.run"
    " WHERE f.key > (SELECT last_key FROM main.meta)",
    "UPDATE schedule SET decided = max(coalesce(decided, 0), coalesce((SELECT o.decided FROM old.schedule o"
    " WHERE o.key = schedule.key), 0)) WHERE key IN (SELECT key FROM old.schedule WHERE decided IS NOT NULL)",
    "UPDATE pipeline SET last_number = max(last_number, coalesce((SELECT o.last_number FROM old.pipeline o"
    " WHERE o.name = pipeline.name), 0))",
    "UPDATE meta SET last_key = max(last_key, (SELECT last_key FROM old.meta)),"
    " commit_number = max(commit_number, (SELECT commit_number FROM old.meta))",
};

/* Whether the one grew out of the other: of the same state, or, since a restore gives a new id, with a pipeline that
 * was first seen at the same microsecond. */
static int same_origin(sqlite3 *db) {
  int64_t same = 0;
  int rc = db_int(db,
                  "SELECT (SELECT state_id FROM old.meta) = (SELECT state_id FROM main.meta) OR EXISTS (SELECT 1"
                  " FROM old.pipeline o JOIN main.pipeline p USING (key, name, seen_at))",
                  &same);
  return !rc && same;
}

/* *known gets whether the old database could be asked what happened since. */
static int take_over_old(struct restore *r, sqlite3 *db, bool *known) {
  int rc = db_schema(db);
  if (rc) return rc;
  sqlite3_stmt *q = db_prepare(db, "ATTACH ?1 AS old");
  sqlite3_bind_text(q, 1, r->path, -1, SQLITE_STATIC);
  rc = db_run(q);
  sqlite3_finalize(q);
  if (rc) return 0; /* it can't be read after all: the directories still tell what ran */
  if (same_origin(db)) {
    rc = db_exec(db, "BEGIN IMMEDIATE");
    for (size_t i = 0; !rc && i < sizeof take_over / sizeof take_over[0]; i++) rc = db_exec(db, take_over[i]);
    if (!rc) rc = db_exec(db, "COMMIT");
    *known = !rc;
    if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  }
  sqlite3_exec(db, "DETACH old", NULL, NULL, NULL);
  /* A damaged old database must not stand in the way of the snapshot. */
  return rc == ERR_CORRUPT ? 0 : rc;
}

static int prepare(struct restore *r) {
  sqlite3 *db = NULL;
  const struct migration *list;
  size_t count = migrations(&list);
  snapshot_discard(r->fresh);
  int rc = copy_file(r->snapshot, r->fresh);
  if (!rc) rc = db_open(r->fresh, DB_FILE, &db, r->why);
  if (!rc) rc = migrate(db, r->fresh, &(struct migration_list){.items = list, .len = count}, r->why);
  if (!rc) rc = db_exec(db, "DELETE FROM restore_item");
  bool known = false;
  if (!rc && r->readable) rc = take_over_old(r, db, &known);
  if (!rc) rc = found_attempts(db, r->dir);
  if (!rc) rc = found_nothing_of(db, r->dir, known);
  if (!rc) rc = set_identity(r, db);
  if (rc && r->why && !r->why->len)
    buf_fmt(r->why, "the snapshot can't be prepared: %s", db ? sqlite3_errmsg(db) : "");
  db_close(db);
  if (rc) return rc;
  int fd = open(r->fresh, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_from_errno(errno);
  rc = fsync(fd) == 0 ? 0 : ERR_SYNC;
  close(fd);
  return rc;
}

/* ---- putting it in force ---- */

/* A name that nothing has: a second restore within a second must not cost the first one's old database. */
static char *kept_name(const char *path, instant now) {
  char *name = alloc_fmt("%s.replaced-%" PRId64, path, now / USEC_PER_SEC);
  for (int i = 1; access(name, F_OK) == 0; i++) {
    free(name);
    name = alloc_fmt("%s.replaced-%" PRId64 ".%d", path, now / USEC_PER_SEC, i);
  }
  return name;
}

/* The name of a companion goes with the file: "x-wal" to "y-wal". */
static int move_companion(const char *from, const char *to, const char *suffix) {
  char *a = alloc_fmt("%s%s", from, suffix), *b = alloc_fmt("%s%s", to, suffix);
  int rc = rename(a, b) == 0 || errno == ENOENT ? 0 : err_from_errno(errno);
  free(a);
  free(b);
  return rc;
}

static int swap(struct restore *r) {
  char *witness = path_join(r->dir, "rota.witness");
  int rc = 0;
  if (r->had_one) {
    rc = link(r->path, r->kept) == 0 ? 0 : err_from_errno(errno);
    /* A log that couldn't be folded goes away first: it must never be read with another database. */
    if (!rc) rc = move_companion(r->path, r->kept, "-wal");
    if (!rc) rc = move_companion(r->path, r->kept, "-shm");
  }
  if (!rc && unlink(witness) != 0 && errno != ENOENT) rc = err_from_errno(errno);
  if (!rc) rc = dir_sync(r->dir);
  if (!rc && rename(r->fresh, r->path) != 0) rc = err_from_errno(errno);
  if (!rc) rc = dir_sync(r->dir);
  if (!rc) damage_clear(r->dir);
  if (rc && r->why) buf_fmt(r->why, "the snapshot can't be put in place: %s", err_text(rc));
  free(witness);
  return rc;
}

int restore_apply(const char *dir, const char *snapshot, bool new_id, instant now, struct buf *kept,
                  struct buf *why) {
  struct restore r = {.dir = dir, .snapshot = snapshot, .new_id = new_id, .now = now, .why = why};
  int lock = -1;
  int rc = dir_make(dir, 0700);
  if (!rc) rc = place_check(dir, why);
  if (!rc) rc = place_lock(dir, &lock, why);
  if (rc) return rc;
  r.path = path_join(dir, "rota.db");
  r.fresh = path_join(dir, "rota.db.restoring");
  r.kept = kept_name(r.path, now);
  rc = verify(&r);
  if (!rc) {
    fold_old(&r);
    rc = prepare(&r);
  }
  if (!rc) rc = swap(&r);
  if (rc) snapshot_discard(r.fresh);
  if (!rc && r.had_one && kept) buf_str(kept, r.kept);
  free(r.path);
  free(r.fresh);
  free(r.kept);
  close(lock);
  return rc;
}

/* ---- the questions ---- */

static const char *const answers[] = {
#define X(name, word) word,
    RESTORE_ANSWER_LIST(X)
#undef X
};

static const char *copied(sqlite3_stmt *q, int at, struct arena *a) {
  const char *text = (const char *)sqlite3_column_text(q, at);
  return text ? arena_strdup(a, text) : NULL;
}

static void read_item(sqlite3_stmt *q, struct arena *a, struct restore_item *item) {
  const char *answer = (const char *)sqlite3_column_text(q, 8);
  *item = (struct restore_item){
      .key = sqlite3_column_int64(q, 0),
      .firing = strcmp((const char *)sqlite3_column_text(q, 1), "firing") == 0,
      .pipeline = copied(q, 2, a),
      .what = copied(q, 3, a),
      .run_id = copied(q, 4, a),
      .attempt_id = copied(q, 5, a),
      .scheduled_for = sqlite3_column_type(q, 6) == SQLITE_NULL ? INSTANT_NONE : sqlite3_column_int64(q, 6),
      .found = copied(q, 7, a),
      .run_known = sqlite3_column_int(q, 9) != 0,
  };
  for (int i = RESTORE_SKIP; answer && i <= RESTORE_RUN; i++)
    if (strcmp(answer, answers[i]) == 0) item->answer = (enum restore_answer)i;
}

int restore_items(struct history *h, struct arena *a, struct restore_item **out, size_t *len) {
  struct reader *r;
  *len = 0;
  int rc = reader_take(h, &r), step;
  if (rc) return rc;
  VEC(struct restore_item) items = {0};
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_RESTORE_ITEMS);
  while ((step = sqlite3_step(q)) == SQLITE_ROW) {
    struct restore_item item;
    read_item(q, a, &item);
    vec_push(&items, item);
  }
  rc = db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  *out = arena_new_array(a, items.len + 1, struct restore_item);
  if (items.len) memcpy(*out, items.items, items.len * sizeof **out);
  *len = items.len;
  vec_release(&items);
  return rc;
}

static int put_audit(struct store *s, const struct audit_row *audit) {
  sqlite3_stmt *q = statement_put(&s->statements, CHANGE_AUDIT);
  table_bind(q, table_of(CHANGE_AUDIT), audit);
  return db_run(q);
}

int restore_reply(struct store *s, int64_t key, enum restore_answer answer, const struct audit_row *audit,
                  struct buf *why) {
  int rc = writer_begin(s);
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_RESTORE_REPLY);
  sqlite3_bind_int64(q, 1, key);
  if (answer == RESTORE_NONE)
    sqlite3_bind_null(q, 2);
  else
    sqlite3_bind_text(q, 2, answers[answer], -1, SQLITE_STATIC);
  if (!rc) rc = db_run(q);
  int64_t changed = sqlite3_changes64(s->db);
  if (!rc && changed && audit) rc = put_audit(s, audit);
  rc = writer_end(s, rc, why);
  return rc ? rc : changed ? 0 : ERR_NOT_FOUND;
}

int restore_ended(struct store *s) {
  int rc = writer_begin(s);
  sqlite3_stmt *q = statement(&s->statements, STATEMENT_RESTORE_ENDED);
  sqlite3_bind_text(q, 1, RESTORE_ENDED, -1, SQLITE_STATIC);
  sqlite3_bind_text(q, 2, RESTORE_NOT_KNOWN, -1, SQLITE_STATIC);
  if (!rc) rc = db_run(q);
  return writer_end(s, rc, NULL);
}

int restore_close(struct store *s, const struct audit_row *audit, struct buf *why) {
  int rc = writer_begin(s);
  if (!rc) rc = db_run(statement(&s->statements, STATEMENT_RESTORE_CLEAR));
  if (!rc) rc = db_run(statement(&s->statements, STATEMENT_RESTORE_DONE));
  if (!rc && audit) rc = put_audit(s, audit);
  return writer_end(s, rc, why);
}
