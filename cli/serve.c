/* rota serve: the daemon. */
#include "cli/commands.h"
#include "scheduler/daemon/daemon.h"

#define JOURNAL_MIB 256

static int serve_run(const struct args *args) {
  const struct serve_options options = {
      .places = {.config = args_text(args, "config"),
                 .dags = args_text(args, "dags"),
                 .state = args_text(args, "state"),
                 .listen = args_text(args, "listen")},
      .no_schedules = args_flag(args, "no-schedules"),
      .check = args_flag(args, "check"),
      .journal = args_text(args, "journal"),
      .journal_mib = args_count(args, "journal-size", JOURNAL_MIB),
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
            {"journal", 0, ARG_TEXT, "FILE", NULL, WHAT_FILE, false,
             "record what is decided and from what, for `rota replay`; the former one becomes FILE.1"},
            {"journal-size", 0, ARG_COUNT, "MIB", NULL, WHAT_ANY, false,
             "recording ends when the file has so many MiB (default: 256)"},
            {"check", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false,
             "say what a start would do, migrations included, and change nothing"},
            {0},
        },
    .run = serve_run,
};
