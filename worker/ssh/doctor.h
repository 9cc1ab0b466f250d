/* Whether a host is fit to run tasks: a visit over a connection of its own, as a list of checks with what to do.
 *
 * It looks at the host's key and the login, the shell and what its rc files print, the clock and time zone, free
 * space and inodes, the tools there, GPUs, and whether what is started there outlives a dropped connection. It
 * changes nothing there but a directory of its own below the root, which is removed again. Loop thread only; nothing
 * blocks.
 */
#ifndef ROTA_WORKER_SSH_DOCTOR_H
#define ROTA_WORKER_SSH_DOCTOR_H

#include <stddef.h>
#include <uv.h>

#include "worker/ssh/host_options.h"

#define DOCTOR_TIME_MS 60000 /* a visit ends after so long, with what isn't known by then told as such */

#define DOCTOR_RESULT_LIST(X)                                                                                        \
  X(OK, "ok")                                                                                                        \
  X(WARN, "warn") /* it works, but somebody should look */                                                           \
  X(FAIL, "fail") /* tasks can't run there, or not as they should */

enum doctor_result {
#define X(name, word) DOCTOR_##name,
  DOCTOR_RESULT_LIST(X)
#undef X
};

struct doctor_check {
  const char *name; /* "key", "login", "shell", "time", "space", "tools", "detaching", "gpu" */
  enum doctor_result result;
  const char *text;
  const char *todo; /* what to do about it, as a sentence or a command; NULL for nothing */
};

struct doctor;

/* Once, never from within doctor_run; the checks are borrowed until it returns, and the visit is over then. */
typedef void doctor_done_fn(void *ctx, const struct doctor_check *checks, size_t len);

/* `host` and the strings are copied. */
struct doctor *doctor_run(uv_loop_t *loop, const struct host_options *host, const char *state_dir,
                          const char *state_id, doctor_done_fn *done, void *ctx);
/* Gives up and calls nobody; the handles are closed when the loop has turned. Accepts NULL. */
void doctor_cancel(struct doctor *d);

#endif
