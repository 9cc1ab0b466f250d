#include "scheduler/daemon/loader.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "scheduler/daemon/dags.h"
#include "scheduler/spec/pipeline.h"

struct waiter {
  loader_done_fn *done;
  void *ctx;
};

struct loader {
  struct inbox *inbox;
  const struct config *config;
  bool anew;             /* the next scan reads all files */
  struct dags_scan last; /* what is wrong and which folders there are, from the last scan; its findings are told */

  /* The thread's while a scan is under way. */
  struct dags *dags;
  struct dags_scan scan;
  const struct config *scan_config;
  bool scan_anew;

  uv_work_t work;
  bool busy, closing;
  VEC(struct waiter) waiters, later; /* for the scan under way, for the one after it */
};

struct loader *loader_new(struct inbox *inbox, const struct config *config) {
  struct loader *l = alloc_new(struct loader);
  l->inbox = inbox;
  l->config = config;
  l->dags = dags_new();
  return l;
}

void loader_free(struct loader *l) {
  if (!l) return;
  l->closing = true;
  if (l->busy) return;
  dags_free(l->dags);
  dags_scan_release(&l->scan);
  dags_scan_release(&l->last);
  vec_release(&l->waiters);
  vec_release(&l->later);
  free(l);
}

void loader_guard(struct loader *l, struct quarantine *q) {
  dags_guard(l->dags, q);
}

void loader_know(struct loader *l, const char *name, const char *sha256, struct pipeline *pipeline) {
  dags_know(l->dags, name, sha256, pipeline);
}

void loader_configure(struct loader *l, const struct config *config) {
  l->config = config;
  l->anew = true;
}

/* ---- telling the engine ---- */

static void tell_loaded(struct inbox *inbox, const struct dags_finding *f) {
  struct arena *a = inbox_arena(inbox);
  struct engine_loaded *e = &inbox_add(inbox, ENGINE_LOADED)->loaded;
  e->name = arena_strdup(a, f->name);
  e->pipeline = pipeline_retain(f->pipeline);
  e->text = arena_strndup(a, buf_cstr(&f->text), f->text.len);
  e->text_len = f->text.len;
  e->json = arena_strndup(a, buf_cstr(&f->json), f->json.len);
  e->json_len = f->json.len;
  memcpy(e->sha256, f->sha256, sizeof e->sha256);
}

static void tell_broken(struct inbox *inbox, const struct dags_finding *f) {
  struct arena *a = inbox_arena(inbox);
  struct engine_broken *e = &inbox_add(inbox, ENGINE_BROKEN)->broken;
  e->name = arena_strdup(a, f->name);
  e->error = arena_strdup(a, f->error);
}

static void tell_gone(struct inbox *inbox, const struct dags_finding *f) {
  inbox_add(inbox, ENGINE_GONE)->gone.name = arena_strdup(inbox_arena(inbox), f->name);
}

static struct loader_result scan_tell(struct loader *l) {
  static void (*const tell[])(struct inbox *, const struct dags_finding *) = {
      [DAGS_LOADED] = tell_loaded, [DAGS_BROKEN] = tell_broken, [DAGS_GONE] = tell_gone};
  size_t count[] = {[DAGS_LOADED] = 0, [DAGS_BROKEN] = 0, [DAGS_GONE] = 0};
  for (size_t i = 0; i < l->scan.findings.len; i++) {
    const struct dags_finding *f = &l->scan.findings.items[i];
    count[f->kind]++;
    tell[f->kind](l->inbox, f);
  }
  struct loader_result result = {
      .files = l->scan.files, .loaded = count[DAGS_LOADED], .broken = count[DAGS_BROKEN], .gone = count[DAGS_GONE]};
  dags_scan_release(&l->last);
  l->last = l->scan;
  l->scan = (struct dags_scan){0};
  return result;
}

/* ---- scanning ---- */

static void scan_prepare(struct loader *l) {
  l->scan_config = l->config;
  l->scan_anew = l->anew;
  l->anew = false;
}

struct loader_result loader_scan(struct loader *l) {
  assert(!l->busy);
  scan_prepare(l);
  dags_scan(l->dags, l->scan_config, l->scan_anew, &l->scan);
  return scan_tell(l);
}

static void on_work(uv_work_t *work) {
  struct loader *l = work->data;
  dags_scan(l->dags, l->scan_config, l->scan_anew, &l->scan);
}

static void on_worked(uv_work_t *work, int status);

static void scan_begin(struct loader *l, uv_loop_t *loop) {
  scan_prepare(l);
  l->work.data = l;
  l->busy = true;
  int err = uv_queue_work(loop, &l->work, on_work, on_worked);
  assert(!err); /* it fails for want of a function only */
  (void)err;
}

static void on_worked(uv_work_t *work, int status) {
  struct loader *l = work->data;
  (void)status;
  l->busy = false;
  if (l->closing) {
    loader_free(l);
    return;
  }
  struct loader_result result = scan_tell(l);
  size_t len = l->waiters.len;
  struct waiter *waiters = l->waiters.items;
  memcpy(&l->waiters, &l->later, sizeof l->waiters);
  memset(&l->later, 0, sizeof l->later);
  if (l->waiters.len > 0) scan_begin(l, work->loop);
  for (size_t i = 0; i < len; i++) waiters[i].done(waiters[i].ctx, &result);
  free(waiters);
}

void loader_rescan(struct loader *l, uv_loop_t *loop, loader_done_fn *done, void *ctx) {
  const struct waiter waiter = {.done = done, .ctx = ctx};
  if (l->busy) {
    vec_push(&l->later, waiter);
  } else {
    vec_push(&l->waiters, waiter);
    scan_begin(l, loop);
  }
}

/* ---- what the last scan saw ---- */

void loader_broken_json(const struct loader *l, struct json *j) {
  if (l->last.broken.len > 0) jsonw_raw(j, l->last.broken.bytes, l->last.broken.len);
}

size_t loader_broken(const struct loader *l) {
  return l->last.broken.len;
}

size_t loader_folders(const struct loader *l, const char *const **folders) {
  *folders = l->last.folders.items;
  return l->last.folders.len;
}
