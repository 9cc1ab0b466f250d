/* The daemon: the event loop and all that hangs on it. `rota serve` runs it until it is told to stop; `rota run`
 * runs the same code without socket, schedules and watched folder, for one pipeline, until that run has ended.
 *
 * Both return an exit code of the program (0 to 130) and have said on stderr what went wrong.
 */
#ifndef ROTA_DAEMON_DAEMON_H
#define ROTA_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* The exit codes of every command. */
enum exit_code {
  EXIT_OK = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_NO_DAEMON = 3,
  EXIT_NOT_ALLOWED = 4,
  EXIT_CANCELLED = 5,
  EXIT_INTERRUPTED = 130,
};

struct config;

struct daemon_places {
  const char *config; /* --config; NULL: searched */
  const char *dags;   /* --dags; NULL: the configuration's */
  const char *state;  /* --state; NULL: $ROTA_HOME, the configuration, ~/.local/state/rota */
};

/* The configuration in force: searched as --config, ./rota.yaml, ~/.config/rota/rota.yaml, /etc/rota/rota.yaml; flags
 * win over it. NULL after printing what is wrong with it. */
struct config *daemon_config(const struct daemon_places *places);

struct serve_options {
  struct daemon_places places;
  bool no_schedules;
  bool check; /* say what a start would do, migrations included, and change nothing */
};
int daemon_serve(const struct serve_options *options);

struct run_file_options {
  struct daemon_places places; /* state NULL: a temporary directory */
  const char *file;
  const char *const *params; /* "k=v" */
  size_t params_len;
  bool local, dry_run, json;
};
int daemon_run_file(const struct run_file_options *options);

#endif
