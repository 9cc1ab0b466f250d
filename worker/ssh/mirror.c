#include "worker/ssh/mirror.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/attempt_dir.h"
#include "worker/log_resume.h"

/* What a job works on; it belongs to the crew while one is under way, else to the mirror. */
struct copy {
  struct job job;
  struct mirror *owner; /* NULL once the mirror was freed */
  char *dir_path;
  uint64_t cap;
  int dir;
  struct log_writer writer;
  uint64_t offset;
  struct buf bytes;
  instant at;
  int err;
};

struct mirror {
  struct mirror_options options;
  struct copy *copy;
  bool busy;
};

static void copy_close(struct copy *c) {
  if (c->dir < 0) return;
  log_writer_end(&c->writer, clock_now());
  close(c->dir);
  c->dir = -1;
}

static void copy_free(struct copy *c) {
  copy_close(c);
  buf_release(&c->bytes);
  free(c->dir_path);
  free(c);
}

/* ---- on the lane ---- */

static int place_make(const char *path) {
  char *run = path_folder(path);
  int err = mkdir(run, 0700) && errno != EEXIST ? err_from_errno(errno) : 0;
  if (!err && mkdir(path, 0700) && errno != EEXIST) err = err_from_errno(errno);
  free(run);
  return err;
}

static void open_run(struct job *j) {
  struct copy *c = (struct copy *)j;
  c->err = place_make(c->dir_path);
  if (c->err) return;
  int dir = attempt_dir_open(c->dir_path);
  if (dir < 0) {
    c->err = dir;
    return;
  }
  c->err = log_writer_resume(&c->writer, c->dir_path, dir, c->cap);
  if (c->err)
    close(dir);
  else
    c->dir = dir;
}

static void append_run(struct job *j) {
  struct copy *c = (struct copy *)j;
  struct log_writer *w = &c->writer;
  int error;
  if (c->offset > w->total) log_writer_skip(w, c->offset - w->total);
  size_t done = log_writer_put(w, c->bytes.bytes, c->bytes.len, c->at, &error);
  c->err = done < c->bytes.len ? err_from_errno(error) : 0;
}

/* Closing may wait for the disk as well. */
static void end_run(struct job *j) {
  copy_close((struct copy *)j);
}

/* ---- on the loop's thread ---- */

static void ended(struct job *j, bool dropped) {
  (void)dropped;
  copy_free((struct copy *)j);
}

static void end_submit(struct crew *crew, int lane, struct copy *c) {
  c->job = (struct job){.run = end_run, .done = ended};
  crew_submit(crew, lane, &c->job, false);
}

/* The mirror that the job was for, or NULL after letting go of the copy of one that is gone. */
static struct mirror *owner_of(struct copy *c, bool dropped) {
  struct mirror *m = c->owner;
  if (!m || dropped) {
    if (m) m->copy = NULL;
    copy_free(c);
    return NULL;
  }
  m->busy = false;
  return m;
}

static void opened(struct job *j, bool dropped) {
  struct copy *c = (struct copy *)j;
  struct mirror *m = owner_of(c, dropped);
  if (m) m->options.events->ready(m->options.ctx, c->err, c->dir >= 0 ? c->writer.total : 0);
}

static void appended(struct job *j, bool dropped) {
  struct copy *c = (struct copy *)j;
  struct mirror *m = owner_of(c, dropped);
  if (m) m->options.events->written(m->options.ctx, c->err, c->writer.total);
}

static void submit(struct mirror *m, void (*run)(struct job *), void (*done)(struct job *, bool)) {
  m->copy->job = (struct job){.run = run, .done = done};
  m->busy = true;
  crew_submit(m->options.crew, m->options.lane, &m->copy->job, false);
}

struct mirror *mirror_new(const struct mirror_options *options) {
  struct mirror *m = alloc_new(struct mirror);
  struct copy *c = alloc_new(struct copy);
  m->options = *options;
  m->options.attempt_dir = NULL; /* the copy has it */
  m->copy = c;
  c->owner = m;
  c->dir = -1;
  c->dir_path = alloc_strdup(options->attempt_dir);
  c->cap = options->cap;
  submit(m, open_run, opened);
  return m;
}

void mirror_append(struct mirror *m, uint64_t offset, struct buf *bytes) {
  struct copy *c = m->copy;
  if (!c) return; /* the crew is closing */
  assert(!m->busy && c->dir >= 0 && offset >= c->writer.total);
  const struct buf former = c->bytes;
  c->bytes = *bytes;
  *bytes = former;
  buf_reset(bytes);
  c->offset = offset;
  c->at = clock_now();
  submit(m, append_run, appended);
}

void mirror_free(struct mirror *m) {
  if (!m) return;
  if (m->copy && m->busy)
    m->copy->owner = NULL;
  else if (m->copy)
    end_submit(m->options.crew, m->options.lane, m->copy);
  free(m);
}
