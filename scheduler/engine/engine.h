/* The engine: what to do next, as a pure function of the model, the time and the events handed in.
 *
 * It has no clock, no input or output, no randomness of its own. engine_step takes all events that have gathered,
 * changes the model, and returns as data: the rows to commit, the decisions to carry out once they are committed, and
 * when it next wants to be called. The caller commits the rows of a step before it carries out its decisions and
 * before it calls engine_step again; so what the engine holds is at most one batch ahead of the disk.
 *
 * It holds only what is alive: pipelines in force, schedules, unfinished runs. Whoever wants to change a run that has
 * ended hands its rows in with the event. A run that ended stays in memory for one more step, the one whose events
 * may have been read from the rows before its end was durable: to these it answers ENGINE_LOOK_AGAIN. So the rows may
 * be at most one commit behind when the event is handed over, and none when the step is taken after that.
 *
 * Time comes as a pair: the wall clock decides firings, the monotonic clock decides delays and time-outs.
 */
#ifndef ROTA_ENGINE_ENGINE_H
#define ROTA_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "scheduler/engine/rows.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/launch.h"
#include "scheduler/spec/scope.h"

struct engine;
struct zone;

struct moment {
  instant wall;
  int64_t mono; /* microseconds, counts through a suspend */
};

/* ---- what comes in ---- */

#define ENGINE_EVENT_LIST(X)                                                                                         \
  X(LOADED, loaded) /* a pipeline's file was read: a new version, or the same one again */                           \
  X(BROKEN, broken) /* a file doesn't load: the last good version stays in force */                                  \
  X(GONE, gone)     /* a file was removed: its schedules end, its runs go on */                                      \
  X(CONFIG, config) /* the configuration in force changed */                                                         \
  X(TRIGGER, trigger)                                                                                                \
  X(RERUN, rerun)                                                                                                    \
  X(CANCEL, cancel)                                                                                                  \
  X(RETRY_NOW, retry_now)                                                                                            \
  X(MARK, mark)                                                                                                      \
  X(NOTE, note)                                                                                                      \
  X(KEEP, keep)                                                                                                      \
  X(PAUSE, pause)                                                                                                    \
  X(RESUME, resume)                                                                                                  \
  X(REPORT, report)     /* an executor says how an attempt goes */                                                   \
  X(PREPARED, prepared) /* the files of a linked run were copied */                                                  \
  X(CODE, code)         /* the commit of a work tree was looked up */                                                \
  X(HOST, host)         /* how a host is reached, and what it says of itself */                                      \
  X(HOST_ORDER, host_order)                                                                                          \
  X(RECORD, record) /* rows that the engine knows nothing about */

enum engine_event_kind {
#define X(name, member) ENGINE_##name,
  ENGINE_EVENT_LIST(X)
#undef X
};

/* Who asks. `handle` is the caller's and comes back with the reply; 0 for no reply. */
struct engine_asker {
  uint64_t handle;
  struct actor actor;
  const char *idempotency_key; /* NULL without one: then no request row is written */
  char body_sha256[SHA256_HEX_SIZE];
  bool dry_run; /* answer what would be done, change nothing */
};

struct engine_loaded {
  const char *name;
  struct pipeline *pipeline; /* the engine retains it */
  const char *text;
  size_t text_len;
  const char *json;
  size_t json_len;
  char sha256[SHA256_HEX_SIZE]; /* of the text */
};
struct engine_broken {
  const char *name, *error; /* JSON array of diagnostics */
};
struct engine_gone {
  const char *name;
};
struct engine_config {
  const struct config *config; /* must outlive the engine or the next one; may be the one in force: zones changed */
};
struct engine_trigger {
  struct engine_asker asker;
  const char *pipeline;
  const struct param_given *params;
  size_t params_len;
  instant scheduled_for; /* INSTANT_NONE: now */
  bool now;              /* don't queue behind a live run */
  bool once;             /* refuse it if a run of this pipeline is for that instant already */
  enum trigger trigger;
};

