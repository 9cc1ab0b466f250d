/* The world of one seed: its time, what is going to happen, and everybody who lives in it.
 *
 * `now` is true time, in microseconds since the seed began. The clocks of the machine that the daemon runs on are
 * made from it: the wall clock drifts and is set, the monotonic one counts through a suspend and begins anew with the
 * machine. What is to happen stands in one queue by true time and comes in the order in which it was put there; no
 * thread, no real clock, no real chance has a part in it, so a seed is the same each time.
 */
#ifndef ROTA_TESTS_SIM_WORLD_H
#define ROTA_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"
#include "tests/sim/dice.h"
#include "tests/sim/plan.h"
#include "tests/sim/probes.h"

struct catalog;
struct checker;
struct clients;
struct daemon;
struct ledger;
struct executors;
struct oracle;
struct world;
struct zones;

typedef void happening_fn(struct world *w, void *arg, int64_t number);

/* Whose happening it is: the daemon's don't come while it is stopped or dead, those of the machine wait while it is
 * suspended. */
enum whose { OF_WORLD, OF_MACHINE, OF_DAEMON };

struct happening {
  int64_t at;
  uint64_t order;
  enum whose whose;
  uint32_t life; /* of the daemon; what is left of a former one is dropped */
  happening_fn *fn;
  void *arg;
  int64_t number;
};

struct world {
  uint64_t seed;
  bool traced, healing;
  bool over; /* the disk failed in a way of which only a backup helps, and that was noticed: the seed ends here */
  int64_t now;
  struct arena arena; /* until the end of the seed */

  struct {
    int64_t since, mono, ppm; /* true time of the last change; what the monotonic clock showed then */
    instant wall;             /* and the wall clock */
  } clocks;
  int64_t machine_asleep, daemon_asleep; /* until then */

  VEC(struct happening) queue; /* a heap */
  uint64_t order;
  uint32_t life; /* of the daemon, from 1 */

  const struct plan *plan;
  const struct limits *limits;
  struct ledger *ledger;
  struct daemon *daemon;
  struct catalog *catalog;
  struct executors *executors;
  struct clients *clients;
  struct checker *checker;
  struct probes *probes;
  struct zones *zones;
  int tzdata; /* which of its editions the machine has: zones.h */
  struct oracle *oracle;
};

void world_at(struct world *w, int64_t at, enum whose whose, happening_fn *fn, void *arg, int64_t number);
static inline void world_in(struct world *w, int64_t delay, enum whose whose, happening_fn *fn, void *arg,
                            int64_t number) {
  world_at(w, w->now + delay, whose, fn, arg, number);
}
/* Lets happen what is to happen before `until`; false if the queue ran empty. */
bool world_run(struct world *w, int64_t until);
void world_release(struct world *w);

/* ---- the machine's clocks ---- */

struct moment world_moment(const struct world *w);
/* The true time at which the wall clock will show `t`, if nobody sets it; the same for the monotonic clock. */
int64_t world_when_wall(const struct world *w, instant t);
int64_t world_when_mono(const struct world *w, int64_t mono);
void world_clock_set(struct world *w, duration by);
void world_clock_drift(struct world *w, int64_t ppm);
void world_boot(struct world *w);

/* A line of the trace, if this run is traced; and the end of the seed: something is wrong. */
void world_trace(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_fail(const struct world *w, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
#define TRACE(w, ...)                                                                                                \
  do {                                                                                                               \
    if ((w)->traced) world_trace((w), __VA_ARGS__);                                                                  \
  } while (0)
#define PROBE(w, name) probe_hit((w)->probes, PROBE_##name)

#endif
