/* rota run: one pipeline now, without a daemon. */
#include "cli/commands.h"
#include "cli/text.h"
#include "scheduler/daemon/daemon.h"

static int run_run(const struct args *args) {
  struct run_file_options options = {
      .places = {.config = args_text(args, "config"), .state = args_text(args, "state")},
      .file = args_operand(args, 0),
      .local = args_flag(args, "local"),
      .dry_run = args_flag(args, "dry-run"),
      .json = args_flag(args, "json"),
  };
  options.params = args_list(args, "param", &options.params_len);
  for (size_t i = 0; i < options.params_len; i++)
    if (!param_name_len(options.params[i])) return args_wrong(args, "'%s' isn't NAME=VALUE", options.params[i]);
  return daemon_run_file(&options);
}

const struct command command_run = {
    .name = "run",
    .summary = "Run one pipeline now, in the foreground, without a daemon",
    .about =
        "Its state is in a temporary directory unless --state is given; after a failure it is kept, and its path\n"
        "printed. Ctrl-C cancels the run and waits for its tasks; a second one kills them.",
    .options =
        (const struct arg_option[]){
            {"param", 'p', ARG_LIST, "K=V", NULL, WHAT_ANY, false, "a parameter; may be given again"},
            {"local", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "run on this machine what names another"},
            {"dry-run", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "say what would be run, start nothing"},
            {"config", 0, ARG_TEXT, "FILE", NULL, WHAT_FILE, false, "the configuration"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"FILE", WHAT_FILE, false, false, NULL, "the pipeline's file"},
            {0},
        },
    .run = run_run,
};
