/* How the daemon itself does: whether commits succeed, whether the loop keeps up, how each pipeline fares, when the
 * last backup was made. One place that the pages, the metrics, the event stream and the watchdog ask.
 *
 * Loop thread only.
 */
#ifndef ROTA_DAEMON_HEALTH_H
#define ROTA_DAEMON_HEALTH_H

#include <stdbool.h>
#include <uv.h>

#include "base/instant.h"
#include "base/json.h"
#include "scheduler/daemon/core.h"
#include "scheduler/daemon/health/pulse.h"
#include "scheduler/daemon/health/scores.h"

struct backup_standing;
struct quarantine;
struct event_hub;
struct history;
struct health;

/* Why commits don't succeed: the word in the metrics and the API, the code of core_degraded. */
#define TROUBLE_LIST(X)                                                                                              \
  X(FULL, "full", ERR_FULL)                                                                                          \
  X(READ_ONLY, "read_only", ERR_DENIED)                                                                              \
  X(BUSY, "busy", ERR_BUSY)          /* another program holds the database */                                        \
  X(STALLED, "stalled", ERR_TIMEOUT) /* the disk, or the writer, doesn't answer */                                   \
  X(DAMAGED, "damaged", ERR_CORRUPT)                                                                                 \
  X(OTHER, "other", 0)

enum trouble {
#define X(name, word, err) TROUBLE_##name,
  TROUBLE_LIST(X)
#undef X
};
#define TROUBLES (TROUBLE_OTHER + 1)
enum trouble trouble_of(int err);
const char *trouble_word(enum trouble trouble);

struct degraded { /* why commits don't succeed for now; err 0: they do */
  int err;
  char *why;
  instant since;
};

#define HEALTH_BUSY  (30 * USEC_PER_SEC) /* another program held the database for so long: the log says so */
#define HEALTH_STALL (30 * USEC_PER_SEC) /* the writer was silent for so long: commits don't succeed */

struct health_options { /* all borrowed */
  uv_loop_t *loop;
  struct core *core;
  const char *state_dir;
  struct quarantine *quarantine;
  const struct backup_standing *backup; /* of those on the schedule */
  struct history *history;
  const struct engine_state *state; /* of the start; not used later */
};
struct health *health_new(const struct health_options *options);
void health_free(struct health *h); /* accepts NULL; before core_free */

/* Rows became durable. */
void health_committed(struct health *h, const struct change *changes, size_t len);
/* As the core's hook says it. */
void health_degrade(struct health *h, int err, const char *why);

struct health_view {
  struct degraded degraded; /* `why` is borrowed */
  struct pulse_view pulse;
  struct committer_view commits;
  instant backup_at;       /* of the last backup that was verified; INSTANT_NONE: none is known */
  const char *backup_file; /* or the folder of those on the schedule */
  bool backup_failing;
  instant backup_overdue; /* since when the folder of one doesn't answer; INSTANT_NONE: it does */
  size_t left_aside;      /* what crashed the daemon too often (quarantine.h) */
};
void health_view(const struct health *h, struct health_view *out);
const struct degraded *health_degraded(const struct health *h);
/* Who listens to the event stream; the hub comes later than all this. */
void health_set_stream(struct health *h, struct event_hub *hub);
struct event_hub_view;
void health_stream(const struct health *h, struct event_hub_view *out);
const struct scores *health_scores(const struct health *h);

/* The member `degraded`: null, or its `kind`, `reason` and `since`. */
void degraded_member(const struct degraded *degraded, struct json *j);
/* The members `ok`, `degraded`, `lag_ms`, `behind`, `last_commit_at`, `last_backup`, `left_aside`. */
void health_json(const struct health *h, struct json *j);

#endif
