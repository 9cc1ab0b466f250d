/* At most so many handshakes at a time over all hosts, in the order in which they asked. Hosts that failed the last
 * time leave two places free, so that those which take half a minute to fail don't keep the others waiting.
 *
 * A pass is part of who asks. All on the loop's thread; `open` comes from the loop, never from within a call.
 */
#ifndef ROTA_WORKER_SSH_LINK_GATE_H
#define ROTA_WORKER_SSH_LINK_GATE_H

#include <stdbool.h>
#include <uv.h>

#define GATE_PLACES 5

struct gate;

struct gate_pass {
  struct gate *gate; /* NULL: neither waits nor is in */
  struct gate_pass *next, *prev;
  bool in, failing;
  void (*open)(void *ctx);
  void *ctx;
};

/* `places` 0: GATE_PLACES. */
struct gate *gate_new(uv_loop_t *loop, unsigned places);
/* Waits for a place; `pass` stays where it is until gate_leave. */
void gate_ask(struct gate *g, struct gate_pass *pass, bool failing, void (*open)(void *ctx), void *ctx);
/* Gives the place back, or waits no more. Nothing happens if it has none. */
void gate_leave(struct gate_pass *pass);
/* All passes must have left. Accepts NULL. */
void gate_free(struct gate *g);

#endif
