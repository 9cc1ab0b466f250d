/* The daemon between its engine and the world: what scheduler/daemon/core.c, committer.c and handlers/requests.c do,
 * by simulated time. Events gather while a step is in flight; its rows are committed; then its decisions are carried
 * out in order. It can die at each of these boundaries, and is started again on what the disk has.
 */
#ifndef ROTA_TESTS_SIM_DAEMON_H
#define ROTA_TESTS_SIM_DAEMON_H

#include "base/map.h"
#include "tests/sim/world.h"
#include "tests/sim/zones.h"

struct file;

struct inbox_half { /* the events of one step with what they point to */
  VEC(struct engine_event) events;
  struct arena arena;
};

struct daemon {
  struct world *w;
  struct dice dice;
  bool up;
  struct engine *engine;
  struct inbox_half halves[2]; /* one gathers, one is being taken */
  int gathering;
  struct step step;
  bool in_flight, durable, turn_planned; /* a step is; its rows are; the loop is to turn */
  size_t decided;                        /* decisions of the step that were carried out */
  int degraded;
  struct zone_view zones; /* as it has loaded them */
  struct map adopting;
  int64_t adopt_until;
  int64_t crash_in; /* boundaries until it dies; 0: never */
  bool down_wanted; /* it is started again by nobody before then */
  int64_t steps;
};

struct daemon *daemon_new(struct world *w);
void daemon_free(struct daemon *d);
bool daemon_up(const struct world *w);

void daemon_start(struct world *w);
/* kill -9, and a start after a while; with `power` the machine goes down with it. */
void daemon_kill(struct world *w, bool power);
/* It dies at the nth boundary from now on. */
void daemon_crash_in(struct world *w, int64_t boundaries);

/* ---- what comes in ---- */

/* An event of that kind, to be filled in at once; what it points to lives in the arena of the inbox. */
struct engine_event *daemon_event(struct world *w, enum engine_event_kind kind);
struct arena *daemon_arena(struct world *w);
void daemon_report(struct world *w, const struct engine_report *r);
const char *daemon_report_word(enum engine_report_kind kind);
void daemon_prepared(struct world *w, const char *run_id, const char *error);
void daemon_host(struct world *w, const char *host, enum host_contact contact, int boots);
void daemon_file(struct world *w, struct file *f);
void daemon_config(struct world *w);
/* The machine's tzdata was replaced: it is looked at within an hour, and at a reload. */
void daemon_tzdata(struct world *w);
/* A host is configured again: what the engine has there is looked up. */
void daemon_adopt_place(struct world *w, const char *host);
/* Takes a look at the clock: it was set, or it is time. */
void daemon_wake(struct world *w);

#endif
