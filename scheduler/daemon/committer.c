#include "scheduler/daemon/committer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "scheduler/store/store.h"

#define IDLE_NS UINT64_C(1000000000)

struct job {
  committer_job_fn *run;
  committer_job_done_fn *done;
  void *arg;
  int result;
};

struct committer {
  struct store *store;
  committer_done_fn *done;
  void *ctx;

  uv_thread_t thread;
  uv_async_t async;
  uv_mutex_t lock;
  uv_cond_t wake;

  /* Under the lock. */
  const struct change *changes;
  size_t len;
  bool handed_over, committed, quit;
  bool tended; /* since the last commit or job */
  int err, broken;
  bool store_full;
  int64_t store_number;
  struct buf why;
  VEC(struct job) jobs, jobs_done;
  int64_t handed_at; /* monotonic, as are all such */
  int64_t moved_at;  /* when the writer last began or ended something, or something came that it had nothing before */
  bool working;
  struct histogram took;
  instant committed_at;
  int64_t wal_bytes;

  /* Loop thread only. */
  bool busy, full;
  int stopped; /* what committer_failed was told */
  int64_t number;
};

/* Under the lock. */
static void tell_result(struct committer *c, int err, struct buf *why) {
  struct store_health health;
  store_health(c->store, &health);
  c->store_full = health.full;
  c->store_number = health.commit_number;
  c->wal_bytes = health.wal_bytes;
  if (err == 0) {
    histogram_add(&c->took, clock_monotonic() - c->handed_at);
    c->committed_at = clock_now();
  }
  c->err = err;
  buf_release(&c->why);
  c->why = *why;
  c->committed = true;
  uv_async_send(&c->async);
}

static bool ends_commits(int err) {
  return err == ERR_SYNC || err == ERR_IO || err == ERR_CORRUPT;
}

/* Under the lock. */
static void moved(struct committer *c, bool working) {
  c->moved_at = clock_monotonic();
  c->working = working;
}

/* A checkpoint that fails for good is told as the failure of the next commit would be. */
static void tend(struct committer *c, bool idle) {
  struct buf why = {0};
  int err = store_tend(c->store, idle, &why);
  if (ends_commits(err)) {
    uv_mutex_lock(&c->lock);
    c->broken = err;
    uv_async_send(&c->async);
    uv_mutex_unlock(&c->lock);
  }
  buf_release(&why);
}

static void run_commit(struct committer *c) {
  const struct change *changes = c->changes;
  size_t len = c->len;
  c->handed_over = false;
  uv_mutex_unlock(&c->lock);
  struct buf why = {0};
  int err = store_commit(c->store, changes, len, &why);
  uv_mutex_lock(&c->lock);
  tell_result(c, err, &why);
  c->tended = false;
  uv_mutex_unlock(&c->lock);
  tend(c, false);
  uv_mutex_lock(&c->lock);
}

static void run_job(struct committer *c) {
  struct job job = c->jobs.items[0];
  c->jobs.len--;
  for (size_t i = 0; i < c->jobs.len; i++) c->jobs.items[i] = c->jobs.items[i + 1];
  uv_mutex_unlock(&c->lock);
  job.result = job.run(c->store, job.arg);
  uv_mutex_lock(&c->lock);
  vec_push(&c->jobs_done, job);
  c->tended = false;
  uv_async_send(&c->async);
}

/* When nothing has come for a while, the log is moved into the database. */
static void wait_or_tend(struct committer *c) {
  if (uv_cond_timedwait(&c->wake, &c->lock, IDLE_NS) != UV_ETIMEDOUT) return;
  c->tended = true;
  moved(c, true);
  uv_mutex_unlock(&c->lock);
  tend(c, true);
  alloc_trim(); /* a daemon is idle most of its life */
  uv_mutex_lock(&c->lock);
  moved(c, false);
}

static void writer_main(void *arg) {
  struct committer *c = arg;
  uv_mutex_lock(&c->lock);
  for (;;) {
    if (c->handed_over) {
      moved(c, true);
      run_commit(c);
      moved(c, false);
    } else if (c->quit) {
      break;
    } else if (c->jobs.len > 0) {
      moved(c, true);
      run_job(c);
      moved(c, false);
    } else if (!c->tended) {
      wait_or_tend(c);
    } else {
      uv_cond_wait(&c->wake, &c->lock);
    }
  }
  uv_mutex_unlock(&c->lock);
}

static void job_tell(const struct job *job, int result) {
  if (job->done) job->done(job->arg, result);
}

