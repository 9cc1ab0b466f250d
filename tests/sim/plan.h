/* What is done to the world of one seed: which faults it has, how narrow its limits are, and every act of a person
 * or of fate with its time. All of it is drawn before the seed begins, and each act has dice of its own, so that one
 * can be left out while the others stay: that is how a failing seed is made smaller.
 */
#ifndef ROTA_TESTS_SIM_PLAN_H
#define ROTA_TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/vec.h"

/* name, word, how often it is drawn beside the others */
#define ACT_LIST(X)                                                                                                  \
  X(REQUEST, "request", 55)      /* a client asks for something */                                                   \
  X(CRASH, "crash", 8)           /* kill -9 at one of the next boundaries of an effect */                            \
  X(KILL, "kill", 3)             /* kill -9 between them */                                                          \
  X(POWER, "power", 2)           /* the machine loses power */                                                       \
  X(STOPPED, "stopped", 2)       /* SIGSTOP, SIGCONT later */                                                        \
  X(SUSPEND, "suspend", 2)       /* the machine sleeps */                                                            \
  X(CLOCK, "clock", 2)           /* the wall clock is set */                                                         \
  X(DRIFT, "drift", 1)           /* it runs too fast or too slow */                                                  \
  X(FULL, "full", 3)             /* the disk is full for a while */                                                  \
  X(SYNC, "sync", 1)             /* a sync fails */                                                                  \
  X(LINK, "link", 14)            /* a host can't be reached for a while */                                           \
  X(REBOOT, "reboot", 3)         /* a host is rebooted */                                                            \
  X(SUPERVISOR, "supervisor", 4) /* a supervisor is killed */                                                        \
  X(NO_ROOM, "no_room", 3)       /* a place can make no process for a while */                                       \
  X(EDIT, "edit", 4)             /* a pipeline is edited */                                                          \
  X(REMOVE, "remove", 2)         /* its file is removed, or renamed */                                               \
  X(BREAK, "break", 2)           /* it has errors for a while */                                                     \
  X(RELOAD, "reload", 2)         /* another configuration comes into force */                                        \
  X(TZDATA, "tzdata", 2)         /* the machine gets other rules of zones */                                         \
  X(LIE, "lie", 1)               /* the disk says "synced", and the power goes */                                    \
  X(ROT, "rot", 1)               /* a bit of the database becomes another one */

enum act_kind {
#define X(name, word, weight) ACT_##name,
  ACT_LIST(X)
#undef X
};
#define ACTS (ACT_ROT + 1)

const char *act_word(enum act_kind kind);

struct act {
  int64_t at;
  enum act_kind kind;
  uint64_t dice;
  bool left_out;
};

/* Worlds of other sizes have other seeds: a small one is mostly faults, a busy one has thousands of attempts. */
#define SIZE_LIST(X) X(SMALL, "small") X(BUSY, "busy")
enum world_size {
#define X(name, word) SIZE_##name,
  SIZE_LIST(X)
#undef X
};

const char *size_word(enum world_size size);

/* Drawn for each seed, tiny ones as often as large ones. */
struct limits {
  instant start;        /* what the wall clock shows at first: the day before clocks change somewhere */
  int64_t horizon;      /* the faults go on for so long */
  int64_t commit_most;  /* a commit takes up to so long */
  int64_t message_most; /* a message between machines */
  int64_t task_most;    /* a task */
  int64_t units;        /* of each slot */
  int64_t pipelines, tasks;
  int64_t failing;      /* percent of the attempts that fail */
  int64_t lost_replies; /* percent of the answers that never reach the client */
  int64_t doubles;      /* percent of the reports that come twice, or once more much later */
  int64_t down_most;    /* the daemon stays down for up to so long */
  int64_t turn_most;    /* the loop takes up to so long until it turns */
  bool clocks;          /* the wall clock is unreliable in this seed */
};

struct plan {
  struct limits limits;
  bool chosen[ACTS]; /* the kinds that this seed has */
  VEC(struct act) acts;
};

void plan_make(struct plan *p, enum world_size size, uint64_t seed);
void plan_release(struct plan *p);

#endif
