#include "scheduler/store/found.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/id.h"
#include "scheduler/store/db.h"
#include "scheduler/store/restore.h"

#define SPEC_MAX (4 * 1024 * 1024)

struct found {
  sqlite3_stmt *known, *label, *put;
};

/* What the spec of an attempt sets a variable of its environment to; "" if it can't be read. The last one counts. */
static const char *spec_variable(const struct buf *spec, const char *name) {
  const char *value = "", *at = spec->len ? spec->bytes : "", *end = at + spec->len;
  size_t len = strlen(name);
  for (; at < end; at += strlen(at) + 1) {
    if (strncmp(at, "env=", 4) == 0 && strncmp(at + 4, name, len) == 0 && at[4 + len] == '=') value = at + 5 + len;
  }
  return value;
}

/* The name of its ROTA_STATE tells which task an attempt was of and, after a point, which of its instances. */
static const char *state_key(const struct buf *spec) {
  const char *path = spec_variable(spec, "ROTA_STATE"), *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void bind_copy(sqlite3_stmt *q, int at, const char *text) {
  if (*text)
    sqlite3_bind_text(q, at, text, -1, SQLITE_TRANSIENT);
  else
    sqlite3_bind_null(q, at);
}

/* Binds the label of the instance that the spec names, if the snapshot has it; else the task's name. */
static void bind_label(struct found *f, const char *run, const struct buf *spec) {
  const char *key = state_key(spec), *point = strrchr(key, '.');
  int name_len = (int)(point ? point - key : (ptrdiff_t)strlen(key));
  sqlite3_reset(f->label);
  sqlite3_bind_text(f->label, 1, run, -1, SQLITE_STATIC);
  sqlite3_bind_text(f->label, 2, key, name_len, SQLITE_STATIC);
  sqlite3_bind_int64(f->label, 3, point ? strtoll(point + 1, NULL, 10) : 0);
  if (sqlite3_step(f->label) == SQLITE_ROW)
    sqlite3_bind_value(f->put, 2, sqlite3_column_value(f->label, 0));
  else
    sqlite3_bind_text(f->put, 2, key, name_len, SQLITE_TRANSIENT);
  sqlite3_reset(f->label);
}

/* How far an attempt came, by the files of its directory. */
static void look(int run_fd, const char *attempt, char out[64]) {
  snprintf(out, 64, "not started");
  int fd = openat(run_fd, attempt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  if (!d) return;
  for (struct dirent *e; (e = readdir(d));) {
    if (strcmp(e->d_name, "owner") == 0 && strncmp(out, "exit.", 5) != 0) snprintf(out, 64, "started");
    if (strncmp(e->d_name, "exit.", 5) == 0) snprintf(out, 64, "%.63s", e->d_name);
  }
  closedir(d);
}

static int ask_about(struct found *f, int run_fd, const char *run, const char *attempt) {
  sqlite3_reset(f->known);
  sqlite3_bind_text(f->known, 1, run, -1, SQLITE_STATIC);
  sqlite3_bind_text(f->known, 2, attempt, -1, SQLITE_STATIC);
  int step = sqlite3_step(f->known);
  bool known = step == SQLITE_ROW;
  if (!known && step != SQLITE_DONE) return db_code(sqlite3_db_handle(f->known), step);
  if (known && sqlite3_column_int(f->known, 2)) return 0; /* its end is in the snapshot */
  char state[64], path[NAME_MAX + 8];
  struct buf spec = {0};
  look(run_fd, attempt, state);
  snprintf(path, sizeof path, "%s/spec", attempt);
  if (file_read_at(run_fd, path, SPEC_MAX, &spec)) buf_reset(&spec);
  sqlite3_reset(f->put);
  if (known)
    sqlite3_bind_value(f->put, 1, sqlite3_column_value(f->known, 0));
  else
    bind_copy(f->put, 1, spec_variable(&spec, "ROTA_PIPELINE"));
  if (known && sqlite3_column_type(f->known, 1) != SQLITE_NULL)
    sqlite3_bind_value(f->put, 2, sqlite3_column_value(f->known, 1));
  else
    bind_label(f, run, &spec);
  buf_release(&spec);
  sqlite3_bind_text(f->put, 3, run, -1, SQLITE_STATIC);
  sqlite3_bind_text(f->put, 4, attempt, -1, SQLITE_STATIC);
  sqlite3_bind_text(f->put, 5, state, -1, SQLITE_STATIC);
  return db_run(f->put);
}

static int name_order(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_id(const struct dirent *e) {
  return id_valid(e->d_name);
}

static int look_at_run(struct found *f, int runs_fd, const char *run) {
  int fd = openat(runs_fd, run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return 0;
  struct dirent **names;
  int count = scandirat(runs_fd, run, &names, is_id, name_order), rc = 0;
  for (int i = 0; i < count; i++) {
    if (!rc) rc = ask_about(f, fd, run, names[i]->d_name);
    free(names[i]);
  }
  if (count >= 0) free(names);
  close(fd);
  return rc;
}

int found_attempts(sqlite3 *db, const char *dir) {
  int rc = db_schema(db);
  if (rc) return rc;
  char *path = path_join(dir, "runs");
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct dirent **names = NULL;
  int count = fd < 0 ? -1 : scandir(path, &names, is_id, name_order);
  free(path);
  /* What the rows don't know of an attempt, its spec still tells. */
  struct found f = {
      .known = db_prepare(db,
                          "SELECT p.name, (SELECT t.label FROM task t WHERE t.run = r.key AND t.\"index\" = a.task),"
                          " a.ended_at IS NOT NULL FROM run r JOIN pipeline p ON p.key = r.pipeline"
                          " LEFT JOIN attempt a ON a.run = r.key AND a.id = ?2 WHERE r.id = ?1"),
      .label = db_prepare(db, "SELECT t.label FROM task t JOIN run r ON r.key = t.run WHERE r.id = ?1 AND t.name = ?2"
                              " ORDER BY t.\"index\" LIMIT 1 OFFSET ?3"),
      .put = db_prepare(db, "INSERT INTO restore_item (kind, pipeline, what, run_id, attempt_id, found)"
                            " VALUES ('attempt', ?1, ?2, ?3, ?4, ?5)"),
  };
  rc = db_exec(db, "BEGIN IMMEDIATE");
  for (int i = 0; i < count; i++) {
    if (!rc) rc = look_at_run(&f, fd, names[i]->d_name);
    free(names[i]);
  }
  sqlite3_finalize(f.known);
  sqlite3_finalize(f.label);
  sqlite3_finalize(f.put);
  if (!rc) rc = db_exec(db, "COMMIT");
  if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  free(names);
  if (fd >= 0) close(fd);
  return rc;
}

/* ---- what left no directory ---- */

/* A run of which nothing is here is asked about task by task, unless it may have one alive on a host. */
static const char *const ask_unfinished =
    "INSERT INTO restore_item (kind, pipeline, what, run_id, attempt_id, found)"
    " SELECT 'attempt', p.name, t.label, r.id, (SELECT a.id FROM attempt a WHERE a.run = r.key AND a.task = "
    "t.\"index\""
    " AND a.ended_at IS NULL), iif(EXISTS (SELECT 1 FROM attempt h WHERE h.run = r.key AND h.ended_at IS NULL"
    " AND h.host <> 'local'), '" RESTORE_UNFINISHED "', '" RESTORE_NOT_KNOWN "') FROM run r"
    " JOIN pipeline p ON p.key = r.pipeline JOIN task t ON t.run = r.key WHERE r.key = ?1"
    " AND t.state IN ('waiting', 'starting', 'running', 'stopping', 'unreachable') ORDER BY t.\"index\"";
/* An attempt whose directory alone is missing. */
static const char *const ask_attempts =
    "INSERT INTO restore_item (kind, pipeline, what, run_id, attempt_id, found)"
    " SELECT 'attempt', p.name, t.label, r.id, a.id, '" RESTORE_GONE
    "' FROM run r JOIN pipeline p ON p.key = r.pipeline"
    " JOIN attempt a ON a.run = r.key JOIN task t ON t.run = r.key AND t.\"index\" = a.task WHERE r.key = ?1"
    " AND a.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM restore_item i WHERE i.attempt_id = a.id) ORDER BY a.key";

static bool has_directory(const char *dir, const char *run) {
  char *path = alloc_fmt("%s/runs/%s", dir, run);
  bool has = access(path, F_OK) == 0;
  free(path);
  return has;
}

static int ask_with(sqlite3_stmt *q, int64_t run) {
  sqlite3_bind_int64(q, 1, run);
  return db_run(q);
}

int found_nothing_of(sqlite3 *db, const char *dir, bool old_known) {
  int rc = db_schema(db);
  if (rc) return rc;
  sqlite3_stmt *runs = db_prepare(
      db, "SELECT key, id FROM run WHERE state IN ('queued', 'running', 'cancelling') ORDER BY key");
  sqlite3_stmt *unfinished = db_prepare(db, ask_unfinished), *attempts = db_prepare(db, ask_attempts);
  int step = SQLITE_DONE;
  rc = db_exec(db, "BEGIN IMMEDIATE");
  while (!rc && (step = sqlite3_step(runs)) == SQLITE_ROW) {
    const char *id = (const char *)sqlite3_column_text(runs, 1);
    bool lost = !old_known && !has_directory(dir, id);
    rc = ask_with(lost ? unfinished : attempts, sqlite3_column_int64(runs, 0));
  }
  if (!rc && step != SQLITE_DONE) rc = db_code(db, step);
  sqlite3_finalize(runs);
  sqlite3_finalize(unfinished);
  sqlite3_finalize(attempts);
  if (!rc) rc = db_exec(db, "COMMIT");
  if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  return rc;
}
