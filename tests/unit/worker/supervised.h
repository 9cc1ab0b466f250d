/* The supervisor program alone: a directory written by hand, a process started without the executor, and its end. */
#ifndef ROTA_TESTS_WORKER_SUPERVISED_H
#define ROTA_TESTS_WORKER_SUPERVISED_H

#include "tests/unit/worker/harness.h"

#define ID "01hzzzzzzzzzzzzzzzzzzzzzzz"

struct setup {
  char dir[1024];
  struct buf spec;
};

/* A fresh directory and the beginning of a spec; `more` are further entries, NULL at the end. */
UNUSED static void setup_init(struct setup *s, const char *more[]) {
  static int n;
  *s = (struct setup){0};
  snprintf(s->dir, sizeof s->dir, "%s/a%d", scratch(), ++n);
  assert_int_equal(mkdir(s->dir, 0700), 0);
  const char *base[] = {"rota=1", ("id=" ID), "dir=/", "grace_us=300000", "env=PATH=/usr/bin:/bin", NULL};
  for (size_t i = 0; base[i]; i++) buf_add(&s->spec, base[i], strlen(base[i]) + 1);
  for (size_t i = 0; more && more[i]; i++) buf_add(&s->spec, more[i], strlen(more[i]) + 1);
}

UNUSED static void put(struct setup *s, const char *key, const char *value) {
  buf_fmt(&s->spec, "%s=%s", key, value);
  buf_char(&s->spec, '\0');
}

UNUSED static void put_mark(struct setup *s, const char *mark) {
  buf_fmt(&s->spec, "env=MARK=%s", mark);
  buf_char(&s->spec, '\0');
}

UNUSED static void shell(struct setup *s, const char *script) {
  put(s, "argument", "/bin/sh");
  put(s, "argument", "-c");
  put(s, "argument", script);
}

UNUSED static void write_spec(struct setup *s) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/spec", s->dir);
  assert_int_equal(file_write(path, s->spec.bytes, s->spec.len, 0600, false), 0);
  buf_release(&s->spec);
}

UNUSED static pid_t spawn_on(const char *dir) {
  pid_t pid;
  const char *argv[] = {"rota-supervise", dir, NULL};
  char *envp[] = {NULL};
  posix_spawnattr_t attr;
  posix_spawnattr_init(&attr);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
  sigset_t all; /* as the executor does: what is ignored here is not the task's business */
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attr, &all);
  assert_int_equal(posix_spawn(&pid, supervisor(), NULL, &attr, (char *const *)(uintptr_t)argv, envp), 0);
  posix_spawnattr_destroy(&attr);
  return pid;
}

UNUSED static pid_t begin(struct setup *s) {
  write_spec(s);
  return spawn_on(s->dir);
}

/* Its exit status; 128 + N for a signal. Fails the test if it takes longer. */
UNUSED static int wait_for(pid_t pid, int limit_ms) {
  int status;
  for (int64_t until = now_ms() + limit_ms; now_ms() < until; pause_ms(2)) {
    if (waitpid(pid, &status, WNOHANG) == pid)
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  fail_msg("the supervisor took longer than %d ms", limit_ms);
  return -1;
}

UNUSED static void run_to_end(struct setup *s, int limit_ms) {
  assert_int_equal(wait_for(begin(s), limit_ms), 0);
}

UNUSED static bool result_has(const struct setup *s, const char *line) {
  return strstr(content(s->dir, exit_file(s->dir)), line) != NULL;
}

UNUSED static void stop_file(const char *dir, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/stop", dir);
  assert_int_equal(file_write(path, text, strlen(text), 0644, false), 0);
}

UNUSED static int teardown(void **state) {
  (void)state;
  scratch_remove();
  return 0;
}

#endif
