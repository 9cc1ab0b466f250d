/* What the files of a run directory say about its attempt: the reading order of docs/run-directory.md, which always
 * gives one answer. Blocks on the disk.
 */
#ifndef ROTA_WORKER_LOOK_H
#define ROTA_WORKER_LOOK_H

#include <stdint.h>

#include "base/instant.h"
#include "worker/rundir.h"

#define MACHINE_WORD_SIZE 80

/* Where a process id means something. "-" where the system doesn't say. */
struct machine {
  char id[MACHINE_WORD_SIZE];
  char boot[MACHINE_WORD_SIZE];
};

/* An error when the system has it and it can't be read now. */
int machine_here(struct machine *m);

/* What a supervisor has written about an attempt, in `result` or in a notice; -1, 0 and INSTANT_NONE are unknown. */
struct findings {
  int reason, status, errnum; /* enum rundir_reason */
  unsigned notes;             /* bits of enum rundir_note */
  int64_t pid, cpu_us, max_rss_kb, log_bytes, dropped_bytes;
  instant started_at, ended_at;
  char stage[16];
  char file[256]; /* of a failed launch: the env_file; "" if it was something else */
  int64_t line;
  char why[64];
};

enum look_state {
  LOOK_ENDED,     /* `findings` say how */
  LOOK_RUNNING,   /* `pidfd` is its supervisor, checked */
  LOOK_DEAD,      /* claimed, and the supervisor is proven gone without a result; `why` says which */
  LOOK_FENCED,    /* it can never start */
  LOOK_UNCLAIMED, /* the directory is there, nobody claimed it */
  LOOK_MISSING,   /* there is no directory */
  LOOK_ELSEWHERE, /* claimed by another machine or by a newer version: nothing can be said from here */
  LOOK_UNKNOWN    /* it couldn't be read now; `err` */
};

struct look {
  enum look_state state;
  int err;
  const char *why; /* a sentence's end for people; constant text or NULL */
  int pidfd;       /* RUNNING: to be closed by the caller; else -1 */
  int64_t pid;     /* of the supervisor, and its session; RUNNING, DEAD */
  int64_t session;
  uint64_t start; /* its start time in clock ticks since boot */
  instant claimed_at;
  struct findings findings;
};

void findings_init(struct findings *f);
void look_at(const char *dir, const struct machine *here, struct look *out);

/* The state letter, parent, group, session and start time of a process; ERR_NOT_FOUND if there is none, ERR_AGAIN if
 * it can't be looked at right now. */
struct process_stat {
  char state;
  int64_t parent, group, session;
  uint64_t start;
};
int process_stat(int64_t pid, struct process_stat *out);

#endif
