/* Every command, in the order of `rota help`. Each is a table in the file of its name or family. */
#ifndef ROTA_CLI_COMMANDS_H
#define ROTA_CLI_COMMANDS_H

#include "cli/args.h"

/* name in C, the heading of the group that begins with it or NULL */
#define COMMAND_LIST(X)                                                                                              \
  X(new, "Define")                                                                                                   \
  X(validate, NULL)                                                                                                  \
  X(schema, NULL)                                                                                                    \
  X(next, NULL)                                                                                                      \
  X(run, "Run")                                                                                                      \
  X(serve, NULL)                                                                                                     \
  X(trigger, NULL)                                                                                                   \
  X(rerun, NULL)                                                                                                     \
  X(cancel, NULL)                                                                                                    \
  X(retry_now, NULL)                                                                                                 \
  X(mark, NULL)                                                                                                      \
  X(pause, NULL)                                                                                                     \
  X(resume, NULL)                                                                                                    \
  X(open, "Look")                                                                                                    \
  X(status, NULL)                                                                                                    \
  X(list, NULL)                                                                                                      \
  X(runs, NULL)                                                                                                      \
  X(show, NULL)                                                                                                      \
  X(logs, NULL)                                                                                                      \
  X(why, NULL)                                                                                                       \
  X(compare, NULL)                                                                                                   \
  X(hosts, NULL)                                                                                                     \
  X(firings, NULL)                                                                                                   \
  X(audit, NULL)                                                                                                     \
  X(note, NULL)                                                                                                      \
  X(reload, "Keep")                                                                                                  \
  X(backup, NULL)                                                                                                    \
  X(restore, NULL)                                                                                                   \
  X(downgrade, NULL)                                                                                                 \
  X(keep, NULL)                                                                                                      \
  X(token, NULL)                                                                                                     \
  X(session, NULL)                                                                                                   \
  X(login, NULL)                                                                                                     \
  X(logout, NULL)                                                                                                    \
  X(doctor, NULL)                                                                                                    \
  X(replay, NULL)                                                                                                    \
  X(completion, NULL)                                                                                                \
  X(version, NULL)                                                                                                   \
  X(help, NULL)                                                                                                      \
  X(manual, NULL)                                                                                                    \
  X(complete, NULL)

#define X(name, heading) extern const struct command command_##name;
COMMAND_LIST(X)
#undef X

/* All of them; *len how many. `headings`, if not NULL, is set to as many headings. */
const struct command *const *commands_all(size_t *len, const char *const **headings);
/* By name; NULL if there is none. */
const struct command *command_find(const char *name);

#endif
