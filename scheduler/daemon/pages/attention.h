/* What needs a person's attention, folded: what has one cause is one row. Rows are gathered on a thread of the pool
 * (what the database knows) and on the loop's (what goes on), then written in order, the newest first.
 */
#ifndef ROTA_DAEMON_ATTENTION_H
#define ROTA_DAEMON_ATTENTION_H

#include "base/map.h"
#include "base/vec.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/store/history.h"

#define ATTENTION_KIND_LIST(X)                                                                                       \
  X(FAILED, "failed")                                                                                                \
  X(MISSED, "missed")                                                                                                \
  X(UNREACHABLE, "unreachable")                                                                                      \
  X(BROKEN, "broken")                                                                                                \
  X(WAITING, "waiting")

enum attention_kind {
#define X(name, word) ATTENTION_##name,
  ATTENTION_KIND_LIST(X)
#undef X
};

#define ATTENTION_RUNS 20

struct attention_row {
  enum attention_kind kind;
  const char *pipeline, *run, *name,
      *task; /* of the newest; NULL where there is none, pipeline if there are several */
  const char *title, *why;
  const char *what; /* for the title: the task, the schedule or the file */
  instant at, scheduled_for;
  const char *runs[ATTENTION_RUNS]; /* ids */
  size_t runs_len;
  int64_t count;
};

struct attention { /* zeroed at the beginning; all that it points to is in the arena but for its two tables */
  struct arena *arena;
  struct map by_cause; /* struct attention_row */
  VEC(struct attention_row *) rows;
};

void attention_failures(struct attention *t, const struct history_failure *items, size_t len);
void attention_missed(struct attention *t, const struct history_missed *items, size_t len);
void attention_concerns(struct attention *t, const struct engine_concern *items, size_t len);
/* The files that don't load, as loader_broken_json tells them within an array. */
void attention_broken(struct attention *t, const char *json, size_t len);
/* What was left aside beside pipelines, whose files say so themselves: a line each, as quarantine_list tells it. */
void attention_aside(struct attention *t, const char *lines);
/* The array; it releases the tables. */
void attention_write(struct attention *t, struct json *j);

#endif