#define RERUN_LIST(X) X(FAILED, "failed") X(ALL, "all") X(FROM, "from") X(ONLY, "only")
enum rerun_mode {
#define X(name, word) RERUN_##name,
  RERUN_LIST(X)
#undef X
};
struct engine_rerun {
  struct engine_asker asker;
  const struct run_rows *run; /* must have ended */
  enum rerun_mode mode;
  const char *task;                 /* of FROM and ONLY: a task's name or an instance's label */
  const struct param_given *params; /* changed ones: a new linked run */
  size_t params_len;
  int version; /* 0 not said, 1 the same, 2 the newest: a new linked run if it differs */
  /* Where the tasks that run again are to run in this round: a host's or a group's name, or ON_ANY for any host that
   * has the slots they need; NULL: where the pipeline says. */
  const char *on;
};
struct engine_cancel {
  struct engine_asker asker;
  const char *run_id, *task; /* task NULL: the whole run; a second cancel ends `finally` tasks and kills at once */
  /* Attempts on hosts that aren't up end at once as cancelled, not confirmed, and are ended there when it is back. No
   * second cancel by itself. */
  bool abandon;
};
struct engine_retry_now {
  struct engine_asker asker;
  const char *run_id, *task;
};
struct engine_mark {
  struct engine_asker asker;
  const char *run_id;
  const struct run_rows *run; /* of a run that has ended: a round is opened; NULL for a live one */
  const char *task;
  enum task_state state;             /* succeeded or skipped */
  const struct param_given *outputs; /* by name */
  size_t outputs_len;
  const char *reason;
};
struct engine_note {
  struct engine_asker asker;
  const struct run_row *run; /* NULL: on the pipeline, whose missed firings it acknowledges */
  const char *pipeline_name, *text;
};
struct engine_keep {
  struct engine_asker asker;
  const struct run_row *run; /* as read; used if the run isn't live */
  const char *pipeline_name;
  bool keep;
};
struct engine_pause {
  struct engine_asker asker;
  const char *pipeline; /* NULL: all */
  const char *reason;
};
struct engine_resume {
  struct engine_asker asker;
  const char *pipeline;
};

/* The report of an executor (worker/executor.h) in the engine's words. */
#define ENGINE_REPORT_LIST(X)                                                                                        \
  X(ACCEPTED) X(STARTED) X(ENDED) X(LOST) X(NOT_STARTED) X(FENCED) X(UNREACHABLE) X(REACHABLE) X(CLEARED)
enum engine_report_kind {
#define X(name) ENGINE_REPORT_##name,
  ENGINE_REPORT_LIST(X)
#undef X
};
#define ENGINE_END_LIST(X) X(EXITED) X(TIMED_OUT) X(STOPPED) X(LAUNCH_FAILED)
enum engine_end {
#define X(name) ENGINE_END_##name,
  ENGINE_END_LIST(X)
#undef X
};
struct engine_report {
  enum engine_report_kind kind;
  const char *attempt_id, *text;
  bool again;    /* NOT_STARTED: the world had no room; the same attempt is started again after a delay */
  bool doubtful; /* NOT_STARTED: somebody who was sent before may still come to claim it */
  enum engine_end end;
  int status;
  int64_t pid;
  instant started_at, ended_at;
  int64_t cpu_us, max_rss_kb, log_bytes;
  const char *output; /* the content of $ROTA_OUTPUT; NULL if there is none */
  size_t output_len;
  const char *output_error; /* why it can't be used (too large); NULL */
  const char *fault;        /* ENDED: what makes a success none, as a sentence (a file can't be fetched); NULL */
};
struct engine_prepared {
  const char *run_id, *error; /* NULL: done */
};
struct engine_code {
  const char *run_id, *dir, *commit; /* commit NULL: no work tree */
  int dirty;
};

