/* What a doctor found out about hosts: examinations as the API has them, {"host", "at", "checks"}. */
#ifndef ROTA_CLI_EXAMINED_H
#define ROTA_CLI_EXAMINED_H

#include <jansson.h>

#include "cli/args.h"

/* Prints the checks of one as a table, and below it what to do. */
void examined_show(const json_t *examination);
/* `rota doctor HOST`, and with --hosts all whose names match HOST as a pattern of the shell, at once: by the daemon,
 * or in this process if none runs here. 0, 1 or 2 as Nagios wants it. */
int examined_hosts(const struct args *args);

#endif
