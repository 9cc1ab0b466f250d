/* Work that may hang for ever, one piece after the other on a thread of its own: what is done in a folder that may be
 * on a network. Nothing else waits for that thread, not even the end of the daemon: it is left behind if it doesn't
 * come back. It is made with the first errand.
 *
 * Called on the loop's thread; the callbacks come there too.
 */
#ifndef ROTA_DAEMON_ERRANDS_H
#define ROTA_DAEMON_ERRANDS_H

#include <stdbool.h>
#include <uv.h>

#include "base/instant.h"

#define ERRANDS_SILENCE (30 * USEC_PER_SEC) /* without a sign of life for so long, an errand is overdue */
#define ERRANDS_PARTING (3 * USEC_PER_SEC)  /* how long errands_free waits */

enum errand_end {
  ERRAND_DONE,
  ERRAND_DROPPED, /* it never ran: an errand before it hangs */
  ERRAND_OVERDUE, /* it hangs: told once. It is to give up; should it come back, `end` is called again */
};

/* What is asked for is in the owner's struct around this, which is the thread's own from errands_submit until `end`
 * says DONE or DROPPED; the owner frees it then. After OVERDUE that may never come, so it must hold copies of all
 * that it needs. */
struct errand {
  void (*run)(struct errand *e);
  void (*end)(struct errand *e, enum errand_end end);
  struct errands *errands;
  struct errand *next;
};

struct errands_options {
  uv_loop_t *loop;
  duration silence, parting; /* 0: the above */
  instant *overdue;          /* borrowed, kept true: since when one hangs; INSTANT_NONE: none does */
};

struct errands *errands_new(const struct errands_options *options);
/* False if no thread can be made, or the errand before hangs; this one is the owner's still. */
bool errands_submit(struct errands *es, struct errand *e);
/* Whether one is overdue and hasn't come back. */
bool errands_hang(const struct errands *es);
/* On the errand's thread, between two calls that may hang: a sign of life. False: give up, the daemon ends or nobody
 * waits for it any more. Without a call of it no errand is told that. */
bool errand_goes_on(struct errand *e);
/* Waits a while for what was submitted, each told to give up; then leaves the thread and its memory behind. `end` of
 * each has been called when it returns. Accepts NULL. */
void errands_free(struct errands *es);

#endif