struct engine_host { /* everything is copied; of this machine only the facts count */
  const char *host;
  enum host_contact contact;
  const char *text;           /* why, and what to do; NULL if it is up */
  const char *machine, *boot; /* NULL: nothing new to record of it, and the next two don't count */
  instant booted_at;
  const char *facts; /* JSON object; NULL */
};
struct engine_host_order { /* a dry run of `down` answers {"tasks": [{run, task, state, then}]} */
  struct engine_asker asker;
  const char *host;
  enum host_order order;
  bool gone;          /* with DOWN: the machine won't come back; what was given up there isn't waited for any more */
  const char *reason; /* NULL or empty: none was given */
};

/* Rows of others that go through the one commit, so that whoever asked is answered when they are durable. Only TOKEN,
 * SESSION, HOST_DOCTOR and EVENT; an event's key and instant are filled in here. Everything is copied. */
struct engine_record {
  struct engine_asker asker; /* never a dry run */
  const struct change *changes;
  size_t changes_len;
  const char *action, *object, *detail; /* of the audit row; action NULL: none is written */
  int status;
  const char *body; /* JSON of the answer; NULL: nobody waits for one */
  size_t body_len;
  const char
      *kept; /* the answer as it is kept for a repetition, without what may be told only once; NULL: all of it */
};

struct engine_event {
  enum engine_event_kind kind;
  union {
#define X(name, member) struct engine_##member member;
    ENGINE_EVENT_LIST(X)
#undef X
  };
};

/* ---- what comes out ---- */

#define DECISION_LIST(X)                                                                                             \
  X(START, start)     /* start this attempt; may come again for the same id */                                       \
  X(FENCE, fence)     /* see to it that it can't be started any more, then say FENCED, or STARTED if it was */       \
  X(STOP, stop)       /* end this attempt: TERM, grace, KILL */                                                      \
  X(PREPARE, prepare) /* copy ROTA_WORK and ROTA_STATE from another run, then say PREPARED */                        \
  X(CLEAR, clear)     /* see to it that nothing of this attempt is alive there, then say CLEARED; may come again */  \
  X(REPLY, reply)

enum decision_kind {
#define X(name, member) DECISION_##name,
  DECISION_LIST(X)
#undef X
};

struct decision_start {
  const char *host;
  const struct launch *launch; /* valid until the step is released */
  bool doubtful;               /* it may have been sent before */
};
struct decision_fence {
  const char *host, *run_id, *attempt_id;
};
struct decision_stop {
  const char *host, *attempt_id;
  bool now;
};
struct decision_prepare {
  const char *run_id, *from_run_id;
  const char *const *state_keys; /* directories of ROTA_STATE to copy */
  size_t state_keys_len;
};
struct decision_clear {
  const char *host, *run_id, *attempt_id;
};
/* Nothing was done or kept: the rows that came with the event are older than what the engine knows of their run. */
#define ENGINE_LOOK_AGAIN 503
struct decision_reply {
  uint64_t handle;
  int status;       /* as HTTP has it: 200, 201, 404, 409, 422; ENGINE_LOOK_AGAIN */
  const char *body; /* JSON; a problem document (RFC 9457) from 400 on */
  size_t body_len;
};

struct decision {
  enum decision_kind kind;
  union {
#define X(name, member) struct decision_##member member;
    DECISION_LIST(X)
#undef X
  };
};

struct step {
  struct arena arena; /* owns what the rows and decisions point to */
  VEC(struct change) changes;
  VEC(struct decision) decisions;
  instant wake_wall; /* call again when the wall clock reaches it; INSTANT_NONE: never */
  int64_t wake_mono; /* or the monotonic one; INT64_MAX: never */
};

/* ---- calls ---- */

