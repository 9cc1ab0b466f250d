/* rota schema: what editors complete and check with while a file is written. */
#include "scheduler/spec/schema.h"

#include <stdio.h>

#include "base/exit.h"
#include "cli/commands.h"

static int schema_run(const struct args *args) {
  struct buf out = {0};
  if (args_flag(args, "config"))
    schema_config(&out);
  else
    schema_pipeline(&out);
  puts(buf_cstr(&out));
  buf_release(&out);
  return EXIT_OK;
}

const struct command command_schema = {
    .name = "schema",
    .summary = "The JSON Schema of pipeline files, for editors",
    .about =
        "With yaml-language-server, as most editors use it: `rota schema > rota.schema.json`, and in a pipeline's\n"
        "first line: # yaml-language-server: $schema=rota.schema.json",
    .options =
        (const struct arg_option[]){
            {"config", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "of rota.yaml instead"},
            {0},
        },
    .run = schema_run,
};
