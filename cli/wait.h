/* Waiting for a run to end, by long polls. */
#ifndef ROTA_CLI_WAIT_H
#define ROTA_CLI_WAIT_H

#include "cli/client.h"

/* Shows how it goes on on a terminal's stderr. Returns the run's own code: EXIT_OK, EXIT_FAILED or EXIT_CANCELLED;
 * EXIT_INTERRUPTED leaves the run going and says so. With `json` the ended run is printed. */
int wait_for_run(struct client *client, const char *id, bool json);
/* Posts a trigger or rerun; steals `body`. Prints the id alone on stdout, or the preview with --dry-run; waits with
 * --wait. */
int wait_post(const struct args *args, const char *target, json_t *body);
/* The exit code that stands for the state of an ended run. */
int wait_exit_code(const char *state);

#endif
