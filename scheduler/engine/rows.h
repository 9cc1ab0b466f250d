/* The rows: what the engine knows, as the store keeps it. Plain data, shared by the two rooms.
 *
 * A change puts one whole row (insert, or replace the columns that may change) or adds one to a table that only
 * grows. Keys are int64, handed out by the engine, rising, never reused; 0 means none. Strings are borrowed from the
 * step's arena (in changes) or from the arena they were loaded into; NULL is SQL's NULL. Instants that aren't known
 * are INSTANT_NONE, stored as NULL.
 */
#ifndef ROTA_ENGINE_ROWS_H
#define ROTA_ENGINE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/id.h"
#include "base/instant.h"
#include "scheduler/engine/states.h"

/* Who did something: kind "user", "token", "session", "schedule", "daemon"; "nobody" of a refused login. */
struct actor {
  const char *kind, *id, *name, *address; /* "user", "1000", "anna", "unix socket"; NULL if unknown */
};

struct pipeline_row {
  int64_t key;
  const char *name;
  int64_t version;     /* the one in force; 0 if none ever loaded */
  int64_t last_number; /* of nightly#412 */
  bool present;        /* its file is there */
  const char *error;   /* JSON array of the diagnostics of a file that doesn't load; NULL if it does */
  instant seen_at;     /* first */
  instant paused_at;   /* INSTANT_NONE if it isn't */
  const char *paused_reason, *paused_by;
};

struct version_row { /* never changes; a file that goes back to an earlier text makes a new one */
  int64_t key, pipeline;
  char sha256[SHA256_HEX_SIZE];
  const char *text;
  size_t text_len;
  const char *json;
  size_t json_len;
  instant created_at;
};

struct schedule_row { /* UNIQUE (pipeline, identity) */
  int64_t key, pipeline;
  const char *identity;
  instant since;   /* first seen, or seen again after it had gone: it fires only after */
  instant decided; /* every firing up to and including this one is decided */
  bool active;     /* it is in the version in force */
};

struct firing_row { /* UNIQUE (schedule, scheduled_for); consecutive ones that ended the same way share a row */
  int64_t key, schedule, pipeline;
  instant scheduled_for, until; /* of the first and the last; the same if count is 1 */
  int64_t count;
  bool at_least; /* there were more than were counted */
  enum firing_outcome outcome;
  const char *reason;
  int64_t run; /* of outcome run */
  instant decided_at;
};

struct run_row {
  int64_t key;
  struct id id;
  int64_t pipeline, number, version;
  enum run_state state;
  const char *reason; /* why it failed, was cancelled or waits; NULL otherwise */
  enum trigger trigger;
  struct actor actor;
  const char *params; /* JSON object, every parameter resolved; constant */
  instant scheduled_for, interval_start;
  const char *zone;
  int64_t date;        /* days since the epoch */
  int64_t schedule;    /* key of the schedule that fired; 0 by hand */
  int64_t linked_from; /* the run that a rerun with other parameters or another version came from */
  instant created_at, started_at, ended_at; /* started and ended of the latest round */
  int64_t round;                            /* from 1 */
  bool failed_before;                       /* an earlier round ended otherwise than succeeded */
  bool keep;                                /* retention never removes it */
  bool fresh;                               /* `--now`: doesn't queue */
  instant deadline;                         /* of the round's time-out; INSTANT_NONE without one */
  int64_t tasks, tasks_done, tasks_failed;  /* instances; for lists */
  bool may_have_run_twice; /* a task was started again while its first attempt may have been alive: it stays set */
};

struct round_row { /* key (run, number) */
  int64_t run, number;
  enum run_state state;
  const char *reason, *scope; /* "all", "failed", "from train", "only train", "mark check" */
  struct actor actor;
  instant opened_at, ended_at;
};

struct task_row { /* an instance; key (run, index) */
  int64_t run;
  uint32_t index;    /* of the instance within the run */
  const char *name;  /* the task's */
  const char *label; /* "train[0.1]" */
  enum task_state state;
  enum wait_reason wait;
  const char *reason;       /* one line; NULL if there is nothing to say */
  int64_t round;            /* in which it was last decided */
  int64_t attempts;         /* made in all rounds */
  int64_t failures, losses; /* used of the two budgets in this round */
  int64_t attempt;          /* key of the newest; 0 if none */
  int64_t output_attempt;   /* key of the attempt whose outputs count; may belong to a linked run */
  instant not_before;       /* of a retry; INSTANT_NONE */
  const char *state_host;   /* where its ROTA_STATE is; NULL if nowhere */
  bool fresh_state;         /* ROTA_STATE is to be emptied before the next start */
  bool marked;              /* a person set the state */
  instant ready_at, started_at, ended_at;
  const char
      *on_asked; /* where the rerun of this round wants it: a host, a group, ON_ANY; NULL: as the pipeline says */
};
/* Any host that has the slots it needs. */
#define ON_ANY "any"

