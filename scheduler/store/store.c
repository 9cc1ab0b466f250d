#include "scheduler/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/id.h"
#include "scheduler/store/backup.h"
#include "scheduler/store/damage.h"
#include "scheduler/store/migrate.h"
#include "scheduler/store/place.h"
#include "scheduler/store/writer.h"

/* Small enough to be looked through at each start; the rest is store_check's. */
static const char *const small_tables[] = {"meta", "pipeline", "schedule", "removed_run"};

static int on_wal(void *ctx, sqlite3 *db, const char *name, int pages) {
  struct store *s = ctx;
  (void)db, (void)name;
  if (pages < s->wal_pages) s->wal_moved = 0;
  s->wal_pages = pages;
  return SQLITE_OK;
}

/* SQLite gives a new file the umask's mode, and its companions the file's. */
static int make_private(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return err_from_errno(errno);
  close(fd);
  return 0;
}

static int check_small(sqlite3 *db, struct buf *why) {
  int64_t version = 0;
  int rc = db_version(db, &version, why);
  const struct migration *list;
  if (rc || version == 0 || version > (int64_t)migrations(&list)) return rc;
  for (size_t i = 0; !rc && i < sizeof small_tables / sizeof small_tables[0]; i++)
    rc = db_check(db, "quick_check", small_tables[i], why);
  return rc;
}

static int make_meta(struct store *s, instant now) {
  int64_t rows = 0;
  int rc = db_schema(s->db);
  if (!rc) rc = db_int(s->db, "SELECT count(*) FROM meta", &rows);
  if (rc || rows) return rc;
  uint8_t random[10];
  random_bytes(random, sizeof random);
  struct id id = id_make(now, random);
  sqlite3_stmt *insert = db_prepare(s->db,
                                    "INSERT INTO meta (one, state_id, commit_number, last_key) VALUES (1, ?1, 0, 0)");
  sqlite3_bind_text(insert, 1, id.text, -1, SQLITE_STATIC);
  rc = db_run(insert);
  sqlite3_finalize(insert);
  return rc;
}

static int read_meta(struct store *s) {
  struct buf id = {0};
  int rc = db_text(s->db, "SELECT state_id FROM meta", &id);
  if (!rc && (id.len == 0 || id.len >= sizeof s->state_id)) rc = ERR_CORRUPT;
  if (!rc) memcpy(s->state_id, id.bytes, id.len + 1);
  if (!rc) rc = db_int(s->db, "SELECT commit_number FROM meta", &s->commit_number);
  buf_release(&id);
  return rc;
}

static int check_known(struct store *s, struct buf *why) {
  int64_t version = 0;
  int rc = db_version(s->db, &version, why);
  if (!rc) rc = version ? read_meta(s) : ERR_NOT_FOUND;
  /* The first start ended before it had made all; or it is that no more. */
  if (rc == ERR_NOT_FOUND) return witness_check(&s->witness, s->dir, "", 0, why);
  return rc ? rc : witness_check(&s->witness, s->dir, s->state_id, s->commit_number, why);
}

