/* Searches in the log of a task, for `rota logs`. */
#ifndef ROTA_CLI_SEARCH_H
#define ROTA_CLI_SEARCH_H

#include <stdbool.h>

#include "cli/args.h"

/* Whether the options ask for a search: --search, --regex or --errors. */
bool search_wanted(const struct args *args);
/* Prints "LINE: TEXT" for each match, or with --json all of them; lines count from 1 here, as in an editor.
 * EXIT_FAILED if nothing matches. */
int search_run(const struct args *args, const char *run);

#endif
