/* The inside of a link, for the files that make it: link.c (connection and contact), bulk.c (channels beside the
 * control shell), side.c (further connections for these), chores.c (what a link that is up does by itself: watch,
 * facts, sign of life).
 *
 * One timer turns the link: link_turn does what is due, link_schedule sets it to what is due next, and link_wake has
 * it turn at once. The connection, `wire`, is freed when its shells are, and never from within its own callbacks.
 */
#ifndef ROTA_WORKER_SSH_LINK_LINK_INSIDE_H
#define ROTA_WORKER_SSH_LINK_LINK_INSIDE_H

#include "base/vec.h"
#include "worker/ssh/link/host_clock.h"
#include "worker/ssh/link/link.h"

enum link_phase { PHASE_WAITING, PHASE_QUEUED, PHASE_CONNECTING, PHASE_LOGIN, PHASE_HELLO, PHASE_INSTALL, PHASE_UP };

#define LINK_SIDES 3

struct wire {
  struct link *l;
  struct side *side; /* that it is for; NULL: the link's own */
  struct transport *transport;
  unsigned shells; /* whose channels aren't freed yet */
  bool detached;   /* what it says is of no interest any more */
  struct wire *next;
};

struct side {
  struct link *l;
  struct gate_pass pass;
  struct wire *wire; /* NULL: there is none, or it waits for a place at the gate */
  bool up;
  struct bulk *bulk;             /* that it carries */
  uint64_t ready_at, idle_since; /* uv_now */
  unsigned refusals;
};

struct unsent { /* a request that came while there was nobody to ask */
  void (*answer)(void *ctx, const struct answer *a);
  void *ctx;
};

struct watch {
  struct bulk *bulk;
  bool on;
  bool skipping; /* a line that is too long */
  char line[512];
  size_t len;
  uint64_t at, since; /* to be opened; open since */
  unsigned delay;
};

struct link {
  struct link_options o;
  struct host_options host; /* its strings are owned */
  struct link_times times;
  uv_timer_t timer;
  bool dead, timer_closed;
  enum link_phase phase;
  enum link_contact contact;
  instant since;
  char *text, *address, *noise;
  struct gate_pass pass;
  struct wire *wire;  /* of the present connection */
  struct wire *wires; /* all that aren't freed */
  struct shell *control, *dropping;
  unsigned generation, fails;
  bool fails_late;
  uint64_t connect_at, up_at; /* uv_now */
  struct ops_hello hello;
  struct host_clock clock;
  int64_t round_trip_us;
  VEC(struct unsent) unsent, delivering;
  struct bulk *bulks, *bulks_last;
  unsigned bulks_running, bulk_room, bulk_delay; /* room: channels that the server is thought to allow */
  uint64_t bulk_at, bulk_refused_at;
  struct side sides[LINK_SIDES];
  uint64_t side_at; /* no other is made before */
  unsigned side_delay;
  struct watch watch;
  struct bulk *facts;
  bool facts_waits; /* its own channel was refused */
  uint64_t facts_at, pinged_at;
  char facts_boot[OPS_WORD];
};

void link_wake(struct link *l);
/* A connection that is being made. */
struct wire *link_wire_new(struct link *l, struct side *side);
/* Another shell on a connection. */
struct shell *link_shell_new(struct wire *w, const struct shell_events *events, void *ctx);

/* ---- bulk.c ---- */

/* One of the link's own: it doesn't wait its turn, and ends with BULK_NOT_SENT if its channel is refused. */
struct bulk *bulk_new_own(struct link *l, const struct bulk_options *options);
/* Starts what may start; while the link isn't up, ends what waits. */
void bulks_turn(struct link *l);
/* uv_now when bulks_turn has something to do, UINT64_MAX for not before something else happens. */
uint64_t bulks_due(const struct link *l);
/* The connection is lost: each that was there gets its end. */
void bulks_lost(struct link *l, const char *text);
void bulks_free(struct link *l);
/* How many there are that another connection could serve: those that the server has no channel for. */
size_t bulks_waiting(const struct link *l);
/* Starts the first of them on that connection; NULL if there is none. */
struct bulk *bulk_start_aside(struct link *l, struct side *s);
void bulk_side_lost(struct bulk *b, const char *text);
/* There is no other connection to be had now. */
void bulks_unserved(struct link *l, const char *text);

/* ---- side.c ---- */

void sides_turn(struct link *l);
uint64_t sides_due(const struct link *l);
void sides_close(struct link *l);
void side_came(struct side *s);
void side_gone(struct side *s, const struct transport_end *end);
/* What became of the bulk that it was given: no channel; a channel; over. */
void side_refused(struct side *s, const char *text);
void side_served(struct side *s);
void side_left(struct side *s);

/* ---- chores.c ---- */

void chores_turn(struct link *l);
uint64_t chores_due(const struct link *l);
/* The link came up: everything is due now. */
void chores_begin(struct link *l);
/* Asks for a sign of life. */
void chores_ping(struct link *l);

#endif
