/* rota downgrade: the database as an older version of rota reads it, with no daemon running. */
#include <stdlib.h>

#include "base/exit.h"
#include "cli/commands.h"
#include "cli/place.h"
#include "scheduler/daemon/daemon.h"

static int downgrade_run(const struct args *args) {
  char *state = place_state(args);
  if (!state) return EXIT_USAGE;
  const struct downgrade_options options = {.state = state, .to = args_count(args, "to", 0)};
  int code = daemon_downgrade(&options);
  free(state);
  return code;
}

const struct command command_downgrade = {
    .name = "downgrade",
    .summary = "Make the database one that the version before can read, for the way back from an upgrade",
    .about = "The daemon must not run; tasks go on. All that happened since the upgrade stays, but for what only the "
             "newer\n"
             "version knows. A verified copy of the database as it was is kept beside it. Where something depends on "
             "what\n"
             "would go it is said, and nothing is changed. Then install the older version, and start it.",
    .options =
        (const struct arg_option[]){
            {"to", 0, ARG_COUNT, "SCHEMA", NULL, WHAT_ANY, false,
             "the number of the schema; without it the one before"},
            {0},
        },
    .run = downgrade_run,
};