static void on_async(uv_async_t *async) {
  struct committer *c = async->data;
  uv_mutex_lock(&c->lock);
  bool committed = c->committed;
  int err = c->err;
  int broken = c->broken;
  bool full = c->store_full;
  int64_t number = c->store_number;
  struct buf why = c->why;
  c->why = (struct buf){0};
  c->broken = 0;
  c->committed = false;
  size_t jobs_len = c->jobs_done.len;
  struct job *jobs = c->jobs_done.items;
  c->jobs_done.items = NULL;
  c->jobs_done.len = c->jobs_done.cap = 0;
  uv_mutex_unlock(&c->lock);

  if (committed) {
    c->busy = false;
    c->full = full;
    c->number = number;
    c->done(c->ctx, err, buf_cstr(&why));
  }
  if (broken) c->done(c->ctx, broken, "the log can't be moved into the database");
  buf_release(&why);
  for (size_t i = 0; i < jobs_len; i++) job_tell(&jobs[i], jobs[i].result);
  free(jobs);
}

static void release(struct committer *c) {
  uv_mutex_destroy(&c->lock);
  uv_cond_destroy(&c->wake);
  vec_release(&c->jobs);
  vec_release(&c->jobs_done);
  buf_release(&c->why);
  free(c);
}

static void on_closed(uv_handle_t *handle) {
  release(handle->data);
}

struct committer *committer_new(uv_loop_t *loop, struct store *store, committer_done_fn *done, void *ctx) {
  struct committer *c = alloc_new(struct committer);
  c->store = store;
  c->done = done;
  c->ctx = ctx;
  struct store_health health;
  store_health(store, &health);
  c->number = health.commit_number;
  c->wal_bytes = health.wal_bytes;
  c->committed_at = INSTANT_NONE;
  uv_mutex_init(&c->lock);
  uv_cond_init(&c->wake);
  if (uv_async_init(loop, &c->async, on_async)) {
    release(c);
    return NULL;
  }
  c->async.data = c;
  if (uv_thread_create(&c->thread, writer_main, c) == 0) return c;
  uv_close((uv_handle_t *)&c->async, on_closed);
  return NULL;
}

/* Under the lock, before something is asked of the writer. */
static void wanted(struct committer *c) {
  if (!c->working && !c->handed_over && c->jobs.len == 0) c->moved_at = clock_monotonic();
}

void committer_commit(struct committer *c, const struct change *changes, size_t len) {
  assert(!c->busy);
  c->busy = true;
  uv_mutex_lock(&c->lock);
  wanted(c);
  c->handed_at = clock_monotonic();
  c->changes = changes;
  c->len = len;
  c->handed_over = true;
  uv_cond_signal(&c->wake);
  uv_mutex_unlock(&c->lock);
}

void committer_view(struct committer *c, struct committer_view *out) {
  uv_mutex_lock(&c->lock);
  bool rests = !c->working && !c->handed_over && c->jobs.len == 0;
  int64_t silent = rests ? 0 : clock_monotonic() - c->moved_at;
  *out = (struct committer_view){.took = c->took,
                                 .committed_at = c->committed_at,
                                 .jobs = c->jobs.len,
                                 .wal_bytes = c->wal_bytes,
                                 .silent_us = silent < 0 ? 0 : silent};
  uv_mutex_unlock(&c->lock);
}

bool committer_busy(const struct committer *c) {
  return c->busy;
}

bool committer_full(const struct committer *c) {
  return c->full;
}

int64_t committer_number(const struct committer *c) {
  return c->number;
}

void committer_job(struct committer *c, committer_job_fn *run, committer_job_done_fn *done, void *arg) {
  struct job job = {.run = run, .done = done, .arg = arg};
  uv_mutex_lock(&c->lock);
  wanted(c);
  vec_push(&c->jobs, job);
  uv_cond_signal(&c->wake);
  uv_mutex_unlock(&c->lock);
}

void committer_failed(struct committer *c, int err) {
  if (!ends_commits(err)) return;
  c->stopped = err;
  c->done(c->ctx, err, "the database can't be written");
}

void committer_free(struct committer *c) {
  if (!c) return;
  uv_mutex_lock(&c->lock);
  c->quit = true;
  uv_cond_signal(&c->wake);
  uv_mutex_unlock(&c->lock);
  uv_thread_join(&c->thread);
  store_stop(c->store, c->stopped);
  for (size_t i = 0; i < c->jobs_done.len; i++) job_tell(&c->jobs_done.items[i], c->jobs_done.items[i].result);
  /* A job that is put back by its own `done` comes to the end of the list and is told once more. */
  for (size_t i = 0; i < c->jobs.len; i++) {
    struct job job = c->jobs.items[i];
    job_tell(&job, ERR_AGAIN);
  }
  uv_close((uv_handle_t *)&c->async, on_closed);
}
