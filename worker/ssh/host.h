/* One host over SSH: the executor of what is run there. hosts.c makes it; its parts are in the files host_*.c, and
 * this is what they share. All on the loop's thread; what may block on this machine's disk is a job of the crew.
 *
 *   host.c            the interface of the executor, the connection's ups and downs, what is due when
 *   host_ask.c        requests to the control shell, jobs of the crew
 *   host_reports.c    reports
 *   host_start.c      from the start that is asked for to a supervisor, fences
 *   host_files.c      files that go with a launch, or come back
 *   host_watch.c      looks, hints of the FIFO, stops
 *   host_logs.c       logs and progress while a task runs
 *   host_ends.c       what comes over when a task has ended
 *   host_remains.c    what was given up, what is to be removed
 *   host_kept.c       what is still there though it is over
 *
 * What was learnt over one connection is doubted once that is lost: whatever may be running is UNKNOWN then, and is
 * looked at when the host is up again. Nothing is remembered of a request but that it was sent.
 */
#ifndef ROTA_WORKER_SSH_HOST_H
#define ROTA_WORKER_SSH_HOST_H

#include <uv.h>

#include "base/vec.h"
#include "worker/crew.h"
#include "worker/executor.h"
#include "worker/ssh/host_attempts.h"
#include "worker/ssh/hosts.h"
#include "worker/ssh/link/link.h"

enum host_lane { HOST_LANE_RECORD, HOST_LANE_LOG, HOST_LANE_FILES, HOST_LANE_COUNT };

/* For tests: another way to connect, other times. */
struct hosts_trial {
  struct transport *(*connect)(const struct transport_options *options);
  struct link_times times;
  unsigned blip_ms, poll_ms, look_ms, clean_ms; /* 0 is the default, as in host.c */
};

/* What all hosts share. */
struct host_shared {
  uv_loop_t *loop;
  char *state_dir, *state_id;
  struct gate *gate;
  struct crew *crew;
  struct hosts_trial trial;
  void (*news)(void *ctx, const struct host_news *news);
  void *news_ctx;
};

/* What a host has to do at a certain time; monotonic microseconds, INT64_MAX for never. */
#define HOST_DUE_LIST(X)                                                                                             \
  X(STARTS)  /* starts that are READY and in no queue: sent, or refused while it isn't up */                         \
  X(BLIP)    /* the loss of contact is told */                                                                       \
  X(POLL)    /* logs and progress of what runs */                                                                    \
  X(LOOK)    /* all attempts are looked at, lest a hint was lost */                                                  \
  X(STOP)    /* stops that are to be repeated */                                                                     \
  X(REMNANT) /* what is left of given up attempts */                                                                 \
  X(CLOSE)   /* ends that couldn't be written down here */                                                           \
  X(CLEAN)   /* directories of ended attempts there */                                                               \
  X(KEPT)    /* what is there is compared with what is known here */                                                 \
  X(DISK)    /* free space */

enum host_due {
#define X(name) HOST_DUE_##name,
  HOST_DUE_LIST(X)
#undef X
      HOST_DUE_COUNT
};

struct host_remnant {
  char run_id[RUNDIR_ID_LEN + 1], id[RUNDIR_ID_LEN + 1];
  char *place; /* the root that it was started in, by its record; NULL if there is none */
  bool noted;  /* the record has been read */
  bool asked;  /* a request is under way */
  bool told;   /* that it's on another machine */
};

struct host_cleaning { /* an attempt whose end is written down here */
  char id[RUNDIR_ID_LEN + 1];
  int64_t at; /* monotonic */
};

