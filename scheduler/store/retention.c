#include "scheduler/store/retention.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/store/history.h"
#include "scheduler/store/writer.h"

#define RATE_MIN 8
#define RATE_MAX 4096

/* How a step's work is counted and where it stops. */
struct budget {
  int64_t rows, until;
};

static bool spent(const struct budget *b) {
  return b->rows <= 0 || clock_monotonic() >= b->until;
}

static sqlite3_stmt *ask(struct store *s, enum statement name, int64_t first, int64_t second) {
  sqlite3_stmt *q = statement(&s->statements, name);
  if (sqlite3_bind_parameter_count(q) > 0) sqlite3_bind_int64(q, 1, first);
  if (sqlite3_bind_parameter_count(q) > 1) sqlite3_bind_int64(q, 2, second);
  return q;
}

/* A number from one row; `otherwise` without one. */
static int ask_number(struct store *s, enum statement name, int64_t first, int64_t second, int64_t otherwise,
                      int64_t *out) {
  sqlite3_stmt *q = ask(s, name, first, second);
  int step = sqlite3_step(q);
  *out = step == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL ? sqlite3_column_int64(q, 0) : otherwise;
  int rc = db_code(s->db, step);
  sqlite3_reset(q);
  return rc;
}

/* Runs a DELETE whose second parameter is the number of rows; *more if it may have left some. */
static int shrink(struct store *s, enum statement name, int64_t first, struct budget *b, bool *more) {
  int64_t most = b->rows < 1 ? 1 : b->rows;
  int rc = db_run(ask(s, name, first, most));
  int64_t gone = sqlite3_changes64(s->db);
  b->rows -= gone;
  *more = gone >= most;
  return rc;
}

/* ---- what hangs on removed runs ---- */

static int drop_parts(struct store *s, int64_t run, struct budget *b, bool *more) {
  /* Outputs are found through the attempts, so these go last. */
  static const enum statement parts[] = {STATEMENT_DROP_EVENTS, STATEMENT_DROP_OUTPUTS, STATEMENT_DROP_ATTEMPTS,
                                         STATEMENT_DROP_TASKS, STATEMENT_DROP_ROUNDS};
  *more = false;
  for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !*more; i++) {
    int rc = shrink(s, parts[i], run, b, more);
    if (rc) return rc;
    if (spent(b) && i + 1 < sizeof parts / sizeof parts[0]) *more = true;
  }
  if (*more) return 0;
  int rc = db_run(ask(s, STATEMENT_REMOVED_EMPTY, run, 0));
  return rc ? rc : db_run(ask(s, STATEMENT_REMOVED_DONE, run, 0));
}

static int drop_removed(struct store *s, struct budget *b, bool *more) {
  int64_t run = 1;
  int rc = 0;
  *more = false;
  while (!rc && !*more) {
    rc = ask_number(s, STATEMENT_REMOVED_FIRST, 0, 0, 0, &run);
    if (rc || !run) return rc;
    rc = drop_parts(s, run, b, more);
    if (spent(b)) *more = true;
  }
  return rc;
}

/* ---- runs of one pipeline ---- */

struct limits {
  int64_t number, failed_number; /* runs up to this number are over the limit */
  instant before, failed_before; /* as are those that ended before */
  int64_t last_success;
};

static int limits_of(struct store *s, const struct retention *r, instant now, struct limits *l) {
  l->before = r->days ? now - r->days * USEC_PER_DAY : INT64_MIN;
  l->failed_before = r->days ? now - 2 * r->days * USEC_PER_DAY : INT64_MIN;
  l->number = l->failed_number = 0;
  int rc = ask_number(s, STATEMENT_LAST_SUCCESS, r->pipeline, 0, 0, &l->last_success);
  if (!rc && r->runs) rc = ask_number(s, STATEMENT_NTH_NEWEST, r->pipeline, r->runs, 0, &l->number);
  if (!rc && r->runs) rc = ask_number(s, STATEMENT_NTH_NEWEST, r->pipeline, 2 * r->runs, 0, &l->failed_number);
  return rc;
}

/* A run as STATEMENT_CANDIDATES gives it. */
struct candidate {
  int64_t key, number, ended_at, created_at;
  bool succeeded, ended, keep;
  struct id id;
};

static bool over(const struct candidate *c, const struct limits *l) {
  if (!c->ended || c->keep || c->key == l->last_success) return false;
  if (c->succeeded) return c->number <= l->number || c->ended_at < l->before;
  return c->number <= l->failed_number || c->ended_at < l->failed_before;
}

