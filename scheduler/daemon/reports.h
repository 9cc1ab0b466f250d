/* An executor's report, put into the engine's words: the texts copied, the result files of the attempt read. */
#ifndef ROTA_DAEMON_REPORTS_H
#define ROTA_DAEMON_REPORTS_H

#include "scheduler/daemon/inbox.h"
#include "worker/executor.h"

/* Reads $ROTA_OUTPUT of an attempt that ended (a file of at most 1 MiB beside its log). ERR_AGAIN, with no event put,
 * if that isn't possible right now; else 0. */
int report_event(struct inbox *inbox, const char *state_dir, const struct report *r);

#endif
