#include "scheduler/daemon/backup_job.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "scheduler/store/backup.h"

struct backup_job {
  struct backup_jobs *jobs;
  backup_done_fn *done;
  void *ctx;
  char *file;
  struct backup *backup; /* NULL before it is begun and once it is finished or given up */
  double copied;         /* as of the last step */
  struct buf why;
  uv_work_t finish;
  int result;
};

struct backup_jobs {
  uv_loop_t *loop;
  struct committer *committer;
  struct backup_job *current; /* NULL: none is under way */
  bool closing;
};

static const struct refusal {
  int err, status;
} refusals[] = {{ERR_EXISTS, 409}, {ERR_FULL, 507}, {ERR_DENIED, 422}, {ERR_NOT_FOUND, 422}, {0, 500}};

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
  job->done(job->ctx, err ? status_of(err) : 200, err ? why : NULL);
  if (err)
    LOG(LOG_WARNING, "no backup was made", {"file", job->file}, {"reason", why});
  else
    LOG(LOG_INFO, "a backup was made", {"file", job->file});
  b->current = NULL;
  buf_release(&job->why);
  free(job->file);
  free(job);
  jobs_release(b);
}

/* The check of the copy and its sync take long for a large database: they need no writer. */
static void finish_work(uv_work_t *work) {
  struct backup_job *job = work->data;
  job->result = backup_finish(job->backup, &job->why);
}

static void finish_done(uv_work_t *work, int cancelled) {
  struct backup_job *job = work->data;
  if (cancelled) backup_abort(job->backup);
  job_end(job, cancelled ? ERR_AGAIN : job->result);
}

static int step(struct store *store, void *arg) {
  struct backup_job *job = arg;
  int result = job->backup ? 0 : backup_begin(store, job->file, &job->backup, &job->why);
  if (result == 0) result = backup_step(job->backup, &job->why);
  if (result < 0) {
    backup_abort(job->backup);
    job->backup = NULL;
  }
  return result;
}

/* Between two steps nobody else uses the job, and once the daemon closes nobody else uses the writer's connection. */
static void step_done(void *arg, int result) {
  struct backup_job *job = arg;
  struct backup_jobs *b = job->jobs;
  if (result >= 0 && b->closing) result = ERR_AGAIN;
  if (result == 1) {
    job->copied = backup_progress(job->backup);
    committer_job(b->committer, step, step_done, job);
    return;
  }
  job->finish.data = job;
  if (result == 0 && uv_queue_work(b->loop, &job->finish, finish_work, finish_done) == 0) return;
  if (job->backup) {
    buf_str(&job->why, b->closing ? "the daemon stops" : "no thread is free to check it: repeat it");
    backup_abort(job->backup);
  }
  job_end(job, result < 0 ? result : ERR_AGAIN);
}

/* Another one is under way: told in the next turn of the writer, as all is. */
static int refuse_job(struct store *store, void *arg) {
  (void)store;
  (void)arg;
  return ERR_EXISTS;
}

static void refuse_done(void *arg, int result) {
  struct backup_job *job = arg;
  job->done(job->ctx, status_of(result), job->why.bytes);
  buf_release(&job->why);
  free(job->file);
  free(job);
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
    committer_job(b->committer, refuse_job, refuse_done, job);
    return;
  }
  b->current = job;
  committer_job(b->committer, step, step_done, job);
}

bool backup_jobs_busy(const struct backup_jobs *b) {
  return b->current != NULL;
}

struct backup_jobs *backup_jobs_new(uv_loop_t *loop, struct committer *c) {
  struct backup_jobs *b = alloc_new(struct backup_jobs);
  b->loop = loop;
  b->committer = c;
  return b;
}

void backup_jobs_free(struct backup_jobs *b) {
  if (!b) return;
  b->closing = true;
  jobs_release(b);
}
