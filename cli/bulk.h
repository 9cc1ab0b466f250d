/* One change to all runs that a filter finds: how many and which is said first, and asked about. */
#ifndef ROTA_CLI_BULK_H
#define ROTA_CLI_BULK_H

#include "cli/client.h"

struct bulk {
  const char *verb;   /* "cancel", for the question */
  const char *suffix; /* of the run's path: "/cancel" */
  bool ended;         /* takes runs that have ended, else those that haven't; others are left out */
  const json_t *body; /* sent with each; borrowed */
};

/* With --filter of the command and its --yes. Without a terminal to ask at, --yes must be there. The exit code is
 * that of the last change that failed; the others are made all the same. */
int bulk_run(const struct args *args, const struct bulk *bulk);
/* One of the RUN operand and --filter must be given; false after saying so. */
bool bulk_or_one(const struct args *args);

#endif