/* What the rows said at start. Everything is copied or retained. */
struct engine_state {
  const struct pipeline_row *pipelines;
  struct pipeline *const *pipeline_specs; /* the version in force of each; NULL if none */
  const char (*pipeline_sha256)[SHA256_HEX_SIZE];
  size_t pipelines_len;
  const struct schedule_row *schedules;
  const struct firing_row *last_firings; /* of each schedule, its newest row; key 0 if none */
  size_t schedules_len;
  const struct run_rows *runs; /* queued, running, cancelling */
  size_t runs_len;
  const struct stat_row *stats;
  size_t stats_len;
  struct pause_row pause;
  const struct host_row *hosts;
  size_t hosts_len;
  const struct remnant_row *remnants;
  size_t remnants_len;
  int64_t next_key; /* above every key of every table */
  /* The rows come from a backup, and its questions are open: what became of attempts that were created before isn't
   * known to them. One of these that is lost or never started isn't tried again by itself. 0 or INSTANT_NONE: they
   * don't. */
  instant restored_at;
};

struct engine_options {
  const struct config *config;
  bool schedules;  /* false: nothing fires */
  bool local_only; /* every `on` means this machine */
  /* The zone of a name, kept loaded by the caller, so that the engine reads no file; NULL if there is none: then the
   * schedule is parked with a reason. The same pointer may change its zone only between steps. */
  const struct zone *(*zone)(void *ctx, const char *name);
  void *zone_ctx;
  /* Called with the id of each run before engine_restore takes it up; NULL: nobody wants to know. */
  void (*restoring)(void *ctx, const char *run_id);
  /* Called within engine_step with the id of each run before something is decided of it, and with NULL at the end;
   * NULL: nobody wants to know. It may be called again and again for the same run and must be quick. */
  void (*deciding)(void *ctx, const char *run_id);
  void *restoring_ctx;          /* of both */
  const struct launch_env *env; /* what `env.HOME` sees where the configuration doesn't set it; must outlive it */
  size_t env_len;
};

struct engine *engine_new(const struct engine_options *options);
void engine_free(struct engine *e); /* accepts NULL */

/* Once, before the first step. ERR_CORRUPT with *message (heap, the caller frees) if the rows contradict each other.
 */
int engine_restore(struct engine *e, const struct engine_state *state, struct moment now, char **message);

/* `seed` is fresh random data for this step: ids and jitter come from it, so a step is repeatable. `out` is empty
 * (zeroed or step_reset) and is filled. With no events it handles what time has brought. */
void engine_step(struct engine *e, struct moment now, const uint8_t seed[32], const struct engine_event *events,
                 size_t events_len, struct step *out);
void step_reset(struct step *s);
void step_release(struct step *s);

/* A key for a row that others make (TOKEN, SESSION), above all that were handed out. Between steps. */
int64_t engine_key_reserve(struct engine *e);
/* The key that is handed out next; changes nothing. */
int64_t engine_key_next(const struct engine *e);

/* Questions, answered from the model; they change nothing. */

struct engine_live { /* an unfinished attempt, as the caller must look it up at start */
  const char *run_id, *attempt_id, *host;
  duration grace;
  bool stop_asked, stop_now;
};
/* All of them, in the arena. */
size_t engine_live_attempts(const struct engine *e, struct arena *a, struct engine_live **out);
/* What was given up and may be alive, in the arena: at start their CLEAR is to be carried out again. */
size_t engine_remnants(const struct engine *e, struct arena *a, struct remnant_row **out);
/* How much there is to do. O(pipelines and live runs). */
struct engine_load {
  size_t runs;     /* that haven't ended, queued ones included */
  size_t attempts; /* live ones, on all hosts */
  size_t waiting;  /* tasks that are ready and wait for a slot, a host or their run's max_tasks */
};
struct engine_load engine_load(const struct engine *e);
bool engine_run_live(const struct engine *e, const char *run_id);
size_t engine_runs(const struct engine *e);
/* One line: why the task isn't running, or what it is doing. ERR_NOT_FOUND if the run isn't live or has no such task.
 */
int engine_why(const struct engine *e, struct moment now, const char *run_id, const char *task, struct buf *out);
/* The next firing of a pipeline's schedules in force, for lists: INSTANT_NONE if there is none or it is paused. The
 * identity of the schedule goes to *schedule, which may be NULL; borrowed until the next step. */
