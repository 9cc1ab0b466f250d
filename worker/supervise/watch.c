#include "worker/supervise/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/supervise/family.h"
#include "worker/supervise/text.h"

#define SECOND        INT64_C(1000000)
#define OUTPUT_GRACE  (2 * SECOND)
#define GIVE_UP_AFTER (10 * SECOND)
#define KILL_ROUND    (SECOND / 20)
#define SLEEP_MAX     (60 * SECOND) /* ppoll's clock stands still while the machine sleeps; ours doesn't */
#define NEVER         INT64_MAX
#define PUMP_LIMIT    (UINT64_C(1) << 20)

/* Set by the handlers, which run only inside ppoll. */
static volatile sig_atomic_t term_came;

static void on_term(int sig) {
  (void)sig;
  term_came = 1;
}

static void on_child(int sig) {
  (void)sig; /* its coming ends the wait */
}

void watch_prepare(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGCHLD);
  sigprocmask(SIG_SETMASK, &held, NULL);
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

struct watch {
  const struct watch_order *order;
  struct output *out;
  struct result *result;
  bool ended; /* the task's process */
  bool alone; /* no child is left */
  bool stopping, killing;
  int status;
  int64_t time_out_at, kill_at, leftovers_at, next_round, give_up_at;
};

/* Waits for all children that are done; afterwards `alone` tells whether there are others. */
static void reap(struct watch *w) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != w->order->main) continue;
    w->ended = true;
    w->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    w->result->n.ended_at = now_wall();
    w->leftovers_at = now_elapsed() + OUTPUT_GRACE;
  }
  w->alone = pid < 0 && errno == ECHILD;
}

static void signal_all(const struct watch *w, int sig) {
  if (!w->ended) kill(-w->order->main, sig);
  if (w->ended || sig == SIGKILL) family_signal(w->order->main, sig);
}

static void kill_round(struct watch *w, int64_t now) {
  if (!w->killing) w->give_up_at = now + GIVE_UP_AFTER;
  w->killing = true;
  signal_all(w, SIGKILL);
  w->next_round = now + (now < w->give_up_at ? KILL_ROUND : SECOND);
}

/* Asks politely; `grace` 0 skips that. A repetition can only shorten the grace. */
static void stop_begin(struct watch *w, enum rundir_reason reason, int64_t grace, int64_t now) {
  int64_t kill_at = grace > NEVER - now ? NEVER : now + grace;
  if (!w->stopping) {
    w->stopping = true;
    w->result->n.reason = (int32_t)reason;
    w->kill_at = NEVER;
    if (grace > 0) {
      signal_all(w, SIGTERM);
      signal_all(w, SIGCONT); /* one that is stopped would never notice */
    }
  }
  if (kill_at < w->kill_at) w->kill_at = kill_at;
}

/* The grace that `stop` asks for, or the spec's; -1 if there is no such file. */
static int64_t stop_asked(const struct watch *w) {
  char bytes[RUNDIR_STOP_MAX];
  if (read_small(RUNDIR_STOP, bytes, sizeof bytes) < 0) return -1;
  int64_t grace = w->order->grace_us;
  char *at = strstr(bytes, "\ngrace_us=");
  if (at) {
    at += strlen("\ngrace_us=");
    at[strcspn(at, "\n")] = '\0';
    if (!number_parse(at, &grace)) grace = w->order->grace_us;
  }
  return grace;
}

static void term_handle(struct watch *w, int64_t now) {
  term_came = 0;
  int64_t grace = stop_asked(w);
  if (grace >= 0) {
    if (!w->ended || !w->alone) stop_begin(w, w->ended ? RUNDIR_EXITED : RUNDIR_STOPPED, grace, now);
  } else if (!w->ended) {
    if (!w->stopping) w->result->n.notes |= RUNDIR_NOTE_FROM_OUTSIDE;
    stop_begin(w, RUNDIR_STOPPED, w->order->grace_us, now);
  }
}

