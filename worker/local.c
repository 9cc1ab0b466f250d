#include "worker/local.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/id.h"
#include "worker/local_inside.h"
#include "worker/local_prepare.h"
#include "worker/local_report.h"

#define LOOK_AGAIN_MS 5000

#define EVENTS_AT_ONCE  64
#define NOTICES_AT_ONCE 64

/* ---- reports ---- */

static struct report report_of(const struct attempt *a, enum report_kind kind) {
  return (struct report){.kind = kind,
                         .run_id = a->run_id,
                         .attempt_id = a->id,
                         .pid = -1,
                         .started_at = INSTANT_NONE,
                         .ended_at = INSTANT_NONE,
                         .cpu_us = -1,
                         .max_rss_kb = -1,
                         .log_bytes = -1};
}

static void report(struct local *l, const struct report *r) {
  l->base.report(l->base.ctx, r);
}

/* The last report about an attempt: after it the same id may come again. */
static void report_last(struct local *l, struct attempt *a, const struct report *r) {
  assert(!a->over);
  a->over = true;
  attempts_forget(&l->attempts, a);
  report(l, r);
}

void local_report_simple(struct local *l, struct attempt *a, enum report_kind kind, int err, const char *text) {
  struct report r = report_of(a, kind);
  r.err = err;
  r.text = text;
  report_last(l, a, &r);
}

/* Whatever can't be read now may be read later, and nobody else would look. */
static void on_look_again(uv_timer_t *timer) {
  struct local *l = timer->data;
  bool any = false;
  for (struct attempt *a = l->attempts.all; a; a = a->next) {
    if (a->over || !a->unreachable) continue;
    any = true;
    if (a->pidfd < 0 && a->chores == 0) local_look_submit(l, a, false, 0);
  }
  if (!any) uv_timer_stop(timer);
}

void local_report_reachable(struct local *l, struct attempt *a) {
  if (!a->unreachable) return;
  a->unreachable = false;
  struct report r = report_of(a, REPORT_REACHABLE);
  if (a->started) report(l, &r);
}

void local_report_unreachable(struct local *l, struct attempt *a, const char *text) {
  a->unreachable = true;
  if (!uv_is_active((uv_handle_t *)&l->look_again)) {
    uv_timer_start(&l->look_again, on_look_again, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
  }
  struct report r = report_of(a, REPORT_UNREACHABLE);
  r.text = text;
  report(l, &r);
}

void local_report_started(struct local *l, struct attempt *a, int64_t pid, instant at) {
  if (a->started) return;
  a->started = true;
  struct report r = report_of(a, REPORT_STARTED);
  r.pid = pid;
  r.started_at = at;
  report(l, &r);
}

/* A STARTED that got lost on a full pipe is made up for. */
void local_report_findings(struct local *l, struct attempt *a, const struct findings *f) {
  struct buf text = {0};
  if (f->reason != RUNDIR_LAUNCH_FAILED) local_report_started(l, a, f->pid, f->started_at);
  struct report r = report_ended(f, &text);
  r.run_id = a->run_id;
  r.attempt_id = a->id;
  report_last(l, a, &r);
  buf_release(&text);
}

/* ---- chores ---- */

static struct chore *chore_new(struct local *l, struct attempt *a, enum chore_kind kind) {
  struct chore *c = alloc_new(struct chore);
  c->job = (struct job){.run = chore_run, .done = local_chore_done};
  c->kind = kind;
  c->place = &l->place;
  c->owner = a;
  c->run_id = a->run_id;
  c->attempt_id = a->id;
  c->dir = a->dir;
  c->pidfd = -1;
  a->chores++;
  return c;
}

void local_look_submit(struct local *l, struct attempt *a, bool was_claimed, int tries) {
  struct chore *c = chore_new(l, a, CHORE_LOOK);
  c->was_claimed = was_claimed;
  c->tries = tries;
  crew_submit(l->place.crew, LANE_LOOK, &c->job, false);
}

void local_fence_submit(struct local *l, struct attempt *a) {
  a->fencing = true;
  crew_submit(l->place.crew, LANE_LAUNCH, &chore_new(l, a, CHORE_FENCE)->job, false);
}

/* The chore gets a descriptor of its own: the attempt's may be closed before it runs. */
void local_stop_submit(struct local *l, struct attempt *a) {
  int own = fcntl(a->pidfd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) {
    local_look_submit(l, a, true, 1); /* finds it running, and comes here again */
    return;
  }
  struct chore *c = chore_new(l, a, CHORE_STOP);
  c->pidfd = own;
  c->grace = a->stop_now ? 0 : a->grace;
  crew_submit(l->place.crew, LANE_LAUNCH, &c->job, true);
}

/* ---- supervisors ---- */

void local_watch(struct local *l, struct attempt *a, int pidfd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = a}};
  assert(a->pidfd < 0);
  a->pidfd = pidfd;
  /* Without memory for the watch the pidfd is let go: looking again finds another way or the same shortage. */
  if (epoll_ctl(l->supervisors, EPOLL_CTL_ADD, pidfd, &event) == 0) return;
  close(pidfd);
  a->pidfd = -1;
  local_look_submit(l, a, true, 1);
}