struct attempt_row {
  int64_t key;
  struct id id;
  int64_t run;
  uint32_t task;         /* index of the instance */
  const char *label;     /* of that instance: not a column, filled in for logs and lists */
  int64_t round, number; /* number from 1, over all rounds */
  enum task_state state;
  const char *reason; /* one line: why it ended so, or what it waits for there */
  const char *host;
  const char *slots; /* JSON: {"gpu": ["0"]} */
  bool stop_asked, stop_now;
  const char *stop_reason;
  int exit_code; /* as a shell prints it; -1 unknown */
  int signal;    /* 0 if none */
  int64_t pid;   /* 0 unknown */
  instant created_at, started_at, ended_at;
  int64_t max_rss_kb, cpu_us, log_bytes; /* -1 unknown */
  const char *dir;                       /* its working directory */
  const char *git_commit;                /* of the work tree that holds `dir`; NULL if none */
  int git_dirty;                         /* 1 if tracked files differ, 0 if not, -1 unknown */
  instant unreachable_at;                /* since when nothing is known of it; INSTANT_NONE if its host answers */
};

struct output_row { /* key (attempt, name) */
  int64_t attempt;
  const char *name, *json;
};

#define EVENT_ROW_LIST(X)                                                                                            \
  X(RUN, "run")           /* a run entered `state` */                                                                \
  X(ROUND, "round")       /* a round was opened */                                                                   \
  X(TASK, "task")         /* a task entered `state` */                                                               \
  X(NOTE, "note")         /* a person wrote a note */                                                                \
  X(MARK, "mark")         /* a person set a task's state */                                                          \
  X(PIPELINE, "pipeline") /* loaded, broken, gone, paused, resumed */                                                \
  X(SCHEDULE, "schedule") /* a firing was skipped or missed, a schedule came or went */                              \
  X(CLOCK, "clock")       /* the wall clock jumped */                                                                \
  X(HOST, "host") /* a host's contact or order changed; with a run: something became of a task because of it */

enum event_row_kind {
#define X(name, word) EVENT_ROW_##name,
  EVENT_ROW_LIST(X)
#undef X
};
const char *event_row_word(enum event_row_kind kind);

struct event_row { /* only grows; what happened, in order */
  int64_t key;
  instant at;
  enum event_row_kind kind;
  int64_t pipeline, run; /* 0 if none */
  int64_t task;          /* index, -1 if none */
  int64_t attempt;
  const char *state; /* the word of the state entered */
  const char *reason;
  const char *actor;  /* name; NULL for the daemon itself */
  const char *host;   /* of kind host; else NULL */
  const char *run_id; /* of a note's run: not a column, for those who are told of it */
};

struct audit_row { /* only grows; every change that a person made */
  instant at;
  struct actor actor;
  const char *action, *object, *detail; /* "cancel", "nightly#412", free text */
};

struct request_row { /* Idempotency-Key: kept for 7 days */
  const char *key;
  char body_sha256[SHA256_HEX_SIZE];
  int status;
  const char *response;
  size_t response_len;
  instant at;
};

struct pause_row { /* of the whole installation; INSTANT_NONE in `at` means it isn't paused */
  instant at;
  const char *reason, *by;
};

struct daily_row { /* added to what is there; key (day, pipeline, state) */
  int64_t day, pipeline;
  enum run_state state;
  int64_t count;
  duration total;
};

struct hourly_row { /* added to what is there; key (hour, pipeline, state); hours since the epoch */
  int64_t hour, pipeline;
  enum run_state state;
  int64_t count;
};

#define STAT_RECENT 9
struct stat_row { /* the last durations of a task that succeeded; key (pipeline, task) */
  int64_t pipeline;
  const char *task;
  uint32_t ms[STAT_RECENT]; /* a ring, oldest first */
  uint32_t len;
};

/* The median of them; -1 if there is none. */
int64_t stat_median_ms(const struct stat_row *stat);

/* Who may come in over the port. The secrets themselves are nowhere: only their SHA-256. */
struct token_row {
  int64_t key;
  const char *name, *role; /* a word of scheduler/api/routes.h */
  char sha256[SHA256_HEX_SIZE];
  instant created_at;
  const char *created_by;
  instant expires_at, used_at, revoked_at; /* INSTANT_NONE: never, not yet, not */
};

