/* rota restore: puts a snapshot in the database's place, with no daemon running. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/place.h"
#include "scheduler/daemon/daemon.h"

static int restore_run(const struct args *args) {
  char *state = place_state(args);
  if (!state) return EXIT_USAGE;
  const struct restore_options options = {
      .state = state, .file = args_operand(args, 0), .json = args_flag(args, "json")};
  int code = daemon_restore(&options);
  free(state);
  return code;
}

const struct command command_restore = {
    .name = "restore",
    .summary = "Put a snapshot in the database's place, and list what happened since it was made",
    .about =
        "The daemon must not run. The snapshot is verified first and the old database kept beside it. The daemon\n"
        "then starts paused; each firing and attempt since the snapshot is listed with what can be done about it:\n"
        "skip, mark or run.",
    .operands =
        (const struct arg_operand[]){
            {"FILE", WHAT_FILE, false, false, NULL, "a snapshot of `rota backup`"},
            {0},
        },
    .run = restore_run,
};
