/* Turns the spec into a running process.
 *
 * The arguments and the environment are put together here, in memory that is given back right after; the process is
 * made with clone(CLONE_VM | CLONE_VFORK), so nothing is copied and a failure is known, with its stage and errno,
 * when the call returns. A consequence: while exec waits for a file system that doesn't answer, the supervisor waits
 * too.
 */
#ifndef ROTA_WORKER_SUPERVISE_LAUNCH_H
#define ROTA_WORKER_SUPERVISE_LAUNCH_H

#include <sys/types.h>

#include "worker/supervise/spec.h"

struct launch_fault {
  const char *stage; /* "spec", "env_file", "memory", "process", "dir", "exec"; NULL if there was none */
  int errnum;
  const char *file; /* env_file: which one; points into the spec */
  int line;         /* env_file: the line that isn't NAME=value, from 1; else 0 */
  const char *why;  /* a few words where the errno doesn't say enough; else NULL */
  bool no_process;  /* the machine was short of something: nothing was tried, so the attempt hasn't been used up */
};

/* Starts the task in a process group of its own: standard input as it is here, standard output and error to
 * `output`, umask 022, no signal blocked or ignored. The pid, or -1 with `fault` filled in. */
pid_t launch_task(const struct spec *s, int output, struct launch_fault *fault);

#endif
