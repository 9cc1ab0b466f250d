/* Reports that have to wait: an attempt's outputs can't be read while the daemon is out of descriptors or memory, and
 * a task that succeeded must not fail for that. They are kept and tried again each second. The daemon may end
 * meanwhile: the next one looks the attempt up anew. Loop thread only.
 */
#ifndef ROTA_DAEMON_LATE_REPORTS_H
#define ROTA_DAEMON_LATE_REPORTS_H

#include <uv.h>

#include "scheduler/daemon/inbox.h"
#include "worker/executor.h"

struct late_reports;

/* Both are borrowed. */
struct late_reports *late_reports_new(uv_loop_t *loop, struct inbox *inbox, const char *state_dir);
/* Puts the report into the inbox now (reports.h) or later. */
void late_reports_take(struct late_reports *l, const struct report *r);
/* What still waits is dropped. Accepts NULL. */
void late_reports_free(struct late_reports *l);

#endif
