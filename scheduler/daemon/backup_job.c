#include "scheduler/daemon/backup_job.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "scheduler/store/backup.h"
#include "scheduler/store/delivery.h"

enum stage { STAGE_BEGIN, STAGE_COPY, STAGE_DELIVER };

struct backup_job {
  struct backup_jobs *jobs;
  backup_done_fn *done;
  void *ctx;
  char *file;
  enum stage stage;
  struct backup *backup; /* NULL before it is begun and once it is handed on or given up */
  double copied;         /* as of the last step */
  int refusal;           /* of one that is refused at once */
  struct buf why;
};

struct backup_jobs {
  struct errands *errands;
  struct committer *committer;
  struct backup_job *current; /* NULL: none is under way */
  bool closing;
};

/* What is done at the folder. Its own but for `job`, which is the loop's: NULL once nobody waits for it. */
struct trip {
  struct errand errand;
  struct backup_job *job;
  char *file;
  struct backup *backup; /* that is delivered */
  struct buf why;
  int result;
};

static const struct refusal {
  int err, status;
} refusals[] = {{ERR_EXISTS, 409},    {ERR_FULL, 507},    {ERR_DENIED, 422},
                {ERR_NOT_FOUND, 422}, {ERR_TIMEOUT, 504}, {0, 500}};

static void jobs_release(struct backup_jobs *b) {
  if (b->closing && !b->current) free(b);
}

static int status_of(int err) {
  const struct refusal *refusal = refusals;
  while (refusal->err && refusal->err != err) refusal++;
  return refusal->status;
}

static void job_end(struct backup_job *job, int err) {
  struct backup_jobs *b = job->jobs;
  const char *why = job->why.len ? job->why.bytes : err_text(err);
  if (err)
    LOG(LOG_WARNING, "no backup was made", {"file", job->file}, {"reason", why});
  else
    LOG(LOG_INFO, "a backup was made", {"file", job->file});
  b->current = NULL;
  job->done(job->ctx, err ? status_of(err) : 200, err ? why : NULL);
  buf_release(&job->why);
  free(job->file);
  free(job);
  jobs_release(b);
}

/* ---- at the folder ---- */

static bool trip_goes_on(void *ctx) {
  return errand_goes_on(&((struct trip *)ctx)->errand);
}

static void run_begin(struct errand *e) {
  struct trip *t = (struct trip *)e;
  t->result = delivery_begin(t->file, &t->why);
  if (t->result || errand_goes_on(e)) return;
  delivery_drop(t->file);
  t->result = ERR_AGAIN;
}

static void run_deliver(struct errand *e) {
  struct trip *t = (struct trip *)e;
  const struct backup_watch watch = {trip_goes_on, t};
  t->result = backup_finish(t->backup, t->file, &watch, &t->why);
}

static void run_drop(struct errand *e) {
  delivery_drop(((struct trip *)e)->file);
}

static void trip_free(struct trip *t) {
  buf_release(&t->why);
  free(t->file);
  free(t);
}

static void copy(struct backup_job *job);

static void say_overdue(struct backup_job *job) {
  char *folder = path_folder(job->file);
  buf_fmt(&job->why, "the folder %s doesn't answer: given up, and %s.tmp may be left", folder, job->file);
  free(folder);
}

static void say_no_thread(struct backup_job *job) {
  bool hangs = errands_hang(job->jobs->errands);
  buf_str(&job->why, hangs ? "the folder of the backup before doesn't answer yet" : "no thread is free for it");
}

static void on_trip(struct errand *e, enum errand_end end) {
  struct trip *t = (struct trip *)e;
  struct backup_job *job = t->job;
  int result = end == ERRAND_DONE ? t->result : ERR_TIMEOUT;
  t->job = NULL;
  if (job && end == ERRAND_OVERDUE) {
    say_overdue(job);
  } else if (job && end == ERRAND_DROPPED) {
    say_no_thread(job);
  } else if (job) {
    job->why = t->why;
    t->why = (struct buf){0};
  }
  if (end == ERRAND_DROPPED) backup_abort(t->backup);
  if (end != ERRAND_OVERDUE) trip_free(t);
  if (!job) return;
  if (result == 0 && job->stage == STAGE_BEGIN && !job->jobs->closing) {
    copy(job);
  } else {
    if (result == 0 && job->stage == STAGE_BEGIN) result = ERR_AGAIN;
    if (result == ERR_AGAIN && job->jobs->closing && !job->why.len) buf_str(&job->why, "the daemon stops");
    job_end(job, result);
  }
}

