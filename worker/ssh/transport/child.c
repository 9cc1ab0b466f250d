#include "worker/ssh/transport/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

#define LOWEST_FD 3 /* clear of the numbers that the child is given */
#define SLICE_MS  100

static void shut(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static int lifted(int fd) {
  if (fd < 0 || fd >= LOWEST_FD) return fd;
  int up = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD), saved = errno;
  close(fd);
  errno = saved;
  return up;
}

/* Its end and ours, which doesn't block. */
static int pipe_make(int *theirs, int *ours, bool they_read) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return -1;
  *theirs = lifted(ends[!they_read]);
  *ours = lifted(ends[they_read]);
  return *theirs < 0 || *ours < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) ? -1 : 0;
}

/* Ours behind the additions, which win; freed by the caller. */
static const char **environment(const char *const *env) {
  size_t own = 0, more = 0;
  while (environ[own]) own++;
  while (env && env[more]) more++;
  const char **all = alloc_zeroed(own + more + 1, sizeof *all);
  for (size_t i = 0; i < more; i++) all[i] = env[i];
  for (size_t i = 0; i < own; i++) all[more + i] = environ[i];
  return all;
}

static int spawn(pid_t *pid, const char *const *argv, const char *const *env, const int fds[3]) {
  posix_spawnattr_t attr;
  posix_spawn_file_actions_t actions;
  sigset_t none, reset;
  sigemptyset(&none);
  sigemptyset(&reset);
  for (int sig = 1; sig < 32; sig++) {
    if (sig != SIGKILL && sig != SIGSTOP) sigaddset(&reset, sig);
  }
  posix_spawnattr_init(&attr);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &reset);
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_adddup2(&actions, fds[fd], fd);
  const char **all = environment(env);
  int errnum = posix_spawn(pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv,
                           (char *const *)(uintptr_t)all);
  free(all);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attr);
  return errnum;
}

int child_start(struct child *c, const char *const *argv, const char *const *env, bool with_in) {
  *c = (struct child){.pid = -1, .in = -1, .out = -1, .err = -1};
  int fds[3] = {-1, -1, -1}, err = 0;
  if (with_in) {
    if (pipe_make(&fds[0], &c->in, true)) err = err_from_errno(errno);
  } else {
    fds[0] = lifted(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (fds[0] < 0) err = err_from_errno(errno);
  }
  if (!err && (pipe_make(&fds[1], &c->out, false) || pipe_make(&fds[2], &c->err, false))) err = err_from_errno(errno);
  if (!err) {
    int errnum = spawn(&c->pid, argv, env, fds);
    if (errnum) err = err_from_errno(errnum);
  }
  for (int i = 0; i < 3; i++) shut(&fds[i]);
  if (err) {
    shut(&c->in);
    shut(&c->out);
    shut(&c->err);
  }
  return err;
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False when the pipe has ended. */
static bool drain(int fd, size_t limit, struct buf *to) {
  char bytes[4096];
  ssize_t n;
  while ((n = read(fd, bytes, sizeof bytes)) > 0) {
    size_t room = limit - to->len;
    buf_add(to, bytes, (size_t)n < room ? (size_t)n : room);
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* True when both pipes have ended before the time was over. */
static bool collect(struct child *c, int64_t until, size_t limit, const atomic_bool *stop, struct buf *out,
                    struct buf *err) {
  while (c->out >= 0 || c->err >= 0) {
    int64_t left = until - now_ms();
    if (left <= 0 || (stop && atomic_load(stop))) return false;
    struct pollfd polled[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN}};
    if (poll(polled, 2, left < SLICE_MS ? (int)left : SLICE_MS) <= 0) continue;
    if (polled[0].revents && !drain(c->out, limit, out)) shut(&c->out);
    if (polled[1].revents && !drain(c->err, limit, err)) shut(&c->err);
  }
  return true;
}

int child_run(const char *const *argv, int limit_ms, size_t limit, const atomic_bool *stop, struct buf *out,
              struct buf *err) {
  struct child c;
  int code = child_start(&c, argv, NULL, false), status = 0;
  if (code) return code;
  bool ended = collect(&c, now_ms() + limit_ms, limit, stop, out, err);
  if (!ended) kill(-c.pid, SIGKILL); /* the whole session: what it started holds the pipes too */
  shut(&c.out);
  shut(&c.err);
  while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!ended) return ERR_TIMEOUT;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
