/* The service manager's watchdog (sd_watchdog_enabled(3)): WATCHDOG=1 twice within each $WATCHDOG_USEC, as long as
 * the loop turns and the writer gives answers. Without that variable, or if $WATCHDOG_PID is another process, nothing
 * happens.
 *
 * A disk that is full, read-only or held by another program is an answer: a restart would mend nothing. A writer that
 * was silent for the whole of $WATCHDOG_USEC is none, so the manager ends the daemon at the latest after twice that
 * time. It is said in the log before. Loop thread only.
 */
#ifndef ROTA_DAEMON_WATCHDOG_H
#define ROTA_DAEMON_WATCHDOG_H

#include <uv.h>

struct committer;
struct watchdog;

/* NULL if nobody watches. */
struct watchdog *watchdog_new(uv_loop_t *loop, struct committer *committer);
void watchdog_free(struct watchdog *w); /* accepts NULL; before the committer goes */

#endif