/* Until when what the task's process left behind may go on. */
static int64_t leftovers_due(const struct watch *w) {
  bool grace = w->stopping && !w->alone && !w->order->keep_leftovers;
  return grace && w->kill_at > w->leftovers_at ? w->kill_at : w->leftovers_at;
}

/* The task's process is gone: true if there is nothing to wait for any more. */
static bool settle(struct watch *w, int64_t now) {
  if (w->alone && w->out->pipe < 0) return true;
  if (now < leftovers_due(w) && !(w->killing && !w->alone)) return false;
  if (w->alone) {
    w->result->n.notes |= RUNDIR_NOTE_OUTPUT_HELD;
    return true;
  }
  if (w->order->keep_leftovers && !w->killing) {
    w->result->n.notes |= RUNDIR_NOTE_LEFTOVERS_KEPT;
    return true;
  }
  if (w->killing && now >= w->give_up_at) {
    w->result->n.notes |= RUNDIR_NOTE_UNKILLABLE;
    return true;
  }
  if (!w->stopping) w->result->n.notes |= RUNDIR_NOTE_LEFTOVERS_KILLED;
  if (!w->killing) kill_round(w, now);
  return false;
}

static bool kill_due(const struct watch *w, int64_t now) {
  if (w->ended && (w->alone || w->order->keep_leftovers)) return w->killing && !w->alone && now >= w->next_round;
  return now >= (w->killing ? w->next_round : w->kill_at);
}

static int64_t next_deadline(const struct watch *w) {
  if (w->killing && !(w->ended && w->alone)) return w->next_round;
  if (w->ended) return leftovers_due(w);
  return w->stopping ? w->kill_at : w->time_out_at;
}

/* Sleeps until something comes, then reads what the task has printed. */
static void wait_for_news(struct watch *w, int64_t now) {
  int64_t sleep = next_deadline(w);
  sleep = sleep == NEVER ? NEVER : sleep > now ? sleep - now : 0;
  if (sleep != NEVER && sleep > SLEEP_MAX) sleep = SLEEP_MAX;
  struct timespec limit = {.tv_sec = (time_t)(sleep / SECOND), .tv_nsec = (long)(sleep % SECOND) * 1000};
  struct pollfd fds[] = {{.fd = w->out->pipe, .events = POLLIN},
                         {.fd = w->result->started_owed ? NOTICE_FD : -1, .events = POLLOUT}};
  sigset_t none;
  sigemptyset(&none);
  int n = ppoll(fds, 2, sleep == NEVER ? NULL : &limit, &none);
  if (n > 0 && fds[0].revents) output_pump(w->out, PUMP_LIMIT);
  if (n > 0 && fds[1].revents) result_pay(w->result);
}

static void figures(struct watch *w) {
  struct notice *n = &w->result->n;
  struct rusage u;
  if (getrusage(RUSAGE_CHILDREN, &u) == 0) {
    n->cpu_us = ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SECOND + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
    n->max_rss_kb = u.ru_maxrss;
  }
  n->status = w->status;
  n->log_bytes = (int64_t)w->out->log.total;
  n->dropped_bytes = (int64_t)w->out->log.dropped;
  if (w->out->log.dropped) n->notes |= RUNDIR_NOTE_OUTPUT_DROPPED;
}

void watch_run(const struct watch_order *order, struct output *o, struct result *r) {
  int64_t now = now_elapsed();
  struct watch w = {.order = order, .out = o, .result = r, .kill_at = NEVER, .time_out_at = NEVER};
  if (order->timeout_us > 0 && order->timeout_us < NEVER - now) w.time_out_at = now + order->timeout_us;
  for (;;) {
    wait_for_news(&w, now);
    reap(&w);
    now = now_elapsed();
    if (w.ended && w.alone) output_pump(o, PUMP_LIMIT);
    if (term_came) term_handle(&w, now);
    if (!w.ended && !w.stopping && now >= w.time_out_at) stop_begin(&w, RUNDIR_TIMED_OUT, order->grace_us, now);
    if (kill_due(&w, now)) kill_round(&w, now);
    if (w.ended && settle(&w, now)) break;
  }
  output_pump(o, PUMP_LIMIT);
  figures(&w);
}
