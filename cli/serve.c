/* rota serve: the daemon. */
#include "cli/commands.h"
#include "scheduler/daemon/daemon.h"

static int serve_run(const struct args *args) {
  const struct serve_options options = {
      .places = {.config = args_text(args, "config"),
                 .dags = args_text(args, "dags"),
                 .state = args_text(args, "state"),
                 .listen = args_text(args, "listen")},
      .no_schedules = args_flag(args, "no-schedules"),
      .check = args_flag(args, "check"),
  };
  return daemon_serve(&options);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "The daemon: watches a folder of pipelines and runs them on schedule",
    .about =
        "It stays in the foreground and logs to standard error; a service manager keeps it running. Tasks outlive\n"
        "it: when it comes back it finds them.",
    .options =
        (const struct arg_option[]){
            {"config", 0, ARG_TEXT, "FILE", NULL, WHAT_FILE, false,
             "the configuration (default: ./rota.yaml, ~/.config/rota/rota.yaml, /etc/rota/rota.yaml)"},
            {"dags", 0, ARG_TEXT, "DIR", NULL, WHAT_DIRECTORY, false, "the folder of pipelines"},
            {"listen", 0, ARG_TEXT, "ADDRESS:PORT", NULL, WHAT_ANY, false,
             "where the web pages and the API are served (port 0: any), or none; wins over the configuration"},
            {"no-schedules", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "fire nothing; runs by hand go on"},
            {"check", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false,
             "say what a start would do, migrations included, and change nothing"},
            {0},
        },
    .run = serve_run,
};
