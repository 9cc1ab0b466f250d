#include "worker/remains.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "worker/look.h"

#define ENVIRON_MAX (4u << 20)

struct quarry {
  char entry[64]; /* "ROTA_ATTEMPT_ID=..." */
  int64_t session;
  struct buf environ;
  bool short_of; /* of descriptors, in this round: somebody may have been passed by */
};

static bool shortage(int errnum) {
  return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM;
}

enum marked { MARKED_OURS, MARKED_OTHER, MARKED_NOT };

static bool environ_read(struct quarry *q, int64_t pid) {
  struct buf *out = &q->environ;
  char path[48];
  snprintf(path, sizeof path, "/proc/%" PRId64 "/environ", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    q->short_of |= shortage(errno);
    return false;
  }
  buf_reset(out);
  ssize_t n = 0;
  do {
    buf_reserve(out, 65536);
    n = read(fd, out->bytes + out->len, 65535);
    if (n > 0) out->len += (size_t)n;
  } while (n > 0 && out->len < ENVIRON_MAX);
  close(fd);
  if (out->bytes) out->bytes[out->len] = '\0';
  return out->len > 0;
}

static enum marked mark_read(struct quarry *q, int64_t pid) {
  if (!environ_read(q, pid)) return MARKED_NOT;
  enum marked m = MARKED_NOT;
  const char *end = q->environ.bytes + q->environ.len;
  for (const char *at = q->environ.bytes; at < end; at += strlen(at) + 1) {
    if (strncmp(at, "ROTA_ATTEMPT_ID=", 16) == 0) m = strcmp(at, q->entry) == 0 ? MARKED_OURS : MARKED_OTHER;
  }
  return m;
}

/* A process of the session that carries another attempt's id is that attempt's. */
static bool belongs(struct quarry *q, int64_t pid) {
  struct process_stat st;
  int err = process_stat(pid, &st);
  if (err == ERR_AGAIN) q->short_of = true;
  if (err || st.state == 'Z' || st.state == 'X') return false;
  enum marked m = mark_read(q, pid);
  return m == MARKED_OURS || (m == MARKED_NOT && q->session > 1 && st.session == q->session);
}

static bool kill_one(struct quarry *q, int64_t pid) {
  if (!belongs(q, pid)) return false;
  int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
  if (fd < 0) return errno != ESRCH;
  bool ours = belongs(q, pid);
  if (ours) syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
  close(fd);
  return ours;
}

/* How many are left; who can't be looked at for a shortage counts as one. */
static int kill_round(struct quarry *q) {
  DIR *proc = opendir("/proc");
  q->short_of = !proc && shortage(errno);
  if (!proc) return q->short_of;
  int n = 0;
  int64_t self = getpid();
  for (const struct dirent *e; (e = readdir(proc)) != NULL;) {
    char *end;
    int64_t pid = strtoll(e->d_name, &end, 10);
    if (*end == '\0' && pid > 1 && pid != self) n += kill_one(q, pid);
  }
  closedir(proc);
  return n ? n : q->short_of;
}

int remains_kill(const char *attempt_id, int64_t session, duration limit, bool (*cancelled)(const void *ctx),
                 const void *ctx, bool *found) {
  struct quarry q = {.session = session};
  snprintf(q.entry, sizeof q.entry, "ROTA_ATTEMPT_ID=%s", attempt_id);
  int64_t until = clock_monotonic() + limit;
  int left;
  *found = false;
  while ((left = kill_round(&q)) > 0) {
    *found |= !q.short_of;
    if (clock_monotonic() >= until || (cancelled && cancelled(ctx))) break;
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  buf_release(&q.environ);
  return left;
}
