/* What the engine holds in memory: pipelines in force, their schedules, live runs with their tasks and attempts, the
 * hosts with their slots, and what waits for a place. Known to this room's .c files alone.
 *
 * Who owns what: the engine owns entries, hosts, lanes and runs; an entry its schedules; a run its instances,
 * attempts and feeds. Strings of a row inside the model are on the heap and owned by the thing that holds the row,
 * unless they lie in the run's arena. A row's copy for the store is made once, at the end of the step (emit.c).
 *
 * Counters (how many needs are unfinished, how many attempts are live) are derived from states and can be derived
 * again: engine_check does so and compares.
 */
#ifndef ROTA_ENGINE_MODEL_H
#define ROTA_ENGINE_MODEL_H

#include "base/map.h"
#include "scheduler/engine/engine.h"
#include "scheduler/engine/heap.h"
#include "scheduler/engine/random.h"
#include "scheduler/engine/task.h"
#include "scheduler/spec/time/timing.h"
#include "scheduler/spec/time/zone.h"

struct live_run;
struct instance;
struct attempt;
struct entry;

#define REASON_TIME_OUT "time-out"

/* ---- timers on the monotonic clock ---- */

enum timer_kind { TIMER_RETRY, TIMER_DEADLINE, TIMER_AGAIN, TIMER_SILENT };
struct timer {
  int64_t at;
  size_t place;
  uint64_t order; /* of setting, so that equal times keep an order */
  enum timer_kind kind;
};

/* ---- places ---- */

struct slot_unit {
  char *name;
  struct attempt *holder; /* the live attempt that holds it */
  bool retired;           /* no longer configured, but held */
};
struct slot {
  char *name;
  VEC(struct slot_unit) units;
  uint64_t claimed; /* the dispatch in which someone better waits for it */
};
struct slot_table {
  VEC(struct slot) slots;
};
struct host {
  char *name;
  const struct config_host *config; /* NULL once it was removed */
  struct slot_table table;
  int64_t max_tasks;
  size_t live; /* attempts */
  /* What was ordered and what is known of it; strings on the heap. `doctor` isn't kept here. */
  struct host_row row;
  /* The last contact that was more than a try to connect, and since when. */
  enum host_contact settled;
  instant settled_since;
  size_t remnants;
  bool dirty;
};

/* An attempt that was given up and may be alive (remnant.h). */
struct remnant {
  struct remnant_row row; /* strings on the heap */
  struct host *host;
};

struct demand {
  const char *name;
  int64_t amount;
};

/* All ready tasks that want the same slots at the same place wait in one lane. */
struct lane {
  struct arena arena; /* of its key, its demands */
  const char *key;
  const char *on; /* a host's or a group's name */
  VEC(struct host *) hosts;
  struct demand *demands;
  size_t demands_len;
  bool default_cpu; /* names no slot: holds cpu 1 on this machine */
  struct heap heap; /* of feeds by their best task */
  size_t feeds;
  size_t place; /* in the heap of a dispatch */
};

/* The ready tasks of one run in one lane. */
struct feed {
  struct live_run *run;
  struct lane *lane;
  struct heap ready; /* of instances */
  size_t place;      /* in the lane's heap; 0 while its run is at its max_tasks */
  struct feed *next; /* of the run */
};

/* ---- runs ---- */

struct held {
  char *slot, *unit;
  bool limit;
};

struct attempt {
  struct attempt_row row; /* strings on the heap, but for those of `host` and the run */
  struct live_run *run;
  struct instance *instance;
  struct host *host;
  struct attempt *next, *prev; /* of the run, live ones */
  struct held *held;
  size_t held_len;
  char *reason, *slots, *stop_reason, *dir, *git_commit;
  bool overdue;     /* unreachable for longer than its task's `after`, which says to wait */
  char *begin_note; /* what is said of it while it runs; NULL */
  bool sent;        /* its START or FENCE was decided in this life of the daemon */
  bool doubtful;    /* its start may have been sent before, by a former life or over a link that broke, and nobody is
                       known to have claimed it: whoever was made then may be late, so it isn't over before a fence of
                       its place says so */
  int tries;        /* starts for which there was no room */
  struct timer again, silent;
  struct moment stopped; /* when it was told to stop, or found so at a start */
  bool dirty, over;
};

struct instance {
  struct live_run *run;
  uint32_t index, group, place; /* place within the group */
  enum task_state state;
  enum wait_reason wait;
  const char *label;          /* in the run's arena or the pipeline's */
  const struct value *matrix; /* in the run's arena */
  char *reason;
  uint32_t waiting_same; /* paired needs that have not ended */
  bool decided;          /* its needs ended and its `when` held, in this round */
  bool dirty, fresh_state, marked;
  bool other_values; /* its matrix gives others since a restart: it can't be launched */
  int64_t round, attempts, failures, losses, attempt, output_attempt;
  struct attempt *live;
  const struct value *outputs; /* of the declared ones, in the run's arena; NULL if there are none */
  struct host *state_host;     /* where it last ran, so where its ROTA_STATE is; NULL if it never did */
  char *state_host_name;
  char *on_asked; /* see task_row */
  int fenced;     /* attempts in a row that were kept from starting */
  instant not_before, ready_at, started_at, ended_at;
  int64_t priority;
  struct feed *feed;
  size_t ready_place;
  struct timer retry;
};

