#include "scheduler/daemon/backup_job.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "scheduler/store/backup.h"

struct backup_job {
  struct backup_jobs *jobs;
  uint64_t handle;
  char *file;
  struct backup *backup; /* NULL before it is begun and once it is finished or given up */
  double copied;         /* as of the last step */
  struct buf why;
  uv_work_t finish;
  int result;
};

struct backup_jobs {
  struct committer *committer;
  struct server *server;
  struct backup_job *current; /* NULL: none is under way */
  bool closing;
};

static const struct refusal {
  int err, status;
} refusals[] = {{ERR_EXISTS, 409}, {ERR_FULL, 507}, {ERR_DENIED, 422}, {ERR_NOT_FOUND, 422}, {0, 500}};

static void jobs_release(struct backup_jobs *b) {
  if (b->closing && !b->current) free(b);
}

static void tell_failure(const struct backup_job *job, int err) {
  const struct refusal *refusal = refusals;
  while (refusal->err && refusal->err != err) refusal++;
  api_problem(server_api(job->jobs->server), job->handle, refusal->status, "No backup",
              job->why.len ? job->why.bytes : err_text(err));
}

static void tell_success(const struct backup_job *job) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_string(&j, "file", job->file);
  jsonw_object_end(&j);
  api_reply(server_api(job->jobs->server), job->handle, 200, NULL, NULL, 0, body.bytes, body.len);
  buf_release(&body);
}

/* The server is gone when the daemon closes. */
static void job_end(struct backup_job *job, int err) {
  struct backup_jobs *b = job->jobs;
  if (!b->closing) {
    if (err)
      tell_failure(job, err);
    else
      tell_success(job);
    server_pump(b->server);
  }
  if (err)
    LOG(LOG_WARNING, "no backup was made", {"file", job->file},
        {"reason", job->why.len ? job->why.bytes : err_text(err)});
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
  if (result == 0 && uv_queue_work(server_loop(b->server), &job->finish, finish_work, finish_done) == 0) return;
  if (job->backup) {
    buf_str(&job->why, b->closing ? "the daemon stops" : "no thread is free to check it: repeat it");
    backup_abort(job->backup);
  }
  job_end(job, result < 0 ? result : ERR_AGAIN);
}

void backup_jobs_start(struct backup_jobs *b, uint64_t handle, const char *file) {
  if (b->current) {
    struct buf why = {0};
    buf_fmt(&why, "a backup to %s is under way, %d %% of it copied: wait until it has ended", b->current->file,
            (int)(b->current->copied * 100));
    api_problem(server_api(b->server), handle, 409, "No backup", buf_cstr(&why));
    buf_release(&why);
    return;
  }
  struct backup_job *job = alloc_new(struct backup_job);
  job->jobs = b;
  job->handle = handle;
  job->file = alloc_strdup(file);
  b->current = job;
  committer_job(b->committer, step, step_done, job);
}

struct backup_jobs *backup_jobs_new(struct committer *c, struct server *server) {
  struct backup_jobs *b = alloc_new(struct backup_jobs);
  b->committer = c;
  b->server = server;
  return b;
}

void backup_jobs_free(struct backup_jobs *b) {
  if (!b) return;
  b->closing = true;
  jobs_release(b);
}