static bool spared(const struct retention *r, const struct candidate *c) {
  for (size_t i = 0; i < r->spared_len; i++)
    if (strcmp(r->spared[i].text, c->id.text) == 0) return true;
  return false;
}

static int remove_run(struct store *s, const struct candidate *c, struct retention_removed *removed, bool *gone) {
  int64_t named = 0;
  int rc = ask_number(s, STATEMENT_NAMED_BY, c->key, 0, 0, &named);
  *gone = false;
  if (rc || named) return rc;
  rc = db_run(ask(s, STATEMENT_REMOVED_ADD, c->key, 0));
  if (!rc) rc = db_run(ask(s, STATEMENT_DROP_RUN, c->key, 0));
  if (!rc) vec_push(&removed->ids, c->id);
  *gone = !rc;
  return rc;
}

static int read_candidates(struct store *s, const struct retention *r, int64_t most, struct candidate *items,
                           size_t *len) {
  sqlite3_stmt *q = ask(s, STATEMENT_CANDIDATES, r->pipeline, r->run);
  sqlite3_bind_int64(q, 3, most);
  int step;
  *len = 0;
  while ((step = sqlite3_step(q)) == SQLITE_ROW) {
    const char *state = (const char *)sqlite3_column_text(q, 2);
    struct candidate *c = &items[(*len)++];
    c->key = sqlite3_column_int64(q, 0);
    c->number = sqlite3_column_int64(q, 1);
    c->succeeded = strcmp(state, "succeeded") == 0;
    c->ended = c->succeeded || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
    c->ended_at = sqlite3_column_type(q, 3) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(q, 3);
    c->keep = sqlite3_column_int(q, 4) != 0;
    c->created_at = sqlite3_column_int64(q, 6);
    snprintf(c->id.text, sizeof c->id.text, "%s", (const char *)sqlite3_column_text(q, 5));
  }
  int rc = db_code(s->db, step);
  sqlite3_reset(q);
  return rc;
}

#define CANDIDATES 64

/* From the oldest run on, until the first that was made within both limits: those after it were made later, so they
 * ended later too. One that is live, or was run again, says nothing of those after it. It is walked over each time,
 * as kept and failed ones that stay are; `retention` remembers how far for the length of one walk. */
static int remove_runs(struct store *s, struct retention *r, instant now, struct budget *b,
                       struct retention_removed *removed, bool *more) {
  struct candidate items[CANDIDATES];
  struct limits l;
  size_t len = 0;
  *more = false;
  int rc = limits_of(s, r, now, &l);
  if (!rc) rc = read_candidates(s, r, CANDIDATES, items, &len);
  for (size_t i = 0; !rc && i < len; i++) {
    const struct candidate *c = &items[i];
    bool within = c->number > l.number && c->created_at >= l.before;
    if (within) return 0;
    bool gone = false;
    if (over(c, &l) && !spared(r, c)) rc = remove_run(s, c, removed, &gone);
    if (!rc) r->run = c->number;
    b->rows -= gone ? 4 : 1;
    if (spent(b)) {
      *more = true;
      return rc;
    }
  }
  *more = !rc && len == CANDIDATES;
  return rc;
}

/* ---- the walk ---- */

#define HOURLY_KEPT (8 * USEC_PER_DAY)

/* What only ages: of the pipeline in hand, then of the installation. */
static const struct {
  enum statement name;
  bool of_pipeline;
  duration kept; /* 0: as long as the limit says */
} aged[] = {
    {STATEMENT_AGE_FIRINGS, true, 0},
    {STATEMENT_AGE_VERSIONS, true, 0},
    {STATEMENT_AGE_EVENTS, true, 0},
    {STATEMENT_AGE_EVENTS, false, 0},
    {STATEMENT_AGE_AUDIT, false, 0},
    {STATEMENT_AGE_REQUESTS, false, HISTORY_REQUEST_KEPT},
    {STATEMENT_AGE_SESSIONS, false, STORE_SESSION_LIFE},
    {STATEMENT_AGE_HOURLY, false, HOURLY_KEPT},
};
#define AGED_ROWS 64

static int age(struct store *s, const struct retention *r, instant now, bool of_pipeline, struct budget *b,
               bool *more) {
  *more = false;
  for (size_t i = 0; i < sizeof aged / sizeof aged[0]; i++) {
    duration kept = aged[i].kept ? aged[i].kept : r->days * USEC_PER_DAY;
    if (aged[i].of_pipeline != of_pipeline || !kept) continue;
    sqlite3_stmt *q = ask(s, aged[i].name, r->pipeline, now - kept);
    sqlite3_bind_int64(q, 3, AGED_ROWS);
    int rc = db_run(q);
    if (rc) return rc;
    int64_t gone = sqlite3_changes64(s->db);
    b->rows -= gone;
    if (gone == AGED_ROWS) *more = true;
  }
  return 0;
}