/* False if no thread can be made; the backup is the caller's then. */
static bool trip_send(struct backup_jobs *b, struct backup_job *job, const char *file, void (*run)(struct errand *e),
                      struct backup *backup) {
  struct trip *t = alloc_new(struct trip);
  t->errand.run = run;
  t->errand.end = on_trip;
  t->job = job;
  t->file = alloc_strdup(file);
  t->backup = backup;
  if (errands_submit(b->errands, &t->errand)) return true;
  trip_free(t);
  return false;
}

/* ---- at the writer ---- */

static int step(struct store *store, void *arg) {
  struct backup_job *job = arg;
  int result = job->backup ? 0 : backup_begin(store, &job->backup, &job->why);
  if (result == 0) result = backup_step(job->backup, &job->why);
  if (result < 0) {
    backup_abort(job->backup);
    job->backup = NULL;
  }
  return result;
}

static void drop(struct backup_job *job) {
  if (!job->jobs->closing) trip_send(job->jobs, NULL, job->file, run_drop, NULL);
}

/* Between two steps nobody else uses the job, and once the daemon closes nobody else uses the writer's connection. */
static void step_done(void *arg, int result) {
  struct backup_job *job = arg;
  struct backup_jobs *b = job->jobs;
  if (result >= 0 && b->closing) result = ERR_AGAIN;
  if (result == 1) {
    job->copied = backup_progress(job->backup);
    copy(job);
    return;
  }
  job->copied = 1;
  job->stage = STAGE_DELIVER;
  if (result == 0 && trip_send(b, job, job->file, run_deliver, job->backup)) {
    job->backup = NULL;
    return;
  }
  if (job->backup) {
    if (b->closing)
      buf_str(&job->why, "the daemon stops");
    else
      say_no_thread(job);
    backup_abort(job->backup);
  }
  drop(job);
  job_end(job, result < 0 ? result : ERR_AGAIN);
}

static void copy(struct backup_job *job) {
  job->stage = STAGE_COPY;
  committer_job(job->jobs->committer, step, step_done, job);
}

/* What is refused at once is told in the next turn of the writer, as all is. */
static int refuse_job(struct store *store, void *arg) {
  (void)store;
  return ((struct backup_job *)arg)->refusal;
}

static void refuse_done(void *arg, int result) {
  struct backup_job *job = arg;
  job->done(job->ctx, status_of(result), job->why.bytes);
  buf_release(&job->why);
  free(job->file);
  free(job);
}

static void refuse(struct backup_job *job, int err) {
  job->refusal = err;
  committer_job(job->jobs->committer, refuse_job, refuse_done, job);
}

void backup_jobs_start(struct backup_jobs *b, const char *file, backup_done_fn *done, void *ctx) {
  struct backup_job *job = alloc_new(struct backup_job);
  job->jobs = b;
  job->done = done;
  job->ctx = ctx;
  job->file = alloc_strdup(file);
  if (b->current) {
    buf_fmt(&job->why, "a backup to %s is under way, %d %% of it copied: wait until it has ended", b->current->file,
            (int)(b->current->copied * 100));
    refuse(job, ERR_EXISTS);
  } else if (trip_send(b, job, file, run_begin, NULL)) {
    b->current = job;
  } else {
    say_no_thread(job);
    refuse(job, errands_hang(b->errands) ? ERR_TIMEOUT : ERR_AGAIN);
  }
}

bool backup_jobs_busy(const struct backup_jobs *b) {
  return b->current != NULL;
}

struct backup_jobs *backup_jobs_new(struct errands *errands, struct committer *c) {
  struct backup_jobs *b = alloc_new(struct backup_jobs);
  b->errands = errands;
  b->committer = c;
  return b;
}

void backup_jobs_free(struct backup_jobs *b) {
  if (!b) return;
  if (b->current && b->current->stage != STAGE_DELIVER) trip_send(b, NULL, b->current->file, run_drop, NULL);
  b->closing = true;
  jobs_release(b);
}
