/* How each pipeline fares, kept in memory for whoever asks often: when it last succeeded and ended, and how, and what
 * it missed. Read once from the database, then learnt from the rows that pass by. Loop thread only.
 */
#ifndef ROTA_DAEMON_SCORES_H
#define ROTA_DAEMON_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"

struct history;

struct score {
  int64_t key;
  char *name, *label; /* label: `pipeline="nightly"`, as the metrics want it */
  bool present;       /* its file is there */
  bool broken;        /* and doesn't load */
  bool paused;
  instant added_at;
  instant succeeded_at, ended_at; /* the last time; INSTANT_NONE: never */
  enum run_state state;           /* in which it ended last */
  instant missed_at;              /* the last firing that was missed; INSTANT_NONE: none is remembered */
  instant missed_known;           /* when a missed firing was last decided on: after a downtime much later than it was
                                     due */
  int64_t missed;                 /* firings, since the daemon started */
};

struct score_firing { /* the newest row of a schedule, of which a new row with the same key tells more */
  int64_t key, count;
};

struct scores {
  VEC(struct score *) items; /* in the order in which they came */
  struct map by_key;
  struct map firings; /* key of the schedule -> struct score_firing */
};

/* Blocks on the disk: some lookups for each pipeline. What can't be read is left unknown. */
void scores_load(struct scores *s, const struct engine_state *state, struct history *history);
void scores_committed(struct scores *s, const struct change *changes, size_t len);
void scores_release(struct scores *s);

#endif
