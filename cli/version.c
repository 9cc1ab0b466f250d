/* rota version. */
#include <stdio.h>

#include "base/exit.h"
#include "cli/commands.h"

static int version_run(const struct args *args) {
  puts(args_flag(args, "json") ? "{\"version\":\"" ROTA_VERSION "\"}" : "rota " ROTA_VERSION);
  return EXIT_OK;
}

const struct command command_version = {
    .name = "version",
    .summary = "The version of this program",
    .run = version_run,
};
