#include "worker/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/rundir.h"

#define LOWEST_FD        10 /* ours stay clear of the numbers that a supervisor is given */
#define NOTICE_PIPE_SIZE (1 << 20)

/* Moves a descriptor up; -1 stays -1 with its errno. */
static int lifted(int fd) {
  if (fd < 0) return -1;
  int up = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
  int saved = errno;
  close(fd);
  errno = saved;
  return up;
}

static int pipe_make(struct spawner *s) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return -1;
  s->reading = lifted(ends[0]);
  s->notices = lifted(ends[1]);
  if (s->reading < 0 || s->notices < 0) return -1;
  fcntl(s->notices, F_SETPIPE_SZ, NOTICE_PIPE_SIZE);
  return 0;
}

static void prepare(struct spawner *s) {
  sigset_t held, reset;
  sigemptyset(&held); /* the supervisor holds these two itself; so there is no moment in which they could kill it */
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGCHLD);
  sigemptyset(&reset);
  for (int sig = 1; sig < 32; sig++) {
    if (sig != SIGKILL && sig != SIGSTOP) sigaddset(&reset, sig);
  }
  posix_spawnattr_init(&s->attr);
  posix_spawnattr_setflags(&s->attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&s->attr, &held);
  posix_spawnattr_setsigdefault(&s->attr, &reset);
  posix_spawn_file_actions_init(&s->actions);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) posix_spawn_file_actions_adddup2(&s->actions, s->null, fd);
  posix_spawn_file_actions_adddup2(&s->actions, s->notices, NOTICE_FD);
}

int spawner_init(struct spawner *s, const char *supervisor_path, uint64_t files) {
  *s = (struct spawner){.program = -1, .null = -1, .notices = -1, .reading = -1, .files = files};
  if (access(supervisor_path, X_OK)) return err_from_errno(errno);
  s->program = lifted(open(supervisor_path, O_PATH | O_CLOEXEC));
  s->null = lifted(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (s->program < 0 || s->null < 0 || pipe_make(s)) {
    int err = err_from_errno(errno);
    spawner_release(s);
    return err;
  }
  prepare(s);
  return 0;
}

void spawner_release(struct spawner *s) {
  bool prepared = s->notices >= 0 && s->reading >= 0 && s->null >= 0 && s->program >= 0;
  if (prepared) {
    posix_spawnattr_destroy(&s->attr);
    posix_spawn_file_actions_destroy(&s->actions);
  }
  int *all[] = {&s->program, &s->null, &s->notices, &s->reading};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (*all[i] >= 0) close(*all[i]);
    *all[i] = -1;
  }
}

int spawner_start(const struct spawner *s, const char *attempt_dir, const char *label, pid_t *pid) {
  char path[32], files[24];
  snprintf(path, sizeof path, "/proc/self/fd/%d", s->program);
  snprintf(files, sizeof files, "%" PRIu64, s->files);
  const char *argv[] = {"rota-supervise", "--notices", "--files", files, attempt_dir, label, NULL};
  char *const none[] = {NULL};
  return posix_spawn(pid, path, &s->actions, &s->attr, (char *const *)(uintptr_t)argv, none);
}
