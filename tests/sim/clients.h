/* Clients of the API: each asks for one thing under a key of its own, and repeats it with that key until it has an
 * answer. Between a client and the engine stands what handlers/requests.c does: the look into the rows, the answer
 * that was kept, those who ask again while they are being served.
 */
#ifndef ROTA_TESTS_SIM_CLIENTS_H
#define ROTA_TESTS_SIM_CLIENTS_H

#include "base/map.h"
#include "tests/sim/world.h"

enum request_state {
  REQUEST_THINKING, /* between two tries */
  REQUEST_SENT,
  REQUEST_ANSWERED,
};

struct request {
  uint64_t number; /* the handle too */
  char key[24];
  char body_sha256[SHA256_HEX_SIZE];
  enum engine_event_kind kind;
  enum request_state state;
  uint32_t life;  /* in which it was sent last */
  bool serving;   /* its event is in the inbox, or its rows in flight */
  bool listening; /* the client waits for that answer */
  int tries;
  struct engine_event event; /* what it points to lives until the end of the seed */
  const char *what, *run_id;
  bool needs_rows;
  uint64_t looked_at; /* rows that had been put when it was looked up */
  int status;
  const char *body;
};

struct clients {
  struct world *w;
  struct dice dice;
  struct map by_handle;
  VEC(struct request *) requests;
};

struct clients *clients_new(struct world *w);
void clients_free(struct clients *c);

/* Somebody asks for something, drawn from these dice. */
void clients_ask(struct clients *c, struct dice *d);
/* For the healing: an operator's request of this event, repeated until it is answered. */
void clients_insist(struct clients *c, const char *what, const struct engine_event *event);
size_t clients_waiting(const struct clients *c);

void clients_reply(struct clients *c, const struct decision_reply *reply);
void clients_cut(struct clients *c);      /* every connection is broken */
void clients_up(struct clients *c);       /* the daemon listens again */
void clients_degraded(struct clients *c); /* who is being served is told that it is unknown */

#endif
