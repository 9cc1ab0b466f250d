/* What the tests of the worker share: a scratch directory, the real supervisor program, specs written by hand, and
 * waiting with a limit. Header-only, because each test is one program.
 */
#ifndef ROTA_TESTS_WORKER_HARNESS_H
#define ROTA_TESTS_WORKER_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/instant.h"
#include "worker/rundir.h"

#define UNUSED __attribute__((unused))

/* The program of this build: BUILD/rota-supervise, the test being BUILD/tests/unit/worker/x_test. */
UNUSED static const char *supervisor(void) {
  static char path[PATH_MAX];
  const char *named = getenv("ROTA_SUPERVISE");
  if (named) return named;
  char self[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  assert_true(n > 0);
  self[n] = '\0';
  char *slash = strstr(self, "/tests/unit/");
  assert_non_null(slash);
  *slash = '\0';
  snprintf(path, sizeof path, "%.*s/rota-supervise", (int)sizeof path - 20, self);
  return path;
}

/* A directory of its own for this program, on memory where there is such a place. */
UNUSED static const char *scratch(void) {
  static char dir[64];
  if (dir[0]) return dir;
  const char *tmp = getenv("TMPDIR");
  snprintf(dir, sizeof dir, "%s/rota-worker-XXXXXX", tmp ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  assert_non_null(mkdtemp(dir));
  return dir;
}

UNUSED static void scratch_remove(void) {
  dir_remove_at(AT_FDCWD, scratch());
}

UNUSED static void pause_ms(int ms) {
  struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  while (nanosleep(&t, &t) && errno == EINTR) {
  }
}

UNUSED static int64_t now_ms(void) {
  return clock_monotonic() / 1000;
}

UNUSED static bool there(const char *dir, const char *name) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return access(path, F_OK) == 0;
}

UNUSED static bool wait_there(const char *dir, const char *name, int limit_ms) {
  for (int64_t until = now_ms() + limit_ms; now_ms() < until; pause_ms(5)) {
    if (there(dir, name)) return true;
  }
  return there(dir, name);
}

/* The name of the exit file, "" without one; valid until the next call. */
UNUSED static const char *exit_file(const char *dir) {
  static char name[256];
  name[0] = '\0';
  DIR *d = opendir(dir);
  for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
    if (strncmp(e->d_name, "exit.", 5) == 0) snprintf(name, sizeof name, "%s", e->d_name);
  }
  if (d) closedir(d);
  return name;
}

/* The content of a file as a string that lives until the next call. */
UNUSED static const char *content(const char *dir, const char *name) {
  static struct buf b;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  buf_reset(&b);
  file_read(path, 64u << 20, &b);
  return buf_cstr(&b);
}

/* The first process that has this word in its command line; 0 if none has. */
UNUSED static pid_t process_with(const char *word) {
  DIR *d = opendir("/proc");
  pid_t found = 0;
  for (const struct dirent *e; !found && (e = readdir(d)) != NULL;) {
    char path[300], line[4096];
    long pid = strtol(e->d_name, NULL, 10);
    if (pid <= 0 || pid == getpid()) continue;
    snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0) close(fd);
    if (n > 0 && memmem(line, (size_t)n, word, strlen(word))) found = (pid_t)pid;
  }
  closedir(d);
  return found;
}

UNUSED static bool running_with(const char *word) {
  return process_with(word) > 0;
}

UNUSED static bool gone_within(const char *word, int limit_ms) {
  for (int64_t until = now_ms() + limit_ms; now_ms() < until; pause_ms(10)) {
    if (!running_with(word)) return true;
  }
  return !running_with(word);
}

/* A number that no other process has in its command line: sleeps are found by it. */
UNUSED static const char *unique_sleep(void) {
  static char text[32];
  static int n;
  snprintf(text, sizeof text, "9%05d.%d", (int)getpid() % 100000, ++n);
  return text;
}

#endif
