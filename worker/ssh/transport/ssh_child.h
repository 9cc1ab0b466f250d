/* A child `ssh` on the loop: bytes in, bytes and complaints out. What is written is copied and queued; output that
 * nobody wants yet stays in the pipe, so that the host is held back.
 *
 * Callbacks never come from within a call. After `ended` none comes. It is freed at any time, which kills what still
 * runs and reaps it quietly: never a zombie, also if nobody waits.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_SSH_CHILD_H
#define ROTA_WORKER_SSH_TRANSPORT_SSH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct ssh_child;

struct ssh_child_events {
  void (*output)(void *ctx, const char *bytes, size_t len);
  void (*complaint)(void *ctx, const char *bytes, size_t len); /* its standard error */
  void (*drained)(void *ctx);                                  /* fewer than CHANNEL_LOW bytes wait again */
  void (*ended)(void *ctx, int status); /* it has exited and all that it wrote was given; as waitpid has it */
};

/* 0 or a code of base/err.h. `env` as in child.h. `events` is borrowed. */
int ssh_child_new(uv_loop_t *loop, const char *const *argv, const char *const *env,
                  const struct ssh_child_events *events, void *ctx, struct ssh_child **out);
void ssh_child_write(struct ssh_child *c, const void *bytes, size_t len);
size_t ssh_child_waiting(const struct ssh_child *c);
void ssh_child_finish(struct ssh_child *c); /* closes its input once all is written */
void ssh_child_pause(struct ssh_child *c, bool paused);
void ssh_child_free(struct ssh_child *c); /* accepts NULL */

#endif
