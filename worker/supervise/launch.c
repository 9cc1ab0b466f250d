#include "worker/supervise/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "worker/rundir.h"
#include "worker/supervise/environment.h"
#include "worker/supervise/memory.h"

#define CHILD_STACK_SIZE 16384
#define PROGRAM_PATH_MAX 4096
#define TASK_OOM_SCORE   "500"
#define DEFAULT_PATH     "/usr/local/bin:/usr/bin:/bin"

/* What the new process needs until its exec; it shares our memory, so it only reads this and writes `fault`. */
struct plan {
  const char *dir;
  const char **argv;
  char **envp;
  const char *path;
  int output;
  struct launch_fault *fault;
  char program[PROGRAM_PATH_MAX];
};

/* A script that another process is still writing, or has open for writing for the moment of its own fork, can't be
 * executed: that passes by itself. */
static int exec_patiently(const char *program, const struct plan *p) {
  for (int tries = 0; tries < 20; tries++) {
    execve(program, (char *const *)(uintptr_t)p->argv, p->envp);
    if (errno != ETXTBSY) break;
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  return errno;
}

/* Looks along the task's PATH as a shell does. Returns the errno that says most: a file that was there and couldn't
 * be executed counts more than one that wasn't there. */
static int exec_by_path(struct plan *p) {
  const char *name = p->argv[0];
  if (!*name) return ENOENT;
  if (strchr(name, '/')) return exec_patiently(name, p);
  int seen = ENOENT;
  size_t name_len = strlen(name);
  for (const char *at = p->path; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
    size_t len = strcspn(at, ":");
    if (len == 0 || len + name_len + 2 > sizeof p->program) continue;
    memcpy(p->program, at, len);
    p->program[len] = '/';
    memcpy(p->program + len + 1, name, name_len + 1);
    int err = exec_patiently(p->program, p);
    if (err == EACCES)
      seen = EACCES;
    else if (err != ENOENT && err != ENOTDIR)
      return err;
  }
  return seen;
}

/* When memory is short the task goes first, never the one who has to report it. Failing to say so is no reason not to
 * run. */
static void offer_to_oom_killer(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t ignored = write(fd, TASK_OOM_SCORE, sizeof TASK_OOM_SCORE - 1);
  (void)ignored;
  close(fd);
}

static int become_task(void *arg) {
  struct plan *p = arg;
  setpgid(0, 0);
  dup2(p->output, STDOUT_FILENO);
  dup2(p->output, STDERR_FILENO);
  umask(022);
  offer_to_oom_killer();
  static const int changed[] = {SIGTERM, SIGCHLD, SIGPIPE};
  for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) signal(changed[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  p->fault->stage = "dir";
  if (chdir(p->dir)) {
    p->fault->errnum = errno;
    _exit(127);
  }
  p->fault->stage = "exec";
  sigprocmask(SIG_SETMASK, &none, NULL);
  p->fault->errnum = exec_by_path(p);
  _exit(127);
}

static void fill_argv(const char **argv, const struct spec *s) {
  enum spec_key key;
  const char *value;
  for (size_t at = 0; spec_next(s, &at, &key, &value);) {
    if (key == SPEC_ARGUMENT) *argv++ = value;
  }
}

static pid_t make_process(struct plan *p, char *stack) {
  p->fault->stage = NULL;
  p->fault->errnum = 0;
  /* errnum is what tells: the stage is set on the way to a successful exec too. */
  pid_t pid = clone(become_task, stack + CHILD_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, p);
  if (pid < 0)
    *p->fault = (struct launch_fault){.stage = "process", .errnum = errno, .no_process = true};
  else if (p->fault->errnum == 0)
    p->fault->stage = NULL;
  return p->fault->stage ? -1 : pid;
}

pid_t launch_task(const struct spec *s, int output, struct launch_fault *fault) {
  struct environment env;
  size_t argv_size = (s->arguments + 1) * sizeof(char *);
  size_t size = CHILD_STACK_SIZE + sizeof(struct plan) + argv_size;
  char *block = NULL;
  pid_t pid = -1;
  *fault = (struct launch_fault){0};
  if (environment_build(&env, s, fault)) goto out;
  block = memory_take(size);
  if (!block) {
    *fault = (struct launch_fault){.stage = "memory", .errnum = ENOMEM, .no_process = true};
    goto out;
  }
  struct plan *p = (struct plan *)(void *)(block + CHILD_STACK_SIZE);
  const char *path = environment_get(&env, "PATH");
  p->dir = s->dir;
  p->argv = (const char **)(void *)(block + CHILD_STACK_SIZE + sizeof(struct plan));
  p->envp = env.items;
  p->path = path ? path : DEFAULT_PATH;
  p->output = output;
  p->fault = fault;
  fill_argv(p->argv, s);
  pid = make_process(p, block);
out:
  if (block) memory_return(block, size);
  environment_release(&env);
  return pid;
}