struct host {
  struct executor base; /* first: the executor is this */
  struct host *next;
  const struct host_shared *shared;
  struct arena arena; /* of the options */
  struct host_options options;
  bool configured; /* the configuration has it */
  bool closing;    /* nothing is reported any more */
  struct link *link;
  bool up;                      /* as of the last news of the contact: for host_is_up */
  char *place, *boot, *machine; /* as of the last contact; NULL before the first */
  char *contact_text;
  int64_t disk_free, disk_size;
  instant disk_at;
  uv_timer_t timer;
  int64_t due[HOST_DUE_COUNT];
  struct host_attempts attempts;
  struct host_ask *asks; /* under way */
  struct map doubtful;   /* ids that may have been sent, and read as never started */
  struct map remnants;   /* id to struct host_remnant */
  VEC(struct host_cleaning) cleanings;
  VEC(struct host_attempt *) starts;             /* READY, to be sent together; each is used */
  VEC(struct host_attempt *) hints;              /* heard to have ended; each is used */
  int start_asks, end_asks, log_asks, look_asks; /* under way */
  int bulks;                                     /* of logs */
  int64_t polled_at;                             /* monotonic */
  int64_t poll_every, poll_fastest, look_every, look_next, look_watched, look_unwatched, blip, clean_after;
};

/* ---- host.c ---- */

struct host *host_new(const struct host_shared *shared, const char *name, executor_report_fn *report, void *ctx);
/* Copies the options and connects, anew if they changed. */
void host_take_options(struct host *h, const struct host_options *options);
/* Not in the configuration any more: kept until nothing lives there. */
void host_retire(struct host *h);
/* Its timer is closed and nothing of the crew refers to it. */
void host_dispose(struct host *h);
/* Whether requests reach it. While a lost connection lets go of its requests the answer is no already, although the
 * contact is told as lost only after that. */
bool host_is_up(const struct host *h);
/* Drops an attempt without a report. */
void host_attempt_abandon(struct host *h, struct host_attempt *a);
void host_disk_take(struct host *h, int64_t free_kb, int64_t size_kb);
/* At `at` or earlier, if it was due earlier. */
void host_due(struct host *h, enum host_due which, int64_t at);

/* ---- host_ask.c ---- */

/* A request about some attempts, each of which it uses until its answer. */
struct host_ask {
  struct host *host;
  struct host_ask *next, *prev;
  void (*answered)(struct host_ask *q, const struct answer *a);
  char nonce[OPS_NONCE_LEN + 1];
  struct buf text;
  struct host_attempt **attempts;
  size_t len;
  size_t more;                     /* requests of the same matter that follow it */
  char id[RUNDIR_ID_LEN + 1];      /* of a remnant */
  struct host_cleaning *cleanings; /* what it cleans; `len` of them */
  size_t cleanings_len;
  int *under_way;  /* counted down when it's answered; NULL */
  int64_t sent_at; /* monotonic */
};

struct host_ask *host_ask_new(struct host *h, void (*answered)(struct host_ask *, const struct answer *));
void host_ask_about(struct host_ask *q, struct host_attempt *a);
/* The ids of its attempts, to be freed. */
const char **host_ask_ids(const struct host_ask *q);
/* Sends q->text; q is freed after its answer. */
void host_ask_send(struct host_ask *q, enum ask_order order, unsigned limit_ms, int *under_way);
/* Lets go of one that isn't sent after all. */
void host_ask_drop(struct host_ask *q);
/* Whether an answer came that says it was done; the error is read if not. */
bool host_answer_good(const struct answer *a, struct ops_error *error);
/* Lets go of all that are under way: the link is gone. */
void host_asks_release(struct host *h);

/* Work on this machine's disk, in order within a lane. The attempt is used until `done`, which isn't called when the
 * executor is being freed. */
struct host_job {
  struct job job;
  enum host_lane lane;
  struct host *host;
  struct host_attempt *attempt;     /* or NULL */
  void (*work)(struct host_job *j); /* on the lane's thread; touches only the job */
  void (*done)(struct host_job *j); /* on the loop's */
  void (*release)(struct host_job *j);
};
void host_job_submit(struct host_job *j);

void host_attempt_use(struct host_attempt *a);
void host_attempt_unuse(struct host *h, struct host_attempt *a);

/* ---- host_reports.c ---- */

