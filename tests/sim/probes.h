/* Rare paths that a batch of seeds must have reached: a simulation that never comes there proves nothing about it.
 * Counted in memory that the processes of one batch share. */
#ifndef ROTA_TESTS_SIM_PROBES_H
#define ROTA_TESTS_SIM_PROBES_H

#include <stddef.h>
#include <stdint.h>

/* name, what was reached */
#define PROBE_LIST(X)                                                                                                \
  X(CRASH_BEFORE_COMMIT, "the daemon died with a batch that wasn't durable")                                         \
  X(CRASH_IN_COMMIT, "it died in a commit that was durable all the same")                                            \
  X(CRASH_AFTER_COMMIT, "it died after a commit and before any decision of it")                                      \
  X(CRASH_AMID_DECISIONS, "it died between two decisions of one step")                                               \
  X(CRASH_AFTER_DECISIONS, "it died after the last decision of a step")                                              \
  X(ADOPTED_RUNNING, "an attempt was taken up while it ran")                                                         \
  X(ADOPTED_ENDED, "an attempt had ended while the daemon was down")                                                 \
  X(ADOPTED_UNSTARTED, "a start was recorded and never carried out: it was sent again")                              \
  X(LATE_CLAIM, "a supervisor of a former life claimed its attempt only now")                                        \
  X(LATE_FENCED, "and another found that it had been fenced meanwhile")                                              \
  X(NO_ROOM_TO_FENCE, "there was no room to fence an attempt")                                                       \
  X(STARTED_TWICE, "the same start arrived twice and one was made of it")                                            \
  X(FENCED, "an attempt was kept from starting")                                                                     \
  X(NO_ROOM, "a place could make no process")                                                                        \
  X(SUPERVISOR_LOST, "a supervisor was killed under its task")                                                       \
  X(REBOOTED, "a host was rebooted under its task")                                                                  \
  X(POWER_LOST, "the daemon's machine lost power under its task")                                                    \
  X(UNREACHABLE, "an attempt couldn't be reached")                                                                   \
  X(BACK, "and could be again")                                                                                      \
  X(GIVEN_UP_DOWN, "a host with live tasks was declared down")                                                       \
  X(GIVEN_UP_SILENT, "an attempt was given up for its silence")                                                      \
  X(ABANDONED, "a cancel abandoned an attempt")                                                                      \
  X(CLEARED_ALIVE, "what was given up was alive when its host came back")                                            \
  X(RAN_TWICE, "two processes of one task were alive, and the run says so")                                          \
  X(CANCEL_LOST_RACE, "a task ended by itself after it was told to stop")                                            \
  X(TIMED_OUT, "a task's time was over")                                                                             \
  X(RUN_TIMED_OUT, "a run's time was over")                                                                          \
  X(RETRIED, "a failed task was tried again")                                                                        \
  X(DEGRADED, "the disk was full")                                                                                   \
  X(FATAL, "a sync failed and the daemon ended itself")                                                              \
  X(LIE_NOTICED, "a start was refused as the disk had lost what it had synced")                                      \
  X(ROT_NOTICED, "a damaged page, or frame of the log, was noticed")                                                 \
  X(CONDEMNED, "damage was noticed beside the work, and the next start refused")                                     \
  X(REPLY_REPEATED, "a client got the kept answer to its key")                                                       \
  X(REPLY_LOST, "a client never got the answer to what was done")                                                    \
  X(REQUEST_REFUSED_FULL, "a request was refused as nothing could be recorded")                                      \
  X(LOOKED_UP_AGAIN, "rows changed while they were read")                                                            \
  X(LOOKED_AGAIN, "the engine told rows that were too old")                                                          \
  X(DOUBLE_REPORT, "a report came twice")                                                                            \
  X(LATE_REPORT, "a report came after the end")                                                                      \
  X(LINKED_RUN, "a rerun made a linked run")                                                                         \
  X(ROUND, "a rerun opened a round")                                                                                 \
  X(RERUN_ELSEWHERE, "a rerun went to another place")                                                                \
  X(MARKED, "a task was marked by hand")                                                                             \
  X(PREPARE_AGAIN, "files were copied again after a restart")                                                        \
  X(QUEUED, "a run waited for another of its pipeline")                                                              \
  X(OVERLAP_SKIPPED, "a firing was skipped as a run hadn't ended")                                                   \
  X(PAUSE_SKIPPED, "a firing was skipped in a pause")                                                                \
  X(MISSED, "firings were missed")                                                                                   \
  X(CAUGHT_UP, "a firing was caught up with")                                                                        \
  X(CATCHUP_MANY, "more than one was caught up with at once")                                                        \
  X(CLOCK_BACK, "the clock was set back")                                                                            \
  X(CLOCK_FAR, "the clock was set by years")                                                                         \
  X(DST, "a firing was decided on the day of a change of the clocks")                                                \
  X(ZONES_CHANGED, "the rules of a zone changed under the daemon")                                                   \
  X(ZONE_GONE, "a schedule rested as its zone was gone")                                                             \
  X(SCHEDULE_CAME_BACK, "a schedule went and came back")                                                             \
  X(HOST_LEFT, "a host left the configuration with attempts on it")                                                  \
  X(HELD_BY_FULL, "a batch was durable only on the reserve, and its decisions waited")                               \
  X(NO_ROOM_TO_START, "a start found neither room nor the reserve")                                                  \
  X(UPSTREAM_FAILED, "a task didn't run as what it needs failed")                                                    \
  X(FAIL_FAST, "an instance was stopped as a sibling failed")                                                        \
  X(FINALLY_AFTER_CANCEL, "a `finally` ran after a cancel")                                                          \
  X(SLOTS_FULL, "every unit of a slot was held")

enum probe {
#define X(name, text) PROBE_##name,
  PROBE_LIST(X)
#undef X
};
#define PROBES (PROBE_SLOTS_FULL + 1)

struct probes {
  uint64_t hits[PROBES];
};

static inline void probe_hit(struct probes *p, enum probe probe) {
  p->hits[probe]++;
}
const char *probe_text(enum probe probe);

#endif
