#include "scheduler/daemon/work_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/instant.h"

#define GIT_TIME_LIMIT (10 * USEC_PER_SEC)
#define STOP_LOOK_MS   100
#define COMMIT_MAX     64
#define CHANGES_TEXT   ((size_t)256 * 1024)

struct look_up {
  uv_work_t work;
  char run_id[ID_LEN + 1];
  char *dir;
  const atomic_bool *stop;
  work_tree_fn *fn;
  void *ctx;
  char commit[COMMIT_MAX + 1];
  int dirty;
};

/* Reads up to `size` bytes of what comes until the end; the rest is thrown away. -1 when the time is over. */
static ssize_t read_until_end(int fd, char *out, size_t size, const atomic_bool *stop) {
  int64_t end = clock_monotonic() + GIT_TIME_LIMIT;
  size_t have = 0;
  for (;;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready = poll(&p, 1, STOP_LOOK_MS);
    if (atomic_load(stop) || clock_monotonic() >= end) return -1;
    if (ready <= 0) continue;
    char rest[4096];
    bool room = have < size;
    ssize_t n = room ? read(fd, out + have, size - have) : read(fd, rest, sizeof rest);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? -1 : (ssize_t)have;
    if (room) have += (size_t)n;
  }
}

/* Runs git with its output in `out`; the length, or -1 if it failed or took too long. */
static ssize_t git(const char *dir, const atomic_bool *stop, const char *const *arguments, char *out, size_t size) {
  const char *argv[16] = {"git", "--no-optional-locks", "-C", dir};
  size_t argc = 4;
  for (; *arguments; arguments++) argv[argc++] = *arguments;

  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid;
  int err = posix_spawnp(&pid, "git", &actions, NULL, (char *const *)(uintptr_t)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (err) {
    close(ends[0]);
    return -1;
  }
  ssize_t len = read_until_end(ends[0], out, size, stop);
  close(ends[0]);
  if (len < 0) kill(pid, SIGKILL);
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? len : -1;
}

static bool is_commit(const char *text) {
  return text && *text && text[strspn(text, "0123456789abcdef")] == '\0' && strlen(text) <= COMMIT_MAX;
}

int work_tree_changes(const char *dir, const char *from, const char *to, const atomic_bool *stop, struct arena *a,
                      struct work_tree_change **out, size_t *len) {
  *len = 0;
  if (!is_commit(from) || !is_commit(to)) return ERR_INVALID;
  const char *const diff[] = {"diff", "--name-status", "--no-renames", "-z", from, to, "--", NULL};
  char *text = alloc_zeroed(CHANGES_TEXT + 1, 1);
  ssize_t size = git(dir, stop, diff, text, CHANGES_TEXT);
  *out = arena_new_array(a, WORK_TREE_CHANGES_MAX, struct work_tree_change);
  /* "M", "path", "A", "path", ... each ended by a NUL; what was cut off at the end is left out. */
  for (const char *at = text, *end = text + (size > 0 ? size : 0); at < end && *len < WORK_TREE_CHANGES_MAX;) {
    const char *path = at + strlen(at) + 1;
    if (path >= end || !memchr(path, '\0', (size_t)(end - path))) break;
    (*out)[(*len)++] = (struct work_tree_change){.status = at[0], .path = arena_strdup(a, path)};
    at = path + strlen(path) + 1;
  }
  free(text);
  return size < 0 ? ERR_NOT_FOUND : 0;
}

static void look_up_work(uv_work_t *work) {
  struct look_up *l = work->data;
  static const char *const head[] = {"rev-parse", "HEAD", NULL};
  static const char *const status[] = {"status", "--porcelain", "--untracked-files=no", NULL};
  if (atomic_load(l->stop)) return;
  ssize_t n = git(l->dir, l->stop, head, l->commit, COMMIT_MAX);
  l->commit[n > 0 ? strcspn(l->commit, "\n") : 0] = '\0';
  if (!l->commit[0]) return;
  char line[2];
  ssize_t changed = git(l->dir, l->stop, status, line, sizeof line);
  l->dirty = changed < 0 ? -1 : changed > 0;
}

static void look_up_done(uv_work_t *work, int cancelled) {
  struct look_up *l = work->data;
  if (!cancelled) l->fn(l->ctx, l->run_id, l->dir, l->commit[0] ? l->commit : NULL, l->dirty);
  free(l->dir);
  free(l);
}

void work_tree_look_up(uv_loop_t *loop, const char *run_id, const char *dir, const atomic_bool *stop,
                       work_tree_fn *fn, void *ctx) {
  struct look_up *l = alloc_new(struct look_up);
  memcpy(l->run_id, run_id, ID_LEN);
  l->dir = alloc_strdup(dir);
  l->stop = stop;
  l->fn = fn;
  l->ctx = ctx;
  l->dirty = -1;
  l->work.data = l;
  if (uv_queue_work(loop, &l->work, look_up_work, look_up_done)) look_up_done(&l->work, UV_ECANCELED);
}