void host_report_started(struct host *h, struct host_attempt *a, int64_t pid, instant at);
void host_report_unreachable(struct host *h, struct host_attempt *a, const char *text);
void host_report_reachable(struct host *h, struct host_attempt *a);
/* The last one. The attempt is gone after it, but for those who use it. */
void host_report_last(struct host *h, struct host_attempt *a, enum report_kind kind, int err, const char *text);
/* NOT_STARTED, the last one; whether a start that was sent before may still come to its claim is told with it, and
 * remembered for the next start of the same id. */
void host_report_not_started(struct host *h, struct host_attempt *a, int err, const char *text);
/* ENDED, as its record says; the last one. */
void host_report_ended(struct host *h, struct host_attempt *a);
void host_report_cleared(struct host *h, const char *run_id, const char *attempt_id);

/* ---- host_start.c ---- */

int host_start(struct host *h, const struct launch *l);
int host_adopt(struct host *h, const char *run_id, const char *attempt_id, duration grace);
/* Goes on with one that is READY or UNKNOWN, and hasn't been claimed: sends its start, or a fence. */
void host_start_go(struct host *h, struct host_attempt *a);
void host_fence_send(struct host *h, struct host_attempt *a);
void host_starts_flush(struct host *h);
/* READY ones that wait for nothing: on their way, or FENCED if the host isn't up and nothing was sent. */
void host_starts_settle(struct host *h);

/* ---- host_files.c ---- */

/* Sends the launch's files; host_start_go or an end follows. */
void host_files_send(struct host *h, struct host_attempt *a);
/* Fetches what its record says; host_end_fetched follows. */
void host_files_fetch(struct host *h, struct host_attempt *a);
void host_files_drop(struct host *h, struct host_attempt *a);

/* ---- host_watch.c ---- */

void host_event(struct host *h, const char *line, size_t len);
/* What an answer says of an attempt, to a question that was asked at `asked_at`. A line of the FIFO may have
 * overtaken it. */
void host_seen(struct host *h, struct host_attempt *a, int64_t asked_at, const struct ops_answer *seen);
enum host_look_at { HOST_LOOK_UNKNOWN, HOST_LOOK_LAUNCHED, HOST_LOOK_ALL };
void host_look(struct host *h, enum host_look_at what);
void host_look_soon(struct host *h);
void host_stop_send(struct host *h, struct host_attempt *a);
void host_stops(struct host *h);

/* ---- host_logs.c ---- */

void host_poll(struct host *h);
void host_poll_soon(struct host *h);

/* ---- host_ends.c ---- */

/* It's heard to have ended, or has been seen so: what it left is asked for, soon and together with others. */
void host_end_hint(struct host *h, struct host_attempt *a);
void host_ends_flush(struct host *h);
/* What came over so far is forgotten: the contact was lost, or nobody wants it. */
void host_ending_drop(struct host_attempt *a);
/* Proven dead without a result: what is left of it is killed, the rest of its log comes over, then LOST. */
void host_end_lost(struct host *h, struct host_attempt *a, const char *text);
/* A failure of ours to launch it, at a stage that the host knows nothing of: ENDED. */
void host_end_failed(struct host *h, struct host_attempt *a, const char *stage, const char *text);
/* Its files are here; with a fault if they can't be had; or `again` if that is to be tried later. */
void host_end_fetched(struct host *h, struct host_attempt *a, bool again, const char *fault);
/* Ends that couldn't be written down here are tried again. */
void host_closes(struct host *h);

/* ---- host_remains.c ---- */

void host_clear(struct host *h, const char *run_id, const char *attempt_id);
void host_remnants_send(struct host *h);
void host_remnant_free(struct host_remnant *r);
/* Removes ROTA_WORK and ROTA_STATE of a run there. */
void host_sweep_send(struct host *h, const char *run_id);
/* Its directory there isn't needed any more once the database has what was reported: not at once. */
void host_clean_later(struct host *h, const char *attempt_id);
void host_clean(struct host *h);

/* ---- host_kept.c ---- */

/* Asks what is there, and removes what is over. */
void host_kept(struct host *h);

#endif