struct group { /* a task of the pipeline within a run: all its instances */
  uint32_t first, count;
  uint32_t left;                /* have not ended */
  uint32_t waiting;             /* needs, as a whole, that have not ended */
  uint32_t good, bad, failures; /* ended: counts as success; stops those that need it; failed, timed out or lost */
  int64_t path;                 /* milliseconds of work ahead, this task included */
};

#define DEPENDENT_SAME UINT32_C(0x80000000)

struct code {
  char *dir, *commit;
  int dirty;
};

struct live_run {
  struct engine *engine;
  struct entry *entry;
  struct pipeline *spec;
  struct run_row row; /* its strings are in the arena, but for the reason */
  struct round_row round;
  char *reason;
  struct arena arena;
  struct value *params;
  int32_t scheduled_offset_s, interval_offset_s;
  int64_t max_tasks, priority;
  duration timeout;
  struct group *groups;
  struct instance *instances;
  size_t len;
  uint32_t *dependents, *dependents_at; /* groups that need group g: [at[g], at[g + 1]), with DEPENDENT_SAME */
  size_t open, open_finally;            /* instances that have not ended */
  size_t live;                          /* attempts */
  struct attempt *attempts;
  VEC(struct attempt *) past; /* ended ones, kept until the run leaves memory */
  VEC(struct code) codes;
  struct feed *feeds;
  char *linked_from_id;
  char *linked_before; /* see run_rows; NULL in a run that was made just now: what it kept isn't done again before it
                          has ended and is loaded */
  bool resuming;       /* it is built from the rows of a live one: what the environment lacks is empty */
  bool preparing;      /* the files of a linked run are being copied */
  bool finishing;      /* all but `finally` tasks have ended */
  struct timer deadline;
  VEC(uint32_t) dirty_tasks;
  bool dirty, round_dirty, over;
  struct live_run *next, *prev; /* of the entry, in the order they came to be live */
};

/* ---- pipelines ---- */

struct schedule {
  struct schedule_row row; /* identity on the heap */
  struct engine *engine;
  struct entry *entry;
  const struct schedule_spec *spec; /* of the version in force; NULL while inactive */
  struct timing timing;
  const struct zone *zone; /* NULL if it can't be had: then nothing fires */
  struct firing_row last;  /* key 0 if there is none */
  char *last_reason;
  instant next, due; /* the first undecided firing and when it starts; INSTANT_NONE */
  duration gap;      /* see engine_firing_gap */
  size_t place;      /* in the engine's heap by `due` */
  bool dirty, firing_dirty;
};

struct entry {
  struct pipeline_row row; /* strings on the heap */
  struct engine *engine;
  struct pipeline *spec;        /* in force; NULL if none ever loaded */
  char sha256[SHA256_HEX_SIZE]; /* of the text in force; empty if none */
  VEC(struct schedule *) schedules;
  struct live_run *first, *last;
  size_t live, running; /* runs in memory that haven't ended; of these, the ones that aren't queued */
  struct map stats;     /* task -> struct stat_row */
  bool dirty, advance;
};

struct work { /* an instance whose needs may have ended, or with index NO_INDEX a run that may */
  struct live_run *run;
  uint32_t index;
};
#define NO_INDEX UINT32_MAX

struct kept_change { /* `keep` of a run that had ended */
  struct id id;
  bool keep;
};

struct engine {
  struct engine_options options;
  const struct config *config;
  struct moment now;
  bool stepped;        /* `now` is of a step before */
  instant restored_at; /* as of engine_state */
  struct random random;
  struct step *out;
  struct arena scratch; /* emptied at the beginning of a step */
  const char *actor;    /* of the request under way; NULL for the daemon itself */
  int64_t next_key;
  struct map entries_by_name, runs_by_id, attempts_by_id;
  VEC(struct entry *) entries;
  struct map entries_by_key;
  VEC(struct host *) hosts;
  VEC(struct remnant *) remnants; /* in the order they were given up */
  struct slot_table limits;
  VEC(struct lane *) lanes;
  struct map lanes_by_key;
  size_t live; /* attempts */
  struct heap timers, schedules;
  size_t fired;   /* runs that schedules made in this step */
  instant behind; /* since when more is due than one step takes; INSTANT_NONE */
  uint64_t timer_order, dispatch;
  bool relabel;      /* hosts opened or closed: what is ready is looked at anew before the next dispatch */
  bool try_dispatch; /* something became free, or something new waits */
  struct pause_row pause;
  char *pause_reason, *pause_by;
  bool pause_dirty;
  VEC(struct work) work;
  VEC(struct entry *) advance;
  /* Runs that ended in this step, and in the one before it, which are freed at the beginning of the next; and those
   * that had ended and were changed. */
  VEC(struct live_run *) over, over_before;
  VEC(struct kept_change) changed, changed_before;
  VEC(struct live_run *) unprepared; /* restored ones whose PREPARE is to be decided again */
  VEC(struct live_run *) dirty_runs;
  VEC(struct entry *) dirty_entries;
  VEC(struct schedule *) dirty_schedules;
  VEC(struct attempt *) dirty_attempts;
  VEC(struct host *) dirty_hosts;
  VEC(struct change) early, late; /* rows that are put once: before and after the dirty ones */
};

/* What follows is decided of this run; NULL: of none. */
static inline void engine_deciding(const struct engine *e, const struct live_run *r) {
  if (e->options.deciding) e->options.deciding(e->options.restoring_ctx, r ? r->row.id.text : NULL);
}

static inline struct task_spec const *instance_task(const struct instance *i) {
  return &i->run->spec->tasks[i->group];
}

#endif
