/* The attempts that one host's executor knows, and how far each is. On the loop's thread alone.
 *
 *   start --> NOTING --> SENDING --> READY --> ASKED --> LAUNCHED --> RUNNING --> ENDING --> FETCHING --> CLOSING -->
 * over |  (files)             |          |  ^        |           |           | |                      '- FENCED  |
 * |resend  |           |           '- again from the top after a loss adopt --> NOTING -------------------------->
 * UNKNOWN <---+-----------' (contact was lost: it has to be looked at)
 *
 * NOTING    its record here is being written or read (host_record.h); nothing else happens meanwhile
 * SENDING   its files go to the host
 * READY     its start can be sent, and no byte of it was yet
 * ASKED     its start, or a fence, was sent, and what came of it isn't known
 * UNKNOWN   it has to be looked at, as soon as the host is up
 * LAUNCHED  its supervisor was started; it hasn't been seen to hold the claim
 * RUNNING   it has been seen to run
 * ENDING    it has ended there: the rest of its log and its results come over
 * FETCHING  its files come over
 * CLOSING   its end is being written down here; ENDED is reported after that
 *
 * An attempt is over once its last report was made, or it was given up: it is forgotten by its id then, and its
 * memory goes when no job and no transfer refers to it any more.
 */
#ifndef ROTA_WORKER_SSH_HOST_ATTEMPTS_H
#define ROTA_WORKER_SSH_HOST_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/instant.h"
#include "base/map.h"
#include "worker/rundir.h"
#include "worker/ssh/host_record.h"

enum host_attempt_state {
  HOST_ATTEMPT_NOTING,
  HOST_ATTEMPT_SENDING,
  HOST_ATTEMPT_READY,
  HOST_ATTEMPT_ASKED,
  HOST_ATTEMPT_UNKNOWN,
  HOST_ATTEMPT_LAUNCHED,
  HOST_ATTEMPT_RUNNING,
  HOST_ATTEMPT_ENDING,
  HOST_ATTEMPT_FETCHING,
  HOST_ATTEMPT_CLOSING
};

struct host;
struct bulk;
struct host_log;
struct transfer;
struct host_ending; /* host_results.c: what has come over of one that has ended */

struct host_attempt {
  struct host_attempt *next, *prev; /* among all that have memory */
  char run_id[RUNDIR_ID_LEN + 1], id[RUNDIR_ID_LEN + 1];
  char *dir; /* here: STATE/runs/RUN/ATTEMPT */
  enum host_attempt_state state;
  bool adopting;    /* a former life of the daemon may have started it */
  bool doubtful;    /* its start may have been sent before, though it read as never started */
  bool sent;        /* a start was sent in this life, and none is known to have failed */
  bool sent_before; /* the same, before the request that is under way */
  bool ready;       /* the pieces of its launch are there */
  int tries;        /* starts that were sent */
  bool fencing;     /* it shall not start */
  bool stop_wanted, stop_now;
  bool started;     /* STARTED was reported */
  bool unreachable; /* so it was reported last */
  bool over;
  bool queued; /* READY and waits to be sent with others */
  bool hinted; /* what it left is being asked for */
  bool stop_told_now;
  int uses; /* jobs, requests and transfers that refer to it */
  duration grace;
  int64_t launched_at;    /* monotonic */
  int64_t started_at;     /* monotonic: when it was heard to have started */
  int64_t stop_at;        /* monotonic: when a stop is sent again */
  uint64_t log_at;        /* the offset up to which its log is here, or is on the way to the disk */
  uint64_t log_end;       /* as far as is known */
  uint64_t bulk_at;       /* where the next bytes of the channel belong */
  uint64_t log_seen;      /* log_at when it was last looked whether it grows */
  bool close_failed;      /* its end could not be written down here */
  size_t writing;         /* bytes of its log on the way to the disk */
  uint64_t progress_mark; /* of the progress that is here */
  struct host *host;
  struct transfer *transfer; /* of its files, either way */
  bool files_sent;
  struct host_log *log;     /* the copy of its log; host_logs.c */
  int64_t log_paused_until; /* monotonic: it couldn't be written here */
  int64_t log_rewound_at;   /* monotonic: log_at went back */
  struct bulk *bulk;        /* its log comes over on a channel of its own */
  struct arena *arena;      /* of the launch; gone once the attempt is known to run */
  const struct launch *launch;
  struct record record;
  struct host_ending *ending;
};

struct host_attempts {
  struct map by_id;
  struct host_attempt *all;
  size_t len;
};

/* NULL if the id is known already. */
struct host_attempt *host_attempts_add(struct host_attempts *as, const char *state_dir, const char *run_id,
                                       const char *id);
struct host_attempt *host_attempts_find(const struct host_attempts *as, const char *id);
/* Forgets the id: the same one may be added again. It is over. */
void host_attempts_forget(struct host_attempts *as, struct host_attempt *a);
/* Frees it if it is over and nothing refers to it. */
void host_attempts_settle(struct host_attempts *as, struct host_attempt *a);
/* Lets go of the launch once it can't be needed any more. */
void host_attempt_launch_drop(struct host_attempt *a);

#endif
