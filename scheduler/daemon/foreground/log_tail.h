/* The last lines of an attempt's log, for people at a terminal. Blocks on the disk. */
#ifndef ROTA_DAEMON_LOG_TAIL_H
#define ROTA_DAEMON_LOG_TAIL_H

#include "base/buf.h"

/* Appends at most the last 64 KiB; each line ends with a newline, control characters other than tabs are shown as
 * '?'. Nothing is appended if there is no log. */
void log_tail(const char *state_dir, const char *run_id, const char *attempt_id, unsigned lines, struct buf *out);

#endif