static int open_database(struct store *s, instant now, struct buf *why) {
  int rc = make_private(s->path);
  if (!rc) rc = db_open(s->path, DB_WRITER, &s->db, why);
  if (!rc) rc = check_small(s->db, why);
  /* A database that is behind stays as it is: the witness comes before the migrations, too. */
  if (!rc) rc = check_known(s, why);
  const struct migration *built_in;
  size_t count = migrations(&built_in);
  if (!rc) rc = migrate(s->db, s->path, &(struct migration_list){.items = built_in, .len = count}, why);
  if (!rc) rc = make_meta(s, now);
  if (!rc) rc = read_meta(s);
  if (!rc) rc = witness_check(&s->witness, s->dir, s->state_id, s->commit_number, why);
  if (rc) return rc;
  int chunk = 1024 * 1024;
  sqlite3_file_control(s->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
  sqlite3_wal_hook(s->db, on_wal, s);
  statements_init(&s->statements, s->db);
  statements_prepare_puts(&s->statements);
  return dir_sync(s->dir);
}

/* Without `fold` the log stays beside the database, to be read by whoever looks into what happened. */
static void close_database(struct store *s, bool fold) {
  statements_release(&s->statements);
  if (s->db && !fold) sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  db_close(s->db);
  s->db = NULL;
}

static void let_go(struct store *s, bool fold) {
  close_database(s, fold);
  witness_close(&s->witness);
  if (s->lock_fd >= 0) close(s->lock_fd);
  free(s->path);
  free(s->dir);
  free(s);
}

int store_open(const char *dir, instant now, struct store **out, struct buf *why) {
  *out = NULL;
  size_t said = why ? why->len : 0;
  struct store *s = alloc_new(struct store);
  s->lock_fd = s->witness.fd = -1;
  s->dir = alloc_strdup(dir);
  s->path = path_join(dir, "rota.db");
  int rc = dir_make(dir, 0700);
  if (!rc) rc = place_check(dir, why);
  if (!rc) rc = place_lock(dir, &s->lock_fd, why);
  if (!rc) backup_tidy(dir);
  if (!rc) rc = damage_check(dir, why);
  if (!rc) rc = witness_open(&s->witness, dir, why);
  if (!rc) rc = open_database(s, now, why);
  if (rc == ERR_FULL && ballast_drop(dir)) {
    close_database(s, false);
    if (why) buf_truncate(why, said);
    rc = open_database(s, now, why);
  }
  /* A start on a full disk is a start in want of room, not a failure: the ballast's own is enough for it. */
  if (!rc) {
    s->full = ballast_make(dir, true) != 0;
    rc = witness_write(&s->witness, s->state_id, s->commit_number);
    if (rc == ERR_FULL) s->full = true;
    if (rc == ERR_FULL && s->commit_number) rc = 0;
  }
  if (rc) {
    if (why && why->len == said)
      buf_fmt(why, "the state directory %s can't be used: %s", dir, s->db ? sqlite3_errmsg(s->db) : err_text(rc));
    let_go(s, false);
    return rc;
  }
  *out = s;
  return 0;
}

void store_close(struct store *s) {
  if (!s) return;
  if (!s->broken) store_tend(s, true, NULL);
  if (!s->broken) witness_write(&s->witness, s->state_id, s->commit_number);
  let_go(s, !s->broken);
}

void store_guard(struct store *s, struct quarantine *q) {
  s->quarantine = q;
}

void store_condemn(struct store *s, instant now, const char *what) {
  damage_note(s->dir, now, what);
  store_stop(s, ERR_CORRUPT);
}

/* The witness is read before the database, which may be at work: it is never ahead of what it is compared with. A
 * database without the row is judged by the start; NULL is one that is empty or isn't there. */
static int look_at_witness(sqlite3 *db, const char *dir, struct buf *report) {
  char *path = path_join(dir, "rota.witness");
  struct witness w = {.fd = -1};
  struct buf id = {0};
  int64_t number = 0;
  int rc = access(path, F_OK) == 0 ? witness_open(&w, dir, report) : ERR_NOT_FOUND;
  bool there = rc == 0;
  if (!rc && db) rc = db_text(db, "SELECT state_id FROM meta", &id);
  if (!rc && db) rc = db_int(db, "SELECT commit_number FROM meta", &number);
  if (!rc && (!db || id.len > 0)) rc = witness_check(&w, dir, buf_cstr(&id), number, report);
  if (there) witness_close(&w);
  buf_release(&id);
  free(path);
  return rc == ERR_BEHIND || rc == ERR_CORRUPT ? rc : 0;
}

int store_look(const char *dir, struct buf *report) {
  if (access(dir, F_OK) != 0) {
    buf_fmt(report, "%s would be made, with an empty database\n", dir);
    return 0;
  }
  int rc = place_check(dir, report);
  if (!rc) rc = damage_check(dir, report);
  if (rc) return rc;
  char *path = path_join(dir, "rota.db");
  sqlite3 *db = NULL;
  int64_t version = 0;
  const struct migration *list;
  int64_t newest = (int64_t)migrations(&list);
  rc = access(path, F_OK) == 0 ? db_open(path, DB_READER, &db, report) : ERR_NOT_FOUND;
  if (rc == ERR_NOT_FOUND) {
    rc = look_at_witness(NULL, dir, report);
    if (!rc) buf_fmt(report, "an empty database would be made in %s\n", dir);
    goto out;
  }
  if (!rc) rc = db_version(db, &version, report);
  if (rc) goto out;
  if (version > newest) {
    buf_fmt(report, "the database has schema %" PRId64 ", this program knows up to %" PRId64 "\n", version, newest);
    rc = ERR_NEWER;
  } else if (version == newest) {
    buf_fmt(report, "the database in %s has the newest schema, %" PRId64 "\n", dir, version);
  }
  if (!rc) rc = look_at_witness(version > 0 ? db : NULL, dir, report);
  for (int64_t i = version; !rc && i < newest; i++)
    buf_fmt(report, "the migration %s would be applied\n", list[i].name);
  if (!rc && version && version < newest)
    buf_fmt(report, "a verified copy would be kept as %s.before-%04" PRId64 "\n", path, version + 1);
out:
  db_close(db);
  free(path);
  return rc;
}

const char *store_state_id(const struct store *s) {
  return s->state_id;
}

void store_health(const struct store *s, struct store_health *out) {
  *out = (struct store_health){
      .commit_number = s->commit_number,
      .wal_bytes = (int64_t)(s->wal_pages - s->wal_moved) * WAL_PAGE,
      .full = s->full,
  };
}
