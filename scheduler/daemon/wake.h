/* The alarm clock of the loop: one wake-up by the wall clock and one by the monotonic clock.
 *
 * The wall clock's is a timerfd that the kernel cancels when somebody sets the clock, so a jump wakes us at once
 * (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). The monotonic one counts through a suspend (CLOCK_BOOTTIME). Neither
 * sleeps longer than WAKE_MAX, so that whatever is missed is missed for a minute at most. Loop thread only.
 */
#ifndef ROTA_DAEMON_WAKE_H
#define ROTA_DAEMON_WAKE_H

#include <uv.h>

#include "base/instant.h"

#define WAKE_MAX USEC_PER_MIN

typedef void wake_fn(void *ctx);

struct wake;

/* NULL if the kernel has no timer to give. `fn` is called on the loop's thread when either time has come. */
struct wake *wake_new(uv_loop_t *loop, wake_fn *fn, void *ctx);
/* INSTANT_NONE and INT64_MAX mean never. Replaces what was set before. */
void wake_set(struct wake *w, instant wall, int64_t mono);
/* Closes the handles; they are freed when the loop has turned. */
void wake_free(struct wake *w);

#endif
