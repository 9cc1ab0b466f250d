#include "scheduler/daemon/backup_job.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "scheduler/store/backup.h"

struct backup_job {
  struct committer *committer;
  struct server *server;
  uint64_t handle;
  char *file;
  struct backup *backup; /* NULL before it is begun and after it is finished */
  struct buf why;
  uv_work_t finish;
  int result;
};

static void job_end(struct backup_job *job, int err) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  if (err) {
    int status = err == ERR_EXISTS ? 409 : err == ERR_FULL ? 507 : 500;
    api_problem_begin(&j, status, "No backup", job->why.len ? job->why.bytes : err_text(err));
    jsonw_object_end(&j);
    api_reply(server_api(job->server), job->handle, status, API_PROBLEM_TYPE, NULL, 0, body.bytes, body.len);
  } else {
    jsonw_object(&j);
    jsonw_member_string(&j, "file", job->file);
    jsonw_object_end(&j);
    api_reply(server_api(job->server), job->handle, 200, NULL, NULL, 0, body.bytes, body.len);
  }
  server_pump(job->server);
  buf_release(&body);
  buf_release(&job->why);
  free(job->file);
  free(job);
}

/* The check of the copy and its sync take long for a large database: they need no writer. */
static void finish_work(uv_work_t *work) {
  struct backup_job *job = work->data;
  job->result = backup_finish(job->backup, &job->why);
}

static void finish_done(uv_work_t *work, int status) {
  (void)status;
  struct backup_job *job = work->data;
  job_end(job, job->result);
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

static void step_done(void *arg, int result) {
  struct backup_job *job = arg;
  if (result < 0) {
    job_end(job, result);
  } else if (result == 1) {
    committer_job(job->committer, step, step_done, job);
  } else {
    job->finish.data = job;
    uv_queue_work(server_loop(job->server), &job->finish, finish_work, finish_done);
  }
}

void backup_job_start(struct committer *c, struct server *server, uint64_t handle, const char *file) {
  struct backup_job *job = alloc_new(struct backup_job);
  job->committer = c;
  job->server = server;
  job->handle = handle;
  job->file = alloc_strdup(file);
  committer_job(c, step, step_done, job);
}
