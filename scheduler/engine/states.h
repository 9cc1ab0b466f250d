/* The states of runs and tasks, each with its word and one sentence: what it means and what to do. The API, the
 * command line (`rota help states`), the UI and the schema's CHECK constraints all come from these lists.
 *
 *   task:  waiting --> starting --> running --> succeeded | failed | timed_out | lost | skipped
 *             |  ^         |          |  ^  \
 *             |  '- retry -'          |  |   '--> stopping --> cancelled | (its own end, if it was quicker)
 *             |                       v  |
 *             |                    unreachable
 *             '--> skipped | upstream_failed | cancelled | failed (an expression)
 *
 *   run:   queued --> running --> succeeded | failed | cancelled        a rerun opens a round: back to running
 *             '---------> cancelling --^
 */
#ifndef ROTA_ENGINE_STATES_H
#define ROTA_ENGINE_STATES_H

#include <stdbool.h>

#define RUN_STATE_LIST(X)                                                                                            \
  X(QUEUED, "queued", "It waits for an earlier run of its pipeline to end.")                                         \
  X(RUNNING, "running", "Its tasks are being run.")                                                                  \
  X(CANCELLING, "cancelling", "It was told to stop; its running tasks are being ended.")                             \
  X(SUCCEEDED, "succeeded", "Every task succeeded, was skipped, or was allowed to fail.")                            \
  X(FAILED, "failed", "A task failed or the run's time was over; rerun from the failed task once it is mended.")     \
  X(CANCELLED, "cancelled", "Someone stopped it; rerun it to go on from there.")

#define TASK_STATE_LIST(X)                                                                                           \
  X(WAITING, "waiting", "It isn't running yet; its reason says for what it waits.")                                  \
  X(STARTING, "starting", "Its start is recorded and under way.")                                                    \
  X(RUNNING, "running", "Its process runs.")                                                                         \
  X(STOPPING, "stopping", "It was told to stop and has its grace to do so.")                                         \
  X(UNREACHABLE, "unreachable", "Its host doesn't answer; it may still be running there.")                           \
  X(SUCCEEDED, "succeeded", "It ended with exit status 0 and its declared outputs are there.")                       \
  X(FAILED, "failed", "The task itself said no: its exit status, its outputs or an expression.")                     \
  X(TIMED_OUT, "timed_out", "Its time was over and it was ended.")                                                   \
  X(LOST, "lost", "The machinery failed under it: the host was rebooted or its supervisor was killed.")              \
  X(CANCELLED, "cancelled", "It was stopped, or never started, because its run was cancelled or someone asked.")     \
  X(SKIPPED, "skipped", "Its condition was false, it chose to skip (exit 99), or all that it needs was skipped.")    \
  X(UPSTREAM_FAILED, "upstream_failed", "Something that it needs failed, so it didn't run.")

enum run_state {
#define X(name, word, sentence) RUN_##name,
  RUN_STATE_LIST(X)
#undef X
};

enum task_state {
#define X(name, word, sentence) TASK_##name,
  TASK_STATE_LIST(X)
#undef X
};

#define RUN_STATES  (RUN_CANCELLED + 1)
#define TASK_STATES (TASK_UPSTREAM_FAILED + 1)

/* Why a task waits. The sentence that people read is made from it by engine_why. */
#define WAIT_LIST(X)                                                                                                 \
  X(NONE, "")                                                                                                        \
  X(DEPENDENCIES, "dependencies")                                                                                    \
  X(SLOT, "slot")                                                                                                    \
  X(RETRY, "retry")                                                                                                  \
  X(PAUSED, "paused")                                                                                                \
  X(HOST, "host")                                                                                                    \
  X(FILES, "files")

enum wait_reason {
#define X(name, word) WAIT_##name,
  WAIT_LIST(X)
#undef X
};

#define TRIGGER_LIST(X)                                                                                              \
  X(SCHEDULE, "schedule")                                                                                            \
  X(MANUAL, "manual")                                                                                                \
  X(RERUN, "rerun")                                                                                                  \
  X(COMMAND, "command") /* `rota run FILE` */

enum trigger {
#define X(name, word) TRIGGER_##name,
  TRIGGER_LIST(X)
#undef X
};

#define FIRING_LIST(X)                                                                                               \
  X(RUN, "run", "A run was made for it.")                                                                            \
  X(SKIPPED, "skipped", "It was decided not to run it: an overlap or a pause.")                                      \
  X(MISSED, "missed", "The daemon wasn't there at its time, or the clock jumped over it.")

enum firing_outcome {
#define X(name, word, sentence) FIRING_##name,
  FIRING_LIST(X)
#undef X
};

/* How a host is reached, as its executor says. This machine is always up. */
#define CONTACT_LIST(X)                                                                                              \
  X(UP, "up", "It answers.")                                                                                         \
  X(CONNECTING, "connecting", "A connection is being made; nothing is known yet.")                                   \
  X(UNREACHABLE, "unreachable", "It doesn't answer; this is tried again and again, and what runs there may go on.")  \
  X(REFUSED, "refused", "It can't be used before somebody has done something: its text says what.")

enum host_contact {
#define X(name, word, sentence) HOST_CONTACT_##name,
  CONTACT_LIST(X)
#undef X
};
#define HOST_CONTACTS (HOST_CONTACT_REFUSED + 1)

/* What a person ordered of a host. */
#define ORDER_LIST(X)                                                                                                \
  X(UP, "up", "Tasks are started there.")                                                                            \
  X(DRAIN, "drain", "No task is started there; those that run go on.")                                               \
  X(DOWN, "down", "It was given up: its tasks are lost, and what is left of them is ended when it is back.")

enum host_order {
#define X(name, word, sentence) HOST_ORDER_##name,
  ORDER_LIST(X)
#undef X
};
#define HOST_ORDERS (HOST_ORDER_DOWN + 1)

const char *run_state_word(enum run_state s);
const char *run_state_sentence(enum run_state s);
int run_state_from_word(const char *word); /* -1 if it is none */
const char *task_state_word(enum task_state s);
const char *task_state_sentence(enum task_state s);
int task_state_from_word(const char *word);
const char *wait_word(enum wait_reason w);
int wait_from_word(const char *word);
const char *trigger_word(enum trigger t);
int trigger_from_word(const char *word);
const char *firing_word(enum firing_outcome f);
int firing_from_word(const char *word);
const char *host_contact_word(enum host_contact c);
const char *host_contact_sentence(enum host_contact c);
int host_contact_from_word(const char *word);
const char *host_order_word(enum host_order o);
const char *host_order_sentence(enum host_order o);
int host_order_from_word(const char *word);

bool run_state_ended(enum run_state s);
bool task_state_ended(enum task_state s);
/* There may be a process: starting, running, stopping, unreachable. */
bool task_state_live(enum task_state s);
/* failed, timed_out or lost. */
bool task_state_failure(enum task_state s);

#endif