instant engine_next_firing(const struct engine *e, const char *pipeline, const char **schedule);

/* The longer of the two times between the firing before last of that schedule, its last and its next: what passes at
 * most without a firing, seen from now. -1 if there is no next firing. */
duration engine_firing_gap(const struct engine *e, const char *pipeline);

/* The definition in force of a pipeline, borrowed until the next step; NULL if none ever loaded. */
const struct pipeline *engine_pipeline(const struct engine *e, const char *pipeline);

/* How the units of each slot are used now, of hosts in order and then of the installation (host NULL); strings are
 * borrowed from the configuration, the array is in the arena. */
struct engine_slot {
  const char *host, *name;
  int64_t used, total;
};
size_t engine_slots(const struct engine *e, struct arena *a, struct engine_slot **out);
/* What is known of each configured host now, this machine first, then those that are configured no more but have live
 * attempts or remnants. Strings are borrowed until the next step, the array is in the arena. */
struct engine_place {
  const struct host_row *row; /* but for `doctor`, which the engine doesn't keep: see history_host */
  bool configured, here;      /* here: this machine */
  int64_t max_tasks;          /* 0: no limit */
  int64_t running, remnants;
};
size_t engine_hosts(const struct engine *e, struct arena *a, struct engine_place **out);
/* Every unit of every slot and who holds it: of hosts in order, then of the installation (host NULL). */
struct engine_unit {
  const char *host, *slot, *unit;
  bool retired;                         /* no longer configured */
  const char *pipeline, *run_id, *task; /* NULL if it is free */
  int64_t number;                       /* of the run */
};
size_t engine_units(const struct engine *e, struct arena *a, struct engine_unit **out);
/* The live attempts on a host, the oldest first. */
struct engine_host_attempt {
  const char *pipeline, *run_id, *task, *attempt_id, *reason;
  int64_t number, attempt; /* of the run, of the attempt */
  enum task_state state;
  instant started_at, unreachable_at;
};
size_t engine_host_attempts(const struct engine *e, const char *host, struct arena *a,
                            struct engine_host_attempt **out);
/* The live attempts of a run, `max` at most, each with its task's label, borrowed until the next step. */
struct engine_busy {
  const char *label;
  enum task_state state;
};
size_t engine_busy(const struct engine *e, const char *run_id, struct engine_busy *out, size_t max);

/* What a person should look at: tasks of one host that can't be reached, or tasks that wait in one queue for a slot
 * or a host for longer than ENGINE_WAIT_LONG, or than three times what they usually take (and at least
 * ENGINE_WAIT_NOTICED), or for a host that has refused us. A task that its own run's max_tasks or a pause holds back
 * is none. Strings are in the arena or borrowed until the next step. */
#define ENGINE_WAIT_LONG    (10 * USEC_PER_MIN)
#define ENGINE_WAIT_NOTICED (2 * USEC_PER_MIN)
#define ENGINE_STUCK_LONG   USEC_PER_MIN /* after its grace */
#define ENGINE_CONCERN_RUNS 20
struct engine_concern {
  bool waits;                           /* else it can't be reached, or */
  bool stuck;                           /* it was told to stop, and is still there long after its grace */
  const char *pipeline, *run_id, *task; /* of the one that has it longest */
  int64_t number;
  const char *host; /* that can't be reached, or where it is stuck; NULL for a wait */
  bool overdue;     /* for longer than its `unreachable: {after}`, which says to wait */
  instant since;
  const char *why;
  size_t count;                          /* tasks */
  const char *runs[ENGINE_CONCERN_RUNS]; /* ids, each once */
  size_t runs_len;
};
size_t engine_concerns(const struct engine *e, struct moment now, struct arena *a, struct engine_concern **out);

/* The pause of the whole installation; `at` is INSTANT_NONE without one. Borrowed until the next step. */
struct pause_row engine_paused(const struct engine *e);

/* Checks every invariant of the model and aborts on a violation: for tests and debug builds. O(model). */
void engine_check(const struct engine *e);

#endif
