/* What `rota run` prints at its end: the run as JSON, or the first failed task with the last lines of its log. */
#ifndef ROTA_DAEMON_RUN_REPORT_H
#define ROTA_DAEMON_RUN_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* The answer to the trigger where no run came of it: a problem on standard error, or what a dry run would do. */
void run_report_reply(int status, const char *body, size_t len, bool json);
/* Reads the run from the state directory, whose daemon has let go of it. */
void run_report_end(const char *state_dir, const char *run_id, bool json);

#endif
