/* The loop's pulse: how late the loop gets to what is due. Two things are measured, always:
 *
 *   beat   a timer of one second: how much later than due it came
 *   turn   from the end of one sleep in poll(2) to the beginning of the next: whatever comes meanwhile waits so long
 *
 * A suspend of the machine is no lag, a stop of the process (SIGSTOP) is. Loop thread only.
 */
#ifndef ROTA_DAEMON_PULSE_H
#define ROTA_DAEMON_PULSE_H

#include <stdbool.h>
#include <uv.h>

#include "base/instant.h"
#include "scheduler/daemon/health/histogram.h"

#define PULSE_BEAT_MS  1000
#define PULSE_LATE     USEC_PER_SEC /* beats that are later than this, PULSE_PATIENCE of them in a row: it is behind */
#define PULSE_PATIENCE 3

struct pulse;

/* At each beat, after it was counted. */
typedef void pulse_fn(void *ctx);

/* Before the loop runs for the first time. `fn` may be NULL. */
struct pulse *pulse_new(uv_loop_t *loop, pulse_fn *fn, void *ctx);
void pulse_free(struct pulse *p); /* accepts NULL */

struct pulse_view {
  struct histogram beats, turns;
  int64_t lag_us;    /* how late the last beat was */
  int64_t recent_us; /* the longest of beats and turns within the last minute or so */
  bool behind;       /* it has been late for PULSE_PATIENCE beats in a row, and not been on time since */
};
void pulse_view(const struct pulse *p, struct pulse_view *out);

#endif