struct session_row { /* of a browser */
  int64_t key;
  char sha256[SHA256_HEX_SIZE];
  int64_t token; /* that it came from, and ends with; 0: from a one-time link */
  const char *name, *role, *address, *agent;
  instant created_at, used_at, revoked_at;
};

/* What is known of a host. It has a row once something was said of it, and keeps it when it leaves the configuration.
 */
struct host_row {
  const char *name; /* the key */
  enum host_order order;
  const char *order_reason, *order_by; /* NULL if none was given; of "up" who undid it */
  instant order_at;                    /* INSTANT_NONE: never ordered */
  enum host_contact contact;           /* the last one told; after a start nothing is known before the next is */
  instant since;                       /* when this contact began */
  const char *text;                    /* why, and what to do; NULL if it is up */
  const char *machine, *boot;          /* its ids when it last answered; NULL if it never did */
  instant booted_at;
  const char *facts;  /* JSON object; NULL */
  const char *doctor; /* JSON of the last examination; NULL. Only HOST_DOCTOR changes these two */
  instant doctor_at;
};

/* Facts as they came into force: a new boot, another machine, or other facts of the same boot. Only grows. */
struct host_boot_row {
  int64_t key;
  const char *host, *machine, *boot;
  instant booted_at, seen_at;
  const char *facts; /* JSON object; NULL if they aren't known */
};

struct host_doctor_row { /* no table of its own: the two columns of a host */
  const char *name, *doctor;
  instant doctor_at;
};

/* An attempt that was given up while it may be alive on its host: nothing starts there before nothing of it is left.
 */
struct remnant_row {
  int64_t attempt; /* the key */
  const char *host, *run_id, *attempt_id;
  const char *what;   /* "nightly#412 train" */
  const char *reason; /* why it was given up */
  instant since;
  int64_t run; /* key of its run and index of its task */
  uint32_t task;
  bool unsure; /* nobody said that it is dead: a second start of the task may run beside it */
  bool gone;   /* not a column: nothing is left, the row is removed */
};

/* The commit of a work tree, for the attempts of a run that ran in `dir` and has left memory. No table of its own: it
 * fills in git_commit and git_dirty where they are not known yet. */
struct code_row {
  const char *run_id, *dir, *commit;
  int dirty;
};

#define CHANGE_LIST(X)                                                                                               \
  X(PIPELINE, pipeline)                                                                                              \
  X(VERSION, version)                                                                                                \
  X(SCHEDULE, schedule)                                                                                              \
  X(FIRING, firing)                                                                                                  \
  X(RUN, run)                                                                                                        \
  X(ROUND, round)                                                                                                    \
  X(TASK, task)                                                                                                      \
  X(ATTEMPT, attempt)                                                                                                \
  X(OUTPUT, output)                                                                                                  \
  X(EVENT, event)                                                                                                    \
  X(AUDIT, audit)                                                                                                    \
  X(REQUEST, request)                                                                                                \
  X(PAUSE, pause)                                                                                                    \
  X(DAILY, daily)                                                                                                    \
  X(HOURLY, hourly)                                                                                                  \
  X(STAT, stat)                                                                                                      \
  X(TOKEN, token)                                                                                                    \
  X(SESSION, session)                                                                                                \
  X(HOST, host)                                                                                                      \
  X(HOST_BOOT, host_boot)                                                                                            \
  X(HOST_DOCTOR, host_doctor)                                                                                        \
  X(REMNANT, remnant)                                                                                                \
  X(CODE, code)

enum change_kind {
#define X(name, member) CHANGE_##name,
  CHANGE_LIST(X)
#undef X
};
#define CHANGE_KINDS (CHANGE_CODE + 1)

struct change {
  enum change_kind kind;
  union {
#define X(name, member) struct member##_row member;
    CHANGE_LIST(X)
#undef X
  };
};

/* How far back it is known what runs a run came from. */
#define LINKED_BEFORE_MAX 64

/* A run with all that is needed to go on with it, as loaded at start or for a rerun. The pipeline is borrowed. */
struct pipeline;
struct run_rows {
  struct run_row run;
  const char *pipeline_name;
  const char *linked_from_id; /* id of run.linked_from; NULL if there is none */
  const char *linked_before;  /* ids of the runs that that one came from in turn, the nearest first, a blank between;
                                 NULL if there are none */
  struct pipeline *pipeline;  /* made from the version's JSON */
  struct task_row *tasks;     /* by index */
  size_t tasks_len;
  struct attempt_row *attempts; /* those of live tasks and those whose outputs count */
  size_t attempts_len;
  struct output_row *outputs; /* of these attempts */
  size_t outputs_len;
};

#endif
