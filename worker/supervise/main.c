/* rota-supervise [--notices] [--files N] DIR [LABEL]: runs the one attempt whose directory is DIR, as the `spec` in
 * it says.
 *
 * Started by the daemon for each attempt, in a session of its own; --notices says that descriptor 3 is a pipe on
 * which it listens; --files is the soft limit of open files that the task gets, 0 for the one that is there. It
 * outlives the daemon and answers to nobody but the files of its directory. LABEL is for people who look at the list
 * of processes. Any number may be started for the same directory: one runs, the others leave.
 *
 * Exit status: 0 when the attempt has ended here or is another's; otherwise the errno of why it couldn't be claimed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/rundir.h"
#include "worker/supervise/claim.h"
#include "worker/supervise/launch.h"
#include "worker/supervise/output.h"
#include "worker/supervise/result.h"
#include "worker/supervise/spec.h"
#include "worker/supervise/text.h"
#include "worker/supervise/watch.h"

/* Nothing that the starter had open comes along but the three standard descriptors and the notices. */
static void close_inherited(int first) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
  }
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (int fd = first; fd < 1024; fd++) close(fd);
}

/* The program could not even be tried: that is an end too, with the stage that failed. */
static void end_unlaunched(struct result *r, const struct launch_fault *fault) {
  r->n.reason = RUNDIR_LAUNCH_FAILED;
  r->n.status = fault->errnum == ENOENT ? 127 : 126;
  r->n.ended_at = now_wall();
  result_end(r, fault);
}

/* The claim is ours. 0, or the errno if no process could be made, which makes the claim void: nothing has run. */
static int run(struct spec *s, int spec_err, const int pipe_ends[2], struct result *r) {
  struct launch_fault fault = {.stage = "spec", .errnum = spec_err};
  pid_t main_pid = spec_err ? -1 : launch_task(s, pipe_ends[1], &fault);
  close(pipe_ends[1]);
  if (main_pid < 0) {
    if (fault.no_process) {
      claim_return();
      return fault.errnum;
    }
    end_unlaunched(r, &fault);
    return 0;
  }
  r->n.pid = main_pid;
  r->n.started_at = now_wall();
  struct watch_order order = {main_pid, s->timeout_us, s->grace_us, s->keep_leftovers};
  struct output out;
  output_init(&out, pipe_ends[0], s->log_cap);
  spec_release(s);
  result_started(r);
  watch_run(&order, &out, r);
  output_end(&out);
  result_end(r, NULL);
  return 0;
}

static int supervise(bool notices) {
  if (claim_taken()) return 0;
  struct spec s;
  struct result r;
  int pipe_ends[2];
  int spec_err = spec_open(&s);
  if (spec_err && spec_err != EINVAL && spec_err != EPROTONOSUPPORT) return spec_err;
  int err = result_open(&r, notices);
  if (err) return err;
  if (s.id) memcpy(r.n.attempt_id, s.id, RUNDIR_ID_LEN);
  if (pipe2(pipe_ends, O_CLOEXEC)) return errno;
  if (fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK)) return errno;
  err = claim_take();
  if (err) return err == EEXIST ? 0 : err;
  return run(&s, spec_err, pipe_ends, &r);
}

/* The daemon's own limit is higher than what programs are used to. */
static bool files_limit(const char *text) {
  struct rlimit limit;
  int64_t n;
  if (!text || !number_parse(text, &n)) return false;
  if (n > 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = (rlim_t)n < limit.rlim_max ? (rlim_t)n : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return true;
}

/* Takes the options off; the directory, or NULL if they can't be understood. */
static const char *options_take(char **argv, bool *notices) {
  if (!*argv) return NULL;
  char **at = argv + 1; /* ends with a NULL */
  *notices = *at && strcmp(*at, "--notices") == 0;
  if (*notices) at++;
  if (*at && strcmp(*at, "--files") == 0) {
    if (!files_limit(at[1])) return NULL;
    at += 2;
  }
  return *at;
}

int main(int argc, char **argv) {
  (void)argc;
  watch_prepare();
  prctl(PR_SET_NAME, "rota-supervise", 0, 0, 0);
  bool notices = false;
  const char *dir = options_take(argv, &notices);
  if (!dir) {
    static const char usage[] = "usage: rota-supervise [--notices] [--files N] DIR [LABEL]\n";
    write_all(STDERR_FILENO, usage, sizeof usage - 1);
    return EINVAL;
  }
  close_inherited(notices ? NOTICE_FD + 1 : NOTICE_FD);
  if (getsid(0) != getpid()) setsid();
  return chdir(dir) ? errno : supervise(notices);
}
