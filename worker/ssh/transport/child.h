/* A child process that speaks over three pipes. It is made by posix_spawn in a session of its own, so that no
 * terminal asks it anything and no Ctrl-C reaches it; it inherits no descriptor but these, and all signals are as
 * usual. It is to end when its standard input does, also if this process dies.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_CHILD_H
#define ROTA_WORKER_SSH_TRANSPORT_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

struct child {
  pid_t pid;
  int in, out, err; /* our ends, close-on-exec and non-blocking; `in` is -1 if it has none */
};

/* argv[0] is an absolute path. `env` are "NAME=value"s for it beside ours, ended by NULL; NULL for none. Without
 * `with_in` its input is empty. 0 or a code of base/err.h. */
int child_start(struct child *c, const char *const *argv, const char *const *env, bool with_in);

/* Runs a program to its end: blocks, `limit_ms` at most, then it is killed. Output beyond `limit` bytes is dropped.
 * Its exit status (128 + signal if it was killed), or a code of base/err.h; ERR_TIMEOUT. `stop` may be NULL: looked
 * at now and then, ends it early. */
int child_run(const char *const *argv, int limit_ms, size_t limit, const atomic_bool *stop, struct buf *out,
              struct buf *err);

#endif
