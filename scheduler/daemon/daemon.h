/* The daemon: the event loop and all that hangs on it. `rota serve` runs it until it is told to stop; `rota run`
 * runs the same code without socket, schedules and watched folder, for one pipeline, until that run has ended.
 *
 * Both return an exit code of the program (0 to 130) and have said on stderr what went wrong.
 */
#ifndef ROTA_DAEMON_DAEMON_H
#define ROTA_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/exit.h"

struct config;

struct daemon_places {
  const char *config; /* --config; NULL: searched */
  const char *dags;   /* --dags; NULL: the configuration's */
  const char *state;  /* --state; NULL: $ROTA_HOME, the configuration, ~/.local/state/rota */
  const char *listen; /* --listen; NULL: the configuration's */
};

/* The configuration in force: searched as --config, ./rota.yaml, ~/.config/rota/rota.yaml, /etc/rota/rota.yaml; flags
 * win over it. NULL after printing what is wrong with it. */
struct config *daemon_config(const struct daemon_places *places);

struct serve_options {
  struct daemon_places places;
  bool no_schedules;
  bool check;          /* say what a start would do, migrations included, and change nothing */
  const char *journal; /* records what the engine is given and what it decides (scheduler/journal); NULL: no */
  int64_t journal_mib; /* the size at which that ends */
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

struct restore_options {
  const char *state, *file; /* both named by a path */
  bool new_id;              /* a copy beside an original that goes on */
  bool json;
};
/* Puts a snapshot in the place of the database while no daemon runs, and lists what happened since. */
int daemon_restore(const struct restore_options *options);

struct downgrade_options {
  const char *state; /* a path */
  int64_t to;        /* the schema; 0: the one before */
};
/* Brings the database to the schema of an older program while no daemon runs. */
int daemon_downgrade(const struct downgrade_options *options);

struct doctor_hosts_options {
  struct daemon_places places;
  const char *name;    /* this one; else NULL */
  const char *pattern; /* those that match, as the shell matches names; NULL: all */
  /* The examination of one as JSON (examination.h), as they come in. */
  void (*examined)(void *ctx, const char *json, size_t len);
  void *ctx;
};
/* Examines hosts of the configuration in this process; changes no state. */
int daemon_doctor_hosts(const struct doctor_hosts_options *options);

/* What `rota doctor` asks of rooms that the command line doesn't know. */
char *daemon_supervisor_path(void); /* where rota-supervise should be; the caller frees */
/* Whether a database may live there; else a sentence that says why not. May block on the disk. */
bool daemon_state_fits(const char *dir, char *why, size_t why_size);
/* Whether a start would take the database there; else the sentence of its refusal. Changes nothing. */
bool daemon_database_fits(const char *dir, char *why, size_t why_size);
const char *daemon_sqlite_version(void);

#endif
