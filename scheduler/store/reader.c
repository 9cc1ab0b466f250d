#include "scheduler/store/reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/db.h"
#include "scheduler/store/specs.h"
#include "scheduler/store/table.h"

#define IDLE_MAX 4

struct history {
  char *path;
  struct specs *specs;
  pthread_mutex_t lock; /* of what follows */
  struct reader *idle;
  int idle_len;
};

struct history *history_new(const char *dir) {
  struct history *h = alloc_new(struct history);
  h->path = path_join(dir, "rota.db");
  h->specs = specs_new();
  pthread_mutex_init(&h->lock, NULL);
  return h;
}

static void reader_close(struct reader *r) {
  statements_release(&r->statements);
  db_close(r->db);
  free(r);
}

void history_rest(struct history *h) {
  pthread_mutex_lock(&h->lock);
  struct reader *idle = h->idle;
  h->idle = NULL;
  h->idle_len = 0;
  pthread_mutex_unlock(&h->lock);
  for (struct reader *next; idle; idle = next) {
    next = idle->next;
    reader_close(idle);
  }
  specs_clear(h->specs);
}

void history_free(struct history *h) {
  if (!h) return;
  history_rest(h);
  specs_free(h->specs);
  pthread_mutex_destroy(&h->lock);
  free(h->path);
  free(h);
}

int reader_take(struct history *h, struct reader **out) {
  pthread_mutex_lock(&h->lock);
  struct reader *r = h->idle;
  if (r) {
    h->idle = r->next;
    h->idle_len--;
  }
  pthread_mutex_unlock(&h->lock);
  *out = r;
  if (r) return 0;
  sqlite3 *db;
  int rc = db_open(h->path, DB_READER, &db, NULL);
  if (rc) return rc;
  r = alloc_new(struct reader);
  r->db = db;
  statements_init(&r->statements, db);
  *out = r;
  return 0;
}

void reader_give(struct history *h, struct reader *r) {
  pthread_mutex_lock(&h->lock);
  bool keep = h->idle_len < IDLE_MAX;
  if (keep) {
    r->next = h->idle;
    h->idle = r;
    h->idle_len++;
  }
  pthread_mutex_unlock(&h->lock);
  if (!keep) reader_close(r);
}

int reader_take_snapshot(struct history *h, struct reader **out) {
  int rc = reader_take(h, out);
  if (rc) return rc;
  rc = db_exec((*out)->db, "BEGIN");
  if (rc) reader_give(h, *out);
  return rc;
}

void reader_give_snapshot(struct history *h, struct reader *r) {
  sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
  reader_give(h, r);
}

struct pipeline *history_spec(struct history *h, int64_t version) {
  struct arena a = {0};
  struct version_row row;
  struct pipeline *spec = specs_get(h->specs, version);
  if (spec) return spec;
  if (version && !history_version(h, version, &a, &row)) spec = pipeline_from_json(row.json, row.json_len);
  if (spec) specs_put(h->specs, version, spec, row.json_len);
  arena_release(&a);
  return spec;
}

int reader_run(sqlite3_stmt *q, struct arena *a, struct history_run *out) {
  const struct table *t = table_of(CHANGE_RUN);
  int at = t->columns_len;
  int rc = table_read(q, 0, t, a, &out->run);
  if (rc) return rc;
  const char *linked = (const char *)sqlite3_column_text(q, at + 2);
  out->pipeline = arena_strdup(a, (const char *)sqlite3_column_text(q, at));
  snprintf(out->version_sha256, sizeof out->version_sha256, "%s", (const char *)sqlite3_column_text(q, at + 1));
  out->linked_from = linked ? arena_strdup(a, linked) : NULL;
  return 0;
}

bool reader_number(const char **text, char end, int64_t *out) {
  char *after;
  errno = 0;
  *out = strtoll(*text, &after, 10);
  if (errno || after == *text || *after != end) return false;
  *text = after + 1;
  return true;
}