/* One pipeline after the other: its runs from the oldest on, then what ages with it. */
static int walk_pipelines(struct store *s, struct retention *r, instant now, struct budget *b,
                          struct retention_removed *removed, bool *more) {
  int rc = 0;
  *more = false;
  if (r->pipeline) rc = remove_runs(s, r, now, b, removed, more);
  if (!rc && !*more && r->pipeline) rc = age(s, r, now, true, b, more);
  if (rc || *more) return rc;
  rc = ask_number(s, STATEMENT_PIPELINE_NEXT, r->pipeline, 0, 0, &r->pipeline);
  r->run = 0;
  b->rows--;
  *more = !rc && r->pipeline != 0;
  return rc;
}

enum phase { PHASE_PARTS, PHASE_PIPELINES, PHASE_PARTS_AGAIN, PHASE_AGES, PHASES };

static int one_phase(struct store *s, struct retention *r, instant now, struct budget *b,
                     struct retention_removed *removed, bool *more) {
  switch ((enum phase)r->phase) {
  case PHASE_PARTS:
  case PHASE_PARTS_AGAIN: return drop_removed(s, b, more);
  case PHASE_PIPELINES: return walk_pipelines(s, r, now, b, removed, more);
  case PHASE_AGES: return age(s, r, now, false, b, more);
  case PHASES: break;
  }
  *more = false;
  return 0;
}

/* Keeps the next step near the time that it may take, by how many rows this one managed. */
static void learn(struct retention *r, int64_t rows, int64_t took) {
  if (took > RETENTION_STEP)
    r->rate = r->rate / 2;
  else if (took < RETENTION_STEP / 2 && rows >= r->rate)
    r->rate = r->rate * 2;
  if (r->rate < RATE_MIN) r->rate = RATE_MIN;
  if (r->rate > RATE_MAX) r->rate = RATE_MAX;
}

static bool only_parts(const struct retention *r) {
  return r->phase == PHASE_PARTS || r->phase == PHASE_PARTS_AGAIN;
}

int retention_step(struct store *s, struct retention *r, instant now, struct retention_removed *removed,
                   struct buf *why) {
  if (!r->rate) r->rate = RATE_MIN * 4;
  struct retention before = *r;
  size_t removed_before = removed->ids.len;
  int64_t began = clock_monotonic();
  struct budget b = {r->rate, began + RETENTION_STEP / 2};
  /* What hangs on a run that is gone may come back after a power cut and goes again: it needs no sync of its own, and
   * a step is as short as its work. A run's row must be gone for good before its directory is. */
  bool parts = only_parts(r);
  int rc = parts ? db_exec(s->db, "PRAGMA synchronous=NORMAL") : 0;
  if (!rc) rc = writer_begin(s);
  while (!rc && r->phase < PHASES && only_parts(r) == parts && !spent(&b)) {
    bool more = false;
    rc = one_phase(s, r, now, &b, removed, &more);
    if (!rc && !more) {
      r->phase++;
      r->pipeline = r->run = 0;
    }
  }
  rc = writer_end(s, rc, why);
  int back = parts ? db_exec(s->db, "PRAGMA synchronous=FULL") : 0;
  if (!rc) rc = back;
  if (rc) {
    removed->ids.len = removed_before;
    *r = before;
    return rc;
  }
  learn(r, r->rate - b.rows, clock_monotonic() - began);
  if (r->phase < PHASES) return 1;
  *r = (struct retention){.days = r->days, .runs = r->runs, .rate = r->rate};
  return 0;
}

int retention_swept(struct store *s, const struct id *ids, size_t len, struct buf *why) {
  int rc = writer_begin(s);
  for (size_t i = 0; !rc && i < len; i++) {
    sqlite3_stmt *q = statement(&s->statements, STATEMENT_SWEPT);
    sqlite3_bind_text(q, 1, ids[i].text, -1, SQLITE_STATIC);
    rc = db_run(q);
    q = statement(&s->statements, STATEMENT_SWEPT_DONE);
    sqlite3_bind_text(q, 1, ids[i].text, -1, SQLITE_STATIC);
    if (!rc) rc = db_run(q);
  }
  return writer_end(s, rc, why);
}
