/* Which daemon is meant: the state directory by --state, $ROTA_HOME, the configuration or the default, in this order.
 */
#ifndef ROTA_CLI_PLACE_H
#define ROTA_CLI_PLACE_H

#include "cli/args.h"

/* An absolute path that the caller frees; NULL after saying what is wrong with the configuration. */
char *place_state(const struct args *args);

#endif
