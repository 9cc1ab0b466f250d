/* What `rota run` shows while it works: on a terminal a line for each ended task above a block of those that run,
 * redrawn; otherwise one plain line a change. Fed by the rows as they are committed. */
#ifndef ROTA_DAEMON_RUN_VIEW_H
#define ROTA_DAEMON_RUN_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "scheduler/engine/rows.h"

struct run_view;

enum run_view_kind { RUN_VIEW_NONE, RUN_VIEW_LINES, RUN_VIEW_LIVE };

/* Writes to standard error, so that standard output stays for --json. */
struct run_view *run_view_new(enum run_view_kind kind, bool colour);
void run_view_task(struct run_view *v, const struct task_row *row);
/* The end of what an attempt printed, below its line. */
void run_view_output(struct run_view *v, const char *text);
void run_view_run(struct run_view *v, const struct run_row *row);
/* Redraws the block of running tasks; call it some times a second. */
void run_view_tick(struct run_view *v);
/* Takes the block away, so that other text can follow. */
void run_view_clear(struct run_view *v);
void run_view_free(struct run_view *v); /* accepts NULL */

#endif