/* Reaps a supervisor of ours that is gone; its exit status says why it couldn't claim. */
void local_reap(struct attempt *a) {
  if (a->child <= 0) return;
  siginfo_t info = {0};
  if (waitid(P_PID, (id_t)a->child, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0) return;
  if (info.si_code == CLD_EXITED) a->refusal = info.si_status;
  a->child = 0;
}

void local_unwatch(struct local *l, struct attempt *a) {
  if (a->pidfd < 0) return;
  epoll_ctl(l->supervisors, EPOLL_CTL_DEL, a->pidfd, NULL);
  local_reap(a);
  close(a->pidfd);
  a->pidfd = -1;
}

/* ---- notices ---- */

static void notice_take(struct local *l, const struct notice *n) {
  char id[sizeof n->attempt_id + 1] = {0};
  memcpy(id, n->attempt_id, sizeof n->attempt_id);
  struct attempt *a = attempts_find(&l->attempts, id);
  if (!a || n->magic != NOTICE_MAGIC || n->reason < 0 || n->reason > RUNDIR_LAUNCH_FAILED) return;
  struct findings f;
  findings_from_notice(&f, n);
  if (n->kind == NOTICE_STARTED) local_report_started(l, a, f.pid, f.started_at);
  /* The files say more about a launch that failed; they are read when the supervisor is gone. */
  else if (n->kind == NOTICE_ENDED && f.reason != RUNDIR_LAUNCH_FAILED)
    local_report_findings(l, a, &f);
}

static void notices_drain(struct local *l) {
  static const size_t size = sizeof(struct notice);
  struct notice all[NOTICES_AT_ONCE];
  ssize_t n;
  do {
    n = read(l->place.spawner.reading, all, sizeof all);
    for (ssize_t i = 0; i < n / (ssize_t)size; i++) notice_take(l, &all[i]);
  } while (n == (ssize_t)sizeof all);
}

static void on_notice(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  notices_drain(poll->data);
}

/* The supervisor has gone. Its notice may be in the pipe: it was written before. */
static void supervisor_gone(struct local *l, struct attempt *a) {
  notices_drain(l);
  if (!a->over) {
    /* It stays a zombie until the files are read, so that its number can't become another's session meanwhile. */
    epoll_ctl(l->supervisors, EPOLL_CTL_DEL, a->pidfd, NULL);
    local_look_submit(l, a, true, 0);
    return;
  }
  local_unwatch(l, a);
  attempts_settle(&l->attempts, a);
}

static void on_supervisor(uv_poll_t *poll, int status, int events) {
  struct local *l = poll->data;
  struct epoll_event all[EVENTS_AT_ONCE];
  (void)status;
  (void)events;
  int n = epoll_wait(l->supervisors, all, EVENTS_AT_ONCE, 0);
  for (int i = 0; i < n; i++) supervisor_gone(l, all[i].data.ptr);
}

/* ---- the interface ---- */

static int local_start(struct executor *e, const struct launch *from) {
  struct local *l = (struct local *)e;
  struct attempt *a = attempts_add(&l->attempts, l->place.state_dir, from->run_id, from->attempt_id);
  if (!a) return 0;
  struct chore *c = chore_new(l, a, CHORE_START);
  a->grace = from->grace;
  a->start = c;
  c->work_dir = alloc_fmt("%s/work/%s", l->place.state_dir, from->run_id);
  c->state_dir = alloc_fmt("%s/work/%s.state/%s", l->place.state_dir, from->run_id, from->state_key);
  c->label = alloc_strdup(from->label ? from->label : from->attempt_id);
  c->fresh_state = from->fresh_state;
  c->script_len = from->script_len;
  c->context_len = from->context_len;
  if (from->script) c->script = memcpy(alloc_zeroed(1, from->script_len + 1), from->script, from->script_len);
  if (from->context) c->context = memcpy(alloc_zeroed(1, from->context_len + 1), from->context, from->context_len);
  const struct local_dirs dirs = {.attempt = a->dir, .work = c->work_dir, .state = c->state_dir};
  local_spec_write(from, &l->place.account, &dirs, &c->spec);
  crew_submit(l->place.crew, LANE_LAUNCH, &c->job, false);
  return 0;
}

static int local_adopt(struct executor *e, const char *run_id, const char *attempt_id, duration grace) {
  struct local *l = (struct local *)e;
  struct attempt *a = attempts_add(&l->attempts, l->place.state_dir, run_id, attempt_id);
  if (!a) return 0;
  a->grace = grace;
  a->adopting = true;
  local_look_submit(l, a, false, 0);
  return 0;
}

static int local_stop(struct executor *e, const char *attempt_id, bool now) {
  struct local *l = (struct local *)e;
  struct attempt *a = attempts_find(&l->attempts, attempt_id);
  if (!a) return ERR_NOT_FOUND;
  a->stop_wanted = true;
  a->stop_now = a->stop_now || now;
  if (a->start)
    a->start->fence_instead = true;
  else if (a->pidfd >= 0)
    local_stop_submit(l, a);
  else if (a->chores == 0) /* it couldn't be reached: what is found now is stopped, or has ended meanwhile */
    local_look_submit(l, a, false, 0);
  return 0;
}

static int local_fence(struct executor *e, const char *run_id, const char *attempt_id) {
  struct local *l = (struct local *)e;
  struct attempt *a = attempts_add(&l->attempts, l->place.state_dir, run_id, attempt_id);
  if (!a) return ERR_CONFLICT;
  local_fence_submit(l, a);
  return 0;
}

static int local_sweep(struct executor *e, const char *run_id, bool all) {
  struct local *l = (struct local *)e;
  if (!id_valid(run_id)) return ERR_INVALID;
  sweep_submit(&l->place, run_id, all);
  return 0;
}

static void prepared(void *ctx, const char *run_id, int err, const char *text) {
  struct local *l = ctx;
  if (l->closing) return;
  struct attempt none = {0};
  struct report r = report_of(&none, REPORT_PREPARED);
  r.run_id = run_id;
  r.attempt_id = NULL;
  r.err = err;
  r.text = text;
  report(l, &r);
}

static int local_prepare(struct executor *e, const char *run_id, const char *from_run_id,
                         const char *const *state_keys, size_t state_keys_len) {
  struct local *l = (struct local *)e;
  if (!id_valid(run_id) || !id_valid(from_run_id)) return ERR_INVALID;
  prepare_submit(&l->place, run_id, from_run_id, state_keys, state_keys_len, prepared, l);
  return 0;
}

static void part_closed(struct local *l) {
  if (--l->closing > 0) return;
  close(l->supervisors);
  spawner_release(&l->place.spawner);
  account_release(&l->place.account);
  free(l->place.state_dir);
  free(l);
}

static void handle_closed(uv_handle_t *h) {
  part_closed(h->data);
}

static void crew_closed(void *ctx) {
  part_closed(ctx);
}

static void local_free(struct executor *e) {
  if (!e) return;
  struct local *l = (struct local *)e;
  l->closing = 4;
  crew_free(l->place.crew, crew_closed, l);
  attempts_release(&l->attempts);
  uv_close((uv_handle_t *)&l->supervisor_poll, handle_closed);
  uv_close((uv_handle_t *)&l->notice_poll, handle_closed);
  uv_close((uv_handle_t *)&l->look_again, handle_closed);
}

static const struct executor_ops ops = {.start = local_start,
                                        .adopt = local_adopt,
                                        .stop = local_stop,
                                        .fence = local_fence,
                                        .sweep = local_sweep,
                                        .prepare = local_prepare,
                                        .free = local_free};

static int dirs_make(const char *state_dir) {
  static const char *const names[] = {"runs", "work"};
  int err = 0;
  for (size_t i = 0; !err && i < sizeof names / sizeof names[0]; i++) {
    char *path = path_join(state_dir, names[i]);
    err = dir_make(path, 0700);
    free(path);
  }
  return err;
}

static void poll_start(uv_loop_t *loop, uv_poll_t *poll, struct local *l, int fd, uv_poll_cb cb) {
  int rc = uv_poll_init(loop, poll, fd);
  assert(rc == 0);
  poll->data = l;
  uv_poll_start(poll, UV_READABLE, cb);
}

struct executor *local_new(uv_loop_t *loop, const struct local_options *options, executor_report_fn *report_fn,
                           void *ctx, int *err) {
  *err = dirs_make(options->state_dir);
  if (*err) return NULL;
  struct local *l = alloc_new(struct local);
  l->base = (struct executor){.ops = &ops, .report = report_fn, .ctx = ctx};
  /* To take this boot for another would be to take every live attempt for a dead one. */
  *err = machine_here(&l->place.machine);
  if (*err) goto no_spawner;
  *err = spawner_init(&l->place.spawner, options->supervisor_path, options->files);
  if (*err) goto no_spawner;
  l->supervisors = epoll_create1(EPOLL_CLOEXEC);
  if (l->supervisors < 0) {
    *err = err_from_errno(errno);
    goto no_epoll;
  }
  l->place.crew = crew_new(loop, LANE_COUNT, LANE_SWEEP, err);
  if (!l->place.crew) goto no_crew;
  l->place.state_dir = alloc_strdup(options->state_dir);
  account_init(&l->place.account);
  poll_start(loop, &l->supervisor_poll, l, l->supervisors, on_supervisor);
  poll_start(loop, &l->notice_poll, l, l->place.spawner.reading, on_notice);
  uv_timer_init(loop, &l->look_again);
  l->look_again.data = l;
  return &l->base;

no_crew:
  close(l->supervisors);
no_epoll:
  spawner_release(&l->place.spawner);
no_spawner:
  free(l);
  return NULL;
}

char *local_attempt_dir(const char *state_dir, const char *run_id, const char *attempt_id) {
  return alloc_fmt("%s/runs/%s/%s", state_dir, run_id, attempt_id);
}
